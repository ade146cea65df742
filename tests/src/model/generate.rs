//! Policies and requests at random, from pools so small that they meet all the time.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Action, Effect, Grant, Key, Layer, Model, Principal, Request, Requirement, Role, Rule, Who,
    matching, when,
};
use crate::prng::Prng;

/// 2026-01-01T00:00:00Z; every time of the model is on that day.
pub(super) const DAY: i64 = 1_767_225_600_000;

pub(super) const METHODS: &[&str] = &["GET", "POST", "PUT", "HEAD"];
const SEGMENTS: &[&str] = &["a", "b", "c", "orders"];
pub(super) const HOSTS: &[&str] = &["a.example", "b.example", "x.a.example", "y.x.a.example"];
const HOST_PATTERNS: &[&str] = &[
    "a.example",
    "b.example",
    "*.a.example",
    "*.example",
    "a.example:8443",
    "x.a.example",
];
pub(super) const ACTIONS: &[&str] = &[
    "orders.read",
    "orders.write",
    "orders.lines.read",
    "stock.read",
    "ping",
];
const ACTION_PATTERNS: &[&str] = &[
    "orders.*",
    "*.read",
    "**",
    "orders.**",
    "**.read",
    "*",
    "*.lines.*",
];
const ROLES: &[&str] = &["r0", "r1", "r2", "r3", "r4", "r5"];
pub(super) const GROUPS: &[&str] = &["g0", "g1", "g2"];
const USERS: &[&str] = &["ann", "bob", "eve"];
const PROVIDERS: &[&str] = &["host", "login"];
pub(super) const RANGES: &[&str] = &[
    "10.0.0.0/8",
    "10.0.0.0/16",
    "10.0.0.1/32",
    "192.0.2.0/24",
    "2001:db8::/32",
    "0.0.0.0/0",
    "::/0",
];
const ADDRESSES: &[&str] = &[
    "10.0.0.1",
    "10.0.7.7",
    "10.9.0.1",
    "192.0.2.9",
    "2001:db8::5",
    "2001:db9::5",
    "::ffff:10.0.0.1",
];
pub(super) const WORDS: &[&str] = &["1", "2", "v1", "v2"];
const WORD_PATTERNS: &[&str] = &["v*", "*1", "*", "1", "2", "v2"];
const TENANTS: &[&str] = &["a", "b"];
const TYPES: &[&str] = &["order", "item"];

fn texts(from: &[&str]) -> Vec<String> {
    from.iter().map(|text| (*text).to_owned()).collect()
}

fn few(random: &mut Prng, from: &[&str], most: usize) -> Vec<String> {
    texts(&random.some(from, 1, most))
}

/// A policy that loads.
#[must_use]
pub fn model(random: &mut Prng) -> Model {
    let layers = layers(random);
    let actions = actions(random);
    let roles = roles(random);
    let mut model = Model {
        grants: grants(random, &roles, &actions),
        exclusions: Vec::new(),
        head_as_get: random.chance(70),
        roles_first: random.chance(50),
        layers,
        rules: Vec::new(),
        actions,
        roles,
    };
    model.exclusions = exclusions(random, &model.roles, &model.grants);
    let count = 1 + random.below(12);
    for number in 0..count {
        let layer = random.below(model.layers.len());
        // Sources 0 and 1 are the first layer's, each other layer has its own.
        let source = if layer == 0 {
            random.below(2)
        } else {
            layer + 1
        };
        let rule = rule(
            random,
            format!("rule-{number}"),
            (source, layer),
            &model.actions,
            &model.roles,
        );
        model.rules.push(rule);
    }
    model
}

fn layers(random: &mut Prng) -> Vec<Layer> {
    let mut layers = vec![Layer {
        name: None,
        default_allow: false,
        shadow: false,
    }];
    let more = [0, 0, 0, 1, 1, 2];
    for number in 0..*random.pick(&more) {
        let name = Some(format!("layer-{number}"));
        layers.push(Layer {
            name,
            default_allow: random.chance(60),
            shadow: random.chance(25),
        });
    }
    layers
}

pub(super) fn template(random: &mut Prng) -> String {
    let length = random.below(4);
    let mut path = String::new();
    for position in 0..length {
        let segment = match random.below(10) {
            0..=5 => (*random.pick(SEGMENTS)).to_owned(),
            6 if !path.contains("{tenant}") => "{tenant}".to_owned(),
            _ => format!("{{x{position}}}"),
        };
        path = format!("{path}/{segment}");
    }
    if random.chance(25) {
        path.push_str("/{**}");
    }
    if path.is_empty() {
        "/".to_owned()
    } else {
        path
    }
}

/// Methods and templates of actions, of which no two are equally specific.
fn actions(random: &mut Prng) -> Vec<Action> {
    let mut taken = BTreeSet::new();
    let names = random.some(ACTIONS, 0, ACTIONS.len());
    let action = |name: &&str| {
        let mut routes = Vec::new();
        for _ in 0..random.below(3) {
            let method = *random.pick(&["GET", "POST", "PUT", "*"]);
            let template = template(random);
            let shape: Vec<_> = matching::segments(&template)
                .iter()
                .map(|segment| {
                    match *segment {
                        "{**}" => "**",
                        segment if segment.starts_with('{') => "*",
                        segment => segment,
                    }
                    .to_owned()
                })
                .collect();
            if taken.insert((method, shape)) {
                routes.push((method.to_owned(), template));
            }
        }
        Action {
            name: (*name).to_owned(),
            routes,
        }
    };
    names.iter().map(action).collect()
}

/// A role inherits only from those before it, so that there is no cycle.
fn roles(random: &mut Prng) -> Vec<Role> {
    let names = random.some(ROLES, 0, ROLES.len());
    let mut roles = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let inherits = if random.chance(40) {
            texts(&random.some(&names[..index], 0, 2))
        } else {
            Vec::new()
        };
        let can = texts(&random.some(ACTION_PATTERNS, 0, 2));
        roles.push(Role {
            name: (*name).to_owned(),
            inherits,
            can,
        });
    }
    roles
}

fn grants(random: &mut Prng, roles: &[Role], actions: &[Action]) -> Vec<Grant> {
    if roles.is_empty() {
        return Vec::new();
    }
    let has_tenant = actions
        .iter()
        .flat_map(|action| &action.routes)
        .any(|(_, path)| path.contains("{tenant}"));
    let mut grants = Vec::new();
    for _ in 0..random.below(5) {
        let group = random.chance(40);
        let mut within = BTreeMap::new();
        if has_tenant && random.chance(25) {
            within.insert("tenant".to_owned(), (*random.pick(TENANTS)).to_owned());
        }
        if random.chance(25) {
            within.insert("region".to_owned(), (*random.pick(WORDS)).to_owned());
        }
        let from = random
            .chance(20)
            .then(|| DAY + 1000 * random.below(4) as i64);
        grants.push(Grant {
            role: random.pick(roles).name.clone(),
            group,
            provider: (*random.pick(PROVIDERS)).to_owned(),
            name: (*random.pick(if group { GROUPS } else { USERS })).to_owned(),
            within,
            until: random
                .chance(20)
                .then(|| from.unwrap_or(DAY) + 1000 * (1 + random.below(4) as i64)),
            from,
        });
    }
    grants
}

/// Exclusions that the policy itself does not break: its own grants touch at most one role of each.
fn exclusions(random: &mut Prng, roles: &[Role], grants: &[Grant]) -> Vec<(bool, Vec<String>)> {
    let names: Vec<_> = roles.iter().map(|role| role.name.clone()).collect();
    let mut exclusions = Vec::new();
    for _ in 0..random.below(3) {
        if names.len() < 2 {
            continue;
        }
        let fixed = random.chance(50);
        let chosen = random.some(&names, 2, 3);
        let touched = |role: &Role| {
            below(roles, &role.name)
                .iter()
                .filter(|name| chosen.contains(*name))
                .count()
        };
        let inherits_two = roles.iter().any(|role| touched(role) > 1);
        let granted = roles
            .iter()
            .filter(|role| grants.iter().any(|grant| grant.role == role.name));
        let grants_touch: BTreeSet<_> = granted
            .flat_map(|role| below(roles, &role.name))
            .filter(|name| chosen.contains(name))
            .collect();
        if !inherits_two && (!fixed || grants_touch.len() < 2) {
            exclusions.push((fixed, chosen));
        }
    }
    exclusions
}

/// The role and all that it inherits.
fn below(roles: &[Role], name: &str) -> BTreeSet<String> {
    let inherited = roles
        .iter()
        .filter(|role| role.name == name)
        .flat_map(|role| &role.inherits);
    let mut all: BTreeSet<String> = inherited.flat_map(|name| below(roles, name)).collect();
    all.insert(name.to_owned());
    all
}

fn rule(
    random: &mut Prng,
    id: String,
    (source, layer): (usize, usize),
    actions: &[Action],
    roles: &[Role],
) -> Rule {
    let effect = match random.below(10) {
        0..=5 => Effect::Allow,
        6..=7 => Effect::Deny,
        8 => Effect::Require(Requirement::Audit),
        _ => Effect::Require(Requirement::Approval {
            bypass: texts(&random.some(GROUPS, 0, 1)),
        }),
    };
    let who = match random.below(10) {
        0..=2 => Some(Who::Anyone),
        3 => Some(Who::Authenticated),
        4 => Some(Who::Anonymous),
        _ => None,
    };
    let mut keys: Vec<Key> = Vec::new();
    for _ in 0..1 + random.below(3) {
        let key = if random.chance(20) {
            let count = 1 + random.below(2);
            Key::Not(
                (0..count)
                    .map(|_| key(random, actions, roles, true))
                    .collect(),
            )
        } else {
            key(random, actions, roles, false)
        };
        // A key stands once in a mapping.
        if !keys
            .iter()
            .any(|other| std::mem::discriminant(other) == std::mem::discriminant(&key))
        {
            keys.push(key);
        }
    }
    let when = random
        .chance(35)
        .then(|| when::make(random, actions, roles));
    if when.is_some() && random.chance(40) {
        keys.clear();
    }
    Rule {
        id,
        source,
        layer,
        shadow: random.chance(10),
        effect,
        when,
        who,
        keys,
    }
}

fn key(random: &mut Prng, actions: &[Action], roles: &[Role], negated: bool) -> Key {
    let declared: Vec<_> = actions.iter().map(|action| action.name.as_str()).collect();
    let role_names: Vec<_> = roles.iter().map(|role| role.name.as_str()).collect();
    match random.below(22) {
        0..=1 => Key::Route(
            (0..1 + random.below(2))
                .map(|_| {
                    (
                        (*random.pick(&["GET", "POST", "PUT", "HEAD", "*"])).to_owned(),
                        template(random),
                    )
                })
                .collect(),
        ),
        2..=3 if !declared.is_empty() => Key::Action(few(random, &declared, 2)),
        2..=3 => Key::Action(few(random, ACTION_PATTERNS, 2)),
        4..=6 => Key::Path((0..1 + random.below(3)).map(|_| template(random)).collect()),
        7 => Key::Method(few(random, METHODS, 2)),
        8..=9 => Key::Host(few(random, HOST_PATTERNS, 2)),
        10..=11 => Key::Header(named(random, &["x-a", "x-b"], negated)),
        12 => Key::Query(named(random, &["q", "r"], negated)),
        13 => Key::SourceIp(few(random, RANGES, 2)),
        14 => Key::Principal(vec![(
            (*random.pick(PROVIDERS)).to_owned(),
            (*random.pick(USERS)).to_owned(),
        )]),
        15..=16 if !role_names.is_empty() => Key::Roles(few(random, &role_names, 2)),
        17 => Key::Resource(few(random, TYPES, 2), few(random, WORD_PATTERNS, 2)),
        18..=19 => Key::Attr(attributes(random)),
        _ => Key::Groups(few(random, GROUPS, 2)),
    }
}

/// Patterns by name. Several values of a field under `not` are all of them in the list, so they are exact there.
fn named(random: &mut Prng, names: &[&str], negated: bool) -> BTreeMap<String, Vec<String>> {
    let mut map = BTreeMap::new();
    for name in random.some(names, 1, 2) {
        let patterns = if negated {
            few(random, WORDS, 2)
        } else {
            few(random, WORD_PATTERNS, 2)
        };
        map.insert(name.to_owned(), patterns);
    }
    map
}

fn attributes(random: &mut Prng) -> BTreeMap<String, Vec<String>> {
    let mut map = BTreeMap::new();
    for (name, _, ty, _) in random.some(super::ATTRIBUTES, 1, 2) {
        let patterns = if ty == "int" {
            &["1", "2"][..]
        } else {
            WORD_PATTERNS
        };
        map.insert(name.to_owned(), few(random, patterns, 2));
    }
    map
}

/// A request that has something to do with the policy.
#[must_use]
pub fn request(random: &mut Prng, model: &Model) -> Request {
    let plain = random.chance(10);
    let mut request = Request {
        method: (!plain).then(|| (*random.pick(METHODS)).to_owned()),
        path: (!plain).then(|| path(random, model)),
        host: random.chance(70).then(|| host(random)),
        source_ip: random
            .chance(80)
            .then(|| (*random.pick(ADDRESSES)).to_owned()),
        principal: random.chance(75).then(|| principal(random)),
        active_roles: random.chance(15).then(|| texts(&random.some(ROLES, 0, 3))),
        action: random
            .chance(if plain { 90 } else { 5 })
            .then(|| (*random.pick(ACTIONS)).to_owned()),
        resource: random.chance(30).then(|| {
            (
                (*random.pick(TYPES)).to_owned(),
                (*random.pick(WORDS)).to_owned(),
            )
        }),
        at: DAY + 500 * random.below(12) as i64,
        ..Request::default()
    };
    for name in ["x-a", "X-B", "x-a"] {
        if random.chance(35) {
            request
                .headers
                .push((name.to_owned(), (*random.pick(WORDS)).to_owned()));
        }
    }
    for (name, _, ty, _) in super::ATTRIBUTES {
        if random.chance(75) {
            let value = if *ty == "int" {
                *random.pick(&["1", "2", "3"])
            } else {
                *random.pick(WORDS)
            };
            request
                .attributes
                .insert((*name).to_owned(), value.to_owned());
        }
    }
    request
}

fn host(random: &mut Prng) -> String {
    let mut host = (*random.pick(HOSTS)).to_owned();
    if random.chance(10) {
        host = host.to_ascii_uppercase();
    }
    if random.chance(10) {
        host.push('.');
    }
    if random.chance(15) {
        host.push_str(if random.chance(50) { ":8443" } else { ":80" });
    }
    host
}

/// Most often one that a template of the policy takes.
fn path(random: &mut Prng, model: &Model) -> String {
    let mut templates: Vec<String> = model
        .actions
        .iter()
        .flat_map(|action| &action.routes)
        .map(|(_, path)| path.clone())
        .collect();
    for key in model.rules.iter().flat_map(|rule| &rule.keys) {
        match key {
            Key::Path(list) => templates.extend(list.clone()),
            Key::Route(list) => templates.extend(list.iter().map(|(_, path)| path.clone())),
            _ => {}
        }
    }
    let template = if templates.is_empty() || random.chance(25) {
        self::template(random)
    } else {
        random.pick(&templates).clone()
    };
    let mut path = String::new();
    for segment in matching::segments(&template) {
        let count = if segment == "{**}" {
            1 + random.below(2)
        } else {
            1
        };
        for _ in 0..count {
            let filled = if segment.starts_with('{') {
                *random.pick(SEGMENTS)
            } else {
                segment
            };
            path = format!("{path}/{filled}");
        }
    }
    if path.is_empty() || random.chance(8) {
        path.push('/');
    }
    if random.chance(25) {
        let pairs: Vec<_> = (0..1 + random.below(2))
            .map(|_| format!("{}={}", random.pick(&["q", "r"]), random.pick(WORDS)))
            .collect();
        path = format!("{path}?{}", pairs.join("&"));
    }
    path
}

fn principal(random: &mut Prng) -> Principal {
    Principal {
        provider: (*random.pick(PROVIDERS)).to_owned(),
        id: (*random.pick(USERS)).to_owned(),
        roles: texts(&random.some(ROLES, 0, 3)),
        groups: texts(&random.some(GROUPS, 0, 2)),
    }
}
