//! Why an evaluation has no value. CEL absorbs these in `&&` and `||`; elsewhere they spread.

/// The reason that an expression could not be evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EvalError {
    /// No function or operator takes these types.
    NoOverload,
    /// A map has no such key, or a message no such field.
    NoSuchKey,
    /// The request does not have this attribute.
    Absent,
    /// The attribute is the principal's, and nobody is identified.
    NoPrincipal,
    /// The attribute is there more than once where one value is needed.
    Repeated,
    /// The attribute's value could not be determined (claims in overage).
    Undecided,
    /// The attribute is not UTF-8.
    NotText,
    /// Nothing is called so.
    UnknownName,
    /// No function is called so.
    UnknownFunction,
    /// `x / 0`.
    DivideByZero,
    /// `x % 0`.
    ModulusByZero,
    /// The result does not fit its type.
    OutOfRange,
    /// A list has no such index, a string no such offset.
    IndexOutOfRange,
    /// An argument's value is not one that the function takes.
    InvalidArgument,
    /// A map literal names a key twice.
    DuplicateKey,
    /// A map key that is not a bool, int, uint or string.
    UnsupportedKey,
    /// `value()` of `optional.none()`.
    NoValue,
    /// The clause of a format string does not take this type.
    BadFormat,
    /// The evaluation was cut off because it took too many steps.
    OutOfFuel,
    /// The evaluation built more than the arena may hold.
    OutOfMemory,
    /// The program is not well formed. Lowering never makes such a program.
    Malformed,
}

impl EvalError {
    /// The reason in words.
    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::NoOverload => "no such overload",
            Self::NoSuchKey => "no such key",
            Self::NoPrincipal => "nobody is identified",
            Self::Absent => "no such attribute in the request",
            Self::Repeated => "the attribute is there more than once",
            Self::Undecided => "the attribute could not be determined",
            Self::NotText => "the attribute is not valid UTF-8",
            Self::UnknownName => "undeclared reference",
            Self::UnknownFunction => "unbound function",
            Self::DivideByZero => "divide by zero",
            Self::ModulusByZero => "modulus by zero",
            Self::OutOfRange => "the result is out of range (overflow)",
            Self::IndexOutOfRange => "index out of range",
            Self::InvalidArgument => "invalid argument",
            Self::DuplicateKey => "repeated key in a map",
            Self::UnsupportedKey => "unsupported type of map key",
            Self::NoValue => "optional.none() has no value",
            Self::BadFormat => "could not be formatted",
            Self::OutOfFuel => "the evaluation took too many steps",
            Self::OutOfMemory => "the evaluation built too large a value",
            Self::Malformed => "malformed program",
        }
    }
}
