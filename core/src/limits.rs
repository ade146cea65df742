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

/// Longest JSON text of one request, in bytes.
pub const MAX_REQUEST_BYTES: usize = 8 << 20;
/// Deepest nesting of a request in JSON; the deepest field needs 4.
pub const MAX_REQUEST_DEPTH: usize = 16;
