//! The file of API keys: what is wrong with one, and what one says.

use super::brief;
use crate::keys::api_keys::{ApiKeySet, AttributeText, Status};
use crate::keys::origin::Origin;

const HEAD: &str = "gatelet_keys: 1\npepper: \"${file:pepper}\"\napps:\n";

fn hmac(digit: char) -> String {
    digit.to_string().repeat(64)
}

/// Loads what stands below `apps`; digits in angle brackets stand for whole digests.
fn load(apps: &str) -> Result<ApiKeySet, Vec<String>> {
    let mut text = format!("{HEAD}{apps}");
    for digit in ['1', '2', 'a'] {
        text = text.replace(&format!("<{digit}>"), &hmac(digit));
    }
    load_text(&text)
}

fn load_text(text: &str) -> Result<ApiKeySet, Vec<String>> {
    match ApiKeySet::load("keys/prod.yaml", text.as_bytes()) {
        Ok((keys, warnings)) => {
            assert!(warnings.is_empty(), "{warnings:?}");
            Ok(keys)
        }
        Err(error) => {
            for found in error.diagnostics() {
                assert!(!found.render(false).contains(&hmac('1')), "{found:?}");
                assert!(!found.render(false).contains("hush"), "{found:?}");
            }
            Err(brief(error.diagnostics(), 3))
        }
    }
}

const WRONG: &[(&str, &[&str])] = &[
    ("  a: { keys: [{ id: k, hmac: '<1>' }] }\n", &[]),
    ("  a: { keys: [{ id: k, hmac: <a> }] }\n", &[]),
    ("  a: { keys: [] }\n", &[]),
    ("  a: {}\n", &["GL016 1:6"]),
    ("  a: { keys: [{ hmac: <1> }] }\n", &["GL016 1:17"]),
    ("  a: { keys: [{ hmac: <1>, opaque: true }] }\n", &[]),
    ("  a: { keys: [{ id: k }] }\n", &["GL016 1:17"]),
    (
        "  a: { keys: [{ id: k, hmac: 11 }, { id: l, hmac: [] }] }\n",
        &["GL619 1:30", "GL619 1:51"],
    ),
    (
        "  a: { keys: [{ id: k_1, hmac: <1> }, { id: '', hmac: <1> }] }\n",
        &["GL102 1:21", "GL102 1:106"],
    ),
    (
        "  a: { keys: [{ id: k, hmac: <1> }] }\n  b: { keys: [{ id: k, hmac: <2> }] }\n",
        &["GL101 2:21"],
    ),
    (
        "  a: { keys: [{ opaque: true, hmac: <1> }, { opaque: true, hmac: <1> }] }\n",
        &["GL101 1:127"],
    ),
    (
        "  a: { keys: [{ id: k, hmac: <1>, staus: approved }] }\n",
        &["GL015 1:96"],
    ),
    (
        "  a: { status: approvd, keys: [{ id: k, hmac: <1>, status: gone }] }\n",
        &["GL108 1:16", "GL108 1:121"],
    ),
    (
        "  a: { keys: [{ id: k, hmac: <1>, not_before: 2026-01-02T00:00:00Z, not_after: 2026-01-02T00:00:00Z }] }\n",
        &["GL201 1:141"],
    ),
    (
        "  a: { keys: [{ id: k, hmac: <1>, not_after: 2026 }] }\n",
        &["GL020 1:107"],
    ),
    (
        "  a: { roles: clerk, groups: [''], attributes: { a-b: c, d: {} }, keys: [] }\n",
        &["GL017 1:15", "GL102 1:31", "GL102 1:50", "GL017 1:61"],
    ),
    ("  \"a\\u0007\": { keys: [] }\n", &["GL102 1:3"]),
    (
        "  a: { keys: [{ id: a, hmac: <1> }, { id: b, hmac: <1> }, { id: c, hmac: <1> }, { id: d, hmac: <1> }] }\n",
        &[],
    ),
    (
        "  a: { keys: [{ id: a, hmac: <1> }, { id: b, hmac: <1> }, { id: c, hmac: <1> }, { id: d, hmac: <1> }, { id: e, hmac: <1> }] }\n",
        &["GL620 1:3"],
    ),
    (
        "  a: { keys: [{ id: a, hmac: <1> }, { id: b, hmac: <1> }, { id: c, hmac: <1> }, { id: d, hmac: <1>, status: revoked }, { id: e, hmac: <1> }] }\n",
        &[],
    ),
    (
        "  a: { keys: [{ id: a, hmac: <1> }, { id: b, hmac: <1> }, { id: c, hmac: <1> }, { id: d, hmac: <1>, not_after: 2026-01-01T00:00:00Z }, { id: e, hmac: <1>, not_before: 2026-01-01T00:00:00Z }] }\n",
        &[],
    ),
    (
        "  a: { keys: [{ id: a, hmac: <1> }, { id: b, hmac: <1> }, { id: c, hmac: <1> }, { id: d, hmac: <1>, not_after: 2026-01-01T00:00:01Z }, { id: e, hmac: <1>, not_before: 2026-01-01T00:00:00Z }] }\n",
        &["GL620 1:3"],
    ),
];

#[test]
fn what_is_wrong() {
    let wrong = WRONG.iter().filter_map(|(text, expected)| {
        let found = load(text).err().unwrap_or_default();
        (found != *expected).then(|| format!("{text}{found:?}"))
    });
    let wrong: Vec<_> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_wrong_at_the_top() {
    let rows: &[(&str, &[&str])] = &[
        ("", &["GL802 0:0"]),
        ("[]\n", &["GL017 0:1"]),
        ("apps: {}\n", &["GL016 0:1", "GL802 0:1"]),
        (
            "gatelet_keys: 2\npepper: hush\napps: {}\n",
            &["GL802 0:15", "GL617 0:1"],
        ),
        (
            "gatelet_keys: 1\npepper: \"${file:../p}\"\napps: {}\n",
            &["GL611 0:9"],
        ),
        ("gatelet_keys: 1\npepper: \"${env:P}\"\n", &["GL016 0:1"]),
        (
            "gatelet_keys: 1\npepper: \"${env:P}\"\napps: {}\nmore: 1\n",
            &["GL015 1:1"],
        ),
        (
            "gatelet_keys: 1\npepper: \"${env:P}\"\napps: {}\n---\na: b\n",
            &["GL803 2:1"],
        ),
        (
            "{\"gatelet_keys\": 1, \"pepper\": \"${env:P}\", \"apps\": {\n",
            &["GL004 0:0"],
        ),
    ];
    for (text, expected) in rows {
        let mut found = load_text(text).err().unwrap_or_default();
        if text.starts_with('{') {
            // Where broken JSON breaks off is told elsewhere.
            found = found
                .into_iter()
                .map(|one| one[..5].to_owned() + " 0:0")
                .collect();
        }
        assert_eq!(found, *expected, "{text}");
    }
}

#[test]
fn what_it_says() {
    let keys = load(concat!(
        "  shop: { status: pending, roles: [clerk], groups: [g], scopes: [read, write], attributes: { plan: pro, seats: 7, tags: [a, b], ok: true }, keys: [\n",
        "    { id: k1, hmac: <1>, not_before: 1970-01-01T00:00:01Z, not_after: 1970-01-01T00:00:02Z },\n",
        "    { id: k2, hmac: <1>, status: revoked } ] }\n",
        "  old: { keys: [{ opaque: true, hmac: <2> }, { opaque: true, id: named, hmac: <a> }] }\n",
    ))
    .unwrap();
    assert_eq!((keys.app_count(), keys.key_count()), (2, 4));
    assert_eq!(*keys.pepper(), Origin::file("keys/pepper"));
    let k1 = keys.by_id(b"k1").unwrap();
    assert_eq!(
        (k1.hmac, k1.status, k1.opaque),
        ([0x11; 32], Status::Approved, false)
    );
    assert_eq!(
        (k1.not_before_ms, k1.not_after_ms),
        (Some(1_000), Some(2_000))
    );
    let shop = keys.app(k1).unwrap();
    assert_eq!((&*shop.name, shop.status), ("shop", Status::Pending));
    assert_eq!(
        (
            shop.roles.join(" "),
            shop.groups.join(" "),
            shop.scopes.join(" ")
        ),
        ("clerk".into(), "g".into(), "read write".into())
    );
    let one = |text: &str| AttributeText::One(text.into());
    let many = AttributeText::Many(["a", "b"].map(Box::from).into());
    let expected = [
        ("plan", one("pro")),
        ("seats", one("7")),
        ("tags", many),
        ("ok", one("true")),
    ];
    let attributes = shop.attributes.iter().map(|(name, value)| (&**name, value));
    assert!(
        attributes.eq(expected.iter().map(|(name, value)| (*name, value))),
        "{shop:?}"
    );
    assert_eq!(
        keys.by_id(b"k2").map(|key| key.status),
        Some(Status::Revoked)
    );
    // An opaque key is found by its digest alone, and a digest of another finds nothing.
    let old = keys.by_digest(&[0x22; 32]).unwrap();
    assert_eq!(keys.app(old).map(|app| &*app.name), Some("old"));
    assert!(
        keys.by_digest(&[0xaa; 32])
            .is_some_and(|key| key.id.as_deref() == Some("named"))
    );
    assert!(keys.by_digest(&[0x11; 32]).is_none() && keys.by_id(b"named").is_none());
    assert!(!format!("{keys:?} {k1:?}").contains("11, 11"));
}
