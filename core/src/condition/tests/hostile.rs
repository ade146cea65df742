//! Expressions made to break the compiler or the evaluator.

use super::{EXTENDED, Random, STRICT, request, schema};
use crate::condition::json::evaluate_json;
use crate::condition::{ConditionErrorKind as Kind, Mode, compile};
use crate::limits::CONDITION_FUEL as FUEL;
use crate::program::condition::{Arena, EvalError, Evaluator, NoRecorder};
use serde_json::json;

/// Runs with no more stack than a small thread has.
fn on_small_stack<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::Builder::new()
        .stack_size(128 << 10)
        .spawn(run)
        .unwrap();
    thread.join().unwrap()
}

fn kind(expression: &str) -> Option<Kind> {
    compile(expression, &mut schema(), Mode::Eval { typed: false })
        .err()
        .map(|errors| errors[0].kind)
}

#[test]
fn hostile_shapes_are_errors_on_a_small_stack() {
    let shapes: Vec<(&str, String)> = vec![
        (
            "parentheses",
            format!("{}1{}", "(".repeat(100_000), ")".repeat(100_000)),
        ),
        ("open parentheses", "(".repeat(8_000)),
        (
            "lists",
            format!("{}{}", "[".repeat(4_000), "]".repeat(4_000)),
        ),
        ("maps", "{1:".repeat(2_000)),
        ("calls", "f(".repeat(4_000)),
        ("indexes", "a[".repeat(4_000)),
        ("fields", format!("a{}", ".b".repeat(100_000))),
        ("short fields", format!("a{}", ".b".repeat(3_000))),
        ("sums", format!("1{}", " + 1".repeat(100_000))),
        ("short sums", format!("1{}", "+1".repeat(3_000))),
        ("ternaries", "a?b:".repeat(2_000) + "c"),
        ("middle ternaries", "a?".repeat(2_000)),
        ("comparisons", format!("1{}", "<1".repeat(3_000))),
        ("loops", "[1].all(x,".repeat(800)),
        ("loops in ranges", format!("[1]{}", ".map(x,x)".repeat(800))),
        ("bindings", "cel.bind(a,1,".repeat(600)),
        ("optionals", format!("a{}", ".?b".repeat(2_000))),
        ("mixed", "[{1:(a[f(".repeat(600)),
        ("operators", "1||1&&1<1+1*".repeat(600) + "1"),
        (
            "nodes",
            format!("[{}]", "1,".repeat(4_090)) + "+[1,2,3,4,5,6]",
        ),
    ];
    for (name, shape) in shapes {
        let found = on_small_stack(move || kind(&shape));
        assert!(
            matches!(found, Some(Kind::TooLarge | Kind::Syntax)),
            "{name}: {found:?}"
        );
    }
}

#[test]
fn what_is_allowed_runs_on_a_small_stack() {
    let deep = 60;
    let shapes: Vec<(&str, String)> = vec![
        ("signs", format!("{}1 == 1", "-".repeat(8_000))),
        ("nots", format!("{}true", "!".repeat(8_000))),
        ("ands", format!("true{}", "&&true".repeat(1_300))),
        (
            "lists",
            format!("{}1{} != []", "[".repeat(deep), "]".repeat(deep)),
        ),
        (
            "parentheses",
            format!("{}true{}", "(".repeat(deep), ")".repeat(deep)),
        ),
        ("sums", format!("1{} > 0", "+1".repeat(deep))),
        ("ternaries", "true?true:".repeat(deep) + "true"),
        (
            "operators",
            format!("{}true{}", "true&&(1<2||".repeat(25), ")".repeat(25)),
        ),
        (
            "loops",
            format!("{}true{}", "[1].all(x,".repeat(deep), ")".repeat(deep)),
        ),
        (
            "loops over a variable",
            format!(
                "{}size(a)>0{}",
                "[a].all(x, a == x && ".repeat(25),
                ")".repeat(25)
            ),
        ),
        (
            "bindings",
            format!("{}true{}", "cel.bind(a,1,".repeat(deep), ")".repeat(deep)),
        ),
        (
            "growing types",
            format!(
                "{}true{}",
                "cel.bind(a,[[[[a]]]],".repeat(30),
                ")".repeat(30)
            ),
        ),
        (
            "calls",
            format!("{}1{} == 1", "int(uint(".repeat(30), "))".repeat(30)),
        ),
        (
            "formats",
            format!(
                "size({}'a'{}) > 0",
                "'%s'.format([".repeat(28),
                "])".repeat(28)
            ),
        ),
    ];
    for (name, shape) in shapes {
        let answer = on_small_stack(move || {
            let case = json!({ "expr": shape, "bindings": { "a": { "string": "x" } } });
            evaluate_json(&case)
        });
        assert_eq!(answer, json!({ "value": { "bool": true } }), "{name}");
    }
}

#[test]
fn a_loop_of_loops_stops_by_fuel() {
    let expression = "principal.groups.all(a, principal.groups.all(b, principal.groups.all(c, \
        a == b || b == c || a != 'none')))";
    for mode in [STRICT, EXTENDED] {
        let errors = compile(expression, &mut schema(), mode).unwrap_err();
        assert_eq!(errors[0].kind, Kind::TooCostly);
    }
    let groups: Vec<_> = (0..1_000)
        .map(|n| json!({ "string": format!("group-{n}") }))
        .collect();
    let mut schema = schema();
    let compiled = compile(expression, &mut schema, Mode::Eval { typed: true }).unwrap();
    let request = super::Request(vec![Ok(crate::program::condition::Constant::List(
        groups
            .iter()
            .map(|group| super::text(group["string"].as_str().unwrap()))
            .collect(),
    ))]);
    let arena = Arena::new();
    let mut evaluator = Evaluator::new(&compiled.program, &request, &arena, FUEL, NoRecorder);
    assert_eq!(evaluator.holds(), Err(EvalError::OutOfFuel));
    assert_eq!(evaluator.fuel_left(), 0);
}

#[test]
fn prices_do_not_overflow() {
    let loops = "principal.groups.filter(a, principal.groups.map(b, b == a, ".repeat(14);
    let expression = format!("size({loops}1{}) > 0", ") == [])".repeat(14));
    let errors = compile(&expression, &mut schema(), EXTENDED).unwrap_err();
    assert_eq!(errors[0].kind, Kind::TooCostly, "{errors:?}");
}

#[test]
fn folding_is_bounded() {
    let list = format!("[{}]", "1,".repeat(60));
    let expression = format!(
        "{list}.all(a, {list}.all(b, {list}.all(c, {list}.all(d, a + b + c + d > 0)))) || \
         request.method == 'GET'"
    );
    assert!(compile(&expression, &mut schema(), Mode::Eval { typed: true }).is_ok());
    let doubled = "cel.bind(a, a + a, ".repeat(40) + "size(a) > 0" + &")".repeat(40);
    let expression = format!("cel.bind(a, 'aaaaaaaa', {doubled})");
    assert!(compile(&expression, &mut schema(), Mode::Eval { typed: true }).is_ok());
}

const ATOMS: &[&str] = &[
    "1",
    "-1",
    "2u",
    "1.5",
    "'a'",
    "b'\\xff'",
    "null",
    "true",
    "false",
    "[]",
    "{}",
    "[1, 2]",
    "{'a': 1}",
    "x",
    "y",
    "request.method",
    "request.url_path",
    "principal.roles",
    "source.ip",
    "request.time",
    "principal.attr.plan",
    "request.headers['a']",
    "request.auth.claims['level']",
    "9223372036854775807",
    "duration('1h')",
    "timestamp(0)",
    "cidr('10.0.0.0/8')",
    "'é☺'",
    "optional.none()",
    "optional.of(1)",
    "resource.attr.ports",
    "values.office",
];

const FORMS: &[&str] = &[
    "(@ + @)",
    "(@ - @)",
    "(@ * @)",
    "(@ / @)",
    "(@ % @)",
    "(@ == @)",
    "(@ != @)",
    "(@ < @)",
    "(@ >= @)",
    "(@ in @)",
    "(@ && @)",
    "(@ || @)",
    "!@",
    "-@",
    "(@ ? @ : @)",
    "[@, @]",
    "{'k': @, @: @}",
    "@[@]",
    "@.a",
    "@.?a",
    "@[?@]",
    "has(@.a)",
    "@.all(x, @)",
    "@.exists(x, @)",
    "@.exists_one(x, y, @)",
    "@.map(x, @)",
    "@.filter(x, @)",
    "@.transformMap(x, y, @)",
    "@.transformList(x, y, @, @)",
    "cel.bind(x, @, @)",
    "@.optMap(x, @)",
    "@.orValue(@)",
    "size(@)",
    "string(@)",
    "int(@)",
    "uint(@)",
    "double(@)",
    "bytes(@)",
    "bool(@)",
    "type(@)",
    "timestamp(@)",
    "duration(@)",
    "@.startsWith(@)",
    "@.contains('a')",
    "@.matches('^a+')",
    "@.substring(@, @)",
    "@.replace(@, @)",
    "@.split(@)",
    "@.join(@)",
    "@.format([@])",
    "@.indexOf(@)",
    "@.lastIndexOf(@, @)",
    "@.charAt(@)",
    "@.getHours()",
    "@.getDate('UTC')",
    "@.inCidr(@)",
    "math.greatest(@, @)",
    "math.bitShiftLeft(@, @)",
    "math.abs(@)",
    "@.reverse()",
    "ip(@)",
    "@.containsIP(@)",
    "dyn(@)",
    "optional.of(@)",
    "optional.ofNonZeroValue(@)",
    "strings.quote(@)",
    "'%d %s %x %e'.format([@, @, @, @])",
    "[?@, @]",
    "@.value()",
];

fn expression(random: &mut Random) -> String {
    let mut text = "@".to_owned();
    for _ in 0..random.below(9) {
        let form = random.pick(FORMS);
        text = text.replacen('@', form, 1 + random.below(2));
    }
    while text.contains('@') && text.len() < 4_000 {
        text = text.replacen('@', random.pick(ATOMS), 1);
    }
    text.replace('@', "1")
}

fn mutated(random: &mut Random, text: &str) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for _ in 0..=random.below(3) {
        let at = random.below(characters.len() + 1);
        let noise = [
            '(', ')', '[', '.', '?', '\'', '\\', '0', 'x', ' ', '☺', '"', '-', '&', '\u{0}',
        ];
        match random.below(3) {
            0 if at < characters.len() => drop(characters.remove(at)),
            1 if at < characters.len() => characters[at] = noise[random.below(noise.len())],
            _ => characters.insert(at, noise[random.below(noise.len())]),
        }
    }
    characters.into_iter().collect()
}

#[test]
fn random_expressions_never_panic() {
    let mut random = Random(0x5eed_1234_abcd_9876);
    let (mut accepted, mut evaluated) = (0, 0);
    for round in 0..5_000 {
        let mut text = expression(&mut random);
        if round % 3 == 0 {
            text = mutated(&mut random, &text);
        }
        for mode in [
            STRICT,
            EXTENDED,
            Mode::Eval { typed: true },
            Mode::Eval { typed: false },
        ] {
            let mut schema = schema();
            match compile(&text, &mut schema, mode) {
                Ok(compiled) => {
                    accepted += 1;
                    let (request, arena) = (request(&schema), Arena::new());
                    let mut evaluator =
                        Evaluator::new(&compiled.program, &request, &arena, FUEL, NoRecorder);
                    evaluated += usize::from(evaluator.result().is_ok());
                }
                Err(errors) => {
                    for error in errors {
                        assert!(text.get(error.range.clone()).is_some(), "{text}: {error:?}");
                    }
                }
            }
        }
    }
    assert!(
        accepted > 3_000 && evaluated > 700,
        "{accepted} accepted, {evaluated} evaluated"
    );
}
