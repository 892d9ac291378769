//! The addresses of the process-wide keys, as the file gives them or a reference leads to them. What is wrong is
//! said without a password.

use super::fault::cut;
use super::feed::{FeedUrl, FeedUrlError, RedisMode};
use super::kafka::{GroupProtocol, KafkaKey, KafkaTopic, KafkaUrl};
use super::kafka_url::KafkaUrlError;

/// Reads `Feed`.
///
/// # Errors
/// What is wrong, without a password.
pub fn feed_url(text: &str) -> Result<FeedUrl, String> {
    FeedUrl::parse(text).map_err(|error| {
        // A URL with a user part may carry a password, and most causes quote a part of the URL.
        let quoting = text.contains('@') && error != FeedUrlError::Kafka(KafkaUrlError::Credentials);
        if quoting { "not a feed URL; not shown".to_owned() } else { error.to_string() }
    })
}

/// Reads `Lease Store`; gives the URL for the Redis client.
///
/// # Errors
/// What is wrong, without any part of the URL.
pub fn lease_store_url(text: &str) -> Result<String, String> {
    match FeedUrl::parse(text) {
        Ok(FeedUrl::Redis { url, mode: RedisMode::PubSub }) => Ok(url),
        Ok(_) | Err(_) => {
            Err("not a Redis address; not shown (want redis://host:port or rediss://host:port)".to_owned())
        }
    }
}

/// Reads `Labels Kafka`: one topic, without the settings of a reader.
pub(super) fn labels_topic(text: &str) -> Result<KafkaUrl, String> {
    let url = KafkaUrl::parse(text).map_err(|error| error.to_string())?;
    let read = url.group.is_some()
        || url.static_member
        || url.protocol != GroupProtocol::default()
        || url.key != KafkaKey::default();
    if read {
        return Err(format!("a setting of readers (got \"{}\", want at most partitioner=...)", cut(text)));
    }
    match url.topic {
        KafkaTopic::One(_) => Ok(url),
        KafkaTopic::PerSymbol(topic) => {
            Err(format!("a topic for each symbol (got \"{}\", want one topic)", cut(&topic)))
        }
    }
}

/// Whether a URL that was read has a password in it.
pub(super) fn has_password(url: &str) -> bool {
    let user = url.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@'));
    user.is_some_and(|(user, _)| user.contains(':'))
}
