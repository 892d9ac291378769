//! A reference market whose publisher sends everything again: beside each new trade one of the last few hundred, as it
//! was. The quantity of a trade is its number, so that a venue's ledger tells which trade an order goes back to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::json;

use crate::redis::{Client, Redis};

/// Between two new trades.
const EVERY: Duration = Duration::from_millis(15);
/// How far back trades come again.
const AGAIN: usize = 400;

/// A publisher; it stops when dropped.
pub(crate) struct Market {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Market {
    /// Publishes under `binance_ticker_{symbol}`.
    pub(crate) fn start(redis: &Redis, symbol: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (client, channel) = (redis.client(), format!("binance_ticker_{symbol}"));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || publish(client, &channel, &stopped));
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Market {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(std::thread::panicking() || ended.is_some_and(|ended| ended.is_ok()), "the publisher failed");
    }
}

/// The number of the trade that an order of this quantity goes back to.
pub(crate) fn trade_of(qty: &str) -> u64 {
    let (whole, part) = qty.split_once('.').unwrap_or((qty, ""));
    let part = format!("{part:0<5}");
    let (part, rest) = part.split_at(5);
    assert!(rest.bytes().all(|digit| digit == b'0'), "{qty}");
    format!("{whole}{part}").parse().unwrap()
}

/// Trades are numbered from here on: smaller quantities are not worth an order.
const FIRST: u64 = 1_000;

fn publish(mut client: Client, channel: &str, stop: &AtomicBool) {
    let mut sent: Vec<String> = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let number = FIRST + sent.len() as u64;
        let time = self_trader::clock::wall_ms();
        let qty = format!("{}.{:05}", number / 100_000, number % 100_000);
        let new = json!({ "price": "65000.00", "qty": qty, "id": number, "time": time }).to_string();
        let back = 1 + sent.len() * 7_919 % AGAIN;
        let again = sent.len().checked_sub(back).map_or(&new, |place| &sent[place]);
        for payload in [&new, again] {
            client.ask(&["PUBLISH", channel, payload]).unwrap();
        }
        client.ask(&["SET", channel, &new]).unwrap();
        sent.push(new);
        std::thread::sleep(EVERY);
    }
}
