//! From claims to a principal: its id, roles, groups, scopes and attributes, read once.

use super::claims::{Claims, Presence};
use super::refusal::Refusal;
use super::verified::{Claim, Overage};
use crate::bytes::is_name;
use crate::json::{Json, Value};
use crate::pattern::cidr::parse_ip;
use crate::program::Program;
use crate::program::identity::{ClaimPath, PrincipalMap, RoleClaims};
use crate::program::roles::RoleId;
use crate::program::texts::Texts;
use crate::program::vocabulary::AttributeType;

/// What claims say of who holds them.
pub(crate) struct Mapped {
    pub(crate) id: Box<[u8]>,
    pub(crate) roles: Box<[RoleId]>,
    pub(crate) groups: Texts,
    pub(crate) scopes: Texts,
    pub(crate) attributes: Box<[(u16, Claim)]>,
    pub(crate) overage: Overage,
}

/// Reads what the policy asks of the claims, and nothing else.
pub(crate) fn map(
    claims: &Claims,
    map: &PrincipalMap,
    program: &Program,
) -> Result<Mapped, Refusal> {
    let id = id_of(claims.at(&map.id.0))?;
    let (groups, groups_open) = lists(claims, &map.groups);
    let (scopes, scopes_open) = lists(claims, &map.scopes);
    let (roles, roles_open) = match &map.roles {
        Some(from) => roles(claims, from),
        None => (Box::default(), false),
    };
    let attributes = attributes(claims, map, program);
    let overage = Overage {
        roles: roles_open,
        groups: groups_open,
        scopes: scopes_open,
        attributes: attributes.iter().any(|(_, claim)| *claim == Claim::Overage),
    };
    Ok(Mapped {
        id: id.into(),
        roles,
        groups,
        scopes,
        attributes,
        overage,
    })
}

/// The principal's id: a text that is a name.
pub(crate) fn id_of(claim: Option<Json<'_>>) -> Result<&[u8], Refusal> {
    let text = claim.ok_or(Refusal::MissingClaim)?.text();
    text.filter(|id| is_name(id)).ok_or(Refusal::Malformed)
}

/// All texts of some claims, and whether any of the claims is in overage.
fn lists(claims: &Claims, paths: &[ClaimPath]) -> (Texts, bool) {
    let mut texts: Vec<Box<[u8]>> = Vec::new();
    let mut open = false;
    for path in paths {
        let presence = claims.texts(&path.0, &mut |text| texts.push(text.into()));
        open |= presence == Presence::Overage;
    }
    (Texts::new(texts.iter().map(|text| &**text)), open)
}

/// The roles that the values of some claims stand for.
fn roles(claims: &Claims, from: &RoleClaims) -> (Box<[RoleId]>, bool) {
    let mut roles: Vec<RoleId> = Vec::new();
    let mut open = false;
    for path in &from.from {
        let presence = claims.texts(&path.0, &mut |text| {
            if let Some(name) = from.names.get(0, text) {
                roles.extend(from.roles.get(name).iter().copied().map(RoleId));
            }
        });
        open |= presence == Presence::Overage;
    }
    roles.sort_unstable();
    roles.dedup();
    (roles.into(), open)
}

fn attributes(claims: &Claims, map: &PrincipalMap, program: &Program) -> Box<[(u16, Claim)]> {
    let read = |(number, path): &(u16, ClaimPath)| {
        let declared = program.inputs.attributes.get(usize::from(*number))?;
        Some((*number, attribute(claims, path, declared.ty)?))
    };
    let mut read: Vec<_> = map.attributes.iter().filter_map(read).collect();
    read.sort_by_key(|(number, _)| *number);
    read.into()
}

/// A claim as an attribute is declared; `None` where it is absent.
fn attribute(claims: &Claims, path: &ClaimPath, ty: AttributeType) -> Option<Claim> {
    if claims.is_overage(&path.0) {
        return Some(Claim::Overage);
    }
    let value = claims.at(&path.0)?.value();
    if matches!(value, Value::Null) {
        return None;
    }
    if ty == AttributeType::StringList {
        let mut texts: Vec<Box<[u8]>> = Vec::new();
        let presence = claims.texts(&path.0, &mut |text| texts.push(text.into()));
        let whole = presence == Presence::Present { dropped: 0 };
        let texts = Texts::new(texts.iter().map(|text| &**text));
        return Some(if whole {
            Claim::Texts(texts)
        } else {
            Claim::Unclear
        });
    }
    Some(scalar(value, ty).unwrap_or(Claim::Unclear))
}

fn scalar(value: Value<'_>, ty: AttributeType) -> Option<Claim> {
    let number = |text: &[u8]| core::str::from_utf8(text).ok()?.parse::<f64>().ok();
    Some(match (ty, value) {
        (_, Value::Text(text)) => return typed(text, ty),
        (AttributeType::Bool, Value::Bool(value)) => Claim::Bool(value),
        (AttributeType::Int, Value::Number(text)) => return typed(text, ty),
        (AttributeType::Double, Value::Number(text)) => {
            Claim::Double(number(text).filter(|value| value.is_finite())?)
        }
        // A date of a token is a number of seconds (RFC 7519 §2).
        (AttributeType::Timestamp, Value::Number(text)) => {
            let seconds: i64 = core::str::from_utf8(text).ok()?.parse().ok()?;
            Claim::Timestamp(seconds.checked_mul(1_000)?)
        }
        _ => return None,
    })
}

/// Text as an attribute is declared.
pub(crate) fn typed(text: &[u8], ty: AttributeType) -> Option<Claim> {
    let str = core::str::from_utf8(text).ok()?;
    Some(match ty {
        AttributeType::String => Claim::Text(text.into()),
        AttributeType::Int => Claim::Int(str.parse().ok()?),
        AttributeType::Double => {
            Claim::Double(str.parse().ok().filter(|value: &f64| value.is_finite())?)
        }
        AttributeType::Bool => Claim::Bool(str.parse().ok()?),
        AttributeType::Timestamp => Claim::Timestamp(crate::time::parse_timestamp(str)?),
        AttributeType::Duration => Claim::Duration(crate::time::parse_duration(str)?),
        AttributeType::Ip => Claim::Ip(parse_ip(text)?),
        AttributeType::StringList => Claim::Texts(Texts::new([text])),
    })
}
