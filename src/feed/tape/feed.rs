//! The tape as a feed: times are re-stamped with the planned moment, so that the trades are fresh.

use std::sync::Arc;

use pipeline::event::FeedTick;
use schemas::tick::Tick;
use tokio::sync::{mpsc, watch};

use super::{Played, Player, TapeReader};
use crate::clock::Clock;
use crate::feed::intake::{Intake, Key};
use crate::feed::schedule::{Lateness, Speed};
use crate::feed::state::{FeedStop, stopped};
use crate::feed::{FeedEnd, FeedError};

/// Plays the tape into the intake until its end or the stop signal. At recorded speed a full lane loses the
/// tick, as with any feed; as fast as possible waits for room, so that nothing is lost.
pub(crate) async fn run(
    reader: TapeReader,
    speed: Speed,
    mut intake: Intake,
    clock: Clock,
    mut stop: watch::Receiver<FeedStop>,
) -> Result<FeedEnd, FeedError> {
    let mut player = Player::start(reader, speed, clock).map_err(FeedError::Thread)?;
    let totals = Arc::clone(player.totals());
    let mut lateness = Lateness::default();
    let end = loop {
        let played = tokio::select! {
            () = stopped(&mut stop) => break FeedEnd::Stopped,
            played = player.next() => played,
        };
        let Some(played) = played else { break FeedEnd::Exhausted };
        if speed == Speed::Max {
            tokio::select! {
                () = stopped(&mut stop) => break FeedEnd::Stopped,
                () = room(intake.lanes(Key::Symbol(&played.trade.symbol))) => {}
            }
        }
        let now = clock.now();
        intake.counters().late(lateness.record(played.planned.mono, now.mono));
        intake.handle_tick(Key::Symbol(&played.trade.symbol), restamped(&played), now);
    };
    tracing::info!(
        target: "feed",
        trades = totals.trades(),
        bad_lines = totals.bad_lines(),
        late_us_p99 = u64::try_from(lateness.p99().as_micros()).unwrap_or(u64::MAX),
        late_us_max = u64::try_from(lateness.max().as_micros()).unwrap_or(u64::MAX),
        "tape {}",
        if end == FeedEnd::Exhausted { "at its end" } else { "stopped" },
    );
    match totals.no_trades() {
        Some(message) => Err(FeedError::NoTrades(message.to_owned())),
        None => Ok(end),
    }
}

/// The tick with the planned moment as its event time.
fn restamped(played: &Played) -> Tick {
    Tick { time_ms: Some(played.planned.wall_ms), ..played.trade.tick }
}

/// Waits until every lane has room for one. Only this feed sends to these lanes, so the room stays. Cancel safe.
async fn room(lanes: &[mpsc::Sender<FeedTick>]) {
    for lane in lanes {
        // A closed lane has no room ever; the intake counts what it would have got.
        drop(lane.reserve().await);
    }
}
