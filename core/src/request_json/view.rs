//! The borrowed slices that a [`Request`] is made of.

use std::sync::OnceLock;

use super::{Bytes, PrincipalBuf, RequestBuf, ResourceBuf, ValueBuf};
use crate::request::{Attribute, Header, Principal, Request, Resource, Value};

/// Lists of slices into a [`RequestBuf`], ready to be borrowed by a [`Request`].
#[derive(Debug)]
pub struct RequestView<'a> {
    owned: &'a RequestBuf,
    headers: Vec<Header<'a>>,
    roles: Vec<&'a [u8]>,
    groups: Vec<&'a [u8]>,
    active_roles: Vec<&'a [u8]>,
    approvals: Vec<&'a [u8]>,
    /// The items of every list-valued attribute, in the order of [`Attributes::new`].
    items: Vec<Value<'a>>,
    /// Borrows `items`, so it is filled when `self` is borrowed for the first time.
    attributes: OnceLock<Attributes<'a>>,
}

#[derive(Debug)]
struct Attributes<'a> {
    principal: Vec<Attribute<'a>>,
    resource: Vec<Attribute<'a>>,
    request: Vec<Attribute<'a>>,
}

impl<'a> RequestView<'a> {
    pub(super) fn new(owned: &'a RequestBuf) -> Self {
        let principal = owned.principal.as_ref();
        Self {
            owned,
            headers: owned
                .headers
                .iter()
                .map(|(name, value)| (&**name, &**value))
                .collect(),
            roles: principal
                .map(|principal| slices(&principal.roles))
                .unwrap_or_default(),
            groups: principal
                .map(|principal| slices(&principal.groups))
                .unwrap_or_default(),
            active_roles: owned
                .active_roles
                .as_deref()
                .map(slices)
                .unwrap_or_default(),
            approvals: slices(&owned.approvals),
            items: attribute_lists(owned)
                .into_iter()
                .flatten()
                .flat_map(items)
                .collect(),
            attributes: OnceLock::new(),
        }
    }

    /// The request. The first call makes the lists of attributes; further ones copy some pointers.
    ///
    /// It borrows the view for as long as the view lives, so a view stays where it is from here on.
    pub fn request(&'a self) -> Request<'a> {
        let attributes = self
            .attributes
            .get_or_init(|| Attributes::new(self.owned, &self.items));
        let owned = self.owned;
        Request {
            method: owned.method.as_deref(),
            host: owned.host.as_deref(),
            path: owned.path.as_deref(),
            path_decoded: owned.path_decoded.as_deref(),
            headers: &self.headers,
            source_ip: owned.source_ip.as_deref(),
            bearer: owned.bearer.as_deref(),
            api_key: owned.api_key.as_deref(),
            peer: owned.peer.as_deref(),
            peer_cert_sha256: owned.peer_cert_sha256.as_deref(),
            xfcc: owned.xfcc.as_deref(),
            principal: owned
                .principal
                .as_ref()
                .map(|principal| self.principal(principal, attributes)),
            active_roles: owned.active_roles.as_ref().map(|_| &*self.active_roles),
            action: owned.action.as_deref(),
            resource: owned.resource.as_ref().map(|resource| Resource {
                kind: resource.kind.as_deref(),
                id: resource.id.as_deref(),
                attributes: &attributes.resource,
            }),
            attributes: &attributes.request,
            approvals: &self.approvals,
            cost: owned.cost,
            charge: owned.charge,
            at: owned.at,
            id: owned.id.as_deref(),
        }
    }

    fn principal(
        &'a self,
        owned: &'a PrincipalBuf,
        attributes: &'a Attributes<'a>,
    ) -> Principal<'a> {
        Principal {
            provider: owned.provider.as_deref(),
            id: &owned.id,
            roles: &self.roles,
            groups: &self.groups,
            attributes: &attributes.principal,
        }
    }
}

impl<'a> Attributes<'a> {
    fn new(owned: &'a RequestBuf, mut items: &'a [Value<'a>]) -> Self {
        let [principal, resource, request] = attribute_lists(owned).map(|list| {
            list.iter()
                .map(|(name, value)| (&**name, borrow(value, &mut items)))
                .collect()
        });
        Self {
            principal,
            resource,
            request,
        }
    }
}

/// The three lists of attributes: the principal's, the resource's, the request's.
fn attribute_lists(owned: &RequestBuf) -> [&[(Bytes, ValueBuf)]; 3] {
    let principal = owned
        .principal
        .as_ref()
        .map(|PrincipalBuf { attributes, .. }| &**attributes);
    let resource = owned
        .resource
        .as_ref()
        .map(|ResourceBuf { attributes, .. }| &**attributes);
    [
        principal.unwrap_or_default(),
        resource.unwrap_or_default(),
        &owned.attributes,
    ]
}

fn items<'a>((_, value): &'a (Bytes, ValueBuf)) -> impl Iterator<Item = Value<'a>> {
    let list = if let ValueBuf::List(list) = value {
        &**list
    } else {
        &[]
    };
    list.iter().map(|item| borrow(item, &mut &[][..]))
}

/// The borrowed form of a value; a list takes its items off the front of `items`.
fn borrow<'a>(value: &'a ValueBuf, items: &mut &'a [Value<'a>]) -> Value<'a> {
    match value {
        ValueBuf::Bool(value) => Value::Bool(*value),
        ValueBuf::Int(value) => Value::Int(*value),
        ValueBuf::Double(value) => Value::Double(*value),
        ValueBuf::String(text) => Value::String(text),
        ValueBuf::List(list) => {
            let (own, rest) = items.split_at_checked(list.len()).unwrap_or_default();
            *items = rest;
            Value::List(own)
        }
    }
}

fn slices(list: &[Bytes]) -> Vec<&[u8]> {
    list.iter().map(|item| &**item).collect()
}
