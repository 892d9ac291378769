//! The probe pair of an instrument: sent once its first term is live, before anything else.

use schemas::ids::{ClientOrderId, Leg as LegKind, PROBES_FROM};
use schemas::tick::Tick;

use super::Instrument;
use crate::event::FeedTick;
use crate::ownership::Generation;
use crate::probe::{Probe, ProbeState, Smallest};
use crate::rules::Pair;
use crate::settings::Phase;
use crate::time::Now;
use crate::trade::Trade;

/// Probes that one machine has numbers for.
const NUMBERS: u64 = 10_000;

impl Instrument {
    /// A probe pair has to match before the first other pair.
    pub fn probe_first(&mut self, smallest: Smallest) {
        self.probe = Probe::wanted(smallest);
    }

    /// Where the probe stands.
    #[must_use]
    pub const fn probe_state(&self) -> ProbeState {
        self.probe.state()
    }

    /// It could trade if its probe were through.
    pub(super) const fn may_probe(&self) -> bool {
        let between_pairs = self.trade.is_none() && self.finished.is_none();
        matches!(self.phase, Phase::Live)
            && self.connected
            && self.budget
            && between_pairs
            && self.bar.is_none()
    }

    pub(super) fn run_probe(&mut self, now: Now) {
        if self.probe.state().is_over() || !self.may_probe() {
            return;
        }
        let top = self.live_top(now);
        let reference = self.last_tick.and_then(|tick| tick.tick.price);
        let probe = self.probe.poll_pair(&self.settings.rules, top.as_ref(), reference, now.mono);
        let Some((pair, number)) = probe else { return };
        let Some(trade) = top.and_then(|top| self.probe_trade(pair, number, &top, now)) else {
            self.probe.handle_lost();
            return;
        };
        self.trade = Some(trade);
        self.run_trade(now);
    }

    fn probe_trade(&mut self, pair: Pair, number: u64, top: &crate::book::Top, now: Now) -> Option<Trade> {
        let pair = pair.sent_in(self.settings.contract_size)?;
        let view = self.own.view(top, now);
        let price = pair.price.decimal(self.settings.rules.params.price_decimals);
        let qty = pair.order_qty.decimal(pair.order_qty_decimals);
        self.own.maker_resting(pair.maker_side, price, qty, view);
        let sequence = PROBES_FROM + self.restarts % 160 * NUMBERS + number % NUMBERS;
        let id = |leg| ClientOrderId::new(self.settings.prefix, self.settings.epoch, sequence, leg);
        let until = now.mono + self.settings.tick_age_max.min(self.settings.book_age_max);
        let tick = FeedTick {
            tick: Tick { price: Some(price), qty: Some(qty), side: None, time_ms: None, id: None },
            received: now,
            since: now.mono,
            generation: Generation::OWN,
        };
        let ids = [id(LegKind::Maker), id(LegKind::Taker)];
        let mut trade = Trade::new(pair, tick, ids, self.settings.recv_window, [until, until], now);
        trade.book_update_id = top.update_id;
        trade.expect_price(price);
        Some(trade)
    }
}
