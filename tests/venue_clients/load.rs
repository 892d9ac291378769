//! A load: an account of its own that places, takes and cancels on ETHUSDT all the time, through the WS API.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use self_trader::clock;
use serde_json::{Value, json};

use crate::client::{Key, Socket, signed};

/// The load's account.
pub(crate) const LOAD_KEY: Key = Key { key: "load-key", secret: "load-secret" };
/// Orders a second. A debug build on two shared cores keeps up with it.
const RATE: u64 = 300;
/// Orders that are left resting before the oldest is cancelled.
const RESTING: usize = 100;
/// Requests that may be unanswered.
const IN_FLIGHT: u64 = 64;

/// A running load.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Done>,
}

/// What a load did.
#[derive(Clone, Debug, Default)]
pub(crate) struct Done {
    orders: u64,
    cancels: u64,
    traded: u64,
    refused: u64,
    refusal: Option<Value>,
    seconds: u64,
}

impl Done {
    /// It was a load, and the venue took it.
    pub(crate) fn was_heavy(&self) {
        // A machine that stands still now and then sends far fewer than it was told to.
        assert!(self.orders > self.seconds.max(1) * RATE / 8, "{self:?}");
        assert!(self.traded > self.orders / 20 && self.cancels > self.orders / 10, "{self:?}");
        assert!(self.refused < self.orders / 50, "{self:?}");
    }
}

impl Load {
    /// Starts one against the WS API at that path.
    pub(crate) fn start(addr: SocketAddr, path: &'static str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async { Flow::open(addr, path).await.run(&told).await })
        });
        Self { stop, thread }
    }

    /// Ends it. One that broke has done nothing.
    pub(crate) fn stop(self) -> Done {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_default()
    }
}

/// The orders that a load sends, one after the other.
struct Flow {
    socket: Socket,
    resting: VecDeque<String>,
    asked: u64,
    answered: u64,
    chance: u64,
    done: Done,
}

impl Flow {
    async fn open(addr: SocketAddr, path: &str) -> Self {
        let socket = Socket::open(addr, path).await;
        Self { socket, resting: VecDeque::new(), asked: 0, answered: 0, chance: 7, done: Done::default() }
    }

    async fn run(mut self, stop: &AtomicBool) -> Done {
        let begun = clock::wall_ms();
        let mut beat = tokio::time::interval(Duration::from_nanos(1_000_000_000 / RATE));
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        while !stop.load(Ordering::Relaxed) {
            beat.tick().await;
            self.order().await;
            if self.resting.len() > RESTING {
                self.cancel().await;
            }
            while self.asked > self.answered + IN_FLIGHT {
                self.take_answer().await;
            }
        }
        while self.answered < self.asked {
            self.take_answer().await;
        }
        self.done.seconds = u64::try_from((clock::wall_ms() - begun) / 1000).unwrap();
        self.done
    }

    /// Three of four rest near the middle, one takes.
    async fn order(&mut self) {
        let (buys, takes) = (self.draw(2) == 0, self.draw(4) == 0);
        let away = self.draw(60);
        // In cents: bids below 2000.00, asks above; a taker reaches over.
        let cents = match (buys, takes) {
            (true, false) => 200_000 - away,
            (false, false) => 200_001 + away,
            (true, true) => 200_030,
            (false, true) => 199_970,
        };
        let id = format!("load-{}", self.asked);
        let side = if buys { "BUY" } else { "SELL" };
        let params = json!({
            "symbol": "ETHUSDT", "side": side, "type": "LIMIT", "timeInForce": if takes { "IOC" } else { "GTC" },
            "price": format!("{}.{:02}", cents / 100, cents % 100), "quantity": format!("0.{:03}", 50 + self.draw(100)),
            "newClientOrderId": id, "newOrderRespType": "RESULT",
        });
        if !takes {
            self.resting.push_back(id);
        }
        self.done.orders += 1;
        self.ask("order.place", params).await;
    }

    async fn cancel(&mut self) {
        let id = self.resting.pop_front().unwrap();
        self.done.cancels += 1;
        self.ask("order.cancel", json!({"symbol": "ETHUSDT", "origClientOrderId": id})).await;
    }

    async fn ask(&mut self, method: &str, params: Value) {
        self.asked += 1;
        self.socket.ask(method, signed(LOAD_KEY, params)).await;
    }

    async fn take_answer(&mut self) {
        let answer = self.socket.wait(|message| message.get("status").is_some()).await;
        self.answered += 1;
        self.done.traded += u64::from(
            answer["result"]["executedQty"]
                .as_str()
                .is_some_and(|qty| qty.bytes().any(|digit| matches!(digit, b'1'..=b'9'))),
        );
        // A cancel may find its order filled.
        if answer["status"] != 200 && answer["error"]["code"] != -2011 {
            self.done.refused += 1;
            self.done.refusal.get_or_insert(answer);
        }
    }

    /// The next of a plain sequence, below `end`.
    fn draw(&mut self, end: u64) -> u64 {
        self.chance =
            self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.chance >> 33) % end
    }
}
