//! What is said of a condition that is wrong, and where.

use super::{EXTENDED, STRICT, compiled, schema};
use crate::condition::ConditionErrorKind as Kind;
use crate::condition::vocabulary::VOCABULARY;
use crate::condition::{Mode, compile};
use crate::limits::MAX_CONDITION_COST;

/// Expression, kind, the part that is meant, the message, the help.
type Case = (
    &'static str,
    Kind,
    &'static str,
    &'static str,
    Option<&'static str>,
);

const CASES: &[Case] = &[
    (
        "request.mehtod == 'GET'",
        Kind::UnknownName,
        "request.mehtod",
        "unknown attribute `request.mehtod`",
        Some("did you mean `request.method`?"),
    ),
    (
        "principal.attr.region == 'eu'",
        Kind::UnknownName,
        "principal.attr.region",
        "unknown attribute `principal.attr.region`",
        Some("declare it under `attributes`"),
    ),
    (
        "request.headers.size() > 3",
        Kind::Unsupported,
        "request.headers",
        "`request.headers` is read one name at a time",
        Some("write `request.headers['name']`"),
    ),
    (
        "request.headers[principal.id] == 'a'",
        Kind::Unsupported,
        "request.headers",
        "`request.headers` is read one name at a time",
        Some("write `request.headers['name']`"),
    ),
    (
        "request.method == 1",
        Kind::TypeMismatch,
        "request.method == 1",
        "`==` does not take string and int",
        Some("convert with `int()`"),
    ),
    (
        "request.time > '2026'",
        Kind::TypeMismatch,
        "request.time > '2026'",
        "`>` does not take timestamp and string",
        Some("convert with `timestamp()`"),
    ),
    (
        "principal.id && true",
        Kind::TypeMismatch,
        "principal.id",
        "this must be a bool, and it is string",
        None,
    ),
    (
        "1 in principal.roles",
        Kind::TypeMismatch,
        "1 in principal.roles",
        "`in` does not take int and list(string)",
        None,
    ),
    (
        "principal.roles['a'] == 'b'",
        Kind::TypeMismatch,
        "principal.roles['a']",
        "the index must be int, and it is string",
        None,
    ),
    (
        "principal.id.foo == 'b'",
        Kind::TypeMismatch,
        "principal.id.foo",
        "a value of type string has no fields",
        None,
    ),
    (
        "source.ip == '10.0.0.1'",
        Kind::TypeMismatch,
        "source.ip == '10.0.0.1'",
        "`==` does not take ip and string",
        Some("convert with `ip()`"),
    ),
    (
        "request.headers['X_Tenant'] == 'a'",
        Kind::InvalidConstant,
        "request.headers['X_Tenant']",
        "`X_Tenant` is no header name in lower case without `_`",
        Some("write `request.headers['x-tenant']`"),
    ),
    (
        "request.method ? true : 1",
        Kind::TypeMismatch,
        "request.method",
        "this must be a bool, and it is string",
        None,
    ),
    (
        "source.ip.startsWith('10.')",
        Kind::TypeMismatch,
        "source.ip.startsWith('10.')",
        "there is no `ip.startsWith(string)`",
        None,
    ),
    (
        "request.url_path.startWith('/a')",
        Kind::UnknownFunction,
        "request.url_path.startWith('/a')",
        "unknown function `startWith`",
        Some("did you mean `startsWith`?"),
    ),
    (
        "startsWith(request.url_path, '/a')",
        Kind::UnknownFunction,
        "startsWith(request.url_path, '/a')",
        "unknown function `startsWith`",
        Some("write `x.startsWith()`"),
    ),
    (
        "request.url_path",
        Kind::NotBoolean,
        "request.url_path",
        "a condition must be a bool, and this is string",
        None,
    ),
    (
        "request.host.matches('a(')",
        Kind::InvalidConstant,
        "'a('",
        "the pattern is malformed: unclosed group",
        None,
    ),
    (
        "request.host.matches('[a[b]]')",
        Kind::InvalidConstant,
        "'[a[b]]'",
        "RE2 has no classes within classes; escape the `[`",
        None,
    ),
    (
        "request.host.matches(principal.id)",
        Kind::InvalidConstant,
        "principal.id",
        "a pattern must be constant, so that it can be prepared at load",
        None,
    ),
    (
        "source.ip.inCidr('10.0.0.0/33')",
        Kind::InvalidConstant,
        "'10.0.0.0/33'",
        "`10.0.0.0/33` is no address block",
        None,
    ),
    (
        "cidr(principal.id).containsIP(source.ip)",
        Kind::InvalidConstant,
        "principal.id",
        "an address block must be constant, so that it can be prepared at load",
        None,
    ),
    (
        "request.time.getHours('Europe/Berlni') > 8",
        Kind::InvalidConstant,
        "'Europe/Berlni'",
        "unknown time zone `Europe/Berlni`",
        None,
    ),
    (
        "request.time > timestamp('yesterday')",
        Kind::AlwaysFails,
        "timestamp('yesterday')",
        "this always fails: invalid argument",
        None,
    ),
    (
        "1 / 0 == 1 || request.method == 'GET'",
        Kind::AlwaysFails,
        "1 / 0",
        "this always fails: divide by zero",
        None,
    ),
    (
        "principal.roles.map(r, r) == []",
        Kind::NeedsExtendedProfile,
        "principal.roles.map(r, r)",
        "this builds a value for every request",
        Some("compare without building, or set `profile: extended`"),
    ),
    (
        "request.method == 'GET' &&",
        Kind::Syntax,
        "",
        "expected an expression",
        None,
    ),
    (
        "request.method = 'GET'",
        Kind::Syntax,
        "=",
        "unexpected character '='",
        None,
    ),
    (
        "request.method == 'GET",
        Kind::Syntax,
        "'GET",
        "the string is not closed",
        None,
    ),
    (
        "request.method == 'a\\qb'",
        Kind::Syntax,
        "\\",
        "unknown escape in a string",
        None,
    ),
    (
        "(request.method == 'GET'",
        Kind::Syntax,
        "",
        "expected `)`",
        None,
    ),
    (
        "has(request)",
        Kind::Syntax,
        "request",
        "`has()` takes a field, as in `has(a.b)`",
        None,
    ),
    (
        "principal.roles.all(1, true)",
        Kind::Syntax,
        "1",
        "the variable of a macro must be a simple name",
        None,
    ),
    (
        "if == 1",
        Kind::Syntax,
        "if",
        "`if` is a reserved word",
        None,
    ),
    (
        "request.headers{a: 1}",
        Kind::Unsupported,
        "{",
        "conditions do not construct messages",
        None,
    ),
    (
        "99999999999999999999 > 1",
        Kind::Syntax,
        "99999999999999999999",
        "the integer is out of range",
        None,
    ),
];

#[test]
fn mistakes_are_told_with_their_place() {
    for (expression, kind, part, message, help) in CASES {
        let errors = match compile(expression, &mut schema(), STRICT) {
            Err(errors) => errors,
            Ok(_) => panic!("{expression}: accepted"),
        };
        let error = &errors[0];
        assert_eq!(error.kind, *kind, "{expression}: {error:?}");
        assert_eq!(error.message, *message, "{expression}");
        assert_eq!(error.help.as_deref(), *help, "{expression}");
        assert_eq!(&expression[error.range.clone()], *part, "{expression}");
    }
}

#[test]
fn all_type_mistakes_are_told_at_once() {
    let expression = "request.metod == 'GET' && principal.id > 3 && request.hots == 'a'";
    let errors = compile(expression, &mut schema(), STRICT).unwrap_err();
    let kinds: Vec<Kind> = errors.iter().map(|error| error.kind).collect();
    assert_eq!(
        kinds,
        [Kind::UnknownName, Kind::TypeMismatch, Kind::UnknownName]
    );
}

#[test]
fn optional_attributes_without_a_guard_are_listed() {
    let cases: &[(&str, &[&str])] = &[
        ("principal.attr.plan == 'pro'", &["principal.attr.plan"]),
        (
            "has(principal.attr.plan) && principal.attr.plan == 'pro'",
            &[],
        ),
        ("principal.attr.tenant == 'acme'", &[]),
        ("request.headers['a'] == 'b' && 'a' in request.headers", &[]),
        ("request.headers['a'] == 'b'", &["request.headers['a']"]),
    ];
    for (expression, expected) in cases {
        let (compiled, _) = compiled(expression, STRICT);
        let parts: Vec<&str> = compiled
            .unguarded
            .iter()
            .map(|(span, _)| &expression[span.start as usize..span.end as usize])
            .collect();
        assert_eq!(parts, *expected, "{expression}");
    }
}

#[test]
fn constant_conditions_are_known() {
    let cases = [
        ("1 + 1 == 2", Some(true)),
        ("request.method == 'GET' && false", Some(false)),
        ("request.method == 'GET' || size('abc') == 3", Some(true)),
        ("values.limit > 1000", Some(false)),
        ("request.method == 'GET'", None),
    ];
    for (expression, expected) in cases {
        assert_eq!(
            compiled(expression, STRICT).0.constant(),
            expected,
            "{expression}"
        );
    }
}

#[test]
fn the_costliest_part_is_pointed_at() {
    let inner = "principal.groups.all(c, a == b || b == c)";
    let middle = format!("principal.groups.all(b, {inner})");
    let expression = format!("request.method == 'GET' && principal.groups.all(a, {middle})");
    for mode in [STRICT, EXTENDED] {
        let errors = compile(&expression, &mut schema(), mode).unwrap_err();
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert_eq!(errors[0].kind, Kind::TooCostly);
        assert!(errors[0].help.is_some());
        assert!(expression[errors[0].range.clone()].starts_with("principal.groups.all(a"));
    }
}

#[test]
fn a_loop_is_priced_by_the_longest_list() {
    let fair = "principal.groups.exists(g, g.startsWith('eng') || g in ['a', 'b'])";
    compiled(fair, STRICT);
    // A loop costs a thousand units at least, one for each group.
    let loops = usize::try_from(MAX_CONDITION_COST / 1_000).unwrap() + 1;
    let many = vec![fair; loops].join(" && ");
    let errors = compile(&many, &mut schema(), STRICT).unwrap_err();
    assert_eq!(errors[0].kind, Kind::TooCostly);
}

#[test]
fn every_attribute_of_the_vocabulary_can_be_read() {
    for attribute in VOCABULARY {
        let name = attribute.name.replace("[]", "['a']");
        let mode = Mode::Eval { typed: true };
        let compiled = compile(&name, &mut schema(), mode).unwrap();
        assert_eq!(compiled.ty, attribute.ty(), "{name}");
        assert_eq!(
            compiled.unguarded.len(),
            usize::from(attribute.optional),
            "{name}"
        );
        assert!(!attribute.about.is_empty(), "{name}");
    }
}
