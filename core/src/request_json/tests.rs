//! Tables of requests that are read, and of requests that are refused.

use super::{RequestBuf, RequestError};
use crate::limits::{MAX_REQUEST_BYTES, MAX_REQUEST_DEPTH};
use crate::request::{Attribute, Charge, Header, Principal, Request, Resource, Value};

fn read(json: &str) -> RequestBuf {
    RequestBuf::from_json(json.as_bytes()).unwrap_or_else(|error| panic!("{json}: {error}"))
}

fn refused(json: &[u8]) -> RequestError {
    RequestBuf::from_json(json).expect_err(&String::from_utf8_lossy(json))
}

fn same(request: &Request<'_>, expected: &Request<'_>, json: &str) {
    assert_eq!(format!("{request:?}"), format!("{expected:?}"), "{json}");
}

#[test]
fn every_field_is_read() {
    let json = r#"{
        "method": "POST", "host": "shop.example:8443", "path": "/t/acme?x=1", "path_decoded": "/t/a b",
        "headers": [["Accept", "*/*"], ["x-raw", {"b64": "/wA="}]],
        "source_ip": "10.0.0.1", "bearer": "t.o.k", "api_key": "k", "peer": "spiffe://a/b",
        "peer_cert_sha256": "abc", "xfcc": "By=x",
        "principal": {"provider": "login", "id": "dana", "roles": ["clerk", "auditor"], "groups": ["g"],
                      "attributes": {"tenant": "acme", "plans": ["a", "b"], "level": 3}},
        "active_roles": ["clerk"], "action": "orders.read",
        "resource": {"type": "order", "id": "7", "attributes": {"tags": ["x"], "open": true}},
        "attributes": {"amount": 12.5, "ids": [1, 2, 3], "none": []},
        "approvals": ["one", "two"], "cost": 5, "charge": "peek", "at": 1700000000123, "id": "r-1"
    }"#;
    let plans = [Value::String(b"a"), Value::String(b"b")];
    let own: [Attribute<'_>; 3] = [
        (b"tenant", Value::String(b"acme")),
        (b"plans", Value::List(&plans)),
        (b"level", Value::Int(3)),
    ];
    let tags = [Value::String(b"x")];
    let resource: [Attribute<'_>; 2] =
        [(b"tags", Value::List(&tags)), (b"open", Value::Bool(true))];
    let ids = [Value::Int(1), Value::Int(2), Value::Int(3)];
    let attributes: [Attribute<'_>; 3] = [
        (b"amount", Value::Double(12.5)),
        (b"ids", Value::List(&ids)),
        (b"none", Value::List(&[])),
    ];
    let headers: [Header<'_>; 2] = [(b"Accept", b"*/*"), (b"x-raw", b"\xff\0")];
    let expected = Request {
        method: Some(b"POST"),
        host: Some(b"shop.example:8443"),
        path: Some(b"/t/acme?x=1"),
        path_decoded: Some(b"/t/a b"),
        headers: &headers,
        source_ip: Some(b"10.0.0.1"),
        bearer: Some(b"t.o.k"),
        api_key: Some(b"k"),
        peer: Some(b"spiffe://a/b"),
        peer_cert_sha256: Some(b"abc"),
        xfcc: Some(b"By=x"),
        principal: Some(Principal {
            provider: Some(b"login"),
            id: b"dana",
            roles: &[b"clerk", b"auditor"],
            groups: &[b"g"],
            attributes: &own,
        }),
        active_roles: Some(&[b"clerk"]),
        action: Some(b"orders.read"),
        resource: Some(Resource {
            kind: Some(b"order"),
            id: Some(b"7"),
            attributes: &resource,
        }),
        attributes: &attributes,
        approvals: &[b"one", b"two"],
        cost: Some(5),
        charge: Charge::Peek,
        at: Some(1_700_000_000_123),
        id: Some(b"r-1"),
    };
    let owned = read(json);
    let view = owned.view();
    same(&view.request(), &expected, json);
    same(&view.request(), &expected, "a second time");
}

#[test]
fn null_and_absent_are_the_same() {
    let fields = super::read::REQUEST_FIELDS.iter();
    let nulls: Vec<String> = fields.map(|name| format!("{name:?}: null")).collect();
    assert_eq!(
        read(&format!("{{{}}}", nulls.join(", "))),
        RequestBuf::default()
    );
    assert_eq!(
        read(
            r#"{"principal": {"provider": null, "id": "a", "roles": null, "attributes": {"x": null}}}"#
        ),
        read(r#"{"principal": {"id": "a"}}"#),
    );
    // No roles is not the same as every role.
    assert_ne!(
        read(r#"{"active_roles": []}"#),
        read(r#"{"active_roles": null}"#)
    );
}

#[test]
fn headers_have_two_forms() {
    let cases: &[(&str, &[Header<'_>])] = &[
        (
            r#"[["a", "1"], ["A", "2"], ["a", "1"]]"#,
            &[(b"a", b"1"), (b"A", b"2"), (b"a", b"1")],
        ),
        (
            r#"{"a": "1", "b": ["2", "3"], "c": [], "d": null}"#,
            &[(b"a", b"1"), (b"b", b"2"), (b"b", b"3")],
        ),
        (
            r#"{"a": {"b64": "AP8="}, "b": [{"b64": ""}]}"#,
            &[(b"a", b"\0\xff"), (b"b", b"")],
        ),
        ("[]", &[]),
    ];
    for (json, expected) in cases {
        let owned = read(&format!(r#"{{"headers": {json}}}"#));
        assert_eq!(owned.view().request().headers, *expected, "{json}");
    }
}

#[test]
fn times_are_rfc_3339_or_milliseconds() {
    let cases = [
        ("0", 0),
        ("-1", -1),
        (r#""1970-01-01T00:00:00Z""#, 0),
        (r#""1969-12-31T23:59:59.9994Z""#, -1),
        (r#""2026-03-01T12:00:00.25+01:00""#, 1_772_362_800_250),
    ];
    for (json, expected) in cases {
        let owned = read(&format!(r#"{{"at": {json}}}"#));
        assert_eq!(owned.view().request().at, Some(expected), "{json}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    let cases = [
        // the request as a whole
        ("[]", "", "expected an object, found a list"),
        ("", "", "not JSON: EOF while parsing a value at column 0"),
        ("{} {}", "", "not JSON: trailing characters at column 4"),
        (
            "{\"path\": \"/\n\"}",
            "",
            "not JSON: control character (\\u0000-\\u001F) found while parsing a string at line 2, column 0",
        ),
        (
            r#"{"path": "\ud800"}"#,
            "",
            "not JSON: unexpected end of hex escape at column 17",
        ),
        (
            r#"{"at": 1e999}"#,
            "",
            "not JSON: number out of range at column 12",
        ),
        (
            r#"{"methd": "GET"}"#,
            "",
            "unknown field \"methd\"; did you mean \"method\"?",
        ),
        (
            r#"{"\u001b[31m": 1}"#,
            "",
            "unknown field \"\\u{1b}[31m\"; known are method, host, ",
        ),
        (r#"{"path": "/a", "path": "/b"}"#, "path", "comes twice"),
        // text
        (
            r#"{"path": 1}"#,
            "path",
            "expected a string, found a number",
        ),
        (
            r#"{"path": {"b46": "AA=="}}"#,
            "path",
            "expected a string or {\"b64\": …}, found an object",
        ),
        (r#"{"path": {"b64": "AA"}}"#, "path.b64", "not base64"),
        (r#"{"path": {"b64": "-_=="}}"#, "path.b64", "not base64"),
        (
            r#"{"path": {"b64": null}}"#,
            "path.b64",
            "expected a string, found null",
        ),
        (
            r#"{"path": {"b64": "", "b64": ""}}"#,
            "path",
            "expected a string or {\"b64\": …}, found an object",
        ),
        // headers
        (
            r#"{"headers": "a"}"#,
            "headers",
            "expected a list of pairs or an object, found a string",
        ),
        (
            r#"{"headers": [["a", "b"], "c"]}"#,
            "headers[1]",
            "expected a pair of name and value, found a string",
        ),
        (
            r#"{"headers": [["a"]]}"#,
            "headers[0]",
            "expected a pair of name and value, found a list of 1",
        ),
        (
            r#"{"headers": [["a","b"],["a","b"],["a","b"],["a",2]]}"#,
            "headers[3][1]",
            "expected a string, found a number",
        ),
        (
            r#"{"headers": [["a", null]]}"#,
            "headers[0][1]",
            "expected a string, found null",
        ),
        (
            r#"{"headers": {"a": 1}}"#,
            "headers.a",
            "expected a string or a list of strings, found a number",
        ),
        (
            r#"{"headers": {"a": ["b", true]}}"#,
            "headers.a[1]",
            "expected a string, found a boolean",
        ),
        (
            r#"{"headers": {"a": "1", "a": "2"}}"#,
            "headers.a",
            "comes twice",
        ),
        // the caller and the resource
        (
            r#"{"principal": "dana"}"#,
            "principal",
            "expected an object, found a string",
        ),
        (
            r#"{"principal": {"role": []}}"#,
            "principal",
            "unknown field \"role\"; did you mean \"roles\"?",
        ),
        (
            r#"{"principal": {"roles": "clerk"}}"#,
            "principal.roles",
            "expected a list of strings, found a string",
        ),
        (
            r#"{"principal": {"roles": ["a", null]}}"#,
            "principal.roles[1]",
            "expected a string, found null",
        ),
        (
            r#"{"resource": {"category": "order"}}"#,
            "resource",
            "unknown field \"category\"; known are type, id, attributes",
        ),
        (
            r#"{"active_roles": "clerk"}"#,
            "active_roles",
            "expected a list of strings, found a string",
        ),
        // attributes
        (
            r#"{"attributes": {"a": {"b": 1}}}"#,
            "attributes.a",
            "expected a boolean, a number or a string, found an object",
        ),
        (
            r#"{"attributes": {"a": [[1]]}}"#,
            "attributes.a[0]",
            "expected a boolean, a number or a string, found a list",
        ),
        (
            r#"{"attributes": {"a": [null]}}"#,
            "attributes.a[0]",
            "expected a boolean, a number or a string, found null",
        ),
        (
            r#"{"attributes": {"a b": [null]}}"#,
            "attributes[\"a b\"][0]",
            "expected a boolean",
        ),
        (
            r#"{"attributes": {"a": 9223372036854775808}}"#,
            "attributes.a",
            "a number beyond 64 bits",
        ),
        (
            r#"{"attributes": {"a": -1e19}}"#,
            "attributes.a",
            "a number beyond 64 bits",
        ),
        (
            r#"{"attributes": {"a": 1, "a": 1}}"#,
            "attributes.a",
            "comes twice",
        ),
        // the rest
        (
            r#"{"cost": -1}"#,
            "cost",
            "expected a whole number from 0 to 2^64 - 1",
        ),
        (
            r#"{"cost": 1.5}"#,
            "cost",
            "expected a whole number from 0 to 2^64 - 1",
        ),
        (
            r#"{"cost": "1"}"#,
            "cost",
            "expected a whole number, found a string",
        ),
        (
            r#"{"charge": "Take"}"#,
            "charge",
            "expected \"take\", \"reserve\", \"peek\" or \"none\"",
        ),
        (
            r#"{"charge": 1}"#,
            "charge",
            "expected a string, found a number",
        ),
        (r#"{"at": "yesterday"}"#, "at", "expected a time such as"),
        (
            r#"{"at": "2026-03-01T12:00:00"}"#,
            "at",
            "expected a time such as",
        ),
        (r#"{"at": 1.5}"#, "at", "expected a time such as"),
        (
            r#"{"at": true}"#,
            "at",
            "expected a string or a number, found a boolean",
        ),
        (
            r#"{"approvals": [1]}"#,
            "approvals[0]",
            "expected a string, found a number",
        ),
    ];
    for (json, field, message) in cases {
        let error = refused(json.as_bytes());
        assert_eq!(error.field().unwrap_or_default(), field, "{json}: {error}");
        assert!(error.message().starts_with(message), "{json}: {error}");
    }
    assert_eq!(
        refused(br#"{"headers": [["a", 1]]}"#).to_string(),
        "headers[0][1]: expected a string, found a number"
    );
}

#[test]
fn wide_numbers_keep_their_value() {
    let json = r#"{"cost": 18446744073709551615, "attributes": {"a": 9223372036854775807, "b": -9223372036854775808}}"#;
    let owned = read(json);
    let view = owned.view();
    let request = view.request();
    assert_eq!(request.cost, Some(u64::MAX));
    assert_eq!(
        request.attributes,
        [
            (&b"a"[..], Value::Int(i64::MAX)),
            (&b"b"[..], Value::Int(i64::MIN))
        ]
    );
}

#[test]
fn size_and_nesting_are_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth)).into_bytes();
    assert_eq!(
        refused(&nested(MAX_REQUEST_DEPTH)).message(),
        "expected an object, found a list"
    );
    let too_deep = format!("nested more than {MAX_REQUEST_DEPTH} deep");
    for depth in [MAX_REQUEST_DEPTH + 1, 100_000] {
        assert!(
            refused(&nested(depth)).message().starts_with(&too_deep),
            "{depth}"
        );
    }
    let padded = |length: usize| format!("{{{}}}", " ".repeat(length - 2)).into_bytes();
    assert!(RequestBuf::from_json(&padded(MAX_REQUEST_BYTES)).is_ok());
    let longest = format!("longer than {MAX_REQUEST_BYTES} bytes");
    assert_eq!(refused(&padded(MAX_REQUEST_BYTES + 1)).message(), longest);
}

#[test]
fn bytes_that_are_no_text_are_refused_not_replaced() {
    for json in [
        &b"{\"path\": \"/\xff\"}"[..],
        b"\xef\xbb\xbf{}",
        b"\0",
        b"{\"path\": \"/\xed\xa0\x80\"}",
    ] {
        assert!(refused(json).message().starts_with("not JSON"), "{json:?}");
    }
}

#[test]
fn a_long_name_is_cut_and_a_value_is_never_quoted() {
    let error = refused(format!("{{\"{}\": 1}}", "x".repeat(100_000)).as_bytes());
    assert!(error.to_string().len() < 500, "{error}");
    let error = refused(br#"{"bearer": ["secret"], "x": 1}"#);
    assert!(!error.to_string().contains("secret"), "{error}");
}
