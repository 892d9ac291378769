//! A market that nobody runs: computed from a seed and the wall clock, so that every process sees the same one.

use std::time::Duration;

use schemas::tick::Tick;
use tokio::sync::watch;

mod chance;
mod market;

pub use market::{Market, Trade, Walker};

use super::FeedEnd;
use super::decode::binance::id_of;
use super::intake::{Intake, Key};
use super::state::{FeedStop, stopped};
use crate::clock::Clock;

/// A trade that is due for longer is passed over: whoever comes late joins the present.
const LATE_MAX_MS: i64 = 1_000;
/// Longest single sleep, so that a wall clock that is set is noticed.
const SLEEP_MAX: Duration = Duration::from_millis(500);
/// Trades handed over before others get their turn.
const BURST_LEN_MAX: u32 = 64;

/// Feeds the markets of all follow symbols until the stop signal. Cancel safe.
pub(super) async fn run(
    seed: u64,
    mut intake: Intake,
    clock: Clock,
    mut stop: watch::Receiver<FeedStop>,
) -> FeedEnd {
    let start_ms = clock.now().wall_ms;
    let mut walks: Vec<Walk> = intake
        .routes()
        .map(|route| Walk {
            follow_key: route.follow_key.clone(),
            walker: Walker::starting_at(Market::new(seed, &route.follow_symbol), start_ms),
        })
        .collect();
    loop {
        let wait = hand_over(&mut walks, &mut intake, &clock);
        tokio::select! {
            () = stopped(&mut stop) => return FeedEnd::Stopped,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

struct Walk {
    follow_key: String,
    walker: Walker,
}

/// Hands over what is due; gives the time until the next trade.
fn hand_over(walks: &mut [Walk], intake: &mut Intake, clock: &Clock) -> Duration {
    for _ in 0..BURST_LEN_MAX {
        let Some(walk) = walks.iter_mut().min_by_key(|walk| walk.walker.peek().time_ms) else {
            return SLEEP_MAX;
        };
        let now = clock.now();
        let trade = walk.walker.peek();
        if trade.time_ms > now.wall_ms {
            let left = Duration::from_millis(u64::try_from(trade.time_ms - now.wall_ms).unwrap_or(0));
            return left.min(SLEEP_MAX);
        }
        if trade.time_ms < now.wall_ms - LATE_MAX_MS {
            walk.walker.skip_to(now.wall_ms);
            continue;
        }
        intake.handle_tick(Key::Channel(&walk.follow_key), tick_of(&trade), now);
        walk.walker.advance();
    }
    Duration::ZERO
}

fn tick_of(trade: &Trade) -> Tick {
    Tick {
        price: Some(trade.price),
        qty: Some(trade.qty),
        side: Some(trade.side),
        time_ms: Some(trade.time_ms),
        id: Some(id_of(trade.number)),
    }
}
