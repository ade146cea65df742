//! Tables of templates and routes.

use super::super::rng::Rng;
use super::*;

fn template(text: &str) -> PathTemplate {
    PathTemplate::parse(text).unwrap()
}

fn with_path<T>(target: &str, check: impl FnOnce(&Segments, &[u8]) -> T) -> T {
    let mut buffer = PathBuffer::new();
    let mut segments = Segments::new();
    let normal = normalize(
        target.as_bytes(),
        Normalize::Base,
        TrailingSlash::Same,
        &mut buffer,
        &mut segments,
    );
    let path = normal.unwrap().path;
    check(&segments, path)
}

#[test]
fn matching() {
    for (pattern, path, expected) in [
        ("/", "/", true),
        ("/", "/a", false),
        ("/a", "/a", true),
        ("/a", "/a/", true),
        ("/a/", "/a", true),
        ("/a", "/A", false),
        ("/a", "/ab", false),
        ("/a", "/a/b", false),
        ("/{x}", "/a", true),
        ("/{x}", "/", false),
        ("/{x}", "/a/b", false),
        ("/{x}/b", "//b", false),
        ("/{*}/b", "/a/b", true),
        ("/{**}", "/", false),
        ("/{**}", "/a", true),
        ("/{**}", "/a/b/c", true),
        ("/a/{**}", "/a", false),
        ("/a/{**}", "/a/", false),
        ("/a/{**}", "/a/b/", true),
        ("/t/{tenant}/orders/{**}", "/t/acme/orders/1/lines", true),
        ("/t/{tenant}/orders/{**}", "/t/acme/order/1", false),
        ("/café", "/caf%C3%A9", true),
        ("/caf%c3%a9", "/café", true),
        ("/a b", "/a%20b", true),
        ("/a%7Bb%7D", "/a{b}", true),
        ("/a,b", "/a%2Cb", false),
        ("/.well-known/{*}", "/.well-known/jwks.json", true),
    ] {
        let got = with_path(path, |segments, path| {
            template(pattern).matches(segments, path)
        });
        assert_eq!(got, expected, "{pattern} {path}");
    }
}

#[test]
fn captures() {
    let orders = template("/t/{tenant}/{*}/{order_2}/{**}");
    assert_eq!(
        orders.captures().collect::<Vec<_>>(),
        [("tenant", 1), ("order_2", 3)]
    );
    with_path("/t/acme/orders/4711/a/b", |segments, path| {
        assert_eq!(orders.capture("tenant", segments, path), Some(&b"acme"[..]));
        assert_eq!(
            orders.capture("order_2", segments, path),
            Some(&b"4711"[..])
        );
        assert_eq!(orders.capture("order", segments, path), None);
    });
    with_path("/t", |segments, path| {
        assert_eq!(orders.capture("tenant", segments, path), None)
    });
}

#[test]
fn faults_have_a_place_and_a_help() {
    let deep = "/a".repeat(MAX_SEGMENTS + 1);
    let long = format!("/{}", "a".repeat(1 << 20));
    for (text, at, words) in [
        ("", 0, "begins with `/`"),
        ("a/b", 0, "write `/a/b`"),
        ("//", 1, "empty segment"),
        ("/a//b", 3, "empty segment"),
        ("/a/../b", 3, "`..`"),
        ("/a/./b", 3, "`..`"),
        ("/a/b%61", 4, "character itself"),
        ("/a%2fb", 2, "encoded slash"),
        ("/a%5cb", 2, "encoded slash"),
        ("/a%zz", 2, "%25"),
        ("/a;b", 2, "path parameters"),
        ("/a%3bb", 2, "path parameters"),
        ("/a?b", 2, "query"),
        ("/a#b", 2, "fragment"),
        ("/a\\b", 2, "`/` between"),
        ("/a\0", 1, "control"),
        ("/a%00", 1, "control"),
        ("/a{b}", 2, "whole segment"),
        ("/{a}b", 1, "whole segment"),
        ("/{a", 1, "whole segment"),
        ("/a}", 2, "whole segment"),
        ("/{{a}}", 1, "whole segment"),
        ("/{}", 2, "a-z"),
        ("/{Tenant}", 2, "a-z"),
        ("/{a-b}", 3, "a-z"),
        ("/{1a}", 2, "a-z"),
        ("/{***}", 2, "a-z"),
        ("/*", 1, "write `{*}`"),
        ("/a/**", 3, "write `{**}`"),
        ("/{**}/a", 6, "nothing may follow"),
        ("/a/{**}/", 7, "nothing may follow"),
        ("/{a}/{a}", 6, "own name"),
        (deep.as_str(), 2 * MAX_SEGMENTS + 1, "at most 64"),
        (long.as_str(), 8192, "longer than"),
    ] {
        let error = PathTemplate::parse(text).unwrap_err();
        let said = format!(
            "{} {}",
            error.message,
            error.help.clone().unwrap_or_default()
        );
        assert!(
            error.at == at && said.contains(words),
            "{text:.40} {error:?}"
        );
    }
}

#[test]
fn the_more_specific_comes_first() {
    let ordered = [
        "/a/b/c",
        "/a/b/{**}",
        "/a/b",
        "/a/{x}/c",
        "/a/{x}",
        "/a/{**}",
        "/a",
        "/b",
        "/{x}/b",
        "/{x}",
        "/{**}",
        "/",
    ];
    for (i, left) in ordered.iter().enumerate() {
        for (j, right) in ordered.iter().enumerate() {
            assert_eq!(
                template(left).cmp_specificity(&template(right)),
                i.cmp(&j),
                "{left} {right}"
            );
        }
    }
    for (left, right, same) in [
        ("/a/{x}", "/a/{y}", true),
        ("/a/{x}", "/a/{*}", true),
        ("/a/", "/a", true),
        ("/a/{x}", "/a/{**}", false),
        ("/a", "/b", false),
    ] {
        assert_eq!(
            template(left).same_shape(&template(right)),
            same,
            "{left} {right}"
        );
    }
}

#[test]
fn routes() {
    for (text, method, matches) in [
        ("GET /healthz", "GET", true),
        ("GET /healthz", "get", false),
        ("GET /healthz", "POST", false),
        ("*  /healthz", "PURGE", true),
        ("PURGE /x", "PURGE", true),
        ("m-search /x", "m-search", true),
    ] {
        assert_eq!(
            Route::parse(text)
                .unwrap()
                .method
                .matches(method.as_bytes()),
            matches,
            "{text} {method}"
        );
    }
    for (text, at, words) in [
        ("", 0, "GET /orders"),
        ("GET", 3, "GET /orders"),
        ("/healthz", 0, "GET /healthz"),
        ("get /healthz", 0, "case-sensitive: GET"),
        ("Post /healthz", 0, "case-sensitive: POST"),
        ("GET,POST /x", 3, "one word"),
        (" /x", 0, "method is missing"),
        ("GET  x", 5, "begins with `/`"),
        ("GET /a/..", 7, "`..`"),
    ] {
        let error = Route::parse(text).unwrap_err();
        let said = format!(
            "{} {}",
            error.message,
            error.help.clone().unwrap_or_default()
        );
        assert!(error.at == at && said.contains(words), "{text} {error:?}");
    }
}

/// The definition by recursion, over the parts of the texts.
fn naive(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern, path) {
        ([], []) => true,
        (["{**}"], [_, ..]) => true,
        ([first, pattern @ ..], [part, path @ ..]) => {
            (if first.starts_with('{') {
                !part.is_empty()
            } else {
                first == part
            }) && naive(pattern, path)
        }
        _ => false,
    }
}

#[test]
fn agrees_with_the_naive_reading() {
    let mut rng = Rng(6);
    let mut matched = 0;
    for _ in 0..30_000 {
        let pattern = rng.text(&["/a", "/b", "/{*}"], 4) + ["", "/{**}"][rng.below(2)];
        let path = rng.text(&["/a", "/b", "/c"], 5);
        if pattern.is_empty() || path.is_empty() {
            continue;
        }
        let parts = |text: &'static str| text[1..].split('/').collect::<Vec<_>>();
        let expected = naive(&parts(pattern.clone().leak()), &parts(path.clone().leak()));
        let got = with_path(&path, |segments, path| {
            template(&pattern).matches(segments, path)
        });
        assert_eq!(got, expected, "{pattern} {path}");
        matched += usize::from(got);
    }
    assert!(matched > 1_000, "{matched}");
}
