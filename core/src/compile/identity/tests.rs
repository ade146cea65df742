//! What identity is compiled into: numbers, digests, needs.

use crate::keys::origin::{NeedKind, Origin};
use crate::limits::MAX_ISSUERS;
use crate::policy::Policy;
use crate::program::identity::{Credential, TokenSource};
use crate::program::roles::RoleId;
use crate::{Code, Diagnostic, LoadError, Source};

const POLICY: &str = r#"gatelet: 1
network: { trusted_proxies: [10.0.0.0/8] }
attributes:
  amount: { of: request, type: int }
  tenant: { of: principal, type: string }
  plan: { of: principal, type: string }
roles: { guest: {}, clerk: {}, manager: {} }
identity:
  trust_host: [principal]
  issuers:
    login:
      issuer: https://login.example
      audience: [shop]
      algorithms: [ES256]
      keys: { file: login.json }
      typ: [JWT]
      leeway: 30s
      require_exp: true
      require: [jti]
      expect: { azp: [web] }
      max_lifetime: 1h
      from: [{ header: authorization }, { cookie: session }, { query: token }]
      strip: true
      principal:
        id: [sub]
        roles: { from: [[roles]], map: { b: [manager, clerk], a: clerk } }
        scopes: [[scope]]
        groups: [[groups]]
        attributes: { plan: [plan], tenant: [tid] }
    svc: { issuer: svc, audience: shop, keys: { secret: "${env:SVC}" }, from: { header: x-svc }, principal: { roles: { from: [[r]], only: [guest] } } }
    far: { issuer: "https://far.example", audience: shop, keys: { discovery: true } }
    set: { issuer: set, audience: shop, keys: { inline: [{ kty: OKP, crv: Ed25519, x: 11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo }] } }
  api_keys: { header: x-key, strip: true, keys: { file: keys.yaml } }
  workloads: { trust_domains: { a.example: { keys: { url: "https://a.example/b" }, audience: me } }, xfcc: { hops: 2 } }
  links: [[{ user: dana, of: login }, { workload: "spiffe://a.example/dana" }]]
approvals: { issuer: approvals, keys: { file: approvals.json }, leeway: 1s }
rules: { one: { effect: allow, match: { principal: { user: dana, of: login } } } }
strip: [x-key, x-other]
"#;

fn load(text: &str) -> Policy {
    try_load(text).unwrap_or_else(|error| panic!("{error}"))
}

fn try_load(text: &str) -> Result<Policy, LoadError> {
    Policy::load(&[Source::new("shop/policy.yaml", text.as_bytes())])
}

#[test]
fn what_it_needs_in_source_order() {
    let policy = load(POLICY);
    let needs: Vec<_> = policy
        .needs()
        .iter()
        .map(|need| {
            (
                need.kind(),
                need.origin().clone(),
                need.provider(),
                need.required(),
                need.line(),
            )
        })
        .collect();
    let discovery = Origin::discovery("https://far.example");
    assert_eq!(
        needs,
        [
            (
                NeedKind::KeySet,
                Origin::file("shop/login.json"),
                Some("login"),
                true,
                15
            ),
            (
                NeedKind::Secret,
                Origin::environment("SVC"),
                Some("svc"),
                true,
                30
            ),
            (NeedKind::KeySet, discovery, Some("far"), false, 31),
            (
                NeedKind::ApiKeys,
                Origin::file("shop/keys.yaml"),
                Some("api_keys"),
                true,
                33
            ),
            (
                NeedKind::KeySet,
                Origin::url("https://a.example/b"),
                Some("workloads"),
                false,
                34
            ),
            (
                NeedKind::KeySet,
                Origin::file("shop/approvals.json"),
                None,
                true,
                36
            ),
        ]
    );
    assert!(
        policy
            .needs()
            .iter()
            .all(|need| need.source() == "shop/policy.yaml")
    );
    assert!(load("gatelet: 1\n").needs().is_empty());
    assert!(policy.warnings().is_empty(), "{:?}", policy.warnings());
}

#[test]
fn what_is_read_of_a_request() {
    let policy = load(POLICY);
    let program = &policy.program;
    let [login, svc, ..] = &*program.identity.issuers else {
        panic!("{:?}", program.identity);
    };
    let places: Vec<String> = login
        .from
        .iter()
        .chain(&svc.from)
        .map(|place| {
            let header = |slot: u16| {
                String::from_utf8_lossy(program.inputs.headers.name(slot.into())).into_owned()
            };
            match place {
                TokenSource::Header { header: at, scheme } => {
                    format!("{} {scheme:?}", header(at.slot))
                }
                TokenSource::Cookie { name, header: at } => format!("{} {name}", header(at.slot)),
                TokenSource::Query { name, slot } => {
                    let query = program.inputs.queries.name((*slot).into());
                    assert_eq!(query, name.as_bytes());
                    name.to_string()
                }
            }
        })
        .collect();
    assert_eq!(
        places,
        [
            "authorization Some(\"bearer\")",
            "cookie session",
            "token",
            "x-svc None"
        ]
    );
    let xfcc = program.identity.xfcc.as_ref().unwrap();
    assert_eq!(
        (&*xfcc.header.name, xfcc.hops),
        ("x-forwarded-client-cert", 2)
    );
    let inputs = policy.inputs();
    assert_eq!(
        inputs.headers,
        [
            "authorization",
            "cookie",
            "x-svc",
            "x-key",
            "x-forwarded-client-cert"
        ]
    );
    assert_eq!(inputs.queries, ["token"]);
    let strip: Vec<_> = program.outputs.strip.iter().map(|name| &**name).collect();
    assert_eq!(strip, ["x-key", "x-other", "authorization"]);
    assert_eq!(
        *program.identity.credentials,
        [
            Credential::Bearer,
            Credential::ApiKey,
            Credential::Host,
            Credential::Workload
        ]
    );
}

#[test]
fn names_become_numbers() {
    let policy = load(POLICY);
    let identity = &policy.program.identity;
    let login = identity.issuers.first().unwrap();
    let roles = login.principal.roles.as_ref().unwrap();
    let held = |value: &[u8]| {
        let value = roles.names.get(0, value)?;
        let names = roles.roles.get(value).iter();
        Some(names.map(|role| RoleId(*role)).collect::<Vec<_>>())
    };
    assert_eq!(held(b"a"), Some(vec![RoleId(1)]));
    assert_eq!(held(b"b"), Some(vec![RoleId(2), RoleId(1)]));
    assert_eq!((held(b"clerk"), held(b"")), (None, None));
    let attributes: Vec<_> = login
        .principal
        .attributes
        .iter()
        .map(|(number, path)| (*number, &*path.0[0]))
        .collect();
    assert_eq!(attributes, [(2, "plan"), (1, "tid")]);
    let dana = identity
        .links
        .canonical(b"workloads", b"spiffe://a.example/dana");
    assert_eq!(dana, Some((&b"login"[..], &b"dana"[..])));
}

/// A token remembered under one configuration is forgotten under another.
#[test]
fn whatever_a_token_is_judged_by_is_in_the_digest() {
    let digest = |text: &str| load(text).program.identity.issuers[0].digest;
    let before = digest(POLICY);
    let changes = [
        ("    login:\n", "    log:\n"),
        ("https://login.example", "https://login.example/"),
        ("audience: [shop]\n", "audience: [shop, more]\n"),
        (
            "audience: [shop]\n",
            "audience: [shop]\n      audience_claim: [client_id]\n",
        ),
        ("[ES256]", "[ES384]"),
        ("file: login.json", "env: login"),
        ("typ: [JWT]", "typ: [JWT, ~]"),
        ("leeway: 30s", "leeway: 31s"),
        ("require_exp: true", "require_exp: false"),
        ("require: [jti]", "require: [iat]"),
        ("azp: [web]", "azp: [web, app]"),
        ("max_lifetime: 1h", "max_lifetime: 2h"),
        ("{ cookie: session }, ", ""),
        ("id: [sub]", "id: [uid]"),
        ("from: [[roles]]", "from: [[role]]"),
        ("b: [manager, clerk]", "b: [clerk]"),
        ("scopes: [[scope]]", "scopes: [[scp]]"),
        ("groups: [[groups]]", "groups: [[groups], [teams]]"),
        ("tenant: [tid]", "tenant: [tid, id]"),
    ];
    for (from, to) in changes {
        assert!(POLICY.contains(from), "{from}");
        let text = POLICY.replacen(from, to, 1).replace(
            "of: login",
            if to.contains("log:") {
                "of: log"
            } else {
                "of: login"
            },
        );
        assert_ne!(digest(&text), before, "{from} → {to}");
    }
    let unrelated = POLICY
        .replace("issuer: svc", "issuer: other")
        .replace("x-other", "x-more");
    assert_eq!(digest(&unrelated), before);
}

#[test]
fn the_layout_is_what_numbers_mean() {
    let layout = |text: &str| load(text).program.identity.layout;
    let before = layout(POLICY);
    for (from, to) in [
        ("guest: {}, clerk: {}", "clerk: {}, guest: {}"),
        ("manager: {} }", "manager: {}, boss: {} }"),
        (
            "plan: { of: principal, type: string }",
            "plan: { of: principal, type: int }",
        ),
        (
            "amount: { of: request, type: int }",
            "amounts: { of: request, type: int }",
        ),
    ] {
        assert!(POLICY.contains(from), "{from}");
        assert_ne!(layout(&POLICY.replace(from, to)), before, "{from} → {to}");
    }
    assert_eq!(
        layout(&POLICY.replace("issuer: svc", "issuer: other")),
        before
    );
}

#[test]
fn more_issuers_than_there_may_be() {
    let policy = |count: usize| {
        let issuer =
            |at| format!("    i{at}: {{ issuer: i, audience: a{at}, keys: {{ env: K }} }}\n");
        let issuers: String = (0..count).map(issuer).collect();
        format!("gatelet: 1\nidentity:\n  issuers:\n{issuers}")
    };
    assert!(try_load(&policy(MAX_ISSUERS)).is_ok());
    let error = try_load(&policy(MAX_ISSUERS + 1)).unwrap_err();
    let codes: Vec<_> = error.diagnostics().iter().map(Diagnostic::code).collect();
    assert_eq!(codes, [Code::TOO_MANY_ISSUERS]);
}

#[test]
fn inline_secrets_are_in_no_output() {
    let text = "gatelet: 1\nidentity: { issuers: { a: { issuer: i, audience: x, algorithms: [HS256], keys: { inline: { keys: [{ kty: oct, k: aHVzaGh1c2hodXNoaHVzaGh1c2hodXNoaHVzaGh1c2g }] } } } } }\n";
    let policy = load(text);
    let shown = |found: &Diagnostic| format!("{found:?} {found} {}", found.render(true));
    let warnings: Vec<_> = policy.warnings().iter().map(shown).collect();
    assert_eq!(warnings.len(), 1);
    let error = try_load(&text.replace("algorithms", "algoritms")).unwrap_err();
    let errors: Vec<_> = error.diagnostics().iter().map(shown).collect();
    let all = format!(
        "{warnings:?} {errors:?} {error:?} {policy:?} {:?}",
        policy.program
    );
    assert!(!all.contains("aHVzaGh1"), "{all}");
    // Nor as the bytes that a derived implementation would list.
    assert!(!all.contains("97, 72, 86, 122"), "{all}");
}
