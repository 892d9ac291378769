//! `self-trader reap`: a process of its own that cancels what nobody looks after any more, where the venue does not.
//!
//! It knows the accounts and prefixes of a configuration and nothing else: no feed, no book, no journal. It never
//! places, never touches an order without one of the prefixes, and goes on whatever a venue answers.

mod account;
mod status;

use std::sync::Arc;
use std::time::Duration;

use schemas::ids::{ClientOrderId, InstrumentPrefix};
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::account::AccountReaper;
pub use self::status::ReapStatus;
use crate::clock::Clock;
use crate::venue::binance::account::AccountKey;
use crate::venue::guard::Target;

/// How long one last look may go on cancelling before it gives up.
const ONCE_MAX: Duration = Duration::from_secs(15);

/// One account to look after.
#[derive(Debug)]
pub struct ReapAccount {
    /// Where the venue is.
    pub target: Target,
    /// Key and secret.
    pub key: AccountKey,
    /// The venue's name.
    pub venue: &'static str,
    /// The symbols and what our orders on them begin with.
    pub symbols: Vec<(String, InstrumentPrefix)>,
}

/// How to look.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The least age of what is cancelled.
    pub older_than: Duration,
    /// From one look to the next.
    pub every: Duration,
}

/// What one account came to.
#[derive(Clone, Debug)]
pub struct ReapEnd {
    /// Orders told to go that are gone.
    pub reaped: u64,
    /// Orders that were old and open when they were last listed.
    pub left: Vec<ClientOrderId>,
    /// At least one list was answered.
    pub asked: bool,
}

/// Looks again and again until `stop` turns true.
pub async fn keep(
    accounts: Vec<ReapAccount>,
    settings: Settings,
    status: &Arc<ReapStatus>,
    clock: Clock,
    stop: &watch::Receiver<bool>,
) -> Vec<ReapEnd> {
    let each = |mut account: AccountReaper, mut stop: watch::Receiver<bool>| async move {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => {}
            () = account.keep() => {}
        }
        account.end()
    };
    let mut tasks = JoinSet::new();
    for (place, account) in accounts.into_iter().enumerate() {
        let reaper = AccountReaper::new(place, account, settings, Arc::clone(status), clock);
        tasks.spawn(each(reaper, stop.clone()));
    }
    tasks.join_all().await
}

/// Looks once, and cancels until nothing old is left, at most for a while.
pub async fn once(
    accounts: Vec<ReapAccount>,
    settings: Settings,
    status: &Arc<ReapStatus>,
    clock: Clock,
) -> Vec<ReapEnd> {
    let mut tasks = JoinSet::new();
    for (place, account) in accounts.into_iter().enumerate() {
        let mut account = AccountReaper::new(place, account, settings, Arc::clone(status), clock);
        tasks.spawn(async move {
            // Whatever it has come to by then is told.
            let _ = tokio::time::timeout(ONCE_MAX, account.clear()).await;
            account.end()
        });
    }
    tasks.join_all().await
}
