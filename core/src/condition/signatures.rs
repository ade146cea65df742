//! The functions and operators of conditions with the types that they take.

use super::ast::BinaryOp;
use super::types::{Substitution, Type};
use crate::program::condition::{ArithmeticOp, BitOp, DoubleTest, Function, Rounding, TimePart};

/// A type in a signature. `A` and `B` stand for any type, the same one each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Dyn,
    Bool,
    Int,
    Uint,
    Double,
    Str,
    Bytes,
    Timestamp,
    Duration,
    Ip,
    Cidr,
    Type,
    A,
    ListA,
    ListStr,
    ListDyn,
    MapAB,
    OptionalA,
    ListOptionalA,
}

impl Shape {
    /// The type, with `a` and `b` for its variables.
    pub(super) fn with(self, a: &Type, b: &Type) -> Type {
        match self {
            Self::Dyn => Type::Dyn,
            Self::Bool => Type::Bool,
            Self::Int => Type::Int,
            Self::Uint => Type::Uint,
            Self::Double => Type::Double,
            Self::Str => Type::Str,
            Self::Bytes => Type::Bytes,
            Self::Timestamp => Type::Timestamp,
            Self::Duration => Type::Duration,
            Self::Ip => Type::Ip,
            Self::Cidr => Type::Cidr,
            Self::Type => Type::Type,
            Self::A => a.clone(),
            Self::ListA => Type::list(a.clone()),
            Self::ListStr => Type::list(Type::Str),
            Self::ListDyn => Type::list(Type::Dyn),
            Self::MapAB => Type::map(a.clone(), b.clone()),
            Self::OptionalA => Type::optional(a.clone()),
            Self::ListOptionalA => Type::list(Type::optional(a.clone())),
        }
    }

    /// The type, if it has no variables.
    pub(crate) fn ty(self) -> Type {
        self.with(&Type::Dyn, &Type::Dyn)
    }
}

/// One way to call a function.
pub(super) struct Signature {
    pub(super) name: &'static str,
    /// The first parameter is what stands before the dot.
    pub(super) member: bool,
    pub(super) parameters: &'static [Shape],
    pub(super) result: Shape,
    pub(super) function: Function,
}

const fn free(
    name: &'static str,
    parameters: &'static [Shape],
    result: Shape,
    function: Function,
) -> Signature {
    Signature {
        name,
        member: false,
        parameters,
        result,
        function,
    }
}

const fn member(
    name: &'static str,
    parameters: &'static [Shape],
    result: Shape,
    function: Function,
) -> Signature {
    Signature {
        name,
        member: true,
        parameters,
        result,
        function,
    }
}

use Shape as S;

/// Every function, overload by overload: one line each.
#[rustfmt::skip]
pub(super) static SIGNATURES: &[Signature] = &[
    free("size", &[S::Str], S::Int, Function::Size),
    free("size", &[S::Bytes], S::Int, Function::Size),
    free("size", &[S::ListA], S::Int, Function::Size),
    free("size", &[S::MapAB], S::Int, Function::Size),
    member("size", &[S::Str], S::Int, Function::Size),
    member("size", &[S::Bytes], S::Int, Function::Size),
    member("size", &[S::ListA], S::Int, Function::Size),
    member("size", &[S::MapAB], S::Int, Function::Size),
    member("startsWith", &[S::Str, S::Str], S::Bool, Function::StartsWith),
    member("endsWith", &[S::Str, S::Str], S::Bool, Function::EndsWith),
    member("contains", &[S::Str, S::Str], S::Bool, Function::Contains),
    member("matches", &[S::Str, S::Str], S::Bool, Function::Matches),
    free("matches", &[S::Str, S::Str], S::Bool, Function::Matches),
    free("int", &[S::Int], S::Int, Function::ToInt),
    free("int", &[S::Uint], S::Int, Function::ToInt),
    free("int", &[S::Double], S::Int, Function::ToInt),
    free("int", &[S::Str], S::Int, Function::ToInt),
    free("int", &[S::Timestamp], S::Int, Function::ToInt),
    free("int", &[S::Duration], S::Int, Function::ToInt),
    free("uint", &[S::Uint], S::Uint, Function::ToUint),
    free("uint", &[S::Int], S::Uint, Function::ToUint),
    free("uint", &[S::Double], S::Uint, Function::ToUint),
    free("uint", &[S::Str], S::Uint, Function::ToUint),
    free("double", &[S::Double], S::Double, Function::ToDouble),
    free("double", &[S::Int], S::Double, Function::ToDouble),
    free("double", &[S::Uint], S::Double, Function::ToDouble),
    free("double", &[S::Str], S::Double, Function::ToDouble),
    free("string", &[S::Str], S::Str, Function::ToStr),
    free("string", &[S::Bool], S::Str, Function::ToStr),
    free("string", &[S::Int], S::Str, Function::ToStr),
    free("string", &[S::Uint], S::Str, Function::ToStr),
    free("string", &[S::Double], S::Str, Function::ToStr),
    free("string", &[S::Bytes], S::Str, Function::ToStr),
    free("string", &[S::Timestamp], S::Str, Function::ToStr),
    free("string", &[S::Duration], S::Str, Function::ToStr),
    free("string", &[S::Ip], S::Str, Function::ToStr),
    free("string", &[S::Cidr], S::Str, Function::ToStr),
    free("bytes", &[S::Bytes], S::Bytes, Function::ToBytes),
    free("bytes", &[S::Str], S::Bytes, Function::ToBytes),
    free("bool", &[S::Bool], S::Bool, Function::ToBool),
    free("bool", &[S::Str], S::Bool, Function::ToBool),
    free("timestamp", &[S::Timestamp], S::Timestamp, Function::ToTimestamp),
    free("timestamp", &[S::Str], S::Timestamp, Function::ToTimestamp),
    free("timestamp", &[S::Int], S::Timestamp, Function::ToTimestamp),
    free("duration", &[S::Duration], S::Duration, Function::ToDuration),
    free("duration", &[S::Str], S::Duration, Function::ToDuration),
    free("dyn", &[S::A], S::Dyn, Function::Dyn),
    free("type", &[S::A], S::Type, Function::TypeOf),
    member("getFullYear", &[S::Timestamp], S::Int, Function::TimePart(TimePart::FullYear)),
    member("getFullYear", &[S::Timestamp, S::Str], S::Int, Function::TimePart(TimePart::FullYear)),
    member("getMonth", &[S::Timestamp], S::Int, Function::TimePart(TimePart::Month)),
    member("getMonth", &[S::Timestamp, S::Str], S::Int, Function::TimePart(TimePart::Month)),
    member("getDate", &[S::Timestamp], S::Int, Function::TimePart(TimePart::Date)),
    member("getDate", &[S::Timestamp, S::Str], S::Int, Function::TimePart(TimePart::Date)),
    member("getDayOfMonth", &[S::Timestamp], S::Int, Function::TimePart(TimePart::DayOfMonth)),
    member("getDayOfMonth", &[S::Timestamp, S::Str], S::Int, Function::TimePart(TimePart::DayOfMonth)),
    member("getDayOfWeek", &[S::Timestamp], S::Int, Function::TimePart(TimePart::DayOfWeek)),
    member("getDayOfWeek", &[S::Timestamp, S::Str], S::Int, Function::TimePart(TimePart::DayOfWeek)),
    member("getDayOfYear", &[S::Timestamp], S::Int, Function::TimePart(TimePart::DayOfYear)),
    member("getDayOfYear", &[S::Timestamp, S::Str], S::Int, Function::TimePart(TimePart::DayOfYear)),
    member("getHours", &[S::Timestamp], S::Int, Function::TimePart(TimePart::Hours)),
    member("getHours", &[S::Timestamp, S::Str], S::Int, Function::TimePart(TimePart::Hours)),
    member("getHours", &[S::Duration], S::Int, Function::TimePart(TimePart::Hours)),
    member("getMinutes", &[S::Timestamp], S::Int, Function::TimePart(TimePart::Minutes)),
    member("getMinutes", &[S::Timestamp, S::Str], S::Int, Function::TimePart(TimePart::Minutes)),
    member("getMinutes", &[S::Duration], S::Int, Function::TimePart(TimePart::Minutes)),
    member("getSeconds", &[S::Timestamp], S::Int, Function::TimePart(TimePart::Seconds)),
    member("getSeconds", &[S::Timestamp, S::Str], S::Int, Function::TimePart(TimePart::Seconds)),
    member("getSeconds", &[S::Duration], S::Int, Function::TimePart(TimePart::Seconds)),
    member("getMilliseconds", &[S::Timestamp], S::Int, Function::TimePart(TimePart::Milliseconds)),
    member("getMilliseconds", &[S::Timestamp, S::Str], S::Int, Function::TimePart(TimePart::Milliseconds)),
    member("getMilliseconds", &[S::Duration], S::Int, Function::TimePart(TimePart::Milliseconds)),
    free("ip", &[S::Str], S::Ip, Function::ToIp),
    free("ip", &[S::Ip], S::Ip, Function::ToIp),
    free("cidr", &[S::Str], S::Cidr, Function::ToCidr),
    free("cidr", &[S::Cidr], S::Cidr, Function::ToCidr),
    free("isIP", &[S::Str], S::Bool, Function::IsIp),
    free("isCIDR", &[S::Str], S::Bool, Function::IsCidr),
    free("ip.isCanonical", &[S::Str], S::Bool, Function::IsCanonicalIp),
    member("family", &[S::Ip], S::Int, Function::IpFamily),
    member("isUnspecified", &[S::Ip], S::Bool, Function::IsUnspecified),
    member("isLoopback", &[S::Ip], S::Bool, Function::IsLoopback),
    member("isGlobalUnicast", &[S::Ip], S::Bool, Function::IsGlobalUnicast),
    member("isLinkLocalMulticast", &[S::Ip], S::Bool, Function::IsLinkLocalMulticast),
    member("isLinkLocalUnicast", &[S::Ip], S::Bool, Function::IsLinkLocalUnicast),
    member("containsIP", &[S::Cidr, S::Ip], S::Bool, Function::ContainsIp),
    member("containsIP", &[S::Cidr, S::Str], S::Bool, Function::ContainsIp),
    member("containsCIDR", &[S::Cidr, S::Cidr], S::Bool, Function::ContainsCidr),
    member("containsCIDR", &[S::Cidr, S::Str], S::Bool, Function::ContainsCidr),
    member("ip", &[S::Cidr], S::Ip, Function::CidrIp),
    member("masked", &[S::Cidr], S::Cidr, Function::CidrMasked),
    member("prefixLength", &[S::Cidr], S::Int, Function::CidrPrefixLength),
    member("inCidr", &[S::Ip, S::Str], S::Bool, Function::InCidr),
    member("inCidr", &[S::Ip, S::Cidr], S::Bool, Function::InCidr),
    member("inCidr", &[S::Ip, S::ListDyn], S::Bool, Function::InCidr),
    member("charAt", &[S::Str, S::Int], S::Str, Function::CharAt),
    member("indexOf", &[S::Str, S::Str], S::Int, Function::IndexOf),
    member("indexOf", &[S::Str, S::Str, S::Int], S::Int, Function::IndexOf),
    member("lastIndexOf", &[S::Str, S::Str], S::Int, Function::LastIndexOf),
    member("lastIndexOf", &[S::Str, S::Str, S::Int], S::Int, Function::LastIndexOf),
    member("lowerAscii", &[S::Str], S::Str, Function::LowerAscii),
    member("upperAscii", &[S::Str], S::Str, Function::UpperAscii),
    member("trim", &[S::Str], S::Str, Function::Trim),
    member("replace", &[S::Str, S::Str, S::Str], S::Str, Function::Replace),
    member("replace", &[S::Str, S::Str, S::Str, S::Int], S::Str, Function::Replace),
    member("substring", &[S::Str, S::Int], S::Str, Function::Substring),
    member("substring", &[S::Str, S::Int, S::Int], S::Str, Function::Substring),
    member("split", &[S::Str, S::Str], S::ListStr, Function::Split),
    member("split", &[S::Str, S::Str, S::Int], S::ListStr, Function::Split),
    member("join", &[S::ListStr], S::Str, Function::Join),
    member("join", &[S::ListStr, S::Str], S::Str, Function::Join),
    member("reverse", &[S::Str], S::Str, Function::Reverse),
    free("strings.quote", &[S::Str], S::Str, Function::Quote),
    member("format", &[S::Str, S::ListDyn], S::Str, Function::Format),
    free("math.ceil", &[S::Double], S::Double, Function::Round(Rounding::Ceil)),
    free("math.floor", &[S::Double], S::Double, Function::Round(Rounding::Floor)),
    free("math.round", &[S::Double], S::Double, Function::Round(Rounding::Round)),
    free("math.trunc", &[S::Double], S::Double, Function::Round(Rounding::Trunc)),
    free("math.isNaN", &[S::Double], S::Bool, Function::TestDouble(DoubleTest::NaN)),
    free("math.isInf", &[S::Double], S::Bool, Function::TestDouble(DoubleTest::Infinite)),
    free("math.isFinite", &[S::Double], S::Bool, Function::TestDouble(DoubleTest::Finite)),
    free("math.abs", &[S::Int], S::Int, Function::Abs),
    free("math.abs", &[S::Uint], S::Uint, Function::Abs),
    free("math.abs", &[S::Double], S::Double, Function::Abs),
    free("math.sign", &[S::Int], S::Int, Function::Sign),
    free("math.sign", &[S::Uint], S::Uint, Function::Sign),
    free("math.sign", &[S::Double], S::Double, Function::Sign),
    free("math.sqrt", &[S::Int], S::Double, Function::Sqrt),
    free("math.sqrt", &[S::Uint], S::Double, Function::Sqrt),
    free("math.sqrt", &[S::Double], S::Double, Function::Sqrt),
    free("math.bitAnd", &[S::Int, S::Int], S::Int, Function::Bits(BitOp::And)),
    free("math.bitAnd", &[S::Uint, S::Uint], S::Uint, Function::Bits(BitOp::And)),
    free("math.bitOr", &[S::Int, S::Int], S::Int, Function::Bits(BitOp::Or)),
    free("math.bitOr", &[S::Uint, S::Uint], S::Uint, Function::Bits(BitOp::Or)),
    free("math.bitXor", &[S::Int, S::Int], S::Int, Function::Bits(BitOp::Xor)),
    free("math.bitXor", &[S::Uint, S::Uint], S::Uint, Function::Bits(BitOp::Xor)),
    free("math.bitNot", &[S::Int], S::Int, Function::BitNot),
    free("math.bitNot", &[S::Uint], S::Uint, Function::BitNot),
    free("math.bitShiftLeft", &[S::Int, S::Int], S::Int, Function::Bits(BitOp::ShiftLeft)),
    free("math.bitShiftLeft", &[S::Uint, S::Int], S::Uint, Function::Bits(BitOp::ShiftLeft)),
    free("math.bitShiftRight", &[S::Int, S::Int], S::Int, Function::Bits(BitOp::ShiftRight)),
    free("math.bitShiftRight", &[S::Uint, S::Int], S::Uint, Function::Bits(BitOp::ShiftRight)),
    free("optional.of", &[S::A], S::OptionalA, Function::OptionalOf),
    free("optional.ofNonZeroValue", &[S::A], S::OptionalA, Function::OptionalOfNonZero),
    free("optional.none", &[], S::OptionalA, Function::OptionalNone),
    free("optional.unwrap", &[S::ListOptionalA], S::ListA, Function::OptionalUnwrap),
    member("unwrapOpt", &[S::ListOptionalA], S::ListA, Function::OptionalUnwrap),
    member("hasValue", &[S::OptionalA], S::Bool, Function::OptionalHasValue),
    member("value", &[S::OptionalA], S::A, Function::OptionalValue),
    member("or", &[S::OptionalA, S::OptionalA], S::OptionalA, Function::OptionalOr),
    member("orValue", &[S::OptionalA, S::A], S::A, Function::OptionalOrValue),
];

/// Functions of any number of numbers, or of one list of them.
pub(super) const VARIADIC: [(&str, Function); 2] = [
    ("math.greatest", Function::Greatest),
    ("math.least", Function::Least),
];

/// Whether a function of this name exists.
pub(super) fn exists(name: &str, is_member: bool) -> bool {
    SIGNATURES
        .iter()
        .any(|held| held.name == name && held.member == is_member)
        || (!is_member && VARIADIC.iter().any(|(held, _)| *held == name))
}

/// The names of all functions.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let variadic = VARIADIC.iter().map(|(name, _)| *name);
    SIGNATURES
        .iter()
        .map(|signature| signature.name)
        .chain(variadic)
}

/// The result of `left op right`, or nothing if the operator does not take them.
pub(super) fn binary(
    substitution: &mut Substitution,
    op: BinaryOp,
    left: &Type,
    right: &Type,
) -> Option<Type> {
    let a = substitution.fresh();
    let b = substitution.fresh();
    let overloads: &[(S, S, S)] = match op {
        BinaryOp::Or | BinaryOp::And => &[(S::Bool, S::Bool, S::Bool)],
        BinaryOp::Equal | BinaryOp::NotEqual => &[(S::A, S::A, S::Bool)],
        BinaryOp::In => &[(S::A, S::ListA, S::Bool), (S::A, S::MapAB, S::Bool)],
        BinaryOp::Order(_) => return order(substitution, left, right),
        BinaryOp::Arithmetic(op) => arithmetic(op),
    };
    let mut result: Option<Type> = None;
    for (first, second, made) in overloads {
        let fits = substitution.attempt(|substitution| {
            substitution.assign(&first.with(&a, &b), left)
                && substitution.assign(&second.with(&a, &b), right)
        });
        if fits {
            let made = substitution.resolve(&made.with(&a, &b));
            result = Some(match result {
                Some(before) if before != made => Type::Dyn,
                _ => made,
            });
        }
    }
    result
}

fn arithmetic(op: ArithmeticOp) -> &'static [(S, S, S)] {
    match op {
        ArithmeticOp::Add => &[
            (S::Int, S::Int, S::Int),
            (S::Uint, S::Uint, S::Uint),
            (S::Double, S::Double, S::Double),
            (S::Str, S::Str, S::Str),
            (S::Bytes, S::Bytes, S::Bytes),
            (S::ListA, S::ListA, S::ListA),
            (S::Timestamp, S::Duration, S::Timestamp),
            (S::Duration, S::Timestamp, S::Timestamp),
            (S::Duration, S::Duration, S::Duration),
        ],
        ArithmeticOp::Sub => &[
            (S::Int, S::Int, S::Int),
            (S::Uint, S::Uint, S::Uint),
            (S::Double, S::Double, S::Double),
            (S::Timestamp, S::Timestamp, S::Duration),
            (S::Timestamp, S::Duration, S::Timestamp),
            (S::Duration, S::Duration, S::Duration),
        ],
        ArithmeticOp::Mul | ArithmeticOp::Div => &[
            (S::Int, S::Int, S::Int),
            (S::Uint, S::Uint, S::Uint),
            (S::Double, S::Double, S::Double),
        ],
        ArithmeticOp::Rem => &[(S::Int, S::Int, S::Int), (S::Uint, S::Uint, S::Uint)],
    }
}

/// Numbers of any two types, or two values of one ordered type.
fn order(substitution: &mut Substitution, left: &Type, right: &Type) -> Option<Type> {
    let (left, right) = (
        substitution.head(left.clone()),
        substitution.head(right.clone()),
    );
    let ordered = |of: &Type| {
        of.is_number()
            || matches!(
                of,
                Type::Bool | Type::Str | Type::Bytes | Type::Timestamp | Type::Duration
            )
    };
    let fits = match (&left, &right) {
        (Type::Dyn | Type::Var(_), Type::Dyn | Type::Var(_)) => true,
        (Type::Dyn | Type::Var(_), known) | (known, Type::Dyn | Type::Var(_)) => ordered(known),
        (a, b) => ordered(a) && (a == b || a.is_number() && b.is_number()),
    };
    fits.then_some(Type::Bool)
}
