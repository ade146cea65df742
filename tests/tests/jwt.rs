//! Tokens at random, good and bad, against jsonwebtoken: what Gatelet takes, it takes too, and what
//! only Gatelet refuses has one of the faults that are listed.
//!
//! `GATELET_LONG=1` makes 100,000 tokens, `GATELET_SEED=…` replays one seed.

#[path = "jwt/draft.rs"]
mod draft;
#[path = "jwt/fault.rs"]
mod fault;
#[path = "jwt/signer.rs"]
mod signer;

use draft::{AUDIENCE, Draft, ISSUER};
use fault::{FAULTS, Fault, Theirs};
use gatelet::{KeySet, token};
use gatelet_tests::prng::Prng;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use signer::{KINDS, Signer};
use std::collections::BTreeMap;

/// When Gatelet thinks it is, in milliseconds. jsonwebtoken reads the clock of the machine, so no
/// time in a token is near.
const NOW_MS: i64 = 1_790_000_000_000;
const SEEDS: &[u64] = &[1, 2, 3];

/// What an issuer publishes, for both.
struct Issuer {
    gatelet: KeySet,
    theirs: JwkSet,
    algorithm: &'static str,
    rules: token::Rules,
}

impl Issuer {
    fn new(signer: &Signer) -> Self {
        let set = format!(r#"{{"keys":[{}]}}"#, signer.jwk());
        let algorithm = signer.algorithm();
        let rules = token::Rules::new(ISSUER);
        Self {
            gatelet: KeySet::load(set.as_bytes()).unwrap(),
            theirs: serde_json::from_str(&set).unwrap(),
            algorithm,
            rules: rules.audience(AUDIENCE).algorithms([algorithm]),
        }
    }

    /// The refusal's slug, if it is refused.
    fn ours(&self, token: &str) -> Option<&'static str> {
        let verified = token::verify(token.as_bytes(), &self.rules, &self.gatelet, NOW_MS);
        verified.err().map(token::Refused::detail)
    }

    /// What a careful user of jsonwebtoken would do: the key by its id, else the only one.
    fn theirs(&self, token: &str) -> Result<(), String> {
        let header = jsonwebtoken::decode_header(token).map_err(|error| error.to_string())?;
        let key = match &header.kid {
            Some(kid) => self.theirs.find(kid),
            None => self.theirs.keys.first(),
        };
        let key = DecodingKey::from_jwk(key.ok_or("no such key")?).unwrap();
        let algorithm: Algorithm = self.algorithm.parse().unwrap();
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&AUDIENCE);
        validation.validate_nbf = true;
        let decoded = jsonwebtoken::decode::<serde_json::Value>(token, &key, &validation);
        decoded.map(|_| ()).map_err(|error| error.to_string())
    }
}

/// How often each thing came about.
#[derive(Default)]
struct Tally {
    both: usize,
    alone: BTreeMap<&'static str, usize>,
}

fn compare(
    issuer: &Issuer,
    token: &str,
    faults: &[&Fault],
    tally: &mut Tally,
) -> Result<(), String> {
    let (ours, theirs) = (issuer.ours(token), issuer.theirs(token));
    let names: Vec<_> = faults.iter().map(|fault| fault.name).collect();
    let wrong = |what: &str| {
        Err(format!(
            "{what}: {names:?}, ours {ours:?}, theirs {theirs:?}\n{token}"
        ))
    };
    match (ours, &theirs) {
        (None, Ok(())) if faults.is_empty() => tally.both += 1,
        (None, Ok(())) => return wrong("a fault that nobody minds"),
        (None, Err(_)) => return wrong("only Gatelet takes it"),
        (Some(_), _) if faults.is_empty() => return wrong("refused for nothing"),
        (Some(slug), _) => {
            if !faults.iter().any(|fault| fault.slugs.contains(&slug)) {
                return wrong("refused for something else");
            }
        }
    }
    if let [only] = faults {
        if theirs.is_ok() != (only.theirs == Theirs::Take) {
            return wrong("jsonwebtoken does not do what is listed");
        }
        *tally.alone.entry(only.name).or_default() += 1;
    }
    Ok(())
}

#[test]
fn tokens_at_random() {
    let total: usize = if std::env::var_os("GATELET_LONG").is_some() {
        100_000
    } else {
        20_000
    };
    let seeds = Prng::seeds(SEEDS);
    let signers = KINDS.map(Signer::new);
    let issuers = signers.each_ref().map(Issuer::new);
    let (mut tally, mut problems) = (Tally::default(), BTreeMap::new());
    for seed in &seeds {
        let mut random = Prng::new(*seed);
        for _ in 0..total.div_ceil(seeds.len()) {
            // Signing with RSA takes a hundred times as long as anything else.
            let rare = random.chance(80) as usize;
            let kind = random.below(KINDS.len() - rare);
            let mut faults: Vec<&Fault> = Vec::new();
            while random.chance(45) && faults.len() < 2 {
                let fault = &FAULTS[random.below(FAULTS.len())];
                // One edit could undo another.
                if !(fault.is_edit() && faults.iter().any(|fault| fault.is_edit())) {
                    faults.push(fault);
                }
            }
            let mut draft = Draft::good(&signers[kind], &mut random);
            for fault in &faults {
                fault.before(&mut draft);
            }
            let mut token = draft.sign(&signers[kind], &mut random);
            for fault in &faults {
                token = fault.after(token, &mut random);
            }
            if let Err(problem) = compare(&issuers[kind], &token, &faults, &mut tally) {
                let names: Vec<_> = faults.iter().map(|fault| fault.name).collect();
                problems
                    .entry(names)
                    .or_insert(format!("GATELET_SEED={seed} {problem}"));
            }
        }
    }
    let problems: Vec<_> = problems.into_values().take(20).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
    assert!(tally.both > total / 4, "{} are good", tally.both);
    for fault in FAULTS {
        assert!(
            tally.alone.contains_key(fault.name),
            "never alone: {}",
            fault.name
        );
    }
    println!("{} good, {:?}", tally.both, tally.alone);
}
