//! Patterns, matched the long way: on strings, one after the other.

use std::net::IpAddr;

/// `prefix*`, `*suffix`, `*`, or the text itself.
pub(super) fn text(pattern: &str, value: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(""), _) => true,
        (Some(suffix), _) => value.ends_with(suffix),
        (_, Some(prefix)) => value.starts_with(prefix),
        _ => pattern == value,
    }
}

/// The segments of a path in canonical spelling; a final slash is none.
pub(super) fn segments(path: &str) -> Vec<&str> {
    let path = path.split('?').next().unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    path.split('/').skip(1).collect()
}

/// Whether the template takes the path.
pub(super) fn template(template: &str, path: &str) -> bool {
    let (pattern, path) = (segments(template), segments(path));
    if pattern.last() == Some(&"{**}") {
        let fixed = &pattern[..pattern.len() - 1];
        return path.len() > fixed.len()
            && fixed
                .iter()
                .zip(&path)
                .all(|(left, right)| segment(left, right));
    }
    pattern.len() == path.len()
        && pattern
            .iter()
            .zip(&path)
            .all(|(left, right)| segment(left, right))
}

fn segment(pattern: &str, segment: &str) -> bool {
    pattern.starts_with('{') || pattern == segment
}

/// The segment that the template calls by this name.
pub(super) fn capture<'a>(template: &str, path: &'a str, name: &str) -> Option<&'a str> {
    let wanted = format!("{{{name}}}");
    let at = segments(template)
        .iter()
        .position(|segment| *segment == wanted)?;
    segments(path).get(at).copied()
}

/// The order of templates: the one with the smaller key is more specific.
pub(super) fn specificity(template: &str) -> Vec<u8> {
    let rank = |segment: &&str| match *segment {
        "{**}" => 2,
        segment if segment.starts_with('{') => 1,
        _ => 0,
    };
    segments(template).iter().map(rank).collect()
}

/// Methods are case-sensitive; `*` is any of them.
pub(super) fn method(pattern: &str, method: &str, head_as_get: bool) -> bool {
    pattern == "*" || pattern == method || (head_as_get && pattern == "GET" && method == "HEAD")
}

/// One dotted part for `*`, any number for `**`.
pub(super) fn action(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<_>, Vec<_>) =
        (pattern.split('.').collect(), name.split('.').collect());
    parts(&pattern, &name)
}

fn parts(pattern: &[&str], name: &[&str]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        (["**", rest @ ..], _) => (0..=name.len()).any(|taken| parts(rest, &name[taken..])),
        (["*", pattern @ ..], [_, name @ ..]) => parts(pattern, name),
        ([one, pattern @ ..], [other, name @ ..]) => one == other && parts(pattern, name),
        _ => false,
    }
}

/// Host and port; the host in lower case and without its final dot.
fn host_parts(host: &str) -> (String, Option<String>) {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) => (name, Some(port.to_owned())),
        None => (host, None),
    };
    (
        name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase(),
        port,
    )
}

/// Whether the pattern takes the host; `ignore_port` where a pattern without a port takes every port.
pub(super) fn host(pattern: &str, host: &str, ignore_port: bool) -> bool {
    let ((pattern, pattern_port), (host, host_port)) = (host_parts(pattern), host_parts(host));
    let ports = pattern_port == host_port || (ignore_port && pattern_port.is_none());
    let names = match pattern.strip_prefix('*') {
        Some(suffix) => host.len() > suffix.len() && host.ends_with(suffix),
        None => pattern == host,
    };
    ports && names
}

/// Whether the range holds the address.
pub(super) fn cidr(range: &str, address: &str) -> bool {
    let (network, length) = range.split_once('/').unwrap_or((range, "128"));
    let (Ok(network), Ok(address)) = (network.parse::<IpAddr>(), address.parse::<IpAddr>()) else {
        return false;
    };
    let length: usize = length.parse().unwrap_or(128);
    let (network, address) = (bits(network), bits(address));
    network.len() == address.len()
        && network
            .iter()
            .zip(&address)
            .take(length)
            .all(|(left, right)| left == right)
}

fn bits(address: IpAddr) -> Vec<bool> {
    let bytes = match address.to_canonical() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    bytes
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        assert!(text("v*", "v1") && text("*1", "v1") && text("*", "") && text("v1", "v1"));
        assert!(!text("v*", "w1") && !text("*1", "v2") && !text("v1", "v11"));
        assert!(
            template("/a/{x}/c", "/a/b/c?d")
                && template("/a/{**}", "/a/b/c/")
                && template("/", "/")
        );
        assert!(!template("/a/{**}", "/a") && !template("/a/{x}", "/a") && !template("/a", "/a/b"));
        assert!(
            action("*.read", "a.read")
                && action("**", "a.b.c")
                && action("a.**", "a")
                && !action("*", "a.b")
        );
        assert!(
            host("*.a.example", "x.A.example.", false) && !host("*.a.example", "a.example", false)
        );
        assert!(host("a.example", "a.example:1", true) && !host("a.example", "a.example:1", false));
        assert!(
            cidr("10.0.0.0/8", "10.9.9.9")
                && !cidr("10.0.0.0/8", "11.0.0.0")
                && cidr("::/0", "::1")
        );
        assert!(cidr("10.0.0.1", "::ffff:10.0.0.1") && !cidr("::/0", "10.0.0.1"));
        assert_eq!(
            capture("/t/{tenant}/x", "/t/acme/x", "tenant"),
            Some("acme")
        );
        assert!(
            specificity("/a/b") < specificity("/a/{x}")
                && specificity("/a/{x}") < specificity("/a/{**}")
        );
    }
}
