//! Terms of ownership: how one begins with a sweep, ends in order, or is lost.

use schemas::ids::Epoch;

use super::Instrument;
use crate::ownership::Term;
use crate::settings::Phase;
use crate::skip::Skip;
use crate::sweep::Sweep;
use crate::time::{Nanos, Now};

impl Instrument {
    /// A term begins: sweep, then trade. What an earlier one left behind comes to its end first.
    pub fn begin(&mut self, term: Term, now: Now) {
        if self.stopping {
            return;
        }
        self.let_go();
        self.settings.epoch = term.epoch;
        self.term = Some(term);
        self.traded_up_to = None;
        self.pairs_before = self.counts.pairs;
        self.phase = Phase::Sweeping;
        self.sweep = self.connected.then(|| self.new_sweep(now));
        self.advance(now);
    }

    /// The term is to end in order: no new pair; the running one ends, then a last sweep, then the instrument is
    /// idle.
    pub fn leave(&mut self, now: Now) {
        match self.phase {
            Phase::Sweeping | Phase::Live => self.close_term(),
            Phase::Idle | Phase::Stopping | Phase::Stopped => {}
        }
        self.advance(now);
    }

    /// The term is over, whatever runs: somebody else may own the instrument already. Only orders of our own are
    /// still brought to their end.
    pub fn lose(&mut self, now: Now) {
        self.let_go();
        if !self.stopping {
            self.phase = Phase::Idle;
        }
        self.advance(now);
    }

    /// No new pair; what runs comes to its end, then a last sweep. Asking again changes nothing.
    pub fn stop(&mut self, now: Now) {
        self.stopping = true;
        match self.phase {
            Phase::Sweeping | Phase::Live => self.close_term(),
            Phase::Idle => self.phase = Phase::Stopping,
            Phase::Stopping | Phase::Stopped => {}
        }
        self.advance(now);
    }

    pub(super) fn run_sweep(&mut self, now: Now) {
        if self.phase == Phase::Stopping && self.trade.is_none() && self.sweep.is_none() {
            if self.term.is_none_or(|term| self.waits_for(term, now)) {
                // What is at the venue is a successor's to sweep, and nothing of it is ours.
                self.let_go();
                self.phase = if self.stopping { Phase::Stopped } else { Phase::Idle };
                return;
            }
            self.sweep = Some(self.new_sweep(now));
        }
        let may_sweep = self.may_sweep();
        let Some(sweep) = self.sweep.as_mut().filter(|_| may_sweep) else { return };
        while let Some(command) = sweep.poll_command(now.mono) {
            self.outbox.push_always(command, now.mono);
        }
        if sweep.is_done() {
            let (swept, highest) = (sweep.swept(), sweep.highest_epoch());
            self.sweep = None;
            match self.phase {
                Phase::Sweeping => {
                    self.counts.swept += swept;
                    self.outgrow(highest);
                    self.close_out.begin(self.settings.recv_window, now.mono);
                    if self.close_out.is_over(now.mono) {
                        self.phase = Phase::Live;
                    }
                }
                Phase::Stopping if self.stopping => self.phase = Phase::Stopped,
                Phase::Stopping => {
                    self.let_go();
                    self.phase = Phase::Idle;
                }
                Phase::Idle | Phase::Live | Phase::Stopped => {}
            }
        }
    }

    /// What is in doubt beside the running pair is asked for; what an earlier run left so, before the first pair.
    pub(super) fn run_close_out(&mut self, now: Now) {
        if !self.may_close_out() {
            return;
        }
        while let Some(command) = self.close_out.poll_command(now.mono) {
            self.outbox.push(command, now.mono);
        }
        if self.phase == Phase::Sweeping && self.close_out.is_over(now.mono) {
            self.phase = Phase::Live;
        }
    }

    /// When [`Instrument::run_close_out`] has something to do if nothing else happens.
    pub(super) fn close_out_timeout(&self) -> Option<Nanos> {
        if !self.may_close_out() {
            return None;
        }
        let gate = self.close_out.until().filter(|_| self.phase == Phase::Sweeping);
        self.close_out.poll_timeout().into_iter().chain(gate).min()
    }

    /// A pair of an earlier term comes to its end before the sweep goes on.
    pub(super) const fn may_sweep(&self) -> bool {
        self.connected && (self.trade.is_none() || matches!(self.phase, Phase::Stopping))
    }

    const fn may_close_out(&self) -> bool {
        self.connected && self.sweep.is_none() && !matches!(self.phase, Phase::Stopped)
    }

    /// Nothing of this term fires any more: what is left is closed, then swept.
    fn close_term(&mut self) {
        self.phase = Phase::Stopping;
        if let Some(sweep) = self.sweep.take() {
            self.counts.swept += sweep.swept();
            self.found = sweep.open().to_vec();
        }
    }

    /// Drops what belongs to a term that is no longer ours.
    fn let_go(&mut self) {
        self.term = None;
        self.last_tick = None;
        self.found.clear();
        if let Some(sweep) = self.sweep.take() {
            self.counts.swept += sweep.swept();
        }
        while self.waiting.pop().is_some() {
            self.counts.skips[Skip::NotOwner.index()] += 1;
        }
    }

    /// The term ends, the instrument does not.
    pub(super) fn is_leaving(&self) -> bool {
        self.phase == Phase::Stopping && !self.stopping
    }

    /// The term's first moment is still to come: nothing was placed under it.
    fn waits_for(&self, term: Term, now: Now) -> bool {
        term.shared && now.mono < term.from.mono && self.counts.pairs == self.pairs_before
    }

    pub(super) fn new_sweep(&self, now: Now) -> Sweep {
        let shared = self.term.filter(|term| term.shared);
        let from = shared.map_or(now.mono, |term| now.mono.max(term.from.mono));
        Sweep::new(from, shared.map(|term| term.epoch))
    }

    /// Whatever the clock says: no epoch of ours is at or below one that has orders at the venue. Where owners share an
    /// instrument the store gives epochs out, and orders of ours that an instrument before this one left are swept.
    fn outgrow(&mut self, highest: Option<Epoch>) {
        if self.term.is_some_and(|term| term.shared) {
            return;
        }
        if let Some(highest) = highest.filter(|highest| *highest >= self.settings.epoch) {
            self.settings.epoch = Epoch::new(highest.number().saturating_add(1));
        }
    }
}
