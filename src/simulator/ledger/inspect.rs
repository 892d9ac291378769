//! The venue's own books of account, for tests and for those who run it: `/venue/*`.
//!
//! `orders` and `trades` are arrays with the field names of each product's dialect, oldest first: `?product=` one
//! product, `&symbol=` one symbol, `&since=` what changed (orders) or happened (trades) at that millisecond or later,
//! `&limit=` at most so many. The last million of each is kept, all of it is told unless `limit` says less. `totals`
//! counts exactly, from the start.

mod accounts;
mod connections;
mod deposit;
mod events;
mod symbols;
mod totals;

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State as Extract};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::history::TradeRecord;
use crate::simulator::engine::SymbolId;
use crate::simulator::server::Shared;
use crate::simulator::state::{State, Symbol};
use crate::simulator::symbols::Product;
use crate::simulator::{binance_spot as spot, binance_usdm as usdm};

/// What can be asked, beside the faults.
pub(in crate::simulator) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/venue/orders", get(orders))
        .route("/venue/trades", get(trades))
        .route("/venue/accounts", get(accounts::accounts))
        .route("/venue/positions", get(accounts::positions))
        .route("/venue/symbols", get(symbols::symbols))
        .route("/venue/connections", get(connections::connections))
        .route("/venue/totals", get(totals::totals))
        .route("/venue/check", post(totals::check))
        .route("/venue/deposit", post(deposit::deposit))
        .route("/venue/health", get(totals::health))
        .route("/venue/events", get(events::events))
        .route("/venue/stamps", get(totals::stamps))
}

/// Records written while the lock is held once: trading goes on between two batches.
const BATCH: usize = 1_000;

/// What a list is asked for.
#[derive(Clone, Debug, Deserialize)]
struct Filter {
    product: Option<Product>,
    symbol: Option<String>,
    since: Option<i64>,
    limit: Option<u64>,
}

/// The symbols that a query means: all, a product's, or those of one name.
#[derive(Clone, Copy, Debug)]
struct Meant {
    product: Option<Product>,
    /// By product.
    named: Option<[Option<SymbolId>; 2]>,
}

impl Meant {
    /// None if a name is given that is not listed.
    fn read(state: &State, product: Option<Product>, symbol: Option<&str>) -> Option<Self> {
        let named = symbol.map(|name| Product::ALL.map(|product| state.symbol_named(product, name)));
        let known = named.is_none_or(|named| {
            Product::ALL.iter().any(|own| named[own.index()].is_some() && product.is_none_or(|p| p == *own))
        });
        known.then_some(Self { product, named })
    }

    fn is(self, symbol: &Symbol) -> bool {
        self.product.is_none_or(|product| product == symbol.spec.product)
            && self.named.is_none_or(|named| named.contains(&Some(symbol.id)))
    }
}

/// `GET /venue/orders`.
async fn orders(shared: Extract<Arc<Shared>>, filter: Query<Filter>) -> Response {
    list(shared.0, filter.0, |state, cursor, out| {
        for (place, record) in state.history.orders_from(cursor.place).take(BATCH) {
            cursor.place = place;
            let symbol = state.symbol(record.order.symbol);
            if cursor.is_meant(symbol, record.updated_ms) {
                match symbol.spec.product {
                    Product::Spot => cursor.write(out, symbol, &spot::order_view(symbol, record)),
                    Product::UsdM => {
                        cursor.write(out, symbol, &usdm::order_view(state, record, usdm::Shown::Queried));
                    }
                }
            }
        }
    })
}

/// `GET /venue/trades`.
async fn trades(shared: Extract<Arc<Shared>>, filter: Query<Filter>) -> Response {
    list(shared.0, filter.0, |state, cursor, out| {
        for (place, trade) in state.history.trades_from(cursor.place).take(BATCH) {
            cursor.place = place;
            let symbol = state.symbol(trade.symbol);
            if cursor.is_meant(symbol, trade.time_ms) {
                match symbol.spec.product {
                    Product::Spot => {
                        let public = spot::PublicTrade::new(symbol, trade);
                        cursor.write(out, symbol, &TradeView::new(symbol, trade, public));
                    }
                    Product::UsdM => {
                        let public = usdm::PublicTrade::new(symbol, trade);
                        cursor.write(out, symbol, &TradeView::new(symbol, trade, public));
                    }
                }
            }
        }
    })
}

/// A trade with both its legs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TradeView<'a, P> {
    symbol: &'a str,
    /// As the product's dialect shows it to everybody.
    #[serde(flatten)]
    public: P,
    maker_order_id: u64,
    taker_order_id: u64,
    maker_client_order_id: &'a str,
    taker_client_order_id: &'a str,
}

impl<'a, P> TradeView<'a, P> {
    fn new(symbol: &'a Symbol, trade: &'a TradeRecord, public: P) -> Self {
        Self {
            symbol: &symbol.spec.name,
            public,
            maker_order_id: trade.maker.order.0,
            taker_order_id: trade.taker.order.0,
            maker_client_order_id: trade.maker.client.as_str(),
            taker_client_order_id: trade.taker.client.as_str(),
        }
    }
}

/// A query that cannot be answered.
fn bad_query(what: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"code": -1100, "msg": what}))).into_response()
}

/// A record, and which product's it is.
#[derive(Serialize)]
struct Told<'a, T> {
    product: Product,
    #[serde(flatten)]
    record: &'a T,
}

/// How far a list has been told.
struct Cursor {
    place: u64,
    left: u64,
    meant: Meant,
    since: i64,
    /// What stands before the next record: the bracket that opens the array, then commas.
    before: u8,
}

impl Cursor {
    fn is_meant(&self, symbol: &Symbol, time_ms: i64) -> bool {
        time_ms >= self.since && self.meant.is(symbol)
    }

    /// Writes a record, unless that would be one too many.
    fn write(&mut self, out: &mut Vec<u8>, symbol: &Symbol, record: &impl Serialize) {
        if self.left > 0 {
            self.left -= 1;
            out.push(self.before);
            self.before = b',';
            let record = Told { product: symbol.spec.product, record };
            serde_json::to_writer(out, &record).expect("views serialise");
        }
    }

    fn close(&self, out: &mut Vec<u8>) {
        if self.before == b'[' {
            out.push(b'[');
        }
        out.push(b']');
    }
}

/// Streams a list as a JSON array, batch by batch.
fn list(
    shared: Arc<Shared>,
    filter: Filter,
    batch: impl Fn(&State, &mut Cursor, &mut Vec<u8>) + Send + 'static,
) -> Response {
    let Some(meant) = Meant::read(&shared.lock(), filter.product, filter.symbol.as_deref()) else {
        return bad_query("symbol: not listed");
    };
    let cursor = Cursor {
        place: 0,
        left: filter.limit.unwrap_or(u64::MAX),
        meant,
        since: filter.since.unwrap_or(i64::MIN),
        before: b'[',
    };
    let batches = stream::unfold(Some(cursor), move |cursor| {
        let part = cursor.map(|mut cursor| {
            let (mut out, before) = (Vec::new(), cursor.place);
            batch(&shared.lock(), &mut cursor, &mut out);
            let more = cursor.place > before && cursor.left > 0;
            if !more {
                cursor.close(&mut out);
            }
            (Ok::<_, std::convert::Infallible>(Bytes::from(out)), more.then_some(cursor))
        });
        std::future::ready(part)
    });
    ([(header::CONTENT_TYPE, "application/json")], Body::from_stream(batches)).into_response()
}
