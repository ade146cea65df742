//! Which keys are too weak to be believed, found without factoring anything.

use super::problem::KeyFault;

/// Odd primes, up to what the published test for ROCA looks at.
const PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

const RSA_BITS: std::ops::RangeInclusive<usize> = 2_048..=8_192;
/// Longest exponent, in bits: a longer one makes each check slow.
const EXPONENT_BITS: usize = 33;

/// Checks an RSA public key, both numbers big-endian without zeros in front.
pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<(), KeyFault> {
    let length = bits(modulus);
    if length < *RSA_BITS.start() {
        return Err(KeyFault::RsaTooShort);
    }
    if length > *RSA_BITS.end() {
        return Err(KeyFault::RsaTooLong);
    }
    let is_odd = |number: &[u8]| number.last().is_some_and(|byte| byte & 1 == 1);
    if !is_odd(exponent) || exponent == [1] || bits(exponent) > EXPONENT_BITS {
        return Err(KeyFault::BadExponent);
    }
    if !is_odd(modulus) || PRIMES.iter().any(|prime| rest(modulus, *prime) == 0) {
        return Err(KeyFault::SmallFactor);
    }
    if PRIMES
        .iter()
        .all(|prime| is_power(rest(modulus, *prime), *prime))
    {
        return Err(KeyFault::Roca);
    }
    Ok(())
}

fn bits(number: &[u8]) -> usize {
    let first = number.first().map_or(0, |byte| byte.leading_zeros());
    number.len() * 8 - first as usize
}

fn rest(number: &[u8], divisor: u32) -> u32 {
    number
        .iter()
        .fold(0, |rest, byte| (rest << 8 | u32::from(*byte)) % divisor)
}

/// Whether a rest is a power of 65,537: those of ROCA's moduli are, for every small prime
/// (Nemec, Sys, Svenda, Klinec, Matyas: "The Return of Coppersmith's Attack", CCS 2017, §2.3).
fn is_power(rest: u32, prime: u32) -> bool {
    let base = 65_537 % prime;
    let mut power = 1;
    for _ in 0..prime {
        if power == rest {
            return true;
        }
        power = power * base % prime;
    }
    false
}

/// 2^255 − 19, little-endian.
const FIELD: [u8; 32] = {
    let mut field = [0xff; 32];
    field[0] = 0xed;
    field[31] = 0x7f;
    field
};

/// Second coordinates of the points of small order, little-endian: of order 4, 1, 2, and twice 8.
const SMALL_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    {
        let mut one = [0; 32];
        one[0] = 1;
        one
    },
    {
        let mut minus_one = FIELD;
        minus_one[0] = 0xec;
        minus_one
    },
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
];

/// Checks an Ed25519 public key (RFC 8032 §5.1.3): canonical, and of no small order.
pub(super) fn ed25519(key: &[u8; 32]) -> Result<(), KeyFault> {
    // The highest bit is the sign of the other coordinate.
    let mut second = *key;
    if let Some(last) = second.last_mut() {
        *last &= 0x7f;
    }
    if second.iter().rev().ge(FIELD.iter().rev()) {
        return Err(KeyFault::NotCanonical);
    }
    if SMALL_ORDER.contains(&second) {
        return Err(KeyFault::SmallOrder);
    }
    Ok(())
}
