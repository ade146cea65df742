//! The decision as JSON: the same names in every language.

use super::answer::{Decision, Obligation, Shadow, SourceLine};
use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, Serializer};

impl Serialize for Decision<'_> {
    /// Absent parts are `null`; bytes that are no text are `{"b64": …}`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(id) = self.request_id() {
            map.serialize_entry("id", &Bytes(id))?;
        }
        map.serialize_entry("effect", self.effect().as_str())?;
        map.serialize_entry("allowed", &self.allowed())?;
        map.serialize_entry("reason", self.reason().as_str())?;
        map.serialize_entry("detail", &self.detail())?;
        map.serialize_entry("status", &self.status())?;
        map.serialize_entry("rule", &self.rule())?;
        map.serialize_entry("source", &self.source())?;
        map.serialize_entry("grant", &self.grant())?;
        map.serialize_entry(
            "principal",
            &self.principal().map(|(provider, id)| Who {
                provider: Bytes(provider),
                id: Bytes(id),
            }),
        )?;
        map.serialize_entry("action", &self.action().map(Bytes))?;
        map.serialize_entry("path", &self.path().map(Bytes))?;
        map.serialize_entry("limit", &self.limit())?;
        map.serialize_entry("limits", &Each(|| self.limits()))?;
        map.serialize_entry("retry_after_ms", &self.retry_after_ms())?;
        let ticket = self.ticket();
        map.serialize_entry("ticket", &ticket.as_ref().map(Shown))?;
        map.serialize_entry("obligations", &Each(|| self.obligations()))?;
        map.serialize_entry(
            "headers",
            &Each(|| self.headers().map(|(name, value)| (name, Bytes(value)))),
        )?;
        map.serialize_entry("strip", self.strip())?;
        map.serialize_entry("shadow", &self.shadow())?;
        map.serialize_entry("challenge", &self.challenge())?;
        map.serialize_entry("policy", self.policy())?;
        map.end()
    }
}

#[derive(Serialize)]
struct Who<'a> {
    provider: Bytes<'a>,
    id: Bytes<'a>,
}

/// Text where it is text.
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use base64::Engine as _;
        match core::str::from_utf8(self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(
                    "b64",
                    &base64::engine::general_purpose::STANDARD.encode(self.0),
                )?;
                map.end()
            }
        }
    }
}

/// A sequence that is iterated over again each time.
struct Each<F>(F);

impl<I: Iterator<Item: Serialize>, F: Fn() -> I> Serialize for Each<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut sequence = serializer.serialize_seq(None)?;
        for item in (self.0)() {
            sequence.serialize_element(&item)?;
        }
        sequence.end()
    }
}

/// As it is displayed.
struct Shown<T>(T);

impl<T: core::fmt::Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl Serialize for SourceLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Obligation<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", self.id())?;
        map.serialize_entry("type", self.kind())?;
        for (name, value) in self.parameters() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl Serialize for Shadow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(5))?;
        map.serialize_entry("effect", self.effect().as_str())?;
        map.serialize_entry("reason", self.reason().as_str())?;
        map.serialize_entry("rule", &self.rule())?;
        map.serialize_entry("limit", &self.limit())?;
        map.serialize_entry("source", &self.source())?;
        map.end()
    }
}
