//! A reference market of a test's own: trades published on a real Redis.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::redis::Client;

/// What a symbol's price begins with.
const PRICES: [(&str, u64); 2] = [("BTCUSDT", 6_500_000), ("ETHUSDT", 350_000)];

/// Publishes trades of symbols until it is dropped; comes back by itself when the server does.
pub(crate) struct Market {
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Market {
    /// A trade of each symbol each `pause`.
    pub(crate) fn start(port: u16, password: &str, symbols: &[impl AsRef<str>], pause: Duration) -> Self {
        let (stopped, count) = (Arc::new(AtomicBool::new(false)), AtomicU64::new(0));
        let until = Arc::clone(&stopped);
        let (password, symbols) = (
            password.to_owned(),
            symbols.iter().map(|symbol| symbol.as_ref().to_owned()).collect::<Vec<_>>(),
        );
        let thread = std::thread::spawn(move || {
            while !until.load(Ordering::Relaxed) {
                // A server that is away is tried again.
                let _ = publish(port, &password, &symbols, pause, &until, &count);
                std::thread::sleep(pause);
            }
        });
        Self { stopped, thread: Some(thread) }
    }
}

impl Drop for Market {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.thread.take().map(JoinHandle::join);
    }
}

fn publish(
    port: u16,
    password: &str,
    symbols: &[String],
    pause: Duration,
    until: &AtomicBool,
    count: &AtomicU64,
) -> io::Result<()> {
    let mut client = Client::connect(port)?;
    if !password.is_empty() {
        client.ask(&["AUTH", password])?;
    }
    while !until.load(Ordering::Relaxed) {
        for symbol in symbols {
            let number = count.fetch_add(1, Ordering::Relaxed);
            client.ask(&["PUBLISH", &channel(symbol), &trade(symbol, number, wall_ms())])?;
        }
        std::thread::sleep(pause);
    }
    Ok(())
}

/// The follow key of a symbol.
pub(crate) fn channel(symbol: &str) -> String {
    format!("binance_ticker_{symbol}")
}

/// The trade of that number, whose price moves with it.
pub(crate) fn trade(symbol: &str, number: u64, time_ms: u64) -> String {
    let start = PRICES.iter().find(|(known, _)| *known == symbol).map_or(6_500_000, |(_, price)| *price);
    let cents = start + number * 7 % 100;
    let price = format!("{}.{:02}", cents / 100, cents % 100);
    json!({ "price": price, "qty": "0.01", "side": "buy", "time": time_ms, "id": number + 1 }).to_string()
}

#[expect(clippy::disallowed_methods, reason = "a market has the time of day")]
pub(crate) fn wall_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}
