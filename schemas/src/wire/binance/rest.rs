//! Answers of the REST interface that both dialects have: depth, time.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::answer::read_as;
use super::number::LevelsInto;
use super::stream::diagnose;
use crate::wire::book_fault::BookFault;
use crate::wire::market::Snapshot;
use crate::wire::order_fault::OrderFault;

/// Reads the answer of `depth`.
///
/// # Errors
/// [`BookFault::Unreadable`], [`BookFault::Malformed`] or [`BookFault::OutOfRange`].
pub fn read_depth(text: &str) -> Result<Snapshot, BookFault> {
    let Depth(snapshot) = serde_json::from_str(text)
        .map_err(|_| diagnose(text, &["lastUpdateId"], [("bids", "bids"), ("asks", "asks")]))?;
    Ok(snapshot)
}

/// Reads the answer of `time`: milliseconds since the epoch.
///
/// # Errors
/// [`OrderFault::Field`].
pub fn read_time(text: &str) -> Result<i64, OrderFault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Body {
        server_time: i64,
    }
    let body: Body = read_as(text, "serverTime")?;
    Ok(body.server_time)
}

struct Depth(Snapshot);

impl<'de> Deserialize<'de> for Depth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(DepthVisitor)
    }
}

struct DepthVisitor;

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum DepthKey {
    LastUpdateId,
    Bids,
    Asks,
    #[serde(other)]
    Other,
}

impl<'de> Visitor<'de> for DepthVisitor {
    type Value = Depth;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a depth snapshot")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Depth, A::Error> {
        let mut snapshot = Snapshot::default();
        let mut seen = [false; 3];
        while let Some(key) = map.next_key()? {
            match key {
                DepthKey::LastUpdateId => (snapshot.last_id, seen[0]) = (map.next_value()?, true),
                DepthKey::Bids => {
                    map.next_value_seed(LevelsInto(&mut snapshot.bids))?;
                    seen[1] = true;
                }
                DepthKey::Asks => {
                    map.next_value_seed(LevelsInto(&mut snapshot.asks))?;
                    seen[2] = true;
                }
                DepthKey::Other => {
                    map.next_value::<serde::de::IgnoredAny>()?;
                }
            }
        }
        if seen != [true; 3] {
            return Err(serde::de::Error::custom("a field is missing"));
        }
        Ok(Depth(snapshot))
    }
}
