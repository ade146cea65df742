//! Binding: the request is checked, its path normalised, and what the policy reads is found once.

use super::query;
use super::scratch::{Buffers, NONE, Slots};
use crate::bytes::{holds_either, is_name, is_printable};
use crate::limits::{MAX_APPROVALS, MAX_HEADER_NAME, MAX_HEADERS, MAX_ITEMS};
use crate::pattern::cidr::parse_ip;
use crate::pattern::host::{Host, normalize_host};
use crate::pattern::path::{
    Normalized, PathError, Segments, TrailingSlash, canonical_decoded, normalize,
};
use crate::program::vocabulary::AttributeType;
use crate::program::{Declared, Owner, Program};
use crate::request::{Attribute, Request, Value};
use core::net::IpAddr;

/// Why a request cannot be read: the decision's `detail`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Malformed(pub(super) &'static str);

/// A request that can be read, and where its parts are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound<'a> {
    pub(super) program: &'a Program,
    pub(super) request: &'a Request<'a>,
    pub(super) path: Option<Normalized<'a>>,
    pub(super) segments: &'a Segments,
    pub(super) host: Option<Host<'a>>,
    pub(super) methods: u32,
    pub(super) slots: &'a Slots,
}

/// The client's address, as far as it can be told.
#[derive(Clone, Copy, Debug)]
pub(super) enum RemoteIp {
    Absent,
    Known(IpAddr),
    /// A trusted proxy forwards something that is no address, or less than it should.
    Unclear,
}

impl<'a> Bound<'a> {
    /// The path as patterns see it: without its final slash where that makes no difference.
    #[inline]
    pub(super) fn compared_path(&self) -> Option<&'a [u8]> {
        let path = self.path?;
        let drop = path.trailing_slash && self.program.trailing_slash != TrailingSlash::Distinct;
        Some(if drop {
            path.path.strip_suffix(b"/").unwrap_or(path.path)
        } else {
            path.path
        })
    }

    /// Whether the request is about the server as a whole, which no route and no template is.
    #[inline]
    pub(super) fn is_about_server(&self) -> bool {
        self.path.is_some_and(is_asterisk)
    }

    /// The decoded values of a query parameter that the policy reads.
    #[inline]
    pub(super) fn parameters(&self, id: u16) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let Slots {
            parameters,
            decoded,
            ..
        } = self.slots;
        let of_name = parameters.iter().filter(move |(name, ..)| *name == id);
        of_name.filter_map(|(_, start, len)| {
            decoded.get(usize::from(*start)..usize::from(*start) + usize::from(*len))
        })
    }

    /// Whether a final slash counts as an empty segment.
    #[inline]
    pub(super) fn final_slash(&self) -> bool {
        self.program.trailing_slash == TrailingSlash::Distinct
            && self.path.is_some_and(|path| path.trailing_slash)
    }
}

/// Checks the request and finds what the policy reads of it.
#[inline(always)]
pub(super) fn bind<'a>(
    program: &'a Program,
    request: &'a Request<'a>,
    buffers: &'a mut Buffers,
) -> Result<Bound<'a>, Malformed> {
    let Buffers {
        path,
        segments,
        host,
        slots,
    } = buffers;
    if !asks_something(request) {
        return Err(Malformed("nothing_asked"));
    }
    let slash = program.trailing_slash;
    let refused = |error: PathError| Malformed(error.slug());
    let path = match (request.path, request.path_decoded) {
        (Some(target), None) => {
            Some(normalize(target, program.normalize, slash, path, segments).map_err(refused)?)
        }
        (None, Some(decoded)) => {
            Some(canonical_decoded(decoded, slash, path, segments).map_err(refused)?)
        }
        (None, None) => None,
        (Some(_), Some(_)) => return Err(Malformed("path_twice")),
    };
    if path.is_some_and(is_asterisk) && request.method != Some(b"OPTIONS") {
        return Err(refused(PathError::NotAbsolute));
    }
    let host = match request.host {
        Some(raw) => Some(normalize_host(raw, host).map_err(|_| Malformed("host"))?),
        None => None,
    };
    let methods = program
        .methods
        .of_request(request.method)
        .ok_or(Malformed("method"))?;
    check_sizes(request)?;
    if let Some(text) = request.source_ip {
        bind_addresses(program, request, text, slots)?;
    } else {
        (slots.source_ip, slots.remote_ip) = (None, RemoteIp::Absent);
    }
    bind_headers(program, request, &mut slots.headers)?;
    if !program.inputs.queries.is_empty() {
        query::bind(program, path.and_then(|path| path.query), slots);
    }
    if !slots.attributes.is_empty() {
        bind_attributes(program, request, &mut slots.attributes)?;
    }
    Ok(Bound {
        program,
        request,
        path,
        segments,
        host,
        methods,
        slots,
    })
}

/// Whether the target is `*`, which only OPTIONS has (RFC 9112 §3.2.4).
#[inline]
fn is_asterisk(path: Normalized<'_>) -> bool {
    path.path == b"*"
}

/// Whether the request says anything that a rule could be about.
#[inline]
fn asks_something(request: &Request<'_>) -> bool {
    request.path.is_some()
        || request.path_decoded.is_some()
        || request.action.is_some()
        || request.resource.is_some()
        || request.host.is_some()
        || request.source_ip.is_some()
        || request.peer.is_some()
}

/// Names and ids are text of a bounded length; lists are bounded.
#[inline]
fn check_sizes(request: &Request<'_>) -> Result<(), Malformed> {
    check_name(request.action, "action")?;
    if let Some(resource) = &request.resource {
        check_name(resource.kind, "resource_type")?;
        check_name(resource.id, "resource_id")?;
        check_count(resource.attributes.len())?;
    }
    check_count(request.attributes.len())?;
    if request.approvals.len() > MAX_APPROVALS {
        return Err(Malformed("too_many_items"));
    }
    if let Some(roles) = request.active_roles {
        check_count(roles.len())?;
    }
    Ok(())
}

#[inline]
fn check_count(count: usize) -> Result<(), Malformed> {
    if count > MAX_ITEMS {
        Err(Malformed("too_many_items"))
    } else {
        Ok(())
    }
}

#[inline]
fn check_name(name: Option<&[u8]>, what: &'static str) -> Result<(), Malformed> {
    match name {
        Some(name) if !is_name(name) => Err(Malformed(what)),
        _ => Ok(()),
    }
}

/// The principal's own lists are bounded, its names are names. Those of its roles are left to their resolution.
#[inline(always)]
pub(super) fn check_principal(principal: &crate::request::Principal<'_>) -> Result<(), Malformed> {
    if !is_name(principal.id) {
        return Err(Malformed("principal_id"));
    }
    check_name(principal.provider, "principal_provider")?;
    check_count(principal.roles.len())?;
    check_count(principal.groups.len())?;
    check_count(principal.attributes.len())?;
    check_names(principal.groups)
}

/// Names of roles or groups that a principal brings.
#[inline(always)]
pub(super) fn check_names(names: &[&[u8]]) -> Result<(), Malformed> {
    if names.is_empty() || are_names(names) {
        Ok(())
    } else {
        Err(Malformed("principal_names"))
    }
}

#[inline(never)]
fn are_names(names: &[&[u8]]) -> bool {
    names.iter().all(|name| is_name(name))
}

#[inline]
fn is_field_name(name: &[u8]) -> bool {
    let plain = is_printable(name) || !name.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n'));
    !name.is_empty() && plain && !holds_either(name, b':', b' ')
}

#[inline]
fn is_field_value(value: &[u8]) -> bool {
    is_printable(value) || !value.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n'))
}

fn bind_headers(
    program: &Program,
    request: &Request<'_>,
    slots: &mut [(u32, u32)],
) -> Result<(), Malformed> {
    if request.headers.len() > MAX_HEADERS {
        return Err(Malformed("too_many_headers"));
    }
    slots.fill((NONE, 0));
    for (at, (name, value)) in request.headers.iter().enumerate() {
        if !is_field_name(name) || !is_field_value(value) {
            return Err(Malformed("header"));
        }
        if slots.is_empty() {
            continue;
        }
        if let Some(slot) = header_slot(program, name).and_then(|slot| slots.get_mut(slot as usize))
        {
            if slot.0 == NONE {
                slot.0 = u32::try_from(at).unwrap_or(NONE);
            }
            slot.1 += 1;
        }
    }
    Ok(())
}

#[inline]
fn header_slot(program: &Program, name: &[u8]) -> Option<u32> {
    let mut lower = [0u8; MAX_HEADER_NAME];
    let lower = lower.get_mut(..name.len())?;
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    program.inputs.headers.get(0, lower)
}

fn bind_attributes(
    program: &Program,
    request: &Request<'_>,
    slots: &mut [u32],
) -> Result<(), Malformed> {
    slots.fill(NONE);
    bind_owner(program, Owner::Request, request.attributes, slots)?;
    if let Some(principal) = &request.principal
        && program.identity.trust_host_principal
    {
        bind_owner(program, Owner::Principal, principal.attributes, slots)?;
    }
    match &request.resource {
        Some(resource) => bind_owner(program, Owner::Resource, resource.attributes, slots),
        None => Ok(()),
    }
}

fn bind_owner(
    program: &Program,
    owner: Owner,
    given: &[Attribute<'_>],
    slots: &mut [u32],
) -> Result<(), Malformed> {
    for (at, (name, value)) in given.iter().enumerate() {
        // What is not declared cannot be used, and is not looked at.
        let Some(id) = program.inputs.attribute_names.get(owner as u32, name) else {
            continue;
        };
        let (Some(slot), Some(declared)) = (
            slots.get_mut(id as usize),
            program.inputs.attributes.get(id as usize),
        ) else {
            continue;
        };
        if *slot != NONE {
            return Err(Malformed("attribute_twice"));
        }
        if typed(*value, *declared).is_none() {
            return Err(Malformed("attribute_type"));
        }
        *slot = u32::try_from(at).unwrap_or(NONE);
    }
    Ok(())
}

/// The value as it is declared; text is parsed where an address, a time or a duration is.
pub(super) fn typed(value: Value<'_>, declared: Declared) -> Option<Value<'_>> {
    let text = |bytes| core::str::from_utf8(bytes).ok();
    let is_text = |bytes| is_printable(bytes) || text(bytes).is_some();
    Some(match (declared.ty, value) {
        (AttributeType::String, Value::String(bytes)) if is_text(bytes) => value,
        (AttributeType::Int, Value::Int(_))
        | (AttributeType::Double, Value::Double(_))
        | (AttributeType::Bool, Value::Bool(_)) => value,
        #[expect(
            clippy::cast_precision_loss,
            reason = "a whole number given where a double is declared"
        )]
        (AttributeType::Double, Value::Int(number)) => Value::Double(number as f64),
        (AttributeType::Timestamp, Value::Timestamp(_))
        | (AttributeType::Duration, Value::Duration(_)) => value,
        (AttributeType::Timestamp, Value::String(bytes)) => {
            Value::Timestamp(crate::time::parse_timestamp(text(bytes)?)?)
        }
        (AttributeType::Duration, Value::String(bytes)) => {
            Value::Duration(crate::time::parse_duration(text(bytes)?)?)
        }
        (AttributeType::Ip, Value::Ip(ip)) => Value::Ip(ip.to_canonical()),
        (AttributeType::Ip, Value::String(bytes)) => Value::Ip(parse_ip(bytes)?),
        (AttributeType::StringList, Value::List(items)) => {
            let strings = items
                .iter()
                .all(|item| matches!(item, Value::String(bytes) if text(bytes).is_some()));
            if strings { value } else { return None }
        }
        _ => return None,
    })
}

fn bind_addresses(
    program: &Program,
    request: &Request<'_>,
    source: &[u8],
    slots: &mut Slots,
) -> Result<(), Malformed> {
    let source = parse_ip(source).ok_or(Malformed("source_ip"))?;
    slots.source_ip = Some(source);
    slots.remote_ip = if program.inputs.remote_ip {
        remote_ip(program, request, source)
    } else {
        RemoteIp::Absent
    };
    Ok(())
}

/// The client's address: that many entries from the right of X-Forwarded-For, if the peer is a trusted proxy.
fn remote_ip(program: &Program, request: &Request<'_>, peer: IpAddr) -> RemoteIp {
    let network = &program.network;
    if network.xff_hops == 0 || !network.trusted_proxies.contains(peer) {
        return RemoteIp::Known(peer);
    }
    let fields = request
        .headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case(b"x-forwarded-for"));
    let mut entries = fields
        .rev()
        .flat_map(|(_, value)| value.rsplit(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii);
    // A trusted proxy that says nothing, perhaps because it was told to drop the field, is not the client.
    let entry = entries
        .nth(network.xff_hops as usize - 1)
        .and_then(parse_ip);
    entry.map_or(RemoteIp::Unclear, RemoteIp::Known)
}
