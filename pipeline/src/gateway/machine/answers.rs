//! What comes back: an answer in time goes to whoever asked; one that comes late still tells what it tells.

use schemas::wire::order_update::OrderUpdate;

use super::{Gateway, OVERDUE_MAX};
use crate::alarm::Alarm;
use crate::command::Command;
use crate::event::{CancelFailure, OrderReport};
use crate::gateway::evidence::{Answer, VenueRefusal, Verdict};
use crate::gateway::inflight::Request;
use crate::gateway::permit::Permit;

impl<P: Permit> Gateway<P> {
    /// The answer to a request. One that comes after its deadline still tells what it tells.
    pub fn handle_answer(&mut self, request: u64, answer: Answer) {
        if let Answer::Refused(refusal) = &answer
            && let Some(wait) = refusal.silent_for
        {
            self.fall_silent(wait, refusal.silence);
        } else if !matches!(answer, Answer::Unreadable) {
            self.served = true;
        }
        let Some(request) = self.inflight.take(request) else {
            self.late_answers += 1;
            self.late_answer(request, answer);
            return;
        };
        match answer {
            Answer::Updates(updates) => self.updates(request, &updates),
            Answer::OpenOrders(orders) => match request.command {
                Command::ListOpen => {
                    if let Some(newest) = orders.iter().map(|order| order.id.epoch()).max() {
                        self.permit.saw(request.lane, newest);
                    }
                    self.report(request.lane, OrderReport::OpenOrders(orders));
                }
                Command::PlaceMaker(_) | Command::PlaceTaker(_) | Command::Cancel(_) | Command::Query(_) => {
                    self.no_answer(request);
                }
            },
            Answer::Refused(refusal) => self.refused(request, refusal),
            Answer::Unreadable => self.no_answer(request),
            Answer::Contradicts(alarm) => {
                self.report(request.lane, OrderReport::Alarm(alarm));
                self.no_answer(request);
            }
        }
    }

    /// Statements that answer a request; one about another order proves nothing about ours.
    fn updates(&mut self, request: Request, updates: &[OrderUpdate]) {
        let asked = match request.command {
            Command::PlaceMaker(leg) | Command::PlaceTaker(leg) => Some(leg.id),
            Command::Cancel(handle) | Command::Query(handle) => Some(handle.id),
            Command::ListOpen => None,
        };
        let about_it = !updates.is_empty() && updates.iter().all(|update| Some(update.client_id) == asked);
        if !about_it {
            self.mismatches += 1;
            if asked.is_some() && !updates.is_empty() {
                self.report(request.lane, OrderReport::Alarm(Alarm::Mismatch));
            }
            self.no_answer(request);
            return;
        }
        for update in updates {
            self.report(request.lane, OrderReport::Update(*update));
        }
    }

    fn refused(&mut self, request: Request, refusal: VenueRefusal) {
        if let Verdict::Superseded(newest) = refusal.verdict {
            self.permit.superseded(request.lane, newest);
        }
        let report = match (request.command, refusal.verdict) {
            (
                Command::PlaceMaker(leg) | Command::PlaceTaker(leg),
                verdict @ (Verdict::Refused | Verdict::WouldMatch | Verdict::Superseded(_)),
            ) => OrderReport::Rejected {
                id: leg.id,
                code: refusal.code,
                would_match: verdict == Verdict::WouldMatch,
            },
            (Command::Cancel(handle), Verdict::NoSuchOrder) => {
                OrderReport::CancelFailed { id: handle.id, why: CancelFailure::UnknownOrder }
            }
            (Command::Cancel(handle), Verdict::Refused | Verdict::WouldMatch | Verdict::Superseded(_)) => {
                OrderReport::CancelFailed { id: handle.id, why: CancelFailure::Refused(refusal.code) }
            }
            (Command::Query(handle), verdict) => {
                OrderReport::QueryFailed { id: handle.id, not_found: verdict == Verdict::NoSuchOrder }
            }
            (Command::ListOpen, _) => OrderReport::ListFailed,
            // That there is no such order answers no place: it may have been done.
            (Command::PlaceMaker(_) | Command::PlaceTaker(_), Verdict::NoSuchOrder | Verdict::Unknown)
            | (Command::Cancel(_), Verdict::Unknown) => {
                self.no_answer(request);
                return;
            }
        };
        self.report(request.lane, report);
    }

    /// An answer that comes after its deadline, or to nothing of ours: what it says of orders counts, and that a place
    /// was refused.
    fn late_answer(&mut self, request: u64, answer: Answer) {
        let overdue = self.overdue.iter().position(|known| known.id == request);
        let overdue = overdue.and_then(|place| self.overdue.remove(place));
        match (answer, overdue) {
            (Answer::Updates(updates), _) => {
                updates.iter().for_each(|update| self.handle_update(*update));
            }
            (Answer::Refused(refusal), Some(request)) => match refusal.verdict {
                Verdict::Refused | Verdict::WouldMatch | Verdict::Superseded(_) => {
                    self.refused(request, refusal);
                }
                Verdict::Unknown | Verdict::NoSuchOrder => {}
            },
            (Answer::Refused(_) | Answer::OpenOrders(_) | Answer::Unreadable | Answer::Contradicts(_), _) => {
            }
        }
    }

    pub(super) fn remember_overdue(&mut self, request: Request) {
        if request.command.is_place() {
            if self.overdue.len() == OVERDUE_MAX {
                self.overdue.pop_front();
            }
            self.overdue.push_back(request);
        }
    }
}
