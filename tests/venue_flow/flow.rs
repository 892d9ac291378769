//! A client's requests, made from a seed: most of them sensible, some of them not.

use std::collections::VecDeque;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt as _, SeedableRng as _};
use self_trader::simulator::Product;
use serde_json::{Value, json};

use crate::client::Key;

/// The accounts that trade.
pub(crate) const ACCOUNTS: [Key; 3] = [
    Key { key: "test-key", secret: "test-secret" },
    Key { key: "second-key", secret: "second-secret" },
    Key { key: "third-key", secret: "third-secret" },
];

/// The account that keeps long and short positions apart.
pub(crate) const HEDGED: usize = 2;

/// Around which price everything trades.
const MID: i64 = 1_000;
/// Open orders that a client remembers, to cancel them.
const REMEMBERED: usize = 64;

/// One client: an account, a product, and what it knows of its orders.
pub(crate) struct Trader {
    pub(crate) key: Key,
    pub(crate) product: Product,
    name: String,
    random: Xoshiro256PlusPlus,
    /// Client ids of orders that may be open, and their symbols.
    open: VecDeque<(String, &'static str)>,
    orders: u64,
}

/// A request of the WS API.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) method: &'static str,
    pub(crate) params: Value,
    pub(crate) signed: bool,
}

impl Trader {
    pub(crate) fn new(name: &str, key: Key, product: Product, seed: u64) -> Self {
        Self {
            key,
            product,
            name: name.to_owned(),
            random: Xoshiro256PlusPlus::seed_from_u64(seed),
            open: VecDeque::new(),
            orders: 0,
        }
    }

    pub(crate) fn chance(&mut self, percent: u32) -> bool {
        self.random.random_range(0..100) < percent
    }

    /// What it asks next.
    pub(crate) fn next(&mut self) -> Asked {
        match self.random.random_range(0..100) {
            0..40 => self.rest(),
            40..66 => self.take("IOC"),
            66..70 => self.take("FOK"),
            70..75 => self.market(),
            75..86 => self.cancel(),
            86..90 => self.change(),
            90..92 => self.cancel_all(),
            92..97 => self.look(),
            _ => self.nonsense(),
        }
    }

    /// A post-only order near the middle.
    fn rest(&mut self) -> Asked {
        let away = self.random.random_range(0..40_i64);
        let side = self.side();
        let price = if side == "BUY" { MID - away } else { MID + 1 + away };
        let (kind, life) = match self.product {
            Product::Spot => ("LIMIT_MAKER", None),
            Product::UsdM => ("LIMIT", Some("GTX")),
        };
        self.place(side, kind, life, Some(price))
    }

    /// An order through the middle that does not rest.
    fn take(&mut self, life: &'static str) -> Asked {
        let reach = self.random.random_range(-2..20_i64);
        let side = self.side();
        let price = if side == "BUY" { MID + reach } else { MID - reach };
        self.place(side, "LIMIT", Some(life), Some(price))
    }

    fn market(&mut self) -> Asked {
        let side = self.side();
        self.place(side, "MARKET", None, None)
    }

    fn place(&mut self, side: &str, kind: &str, life: Option<&str>, price: Option<i64>) -> Asked {
        self.orders += 1;
        let client = format!("{}-{}", self.name, self.orders);
        let symbol = self.symbol();
        let lots = self.random.random_range(1..500_u32);
        let mut params = json!({
            "symbol": symbol,
            "side": side,
            "type": kind,
            "quantity": format!("0.{lots:03}"),
            "newClientOrderId": client,
            "newOrderRespType": if self.chance(50) { "RESULT" } else { "ACK" },
        });
        if let Some(life) = life {
            params["timeInForce"] = life.into();
        }
        if let Some(price) = price {
            params["price"] = format!("{}.{}", price / 10, price % 10).into();
        }
        if self.chance(30) {
            let mode = self.random.random_range(0..4_usize);
            params["selfTradePreventionMode"] =
                ["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"][mode].into();
        }
        if self.product == Product::UsdM {
            self.aim(&mut params);
        }
        self.open.push_back((client, symbol));
        if self.open.len() > REMEMBERED {
            self.open.pop_front();
        }
        Asked { method: "order.place", params, signed: true }
    }

    /// Which position a contract's order is for.
    fn aim(&mut self, params: &mut Value) {
        if self.key.key == ACCOUNTS[HEDGED].key {
            params["positionSide"] = if self.chance(50) { "LONG" } else { "SHORT" }.into();
        } else if self.chance(10) {
            params["reduceOnly"] = "true".into();
        }
    }

    fn cancel(&mut self) -> Asked {
        let Some((client, symbol)) = self.open.pop_front() else { return self.cancel_all() };
        let params = json!({"symbol": symbol, "origClientOrderId": client});
        Asked { method: "order.cancel", params, signed: true }
    }

    fn cancel_all(&mut self) -> Asked {
        let params = json!({ "symbol": self.symbol() });
        Asked { method: "openOrders.cancelAll", params, signed: true }
    }

    /// Makes an order smaller, moves it, or puts another one in its place.
    fn change(&mut self) -> Asked {
        let Some((client, symbol)) = self.open.pop_back() else { return self.look() };
        let price = format!("{}.0", MID / 10 - self.random.random_range(0..3_i64));
        let (method, params) = match (self.product, self.chance(50)) {
            (Product::Spot, true) => (
                "order.amend.keepPriority",
                json!({"symbol": symbol, "origClientOrderId": client, "newQty": "0.001"}),
            ),
            (Product::Spot, false) => (
                "order.cancelReplace",
                json!({
                    "symbol": symbol, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
                    "price": price, "quantity": "0.010", "cancelReplaceMode": "ALLOW_FAILURE",
                    "cancelOrigClientOrderId": client,
                }),
            ),
            (Product::UsdM, _) => (
                "order.modify",
                json!({
                    "symbol": symbol, "origClientOrderId": client, "side": "BUY",
                    "price": price, "quantity": "0.010",
                }),
            ),
        };
        Asked { method, params, signed: true }
    }

    fn look(&mut self) -> Asked {
        let symbol = self.symbol();
        let asked = |method, params, signed| Asked { method, params, signed };
        match self.random.random_range(0..4) {
            0 => asked("account.status", json!({}), true),
            1 => asked("openOrders.status", json!({ "symbol": symbol }), true),
            2 => asked("ticker.book", json!({ "symbol": symbol }), false),
            _ => asked("depth", json!({"symbol": symbol, "limit": 20}), false),
        }
    }

    fn nonsense(&mut self) -> Asked {
        let symbol = self.symbol();
        let asked = |method, params| Asked { method, params, signed: true };
        match self.random.random_range(0..5) {
            0 => asked("order.place", json!({"symbol": symbol, "side": "UP", "type": "LIMIT"})),
            1 => asked(
                "order.place",
                json!({
                    "symbol": symbol, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
                    "price": "0.123456789", "quantity": "99999999999999999999",
                }),
            ),
            2 => asked("order.cancel", json!({"symbol": symbol, "orderId": 0})),
            3 => asked("order.cancel", json!({"symbol": "NOPE", "origClientOrderId": "x"})),
            _ => asked("order.nothing", json!({})),
        }
    }

    fn side(&mut self) -> &'static str {
        if self.chance(50) { "BUY" } else { "SELL" }
    }

    fn symbol(&mut self) -> &'static str {
        if self.chance(70) { "BTCUSDT" } else { "ETHUSDT" }
    }
}
