//! What conditions come to for a request.

use super::{EXTENDED, STRICT, compiled, request};
use crate::condition::Mode;
use crate::limits::CONDITION_FUEL as FUEL;
use crate::program::condition::{Arena, EvalError, Evaluator, NoRecorder, NodeId, Recorder, Value};

fn outcome(expression: &str, mode: Mode) -> Result<bool, EvalError> {
    let (compiled, schema) = compiled(expression, mode);
    let (request, arena) = (request(&schema), Arena::new());
    Evaluator::new(&compiled.program, &request, &arena, FUEL, NoRecorder).holds()
}

/// Conditions that build nothing.
const STRICT_CASES: &[(&str, Result<bool, EvalError>)] = &[
    (
        "request.method == 'GET' && request.url_path.startsWith('/t/')",
        Ok(true),
    ),
    ("request.method in ['PUT', 'POST']", Ok(false)),
    ("'manager' in principal.roles", Ok(true)),
    ("'auditor' in principal.roles", Ok(false)),
    (
        "principal.roles.exists(r, r in ['auditor', 'clerk'])",
        Ok(true),
    ),
    ("principal.groups.all(g, size(g) > 2)", Ok(true)),
    (
        "principal.groups.exists_one(g, g.startsWith('b'))",
        Ok(true),
    ),
    (
        "principal.groups.exists(i, g, i == 1 && g == 'on-call')",
        Ok(true),
    ),
    ("principal.attr.tenant == route.tenant", Ok(true)),
    (
        "request.headers['x-tenant'] == principal.attr.tenant",
        Ok(true),
    ),
    ("request.headers['x-other'] == 'a'", Err(EvalError::Absent)),
    (
        "request.headers['x-twice'] == 'a'",
        Err(EvalError::Repeated),
    ),
    (
        "has(request.headers.other) || 'x-tenant' in request.headers",
        Ok(true),
    ),
    ("'x-twice' in request.headers", Ok(true)),
    (
        "has(principal.attr.plan) && principal.attr.plan == 'pro'",
        Ok(false),
    ),
    ("principal.attr.plan == 'pro'", Err(EvalError::Absent)),
    (
        "principal.attr.plan == 'pro' || request.method == 'GET'",
        Ok(true),
    ),
    (
        "principal.attr.plan == 'pro' && request.method == 'PUT'",
        Ok(false),
    ),
    ("!(principal.attr.plan == 'pro')", Err(EvalError::Absent)),
    ("source.ip.inCidr(values.office)", Ok(true)),
    (
        "source.ip.inCidr('10.1.2.0/24') && !source.ip.inCidr(['192.0.2.0/24'])",
        Ok(true),
    ),
    ("cidr('10.0.0.0/8').containsIP(source.ip)", Ok(true)),
    ("source.ip == ip('10.1.2.3')", Ok(true)),
    ("request.time.getHours('Europe/Berlin') == 10", Ok(true)),
    ("request.time.getHours() in [8, 9]", Ok(true)),
    ("request.time < timestamp('2026-03-29T08:30:01Z')", Ok(true)),
    (
        "request.time.getDayOfWeek() == 0 && request.time.getMonth() == 2",
        Ok(true),
    ),
    (
        "request.host.matches(r'^[a-z]+\\.shop\\.example$')",
        Ok(true),
    ),
    ("request.url_path.matches('^/x')", Ok(false)),
    ("request.auth.claims['level'] >= 3", Ok(true)),
    ("2 < request.auth.claims.level", Ok(true)),
    ("request.auth.claims['level'] == 'three'", Ok(false)),
    (
        "request.auth.claims['level'].startsWith('t')",
        Err(EvalError::NoOverload),
    ),
    (
        "'clerk' in request.auth.claims.realm_access.roles",
        Ok(true),
    ),
    (
        "request.auth.claims['realm_access']['groups'] == 'a'",
        Err(EvalError::NoSuchKey),
    ),
    ("has(request.auth.claims.realm_access.groups)", Ok(false)),
    (
        "request.auth.claims['realm_access'].?groups.orValue('none') == 'none'",
        Ok(true),
    ),
    (
        "resource.attr.ports[1] == 443 && 80 in resource.attr.ports",
        Ok(true),
    ),
    ("resource.attr.ports.exists(p, p > values.limit)", Ok(true)),
    (
        "size(principal.id) + 9223372036854775807 > 0",
        Err(EvalError::OutOfRange),
    ),
    (
        "principal.id.substring(1, 3) == 'an' && principal.id.indexOf('a', 2) == 3",
        Ok(true),
    ),
    ("int(request.path.substring(20)) == 2", Ok(true)),
    (
        "(request.method == 'GET' ? principal.id : route.tenant) == 'dana'",
        Ok(true),
    ),
    ("request.method == 'GE' + 'T'", Ok(true)),
    (
        "[1, 2, 3].map(x, x * 2) == [2, 4, 6] && request.method == 'GET'",
        Ok(true),
    ),
];

#[test]
fn strict_conditions() {
    for (expression, expected) in STRICT_CASES {
        assert_eq!(outcome(expression, STRICT), *expected, "{expression}");
        assert_eq!(
            outcome(expression, EXTENDED),
            *expected,
            "{expression}, extended"
        );
    }
}

#[test]
fn extended_conditions() {
    let cases: &[(&str, Result<bool, EvalError>)] = &[
        ("route.tenant + '/' + principal.id == 'acme/dana'", Ok(true)),
        (
            "principal.roles.map(r, 'role:' + r) == ['role:clerk', 'role:manager']",
            Ok(true),
        ),
        (
            "size(principal.groups.filter(g, g.contains('-'))) == 1",
            Ok(true),
        ),
        ("principal.id.upperAscii() == 'DANA'", Ok(true)),
        ("string(request.time) == '2026-03-29T08:30:00Z'", Ok(true)),
        (
            "'%s has %d'.format([principal.id, size(principal.roles)]) == 'dana has 2'",
            Ok(true),
        ),
        (
            "[principal.id, route.tenant].join('@') == 'dana@acme'",
            Ok(true),
        ),
        ("{'a': principal.id}.a == 'dana'", Ok(true)),
        (
            "request.path.split('?')[1].split('=') == ['page', '2']",
            Ok(true),
        ),
        (
            "[optional.of(principal.id)] == [optional.of('dana')]",
            Ok(true),
        ),
    ];
    for (expression, expected) in cases {
        assert_eq!(outcome(expression, EXTENDED), *expected, "{expression}");
        let refused = crate::condition::compile(expression, &mut super::schema(), STRICT);
        let errors = refused.expect_err(expression);
        let kind = crate::condition::ConditionErrorKind::NeedsExtendedProfile;
        assert!(
            errors.iter().all(|error| error.kind == kind),
            "{expression}: {errors:?}"
        );
    }
}

#[test]
fn an_arena_is_bounded_and_can_be_used_again() {
    let mut text = "principal.id".to_owned();
    for _ in 0..30 {
        text = format!("cel.bind(a, {text}, a + a)");
    }
    let (compiled, schema) = compiled(&format!("size({text}) > 0"), Mode::Eval { typed: true });
    let (request, mut arena) = (request(&schema), Arena::new());
    for _ in 0..3 {
        let mut evaluator = Evaluator::new(&compiled.program, &request, &arena, FUEL, NoRecorder);
        assert_eq!(evaluator.holds(), Err(EvalError::OutOfMemory));
        arena.reset();
    }
}

/// Writes down what it hears.
struct Written(Vec<(NodeId, String)>);

impl Recorder for &mut Written {
    fn record(&mut self, node: NodeId, value: Result<Value<'_>, EvalError>) {
        self.0.push((node, format!("{value:?}")));
    }
}

#[test]
fn every_evaluated_part_is_explained() {
    let expression = "request.method == 'GET' && principal.attr.plan == 'pro' && \
        (request.host == 'x' || 'manager' in principal.roles) && request.url_path == '/'";
    let (compiled, schema) = compiled(expression, STRICT);
    let (request, arena) = (request(&schema), Arena::new());
    let mut written = Written(Vec::new());
    let mut evaluator = Evaluator::new(&compiled.program, &request, &arena, FUEL, &mut written);
    assert_eq!(evaluator.holds(), Ok(false));
    let heard: Vec<(String, String)> = written
        .0
        .into_iter()
        .map(|(node, value)| {
            let span = compiled.program.span(node);
            (
                expression[span.start as usize..span.end as usize].to_owned(),
                value,
            )
        })
        .collect();
    let value = |part: &str| {
        let found = heard.iter().rev().find(|(heard, _)| heard == part);
        found.map(|(_, value)| value.as_str())
    };
    assert_eq!(value("request.method"), Some("Ok(Str(\"GET\"))"));
    assert_eq!(value("request.method == 'GET'"), Some("Ok(Bool(true))"));
    assert_eq!(value("principal.attr.plan"), Some("Err(Absent)"));
    assert_eq!(value("principal.attr.plan == 'pro'"), Some("Err(Absent)"));
    assert_eq!(value("request.host == 'x'"), Some("Ok(Bool(false))"));
    assert_eq!(
        value("'manager' in principal.roles"),
        Some("Ok(Bool(true))")
    );
    assert_eq!(value("request.url_path == '/'"), Some("Ok(Bool(false))"));
    assert_eq!(value(expression), Some("Ok(Bool(false))"));
}

#[test]
fn the_parts_of_a_chain_are_explained_once() {
    let expression = "request.auth.claims.realm_access.roles[0] == 'x'";
    let (compiled, schema) = compiled(expression, STRICT);
    let (request, arena) = (request(&schema), Arena::new());
    let mut written = Written(Vec::new());
    let mut evaluator = Evaluator::new(&compiled.program, &request, &arena, FUEL, &mut written);
    assert_eq!(evaluator.holds(), Ok(false));
    let heard = written.0;
    let mut parts: Vec<&str> = heard
        .iter()
        .map(|(node, _)| {
            let span = compiled.program.span(*node);
            &expression[span.start as usize..span.end as usize]
        })
        .collect();
    parts.sort_by_key(|part| part.len());
    let chain = "request.auth.claims.realm_access";
    let expected = [
        "0",
        chain,
        &format!("{chain}.roles"),
        &format!("{chain}.roles[0]"),
        expression,
    ];
    assert_eq!(parts, expected);
}
