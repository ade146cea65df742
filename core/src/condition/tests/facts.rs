//! Conditions taken apart, and what must hold before they can.

use super::{STRICT, compiled};
use crate::condition::Schema;
use crate::condition::facts::{Fact, Lowered, Matcher, Test, contradict, facts, lower};
use crate::program::condition::AttributeId;

fn show(lowered: &Lowered, schema: &Schema) -> String {
    let list = |parts: &[Lowered]| {
        parts
            .iter()
            .map(|part| show(part, schema))
            .collect::<Vec<_>>()
            .join(", ")
    };
    match lowered {
        Lowered::Always(value) => value.to_string(),
        Lowered::All(parts) => format!("all({})", list(parts)),
        Lowered::Any(parts) => format!("any({})", list(parts)),
        Lowered::Not(part) => format!("not({})", show(part, schema)),
        Lowered::Test(test) => show_test(test, schema),
        Lowered::Single(_) => "single".to_owned(),
        Lowered::Opaque(_) => "opaque".to_owned(),
    }
}

fn name(attribute: AttributeId, schema: &Schema) -> &str {
    &schema.read(attribute).unwrap().name
}

fn show_test(test: &Test, schema: &Schema) -> String {
    let matcher = match &test.matcher {
        Matcher::OneOf(strings) => format!("= {}", strings.join("|")),
        Matcher::StartsWith(prefix) => format!("= {prefix}*"),
        Matcher::EndsWith(suffix) => format!("= *{suffix}"),
        Matcher::HasAny(strings) => format!("has {}", strings.join("|")),
    };
    let slot = schema.read(test.attribute).unwrap();
    let optional = if slot.declaration.optional { "?" } else { "" };
    format!("{}{optional} {matcher}", name(test.attribute, schema))
}

fn show_fact(fact: &Fact, schema: &Schema) -> String {
    match fact {
        Fact::OneOf(on, strings) => format!("{} = {}", name(*on, schema), strings.join("|")),
        Fact::StartsWith(on, prefixes) => {
            format!("{} = {}*", name(*on, schema), prefixes.join("*|"))
        }
        Fact::HasAny(on, strings) => format!("{} has {}", name(*on, schema), strings.join("|")),
    }
}

#[test]
fn conditions_come_apart_into_tests() {
    let cases = [
        (
            "request.method == 'GET' && request.url_path.startsWith('/a/')",
            "all(request.method? = GET, request.url_path? = /a/*)",
        ),
        (
            "request.method in ['GET', 'HEAD'] && 'clerk' in principal.roles",
            "all(request.method? = GET|HEAD, principal.roles has clerk)",
        ),
        (
            "'a' in principal.roles || 'b' in principal.roles",
            "principal.roles has a|b",
        ),
        (
            "request.method == 'A' || request.method == 'B' || action == 'c'",
            "any(request.method? = A|B, action? = c)",
        ),
        (
            "principal.roles.exists(r, r in ['x', 'y'])",
            "principal.roles has x|y",
        ),
        (
            "principal.roles.exists(r, r == 'x')",
            "principal.roles has x",
        ),
        (
            "principal.attr.tenant != 'acme'",
            "not(principal.attr.tenant = acme)",
        ),
        ("!source.ip.inCidr('10.0.0.0/8')", "not(single)"),
        (
            "has(principal.attr.plan) && request.host.endsWith('.example')",
            "all(single, request.host? = *.example)",
        ),
        ("request.auth.claims['a'] == 'b'", "opaque"),
        (
            "principal.attr.tenant == route.tenant && request.method == 'GET'",
            "all(opaque, request.method? = GET)",
        ),
        ("principal.roles.all(r, r == 'x')", "opaque"),
        ("has(request.method)", "single"),
        ("cidr('10.0.0.0/8').containsIP(source.ip)", "single"),
        ("1 == 1", "true"),
    ];
    for (expression, expected) in cases {
        let (compiled, schema) = compiled(expression, STRICT);
        assert_eq!(
            show(&lower(&compiled.program, &schema, |_| true), &schema),
            expected,
            "{expression}"
        );
    }
}

#[test]
fn facts_are_what_must_hold() {
    let cases: &[(&str, &[&str], bool)] = &[
        (
            "request.method == 'GET' && principal.groups.exists(g, g == 'a') && 1 < size(principal.id)",
            &["request.method = GET", "principal.groups has a"],
            false,
        ),
        (
            "request.url_path.matches('^/shop/[a-z]+$')",
            &["request.url_path = /shop/*"],
            false,
        ),
        ("request.url_path.matches('/shop')", &[], false),
        (
            "request.method == 'A' && action == 'x' || request.method == 'B'",
            &["request.method = A|B"],
            false,
        ),
        (
            "request.url_path == '/a' || request.url_path.startsWith('/b')",
            &["request.url_path = /a*|/b*"],
            false,
        ),
        ("request.method == 'A' || action == 'x'", &[], false),
        ("!(request.method == 'A')", &[], false),
        (
            "request.method in ['A', 'B'] && request.method in ['B', 'C']",
            &["request.method = B"],
            false,
        ),
        (
            "request.method == 'A' && request.method == 'B'",
            &["request.method = "],
            true,
        ),
        (
            "request.url_path == '/a' && request.url_path.startsWith('/b')",
            &["request.url_path = /a", "request.url_path = /b*"],
            true,
        ),
        (
            "request.url_path.startsWith('/a') && request.url_path.startsWith('/b')",
            &["request.url_path = /a*", "request.url_path = /b*"],
            true,
        ),
        (
            "request.url_path.startsWith('/a') && request.url_path.startsWith('/a/b')",
            &["request.url_path = /a*", "request.url_path = /a/b*"],
            false,
        ),
    ];
    for (expression, expected, dead) in cases {
        let (compiled, schema) = compiled(expression, STRICT);
        let found = facts(&compiled.program, &schema);
        let shown: Vec<String> = found.iter().map(|fact| show_fact(fact, &schema)).collect();
        assert_eq!(shown, *expected, "{expression}");
        assert_eq!(contradict(&found), *dead, "{expression}");
    }
}
