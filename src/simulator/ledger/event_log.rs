//! What happened, for those who run the venue: the last 100,000 entries in memory, all of them in a file if wanted.
//!
//! Levels and balances are left out: they follow from the rest, and would crowd it out.

use std::collections::VecDeque;

use schemas::order::{PositionSide, Side};
use serde_json::{Map, Value, json};

use super::notice::Notice;
use crate::simulator::engine::{
    AccountId, ClientId, EndReason, Event, Fill, Order, OrderId, Position, Prevented, PreventedLeg, StpMode,
    SymbolId, Trade,
};
use crate::simulator::state::{Account, Symbol};

/// Most entries that are kept.
const KEPT_MAX: usize = 100_000;

/// The latest entries; their numbers begin at 1 and have no gaps.
#[derive(Debug)]
pub(in crate::simulator) struct EventLog {
    entries: VecDeque<Entry>,
    kept: usize,
    newest: u64,
}

/// One entry.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) number: u64,
    /// Milliseconds since the epoch.
    pub(super) time_ms: i64,
    pub(super) what: What,
}

/// What happened, with just what a line tells.
#[derive(Debug)]
pub(super) enum What {
    Order(&'static str, OrderBrief),
    Traded { id: u64, symbol: SymbolId, price: i64, qty: i64, buyer_is_maker: bool, legs: [Leg; 2] },
    Prevented { id: u64, symbol: SymbolId, mode: StpMode, price: i64, legs: [Leg; 2], taken: [i64; 2] },
    Position { account: AccountId, symbol: SymbolId, side: PositionSide, position: Position },
    Wiped,
    Notice(Box<Notice>),
}

/// An order as a line tells it.
#[derive(Debug)]
pub(super) struct OrderBrief {
    leg: Leg,
    symbol: SymbolId,
    side: Side,
    status: &'static str,
    end: Option<EndReason>,
    price: i64,
    qty: i64,
    filled: i64,
}

/// One order's side of a trade: maker first, then taker.
#[derive(Debug)]
pub(super) struct Leg {
    account: AccountId,
    order: OrderId,
    client: ClientId,
}

/// What numbers are called.
#[derive(Clone, Copy, Debug)]
pub(in crate::simulator) struct Names<'a> {
    pub(in crate::simulator) symbols: &'a [Symbol],
    pub(in crate::simulator) accounts: &'a [Account],
}

impl EventLog {
    /// A log of so many entries, and of no more than 100,000.
    pub(super) fn new(kept: usize) -> Self {
        Self { entries: VecDeque::new(), kept: kept.clamp(1, KEPT_MAX), newest: 0 }
    }

    /// Adds an entry; the oldest one gives way.
    pub(super) fn add(&mut self, time_ms: i64, what: What) -> &Entry {
        if self.entries.len() == self.kept {
            self.entries.pop_front();
        }
        self.newest += 1;
        self.entries.push_back(Entry { number: self.newest, time_ms, what });
        self.entries.back().expect("just added")
    }

    /// The number of the oldest entry that is kept, and that of the newest; both 0 before the first.
    pub(super) fn bounds(&self) -> (u64, u64) {
        (self.entries.front().map_or(0, |entry| entry.number), self.newest)
    }

    /// Entries from that number on, oldest first.
    pub(super) fn from(&self, number: u64) -> impl Iterator<Item = &Entry> {
        let skipped = number.saturating_sub(self.bounds().0);
        self.entries.iter().skip(usize::try_from(skipped).unwrap_or(usize::MAX))
    }
}

impl What {
    /// What a line tells of an engine's event; none of those that follow from others.
    pub(super) fn of(event: &Event) -> Option<Self> {
        let order = |kind, order: &Order| Some(Self::Order(kind, OrderBrief::new(order)));
        match event {
            Event::Accepted { order: accepted, .. } => order("accepted", accepted),
            Event::Amended { order: amended, .. } => order("amended", amended),
            Event::Modified { order: modified, .. } => order("modified", modified),
            Event::Ended { order: ended, .. } => order("ended", ended),
            Event::Traded(trade) => Some(Self::traded(trade)),
            Event::Prevented(prevented) => Some(Self::prevented(prevented)),
            Event::Position { account, symbol, side, position } => {
                Some(Self::Position { account: *account, symbol: *symbol, side: *side, position: *position })
            }
            Event::Wiped => Some(Self::Wiped),
            Event::Level { .. } | Event::Balance { .. } => None,
        }
    }

    fn traded(trade: &Trade) -> Self {
        let leg = |fill: &Fill| Leg::new(&fill.order);
        Self::Traded {
            id: trade.id,
            symbol: trade.symbol,
            price: trade.price,
            qty: trade.qty,
            buyer_is_maker: trade.buyer_is_maker(),
            legs: [leg(&trade.maker), leg(&trade.taker)],
        }
    }

    fn prevented(prevented: &Prevented) -> Self {
        let both = [&prevented.maker, &prevented.taker];
        let taken = |leg: &PreventedLeg| leg.taken.map_or(0, |taken| taken.qty);
        Self::Prevented {
            id: prevented.id,
            symbol: prevented.symbol,
            mode: prevented.mode,
            price: prevented.price,
            legs: both.map(|leg| Leg::new(&leg.order)),
            taken: both.map(taken),
        }
    }

    /// As the query's `kind` names it.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Order(kind, _) => kind,
            Self::Traded { .. } => "traded",
            Self::Prevented { .. } => "prevented",
            Self::Position { .. } => "position",
            Self::Wiped => "wiped",
            Self::Notice(notice) => notice.kind.as_str(),
        }
    }

    /// The symbol it is about.
    pub(super) fn symbol(&self) -> Option<SymbolId> {
        match self {
            Self::Order(_, order) => Some(order.symbol),
            Self::Traded { symbol, .. } | Self::Prevented { symbol, .. } | Self::Position { symbol, .. } => {
                Some(*symbol)
            }
            Self::Wiped => None,
            Self::Notice(notice) => notice.symbol,
        }
    }
}

impl OrderBrief {
    fn new(order: &Order) -> Self {
        Self {
            leg: Leg::new(order),
            symbol: order.symbol,
            side: order.side,
            status: order.status.as_str(),
            end: order.end,
            price: order.price,
            qty: order.qty,
            filled: order.filled,
        }
    }
}

impl Leg {
    fn new(order: &Order) -> Self {
        Self { account: order.account, order: order.id, client: order.client }
    }
}

impl Entry {
    /// The entry as a JSON object.
    pub(super) fn view(&self, names: Names<'_>) -> Value {
        let mut line = Map::new();
        line.insert("seq".to_owned(), self.number.into());
        line.insert("time".to_owned(), self.time_ms.into());
        line.insert("kind".to_owned(), self.what.kind().into());
        let symbol = self.what.symbol().and_then(|id| names.symbols.get(id.index()));
        if let Some(symbol) = symbol {
            line.insert("product".to_owned(), symbol.spec.product.as_str().into());
            line.insert("symbol".to_owned(), symbol.spec.name.clone().into());
        }
        if let Value::Object(rest) = self.rest(symbol, names) {
            line.extend(rest);
        }
        Value::Object(line)
    }

    /// What it tells beyond number, time, kind and symbol.
    fn rest(&self, symbol: Option<&Symbol>, names: Names<'_>) -> Value {
        match (&self.what, symbol) {
            (What::Order(_, order), Some(symbol)) => order.view(symbol, names),
            (What::Traded { id, price, qty, buyer_is_maker, legs, .. }, Some(symbol)) => json!({
                "trade": id,
                "price": symbol.price(*price),
                "qty": symbol.qty(*qty),
                "buyerIsMaker": buyer_is_maker,
                "maker": legs[0].view(names),
                "taker": legs[1].view(names),
            }),
            (What::Prevented { id, mode, price, legs, taken, .. }, Some(symbol)) => json!({
                "preventedMatch": id,
                "mode": format!("{mode:?}"),
                "price": symbol.price(*price),
                "maker": legs[0].view(names),
                "makerTaken": symbol.qty(taken[0]),
                "taker": legs[1].view(names),
                "takerTaken": symbol.qty(taken[1]),
            }),
            (What::Position { account, side, position, .. }, Some(symbol)) => json!({
                "account": names.account(*account),
                "side": format!("{side:?}"),
                "qty": symbol.qty(position.qty),
                "cost": symbol.quote(position.cost),
            }),
            (What::Notice(notice), _) => {
                let mut rest = json!({ "text": notice.text });
                if let Some(account) = notice.account {
                    rest["account"] = names.account(account).into();
                }
                if let Some(connection) = notice.connection {
                    rest["connection"] = connection.into();
                }
                rest
            }
            (
                What::Order(..) | What::Traded { .. } | What::Prevented { .. } | What::Position { .. },
                None,
            )
            | (What::Wiped, _) => Value::Null,
        }
    }
}

impl OrderBrief {
    fn view(&self, symbol: &Symbol, names: Names<'_>) -> Value {
        let mut view = json!({
            "account": names.account(self.leg.account),
            "order": self.leg.order.0,
            "client": self.leg.client.as_str(),
            "side": self.side.as_str(),
            "status": self.status,
            "price": symbol.price(self.price),
            "qty": symbol.qty(self.qty),
            "filled": symbol.qty(self.filled),
        });
        if let Some(end) = self.end {
            view["reason"] = format!("{end:?}").into();
        }
        view
    }
}

impl Leg {
    fn view(&self, names: Names<'_>) -> Value {
        json!({
            "account": names.account(self.account),
            "order": self.order.0,
            "client": self.client.as_str(),
        })
    }
}

impl<'a> Names<'a> {
    /// An account's key.
    fn account(self, id: AccountId) -> &'a str {
        self.accounts.get(id.index()).map_or("", |account| account.key.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::super::notice::NoticeKind;
    use super::*;

    #[test]
    fn the_ring_keeps_the_latest_and_says_what_is_gone() {
        let mut log = EventLog::new(usize::MAX);
        assert_eq!(log.bounds(), (0, 0));
        let notice = || What::Notice(Box::new(Notice::new(NoticeKind::Fault, "x")));
        for _ in 0..KEPT_MAX + 5 {
            log.add(7, notice());
        }
        let newest = KEPT_MAX as u64 + 5;
        assert_eq!(log.bounds(), (6, newest));
        let numbers = |from| log.from(from).map(|entry| entry.number).collect::<Vec<_>>();
        assert_eq!(numbers(newest - 1), [newest - 1, newest]);
        assert_eq!(numbers(0).len(), KEPT_MAX);
        assert!(numbers(newest + 1).is_empty());
    }
}
