//! What happens by itself: timers that run out, keys that expire, marks that follow.

use super::{mark, orders, tickers};
use crate::simulator::binance::feed::TICK_MS;
use crate::simulator::binance::topic::Pace;
use crate::simulator::publish::publish;
use crate::simulator::state::State;

/// Every [`TICK_MS`]. `tick` counts from 1.
pub(in crate::simulator) fn tick(state: &mut State, tick: u64, now_ms: i64) {
    state.at(now_ms);
    for (account, symbol) in state.usdm.countdowns_due(now_ms) {
        orders::cancel_symbol(state, account, symbol, now_ms);
    }
    orders::expire_due(state, now_ms);
    state.usdm.listen_keys.expire(now_ms);
    let is_due = |pace: Pace| (tick * TICK_MS).is_multiple_of(pace.ms());
    if is_due(Pace::Ms1000) {
        mark::follow_trades(state);
        publish(state, now_ms);
        tickers::tell_streams(state, now_ms);
    }
    for pace in [Pace::Ms1000, Pace::Ms3000] {
        if is_due(pace) {
            mark::tell_streams(state, pace, now_ms);
        }
    }
}
