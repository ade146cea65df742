//! Every bound of the engine, in one place.
//!
//! A policy or a request beyond a bound is refused with a diagnostic or with
//! `malformed_request`; nothing grows without one.

/// Longest policy source, in bytes.
pub const MAX_SOURCE_BYTES: usize = 64 << 20;
/// Deepest nesting of a policy document.
pub const MAX_DOCUMENT_DEPTH: usize = 64;
/// Most nodes in one policy document, aliases expanded.
pub const MAX_DOCUMENT_NODES: usize = 16_000_000;
/// Most nodes that the aliases of one document may add.
pub const MAX_ALIAS_NODES: usize = 100_000;
/// Most diagnostics that one load reports before it says "and more".
pub const MAX_DIAGNOSTICS: usize = 200;

/// Most layers of one policy.
pub const MAX_LAYERS: usize = 64;
/// Most nodes that the uses of values may copy into one policy.
pub const MAX_VALUE_NODES: usize = 1_000_000;
/// Most members that the uses of sets may copy into one policy.
pub const MAX_SET_COPIES: usize = 4_000_000;
/// Most values that may refer to each other in a row.
pub const MAX_VALUE_CHAIN: usize = 32;

/// Longest request target (path and query), in bytes.
pub const MAX_TARGET_BYTES: usize = 16 << 10;
/// Most segments in a request path.
pub const MAX_SEGMENTS: usize = 64;
/// Most header fields in a request.
pub const MAX_HEADERS: usize = 1_024;
/// Longest host, in bytes (RFC 1035 allows 253, the port and a dot come on top).
pub const MAX_HOST_BYTES: usize = 262;
/// Longest principal or resource id, action, provider, role or group name in a request, in bytes.
pub const MAX_NAME_BYTES: usize = 2_048;
/// Longest name of a header that a policy can read, in bytes.
pub const MAX_HEADER_NAME: usize = 128;
/// Most role names, group names or attributes that a request brings, each.
pub const MAX_ITEMS: usize = 4_096;
/// Most index nodes that one path may visit; a policy whose wildcards could branch further is refused.
pub const MAX_WALK: u64 = 2_048;
/// Deepest predicate, counted in nested conjunctions, disjunctions and negations.
pub const MAX_PREDICATE_DEPTH: usize = 64;
/// Most alternatives into which the index takes one rule apart; what is beyond is asked when the rule is met.
pub const MAX_ALTERNATIVES: usize = 4_096;

/// Longest pattern (of a path, a host, a text, an action, a workload) in a policy, in bytes.
pub const MAX_PATTERN_BYTES: usize = 8 << 10;
/// Longest SPIFFE ID, in bytes (SPIFFE-ID §2.3).
pub const MAX_SPIFFE_ID_BYTES: usize = 2_048;
/// Longest SPIFFE trust domain, in bytes (SPIFFE-ID §2.1).
pub const MAX_TRUST_DOMAIN_BYTES: usize = 255;

/// Longest JWK set, in bytes.
pub const MAX_KEY_SET_BYTES: usize = 512 << 10;
/// Most keys in a JWK set.
pub const MAX_KEYS: usize = 128;
/// Most keys that a token is tried with where its `kid` does not choose one.
pub const MAX_KEYS_TRIED: usize = 4;
/// Longest token, in bytes.
pub const MAX_TOKEN_BYTES: usize = 8 << 10;
/// Most approvals that a request brings.
pub const MAX_APPROVALS: usize = 32;
/// Most persons who give one approval.
pub const MAX_APPROVERS: usize = 64;
/// Most approvals that count once which are remembered until they end.
pub const MAX_USED_APPROVALS: usize = 1 << 16;
/// Longest URL that keys are fetched from, in bytes.
pub const MAX_URL_BYTES: usize = 2_048;
/// Most redirects that one fetch follows.
pub const MAX_REDIRECTS: u32 = 3;
/// Most unknown key ids that are remembered for one source of keys.
pub const MAX_UNKNOWN_KEY_IDS: usize = 256;
/// Most issuers of one policy, trust domains with keys among them.
pub const MAX_ISSUERS: usize = 1_024;
/// Most places of a request that one issuer's tokens may stand at.
pub const MAX_PLACES: usize = 16;
/// Most names on the way to one claim of a token.
pub const MAX_CLAIM_DEPTH: usize = 16;
/// Longest name of a claim that a policy reads, in bytes.
pub const MAX_CLAIM_NAME_BYTES: usize = 256;
/// Most that clocks may be said to differ, in milliseconds.
pub const MAX_LEEWAY_MS: u64 = 10 * 60 * 1_000;
/// Longest life that a token may be granted, in milliseconds.
pub const MAX_LIFETIME_MS: u64 = 366 * 24 * 60 * 60 * 1_000;
/// Most versions of one app's API key that may be live at one moment.
pub const MAX_LIVE_KEYS: usize = 4;

/// Longest JSON text of one request, in bytes.
pub const MAX_REQUEST_BYTES: usize = 8 << 20;
/// Deepest nesting of a request in JSON; the deepest field needs 4.
pub const MAX_REQUEST_DEPTH: usize = 16;

/// Steps of loops and scans that one evaluation of a condition may take: more than any that was let in uses.
pub const CONDITION_FUEL: u32 = 20_000;
/// Longest condition, in bytes.
pub const MAX_CONDITION_BYTES: usize = 8 << 10;
/// Most nodes in a condition.
pub const MAX_CONDITION_NODES: usize = 4_096;
/// Most nodes on one way down a condition, left-deep chains included.
pub const MAX_CONDITION_HEIGHT: u16 = 64;
/// Most units that a condition may cost in the worst case.
pub const MAX_CONDITION_COST: u64 = 10_000;
/// Most entries that the alternatives of all rules leave in the index.
pub const MAX_ENTRIES: usize = 1 << 24;
