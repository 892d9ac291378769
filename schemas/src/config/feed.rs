//! Where the reference market's trades come from.

use std::path::PathBuf;

/// A feed's address, as `Feed` in the configuration or `--feed` gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedUrl {
    /// `redis://` or `rediss://`; the URL counts as a secret (it may carry a password).
    Redis {
        /// The URL without our own query keys.
        url: String,
        /// Pub/sub, or values that are only SET.
        mode: RedisMode,
    },
    /// `kafka://host:port[,host:port]/TOPIC?group=NAME`; not in this version.
    Kafka {
        /// The URL as given.
        url: String,
    },
    /// `tape:PATH`, optionally `?series=VENUE:SYMBOL`, `&speed=N` or `&speed=max`.
    Tape {
        /// The file.
        path: PathBuf,
        /// Which venue and symbol of a file that has several.
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

/// Why a text is no feed URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("want redis://, rediss://, kafka://, tape:PATH or synthetic:SEED")]
pub struct FeedUrlError;

impl FeedUrl {
    /// Reads a feed's URL.
    ///
    /// # Errors
    /// Where the text is none of the forms.
    pub fn parse(text: &str) -> Result<Self, FeedUrlError> {
        match text.split_once(':') {
            Some(("redis" | "rediss", _)) => {
                Ok(Self::Redis { url: text.to_owned(), mode: RedisMode::PubSub })
            }
            Some(("kafka", _)) => Ok(Self::Kafka { url: text.to_owned() }),
            Some(("tape", path)) => Ok(Self::Tape { path: path.into(), series: None, speed: None }),
            Some(("synthetic", seed)) => {
                seed.parse().map(|seed| Self::Synthetic { seed }).map_err(|_| FeedUrlError)
            }
            _ => Err(FeedUrlError),
        }
    }
}
