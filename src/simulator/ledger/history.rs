//! What the venue remembers of orders and trades: the latest of each, and exact counts of all.
//!
//! Kept in chunks, so that growing never copies a million records in the middle of a trade.

use std::collections::{HashMap, VecDeque};

use schemas::order::{OrderStatus, PositionSide};

use crate::simulator::engine::{AccountId, ClientId, Fill, Order, OrderId, SymbolId, Trade};

/// Records of the largest chunk.
const CHUNK_MAX: usize = 8_192;
const CHUNK_MIN: usize = 64;
/// A list is so many chunks at least, so that what it keeps beyond what it must is little.
const CHUNKS_MIN: usize = 16;

/// An order, open or ended.
#[derive(Clone, Copy, Debug)]
pub(in crate::simulator) struct OrderRecord {
    /// The order as it stands.
    pub(in crate::simulator) order: Order,
    /// When it last changed, milliseconds since the epoch.
    pub(in crate::simulator) updated_ms: i64,
}

/// One order's side of a trade.
#[derive(Clone, Copy, Debug)]
pub(in crate::simulator) struct Leg {
    pub(in crate::simulator) account: AccountId,
    pub(in crate::simulator) order: OrderId,
    pub(in crate::simulator) client: ClientId,
    /// In amount steps of what the fill says it is paid in.
    pub(in crate::simulator) fee: i128,
    /// Profit that it realised, in amount steps of the margin asset; 0 on spot.
    pub(in crate::simulator) realised: i128,
    /// The position that it changed.
    pub(in crate::simulator) position: PositionSide,
}

impl Leg {
    fn new(fill: &Fill) -> Self {
        Self {
            account: fill.order.account,
            order: fill.order.id,
            client: fill.order.client,
            fee: fill.fee,
            realised: fill.realised,
            position: fill.order.position,
        }
    }
}

/// A trade.
#[derive(Clone, Copy, Debug)]
pub(in crate::simulator) struct TradeRecord {
    pub(in crate::simulator) id: u64,
    /// The aggregate trade that it is part of.
    pub(in crate::simulator) aggregate: u64,
    pub(in crate::simulator) symbol: SymbolId,
    pub(in crate::simulator) price: i64,
    pub(in crate::simulator) qty: i64,
    /// Milliseconds since the epoch.
    pub(in crate::simulator) time_ms: i64,
    pub(in crate::simulator) buyer_is_maker: bool,
    pub(in crate::simulator) maker: Leg,
    pub(in crate::simulator) taker: Leg,
}

/// How often things happened since the venue began.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::simulator) struct Totals {
    pub(in crate::simulator) orders: u64,
    pub(in crate::simulator) rejected: u64,
    pub(in crate::simulator) trades: u64,
    pub(in crate::simulator) cancels: u64,
    pub(in crate::simulator) expired: u64,
    pub(in crate::simulator) prevented: u64,
}

/// What a symbol has traded.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::simulator) struct Volume {
    pub(in crate::simulator) trades: u64,
    /// In lots.
    pub(in crate::simulator) qty: i128,
    /// In tick-lots.
    pub(in crate::simulator) quote: i128,
    /// The last price in ticks.
    pub(in crate::simulator) last_price: Option<i64>,
}

impl Volume {
    /// Both; the last price is the first one's.
    const fn and(self, other: Self) -> Self {
        Self {
            trades: self.trades + other.trades,
            qty: self.qty + other.qty,
            quote: self.quote + other.quote,
            last_price: self.last_price,
        }
    }
}

/// Orders, trades and totals.
#[derive(Debug)]
pub(in crate::simulator) struct History {
    orders: Chunks<OrderRecord>,
    /// Client id to order number, one map a chunk of orders.
    by_client: VecDeque<HashMap<(AccountId, ClientId), OrderId>>,
    trades: Chunks<TradeRecord>,
    pub(in crate::simulator) totals: Totals,
    volumes: Vec<Volume>,
    /// What was traded before the last reset.
    volumes_before: Vec<Volume>,
}

impl History {
    pub(in crate::simulator) fn new(symbols: usize, kept: usize) -> Self {
        Self {
            orders: Chunks::new(kept),
            by_client: VecDeque::new(),
            trades: Chunks::new(kept),
            totals: Totals::default(),
            volumes: vec![Volume::default(); symbols],
            volumes_before: vec![Volume::default(); symbols],
        }
    }

    /// The monthly reset: orders and trades are gone. Counts go on, and so do the sums of all that was traded.
    pub(in crate::simulator) fn wipe(&mut self) {
        let fresh = Self::new(self.volumes.len(), self.orders.kept);
        let before = std::mem::replace(self, fresh);
        self.totals = before.totals;
        let sums = before.volumes.into_iter().zip(before.volumes_before);
        self.volumes_before = sums.map(|(one, other)| one.and(other)).collect();
    }

    /// A new order. Their numbers come without gaps from 1, which is what makes them findable.
    pub(in crate::simulator) fn open(&mut self, order: &Order, now_ms: i64) {
        self.totals.orders += 1;
        if self.orders.push(OrderRecord { order: *order, updated_ms: now_ms }) {
            self.by_client.push_back(HashMap::with_capacity(self.orders.chunk));
        }
        while self.by_client.len() > self.orders.chunks.len() {
            self.by_client.pop_front();
        }
        let newest = self.by_client.back_mut().expect("a map for each chunk");
        newest.insert((order.account, order.client), order.id);
    }

    /// An open order goes by another client id from now on; the old one finds it as well.
    pub(in crate::simulator) fn rename(&mut self, order: &Order) {
        if let Some(newest) = self.by_client.back_mut() {
            newest.insert((order.account, order.client), order.id);
        }
    }

    /// An order changed.
    pub(in crate::simulator) fn update(&mut self, order: &Order, now_ms: i64) {
        match order.status {
            OrderStatus::Canceled => self.totals.cancels += 1,
            OrderStatus::Expired => self.totals.expired += 1,
            OrderStatus::ExpiredInMatch => self.totals.prevented += 1,
            OrderStatus::New
            | OrderStatus::PartiallyFilled
            | OrderStatus::Filled
            | OrderStatus::Rejected
            | OrderStatus::Other => {}
        }
        if let Some(record) = self.orders.get_mut(order.id.0 - 1) {
            *record = OrderRecord { order: *order, updated_ms: now_ms };
        }
    }

    /// A trade. Those of one taker at one price, in a row, are one aggregate trade.
    pub(in crate::simulator) fn trade(&mut self, trade: &Trade, now_ms: i64) -> TradeRecord {
        self.update(&trade.maker.order, now_ms);
        self.update(&trade.taker.order, now_ms);
        let taker = Leg::new(&trade.taker);
        let aggregate = match self.trades.last() {
            Some(last) if last.taker.order == taker.order && last.price == trade.price => last.aggregate,
            Some(last) => last.aggregate + 1,
            None => 1,
        };
        let record = TradeRecord {
            id: trade.id,
            aggregate,
            symbol: trade.symbol,
            price: trade.price,
            qty: trade.qty,
            time_ms: now_ms,
            buyer_is_maker: trade.buyer_is_maker(),
            maker: Leg::new(&trade.maker),
            taker,
        };
        self.trades.push(record);
        self.count(&record);
        record
    }

    fn count(&mut self, record: &TradeRecord) {
        self.totals.trades += 1;
        let volume = &mut self.volumes[record.symbol.index()];
        volume.trades += 1;
        volume.qty += i128::from(record.qty);
        volume.quote += i128::from(record.price) * i128::from(record.qty);
        volume.last_price = Some(record.price);
    }

    /// What a symbol has traded since the start, whether or not there was a reset.
    pub(in crate::simulator) fn volume_of_all(&self, symbol: SymbolId) -> Volume {
        self.volume(symbol).and(self.volumes_before[symbol.index()])
    }

    /// What a symbol has traded since the last reset.
    pub(in crate::simulator) fn volume(&self, symbol: SymbolId) -> Volume {
        self.volumes[symbol.index()]
    }

    /// The order with that number, if it is still remembered.
    pub(in crate::simulator) fn order(&self, id: OrderId) -> Option<&OrderRecord> {
        self.orders.get(id.0.checked_sub(1)?)
    }

    /// The account's latest order with that client id.
    pub(in crate::simulator) fn order_of_client(
        &self,
        account: AccountId,
        client: ClientId,
    ) -> Option<&OrderRecord> {
        let id = self.by_client.iter().rev().find_map(|map| map.get(&(account, client)))?;
        self.order(*id)
    }

    /// Orders from the place `from` on, oldest first, each with the place after it.
    pub(in crate::simulator) fn orders_from(&self, from: u64) -> impl Iterator<Item = (u64, &OrderRecord)> {
        self.orders.iter_from(from)
    }

    /// Trades from the place `from` on, oldest first, each with the place after it.
    pub(in crate::simulator) fn trades_from(&self, from: u64) -> impl Iterator<Item = (u64, &TradeRecord)> {
        self.trades.iter_from(from)
    }

    /// Orders, newest first.
    pub(in crate::simulator) fn orders_newest_first(&self) -> impl Iterator<Item = &OrderRecord> {
        self.orders.iter_back()
    }

    /// Trades, newest first.
    pub(in crate::simulator) fn trades_newest_first(&self) -> impl Iterator<Item = &TradeRecord> {
        self.trades.iter_back()
    }
}

/// A long list that forgets its oldest part. Places count from 0 and stay valid as long as they are kept.
#[derive(Debug)]
struct Chunks<T> {
    chunks: VecDeque<Vec<T>>,
    /// The place of the first record kept.
    first: u64,
    /// Records that are kept at least.
    kept: usize,
    /// Records of one chunk.
    chunk: usize,
}

impl<T> Chunks<T> {
    fn new(kept: usize) -> Self {
        let chunk = (kept / CHUNKS_MIN).clamp(CHUNK_MIN, CHUNK_MAX);
        Self { chunks: VecDeque::new(), first: 0, kept, chunk }
    }

    /// True if a new chunk was begun for it.
    fn push(&mut self, item: T) -> bool {
        if let Some(chunk) = self.chunks.back_mut().filter(|chunk| chunk.len() < self.chunk) {
            chunk.push(item);
            return false;
        }
        let mut chunk = Vec::with_capacity(self.chunk);
        chunk.push(item);
        self.chunks.push_back(chunk);
        if self.chunks.len() > self.kept.div_ceil(self.chunk) + 1 {
            self.chunks.pop_front();
            self.first += self.chunk as u64;
        }
        true
    }

    fn at(&self, place: u64) -> Option<(usize, usize)> {
        let offset = usize::try_from(place.checked_sub(self.first)?).ok()?;
        Some((offset / self.chunk, offset % self.chunk))
    }

    fn get(&self, place: u64) -> Option<&T> {
        let (chunk, at) = self.at(place)?;
        self.chunks.get(chunk)?.get(at)
    }

    fn get_mut(&mut self, place: u64) -> Option<&mut T> {
        let (chunk, at) = self.at(place)?;
        self.chunks.get_mut(chunk)?.get_mut(at)
    }

    fn last(&self) -> Option<&T> {
        self.chunks.back()?.last()
    }

    fn iter_from(&self, from: u64) -> impl Iterator<Item = (u64, &T)> {
        let from = from.max(self.first);
        let (chunk, at) = self.at(from).unwrap_or_default();
        let records = self.chunks.iter().skip(chunk).flatten().skip(at);
        (from + 1..).zip(records)
    }

    fn iter_back(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().rev().flat_map(|chunk| chunk.iter().rev())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_forgets_its_oldest_part_and_keeps_its_places() {
        const KEPT: usize = 100_000;
        let mut list = Chunks::new(KEPT);
        let all = (KEPT + 5 * CHUNK_MAX) as u64;
        for item in 0..all {
            list.push(item);
        }
        assert!(list.first > 0);
        assert!(list.iter_back().count() >= KEPT);
        assert_eq!(list.get(0), None);
        for place in [list.first, list.first + 1, all - 1] {
            assert_eq!(list.get(place), Some(&place));
        }
        assert_eq!(list.get(all), None);
        let tail: Vec<_> = list.iter_from(all - 3).collect();
        assert_eq!(tail, [(all - 2, &(all - 3)), (all - 1, &(all - 2)), (all, &(all - 1))]);
    }
}
