//! What matches, rules and sections are lowered to.

use super::{lowered, show};
use crate::decision::Parameter;
use crate::rule::{LayerId, Mode, OutputValue, RuleEffect, Subject};

const SCHEMA: &str = "\
attributes:
  plan: { of: principal, type: string }
  vip: { of: principal, type: bool, optional: true }
  amount: { of: request, type: int }
  ttl: { of: resource, type: duration, optional: true }
  tags: { of: resource, type: string_list, optional: true }
  from: { of: request, type: ip, optional: true }
sets: { net: [10.0.0.0/8, 192.0.2.1], names: [a, b], staff: [clerk, manager] }
";

fn rule(effect: &str, matched: &str) -> String {
    let rules = lowered(&format!(
        "{SCHEMA}rules: {{ r: {{ effect: {effect}, match: {matched} }} }}\n"
    ));
    show::predicate(&rules.rules[0].predicate)
}

fn check(effect: &str, cases: &[(&str, &str)]) {
    let wrong = cases
        .iter()
        .filter(|(matched, expected)| rule(effect, matched) != *expected);
    let wrong: Vec<_> = wrong
        .map(|(matched, _)| format!("{matched}: {}", rule(effect, matched)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn keys_of_an_allow() {
    const CASES: &[(&str, &str)] = &[
        ("{ who: anyone }", "all()"),
        ("{ who: authenticated }", "PrincipalId present"),
        ("{ who: anonymous }", "not(PrincipalId present)"),
        ("{ method: GET }", "all(PrincipalId present, Method = GET)"),
        ("{ who: anyone, method: [GET, HEAD] }", "Method in GET|HEAD"),
        (
            "{ who: anyone, method: [P*, GET] }",
            "any(Method = P*, Method = GET)",
        ),
        (
            "{ who: anyone, route: GET /a }",
            "all(Method = GET, Path path of 1)",
        ),
        (
            "{ who: anyone, route: ['* /a', 'GET /b/{x}'] }",
            "any(Path path of 1, all(Method = GET, Path path of 2))",
        ),
        ("{ who: anyone, path: '/a/{x}/{**}' }", "Path path of 3"),
        (
            "{ who: anyone, path: [/a, /b*, '*.png'] }",
            "any(Path path of 1, Path = /b*, Path = *.png)",
        ),
        ("{ who: anyone, path: '*' }", "Path present"),
        (
            "{ who: anyone, host: a.example }",
            "Host host, ignore port false",
        ),
        ("{ who: anyone, header: { X-Y: a } }", "one header.x-y = a"),
        (
            "{ who: anyone, not: { header: { x-y: a } } }",
            "not(one header.x-y = a)",
        ),
        (
            "{ who: anyone, query: { q: ['*', a] } }",
            "any(one query.q present, one query.q = a)",
        ),
        (
            "{ who: anyone, source_ip: [{ in: net }, '::1'] }",
            "SourceIp in 3 networks else undecided",
        ),
        (
            "{ who: anyone, remote_ip: 10.0.0.0/8 }",
            "RemoteIp in 1 networks else undecided",
        ),
        (
            "{ who: anyone, peer: 'spiffe://a.example/ns/**' }",
            "Peer workload of a.example",
        ),
        (
            "{ who: anyone, action: [orders.*, a.b] }",
            "any(Action action, Action action)",
        ),
        (
            "{ who: anyone, resource: [order, inv*] }",
            "any(ResourceType = order, ResourceType = inv*)",
        ),
        (
            "{ who: anyone, resource: { type: order, id: { in: names } } }",
            "all(ResourceType = order, ResourceId in a|b)",
        ),
        ("{ who: anyone, roles: clerk }", "Roles = clerk"),
        (
            "{ who: anyone, roles: { any: [a, b] } }",
            "any(Roles = a, Roles = b)",
        ),
        (
            "{ who: anyone, roles: { all: [a, { in: staff }] } }",
            "all(Roles = a, Roles = clerk, Roles = manager)",
        ),
        (
            "{ who: anyone, groups: [a, b*] }",
            "any(Groups = b*, Groups = a)",
        ),
        (
            "{ who: anyone, scopes: { all: [r, w] } }",
            "all(Scopes = r, Scopes = w)",
        ),
        (
            "{ who: anyone, not: { roles: clerk } }",
            "not(Roles = clerk else needs principal)",
        ),
        (
            "{ who: anyone, principal: dana }",
            "all(PrincipalProvider = host, PrincipalId = dana)",
        ),
        ("{ who: anyone, principal: '*' }", "PrincipalId present"),
        (
            "{ who: anyone, principal: { user: [dana, lee], of: login } }",
            "all(PrincipalProvider = login, PrincipalId in dana|lee)",
        ),
        (
            "{ who: anyone, principal: { workload: 'spiffe://a.example/x' } }",
            "all(PrincipalProvider = workloads, PrincipalId workload of a.example)",
        ),
        (
            "{ who: anyone, not: { principal: dana } }",
            "not(PrincipalId = dana else needs principal)",
        ),
        (
            "{ who: anyone, not: [{ method: PUT }, { host: a.example }] }",
            "all(not(Method = PUT), not(Host host, ignore port false))",
        ),
        (
            "{ who: anyone, not: { who: authenticated } }",
            "not(PrincipalId present else needs principal)",
        ),
        (
            "{ who: anyone, attr: { plan: pro } }",
            "all(PrincipalId present, principal.attr.plan = pro else undecided)",
        ),
        (
            "{ who: anyone, not: { attr: { vip: true } } }",
            "not(any(all(PrincipalId present, principal.attr.vip Bool(true)), \
             not(PrincipalId present else needs principal)))",
        ),
        (
            "{ who: anyone, attr: { amount: 5 } }",
            "request.attr.amount Int(Equal, 5) else undecided",
        ),
        (
            "{ who: anyone, attr: { ttl: 5min } }",
            "resource.attr.ttl Duration(Equal, 300000)",
        ),
        (
            "{ who: anyone, attr: { tags: [a, b] } }",
            "resource.attr.tags in a|b",
        ),
        (
            "{ who: anyone, attr: { from: { in: net } } }",
            "request.attr.from in 2 networks",
        ),
        (
            "{ who: anyone, attr: { ttl: '*' } }",
            "resource.attr.ttl present",
        ),
    ];
    check("allow", CASES);
}

#[test]
fn keys_of_a_deny() {
    const CASES: &[(&str, &str)] = &[
        ("{}", "all()"),
        ("{ method: GET }", "Method = GET"),
        ("{ header: { x-y: a } }", "header.x-y = a"),
        (
            "{ not: { header: { x-y: a } } }",
            "not(every header.x-y = a)",
        ),
        ("{ not: { query: { q: a } } }", "not(every query.q = a)"),
        ("{ host: a.example }", "Host host, ignore port true"),
        ("{ principal: dana }", "PrincipalId = dana"),
        (
            "{ not: { principal: dana } }",
            "not(all(PrincipalProvider = host else needs principal, PrincipalId = dana else needs principal))",
        ),
        ("{ roles: clerk }", "Roles = clerk"),
        (
            "{ not: { source_ip: 10.0.0.0/8 } }",
            "not(SourceIp in 1 networks else undecided)",
        ),
    ];
    check("deny", CASES);
}

#[test]
fn requirements() {
    let rules = lowered(
        "rules:
  a:
    effect: require
    match: { action: orders.refund }
    require:
      approval: { groups: finance, max_age: 4h, single_use: true, bypass: [ops, { user: dana, of: login }, { role: boss }] }
      assume_role: { role_arn: 'arn:aws:iam::1:role/x', max_duration: 1h }
      audit: true
      mask: { fields: [card, 7, 1.5, '7', null, true] }
",
    );
    let RuleEffect::Require(list) = &rules.rules[0].effect else {
        panic!("a requirement")
    };
    let json: Vec<_> = list
        .iter()
        .map(|one| {
            format!(
                "{} {}",
                one.kind.text,
                serde_json::to_string(&Parameter::Map(one.parameters.clone())).unwrap()
            )
        })
        .collect();
    assert_eq!(
        json,
        [
            r#"approval {"groups":["finance"],"min":1,"max_age_ms":14400000,"single_use":true}"#,
            r#"assume_role {"role_arn":"arn:aws:iam::1:role/x","max_duration_ms":3600000}"#,
            "audit {}",
            r#"mask {"fields":["card",7,1.5,"7",null,true]}"#,
        ]
    );
    assert_eq!(
        show::predicate(list[0].bypass.as_ref().unwrap()),
        "any(Groups = ops, all(PrincipalProvider = login, PrincipalId = dana), Roles = boss)"
    );
    assert!(list[1..].iter().all(|one| one.bypass.is_none()));
}

#[test]
fn sections() {
    let rules = lowered(
        "layer: edge
default: allow
mode: shadow
paths: { normalize: base, trailing_slash: reject, head_as_get: false }
network: { trusted_proxies: [10.0.0.0/8] }
identity: { trust_host: [principal, peer], credentials: [workload, host], on_invalid: reject, workloads: { trust_domains: [a.example] } }
profile: strict
attributes: { team: { of: resource, type: string } }
domains: { tenant: route.tenant, team: resource.attr.team }
actions: { a.read: { about: Read, routes: 'GET /t/{tenant}/a' }, a.write: ['PUT /t/{tenant}/a'] }
roles: { clerk: { can: ['a.*'] }, boss: { inherits: [clerk] } }
exclusive: { static: [[clerk, boss]], dynamic: [[clerk, boss, x]] }
grants:
  - { role: boss, to: { user: dana, of: login }, within: { tenant: acme }, from: 2026-01-01T00:00:00Z, until: 2027-01-01T00:00:00Z }
  - { role: clerk, to: { group: ops } }
  - { role: clerk, to: { workload: 'spiffe://a.example/**' } }
on_allow: { headers: { X-Who: { from: principal.id }, x-t: { from: route.tenant }, x-g: { value: '1' } } }
on_deny: { headers: { x-why: { from: action } } }
strip: [X-Who, x-who]
",
    );
    let layer = &rules.layers[0];
    assert_eq!(layer.name.as_ref().unwrap().text.as_ref(), "edge");
    assert!(layer.default_allow && layer.mode == Mode::Shadow);
    assert!(!rules.paths.head_as_get);
    assert_eq!(
        (rules.network.trusted_proxies.len(), rules.network.xff_hops),
        (1, 1)
    );
    assert!(rules.identity.trust_host_principal && rules.identity.trust_host_peer);
    assert_eq!(rules.identity.credentials.as_ref().unwrap().len(), 2);
    assert_eq!(rules.identity.trust_domains[0].text.as_ref(), "a.example");
    let domains: Vec<_> = rules
        .domains
        .iter()
        .map(|one| show::attribute(&one.attribute))
        .collect();
    assert_eq!(domains, ["route.tenant", "resource.attr.team"]);
    assert_eq!(rules.attributes.len(), 1);
    assert_eq!(
        rules
            .actions
            .iter()
            .map(|one| one.routes.len())
            .sum::<usize>(),
        2
    );
    assert_eq!(rules.actions[0].about.as_deref(), Some("Read"));
    assert_eq!(
        rules
            .roles
            .iter()
            .map(|role| (role.inherits.len(), role.can.len()))
            .collect::<Vec<_>>(),
        [(0, 1), (1, 0)]
    );
    assert!(rules.roles.iter().all(|role| role.layer == LayerId(0)));
    assert_eq!(
        rules
            .exclusions
            .iter()
            .map(|one| one.roles.len())
            .collect::<Vec<_>>(),
        [2, 3]
    );
    let [dana, ops, pos] = rules.grants.as_slice() else {
        panic!("three grants")
    };
    assert!(
        matches!(&dana.to, Subject::User { provider: Some(of), id } if &*of.text == "login" && &*id.text == "dana")
    );
    assert_eq!(
        (dana.from, dana.until),
        (Some(1_767_225_600_000), Some(1_798_761_600_000))
    );
    assert_eq!(dana.within[0].1.as_ref(), "acme");
    assert!(matches!(&ops.to, Subject::Group { provider: None, name } if &*name.text == "ops"));
    assert!(matches!(&pos.to, Subject::Workload { .. }));
    let from = |value: &OutputValue| match value {
        OutputValue::From(attribute) => show::attribute(attribute),
        OutputValue::Text(text) => format!("'{text}'"),
    };
    let set: Vec<_> = rules
        .on_allow
        .iter()
        .map(|one| format!("{} {}", one.name.text, from(&one.value)))
        .collect();
    assert_eq!(set, ["x-who PrincipalId", "x-t route.tenant", "x-g '1'"]);
    assert_eq!(from(&rules.on_deny[0].value), "Action");
    assert_eq!(
        rules
            .strip
            .iter()
            .map(|name| &*name.text)
            .collect::<Vec<_>>(),
        ["x-who"]
    );
}

#[test]
fn a_rule_points_to_its_whole_text() {
    let rules = lowered("rules:\n  r:\n    effect: deny\n    mode: shadow\n");
    let rule = &rules.rules[0];
    assert_eq!((rule.span.start, &*rule.id.text), (20, "r"));
    assert!(rule.span.end > rule.id.span.end);
    assert_eq!(rule.mode, Mode::Shadow);
}
