//! What predicates read: the bound request, its caller and its action.

use super::bind::{Bound, RemoteIp, typed};
use super::scratch::{NONE, Slots};
use crate::pattern::host::Host;
use crate::pattern::path::TrailingSlash;
use crate::program::condition::Arena;
use crate::program::predicate::{ComparedPath, ConditionPart, Facts, Slot, Values};
use crate::program::roles::{RoleId, RoleSet};
use crate::program::vocabulary::Truth;
use crate::program::{Owner, Route};
use crate::request::{Attribute, Principal, Value};

/// Who is calling.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller<'a> {
    pub(super) provider: &'a [u8],
    pub(super) id: &'a [u8],
    /// What a host vouches for beside the id.
    pub(super) given: Option<&'a Principal<'a>>,
}

impl<'a> Caller<'a> {
    #[inline]
    pub(super) fn roles(&self) -> &'a [&'a [u8]] {
        self.given.map_or(&[], |given| given.roles)
    }

    #[inline]
    pub(super) fn groups(&self) -> &'a [&'a [u8]] {
        self.given.map_or(&[], |given| given.groups)
    }

    fn attributes(&self) -> &'a [Attribute<'a>] {
        self.given.map_or(&[], |given| given.attributes)
    }
}

/// What the request means.
#[derive(Clone, Copy, Debug)]
pub(super) struct Action<'a> {
    pub(super) name: &'a [u8],
    /// Its number, if the policy declares it.
    pub(super) id: Option<u32>,
    /// The route that named it.
    pub(super) route: Option<&'a Route>,
}

/// A request with its caller and its action.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) bound: Bound<'a>,
    pub(super) caller: Option<Caller<'a>>,
    pub(super) action: Option<Action<'a>>,
    /// The time that is decided by, where the policy asks for it.
    pub(super) now: i64,
}

impl<'a> View<'a> {
    /// The value of a slot.
    pub(super) fn value(&self, slot: Slot) -> Values<'a> {
        let Self {
            bound,
            caller,
            action,
            ..
        } = self;
        let request = bound.request;
        match slot {
            Slot::Method => match request.method {
                Some(b"HEAD") if bound.program.methods.head_as_get() => {
                    Values::Names(&[b"HEAD", b"GET"])
                }
                method => text(method),
            },
            Slot::RequestMethod => text(request.method),
            // A path that came decoded has lost its query.
            Slot::Query(_) | Slot::QueryText | Slot::Target if request.path_decoded.is_some() => {
                Values::Open(Truth::Undecided)
            }
            Slot::Target => text(request.path),
            Slot::QueryText => text(bound.path.and_then(|path| path.query)),
            Slot::RequestId => text(request.id),
            Slot::Cost => Values::One(Value::Int(
                i64::try_from(request.cost.unwrap_or(1)).unwrap_or(i64::MAX),
            )),
            Slot::Time => Values::One(Value::Timestamp(self.now)),
            Slot::SourceAddress => text(request.source_ip),
            Slot::PeerCertificate => text(request.peer_cert_sha256),
            Slot::Path => text(bound.compared_path()),
            Slot::Host => text(bound.host.map(|host| host.name)),
            Slot::Authority => text(request.host),
            Slot::Header(id) => self.header(id),
            Slot::Query(id) => self.parameter(id),
            Slot::Attribute(id) => self.attribute(id),
            Slot::SourceIp => bound
                .slots
                .source_ip
                .map_or(Values::Absent, |ip| Values::One(Value::Ip(ip))),
            Slot::RemoteIp => match bound.slots.remote_ip {
                RemoteIp::Absent => Values::Absent,
                RemoteIp::Known(ip) => Values::One(Value::Ip(ip)),
                RemoteIp::Unclear => Values::Open(Truth::Undecided),
            },
            Slot::Peer => text(
                request
                    .peer
                    .filter(|_| bound.program.identity.trust_host_peer),
            ),
            Slot::PrincipalId => text(caller.map(|caller| caller.id)),
            Slot::PrincipalProvider => text(caller.map(|caller| caller.provider)),
            Slot::Roles => caller.map_or(Values::Absent, |_| Values::One(Value::Bool(true))),
            Slot::Groups => caller.map_or(Values::Absent, |caller| Values::Names(caller.groups())),
            Slot::Scopes => caller.map_or(Values::Absent, |_| Values::Names(&[])),
            Slot::Action => text(action.map(|action| action.name)),
            Slot::ResourceType => text(request.resource.and_then(|resource| resource.kind)),
            Slot::ResourceId => text(request.resource.and_then(|resource| resource.id)),
            Slot::Segment(at) => self.segment(usize::from(at)),
            Slot::Capture(name) => {
                let captures = action
                    .and_then(|action| action.route)
                    .map_or(&[][..], |route| &route.captures);
                let found = captures.iter().find(|(capture, _)| *capture == name);
                found.map_or(Values::Absent, |(_, at)| self.segment(usize::from(*at)))
            }
        }
    }

    fn segment(&self, at: usize) -> Values<'a> {
        match self.bound.path {
            Some(path) if at < self.bound.segments.count() => {
                Values::One(Value::String(self.bound.segments.get(at, path.path)))
            }
            _ => Values::Absent,
        }
    }

    fn header(&self, id: u16) -> Values<'a> {
        let fields = self.bound.request.headers;
        match self.bound.slots.headers.get(usize::from(id)) {
            Some((first, 1)) => fields
                .get(*first as usize)
                .map_or(Values::Absent, |(_, value)| {
                    Values::One(Value::String(value))
                }),
            Some((first, _)) if *first != NONE => Values::Headers {
                fields,
                name: self.bound.program.inputs.headers.name(u32::from(id)),
            },
            _ => Values::Absent,
        }
    }

    fn parameter(&self, id: u16) -> Values<'a> {
        let Slots {
            parameters,
            decoded,
            query_counts,
            ..
        } = self.bound.slots;
        match query_counts.get(usize::from(id)) {
            Some(1) => {
                let found = parameters.iter().find(|(name, ..)| *name == id);
                let value = found.and_then(|(_, start, len)| {
                    decoded.get(usize::from(*start)..usize::from(*start) + usize::from(*len))
                });
                text(value)
            }
            Some(0) | None => Values::Absent,
            Some(_) => Values::Parameters {
                values: parameters,
                decoded,
                name: id,
            },
        }
    }

    /// Whether a declared attribute is the principal's.
    pub(super) fn is_principals(&self, id: u16) -> bool {
        let declared = self.bound.program.inputs.attributes.get(usize::from(id));
        declared.is_some_and(|declared| declared.owner == Owner::Principal)
    }

    /// The value of a declared attribute as it was given.
    pub(super) fn given(&self, id: u16) -> Option<&'a Value<'a>> {
        let bound = &self.bound;
        let at = *bound.slots.attributes.get(usize::from(id))?;
        let given = match bound.program.inputs.attributes.get(usize::from(id))?.owner {
            Owner::Principal => self.caller?.attributes(),
            Owner::Request => bound.request.attributes,
            Owner::Resource => bound.request.resource.as_ref()?.attributes,
        };
        given.get(at as usize).map(|(_, value)| value)
    }

    fn attribute(&self, id: u16) -> Values<'a> {
        let Some(declared) = self.bound.program.inputs.attributes.get(usize::from(id)) else {
            return Values::Absent;
        };
        match self.given(id).and_then(|value| typed(*value, *declared)) {
            Some(Value::List(items)) => Values::Many(items),
            Some(value) => Values::One(value),
            None if declared.optional => Values::Absent,
            // Only a principal can be missing by not having identified itself.
            None if declared.owner == Owner::Principal && self.caller.is_none() => Values::Absent,
            None => Values::Open(Truth::Undecided),
        }
    }
}

#[inline]
fn text(value: Option<&[u8]>) -> Values<'_> {
    value.map_or(Values::Absent, |value| Values::One(Value::String(value)))
}

/// A view together with the roles that hold.
pub(super) struct Held<'v, 'a> {
    pub(super) view: &'v View<'a>,
    pub(super) roles: &'v RoleSet,
    /// Where conditions build values.
    pub(super) arena: &'v Arena,
}

impl Facts for Held<'_, '_> {
    #[inline]
    fn read(&self, slot: Slot) -> Values<'_> {
        self.view.value(slot)
    }

    #[inline]
    fn holds(&self, role: RoleId) -> bool {
        self.roles.has(role)
    }

    #[inline]
    fn has_caller(&self) -> bool {
        self.view.caller.is_some()
    }

    fn condition(&self, part: ConditionPart) -> Truth {
        super::condition::truth(self, part)
    }

    fn host(&self) -> Option<Host<'_>> {
        self.view.bound.host
    }

    fn path(&self) -> ComparedPath<'_> {
        let bound = &self.view.bound;
        let distinct = bound.program.trailing_slash == TrailingSlash::Distinct;
        ComparedPath {
            path: bound.path.map_or(&[], |path| path.path),
            segments: bound.segments,
            slash: distinct.then(|| bound.final_slash()),
        }
    }
}
