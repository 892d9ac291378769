//! Where a connection comes in: it gets its number, waits while it is half-open, or is refused.

use std::sync::atomic::Ordering;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::kind::{Fault, How};
use super::plan::Target;
use super::switch::LineKind;
use super::{Faults, Line, lock};
use crate::simulator::engine::AccountId;
use crate::simulator::symbols::Product;

impl Faults {
    /// A request for that kind of service has come over the line. Comes back when it may go on; otherwise with what
    /// it is answered.
    pub(in crate::simulator) async fn enter(
        &self,
        line: &Line,
        kind: LineKind,
        product: Product,
    ) -> Result<(), Response> {
        let first = line.enter(kind, product, || self.0.lines_so_far.fetch_add(1, Ordering::Relaxed) + 1);
        if first {
            self.register(line);
        }
        if !self.is_on() {
            return Ok(());
        }
        let target = self.line_target(line);
        if first && let Some(switch) = self.plan().strike(Fault::RefuseConnections, &target) {
            return Err(refuse(line, switch.params.how));
        }
        self.settle(line, &target);
        line.flows().await;
        Ok(())
    }

    /// The line belongs to that account from now on.
    pub(in crate::simulator) fn belongs(&self, line: &Line, account: AccountId) {
        if line.set_account(account) {
            self.settle(line, &self.line_target(line));
        }
    }

    /// Gives the line the trouble that is its own now. What comes to it anew is counted.
    pub(super) fn settle(&self, line: &Line, target: &Target<'_>) {
        let (before, now) = (line.trouble(), self.trouble(target));
        let mut plan = self.plan();
        for (fault, came) in [
            (Fault::HalfOpen, now.stalled && !before.stalled),
            (Fault::SlowFrames, now.slow.is_some() && before.slow.is_none()),
            (Fault::FragmentFrames, now.fragment.is_some() && before.fragment.is_none()),
            (Fault::MutePings, now.no_pings && !before.no_pings),
        ] {
            if came {
                plan.count(fault, target);
            }
        }
        drop(plan);
        line.set(now);
    }

    /// The line as a target.
    pub(super) fn line_target<'a>(&'a self, line: &Line) -> Target<'a> {
        let account = line.account().and_then(|at| self.0.names.accounts.get(at));
        Target {
            product: line.product(),
            account: account.map(String::as_str),
            line: line.tag(),
            ..Target::default()
        }
    }

    fn register(&self, line: &Line) {
        let mut lines = lock(&self.0.lines);
        // Those that have ended are let go whenever the list has doubled.
        if lines.len().is_power_of_two() {
            lines.retain(|line| line.upgrade().is_some());
        }
        lines.push(line.downgrade());
    }
}

fn refuse(line: &Line, how: Option<How>) -> Response {
    match how {
        Some(How::Reset) => line.cut(),
        Some(How::Hang) => line.stall(),
        Some(
            How::Unavailable
            | How::Close
            | How::Shutdown
            | How::Crossed
            | How::Locked
            | How::Empty
            | How::Negative,
        )
        | None => {}
    }
    StatusCode::SERVICE_UNAVAILABLE.into_response()
}
