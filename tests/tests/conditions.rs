//! A rule that is written as a condition is found by the index as one that is written as a match.

use gatelet::{Engine, EngineConfig, Policy, Principal, Request, Source};

/// Rules, each twice: as a match and as a condition.
const RULES: &[(&str, &str)] = &[
    ("path: /a/b", "request.url_path == '/a/b'"),
    ("path: ['/a/b', '/c']", "request.url_path in ['/a/b', '/c']"),
    ("path: '/a/{**}'", "request.url_path.startsWith('/a/')"),
    (
        "path: '/a*', method: POST",
        "request.url_path.startsWith('/a') && request.method == 'POST'",
    ),
    (
        "path: '/a/b/{**}', roles: [clerk]",
        "'clerk' in principal.roles && request.url_path.startsWith('/a/b/')",
    ),
    (
        "roles: [clerk, manager]",
        "principal.roles.exists(r, r in ['clerk', 'manager'])",
    ),
    (
        "host: a.example, path: /c",
        "request.host == 'a.example' && request.url_path == '/c'",
    ),
    ("action: read", "action == 'read'"),
    (
        "action: [read, write], method: GET",
        "(action == 'read' || action == 'write') && 'GET' == request.method",
    ),
    ("method: [POST, PUT]", "request.method in ['POST', 'PUT']"),
];

fn text(rule: &str) -> String {
    format!(
        "gatelet: 1\nidentity: {{ trust_host: [principal] }}\npaths: {{ head_as_get: false }}\n\
         actions: {{ read: ['GET /a/b', 'GET /r/{{id}}'], write: ['POST /a/b'] }}\n\
         roles: {{ clerk: {{}}, manager: {{}} }}\nrules:\n  rule: {{ effect: allow, {rule} }}\n"
    )
}

fn engine(text: &str) -> Engine {
    let policy = Policy::load(&[Source::new("policy.yaml", text.as_bytes())]);
    let policy = policy.unwrap_or_else(|error| panic!("{error}"));
    Engine::new(policy, EngineConfig::replay()).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_index_finds_it_in_the_same_places() {
    const METHODS: &[&str] = &["GET", "POST", "PUT"];
    const PATHS: &[&str] = &["/a/b", "/a/b/c", "/a", "/abc", "/c", "/r/1", "/"];
    const HOSTS: &[&str] = &["a.example", "b.example"];
    const ROLES: &[&[&[u8]]] = &[&[], &[b"clerk"], &[b"manager"]];
    let (mut candidates, mut passed_over) = (0, 0);
    for (matched, when) in RULES {
        let engines = [
            engine(&text(&format!("match: {{ {matched} }}"))),
            engine(&text(&format!("when: \"{when}\""))),
        ];
        for (method, path) in METHODS
            .iter()
            .flat_map(|m| PATHS.iter().map(move |p| (m, p)))
        {
            for (host, roles) in HOSTS.iter().flat_map(|h| ROLES.iter().map(move |r| (h, r))) {
                let request = Request {
                    method: Some(method.as_bytes()),
                    path: Some(path.as_bytes()),
                    host: Some(host.as_bytes()),
                    principal: Some(Principal {
                        id: b"ann",
                        roles,
                        ..Principal::default()
                    }),
                    ..Request::default()
                };
                let told = engines.each_ref().map(|engine| {
                    let explained = engine.explain(&mut engine.scratch(), &request);
                    (explained.candidates.len(), explained.effect)
                });
                let context = || format!("{when}: {method} {host}{path} {roles:?}");
                assert_eq!(told[0].1, told[1].1, "{}", context());
                // It may be found in fewer places, never in more.
                assert!(told[1].0 <= told[0].0, "{}: {told:?}", context());
                candidates += told[1].0;
                passed_over += usize::from(told[1].0 == 0);
            }
        }
    }
    assert!(
        candidates > 200 && passed_over > 600,
        "{candidates}, {passed_over}"
    );
}
