//! Addresses and address blocks, and sets of blocks to test an address against.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address. A mapped IPv6 address is the IPv4 address that it maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ip(IpAddrBytes);

/// Sixteen bytes and the family: half the alignment of a `u128`, so that a value stays small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct IpAddrBytes {
    v4: bool,
    bytes: [u8; 16],
}

impl From<IpAddr> for Ip {
    fn from(address: IpAddr) -> Self {
        let address = address.to_canonical();
        let bytes = match address {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
            IpAddr::V6(v6) => v6.octets(),
        };
        Self(IpAddrBytes {
            v4: address.is_ipv4(),
            bytes,
        })
    }
}

impl Ip {
    /// Reads an address. Zones and the dotted form of a mapped address are refused.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let address: IpAddr = text.parse().ok()?;
        let dotted = address.is_ipv6() && text.contains('.');
        (!dotted).then(|| address.into())
    }

    fn address(self) -> IpAddr {
        IpAddr::V6(Ipv6Addr::from(self.0.bytes)).to_canonical()
    }

    fn number(self) -> u128 {
        u128::from_be_bytes(self.0.bytes)
    }

    /// 4 or 6.
    pub(crate) fn family(self) -> i64 {
        if self.0.v4 { 4 } else { 6 }
    }

    pub(crate) fn is_unspecified(self) -> bool {
        self.address().is_unspecified()
    }

    pub(crate) fn is_loopback(self) -> bool {
        self.address().is_loopback()
    }

    pub(crate) fn is_link_local_unicast(self) -> bool {
        match self.address() {
            IpAddr::V4(v4) => v4.is_link_local(),
            IpAddr::V6(v6) => v6.is_unicast_link_local(),
        }
    }

    /// 224.0.0.0/24, or an IPv6 multicast address of link-local scope.
    pub(crate) fn is_link_local_multicast(self) -> bool {
        match self.address() {
            IpAddr::V4(v4) => matches!(v4.octets(), [224, 0, 0, _]),
            IpAddr::V6(v6) => v6
                .segments()
                .first()
                .is_some_and(|head| head & 0xff0f == 0xff02),
        }
    }

    /// Any unicast address but the unspecified, loopback and link-local ones
    /// and the IPv4 broadcast address. Private ones count as global.
    pub(crate) fn is_global_unicast(self) -> bool {
        let address = self.address();
        !(address.is_unspecified()
            || address.is_loopback()
            || address.is_multicast()
            || self.is_link_local_unicast()
            || address == IpAddr::V4(Ipv4Addr::BROADCAST))
    }
}

impl fmt::Display for Ip {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address().fmt(out)
    }
}

/// A block of addresses. It keeps the address as written, host bits too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cidr {
    ip: Ip,
    length: u8,
}

impl Cidr {
    /// Reads `address/length`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/')?;
        if address.contains('.') && address.contains(':') {
            return None;
        }
        let ip = Ip::parse(address)?;
        let digits = length.bytes().all(|byte| byte.is_ascii_digit());
        let leading_zero = length.len() > 1 && length.starts_with('0');
        if !digits || leading_zero {
            return None;
        }
        let length: u8 = length.parse().ok()?;
        let most = if ip.0.v4 { 32 } else { 128 };
        (length <= most).then_some(Self { ip, length })
    }

    /// The address as written.
    pub(crate) fn ip(self) -> Ip {
        self.ip
    }

    /// The number of fixed bits.
    pub(crate) fn prefix_length(self) -> i64 {
        i64::from(self.length)
    }

    /// The first and the last address as numbers.
    pub(crate) fn range(self) -> (u128, u128) {
        let fixed = u32::from(self.length) + if self.ip.0.v4 { 96 } else { 0 };
        let host = u128::MAX.checked_shr(fixed).unwrap_or(0);
        let first = self.ip.number() & !host;
        (first, first | host)
    }

    /// The block with its host bits cleared.
    pub(crate) fn masked(self) -> Self {
        let bytes = self.range().0.to_be_bytes();
        Self {
            ip: Ip(IpAddrBytes {
                v4: self.ip.0.v4,
                bytes,
            }),
            length: self.length,
        }
    }

    pub(crate) fn contains_ip(self, ip: Ip) -> bool {
        let (first, last) = self.range();
        self.ip.0.v4 == ip.0.v4 && (first..=last).contains(&ip.number())
    }

    pub(crate) fn contains_cidr(self, other: Self) -> bool {
        self.length <= other.length && self.contains_ip(other.ip)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.ip, self.length)
    }
}

/// A set of blocks: disjoint ranges in order, one list for each family.
#[derive(Clone, Debug, Default)]
pub(crate) struct CidrSet {
    v4: Box<[(u128, u128)]>,
    v6: Box<[(u128, u128)]>,
}

impl CidrSet {
    /// The set of all addresses in `blocks`.
    pub(crate) fn new(blocks: &[Cidr]) -> Self {
        let of = |v4| {
            let ranges = blocks.iter().filter(|block| block.ip.0.v4 == v4);
            merge(ranges.map(|block| block.range()).collect())
        };
        Self {
            v4: of(true),
            v6: of(false),
        }
    }

    /// Whether one of the blocks holds the address.
    pub(crate) fn contains(&self, ip: Ip) -> bool {
        let ranges = if ip.0.v4 { &self.v4 } else { &self.v6 };
        let number = ip.number();
        let after = ranges.partition_point(|range| range.0 <= number);
        let candidate = after.checked_sub(1).and_then(|index| ranges.get(index));
        candidate.is_some_and(|range| number <= range.1)
    }
}

fn merge(mut ranges: Vec<(u128, u128)>) -> Box<[(u128, u128)]> {
    ranges.sort_unstable();
    let mut merged: Vec<(u128, u128)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match merged.last_mut() {
            Some(open) if first <= open.1.saturating_add(1) => open.1 = open.1.max(last),
            _ => merged.push((first, last)),
        }
    }
    merged.into()
}
