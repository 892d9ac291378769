//! Where the reference market's trades come from. Never shows a password.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::fault::cut;
use super::kafka::KafkaUrl;
use super::kafka_url::KafkaUrlError;

/// A feed's address, as `Feed` in the configuration or `--feed` gives it. [`fmt::Display`] and [`fmt::Debug`]
/// mask the password.
#[derive(Clone, PartialEq, Eq)]
pub enum FeedUrl {
    /// `redis://` or `rediss://`; the URL counts as a secret (it may carry a password).
    Redis {
        /// The URL without our own query keys.
        url: String,
        /// Pub/sub, or values that are only SET.
        mode: RedisMode,
    },
    /// `kafka://host:port[,host:port]/TOPIC`, see [`KafkaUrl`].
    Kafka(KafkaUrl),
    /// `tape:PATH`, optionally `?series=VENUE:SYMBOL`, `&speed=N` or `&speed=max`.
    Tape {
        /// The file.
        path: PathBuf,
        /// Which venues and symbols of a file that has several, separated by commas.
        series: Option<String>,
        /// Times the recorded speed; `None` = as fast as possible.
        speed: Option<u32>,
    },
    /// `synthetic:SEED`: a market computed from seed and wall clock.
    Synthetic {
        /// The seed.
        seed: u64,
    },
}

/// How a Redis publisher hands its ticks over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RedisMode {
    /// PUBLISH on the follow key's channel, primed by GET of the same key.
    #[default]
    PubSub,
    /// Only SET: keyspace events where the server sends them, else polling each Interval.
    Get,
}

/// Why a text is no feed address. Carries no password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FeedUrlError {
    /// No scheme of ours.
    #[error(
        "unknown feed (got \"{}\", want redis://, rediss://, kafka://, tape:PATH or synthetic:SEED)",
        cut(.0)
    )]
    Scheme(String),
    /// Nothing where a host is wanted.
    #[error("no host in the feed address (got \"{}\", want redis://host:port)", cut(.0))]
    NoHost(String),
    /// A bad Kafka address.
    #[error(transparent)]
    Kafka(#[from] KafkaUrlError),
    /// Spaces or control characters.
    #[error("space or control character in the feed address (got \"{}\", want none)", cut(.0))]
    Characters(String),
    /// `?mode=` with another word.
    #[error("unknown mode (got \"{}\", want \"get\" or \"pubsub\")", cut(.0))]
    Mode(String),
    /// `tape:` without a path.
    #[error("no file after \"tape:\"")]
    NoPath,
    /// `?speed=` that is neither a whole number above zero nor `max`.
    #[error("bad speed (got \"{}\", want a whole number above zero or \"max\")", cut(.0))]
    Speed(String),
    /// A query key of a tape that does not exist.
    #[error("unknown tape setting (got \"{}\", want series=VENUE:SYMBOL or speed=N)", cut(.0))]
    TapeKey(String),
    /// `synthetic:` without a whole number.
    #[error("bad seed (got \"{}\", want a whole number from 0 to 18446744073709551615)", cut(.0))]
    Seed(String),
}

impl FeedUrl {
    /// Reads a feed's address.
    ///
    /// # Errors
    /// [`FeedUrlError`] says what is wrong, without the password.
    pub fn parse(text: &str) -> Result<Self, FeedUrlError> {
        if let Some(rest) = text.strip_prefix("tape:") {
            return tape(rest);
        }
        if text.starts_with("kafka://") {
            return Ok(Self::Kafka(KafkaUrl::parse(text)?));
        }
        if text.chars().any(|char| char.is_control() || char.is_whitespace()) {
            return Err(FeedUrlError::Characters(masked(text)));
        }
        if text.starts_with("redis://") || text.starts_with("rediss://") {
            return redis(text);
        }
        match text.strip_prefix("synthetic:") {
            Some(seed) => seed
                .parse()
                .map(|seed| Self::Synthetic { seed })
                .map_err(|_| FeedUrlError::Seed(seed.to_owned())),
            None => Err(FeedUrlError::Scheme(masked(text))),
        }
    }
}

impl FromStr for FeedUrl {
    type Err = FeedUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for FeedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redis { url, mode } => {
                f.write_str(&masked(url))?;
                let mark = if url.contains('?') { '&' } else { '?' };
                match mode {
                    RedisMode::PubSub => Ok(()),
                    RedisMode::Get => write!(f, "{mark}mode=get"),
                }
            }
            Self::Kafka(kafka) => kafka.fmt(f),
            Self::Tape { path, series, speed } => {
                write!(f, "tape:{}?", path.display())?;
                if let Some(series) = series {
                    write!(f, "series={series}&")?;
                }
                match speed {
                    Some(speed) => write!(f, "speed={speed}"),
                    None => f.write_str("speed=max"),
                }
            }
            Self::Synthetic { seed } => write!(f, "synthetic:{seed}"),
        }
    }
}

impl fmt::Debug for FeedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FeedUrl({self})")
    }
}

/// The URL with `***` where its password is. Whatever lies between the first colon and the last `@` counts as
/// password, so that one with a slash or an `@` in it does not show either.
fn masked(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return if url.contains('@') { "***".to_owned() } else { url.to_owned() };
    };
    let Some((user, host)) = rest.rsplit_once('@') else { return url.to_owned() };
    let name = user.split(':').next().unwrap_or_default();
    format!("{scheme}://{name}:***@{host}")
}

fn redis(text: &str) -> Result<FeedUrl, FeedUrlError> {
    let (base, query) = text.split_once('?').unwrap_or((text, ""));
    let mut mode = RedisMode::PubSub;
    let mut kept = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.strip_prefix("mode=") {
            Some("get") => mode = RedisMode::Get,
            Some("pubsub") => mode = RedisMode::PubSub,
            Some(other) => return Err(FeedUrlError::Mode(other.to_owned())),
            None => kept.push(pair),
        }
    }
    if host(base).is_empty() {
        return Err(FeedUrlError::NoHost(masked(base)));
    }
    let url = if kept.is_empty() { base.to_owned() } else { format!("{base}?{}", kept.join("&")) };
    Ok(FeedUrl::Redis { url, mode })
}

/// The host of `scheme://[user:password@]host[:port][/...]`; empty if there is none.
fn host(base: &str) -> &str {
    let rest = base.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.rsplit_once('@').map_or(rest, |(_, authority)| authority);
    let authority = authority.split('/').next().unwrap_or_default();
    if authority.starts_with('[') { authority } else { authority.split(':').next().unwrap_or_default() }
}

fn tape(rest: &str) -> Result<FeedUrl, FeedUrlError> {
    let (path, query) = match rest.rsplit_once('?') {
        Some((path, query)) if query.contains('=') => (path, query),
        _ => (rest, ""),
    };
    if path.is_empty() {
        return Err(FeedUrlError::NoPath);
    }
    let (mut series, mut speed) = (None, Some(1));
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("series", value)) if !value.is_empty() => series = Some(value.to_owned()),
            Some(("speed", value)) => speed = parse_speed(value)?,
            _ => return Err(FeedUrlError::TapeKey(pair.to_owned())),
        }
    }
    Ok(FeedUrl::Tape { path: PathBuf::from(path), series, speed })
}

fn parse_speed(text: &str) -> Result<Option<u32>, FeedUrlError> {
    match text {
        "max" => Ok(None),
        text => match text.parse() {
            Ok(speed) if speed > 0 => Ok(Some(speed)),
            _ => Err(FeedUrlError::Speed(text.to_owned())),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read_and_written_back() {
        for (text, shown) in [
            ("redis://127.0.0.1:6379", "redis://127.0.0.1:6379"),
            ("rediss://u:p@h/2?mode=get", "rediss://u:***@h/2?mode=get"),
            ("redis://h?x=1&mode=pubsub", "redis://h?x=1"),
            ("redis://[::1]:7000/1", "redis://[::1]:7000/1"),
            ("kafka://a:9092,b:9092/trades?group=g", "kafka://a:9092,b:9092/trades?group=g"),
            ("tape:/a/b.csv.gz", "tape:/a/b.csv.gz?speed=1"),
            ("tape:a?series=binance-spot:BTCUSDT&speed=10", "tape:a?series=binance-spot:BTCUSDT&speed=10"),
            ("tape:odd?name?speed=max", "tape:odd?name?speed=max"),
            ("synthetic:7", "synthetic:7"),
        ] {
            assert_eq!(FeedUrl::parse(text).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in [
            "",
            "redis://",
            "redis://:6379",
            "http://h",
            "tape:",
            "tape:a?speed=0",
            "tape:a?speed=-1",
            "tape:a?x=1",
            "synthetic:",
            "synthetic:-1",
            "synthetic:x",
            "kafka://h:1",
            "kafka://h:1/",
            "kafka:///t",
            "redis://h?mode=x",
            "redis://a b",
            "REDIS://h",
        ] {
            assert!(FeedUrl::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_password_shows_nowhere() {
        for url in ["redis://u:hunter2@h:1", "redis://:hunter2@h", "redis://u:a/hunter2@b@h"] {
            let feed = FeedUrl::parse(url).unwrap();
            assert!(!format!("{feed} {feed:?}").contains("hunter2"), "{feed}");
        }
        for bad in [
            "redi://u:hunter2@h",
            "redis://u:hunter2@",
            "u:hunter2@h",
            "redis://u:hunter2@h x",
            "kafka://u:hunter2@h",
            "kafka://u:hunter2@h:1/t",
            "kafka://u:a/b?hunter2@h:1/t",
            "kafka://u:hunter2 @h:1/t",
        ] {
            let error = FeedUrl::parse(bad).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }
}
