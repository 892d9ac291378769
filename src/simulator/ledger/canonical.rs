//! The one way to write the engine's events as bytes, and the running hash over them.
//!
//! Words of 64 bits, little-endian, behind a tag; amounts take two words, the low one first; variants of an enum count
//! from 0 in the order of declaration. An order's fields that never change are written once, when it is accepted.

use twox_hash::XxHash3_128;

use crate::simulator::engine::{ClientId, Event, Fill, Order, Position, Prevented, PreventedLeg, Trade};

/// What every hash begins with; another encoding gets another one.
const VERSION: &[u8] = b"self-trader events 1\n";
/// In the place of what is not there.
const NONE: u64 = u64::MAX;

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
    pub(in crate::simulator) fn add(&mut self, events: &[Event]) {
        self.buffer.clear();
        let mut out = Out(&mut self.buffer);
        for event in events {
            out.event(event);
        }
        self.hasher.write(&self.buffer);
    }

    /// The hash so far: 32 hexadecimal digits.
    pub(in crate::simulator) fn text(&self) -> String {
        format!("{:032x}", self.hasher.finish_128())
    }
}

/// Where the words go.
struct Out<'a>(&'a mut Vec<u8>);

impl Out<'_> {
    fn words<const N: usize>(&mut self, words: [u64; N]) {
        self.0.extend_from_slice(words.map(u64::to_le_bytes).as_flattened());
    }

    fn event(&mut self, event: &Event) {
        match event {
            Event::Accepted { order, execution } => self.accepted(order, *execution),
            Event::Traded(trade) => self.trade(trade),
            Event::Prevented(prevented) => self.prevented(prevented),
            Event::Amended { order, client_before, execution } => {
                self.words([4, *execution]);
                self.client(*client_before);
                self.client(order.client);
                self.order(order);
            }
            Event::Modified { order, execution } => {
                self.words([5, *execution]);
                self.order(order);
            }
            Event::Ended { order, execution } => {
                self.words([6, *execution]);
                self.order(order);
            }
            Event::Level { symbol, side, price, qty, update } => {
                let symbol = symbol.index() as u64;
                self.words([7, symbol, *side as u64, price.cast_unsigned(), qty.cast_unsigned(), *update]);
            }
            Event::Position { account, symbol, side, position } => {
                self.words([8, account.index() as u64, symbol.index() as u64, *side as u64]);
                self.position(position);
            }
            Event::Balance { account, asset, balance } => {
                let ([free, free_high], [locked, locked_high]) =
                    (halves(balance.free), halves(balance.locked));
                let (account, asset) = (account.index() as u64, asset.index() as u64);
                self.words([9, account, asset, free, free_high, locked, locked_high]);
            }
            Event::Wiped => self.words([10]),
        }
    }

    fn accepted(&mut self, order: &Order, execution: u64) {
        let [quote_qty, quote_qty_high] = halves(order.quote_qty.unwrap_or(-1));
        self.words([
            1,
            execution,
            order.account.index() as u64,
            order.symbol.index() as u64,
            order.side as u64,
            order.kind as u64,
            order.life as u64,
            order.stp as u64,
            order.position as u64,
            u64::from(order.reduce_only),
            quote_qty,
            quote_qty_high,
            order.created_ms.cast_unsigned(),
        ]);
        self.client(order.client);
        self.order(order);
    }

    /// Its bytes, filled up with zeros.
    fn client(&mut self, client: ClientId) {
        let text = client.as_str().as_bytes();
        let mut bytes = [0; 40];
        bytes[..text.len()].copy_from_slice(text);
        self.0.extend_from_slice(&bytes);
    }

    /// What of an order may change.
    fn order(&mut self, order: &Order) {
        let [quote, quote_high] = halves(order.quote);
        self.words([
            order.id.0,
            order.status as u64,
            order.end.map_or(NONE, |end| end as u64),
            order.price.cast_unsigned(),
            order.qty.cast_unsigned(),
            order.filled.cast_unsigned(),
            order.prevented.cast_unsigned(),
            order.amended_ms.cast_unsigned(),
            quote,
            quote_high,
            u64::from(order.amends),
        ]);
    }

    fn trade(&mut self, trade: &Trade) {
        let (price, qty) = (trade.price.cast_unsigned(), trade.qty.cast_unsigned());
        self.words([2, trade.id, trade.symbol.index() as u64, price, qty]);
        self.fill(&trade.maker);
        self.fill(&trade.taker);
    }

    fn fill(&mut self, fill: &Fill) {
        let ([fee, fee_high], [realised, realised_high]) = (halves(fill.fee), halves(fill.realised));
        self.order(&fill.order);
        let asset = fill.fee_asset.index() as u64;
        self.words([fill.execution, asset, fee, fee_high, realised, realised_high]);
    }

    fn prevented(&mut self, prevented: &Prevented) {
        self.words([
            3,
            prevented.id,
            prevented.symbol.index() as u64,
            prevented.mode as u64,
            prevented.price.cast_unsigned(),
            prevented.trade_group.map_or(NONE, u64::from),
            u64::from(prevented.transferred),
        ]);
        self.prevented_leg(&prevented.maker);
        self.prevented_leg(&prevented.taker);
    }

    fn prevented_leg(&mut self, leg: &PreventedLeg) {
        self.order(&leg.order);
        let taken = leg.taken.map_or([NONE; 2], |taken| [taken.qty.cast_unsigned(), taken.execution]);
        self.words(taken);
    }

    fn position(&mut self, position: &Position) {
        let ([cost, cost_high], [realised, realised_high]) =
            (halves(position.cost), halves(position.realised));
        self.words([position.qty.cast_unsigned(), cost, cost_high, realised, realised_high]);
    }
}

/// The low word, then the high one.
const fn halves(amount: i128) -> [u64; 2] {
    let bits = amount.cast_unsigned();
    [bits as u64, (bits >> 64) as u64]
}
