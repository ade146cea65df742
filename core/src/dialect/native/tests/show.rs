//! Predicates and requirements in a short form that a table can hold.

use crate::program::vocabulary::{Attribute, Truth};
use crate::rule::{Matcher, Over, Predicate, Test};

/// `all(a, b)`, `any(a, b)`, `not(a)`, and tests as `[over ]attribute matcher[ absent]`.
pub(super) fn predicate(predicate: &Predicate) -> String {
    let join = |list: &[Predicate]| {
        list.iter()
            .map(self::predicate)
            .collect::<Vec<_>>()
            .join(", ")
    };
    match predicate {
        Predicate::All(list) => format!("all({})", join(list)),
        Predicate::Any(list) => format!("any({})", join(list)),
        Predicate::Not(inner) => format!("not({})", self::predicate(inner)),
        Predicate::Test(test) => self::test(test),
        Predicate::When { apart, .. } => format!("when({})", self::predicate(apart)),
        Predicate::Part { node, .. } => format!("part({})", node.0),
    }
}

fn test(test: &Test) -> String {
    let over = match test.over {
        Over::Any => "",
        Over::All => "every ",
        Over::One => "one ",
    };
    let absent = match test.absent {
        Truth::False => "",
        Truth::True => " else true",
        Truth::Undecided => " else undecided",
        Truth::NeedsPrincipal => " else needs principal",
    };
    format!(
        "{over}{} {}{absent}",
        attribute(&test.attribute),
        matcher(&test.matcher)
    )
}

pub(super) fn attribute(attribute: &Attribute) -> String {
    match attribute {
        Attribute::Header(name) => format!("header.{name}"),
        Attribute::Query(name) => format!("query.{name}"),
        Attribute::PrincipalAttribute(name) => format!("principal.attr.{name}"),
        Attribute::RequestAttribute(name) => format!("request.attr.{name}"),
        Attribute::ResourceAttribute(name) => format!("resource.attr.{name}"),
        Attribute::Capture(name) => format!("route.{name}"),
        other => format!("{other:?}"),
    }
}

fn matcher(matcher: &Matcher) -> String {
    use crate::pattern::text::TextPattern;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match matcher {
        Matcher::Present => "present".into(),
        Matcher::Text(TextPattern::Exact(exact)) => format!("= {}", text(exact)),
        Matcher::Text(TextPattern::Prefix(prefix)) => format!("= {}*", text(prefix)),
        Matcher::Text(TextPattern::Suffix(suffix)) => format!("= *{}", text(suffix)),
        Matcher::OneOf(texts) => format!("in {}", texts.join("|")),
        Matcher::Path(template) => format!("path of {}", template.segments().len()),
        Matcher::Host { ignore_port, .. } => format!("host, ignore port {ignore_port}"),
        Matcher::Action(_) => "action".into(),
        Matcher::Spiffe(pattern) => format!("workload of {}", text(pattern.trust_domain())),
        Matcher::Cidr(networks) => format!("in {} networks", networks.len()),
        other => format!("{other:?}"),
    }
}
