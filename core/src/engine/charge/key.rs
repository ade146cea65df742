//! The key of a counter: a keyed hash over the values that a limit is `by`.

use super::super::view::View;
use crate::crypto::Pieces;
use crate::program::hash::fold;
use crate::program::limits::{Part, PartValue};
use crate::program::predicate::{Slot, Values};
use crate::quota::store::CounterKey;
use crate::request::Value;
use core::net::IpAddr;

/// Secrets of a hash: whoever does not know them cannot make two keys meet.
pub(in crate::engine) type Seeds = [u64; 2];

/// The provider of apps, which API keys belong to.
const API_KEYS: &[u8] = b"api_keys";

/// Why a key cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoKey {
    /// A value is absent, and the limit does not put all those together.
    Missing,
    /// It cannot be told what a value is.
    Unclear,
}

/// What values are put into. Each goes in with its type and its length, so no two lists of values meet by how they join.
trait Sink {
    fn number(&mut self, tag: Tag, number: u64);
    fn bytes(&mut self, tag: Tag, bytes: &[u8]);
}

/// A keyed hash of 64 bits that is being made.
struct KeyHash {
    hash: u64,
    seeds: Seeds,
}

/// What a value is; part of the hash.
#[derive(Clone, Copy)]
enum Tag {
    Absent = 1,
    Text,
    Bool,
    Int,
    Double,
    V4,
    V6,
    Timestamp,
    Duration,
    /// Values of a field that came several times.
    Several,
}

impl KeyHash {
    const fn new(seeds: Seeds) -> Self {
        let [hash, _] = seeds;
        Self { hash, seeds }
    }

    /// Both factors hold a secret: no value makes one of them 0 whatever the secrets are.
    #[inline]
    const fn words(&mut self, a: u64, b: u64) {
        let [_, second] = self.seeds;
        self.hash = fold(self.hash ^ a, second ^ b);
    }

    #[inline]
    fn chunk(&mut self, chunk: [u8; 16]) {
        let both = u128::from_le_bytes(chunk);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the halves are what is wanted"
        )]
        let (low, high) = (both as u64, (both >> 64) as u64);
        self.words(low, high);
    }
}

impl Sink for KeyHash {
    #[inline]
    fn number(&mut self, tag: Tag, number: u64) {
        self.words(number, tag as u64);
    }

    fn bytes(&mut self, tag: Tag, bytes: &[u8]) {
        self.number(tag, bytes.len() as u64);
        let mut rest = bytes;
        while let Some((chunk, tail)) = rest.split_first_chunk::<16>() {
            self.chunk(*chunk);
            rest = tail;
        }
        if !rest.is_empty() {
            let mut last = [0; 16];
            for (to, from) in last.iter_mut().zip(rest) {
                *to = *from;
            }
            self.chunk(last);
        }
    }
}

impl Sink for Pieces {
    fn number(&mut self, tag: Tag, number: u64) {
        self.bytes(tag, &number.to_le_bytes());
    }

    fn bytes(&mut self, tag: Tag, bytes: &[u8]) {
        self.add(&[tag as u8]);
        self.add(bytes);
    }
}

fn put_value(sink: &mut impl Sink, value: Value<'_>) -> Result<(), NoKey> {
    match value {
        Value::String(text) => sink.bytes(Tag::Text, text),
        Value::Bool(value) => sink.number(Tag::Bool, u64::from(value)),
        Value::Int(value) => sink.number(Tag::Int, value.cast_unsigned()),
        Value::Double(value) => sink.number(Tag::Double, value.to_bits()),
        Value::Ip(ip) => put_address(sink, ip, 32, 128),
        Value::Timestamp(ms) => sink.number(Tag::Timestamp, ms.cast_unsigned()),
        Value::Duration(ms) => sink.number(Tag::Duration, ms.cast_unsigned()),
        // No list stands in a key; a policy that names one does not load.
        Value::List(_) => return Err(NoKey::Unclear),
    }
    Ok(())
}

/// The network of an address.
fn put_address(sink: &mut impl Sink, ip: IpAddr, v4: u8, v6: u8) {
    match ip {
        IpAddr::V4(ip) => {
            let host = u32::MAX.checked_shr(u32::from(v4)).unwrap_or(0);
            sink.number(Tag::V4, u64::from(ip.to_bits() & !host));
        }
        IpAddr::V6(ip) => {
            let host = u128::MAX.checked_shr(u32::from(v6)).unwrap_or(0);
            sink.bytes(Tag::V6, &(ip.to_bits() & !host).to_le_bytes());
        }
    }
}

/// Puts values in; false if there are none.
fn put_values(sink: &mut impl Sink, values: Values<'_>) -> Result<bool, NoKey> {
    match values {
        Values::Absent => return Ok(false),
        Values::One(value) => put_value(sink, value)?,
        Values::Headers { fields, name } => {
            sink.number(Tag::Several, 0);
            let of_name = fields
                .iter()
                .filter(|(field, _)| field.eq_ignore_ascii_case(name));
            of_name.for_each(|(_, value)| sink.bytes(Tag::Text, value));
            sink.number(Tag::Several, 1);
        }
        Values::Parameters {
            values,
            decoded,
            name,
        } => {
            sink.number(Tag::Several, 0);
            for (_, start, len) in values.iter().filter(|(slot, ..)| *slot == name) {
                let range = usize::from(*start)..usize::from(*start) + usize::from(*len);
                sink.bytes(Tag::Text, decoded.get(range).unwrap_or_default());
            }
            sink.number(Tag::Several, 1);
        }
        _ => return Err(NoKey::Unclear),
    }
    Ok(true)
}

/// Puts a part in; false if it is absent.
fn put_part(sink: &mut impl Sink, part: &Part, view: &View<'_>) -> Result<bool, NoKey> {
    let caller = view.caller.as_ref();
    match part.value {
        PartValue::Principal => Ok(caller.is_some_and(|caller| {
            sink.bytes(Tag::Text, caller.provider);
            sink.bytes(Tag::Text, caller.id);
            true
        })),
        PartValue::App => Ok(app(view).is_some_and(|app| {
            sink.bytes(Tag::Text, app);
            true
        })),
        PartValue::Slot(slot) => put_values(sink, read(view, slot)),
        PartValue::Network(slot, v4, v6) => match read(view, slot) {
            Values::Absent => Ok(false),
            Values::One(Value::Ip(ip)) => {
                put_address(sink, ip, v4, v6);
                Ok(true)
            }
            _ => Err(NoKey::Unclear),
        },
    }
}

/// Puts all parts in. Absent ones are one value of their own if `shared`.
fn put_parts<'p>(
    sink: &mut impl Sink,
    parts: impl IntoIterator<Item = &'p Part>,
    view: &View<'_>,
    shared: bool,
) -> Result<(), NoKey> {
    for part in parts {
        if !put_part(sink, part, view)? {
            if !shared {
                return Err(NoKey::Missing);
            }
            sink.number(Tag::Absent, 0);
        }
    }
    Ok(())
}

/// The app that the caller's API key belongs to.
pub(super) fn app<'a>(view: &View<'a>) -> Option<&'a [u8]> {
    let caller = view.caller.as_ref();
    let app = caller.filter(|caller| caller.provider == API_KEYS);
    app.map(|app| app.id)
}

/// A declared attribute that nobody gave is absent here, whether it is optional or not.
pub(super) fn read<'a>(view: &View<'a>, slot: Slot) -> Values<'a> {
    match (view.value(slot), slot) {
        (Values::Open(_), Slot::Attribute(id)) if !view.is_told(id) => Values::Absent,
        (values, _) => values,
    }
}

/// The key over some parts, in this process.
pub(super) fn key<'p>(
    parts: impl IntoIterator<Item = &'p Part>,
    view: &View<'_>,
    seeds: Seeds,
    shared: bool,
) -> Result<u64, NoKey> {
    let mut hash = KeyHash::new(seeds);
    put_parts(&mut hash, parts, view, shared)?;
    hash.words(0, 0);
    Ok(hash.hash)
}

/// The key over some parts, the same in every process that knows the secret.
pub(super) fn counter_key(
    parts: &mut dyn Iterator<Item = &Part>,
    view: &View<'_>,
    secret: &[u8],
    limit: &str,
    shared: bool,
) -> Result<CounterKey, NoKey> {
    let mut pieces = Pieces::new();
    put_parts(&mut pieces, parts, view, shared)?;
    Ok(CounterKey::new(secret, limit, &pieces.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    const SEEDS: Seeds = [0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210];

    fn hashed(texts: &[&[u8]]) -> u64 {
        let mut hash = KeyHash::new(SEEDS);
        texts.iter().for_each(|text| hash.bytes(Tag::Text, text));
        hash.hash
    }

    #[test]
    fn lists_do_not_meet_by_how_they_join() {
        let lists: &[&[&[u8]]] = &[
            &[],
            &[b""],
            &[b"", b""],
            &[b"ab", b"c"],
            &[b"a", b"bc"],
            &[b"abc"],
            &[b"abc", b""],
            &[b"", b"abc"],
            &[b"a\0"],
            &[b"a"],
            &[b"0123456789abcdef"],
            &[b"0123456789abcdef\0"],
            &[b"0123456789abcdef", b""],
            &[b"01234567", b"89abcdef"],
        ];
        let mut seen = HashMap::new();
        for list in lists {
            let before = seen.insert(hashed(list), list);
            assert!(before.is_none(), "{list:?} and {before:?}");
        }
    }

    #[test]
    fn types_and_every_bit_count() {
        let of = |value| {
            let mut hash = KeyHash::new(SEEDS);
            put_value(&mut hash, value).expect("a value");
            hash.hash
        };
        let values = [
            Value::Int(1),
            Value::Bool(true),
            Value::Double(1.0),
            Value::Timestamp(1),
            Value::Duration(1),
            Value::String(b"1"),
            Value::Int(-1),
            Value::Int(i64::MIN),
            Value::Ip("0.0.0.1".parse().expect("an address")),
            Value::Ip("::1".parse().expect("an address")),
        ];
        let hashes: std::collections::HashSet<_> = values.iter().map(|value| of(*value)).collect();
        assert_eq!(hashes.len(), values.len());
        let bytes = [7u8; 40];
        for bit in 0..320 {
            let mut other = bytes;
            other[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(hashed(&[&bytes]), hashed(&[&other]), "{bit}");
        }
        assert!(put_value(&mut KeyHash::new(SEEDS), Value::List(&[])).is_err());
    }

    #[test]
    fn networks_of_addresses() {
        let of = |text: &str, v4, v6| {
            let mut hash = KeyHash::new(SEEDS);
            put_address(&mut hash, text.parse().expect("an address"), v4, v6);
            hash.hash
        };
        for (a, b, v4, v6, same) in [
            ("192.0.2.1", "192.0.2.200", 24, 64, true),
            ("192.0.2.1", "192.0.3.1", 24, 64, false),
            ("192.0.2.1", "192.0.2.2", 32, 64, false),
            ("0.0.0.0", "255.255.255.255", 0, 0, true),
            ("2001:db8::1", "2001:db8::ffff:0:0:1", 32, 64, true),
            ("2001:db8::1", "2001:db8:0:1::1", 32, 64, false),
            ("2001:db8::1", "2001:db8::2", 32, 128, false),
            ("2001:db8::1", "2001:db8::2", 32, 127, false),
            ("2001:db8::2", "2001:db8::3", 32, 127, true),
            ("0.0.0.0", "::", 1, 1, false),
        ] {
            assert_eq!(of(a, v4, v6) == of(b, v4, v6), same, "{a} {b}");
        }
    }
}
