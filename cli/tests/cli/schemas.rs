//! The published JSON Schemas say what the loader, the reader of requests and the engine say.

use std::fs;
use std::path::{Path, PathBuf};

use super::support::POLICY;
use gatelet::{Engine, EngineConfig, Policy, RequestBuf, Source};
use jsonschema::Validator;
use serde_json::{Value, json};

/// A policy with every key that this version loads.
const EVERY_KEY: &str = include_str!("every_key.yaml");
/// A policy with every key of identity; it needs files that are not there, and is only loaded.
const EVERY_KEY_OF_IDENTITY: &str = include_str!("every_key_of_identity.yaml");

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn schema(name: &str) -> Value {
    let path = repository()
        .join("schemas")
        .join(format!("{name}.schema.json"));
    serde_json::from_str(&fs::read_to_string(&path).expect(name)).expect(name)
}

fn validator(name: &str) -> Validator {
    jsonschema::draft202012::new(&schema(name)).expect(name)
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).expect(text)
}

#[track_caller]
fn accepts(validator: &Validator, document: &Value) {
    let errors: Vec<String> = validator
        .iter_errors(document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}\n{document:#}");
}

fn loads(text: &str) -> bool {
    Policy::load(&[Source::new("policy.yaml", text.as_bytes())]).is_ok()
}

#[test]
fn the_schemas_are_schemas() {
    for name in ["policy", "request", "decision"] {
        let schema = schema(name);
        assert_eq!(
            schema["$schema"], "https://json-schema.org/draft/2020-12/schema",
            "{name}"
        );
        assert!(
            schema["$id"]
                .as_str()
                .is_some_and(|id| id.ends_with(&format!("/{name}.schema.json"))),
            "{name}"
        );
        if let Err(error) = jsonschema::draft202012::meta::validate(&schema) {
            panic!("{name}: {}: {error}", error.instance_path());
        }
        every_property_is_described(name, &schema, &schema);
    }
}

/// Editors show descriptions: each property has one, its own or that of what it refers to.
fn every_property_is_described(at: &str, schema: &Value, root: &Value) {
    let described = |property: &Value| {
        let referred = property["$ref"]
            .as_str()
            .and_then(|reference| root.pointer(reference.strip_prefix('#')?));
        [Some(property), referred]
            .into_iter()
            .flatten()
            .any(|place| place["description"].is_string())
    };
    if let (Some(properties), Some("object")) =
        (schema["properties"].as_object(), schema["type"].as_str())
    {
        for (name, property) in properties
            .iter()
            .filter(|(_, property)| property.is_object())
        {
            let plain = ["effect", "reason", "source", "rule", "b64"].contains(&&**name);
            assert!(
                plain || described(property),
                "{at}: {name} has no description"
            );
        }
    }
    match schema {
        Value::Object(members) => {
            for (name, member) in members {
                every_property_is_described(&format!("{at}/{name}"), member, root);
            }
        }
        Value::Array(items) => items
            .iter()
            .for_each(|item| every_property_is_described(at, item, root)),
        _ => {}
    }
}

#[test]
fn policies_that_load_are_valid() {
    let policy = validator("policy");
    for text in [POLICY, EVERY_KEY, EVERY_KEY_OF_IDENTITY] {
        accepts(&policy, &yaml(text));
        if let Err(error) = Policy::load(&[Source::new("policy.yaml", text.as_bytes()), PART]) {
            panic!("{error}");
        }
    }
}

/// What `every_key.yaml` includes.
const PART: Source<'_> = Source::new("part.yaml", b"gatelet: 1\n");

/// Policies, requests and decisions of the whole repository: those of examples, and the shared cases.
#[test]
fn documents_of_the_repository_are_valid() {
    let (policy, request, decision) = (
        validator("policy"),
        validator("request"),
        validator("decision"),
    );
    let mut policies = 0;
    for file in ["cli/tests", "examples", "tests"]
        .iter()
        .flat_map(|folder| yaml_files(&repository().join(folder)))
    {
        let text = fs::read_to_string(&file).expect("a file of the repository");
        let document = yaml(&text);
        if document.get("gatelet").is_some() {
            accepts(&policy, &document);
            policies += 1;
        }
        for (source, steps) in cases(&document) {
            // A case whose policy does not load, or not alone, is about something else.
            let Ok(loaded) = Policy::load(&[Source::new("policy.yaml", source.as_bytes())]) else {
                continue;
            };
            accepts(&policy, &yaml(source));
            policies += 1;
            // What needs keys is decided where tokens are made, in the tests of the cases.
            let Ok(engine) = Engine::new(loaded, EngineConfig::replay()) else {
                continue;
            };
            for asked in steps.iter().filter_map(|step| step.get("request")) {
                let answer = decide(&engine, asked);
                assert_eq!(
                    request.is_valid(asked),
                    answer.is_some(),
                    "{}: {asked}",
                    file.display()
                );
                answer.iter().for_each(|answer| accepts(&decision, answer));
            }
        }
    }
    assert!(policies > 0, "no policy was found");
}

/// The policy and the steps of each shared case in a file.
fn cases(document: &Value) -> Vec<(&str, &[Value])> {
    let list = document["cases"]
        .as_array()
        .map_or(std::slice::from_ref(document), Vec::as_slice);
    list.iter()
        .filter_map(|case| {
            let source = case["policy"].as_str().or(document["policy"].as_str())?;
            Some((
                source,
                case["steps"].as_array().map_or(&[][..], Vec::as_slice),
            ))
        })
        .collect()
}

/// The decision as JSON, if the request is one.
fn decide(engine: &Engine, request: &Value) -> Option<Value> {
    let owned = RequestBuf::from_json(request.to_string().as_bytes()).ok()?;
    let view = owned.view();
    let request = view.request();
    let mut scratch = engine.scratch();
    Some(serde_json::to_value(engine.decide(&mut scratch, &request)).expect("JSON"))
}

fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(Result::ok);
    let mut files = Vec::new();
    for path in entries.map(|entry| entry.path()) {
        if path.is_dir() {
            files.extend(yaml_files(&path));
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// What the schema refuses, the loader refuses too.
#[test]
fn policies_that_do_not_load_are_invalid() {
    const CASES: &[&str] = &[
        "gatelet: 2",
        "rules: {}",
        "gatelet: 1\nrulez: {}",
        "gatelet: 1\nlimits: {}",
        "gatelet: 1\nprofile: lax",
        "gatelet: 1\nprofile: loose",
        "gatelet: 1\nlayer: a\ndefault: maybe",
        "gatelet: 1\npaths: { normalize: lax }",
        "gatelet: 1\nidentity: { issuers: { a: {} } }",
        "gatelet: 1\nidentity: { issuers: { a: { issuer: b, keys: {} } } }",
        "gatelet: 1\nidentity: { issuers: { a: { issuer: b, keys: a.json } } }",
        "gatelet: 1\nidentity: { issuers: { host: { issuer: b, keys: { file: a } } } }",
        "gatelet: 1\nidentity: { issuers: { a: { issuer: b, keys: { file: a }, algorithms: [none] } } }",
        "gatelet: 1\nidentity: { issuers: { a: { issuer: b, keys: { file: a }, preset: octa } } }",
        "gatelet: 1\nidentity: { issuers: { a: { issuer: b, keys: { file: a }, leeway: 5 minutes } } }",
        "gatelet: 1\nidentity: { issuers: { a: { issuer: b, keys: { secret: hush } } } }",
        "gatelet: 1\nidentity: { issuers: { a: { issuer: b, keys: { file: a }, from: [{ header: a, query: b }] } } }",
        "gatelet: 1\nidentity: { issuers: { a: { issuer: b, keys: { file: a }, principal: { id: sub } } } }",
        "gatelet: 1\nidentity: { issuers: { a: { issuer: b, keys: { file: a }, principal: { scopes: [scope] } } } }",
        "gatelet: 1\nidentity: { issuers: { a: { issuer: b, keys: { file: a }, principal: { roles: { from: [[a]] } } } } }",
        "gatelet: 1\nidentity: { api_keys: {} }",
        "gatelet: 1\nidentity: { api_keys: { header: x_y, keys: { file: a } } }",
        "gatelet: 1\nidentity: { workloads: { xfcc: { hops: 0 } } }",
        "gatelet: 1\nidentity: { workloads: { trust_domains: { a.example: { audience: b } } } }",
        "gatelet: 1\nidentity: { links: [[{ user: a, of: b }]] }",
        "gatelet: 1\napprovals: { issuer: a }",
        "gatelet: 1\nidentity: { credentials: [token] }",
        "gatelet: 1\nidentity: { trust_host: [everything] }",
        "gatelet: 1\nattributes: { a: { of: host, type: string } }",
        "gatelet: 1\nattributes: { a: { of: request, type: text } }",
        "gatelet: 1\nattributes: { a-b: { of: request, type: string } }",
        "gatelet: 1\nvalues: { a: { type: list } }",
        "gatelet: 1\nactions: { read: { routes: [/no-method] } }",
        "gatelet: 1\nroles: { a: { cann: [] } }",
        "gatelet: 1\nroles: { \"a b\": {} }",
        "gatelet: 1\nexclusive: { static: [[a]] }",
        "gatelet: 1\nroles: { a: {} }\ngrants: [{ to: { user: x, of: host } }]",
        "gatelet: 1\nroles: { a: {} }\ngrants: [{ role: a, to: { user: x, group: y } }]",
        "gatelet: 1\nroles: { a: {} }\ngrants: [{ role: a, to: { user: x }, until: tomorrow }]",
        "gatelet: 1\nrules: { a: { match: { who: anyone } } }",
        "gatelet: 1\nrules: { a: { effect: permit } }",
        "gatelet: 1\nrules: { roles.a: { effect: deny } }",
        "gatelet: 1\nrules: { a: { effect: deny, when: [] } }",
        "gatelet: 1\nrules: { a: { effect: deny, when: '' } }",
        "gatelet: 1\nroles: { a: {} }\ngrants: [{ role: a, to: { user: x }, when: {} }]",
        "gatelet: 1\nrules: { a: { effect: deny, when: [a] } }",
        "gatelet: 1\nrules: { a: { effect: deny, match: { hosts: a } } }",
        "gatelet: 1\nrules: { a: { effect: deny, match: { who: everyone } } }",
        "gatelet: 1\nrules: { a: { effect: deny, match: { header: { a_b: c } } } }",
        "gatelet: 1\nrules: { a: { effect: deny, match: { path: [] } } }",
        "gatelet: 1\nrules: { a: { effect: deny, match: { not: { path: /a, host: b } } } }",
        "gatelet: 1\nrules: { a: { effect: deny, match: { not: { not: { path: /a } } } } }",
        "gatelet: 1\nrules: { a: { effect: require } }",
        "gatelet: 1\nrules: { a: { effect: deny, require: { audit: {} } } }",
        "gatelet: 1\nrules: { a: { effect: require, require: { approval: {} } } }",
        "gatelet: 1\nrules: { a: { effect: require, require: { approval: { groups: [a], min: 0 } } } }",
        "gatelet: 1\nrules: { a: { effect: require, require: { approval: { groups: [a], max_age: 4 hours } } } }",
        "gatelet: 1\nrules: { a: { effect: require, require: { assume_role: { role: a, role_arn: b } } } }",
        "gatelet: 1\nrules: { a: { effect: require, require: { audit: { id: 1 } } } }",
        "gatelet: 1\non_allow: { headers: { x-a: { from: principal.id, value: b } } }",
        "gatelet: 1\nstrip: [x_a]",
    ];
    let policy = validator("policy");
    for text in CASES {
        assert!(!policy.is_valid(&yaml(text)), "the schema accepts {text}");
        assert!(!loads(text), "the loader accepts {text}");
    }
}

/// Requests, and whether they are ones: the schema and the reader agree on each.
#[test]
fn the_schema_and_the_reader_agree_on_requests() {
    let every_field = json!({
        "method": "GET", "host": null, "path": "/a", "path_decoded": "/a", "headers": [["a", "b"], [{"b64": "AA=="}, "c"]],
        "source_ip": "10.0.0.1", "bearer": "t", "api_key": "k", "peer": "spiffe://a/b", "peer_cert_sha256": "x", "xfcc": "y",
        "principal": {"provider": "login", "id": "dana", "roles": ["a"], "groups": null, "attributes": {"a": [1, "b", true]}},
        "active_roles": [], "action": "orders.read", "resource": {"type": "order", "id": {"b64": ""}, "attributes": {}},
        "attributes": {"a": 1.5, "b": null, "c": {"b64": "/w=="}}, "approvals": ["t"], "cost": 3, "charge": "none",
        "at": "2026-03-01T12:00:00Z", "id": "1"
    });
    let cases = [
        (every_field, true),
        (json!({}), true),
        (
            json!({"headers": {"a": ["b", {"b64": "AA=="}], "c": null, "d": "e"}}),
            true,
        ),
        (json!({"at": -1}), true),
        (json!({"cost": u64::MAX}), true),
        (json!({"attributes": {"a": i64::MIN, "b": i64::MAX}}), true),
        (json!([]), false),
        (json!({"methd": "GET"}), false),
        (json!({"path": 1}), false),
        (json!({"path": {"b64": "A"}}), false),
        (json!({"path": {"b64": "AA==", "x": 1}}), false),
        (json!({"headers": "a"}), false),
        (json!({"headers": [["a"]]}), false),
        (json!({"headers": [["a", null]]}), false),
        (json!({"headers": {"a": 1}}), false),
        (json!({"principal": {"name": "a"}}), false),
        (json!({"principal": {"roles": "a"}}), false),
        (json!({"active_roles": [1]}), false),
        (json!({"resource": {"kind": "a"}}), false),
        (json!({"attributes": {"a": {"b": 1}}}), false),
        (json!({"attributes": {"a": [[1]]}}), false),
        (json!({"attributes": {"a": [null]}}), false),
        (json!({"attributes": {"a": u64::MAX}}), false),
        (json!({"cost": -1}), false),
        (json!({"cost": "1"}), false),
        (json!({"charge": "all"}), false),
        (json!({"at": "tomorrow"}), false),
        (json!({"at": "2026-03-01t12:00:00z"}), false),
        (json!({"at": "2026-03-01 12:00:00Z"}), false),
        (json!({"at": 1.5}), false),
        (json!({"approvals": "t"}), false),
    ];
    let schema = validator("request");
    for (request, good) in cases {
        let read = RequestBuf::from_json(request.to_string().as_bytes());
        assert_eq!(read.is_ok(), good, "the reader on {request}: {read:?}");
        assert_eq!(schema.is_valid(&request), good, "the schema on {request}");
    }
}

/// One decision for every way in which a request can end, as far as policies of this version can.
fn decisions() -> Vec<Value> {
    let load = |text: &str| Policy::load(&[Source::new("policy.yaml", text.as_bytes()), PART]);
    let requests = [
        json!({"id": "r-1", "method": "GET", "path": "/healthz", "at": 0}),
        json!({"method": "POST", "path": "/t/acme/refund", "principal": {"id": "dana"}, "at": 0}),
        json!({"method": "GET", "path": "/t/acme/orders", "principal": {"id": {"b64": "/w=="}}}),
        json!({"method": "GET", "path": "/t/acme/orders", "principal": {"id": "eve"}}),
        json!({"method": "GET", "path": "/internal/x"}),
        json!({"method": "GET", "path": "//"}),
        json!({"action": "orders.read", "peer": "nonsense"}),
        json!({"action": "orders.read", "principal": {"id": "eve", "roles": ["manager", "auditor"]}}),
        json!({"action": "orders.refund", "principal": {"id": "eve", "roles": ["manager"]}}),
        json!({}),
    ];
    let mut decisions = Vec::new();
    for text in [POLICY, EVERY_KEY, "gatelet: 1\n"] {
        let engine = Engine::new(load(text).expect(text), EngineConfig::replay()).expect(text);
        decisions.extend(
            requests
                .iter()
                .map(|request| decide(&engine, request).expect("a request")),
        );
    }
    decisions
}

#[test]
fn decisions_are_valid_and_mutilated_ones_are_not() {
    let decision = validator("decision");
    let decisions = decisions();
    for reason in [
        "allowed",
        "denied_by_rule",
        "not_permitted",
        "unauthenticated",
        "role_conflict",
        "malformed_request",
    ] {
        assert!(
            decisions
                .iter()
                .any(|decision| decision["reason"] == reason),
            "{reason}"
        );
    }
    for part in [
        "/id",
        "/obligations/0",
        "/headers/0",
        "/strip/0",
        "/shadow/rule",
        "/grant",
        "/challenge",
        "/detail",
    ] {
        let said = |decision: &Value| decision.pointer(part).is_some_and(|value| !value.is_null());
        assert!(decisions.iter().any(said), "{part}");
    }
    for good in &decisions {
        accepts(&decision, good);
        let members = good.as_object().expect("an object");
        for name in members.keys().filter(|name| *name != "id") {
            let mut without = members.clone();
            without.remove(name);
            assert!(!decision.is_valid(&Value::from(without)), "without {name}");
            let mut wrong = members.clone();
            wrong.insert(name.clone(), json!({"wrong": 1}));
            assert!(
                !decision.is_valid(&Value::from(wrong)),
                "{name} of another type"
            );
        }
        for (name, value) in [
            ("allowed", json!(good["allowed"] != true)),
            ("reason", json!("because")),
            ("extra", json!(1)),
        ] {
            let mut changed = members.clone();
            changed.insert(name.to_owned(), value);
            assert!(!decision.is_valid(&Value::from(changed)), "{name}");
        }
    }
}

#[test]
fn the_decision_schema_knows_every_reason() {
    let schema = schema("decision");
    let known: Vec<&str> = schema["$defs"]["reason"]["enum"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let reasons: Vec<&str> = gatelet::Reason::ALL
        .iter()
        .map(|reason| reason.as_str())
        .collect();
    assert_eq!(known, reasons);
    let statuses = schema["properties"]["status"]["enum"]
        .as_array()
        .expect("a list");
    assert!(
        gatelet::Reason::ALL
            .iter()
            .all(|reason| statuses.contains(&json!(reason.status())))
    );
}
