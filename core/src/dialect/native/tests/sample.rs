//! The policy that the documentation shows: what is supported of it is lowered, the rest is refused piece by piece.

use super::{load, show};

const SAMPLE: &str = r#"gatelet: 1
include: [roles.yaml]
values: { office: { type: cidr_list, default: [10.0.0.0/8] } }
sets:   { staff_net: "${office}" }
paths:  { normalize: strict, trailing_slash: same, head_as_get: true }
network: { trusted_proxies: [10.0.0.0/8], xff_hops: 1 }
identity:
  credentials: [bearer, api_key, workload]
  on_invalid: reject
  trust_host: []
  issuers:
    login:
      issuer: https://login.shop.example/
      audience: [shop-api]
      algorithms: [ES256]
      keys: { file: login.jwks.json }
      principal:
        id: [sub]
        roles:  { from: [[realm_access, roles]], only: [clerk, manager] }
        scopes: [[scope], [scp]]
        groups: [[groups]]
        attributes: { tenant: [tid], plan: [plan] }
  api_keys:  { header: x-api-key, keys: { file: keys.yaml } }
  workloads: { trust_domains: [prod.shop.example] }
attributes:
  tenant: { of: principal, type: string }
  plan:   { of: principal, type: string, optional: true }
  amount: { of: request, type: int, optional: true }
domains: { tenant: route.tenant }
actions:
  orders.read:   { about: Read orders,   routes: ["GET /t/{tenant}/orders", "GET /t/{tenant}/orders/{order}"] }
  orders.write:  { about: Change orders, routes: ["POST /t/{tenant}/orders", "PUT /t/{tenant}/orders/{order}"] }
  orders.refund: { about: Pay back,      routes: ["POST /t/{tenant}/orders/{order}/refund"] }
roles:
  clerk:   { can: [orders.read, orders.write] }
  manager: { inherits: [clerk], can: [orders.refund] }
  auditor: { can: ["*.read"] }
exclusive: { static: [[manager, auditor]], dynamic: [[clerk, auditor]] }
grants:
  - { role: manager, to: { user: dana@shop.example, of: login }, within: { tenant: acme }, until: 2027-01-01T00:00:00Z }
  - { role: auditor, to: { group: audit, of: login } }
  - { role: clerk,   to: { workload: "spiffe://prod.shop.example/ns/pos/**" } }
rules:
  health: { effect: allow, match: { route: "GET /healthz", who: anyone } }
  own-tenant-only:
    effect: deny
    match: { action: "orders.*" }
    when: "principal.attr.tenant != route.tenant"
  refunds-need-approval:
    effect: require
    match: { action: orders.refund }
    require: { approval: { groups: [finance], min: 1, max_age: 4h } }
approvals: { issuer: approvals.shop.example, keys: { file: approvals.jwks.json } }
limits:
  spike: { phase: before_identity, by: [source.ip], rate: 50/s, burst: 100 }
  plan:  { by: [principal], window: { calendar: month }, limit: { by: principal.attr.plan, values: { free: 1000, pro: 1000000 }, default: 1000 } }
on_allow: { headers: { x-principal: { from: principal.id }, x-gate: { value: "1" } } }
strip: [x-principal, x-gate]
"#;

const ROLES: (&str, &str) = ("roles.yaml", "gatelet: 1\nroles: { guest: {} }\n");

#[test]
fn all_of_it_is_lowered() {
    let (rules, diagnostics) = load(&[ROLES, ("shop.yaml", SAMPLE)], &[]);
    assert!(diagnostics.is_empty(), "{diagnostics:#?}");
    let shown: Vec<_> = rules
        .rules
        .iter()
        .map(|rule| format!("{}: {}", rule.id.text, show::predicate(&rule.predicate)))
        .collect();
    assert_eq!(
        shown,
        [
            "health: all(Method = GET, Path path of 1)",
            "own-tenant-only: all(Action action, when(part(2)))",
            "refunds-need-approval: Action action",
        ]
    );
    let names: Vec<_> = rules.roles.iter().map(|role| &*role.name.text).collect();
    assert_eq!(names, ["guest", "clerk", "manager", "auditor"]);
    assert_eq!(
        (
            rules.layers.len(),
            rules.grants.len(),
            rules.exclusions.len()
        ),
        (1, 3, 2)
    );
    assert_eq!(
        (
            rules.actions.len(),
            rules.attributes.len(),
            rules.domains.len()
        ),
        (3, 3, 1)
    );
    assert_eq!((rules.on_allow.len(), rules.strip.len()), (2, 2));
    let identity = &rules.identity;
    assert_eq!(
        identity.user_providers().collect::<Vec<_>>(),
        ["login", "api_keys"]
    );
    assert_eq!(identity.credentials.as_ref().map(Vec::len), Some(3));
    assert!(identity.approvals.is_some());
}
