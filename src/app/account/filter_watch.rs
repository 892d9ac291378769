//! What a venue says of its symbols, read again from time to time and soon after it has refused orders: filters change
//! and symbols stop trading while we run. An instrument that does not fit any more places nothing until it does.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use pipeline::time::Nanos;
use schemas::config::{Dialect, Fault, Instrument};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::filters;
use crate::clock::Clock;
use crate::failpoint::break_in;
use crate::ownership::Hold;
use crate::start::StartBoard;
use crate::telemetry::stats::LaneStats;
use crate::venue::binance::account::AccountKey;
use crate::venue::binance::rest::{RestClient, RestError};
use crate::venue::binance::start::VenueFacts;
use crate::venue::guard::Target;
use crate::venue::{binance_spot, binance_usdm};

/// How often the venue is asked while nothing is refused.
const EVERY: Duration = Duration::from_secs(600);
/// How soon after a refusal, and how often while something does not fit.
const SOON: Duration = Duration::from_secs(5);
/// How often refusals are looked for.
const TURN: Duration = Duration::from_secs(1);
/// How long all answers together may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Watches over the instruments of one account.
pub(in crate::app) struct FilterWatch {
    pub(in crate::app) target: Target,
    pub(in crate::app) key: AccountKey,
    /// Venue time minus ours.
    pub(in crate::app) offset_ms: Arc<AtomicI64>,
    pub(in crate::app) members: Vec<Listed>,
    pub(in crate::app) start: StartBoard,
    pub(in crate::app) clock: Clock,
}

/// One instrument that is watched over.
pub(in crate::app) struct Listed {
    /// In the configuration.
    pub(in crate::app) place: usize,
    pub(in crate::app) instrument: Instrument,
    pub(in crate::app) hold: Arc<Hold>,
    pub(in crate::app) stats: Arc<LaneStats>,
    /// Orders that had been refused when the venue was asked last.
    pub(in crate::app) refused: u64,
    pub(in crate::app) unfit: bool,
}

/// Until dropped.
pub(in crate::app) async fn follow(mut watch: FilterWatch) {
    let rest = RestClient::new(watch.target.clone());
    let mut turns = interval(TURN);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut asked = watch.clock.now().mono;
    loop {
        turns.tick().await;
        break_in("filters");
        let now = watch.clock.now().mono;
        if watch.is_due(now.since(asked)) {
            asked = now;
            watch.ask_again(&rest, now).await;
        }
    }
}

impl FilterWatch {
    fn is_due(&self, age: Duration) -> bool {
        let urgent = |one: &Listed| one.unfit || one.stats.counts().refused > one.refused;
        age >= EVERY || age >= SOON && self.members.iter().any(urgent)
    }

    async fn ask_again(&mut self, rest: &RestClient, now: Nanos) {
        // Counted before the question: what is refused after it makes another.
        let refused: Vec<u64> = self.members.iter().map(|one| one.stats.counts().refused).collect();
        match timeout(PATIENCE, self.facts(rest)).await {
            Ok(Ok(facts)) => {
                metrics::counter!("st_filter_reloads_total").increment(1);
                for (one, refused) in self.members.iter_mut().zip(refused) {
                    one.refused = refused;
                    one.judge(&facts, &self.start);
                }
            }
            Ok(Err(error)) => tracing::warn!(%error, "the venue's filters could not be read again"),
            Err(_) => tracing::warn!(since = now.0, "the venue's filters could not be read again in time"),
        }
    }

    async fn facts(&self, rest: &RestClient) -> Result<VenueFacts, RestError> {
        let symbols: Vec<&str> =
            self.members.iter().map(|one| one.instrument.maker_symbol.as_str()).collect();
        let venue_ms = || self.clock.now().wall_ms + self.offset_ms.load(Ordering::Relaxed);
        let account = self.key.account();
        match self.target.dialect() {
            Dialect::BinanceSpot | Dialect::Okx => {
                binance_spot::start::read_facts(rest, account, &symbols, venue_ms()).await
            }
            Dialect::BinanceUsdm => binance_usdm::start::read_facts(rest, account, &symbols, venue_ms).await,
        }
    }
}

impl Listed {
    fn judge(&mut self, facts: &VenueFacts, start: &StartBoard) {
        let symbol = &self.instrument.maker_symbol;
        let faults = filters::check(symbol, &self.instrument, facts.symbols.get(symbol), facts.hedge_mode);
        let unfit = !faults.is_empty();
        if unfit != self.unfit {
            let why: Vec<String> = faults.iter().map(Fault::to_string).collect();
            match why.first() {
                Some(why) => tracing::error!(symbol, "no order leaves until the venue allows it: {why}"),
                None => tracing::info!(symbol, "fits the venue's filters again"),
            }
            start.set_filters(&[self.place], why.into_iter().next());
            self.hold.set_unfit(unfit);
            self.unfit = unfit;
        }
    }
}
