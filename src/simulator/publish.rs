//! From what the engine did to what is remembered and told.

use crate::simulator::engine::{AccountId, AssetId, Event, Fill, Order, SymbolId, Trade};
use crate::simulator::ledger::history::TradeRecord;
use crate::simulator::state::State;
use crate::simulator::symbols::Product;

use super::binance::candles::Print;
use super::binance::feed;
use super::crowd;
use super::{binance_spot as spot, binance_usdm as usdm};

/// What first fills give back of Spot's limit on unfilled orders.
const MAKER_GIVES_BACK: u64 = 5;
const TAKER_GIVES_BACK: u64 = 1;

/// Remembers and tells what the last command brought about: for each event the reports to the accounts and
/// the trades, at the end the aggregate trade, the balances and the top of the book.
pub(super) fn publish(state: &mut State, now_ms: i64) {
    state.at(now_ms);
    let mut events = std::mem::take(&mut state.events);
    let mut batch = Batch::default();
    for event in &events {
        apply(state, event, &mut batch, now_ms);
    }
    batch.finish(state, now_ms);
    let seen = crowd::look(state, &events);
    events.clear();
    state.events = events;
    state.cancel_id = None;
    crowd::react(state, &seen, now_ms);
}

/// What is told once for a whole command.
#[derive(Default)]
struct Batch {
    /// First and last trade of an aggregate, and the lots of all its trades.
    aggregate: Option<(TradeRecord, TradeRecord, i128)>,
    /// A command touches one symbol only.
    symbol: Option<SymbolId>,
    balances: Vec<(AccountId, AssetId)>,
    positions: Vec<usdm::ChangedPosition>,
}

fn apply(state: &mut State, event: &Event, batch: &mut Batch, now_ms: i64) {
    match event {
        Event::Accepted { order, execution } => {
            batch.symbol = Some(order.symbol);
            state.history.open(order, now_ms);
            match product_of(state, order) {
                Product::Spot => spot::reports::accepted(state, order, *execution, now_ms),
                Product::UsdM => usdm::reports::accepted(state, order, now_ms),
            }
        }
        Event::Traded(trade) => traded(state, trade, batch, now_ms),
        Event::Prevented(prevented) => {
            state.prevented.add(prevented, now_ms);
            for leg in [&prevented.maker, &prevented.taker] {
                state.history.update(&leg.order, now_ms);
            }
            match product_of(state, &prevented.maker.order) {
                Product::Spot => spot::reports::prevented(state, prevented, now_ms),
                Product::UsdM => usdm::reports::prevented(state, prevented, now_ms),
            }
        }
        Event::Modified { order, .. } => {
            batch.symbol = Some(order.symbol);
            state.history.update(order, now_ms);
            match product_of(state, order) {
                // No request of Spot modifies an order.
                Product::Spot => {}
                Product::UsdM => usdm::reports::modified(state, order, now_ms),
            }
        }
        Event::Ended { order, execution } => {
            batch.symbol = Some(order.symbol);
            state.history.update(order, now_ms);
            match product_of(state, order) {
                Product::Spot => spot::reports::ended(state, order, *execution, state.cancel_id, now_ms),
                Product::UsdM => usdm::reports::ended(state, order, now_ms),
            }
        }
        Event::Amended { order, client_before, execution } => {
            batch.symbol = Some(order.symbol);
            state.history.update(order, now_ms);
            state.history.rename(order);
            // No request of USD-M amends an order.
            spot::reports::amended(state, order, client_before, *execution, now_ms);
        }
        Event::Wiped => state.forget(now_ms),
        Event::Level { symbol, side, price, .. } => feed::level(state, *symbol, *side, *price),
        Event::Position { account, symbol, side, position } => {
            batch.positions.push(usdm::ChangedPosition {
                account: *account,
                symbol: *symbol,
                side: *side,
                position: *position,
            });
        }
        Event::Balance { account, asset, .. } => {
            state.account_mut(*account).updated_ms = now_ms;
            batch.balances.push((*account, *asset));
        }
    }
}

fn product_of(state: &State, order: &Order) -> Product {
    state.symbol(order.symbol).spec.product
}

fn traded(state: &mut State, trade: &Trade, batch: &mut Batch, now_ms: i64) {
    let record = state.history.trade(trade, now_ms);
    state.candles[record.symbol.index()].add(&Print {
        id: record.id,
        time_ms: record.time_ms,
        price: record.price,
        qty: record.qty,
        buyer_is_maker: record.buyer_is_maker,
    });
    let product = state.symbol(trade.symbol).spec.product;
    for (fill, gives_back) in [(&trade.maker, MAKER_GIVES_BACK), (&trade.taker, TAKER_GIVES_BACK)] {
        match product {
            Product::Spot => {
                give_back(state, fill, trade.qty, gives_back, now_ms);
                spot::reports::traded(state, trade, fill, now_ms);
            }
            Product::UsdM => usdm::reports::traded(state, trade, fill, now_ms),
        }
    }
    match product {
        Product::Spot => spot::market_streams::trade(state, &record),
        Product::UsdM => usdm::market_streams::trade(state, &record),
    }
    match &mut batch.aggregate {
        Some((_, last, lots)) if last.aggregate == record.aggregate => {
            *last = record;
            *lots += i128::from(record.qty);
        }
        aggregate => {
            if let Some((first, last, lots)) = aggregate.replace((record, record, record.qty.into())) {
                aggregate_trade(state, &first, &last, lots);
            }
        }
    }
}

fn give_back(state: &mut State, fill: &Fill, filled_now: i64, count: u64, now_ms: i64) {
    if fill.order.filled == filled_now {
        state.orders_mut(fill.order.account, Product::Spot).first_fill(count, now_ms);
    }
}

fn aggregate_trade(state: &State, first: &TradeRecord, last: &TradeRecord, lots: i128) {
    match state.symbol(last.symbol).spec.product {
        Product::Spot => spot::market_streams::agg_trade(state, first, last, lots),
        Product::UsdM => usdm::market_streams::agg_trade(state, first, last, lots),
    }
}

impl Batch {
    fn finish(mut self, state: &mut State, now_ms: i64) {
        if let Some((first, last, lots)) = &self.aggregate {
            aggregate_trade(state, first, last, *lots);
        }
        let Some(symbol) = self.symbol else { return };
        self.balances.sort_unstable();
        match state.symbol(symbol).spec.product {
            Product::Spot => {
                for changed in self.balances.chunk_by(|(one, _), (other, _)| one == other) {
                    let assets: Vec<_> = changed.iter().map(|(_, asset)| *asset).collect();
                    spot::reports::balances(state, changed[0].0, symbol, &assets, now_ms);
                }
            }
            Product::UsdM => {
                usdm::reports::account_updates(state, symbol, &self.balances, &self.positions, now_ms);
            }
        }
        feed::book_ticker(state, symbol, now_ms);
    }
}
