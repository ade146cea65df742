//! API keys: their text, and what a key that is stored as a digest says of its app.

use super::principal::typed;
use super::refusal::Refusal;
use super::verified::{Claim, Kept, Kind, Overage, Verified};
use crate::crypto::{equal, hexadecimal, hmac_sha256, random};
use crate::keys::api_keys::{ApiKey, ApiKeySet, App, AttributeText, Status};
use crate::program::identity::API_KEYS;
use crate::program::roles::RoleId;
use crate::program::texts::Texts;
use crate::program::vocabulary::AttributeType;
use crate::program::{Owner, Program};
use core::fmt;

/// Longest API key, in bytes.
pub(crate) const MAX_API_KEY_BYTES: usize = 1_024;

const PREFIX: &str = "gtl_";
/// 62^27 is more than 2^160.
const SECRET: usize = 27;
/// 62^6 is more than 2^32.
const CHECKSUM: usize = 6;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The parts of `gtl_<environment>_<id>_<secret><checksum>` that are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Parts<'t> {
    id: &'t [u8],
    secret: &'t [u8],
}

/// `None` for an opaque key.
fn parts(text: &[u8]) -> Option<Parts<'_>> {
    let (signed, checksum) = text.split_at_checked(text.len().checked_sub(CHECKSUM)?)?;
    let named = signed.strip_prefix(PREFIX.as_bytes())?;
    let (names, secret) = named.split_at_checked(named.len().checked_sub(SECRET)?)?;
    let names = names.strip_suffix(b"_")?;
    let at = names.iter().position(|byte| *byte == b'_')?;
    let (environment, id) = names.split_at_checked(at)?;
    let id = id.strip_prefix(b"_")?;
    let is_one = checksum == base62::<CHECKSUM>(&crc32fast::hash(signed).to_be_bytes())
        && secret.iter().all(|byte| DIGITS.contains(byte))
        && !environment.is_empty()
        && !id.is_empty();
    is_one.then_some(Parts { id, secret })
}

/// A big-endian number in so many digits, the highest first.
fn base62<const N: usize>(number: &[u8]) -> [u8; N] {
    let mut number = number.to_vec();
    let mut digits = [b'0'; N];
    for digit in digits.iter_mut().rev() {
        let mut rest = 0;
        for byte in &mut number {
            let value = rest << 8 | u32::from(*byte);
            *byte = u8::try_from(value / 62).unwrap_or_default();
            rest = value % 62;
        }
        *digit = DIGITS.get(rest as usize).copied().unwrap_or(b'0');
    }
    digits
}

/// A new API key, to be shown once: only its digest is stored.
///
/// ```
/// let key = gatelet::NewApiKey::generate("live", "k1", b"a pepper of at least 16 bytes").unwrap();
/// assert!(key.text().starts_with("gtl_live_k1_"));
/// assert_eq!(key.hmac().len(), 64);
/// ```
pub struct NewApiKey {
    text: String,
    hmac: String,
}

impl NewApiKey {
    /// Makes a key of 160 bits that nobody can foresee. `None` if the environment or the id is
    /// no name (1 to 64 letters, digits and `-`), or if the machine has no random bytes to give.
    #[must_use]
    pub fn generate(environment: &str, id: &str, pepper: &[u8]) -> Option<Self> {
        let is_name = |text: &str| {
            let is_one = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            !text.is_empty() && text.len() <= 64 && text.bytes().all(is_one)
        };
        if !is_name(environment) || !is_name(id) {
            return None;
        }
        let secret = base62::<SECRET>(&random::<20>()?);
        let mut text = format!("{PREFIX}{environment}_{id}_").into_bytes();
        text.extend(secret);
        text.extend(base62::<CHECKSUM>(&crc32fast::hash(&text).to_be_bytes()));
        Some(Self {
            text: String::from_utf8(text).ok()?,
            hmac: hexadecimal(&hmac_sha256(pepper, &secret)),
        })
    }

    /// The key itself.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What is stored of it: HMAC-SHA256 of its secret part under the pepper, in hexadecimal.
    #[must_use]
    pub fn hmac(&self) -> &str {
        &self.hmac
    }
}

/// Never the key.
impl fmt::Debug for NewApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewApiKey").finish_non_exhaustive()
    }
}

/// The key of a text: proven, and good at this time.
fn find<'s>(
    set: &'s ApiKeySet,
    pepper: &[u8],
    text: &[u8],
    now_ms: i64,
) -> Result<(&'s ApiKey, &'s App), Refusal> {
    if text.len() > MAX_API_KEY_BYTES {
        return Err(Refusal::Oversize);
    }
    let named = parts(text).and_then(|parts| {
        let key = set.by_id(parts.id)?;
        equal(&key.hmac, &hmac_sha256(pepper, parts.secret)).then_some(key)
    });
    let found = named.or_else(|| {
        let hmac = hmac_sha256(pepper, text);
        set.by_digest(&hmac).filter(|key| equal(&key.hmac, &hmac))
    });
    let key = found.ok_or(Refusal::UnknownApiKey)?;
    let app = set.app(key).ok_or(Refusal::UnknownApiKey)?;
    match (app.status, key.status) {
        (Status::Revoked, _) => return Err(Refusal::AppRevoked),
        (Status::Pending, _) => return Err(Refusal::AppPending),
        (_, Status::Revoked) => return Err(Refusal::KeyRevoked),
        (_, Status::Pending) => return Err(Refusal::KeyPending),
        (Status::Approved, Status::Approved) => {}
    }
    if key.not_before_ms.is_some_and(|from| now_ms < from) {
        return Err(Refusal::KeyNotYetValid);
    }
    if key.not_after_ms.is_some_and(|until| now_ms >= until) {
        return Err(Refusal::KeyExpired);
    }
    Ok((key, app))
}

/// Checks an API key; `configuration` is the digest of the set and its pepper.
pub(crate) fn verify(
    set: &ApiKeySet,
    pepper: &[u8],
    configuration: [u8; 32],
    (text, kept): (&[u8], Kept),
    program: &Program,
    now_ms: i64,
) -> Result<Verified, Refusal> {
    let (key, app) = find(set, pepper, text, now_ms)?;
    let id = key.id.as_ref().map(|id| id.as_bytes().into());
    let texts = |names: &[Box<str>]| Texts::new(names.iter().map(|name| name.as_bytes()));
    let roles = app.roles.iter();
    let roles = roles.filter_map(|name| program.roles.names.get(0, name.as_bytes()).map(RoleId));
    Ok(Verified {
        kind: Kind::ApiKey,
        kept,
        provider: API_KEYS.as_bytes().into(),
        issuer: 0,
        configuration,
        layout: program.identity.layout,
        key: key.hmac,
        key_id: id.clone(),
        id: app.name.as_bytes().into(),
        subject: None,
        token_id: id,
        from_ms: key.not_before_ms.unwrap_or(i64::MIN),
        until_ms: key.not_after_ms.unwrap_or(i64::MAX),
        issued_ms: None,
        certificate: None,
        roles: roles.collect(),
        groups: texts(&app.groups),
        scopes: texts(&app.scopes),
        attributes: attributes(app, program),
        overage: Overage::default(),
        approval: None,
    })
}

/// What the policy declares of the app's attributes.
fn attributes(app: &App, program: &Program) -> Box<[(u16, Claim)]> {
    let inputs = &program.inputs;
    let read = |(name, value): &(Box<str>, AttributeText)| {
        let space = Owner::Principal as u32;
        let number = inputs.attribute_names.get(space, name.as_bytes())?;
        let ty = inputs.attributes.get(number as usize)?.ty;
        let claim = match (ty, value) {
            (AttributeType::StringList, AttributeText::Many(texts)) => Some(Claim::Texts(
                Texts::new(texts.iter().map(|text| text.as_bytes())),
            )),
            (_, AttributeText::One(text)) => typed(text.as_bytes(), ty),
            (_, AttributeText::Many(_)) => None,
        };
        Some((u16::try_from(number).ok()?, claim.unwrap_or(Claim::Unclear)))
    };
    let mut read: Vec<_> = app.attributes.iter().filter_map(read).collect();
    read.sort_by_key(|(number, _)| *number);
    read.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_has_its_parts() {
        for (environment, id) in [("live", "k1"), ("test-2", "a-b-c"), ("x", "y")] {
            let key = NewApiKey::generate(environment, id, b"pepper").unwrap();
            let found = parts(key.text().as_bytes()).unwrap();
            assert_eq!(found.id, id.as_bytes());
            assert_eq!(
                hexadecimal(&hmac_sha256(b"pepper", found.secret)),
                key.hmac()
            );
            // Any other character breaks the checksum.
            for at in 0..key.text().len() {
                let mut other = key.text().as_bytes().to_vec();
                other[at] = if other[at] == b'a' { b'b' } else { b'a' };
                assert_eq!(parts(&other), None, "{at}");
            }
            assert!(!format!("{key:?}").contains(key.text()));
        }
        for (environment, id) in [
            ("", "k"),
            ("e", ""),
            ("a_b", "k"),
            ("e", "k 1"),
            ("e", "a_b"),
        ] {
            assert!(NewApiKey::generate(environment, id, b"pepper").is_none());
        }
    }

    #[test]
    fn what_is_opaque_has_no_parts() {
        for text in [
            "",
            "gtl_",
            "gtl_a_b_",
            "secret",
            "gtl_live_k1_0000000000000000000000000000000000",
        ] {
            assert_eq!(parts(text.as_bytes()), None, "{text}");
        }
        assert_eq!(base62::<6>(&[0; 4]), *b"000000");
        assert_eq!(base62::<6>(&u32::MAX.to_be_bytes()), *b"4gfFC3");
        assert_eq!(base62::<2>(&[61]), *b"0z");
        assert_eq!(base62::<2>(&[62]), *b"10");
    }
}
