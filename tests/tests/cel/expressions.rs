//! Expressions at random, most of them of types that fit. None shows the order of a map's keys,
//! which the language leaves open.

use gatelet_tests::prng::Prng;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Bool,
    Int,
    Uint,
    Double,
    Str,
    Ints,
    Strs,
    Map,
    Time,
    Span,
}

/// Leaves and forms of each type. Letters in angle brackets are operands: b(ool), i(nt), u(int),
/// d(ouble), s(tring), l(ist of ints), L(ist of strings), m(ap), t(imestamp), p (duration), n (any
/// number).
#[rustfmt::skip]
const FORMS: &[(Type, &[&str], &[&str])] = &[
    (Type::Bool, &[
        "true", "false", "b",
    ], &[
        "<b> && <b>", "<b> || <b>", "!<b>", "<b> ? <b> : <b>", "<i> == <i>", "<i> != <i>",
        "<i> < <i>", "<i> >= <i>", "<u> < <u>", "<u> == <u>", "<d> < <d>", "<d> == <d>",
        "<d> != <d>", "<s> == <s>", "<s> < <s>", "<n> == <n>", "<n> < <n>", "<n> <= <n>",
        "<b> == <b>", "<l> == <l>", "<L> == <L>", "<m> == <m>", "<t> < <t>", "<p> < <p>",
        "<t> == <t>", "<p> >= <p>", "<s>.startsWith(<s>)", "<s>.endsWith(<s>)",
        "<s>.contains(<s>)", "<s>.matches('^[a-z]+$')", "<s>.matches('b')", "<i> in <l>",
        "<s> in <L>", "<s> in <m>", "has(m.a)", "has(m.k)", "<l>.all(x, x > <i>)",
        "<l>.exists(x, x == <i>)", "<l>.exists_one(x, x == <i>)", "<L>.all(x, x.startsWith(<s>))",
        "<L>.exists(x, <s> == x)", "<m>.exists(x, x == <s>)", "<m>.all(x, m[x] > <i>)",
        "<l>.exists(x, <L>.all(y, size(y) > x))", "<l>.all(x, 10 / x > 0)",
        "<l>.exists(x, 10 / x > 0)",
    ]),
    (Type::Int, &[
        "i", "j", "0", "1", "-1", "42", "9223372036854775807", "-9223372036854775808",
    ], &[
        "<i> + <i>", "<i> - <i>", "<i> * <i>", "<i> / <i>", "<i> % <i>", "-<i>", "size(<s>)",
        "size(<l>)", "<L>.size()", "size(<m>)", "size(<m>.map(x, x))", "int(<u>)", "int(<d>)",
        "int(<s>)", "<l>[<i>]", "<l>[0]", "m.a", "m[<s>]", "<b> ? <i> : <i>", "<t>.getFullYear()",
        "<t>.getMonth()", "<t>.getDate()", "<t>.getDayOfMonth()", "<t>.getDayOfWeek()",
        "<t>.getDayOfYear()", "<t>.getHours()", "<t>.getMinutes()", "<t>.getSeconds()",
        "<p>.getHours()", "<p>.getMinutes()", "<p>.getSeconds()",
    ]),
    (Type::Uint, &[
        "u", "0u", "1u", "18446744073709551615u",
    ], &[
        "<u> + <u>", "<u> - <u>", "<u> * <u>", "<u> / <u>", "<u> % <u>", "uint(<i>)", "uint(<d>)",
        "uint(<s>)", "<b> ? <u> : <u>",
    ]),
    (Type::Double, &[
        "d", "0.0", "1.5", "-1.0", "1e300",
    ], &[
        "<d> + <d>", "<d> - <d>", "<d> * <d>", "<d> / <d>", "-<d>", "double(<i>)", "double(<u>)",
        "double(<s>)", "<b> ? <d> : <d>",
    ]),
    (Type::Str, &[
        "s", "t", "''", "'a'", "'aé'", "'GET'", "\"b\"", "r'a\\b'", "'\\u00e9'",
    ], &[
        "<s> + <s>", "string(<i>)", "string(<u>)", "string(<d>)", "<L>[<i>]", "<L>[0]", "<b> ? <s> : <s>",
    ]),
    (Type::Ints, &[
        "li", "[]", "[1, 2, 3]",
    ], &[
        "[<i>, <i>]", "<l> + <l>", "<l>.map(x, x + <i>)", "<l>.filter(x, x > <i>)",
        "<L>.map(x, size(x))",
    ]),
    (Type::Strs, &[
        "ls", "['a', 'b']",
    ], &[
        "[<s>, <s>]", "<L> + <L>", "<L>.filter(x, x != <s>)", "<l>.map(x, <s>)",
    ]),
    (Type::Map, &[
        "m", "{'a': 1}", "{'a': 1, 'k': 0}",
    ], &[
        "{'a': <i>}", "{<s>: <i>, 'z': <i>}",
    ]),
    (Type::Time, &[
        "timestamp('2026-01-31T23:59:59Z')", "timestamp('2024-02-29T12:30:00.5+01:00')",
        "timestamp('1969-12-31T23:59:59.999Z')",
    ], &[
        "<t> + <p>", "<t> - <p>",
    ]),
    (Type::Span, &[
        "duration('1h30m')", "duration('-1.5s')", "duration('0s')", "duration('250ms')",
    ], &[
        "<p> + <p>", "<p> - <p>", "<t> - <t>",
    ]),
];

fn forms(of: Type) -> (&'static [&'static str], &'static [&'static str]) {
    let found = FORMS.iter().find(|(ty, ..)| *ty == of);
    found.map_or((&[], &[]), |(_, leaves, forms)| (leaves, forms))
}

/// An expression of any type, of a few operators.
pub(crate) fn expression(random: &mut Prng) -> String {
    let ty = if random.chance(60) {
        Type::Bool
    } else {
        random.pick(FORMS).0
    };
    let depth = 1 + random.below(4);
    of(random, ty, depth)
}

fn of(random: &mut Prng, ty: Type, depth: usize) -> String {
    let (leaves, trees) = forms(ty);
    // One operand in fifty is of another type than it should be; but no map where a macro wants a list.
    let other = random.pick(FORMS).0;
    let is_list = matches!(ty, Type::Ints | Type::Strs);
    if random.chance(2) && !(is_list && other == Type::Map) {
        return (*random.pick(forms(other).0)).to_owned();
    }
    if depth == 0 {
        return (*random.pick(leaves)).to_owned();
    }
    let form = *random.pick(trees);
    let mut text = String::new();
    let mut rest = form;
    while let Some((before, after)) = rest.split_once('<') {
        let operand = after
            .split_once('>')
            .and_then(|(name, rest)| Some((operand(random, name)?, rest)));
        text.push_str(before);
        match operand {
            Some((ty, behind)) => {
                let down = 1 + random.below(depth);
                let inner = of(random, ty, depth - down);
                let plain = inner
                    .chars()
                    .all(|c| c.is_alphanumeric() || "'_.[]".contains(c));
                text.push_str(&if plain { inner } else { format!("({inner})") });
                rest = behind;
            }
            None => {
                text.push('<');
                rest = after;
            }
        }
    }
    text.push_str(rest);
    text
}

fn operand(random: &mut Prng, name: &str) -> Option<Type> {
    Some(match name {
        "b" => Type::Bool,
        "i" => Type::Int,
        "u" => Type::Uint,
        "d" => Type::Double,
        "s" => Type::Str,
        "l" => Type::Ints,
        "L" => Type::Strs,
        "m" => Type::Map,
        "t" => Type::Time,
        "p" => Type::Span,
        "n" => *random.pick(&[Type::Int, Type::Uint, Type::Double]),
        _ => return None,
    })
}
