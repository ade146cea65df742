//! Why a credential is refused: the `detail` of `credential_invalid`.

/// Why a credential is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Refusal {
    // The form of a token.
    /// Longer than a token may be.
    Oversize,
    /// No token, or a claim that is not of its type.
    Malformed,
    /// `crit`, `b64`, `zip`, `enc`, or a key brought along.
    UnsupportedHeader,
    /// `typ` is not one of those that the issuer may use, or `cty` is there.
    WrongType,
    /// `alg` is unknown, not one of the issuer's, or not the key's.
    BadAlgorithm,
    // Its signature.
    /// No key of the issuer has this id.
    UnknownKey,
    BadSignature,
    // Its claims.
    WrongIssuer,
    WrongAudience,
    Expired,
    NotYetValid,
    IssuedInFuture,
    LifetimeTooLong,
    MissingClaim,
    UnexpectedClaim,
    /// Bound to a key whose holder would have to prove it (RFC 9449).
    DpopBound,
    /// Bound in a way that is not known here (RFC 7800).
    UnsupportedBinding,
    /// Bound to a certificate (RFC 8705) other than the connection's.
    UnboundCertificate,
    Revoked,
    // API keys.
    UnknownApiKey,
    KeyPending,
    KeyRevoked,
    KeyExpired,
    KeyNotYetValid,
    AppPending,
    AppRevoked,
    // Workloads.
    UnknownTrustDomain,
}

impl Refusal {
    /// The `detail` of the decision.
    pub(crate) const fn slug(self) -> &'static str {
        match self {
            Self::Oversize => "oversize",
            Self::Malformed => "malformed",
            Self::UnsupportedHeader => "unsupported_header",
            Self::WrongType => "wrong_type",
            Self::BadAlgorithm => "bad_algorithm",
            Self::UnknownKey => "unknown_key",
            Self::BadSignature => "bad_signature",
            Self::WrongIssuer => "wrong_issuer",
            Self::WrongAudience => "wrong_audience",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::IssuedInFuture => "issued_in_future",
            Self::LifetimeTooLong => "lifetime_too_long",
            Self::MissingClaim => "missing_claim",
            Self::UnexpectedClaim => "unexpected_claim",
            Self::DpopBound => "dpop_bound",
            Self::UnsupportedBinding => "unsupported_binding",
            Self::UnboundCertificate => "unbound_certificate",
            Self::Revoked => "revoked",
            Self::UnknownApiKey => "unknown_api_key",
            Self::KeyPending => "key_pending",
            Self::KeyRevoked => "key_revoked",
            Self::KeyExpired => "key_expired",
            Self::KeyNotYetValid => "key_not_yet_valid",
            Self::AppPending => "app_pending",
            Self::AppRevoked => "app_revoked",
            Self::UnknownTrustDomain => "unknown_trust_domain",
        }
    }
}
