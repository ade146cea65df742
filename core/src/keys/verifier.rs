//! What a back-end of signatures does.

use super::algorithm::Algorithm;
use std::fmt;

/// The parts of a key, checked: no part is empty, numbers have no zeros in front.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyMaterial<'a> {
    /// What `HS256`, `HS384` and `HS512` share with the signer.
    Secret(&'a [u8]),
    /// An RSA public key, big-endian.
    Rsa {
        /// The modulus: 2,048 to 8,192 bits.
        n: &'a [u8],
        /// The exponent: odd, 2 to 33 bits.
        e: &'a [u8],
    },
    /// A point of the algorithm's curve, its coordinates big-endian and as long as the curve's numbers.
    Point {
        /// The first coordinate.
        x: &'a [u8],
        /// The second coordinate.
        y: &'a [u8],
    },
    /// An Ed25519 public key (RFC 8032 §5.1.2), of no small order.
    Ed25519(&'a [u8; 32]),
}

/// Never what is in it.
impl fmt::Debug for KeyMaterial<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Secret(_) => "Secret",
            Self::Rsa { .. } => "Rsa",
            Self::Point { .. } => "Point",
            Self::Ed25519(_) => "Ed25519",
        })
    }
}

/// A key made ready for one algorithm: whether a signature (second) is one of the message (first).
pub type VerifySignature = dyn Fn(&[u8], &[u8]) -> bool + Send + Sync;

/// What checks signatures: another than the one that is built in can be put in its place.
///
/// A key is made ready once, when its set is loaded. What it verifies is to hold by RFC 7518 §3
/// and RFC 8037 §3.1: signatures of ECDSA as two numbers of fixed length, a salt of PSS as long as
/// the hash. Comparing what HMAC gives takes the same time wherever it differs.
pub trait SignatureVerifier: Send + Sync {
    /// Makes a key ready; none if it is no key of the algorithm, such as a point off the curve.
    fn prepare(&self, algorithm: Algorithm, key: KeyMaterial<'_>) -> Option<Box<VerifySignature>>;
}
