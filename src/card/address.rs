//! Where a link may dial: addresses come from signed cards only, and what a name resolves to is
//! checked again at every dial, so that a card cannot turn a node against its own network.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

const MAX_HOST_BYTES: usize = 253;

/// A host and a port to dial.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LinkAddress {
    host: String,
    port: u16,
}

/// Text that should be a link address is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkAddressError {
    /// No port.
    #[error("a port is missing; write host:port, or [host]:port for IPv6")]
    NoPort,
    /// The port is no number from 1 to 65535.
    #[error("the port is not a number from 1 to 65535")]
    Port,
    /// The host is neither a name nor an IP address.
    #[error("the host is neither a DNS name nor an IP address")]
    Host,
}

impl LinkAddress {
    /// The host: a DNS name, or an IP address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for LinkAddress {
    type Err = LinkAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, port) = text.rsplit_once(':').ok_or(LinkAddressError::NoPort)?;
        // `u16::from_str` takes a leading plus.
        let port = (!port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| port.parse::<u16>().ok())
            .flatten()
            .filter(|port| *port != 0)
            .ok_or(LinkAddressError::Port)?;
        let host = match host.strip_prefix('[') {
            Some(rest) => {
                let inner = rest.strip_suffix(']').ok_or(LinkAddressError::Host)?;
                inner
                    .parse::<Ipv6Addr>()
                    .map_err(|_| LinkAddressError::Host)?
                    .to_string()
            }
            None if is_host(host) => host.to_ascii_lowercase(),
            None => return Err(LinkAddressError::Host),
        };
        Ok(Self { host, port })
    }
}

impl fmt::Display for LinkAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// An IPv4 address or a DNS name (RFC 1123). A last label of digits alone would be read by some
/// resolvers as an IPv4 address in an odd notation, so only a proper one may end in digits.
fn is_host(host: &str) -> bool {
    if host.parse::<Ipv4Addr>().is_ok() {
        return true;
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let last = host.rsplit('.').next().unwrap_or_default();
    host.len() <= MAX_HOST_BYTES
        && host.split('.').all(label)
        && last.starts_with(|first: char| first.is_ascii_alphabetic())
}

/// What the configuration permits beyond public addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressPolicy {
    /// Loopback and private networks may be dialled.
    pub allow_private: bool,
    /// These very addresses may be dialled, whatever they are.
    pub permitted: Vec<IpAddr>,
}

/// Why an address is not dialled. The fault is the card's country's, or of who answers for its
/// name; only this node's operator can permit it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressRefusal {
    /// Of no host: unspecified, broadcast, reserved, documentation.
    #[error("{0} is no host's address")]
    NoHost(IpAddr),
    /// Multicast.
    #[error("{0} is a multicast address")]
    Multicast(IpAddr),
    /// A cloud's metadata service.
    #[error("{0} is a cloud metadata service")]
    Metadata(IpAddr),
    /// Link-local.
    #[error("{0} is link-local; list it in `allow_addresses` if a peer really is there")]
    LinkLocal(IpAddr),
    /// Loopback.
    #[error("{0} is this machine; set `allow_private_addresses = true` if a peer really runs here")]
    Loopback(IpAddr),
    /// A private network.
    #[error(
        "{0} is in a private network; set `allow_private_addresses = true` if a peer really is there"
    )]
    Private(IpAddr),
}

/// Addresses at which clouds hand out credentials: AWS, GCP, Azure and most others; AWS over
/// IPv6; GCP over IPv6; Azure's host agent; Alibaba; Oracle.
const METADATA: [IpAddr; 6] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
];

/// Whether a link may dial `address`.
///
/// # Errors
/// [`AddressRefusal`] naming the address and its kind.
pub fn address_allowed(address: IpAddr, policy: &AddressPolicy) -> Result<(), AddressRefusal> {
    if policy.permitted.contains(&address) {
        return Ok(());
    }
    let Some(refusal) = refusal(address) else {
        return Ok(());
    };
    match refusal {
        AddressRefusal::Loopback(_) | AddressRefusal::Private(_) if policy.allow_private => Ok(()),
        _ => Err(refusal),
    }
}

fn refusal(address: IpAddr) -> Option<AddressRefusal> {
    // What carries an IPv4 address inside an IPv6 one reaches the inner one.
    let inner = match address {
        IpAddr::V6(v6) => embedded_v4(v6).map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    };
    if METADATA.contains(&inner) {
        return Some(AddressRefusal::Metadata(address));
    }
    match inner {
        IpAddr::V4(v4) => refusal_v4(v4, address),
        IpAddr::V6(v6) => refusal_v6(v6, address),
    }
}

/// IANA IPv4 special-purpose registry.
fn refusal_v4(v4: Ipv4Addr, shown: IpAddr) -> Option<AddressRefusal> {
    let [a, b, c, _] = v4.octets();
    if v4.is_loopback() {
        return Some(AddressRefusal::Loopback(shown));
    }
    if v4.is_multicast() {
        return Some(AddressRefusal::Multicast(shown));
    }
    if v4.is_link_local() {
        return Some(AddressRefusal::LinkLocal(shown));
    }
    let carrier = a == 100 && (64..128).contains(&b);
    if v4.is_private() || carrier {
        return Some(AddressRefusal::Private(shown));
    }
    let benchmark = a == 198 && (18..20).contains(&b);
    let protocols = (a, b, c) == (192, 0, 0);
    (a == 0 || a >= 240 || benchmark || protocols || v4.is_documentation())
        .then_some(AddressRefusal::NoHost(shown))
}

/// IANA IPv6 special-purpose registry.
fn refusal_v6(v6: Ipv6Addr, shown: IpAddr) -> Option<AddressRefusal> {
    let [first, second, ..] = v6.segments();
    if v6.is_loopback() {
        return Some(AddressRefusal::Loopback(shown));
    }
    if v6.is_multicast() {
        return Some(AddressRefusal::Multicast(shown));
    }
    if first & 0xffc0 == 0xfe80 {
        return Some(AddressRefusal::LinkLocal(shown));
    }
    // Unique local, and the site-local range that some networks still use.
    if first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfec0 {
        return Some(AddressRefusal::Private(shown));
    }
    // Only 2000::/3 is global unicast.
    let documentation = (first, second) == (0x2001, 0x0db8) || first & 0xfff0 == 0x3ff0;
    (first & 0xe000 != 0x2000 || documentation).then_some(AddressRefusal::NoHost(shown))
}

/// The IPv4 address inside a mapped, compatible, translated (NAT64) or tunnelled (6to4, Teredo)
/// IPv6 address.
fn embedded_v4(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let pair = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match v6.segments() {
        // `::` and `::1` stand for themselves.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x64, 0xff9b, 1, _, _, _, high, low] => Some(pair(high, low)),
        [0x2002, high, low, ..] => Some(pair(high, low)),
        [0x2001, 0, .., high, low] => Some(pair(!high, !low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str, policy: &AddressPolicy) -> &'static str {
        match address_allowed(text.parse().unwrap(), policy) {
            Ok(()) => "allowed",
            Err(AddressRefusal::NoHost(_)) => "no host",
            Err(AddressRefusal::Multicast(_)) => "multicast",
            Err(AddressRefusal::Metadata(_)) => "metadata",
            Err(AddressRefusal::LinkLocal(_)) => "link-local",
            Err(AddressRefusal::Loopback(_)) => "loopback",
            Err(AddressRefusal::Private(_)) => "private",
        }
    }

    const HOSTILE: &[(&str, &str)] = &[
        ("169.254.169.254", "metadata"),
        ("fd00:ec2::254", "metadata"),
        ("fd20:ce::254", "metadata"),
        ("168.63.129.16", "metadata"),
        ("100.100.100.200", "metadata"),
        ("192.0.0.192", "metadata"),
        ("::ffff:169.254.169.254", "metadata"),
        ("::169.254.169.254", "metadata"),
        ("64:ff9b::a9fe:a9fe", "metadata"),
        ("64:ff9b:1::a9fe:a9fe", "metadata"),
        ("2002:a9fe:a9fe::1", "metadata"),
        ("2001:0:1:2:3:4:5601:5601", "metadata"),
        ("169.254.0.1", "link-local"),
        ("fe80::1", "link-local"),
        ("febf::1", "link-local"),
        ("127.0.0.1", "loopback"),
        ("127.255.255.254", "loopback"),
        ("::1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("::ffff:0:127.0.0.1", "loopback"),
        ("2002:7f00:1::", "loopback"),
        ("10.0.0.1", "private"),
        ("172.31.255.255", "private"),
        ("192.168.1.1", "private"),
        ("100.64.0.1", "private"),
        ("fc00::1", "private"),
        ("fd12:3456::1", "private"),
        ("fec0::1", "private"),
        ("::ffff:10.1.2.3", "private"),
        ("224.0.0.1", "multicast"),
        ("239.255.255.250", "multicast"),
        ("ff02::1", "multicast"),
        ("0.0.0.0", "no host"),
        ("0.1.2.3", "no host"),
        ("::", "no host"),
        ("::ffff:0.0.0.0", "no host"),
        ("255.255.255.255", "no host"),
        ("240.0.0.1", "no host"),
        ("192.0.2.1", "no host"),
        ("198.51.100.1", "no host"),
        ("203.0.113.1", "no host"),
        ("198.18.0.1", "no host"),
        ("2001:db8::1", "no host"),
        ("3fff::1", "no host"),
        ("4000::1", "no host"),
        ("100::1", "no host"),
    ];

    #[test]
    fn hostile_addresses_are_refused_by_kind() {
        for (text, expected) in HOSTILE {
            assert_eq!(kind(text, &AddressPolicy::default()), *expected, "{text}");
        }
    }

    #[test]
    fn private_policy_opens_private_and_loopback_only() {
        let policy = AddressPolicy {
            allow_private: true,
            permitted: Vec::new(),
        };
        for (text, expected) in HOSTILE {
            let opened = matches!(*expected, "loopback" | "private");
            let now = if opened { "allowed" } else { expected };
            assert_eq!(kind(text, &policy), now, "{text}");
        }
    }

    #[test]
    fn public_and_permitted_addresses_are_dialled() {
        for text in [
            "8.8.8.8",
            "91.212.89.1",
            "2a00:1450::1",
            "172.32.0.1",
            "100.128.0.1",
        ] {
            assert_eq!(kind(text, &AddressPolicy::default()), "allowed", "{text}");
        }
        let policy = AddressPolicy {
            allow_private: false,
            permitted: vec!["169.254.7.7".parse().unwrap()],
        };
        assert_eq!(kind("169.254.7.7", &policy), "allowed");
        assert_eq!(kind("169.254.7.8", &policy), "link-local");
    }

    #[test]
    fn addresses_read_back() {
        for text in [
            "node.uz.example:7443",
            "127.0.0.1:1",
            "[2a00::1]:65535",
            "a:7443",
        ] {
            assert_eq!(text.parse::<LinkAddress>().unwrap().to_string(), text);
        }
        let upper: LinkAddress = "Node.UZ:7443".parse().unwrap();
        assert_eq!(upper.host(), "node.uz");
    }

    #[test]
    fn odd_addresses_are_refused() {
        use LinkAddressError::{Host, NoPort, Port};
        let cases = [
            ("", NoPort),
            ("node", NoPort),
            ("node:", Port),
            ("node:0", Port),
            ("node:+1", Port),
            ("node:65536", Port),
            (":7443", Host),
            ("2130706433:80", Host),
            ("0x7f.1:80", Host),
            ("127.1:80", Host),
            ("1.2.3.4.5:80", Host),
            ("2a00::1:80", Host),
            ("[2a00::1:80", Host),
            ("[fe80::1%eth0]:80", Host),
            ("a b:80", Host),
            ("http://node:80", Host),
            ("user@node:80", Host),
            ("node.:80", Host),
            ("-a.b:80", Host),
            ("\u{43d}.uz:80", Host),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<LinkAddress>(), Err(expected), "{text}");
        }
    }
}
