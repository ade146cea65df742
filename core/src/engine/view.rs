//! What predicates read: the bound request, its caller and its action.

use super::bind::{Bound, RemoteIp, typed};
use super::identify::{HOST, WORKLOADS};
use super::scratch::{NONE, Slots};
use crate::identity::verified::{Claim, Overage, Verified};
use crate::pattern::host::Host;
use crate::pattern::path::TrailingSlash;
use crate::program::condition::Arena;
use crate::program::names::Names;
use crate::program::predicate::{ComparedPath, ConditionPart, Facts, Slot, Values};
use crate::program::roles::{RoleId, RoleSet};
use crate::program::texts::Texts;
use crate::program::vocabulary::Truth;
use crate::program::{Owner, Program, Route};
use crate::request::{Attribute, Principal, Value};

/// Who is calling: the identity that stands for the one that was shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller<'a> {
    pub(super) provider: &'a [u8],
    pub(super) id: &'a [u8],
    pub(super) known: Known<'a>,
}

/// What is known of a caller beside the id.
#[derive(Clone, Copy, Debug)]
pub(super) enum Known<'a> {
    /// Nothing but the SPIFFE ID of a workload.
    Peer(&'a [u8]),
    /// What a host vouches for.
    Given(&'a Principal<'a>),
    /// What a token or an API key says.
    Verified(&'a Verified),
}

/// The groups of a caller.
#[derive(Clone, Copy, Debug)]
pub(super) enum Groups<'a> {
    Names(&'a [&'a [u8]]),
    Texts(&'a Texts),
}

impl<'a> Known<'a> {
    /// The identity that was shown: provider and id.
    #[inline]
    pub(super) fn identity(self) -> (&'a [u8], &'a [u8]) {
        match self {
            Known::Peer(id) => (WORKLOADS, id),
            Known::Given(given) => (given.provider.unwrap_or(HOST), given.id),
            Known::Verified(verified) => (&verified.provider, &verified.id),
        }
    }
}

impl<'a> Caller<'a> {
    /// The roles that it brings, grants apart.
    #[inline(always)]
    pub(super) fn each_role(&self, roles: &Names, mut take: impl FnMut(RoleId)) {
        match self.known {
            Known::Peer(_) => {}
            Known::Given(given) => given
                .roles
                .iter()
                .filter_map(|name| roles.get(0, name))
                .for_each(|id| take(RoleId(id))),
            Known::Verified(verified) => verified.roles.iter().for_each(|role| take(*role)),
        }
    }

    #[inline]
    pub(super) fn groups(&self) -> Groups<'a> {
        match self.known {
            Known::Peer(_) => Groups::Names(&[]),
            Known::Given(given) => Groups::Names(given.groups),
            Known::Verified(verified) => Groups::Texts(&verified.groups),
        }
    }

    /// What does not stand in the token because it would be too much.
    #[inline]
    pub(super) fn overage(&self) -> Overage {
        match self.known {
            Known::Verified(verified) => verified.overage,
            _ => Overage::default(),
        }
    }

    /// Whether it may hold roles that cannot be told.
    #[inline]
    pub(super) fn roles_are_open(&self, program: &Program) -> bool {
        let overage = self.overage();
        overage.roles || overage.groups && !program.grants.groups.is_empty()
    }
}

impl<'a> Groups<'a> {
    pub(super) fn each(self, mut take: impl FnMut(&'a [u8])) {
        match self {
            Self::Names(names) => names.iter().for_each(|name| take(name)),
            Self::Texts(texts) => texts.iter().for_each(take),
        }
    }

    fn values(self) -> Values<'a> {
        match self {
            Self::Names(names) => Values::Names(names),
            Self::Texts(texts) => Values::Texts(texts),
        }
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
    /// The SPIFFE ID of the connection's peer, as far as it is believed.
    pub(super) peer: Option<&'a [u8]>,
    pub(super) action: Option<Action<'a>>,
    /// The time that is decided by, where the policy asks for it.
    pub(super) now: i64,
}

impl<'a> View<'a> {
    /// A request whose caller and action are yet to be found.
    #[inline]
    pub(super) const fn new(bound: Bound<'a>) -> Self {
        Self {
            bound,
            caller: None,
            peer: None,
            action: None,
            now: 0,
        }
    }

    /// The value of a slot.
    pub(super) fn value(&self, slot: Slot) -> Values<'a> {
        let Self {
            bound,
            caller,
            peer,
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
            Slot::Peer => text(*peer),
            Slot::PrincipalId => text(caller.map(|caller| caller.id)),
            Slot::PrincipalProvider => text(caller.map(|caller| caller.provider)),
            Slot::Roles | Slot::Groups | Slot::Scopes => {
                caller.map_or(Values::Absent, |caller| self.list(&caller, slot))
            }
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

    /// The roles, groups or scopes of the caller; the roles themselves are asked elsewhere.
    fn list(&self, caller: &Caller<'a>, slot: Slot) -> Values<'a> {
        match (slot, caller.known) {
            _ if caller.overage().any() && self.in_overage(slot) => Values::Open(Truth::Undecided),
            (Slot::Roles, _) => Values::One(Value::Bool(true)),
            (Slot::Groups, _) => caller.groups().values(),
            (_, Known::Verified(verified)) => Values::Texts(&verified.scopes),
            _ => Values::Names(&[]),
        }
    }

    /// Whether a claim was too much for the token, so that it stands elsewhere.
    pub(super) fn in_overage(&self, slot: Slot) -> bool {
        let Some(caller) = self.caller else {
            return false;
        };
        match slot {
            Slot::Roles => caller.roles_are_open(self.bound.program),
            Slot::Groups => caller.overage().groups,
            Slot::Scopes => caller.overage().scopes,
            Slot::Attribute(id) => {
                self.is_principals(id) && self.claim(id) == Some(&Claim::Overage)
            }
            _ => false,
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
            Some(1) => text(self.bound.parameters(id).next()),
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

    /// The list that a declared attribute was given as.
    pub(super) fn given_list(&self, id: u16) -> Option<&'a Value<'a>> {
        self.given(id)
            .filter(|value| matches!(value, Value::List(_)))
    }

    /// The value of a declared attribute as the host gave it.
    fn given(&self, id: u16) -> Option<&'a Value<'a>> {
        let bound = &self.bound;
        let at = *bound.slots.attributes.get(usize::from(id))?;
        let given: &[Attribute<'_>] =
            match bound.program.inputs.attributes.get(usize::from(id))?.owner {
                Owner::Principal => match self.caller?.known {
                    Known::Given(given) => given.attributes,
                    _ => return None,
                },
                Owner::Request => bound.request.attributes,
                Owner::Resource => bound.request.resource.as_ref()?.attributes,
            };
        given.get(at as usize).map(|(_, value)| value)
    }

    /// What a token says of a declared attribute.
    pub(super) fn claim(&self, id: u16) -> Option<&'a Claim> {
        match self.caller?.known {
            Known::Verified(verified) => verified.attribute(id),
            _ => None,
        }
    }

    fn attribute(&self, id: u16) -> Values<'a> {
        let Some(declared) = self.bound.program.inputs.attributes.get(usize::from(id)) else {
            return Values::Absent;
        };
        if declared.owner == Owner::Principal
            && let Some(claim) = self.claim(id)
        {
            return claimed(claim);
        }
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

fn claimed(claim: &Claim) -> Values<'_> {
    Values::One(match claim {
        Claim::Bool(value) => Value::Bool(*value),
        Claim::Int(value) => Value::Int(*value),
        Claim::Double(value) => Value::Double(*value),
        Claim::Text(text) => Value::String(text),
        Claim::Ip(ip) => Value::Ip(*ip),
        Claim::Timestamp(ms) => Value::Timestamp(*ms),
        Claim::Duration(ms) => Value::Duration(*ms),
        Claim::Texts(texts) => return Values::Texts(texts),
        Claim::Unclear | Claim::Overage => return Values::Open(Truth::Undecided),
    })
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
