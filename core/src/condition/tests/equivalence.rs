//! Random conditions mean the same evaluated, folded, and taken apart.

use super::{EXTENDED, Random, Request, STRICT, request, schema};
use crate::condition::ConditionErrorKind as Kind;
use crate::condition::facts::{Fact, Lowered, Matcher, Test, facts, lower};
use crate::condition::{Compiled, ConditionError, Mode, Schema, compile};
use crate::limits::CONDITION_FUEL as FUEL;
use crate::program::condition::{Arena, Attributes, EvalError, Evaluator, NoRecorder, Value};

const LEAVES: &[&str] = &[
    "request.method == 'GET'",
    "request.method != 'PUT'",
    "'PUT' == request.method",
    "request.method in ['GET', 'HEAD']",
    "request.method in ['PUT']",
    "request.url_path.startsWith('/t/')",
    "request.url_path.startsWith('/x')",
    "request.url_path.matches('^/t/[a-z]+/')",
    "request.host.endsWith('.example')",
    "'clerk' in principal.roles",
    "'auditor' in principal.roles",
    "principal.groups.exists(g, g == 'eng')",
    "principal.groups.exists(g, g in ['x', 'berlin'])",
    "principal.groups.all(g, g.startsWith('e'))",
    "principal.attr.plan == 'pro'",
    "has(principal.attr.plan)",
    "has(request.headers.other)",
    "request.headers['x-twice'] == 'a'",
    "request.headers['x-tenant'] == principal.attr.tenant",
    "source.ip.inCidr('10.0.0.0/8')",
    "source.ip.inCidr(['192.168.0.0/16', 'fd00::/8'])",
    "request.auth.claims['level'] == 3",
    "request.auth.claims['level'] == 'x'",
    "request.auth.claims['missing']",
    "request.time.getHours() < 9",
    "size(principal.roles) / (size(principal.roles) - 2) > 1",
    "1 + 1 == 2",
    "'a' == 'b'",
];

const FORMS: &[&str] = &[
    "(@ && @)",
    "(@ || @)",
    "(@ && @ && @)",
    "(@ || @ || @)",
    "!(@)",
    "(@ ? @ : @)",
];

fn condition(random: &mut Random) -> String {
    let mut text = "@".to_owned();
    for _ in 0..random.below(6) {
        text = text.replacen('@', random.pick(FORMS), 1);
    }
    while text.contains('@') {
        text = text.replacen('@', random.pick(LEAVES), 1);
    }
    text
}

fn holds(compiled: &Compiled, request: &Request) -> Result<bool, EvalError> {
    let arena = Arena::new();
    Evaluator::new(&compiled.program, request, &arena, FUEL, NoRecorder).holds()
}

/// What a test comes to, the slow way.
fn test_holds(test: &Test, request: &Request) -> Result<bool, EvalError> {
    let value = request.get(test.attribute);
    let text = |value: Value<'_>| match value {
        Value::Str(text) => text.to_owned(),
        other => panic!("{other:?} is no string"),
    };
    match (&test.matcher, value) {
        (_, Err(error)) => Err(error),
        (Matcher::OneOf(strings), Ok(value)) => Ok(strings.contains(&text(value).into())),
        (Matcher::StartsWith(prefix), Ok(value)) => Ok(text(value).starts_with(&**prefix)),
        (Matcher::EndsWith(suffix), Ok(value)) => Ok(text(value).ends_with(&**suffix)),
        (Matcher::HasAny(strings), Ok(Value::List(list))) => {
            Ok(list.iter().any(|item| strings.contains(&text(item).into())))
        }
        (matcher, Ok(value)) => panic!("{matcher:?} of {value:?}"),
    }
}

/// What a condition taken apart comes to.
fn lowered_holds(
    lowered: &Lowered,
    compiled: &Compiled,
    request: &Request,
) -> Result<bool, EvalError> {
    let part = |part: &Lowered| lowered_holds(part, compiled, request);
    match lowered {
        Lowered::Always(value) => Ok(*value),
        Lowered::Not(inner) => part(inner).map(|value| !value),
        Lowered::Test(test) => test_holds(test, request),
        Lowered::Single(node) | Lowered::Opaque(node) => {
            let arena = Arena::new();
            Evaluator::new(&compiled.program, request, &arena, FUEL, NoRecorder).part_holds(*node)
        }
        Lowered::All(parts) | Lowered::Any(parts) => {
            let decisive = matches!(lowered, Lowered::Any(_));
            let outcomes: Vec<Result<bool, EvalError>> = parts.iter().map(part).collect();
            if outcomes.contains(&Ok(decisive)) {
                return Ok(decisive);
            }
            outcomes
                .into_iter()
                .find(Result::is_err)
                .unwrap_or(Ok(!decisive))
        }
    }
}

fn fact_holds(fact: &Fact, request: &Request) -> bool {
    let (Fact::OneOf(attribute, _) | Fact::StartsWith(attribute, _) | Fact::HasAny(attribute, _)) =
        fact;
    let held: Vec<String> = match request.get(*attribute) {
        Ok(Value::Str(text)) => vec![text.to_owned()],
        Ok(Value::List(list)) => list
            .iter()
            .map(|item| match item {
                Value::Str(text) => text.to_owned(),
                other => panic!("{other:?} is no string"),
            })
            .collect(),
        _ => Vec::new(),
    };
    held.iter().any(|value| match fact {
        Fact::OneOf(_, wanted) | Fact::HasAny(_, wanted) => {
            wanted.iter().any(|wanted| **wanted == **value)
        }
        Fact::StartsWith(_, wanted) => wanted.iter().any(|wanted| value.starts_with(&**wanted)),
    })
}

#[test]
fn random_conditions_mean_the_same_in_every_form() {
    let mut random = Random(0x0dd5_eed5_1357_2468);
    let mut outcomes = [0_usize; 3];
    for _ in 0..2_000 {
        let text = condition(&mut random);
        let compile = |mode| -> Result<(Compiled, Schema), Vec<ConditionError>> {
            let mut schema = schema();
            let compiled = compile(&text, &mut schema, mode)?;
            Ok((compiled, schema))
        };
        let (compiled, schema) = match compile(STRICT) {
            Ok(compiled) => compiled,
            Err(errors) if errors.iter().all(|error| error.kind == Kind::TooCostly) => continue,
            Err(errors) => panic!("{text}: {errors:?}"),
        };
        let request = request(&schema);
        let expected = holds(&compiled, &request);
        for mode in [
            EXTENDED,
            Mode::Eval { typed: true },
            Mode::Eval { typed: false },
        ] {
            assert_eq!(
                holds(&compile(mode).unwrap().0, &request).ok(),
                expected.ok(),
                "{text}"
            );
        }
        let lowered = lower(&compiled.program, &schema, |_| true);
        let apart = lowered_holds(&lowered, &compiled, &request);
        assert_eq!(apart.ok(), expected.ok(), "{text}: {lowered:?}");
        let facts = facts(&compiled.program, &schema);
        if expected == Ok(true) {
            let broken = facts.iter().find(|fact| !fact_holds(fact, &request));
            assert_eq!(broken, None, "{text}");
        }
        outcomes[expected.map_or(2, usize::from)] += 1;
    }
    assert!(outcomes.iter().all(|count| *count > 150), "{outcomes:?}");
}
