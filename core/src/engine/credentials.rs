//! Where the credentials of a request stand.

use super::bind::{Bound, Malformed};
use crate::identity::forwarded::{self, Peer, Unreadable};
use crate::identity::keyring::Place;
use crate::program::identity::{HeaderRef, Identity, TokenSource};

/// The same header, parameter or cookie is there more than once.
const TWICE: Malformed = Malformed("credential_twice");
/// Two places that have to say the same do not.
const MISMATCH: Malformed = Malformed("credential_mismatch");

/// A bearer token, and the issuers whose tokens may stand where it does; `None` for all.
#[derive(Clone, Copy)]
pub(super) struct Token<'p, 'a> {
    pub(super) text: &'a [u8],
    pub(super) issuers: Option<&'p [u32]>,
}

/// Calls `take` with every bearer token of the request, in the order of preference, each text once.
pub(super) fn tokens<'p, 'a, E: From<Malformed>>(
    bound: &Bound<'a>,
    places: &'p [Place],
    mut take: impl FnMut(Token<'p, 'a>) -> Result<(), E>,
) -> Result<(), E> {
    let field = bound.request.bearer;
    if let Some(text) = field {
        let issuers = None;
        take(Token { text, issuers })?;
    }
    let mut seen = field;
    for place in places {
        let Some(text) = at(bound, &place.source)? else {
            continue;
        };
        if let Some(field) = field
            && is_authorization(&place.source)
            && field != text
        {
            return Err(MISMATCH.into());
        }
        if seen != Some(text) {
            seen = Some(text);
            let issuers = Some(&*place.issuers);
            take(Token { text, issuers })?;
        }
    }
    Ok(())
}

/// The place that the field `bearer` is another way to fill.
fn is_authorization(source: &TokenSource) -> bool {
    matches!(source, TokenSource::Header { header, scheme }
        if *header.name == *"authorization" && scheme.as_deref() == Some("bearer"))
}

/// The API key of the request; all places have to agree.
pub(super) fn api_key<'a>(
    bound: &Bound<'a>,
    sources: &[TokenSource],
) -> Result<Option<&'a [u8]>, Malformed> {
    let mut key = bound.request.api_key;
    for source in sources {
        if let Some(text) = at(bound, source)?
            && *key.get_or_insert(text) != text
        {
            return Err(MISMATCH);
        }
    }
    Ok(key)
}

/// What stands at a place.
fn at<'a>(bound: &Bound<'a>, source: &TokenSource) -> Result<Option<&'a [u8]>, Malformed> {
    match source {
        TokenSource::Header { header, scheme } => {
            let value = self::header(bound, header)?;
            Ok(match scheme {
                Some(scheme) => value.and_then(|value| behind_scheme(value, scheme.as_bytes())),
                None => value,
            })
        }
        TokenSource::Query { slot, .. } => parameter(bound, *slot),
        TokenSource::Cookie { name, header } => cookie(bound, name.as_bytes(), header),
    }
}

/// The value of a header that may be there once.
fn header<'a>(bound: &Bound<'a>, header: &HeaderRef) -> Result<Option<&'a [u8]>, Malformed> {
    match bound.slots.headers.get(usize::from(header.slot)) {
        Some((first, 1)) => Ok(bound
            .request
            .headers
            .get(*first as usize)
            .map(|(_, value)| *value)),
        Some((_, 2..)) => Err(TWICE),
        _ => Ok(None),
    }
}

/// What stands behind a scheme and one space (RFC 9110 §11.4); nothing behind it is still a credential.
fn behind_scheme<'a>(value: &'a [u8], scheme: &[u8]) -> Option<&'a [u8]> {
    let (name, rest) = value.split_at_checked(scheme.len())?;
    if !name.eq_ignore_ascii_case(scheme) {
        return None;
    }
    match rest {
        [] => Some(rest),
        [b' ', token @ ..] => Some(token),
        _ => None,
    }
}

fn parameter<'a>(bound: &Bound<'a>, slot: u16) -> Result<Option<&'a [u8]>, Malformed> {
    // A path that came decoded has lost its query.
    if bound.request.path_decoded.is_some() {
        return Ok(None);
    }
    match bound.slots.query_counts.get(usize::from(slot)) {
        None | Some(0) => Ok(None),
        Some(1) => Ok(bound.parameters(slot).next()),
        Some(_) => Err(TWICE),
    }
}

/// The value of a cookie that is there once (RFC 6265 §4.2.1), in any of several fields (RFC 9113 §8.2.3).
fn cookie<'a>(
    bound: &Bound<'a>,
    name: &[u8],
    header: &HeaderRef,
) -> Result<Option<&'a [u8]>, Malformed> {
    let mut found = None;
    for value in fields(bound, header) {
        for pair in value.split(|byte| *byte == b';') {
            let pair = pair.trim_ascii();
            let value = pair
                .strip_prefix(name)
                .and_then(|rest| rest.strip_prefix(b"="));
            if value.is_some() && core::mem::replace(&mut found, value).is_some() {
                return Err(TWICE);
            }
        }
    }
    Ok(found)
}

/// The values of a header, in order.
fn fields<'a>(
    bound: &Bound<'a>,
    header: &HeaderRef,
) -> impl DoubleEndedIterator<Item = &'a [u8]> + use<'a> {
    let (first, count) = bound
        .slots
        .headers
        .get(usize::from(header.slot))
        .copied()
        .unwrap_or_default();
    let name = bound.program.inputs.headers.name(u32::from(header.slot));
    let after = if count == 0 {
        &[][..]
    } else {
        bound
            .request
            .headers
            .get(first as usize..)
            .unwrap_or_default()
    };
    let of_name = move |(field, _): &&(&[u8], &[u8])| field.eq_ignore_ascii_case(name);
    after.iter().filter(of_name).map(|(_, value)| *value)
}

/// What a trusted proxy forwards of its peer's certificate, as far as it does.
#[inline]
pub(super) fn forwarded<'a>(
    bound: &Bound<'a>,
    identity: &Identity,
    buffer: &'a mut [u8],
) -> Result<Forwarded<'a>, Malformed> {
    if identity.xfcc.is_none() && identity.client_cert.is_none() {
        return Ok(Ok(None));
    }
    let source = bound.slots.source_ip;
    let proxies = &bound.program.network.trusted_proxies;
    if source.is_none_or(|source| !proxies.contains(source)) {
        return Ok(Ok(None));
    }
    let mut peer = None;
    if let Some(xfcc) = &identity.xfcc {
        match elements(bound, &xfcc.header, xfcc.hops)? {
            Ok(found) => peer = found,
            Err(unreadable) => return Ok(Err(unreadable)),
        }
    }
    if let Some(header) = &identity.client_cert
        && let Some(value) = self::header(bound, header)?
    {
        let found = match forwarded::client_cert(value, buffer) {
            Ok(found) => found,
            Err(unreadable) => return Ok(Err(unreadable)),
        };
        peer = Some(match peer {
            None => found,
            Some(peer) => agreed(peer, found).ok_or(MISMATCH)?,
        });
    }
    Ok(Ok(peer))
}

/// The peer, if any is forwarded and it can be read.
pub(super) type Forwarded<'a> = Result<Option<Peer<'a>>, Unreadable>;

/// The element of X-Forwarded-Client-Cert that counts.
fn elements<'a>(
    bound: &Bound<'a>,
    header: &HeaderRef,
    hops: u32,
) -> Result<Forwarded<'a>, Malformed> {
    let mut values = fields(bound, header).peekable();
    match (bound.request.xfcc, values.peek()) {
        (None, None) => Ok(Ok(None)),
        (Some(field), None) => Ok(forwarded::xfcc([field].into_iter(), hops).map(Some)),
        (Some(field), Some(value)) if field != *value => Err(MISMATCH),
        _ => Ok(forwarded::xfcc(fields(bound, header), hops).map(Some)),
    }
}

/// Two headers of one certificate.
fn agreed<'a>(one: Peer<'a>, other: Peer<'a>) -> Option<Peer<'a>> {
    let same = |differ: bool| (!differ).then_some(());
    same(one.uri.is_some() && other.uri.is_some() && one.uri != other.uri)?;
    same(one.certificate.is_some() && one.certificate != other.certificate)?;
    Some(Peer {
        uri: one.uri.or(other.uri),
        certificate: other.certificate,
    })
}
