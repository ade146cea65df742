//! Certificates that a proxy forwards: X-Forwarded-Client-Cert (Envoy) and Client-Cert (RFC 9440).

use super::certificate::{self, Leaf};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What a forwarded certificate says of the peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Peer<'a> {
    /// The one URI among its alternative names.
    pub(crate) uri: Option<&'a [u8]>,
    /// SHA-256 of the certificate.
    pub(crate) certificate: Option<[u8; 32]>,
}

/// It cannot be read, or has two readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable;

/// Longest value of X-Forwarded-Client-Cert, in bytes: whole chains may stand there.
pub(crate) const MAX_XFCC_BYTES: usize = 64 << 10;
/// Longest forwarded certificate, in bytes.
pub(crate) const MAX_CERTIFICATE_BYTES: usize = 8 << 10;

/// The element that is `hops` from the right, counted from 1, over all fields of the name.
/// With less elements than that, a proxy that is trusted did not say who its peer is.
pub(crate) fn xfcc<'a>(
    fields: impl DoubleEndedIterator<Item = &'a [u8]>,
    hops: u32,
) -> Result<Peer<'a>, Unreadable> {
    let mut left = hops as usize;
    for field in fields.rev() {
        if field.len() > MAX_XFCC_BYTES {
            return Err(Unreadable);
        }
        let count =
            pieces(field, b',').try_fold(0, |count, piece| Ok(count + piece.map(|_| 1)?))?;
        if left <= count {
            let element = pieces(field, b',').nth(count - left).ok_or(Unreadable)??;
            return peer(element);
        }
        left -= count;
    }
    Err(Unreadable)
}

fn peer(element: &[u8]) -> Result<Peer<'_>, Unreadable> {
    let (mut uri, mut hash) = (None, None);
    for pair in pieces(element, b';') {
        let pair = pair?.trim_ascii();
        let equals = pair.iter().position(|byte| *byte == b'=');
        let (name, value) = match equals.and_then(|at| pair.split_at_checked(at)) {
            Some((name, [_, value @ ..])) => (name, unquoted(value)?),
            _ => return Err(Unreadable),
        };
        let once = if name.eq_ignore_ascii_case(b"uri") {
            uri.replace(value)
        } else if name.eq_ignore_ascii_case(b"hash") {
            hash.replace(value)
        } else {
            None
        };
        if once.is_some() {
            return Err(Unreadable);
        }
    }
    let certificate = match hash {
        Some(hash) => Some(hexadecimal(hash).ok_or(Unreadable)?),
        None => None,
    };
    Ok(Peer {
        // A certificate without such a name.
        uri: uri.filter(|uri| !uri.is_empty()),
        certificate,
    })
}

/// Cuts text at a byte outside of quotes; what has a quote without its partner cannot be read.
fn pieces(text: &[u8], at: u8) -> impl Iterator<Item = Result<&[u8], Unreadable>> {
    let mut rest = Some(text);
    core::iter::from_fn(move || {
        let text = rest.take()?;
        let (mut quoted, mut escaped) = (false, false);
        for (place, byte) in text.iter().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                byte if *byte == at && !quoted => {
                    let (piece, after) = text.split_at_checked(place)?;
                    rest = after.get(1..);
                    return Some(Ok(piece));
                }
                _ => {}
            }
        }
        Some(if quoted { Err(Unreadable) } else { Ok(text) })
    })
}

/// A value without the quotes around it. Quotes within are escaped, and stay as they are: no
/// value with some is a URI or a hash.
fn unquoted(value: &[u8]) -> Result<&[u8], Unreadable> {
    let Some(inner) = value.strip_prefix(b"\"") else {
        return if value.contains(&b'"') {
            Err(Unreadable)
        } else {
            Ok(value)
        };
    };
    let inner = inner.strip_suffix(b"\"").ok_or(Unreadable)?;
    let mut escaped = false;
    for byte in inner {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Err(Unreadable),
            _ => {}
        }
    }
    if escaped { Err(Unreadable) } else { Ok(inner) }
}

fn hexadecimal(text: &[u8]) -> Option<[u8; 32]> {
    let (pairs, []) = text.as_chunks::<2>() else {
        return None;
    };
    let mut bytes = [0; 32];
    if pairs.len() != bytes.len() {
        return None;
    }
    let digit = |digit: u8| char::from(digit).to_digit(16);
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = u8::try_from(digit(*high)? << 4 | digit(*low)?).ok()?;
    }
    Some(bytes)
}

/// The certificate of a Client-Cert field, a byte sequence of structured fields (RFC 8941 §3.3.5), decoded into `buffer`.
pub(crate) fn client_cert<'a>(value: &[u8], buffer: &'a mut [u8]) -> Result<Peer<'a>, Unreadable> {
    let [b':', encoded @ .., b':'] = value.trim_ascii() else {
        return Err(Unreadable);
    };
    if encoded.len() > MAX_CERTIFICATE_BYTES / 3 * 4 {
        return Err(Unreadable);
    }
    let length = STANDARD
        .decode_slice(encoded, buffer)
        .map_err(|_| Unreadable)?;
    let der = buffer.get(..length).ok_or(Unreadable)?;
    let Leaf { uri } = certificate::read(der).ok_or(Unreadable)?;
    Ok(Peer {
        uri,
        certificate: Some(crate::crypto::sha256(der)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688";

    #[test]
    fn elements_are_counted_from_the_right() {
        let two = "By=spiffe://a/x;URI=spiffe://a/first,By=b;Hash=00;URI=spiffe://a/second";
        let uri = |fields: &[&'static str], hops| {
            xfcc(fields.iter().map(|field| field.as_bytes()), hops).map(|peer| peer.uri)
        };
        assert_eq!(uri(&[two], 2), Ok(Some(&b"spiffe://a/first"[..])));
        assert_eq!(uri(&[two], 1), Err(Unreadable), "a hash that is none");
        assert_eq!(uri(&["URI=a", "URI=b,URI=c"], 3), Ok(Some(&b"a"[..])));
        assert_eq!(uri(&["URI=a", "URI=b,URI=c"], 1), Ok(Some(&b"c"[..])));
        assert_eq!(uri(&["URI=a"], 2), Err(Unreadable));
        assert_eq!(uri(&[], 1), Err(Unreadable));
    }

    #[test]
    fn one_element_has_one_reading() {
        let rows: &[(&str, Option<&str>, bool)] = &[
            ("URI=spiffe://a/b", Some("spiffe://a/b"), false),
            ("uri=\"spiffe://a/b\"", Some("spiffe://a/b"), false),
            (
                "By=x;Hash={};Subject=\"/C=US;URI=spiffe://a/no,CN=x\";URI=y",
                Some("y"),
                true,
            ),
            (
                "By=x;Hash={};Subject=\"a \\\" ; b\";URI=y;DNS=a;DNS=b",
                Some("y"),
                true,
            ),
            ("By=x;URI=", None, false),
            ("By=x", None, false),
        ];
        for (element, uri, hash) in rows {
            let element = element.replace("{}", HASH);
            let peer = xfcc([element.as_bytes()].into_iter(), 1).unwrap();
            assert_eq!(peer.uri, uri.map(str::as_bytes), "{element}");
            assert_eq!(peer.certificate.is_some(), *hash, "{element}");
        }
        for element in [
            "",
            "URI",
            "URI=a;URI=b",
            "URI=a;uri=b",
            "Subject=\"a;URI=b",
            "URI=a\"",
            "URI=a\"b\"",
            "Subject=a\"b\";URI=a",
            "Subject=\"a\"b;URI=a",
            "URI=a;URI=",
            "Hash=zz;URI=a",
            "URI=a;",
            ";URI=a",
        ] {
            assert_eq!(
                xfcc([element.as_bytes()].into_iter(), 1),
                Err(Unreadable),
                "{element}"
            );
        }
        let long = vec![b'a'; MAX_XFCC_BYTES + 1];
        assert_eq!(xfcc([&long[..]].into_iter(), 1), Err(Unreadable));
    }

    #[test]
    fn a_certificate_is_a_byte_sequence() {
        let mut buffer = [0; MAX_CERTIFICATE_BYTES];
        for value in [
            "",
            ":",
            "::",
            "MIIB",
            ":MIIB",
            ":M$:",
            ":AAAA:;a=1",
            ":AAAA:, :AAAA:",
        ] {
            assert_eq!(
                client_cert(value.as_bytes(), &mut buffer),
                Err(Unreadable),
                "{value}"
            );
        }
    }
}
