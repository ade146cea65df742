//! Signature algorithms of JWS (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2), and sets of them.

/// An algorithm that a token may be signed with; `none` is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Algorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256, its mask and a salt of 32 bytes.
    Ps256,
    /// RSASSA-PSS with SHA-384, its mask and a salt of 48 bytes.
    Ps384,
    /// RSASSA-PSS with SHA-512, its mask and a salt of 64 bytes.
    Ps512,
    /// ECDSA on P-256 with SHA-256, both numbers of the signature in 32 bytes.
    Es256,
    /// ECDSA on P-384 with SHA-384, both numbers of the signature in 48 bytes.
    Es384,
    /// ECDSA on P-521 with SHA-512, both numbers of the signature in 66 bytes.
    Es512,
    /// Ed25519; the other curve of EdDSA is not supported.
    EdDsa,
}

impl Algorithm {
    /// By name, in the order of the variants; Ed25519 is the name of RFC 9864 for what EdDSA means here.
    const NAMES: &[(&str, Self)] = &[
        ("HS256", Self::Hs256),
        ("HS384", Self::Hs384),
        ("HS512", Self::Hs512),
        ("RS256", Self::Rs256),
        ("RS384", Self::Rs384),
        ("RS512", Self::Rs512),
        ("PS256", Self::Ps256),
        ("PS384", Self::Ps384),
        ("PS512", Self::Ps512),
        ("ES256", Self::Es256),
        ("ES384", Self::Es384),
        ("ES512", Self::Es512),
        ("EdDSA", Self::EdDsa),
        ("Ed25519", Self::EdDsa),
    ];

    /// The algorithm of a name, which is case-sensitive (RFC 7515 §4.1.1). `Ed25519` is `EdDSA`.
    #[must_use]
    pub fn of_name(name: &[u8]) -> Option<Self> {
        let mut names = Self::NAMES.iter();
        names
            .find(|(known, _)| known.as_bytes() == name)
            .map(|(_, algorithm)| *algorithm)
    }

    /// As `alg` says it.
    #[must_use]
    pub fn name(self) -> &'static str {
        let mut names = Self::NAMES.iter();
        names
            .find(|(_, algorithm)| *algorithm == self)
            .map_or("", |(name, _)| name)
    }

    /// Every name that there is.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        Self::NAMES.iter().map(|(name, _)| *name)
    }

    /// Whether who verifies can sign as well.
    #[must_use]
    pub const fn is_symmetric(self) -> bool {
        matches!(self, Self::Hs256 | Self::Hs384 | Self::Hs512)
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// Some algorithms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AlgorithmSet(u16);

impl AlgorithmSet {
    /// All that are verified with a public key.
    pub const ASYMMETRIC: Self = Self(
        Algorithm::Rs256.bit()
            | Algorithm::Rs384.bit()
            | Algorithm::Rs512.bit()
            | Algorithm::Ps256.bit()
            | Algorithm::Ps384.bit()
            | Algorithm::Ps512.bit()
            | Algorithm::Es256.bit()
            | Algorithm::Es384.bit()
            | Algorithm::Es512.bit()
            | Algorithm::EdDsa.bit(),
    );

    /// This one too.
    #[must_use]
    pub const fn with(self, algorithm: Algorithm) -> Self {
        Self(self.0 | algorithm.bit())
    }

    /// Whether it is one of them.
    #[must_use]
    #[inline]
    pub const fn has(self, algorithm: Algorithm) -> bool {
        self.0 & algorithm.bit() != 0
    }

    /// Whether it is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// In the order of the variants.
    pub fn iter(self) -> impl Iterator<Item = Algorithm> {
        // EdDSA has two names.
        let named = Algorithm::NAMES
            .iter()
            .filter(|(name, _)| *name != "Ed25519");
        named
            .map(|(_, algorithm)| *algorithm)
            .filter(move |algorithm| self.has(*algorithm))
    }
}

impl FromIterator<Algorithm> for AlgorithmSet {
    fn from_iter<I: IntoIterator<Item = Algorithm>>(algorithms: I) -> Self {
        algorithms.into_iter().fold(Self::default(), Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_there_and_back() {
        for name in Algorithm::names().filter(|name| *name != "Ed25519") {
            let found = Algorithm::of_name(name.as_bytes());
            assert_eq!(found.map(Algorithm::name), Some(name));
        }
        assert_eq!(Algorithm::of_name(b"Ed25519"), Some(Algorithm::EdDsa));
        for name in ["none", "None", "rs256", "RS256 ", "", "ES256K", "HS1"] {
            assert_eq!(Algorithm::of_name(name.as_bytes()), None, "{name}");
        }
    }

    #[test]
    fn a_set_has_what_was_put_in() {
        let all: AlgorithmSet = Algorithm::NAMES.iter().map(|(_, one)| *one).collect();
        assert_eq!(all.iter().count(), 13);
        let symmetric: Vec<_> = all
            .iter()
            .filter(|one| !AlgorithmSet::ASYMMETRIC.has(*one))
            .collect();
        assert_eq!(
            symmetric,
            [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512]
        );
        assert!(symmetric.iter().all(|one| one.is_symmetric()));
        assert!(AlgorithmSet::default().is_empty() && !all.is_empty());
        let one = AlgorithmSet::default().with(Algorithm::Es512);
        assert_eq!(one.iter().collect::<Vec<_>>(), [Algorithm::Es512]);
    }
}
