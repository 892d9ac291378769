//! The one way to write the engine's events as bytes, and the running hash over them.
//!
//! Little-endian numbers in the order of declaration behind a tag; variants of an enum count from 0 in the order
//! of declaration. An order's fields that never change are written once, when it is accepted.

use twox_hash::XxHash3_128;

use crate::simulator::engine::{ClientId, Event, Fill, Order, Position, Prevented, PreventedLeg, Trade};

/// What every hash begins with; another encoding gets another one.
const VERSION: &[u8] = b"self-trader events 1\n";

/// A hash over all events since the venue began, in order.
pub(in crate::simulator) struct EventHash {
    hasher: XxHash3_128,
    /// One command's events, so that the hasher is called once a command.
    buffer: Vec<u8>,
}

impl std::fmt::Debug for EventHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text())
    }
}

impl Default for EventHash {
    fn default() -> Self {
        let mut hasher = XxHash3_128::new();
        hasher.write(VERSION);
        Self { hasher, buffer: Vec::with_capacity(4_096) }
    }
}

impl EventHash {
    /// Takes in what a command brought about.
    pub(super) fn add(&mut self, events: &[Event]) {
        self.buffer.clear();
        for event in events {
            encode(event, &mut Out(&mut self.buffer));
        }
        self.hasher.write(&self.buffer);
    }

    /// The hash so far: 32 hexadecimal digits.
    pub(super) fn text(&self) -> String {
        format!("{:032x}", self.hasher.finish_128())
    }
}

/// Where the bytes go.
struct Out<'a>(&'a mut Vec<u8>);

impl Out<'_> {
    fn bytes<const N: usize>(&mut self, bytes: [u8; N]) {
        self.0.extend_from_slice(&bytes);
    }

    fn u8(&mut self, value: u8) {
        self.bytes([value]);
    }

    fn id(&mut self, index: usize) {
        // Numbered in 16 bits.
        self.bytes((index as u16).to_le_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.bytes(value.to_le_bytes());
    }

    fn i64(&mut self, value: i64) {
        self.bytes(value.to_le_bytes());
    }

    fn i128(&mut self, value: i128) {
        self.bytes(value.to_le_bytes());
    }

    fn client(&mut self, client: ClientId) {
        let text = client.as_str().as_bytes();
        // At most 36 bytes.
        self.u8(text.len() as u8);
        self.0.extend_from_slice(text);
    }

    /// What of an order never changes.
    fn order_fixed(&mut self, order: &Order) {
        self.id(order.account.index());
        self.id(order.symbol.index());
        self.bytes([
            order.side as u8,
            order.kind as u8,
            order.life as u8,
            order.stp as u8,
            order.position as u8,
            u8::from(order.reduce_only),
        ]);
        self.i128(order.quote_qty.unwrap_or(-1));
        self.i64(order.created_ms);
    }

    /// What of an order may change.
    fn order(&mut self, order: &Order) {
        self.u64(order.id.0);
        self.bytes([order.status as u8, order.end.map_or(u8::MAX, |end| end as u8)]);
        for number in [order.price, order.qty, order.filled, order.prevented, order.amended_ms] {
            self.i64(number);
        }
        self.i128(order.quote);
        self.bytes(order.amends.to_le_bytes());
    }

    fn fill(&mut self, fill: &Fill) {
        self.order(&fill.order);
        self.u64(fill.execution);
        self.id(fill.fee_asset.index());
        self.i128(fill.fee);
        self.i128(fill.realised);
    }

    fn trade(&mut self, trade: &Trade) {
        self.u64(trade.id);
        self.id(trade.symbol.index());
        self.i64(trade.price);
        self.i64(trade.qty);
        self.fill(&trade.maker);
        self.fill(&trade.taker);
    }

    fn prevented_leg(&mut self, leg: &PreventedLeg) {
        self.order(&leg.order);
        let (qty, execution) = leg.taken.map_or((-1, 0), |taken| (taken.qty, taken.execution));
        self.i64(qty);
        self.u64(execution);
    }

    fn prevented(&mut self, prevented: &Prevented) {
        self.u64(prevented.id);
        self.id(prevented.symbol.index());
        self.u8(prevented.mode as u8);
        self.i64(prevented.price);
        self.prevented_leg(&prevented.maker);
        self.prevented_leg(&prevented.taker);
        self.i64(prevented.trade_group.map_or(-1, i64::from));
        self.u8(u8::from(prevented.transferred));
    }

    fn position(&mut self, position: &Position) {
        self.i64(position.qty);
        self.i128(position.cost);
        self.i128(position.realised);
    }
}

fn encode(event: &Event, out: &mut Out<'_>) {
    match event {
        Event::Accepted { order, execution } => {
            out.u8(1);
            out.client(order.client);
            out.order_fixed(order);
            out.order(order);
            out.u64(*execution);
        }
        Event::Traded(trade) => {
            out.u8(2);
            out.trade(trade);
        }
        Event::Prevented(prevented) => {
            out.u8(3);
            out.prevented(prevented);
        }
        Event::Amended { order, client_before, execution } => {
            out.u8(4);
            out.client(*client_before);
            out.client(order.client);
            out.order(order);
            out.u64(*execution);
        }
        Event::Modified { order, execution } => {
            out.u8(5);
            out.order(order);
            out.u64(*execution);
        }
        Event::Ended { order, execution } => {
            out.u8(6);
            out.order(order);
            out.u64(*execution);
        }
        Event::Level { symbol, side, price, qty, update } => {
            out.u8(7);
            out.id(symbol.index());
            out.u8(*side as u8);
            out.i64(*price);
            out.i64(*qty);
            out.u64(*update);
        }
        Event::Position { account, symbol, side, position } => {
            out.u8(8);
            out.id(account.index());
            out.id(symbol.index());
            out.u8(*side as u8);
            out.position(position);
        }
        Event::Balance { account, asset, balance } => {
            out.u8(9);
            out.id(account.index());
            out.id(asset.index());
            out.i128(balance.free);
            out.i128(balance.locked);
        }
        Event::Wiped => out.u8(10),
    }
}
