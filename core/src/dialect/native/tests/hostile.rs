//! Every node of a policy that uses every key, replaced by every kind of node: reported, never a panic.

use crate::diagnostic::Diagnostics;
use crate::dialect::{Parsed, lower};
use crate::text::{Kind, Node, Sources, parse};

/// Every key that is known, supported or not.
const EVERYTHING: &str = r#"gatelet: 1
include: [p.yaml]
profile: strict
layer: l
default: deny
mode: enforce
values: { v: { type: string, default: x } }
sets: { s: [a, "${v}"] , net: [10.0.0.0/8] }
paths: { normalize: strict, trailing_slash: same, head_as_get: true }
network: { trusted_proxies: [10.0.0.0/8], xff_hops: 1 }
identity:
  credentials: [host, bearer, api_key]
  on_invalid: reject
  trust_host: [principal]
  issuers:
    o:
      preset: cognito
      issuer: i
      audience: [x]
      audience_claim: [aud]
      algorithms: [ES256]
      keys: { file: k.json }
      typ: [JWT]
      leeway: 1s
      require_exp: true
      require: [jti, [z]]
      expect: { azp: [w], y: z }
      max_lifetime: 1h
      from: [{ header: authorization, scheme: bearer }, { query: z }, { cookie: z }]
      strip: true
      principal: { id: [sub], roles: { from: [[z]], only: [r] }, scopes: [[z]], groups: [[z]], attributes: { a: [z] } }
    n: { issuer: n, keys: { inline: { keys: [{ kty: OKP, x: z }] } }, principal: { roles: { from: [[z]], map: { z: r } } } }
    m: { issuer: m, keys: { url: "https://m.example/" } }
    d: { issuer: "https://d.example", keys: { discovery: true } }
    s: { issuer: s, keys: { secret: "${env:S}" } }
    e: { issuer: e, keys: { env: E } }
    f: { issuer: f, keys: "${file:f}" }
  api_keys: { header: h, strip: true, keys: { file: k.yaml } }
  workloads: { trust_domains: { a.example: { keys: { file: b }, audience: [x], algorithms: [ES256], leeway: 1s, max_lifetime: 1h, from: { header: h }, strip: true } }, xfcc: { hops: 1 }, client_cert: true }
  links: [[{ user: u, of: host }, { workload: "spiffe://a.example/x" }]]
approvals: { issuer: a, keys: { file: a }, audience: [x], algorithms: [ES256], leeway: 1s }
attributes:
  a: { of: principal, type: string, optional: true }
  i: { of: request, type: int }
  f: { of: request, type: double }
  b: { of: request, type: bool }
  t: { of: request, type: timestamp }
  d: { of: request, type: duration }
  p: { of: request, type: ip }
  l: { of: resource, type: string_list }
domains: { t: route.t }
actions: { x: { about: a, routes: ["GET /t/{t}"] }, y: ["PUT /t/{t}"] }
roles: { r: { inherits: [q], can: [x] } }
exclusive: { static: [[r, q]], dynamic: [[r, q]] }
grants:
  - { role: r, to: { user: u, of: host }, within: { t: a }, from: 2026-01-01T00:00:00Z, until: 2027-01-01T00:00:00Z }
  - { role: r, to: { group: g } }
  - { role: r, to: { workload: "spiffe://a.example/x" } }
rules:
  allow:
    about: text
    effect: allow
    mode: shadow
    match:
      who: anyone
      route: [GET /a]
      action: [x]
      resource: [{ type: a, id: b }]
      method: GET
      path: /a
      host: a.example
      header: { h: a }
      query: { q: a }
      source_ip: [{ in: net }]
      remote_ip: 10.0.0.1
      peer: "spiffe://a.example/x"
      principal: [{ user: u, of: o }, { workload: "spiffe://a.example/x" }]
      roles: { any: [r], all: [q] }
      groups: { any: [g] }
      scopes: { all: [s] }
      attr: { a: x, i: 1, f: 1.5, b: true, t: 2026-01-01T00:00:00Z, d: 5s, p: 10.0.0.1, l: x }
      not: [{ method: PUT }]
  require:
    effect: require
    match: { action: x }
    require:
      approval: { groups: [g], min: 1, max_age: 1h, single_use: true, bypass: [g, { user: u, of: o }, { group: g }, { workload: "spiffe://a.example/x" }, { role: r }] }
      assume_role: { role_arn: a, max_duration: 1h, session_policy: a, tags: { a: b } }
      mask: { fields: [a] }
on_allow: { headers: { h: { from: principal.id }, g: { value: a } } }
on_deny: { headers: { h: { from: principal.id } } }
strip: [h]
"#;

/// Where anything may stand: what a host reads itself, texts for people, and keys that are read when they are compiled.
const FREE: &[&str] = &["mask", "fields", "session_policy", "tags", "inline"];

/// Types of requirements are the host's own too.
const REQUIREMENTS: &str = "/rules/require/require";

fn read(text: &str) -> (Sources, Node) {
    let mut sources = Sources::new();
    let source = sources.add("p.yaml", text.as_bytes()).expect("text");
    let mut diagnostics = Diagnostics::new();
    let documents = parse(&sources, source, &mut diagnostics).unwrap_or_default();
    (sources, documents.into_iter().next().expect("a document"))
}

fn errors(sources: &Sources, root: &Node) -> Vec<String> {
    let mut diagnostics = Diagnostics::new();
    let parsed = Parsed {
        source: root.span.source,
        documents: vec![root.clone()],
    };
    lower(vec![parsed], Vec::new(), sources, &mut diagnostics);
    diagnostics
        .finish(sources)
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// The nodes of a tree, in order; `visit` may change the one with the number `at`.
fn change(
    node: &mut Node,
    path: &str,
    at: &mut usize,
    visit: &mut dyn FnMut(&mut Node, &str),
) -> bool {
    if *at == 0 {
        visit(node, path);
        return true;
    }
    *at -= 1;
    match &mut node.kind {
        Kind::Scalar { .. } => false,
        Kind::Sequence(items) => items.iter_mut().any(|item| change(item, path, at, visit)),
        Kind::Mapping(entries) => entries.iter_mut().any(|(key, value)| {
            let path = format!("{path}/{}", key.text);
            change(value, &path, at, visit)
        }),
    }
}

#[test]
fn every_node_of_every_kind() {
    let (sources, root) = read(EVERYTHING);
    assert_eq!(errors(&sources, &root), [""; 0]);
    let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
    let nested = format!("{}x{}", "{ k: ".repeat(40), " }".repeat(40));
    let kinds = [
        "~",
        "[]",
        "{}",
        "x",
        "-1",
        "1e999",
        "true",
        "'*'",
        "''",
        "\"${v}\"",
        "\"${\"",
        "\"\\u0001\"",
        "'a*b'",
        "[~]",
        "[{}]",
        "[[]]",
        "{ zzz: ~ }",
        "{ in: s }",
        "{ in: ~ }",
        "{ any: x, all: x }",
        &deep,
        &nested,
    ];
    let mut count = 0;
    loop {
        let mut probe = root.clone();
        if !change(&mut probe, "", &mut count.clone(), &mut |_, _| {}) {
            break;
        }
        for kind in kinds {
            let (_, replacement) = read(&format!("- {kind}\n"));
            let Kind::Sequence(items) = &replacement.kind else {
                panic!("a list of one")
            };
            let mut tree = root.clone();
            let mut path = String::new();
            change(&mut tree, "", &mut count.clone(), &mut |node, at| {
                node.kind = items[0].kind.clone();
                path = at.to_owned();
            });
            let found = errors(&sources, &tree);
            let is_free = path.split('/').any(|key| FREE.contains(&key)) || path == REQUIREMENTS;
            if (kind == deep || kind == nested) && !is_free {
                assert!(!found.is_empty(), "{path}: {kind}");
            }
        }
        count += 1;
    }
    assert!(count > 200, "{count}");
}

#[test]
fn every_key_alone_with_every_kind() {
    let (_, root) = read(EVERYTHING);
    let Kind::Mapping(entries) = &root.kind else {
        panic!("a mapping")
    };
    for (key, _) in entries {
        for kind in ["~", "[]", "{}", "x", "[{}]", "{ a: {} }"] {
            let (sources, root) = read(&format!("{}: {kind}\n", key.text));
            assert!(!errors(&sources, &root).is_empty(), "{}: {kind}", key.text);
        }
    }
}
