//! URLs of key sets: read strictly, compared by origin (RFC 6454), joined with redirects.

use crate::limits::MAX_URL_BYTES;
use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};

/// An absolute `http` or `https` URL, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Url<'a> {
    text: &'a str,
    is_secure: bool,
    host: &'a str,
    port: u16,
    /// Where the path begins in `text`.
    path_at: usize,
}

/// Why a text is no URL that keys are fetched from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadUrl {
    TooLong,
    Scheme,
    Credentials,
    Host,
    Port,
    Character,
    Fragment,
    /// `http` to another machine.
    Plain,
}

impl fmt::Display for BadUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "the URL is longer than 2,048 bytes",
            Self::Scheme => "the URL does not begin with https://",
            Self::Credentials => "the URL holds a user name or a password",
            Self::Host => "the URL's host is no name and no address",
            Self::Port => "the URL's port is no number from 1 to 65535",
            Self::Character => {
                "the URL holds a character that has to be percent-encoded (RFC 3986)"
            }
            Self::Fragment => "the URL has a fragment (#)",
            Self::Plain => {
                "keys are fetched over https; http is for the loopback addresses of this machine"
            }
        })
    }
}

impl<'a> Url<'a> {
    /// Reads a URL that keys may be fetched from: `https`, or `http` to this machine.
    pub(crate) fn fetchable(text: &'a str) -> Result<Self, BadUrl> {
        let url = Self::read(text)?;
        if url.is_secure || url.is_loopback() {
            Ok(url)
        } else {
            Err(BadUrl::Plain)
        }
    }

    /// Reads any absolute `http` or `https` URL (RFC 3986 §3, without user information and fragment).
    pub(crate) fn read(text: &'a str) -> Result<Self, BadUrl> {
        if text.len() > MAX_URL_BYTES {
            return Err(BadUrl::TooLong);
        }
        let (is_secure, rest) = match text.split_once("://") {
            Some(("https", rest)) => (true, rest),
            Some(("http", rest)) => (false, rest),
            _ => return Err(BadUrl::Scheme),
        };
        let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(authority_end);
        if authority.contains('@') {
            return Err(BadUrl::Credentials);
        }
        let (host, port) = split_port(authority)?;
        let port = match port {
            None if is_secure => 443,
            None => 80,
            Some(digits) => read_port(digits)?,
        };
        if !is_host(host) {
            return Err(BadUrl::Host);
        }
        if path.contains('#') {
            return Err(BadUrl::Fragment);
        }
        if !path.bytes().all(is_path_byte) {
            return Err(BadUrl::Character);
        }
        let path_at = text.len() - path.len();
        Ok(Self {
            text,
            is_secure,
            host,
            port,
            path_at,
        })
    }

    /// Scheme, host and port are the same (RFC 6454 §5).
    pub(crate) fn has_origin_of(&self, other: &Url<'_>) -> bool {
        self.is_secure == other.is_secure
            && self.port == other.port
            && self.host.eq_ignore_ascii_case(other.host)
    }

    /// Where a `Location` leads from here, if it is absolute or an absolute path.
    pub(crate) fn join(&self, location: &str) -> Option<String> {
        if location.starts_with('/') && !location.starts_with("//") {
            let origin = self.text.get(..self.path_at)?;
            return Some(format!("{origin}{location}"));
        }
        location.contains("://").then(|| location.to_owned())
    }

    /// Without the query, which may hold what is not to be printed.
    pub(crate) fn shown(&self) -> &'a str {
        self.text
            .split_once('?')
            .map_or(self.text, |(before, _)| before)
    }

    fn is_loopback(&self) -> bool {
        if self.host.eq_ignore_ascii_case("localhost") {
            return true;
        }
        match bracketed(self.host) {
            Some(address) => address.parse().is_ok_and(|ip: Ipv6Addr| ip.is_loopback()),
            None => self.host.parse().is_ok_and(|ip: Ipv4Addr| ip.is_loopback()),
        }
    }
}

/// The text between the brackets of an IPv6 address.
fn bracketed(host: &str) -> Option<&str> {
    host.strip_prefix('[')?.strip_suffix(']')
}

fn split_port(authority: &str) -> Result<(&str, Option<&str>), BadUrl> {
    if !authority.starts_with('[') {
        return Ok(match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        });
    }
    let end = authority.find(']').ok_or(BadUrl::Host)?;
    let (host, after) = authority.split_at(end + 1);
    match after.strip_prefix(':') {
        Some(port) => Ok((host, Some(port))),
        None if after.is_empty() => Ok((host, None)),
        None => Err(BadUrl::Host),
    }
}

fn read_port(digits: &str) -> Result<u16, BadUrl> {
    let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    match digits.parse() {
        Ok(port) if is_plain && port != 0 => Ok(port),
        _ => Err(BadUrl::Port),
    }
}

fn is_host(host: &str) -> bool {
    if let Some(address) = bracketed(host) {
        return address.parse::<Ipv6Addr>().is_ok();
    }
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let name = host.strip_suffix('.').unwrap_or(host);
    name.len() <= 253 && name.split('.').all(is_label)
}

/// What may stand in a path and in a query (RFC 3986 §3.3, §3.4).
fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:@/?".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::{BadUrl, Url};

    #[test]
    fn urls_that_keys_are_fetched_from() {
        let table = [
            ("https://login.shop.example/keys", None),
            (
                "https://Login.Shop.Example:8443/a%20b?x=1&y=[",
                Some(BadUrl::Character),
            ),
            ("https://login.shop.example:8443/a%20b?x=1&y=2", None),
            ("https://login.shop.example", None),
            ("https://[2001:db8::1]:443/keys", None),
            ("http://localhost:8080/keys", None),
            ("http://127.0.0.1/keys", None),
            ("http://127.8.9.1:1/keys", None),
            ("http://[::1]:8080/keys", None),
            ("http://login.shop.example/keys", Some(BadUrl::Plain)),
            ("http://127.0.0.1.shop.example/keys", Some(BadUrl::Plain)),
            ("http://127.1/keys", Some(BadUrl::Plain)),
            ("http://0.0.0.0/keys", Some(BadUrl::Plain)),
            ("http://localhost.shop.example/", Some(BadUrl::Plain)),
            ("http://[::ffff:127.0.0.1]/", Some(BadUrl::Plain)),
            ("ftp://login.shop.example/", Some(BadUrl::Scheme)),
            ("file:///keys", Some(BadUrl::Scheme)),
            ("HTTPS://login.shop.example/", Some(BadUrl::Scheme)),
            ("login.shop.example/keys", Some(BadUrl::Scheme)),
            ("", Some(BadUrl::Scheme)),
            (
                "https://dana@login.shop.example/",
                Some(BadUrl::Credentials),
            ),
            (
                "http://localhost@login.shop.example/",
                Some(BadUrl::Credentials),
            ),
            ("https:///keys", Some(BadUrl::Host)),
            ("https://a..example/", Some(BadUrl::Host)),
            ("https://shop example/", Some(BadUrl::Host)),
            ("https://shop\\.example/", Some(BadUrl::Host)),
            ("https://[::1/", Some(BadUrl::Host)),
            ("https://[::1]x/", Some(BadUrl::Host)),
            ("https://[fe80::1%25eth0]/", Some(BadUrl::Host)),
            ("https://shop.example:/", Some(BadUrl::Port)),
            ("https://shop.example:0/", Some(BadUrl::Port)),
            ("https://shop.example:+80/", Some(BadUrl::Port)),
            ("https://shop.example:65536/", Some(BadUrl::Port)),
            ("https://shop.example:8:8/", Some(BadUrl::Port)),
            ("https://shop.example/a b", Some(BadUrl::Character)),
            ("https://shop.example/a\r\nb", Some(BadUrl::Character)),
            ("https://shop.example/ä", Some(BadUrl::Character)),
            ("https://shop.example/\\evil", Some(BadUrl::Character)),
            ("https://shop.example/keys#x", Some(BadUrl::Fragment)),
        ];
        for (text, expected) in table {
            assert_eq!(Url::fetchable(text).err(), expected, "{text}");
        }
        let long = format!("https://shop.example/{}", "a".repeat(2_048));
        assert_eq!(Url::fetchable(&long), Err(BadUrl::TooLong));
    }

    #[test]
    fn origins() {
        let table = [
            ("https://a.example/x", "https://a.example/y?z", true),
            ("https://a.example", "https://A.example:443/", true),
            ("http://localhost/", "http://localhost:80/", true),
            ("https://a.example/", "http://a.example:443/", false),
            ("https://a.example/", "https://a.example:8443/", false),
            ("https://a.example/", "https://b.a.example/", false),
            ("https://a.example/", "https://a.example./", false),
        ];
        for (one, other, expected) in table {
            let [a, b] = [one, other].map(|text| Url::read(text).unwrap());
            assert_eq!(a.has_origin_of(&b), expected, "{one} {other}");
        }
    }

    #[test]
    fn redirects_are_joined() {
        let url = Url::read("https://a.example:8443/x/y?z=1").unwrap();
        let table = [
            ("/keys", Some("https://a.example:8443/keys")),
            ("https://b.example/", Some("https://b.example/")),
            ("//b.example/", None),
            ("keys", None),
            ("?x", None),
            ("", None),
        ];
        for (location, expected) in table {
            assert_eq!(url.join(location).as_deref(), expected, "{location}");
        }
        assert_eq!(url.shown(), "https://a.example:8443/x/y");
        let bare = Url::read("https://a.example?x=1").unwrap();
        assert_eq!(bare.join("/k").as_deref(), Some("https://a.example/k"));
    }
}
