//! What a predicate can look at, and what a predicate can come to.

pub(crate) mod limits;

/// How sure a predicate is. Undecided is a result, not an error: what it means
/// depends on the effect of the rule (an allow does not match, everything else does).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Truth {
    False,
    True,
    /// Could not be decided.
    Undecided,
    /// Could not be decided, only because nobody has identified themselves.
    NeedsPrincipal,
}

impl Truth {
    pub(crate) const fn of(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }

    /// Logical and: a false absorbs everything, an open question outlasts a missing principal.
    pub(crate) const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::False, _) | (_, Self::False) => Self::False,
            (Self::Undecided, _) | (_, Self::Undecided) => Self::Undecided,
            (Self::NeedsPrincipal, _) | (_, Self::NeedsPrincipal) => Self::NeedsPrincipal,
            (Self::True, Self::True) => Self::True,
        }
    }

    /// Logical or: a true absorbs everything.
    pub(crate) const fn or(self, other: Self) -> Self {
        self.not().and(other.not()).not()
    }

    pub(crate) const fn not(self) -> Self {
        match self {
            Self::False => Self::True,
            Self::True => Self::False,
            open => open,
        }
    }
}

/// An attribute of the request, by name where it has one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(
    clippy::enum_variant_names,
    reason = "an attribute of the principal is not the principal"
)]
pub(crate) enum Attribute {
    /// The method; where the policy says so HEAD is GET as well.
    Method,
    /// The method as it came.
    RequestMethod,
    /// The path and the query, as they came.
    Target,
    /// The query, as it came.
    QueryText,
    /// The host's name for the request.
    RequestId,
    /// What the request costs.
    Cost,
    /// When it is decided.
    Time,
    /// The peer's address as text.
    SourceAddress,
    /// SHA-256 of the peer's certificate, base64url.
    PeerCertificate,
    /// The normalised path, without its query.
    Path,
    /// The name in the authority: lower case, no trailing dot, no port.
    Host,
    /// The authority as received, with its port.
    #[cfg_attr(not(test), expect(dead_code, reason = "for other dialects"))]
    Authority,
    /// A header field by its name in lower case.
    Header(Box<str>),
    /// A query parameter by its decoded name.
    Query(Box<str>),
    SourceIp,
    /// The client's address, derived through trusted proxies.
    RemoteIp,
    /// The peer's SPIFFE ID.
    Peer,
    PrincipalId,
    PrincipalProvider,
    Roles,
    Groups,
    Scopes,
    PrincipalAttribute(Box<str>),
    RequestAttribute(Box<str>),
    ResourceAttribute(Box<str>),
    Action,
    ResourceType,
    ResourceId,
    /// A segment of the path, by its position.
    Segment(u8),
    /// `route.<name>`: a segment captured by the route that named the action, or by the rule's own.
    Capture(Box<str>),
}

impl Attribute {
    /// Whether it belongs to the caller, so that it is unknown while nobody is identified.
    pub(crate) const fn is_identity(&self) -> bool {
        matches!(
            self,
            Self::PrincipalId
                | Self::PrincipalProvider
                | Self::Roles
                | Self::Groups
                | Self::Scopes
                | Self::PrincipalAttribute(_)
        )
    }
}

/// The declared type of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum AttributeType {
    String,
    Int,
    Double,
    Bool,
    Timestamp,
    Duration,
    Ip,
    StringList,
}

impl AttributeType {
    /// Every type with its name in a policy.
    pub(crate) const NAMES: &'static [(&'static str, Self)] = &[
        ("string", Self::String),
        ("int", Self::Int),
        ("double", Self::Double),
        ("bool", Self::Bool),
        ("timestamp", Self::Timestamp),
        ("duration", Self::Duration),
        ("ip", Self::Ip),
        ("string_list", Self::StringList),
    ];
}
