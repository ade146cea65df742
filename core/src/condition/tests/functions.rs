//! Functions and operators by their specification, where the conformance
//! vectors leave room.

use crate::condition::json::evaluate_json;
use crate::condition::{ConditionErrorKind, Mode, Schema, compile};
use serde_json::json;

const TRUE: &[&str] = &[
    // Numbers
    "int('-42') == -42 && int('+7') == 7 && uint('7') == 7u",
    "int(-1.9) == -1 && uint(1.9) == 1u && int(duration('90m')) == 5400",
    "double('1e3') == 1000.0 && double('-Infinity') < 0.0",
    "-9223372036854775808 == -9223372036854775807 - 1",
    "-7 / 2 == -3 && -7 % 2 == -1",
    "0x7fffffffffffffff == 9223372036854775807 && -0x1 == -1",
    "dyn(1) < 1.5 && dyn(2u) > 1 && dyn(-1) < 0u && dyn(18446744073709551615u) > -1",
    "!(0.0 / 0.0 < 1.0) && !(0.0 / 0.0 >= 1.0)",
    "string(1e21) == '1e+21' && string(0.5) == '0.5' && string(-0.0001) == '-0.0001'",
    "string(1.0 / 0.0) == '+Inf' && string(100000.0) == '100000'",
    "math.round(2.5) == 3.0 && math.round(-2.5) == -3.0 && math.trunc(-1.9) == -1.0",
    "math.sqrt(81) == 9.0 && math.sign(-3) == -1 && math.abs(-2.5) == 2.5",
    "math.bitShiftRight(-1, 63) == 1 && math.bitShiftLeft(1, 63) == -9223372036854775808",
    "math.bitAnd(6u, 3u) == 2u && math.bitOr(6, 3) == 7 && math.bitXor(6, 3) == 5",
    "math.greatest(1, 2.5, 3u) == 3u && math.least([4, -1, 2]) == -1",
    // Strings
    "size('é☺') == 2 && size(b'é☺') == 5",
    "'hello'.substring(1, 3) == 'el' && 'héllo'.substring(1) == 'éllo'",
    "'héllo'.charAt(1) == 'é' && 'abc'.charAt(3) == ''",
    "'abcabc'.indexOf('c', 3) == 5 && 'abc'.indexOf('z') == -1 && ''.indexOf('a') == -1",
    "'abcabc'.lastIndexOf('bc') == 4 && 'abcabc'.lastIndexOf('bc', 3) == 1",
    "'éaé'.lastIndexOf('é', 1) == 0 && 'xé'.lastIndexOf('é', 0) == -1",
    "'a,b,,c'.split(',') == ['a', 'b', '', 'c'] && 'a,b'.split(',', 1) == ['a,b']",
    "'añb'.split('') == ['a', 'ñ', 'b'] && 'abc'.split('', 2) == ['a', 'bc'] && ''.split('') == []",
    "'a,b'.split(',', -9223372036854775807 - 1) == ['a', 'b']",
    "'hello'.replace('l', 'L', 1) == 'heLlo' && 'hello'.replace('', '_', 2) == '_h_ello'",
    "'hello'.replace('l', 'L', 0) == 'hello' && 'hello'.replace('l', '') == 'heo'",
    "['a', 'b'].join(', ') == 'a, b' && 'abc'.reverse() == 'cba'",
    r#"strings.quote('a\n"') == '"a\\n\\""'"#,
    r"'\u00a0 a \t'.trim() == 'a' && 'ÀB'.lowerAscii() == 'Àb'",
    "'%s|%d|%.2f|%x|%X|%o|%b|%e'.format(['a', 1, 1.005, 255, 'hi', 8, 5, 12345.678]) == \
        'a|1|1.00|ff|6869|10|101|1.234568e+04'",
    "'%s'.format([[1, 'a', {'b': 2, 'a': null}]]) == '[1, a, {a: null, b: 2}]'",
    "'%s %s'.format([timestamp(0), duration('1.5s')]) == '1970-01-01T00:00:00Z 1.5s'",
    r"string(b'abc') == 'abc' && bytes('é') == b'\303\251' && string(true) == 'true'",
    "'''a\r\nb''' == 'a\\nb' && r'\\n' == '\\\\n' && b'\\x41' == b'A'",
    // Patterns: RE2 with ASCII classes
    r"'a1_'.matches(r'^\w+$') && !'é'.matches(r'^\w$') && 'é'.matches(r'^\W$')",
    r"'٣'.matches(r'^\D$') && !'٣'.matches(r'^\d$') && '3'.matches(r'^[\d-]$')",
    r"'x-y'.matches(r'\by') && !'xy'.matches(r'\by') && 'é'.matches('^.$')",
    r"'ABC'.matches('(?i)abc') && 'a\nb'.matches('(?s)a.b') && !'a\nb'.matches('a.b')",
    r"'Zürich'.matches(r'^\pL+$') && 'abc'.matches('b')",
    // Time
    "timestamp('2024-02-29T12:00:00Z').getDayOfYear() == 59",
    "timestamp('2000-12-31T23:59:59.5Z').getMilliseconds() == 500",
    "timestamp('1969-12-31T23:59:59Z').getDayOfWeek() == 3",
    "timestamp('2026-07-01T00:30:00Z').getHours('Europe/Berlin') == 2",
    "timestamp('2026-01-01T00:30:00Z').getFullYear('America/New_York') == 2025",
    "timestamp('2026-01-01T00:30:00Z').getMinutes('+05:45') == 15",
    "timestamp('2026-01-01T00:30:00+01:00') == timestamp('2025-12-31T23:30:00Z')",
    "timestamp(0) + duration('1h') - timestamp(0) == duration('60m')",
    "duration('1h1m1.5s') == duration('3661500ms') && string(duration('-90m')) == '-5400s'",
    "duration('90m').getHours() == 1 && duration('1500ms').getMilliseconds() == 500",
    // Addresses
    "ip('10.0.0.1') != ip('10.0.0.2') && ip('::ffff:a00:1') == ip('10.0.0.1')",
    "cidr('10.1.0.0/16').containsIP(ip('10.1.255.255')) && cidr('::/0').containsIP('2001:db8::1')",
    "!cidr('::/0').containsIP('10.0.0.1') && !cidr('0.0.0.0/0').containsIP('::1')",
    "cidr('10.0.0.0/8').containsCIDR('10.2.0.0/16') && !cidr('10.0.0.0/8').containsCIDR('0.0.0.0/0')",
    "string(cidr('10.1.2.3/8').masked()) == '10.0.0.0/8' && cidr('10.1.2.3/8').prefixLength() == 8",
    "isIP('::1') && !isIP('1.2.3') && !isIP('01.2.3.4') && isCIDR('::/0') && !isCIDR('1.2.3.4/08')",
    "ip.isCanonical('2001:db8::1') && !ip.isCanonical('2001:DB8::1')",
    "ip('169.254.0.1').isLinkLocalUnicast() && ip('ff02::1').isLinkLocalMulticast()",
    "ip('10.0.0.1').inCidr(['192.168.0.0/16', '10.0.0.0/8'])",
    // Lists, maps, optionals
    "1 in [1.0, 2u] && 'a' in {'a': 1} && !(2 in {1: 1}) && {1: 'a'}[1u] == 'a'",
    "[1, 2] + [3] == [1, 2, 3] && {'a': 1, 'b': 2} == {'b': 2.0, 'a': 1u}",
    "{'a': 1}.?a.orValue(0) == 1 && {'a': 1}.?b.orValue(0) == 0 && !has({'a': 1}.b)",
    "[1, 2][?0].value() == 1 && ![1, 2][?9].hasValue() && ![1][?-1].hasValue()",
    "optional.of(1).or(optional.of(1 / 0)).value() == 1 && optional.of(2).orValue(1 / 0) == 2",
    "optional.of(1).optMap(x, x + 1) == optional.of(2) && optional.none() != optional.of(null)",
    "[?optional.none(), 1, ?optional.of(2)] == [1, 2] && {?'a': optional.none()} == {}",
    "optional.unwrap([optional.of(1), optional.none()]) == [1]",
    "[3, 1].transformList(i, x, i > 0, x) == [1] && {'a': 1}.transformMap(k, v, v + 1) == {'a': 2}",
    "[1, 2, 3].exists_one(x, x > 2) && ![1, 2, 3].exists_one(x, x > 1)",
    "{'a': 1, 'b': 2}.all(k, v, size(k) == 1 && v > 0) && [5].exists(i, x, i == 0 && x == 5)",
    // Logic absorbs errors on both sides
    "(1 / 0 == 1 || true) && !(1 / 0 == 1 && false) && [1, 0].exists(x, 1 / x == 1)",
    "cel.bind(x, 2, cel.bind(y, x + 1, [x, y].all(z, z > 1)))",
    "type(1) == int && type(type(1)) == type && type(null) == null_type && type(1) != uint",
];

/// Expressions without a value, with the reason.
const FAILS: &[(&str, &str)] = &[
    (
        "9223372036854775807 + 1",
        "the result is out of range (overflow)",
    ),
    (
        "-(-9223372036854775808)",
        "the result is out of range (overflow)",
    ),
    ("0u - 1u", "the result is out of range (overflow)"),
    ("1 % 0", "modulus by zero"),
    ("1.5 % 1.0", "no such overload"),
    ("dyn(1) + 1.0", "no such overload"),
    ("int('1_000')", "invalid argument"),
    ("int('9223372036854775808')", "invalid argument"),
    ("uint('+1')", "invalid argument"),
    ("int(9.3e18)", "the result is out of range (overflow)"),
    ("int(0.0 / 0.0)", "the result is out of range (overflow)"),
    ("uint(-0.5)", "the result is out of range (overflow)"),
    ("double('1e999')", "the result is out of range (overflow)"),
    ("bool('yes')", "invalid argument"),
    (r"string(b'\xff')", "invalid argument"),
    ("'abc'.substring(2, 1)", "index out of range"),
    ("'abc'.charAt(-1)", "index out of range"),
    ("[1][1]", "index out of range"),
    ("[1][-1]", "index out of range"),
    ("[1]['a']", "invalid argument"),
    ("{'a': 1}.b", "no such key"),
    ("{'a': 1, 'a': 2}", "repeated key in a map"),
    ("{1.5: 1}", "unsupported type of map key"),
    ("optional.none().value()", "optional.none() has no value"),
    ("timestamp('2026-02-29T00:00:00Z')", "invalid argument"),
    ("timestamp('2026-01-01 00:00:00Z')", "invalid argument"),
    ("timestamp('2026-01-01T24:00:00Z')", "invalid argument"),
    (
        "timestamp(253402300800)",
        "the result is out of range (overflow)",
    ),
    ("duration('1d')", "invalid argument"),
    ("duration('')", "invalid argument"),
    ("duration('300h') * 2", "no such overload"),
    ("timestamp(0).getHours('Mars/Olympus')", "invalid argument"),
    ("ip('::ffff:10.0.0.1')", "invalid argument"),
    ("ip('fe80::1%eth0')", "invalid argument"),
    ("cidr('10.0.0.0')", "invalid argument"),
    ("'%d'.format(['a'])", "could not be formatted"),
    ("'%s %s'.format(['a'])", "index out of range"),
    ("'%q'.format(['a'])", "could not be formatted"),
    ("'a'.matches('(')", "invalid argument"),
    ("[1, 2].map(x, 1 / (x - 1))", "divide by zero"),
    ("[0, 1].exists_one(x, 1 / x == 1)", "divide by zero"),
    ("true && 'a'", "no such overload"),
    ("(true && dyn(5)) == 5", "no such overload"),
    ("x", "undeclared reference"),
    ("f(1)", "unbound function"),
];

#[test]
fn expressions_that_are_true() {
    for expression in TRUE {
        let answer = evaluate_json(&json!({ "expr": expression }));
        assert_eq!(answer, json!({ "value": { "bool": true } }), "{expression}");
    }
}

#[test]
fn expressions_that_fail() {
    for (expression, reason) in FAILS {
        let answer = evaluate_json(&json!({ "expr": expression }));
        assert_eq!(answer, json!({ "error": reason }), "{expression}");
    }
}

#[test]
fn values_are_written_as_they_are_read() {
    let values = json!({
        "null": { "null": null },
        "int": { "int": "-5" },
        "uint": { "uint": "18446744073709551615" },
        "double": { "double": "1e+100" },
        "whole": { "double": "3.0" },
        "infinite": { "double": "-Infinity" },
        "string": { "string": "é" },
        "bytes": { "bytes": "AP8=" },
        "longer": { "bytes": "aGVsbG8=" },
        "timestamp": { "timestamp": ["-1", 500_000_000] },
        "duration": { "duration": ["-1", -500_000_000] },
        "ip": { "ip": "10.0.0.1" },
        "cidr": { "cidr": "2001:db8::/32" },
        "type": { "type": "list" },
        "list": { "list": [{ "bool": true }, { "list": [] }] },
        "map": { "map": [[{ "string": "a" }, { "int": "1" }]] },
        "optional": { "optional": { "int": "1" } },
        "none": { "optional": null },
    });
    for (name, value) in values.as_object().unwrap() {
        let case = json!({ "id": name, "expr": "x", "bindings": { "x": value } });
        assert_eq!(evaluate_json(&case), json!({ "id": name, "value": value }));
    }
}

#[test]
fn malformed_cases_are_errors() {
    let deep = (0..100).fold(json!({ "int": "1" }), |inner, _| json!({ "list": [inner] }));
    let int = json!({ "int": "1" });
    let cases = [
        json!({}),
        json!({ "expr": 1 }),
        json!({ "expr": "1 +" }),
        json!({ "expr": "x", "bindings": [] }),
        json!({ "expr": "x", "bindings": { "x": { "uint": "-1" } } }),
        json!({ "expr": "x", "bindings": { "x": { "int": "9223372036854775808" } } }),
        json!({ "expr": "x", "bindings": { "x": { "bytes": "!" } } }),
        json!({ "expr": "x", "bindings": { "x": deep } }),
        json!({ "expr": "x", "type_env": { "x": "thing" } }),
        json!({ "expr": "x", "type_env": { "x": "int" } }),
        json!({ "expr": "x == 'a'", "type_env": { "x": "int" }, "bindings": { "x": int } }),
        json!({ "expr": "y", "check_only": true }),
    ];
    for case in cases {
        assert!(evaluate_json(&case).get("error").is_some(), "{case}");
    }
}

#[test]
fn patterns_are_bounded() {
    let cases = [
        "'a'.matches('(a|b)*a(a|b){30}')",
        "'a'.matches('(((a{100}){100}){100})')",
        "'a'.matches('[a&&b]')",
        "'a'.matches('(?=a)')",
    ];
    for expression in cases {
        let policy = Mode::Policy(crate::condition::Profile::Strict);
        let errors = compile(expression, &mut Schema::default(), policy).unwrap_err();
        assert_eq!(
            errors[0].kind,
            ConditionErrorKind::InvalidConstant,
            "{expression}"
        );
        assert!(
            evaluate_json(&json!({ "expr": expression }))
                .get("error")
                .is_some()
        );
    }
    let many = vec!["x.matches('(a|b)*a(a|b){12}')"; 200].join(" || ");
    let case = json!({ "expr": many, "bindings": { "x": { "string": "c" } } });
    assert_eq!(evaluate_json(&case), json!({ "error": "invalid argument" }));
}
