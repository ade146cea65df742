//! The model as text: sources of a policy, and requests as JSON.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{ATTRIBUTES, Effect, Key, Model, Request, Requirement, Rule, Who};

/// A source of the policy.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// Its name.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// Where rules and roles stand, by name: the source and the line.
pub type Lines = BTreeMap<String, (String, usize)>;

/// The name of a source; sorted by name, they are in the order of their numbers.
fn source_name(source: usize) -> String {
    format!("s{source}.yaml")
}

/// The policy in the order of its sources, and where each rule and role stands.
#[must_use]
pub fn policy(model: &Model) -> (Vec<Rendered>, Lines) {
    let mut lines = Lines::new();
    let count = model.layers.len() + 1;
    let sources = (0..count).map(|source| {
        let mut text = vec!["gatelet: 1".to_owned()];
        // Sources 0 and 1 are the first layer's.
        let layer = source.saturating_sub(1);
        if source > 0 && layer > 0 {
            let of = &model.layers[layer];
            text.push(format!("layer: {}", of.name.as_deref().unwrap_or_default()));
            text.push(format!(
                "default: {}",
                if of.default_allow { "allow" } else { "deny" }
            ));
            if of.shadow {
                text.push("mode: shadow".to_owned());
            }
        }
        if source == 0 {
            shared(model, &mut text);
            if model.roles_first {
                roles(model, &mut text, &mut lines);
            }
        }
        let of_source: Vec<_> = model
            .rules
            .iter()
            .filter(|rule| rule.source == source)
            .collect();
        if !of_source.is_empty() {
            text.push("rules:".to_owned());
        }
        for rule in of_source {
            text.push(format!("  {}: {}", rule.id, rule_body(rule)));
            lines.insert(rule.id.clone(), (source_name(source), text.len()));
        }
        if source == 0 && !model.roles_first {
            roles(model, &mut text, &mut lines);
        }
        text.push(String::new());
        Rendered {
            name: source_name(source),
            text: text.join("\n"),
        }
    });
    (sources.collect(), lines)
}

/// All but roles and rules.
fn shared(model: &Model, text: &mut Vec<String>) {
    text.push("identity: { trust_host: [principal] }".to_owned());
    text.push(format!(
        "paths: {}",
        json!({ "head_as_get": model.head_as_get })
    ));
    text.push("attributes:".to_owned());
    for (name, of, ty, optional) in ATTRIBUTES {
        text.push(format!(
            "  {name}: {}",
            json!({ "of": of, "type": ty, "optional": optional })
        ));
    }
    let captured = model
        .actions
        .iter()
        .flat_map(|action| &action.routes)
        .any(|(_, path)| path.contains("{tenant}"));
    let tenant = if captured {
        "tenant: route.tenant, "
    } else {
        ""
    };
    text.push(format!(
        "domains: {{ {tenant}region: request.attr.region }}"
    ));
    if !model.actions.is_empty() {
        text.push("actions:".to_owned());
    }
    for action in &model.actions {
        let body = if action.routes.is_empty() {
            json!({})
        } else {
            json!({ "routes": routes(&action.routes) })
        };
        text.push(format!("  {}: {body}", action.name));
    }
    let of_kind = |wanted: bool| {
        let of_kind: Vec<_> = model
            .exclusions
            .iter()
            .filter(|(fixed, _)| *fixed == wanted)
            .map(|(_, roles)| roles)
            .collect();
        json!(of_kind)
    };
    if !model.exclusions.is_empty() {
        text.push(format!(
            "exclusive: {}",
            json!({ "static": of_kind(true), "dynamic": of_kind(false) })
        ));
    }
    if !model.grants.is_empty() {
        text.push("grants:".to_owned());
    }
    for grant in &model.grants {
        let kind = if grant.group { "group" } else { "user" };
        let mut body =
            json!({ "role": grant.role, "to": { kind: grant.name, "of": grant.provider } });
        if !grant.within.is_empty() {
            body["within"] = json!(grant.within);
        }
        for (key, at) in [("from", grant.from), ("until", grant.until)] {
            if let Some(at) = at {
                body[key] = json!(timestamp(at));
            }
        }
        text.push(format!("  - {body}"));
    }
}

fn roles(model: &Model, text: &mut Vec<String>, lines: &mut Lines) {
    if !model.roles.is_empty() {
        text.push("roles:".to_owned());
    }
    for role in &model.roles {
        text.push(format!(
            "  {}: {}",
            role.name,
            json!({ "inherits": role.inherits, "can": role.can })
        ));
        lines.insert(format!("roles.{}", role.name), (source_name(0), text.len()));
    }
}

/// Times of the model are whole seconds within one day.
fn timestamp(at: i64) -> String {
    let seconds = (at - super::generate::DAY) / 1000;
    format!(
        "2026-01-01T{:02}:{:02}:{:02}Z",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

fn routes(routes: &[(String, String)]) -> Vec<String> {
    routes
        .iter()
        .map(|(method, path)| format!("{method} {path}"))
        .collect()
}

fn rule_body(rule: &Rule) -> Value {
    let (effect, require) = match &rule.effect {
        Effect::Allow => ("allow", None),
        Effect::Deny => ("deny", None),
        Effect::Require(Requirement::Audit) => ("require", Some(json!({ "audit": {} }))),
        Effect::Require(Requirement::Approval { bypass }) => {
            let mut approval = json!({ "groups": ["finance"], "min": 1, "max_age": "1h" });
            if !bypass.is_empty() {
                approval["bypass"] = json!(bypass);
            }
            ("require", Some(json!({ "approval": approval })))
        }
    };
    let mut body = json!({ "effect": effect });
    if rule.shadow {
        body["mode"] = json!("shadow");
    }
    if let Some(require) = require {
        body["require"] = require;
    }
    let mut matched = Map::new();
    match rule.who {
        None => {}
        Some(Who::Anyone) => drop(matched.insert("who".to_owned(), json!("anyone"))),
        Some(Who::Authenticated) => drop(matched.insert("who".to_owned(), json!("authenticated"))),
        Some(Who::Anonymous) => drop(matched.insert("who".to_owned(), json!("anonymous"))),
    }
    for each in &rule.keys {
        let (name, value) = key(each);
        matched.insert(name.to_owned(), value);
    }
    if !matched.is_empty() {
        body["match"] = Value::Object(matched);
    }
    if let Some(when) = &rule.when {
        body["when"] = json!(when.render());
    }
    body
}

fn key(key: &Key) -> (&'static str, Value) {
    match key {
        Key::Route(list) => ("route", json!(routes(list))),
        Key::Action(list) => ("action", json!(list)),
        Key::Resource(kinds, ids) => ("resource", json!({ "type": kinds, "id": ids })),
        Key::Method(list) => ("method", json!(list)),
        Key::Path(list) => ("path", json!(list)),
        Key::Host(list) => ("host", json!(list)),
        Key::Header(map) => ("header", json!(map)),
        Key::Query(map) => ("query", json!(map)),
        Key::SourceIp(list) => ("source_ip", json!(list)),
        Key::Principal(list) => {
            let list: Vec<_> = list
                .iter()
                .map(|(provider, id)| json!({ "user": id, "of": provider }))
                .collect();
            ("principal", json!(list))
        }
        Key::Roles(list) => ("roles", json!(list)),
        Key::Groups(list) => ("groups", json!(list)),
        Key::Attr(map) => (
            "attr",
            Value::Object(
                map.iter()
                    .map(|(name, patterns)| (name.clone(), typed(name, patterns)))
                    .collect(),
            ),
        ),
        Key::Not(list) => {
            let list = list.iter().map(|each| {
                let (name, value) = self::key(each);
                json!({ name: value })
            });
            ("not", list.collect())
        }
    }
}

/// Numbers are written without quotes.
fn typed(name: &str, patterns: &[String]) -> Value {
    let is_int = ATTRIBUTES
        .iter()
        .any(|(declared, _, ty, _)| *declared == name && *ty == "int");
    let value = |text: &String| {
        if is_int {
            json!(text.parse::<i64>().unwrap_or_default())
        } else {
            json!(text)
        }
    };
    Value::Array(patterns.iter().map(value).collect())
}

/// The request in the JSON shape.
#[must_use]
pub fn request(request: &Request) -> Value {
    let mut body = json!({ "at": request.at, "headers": request.headers });
    let fields = [
        ("method", &request.method),
        ("host", &request.host),
        ("path", &request.path),
        ("source_ip", &request.source_ip),
        ("action", &request.action),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            body[name] = json!(value);
        }
    }
    if let Some(active) = &request.active_roles {
        body["active_roles"] = json!(active);
    }
    let attributes = |owner: &str| {
        let of_owner = ATTRIBUTES.iter().filter(|(_, of, _, _)| *of == owner);
        let given = of_owner.filter_map(|(name, _, ty, _)| {
            let text = request.attributes.get(*name)?;
            let value = if *ty == "int" {
                json!(text.parse::<i64>().ok()?)
            } else {
                json!(text)
            };
            Some(((*name).to_owned(), value))
        });
        Value::Object(given.collect())
    };
    body["attributes"] = attributes("request");
    body["resource"] = json!({ "attributes": attributes("resource") });
    if let Some((kind, id)) = &request.resource {
        body["resource"]["type"] = json!(kind);
        body["resource"]["id"] = json!(id);
    }
    if let Some(principal) = &request.principal {
        body["principal"] = json!({
            "provider": principal.provider, "id": principal.id,
            "roles": principal.roles, "groups": principal.groups,
            "attributes": attributes("principal"),
        });
    }
    body
}
