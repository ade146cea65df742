//! Limits for people: which a request met, by which key, and what they said.

use super::met::{Charges, Met, Said, kind_name};
use crate::engine::answer::SourceLine;
use crate::engine::view::View;
use crate::program::limits::{Limit, Part, PartValue};
use crate::program::predicate::{Slot, Values};
use crate::quota::{Counted, Verdict as Answer, store};
use crate::request::Value;
use serde::Serialize;

/// A limit that the request met; nothing is charged by explaining.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct AskedLimit {
    /// Its id.
    pub limit: String,
    /// Where it stands.
    pub source: String,
    /// How it counts: `rate`, `window`, `sliding`, `concurrency` or `distinct`.
    pub kind: &'static str,
    /// Whether it is only in shadow.
    pub shadow: bool,
    /// The values that tell its counters apart; of headers and parameters only that they are there.
    pub key: Vec<KeyValue>,
    /// What the request costs.
    pub cost: u64,
    /// How much the limit lets through here.
    pub allowed: u64,
    /// How much is left.
    pub remaining: Option<u64>,
    /// Milliseconds until all of it is back.
    pub reset_ms: Option<u64>,
    /// Whether it is counted with all others for which the limit has no room.
    pub together: bool,
    /// `passes`, `exceeded`, `too_dear`, `full`, `store_down`, `key_missing`, or what could not be told.
    pub outcome: &'static str,
}

/// One value of a limit's key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KeyValue {
    /// As the policy names it.
    pub name: String,
    /// What it is in this request.
    pub value: String,
}

/// What the limits that a request met said.
pub(in crate::engine) fn told(charges: &Charges, view: &View<'_>) -> Vec<AskedLimit> {
    let program = view.bound.program;
    let tell = |met: &Met| {
        let limit = program.limits.limits.get(met.number())?;
        let told = met.told();
        Some(AskedLimit {
            limit: limit.id.to_string(),
            source: SourceLine::new(program, limit.at).to_string(),
            kind: kind_name(&limit.kind),
            shadow: limit.shadow,
            key: key(limit, view),
            cost: met.ask.cost,
            allowed: met.ask.limit,
            remaining: told.map(|told| told.remaining()),
            reset_ms: told.map(|told| told.reset_ms()),
            together: matches!(met.said, Said::Outcome(outcome) if outcome.counted() == Counted::Together),
            outcome: word(met),
        })
    };
    charges.iter().filter_map(tell).collect()
}

fn word(met: &Met) -> &'static str {
    match met.said {
        Said::Nothing => "not_asked",
        Said::Undecided(detail) => detail,
        Said::KeyMissing => "key_missing",
        Said::TooDear => "too_dear",
        Said::Stored(charged) => match charged.outcome {
            store::Outcome::Admitted => "passes",
            store::Outcome::Refused => "exceeded",
            store::Outcome::Unavailable(_) => "store_down",
        },
        Said::Outcome(outcome) => match outcome.verdict() {
            Answer::Admitted => "passes",
            Answer::Denied => "exceeded",
            Answer::Never => "too_dear",
            Answer::Full => "full",
        },
    }
}

fn key(limit: &Limit, view: &View<'_>) -> Vec<KeyValue> {
    let parts = limit.by.iter().chain(&limit.distinct);
    parts
        .map(|part| KeyValue {
            name: part.text.to_string(),
            value: value(part, view).unwrap_or_else(|| "absent".into()),
        })
        .collect()
}

fn value(part: &Part, view: &View<'_>) -> Option<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match part.value {
        PartValue::Principal => {
            let caller = view.caller.as_ref()?;
            Some(format!("{}/{}", text(caller.provider), text(caller.id)))
        }
        PartValue::App => super::key::app(view).map(text),
        // They may be credentials.
        PartValue::Slot(slot @ (Slot::Header(_) | Slot::Query(_))) => {
            match super::key::read(view, slot) {
                Values::Absent => None,
                _ => Some("given".into()),
            }
        }
        PartValue::Slot(slot) | PartValue::Network(slot, ..) => {
            match super::key::read(view, slot) {
                Values::Absent => None,
                Values::One(Value::String(bytes)) => Some(text(bytes)),
                Values::One(Value::Ip(ip)) => Some(ip.to_string()),
                Values::One(Value::Bool(value)) => Some(value.to_string()),
                Values::One(Value::Double(value)) => Some(value.to_string()),
                Values::One(
                    Value::Int(value) | Value::Timestamp(value) | Value::Duration(value),
                ) => Some(value.to_string()),
                _ => Some("unclear".into()),
            }
        }
    }
}
