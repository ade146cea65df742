//! What the tokens of well-known identity providers look like: the parts of an issuer that need not be written.

use crate::rule::identity::Algorithm;

/// Everything that an issuer's keys say where they are left out.
pub(super) struct Preset {
    pub(super) issuer: Option<&'static str>,
    /// Whether the issuer's metadata name its keys.
    pub(super) discovery: bool,
    pub(super) audience_claim: &'static [&'static str],
    /// Empty for all that are asymmetric.
    pub(super) algorithms: &'static [Algorithm],
    /// A claim at the top and the text that it has to be.
    pub(super) expect: &'static [(&'static str, &'static str)],
    pub(super) id: &'static [&'static str],
    /// Where roles stand; they are taken only where the policy lists or maps them.
    pub(super) roles: &'static [&'static [&'static str]],
    pub(super) scopes: &'static [&'static [&'static str]],
    pub(super) groups: &'static [&'static [&'static str]],
    /// Attributes of the principal that are read where the policy declares them.
    pub(super) attributes: &'static [(&'static str, &'static [&'static str])],
}

/// An issuer of which nothing is known.
pub(super) const PLAIN: Preset = Preset {
    issuer: None,
    discovery: false,
    audience_claim: &["aud"],
    algorithms: &[],
    expect: &[],
    id: &["sub"],
    roles: &[],
    scopes: &[],
    groups: &[],
    attributes: &[],
};

/// By the words of `preset`.
pub(super) const PRESETS: &[(&str, &Preset)] = &[
    ("okta", &OKTA),
    ("cognito", &COGNITO),
    ("entra", &ENTRA),
    ("keycloak", &KEYCLOAK),
    ("auth0", &AUTH0),
    ("google", &GOOGLE),
    ("kubernetes", &KUBERNETES),
];

/// Groups only come from a custom authorization server.
const OKTA: Preset = Preset {
    discovery: true,
    algorithms: &[Algorithm::Rs256],
    roles: &[&["groups"]],
    scopes: &[&["scp"]],
    groups: &[&["groups"]],
    attributes: &[("cid", &["cid"]), ("uid", &["uid"])],
    ..PLAIN
};

/// Access tokens name no audience; they are bound to the client instead, and told from ID tokens by their use.
const COGNITO: Preset = Preset {
    discovery: true,
    audience_claim: &["client_id"],
    algorithms: &[Algorithm::Rs256],
    expect: &[("token_use", "access")],
    roles: &[&["cognito:groups"]],
    scopes: &[&["scope"]],
    groups: &[&["cognito:groups"]],
    attributes: &[("client_id", &["client_id"]), ("username", &["username"])],
    ..PLAIN
};

/// `sub` differs from client to client, so the id is the object's.
const ENTRA: Preset = Preset {
    discovery: true,
    algorithms: &[Algorithm::Rs256],
    id: &["oid"],
    roles: &[&["roles"], &["wids"]],
    scopes: &[&["scp"]],
    groups: &[&["groups"]],
    attributes: &[("tid", &["tid"]), ("azp", &["azp"]), ("appid", &["appid"])],
    ..PLAIN
};

/// Roles of a client stand at `[resource_access, <client>, roles]`, which the policy names.
const KEYCLOAK: Preset = Preset {
    discovery: true,
    roles: &[&["realm_access", "roles"]],
    scopes: &[&["scope"]],
    groups: &[&["groups"]],
    attributes: &[
        ("azp", &["azp"]),
        ("preferred_username", &["preferred_username"]),
    ],
    ..PLAIN
};

/// Roles stand in a claim under a namespace of the tenant's own, which the policy names.
const AUTH0: Preset = Preset {
    discovery: true,
    algorithms: &[Algorithm::Rs256],
    roles: &[&["permissions"]],
    scopes: &[&["scope"]],
    attributes: &[("azp", &["azp"])],
    ..PLAIN
};

const GOOGLE: Preset = Preset {
    issuer: Some("https://accounts.google.com"),
    discovery: true,
    algorithms: &[Algorithm::Rs256],
    attributes: &[
        ("hd", &["hd"]),
        ("email", &["email"]),
        ("email_verified", &["email_verified"]),
    ],
    ..PLAIN
};

/// Tokens of service accounts; a cluster's keys are seldom to be had without its credentials.
const KUBERNETES: Preset = Preset {
    attributes: &[
        ("kubernetes_namespace", &["kubernetes.io", "namespace"]),
        (
            "service_account",
            &["kubernetes.io", "serviceaccount", "name"],
        ),
        ("pod", &["kubernetes.io", "pod", "name"]),
    ],
    ..PLAIN
};
