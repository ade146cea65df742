//! Words of the answer: effects, reasons, parameters of obligations.

use core::fmt;

/// Whether the request may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// It may.
    Allow,
    /// It may not.
    Deny,
}

impl Effect {
    /// `allow` or `deny`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $slug:literal, $status:literal;)*) => {
        /// Why the decision is what it is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason { $($(#[$doc])* $variant,)* }

        impl Reason {
            /// Every reason there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The reason's stable name, as JSON and logs carry it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $slug,)* }
            }

            /// The HTTP status that suits it (RFC 9110 §15, RFC 6585 §4).
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }
        }
    };
}

reasons! {
    /// A rule or a role allowed it, and nothing stood against it.
    Allowed = "allowed", 200;
    /// A deny rule matched.
    DeniedByRule = "denied_by_rule", 403;
    /// Nothing allowed it.
    NotPermitted = "not_permitted", 403;
    /// No credential where one is needed.
    Unauthenticated = "unauthenticated", 401;
    /// A credential came and is not good.
    CredentialInvalid = "credential_invalid", 401;
    /// Whether the credential is good cannot be told now.
    IdentityUnavailable = "identity_unavailable", 503;
    /// A limit is used up.
    QuotaExceeded = "quota_exceeded", 429;
    /// The cost is above what the limit could ever pass.
    CostExceedsLimit = "cost_exceeds_limit", 403;
    /// A limit cannot be counted now, and it says deny.
    QuotaUnavailable = "quota_unavailable", 503;
    /// An approval is required and was not brought.
    ApprovalRequired = "approval_required", 403;
    /// The principal's roles break a separation of duty.
    RoleConflict = "role_conflict", 403;
    /// A rule that had to be decided could not be.
    Indeterminate = "indeterminate", 403;
    /// The request contradicts itself or cannot be read.
    MalformedRequest = "malformed_request", 400;
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A parameter of an obligation, as the policy gave it.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(untagged)]
pub enum Parameter {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A floating-point number.
    Double(f64),
    /// Text.
    String(Box<str>),
    /// A list.
    List(Vec<Parameter>),
    /// Names and values, in the order written.
    #[serde(serialize_with = "pairs")]
    Map(Vec<(Box<str>, Parameter)>),
}

fn pairs<S: serde::Serializer>(
    pairs: &[(Box<str>, Parameter)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(name, value)| (name, value)))
}
