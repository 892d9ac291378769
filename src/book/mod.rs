//! Book connections: websocket snapshot and diffs in, `watch<Option<Top>>` out.
//!
//! One task a connection owns its symbols' books and decides nothing: `pipeline::book` says when to ask for a
//! snapshot and whether a top can be shown. A top is withdrawn (`None`) while its book is not in sequence;
//! whether one that is shown is fresh enough, its reader judges.

mod connection;
mod question;
mod snapshots;
mod stats;
mod subscriptions;
mod tracked;

pub use stats::{BookStats, METRICS};

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use pipeline::book::Top;
use pipeline::ownership::Claim;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::venue::guard::Target;
use crate::vital;

/// Most symbols of one connection: two streams each, and a venue allows 1,024 streams.
pub const SYMBOLS_PER_CONNECTION: usize = 500;

/// A symbol, where its top goes, and where its reader says that it doubts it.
#[derive(Debug)]
pub struct SymbolTop {
    /// The venue's symbol.
    pub symbol: String,
    /// Its top; `None` while it is not live.
    pub top: watch::Sender<Option<Top>>,
    /// What is claimed of it: the book is kept while it is anything. Without one it is always kept.
    pub claim: Option<watch::Receiver<Claim>>,
    /// Set by a reader whose own orders do not show in the book: the book is fetched anew.
    pub doubt: Arc<AtomicBool>,
}

/// Whether a symbol's book is to be kept.
fn is_wanted(claim: Option<&watch::Receiver<Claim>>) -> bool {
    claim.is_none_or(|claim| *claim.borrow() != Claim::None)
}

/// Running book connections; dropped, they end at once.
#[derive(Debug)]
pub struct Books {
    /// What they have met.
    pub stats: Arc<BookStats>,
    tasks: JoinSet<()>,
}

impl Books {
    /// Returns when every connection has ended, which they do when they are told to stop.
    ///
    /// # Cancel safety
    /// May be called again.
    pub async fn ended(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }

    /// Returns when a connection's task has failed in its own code, and how.
    ///
    /// # Cancel safety
    /// May be called again.
    pub async fn failed(&mut self) -> String {
        vital::first_panic("other", &mut self.tasks).await
    }
}

/// Starts as many connections as the symbols need.
#[must_use]
pub fn spawn(target: &Target, symbols: Vec<SymbolTop>, clock: Clock, stop: &watch::Receiver<bool>) -> Books {
    let stats = Arc::new(BookStats::default());
    let mut tasks = JoinSet::new();
    let mut symbols = symbols.into_iter().peekable();
    while symbols.peek().is_some() {
        let part = symbols.by_ref().take(SYMBOLS_PER_CONNECTION).collect();
        tasks.spawn(run(target.clone(), part, clock, stop.clone(), Arc::clone(&stats)));
    }
    Books { stats, tasks }
}

/// Keeps the books of at most [`SYMBOLS_PER_CONNECTION`] symbols until it is told to stop; reconnects for ever.
///
/// # Cancel safety
/// A dropped future leaves no connection behind; the tops keep what they showed last.
pub async fn run(
    target: Target,
    symbols: Vec<SymbolTop>,
    clock: Clock,
    stop: watch::Receiver<bool>,
    stats: Arc<BookStats>,
) {
    connection::Connection::new(target, symbols, clock, stats).run(stop).await;
}
