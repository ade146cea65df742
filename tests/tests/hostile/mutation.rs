//! Valid policies and requests with a few bytes changed: an answer, whatever it is, and the same one twice.

use gatelet::{Charge, Engine, EngineConfig, Policy, Request, RequestBuf, Source};
use gatelet_tests::case::{folder, read_all, request_json};
use gatelet_tests::prng::Prng;
use gatelet_tests::run::keys;

const ROUNDS: usize = 4_000;
const SEED: u64 = 0x6761_7465;

pub(crate) fn mutate(random: &mut Prng, bytes: &mut Vec<u8>) {
    const PIECES: &[&[u8]] = &[
        b"\0",
        b"\xff",
        b"{",
        b"}",
        b"[",
        b"]",
        b"*",
        b"&a ",
        b"*a",
        b"<<: ",
        b"${",
        b"---\n",
        b"\n",
        b"\t",
        b": ",
        b"%2f",
        b"!",
        b"\"",
        b"'",
        b"- ",
        b"|\n",
        b"9999999999999999999",
    ];
    for _ in 0..1 + random.below(4) {
        if bytes.is_empty() {
            return;
        }
        let at = random.below(bytes.len());
        match random.below(5) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => drop(bytes.remove(at)),
            2 => {
                let end = bytes.len().min(at + random.below(40));
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            3 => bytes.truncate(at),
            _ => drop(bytes.splice(at..at, random.pick(PIECES).iter().copied())),
        }
    }
}

#[test]
fn policies() {
    let cases = read_all(&folder()).unwrap_or_default();
    let mut random = Prng::new(SEED);
    let (mut loaded, mut refused) = (0, 0);
    for _ in 0..ROUNDS {
        let case = random.pick(&cases);
        let mut texts: Vec<_> = case
            .sources
            .iter()
            .map(|source| (source.name.as_str(), source.text.clone().into_bytes()))
            .collect();
        let which = random.below(texts.len());
        mutate(&mut random, &mut texts[which].1);
        let sources: Vec<_> = texts
            .iter()
            .map(|(name, bytes)| Source::new(name, bytes))
            .collect();
        match (Policy::load(&sources), Policy::load(&sources)) {
            (Ok(one), Ok(two)) => {
                loaded += 1;
                assert_eq!(one.digest(), two.digest());
                if let Ok(engine) = Engine::new(one, EngineConfig::replay()) {
                    let mut scratch = engine.scratch();
                    let _ = engine.decide(&mut scratch, &Request::default());
                }
            }
            (Err(one), Err(two)) => {
                refused += 1;
                assert!(!one.diagnostics().is_empty());
                assert_eq!(one.to_string(), two.to_string());
            }
            _ => panic!(
                "loads once and not again: {}",
                String::from_utf8_lossy(&texts[which].1)
            ),
        }
    }
    assert!(loaded > 0 && refused > 0, "{loaded} {refused}");
}

#[test]
fn requests() {
    let cases = read_all(&folder()).unwrap_or_default();
    let loads: Vec<_> = cases
        .iter()
        .filter(|case| !case.steps.is_empty() && case.values.is_empty())
        .collect();
    let mut random = Prng::new(SEED);
    let (mut read, mut refused) = (0, 0);
    for case in loads {
        let sources: Vec<_> = case
            .sources
            .iter()
            .map(|source| Source::new(&source.name, source.text.as_bytes()))
            .collect();
        let policy =
            Policy::load(&sources).unwrap_or_else(|error| panic!("{}: {error}", case.title()));
        let config = EngineConfig::replay().with_keys(keys(&case.keys));
        // Some cases are about keys that are missing.
        let Ok(engine) = Engine::new(policy, config) else {
            continue;
        };
        let mut scratch = engine.scratch();
        for _ in 0..ROUNDS / 100 {
            let mut bytes = request_json(case, random.pick(&case.steps)).into_bytes();
            mutate(&mut random, &mut bytes);
            let Ok(request) = RequestBuf::from_json(&bytes) else {
                refused += 1;
                continue;
            };
            read += 1;
            let view = request.view();
            let request = view.request();
            // Looking twice is the same; deciding charges limits, so it comes last.
            let charge = match request.charge {
                Charge::None => Charge::None,
                _ => Charge::Peek,
            };
            let look = Request { charge, ..request };
            let reason = engine.decide(&mut scratch, &look).reason();
            for request in [look, request] {
                assert_eq!(engine.decide(&mut scratch, &request).reason(), reason);
            }
        }
    }
    assert!(read > 0 && refused > 0, "{read} {refused}");
}
