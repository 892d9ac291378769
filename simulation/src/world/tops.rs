//! The book connections, the crowd and the strangers.

use pipeline::book::Level;
use schemas::order::Side;
use schemas::units::Decimal;
use self_trader::simulator::engine::Life;

use super::host::Shown;
use super::{Event, World};
use crate::fault::Kind;
use crate::process::{Delivery, Process};
use crate::setup::{PRICE_DECIMALS, QTY_DECIMALS};
use crate::{MS, SEC};

impl World {
    /// Books that changed are shown soon.
    pub(super) fn publish_changes(&mut self) {
        for symbol in 0..self.publishing.len() {
            if std::mem::take(&mut self.venue.touched[symbol]) && !self.publishing[symbol] {
                self.publishing[symbol] = true;
                let soon = self.dice.between(MS / 10, 5 * MS);
                self.after(soon, Event::Publish { symbol });
            }
        }
    }

    /// A symbol's book is shown to whoever listens.
    pub(super) fn publish(&mut self, symbol: usize, confirms: bool) {
        let real = self.real_top(symbol);
        for process in 0..self.hosts.len() {
            let listens = |one: &Process| one.wants_book(symbol);
            let away = [Kind::BookLost, Kind::BookSilent, Kind::VenueDown, Kind::Partition];
            if self.hosts[process].process.as_ref().is_some_and(listens)
                && away.iter().all(|kind| self.level(*kind, process) == 0)
            {
                self.show(process, symbol, real, confirms);
            }
        }
    }

    fn show(&mut self, process: usize, symbol: usize, real: Shown, confirms: bool) {
        let mut shown = real;
        if self.level(Kind::BookFrozen, process) > 0
            && let Some(before) = self.hosts[process].shown[symbol]
        {
            if !confirms {
                return;
            }
            shown = before;
        }
        if self.level(Kind::BookCrossed, process) > 0 {
            shown.1.swap(0, 1);
        }
        self.hosts[process].shown[symbol] = Some(shown);
        let mut way = self.dice.between(MS / 5, 20 * MS);
        if self.level(Kind::BookLate, process) > 0 {
            way += u64::from(self.level(Kind::BookLate, process)) * MS;
        }
        let at = (self.now + way).max(self.hosts[process].book_at[symbol]);
        self.hosts[process].book_at[symbol] = at;
        let delivery = Delivery::Top { symbol, update_id: shown.0, best: Some(shown.1) };
        self.deliver(process, delivery, at - self.now);
    }

    /// A book that stands still is thrown away and fetched anew.
    pub(super) fn fetch_book(&mut self, process: usize, symbol: usize) {
        self.hide_book(process, symbol);
        self.after(100 * MS, Event::Publish { symbol });
    }

    /// A process hears that its book is out of sequence.
    pub(super) fn hide_book(&mut self, process: usize, symbol: usize) {
        self.hosts[process].shown[symbol] = None;
        self.deliver(process, Delivery::Top { symbol, update_id: 0, best: None }, 0);
    }

    fn real_top(&self, symbol: usize) -> Shown {
        let (update_id, best) = self.venue.top(symbol);
        let level = |(price, qty): (i64, i64)| Level {
            price: Decimal::from_steps(i128::from(price), PRICE_DECIMALS),
            qty: Decimal::from_steps(i128::from(qty), QTY_DECIMALS),
        };
        (update_id, best.map(|side| side.map(level)))
    }

    /// Somebody else quotes around the reference price, or nobody does.
    pub(super) fn crowd(&mut self) {
        if !self.setup.has_crowd {
            return;
        }
        self.venue.strangers_leave(self.now);
        for symbol in 0..self.markets.len() {
            let price = self.markets[symbol].price();
            for side in [Side::Buy, Side::Sell] {
                let away = i64::try_from(self.dice.between(20, 400)).unwrap_or(20);
                let at = if side == Side::Buy { price - away } else { price + away };
                self.venue.stranger(symbol, side, (at, 2_000), Life::Gtx, self.now);
            }
        }
        let wait = self.dice.between(SEC, 8 * SEC);
        self.after(wait, Event::Crowd);
    }

    /// A stranger takes what there is, or gets in the way.
    pub(super) fn stranger(&mut self) {
        let level = self.level(Kind::Strangers, 0);
        if level == 0 {
            self.venue.strangers_leave(self.now);
            return;
        }
        for symbol in 0..self.markets.len() {
            let side = self.dice.pick(&[Side::Buy, Side::Sell]);
            let price = self.markets[symbol].price() + self.dice.around(60);
            let qty = i64::try_from(self.dice.between(1, 1_200)).unwrap_or(1);
            let life = self.dice.pick(&[Life::Ioc, Life::Gtc]);
            self.venue.stranger(symbol, side, (price, qty), life, self.now);
        }
        let wait = self.dice.between(5 * MS, 400 * MS);
        self.after(wait, Event::Stranger);
    }
}
