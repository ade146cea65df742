//! The host of a request as it is compared, and patterns of hosts.

use std::fmt;
use std::io::Write as _;
use std::net::Ipv6Addr;

use super::PatternError;
use super::error::check_length;
use crate::bytes::is_plain_host;
use crate::limits::MAX_HOST_BYTES;

/// A host in lower case, without a final dot; an IPv6 address keeps its brackets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Host<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) port: Option<u16>,
}

/// Why a host was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HostError {
    Empty,
    TooLong,
    /// A byte that stands in no host: control, space, `/ @ \ ? # %`, non-ASCII, …
    Character,
    /// Two dots in a row, or one at the beginning.
    EmptyLabel,
    BadPort,
    BadAddress,
}

impl HostError {
    /// The `detail` of the decision.
    pub(crate) const fn slug(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLong => "too_long",
            Self::Character => "character",
            Self::EmptyLabel => "empty_label",
            Self::BadPort => "bad_port",
            Self::BadAddress => "bad_address",
        }
    }
}

/// Room for a host that is not in its compared form already.
#[derive(Debug)]
pub(crate) struct HostBuffer {
    bytes: [u8; MAX_HOST_BYTES],
}

impl HostBuffer {
    pub(crate) const fn new() -> Self {
        Self {
            bytes: [0; MAX_HOST_BYTES],
        }
    }
}

/// Brings a Host header or an authority into the form in which hosts are compared.
///
/// The name is borrowed from `raw` unless it changes.
#[inline(always)]
pub(crate) fn normalize_host<'a>(
    raw: &'a [u8],
    buffer: &'a mut HostBuffer,
) -> Result<Host<'a>, HostError> {
    if raw.len() <= MAX_HOST_BYTES && is_plain_host(raw) {
        return Ok(Host {
            name: raw,
            port: None,
        });
    }
    normalize_slow(raw, buffer)
}

/// Everything that is not in its compared form as it stands.
#[inline(never)]
fn normalize_slow<'a>(raw: &'a [u8], buffer: &'a mut HostBuffer) -> Result<Host<'a>, HostError> {
    if raw.is_empty() {
        return Err(HostError::Empty);
    }
    if raw.len() > MAX_HOST_BYTES {
        return Err(HostError::TooLong);
    }
    if raw.first() == Some(&b'[') {
        return normalize_ipv6(raw, buffer);
    }
    let (name, port) = match raw.iter().position(|&byte| byte == b':') {
        Some(colon) => (
            raw.split_at(colon).0,
            Some(raw.get(colon + 1..).unwrap_or(&[])),
        ),
        None => (raw, None),
    };
    let name = name.strip_suffix(b".").unwrap_or(name);
    let shape = check_name(name)?;
    let port = port.map(parse_port).transpose()?;
    if shape == Case::Lower {
        return Ok(Host { name, port });
    }
    let lower = buffer
        .bytes
        .get_mut(..name.len())
        .ok_or(HostError::TooLong)?;
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    Ok(Host { name: lower, port })
}

/// An address has many spellings; the canonical one (RFC 5952) is compared.
fn normalize_ipv6<'a>(raw: &[u8], buffer: &'a mut HostBuffer) -> Result<Host<'a>, HostError> {
    let close = raw
        .iter()
        .position(|&byte| byte == b']')
        .ok_or(HostError::BadAddress)?;
    let text = raw
        .get(1..close)
        .and_then(|bytes| std::str::from_utf8(bytes).ok());
    let address: Ipv6Addr = text
        .and_then(|text| text.parse().ok())
        .ok_or(HostError::BadAddress)?;
    let port = match raw.get(close + 1..) {
        None | Some([]) => None,
        Some([b':', digits @ ..]) => Some(parse_port(digits)?),
        Some(_) => return Err(HostError::Character),
    };
    let mut room = buffer.bytes.as_mut_slice();
    write!(room, "[{address}]").map_err(|_| HostError::TooLong)?;
    let left = room.len();
    let name = buffer
        .bytes
        .get(..MAX_HOST_BYTES - left)
        .ok_or(HostError::TooLong)?;
    Ok(Host { name, port })
}

#[derive(PartialEq, Eq)]
enum Case {
    Lower,
    Mixed,
}

/// RFC 3986's `reg-name` without percent-encoding, and without empty labels.
fn check_name(name: &[u8]) -> Result<Case, HostError> {
    if name.is_empty() {
        return Err(HostError::Empty);
    }
    let mut case = Case::Lower;
    let mut before = b'.';
    for &byte in name {
        match byte {
            b'.' if before == b'.' => return Err(HostError::EmptyLabel),
            b'A'..=b'Z' => case = Case::Mixed,
            byte if is_name_byte(byte) => {}
            _ => return Err(HostError::Character),
        }
        before = byte;
    }
    if before == b'.' {
        Err(HostError::EmptyLabel)
    } else {
        Ok(case)
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte)
}

/// A port in decimal, 1 to 65535, without leading zeros.
fn parse_port(digits: &[u8]) -> Result<u16, HostError> {
    let valid = matches!(digits, [b'1'..=b'9', rest @ ..] if rest.len() < 5 && rest.iter().all(u8::is_ascii_digit));
    let text = std::str::from_utf8(digits).ok().filter(|_| valid);
    text.and_then(|text| text.parse().ok())
        .ok_or(HostError::BadPort)
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    Any,
    Exact(Box<[u8]>),
    /// What follows the star.
    Suffix(Box<[u8]>),
    /// What stands before the star.
    Prefix(Box<[u8]>),
}

/// What an index by host may file a pattern under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HostKey<'a> {
    /// This host only.
    Exact(&'a [u8]),
    /// Hosts that end with a dot and these labels.
    Suffix(&'a [u8]),
}

/// `example.com`, `example.com:8443`, `*.example.com`, `prefix.*` or `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostPattern {
    name: Name,
    port: Option<u16>,
}

impl HostPattern {
    /// Reads a pattern; case and a final dot make no difference.
    pub(crate) fn parse(text: &str) -> Result<Self, PatternError> {
        check_length(text)?;
        let (name, port) = split_pattern(text)?;
        if name == "*" {
            return Ok(Self {
                name: Name::Any,
                port,
            });
        }
        if let Some(suffix) = name.strip_prefix('*') {
            let suffix = suffix.strip_suffix('.').unwrap_or(suffix);
            // A dot at the beginning of the suffix closes the label that the star stands for.
            let labels = suffix.strip_prefix('.').unwrap_or(suffix);
            check_literal(labels, 1 + suffix.len() - labels.len(), text)?;
            return Ok(Self {
                name: Name::Suffix(lower(suffix)),
                port,
            });
        }
        if let Some(prefix) = name.strip_suffix('*') {
            check_literal(prefix.strip_suffix('.').unwrap_or(prefix), 0, text)?;
            return Ok(Self {
                name: Name::Prefix(lower(prefix)),
                port,
            });
        }
        if name.starts_with('[') {
            return Ok(Self {
                name: Name::Exact(canonical_ipv6(name)?),
                port,
            });
        }
        let name = name.strip_suffix('.').unwrap_or(name);
        check_literal(name, 0, text)?;
        Ok(Self {
            name: Name::Exact(lower(name)),
            port,
        })
    }

    /// Whether a host is meant. A pattern with a port wants that port; one without wants none,
    /// unless ports are ignored.
    pub(crate) fn matches(&self, host: &Host<'_>, ignore_port: bool) -> bool {
        // `*` is any host that is there.
        let any_port = self.port.is_none() && (ignore_port || matches!(self.name, Name::Any));
        let port_fits = any_port || self.port == host.port;
        port_fits
            && match &self.name {
                Name::Any => true,
                Name::Exact(name) => **name == *host.name,
                // The star stands for something.
                Name::Suffix(suffix) => {
                    host.name.len() > suffix.len() && host.name.ends_with(suffix)
                }
                Name::Prefix(prefix) => {
                    host.name.len() > prefix.len() && host.name.starts_with(prefix)
                }
            }
    }

    /// Whether it asks for a port.
    pub(crate) fn has_port(&self) -> bool {
        self.port.is_some()
    }

    /// The exact host, or the suffix behind a label's dot; whatever its port, it is filed under the bare name.
    pub(crate) fn index_key(&self) -> Option<HostKey<'_>> {
        match &self.name {
            Name::Exact(name) => Some(HostKey::Exact(name)),
            Name::Suffix(suffix) => suffix.strip_prefix(b".").map(HostKey::Suffix),
            Name::Any | Name::Prefix(_) => None,
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, before, after): (&[u8], _, _) = match &self.name {
            Name::Any => (b"", "*", ""),
            Name::Exact(name) => (name, "", ""),
            Name::Suffix(name) => (name, "*", ""),
            Name::Prefix(name) => (name, "", "*"),
        };
        write!(f, "{before}{}{after}", String::from_utf8_lossy(name))?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

fn lower(text: &str) -> Box<[u8]> {
    text.to_ascii_lowercase().into_bytes().into()
}

/// Splits the port off; the colons of a bracketed address are not its sign.
fn split_pattern(text: &str) -> Result<(&str, Option<u16>), PatternError> {
    let bracket = text.rfind(']').unwrap_or(0);
    let colon = text
        .get(bracket..)
        .and_then(|rest| rest.find(':'))
        .map(|colon| bracket + colon);
    let Some((name, port)) =
        colon.and_then(|colon| Some((text.get(..colon)?, text.get(colon + 1..)?)))
    else {
        return Ok((text, None));
    };
    match parse_port(port.as_bytes()) {
        Ok(port) => Ok((name, Some(port))),
        Err(_) => Err(PatternError::new(name.len() + 1, format!("`{port}` is no port"))
            .help("write a number from 1 to 65535, or no port at all; an IPv6 address stands in brackets")),
    }
}

fn canonical_ipv6(name: &str) -> Result<Box<[u8]>, PatternError> {
    let inner = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    match inner.and_then(|inner| inner.parse::<Ipv6Addr>().ok()) {
        Some(address) => Ok(format!("[{address}]").into_bytes().into()),
        None => Err(PatternError::new(0, format!("`{name}` is no IPv6 address"))
            .help("write it like `[2001:db8::1]`")),
    }
}

fn check_literal(name: &str, at: usize, text: &str) -> Result<(), PatternError> {
    if let Some(star) = name.find('*') {
        return Err(PatternError::new(
            at + star,
            "one `*` may stand, at the beginning or at the end",
        )
        .help("write `*.example.com`, `prefix.*` or `*`"));
    }
    if let Some(other) = name.find(|other: char| !other.is_ascii()) {
        return Err(
            PatternError::new(at + other, "a host is ASCII when it is compared")
                .help("write the name in its `xn--` form (punycode)"),
        );
    }
    let fault = name
        .bytes()
        .position(|byte| !is_name_byte(byte))
        .unwrap_or(0);
    let (at, message) = match check_name(name.as_bytes()) {
        Ok(_) if name.len() <= MAX_HOST_BYTES => return Ok(()),
        Ok(_) => (at, "a host of this length never matches"),
        Err(HostError::Empty) => (at, "a host is missing"),
        Err(HostError::EmptyLabel) => (at, "a host has no empty label"),
        Err(_) => (at + fault, "this character stands in no host"),
    };
    let help = if text.contains("//") {
        "leave out the scheme and the path"
    } else {
        "write it like `example.com`"
    };
    Err(PatternError::new(at, message).help(help))
}

#[cfg(test)]
mod tests;
