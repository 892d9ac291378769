//! What the gateway says of our orders, and whom it concerns.

use schemas::order::OrderStatus;

use super::Instrument;
use crate::event::{CancelFailure, OrderReport};
use crate::settings::Phase;
use crate::time::Now;
use crate::trade::{Outcome, report_id};

impl Instrument {
    /// A report of the gateway.
    pub fn handle_report(&mut self, report: &OrderReport, now: Now) {
        if let Some(sweep) = &mut self.sweep {
            sweep.handle_report(report, now.mono);
            if matches!(report, OrderReport::OpenOrders(_)) {
                self.found.clear();
            }
        }
        self.count_refusal(report);
        let known = self.trade.as_mut().is_some_and(|trade| trade.handle_report(report, now.mono));
        if known {
            self.follow_own_maker(now);
        } else if self.close_out.handle_report(report, now.mono) {
            // An earlier run's: nothing of ours changes.
        } else if self.is_foreign(report) {
            self.counts.foreign += 1;
        } else if report_id(report).is_some() && self.sweep.is_none() {
            self.counts.late_reports += 1;
        }
        self.advance(now);
    }

    pub(super) fn run_trade(&mut self, now: Now) {
        let Some(trade) = &mut self.trade else { return };
        while let Some(command) = trade.poll_command(now.mono) {
            self.outbox.push_back(command);
        }
        if trade.is_over() {
            if trade.maker.id.is_probe() {
                self.probe.handle_end(trade, now.mono);
            } else {
                let outcome = trade.outcome();
                let position = Outcome::ALL.iter().position(|known| *known == outcome).unwrap_or(0);
                self.counts.outcomes[position] += 1;
            }
            self.counts.late_reports += u64::from(trade.maker.stale_updates + trade.taker.stale_updates);
            self.own.maker_ended(now);
            self.finished = self.trade.take();
        }
    }

    fn count_refusal(&mut self, report: &OrderReport) {
        match report {
            OrderReport::Rejected { would_match: false, .. } => self.counts.refused += 1,
            OrderReport::CancelFailed { why: CancelFailure::Refused(_), .. } => {
                self.counts.cancels_refused += 1;
            }
            OrderReport::Rejected { .. }
            | OrderReport::CancelFailed { .. }
            | OrderReport::Sent { .. }
            | OrderReport::Update(_)
            | OrderReport::Denied { .. }
            | OrderReport::Unknown { .. }
            | OrderReport::QueryFailed { .. }
            | OrderReport::OpenOrders(_)
            | OrderReport::ListFailed => {}
        }
    }

    /// A new order of our prefix that is not of our epoch: somebody else trades what we own.
    fn is_foreign(&self, report: &OrderReport) -> bool {
        let OrderReport::Update(update) = report else { return false };
        let foreign = update.client_id.epoch() != self.settings.epoch;
        foreign && update.status == OrderStatus::New && self.phase == Phase::Live
    }
}
