//! URLs that keys are fetched from: https, or http on this machine.

use crate::diagnostic::{Code, Diagnostic};
use crate::limits::MAX_PATTERN_BYTES;
use crate::text::{Node, Span};

/// The URL that a scalar is.
pub(super) fn check(node: &Node) -> Result<Box<str>, Diagnostic> {
    let text = node.as_str()?;
    check_text(text, node.span)?;
    Ok(text.into())
}

/// A URL with a host, without user and fragment (RFC 3986 §3).
pub(super) fn check_text(text: &str, span: Span) -> Result<(), Diagnostic> {
    let refuse = |message: &str| Err(Diagnostic::error(Code::BAD_URL, span, message));
    if text.len() > MAX_PATTERN_BYTES {
        return refuse("this URL is too long");
    }
    let (rest, secure) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(rest), _) => (rest, true),
        (_, Some(rest)) => (rest, false),
        _ => return refuse("keys are fetched from URLs that begin with https://"),
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, _) = rest.split_at_checked(end).unwrap_or_default();
    if authority.contains('@') {
        return refuse("a URL of keys has neither user nor password");
    }
    let is_url_byte = |byte: u8| byte.is_ascii_graphic() && !br#""<>\^`{|}"#.contains(&byte);
    if text.contains('#') || !text.bytes().all(is_url_byte) {
        return refuse("this URL has a fragment, or a character that URLs do not have");
    }
    let Some(host) = host_of(authority) else {
        return refuse("this URL has no host, or a bad port");
    };
    if !secure && !is_loopback(host) {
        let error = Diagnostic::error(
            Code::BAD_URL,
            span,
            "keys that come over http can be anybody's",
        );
        return Err(error.help("use https; http is for this machine only"));
    }
    Ok(())
}

/// The host of an authority whose port, if there is one, is a number.
fn host_of(authority: &str) -> Option<&str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            (
                address,
                port.strip_prefix(':').or(port.is_empty().then_some("1")),
            )
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, Some("1")),
        },
    };
    let is_port = port?.parse::<u16>().is_ok_and(|port| port > 0);
    (!host.is_empty() && is_port).then_some(host)
}

/// A name or an address that never leaves the machine (RFC 6761 §6.3, RFC 1122 §3.2.1.3, RFC 4291 §2.5.3).
fn is_loopback(host: &str) -> bool {
    use std::net::{Ipv4Addr, Ipv6Addr};
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
        || host.parse::<Ipv6Addr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::SourceId;

    #[test]
    fn https_or_this_machine() {
        let span = Span {
            source: SourceId(0),
            start: 0,
            end: 0,
        };
        let rows: &[(&str, bool)] = &[
            ("https://login.shop.example/keys", true),
            ("https://login.shop.example:8443/keys?v=1", true),
            ("https://[2001:db8::1]/keys", true),
            ("http://127.0.0.1:8080/keys", true),
            ("http://127.9.9.9/", true),
            ("http://[::1]:80/keys", true),
            ("http://localhost/keys", true),
            ("http://login.shop.example/keys", false),
            ("http://127.0.0.1.evil.example/", false),
            ("http://localhost.evil.example/", false),
            ("http://localhost@evil.example/", false),
            ("https://user:pass@login.shop.example/", false),
            ("https://login.shop.example/#keys", false),
            ("https://login.shop.example/a b", false),
            ("https://login.shop.example/a\\b", false),
            ("https://", false),
            ("https:///keys", false),
            ("https://host:99999/", false),
            ("https://host:/", false),
            ("ftp://login.shop.example/", false),
            ("HTTPS://login.shop.example/", false),
            ("login.shop.example", false),
            ("", false),
        ];
        for (text, expected) in rows {
            assert_eq!(check_text(text, span).is_ok(), *expected, "{text}");
        }
    }
}
