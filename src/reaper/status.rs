//! What an operator may see of a reaper.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pipeline::time::Nanos;
use serde_json::{Value, json};

use crate::clock::Clock;

/// What is known of one account.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AccountView {
    pub(super) listed: Option<Nanos>,
    pub(super) makers: usize,
    pub(super) oldest: Duration,
    pub(super) aliens: usize,
    pub(super) reaped: u64,
}

/// All accounts, readable from any thread.
#[derive(Debug)]
pub struct ReapStatus {
    clock: Clock,
    /// A list that is older than this says nothing any more.
    fresh: Duration,
    venues: Vec<&'static str>,
    views: Mutex<Vec<AccountView>>,
}

impl ReapStatus {
    /// Accounts at these venues; what was listed within `fresh` counts.
    #[must_use]
    pub fn new(venues: Vec<&'static str>, fresh: Duration, clock: Clock) -> Self {
        let views = Mutex::new(vec![AccountView::default(); venues.len()]);
        Self { clock, fresh, venues, views }
    }

    /// What keeps it from doing its work, one name each; empty = ready.
    #[must_use]
    pub fn waits_for(&self) -> Vec<String> {
        let now = self.clock.now().mono;
        let is_fresh = |view: &AccountView| view.listed.is_some_and(|at| now.since(at) <= self.fresh);
        let views = self.lock();
        let late = views.iter().zip(&self.venues).filter(|(view, _)| !is_fresh(view));
        late.map(|(_, venue)| format!("orders: {venue} has not listed them")).collect()
    }

    /// The status page.
    #[must_use]
    pub fn json(&self) -> Value {
        let waits_for = self.waits_for();
        let view = |(view, venue): (&AccountView, &&str)| {
            json!({
                "venue": venue,
                "open_makers": view.makers,
                "oldest_open_maker_ms": view.oldest.as_millis(),
                "alien_orders": view.aliens,
                "reaped": view.reaped,
            })
        };
        let accounts: Vec<Value> = self.lock().iter().zip(&self.venues).map(view).collect();
        json!({ "ready": waits_for.is_empty(), "waits_for": waits_for, "accounts": accounts })
    }

    /// One account's newest, and what all of them come to as metrics.
    pub(super) fn set(&self, place: usize, view: AccountView) {
        let mut views = self.lock();
        let Some(known) = views.get_mut(place) else { return };
        metrics::counter!("st_reaped_total").increment(view.reaped.saturating_sub(known.reaped));
        *known = view;
        let count = |value: usize| f64::from(u32::try_from(value).unwrap_or(u32::MAX));
        let oldest = views.iter().map(|view| view.oldest).max().unwrap_or_default();
        metrics::gauge!("st_open_makers").set(count(views.iter().map(|view| view.makers).sum()));
        metrics::gauge!("st_oldest_open_maker_seconds").set(oldest.as_secs_f64());
        metrics::gauge!("st_alien_orders").set(count(views.iter().map(|view| view.aliens).sum()));
    }

    /// Whether everything is as it should be, as a metric.
    pub(super) fn show_ready(&self) {
        metrics::gauge!("st_ready").set(f64::from(u8::from(self.waits_for().is_empty())));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<AccountView>> {
        self.views.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
