//! Tables of hosts and their patterns.

use super::*;

#[test]
fn hosts() {
    let label_64 = "a".repeat(64);
    let longest = "a".repeat(MAX_HOST_BYTES);
    let too_long = "a".repeat(MAX_HOST_BYTES + 1);
    let megabyte = vec![b'a'; 1 << 20];
    for (raw, expected) in [
        (&b"example.com"[..], Ok(("example.com", None))),
        (b"Example.COM", Ok(("example.com", None))),
        (b"example.com.", Ok(("example.com", None))),
        (b"EXAMPLE.com.:8443", Ok(("example.com", Some(8443)))),
        (b"localhost:1", Ok(("localhost", Some(1)))),
        (b"a:65535", Ok(("a", Some(65535)))),
        (b"10.0.0.1:80", Ok(("10.0.0.1", Some(80)))),
        (b"my_service.ns", Ok(("my_service.ns", None))),
        (b"[::1]", Ok(("[::1]", None))),
        (b"[0:0:0:0:0:0:0:1]:443", Ok(("[::1]", Some(443)))),
        (b"[2001:DB8::A]", Ok(("[2001:db8::a]", None))),
        (label_64.as_bytes(), Ok((label_64.as_str(), None))),
        (longest.as_bytes(), Ok((longest.as_str(), None))),
        (b"", Err("empty")),
        (b".", Err("empty")),
        (b":80", Err("empty")),
        (b"..", Err("empty_label")),
        (b"a..b", Err("empty_label")),
        (b".a", Err("empty_label")),
        (b"a..", Err("empty_label")),
        (b"a b", Err("character")),
        (b"a\0", Err("character")),
        (b"a\t", Err("character")),
        (b"a/b", Err("character")),
        (b"u@a", Err("character")),
        (b"a\\b", Err("character")),
        (b"a?b", Err("character")),
        (b"a#b", Err("character")),
        (b"%61", Err("character")),
        ("é.com".as_bytes(), Err("character")),
        (b"\xff", Err("character")),
        (b"a]", Err("character")),
        (b"[::1]a", Err("character")),
        (b"a:", Err("bad_port")),
        (b"a:0", Err("bad_port")),
        (b"a:080", Err("bad_port")),
        (b"a:+80", Err("bad_port")),
        (b"a:65536", Err("bad_port")),
        (b"a:100000", Err("bad_port")),
        (b"a:80:80", Err("bad_port")),
        (b"::1", Err("empty")),
        (b"[::1]:", Err("bad_port")),
        (b"[::1", Err("bad_address")),
        (b"[]", Err("bad_address")),
        (b"[fe80::1%25eth0]", Err("bad_address")),
        (b"[1.2.3.4]", Err("bad_address")),
        (too_long.as_bytes(), Err("too_long")),
        (&megabyte, Err("too_long")),
    ] {
        let mut buffer = HostBuffer::new();
        let got = normalize_host(raw, &mut buffer).map_err(HostError::slug);
        let got = got.map(|host| (std::str::from_utf8(host.name).unwrap(), host.port));
        assert_eq!(got, expected, "{}", raw.escape_ascii());
    }
}

#[test]
fn a_host_in_its_form_is_borrowed() {
    let mut buffer = HostBuffer::new();
    let raw = b"example.com.:80";
    assert_eq!(
        normalize_host(raw, &mut buffer).unwrap().name.as_ptr(),
        raw.as_ptr()
    );
}

#[test]
fn matching() {
    for (pattern, host, with_port, ignoring_port) in [
        ("example.com", "example.com", true, true),
        ("Example.COM.", "example.com", true, true),
        ("example.com", "a.example.com", false, false),
        ("example.com", "example.com:8443", false, true),
        ("example.com:8443", "example.com:8443", true, true),
        ("example.com:8443", "example.com:443", false, false),
        ("example.com:8443", "example.com", false, false),
        ("*.example.com", "a.example.com", true, true),
        ("*.example.com", "a.b.example.com", true, true),
        ("*.example.com", "example.com", false, false),
        ("*.example.com", "aexample.com", false, false),
        ("*.example.com", "a.example.com:80", false, true),
        ("*.example.com:80", "a.example.com:80", true, true),
        ("*example.com", "aexample.com", true, true),
        ("prefix.*", "prefix.example.com", true, true),
        ("prefix.*", "prefix", false, false),
        ("prefix.*", "aprefix.b", false, false),
        ("*", "example.com", true, true),
        ("*", "example.com:80", true, true),
        ("*:80", "example.com:80", true, true),
        ("*:80", "example.com", false, false),
        ("[::1]", "[0::1]", true, true),
        ("[0:0::1]:443", "[::1]:443", true, true),
        ("[::1]", "[::1]:443", false, true),
    ] {
        let parsed = HostPattern::parse(pattern).unwrap();
        let mut buffer = HostBuffer::new();
        let host = normalize_host(host.as_bytes(), &mut buffer).unwrap();
        assert_eq!(
            parsed.matches(&host, false),
            with_port,
            "{pattern} {host:?}"
        );
        assert_eq!(
            parsed.matches(&host, true),
            ignoring_port,
            "{pattern} {host:?}"
        );
    }
}

#[test]
fn index_keys() {
    for (pattern, key) in [
        ("Example.com", Some(HostKey::Exact(b"example.com"))),
        ("example.com:8443", Some(HostKey::Exact(b"example.com"))),
        ("*.Example.com", Some(HostKey::Suffix(b"example.com"))),
        ("*example.com", None),
        ("prefix.*", None),
        ("*", None),
    ] {
        assert_eq!(
            HostPattern::parse(pattern).unwrap().index_key(),
            key,
            "{pattern}"
        );
    }
}

#[test]
fn faults() {
    let long = "a".repeat(MAX_HOST_BYTES + 1);
    let megabyte = "a".repeat(1 << 20);
    for (text, at, words) in [
        ("", 0, "missing"),
        (":80", 0, "missing"),
        ("a.*.b", 2, "*.example.com"),
        ("**", 1, "*.example.com"),
        ("*.a.*", 4, "*.example.com"),
        ("*.", 1, "missing"),
        ("a..b", 0, "empty label"),
        ("*..b", 2, "empty label"),
        ("bücher.example", 1, "xn--"),
        ("a b", 1, "no host"),
        ("a/b", 1, "no host"),
        ("https://example.com", 6, "no port"),
        ("a:x", 2, "no port"),
        ("a:*", 2, "no port"),
        ("a:0", 2, "no port"),
        ("::1", 1, "brackets"),
        ("[::1", 2, "no port"),
        ("[::g]", 0, "IPv6"),
        (long.as_str(), 0, "never matches"),
        (megabyte.as_str(), 8192, "longer than"),
    ] {
        let error = HostPattern::parse(text).unwrap_err();
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
