//! What is wrong with one source, by code, line and column, and nothing besides.

use super::{brief, load, load_one};

fn check(cases: &[(&str, &[&str])]) {
    let wrong = cases.iter().filter_map(|(text, expected)| {
        let (_, diagnostics) = load_one(text);
        let found = brief(&diagnostics, 1);
        let shown: Vec<_> = diagnostics.iter().map(ToString::to_string).collect();
        (found != *expected).then(|| format!("{text}{found:?} {shown:#?}"))
    });
    let wrong: Vec<_> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn version() {
    const CASES: &[(&str, &[&str])] = &[
        ("", &["GL802 0:0"]),
        ("rules: {}\n", &["GL802 1:1"]),
        ("gatelet: 2\nrulez: {}\n", &["GL802 1:10"]),
        ("gatelet: '1'\n", &["GL802 1:10"]),
        ("gatelet: [1]\n", &["GL802 1:10"]),
        ("[]\n", &["GL017 1:1"]),
        ("gatelet: 1\n---\ngatelet: 1\n", &["GL803 3:1"]),
        ("apiVersion: a/v1\nkind: B\n", &["GL901 1:1"]),
        ("gatelet: 1\n", &[]),
    ];
    for (text, expected) in CASES {
        let (_, diagnostics) = load(&[("p.yaml", text)], &[]);
        assert_eq!(
            brief(&diagnostics, 0),
            *expected,
            "{text}\n{diagnostics:#?}"
        );
    }
}

#[test]
fn top_level() {
    check(&[
        ("rulez: {}\n", &["GL015 1:1"]),
        ("default: deny\n", &["GL805 1:1"]),
        ("layer: a b\n", &["GL102 1:8"]),
        (
            "layer: a\nmode: on\ndefault: no\n",
            &["GL108 2:7", "GL108 3:10"],
        ),
        ("rules:\n", &["GL017 1:1"]),
        ("profile: extended\n", &[]),
        ("profile: lax\n", &["GL108 1:10"]),
        ("sources: {}\npreflight: allow\n", &["GL901 1:1"]),
        (
            "include: [../a.yaml, b.yaml, 7]\n",
            &["GL804 1:11", "GL804 1:22", "GL804 1:30"],
        ),
        ("include: [p.yaml]\n", &[]),
        ("include: a.yaml\n", &["GL017 1:10"]),
    ]);
}

#[test]
fn settings() {
    check(&[
        (
            "paths: { normalize: loose, trailing_slash: x, head_as_get: 1 }\n",
            &["GL108 1:21", "GL108 1:44", "GL017 1:60"],
        ),
        ("network: { xff_hops: 1 }\n", &["GL016 1:12"]),
        (
            "network: { trusted_proxies: [10.0.0.1/8], xff_hops: 65 }\n",
            &["GL301 1:30", "GL018 1:53"],
        ),
        (
            "identity: { issuers: {}, api_keys: {}, links: [] }\napprovals: {}\n",
            &["GL016 1:26", "GL016 2:1", "GL016 2:12"],
        ),
        (
            "identity: { on_invalid: try_nxt, credentials: [bearer, host, host, x] }\n",
            &["GL108 1:25", "GL101 1:62", "GL108 1:68"],
        ),
        (
            "identity: { trust_host: [principle], workloads: { trust_domains: [A.example], xfcc: { hops: 0 } } }\n",
            &["GL108 1:26", "GL301 1:67", "GL018 1:93"],
        ),
        ("strip: [x_a, 'a b', ok]\n", &["GL302 1:9", "GL302 1:14"]),
    ]);
}

#[test]
fn outputs() {
    check(&[
        ("on_allow: { header: {} }\n", &["GL015 1:13", "GL016 1:13"]),
        (
            "on_allow: { headers: { x_a: { value: a }, b: { from: principal.di }, c: {}, d: x } }\n",
            &["GL302 1:24", "GL105 1:54", "GL404 1:73", "GL017 1:80"],
        ),
        (
            "on_deny: { headers: { a: { value: \"a\\nb\" }, b: { value: ' a' }, c: { value: [] } } }\n",
            &["GL404 1:35", "GL404 1:57", "GL017 1:77"],
        ),
        (
            "on_allow: { headers: { a: { from: route.x }, b: { from: request.attr.x }, c: { from: principal.roles } } }\n",
            &["GL107 1:35", "GL104 1:57", "GL105 1:86"],
        ),
        (
            "on_allow: { headers: { a: { value: a }, A: { value: b } } }\n",
            &["GL101 1:41"],
        ),
    ]);
}

#[test]
fn schema() {
    check(&[
        (
            "attributes: { id: { of: principal, type: string } }\n",
            &["GL102 1:15"],
        ),
        (
            "attributes: { a-b: { of: principal, type: string } }\n",
            &["GL102 1:15"],
        ),
        (
            "attributes: { a: { of: user, type: text } }\n",
            &["GL108 1:24", "GL108 1:36"],
        ),
        (
            "attributes: { a: { typo: string } }\nrules: { r: { effect: deny, match: { attr: { a: 1 } } } }\n",
            &["GL015 1:20", "GL016 1:20", "GL016 1:20"],
        ),
        (
            "sets: { a: x, b: [[[c]]], c: [{}] }\n",
            &["GL017 1:12", "GL017 1:20", "GL017 1:31"],
        ),
        ("domains: { t: principal.id }\n", &["GL105 1:15"]),
        ("domains: { t: route.tenant }\n", &["GL107 1:15"]),
        ("domains: { t: request.method }\n", &["GL105 1:15"]),
        (
            "attributes: { n: { of: resource, type: int } }\ndomains: { t: resource.attr.n, u: request.attr.n }\n",
            &["GL105 2:15", "GL104 2:35"],
        ),
    ]);
}

#[test]
fn rbac() {
    check(&[
        (
            "actions: { a..b: {}, 'a b': {}, c: { routes: [GET c, get /c] }, d: { routes: [] } }\n",
            &[
                "GL102 1:12",
                "GL102 1:22",
                "GL301 1:51",
                "GL301 1:54",
                "GL304 1:78",
            ],
        ),
        (
            "roles: { a: { can: [x*], inherits: b, may: [] } }\n",
            &["GL301 1:22", "GL017 1:36", "GL015 1:39"],
        ),
        (
            "exclusive: { static: [[a], [a, a], a], sometimes: [] }\n",
            &["GL202 1:23", "GL202 1:32", "GL017 1:36", "GL015 1:40"],
        ),
        ("grants: [{ role: a }]\n", &["GL016 1:12"]),
        (
            "grants: [{ role: a, to: { user: x, group: y } }]\n",
            &["GL203 1:36"],
        ),
        ("grants: [{ role: a, to: { usr: x } }]\n", &["GL015 1:27"]),
        ("grants: [{ role: a, to: { of: x } }]\n", &["GL203 1:25"]),
        (
            "grants: [{ role: a, to: { user: 'x*' }, within: {}, when: a }]\n",
            &["GL303 1:33", "GL304 1:49", "GL503 1:59"],
        ),
        (
            "grants: [{ role: a, to: { workload: 'spiffe://*/x', of: b } }]\n",
            &["GL301 1:47", "GL203 1:53"],
        ),
        (
            "grants: [{ role: a, to: { user: x }, from: 2027-01-01T00:00:00Z, until: 2026-01-01T00:00:00Z }]\n",
            &["GL201 1:73"],
        ),
        (
            "grants: [{ role: a, to: { user: x }, until: tomorrow }]\n",
            &["GL020 1:45"],
        ),
    ]);
}

#[test]
fn rules() {
    check(&[
        ("rules: { 'a b': { effect: deny } }\n", &["GL102 1:10"]),
        ("rules: { roles.a: { effect: deny } }\n", &["GL102 1:10"]),
        ("rules: { a: { effect: block } }\n", &["GL108 1:23"]),
        (
            "rules: { a: { match: { who: anyone } } }\n",
            &["GL016 1:15"],
        ),
        ("rules: { a: { effect: allow } }\n", &["GL401 1:10"]),
        (
            "rules: { a: { effect: allow, match: {} } }\n",
            &["GL401 1:30"],
        ),
        (
            "rules: { a: { effect: allow, when: 'true' } }\n",
            &["GL521 1:36"],
        ),
        (
            "rules: { a: { effect: deny, mode: dark, about: [] } }\n",
            &["GL108 1:35", "GL017 1:48"],
        ),
        ("rules: { a: { effect: require } }\n", &["GL402 1:10"]),
        (
            "rules: { a: { effect: deny, require: { audit: true } } }\n",
            &["GL402 1:29"],
        ),
        (
            "rules: { a: { effect: require, require: {} } }\n",
            &["GL304 1:41"],
        ),
        (
            "rules: { a: { effect: require, require: { approval: { min: 0, max_age: 0s } } } }\n",
            &["GL016 1:55", "GL018 1:60", "GL019 1:72"],
        ),
        (
            "rules: { a: { effect: require, require: { approval: { groups: [] , bypass: [{ user: a, role: b }] } } } }\n",
            &["GL304 1:63", "GL203 1:88"],
        ),
        (
            "rules: { a: { effect: require, require: { assume_role: {}, audit: 7, mask: { id: 1 }, a-b: true } } }\n",
            &["GL403 1:56", "GL017 1:67", "GL403 1:78", "GL102 1:87"],
        ),
    ]);
}

/// A fault is pointed at inside the scalar, however that is written.
#[test]
fn conditions() {
    check(&[
        (
            "rules: { a: { effect: deny, when: request.method == bad } }\n",
            &["GL503 1:53"],
        ),
        (
            "rules: { a: { effect: deny, when: 'request.id == ''x'' || bad' } }\n",
            &["GL503 1:59"],
        ),
        (
            "rules: { a: { effect: deny, when: \"request.id == \\\"x\\\" || bad\" } }\n",
            &["GL503 1:59"],
        ),
        (
            "rules:\n  a:\n    effect: deny\n    when: request.id == 'x' ||\n      bad\n",
            &["GL503 5:7"],
        ),
        (
            "rules:\n  a:\n    effect: deny\n    when: |\n      request.id == 'x' ||\n        bad && worse\n",
            &["GL503 6:9", "GL503 6:16"],
        ),
        (
            "rules:\n  a:\n    effect: deny\n    when: >-\n      request.id == 'x' ||\n      bad\n\n      || worse\n",
            &["GL503 6:7", "GL503 8:10"],
        ),
        (
            "rules:\n  a:\n    effect: deny\n    when: >\n      request.id ==\n      'x' |\n      request.cost\n",
            &["GL501 6:11"],
        ),
        (
            "rules: { a: { effect: deny, when: [] }, b: { effect: deny, when: '' } }\n",
            &["GL017 1:35", "GL501 1:66"],
        ),
    ]);
}

#[test]
fn matches() {
    fn matched(text: &str) -> Vec<String> {
        let text = format!(
            "attributes: {{ n: {{ of: request, type: int }}, b: {{ of: request, type: bool }} }}\n\
             sets: {{ net: [10.0.0.0/8, office], star: [a*] }}\n\
             rules:\n  r:\n    effect: deny\n    match: {text}\n"
        );
        brief(&load_one(&text).1, 6)
    }
    const CASES: &[(&str, &[&str])] = &[
        ("{ hots: a }", &["GL015 1:14"]),
        ("{ who: me }", &["GL108 1:19"]),
        ("{ not: { who: anyone } }", &["GL306 1:26"]),
        ("{ not: {} }", &["GL307 1:19"]),
        ("{ not: { host: a.example, method: GET } }", &["GL307 1:38"]),
        ("{ not: { not: { host: a.example } } }", &["GL307 1:21"]),
        ("{ not: [] }", &["GL304 1:19"]),
        ("{ route: /a }", &["GL301 1:21"]),
        ("{ method: get }", &["GL301 1:22"]),
        ("{ method: [] }", &["GL304 1:22"]),
        ("{ path: a }", &["GL301 1:20"]),
        ("{ path: 'a*' }", &["GL301 1:21"]),
        ("{ host: 'a b' }", &["GL301 1:22"]),
        (
            "{ header: { x_y: a, b: 'a*b' } }",
            &["GL302 1:24", "GL301 1:37"],
        ),
        ("{ header: {} }", &["GL304 1:22"]),
        ("{ source_ip: [10.0.0.0/8, office] }", &["GL301 1:38"]),
        ("{ source_ip: { in: net } }", &["GL305 1:31"]),
        ("{ host: { in: star } }", &["GL303 0:43"]),
        ("{ method: { in: nte } }", &["GL106 1:28"]),
        ("{ method: { in: net, or: x } }", &["GL015 1:33"]),
        ("{ peer: a }", &["GL301 1:20"]),
        ("{ principal: { user: a, workload: b } }", &["GL203 1:36"]),
        ("{ roles: [a*] }", &["GL303 1:22"]),
        ("{ roles: { some: [a] } }", &["GL015 1:23"]),
        ("{ roles: {} }", &["GL304 1:21"]),
        ("{ attr: { m: 1 } }", &["GL104 1:22"]),
        ("{ attr: { n: x, b: 1 } }", &["GL017 1:25", "GL017 1:31"]),
        ("{ action: [a*] }", &["GL301 1:24"]),
        ("{ resource: {} }", &["GL304 1:24"]),
        ("{ resource: { kind: a } }", &["GL015 1:26"]),
        ("[a]", &["GL017 1:12"]),
    ];
    let wrong = CASES
        .iter()
        .filter(|(text, expected)| matched(text) != *expected);
    let wrong: Vec<_> = wrong
        .map(|(text, _)| format!("{text} {:?}", matched(text)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn messages_say_the_way_out() {
    const CASES: &[(&str, &str)] = &[
        (
            "ruls: {}\n",
            "p.yaml:2:1: error[GL015]: unknown key \"ruls\" (did you mean \"rules\"?)",
        ),
        (
            "rules: { a: { effect: dney } }\n",
            "p.yaml:2:23: error[GL108]: \"dney\" is none of `allow`, `deny`, `require` (did you mean \"deny\"?)",
        ),
        (
            "rules: { a: { effect: deny, match: { attr: { plna: x } } } }\nattributes: { plan: { of: principal, type: string } }\n",
            "p.yaml:2:46: error[GL104]: the attribute \"plna\" is not declared (did you mean \"plan\"?)",
        ),
        (
            "rules: { a: { effect: deny, when: 'x' } }\n",
            "p.yaml:2:36: error[GL503]: unknown attribute `x`",
        ),
        (
            "rules: { a: { effect: deny, when: request.mehtod == 'GET' } }\n",
            "p.yaml:2:35: error[GL503]: unknown attribute `request.mehtod` (did you mean `request.method`?)",
        ),
        (
            "sources: {}\n",
            "p.yaml:2:1: error[GL901]: `sources` is not supported yet \
             (leave it out; a policy that needs it cannot be loaded by this version)",
        ),
    ];
    for (text, expected) in CASES {
        let (_, diagnostics) = load_one(text);
        assert_eq!(diagnostics[0].to_string(), *expected);
    }
}
