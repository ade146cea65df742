//! Identity: what is wrong with it by code, line and column, and what it is lowered to.

use super::{brief, load, lowered};
use crate::rule::RuleSet;
use crate::rule::identity::{Issuer, KeySource, Origin, TokenSource};

/// Indents what stands below `identity: { issuers: { login:`.
const LOGIN: &str =
    "identity:\n  issuers:\n    login:\n      issuer: https://login.example\n      audience: api\n";

fn check(head: &str, rows: &[(&str, &[&str])]) {
    let lines = u32::try_from(head.lines().count()).unwrap() + 1;
    let wrong = rows.iter().filter_map(|(text, expected)| {
        let text = format!("gatelet: 1\n{head}{text}");
        let (_, diagnostics) = load(&[("shop/p.yaml", &text)], &[]);
        let found = brief(&diagnostics, lines);
        let shown: Vec<_> = diagnostics.iter().map(ToString::to_string).collect();
        (found != *expected).then(|| format!("{text}{found:?} {shown:#?}"))
    });
    let wrong: Vec<_> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn keys() {
    check(
        LOGIN,
        &[
            ("      keys: { file: a.json }\n", &[]),
            ("      keys: { file: ../a.json }\n", &["GL611 1:21"]),
            ("      keys: { file: /etc/a.json }\n", &["GL611 1:21"]),
            ("      keys: \"${file:a/../b.json}\"\n", &[]),
            ("      keys: \"${file:../b.json}\"\n", &["GL611 1:13"]),
            ("      keys: \"${env:LOGIN_KEYS}\"\n", &[]),
            ("      keys: \"${env:9}\"\n", &["GL102 1:13"]),
            ("      keys: \"${vault:x}\"\n", &["GL812 1:13"]),
            ("      keys: { env: LOGIN_KEYS }\n", &[]),
            ("      keys: { url: \"https://login.example/keys\" }\n", &[]),
            ("      keys: { url: \"http://127.0.0.1:8080/keys\" }\n", &[]),
            (
                "      keys: { url: \"http://login.example/keys\" }\n",
                &["GL609 1:20"],
            ),
            ("      keys: { discovery: true }\n", &[]),
            ("      keys: { discovery: false }\n", &["GL610 1:7"]),
            ("      keys: { discovery: false, file: a }\n", &[]),
            ("      keys: {}\n", &["GL610 1:7"]),
            ("      keys: { file: a, url: b }\n", &["GL610 1:24"]),
            ("      keys: a.json\n", &["GL610 1:7"]),
            ("      keys: { files: a }\n", &["GL015 1:15"]),
            ("      keys: { secret: \"${env:S}\" }\n", &[]),
            ("      keys: { secret: hush }\n", &["GL617 1:15"]),
            ("      keys: { secret: \"${vault:x}\" }\n", &["GL812 1:23"]),
            (
                "      keys: { secret: \"${env:S}\" }\n      algorithms: [HS512]\n",
                &[],
            ),
            (
                "      keys: { secret: \"${env:S}\" }\n      algorithms: [ES256]\n",
                &["GL604 2:19"],
            ),
            (
                "      keys: { file: a }\n      algorithms: [ES256, HS256]\n",
                &["GL604 2:19"],
            ),
            (
                "      keys: { file: a }\n      algorithms: [none, None]\n",
                &["GL603 2:20", "GL603 2:26"],
            ),
            (
                "      keys: { file: a }\n      algorithms: [ES257, es256]\n",
                &["GL108 2:20", "GL108 2:27"],
            ),
            (
                "      keys: { file: a }\n      algorithms: []\n",
                &["GL304 2:19"],
            ),
            (
                "      preset: octa\n      keys: { file: a }\n",
                &["GL108 1:15"],
            ),
            ("", &["GL016 0:5"]),
        ],
    );
}

#[test]
fn keys_written_inline() {
    check(
        LOGIN,
        &[
            (
                "      keys: { inline: { keys: [{ kty: EC, crv: P-256, x: a, y: b, kid: 1 }] } }\n",
                &[],
            ),
            ("      keys: { inline: [{ kty: EC, ext: true }] }\n", &[]),
            ("      keys: { inline: '{\"keys\":[]}' }\n", &[]),
            ("      keys: { inline: \"${env:JWKS}\" }\n", &[]),
            (
                "      keys: { inline: { keys: [{ kty: oct, k: aHVzaA }] } }\n",
                &["GL618 1:44"],
            ),
            (
                "      keys: { inline: [{ kty: RSA, n: a, e: b, d: c, p: d }] }\n",
                &["GL618 1:48"],
            ),
            (
                "      keys: { inline: [{ crv: P-256 }] }\n",
                &["GL610 1:26"],
            ),
            ("      keys: { inline: { key: [] } }\n", &["GL610 1:23"]),
            ("      keys: { inline: { keys: [] } }\n", &["GL610 1:31"]),
            ("      keys: { inline: { keys: {} } }\n", &["GL610 1:31"]),
            ("      keys: { inline: [7] }\n", &["GL610 1:24"]),
            ("      keys: { inline: hush }\n", &["GL610 1:15"]),
        ],
    );
}

#[test]
fn checks_of_tokens() {
    let head = format!("{LOGIN}      keys: {{ file: a.json }}\n");
    check(
        &head,
        &[
            ("      leeway: 0s\n", &[]),
            ("      leeway: 11min\n", &["GL019 1:15"]),
            ("      leeway: 5m\n", &["GL019 1:15"]),
            ("      max_lifetime: 500ms\n", &["GL019 1:21"]),
            ("      max_lifetime: 367d\n", &["GL019 1:21"]),
            ("      require_exp: no\n", &["GL017 1:20"]),
            ("      require: [jti, [a, b]]\n", &[]),
            ("      require: []\n", &["GL304 1:16"]),
            (
                "      require: [[], [[a]], \"\"]\n",
                &["GL606 1:17", "GL606 1:22", "GL102 1:28"],
            ),
            ("      typ: [JWT, ~]\n", &[]),
            ("      typ: []\n", &["GL304 1:12"]),
            (
                "      expect: { token_use: access, azp: [a, b], admin: false }\n",
                &[],
            ),
            ("      expect: { token_use: [] }\n", &["GL304 1:28"]),
            ("      expect: [a]\n", &["GL017 1:15"]),
            ("      audience_claim: client_id\n", &["GL606 1:23"]),
            ("      audience_claim: [client_id]\n", &[]),
            ("      leway: 1s\n", &["GL015 1:7"]),
        ],
    );
}

#[test]
fn places() {
    let head = format!("{LOGIN}      keys: {{ file: a.json }}\n");
    check(
        &head,
        &[
            (
                "      from: [{ header: Authorization, scheme: DPoP }, { header: x-token }, { query: t }, { cookie: __Host-t }]\n",
                &[],
            ),
            (
                "      from: [{ header: authorization }, { header: Authorization, scheme: Bearer }]\n",
                &["GL101 1:41"],
            ),
            ("      from: []\n", &["GL304 1:13"]),
            ("      from: [{}]\n", &["GL612 1:14"]),
            ("      from: [{ header: a, query: b }]\n", &["GL612 1:27"]),
            ("      from: [{ query: b, scheme: x }]\n", &["GL612 1:26"]),
            (
                "      from: [{ header: a_b }, { header: cookie }, { cookie: \"a b\" }]\n",
                &["GL302 1:24", "GL612 1:41", "GL612 1:61"],
            ),
            (
                "      from: [{ header: a, scheme: \"a b\" }]\n",
                &["GL612 1:35"],
            ),
            ("      from: [authorization]\n", &["GL017 1:14"]),
            (
                "      from: [7,7,7,7,7,7,7,7,7,7,7,7,7,7,7,7,7]\n",
                &["GL612 1:13"],
            ),
            ("      strip: true\n", &[]),
            (
                "      from: [{ query: t }]\n      strip: true\n",
                &["GL612 2:14"],
            ),
        ],
    );
}

#[test]
fn principals() {
    let head = "attributes: { tenant: { of: principal, type: string }, amount: { of: request, type: int }, odd: { of: me, type: int } }\n";
    let head = format!("{head}{LOGIN}      keys: {{ file: a.json }}\n      principal:\n");
    let (row, column) = ("        ", 9);
    let check = |rows: &[(&str, &[&str])]| {
        // The broken declaration is reported once, above.
        let rows: Vec<_> = rows
            .iter()
            .map(|(text, expected)| {
                let mut all = vec![format!("GL108 0:{}", 103)];
                all.extend(expected.iter().map(|one| {
                    let (code, at) = one.split_once(' ').unwrap();
                    let at: u32 = at.parse().unwrap();
                    format!("{code} 1:{}", at + column - 1)
                }));
                (format!("{row}{text}\n"), all)
            })
            .collect();
        for (text, expected) in rows {
            let text = format!("gatelet: 1\n{head}{text}");
            let (_, diagnostics) = load(&[("p.yaml", &text)], &[]);
            let lines = u32::try_from(head.lines().count()).unwrap() + 1;
            assert_eq!(
                brief(&diagnostics, lines),
                expected,
                "{text}{diagnostics:#?}"
            );
        }
    };
    check(&[
        ("id: [sub]", &[]),
        ("id: sub", &["GL606 5"]),
        ("id: []", &["GL606 5"]),
        ("id: [[sub]]", &["GL606 6"]),
        ("id: [a, \"https://x.example/y\", \"b.c\"]", &[]),
        ("scopes: [scope]", &["GL606 9"]),
        ("scopes: []", &["GL304 9"]),
        ("scopes: [[scope], [a, b]]", &[]),
        ("groups: groups", &["GL017 9"]),
        ("roles: { from: [[roles]], only: [clerk] }", &[]),
        (
            "roles: { from: [[roles]], map: { a: clerk, \"b:c\": [x, y] } }",
            &[],
        ),
        ("roles: { from: [[roles]] }", &["GL605 1"]),
        ("roles: { only: [clerk] }", &["GL016 1"]),
        (
            "roles: { from: [[roles]], only: [a], map: { b: c } }",
            &["GL605 38"],
        ),
        ("roles: { from: [[roles]], only: [] }", &["GL304 33"]),
        ("roles: { from: [[roles]], map: {} }", &["GL304 32"]),
        ("attributes: { tenant: [tid] }", &[]),
        (
            "attributes: { tenant: tid, plan: [plan], amount: [a], odd: [b] }",
            &["GL606 23", "GL104 28", "GL104 42"],
        ),
    ]);
}

type Row = (&'static str, &'static [&'static str]);

const REST: &[Row] = &[
    (
        "identity: { issuers: { host: { issuer: a, keys: { file: b } } } }\n",
        &["GL608 1:24"],
    ),
    (
        "identity: { issuers: { \"a b\": { issuer: a, keys: { file: b } } } }\n",
        &["GL102 1:24"],
    ),
    (
        "identity: { issuers: { a: {} } }\n",
        &["GL016 1:24", "GL016 1:24"],
    ),
    (
        "identity: { issuers: { a: { issuer: b, keys: { discovery: true } } } }\n",
        &["GL609 1:37"],
    ),
    ("identity: { issuers: { a: { preset: google } } }\n", &[]),
    (
        "identity: { issuers: { a: { preset: okta } } }\n",
        &["GL016 1:24"],
    ),
    (
        "identity: { issuers: { a: { preset: kubernetes, issuer: b } } }\n",
        &["GL016 1:24"],
    ),
    ("identity: { api_keys: { keys: { file: a } } }\n", &[]),
    (
        "identity: { api_keys: { header: x, from: [{ query: k }], keys: { file: a } } }\n",
        &["GL612 1:36"],
    ),
    (
        "identity: { api_keys: { keys: { url: \"https://a.example/\" } } }\n",
        &["GL610 1:25"],
    ),
    (
        "identity: { workloads: { trust_domains: { a.example: {}, b.example: { keys: { file: a }, audience: me } } } }\n",
        &[],
    ),
    (
        "identity: { workloads: { trust_domains: { b.example: { keys: { file: a } } } } }\n",
        &["GL016 1:56"],
    ),
    (
        "identity: { workloads: { trust_domains: { b.example: { audience: a } } } }\n",
        &["GL016 1:43"],
    ),
    (
        "identity: { workloads: { trust_domains: { b.example: { keys: { file: a }, audience: a, algorithms: [HS256] } } } }\n",
        &["GL604 1:100"],
    ),
    (
        "identity: { workloads: { trust_domains: { b.example: { keys: { discovery: true }, audience: a } } } }\n",
        &["GL610 1:64"],
    ),
    (
        "identity: { workloads: { xfcc: {}, client_cert: true } }\n",
        &[],
    ),
    ("identity: { workloads: { xfcc: 1 } }\n", &["GL017 1:32"]),
    (
        "identity: { links: [[{ user: a, of: b }]] }\n",
        &["GL613 1:21"],
    ),
    (
        "identity: { links: [[{ user: a*, of: b }, { workload: \"spiffe://a.example/**\" }, { group: c }]] }\n",
        &["GL303 1:30", "GL303 1:55", "GL015 1:84"],
    ),
    ("identity: { links: [{ user: a }] }\n", &["GL017 1:21"]),
    (
        "approvals: { issuer: a, keys: { file: b }, leeway: 1h }\n",
        &["GL019 1:52"],
    ),
    (
        "approvals: { issuer: a, keys: \"${env:A}\", audience: [x], algorithms: [EdDSA] }\n",
        &[],
    ),
    ("strip: [\"${env:A}\"]\n", &["GL812 1:9"]),
];

#[test]
fn the_rest() {
    check("", REST);
}

#[test]
fn sources_are_put_together_or_contradict() {
    let one = "gatelet: 1\nidentity:\n  issuers: { a: { issuer: i, keys: { file: f } } }\n  api_keys: { keys: { file: k } }\n  links: [[{ user: a }, { user: b }]]\napprovals: { issuer: i, keys: { file: f } }\n";
    let two = one.replace("{ a: {", "{ b: {");
    let two = two
        .replace("  api_keys: { keys: { file: k } }\n", "")
        .replace("approvals: { issuer: i, keys: { file: f } }\n", "");
    let (rules, diagnostics) = load(&[("1.yaml", one), ("dir/2.yaml", &two)], &[]);
    assert_eq!(brief(&diagnostics, 0), [""; 0]);
    assert_eq!(
        (rules.identity.issuers.len(), rules.identity.links.len()),
        (2, 2)
    );
    let files: Vec<_> = rules
        .identity
        .issuers
        .iter()
        .map(|one| &one.keys.source)
        .collect();
    let file = |name: &str| KeySource::Outside(Origin::file(name));
    assert_eq!(files, [&file("f"), &file("dir/f")]);

    let (_, diagnostics) = load(&[("1.yaml", one), ("2.yaml", one)], &[]);
    assert_eq!(
        brief(&diagnostics, 0),
        ["GL101 3:14", "GL101 4:3", "GL101 6:1"]
    );
}

fn first(rules: &RuleSet) -> &Issuer {
    rules.identity.issuers.first().expect("an issuer")
}

#[test]
fn defaults_and_presets() {
    let path = |path: &crate::rule::identity::ClaimPath| path.0.join("/");
    let paths = |list: &[crate::rule::identity::ClaimPath]| {
        list.iter().map(path).collect::<Vec<_>>().join(" ")
    };
    let show = |issuer: &Issuer| {
        let algorithms: Vec<_> = issuer.algorithms.iter().map(|one| one.name()).collect();
        let expect: Vec<_> = issuer
            .expect
            .iter()
            .map(|one| format!("{}={}", path(&one.claim), one.one_of.join("|")))
            .collect();
        let principal = &issuer.principal;
        let roles = principal
            .roles
            .as_ref()
            .map_or(String::new(), |roles| paths(&roles.from));
        let attributes: Vec<_> = principal
            .attributes
            .iter()
            .map(|(name, claim)| format!("{name}={}", path(claim)))
            .collect();
        format!(
            "aud {}; alg {}; expect {}; id {}; roles {roles}; scopes {}; groups {}; attr {}; {:?}",
            path(&issuer.audience_claim),
            if algorithms.len() == 10 {
                "*".into()
            } else {
                algorithms.join(" ")
            },
            expect.join(" "),
            path(&principal.id),
            paths(&principal.scopes),
            paths(&principal.groups),
            attributes.join(" "),
            issuer.keys.source,
        )
    };
    let discovered = "Outside(Discovery(\"https://i.example\"))";
    let rows = [
        ("keys: { file: f }", "aud aud; alg *; expect ; id sub; roles ; scopes ; groups ; attr ; Outside(File(\"f\"))".to_owned()),
        ("keys: { secret: \"${file:s}\" }", "aud aud; alg HS256; expect ; id sub; roles ; scopes ; groups ; attr ; Secret(File(\"s\"))".to_owned()),
        ("preset: okta, principal: { roles: { only: [r] } }", format!("aud aud; alg RS256; expect ; id sub; roles groups; scopes scp; groups groups; attr uid=uid; {discovered}")),
        ("preset: cognito, principal: { roles: { only: [r] } }", format!("aud client_id; alg RS256; expect token_use=access; id sub; roles cognito:groups; scopes scope; groups cognito:groups; attr ; {discovered}")),
        ("preset: cognito, audience_claim: [aud], expect: { token_use: id }, principal: { groups: [[g]] }", format!("aud aud; alg RS256; expect token_use=id; id sub; roles ; scopes scope; groups g; attr ; {discovered}")),
        ("preset: entra, principal: { roles: { map: { a: r } } }", format!("aud aud; alg RS256; expect ; id oid; roles roles wids; scopes scp; groups groups; attr tid=tid; {discovered}")),
        ("preset: keycloak, principal: { roles: { only: [r] } }", format!("aud aud; alg *; expect ; id sub; roles realm_access/roles; scopes scope; groups groups; attr ; {discovered}")),
        ("preset: auth0, principal: { roles: { from: [[\"https://app.example/roles\"]], only: [r] } }", format!("aud aud; alg RS256; expect ; id sub; roles https://app.example/roles; scopes scope; groups ; attr ; {discovered}")),
        ("preset: google, principal: { id: [email], attributes: { tid: [hd] } }", format!("aud aud; alg RS256; expect ; id email; roles ; scopes ; groups ; attr tid=hd; {discovered}")),
        ("preset: kubernetes, algorithms: [ES256], keys: { url: \"https://k.example/k\" }", "aud aud; alg ES256; expect ; id sub; roles ; scopes ; groups ; attr kubernetes_namespace=kubernetes.io/namespace; Outside(Url(\"https://k.example/k\"))".to_owned()),
    ];
    for (text, expected) in rows {
        let rules = lowered(&format!(
            "attributes: {{ uid: {{ of: principal, type: string }}, tid: {{ of: principal, type: string }}, kubernetes_namespace: {{ of: principal, type: string }}, hd: {{ of: request, type: string }} }}\nroles: {{ r: {{}} }}\nidentity: {{ issuers: {{ i: {{ issuer: \"https://i.example\", audience: a, {text} }} }} }}\n"
        ));
        let issuer = first(&rules);
        assert_eq!(show(issuer), expected, "{text}");
        assert_eq!((issuer.leeway_ms, issuer.require_exp), (60_000, true));
        assert_eq!(issuer.typ.join(" "), "jwt at+jwt ");
    }
}

#[test]
fn what_is_written_holds() {
    let rules = lowered(concat!(
        "identity:\n  issuers:\n    a:\n      issuer: i\n      audience: [x, y]\n      keys: { inline: { keys: [{ kty: EC, kid: '1', ext: true, key_ops: [verify], x: \"a\\\"b\\n\" }] } }\n",
        "      leeway: 5s\n      require_exp: false\n      require: [jti, [a, b]]\n      typ: [application/AT+JWT, ~]\n      max_lifetime: 1h\n",
        "      from: [{ header: X-Token }, { header: Authorization }, { query: t }, { cookie: c }]\n      strip: true\n",
        "  workloads: { trust_domains: { a.example: { keys: { env: B }, audience: me, leeway: 1s } }, xfcc: { hops: 2 }, client_cert: true }\n",
    ));
    let issuer = first(&rules);
    let KeySource::Inline(bytes) = &issuer.keys.source else {
        panic!("{issuer:?}");
    };
    assert_eq!(
        String::from_utf8_lossy(bytes),
        r#"{"keys":[{"kty":"EC","kid":"1","ext":true,"key_ops":["verify"],"x":"a\"b\u000a"}]}"#
    );
    assert_eq!(
        (issuer.leeway_ms, issuer.max_lifetime_ms),
        (5_000, Some(3_600_000))
    );
    assert!(!issuer.require_exp && issuer.strip);
    assert_eq!(issuer.typ.join(" "), "at+jwt ");
    let header = |name: &str, scheme: Option<&str>| TokenSource::Header {
        name: name.into(),
        scheme: scheme.map(Box::from),
    };
    assert_eq!(
        issuer.from,
        [
            header("x-token", None),
            header("authorization", Some("bearer")),
            TokenSource::Query("t".into()),
            TokenSource::Cookie("c".into()),
        ]
    );
    let [_, svids] = rules.identity.issuers.as_slice() else {
        panic!("{:?}", rules.identity.issuers);
    };
    assert!(svids.is_of_workloads() && svids.require_exp);
    assert_eq!((&*svids.name.text, svids.leeway_ms), ("workloads", 1_000));
    assert_eq!(rules.identity.xfcc.map(|(hops, _)| hops), Some(2));
    assert!(rules.identity.client_cert.is_some());
    assert_eq!(rules.identity.user_providers().collect::<Vec<_>>(), ["a"]);
}

#[test]
fn secrets_are_not_shown() {
    let rows = [
        "identity: { issuers: { a: { issuer: i, keys: { secret: hush-hush } } } }\n",
        "identity: { issuers: { a: { issuer: i, keys: hush-hush } } }\n",
        "identity: { issuers: { a: { issuer: i, keys: { url: \"https://user:hush@a.example/\" } } } }\n",
        "identity: { issuers: { a: { issuer: \"https://hush:x@a.example/\", keys: { discovery: true } } } }\n",
        "identity: { issuers: { a: { issuer: i, keys: { inline: hush-hush } } } }\n",
        "identity: { issuers: { a: { issuer: i, keys: { inline: { kees: hush-hush } } } } }\n",
        "identity: { issuers: { a: { issuer: i, keys: { inline: [{ kty: oct, k: hush-hush, oops }] } } } }\n",
        "identity: { issuers: { a: { isuer: i, keys: { inline: [{ kty: oct, k: hush-hush }] } } } }\n",
        "identity: { issuers: { a: { issuer: i, keys: { inline: '{\"keys\":[{\"k\":\"hush-hush\"}]}' }, x: 1 } } }\n",
        "identity:\n  issuers:\n    a: { issuer: i, keys: { inline: [{ kty: RSA, d: hush-hush,\n          q: hush-hush }] }, leeway: 1 }\n",
    ];
    for text in rows {
        let (_, diagnostics) = load(&[("p.yaml", &format!("gatelet: 1\n{text}"))], &[]);
        assert!(!diagnostics.is_empty(), "{text}");
        for diagnostic in &diagnostics {
            for shown in [
                diagnostic.render(false),
                format!("{diagnostic:?}"),
                diagnostic.to_string(),
            ] {
                assert!(!shown.contains("hush"), "{text}\n{shown}");
            }
        }
    }
}
