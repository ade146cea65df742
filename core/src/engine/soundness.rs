//! The index against the rules themselves: every rule asked in full comes to the same tally.

use super::authorize::{action, authorize, locate};
use super::moment::Moment;
use super::scratch::Scratch;
use super::verdict::Tally;
use super::view::{Held, View};
use super::{Engine, EngineConfig, bind, identify, roles};
use crate::pattern::rng::Rng;
use crate::program::leaf::EntryKind;
use crate::program::predicate::Unwatched;
use crate::program::vocabulary::Truth;
use crate::request::{Principal, Request};
use crate::{Policy, Source};

const POLICIES: usize = 300;
const PATHS: &[&str] = &[
    "/",
    "/a",
    "/a/",
    "/a/b",
    "/a/b/",
    "/a/{x}",
    "/a/{x}/",
    "/{x}",
    "/{x}/b",
    "/{**}",
    "/a/{**}",
    "/a/{x}/{**}",
    "/a/*",
    "/a*",
    "/*",
    "*b",
    "/ab*",
    "/a/b*",
    "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/{y}",
    "/a//*",
    "/*/",
    "/a/b/{**}/",
    "/{x}/{y}/b/{z}",
    "*",
    "/%7B/*",
    "/%7b/x",
    "/é/x",
    "/é/*",
];
const TARGETS: &[&str] = &[
    "/",
    "/a",
    "/a/",
    "/a/b",
    "/a/b/",
    "/a/c",
    "/b",
    "/b/b",
    "/ab",
    "/ab/c",
    "/a/b/c",
    "/a/b/c/",
    "/a//",
    "//",
    "/a//b",
    "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/q",
    "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab/q",
    "*",
    "/q/r/b/s",
    "/b/",
    "/%7B/x",
    "/%7b/x",
    "/%C3%A9/x",
    "/%c3%a9/x",
    "/{/x",
    "/a?q=1",
    "/a;b/b",
    "/a/%2e%2e/b",
];
const HOSTS: &[&str] = &[
    "a.example",
    "*.example",
    "*.b.example",
    "*example",
    "a.*",
    "*",
    "a.example:80",
    "*.example:80",
    "'[::1]'",
    "EXAMPLE",
];
const HOSTED: &[&str] = &[
    "a.example",
    "A.EXAMPLE.",
    "a.example:80",
    "x.b.example",
    "b.example:81",
    "example",
    "[::1]",
    "[0:0::1]:80",
    "a.b",
];
const METHODS: &[&str] = &["GET", "HEAD", "POST", "PURGE", "BREW", "'*'", "'G*'"];
const METHODED: &[&str] = &["GET", "HEAD", "POST", "PURGE", "BREW", "OTHER"];
const ROLES: &[&str] = &["r0", "r1", "r2", "r3"];
const ACTIONS: &[&str] = &["o.read", "o.write", "p.read", "o.*", "*.read", "**", "o.**"];
const CONDITIONS: &[&str] = &[
    "request.url_path == '/a'",
    "request.url_path == '/'",
    "request.url_path == '/a/'",
    "request.url_path.startsWith('/a/')",
    "request.url_path in ['/a', '/a/b', '*']",
    "request.method == 'GET'",
    "request.method in ['HEAD', 'PURGE']",
    "!(request.method == 'GET')",
    "request.host == 'a.example'",
    "request.host == 'EXAMPLE'",
    "request.host != 'a.example'",
    "action == 'o.read'",
    "action.startsWith('o.')",
    "'r1' in principal.roles",
    "!('r1' in principal.roles)",
    "principal.id == 'u'",
    "principal.id != 'u'",
    "request.url_path.endsWith('b')",
    "request.url_path.startsWith('/')",
    "request.url_path.startsWith('')",
    "request.headers['x-h'] == 'v'",
    "request.url_path == '/a' && request.host == 'a.example'",
    "request.url_path == '/a' || request.host == 'a.example'",
    "has(request.headers['x-h'])",
    "action in ['o.read', 'o.write']",
    "request.method.startsWith('G')",
    "request.url_path.matches('^/a')",
    "request.url_path == ''",
    "request.url_path == 'a'",
    "'r0' in principal.roles || 'r2' in principal.roles",
    "request.url_path == '/a/b' && request.method == 'POST'",
];

fn list(rng: &mut Rng, from: &[&str]) -> String {
    let count = 1 + rng.below(3);
    let all: Vec<_> = (0..count)
        .map(|_| from[rng.below(from.len())].to_owned())
        .map(|t| {
            if t.starts_with('\'') {
                t
            } else {
                format!("'{t}'")
            }
        })
        .collect();
    format!("[{}]", all.join(", "))
}

fn key(rng: &mut Rng, negated: bool) -> String {
    match rng.below(if negated { 10 } else { 12 }) {
        0 | 1 => format!("path: {}", list(rng, PATHS)),
        2 => {
            let routes: Vec<_> = (0..1 + rng.below(3))
                .map(|_| {
                    let t = PATHS[rng.below(12)];
                    let m = ["GET", "HEAD", "POST", "*", "PURGE"][rng.below(5)];
                    format!("'{m} {t}'")
                })
                .collect();
            format!("route: [{}]", routes.join(", "))
        }
        3 => format!("host: {}", list(rng, HOSTS)),
        4 => format!("method: {}", list(rng, METHODS)),
        5 => format!("roles: {}", list(rng, ROLES)),
        6 => format!("roles: {{ all: {} }}", list(rng, ROLES)),
        7 => format!("action: {}", list(rng, ACTIONS)),
        8 => "header: { x-h: v }".into(),
        9 => "principal: u".into(),
        10 => format!(
            "who: {}",
            ["anyone", "authenticated", "anonymous"][rng.below(3)]
        ),
        _ => "source_ip: [10.0.0.0/8]".into(),
    }
}

fn policy(rng: &mut Rng) -> String {
    let slash = ["same", "distinct", "same"][rng.below(3)];
    let mode = ["strict", "base", "none", "merge_slashes", "decode_slashes"][rng.below(5)];
    let head = rng.below(2) == 0;
    let mut text = format!(
        "gatelet: 1\npaths: {{ normalize: {mode}, trailing_slash: {slash}, head_as_get: {head} }}\nidentity: {{ trust_host: [principal] }}\nroles:\n  r0: {{ can: ['o.*'] }}\n  r1: {{ inherits: [r0] }}\n  r2: {{ can: [p.read] }}\n  r3: {{}}\n"
    );
    if rng.below(2) == 0 {
        text += "actions:\n  o.read: { routes: ['GET /a', 'GET /a/{x}'] }\n  o.write: { routes: ['POST /a/{x}', '* /b/{**}'] }\n  p.read: { routes: ['GET /a/b'] }\n";
    }
    text += "rules:\n";
    for at in 0..1 + rng.below(6) {
        let effect = ["allow", "deny", "require"][rng.below(3)];
        let mut keys: Vec<String> = Vec::new();
        for _ in 0..1 + rng.below(3) {
            let next = key(rng, false);
            let name = |k: &str| k.split(':').next().unwrap().to_owned();
            if keys.iter().all(|k| name(k) != name(&next)) {
                keys.push(next);
            }
        }
        if rng.below(3) == 0 {
            let inner = key(rng, true);
            keys.push(format!("not: {{ {inner} }}"));
        }
        text += &format!(
            "  k{at}: {{ effect: {effect}, match: {{ {} }}",
            keys.join(", ")
        );
        if effect == "require" {
            text += ", require: { audit: true }";
        }
        if rng.below(2) == 0 {
            let one = CONDITIONS[rng.below(CONDITIONS.len())];
            let two = CONDITIONS[rng.below(CONDITIONS.len())];
            let joined = match rng.below(5) {
                0 => format!("({one}) && ({two})"),
                1 => format!("({one}) || ({two})"),
                2 => format!("!({one})"),
                _ => one.to_owned(),
            };
            text += &format!(", when: \"{joined}\"");
        }
        text += " }\n";
    }
    text
}

#[test]
fn the_index_agrees_with_every_rule_asked_in_full() {
    let mut rng = Rng(5);
    let mut loaded = 0;
    for _ in 0..POLICIES {
        let text = policy(&mut rng);
        // Some keys contradict each other; those policies are refused.
        let Ok(policy) = Policy::load(&[Source::new("p.yaml", text.as_bytes())]) else {
            continue;
        };
        loaded += 1;
        let engine = Engine::new(policy, EngineConfig::default()).unwrap();
        let mut scratch = engine.scratch();
        for _ in 0..60 {
            let pick = |rng: &mut Rng, from: &[&'static str]| {
                (rng.below(5) != 0).then(|| from[rng.below(from.len())].as_bytes())
            };
            let roles: Vec<&[u8]> = (0..rng.below(3))
                .map(|_| ROLES[rng.below(4)].as_bytes())
                .collect();
            const FIELDS: &[(&[u8], &[u8])] = &[(b"x-h", b"v"), (b"X-H", b"w")];
            let headers = &FIELDS[..rng.below(3)];
            let request = Request {
                method: pick(&mut rng, METHODED),
                path: pick(&mut rng, TARGETS),
                host: pick(&mut rng, HOSTED),
                action: if rng.below(3) == 0 {
                    pick(&mut rng, &["o.read", "o.write", "p.read", "zz"])
                } else {
                    None
                },
                source_ip: pick(&mut rng, &["10.1.1.1", "11.1.1.1"]),
                headers,
                principal: (rng.below(3) != 0).then(|| Principal {
                    id: if roles.len() == 1 { b"u" } else { b"v" },
                    roles: &roles,
                    ..Principal::default()
                }),
                ..Request::default()
            };
            if let Some((ours, naive)) = compare(&engine, &mut scratch, &request) {
                assert_eq!(ours, naive, "index and rules\n{text}{request:?}");
            }
        }
    }
    assert!(loaded > POLICIES / 2, "{loaded}");
}

/// What of a tally has to agree. The role that guards an entry is the index's own, and a deny that
/// matched ends the search for others.
fn decisive(text: &str) -> String {
    let (start, rest) = text.split_once(", undecided").unwrap();
    if !start.contains("denied: 4294967295") {
        return format!("{start} {}", rest.split_once(" }").unwrap().1);
    }
    let number = |name: &str| -> u32 {
        let at = text.split_once(name).unwrap().1;
        at[..at.find([',', ' ', '}']).unwrap()].parse().unwrap()
    };
    // Which of two open questions is reported is not compared.
    let open = number("undecided: ").min(number("needs_principal: "));
    format!(
        "open {open} allowed {} layers {} {}",
        number("allowed: "),
        number("layers: "),
        text.split_once(" }").unwrap().1
    )
}

/// What the index finds, and what every rule comes to that is asked in full.
fn compare(
    engine: &Engine,
    scratch: &mut Scratch,
    request: &Request<'_>,
) -> Option<(String, String)> {
    let Scratch {
        snapshot,
        local,
        buffers,
        sets,
        arena,
        ..
    } = scratch;
    let program = &snapshot.policy.program;
    let bound = bind::bind(program, request, buffers).ok()?;
    let mut view = View::new(bound);
    arena.reset();
    let route = locate(&view, sets);
    view.action = action(program, request.action, route).transpose().ok()?;
    let moment = Moment::new(&engine.time, None);
    let desk = engine.desk(snapshot, &|| 0);
    let identified = identify::identify(&desk, &view.bound, &moment, local).ok()?;
    view.caller = identified.caller;
    roles::resolve(&view, sets, arena).ok()?;
    let enforced = authorize(&view, sets, arena, &mut Unwatched).enforced;
    let mut binds: Vec<(u32, bool)> = sets.bound.iter().map(|b| (b.rule, b.undecided)).collect();
    binds.sort_unstable();
    let ours = format!("{enforced:?} {binds:?}");
    let facts = Held {
        view: &view,
        roles: sets.roles(),
        arena,
    };
    let mut tally = Tally::new(program.layers.default_allow);
    let mut naive_binds = Vec::new();
    for (at, rule) in program.rules.iter().enumerate() {
        let truth = program
            .statements
            .evaluate(rule.statement, &facts, &mut Unwatched);
        let at = u32::try_from(at).unwrap();
        match rule.kind {
            EntryKind::Deny => tally.deny(at, truth),
            EntryKind::Allow => {
                // Which role guards an entry is the index's own.
                tally.allow(at, rule.layer, None, truth);
            }
            EntryKind::Require if truth != Truth::False => {
                naive_binds.push((at, truth != Truth::True))
            }
            _ => {}
        }
    }
    let naive = format!("{tally:?} {naive_binds:?}");
    Some((decisive(&ours), decisive(&naive)))
}
