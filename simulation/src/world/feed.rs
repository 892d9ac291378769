//! The reference markets and their publishers.

use schemas::tick::Tick;

use super::{Event, World, tick};
use crate::fault::Kind;
use crate::market::Print;
use crate::{MS, SEC};

impl World {
    pub(super) fn print(&mut self, symbol: usize) {
        self.one_print(symbol);
        let wait = self.markets_dice.wait(self.setup.tick_every);
        self.after(wait, Event::Print { symbol });
    }

    pub(super) fn burst(&mut self, symbol: usize, left: u32) {
        self.one_print(symbol);
        if left > 0 {
            let gap = self.markets_dice.between(0, 2 * MS);
            self.after(gap, Event::Burst { symbol, left: left - 1 });
        }
    }

    fn one_print(&mut self, symbol: usize) {
        let jump = self.level(Kind::FeedJump, 0) > 0;
        let print = self.markets[symbol].print(self.now, jump, &mut self.markets_dice);
        for process in 0..self.hosts.len() {
            if self.hosts[process].symbols.contains(&symbol) {
                self.send_tick(process, symbol, print);
            }
        }
    }

    /// A trade is sent to a process, as well as it goes.
    fn send_tick(&mut self, process: usize, symbol: usize, print: Print) {
        if self.level(Kind::FeedDown, process) > 0 {
            return;
        }
        let mut way = self.dice.between(MS / 10, 20 * MS);
        if self.strikes(Kind::FeedStale, process) {
            way += self.dice.between(SEC, 20 * SEC);
        }
        if self.strikes(Kind::FeedReorder, process) {
            way += self.dice.between(0, 3 * SEC);
        }
        let mut sent = print.tick;
        if self.strikes(Kind::FeedFuture, process) {
            let ahead = i64::try_from(self.dice.between(0, 6_000)).unwrap_or(0);
            sent.time_ms = sent.time_ms.map(|time_ms| time_ms + ahead);
        }
        self.deliver(process, tick(symbol, sent), way);
        if self.strikes(Kind::FeedRepeat, process) {
            let later = self.dice.between(0, 4 * SEC);
            self.deliver(process, tick(symbol, sent), way + later);
        }
        if self.level(Kind::FeedSecond, process) > 0 {
            let later = self.dice.between(0, 6 * SEC);
            self.deliver(process, tick(symbol, print.tick), way + later);
        }
    }

    /// The last trades come again, as from a log that was rewound.
    pub(super) fn rewind(&mut self, process: usize, count: usize) {
        for symbol in self.hosts[process].symbols.clone() {
            let again: Vec<Tick> = self.markets[symbol].last(count).map(|print| print.tick).collect();
            for (place, one) in again.into_iter().enumerate() {
                self.deliver(process, tick(symbol, one), MS + place as u64 * MS / 20);
            }
        }
    }

    /// A publisher that sends the same message again and again.
    pub(super) fn frozen_feed(&mut self, process: usize) {
        if self.level(Kind::FeedFrozen, process) == 0 {
            return;
        }
        self.rewind(process, 1);
        self.after(200 * MS, Event::Frozen { process });
    }
}
