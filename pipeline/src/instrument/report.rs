//! What the gateway says of our orders, and whom it concerns.

use schemas::ids::ClientOrderId;
use schemas::order::OrderStatus;

use super::{GIVEN_UP_MAX, Instrument};
use crate::alarm::Alarm;
use crate::event::{CancelFailure, Denial, OrderReport};
use crate::leg::{End, Leg};
use crate::settings::Phase;
use crate::time::{Nanos, Now};
use crate::trade::{Outcome, Trade, report_id};

/// So many pairs in a row may lose a leg to self-trade prevention.
const PREVENTED_MAX: u32 = 3;

impl Instrument {
    /// A report of the gateway.
    pub fn handle_report(&mut self, report: &OrderReport, now: Now) {
        let is_list = matches!(report, OrderReport::OpenOrders(_) | OrderReport::ListFailed);
        let asked_at = if is_list { self.outbox.listed() } else { None };
        if let Some(sweep) = &mut self.sweep {
            sweep.handle_report(report, asked_at, now.mono);
            if matches!(report, OrderReport::OpenOrders(_)) {
                self.found.clear();
            }
        }
        self.handle_list(report, asked_at, now);
        if let OrderReport::Alarm(alarm) = report {
            self.alarms.insert(*alarm);
        }
        self.count_refusal(report);
        if let OrderReport::Update(update) = report {
            self.position.handle_update(update);
        }
        let known = self.trade.as_mut().is_some_and(|trade| trade.handle_report(report, now.mono));
        if known {
            self.trade.iter().for_each(|trade| self.position.follow(trade));
            self.follow_own_maker(now);
        } else if let Some(alarm) = self.close_out.handle_report(report, now.mono) {
            self.alarms.extend(alarm);
        } else if let Some(id) = self.zombie(report) {
            self.counts.zombies += 1;
            self.close_out.adopt(report, id, self.settings.recv_window, now.mono);
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
            self.outbox.push(command, now.mono);
        }
        self.alarms.extend(trade.take_alarm());
        if let Some(trade) = self.trade.take_if(|trade| trade.is_over()) {
            self.own.maker_ended(now);
            self.position.follow(&trade);
            self.account(&trade);
            if trade.maker.id.is_probe() {
                self.probe.handle_end(&trade, now.mono);
            }
            self.finished = Some(trade);
        }
    }

    /// What a pair that is over adds to the counts, and what it says of the instrument.
    fn account(&mut self, trade: &Trade) {
        let outcome = trade.outcome();
        let is_probe = trade.maker.id.is_probe();
        if !is_probe {
            let position = Outcome::ALL.iter().position(|known| *known == outcome).unwrap_or(0);
            self.counts.outcomes[position] += 1;
        }
        for leg in [&trade.maker, &trade.taker] {
            self.counts.late_reports += u64::from(leg.stale_updates);
            self.counts.unknown += u64::from(leg.was_unknown);
            self.give_up(leg);
        }
        if is_probe {
            return;
        }
        if self.strangers.add(trade) {
            self.alarms.insert(Alarm::ForeignFills);
        }
        self.prevented_in_a_row = if outcome == Outcome::Prevented { self.prevented_in_a_row + 1 } else { 0 };
        if self.prevented_in_a_row >= PREVENTED_MAX {
            self.prevented_in_a_row = 0;
            self.alarms.insert(Alarm::SelfTradePrevented);
        }
    }

    /// Remembers a leg whose end no final status of the venue's proves.
    pub(super) fn give_up(&mut self, leg: &Leg) {
        match leg.end() {
            Some(End::Final(_)) | None => {}
            Some(End::Refused(_) | End::Denied(_) | End::NeverArrived | End::Gone) => {
                if self.given_up.len() == GIVEN_UP_MAX {
                    self.given_up.pop_front();
                }
                self.given_up.push_back(leg.id);
            }
        }
    }

    /// A list goes to whatever is in doubt; one that nobody had asked for proves nothing.
    fn handle_list(&mut self, report: &OrderReport, asked_at: Option<Nanos>, now: Now) {
        if let (OrderReport::OpenOrders(orders), Some(asked_at)) = (report, asked_at) {
            if let Some(trade) = &mut self.trade {
                trade.handle_list(orders, asked_at, now.mono);
            }
            self.close_out.handle_list(orders, asked_at, now.mono);
        }
    }

    /// An order that is open though it was given up, or that an earlier owner sent: it reached the venue late.
    fn zombie(&self, report: &OrderReport) -> Option<ClientOrderId> {
        let OrderReport::Update(update) = report else { return None };
        let id = update.client_id;
        let older = self.phase == Phase::Live && id.epoch() < self.settings.epoch;
        let is_open = !update.status.is_final();
        (is_open && (older || self.given_up.contains(&id))).then_some(id)
    }

    fn count_refusal(&mut self, report: &OrderReport) {
        match report {
            OrderReport::Rejected { would_match: false, .. } => self.counts.refused += 1,
            OrderReport::CancelFailed { why: CancelFailure::Refused(_), .. } => {
                self.counts.cancels_refused += 1;
            }
            OrderReport::Denied { why: Denial::Capped, .. } => {
                self.alarms.insert(Alarm::HourlyCap);
            }
            OrderReport::Rejected { .. }
            | OrderReport::CancelFailed { .. }
            | OrderReport::Sent { .. }
            | OrderReport::Update(_)
            | OrderReport::Denied { .. }
            | OrderReport::Unknown { .. }
            | OrderReport::QueryFailed { .. }
            | OrderReport::OpenOrders(_)
            | OrderReport::ListFailed
            | OrderReport::Alarm(_) => {}
        }
    }

    /// A new order of our prefix that is not of our epoch: somebody else trades what we own.
    fn is_foreign(&self, report: &OrderReport) -> bool {
        let OrderReport::Update(update) = report else { return false };
        let foreign = update.client_id.epoch() != self.settings.epoch;
        foreign && update.status == OrderStatus::New && self.phase == Phase::Live
    }
}
