//! What is wrong with a key, or with a set of keys.

use std::fmt;

/// What is wrong with one key of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyFault {
    /// Not an object of JSON.
    NotAnObject,
    /// A member stands twice.
    AmbiguousMember,
    /// A member that its type needs is not there, or is no text.
    MissingMember,
    /// A member is not base64url in its one canonical form.
    BadEncoding,
    /// `kty` or `crv` is nothing that signs here.
    UnsupportedType,
    /// `use` or `key_ops` is for something other than verifying.
    NotForVerifying,
    /// An `alg` that is no signature algorithm of ours.
    UnsupportedAlgorithm,
    /// `alg` does not go with the type or the curve.
    WrongAlgorithm,
    /// Coordinates or a key of another length than the curve has.
    WrongLength,
    /// A secret shorter than its hash (RFC 7518 §3.2).
    SecretTooShort,
    /// RSA below 2,048 bits (RFC 7518 §3.3).
    RsaTooShort,
    /// RSA above 8,192 bits.
    RsaTooLong,
    /// An exponent that is even, 1, or above 33 bits.
    BadExponent,
    /// An RSA modulus with a small factor.
    SmallFactor,
    /// An RSA modulus whose primes are of the form of CVE-2017-15361.
    Roca,
    /// An Ed25519 key of small order: it verifies signatures that nobody made.
    SmallOrder,
    /// An Ed25519 key that is not written in its one canonical form.
    NotCanonical,
    /// The verifier does not take it: a point off its curve, for one.
    NotAKey,
    /// A SPIFFE key for tokens has an id (SPIFFE JWT-SVID §4).
    MissingKid,
    /// A SPIFFE key for certificates has exactly one in `x5c` (SPIFFE X509-SVID §6).
    WrongCertificates,
    /// Different keys have this id, so that it does not say which is meant: none of them is used.
    DuplicateKid,
    /// The same key stood before.
    SameKey,
    /// The private part stands beside the public one: who reads the set can sign. It is used all the same.
    PrivateKey,
    /// A SPIFFE key for certificates, which says nothing about tokens: not reported.
    NotForTokens,
}

impl KeyFault {
    /// A short name that does not change.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::NotAnObject => "not_an_object",
            Self::AmbiguousMember => "ambiguous_member",
            Self::MissingMember => "missing_member",
            Self::BadEncoding => "bad_encoding",
            Self::UnsupportedType => "unsupported_type",
            Self::NotForVerifying => "not_for_verifying",
            Self::UnsupportedAlgorithm => "unsupported_algorithm",
            Self::WrongAlgorithm => "wrong_algorithm",
            Self::WrongLength => "wrong_length",
            Self::SecretTooShort => "secret_too_short",
            Self::RsaTooShort => "rsa_too_short",
            Self::RsaTooLong => "rsa_too_long",
            Self::BadExponent => "bad_exponent",
            Self::SmallFactor => "small_factor",
            Self::Roca => "roca",
            Self::SmallOrder => "small_order",
            Self::NotCanonical => "not_canonical",
            Self::NotAKey => "not_a_key",
            Self::MissingKid => "missing_kid",
            Self::WrongCertificates => "wrong_certificates",
            Self::DuplicateKid => "duplicate_kid",
            Self::SameKey => "same_key",
            Self::PrivateKey => "private_key",
            Self::NotForTokens => "not_for_tokens",
        }
    }
}

impl fmt::Display for KeyFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::NotAnObject => "it is not an object",
            Self::AmbiguousMember => "a member stands twice",
            Self::MissingMember => "a member that its type needs is missing or is no text",
            Self::BadEncoding => "a member is not base64url without padding",
            Self::UnsupportedType => "its type or curve is not one that signs tokens here",
            Self::NotForVerifying => "its `use` or `key_ops` is not for verifying signatures",
            Self::UnsupportedAlgorithm => "its `alg` is no signature algorithm of tokens",
            Self::WrongAlgorithm => "its `alg` does not go with its type or curve",
            Self::WrongLength => "it is not as long as its curve asks for",
            Self::SecretTooShort => "the secret is shorter than its hash",
            Self::RsaTooShort => "RSA needs 2048 bits",
            Self::RsaTooLong => "RSA above 8192 bits is not taken",
            Self::BadExponent => "the exponent is even, 1, or longer than 33 bits",
            Self::SmallFactor => "the modulus is divisible by a small number",
            Self::Roca => "the modulus can be factored (ROCA, CVE-2017-15361)",
            Self::SmallOrder => "the point is of small order, so that anybody can sign for it",
            Self::NotCanonical => "the point is not written canonically",
            Self::NotAKey => "it is no key, such as a point that is not on its curve",
            Self::MissingKid => "a key for JWT-SVIDs needs a `kid`",
            Self::WrongCertificates => "a key for X.509-SVIDs needs exactly one certificate",
            Self::DuplicateKid => "another key has the same `kid`; neither is used",
            Self::SameKey => "the same key stands in the set before",
            Self::PrivateKey => "its private part is in the set: who can read it can sign tokens",
            Self::NotForTokens => "it is for certificates",
        })
    }
}

/// A key of a set with something wrong about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyProblem {
    index: usize,
    kid: Option<Box<str>>,
    fault: KeyFault,
}

impl KeyProblem {
    pub(crate) fn new(index: usize, kid: Option<&[u8]>, fault: KeyFault) -> Self {
        Self {
            index,
            kid: kid.map(|kid| String::from_utf8_lossy(kid).into()),
            fault,
        }
    }

    /// Where in the set it stands, from 0.
    #[must_use]
    pub const fn index(&self) -> usize {
        self.index
    }

    /// Its id, if it has one.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// What is wrong.
    #[must_use]
    pub const fn fault(&self) -> KeyFault {
        self.fault
    }

    /// Whether the key is left out.
    #[must_use]
    pub const fn is_left_out(&self) -> bool {
        !matches!(self.fault, KeyFault::PrivateKey)
    }
}

impl fmt::Display for KeyProblem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "key {}", self.index)?;
        if let Some(kid) = &self.kid {
            write!(out, " ({})", kid.escape_debug())?;
        }
        write!(out, ": {}", self.fault)
    }
}

/// Why a set of keys as a whole is of no use.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeySetError {
    /// Above [`MAX_KEY_SET_BYTES`](crate::limits::MAX_KEY_SET_BYTES).
    TooLarge,
    /// Not a document of JSON.
    NotJson {
        /// About where, in bytes from the beginning.
        at: usize,
        /// What is wrong there.
        fault: Box<str>,
    },
    /// No member `keys` that is an array, or more than one.
    NoKeys,
    /// Above [`MAX_KEYS`](crate::limits::MAX_KEYS).
    TooMany,
    /// Secrets and public keys in one set: a public key could be taken for a secret.
    Mixed,
    /// A secret below 32 bytes.
    SecretTooShort,
}

impl fmt::Display for KeySetError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => out.write_str("the key set is longer than 512 KiB"),
            Self::NotJson { at, fault } => {
                write!(out, "the key set is not JSON: {fault}, at byte {at}")
            }
            Self::NoKeys => out.write_str("the key set has no one array `keys`"),
            Self::TooMany => out.write_str("the key set has more than 128 keys"),
            Self::Mixed => out.write_str(
                "the key set holds secrets (`kty: oct`) beside public keys; keep them in two sets",
            ),
            Self::SecretTooShort => out.write_str("the secret is shorter than 32 bytes"),
        }
    }
}

impl std::error::Error for KeySetError {}
