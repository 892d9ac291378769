//! Handing over: the lanes close, the note says so, the client lets go.

use std::sync::mpsc::SyncSender;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::client::{self, Consumer, Leave};
use super::group::Group;
use super::membership::Tenure;
use super::proof::Ask;
use super::settings::{HAND_OVER_MAX, QUIET_MAX};

/// Waits for the lanes, says what is free, unassigns.
pub(super) async fn hand_over(group: &Group, asks: &SyncSender<Ask>, leave: Leave, consumer: &Consumer) {
    let deadline = Instant::now() + HAND_OVER_MAX;
    let slots: Vec<usize> = leave.tenures.iter().map(|tenure| tenure.slot).collect();
    let quiet = group.quiet(leave.tenures, QUIET_MAX).await;
    say_free(group, asks, quiet, deadline).await;
    group.lose(&slots);
    client::unassign(consumer, &leave.partitions);
}

/// The same for all that is ours, at the end; the client unassigns when it closes.
pub(super) async fn farewell(group: &Group, asks: &SyncSender<Ask>, slots: &[usize], deadline: Instant) {
    let tenures = group.leave(slots);
    let left = deadline.saturating_duration_since(Instant::now());
    let quiet = group.quiet(tenures, left / 2).await;
    say_free(group, asks, quiet, deadline).await;
    group.lose(slots);
}

/// Commits that these are free. Where that is not confirmed in time, the successor waits; nothing is lost by it.
async fn say_free(group: &Group, asks: &SyncSender<Ask>, quiet: Vec<Tenure>, deadline: Instant) {
    let due = group.farewells(&quiet).len();
    let (answer, said) = oneshot::channel();
    if due == 0 || asks.try_send(Ask::Free(quiet, answer)).is_err() {
        return;
    }
    let said = timeout_at(deadline, said).await.ok().and_then(Result::ok).map_or(0, |said| said.len());
    if said < due {
        group.count_let_go(due - said);
    }
}
