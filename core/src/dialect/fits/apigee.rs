//! Apigee: API products and their operations, and an AccessControl policy.
//!
//! The key's or token's products are an attribute of the principal; each operation of
//! a product is an allow for who has it.

use super::*;
use crate::pattern::path::TrailingSlash;
use RuleEffect::{Allow, Deny};

/// How a resource pattern is read.
#[derive(Clone, Copy)]
enum Style {
    /// Of the adapter for Envoy.
    Adapter,
    Microgateway,
}

struct Operation<'d> {
    resource: &'d str,
    methods: &'d [&'d str],
}

struct Product<'d> {
    name: &'d str,
    environments: &'d [&'d str],
    apis: &'d [&'d str],
    scopes: &'d [&'d str],
    operations: &'d [Operation<'d>],
}

const fn operation<'d>(resource: &'d str, methods: &'d [&'d str]) -> Operation<'d> {
    Operation { resource, methods }
}

/// Nothing listed is everything.
fn listed(attribute: Attribute, names: &[&str]) -> Predicate {
    if names.is_empty() {
        Predicate::TRUE
    } else {
        is(attribute, one_of(names))
    }
}

fn resource(pattern: &str, style: Style) -> Predicate {
    if pattern == "/" {
        return Predicate::TRUE;
    }
    let mut parts = Vec::new();
    let across = GlobPart::Run { across: true };
    let run = GlobPart::Run { across: false };
    for (at, piece) in pattern.split("**").enumerate() {
        if at > 0 {
            parts.push(across.clone());
        }
        for (at, text) in piece.split('*').enumerate() {
            if at > 0 {
                parts.extend(matches!(style, Style::Microgateway).then_some(GlobPart::One));
                parts.push(run.clone());
            }
            parts.push(literal(text));
        }
    }
    let path = |parts, fold| is(Attribute::Path, glob(parts, fold, Some(b'/')));
    match style {
        Style::Adapter => path(parts, false),
        Style::Microgateway => {
            let bare = path(parts.clone(), true);
            parts.push(literal("/"));
            any([bare, path(parts, true)])
        }
    }
}

fn gateway(style: Style, products: &[Product<'_>]) -> Draft {
    let mut draft = Draft::new();
    draft.set.paths.trailing_slash = TrailingSlash::Distinct;
    draft.set.paths.head_as_get = false;
    let layer = draft.layer(false, Mode::Enforce);
    let lists = ["api_product_list", "scope"].map(principal_attribute);
    draft.declare(AttributeType::StringList, &lists);
    draft.declare(
        AttributeType::String,
        &["environment", "api"].map(request_attribute),
    );
    for product in products {
        let held = is(principal_attribute("api_product_list"), exact(product.name));
        // Scopes are for tokens; a key has none.
        let key = is(Attribute::PrincipalProvider, exact("api_keys"));
        let scoped = any([key, listed(principal_attribute("scope"), product.scopes)]);
        let here = all([
            held,
            scoped,
            listed(request_attribute("environment"), product.environments),
            listed(request_attribute("api"), product.apis),
        ]);
        for (at, operation) in product.operations.iter().enumerate() {
            let methods = listed(Attribute::Method, operation.methods);
            let place = resource(operation.resource, style);
            let id = format!("{}/{at}", product.name);
            draft.rule(layer, &id, Allow, all([here.clone(), methods, place]));
        }
    }
    draft
}

const PRODUCTS: [Product<'static>; 6] = [
    Product {
        name: "catalog",
        environments: &["prod"],
        apis: &["shop"],
        scopes: &[],
        operations: &[
            operation("/v1/items/*", &["GET"]),
            operation("/v1/items/*/prices", &["GET", "HEAD"]),
        ],
    },
    Product {
        name: "orders",
        environments: &["prod", "test"],
        apis: &["shop"],
        scopes: &["orders.read", "orders.write"],
        operations: &[operation("/v1/orders/**", &[])],
    },
    Product {
        name: "everything",
        environments: &[],
        apis: &[],
        scopes: &[],
        operations: &[operation("/", &[])],
    },
    Product {
        name: "reports",
        environments: &[],
        apis: &["reports"],
        scopes: &["reports"],
        operations: &[
            operation("/v1.0/report-*.csv", &["GET"]),
            operation("/", &["OPTIONS"]),
        ],
    },
    Product {
        name: "tree",
        environments: &[],
        apis: &[],
        scopes: &[],
        operations: &[
            operation("/a/*/c/**", &["GET"]),
            operation("/exact/", &["GET"]),
        ],
    },
    Product {
        name: "empty",
        environments: &[],
        apis: &[],
        scopes: &[],
        operations: &[],
    },
];

type Names = &'static [&'static str];

struct Call {
    products: Names,
    scopes: Names,
    key: bool,
}

const fn key(products: Names) -> Call {
    Call {
        products,
        scopes: &[],
        key: true,
    }
}

const fn token(products: Names, scopes: Names) -> Call {
    Call {
        products,
        scopes,
        key: false,
    }
}

/// A call of the API `shop` in the environment `prod`.
fn call(who: Call, method: &'static str, path: &'static str) -> Request<'static> {
    const SHOP: Attributes<'_> = &[(b"environment", text("prod")), (b"api", text("shop"))];
    let list = |names: Names| {
        let values: Vec<_> = names.iter().map(|name| text(name)).collect();
        Value::List(values.leak())
    };
    let attributes = vec![
        (&b"api_product_list"[..], list(who.products)),
        (b"scope", list(who.scopes)),
    ];
    let principal = Principal {
        provider: who.key.then_some(b"api_keys"),
        id: b"client-1",
        attributes: attributes.leak(),
        ..Principal::default()
    };
    Request {
        method: Some(method.as_bytes()),
        path: Some(path.as_bytes()),
        principal: Some(principal),
        attributes: SHOP,
        ..Request::default()
    }
}

const CATALOG: &str = "catalog";
const ORDERS: &str = "orders";
const REPORTS: &str = "reports";
const TREE: &str = "tree";

#[test]
fn products_and_operations() {
    let in_test: Attributes<'_> = &[(b"environment", text("test")), (b"api", text("shop"))];
    let reports: Attributes<'_> = &[(b"environment", text("dev")), (b"api", text("reports"))];
    let items = |path| call(key(&[CATALOG]), "GET", path);
    let report = |method, path| with(call(key(&[REPORTS]), method, path), reports);
    gateway(Style::Adapter, &PRODUCTS).decides(&[
        (items("/v1/items/7"), "allow catalog/0"),
        (items("/v1/items/7/"), "deny"),
        (items("/v1/items/"), "allow catalog/0"),
        (items("/v1/items/7/prices"), "allow catalog/1"),
        (items("/v1/items/7/8/prices"), "deny"),
        (items("/V1/items/7"), "deny"),
        (call(key(&[CATALOG]), "POST", "/v1/items/7"), "deny"),
        (call(key(&[CATALOG]), "HEAD", "/v1/items/7"), "deny"),
        (
            call(key(&[CATALOG]), "HEAD", "/v1/items/7/prices"),
            "allow catalog/1",
        ),
        (with(items("/v1/items/7"), in_test), "deny"),
        (with(items("/v1/items/7"), &[]), "deny"),
        // Scopes: any one of them, and none for keys.
        (
            call(token(&[ORDERS], &["orders.write"]), "PUT", "/v1/orders/1/2"),
            "allow orders/0",
        ),
        (
            call(token(&[ORDERS], &["orders.admin"]), "PUT", "/v1/orders/1"),
            "deny",
        ),
        (call(token(&[ORDERS], &[]), "PUT", "/v1/orders/1"), "deny"),
        (
            call(key(&[ORDERS]), "PUT", "/v1/orders/1"),
            "allow orders/0",
        ),
        (call(key(&[ORDERS]), "PUT", "/v1/orders/"), "allow orders/0"),
        (call(key(&[ORDERS]), "PUT", "/v1/orders"), "deny"),
        (
            with(call(key(&[ORDERS]), "PUT", "/v1/orders/1"), in_test),
            "allow orders/0",
        ),
        // Several products of one app; the first in order is reported.
        (
            call(key(&[ORDERS, CATALOG]), "GET", "/v1/items/7"),
            "allow catalog/0",
        ),
        (
            call(key(&[ORDERS, CATALOG]), "DELETE", "/v1/orders/7"),
            "allow orders/0",
        ),
        (
            call(key(&["everything"]), "PATCH", "/any/thing/"),
            "allow everything/0",
        ),
        // A dot is a dot.
        (report("GET", "/v1.0/report-7.csv"), "allow reports/0"),
        (report("GET", "/v1X0/report-7.csv"), "deny"),
        (report("GET", "/v1.0/report-7/8.csv"), "deny"),
        (report("OPTIONS", "/x"), "allow reports/1"),
        (call(key(&["empty"]), "GET", "/"), "deny"),
        (call(key(&["unknown"]), "GET", "/v1/items/7"), "deny"),
        (
            Request {
                principal: None,
                ..items("/v1/items/7")
            },
            "deny",
        ),
    ]);
}

#[test]
fn two_readings_of_patterns() {
    let get = |path| call(key(&[TREE]), "GET", path);
    gateway(Style::Adapter, &PRODUCTS).decides(&[
        (get("/a/b/c/"), "allow tree/0"),
        (get("/a/b/c/d/e"), "allow tree/0"),
        (get("/a/b/x/c/d"), "deny"),
        (get("/A/b/c/d"), "deny"),
        (get("/exact/"), "allow tree/1"),
        (get("/exact"), "deny"),
    ]);
    gateway(Style::Microgateway, &PRODUCTS).decides(&[
        (get("/A/b/C/d"), "allow tree/0"),
        (get("/a/b/c/d/"), "allow tree/0"),
        (get("/a/b/x/c/d"), "deny"),
        (call(key(&[CATALOG]), "GET", "/v1/items/"), "deny"),
        (
            call(key(&[CATALOG]), "GET", "/v1/items/7/"),
            "allow catalog/0",
        ),
    ]);
}

/// The first rule that matches decides, so each is for what the ones before it are not.
fn access_control(rules: &[(&[&str], RuleEffect)], otherwise: RuleEffect) -> Draft {
    let mut draft = Draft::new();
    let layer = draft.layer(false, Mode::Enforce);
    let mut before = Vec::new();
    for (at, (networks, effect)) in rules.iter().enumerate() {
        let here = is(Attribute::RemoteIp, cidrs(networks));
        let first = all([here.clone(), not(any(before.clone()))]);
        draft.rule(layer, &format!("rule-{at}"), effect.clone(), first);
        before.push(here);
    }
    draft.rule(layer, "no-match", otherwise, not(any(before)));
    draft
}

#[test]
fn access_control_by_the_first_match() {
    let rules: [(&[&str], _); 3] = [
        (&["10.1.2.3"], Allow),
        (&["10.1.0.0/16", "2001:db8::/32"], Deny),
        (&["10.0.0.0/8"], Allow),
    ];
    let ip = |ip: &'static [u8]| Request {
        source_ip: Some(ip),
        ..Request::default()
    };
    access_control(&rules, Deny).decides(&[
        (ip(b"10.1.2.3"), "allow rule-0"),
        (ip(b"10.1.2.4"), "deny rule-1"),
        (ip(b"2001:db8::1"), "deny rule-1"),
        (ip(b"10.2.0.1"), "allow rule-2"),
        (ip(b"192.0.2.1"), "deny no-match"),
    ]);
    access_control(&rules, Allow).decides(&[
        (ip(b"10.1.2.4"), "deny rule-1"),
        (ip(b"192.0.2.1"), "allow no-match"),
    ]);
}

#[test]
fn unauthorized_calls_that_pass_are_a_shadow() {
    let mut draft = gateway(Style::Adapter, &PRODUCTS);
    let only = draft.set.layers.first_mut().unwrap();
    only.mode = Mode::Shadow;
    let open = draft.layer(true, Mode::Enforce);
    assert_eq!(open, LayerId(1));
    draft.decides(&[
        (call(key(&[CATALOG]), "GET", "/v1/items/7"), "allow"),
        (call(key(&[CATALOG]), "GET", "/other"), "allow ~deny"),
    ]);
}
