//! Tests of single values, and the logic that joins them, row by row.

use super::*;
use crate::pattern::cidr::Cidr;
use Truth::{False, NeedsPrincipal, True, Undecided};

/// What stands in some slots; nothing stands in the others.
pub(crate) struct Fixed(pub(crate) &'static [(Slot, Values<'static>)]);

pub(crate) const NOBODY: Fixed = Fixed(&[]);

impl Facts for Fixed {
    fn condition(&self, _: ConditionPart) -> Truth {
        Truth::Undecided
    }

    fn read(&self, slot: Slot) -> Values<'_> {
        let found = self.0.iter().find(|(known, _)| *known == slot);
        found.map_or(Values::Absent, |(_, values)| *values)
    }

    fn holds(&self, _: RoleId) -> bool {
        false
    }

    fn has_caller(&self) -> bool {
        !matches!(self.read(Slot::PrincipalId), Values::Absent)
    }

    fn host(&self) -> Option<Host<'_>> {
        None
    }

    fn path(&self) -> ComparedPath<'_> {
        static NONE: Segments = Segments::new();
        ComparedPath {
            path: b"/",
            segments: &NONE,
            slash: None,
        }
    }
}

fn exact(text: &str) -> Ask {
    Ask::Text(TextPattern::Exact(text.as_bytes().into()))
}

fn fold(text: &str) -> Ask {
    Ask::TextFold(TextPattern::parse(text).unwrap())
}

fn text(text: &'static str) -> Value<'static> {
    Value::String(text.as_bytes())
}

const LESS: Compare = compare(true, false, false);
const AT_MOST: Compare = compare(true, true, false);
const EQUAL: Compare = compare(false, true, false);
const AT_LEAST: Compare = compare(false, true, true);
const MORE: Compare = compare(false, false, true);

const fn compare(less: bool, equal: bool, greater: bool) -> Compare {
    Compare {
        less,
        equal,
        greater,
    }
}

#[test]
fn one_value() {
    let office = || Ask::Cidr(CidrSet::new([Cidr::parse("10.0.0.0/8").unwrap()]));
    let ip = |text: &str| Value::Ip(text.parse().unwrap());
    for (at, (ask, value, expected)) in [
        (Ask::Present, text(""), True),
        (exact("a"), text("a"), True),
        (exact("a"), text("A"), False),
        (fold("Read"), text("rEAD"), True),
        (fold("Read*"), text("READER"), True),
        (fold("*Read"), text("unread"), True),
        (fold("Read"), text("reader"), False),
        // A value of another type cannot be told.
        (exact("1"), Value::Int(1), Undecided),
        (Ask::Bool(true), text("true"), Undecided),
        (Ask::Bool(true), Value::Bool(true), True),
        (Ask::Bool(false), Value::Bool(true), False),
        (Ask::Int(LESS, 5), Value::Int(4), True),
        (Ask::Int(LESS, 5), Value::Int(5), False),
        (Ask::Int(AT_MOST, 5), Value::Int(5), True),
        (Ask::Int(AT_MOST, 5), Value::Int(6), False),
        (Ask::Int(EQUAL, 5), Value::Int(5), True),
        (Ask::Int(EQUAL, i64::MAX), Value::Int(i64::MAX - 1), False),
        (Ask::Int(AT_LEAST, 5), Value::Int(5), True),
        (Ask::Int(AT_LEAST, 5), Value::Int(4), False),
        (Ask::Int(MORE, 5), Value::Int(6), True),
        (Ask::Int(MORE, 5), Value::Int(5), False),
        (Ask::Int(MORE, 5), Value::Double(5.5), True),
        (Ask::Double(MORE, 5.5), Value::Int(6), True),
        (Ask::Double(EQUAL, 5.5), Value::Double(5.5), True),
        (Ask::Double(AT_LEAST, 0.0), Value::Double(f64::NAN), False),
        (Ask::Double(LESS, 0.0), Value::Double(f64::NAN), False),
        (Ask::Time(AT_MOST, 7), Value::Timestamp(7), True),
        (Ask::Time(LESS, 7), Value::Timestamp(7), False),
        (Ask::Time(LESS, 7), Value::Int(6), Undecided),
        (Ask::Duration(MORE, 7), Value::Duration(8), True),
        (office(), ip("10.9.8.7"), True),
        (office(), ip("11.0.0.1"), False),
        (office(), text("10.9.8.7"), Undecided),
        (Ask::AnyOf([exact("a"), fold("b")].into()), text("B"), True),
        (Ask::AnyOf([exact("a"), fold("b")].into()), text("A"), False),
        (Ask::AnyOf([].into()), text("a"), False),
        (
            Ask::AllOf([fold("a*"), fold("*b")].into()),
            text("aXb"),
            True,
        ),
        (
            Ask::AllOf([fold("a*"), fold("*b")].into()),
            text("aX"),
            False,
        ),
        (Ask::AllOf([].into()), text("a"), True),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(
            ask.holds(value, &NOBODY),
            expected,
            "{at}: {ask:?} {value:?}"
        );
    }
}

#[test]
fn several_values() {
    const A: Value<'_> = Value::String(b"a");
    const B: Value<'_> = Value::String(b"b");
    let either = || Ask::AnyOf([exact("a"), exact("b")].into());
    for (ask, values, any, all, one) in [
        (exact("a"), &[][..], Undecided, Undecided, Undecided),
        (exact("a"), &[A], True, True, True),
        (exact("a"), &[B], False, False, False),
        (exact("a"), &[A, B], True, False, Undecided),
        (exact("c"), &[A, B], False, False, Undecided),
        (exact("a"), &[A, A], True, True, Undecided),
        (exact("a"), &[A, Value::Int(1)], True, Undecided, Undecided),
        (exact("a"), &[B, Value::Int(1)], Undecided, False, Undecided),
        // Each value is one of two, although neither is every value.
        (either(), &[A, B], True, True, Undecided),
        (either(), &[A, text("c")], True, False, Undecided),
    ] {
        let mut check = Check {
            slot: Slot::Groups,
            need: Need::Any,
            absent: Undecided,
            ask,
        };
        for (need, expected) in [(Need::Any, any), (Need::All, all), (Need::One, one)] {
            check.need = need;
            let got = check.over(values.iter().copied(), &NOBODY);
            assert_eq!(got, expected, "{check:?} {values:?}");
        }
    }
}

#[test]
fn absence() {
    let someone = Fixed(&[(Slot::PrincipalId, Values::One(Value::String(b"dana")))]);
    let open = Fixed(&[(Slot::Peer, Values::Open(Undecided))]);
    for (absent, nobody, known) in [
        (False, False, False),
        (True, True, True),
        (Undecided, Undecided, Undecided),
        (NeedsPrincipal, NeedsPrincipal, False),
    ] {
        for need in [Need::Any, Need::All, Need::One] {
            for ask in [Ask::Present, exact("a"), Ask::Same(Slot::PrincipalId)] {
                let check = Check {
                    slot: Slot::Peer,
                    need,
                    absent,
                    ask,
                };
                assert_eq!(check.evaluate(&NOBODY), nobody, "{check:?}");
                assert_eq!(check.evaluate(&someone), known, "{check:?}");
                assert_eq!(check.evaluate(&open), Undecided, "{check:?}");
            }
        }
    }
}

#[test]
fn the_same_value_elsewhere() {
    const A: Value<'_> = Value::String(b"a");
    const B: Value<'_> = Value::String(b"b");
    let header = [(&b"x"[..], &b"a"[..])];
    let header: &'static [_] = Box::leak(Box::new(header));
    for (value, other, expected) in [
        (A, Values::One(A), True),
        (A, Values::One(B), False),
        (Value::Int(1), Values::One(Value::Int(1)), True),
        (Value::Int(1), Values::One(A), False),
        (A, Values::Many(&[B, A]), True),
        (A, Values::Many(&[B]), False),
        (A, Values::Names(&[b"b", b"a"]), True),
        (A, Values::Names(&[b"b"]), False),
        (Value::Int(1), Values::Names(&[b"1"]), False),
        (A, Values::Absent, Undecided),
        (A, Values::Open(NeedsPrincipal), NeedsPrincipal),
        (
            A,
            Values::Headers {
                fields: header,
                name: b"x",
            },
            Undecided,
        ),
    ] {
        assert_eq!(same(value, other), expected, "{value:?} {other:?}");
    }
}

#[test]
fn logic_keeps_what_is_open() {
    let of = |truth: Truth| Values::Open(truth);
    let facts: &'static [(Slot, Values<'static>)] = Box::leak(Box::new([
        (Slot::Groups, of(NeedsPrincipal)),
        (Slot::Peer, of(Undecided)),
        (Slot::Method, Values::One(Value::String(b"GET"))),
    ]));
    let check = |slot, absent| Check {
        slot,
        need: Need::Any,
        absent,
        ask: Ask::Present,
    };
    // 0 True, 1 False, 2 Undecided, 3 NeedsPrincipal
    let checks = [
        check(Slot::Method, False),
        check(Slot::Host, False),
        check(Slot::Peer, False),
        check(Slot::Groups, False),
    ];
    for (children, all, any) in [
        (&[][..], True, False),
        (&[0, 1], False, True),
        (&[0, 2], Undecided, True),
        (&[1, 2], False, Undecided),
        (&[2, 3], Undecided, Undecided),
        (&[0, 3], NeedsPrincipal, True),
        (&[1, 3], False, NeedsPrincipal),
        (&[2, 1, 0], False, True),
    ] {
        let len = u32::try_from(children.len()).unwrap();
        let mut nodes: Vec<_> = (0..4).map(Node::Check).collect();
        nodes.push(Node::All { start: 0, len });
        nodes.push(Node::Any { start: 0, len });
        nodes.extend([Node::Not(4), Node::Not(5)]);
        let predicates = Predicates {
            nodes,
            children: children.to_vec(),
            checks: checks.iter().map(|it| check(it.slot, it.absent)).collect(),
        };
        let come_to = |id| predicates.evaluate(PredicateId(id), &Fixed(facts), &mut Unwatched);
        let got = [4, 5, 6, 7].map(come_to);
        assert_eq!(got, [all, any, all.not(), any.not()], "{children:?}");
    }
}
