//! Tests and values in words.

use super::super::view::{Held, View};
use super::Failed;
use crate::pattern::template::{PathTemplate, TemplateSegment};
use crate::pattern::text::TextPattern;
use crate::program::condition::Arena;
use crate::program::grants::{Grant, domain_is};
use crate::program::predicate::{Ask, Check, Compare, GlobPiece, Need, Slot, Values};
use crate::program::roles::RoleSet;
use crate::program::{Owner, Program};
use crate::request::Value;
use crate::time::format_timestamp;

/// The most characters that a value is told with.
const MAX_TOLD: usize = 120;

/// What a test asks, such as `method is POST`.
pub(super) fn test(program: &Program, check: &Check) -> String {
    let subject = subject(program, check.slot);
    let every = if check.need == Need::All {
        "every "
    } else {
        ""
    };
    format!("{every}{subject} {}", ask(program, &check.ask))
}

/// What the request has where a test looks.
pub(super) fn found(program: &Program, view: &View<'_>, roles: &RoleSet, check: &Check) -> String {
    if check.slot == Slot::Roles && view.caller.is_some() {
        let names: Vec<String> = roles
            .iter()
            .take(8)
            .map(|role| text(program.roles.names.name(role.0)))
            .collect();
        return if names.is_empty() {
            "no role".into()
        } else {
            cut(&names.join(", "))
        };
    }
    let nobody = view.caller.is_none()
        && matches!(
            check.slot,
            Slot::Roles | Slot::Groups | Slot::Scopes | Slot::PrincipalId | Slot::PrincipalProvider
        );
    match view.value(check.slot) {
        _ if nobody => "nobody is identified".into(),
        Values::Absent => "nothing".into(),
        Values::Open(_) if view.in_overage(check.slot) => "more than the token could hold".into(),
        Values::Open(_) => "nothing that can be told".into(),
        Values::One(value) => self::value(value),
        Values::Many(values) => list(values.iter().copied()),
        Values::Names(names) => list(names.iter().map(|name| Value::String(name))),
        Values::Texts(texts) => list(texts.iter().map(Value::String)),
        Values::Headers { fields, name } => {
            let of_name = fields
                .iter()
                .filter(|(field, _)| field.eq_ignore_ascii_case(name));
            list(of_name.map(|(_, value)| Value::String(value)))
        }
        Values::Parameters {
            values,
            decoded,
            name,
        } => {
            let of_name = values.iter().filter(|(slot, ..)| *slot == name);
            let text = |(_, start, len): &(u16, u16, u16)| {
                decoded
                    .get(usize::from(*start)..usize::from(*start) + usize::from(*len))
                    .unwrap_or_default()
            };
            list(of_name.map(|value| Value::String(text(value))))
        }
    }
}

/// Why a grant does not hold.
pub(super) fn dormant(program: &Program, view: &View<'_>, grant: &Grant, now: i64) -> Vec<Failed> {
    let (roles, arena) = (RoleSet::default(), Arena::new());
    let facts = Held {
        view,
        roles: &roles,
        arena: &arena,
    };
    let mut failed = Vec::new();
    for (domain, wanted) in program.grants.within(grant) {
        let Some((name, slot)) = program.inputs.domains.get(usize::from(*domain)) else {
            continue;
        };
        if !domain_is(&program.inputs.domains, *domain, wanted, &facts) {
            let found = match view.value(*slot) {
                Values::One(given) => value(given),
                _ => "nothing".into(),
            };
            failed.push(Failed {
                test: format!("{name} is {}", cut(&text(wanted))),
                found,
            });
        }
    }
    let time = |ms: i64| format_timestamp(ms).unwrap_or_else(|| format!("{ms} ms since 1970"));
    if let Some((from, until)) = program.grants.window(grant) {
        if now < *from {
            failed.push(Failed {
                test: format!("time is from {}", time(*from)),
                found: time(now),
            });
        }
        if now >= *until {
            failed.push(Failed {
                test: format!("time is before {}", time(*until)),
                found: time(now),
            });
        }
    }
    failed
}

fn subject(program: &Program, slot: Slot) -> String {
    let inputs = &program.inputs;
    match slot {
        Slot::Method => "method".into(),
        Slot::RequestMethod => "request.method".into(),
        Slot::Target => "request.path".into(),
        Slot::QueryText => "request.query".into(),
        Slot::RequestId => "request.id".into(),
        Slot::Cost => "request.cost".into(),
        Slot::Time => "request.time".into(),
        Slot::SourceAddress => "source.address".into(),
        Slot::PeerCertificate => "peer certificate".into(),
        Slot::Path => "path".into(),
        Slot::Host => "host".into(),
        Slot::Authority => "authority".into(),
        Slot::Header(id) => format!("header {}", text(inputs.headers.name(u32::from(id)))),
        Slot::Query(id) => format!("query {}", text(inputs.queries.name(u32::from(id)))),
        Slot::Attribute(id) => {
            let owner = match inputs
                .attributes
                .get(usize::from(id))
                .map(|declared| declared.owner)
            {
                Some(Owner::Principal) => "principal",
                Some(Owner::Resource) => "resource",
                Some(Owner::Request) | None => "request",
            };
            format!(
                "{owner}.attr.{}",
                text(inputs.attribute_names.name(u32::from(id)))
            )
        }
        Slot::SourceIp => "source_ip".into(),
        Slot::RemoteIp => "remote_ip".into(),
        Slot::Peer => "peer".into(),
        Slot::PrincipalId => "principal".into(),
        Slot::PrincipalProvider => "provider".into(),
        Slot::Roles => "role".into(),
        Slot::Groups => "group".into(),
        Slot::Scopes => "scope".into(),
        Slot::Action => "action".into(),
        Slot::ResourceType => "resource.type".into(),
        Slot::ResourceId => "resource.id".into(),
        Slot::Segment(at) => format!("segment {} of the path", u32::from(at) + 1),
        Slot::Capture(id) => format!("route.{}", text(inputs.captures.name(u32::from(id)))),
    }
}

fn ask(program: &Program, ask: &Ask) -> String {
    match ask {
        Ask::Present => "is there".into(),
        Ask::Text(pattern) => pattern_words(pattern, ""),
        Ask::TextFold(pattern) => pattern_words(pattern, " in any case"),
        Ask::Glob(glob) => {
            let part = |piece: &GlobPiece| match piece {
                GlobPiece::Literal(literal) => literal.to_vec(),
                GlobPiece::One => b"?".to_vec(),
                GlobPiece::Run { .. } => b"*".to_vec(),
                GlobPiece::Slot(slot, _) => {
                    format!("${{{}}}", subject(program, *slot)).into_bytes()
                }
            };
            let parts: Vec<u8> = glob.parts.iter().flat_map(part).collect();
            format!("is like {}", cut(&text(&parts)))
        }
        Ask::OneOf(names) => {
            let first: Vec<String> = (0..u32::try_from(names.len()).unwrap_or(8))
                .take(8)
                .map(|id| text(names.name(id)))
                .collect();
            format!(
                "is one of {}{}",
                cut(&first.join(", ")),
                if names.len() > first.len() {
                    ", …"
                } else {
                    ""
                }
            )
        }
        Ask::Role(role) => format!(
            "is {}",
            role.map_or("one that is not declared".into(), |role| text(
                program.roles.names.name(role.0)
            ))
        ),
        Ask::Same(slot) => format!("is the same as {}", subject(program, *slot)),
        Ask::Path(template) => format!("is {}", template_words(template)),
        Ask::Host { pattern, .. } => format!("is {pattern}"),
        Ask::Action(pattern) => format!("is {}", pattern.as_str()),
        Ask::Spiffe(pattern) => format!("is {pattern}"),
        Ask::Cidr(networks) => format!("is in {}", cut(&networks.to_string())),
        Ask::Int(compare, number) => format!("{} {number}", sign(*compare)),
        Ask::Double(compare, number) => format!("{} {number}", sign(*compare)),
        Ask::Time(compare, time) => {
            format!("{} {}", sign(*compare), value(Value::Timestamp(*time)))
        }
        Ask::Duration(compare, time) => format!("{} {time} ms", sign(*compare)),
        Ask::Bool(wanted) => format!("is {wanted}"),
        Ask::AnyOf(parts) => joined(program, parts, " or "),
        Ask::AllOf(parts) => joined(program, parts, " and "),
    }
}

fn joined(program: &Program, parts: &[Ask], word: &str) -> String {
    let told: Vec<String> = parts
        .iter()
        .take(8)
        .map(|part| ask(program, part))
        .collect();
    cut(&told.join(word))
}

fn pattern_words(pattern: &TextPattern, suffix: &str) -> String {
    match pattern {
        TextPattern::Exact(wanted) => format!("is {}{suffix}", cut(&text(wanted))),
        TextPattern::Prefix(wanted) => format!("begins with {}{suffix}", cut(&text(wanted))),
        TextPattern::Suffix(wanted) => format!("ends with {}{suffix}", cut(&text(wanted))),
        TextPattern::Present => "is there".into(),
    }
}

fn template_words(template: &PathTemplate) -> String {
    let segment = |segment: &TemplateSegment| match segment {
        TemplateSegment::Literal(literal) => text(literal),
        TemplateSegment::Capture(name) => format!("{{{}}}", name.as_deref().unwrap_or("*")),
        TemplateSegment::Tail => "{**}".into(),
    };
    let segments: Vec<String> = template.segments().iter().map(segment).collect();
    format!("/{}", segments.join("/"))
}

const fn sign(compare: Compare) -> &'static str {
    match (compare.less, compare.equal, compare.greater) {
        (true, true, _) => "<=",
        (true, false, _) => "<",
        (false, true, true) => ">=",
        (false, false, true) => ">",
        (false, _, false) => "is",
    }
}

fn list<'v>(values: impl Iterator<Item = Value<'v>>) -> String {
    let told: Vec<String> = values.take(9).map(value).collect();
    match told.len() {
        0 => "nothing".into(),
        9 => cut(&format!(
            "{}, …",
            told.get(..8).unwrap_or_default().join(", ")
        )),
        _ => cut(&told.join(", ")),
    }
}

fn value(value: Value<'_>) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Double(value) => value.to_string(),
        Value::String(bytes) => cut(&text(bytes)),
        Value::Ip(ip) => ip.to_string(),
        Value::Timestamp(time) => {
            format_timestamp(time).unwrap_or_else(|| format!("{time} ms since 1970"))
        }
        Value::Duration(time) => format!("{time} ms"),
        Value::List(items) => list(items.iter().copied()),
    }
}

/// Text from a request or a policy, safe to print: control characters are escaped.
fn text(bytes: &[u8]) -> String {
    let plain = String::from_utf8_lossy(bytes);
    plain
        .chars()
        .flat_map(|c| {
            if c.is_control() {
                c.escape_default().collect::<Vec<_>>()
            } else {
                vec![c]
            }
        })
        .collect()
}

pub(super) fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_TOLD) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.into(),
    }
}
