//! Base64url without padding (RFC 4648 §5, RFC 7515 §2), in its one canonical form.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Appends what a text encodes; none, and nothing appended, if it is not the one encoding of anything.
pub(crate) fn decode_into(text: &[u8], bytes: &mut Vec<u8>) -> Option<()> {
    let start = bytes.len();
    bytes.resize(start + text.len().div_ceil(4) * 3, 0);
    let room = bytes.get_mut(start..)?;
    let decoded = URL_SAFE_NO_PAD.decode_slice(text, room).ok();
    bytes.truncate(start + decoded.unwrap_or(0));
    decoded.map(|_| ())
}

/// What a text encodes; none if it is not the one encoding of anything.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    decode_into(text, &mut bytes)?;
    Some(bytes)
}

/// A digest of 32 bytes, without taking memory.
pub(crate) fn decode_digest(text: &[u8]) -> Option<[u8; 32]> {
    let mut room = [0; 36];
    let length = URL_SAFE_NO_PAD.decode_slice(text, &mut room).ok()?;
    room.get(..length)?.try_into().ok()
}

/// The one encoding of some bytes.
pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
