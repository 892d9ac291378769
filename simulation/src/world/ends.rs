//! What must hold in a calm and at the end.

use super::World;
use crate::SEC;
use crate::process::{Delivery, Process};

impl World {
    /// Every process is told to end.
    pub fn stop_all(&mut self) {
        for process in 0..self.hosts.len() {
            self.hosts[process].down_until = u64::MAX;
            self.deliver(process, Delivery::Stop, 0);
        }
    }

    /// All processes have ended with nothing open at the venue; says what is left otherwise.
    pub fn check_end(&mut self) {
        let at = self.now;
        for symbol in 0..self.setup.symbols.len() {
            let open: Vec<String> = self.venue.open(symbol).map(|(id, _)| id.to_string()).collect();
            if !open.is_empty() {
                self.oracle.violated("P16", at, format!("open after the end: {open:?}"));
            }
        }
        for process in 0..self.hosts.len() {
            if self.hosts[process].process.is_some() {
                self.oracle.violated("P16", at, format!("process {process} has not ended"));
            }
        }
    }

    /// In a calm: the books balance, and what could trade has traded again. `since` is when it began.
    pub fn check_calm(&mut self, since: u64, within: u64) {
        for symbol in 0..self.setup.symbols.len() {
            match self.oracle.first_match_after(symbol, since) {
                Some(at) if at - since <= within => self.oracle.stats.resumed.push(at - since),
                other => {
                    let what = format!("symbol {symbol} did not match within {} s ({other:?})", within / SEC);
                    self.oracle.violated("P23", self.now, what);
                }
            }
        }
        for process in 0..self.hosts.len() {
            self.check_balance(process);
        }
    }

    pub(super) fn check_balance(&mut self, process: usize) {
        if let Some(one) = &self.hosts[process].process
            && !one.counts().0
        {
            self.oracle.violated("P13", self.now, format!("the counts of process {process} do not balance"));
        }
    }

    /// Begins a calm: faults are over.
    pub fn begin_calm(&mut self) {
        self.oracle.begin_calm();
        self.hosts.iter().filter_map(|host| host.process.as_ref()).for_each(Process::release);
        for process in 0..self.hosts.len() {
            // Known gap: a disk that refuses the journal at the start is not tried again.
            if self.hosts[process].process.as_ref().is_some_and(Process::is_stuck) {
                self.kill(process);
            }
        }
    }
}
