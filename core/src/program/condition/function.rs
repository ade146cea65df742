//! The functions that a program can call.

use super::{BitOp, DoubleTest, Rounding, TimePart};

/// A function, whatever the types of its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Size,
    StartsWith,
    EndsWith,
    Contains,
    /// Lowered to a fused node where the pattern is constant, refused elsewhere.
    Matches,

    ToInt,
    ToUint,
    ToDouble,
    ToStr,
    ToBytes,
    ToBool,
    ToTimestamp,
    ToDuration,
    Dyn,
    TypeOf,

    TimePart(TimePart),

    ToIp,
    ToCidr,
    IsIp,
    IsCidr,
    IsCanonicalIp,
    IpFamily,
    IsUnspecified,
    IsLoopback,
    IsGlobalUnicast,
    IsLinkLocalMulticast,
    IsLinkLocalUnicast,
    ContainsIp,
    ContainsCidr,
    CidrIp,
    CidrMasked,
    CidrPrefixLength,
    /// `ip.inCidr(block or list of blocks)`.
    InCidr,

    CharAt,
    IndexOf,
    LastIndexOf,
    LowerAscii,
    UpperAscii,
    Trim,
    Replace,
    Substring,
    Split,
    Join,
    Reverse,
    Quote,
    Format,

    Greatest,
    Least,
    Round(Rounding),
    TestDouble(DoubleTest),
    Abs,
    Sign,
    Sqrt,
    Bits(BitOp),
    BitNot,

    OptionalOf,
    OptionalOfNonZero,
    OptionalNone,
    OptionalHasValue,
    OptionalValue,
    OptionalOr,
    OptionalOrValue,
    OptionalUnwrap,
}
