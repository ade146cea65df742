//! Addresses, networks, and sets of networks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::PatternError;
use super::error::check_length;

/// Reads an address; an IPv4-mapped IPv6 address is the IPv4 address.
///
/// Leading zeros, zone ids, spaces and brackets are refused.
pub(crate) fn parse_ip(text: &[u8]) -> Option<IpAddr> {
    parse_ip_as_written(text).map(|address| address.to_canonical())
}

/// As [`parse_ip`], but `::ffff:10.0.0.1` stays an IPv6 address, for dialects that keep them apart.
pub(crate) fn parse_ip_as_written(text: &[u8]) -> Option<IpAddr> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// A network: an address and how many of its leading bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cidr {
    network: IpAddr,
    prefix: u8,
}

impl Cidr {
    /// Reads `10.0.0.0/8` or a single address; bits behind the prefix are an error.
    ///
    /// A network of IPv4-mapped addresses is the IPv4 network, as in [`parse_ip`].
    pub(crate) fn parse(text: &str) -> Result<Self, PatternError> {
        let (address, prefix) = split(text)?;
        let (address, prefix) = match (address, address.to_canonical()) {
            (IpAddr::V6(_), v4 @ IpAddr::V4(_)) if prefix >= 96 => (v4, prefix - 96),
            _ => (address, prefix),
        };
        let cidr = Self::masked(address, prefix);
        if cidr.network != address {
            return Err(
                PatternError::new(0, format!("`{text}` has bits set behind its prefix")).help(
                    format!("write the network, `{cidr}`, or the address alone, `{address}`"),
                ),
            );
        }
        Ok(cidr)
    }

    /// Reads a network as it stands, bits behind the prefix cleared, mapped addresses left as they are.
    pub(crate) fn parse_lenient(text: &str) -> Result<Self, PatternError> {
        split(text).map(|(address, prefix)| Self::masked(address, prefix))
    }

    /// Whether an address is in the network; the families are apart.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        match (self.network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                (address.to_bits() ^ network.to_bits()) & v4_mask(self.prefix) == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                (address.to_bits() ^ network.to_bits()) & v6_mask(self.prefix) == 0
            }
            _ => false,
        }
    }

    fn masked(address: IpAddr, prefix: u8) -> Self {
        let network = match address {
            IpAddr::V4(address) => Ipv4Addr::from_bits(address.to_bits() & v4_mask(prefix)).into(),
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & v6_mask(prefix)).into(),
        };
        Self { network, prefix }
    }
}

impl std::fmt::Display for Cidr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix)
    }
}

fn v4_mask(prefix: u8) -> u32 {
    u32::MAX
        .checked_shl(32 - u32::from(prefix.min(32)))
        .unwrap_or(0)
}

fn v6_mask(prefix: u8) -> u128 {
    u128::MAX
        .checked_shl(128 - u32::from(prefix.min(128)))
        .unwrap_or(0)
}

fn split(text: &str) -> Result<(IpAddr, u8), PatternError> {
    check_length(text)?;
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let parsed = parse_ip_as_written(address.as_bytes()).ok_or_else(|| {
        PatternError::new(0, format!("`{address}` is no IP address"))
            .help("write it like `10.0.0.0/8` or `2001:db8::/32`, without leading zeros or a zone")
    })?;
    let most = if parsed.is_ipv4() { 32 } else { 128 };
    let Some(prefix) = prefix else {
        return Ok((parsed, most));
    };
    let plain = prefix.bytes().all(|byte| byte.is_ascii_digit())
        && (prefix.len() == 1 || !prefix.starts_with('0'));
    match prefix
        .parse()
        .ok()
        .filter(|length| plain && *length <= most)
    {
        Some(length) => Ok((parsed, length)),
        None => Err(PatternError::new(
            address.len() + 1,
            format!("`{prefix}` is no prefix length"),
        )
        .help(format!("write a number from 0 to {most}"))),
    }
}

/// Networks as sorted ranges that do not touch: one binary search whatever their number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CidrSet {
    v4: Box<[(u32, u32)]>,
    v6: Box<[(u128, u128)]>,
}

impl std::fmt::Display for CidrSet {
    /// The ranges, first and last address of each.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let v4 = self
            .v4
            .iter()
            .map(|(first, last)| (IpAddr::V4((*first).into()), IpAddr::V4((*last).into())));
        let v6 = self
            .v6
            .iter()
            .map(|(first, last)| (IpAddr::V6((*first).into()), IpAddr::V6((*last).into())));
        for (at, (first, last)) in v4.chain(v6).enumerate() {
            write!(f, "{}{first}", if at == 0 { "" } else { ", " })?;
            if first != last {
                write!(f, "-{last}")?;
            }
        }
        Ok(())
    }
}

impl CidrSet {
    /// Joins networks that overlap or touch.
    pub(crate) fn new(networks: impl IntoIterator<Item = Cidr>) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for Cidr { network, prefix } in networks {
            match network {
                IpAddr::V4(first) => v4.push((first.to_bits(), first.to_bits() | !v4_mask(prefix))),
                IpAddr::V6(first) => v6.push((first.to_bits(), first.to_bits() | !v6_mask(prefix))),
            }
        }
        Self {
            v4: merge(v4, |last| last.checked_add(1)),
            v6: merge(v6, |last| last.checked_add(1)),
        }
    }

    /// Whether an address is in one of the networks; the families are apart.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => in_ranges(&self.v4, address.to_bits()),
            IpAddr::V6(address) => in_ranges(&self.v6, address.to_bits()),
        }
    }

    /// Whether no address is in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }
}

fn merge<T: Copy + Ord>(mut ranges: Vec<(T, T)>, next: impl Fn(T) -> Option<T>) -> Box<[(T, T)]> {
    ranges.sort_unstable();
    ranges.dedup_by(|range, kept| {
        let joined = next(kept.1).is_none_or(|next| range.0 <= next);
        if joined {
            kept.1 = kept.1.max(range.1);
        }
        joined
    });
    ranges.into()
}

fn in_ranges<T: Copy + Ord>(ranges: &[(T, T)], value: T) -> bool {
    let after = ranges.partition_point(|range| range.0 <= value);
    after
        .checked_sub(1)
        .and_then(|last| ranges.get(last))
        .is_some_and(|range| value <= range.1)
}

#[cfg(test)]
mod tests {
    use super::super::rng::Rng;
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn addresses() {
        let megabyte = vec![b'1'; 1 << 20];
        for (text, canonical, written) in [
            (&b"10.0.0.1"[..], Some("10.0.0.1"), Some("10.0.0.1")),
            (b"::1", Some("::1"), Some("::1")),
            (b"2001:DB8::A", Some("2001:db8::a"), Some("2001:db8::a")),
            (b"::ffff:9.1.1.1", Some("9.1.1.1"), Some("::ffff:9.1.1.1")),
            (b"::ffff:901:101", Some("9.1.1.1"), Some("::ffff:9.1.1.1")),
            (b"", None, None),
            (b"010.0.0.1", None, None),
            (b"10.1", None, None),
            (b"10.0.0.256", None, None),
            (b"0x0a.0.0.1", None, None),
            (b"fe80::1%eth0", None, None),
            (b"[::1]", None, None),
            (b" ::1", None, None),
            (b"10.0.0.1\0", None, None),
            (b"10.0.0.1:80", None, None),
            (b"\xff", None, None),
            (&megabyte, None, None),
        ] {
            assert_eq!(parse_ip(text), canonical.map(ip), "{}", text.escape_ascii());
            assert_eq!(
                parse_ip_as_written(text),
                written.map(ip),
                "{}",
                text.escape_ascii()
            );
        }
    }

    #[test]
    fn networks() {
        for (network, address, expected) in [
            ("10.0.0.0/8", "10.255.255.255", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1", "10.0.0.2", false),
            ("0.0.0.0/0", "255.255.255.255", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "ffff::1", true),
            ("::/0", "10.0.0.1", false),
            ("2001:db8::/33", "2001:db8:7fff::1", true),
            ("2001:db8::/33", "2001:db8:8000::1", false),
            ("::ffff:10.0.0.0/104", "10.1.2.3", true),
            ("::ffff:10.0.0.1", "10.0.0.1", true),
        ] {
            let cidr = Cidr::parse(network).unwrap();
            assert_eq!(cidr.contains(ip(address)), expected, "{network} {address}");
            assert_eq!(
                CidrSet::new([cidr]).contains(ip(address)),
                expected,
                "{network} {address}"
            );
        }
        let lenient = Cidr::parse_lenient("10.1.2.3/8").unwrap();
        assert_eq!(lenient.to_string(), "10.0.0.0/8");
        let mapped = Cidr::parse_lenient("::ffff:9.0.0.0/104").unwrap();
        assert!(mapped.contains(ip("::ffff:9.1.1.1")) && !mapped.contains(ip("9.1.1.1")));
        assert!(!CidrSet::default().contains(ip("::")) && CidrSet::default().is_empty());
    }

    #[test]
    fn faults() {
        let megabyte = "1".repeat(1 << 20);
        for (text, at, words) in [
            ("", 0, "no IP address"),
            ("/8", 0, "no IP address"),
            ("10.0.0/8", 0, "no IP address"),
            ("010.0.0.0/8", 0, "leading zeros"),
            ("fe80::1%eth0/64", 0, "zone"),
            ("10.0.0.0/", 9, "0 to 32"),
            ("10.0.0.0/33", 9, "0 to 32"),
            ("10.0.0.0/08", 9, "0 to 32"),
            ("10.0.0.0/+8", 9, "0 to 32"),
            ("10.0.0.0/8/8", 9, "0 to 32"),
            ("10.0.0.0/255.0.0.0", 9, "0 to 32"),
            ("::/129", 3, "0 to 128"),
            ("::/256", 3, "0 to 128"),
            ("10.1.2.3/8", 0, "`10.0.0.0/8`"),
            ("2001:db8::1/32", 0, "`2001:db8::/32`"),
            (megabyte.as_str(), 8192, "longer than"),
        ] {
            let error = Cidr::parse(text).unwrap_err();
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
    fn a_set_agrees_with_its_networks_one_by_one() {
        let mut rng = Rng(9);
        let mut inside = 0;
        for _ in 0..300 {
            let networks: Vec<Cidr> = (0..rng.below(60))
                .map(|_| {
                    // Few distinct bits, so that networks overlap and touch.
                    let v4 = Ipv4Addr::from([10, 0, rng.byte() & 3, rng.byte()]);
                    let v6 = Ipv6Addr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(rng.byte())]);
                    let prefix = 20 + u8::try_from(rng.below(13)).unwrap();
                    if rng.below(2) == 0 {
                        Cidr::masked(v4.into(), prefix)
                    } else {
                        Cidr::masked(v6.into(), 96 + prefix)
                    }
                })
                .collect();
            let set = CidrSet::new(networks.iter().copied());
            assert!(set.v4.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0));
            for _ in 0..200 {
                let v4 = IpAddr::from([10, 0, rng.byte() & 7, rng.byte()]);
                let v6 = IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(rng.byte()) * 2]);
                for address in [v4, v6] {
                    let expected = networks.iter().any(|network| network.contains(address));
                    assert_eq!(set.contains(address), expected, "{address} {networks:?}");
                    inside += usize::from(expected);
                }
            }
        }
        assert!(inside > 1_000, "{inside}");
        let whole = ["0.0.0.0/1", "128.0.0.0/1", "::/0"].map(|text| Cidr::parse(text).unwrap());
        assert_eq!(CidrSet::new(whole).v4.as_ref(), [(0, u32::MAX)]);
    }
}
