//! Arithmetic with overflow errors, conversions between numbers, and `math.*`.

use super::{EvalError, List, Value, value};
use std::cmp::Ordering;

type Evaluated = Result<Value<'static>, EvalError>;

/// `+ - * / %`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ArithmeticOp {
    Add,
    Sub,
    Mul,
    Div,
    Rem,
}

/// `< <= > >=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OrderOp {
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

impl OrderOp {
    /// Whether an order is one that the operator asks for. A NaN has none.
    pub(crate) fn holds(self, order: Option<Ordering>) -> bool {
        order.is_some_and(|order| match self {
            Self::Less => order.is_lt(),
            Self::LessEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterEqual => order.is_ge(),
        })
    }
}

/// Arithmetic on numbers, timestamps and durations.
pub(super) fn arithmetic(op: ArithmeticOp, left: Value<'_>, right: Value<'_>) -> Evaluated {
    use ArithmeticOp::{Add, Sub};
    match (op, left, right) {
        (_, Value::Int(a), Value::Int(b)) => int(op, a, b).map(Value::Int),
        (_, Value::Uint(a), Value::Uint(b)) => uint(op, a, b).map(Value::Uint),
        (_, Value::Double(a), Value::Double(b)) => double(op, a, b).map(Value::Double),
        (Add, Value::Timestamp(a), Value::Duration(b))
        | (Add, Value::Duration(b), Value::Timestamp(a)) => a.add(b).map(Value::Timestamp),
        (Sub, Value::Timestamp(a), Value::Duration(b)) => {
            a.add(negate_duration(b)?).map(Value::Timestamp)
        }
        (Sub, Value::Timestamp(a), Value::Timestamp(b)) => a.since(b).map(Value::Duration),
        (Add, Value::Duration(a), Value::Duration(b)) => a.add(b).map(Value::Duration),
        (Sub, Value::Duration(a), Value::Duration(b)) => a.sub(b).map(Value::Duration),
        _ => Err(EvalError::NoOverload),
    }
}

fn negate_duration(duration: super::Duration) -> Result<super::Duration, EvalError> {
    super::Duration::ZERO.sub(duration)
}

fn int(op: ArithmeticOp, a: i64, b: i64) -> Result<i64, EvalError> {
    match op {
        ArithmeticOp::Div if b == 0 => return Err(EvalError::DivideByZero),
        ArithmeticOp::Rem if b == 0 => return Err(EvalError::ModulusByZero),
        ArithmeticOp::Add => a.checked_add(b),
        ArithmeticOp::Sub => a.checked_sub(b),
        ArithmeticOp::Mul => a.checked_mul(b),
        ArithmeticOp::Div => a.checked_div(b),
        ArithmeticOp::Rem => a.checked_rem(b),
    }
    .ok_or(EvalError::OutOfRange)
}

fn uint(op: ArithmeticOp, a: u64, b: u64) -> Result<u64, EvalError> {
    match op {
        ArithmeticOp::Div if b == 0 => return Err(EvalError::DivideByZero),
        ArithmeticOp::Rem if b == 0 => return Err(EvalError::ModulusByZero),
        ArithmeticOp::Add => a.checked_add(b),
        ArithmeticOp::Sub => a.checked_sub(b),
        ArithmeticOp::Mul => a.checked_mul(b),
        ArithmeticOp::Div => a.checked_div(b),
        ArithmeticOp::Rem => a.checked_rem(b),
    }
    .ok_or(EvalError::OutOfRange)
}

fn double(op: ArithmeticOp, a: f64, b: f64) -> Result<f64, EvalError> {
    Ok(match op {
        ArithmeticOp::Add => a + b,
        ArithmeticOp::Sub => a - b,
        ArithmeticOp::Mul => a * b,
        ArithmeticOp::Div => a / b,
        ArithmeticOp::Rem => return Err(EvalError::NoOverload),
    })
}

/// `-x`.
pub(super) fn negate(value: Value<'_>) -> Evaluated {
    match value {
        Value::Int(a) => a.checked_neg().map(Value::Int).ok_or(EvalError::OutOfRange),
        Value::Double(a) => Ok(Value::Double(-a)),
        _ => Err(EvalError::NoOverload),
    }
}

/// `int(x)`.
#[expect(clippy::cast_possible_truncation, reason = "the range is tested first")]
pub(super) fn to_int(value: Value<'_>) -> Evaluated {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    let out_of_range = Err(EvalError::OutOfRange);
    match value {
        Value::Int(_) => number(value),
        Value::Uint(a) => i64::try_from(a).map_or(out_of_range, |a| Ok(Value::Int(a))),
        Value::Double(a) if a > -LIMIT && a < LIMIT => Ok(Value::Int(a as i64)),
        Value::Double(_) => out_of_range,
        Value::Str(text) => text
            .parse()
            .map(Value::Int)
            .map_err(|_| EvalError::InvalidArgument),
        Value::Timestamp(time) => Ok(Value::Int(time.seconds())),
        Value::Duration(duration) => Ok(Value::Int(duration.nanos() / 1_000_000_000)),
        _ => Err(EvalError::NoOverload),
    }
}

/// `uint(x)`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "tested first"
)]
pub(super) fn to_uint(value: Value<'_>) -> Evaluated {
    const LIMIT: f64 = 18_446_744_073_709_551_616.0;
    let out_of_range = Err(EvalError::OutOfRange);
    match value {
        Value::Uint(_) => number(value),
        Value::Int(a) => u64::try_from(a).map_or(out_of_range, |a| Ok(Value::Uint(a))),
        Value::Double(a) if (0.0..LIMIT).contains(&a) => Ok(Value::Uint(a as u64)),
        Value::Double(_) => out_of_range,
        Value::Str(text) if !text.starts_with('+') => text
            .parse()
            .map(Value::Uint)
            .map_err(|_| EvalError::InvalidArgument),
        Value::Str(_) => Err(EvalError::InvalidArgument),
        _ => Err(EvalError::NoOverload),
    }
}

/// `double(x)`.
#[expect(clippy::cast_precision_loss, reason = "as the specification says")]
pub(super) fn to_double(value: Value<'_>) -> Evaluated {
    Ok(Value::Double(match value {
        Value::Double(a) => a,
        Value::Int(a) => a as f64,
        Value::Uint(a) => a as f64,
        Value::Str(text) => {
            let a: f64 = text.parse().map_err(|_| EvalError::InvalidArgument)?;
            let spelled = text.trim_start_matches(['+', '-']).starts_with(['i', 'I']);
            if a.is_infinite() && !spelled {
                return Err(EvalError::OutOfRange);
            }
            a
        }
        _ => return Err(EvalError::NoOverload),
    }))
}

/// The number itself, free of the lifetime it came with.
fn number(value: Value<'_>) -> Evaluated {
    match value {
        Value::Int(a) => Ok(Value::Int(a)),
        Value::Uint(a) => Ok(Value::Uint(a)),
        Value::Double(a) => Ok(Value::Double(a)),
        _ => Err(EvalError::NoOverload),
    }
}

/// `math.greatest` and `math.least`: the first of the values that no other
/// exceeds (`Greater`) or falls below (`Less`).
pub(super) fn extreme<'a>(wanted: Ordering, values: impl Iterator<Item = Value<'a>>) -> Evaluated {
    let mut best: Option<Value<'static>> = None;
    for value in values {
        let value = number(value)?;
        let better = match best {
            None => true,
            Some(best) => value::compare(value, best) == Some(Some(wanted)),
        };
        if better {
            best = Some(value);
        }
    }
    best.ok_or(EvalError::NoOverload)
}

/// The extreme of a list argument.
pub(super) fn extreme_of_list(wanted: Ordering, list: List<'_>) -> Evaluated {
    if list.len() == 0 {
        return Err(EvalError::InvalidArgument);
    }
    extreme(wanted, list.iter())
}

/// Functions of one double.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rounding {
    Ceil,
    Floor,
    Round,
    Trunc,
}

pub(super) fn round(rounding: Rounding, value: Value<'_>) -> Evaluated {
    let Value::Double(a) = value else {
        return Err(EvalError::NoOverload);
    };
    Ok(Value::Double(match rounding {
        Rounding::Ceil => a.ceil(),
        Rounding::Floor => a.floor(),
        Rounding::Round => a.round(),
        Rounding::Trunc => a.trunc(),
    }))
}

/// What kind of double one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DoubleTest {
    NaN,
    Infinite,
    Finite,
}

pub(super) fn test_double(test: DoubleTest, value: Value<'_>) -> Evaluated {
    let Value::Double(a) = value else {
        return Err(EvalError::NoOverload);
    };
    Ok(Value::Bool(match test {
        DoubleTest::NaN => a.is_nan(),
        DoubleTest::Infinite => a.is_infinite(),
        DoubleTest::Finite => a.is_finite(),
    }))
}

/// `math.abs`.
pub(super) fn absolute(value: Value<'_>) -> Evaluated {
    match value {
        Value::Int(a) => a.checked_abs().map(Value::Int).ok_or(EvalError::OutOfRange),
        Value::Double(a) => Ok(Value::Double(a.abs())),
        _ => number(value),
    }
}

/// `math.sign`.
pub(super) fn sign(value: Value<'_>) -> Evaluated {
    match value {
        Value::Int(a) => Ok(Value::Int(a.signum())),
        Value::Uint(a) => Ok(Value::Uint(a.min(1))),
        Value::Double(a) if a == 0.0 || a.is_nan() => Ok(Value::Double(a)),
        Value::Double(a) => Ok(Value::Double(a.signum())),
        _ => Err(EvalError::NoOverload),
    }
}

/// `math.sqrt`.
pub(super) fn square_root(value: Value<'_>) -> Evaluated {
    match to_double(value)? {
        Value::Double(a) if !matches!(value, Value::Str(_)) => Ok(Value::Double(a.sqrt())),
        _ => Err(EvalError::NoOverload),
    }
}

/// Operations on the bits of two integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BitOp {
    And,
    Or,
    Xor,
    ShiftLeft,
    ShiftRight,
}

/// Shifts take an int offset; by 64 and more they give 0, and to the right they fill with zeros.
pub(super) fn bits(op: BitOp, left: Value<'_>, right: Value<'_>) -> Evaluated {
    let (bits, signed) = match left {
        Value::Int(a) => (a.cast_unsigned(), true),
        Value::Uint(a) => (a, false),
        _ => return Err(EvalError::NoOverload),
    };
    let result = match (op, right) {
        (BitOp::ShiftLeft | BitOp::ShiftRight, Value::Int(by)) => {
            let by = u64::try_from(by).map_err(|_| EvalError::InvalidArgument)?;
            let by = u32::try_from(by).unwrap_or(u32::MAX);
            if op == BitOp::ShiftLeft {
                bits.checked_shl(by)
            } else {
                bits.checked_shr(by)
            }
            .unwrap_or(0)
        }
        (_, Value::Int(b)) if signed => combine(op, bits, b.cast_unsigned())?,
        (_, Value::Uint(b)) if !signed => combine(op, bits, b)?,
        _ => return Err(EvalError::NoOverload),
    };
    Ok(if signed {
        Value::Int(result.cast_signed())
    } else {
        Value::Uint(result)
    })
}

fn combine(op: BitOp, a: u64, b: u64) -> Result<u64, EvalError> {
    match op {
        BitOp::And => Ok(a & b),
        BitOp::Or => Ok(a | b),
        BitOp::Xor => Ok(a ^ b),
        BitOp::ShiftLeft | BitOp::ShiftRight => Err(EvalError::NoOverload),
    }
}

/// `math.bitNot`.
pub(super) fn bit_not(value: Value<'_>) -> Evaluated {
    match value {
        Value::Int(a) => Ok(Value::Int(!a)),
        Value::Uint(a) => Ok(Value::Uint(!a)),
        _ => Err(EvalError::NoOverload),
    }
}
