//! A reference market with two publishers, of which one is behind: beside each new trade it sends one of the last few
//! hundred, as it was. The quantity of a trade is its number, so that a venue's ledger tells which trade an order goes back to.

use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use schemas::units::Decimal;
use serde_json::json;

use crate::redis::{Client, Redis};

/// Between two new trades.
const EVERY: Duration = Duration::from_millis(15);
/// How far back trades come again.
const AGAIN: usize = 400;

/// A publisher; it stops when dropped.
pub(crate) struct Market {
    /// Dropped, it ends the publisher.
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Market {
    /// Publishes under `binance_ticker_{symbol}`.
    pub(crate) fn start(redis: &Redis, symbol: &str) -> Self {
        let (stop, stopped) = sync_channel(0);
        let (clients, channel) = ([redis.client(), redis.client()], format!("binance_ticker_{symbol}"));
        let thread = std::thread::spawn(move || publish(clients, &channel, &stopped));
        Self { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Market {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(std::thread::panicking() || ended.is_some_and(|ended| ended.is_ok()), "the publisher failed");
    }
}

/// What the market's price is, and how many digits its quantities have.
pub(crate) const PRICE: &str = "10.00";
pub(crate) const QTY_DECIMALS: u8 = 8;

/// The number of the trade that an order of this quantity goes back to.
pub(crate) fn trade_of(qty: &str) -> u64 {
    let lots = Decimal::parse(qty).unwrap().to_steps_exact(QTY_DECIMALS).unwrap();
    let ladder = ladder();
    let above = ladder.partition_point(|step| i128::from(*step) < lots);
    let off = |place: &usize| (i128::from(ladder[*place]) - lots).abs();
    let nearest = [above.saturating_sub(1), above.min(ladder.len() - 1)].into_iter().min_by_key(off).unwrap();
    // The rules draw each quantity out of 0.05 % to either side.
    assert!(off(&nearest) <= 1 + lots / 1_990, "{qty} is no trade's");
    nearest as u64
}

/// Quantities in lots, so far apart that 0.05 % and a rounding to a lot do not make one the next.
fn ladder() -> &'static [u64] {
    static LADDER: OnceLock<Vec<u64>> = OnceLock::new();
    LADDER.get_or_init(|| {
        let next = |lots: &u64| Some(lots + if *lots < 900 { 1 } else { 2 + lots / 800 });
        std::iter::successors(Some(100), next).take_while(|lots| *lots < 100_000_000_000).collect()
    })
}

fn publish([mut ahead, mut behind]: [Client; 2], channel: &str, stopped: &Receiver<()>) {
    let mut sent: Vec<String> = Vec::new();
    while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
        let number = sent.len();
        let time = self_trader::clock::wall_ms();
        let lots = ladder().get(number).expect("a chain is shorter than the ladder");
        let qty = Decimal::from_steps(i128::from(*lots), QTY_DECIMALS).to_string();
        let new = json!({ "price": PRICE, "qty": qty, "id": number, "time": time }).to_string();
        let back = 1 + sent.len() * 7_919 % AGAIN;
        let again = sent.len().checked_sub(back).map_or(&new, |place| &sent[place]);
        for (publisher, payload) in [(&mut ahead, &new), (&mut behind, again)] {
            publisher.ask(&["PUBLISH", channel, payload]).unwrap();
        }
        ahead.ask(&["SET", channel, &new]).unwrap();
        sent.push(new);
    }
}
