//! The attributes that every condition may read. The documentation's table is
//! made from this one.

use super::schema::{Declaration, Declared, Schema};
use super::signatures::Shape;
use super::types::Type;
use crate::limits::{MAX_HOST_BYTES, MAX_NAME_BYTES, MAX_TARGET_BYTES};
use crate::program::condition::Constant;

/// Most roles, groups or scopes of a principal that the price of a condition assumes.
const MAX_LIST: usize = 1_000;
/// Longest header or query value that the price of a condition assumes.
const MAX_FIELD_BYTES: usize = 8_192;
/// Most elements of a claim that the price of a condition assumes.
const MAX_CLAIM: usize = 1_000;

/// One attribute of the vocabulary.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attribute {
    /// How it is written. A name that ends in `[]` takes a name in brackets: `request.headers['x']`.
    pub(crate) name: &'static str,
    ty: Shape,
    /// Whether a request may lack it.
    pub(crate) optional: bool,
    max_size: usize,
    /// What it is.
    pub(crate) about: &'static str,
}

impl Attribute {
    /// Its type; of a keyed one, that of one entry.
    pub(crate) fn ty(&self) -> Type {
        self.ty.ty()
    }

    /// Whether requests bring it; if not, no condition can be about it.
    pub(crate) fn is_supported(&self) -> bool {
        is_supported(self.name)
    }
}

/// Parts of the vocabulary that no request brings before tokens are read.
const NOT_YET: [&str; 2] = ["request.auth.", "connection.requested_server_name"];

/// Whether requests bring what is called so.
pub(crate) fn is_supported(name: &str) -> bool {
    !NOT_YET.iter().any(|prefix| name.starts_with(prefix))
}

const fn required(
    name: &'static str,
    ty: Shape,
    max_size: usize,
    about: &'static str,
) -> Attribute {
    Attribute {
        name,
        ty,
        optional: false,
        max_size,
        about,
    }
}

const fn optional(
    name: &'static str,
    ty: Shape,
    max_size: usize,
    about: &'static str,
) -> Attribute {
    Attribute {
        name,
        ty,
        optional: true,
        max_size,
        about,
    }
}

use Shape as S;

/// Every attribute that is there without being declared.
pub(crate) const VOCABULARY: &[Attribute] = &[
    required(
        "request.time",
        S::Timestamp,
        1,
        "when the request was received",
    ),
    required(
        "request.cost",
        S::Int,
        1,
        "what the host says the request costs; 1 by default",
    ),
    optional(
        "request.id",
        S::Str,
        MAX_NAME_BYTES,
        "the host's name for the request",
    ),
    optional(
        "request.method",
        S::Str,
        MAX_NAME_BYTES,
        "the HTTP method, case-sensitive",
    ),
    optional(
        "request.path",
        S::Str,
        MAX_TARGET_BYTES,
        "the path and the query, as in the request",
    ),
    optional(
        "request.url_path",
        S::Str,
        MAX_TARGET_BYTES,
        "the normalised path without the query",
    ),
    optional(
        "request.query",
        S::Str,
        MAX_TARGET_BYTES,
        "the query without its `?`",
    ),
    optional(
        "request.host",
        S::Str,
        MAX_HOST_BYTES,
        "the host, in lower case",
    ),
    optional(
        "request.headers[]",
        S::Str,
        MAX_FIELD_BYTES,
        "the value of a header, named in lower case, that is there once",
    ),
    optional(
        "request.query_params[]",
        S::Str,
        MAX_FIELD_BYTES,
        "the value of a query parameter that is there once",
    ),
    optional(
        "request.auth.principal",
        S::Str,
        MAX_NAME_BYTES,
        "the token's issuer, `/`, subject",
    ),
    optional(
        "request.auth.audiences",
        S::ListStr,
        MAX_LIST,
        "the token's audiences",
    ),
    optional(
        "request.auth.presenter",
        S::Str,
        MAX_NAME_BYTES,
        "the token's `azp` claim",
    ),
    optional(
        "request.auth.claims[]",
        S::Dyn,
        MAX_CLAIM,
        "a claim of the token",
    ),
    optional(
        "source.address",
        S::Str,
        MAX_NAME_BYTES,
        "the peer's address as text",
    ),
    optional("source.ip", S::Ip, 1, "the peer's address"),
    optional(
        "source.principal",
        S::Str,
        MAX_NAME_BYTES,
        "the peer's SPIFFE id",
    ),
    optional(
        "remote.ip",
        S::Ip,
        1,
        "the client's address behind trusted proxies",
    ),
    optional(
        "connection.requested_server_name",
        S::Str,
        MAX_HOST_BYTES,
        "the name that TLS asked for",
    ),
    optional(
        "connection.sha256_peer_certificate_digest",
        S::Str,
        64,
        "the SHA-256 digest of the peer's certificate, in hexadecimal",
    ),
    optional(
        "principal.id",
        S::Str,
        MAX_NAME_BYTES,
        "who is calling, as the provider names it",
    ),
    optional("principal.provider", S::Str, MAX_NAME_BYTES, "who says so"),
    required(
        "principal.roles",
        S::ListStr,
        MAX_LIST,
        "the roles that the principal holds",
    ),
    required(
        "principal.groups",
        S::ListStr,
        MAX_LIST,
        "the groups that the principal is in",
    ),
    required(
        "principal.scopes",
        S::ListStr,
        MAX_LIST,
        "the scopes of the principal's token",
    ),
    optional(
        "resource.type",
        S::Str,
        MAX_NAME_BYTES,
        "the kind of resource",
    ),
    optional("resource.id", S::Str, MAX_NAME_BYTES, "the resource"),
    optional(
        "action",
        S::Str,
        MAX_NAME_BYTES,
        "the action that the route means",
    ),
];

/// A schema of the whole vocabulary.
pub(crate) fn schema() -> Schema {
    let mut schema = Schema::default();
    for attribute in VOCABULARY {
        let declaration = Declaration {
            ty: attribute.ty(),
            optional: attribute.optional,
            max_size: u32::try_from(attribute.max_size).unwrap_or(u32::MAX),
        };
        match attribute.name.strip_suffix("[]") {
            Some(name) if name.ends_with("headers") => {
                schema.declare(name, Declared::Headers(declaration));
            }
            Some(name) => schema.declare(name, Declared::Keyed(declaration)),
            None => schema.declare(attribute.name, Declared::Attribute(declaration)),
        }
    }
    schema
}

/// Whose attribute a policy declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Principal,
    Request,
    Resource,
}

/// Declares `principal.attr.<name>` and its like.
pub(crate) fn declare_attribute(
    schema: &mut Schema,
    owner: Owner,
    name: &str,
    ty: Type,
    optional: bool,
) {
    let owner = match owner {
        Owner::Principal => "principal",
        Owner::Request => "request",
        Owner::Resource => "resource",
    };
    let max_size = match ty {
        Type::Str | Type::Bytes => MAX_NAME_BYTES,
        Type::List(_) | Type::Map(..) | Type::Dyn => MAX_LIST,
        _ => 1,
    };
    let max_size = u32::try_from(max_size).unwrap_or(u32::MAX);
    let declaration = Declaration {
        ty,
        optional,
        max_size,
    };
    schema.declare(
        &format!("{owner}.attr.{name}"),
        Declared::Attribute(declaration),
    );
}

/// Declares the capture `route.<name>`, which is there only on routes that have it.
pub(crate) fn declare_capture(schema: &mut Schema, name: &str, optional: bool) {
    let max_size = u32::try_from(MAX_TARGET_BYTES).unwrap_or(u32::MAX);
    let declaration = Declaration {
        ty: Type::Str,
        optional,
        max_size,
    };
    schema.declare(&format!("route.{name}"), Declared::Attribute(declaration));
}

/// Declares `values.<name>`.
pub(crate) fn declare_value(schema: &mut Schema, name: &str, value: Constant) {
    schema.declare(&format!("values.{name}"), Declared::Constant(value));
}
