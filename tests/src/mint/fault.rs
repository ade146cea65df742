//! What may be wrong with a token: its text, its signature, its form.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

/// Text of the header or of the claims replaced, after they were written as JSON.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rewrite {
    #[serde(rename = "in")]
    part: Part,
    /// Has to be there; empty, the whole part is replaced.
    #[serde(default)]
    find: String,
    text: Option<String>,
    /// Bytes that are no text.
    hex: Option<String>,
    /// Repeated so often.
    times: Option<usize>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Part {
    Header,
    Claims,
    Signature,
}

impl Rewrite {
    pub(super) fn apply(&self, header: &mut Vec<u8>, claims: &mut Vec<u8>) -> Result<(), String> {
        let put = match (&self.text, &self.hex) {
            (Some(text), None) => text.clone().into_bytes(),
            (None, Some(text)) => hex(text)?,
            _ => return Err("a rewrite has one of text, hex".to_owned()),
        };
        let put = put.repeat(self.times.unwrap_or(1));
        let part = match self.part {
            Part::Header => header,
            Part::Claims => claims,
            Part::Signature => return Err("a signature is not rewritten".to_owned()),
        };
        let find = self.find.as_bytes();
        if find.is_empty() {
            *part = put;
            return Ok(());
        }
        let at = part
            .windows(find.len())
            .position(|window| window == find)
            .ok_or_else(|| format!("{:?} is not there to be replaced", self.find))?;
        part.splice(at..at + find.len(), put);
        Ok(())
    }
}

/// What happens to the signature.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SignatureFault {
    Empty,
    FlipFirst,
    FlipLast,
    /// One byte less.
    Truncate,
    /// A zero more.
    Extend,
    /// All zeros, as long as it was.
    Zero,
    /// ECDSA: r is 0.
    ZeroR,
    /// ECDSA: s is 0.
    ZeroS,
    /// ECDSA: r and s change places.
    Swap,
    /// ECDSA: as ASN.1 (RFC 3279 §2.2.3), which JWS does not use.
    Der,
    /// ECDSA on P-256: s becomes n − s, which is as valid.
    OtherS,
    /// ECDSA on P-256: r and s grow by n, where they still fit; r and s are both n.
    Order,
    /// Base64url.
    Text(String),
    Hex(String),
}

/// The order of P-256 (SEC 2 §2.4.2).
const P256_ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

impl SignatureFault {
    pub(super) fn needs_no_key(&self) -> bool {
        matches!(self, Self::Empty | Self::Text(_) | Self::Hex(_))
    }

    pub(super) fn apply(&self, signature: &mut Vec<u8>) -> Result<(), String> {
        let half = signature.len() / 2;
        match self {
            Self::Empty => signature.clear(),
            Self::FlipFirst => signature
                .first_mut()
                .into_iter()
                .for_each(|byte| *byte ^= 1),
            Self::FlipLast => signature.last_mut().into_iter().for_each(|byte| *byte ^= 1),
            Self::Truncate => {
                signature.pop();
            }
            Self::Extend => signature.push(0),
            Self::Zero => signature.fill(0),
            Self::ZeroR => signature[..half].fill(0),
            Self::ZeroS => signature[half..].fill(0),
            Self::Swap => signature.rotate_left(half),
            Self::Der => *signature = der(signature),
            Self::OtherS => {
                let s = minus(&hex(P256_ORDER)?, &signature[half..]);
                signature.splice(half.., s);
            }
            Self::Order => *signature = [hex(P256_ORDER)?, hex(P256_ORDER)?].concat(),
            Self::Text(text) => {
                *signature = URL_SAFE_NO_PAD
                    .decode(text)
                    .map_err(|error| error.to_string())?;
            }
            Self::Hex(text) => *signature = hex(text)?,
        }
        Ok(())
    }
}

/// `left - right`, both big-endian and of one length.
fn minus(left: &[u8], right: &[u8]) -> Vec<u8> {
    let mut borrow = false;
    let mut digits: Vec<u8> = left
        .iter()
        .zip(right)
        .rev()
        .map(|(left, right)| {
            let (digit, under) = left.overflowing_sub(*right);
            let (digit, more) = digit.overflowing_sub(u8::from(borrow));
            borrow = under || more;
            digit
        })
        .collect();
    digits.reverse();
    digits
}

/// SEQUENCE of two INTEGERs, for curves of up to 384 bits.
fn der(signature: &[u8]) -> Vec<u8> {
    let (r, s) = signature.split_at(signature.len() / 2);
    let integer = |number: &[u8]| {
        let zeros = number.iter().take_while(|byte| **byte == 0).count();
        let mut number = number[zeros..].to_vec();
        if number.first().is_none_or(|byte| *byte >= 0x80) {
            number.insert(0, 0);
        }
        [vec![2, number.len() as u8], number].concat()
    };
    let body = [integer(r), integer(s)].concat();
    [vec![0x30, body.len() as u8], body].concat()
}

/// What happens to the compact form.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Shape {
    /// Every segment gets the `=` that base64 would give it.
    Padded,
    /// The unused bits of the last character are set.
    TrailingBits(Part),
    /// `+` and `/` instead of `-` and `_`.
    StandardAlphabet(Part),
    /// A line break in the middle of the segment.
    Broken(Part),
    /// So many segments: cut off, or empty ones more.
    Segments(usize),
    Before(String),
    After(String),
    /// This segment is replaced by a text.
    Replaced(Part, String),
}

impl Shape {
    pub(super) fn apply(&self, token: &mut String) -> Result<(), String> {
        let mut segments: Vec<_> = token.split('.').map(str::to_owned).collect();
        match self {
            Self::Padded => {
                for segment in &mut segments {
                    while segment.len() % 4 != 0 {
                        segment.push('=');
                    }
                }
            }
            Self::TrailingBits(part) => trailing_bits(part.of(&mut segments)?)?,
            Self::StandardAlphabet(part) => {
                let segment = part.of(&mut segments)?;
                let changed = segment.replace('-', "+").replace('_', "/");
                if changed == *segment {
                    return Err("the segment has neither - nor _".to_owned());
                }
                *segment = changed;
            }
            Self::Broken(part) => {
                let segment = part.of(&mut segments)?;
                segment.insert(segment.len() / 2, '\n');
            }
            Self::Segments(count) => segments.resize(*count, String::new()),
            Self::Before(text) => segments.first_mut().into_iter().for_each(|first| {
                first.insert_str(0, text);
            }),
            Self::After(text) => segments.last_mut().into_iter().for_each(|last| {
                last.push_str(text);
            }),
            Self::Replaced(part, text) => *part.of(&mut segments)? = text.clone(),
        }
        *token = segments.join(".");
        Ok(())
    }
}

impl Part {
    fn of(self, segments: &mut [String]) -> Result<&mut String, String> {
        let number = self as usize;
        segments
            .get_mut(number)
            .ok_or_else(|| format!("there is no segment {self:?}"))
    }
}

/// Sets a bit that the last character has and the bytes do not.
fn trailing_bits(segment: &mut String) -> Result<(), String> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    if segment.len().is_multiple_of(4) {
        return Err("the segment has no unused bits".to_owned());
    }
    let last = segment.pop().unwrap_or_default();
    let value = ALPHABET
        .iter()
        .position(|character| char::from(*character) == last)
        .ok_or("the segment is not base64url")?;
    segment.push(char::from(ALPHABET[value | 1]));
    Ok(())
}

fn hex(text: &str) -> Result<Vec<u8>, String> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|pair| {
            let pair = std::str::from_utf8(pair).map_err(|error| error.to_string())?;
            u8::from_str_radix(pair, 16).map_err(|error| format!("{text}: {error}"))
        })
        .collect()
}
