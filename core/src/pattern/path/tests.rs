//! Tables and properties of path normalisation.

use super::super::rng::Rng;
use super::*;
use crate::limits::MAX_SEGMENTS;

const MODES: [Normalize; 5] = [
    Normalize::Strict,
    Normalize::Base,
    Normalize::MergeSlashes,
    Normalize::DecodeSlashes,
    Normalize::None,
];

/// Path, query, final slash and segments, owned.
type Outcome = Result<(String, Option<String>, bool, Vec<String>), PathError>;

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn run(target: &[u8], mode: Normalize, slash: TrailingSlash) -> Outcome {
    let mut buffer = PathBuffer::new();
    let mut segments = Segments::new();
    let normal = normalize(target, mode, slash, &mut buffer, &mut segments)?;
    let parts = segments.iter(normal.path).map(text).collect();
    Ok((
        text(normal.path),
        normal.query.map(text),
        normal.trailing_slash,
        parts,
    ))
}

fn path_of(target: &str, mode: Normalize) -> Result<String, PathError> {
    run(target.as_bytes(), mode, TrailingSlash::Same).map(|outcome| outcome.0)
}

#[test]
fn strict_accepts_and_canonicalises() {
    for (target, path, segments) in [
        ("/", "/", &[][..]),
        ("*", "*", &[]),
        ("/a", "/a", &["a"]),
        ("/a/", "/a/", &["a"]),
        ("/a/b/c", "/a/b/c", &["a", "b", "c"]),
        ("/.well-known/x", "/.well-known/x", &[".well-known", "x"]),
        ("/a/...", "/a/...", &["a", "..."]),
        ("/a.b/..c", "/a.b/..c", &["a.b", "..c"]),
        ("/caf%c3%a9", "/caf%C3%A9", &["caf%C3%A9"]),
        ("/caf%C3%A9", "/caf%C3%A9", &["caf%C3%A9"]),
        ("/café", "/caf%C3%A9", &["caf%C3%A9"]),
        (
            "/a b\"<>^`{|}[]",
            "/a%20b%22%3C%3E%5E%60%7B%7C%7D%5B%5D",
            &["a%20b%22%3C%3E%5E%60%7B%7C%7D%5B%5D"],
        ),
        ("/a%2cb", "/a%2Cb", &["a%2Cb"]),
        (
            "/a,b!$&'()*+=:@~-._",
            "/a,b!$&'()*+=:@~-._",
            &["a,b!$&'()*+=:@~-._"],
        ),
        ("/100%25", "/100%25", &["100%25"]),
        ("/%252e%252e", "/%252e%252e", &["%252e%252e"]),
        (
            "/exactly-16-bytes",
            "/exactly-16-bytes",
            &["exactly-16-bytes"],
        ),
        (
            "/exactly-15-byte/",
            "/exactly-15-byte/",
            &["exactly-15-byte"],
        ),
        (
            "/exactly-15-byte/a",
            "/exactly-15-byte/a",
            &["exactly-15-byte", "a"],
        ),
    ] {
        let slash = target.len() > 1 && target.ends_with('/');
        let segments = segments.iter().map(ToString::to_string).collect();
        assert_eq!(
            run(target.as_bytes(), Normalize::Strict, TrailingSlash::Same),
            Ok((path.into(), None, slash, segments))
        );
    }
}

#[test]
fn strict_refuses() {
    for (target, slug) in [
        (&b""[..], "empty"),
        (b"a", "not_absolute"),
        (b"?a", "not_absolute"),
        (b"**", "not_absolute"),
        (b"http://host/a", "not_absolute"),
        (b"/a%2fb", "encoded_slash"),
        (b"/a%2Fb", "encoded_slash"),
        (b"/a%5cb", "encoded_backslash"),
        (b"/%61", "encoded_unreserved"),
        (b"/%7E", "encoded_unreserved"),
        (b"/%2e%2e/a", "encoded_unreserved"),
        (b"/a%", "bad_triplet"),
        (b"/a%2", "bad_triplet"),
        (b"/a%2/b", "bad_triplet"),
        (b"/a%gg", "bad_triplet"),
        (b"/a%%41", "bad_triplet"),
        (b"//", "empty_segment"),
        (b"//a", "empty_segment"),
        (b"/a//b", "empty_segment"),
        (b"/a//", "empty_segment"),
        (b"/exactly-15-byte//a", "empty_segment"),
        (b"/.", "dot_segment"),
        (b"/..", "dot_segment"),
        (b"/a/./b", "dot_segment"),
        (b"/a/../b", "dot_segment"),
        (b"/a/..?q", "dot_segment"),
        (b"/exactly-15-byte/../a", "dot_segment"),
        (b"/a\\b", "backslash"),
        (b"/a;b=c", "semicolon"),
        (b"/a%3bb", "semicolon"),
        (b"/a#b", "fragment"),
        (b"/a?b#c", "fragment"),
        (b"/a\0", "control_character"),
        (b"/a\x7f", "control_character"),
        (b"/a%00", "control_character"),
        (b"/a%0a", "control_character"),
        (b"/a%7F", "control_character"),
        (b"/a?b\n", "control_character"),
        (b"/a\xff", "invalid_utf8"),
        (b"/a\xc0\xaf", "invalid_utf8"),
        (b"/a?\xed\xa0\x80", "invalid_utf8"),
    ] {
        let slugs = run(target, Normalize::Strict, TrailingSlash::Same).map_err(PathError::slug);
        assert_eq!(slugs, Err(slug), "{}", target.escape_ascii());
    }
}

#[test]
fn every_mode_refuses_what_no_server_reads_safely() {
    let long = [b"/".as_slice(), &vec![b'a'; MAX_TARGET_BYTES]].concat();
    let megabyte = vec![b'/'; 1 << 20];
    for mode in MODES {
        for (target, error) in [
            (&b""[..], PathError::Empty),
            (b"a/b", PathError::NotAbsolute),
            (b"\\a", PathError::NotAbsolute),
            (b"/a\0b", PathError::ControlCharacter),
            (b"/a%00b", PathError::ControlCharacter),
            (b"/a\rb", PathError::ControlCharacter),
            (b"/a?\x1f", PathError::ControlCharacter),
            (b"/a\x7fb", PathError::ControlCharacter),
            (b"/\x80", PathError::InvalidUtf8),
            (&long, PathError::TooLong),
            (&megabyte, PathError::TooLong),
        ] {
            assert_eq!(
                run(target, mode, TrailingSlash::Same),
                Err(error),
                "{mode:?} {}",
                target.escape_ascii()
            );
        }
        // Istio's table lets encoded controls pass where slashes are decoded; NUL never.
        let encoded = run(b"/a%0ab", mode, TrailingSlash::Same).is_err();
        assert_eq!(encoded, mode != Normalize::DecodeSlashes, "{mode:?}");
    }
}

#[test]
fn rewriting_modes() {
    use Normalize::{Base, DecodeSlashes, MergeSlashes, None};
    for (mode, target, expected) in [
        (Base, "/a/..", Ok("/")),
        (Base, "/a/.", Ok("/a/")),
        (Base, "/a/b/..", Ok("/a/")),
        (Base, "/../../a", Ok("/a")),
        (Base, "/..", Ok("/")),
        (Base, "/a\\..\\b", Ok("/b")),
        (Base, "/%2e%2E/a", Ok("/a")),
        (Base, "/a//..", Ok("/a/")),
        (Base, "/caf\u{e9} x", Ok("/caf%C3%A9%20x")),
        (Base, "/caf%c3%a9", Ok("/caf%C3%A9")),
        (Base, "/a%2f..%2fb", Ok("/a%2F..%2Fb")),
        (Base, "/a;v=1/%41", Ok("/a;v=1/A")),
        (Base, "/100%", Ok("/100%")),
        (Base, "/%zz%41", Ok("/%zzA")),
        (Base, "/%%32e%%32e/admin", Err(PathError::BadTriplet)),
        (Base, "/%2%65", Err(PathError::BadTriplet)),
        (Base, "/%/../2%65", Ok("/2e")),
        (Base, "/a#b?c", Ok("/a")),
        (MergeSlashes, "//a///b//", Ok("/a/b/")),
        (MergeSlashes, "/a//../b", Ok("/a/b")),
        (DecodeSlashes, "/a%2f%2e.%5Cb", Ok("/b")),
        (DecodeSlashes, "/a%252fb", Ok("/a%252fb")),
        (DecodeSlashes, "/..%2f..%2fetc", Ok("/etc")),
        (None, "/a/../b//c\\%2f%41", Ok("/a/../b//c\\%2f%41")),
        (None, "/a#b", Ok("/a")),
    ] {
        assert_eq!(
            path_of(target, mode).as_deref(),
            expected.as_ref().copied(),
            "{mode:?} {target}"
        );
    }
}

#[test]
fn the_query_is_split_off_and_untouched() {
    for (target, mode, path, query) in [
        (
            "/a?b=1&c=/../;%zz",
            Normalize::Strict,
            "/a",
            Some("b=1&c=/../;%zz"),
        ),
        ("/a?", Normalize::Strict, "/a", Some("")),
        ("/a?b?c", Normalize::Strict, "/a", Some("b?c")),
        ("/?", Normalize::Strict, "/", Some("")),
        (
            "/exactly-15-byte?b",
            Normalize::Strict,
            "/exactly-15-byte",
            Some("b"),
        ),
        ("/caf%c3%a9?b", Normalize::Strict, "/caf%C3%A9", Some("b")),
        ("/a?é", Normalize::Strict, "/a", Some("é")),
        ("/a?b#c", Normalize::Base, "/a", Some("b")),
        ("/a#b?c", Normalize::Base, "/a", None),
    ] {
        let (got_path, got_query, ..) = run(target.as_bytes(), mode, TrailingSlash::Same).unwrap();
        assert_eq!(
            (got_path.as_str(), got_query.as_deref()),
            (path, query),
            "{target}"
        );
    }
}

#[test]
fn a_final_slash() {
    use TrailingSlash::{Distinct, Reject, Same};
    for (target, slash, expected) in [
        ("/a/", Same, Ok(true)),
        ("/a", Same, Ok(false)),
        ("/a/", Distinct, Ok(true)),
        ("/a/?q", Distinct, Ok(true)),
        ("/", Distinct, Ok(false)),
        ("/", Reject, Ok(false)),
        ("/a", Reject, Ok(false)),
        ("/a/", Reject, Err(PathError::TrailingSlash)),
        ("/a%20/", Reject, Err(PathError::TrailingSlash)),
    ] {
        let got = run(target.as_bytes(), Normalize::Strict, slash).map(|outcome| outcome.2);
        assert_eq!(got, expected, "{target} {slash:?}");
    }
    let (path, _, slash, segments) = run(b"/app//", Normalize::Base, Same).unwrap();
    assert_eq!(
        (path.as_str(), slash, segments),
        ("/app//", true, vec!["app".into(), String::new()])
    );
}

#[test]
fn segments_have_a_limit() {
    for mode in MODES {
        let full = "/a".repeat(MAX_SEGMENTS);
        for (target, expected) in [
            (full.clone(), Ok(MAX_SEGMENTS)),
            (format!("{full}/"), Ok(MAX_SEGMENTS)),
            (format!("{full}/a"), Err(PathError::TooManySegments)),
            (
                "/%20".repeat(MAX_SEGMENTS + 1),
                Err(PathError::TooManySegments),
            ),
            (
                "/a".repeat(MAX_TARGET_BYTES / 2),
                Err(PathError::TooManySegments),
            ),
        ] {
            let got = run(target.as_bytes(), mode, TrailingSlash::Same);
            assert_eq!(
                got.map(|outcome| outcome.3.len()),
                expected,
                "{mode:?} {}",
                target.len()
            );
        }
    }
}

#[test]
fn the_buffer_never_grows() {
    let mut buffer = PathBuffer::new();
    let mut segments = Segments::new();
    let capacity = buffer.bytes.capacity();
    let widest = [b"/".as_slice(), &vec![b' '; MAX_TARGET_BYTES - 1]].concat();
    for mode in MODES {
        let normal = normalize(
            &widest,
            mode,
            TrailingSlash::Same,
            &mut buffer,
            &mut segments,
        )
        .unwrap();
        assert_eq!(segments.get(0, normal.path).len(), normal.path.len() - 1);
    }
    assert_eq!(buffer.bytes.capacity(), capacity);
}

#[test]
fn unchanged_paths_are_borrowed() {
    let mut buffer = PathBuffer::new();
    let mut segments = Segments::new();
    for target in ["/a/b?c", "/.well-known/jwks.json", "/caf%C3%A9"] {
        let normal = normalize(
            target.as_bytes(),
            Normalize::Strict,
            TrailingSlash::Same,
            &mut buffer,
            &mut segments,
        );
        assert_eq!(normal.unwrap().path.as_ptr(), target.as_ptr(), "{target}");
    }
}

#[test]
fn decoded_paths() {
    for (path, expected) in [
        ("/café/a b", Ok("/caf%C3%A9/a%20b")),
        ("/a/", Ok("/a/")),
        ("/", Ok("/")),
        ("/a%20b", Err("percent")),
        ("/a?b", Err("query")),
        ("/a;b", Err("semicolon")),
        ("//a", Err("empty_segment")),
        ("/../a", Err("dot_segment")),
        ("/a\\b", Err("backslash")),
        ("/a#b", Err("fragment")),
        ("/a\0", Err("control_character")),
        ("a", Err("not_absolute")),
        ("", Err("empty")),
    ] {
        let mut buffer = PathBuffer::new();
        let mut segments = Segments::new();
        let got = canonical_decoded(
            path.as_bytes(),
            TrailingSlash::Same,
            &mut buffer,
            &mut segments,
        );
        assert_eq!(
            got.map(|normal| text(normal.path)).map_err(PathError::slug),
            expected.map(String::from),
            "{path}"
        );
    }
}

const PIECES: [&str; 30] = [
    "/", "/", "/", "\\", ".", "..", "%2e", "%2E", "%2f", "%5C", "%", "%2", "2", "e", "f", "5", "c",
    "%32", "%65", "%25", "a", "%41", ";", "é", " ", "%c3%a9", "%00", "%0a", "//", "/../",
];

#[test]
fn normalising_twice_changes_nothing_and_no_dots_escape() {
    let mut rng = Rng(3);
    for round in 0..60_000 {
        let target = format!("/{}", rng.text(&PIECES, 14));
        for mode in MODES {
            let Ok(once) = path_of(&target, mode) else {
                continue;
            };
            assert_eq!(
                path_of(&once, mode).as_ref(),
                Ok(&once),
                "{mode:?} {target} (round {round})"
            );
            if mode != Normalize::None {
                assert!(
                    once.split('/').all(|part| part != "." && part != ".."),
                    "{mode:?} {target} -> {once}"
                );
            }
        }
    }
}

/// RFC 3986 §5.2.4 word by word, over a path that is decoded already.
fn naive_base(target: &str, merge: bool) -> String {
    let mut out: Vec<&str> = Vec::new();
    let mut parts = target[1..].split('/').peekable();
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        match part {
            "." | ".." => {
                if part == ".." {
                    out.pop();
                }
                if last {
                    out.push("");
                }
            }
            _ => out.push(part),
        }
    }
    let mut path = format!("/{}", out.join("/"));
    while merge && path.contains("//") {
        path = path.replace("//", "/");
    }
    path
}

#[test]
fn dot_segments_and_slashes_agree_with_a_naive_reading() {
    let mut rng = Rng(4);
    for _ in 0..60_000 {
        let target = format!(
            "/{}",
            rng.text(
                &["/", "/", ".", "..", "a", "longer-segment", "/../", "/./"],
                14
            )
        );
        assert_eq!(
            path_of(&target, Normalize::Base),
            Ok(naive_base(&target, false)),
            "{target}"
        );
        assert_eq!(
            path_of(&target, Normalize::MergeSlashes),
            Ok(naive_base(&target, true)),
            "{target}"
        );
        let canonical = naive_base(&target, true) == target;
        assert_eq!(
            path_of(&target, Normalize::Strict).is_ok(),
            canonical,
            "{target}"
        );
    }
}

#[test]
fn segments_are_what_splitting_at_slashes_gives() {
    let mut rng = Rng(5);
    for _ in 0..30_000 {
        let target = format!(
            "/{}",
            rng.text(&["/", "a", "bc", "segment", "%20", "é"], 20)
        );
        let Ok((path, .., segments)) = run(target.as_bytes(), Normalize::Base, TrailingSlash::Same)
        else {
            continue;
        };
        let mut parts: Vec<_> = path[1..].split('/').collect();
        if parts.last() == Some(&"") {
            parts.pop();
        }
        assert_eq!(segments, parts, "{target}");
    }
}
