//! A token held against everything, one step after the other, with what was found and what was asked.

use super::Rules;
use crate::identity::claims::date_ms;
use crate::identity::jws::Flaw;
use crate::identity::jwt::{Check, Opened};
use crate::identity::principal::id_of;
use crate::identity::refusal::Refusal;
use crate::identity::rules::Signer;
use crate::json::{Json, Value};
use crate::keys::{Key, KeySet};
use crate::program::identity::Authority;
use crate::time::format_timestamp;
use serde::Serialize;
use std::fmt::{self, Write as _};

/// Longest text of a token that is repeated, in characters.
const MAX_QUOTED: usize = 120;
/// Most members of a list that are repeated.
const MAX_LISTED: usize = 8;

/// What became of a token, step by step. It holds no signature and no key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Inspection {
    accepted: bool,
    detail: Option<&'static str>,
    steps: Vec<Step>,
}

/// One thing that a token was held against.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    name: &'static str,
    outcome: Outcome,
    detail: Option<&'static str>,
    note: String,
}

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It does not: the token is refused.
    Failed,
    /// It was not asked, for want of something before it.
    Skipped,
}

impl Inspection {
    /// Whether the token is good.
    #[must_use]
    pub const fn accepted(&self) -> bool {
        self.accepted
    }

    /// The first reason to refuse it, as a decision says it.
    #[must_use]
    pub const fn detail(&self) -> Option<&'static str> {
        self.detail
    }

    /// What was asked, in order. What comes after a failure is asked all the same where it can be.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    fn push(&mut self, name: &'static str, result: Result<(), Refusal>, note: String) {
        let detail = result.err().map(Refusal::slug);
        self.detail = self.detail.or(detail);
        self.accepted = self.detail.is_none();
        self.steps.push(Step {
            name,
            outcome: if detail.is_some() {
                Outcome::Failed
            } else {
                Outcome::Passed
            },
            detail,
            note,
        });
    }
}

impl Step {
    /// What was asked: `form`, `algorithm`, `type`, `key`, `signature`, `issuer`, `audience`,
    /// `expiry`, `not_before`, `issued_at`, `lifetime`, `required`, `expected`, `binding` or `principal`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What became of it.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Why it failed, as a decision says it.
    #[must_use]
    pub const fn detail(&self) -> Option<&'static str> {
        self.detail
    }

    /// What was found and what was asked, for a person. Texts of the token are cut and escaped.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.note
    }
}

/// For a terminal: a line for each step, and the end of it.
impl fmt::Display for Inspection {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            let mark = match step.outcome {
                Outcome::Passed => "ok",
                Outcome::Failed => "FAILED",
                Outcome::Skipped => "-",
            };
            writeln!(out, "{mark:<7} {:<11} {}", step.name, step.note)?;
        }
        match self.detail {
            None => out.write_str("accepted"),
            Some(detail) => write!(out, "refused: {detail}"),
        }
    }
}

/// Holds a token against the rules of an issuer and its keys at a time, in milliseconds since 1970.
///
/// It asks what [`verify`](super::verify) asks, by the same code, and goes on after a failure.
#[must_use]
pub fn inspect(token: &[u8], rules: &Rules, keys: &KeySet, now_ms: i64) -> Inspection {
    let mut inspection = Inspection {
        accepted: false,
        detail: None,
        steps: Vec::new(),
    };
    let opened = match Opened::read(token) {
        Ok(opened) => opened,
        Err(flaw) => {
            inspection.push("form", Err(Flaw::refusal(flaw)), flaw.to_string());
            return inspection;
        }
    };
    let form = format!("three parts, {} bytes", token.len());
    inspection.push("form", Ok(()), form);
    let borrowed = rules.borrowed();
    let check = |inspection: &mut Inspection, check: Check| {
        let result = opened.check(check, &borrowed, now_ms);
        inspection.push(name_of(check), result, note(check, &opened, rules, now_ms));
    };
    for header in Check::HEADER {
        check(&mut inspection, header);
    }
    signature(&opened, keys, borrowed.signer, &mut inspection);
    for claim in Check::CLAIMS {
        check(&mut inspection, claim);
    }
    if let Some(path) = &rules.id {
        let claim = opened.claims().and_then(|claims| claims.at(&path.0));
        let note = format!("{} is {}", path.0.join("."), shown(claim));
        inspection.push("principal", id_of(claim).map(|_| ()), note);
    }
    inspection
}

fn signature(opened: &Opened<'_>, keys: &KeySet, signer: Signer<'_>, inspection: &mut Inspection) {
    let named = match opened.kid() {
        Some(kid) => format!("kid {}", quoted(kid)),
        None => "no kid".to_owned(),
    };
    let known = opened.key_is_known(keys, signer);
    let fits = match known {
        Ok(()) => "a key of the set may have signed it",
        Err(Refusal::BadAlgorithm) => "the key is for another algorithm, or no key for workloads",
        Err(_) => "no key of the set has this id and algorithm",
    };
    inspection.push("key", known, format!("{named}: {fits}"));
    if known.is_err() {
        inspection.steps.push(Step {
            name: "signature",
            outcome: Outcome::Skipped,
            detail: None,
            note: "there is no key to check it with".to_owned(),
        });
        return;
    }
    let signed = opened.signed_by(keys, signer);
    let note = match signed.map(Key::kid) {
        Ok(Some(kid)) => format!("made with the key {}", quoted(kid)),
        Ok(None) => "made with a key without an id".to_owned(),
        Err(_) => "not made with a key of the set, or not for this token".to_owned(),
    };
    inspection.push("signature", signed.map(|_| ()), note);
}

const fn name_of(check: Check) -> &'static str {
    match check {
        Check::Algorithm => "algorithm",
        Check::Type => "type",
        Check::Issuer => "issuer",
        Check::Audience => "audience",
        Check::Expiry => "expiry",
        Check::NotBefore => "not_before",
        Check::IssuedAt => "issued_at",
        Check::Lifetime => "lifetime",
        Check::Required => "required",
        Check::Expected => "expected",
        Check::Binding => "binding",
    }
}

/// What was found and what was asked.
fn note(check: Check, opened: &Opened<'_>, rules: &Rules, now_ms: i64) -> String {
    let claim = |name: &[u8]| shown(opened.claims().and_then(|claims| claims.get(name)));
    let at = |path: &[Box<str>]| shown(opened.claims().and_then(|claims| claims.at(path)));
    match check {
        Check::Algorithm => {
            let allowed = rules.algorithms.iter().map(|one| one.name());
            format!("{}; allowed: {}", opened.algorithm().name(), list(allowed))
        }
        Check::Type => {
            let found = opened.typ().map_or("none".to_owned(), quoted);
            let allowed = rules.typ.iter().map(|one| match &**one {
                "" => "none",
                name => name,
            });
            format!("{found}; allowed: {}", list(allowed))
        }
        Check::Issuer => match &rules.authority {
            Authority::Issuer(issuer) => {
                format!("{}; expected {}", claim(b"iss"), quoted(issuer.as_bytes()))
            }
            Authority::TrustDomain(domain) => {
                format!("sub {}; expected in spiffe://{domain}", claim(b"sub"))
            }
        },
        Check::Audience if rules.audience.is_empty() => "not asked".to_owned(),
        Check::Audience => {
            let found = match &*rules.audience_claim {
                [] => claim(b"aud"),
                path => at(path),
            };
            let expected = rules.audience.iter().map(|one| &**one);
            format!("{found}; expected one of {}", list(expected))
        }
        Check::Expiry => time(opened, b"exp", rules, now_ms),
        Check::NotBefore => time(opened, b"nbf", rules, now_ms),
        Check::IssuedAt => time(opened, b"iat", rules, now_ms),
        Check::Lifetime => match rules.max_lifetime_ms {
            None => "no longest life is declared".to_owned(),
            Some(longest) => format!("at most {}s between iat and exp", longest / 1_000),
        },
        Check::Required => {
            let paths = rules.required.iter().map(|path| path.0.join("."));
            some(paths.collect())
        }
        Check::Expected => {
            let expected = rules.expect.iter().map(|expected| {
                let claim = &expected.claim.0;
                let one_of = expected.one_of.iter().map(|one| &**one);
                format!(
                    "{} {}; expected {}",
                    claim.join("."),
                    at(claim),
                    list(one_of)
                )
            });
            some(expected.collect())
        }
        Check::Binding => {
            let cnf = opened.claims().and_then(|claims| claims.get(b"cnf"));
            match cnf.and_then(Json::members) {
                None if cnf.is_some() => "cnf is not an object".to_owned(),
                None => "to no key".to_owned(),
                Some(members) => {
                    let names: Vec<_> = members.map(|(name, _)| quoted(name)).collect();
                    format!("cnf with {}", some(names))
                }
            }
        }
    }
}

fn some(pieces: Vec<String>) -> String {
    if pieces.is_empty() {
        return "nothing".to_owned();
    }
    pieces.join(", ")
}

fn list<'a>(pieces: impl Iterator<Item = &'a str>) -> String {
    some(pieces.map(str::to_owned).collect())
}

/// A time of the token, and how far it is from now.
fn time(opened: &Opened<'_>, name: &[u8], rules: &Rules, now_ms: i64) -> String {
    let Some(claim) = opened.claims().and_then(|claims| claims.get(name)) else {
        return "absent".to_owned();
    };
    let Some(ms) = date_ms(claim) else {
        return format!("{}, which is no time", shown(Some(claim)));
    };
    let text = format_timestamp(ms).unwrap_or_else(|| shown(Some(claim)));
    let away = ms.saturating_sub(now_ms) / 1_000;
    let leeway = rules.leeway_ms / 1_000;
    match away {
        0.. => format!("{text}, in {away}s; leeway {leeway}s"),
        _ => format!("{text}, {}s ago; leeway {leeway}s", away.saturating_neg()),
    }
}

/// A claim as it is shown: texts in quotes, objects not at all.
fn shown(claim: Option<Json<'_>>) -> String {
    match claim.map(Json::value) {
        None => "absent".to_owned(),
        Some(Value::Null) => "null".to_owned(),
        Some(Value::Bool(value)) => value.to_string(),
        Some(Value::Number(number)) => cut(number),
        Some(Value::Text(text)) => quoted(text),
        Some(Value::Object(_)) => "an object".to_owned(),
        Some(Value::Array(items)) => {
            let few = items.take(MAX_LISTED);
            let shown: Vec<_> = few
                .map(|item| match item.value() {
                    Value::Array(_) => "an array".to_owned(),
                    _ => shown(Some(item)),
                })
                .collect();
            let more = items.count() - shown.len();
            let mut text = format!("[{}", shown.join(", "));
            if more > 0 {
                // Writing to a string cannot fail.
                let _ = write!(text, ", and {more} more");
            }
            text + "]"
        }
    }
}

fn quoted(text: &[u8]) -> String {
    format!("\"{}\"", cut(text))
}

/// Escaped, and cut where it is long.
fn cut(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut kept: String = text.chars().take(MAX_QUOTED).collect();
    if kept.len() < text.len() {
        kept.push('…');
    }
    kept.escape_debug().to_string()
}
