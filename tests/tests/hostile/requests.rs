//! Requests that nobody sends by mistake.

use gatelet::{
    Attribute, Effect, Engine, Header, Principal, Reason, Request, RequestBuf, Resource, Value,
};

use super::super::{engine, on_small_stack};

/// Allows one path to one person, and denies by everything that a request can hold.
const POLICY: &str = r#"
gatelet: 1
identity: { trust_host: [principal, peer], workloads: { trust_domains: [prod.example] } }
network: { trusted_proxies: [10.0.0.0/8], xff_hops: 1 }
attributes:
  tenant: { of: principal, type: string, optional: true }
  amount: { of: request, type: int, optional: true }
  tags: { of: resource, type: string_list, optional: true }
domains: { tenant: route.name }
actions: { read: { routes: ["GET /only/{name}/way"] } }
roles: { reader: { can: [read] } }
grants: [{ role: reader, to: { user: ann, of: host } }]
rules:
  tagged: { effect: deny, match: { attr: { tags: [secret] } } }
  agents: { effect: deny, match: { header: { x-agent: "bad*" } } }
  far:    { effect: deny, match: { remote_ip: 192.0.2.0/24 } }
"#;

fn decide(engine: &Engine, request: &Request<'_>) -> (Effect, Reason) {
    let mut scratch = engine.scratch();
    let first = {
        let decision = engine.decide(&mut scratch, request);
        (decision.effect(), decision.reason())
    };
    let again = engine.decide(&mut scratch, request);
    assert_eq!(first, (again.effect(), again.reason()));
    let _ = engine.explain(&mut scratch, request).to_string();
    first
}

fn good() -> Request<'static> {
    Request {
        method: Some(b"GET"),
        path: Some(b"/only/one/way"),
        source_ip: Some(b"10.0.0.1"),
        headers: &[(b"x-forwarded-for", b"203.0.113.9")],
        principal: Some(Principal {
            id: b"ann",
            ..Principal::default()
        }),
        at: Some(1_767_225_600_000),
        ..Request::default()
    }
}

#[test]
fn the_one_good_request_is_allowed() {
    assert_eq!(
        decide(&engine(POLICY), &good()),
        (Effect::Allow, Reason::Allowed)
    );
}

type Put = for<'a> fn(&mut Request<'a>, &'a [u8]);

/// Fields without which the good request is not allowed.
const NEEDED: &[(&str, Put)] = &[
    ("method", |request, bytes| request.method = Some(bytes)),
    ("path", |request, bytes| request.path = Some(bytes)),
    ("path_decoded", |request, bytes| {
        (request.path, request.path_decoded) = (None, Some(bytes));
    }),
    ("principal.id", |request, bytes| {
        request.principal = request.principal.map(|principal| Principal {
            id: bytes,
            ..principal
        });
    }),
    ("principal.provider", |request, bytes| {
        let provider = Some(bytes);
        request.principal = request.principal.map(|principal| Principal {
            provider,
            ..principal
        });
    }),
    ("action", |request, bytes| request.action = Some(bytes)),
    ("source_ip", |request, bytes| {
        request.source_ip = Some(bytes)
    }),
    ("peer", |request, bytes| request.peer = Some(bytes)),
];

/// Fields that need not change the answer; they must not break it.
const OTHERS: &[(&str, Put)] = &[
    ("host", |request, bytes| request.host = Some(bytes)),
    ("bearer", |request, bytes| request.bearer = Some(bytes)),
    ("api_key", |request, bytes| request.api_key = Some(bytes)),
    ("xfcc", |request, bytes| request.xfcc = Some(bytes)),
    ("peer_cert_sha256", |request, bytes| {
        request.peer_cert_sha256 = Some(bytes)
    }),
    ("id", |request, bytes| request.id = Some(bytes)),
    ("resource", |request, bytes| {
        let (kind, id) = (Some(bytes), Some(bytes));
        request.resource = Some(Resource {
            kind,
            id,
            attributes: &[],
        });
    }),
];

fn evil() -> Vec<Vec<u8>> {
    let short = [
        &b""[..],
        b"\0",
        b"a\0b",
        b"\xff\xfe",
        b"\r\nx: y",
        b"\x1b[2J",
    ];
    let mut all: Vec<_> = short.iter().map(|bytes| bytes.to_vec()).collect();
    all.push("\u{202e}".as_bytes().to_vec());
    all.push(vec![b'a'; 1 << 20]);
    all.push(b"/a".repeat(1 << 19));
    all.push(b"/%2e%2e".repeat(2_000));
    all
}

#[test]
fn text_fields() {
    let engine = engine(POLICY);
    for bytes in &evil() {
        for (field, put) in NEEDED {
            let mut request = good();
            put(&mut request, bytes);
            let (effect, _) = decide(&engine, &request);
            assert_eq!(
                effect,
                Effect::Deny,
                "{field}: {:?}",
                &bytes[..bytes.len().min(20)]
            );
        }
        for (_, put) in OTHERS {
            let mut request = good();
            put(&mut request, bytes);
            let _ = decide(&engine, &request);
        }
        let (approvals, headers) = ([&bytes[..]; 2], [(&b"x-forwarded-for"[..], &bytes[..])]);
        let attributes = [(&bytes[..], Value::String(bytes))];
        let approvals = Request {
            approvals: &approvals,
            ..good()
        };
        let headers = Request {
            headers: &headers,
            ..good()
        };
        let attributes = Request {
            attributes: &attributes,
            ..good()
        };
        for request in [approvals, headers, attributes] {
            let _ = decide(&engine, &request);
        }
    }
}

#[test]
fn paths_of_a_megabyte_are_malformed() {
    let engine = engine(POLICY);
    for path in [
        b"/a".repeat(1 << 19),
        [&b"/"[..], &vec![b'a'; 1 << 20]].concat(),
        [&b"/only/one/way?"[..], &vec![b'q'; 1 << 20]].concat(),
    ] {
        assert_eq!(
            decide(
                &engine,
                &Request {
                    path: Some(&path),
                    ..good()
                }
            )
            .1,
            Reason::MalformedRequest
        );
    }
}

#[test]
fn ten_thousand_headers_are_malformed() {
    let engine = engine(POLICY);
    let headers: Vec<Header<'_>> = vec![(b"x-agent", b"good"); 10_000];
    assert_eq!(
        decide(
            &engine,
            &Request {
                headers: &headers,
                ..good()
            }
        )
        .1,
        Reason::MalformedRequest
    );
    let long = vec![b'v'; 1 << 20];
    let _ = decide(
        &engine,
        &Request {
            headers: &[(b"x-agent", &long)],
            ..good()
        },
    );
    let _ = decide(
        &engine,
        &Request {
            headers: &[(&long, b"v")],
            ..good()
        },
    );
    for (name, value) in [
        (&b"x\0"[..], &b"v"[..]),
        (b"x-a", b"v\r\n"),
        (b"x-a", b"\0"),
        (b"x a\n", b"v"),
    ] {
        assert_eq!(
            decide(
                &engine,
                &Request {
                    headers: &[(name, value)],
                    ..good()
                }
            )
            .1,
            Reason::MalformedRequest
        );
    }
}

#[test]
fn a_hundred_thousand_names_grant_nothing_more() {
    let engine = engine(POLICY);
    let names: Vec<String> = (0..100_000)
        .map(|number| format!("group-{number}"))
        .collect();
    let names: Vec<&[u8]> = names.iter().map(String::as_bytes).collect();
    let stranger = Principal {
        id: b"eve",
        roles: &names,
        groups: &names,
        ..Principal::default()
    };
    assert_eq!(
        decide(
            &engine,
            &Request {
                principal: Some(stranger),
                ..good()
            }
        )
        .0,
        Effect::Deny
    );
    let repeated = vec![&b"reader"[..]; 100_000];
    let _ = decide(
        &engine,
        &Request {
            principal: Some(Principal {
                roles: &repeated,
                ..stranger
            }),
            ..good()
        },
    );
    assert_eq!(
        decide(
            &engine,
            &Request {
                active_roles: Some(&names),
                ..good()
            }
        )
        .0,
        Effect::Deny
    );
    let attributes: Vec<Attribute<'_>> = names.iter().map(|name| (*name, Value::Int(1))).collect();
    let _ = decide(
        &engine,
        &Request {
            attributes: &attributes,
            ..good()
        },
    );
}

#[test]
fn values_of_every_size_and_depth() {
    let engine = engine(POLICY);
    let strings = vec![Value::String(b"secret"); 100_000];
    assert_eq!(
        decide(
            &engine,
            &Request {
                resource: Some(Resource {
                    attributes: &[(b"tags", Value::List(&strings))],
                    ..Resource::default()
                }),
                ..good()
            }
        )
        .0,
        Effect::Deny
    );
    on_small_stack(|| nest(&engine, 10_000));
    for value in [
        Value::Double(f64::NAN),
        Value::Double(f64::INFINITY),
        Value::Int(i64::MIN),
        Value::Timestamp(i64::MAX),
        Value::Duration(i64::MIN),
    ] {
        let _ = decide(
            &engine,
            &Request {
                attributes: &[(b"amount", value)],
                ..good()
            },
        );
        let _ = decide(
            &engine,
            &Request {
                principal: Some(Principal {
                    id: b"eve",
                    attributes: &[(b"tenant", value)],
                    ..Principal::default()
                }),
                ..good()
            },
        );
    }
    for at in [i64::MIN, -1, 0, i64::MAX] {
        let _ = decide(
            &engine,
            &Request {
                at: Some(at),
                ..good()
            },
        );
    }
}

/// Values within values, each borrowing the one before.
fn nest(engine: &Engine, depth: usize) {
    let mut levels: Vec<[Value<'static>; 1]> = Vec::new();
    levels.push([Value::Int(1)]);
    for _ in 0..depth {
        let below: &'static [Value<'static>] =
            Box::leak(Box::new(levels.pop().unwrap_or([Value::Int(1)])));
        levels.push([Value::List(below)]);
    }
    let value = levels.pop().map_or(Value::Int(1), |[value]| value);
    let _ = decide(
        engine,
        &Request {
            attributes: &[(b"amount", value), (b"other", value)],
            ..good()
        },
    );
    let resource = Resource {
        attributes: &[(b"tags", value)],
        ..Resource::default()
    };
    let _ = decide(
        engine,
        &Request {
            resource: Some(resource),
            ..good()
        },
    );
}

#[test]
fn nothing_at_all() {
    let engine = engine(POLICY);
    assert_eq!(
        decide(&engine, &Request::default()),
        (Effect::Deny, Reason::MalformedRequest)
    );
    let empty = Request {
        method: Some(b""),
        host: Some(b""),
        path: Some(b""),
        source_ip: Some(b""),
        principal: Some(Principal::default()),
        headers: &[(b"", b"")],
        active_roles: Some(&[]),
        action: Some(b""),
        resource: Some(Resource::default()),
        ..Request::default()
    };
    assert_eq!(
        decide(&engine, &empty),
        (Effect::Deny, Reason::MalformedRequest)
    );
}

#[test]
fn json_that_is_deep_or_long() {
    on_small_stack(|| {
        let deep = format!(
            "{{\"attributes\":{{\"a\":{}{}}}}}",
            "[".repeat(100_000),
            "]".repeat(100_000)
        );
        assert!(RequestBuf::from_json(deep.as_bytes()).is_err());
        let open = format!("{{\"attributes\":{{\"a\":{}", "[".repeat(100_000));
        assert!(RequestBuf::from_json(open.as_bytes()).is_err());
        let mappings = format!("{{\"principal\":{}", "{\"a\":".repeat(100_000));
        assert!(RequestBuf::from_json(mappings.as_bytes()).is_err());
    });
    for bytes in [
        &b"\xff"[..],
        b"{\"path\":\"\\ud800\"}",
        b"{\"cost\":1e400}",
        b"{\"at\":9223372036854775808}",
        b"{\"cost\":18446744073709551616}",
    ] {
        assert!(
            RequestBuf::from_json(bytes).is_err(),
            "{:?}",
            String::from_utf8_lossy(bytes)
        );
    }
}
