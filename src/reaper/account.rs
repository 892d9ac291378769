//! One account's reaper: lists, cancels, and the little it needs to know of the venue's clock and limits.

use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use pipeline::reap::{Budget, Listed, Orphan, Reaper};
use pipeline::time::{Nanos, Now};
use schemas::config::Dialect;
use schemas::wire::binance::encode::Value;
use schemas::wire::binance::order::OrderAnswer;

use super::status::AccountView;
use super::{ReapAccount, ReapEnd, ReapStatus, Settings};
use crate::clock::Clock;
use crate::venue::binance::rest::{RestClient, RestError, percent_encode};
use crate::venue::binance::start::clock_offset;

/// How often the venue's clock is measured again.
const CLOCK_EVERY: Duration = Duration::from_secs(60);
/// While something old is open, the next look comes this soon.
const SOON: Duration = Duration::from_millis(500);
/// How long a request may be on its way.
const RECV_WINDOW_MS: u64 = 5_000;
const CANCEL_WEIGHT: u64 = 1;

/// The weight that a reaper may spend a minute: a fifth of what the public venue gives an address (6,000 and 2,400).
/// Traders behind the same address leave a fifth of every limit to what is urgent.
const fn weight_a_minute(dialect: Dialect) -> u64 {
    match dialect {
        Dialect::BinanceSpot | Dialect::Okx => 1_200,
        Dialect::BinanceUsdm => 480,
    }
}

/// What lists weigh: of one symbol, and of all.
const fn list_weights(dialect: Dialect) -> (u64, u64) {
    match dialect {
        Dialect::BinanceSpot | Dialect::Okx => (6, 80),
        Dialect::BinanceUsdm => (1, 40),
    }
}

/// One account's reaper.
pub(super) struct AccountReaper {
    place: usize,
    account: ReapAccount,
    settings: Settings,
    status: Arc<ReapStatus>,
    clock: Clock,
    rest: RestClient,
    reaper: Reaper,
    budget: Budget,
    /// Venue time minus ours, and when it was measured.
    offset: Option<(i64, Nanos)>,
    listed: Option<Nanos>,
    /// The venue wants to be left alone until then.
    silent_until: Nanos,
    /// Something has failed since the last time that nothing did.
    failing: bool,
}

impl AccountReaper {
    pub(super) fn new(
        place: usize,
        account: ReapAccount,
        settings: Settings,
        status: Arc<ReapStatus>,
        clock: Clock,
    ) -> Self {
        let prefixes = account.symbols.iter().map(|(_, prefix)| *prefix).collect();
        let budget = Budget::new(weight_a_minute(account.target.dialect()));
        Self {
            place,
            rest: RestClient::new(account.target.clone()),
            reaper: Reaper::new(prefixes, settings.older_than),
            account,
            settings,
            status,
            clock,
            budget,
            offset: None,
            listed: None,
            silent_until: Nanos(0),
            failing: false,
        }
    }

    /// Looks again and again, until dropped.
    pub(super) async fn keep(&mut self) {
        loop {
            let began = self.clock.now().mono;
            self.look().await;
            let now = self.now();
            let soon = self.reaper.has_orphans(now.wall_ms, now.mono);
            let wanted = if soon { SOON.min(self.settings.every) } else { self.settings.every };
            // Looks that come as fast as the budget pays for are spread evenly: none is left out for a minute's rest.
            let next = began + wanted.max(self.budget.list_every(self.look_weight()));
            tokio::time::sleep_until(self.clock.instant(next.max(self.silent_until))).await;
        }
    }

    /// Looks until nothing old is open.
    pub(super) async fn clear(&mut self) {
        loop {
            let listed = self.look().await;
            let now = self.now();
            if listed && !self.reaper.has_orphans(now.wall_ms, now.mono) {
                return;
            }
            tokio::time::sleep_until(self.clock.instant((now.mono + SOON).max(self.silent_until))).await;
        }
    }

    pub(super) fn end(self) -> ReapEnd {
        let now = self.now();
        ReapEnd {
            reaped: self.reaper.reaped(),
            left: self.reaper.orphans(now.wall_ms, now.mono),
            asked: self.listed.is_some(),
        }
    }

    /// Lists, then cancels what is old; whether all lists came.
    async fn look(&mut self) -> bool {
        let outcome = self.look_once().await;
        let complete = matches!(outcome, Ok(true));
        self.says(outcome.err());
        self.show();
        complete
    }

    async fn look_once(&mut self) -> Result<bool, RestError> {
        self.measure_clock().await?;
        let (mut complete, mut failure) = (true, None);
        for symbol in self.pages() {
            let (one, all) = list_weights(self.account.target.dialect());
            let weight = if symbol.is_some() { one } else { all };
            if !self.budget.take_list(weight, self.clock.now().mono) {
                complete = false;
                continue;
            }
            // A symbol that cannot be listed must not keep the others.
            match self.list(symbol.as_deref()).await {
                Ok(listed) => {
                    self.reaper.handle_list(symbol.as_deref(), &listed, self.clock.now().mono);
                }
                Err(error) => {
                    complete = false;
                    let silence = error.wanted_silence();
                    failure = Some(error);
                    if !silence.is_zero() {
                        self.silent_until = self.clock.now().mono + silence;
                        break;
                    }
                }
            }
        }
        if complete {
            self.listed = Some(self.clock.now().mono);
        }
        self.show();
        while let Some(orphan) = self.next_orphan() {
            // One that will not go must not keep the others.
            failure = self.cancel(&orphan).await.err().or(failure);
        }
        failure.map_or(Ok(complete), Err)
    }

    /// What one look weighs.
    fn look_weight(&self) -> u64 {
        let (one, all) = list_weights(self.account.target.dialect());
        one.saturating_mul(u64::try_from(self.account.symbols.len()).unwrap_or(u64::MAX)).min(all)
    }

    /// The lists to ask for: each symbol's, or all at once where that costs less.
    fn pages(&self) -> Vec<Option<String>> {
        let (one, all) = list_weights(self.account.target.dialect());
        let symbols = &self.account.symbols;
        if one.saturating_mul(u64::try_from(symbols.len()).unwrap_or(u64::MAX)) > all {
            return vec![None];
        }
        symbols.iter().map(|(symbol, _)| Some(symbol.clone())).collect()
    }

    fn next_orphan(&mut self) -> Option<Orphan> {
        let now = self.now();
        if now.mono < self.silent_until || !self.budget.take_cancel(CANCEL_WEIGHT, now.mono) {
            return None;
        }
        self.reaper.poll_cancel(now.wall_ms, now.mono)
    }

    async fn measure_clock(&mut self) -> Result<(), RestError> {
        let is_fresh = |at: Nanos| self.clock.now().mono.since(at) < CLOCK_EVERY;
        if !self.offset.is_some_and(|(_, at)| is_fresh(at)) {
            match clock_offset(&self.rest, &self.clock).await {
                Ok(measured) => self.offset = Some((measured.offset_ms, self.clock.now().mono)),
                // An old measurement is better than no look.
                Err(error) if self.offset.is_none() => return Err(error),
                Err(_) => {}
            }
        }
        Ok(())
    }

    async fn list(&self, symbol: Option<&str>) -> Result<Vec<Listed>, RestError> {
        let encoded = symbol.map(percent_encode);
        let mut params: Vec<_> =
            encoded.iter().map(|symbol| ("symbol", Value::Text(symbol.as_str()))).collect();
        params.extend(self.stamp());
        let text = self.rest.signed(Method::GET, "/openOrders", &params, self.account.key.account()).await?;
        let orders = OrderAnswer::read_list(&text).map_err(RestError::Fault)?;
        let listed = |order: &OrderAnswer<'_>| Listed {
            symbol: order.symbol.to_string(),
            client_id: order.client_id_text().to_owned(),
            venue_id: order.order_id,
            placed_ms: order.placed_ms(),
        };
        Ok(orders.iter().map(listed).collect())
    }

    /// By our own id: whatever the venue does with its numbers, no order of anybody else can be meant.
    async fn cancel(&self, orphan: &Orphan) -> Result<(), RestError> {
        let symbol = percent_encode(&orphan.symbol);
        let id = orphan.id.as_str();
        let mut params = vec![("symbol", Value::Text(&symbol)), ("origClientOrderId", Value::Word(id))];
        params.extend(self.stamp());
        tracing::warn!(symbol = orphan.symbol, id, venue = self.account.venue, "cancelling an orphan");
        self.rest.signed(Method::DELETE, "/order", &params, self.account.key.account()).await.map(drop)
    }

    fn stamp(&self) -> [(&'static str, Value<'static>); 2] {
        let timestamp = Value::Millis(self.now().wall_ms);
        [("recvWindow", Value::Number(RECV_WINDOW_MS)), ("timestamp", timestamp)]
    }

    /// Says once that something fails, and once that it no longer does. A venue that wants silence gets it.
    fn says(&mut self, error: Option<RestError>) {
        if let Some(RestError::Api { retry_after: Some(pause), .. }) = &error {
            self.silent_until = self.clock.now().mono + *pause;
        }
        let venue = self.account.venue;
        match (std::mem::replace(&mut self.failing, error.is_some()), error) {
            (false, Some(error)) => tracing::warn!(venue, %error, "open orders could not be looked after"),
            (true, None) => tracing::info!(venue, "open orders are looked after again"),
            (true, Some(_)) | (false, None) => {}
        }
    }

    fn show(&self) {
        let now = self.now();
        let (makers, oldest) = self.reaper.makers(now.wall_ms, now.mono);
        let (aliens, reaped) = (self.reaper.aliens(), self.reaper.reaped());
        self.status.set(self.place, AccountView { listed: self.listed, makers, oldest, aliens, reaped });
        self.status.show_ready();
    }

    /// The present moment by the venue's wall clock.
    fn now(&self) -> Now {
        let now = self.clock.now();
        Now { wall_ms: now.wall_ms + self.offset.map_or(0, |(offset_ms, _)| offset_ms), ..now }
    }
}
