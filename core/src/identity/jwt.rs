//! A token of claims (RFC 7519): opened, then held against the rules of an issuer and its keys.

use super::claims::{Claims, Times, date_ms};
use super::jws::{Flaw, FlawKind, Jws, Part};
use super::refusal::Refusal;
use super::rules::{Signer, TokenRules};
use crate::json::{self, Json, Node, Value};
use crate::keys::algorithm::Algorithm;
use crate::keys::{Key, KeySet};
use crate::pattern::spiffe::SpiffeId;

/// A token that is well formed, of which nothing is believed yet.
pub(crate) struct Opened<'t> {
    jws: Jws<'t>,
    /// The claims.
    nodes: Vec<Node>,
    registered: Registered,
}

/// The claims that every token is asked for: where they stand, 0 for what is not there, and when they are.
#[derive(Clone, Copy)]
struct Registered {
    iss: u32,
    sub: u32,
    aud: u32,
    cnf: u32,
    exp: Date,
    nbf: Date,
    iat: Date,
}

/// A time that may be absent, or none.
type Date = Result<Option<i64>, Refusal>;

impl Registered {
    fn of(claims: Json<'_>) -> Self {
        let names: [&[u8]; 7] = [b"iss", b"sub", b"aud", b"cnf", b"exp", b"nbf", b"iat"];
        let [iss, sub, aud, cnf, exp, nbf, iat] = claims.places(names);
        let date = |place| {
            let date = |claim| date_ms(claim).ok_or(Refusal::Malformed);
            claims.value_at(place).map(date).transpose()
        };
        Self {
            iss,
            sub,
            aud,
            cnf,
            exp: date(exp),
            nbf: date(nbf),
            iat: date(iat),
        }
    }

    fn times(self) -> Result<Times, Refusal> {
        Ok(Times {
            exp_ms: self.exp?,
            nbf_ms: self.nbf?,
            iat_ms: self.iat?,
        })
    }
}

/// One thing that a token is held against, beside its signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    Algorithm,
    Type,
    Issuer,
    Audience,
    Expiry,
    NotBefore,
    IssuedAt,
    Lifetime,
    Required,
    Expected,
    Binding,
}

impl Check {
    /// What is asked before the signature is looked at.
    pub(crate) const HEADER: [Self; 2] = [Self::Algorithm, Self::Type];
    /// What is asked once the claims are the issuer's.
    pub(crate) const CLAIMS: [Self; 9] = [
        Self::Issuer,
        Self::Audience,
        Self::Expiry,
        Self::NotBefore,
        Self::IssuedAt,
        Self::Lifetime,
        Self::Required,
        Self::Expected,
        Self::Binding,
    ];
}

/// Reads a token. What it says is not believed before it is verified.
pub(crate) fn open(token: &[u8]) -> Result<Opened<'_>, Refusal> {
    Opened::read(token).map_err(Flaw::refusal)
}

impl<'t> Opened<'t> {
    pub(crate) fn read(token: &'t [u8]) -> Result<Self, Flaw> {
        let flaw = |what| Flaw {
            part: Part::Payload,
            what,
        };
        // Few values are shorter, with their names and quotes.
        let mut nodes = Vec::with_capacity(token.len() / 8);
        let mut jws = Jws::parse(token, &mut nodes)?;
        nodes.clear();
        json::read(jws.payload_mut(), &mut nodes).map_err(|error| flaw(FlawKind::Json(error)))?;
        let claims = Json::document(jws.payload(), &nodes).ok_or(flaw(FlawKind::NotAnObject))?;
        claims.members().ok_or(flaw(FlawKind::NotAnObject))?;
        if claims.ambiguous().is_some() {
            return Err(flaw(FlawKind::DuplicateMember));
        }
        let registered = Registered::of(claims);
        Ok(Self {
            jws,
            nodes,
            registered,
        })
    }

    pub(crate) const fn algorithm(&self) -> Algorithm {
        self.jws.algorithm()
    }

    /// The id of the key that is said to have signed it.
    pub(crate) fn kid(&self) -> Option<&[u8]> {
        self.jws.kid()
    }

    pub(crate) fn typ(&self) -> Option<&[u8]> {
        self.jws.typ()
    }

    /// Who is said to have issued it: good for choosing whose rules to ask, and for nothing else.
    pub(crate) fn issuer_hint(&self) -> Option<&[u8]> {
        self.claims()?.value_at(self.registered.iss)?.text()
    }

    /// Whom it is said to be about: where `iss` counts for nothing, it says whose rules to ask.
    pub(crate) fn subject_hint(&self) -> Option<&[u8]> {
        self.claims()?.value_at(self.registered.sub)?.text()
    }

    /// What it says, none of it believed.
    pub(crate) fn claims(&self) -> Option<Json<'_>> {
        Json::document(self.jws.payload(), &self.nodes)
    }

    /// Holds it against everything, the cheap first.
    pub(crate) fn verify(
        self,
        rules: &TokenRules<'_>,
        keys: &KeySet,
        now_ms: i64,
    ) -> Result<Claims, Refusal> {
        for check in Check::HEADER {
            self.check(check, rules, now_ms)?;
        }
        let key = *self.signed_by(keys, rules.signer)?.digest();
        for check in Check::CLAIMS {
            self.check(check, rules, now_ms)?;
        }
        let times = self.registered.times()?;
        let payload = self.jws.into_payload();
        Ok(Claims::new(payload, self.nodes, key, times))
    }

    /// Whether a key may have signed it, none of them tried.
    pub(crate) fn key_is_known(&self, keys: &KeySet, signer: Signer<'_>) -> Result<(), Refusal> {
        self.jws.candidates(keys, signer).map(|_| ())
    }

    pub(crate) fn signed_by<'k>(
        &self,
        keys: &'k KeySet,
        signer: Signer<'_>,
    ) -> Result<&'k Key, Refusal> {
        self.jws.signed_by(keys, signer)
    }

    /// Whether it says that it is one of these tokens and for us; nobody has signed it yet.
    pub(crate) fn is_meant(&self, rules: &TokenRules<'_>) -> bool {
        let said = [Check::Audience, Check::Expected];
        said.iter()
            .all(|check| self.check(*check, rules, 0).is_ok())
    }

    /// Holds it against one thing.
    pub(crate) fn check(
        &self,
        check: Check,
        rules: &TokenRules<'_>,
        now_ms: i64,
    ) -> Result<(), Refusal> {
        let claims = self.claims().ok_or(Refusal::Malformed)?;
        let at = self.registered;
        match check {
            Check::Algorithm => ensure(
                rules.algorithms.has(self.algorithm()),
                Refusal::BadAlgorithm,
            ),
            Check::Type => ensure(is_type(self.typ(), rules.typ), Refusal::WrongType),
            Check::Issuer => match rules.signer {
                Signer::Issuer(issuer) => is_issued(claims.value_at(at.iss), issuer),
                Signer::TrustDomain(domain) => is_of_domain(claims.value_at(at.sub), domain),
            },
            Check::Audience => match rules.audience_claim {
                [] => is_for(claims.value_at(at.aud), rules.audience),
                path => is_for(claims.at(path), rules.audience),
            },
            Check::Expiry => {
                let exp_ms = at.exp?;
                let is_there = exp_ms.is_some() || !rules.require_exp;
                ensure(is_there, Refusal::MissingClaim)?;
                let times = Times {
                    exp_ms,
                    ..Times::default()
                };
                ensure(!times.is_expired(rules.leeway_ms, now_ms), Refusal::Expired)
            }
            Check::NotBefore => {
                let times = Times {
                    nbf_ms: at.nbf?,
                    ..Times::default()
                };
                ensure(
                    !times.is_early(rules.leeway_ms, now_ms),
                    Refusal::NotYetValid,
                )
            }
            Check::IssuedAt => {
                let latest = now_ms.saturating_add(rules.leeway_ms);
                let is_past = at.iat?.is_none_or(|iat| iat <= latest);
                ensure(is_past, Refusal::IssuedInFuture)
            }
            Check::Lifetime => lifetime(at.times()?, rules.max_lifetime_ms, now_ms),
            Check::Required => required(claims, rules),
            Check::Expected => expected(claims, rules),
            Check::Binding => binding(claims.value_at(at.cnf)),
        }
    }
}

const fn ensure(holds: bool, refusal: Refusal) -> Result<(), Refusal> {
    if holds { Ok(()) } else { Err(refusal) }
}

/// Types are media types, `application/` left out where there is no other slash (RFC 7515 §4.1.9).
fn is_type(typ: Option<&[u8]>, allowed: &[Box<str>]) -> bool {
    const PREFIX: usize = "application/".len();
    let Some(typ) = typ else {
        return allowed.iter().any(|known| known.is_empty());
    };
    let short = match typ.split_at_checked(PREFIX) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(b"application/") => rest,
        _ => typ,
    };
    let mut known = allowed.iter().map(|known| known.as_bytes());
    !short.is_empty() && known.any(|known| known.eq_ignore_ascii_case(short))
}

fn is_issued(iss: Option<Json<'_>>, issuer: &str) -> Result<(), Refusal> {
    let found = iss.and_then(Json::text);
    ensure(found == Some(issuer.as_bytes()), Refusal::WrongIssuer)
}

fn is_of_domain(sub: Option<Json<'_>>, domain: &str) -> Result<(), Refusal> {
    let subject = sub.ok_or(Refusal::MissingClaim)?;
    let id = SpiffeId::parse(subject.text().ok_or(Refusal::Malformed)?);
    let id = id.map_err(|_| Refusal::Malformed)?;
    ensure(id.trust_domain == domain.as_bytes(), Refusal::WrongIssuer)
}

/// One text, or an array of nothing but texts (RFC 7519 §4.1.3).
fn is_for(claim: Option<Json<'_>>, audience: &[Box<str>]) -> Result<(), Refusal> {
    if audience.is_empty() {
        return Ok(());
    }
    let is_ours = |text: &[u8]| audience.iter().any(|ours| ours.as_bytes() == text);
    let found = match claim.map(Json::value) {
        Some(Value::Text(text)) => is_ours(text),
        Some(Value::Array(mut items)) => {
            items.clone().all(|item| item.text().is_some())
                && items.any(|item| item.text().is_some_and(is_ours))
        }
        _ => false,
    };
    ensure(found, Refusal::WrongAudience)
}

fn lifetime(times: Times, longest_ms: Option<i64>, now_ms: i64) -> Result<(), Refusal> {
    let Some(longest) = longest_ms else {
        return Ok(());
    };
    // Without an end it lives for ever.
    let end = times.exp_ms.ok_or(Refusal::LifetimeTooLong)?;
    let begin = times.iat_ms.unwrap_or(now_ms);
    ensure(
        end.saturating_sub(begin) <= longest,
        Refusal::LifetimeTooLong,
    )
}

fn required(claims: Json<'_>, rules: &TokenRules<'_>) -> Result<(), Refusal> {
    let is_there =
        |value: Option<Json<'_>>| value.is_some_and(|value| !matches!(value.value(), Value::Null));
    let mut paths = rules.required.iter();
    ensure(
        paths.all(|path| is_there(claims.at(&path.0))),
        Refusal::MissingClaim,
    )
}

fn expected(claims: Json<'_>, rules: &TokenRules<'_>) -> Result<(), Refusal> {
    for expectation in rules.expect {
        let claim = claims.at(&expectation.claim.0);
        let found = match claim.map(Json::value) {
            None | Some(Value::Null) => return Err(Refusal::MissingClaim),
            Some(Value::Text(text) | Value::Number(text)) => text,
            Some(Value::Bool(true)) => b"true",
            Some(Value::Bool(false)) => b"false",
            Some(_) => return Err(Refusal::UnexpectedClaim),
        };
        let mut allowed = expectation.one_of.iter();
        ensure(
            allowed.any(|text| text.as_bytes() == found),
            Refusal::UnexpectedClaim,
        )?;
    }
    Ok(())
}

/// Proof of possession (RFC 7800): a certificate is held against the connection's later.
fn binding(cnf: Option<Json<'_>>) -> Result<(), Refusal> {
    let Some(confirmation) = cnf else {
        return Ok(());
    };
    let mut members = confirmation.members().ok_or(Refusal::Malformed)?;
    if confirmation.get(b"jkt").is_some() {
        return Err(Refusal::DpopBound);
    }
    if let Some(bound) = confirmation.get(b"x5t#S256") {
        let digest = bound.text().and_then(crate::base64url::decode);
        let is_digest = digest.is_some_and(|digest| digest.len() == 32);
        return ensure(is_digest, Refusal::Malformed);
    }
    ensure(members.next().is_none(), Refusal::UnsupportedBinding)
}
