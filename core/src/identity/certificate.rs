//! The few parts of an X.509 certificate (RFC 5280 §4) that tell which workload it is of.
//!
//! The peer that forwards it has verified it; here it is read, and refused if
//! it has two readings or belongs to an authority.

/// What a leaf certificate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leaf<'a> {
    /// The URI among its alternative names; no more than one.
    pub(crate) uri: Option<&'a [u8]>,
}

const BOOLEAN: u8 = 0x01;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OBJECT: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
const URI_NAME: u8 = 0x86;

const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];

/// Signing certificates and revocation lists, bits 5 and 6 of the key usage.
const AUTHORITY_USES: u8 = 0x04 | 0x02;

/// Reads a certificate of no authority; `None` if it is another, or no certificate.
pub(crate) fn read(der: &[u8]) -> Option<Leaf<'_>> {
    let mut outer = Der(der);
    let mut certificate = Der(outer.take(SEQUENCE)?);
    let mut fields = Der(certificate.take(SEQUENCE)?);
    // The signature's algorithm, and the signature.
    certificate.take(SEQUENCE)?;
    certificate.take(BIT_STRING)?;
    if !outer.is_empty() || !certificate.is_empty() {
        return None;
    }
    if fields.tag() == Some(VERSION) {
        fields.next()?;
    }
    // Serial number, algorithm, issuer, validity, subject, public key.
    for _ in 0..6 {
        fields.next()?;
    }
    let mut leaf = Leaf { uri: None };
    while !fields.is_empty() {
        let (tag, content) = fields.next()?;
        if tag == EXTENSIONS {
            let mut wrapped = Der(content);
            extensions(Der(wrapped.take(SEQUENCE)?), &mut leaf)?;
            if !wrapped.is_empty() {
                return None;
            }
        }
    }
    Some(leaf)
}

fn extensions<'a>(mut list: Der<'a>, leaf: &mut Leaf<'a>) -> Option<()> {
    let mut named = false;
    while !list.is_empty() {
        let mut extension = Der(list.take(SEQUENCE)?);
        let object = extension.take(OBJECT)?;
        if extension.tag() == Some(BOOLEAN) {
            extension.next()?;
        }
        let mut value = Der(extension.take(OCTET_STRING)?);
        if !extension.is_empty() {
            return None;
        }
        match object {
            ALTERNATIVE_NAMES => {
                // An extension is there once (RFC 5280 §4.2).
                if core::mem::replace(&mut named, true) {
                    return None;
                }
                leaf.uri = alternative_uri(Der(value.take(SEQUENCE)?))?;
            }
            BASIC_CONSTRAINTS => {
                let mut constraints = Der(value.take(SEQUENCE)?);
                let authority =
                    constraints.tag() == Some(BOOLEAN) && constraints.take(BOOLEAN)? != [0];
                if authority {
                    return None;
                }
            }
            KEY_USAGE => {
                let bits = value.take(BIT_STRING)?;
                let [_, uses, ..] = bits else { return None };
                if uses & AUTHORITY_USES != 0 {
                    return None;
                }
            }
            _ => {}
        }
    }
    Some(())
}

/// The one URI, if there is any.
fn alternative_uri(mut names: Der<'_>) -> Option<Option<&[u8]>> {
    let mut uri = None;
    while !names.is_empty() {
        let (tag, content) = names.next()?;
        if tag == URI_NAME && uri.replace(content).is_some() {
            return None;
        }
    }
    Some(uri)
}

/// Elements in distinguished encoding (X.690), one behind the other.
#[derive(Clone, Copy)]
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn tag(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The content of the next element, if it has this tag.
    fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (found, content) = self.next()?;
        (found == tag).then_some(content)
    }

    /// Tag and content of the next element. Lengths are definite, and as short as they can be written.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let [tag, first, rest @ ..] = self.0 else {
            return None;
        };
        // Tags of several bytes stand nowhere in a certificate.
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (length, rest) = match (*first, rest) {
            (short, rest) if short < 0x80 => (usize::from(short), rest),
            (0x81, [length @ 0x80..=0xff, rest @ ..]) => (usize::from(*length), rest),
            (0x82, [high @ 1..=0xff, low, rest @ ..]) => {
                (usize::from(u16::from_be_bytes([*high, *low])), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((*tag, content))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        let [high, low] = u16::try_from(content.len()).unwrap().to_be_bytes();
        let mut out = vec![tag];
        match (high, low) {
            (0, 0..0x80) => out.push(low),
            (0, _) => out.extend([0x81, low]),
            _ => out.extend([0x82, high, low]),
        }
        out.extend(content);
        out
    }

    fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
        element(SEQUENCE, &parts.concat())
    }

    fn extension(object: &[u8], value: &[u8]) -> Vec<u8> {
        sequence(&[element(OBJECT, object), element(OCTET_STRING, value)])
    }

    fn names(uris: &[&str]) -> Vec<u8> {
        let mut names = vec![element(0x82, b"a.example")];
        names.extend(uris.iter().map(|uri| element(URI_NAME, uri.as_bytes())));
        extension(ALTERNATIVE_NAMES, &sequence(&names))
    }

    fn certificate(extensions: &[Vec<u8>]) -> Vec<u8> {
        let mut fields = vec![element(VERSION, &element(2, &[2]))];
        fields.push(element(2, &[1]));
        fields.extend((0..5).map(|_| sequence(&[element(OBJECT, &[0x2a; 40])])));
        fields.push(element(EXTENSIONS, &sequence(extensions)));
        sequence(&[
            sequence(&fields),
            sequence(&[]),
            element(BIT_STRING, &[0, 1]),
        ])
    }

    #[test]
    fn a_leaf_has_one_uri() {
        let uri = "spiffe://prod.example/ns/pos";
        let usage = |bits| extension(KEY_USAGE, &element(BIT_STRING, &[1, bits]));
        let constraint = |parts: &[Vec<u8>]| extension(BASIC_CONSTRAINTS, &sequence(parts));
        let found = Some(Leaf {
            uri: Some(uri.as_bytes()),
        });
        let authority = [0xff, 1].map(|byte| constraint(&[element(BOOLEAN, &[byte])]));
        let rows = [
            (vec![names(&[uri])], found),
            (vec![names(&[uri]), usage(0x80), constraint(&[])], found),
            (
                vec![constraint(&[element(BOOLEAN, &[0])]), names(&[uri])],
                found,
            ),
            (vec![names(&[])], Some(Leaf { uri: None })),
            (vec![], Some(Leaf { uri: None })),
            (vec![names(&[uri, uri])], None),
            (vec![names(&[uri]), names(&[uri])], None),
            (vec![names(&[uri]), usage(0x84)], None),
            (vec![names(&[uri]), usage(0x02)], None),
            (vec![names(&[uri]), authority[0].clone()], None),
            (vec![names(&[uri]), authority[1].clone()], None),
        ];
        for (at, (extensions, expected)) in rows.iter().enumerate() {
            assert_eq!(read(&certificate(extensions)), *expected, "row {at}");
        }
    }

    #[test]
    fn what_is_cut_or_longer_is_none() {
        let whole = certificate(&[names(&["spiffe://a/b"])]);
        for end in 0..whole.len() {
            assert_eq!(read(&whole[..end]), None, "{end}");
        }
        let mut longer = whole.clone();
        longer.push(0);
        assert_eq!(read(&longer), None);
        // Whatever one byte becomes, it is read or refused.
        for at in 0..whole.len() {
            for byte in [0, 1, 0x30, 0x80, 0x84, 0xff] {
                let mut other = whole.clone();
                other[at] = byte;
                let _ = read(&other);
            }
        }
    }
}
