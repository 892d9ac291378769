//! After a takeover: how many of the predecessor's trades have no label.
//!
//! A predecessor that was killed has taken with it the labels of the pairs that were in flight, and of those that
//! waited for the recorder. Where the venue keeps a ledger its successor can say how many trades that are.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use schemas::ids::{ClientOrderId, Epoch, InstrumentPrefix};

use super::KafkaSink;
use super::LabelSinks;
use super::join::{Join, Joined};
use super::read::{LabelPlace, ReadError, Wanted};
use super::trades::each_since;
use crate::clock;
use crate::secret::Secret;
use crate::venue::binance::rest::{RestClient, RestError};
use crate::venue::guard::Target;

/// How long a predecessor's last labels may be under way: as long as a topic may take to get them.
const SETTLE: Duration = Duration::from_secs(5);
/// How far back trades are looked at: what was in flight is at a life's end.
const LOOK_BACK: Duration = Duration::from_secs(15 * 60);
/// A label may be stamped before its trade, by as much as two clocks differ.
const CLOCKS_APART: Duration = Duration::from_secs(60);
/// How much of a label file's end is read.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// Instruments that were taken over: each one's prefix, and the epoch that it has now.
pub type Taken = BTreeMap<InstrumentPrefix, Epoch>;

/// Why nothing can be said.
#[derive(Debug, thiserror::Error)]
pub enum TakeoverError {
    /// The venue.
    #[error("the venue's ledger: {0}")]
    Venue(#[from] RestError),
    /// The labels.
    #[error(transparent)]
    Labels(#[from] ReadError),
    /// No thread.
    #[error("no thread to read labels ({0})")]
    Thread(#[from] tokio::task::JoinError),
}

/// Counts the trades of older owners of these instruments that have no label in any of the sinks, looking back a
/// quarter of an hour; logs one line and counts `st_takeover_unlabelled_trades_total`. `None` where there are no
/// labels to look at.
///
/// Waits 5 s first, so that labels under way have come. What the ledger answers is parsed on the caller's thread, page
/// by page: not on the trading thread.
///
/// # Errors
/// [`TakeoverError`].
pub async fn unlabelled(
    target: Target,
    taken: Taken,
    sinks: &LabelSinks,
) -> Result<Option<Joined>, TakeoverError> {
    let places = places(sinks);
    if places.is_empty() || taken.is_empty() {
        return Ok(None);
    }
    tokio::time::sleep(SETTLE).await;
    let back = |by: Duration| i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
    let since_ms = clock::wall_ms().saturating_sub(back(LOOK_BACK));
    let options = sinks.kafka.as_ref().map(|KafkaSink { options, .. }| options.clone()).unwrap_or_default();
    let wanted = Wanted::Recent { since_ms: since_ms - back(CLOCKS_APART), bytes: FILE_BYTES_MAX };
    let reading = tokio::task::spawn_blocking(move || read_labels(&places, wanted, &options));
    let mut join = reading.await??;
    each_since(&RestClient::new(target), since_ms, |trade| {
        if trade.own_legs().any(|id| is_predecessors(&taken, &id)) {
            join.trade(&trade);
        }
    })
    .await?;
    let found = join.finish();
    tell(&found);
    Ok(Some(found))
}

fn tell(found: &Joined) {
    crate::telemetry::metrics::handle();
    metrics::counter!("st_takeover_unlabelled_trades_total").increment(found.unlabelled);
    let (unlabelled, trades) = (found.unlabelled, found.trades);
    if unlabelled > 0 {
        tracing::warn!(unlabelled, trades, examples = ?found.examples, "trades of a predecessor have no label");
    } else {
        tracing::info!(trades, "every trade of a predecessor has its label");
    }
}

fn is_predecessors(taken: &Taken, id: &ClientOrderId) -> bool {
    taken.get(&id.prefix()).is_some_and(|epoch| id.epoch() < *epoch)
}

fn places(sinks: &LabelSinks) -> Vec<LabelPlace> {
    let topic = sinks.kafka.as_ref().map(|sink| LabelPlace::Topic(sink.url.clone()));
    // The topic has the labels of all processes, a file those of its own predecessors: one that is not there yet
    // has none.
    let file = sinks.file.as_ref().filter(|file| file.exists());
    topic.into_iter().chain(file.map(|file| LabelPlace::File(file.clone()))).collect()
}

/// The labels of all places, each once: file and topic have the same ones.
fn read_labels(
    places: &[LabelPlace],
    wanted: Wanted,
    options: &[(String, Secret)],
) -> Result<Join, ReadError> {
    let mut join = Join::default();
    let mut seen = HashSet::new();
    for place in places {
        place.read(wanted, options, |label| match label {
            Some(label) => {
                if seen.insert(label.maker.client_id.clone()) {
                    join.label(&label);
                }
            }
            None => join.unreadable(),
        })?;
    }
    Ok(join)
}
