//! A Kafka address as text: read with one clear error for each fault, and written so that it reads back.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use super::fault::cut;
use super::kafka::{GroupProtocol, KafkaKey, KafkaTopic, KafkaUrl, NAME_BYTES_MAX, Partitioner};

/// Why a text is no Kafka address. Never holds a password: an address with a user part is not repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KafkaUrlError {
    /// Not `kafka://`.
    #[error("no Kafka address (got \"{}\", want kafka://host:port/TOPIC)", cut(.0))]
    Scheme(String),
    /// `user:password@`.
    #[error(
        "a user or password in a Kafka address; not shown (want sasl.username and sasl.password in Kafka Options)"
    )]
    Credentials,
    /// Spaces or control characters.
    #[error("space or control character in the Kafka address (got \"{}\", want none)", cut(.0))]
    Characters(String),
    /// Nothing where a broker's host is wanted.
    #[error("no host in the Kafka address (got \"{}\", want host:port[,host:port])", cut(.0))]
    NoHost(String),
    /// A host that no name and no IP address looks like.
    #[error("bad host in the Kafka address (got \"{}\", want a name, an IPv4 address or [IPv6])", cut(.0))]
    Host(String),
    /// No port, or not one of 1 to 65535.
    #[error("bad port of a Kafka broker (got \"{}\", want host:port with a port of 1 to 65535)", cut(.0))]
    Port(String),
    /// Nothing after the brokers.
    #[error("no topic in the Kafka address (got \"{}\", want kafka://host:port/TOPIC)", cut(.0))]
    NoTopic(String),
    /// A topic that no broker takes.
    #[error(
        "bad topic (got \"{}\", want 1 to 249 of a-z A-Z 0-9 . _ - and at most one {{symbol}})",
        cut(.0)
    )]
    Topic(String),
    /// A setting that does not exist.
    #[error("unknown Kafka setting (got \"{}\", want {KEYS})", cut(.0))]
    Setting(String),
    /// A setting twice.
    #[error("Kafka setting given twice (got \"{0}\" again, want it once)")]
    Twice(&'static str),
    /// A value that the setting does not take.
    #[error("bad {setting} in the Kafka address (got \"{}\", want {want})", cut(.got))]
    Value {
        /// The setting.
        setting: &'static str,
        /// Its value.
        got: String,
        /// What it takes.
        want: &'static str,
    },
    /// A setting of a group without one.
    #[error("{0} in the Kafka address goes only with a group (got no group, want group=NAME)")]
    NoGroup(&'static str),
    /// Static membership under KIP-848.
    #[error("static=true goes only with protocol=classic (got protocol=consumer)")]
    StaticConsumer,
}

impl KafkaUrl {
    /// Reads an address.
    ///
    /// # Errors
    /// [`KafkaUrlError`] says what is wrong, and never repeats a password.
    pub fn parse(text: &str) -> Result<Self, KafkaUrlError> {
        // No part of a Kafka address may hold an @, so whatever has one may carry a password.
        if text.contains('@') {
            return Err(KafkaUrlError::Credentials);
        }
        if text.chars().any(|char| char.is_control() || char.is_whitespace()) {
            return Err(KafkaUrlError::Characters(text.to_owned()));
        }
        let rest = text.strip_prefix("kafka://").ok_or_else(|| KafkaUrlError::Scheme(text.to_owned()))?;
        let (base, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (brokers, topic) = base.split_once('/').unwrap_or((base, ""));
        brokers.split(',').try_for_each(|one| broker(one, text))?;
        if topic.is_empty() {
            return Err(KafkaUrlError::NoTopic(text.to_owned()));
        }
        let url = Self::new(brokers, topic);
        if url.topic.is_legal() { url.settings(query) } else { Err(KafkaUrlError::Topic(topic.to_owned())) }
    }

    fn settings(mut self, query: &str) -> Result<Self, KafkaUrlError> {
        let mut seen = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let setting = Setting::named(name).ok_or_else(|| KafkaUrlError::Setting(name.to_owned()))?;
            if seen.contains(&setting) {
                return Err(KafkaUrlError::Twice(setting.name()));
            }
            seen.push(setting);
            self.set(setting, value)?;
        }
        if self.static_member && self.protocol == GroupProtocol::Consumer {
            return Err(KafkaUrlError::StaticConsumer);
        }
        let of_group = |setting: &Setting| matches!(setting, Setting::Protocol | Setting::Static);
        match seen.into_iter().find(of_group) {
            Some(setting) if self.group.is_none() => Err(KafkaUrlError::NoGroup(setting.name())),
            Some(_) | None => Ok(self),
        }
    }

    fn set(&mut self, setting: Setting, value: &str) -> Result<(), KafkaUrlError> {
        let known = match setting {
            Setting::Group => {
                self.group = (1..=NAME_BYTES_MAX).contains(&value.len()).then(|| value.to_owned());
                self.group.is_some()
            }
            Setting::Protocol => assign(&mut self.protocol, PROTOCOLS, value),
            Setting::Static => assign(&mut self.static_member, FLAGS, value),
            Setting::Partitioner => assign(&mut self.partitioner, PARTITIONERS, value),
            Setting::Key => assign(&mut self.key, MESSAGE_KEYS, value),
        };
        let refusal =
            || KafkaUrlError::Value { setting: setting.name(), got: value.to_owned(), want: setting.want() };
        if known { Ok(()) } else { Err(refusal()) }
    }
}

impl FromStr for KafkaUrl {
    type Err = KafkaUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for KafkaUrl {
    /// The address that reads back as this one; what has its default is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (KafkaTopic::One(topic) | KafkaTopic::PerSymbol(topic)) = &self.topic;
        write!(f, "kafka://{}/{topic}", self.brokers)?;
        let settings = [
            (Setting::Group, self.group.as_deref()),
            (Setting::Protocol, word(self.protocol, PROTOCOLS)),
            (Setting::Static, word(self.static_member, FLAGS)),
            (Setting::Partitioner, word(self.partitioner, PARTITIONERS)),
            (Setting::Key, word(self.key, MESSAGE_KEYS)),
        ];
        let mut mark = '?';
        for (setting, value) in settings {
            let Some(value) = value else { continue };
            write!(f, "{mark}{}={value}", setting.name())?;
            mark = '&';
        }
        Ok(())
    }
}

/// The settings after the `?`, as a message names them.
const KEYS: &str = "group, protocol, static, partitioner or key";

const PROTOCOLS: &[(&str, GroupProtocol)] =
    &[("classic", GroupProtocol::Classic), ("consumer", GroupProtocol::Consumer)];
const FLAGS: &[(&str, bool)] = &[("true", true), ("false", false)];
const PARTITIONERS: &[(&str, Partitioner)] =
    &[("murmur2", Partitioner::Murmur2), ("crc32", Partitioner::Crc32), ("fnv1a", Partitioner::Fnv1a)];
const MESSAGE_KEYS: &[(&str, KafkaKey)] =
    &[("symbol", KafkaKey::Symbol), ("follow_key", KafkaKey::FollowKey)];

/// A setting after the `?`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Setting {
    Group,
    Protocol,
    Static,
    Partitioner,
    Key,
}

impl Setting {
    const ALL: [Self; 5] = [Self::Group, Self::Protocol, Self::Static, Self::Partitioner, Self::Key];

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|setting| setting.name() == name)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Group => "group",
            Self::Protocol => "protocol",
            Self::Static => "static",
            Self::Partitioner => "partitioner",
            Self::Key => "key",
        }
    }

    const fn want(self) -> &'static str {
        match self {
            Self::Group => "a name of 1 to 249 bytes",
            Self::Protocol => "classic or consumer",
            Self::Static => "true or false",
            Self::Partitioner => "murmur2, crc32 or fnv1a",
            Self::Key => "symbol or follow_key",
        }
    }
}

/// Sets what a word stands for; false where it stands for nothing.
fn assign<T: Copy>(place: &mut T, words: &[(&str, T)], word: &str) -> bool {
    let found = words.iter().find(|(name, _)| *name == word);
    if let Some((_, value)) = found {
        *place = *value;
    }
    found.is_some()
}

/// The word of a value; none for the default.
fn word<T: Copy + Default + PartialEq>(value: T, words: &[(&'static str, T)]) -> Option<&'static str> {
    let found = words.iter().find(|(_, known)| *known == value && value != T::default());
    found.map(|(name, _)| *name)
}

fn broker(one: &str, address: &str) -> Result<(), KafkaUrlError> {
    let bracketed = one.starts_with('[');
    let (host, port) = match one.rsplit_once(':') {
        // The last colon of a bare `[::1]` is inside of it.
        Some((host, port)) if !bracketed || host.ends_with(']') => (host, port),
        Some(_) | None => (one, ""),
    };
    if host.is_empty() {
        return Err(KafkaUrlError::NoHost(address.to_owned()));
    }
    let named = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    let legal = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => inner.parse::<Ipv6Addr>().is_ok(),
        None => host.bytes().all(named),
    };
    if !legal {
        return Err(KafkaUrlError::Host(one.to_owned()));
    }
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    let good = digits && port.parse::<u16>().is_ok_and(|port| port > 0);
    if good { Ok(()) } else { Err(KafkaUrlError::Port(one.to_owned())) }
}
