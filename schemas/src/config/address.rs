//! The address of a private venue. There is no way to build one that names a public host.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Endings of names that no public zone has; a name of a single label passes too.
const PRIVATE_ENDINGS: [&str; 6] =
    [".svc", ".svc.cluster.local", ".local", ".internal", ".test", ".localhost"];

/// Host, port and scheme of a private venue.
///
/// A name is judged by its form only; whoever connects checks the peer's address ([`is_private`]) each
/// time, after resolving.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StagingAddress {
    host: Host,
    port: u16,
    tls: bool,
}

/// A host: an address, or a name still to be resolved.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Host {
    Ip(IpAddr),
    Name(String),
}

/// Why a text is no private address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not `host:port` or `http(s)://host:port`.
    #[error("staging address must be host:port or http(s)://host:port, nothing before or after it")]
    Form,
    /// No port, or not one of 1 to 65535.
    #[error("staging address needs a port of 1 to 65535 in plain digits")]
    Port,
    /// Not a host name in plain form, nor an address.
    #[error("staging host must be an IP address or a name of a-z, 0-9, hyphen and underscore")]
    Host,
    /// A name that a public zone could hold.
    #[error(
        "staging address must be private: a single label, or ending in .svc, .svc.cluster.local, .local, .internal, .test or .localhost"
    )]
    PublicName,
    /// An IP address that is not private.
    #[error("staging address must be private: loopback, 10/8, 172.16/12, 192.168/16, ::1 or fc00::/7")]
    PublicIp,
}

impl StagingAddress {
    /// The host without brackets, as a resolver wants it.
    #[must_use]
    pub fn host(&self) -> String {
        match &self.host {
            Host::Ip(ip) => ip.to_string(),
            Host::Name(name) => name.clone(),
        }
    }

    /// The port, never 0.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether the connection is encrypted (`https://`).
    #[must_use]
    pub const fn tls(&self) -> bool {
        self.tls
    }

    /// `host:port` as a Host header has it, an IPv6 address in brackets.
    #[must_use]
    pub fn authority(&self) -> String {
        match &self.host {
            Host::Ip(IpAddr::V6(ip)) => format!("[{ip}]:{}", self.port),
            Host::Ip(IpAddr::V4(ip)) => format!("{ip}:{}", self.port),
            Host::Name(name) => format!("{name}:{}", self.port),
        }
    }
}

impl FromStr for StagingAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (tls, rest) = match (text.strip_prefix("http://"), text.strip_prefix("https://")) {
            (Some(rest), _) => (false, rest),
            (None, Some(rest)) => (true, rest),
            (None, None) => (false, text),
        };
        if rest.bytes().any(|byte| b"/\\?#@%".contains(&byte) || byte.is_ascii_whitespace()) {
            return Err(AddressError::Form);
        }
        let (host, port) = rest.rsplit_once(':').ok_or(AddressError::Port)?;
        let host = Host::parse(host)?;
        Ok(Self { host, port: parse_port(port)?, tls })
    }
}

impl fmt::Display for StagingAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.tls { "https://" } else { "http://" }, self.authority())
    }
}

/// Loopback, private (RFC 1918) or unique-local; an IPv4 address inside an IPv6 one is judged itself.
#[must_use]
pub const fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local(),
    }
}

impl Host {
    fn parse(text: &str) -> Result<Self, AddressError> {
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or(AddressError::Host)?;
            let ip: Ipv6Addr = inner.parse().map_err(|_| AddressError::Host)?;
            return Self::private(ip.into());
        }
        let labels: Vec<&str> = text.split('.').collect();
        if !labels.iter().all(|label| is_label(label)) || text.len() > 253 {
            return Err(AddressError::Host);
        }
        // What resolvers take for an address (`2130706433`, `0x7f.1`, `0177.0.0.1`) must be written as one.
        if labels.last().is_some_and(|label| is_number(label)) {
            let ip: Ipv4Addr = text.parse().map_err(|_| AddressError::Host)?;
            return Self::private(ip.into());
        }
        let private = labels.len() == 1 || PRIVATE_ENDINGS.iter().any(|ending| text.ends_with(ending));
        if private { Ok(Self::Name(text.to_owned())) } else { Err(AddressError::PublicName) }
    }

    fn private(ip: IpAddr) -> Result<Self, AddressError> {
        if is_private(ip) { Ok(Self::Ip(ip)) } else { Err(AddressError::PublicIp) }
    }
}

/// Lower case only, so that one host has one spelling; no punycode, so that what is read is what is meant.
fn is_label(label: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    (1..=63).contains(&label.len())
        && label.bytes().all(allowed)
        && !label.starts_with('-')
        && !label.ends_with('-')
        && !label.starts_with("xn--")
}

fn is_number(label: &str) -> bool {
    let hex =
        label.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    hex || label.bytes().all(|byte| byte.is_ascii_digit())
}

fn parse_port(text: &str) -> Result<u16, AddressError> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    if plain { text.parse().map_err(|_| AddressError::Port) } else { Err(AddressError::Port) }
}
