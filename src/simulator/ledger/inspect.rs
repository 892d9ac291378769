//! The venue's own books of account, for tests and for those who run it: `/venue/*`.
//!
//! `orders` and `trades` are arrays with the dialect's field names, oldest first: `?symbol=` one symbol, `&since=`
//! what changed (orders) or happened (trades) at that millisecond or later, `&limit=` at most so many. The last
//! million of each is kept, all of it is told unless `limit` says less. `totals` counts exactly, from the start.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State as Extract};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::history::{OrderRecord, TradeRecord};
use crate::simulator::binance::OrderLimit;
use crate::simulator::binance_spot::{PublicTrade, balances, order_view};
use crate::simulator::engine::SymbolId;
use crate::simulator::server::Shared;
use crate::simulator::state::{State, Symbol};
use crate::simulator::symbols::Product;

/// Records written while the lock is held once: trading goes on between two batches.
const BATCH: usize = 1_000;

/// What a list is asked for.
#[derive(Clone, Debug, Deserialize)]
pub(in crate::simulator) struct Filter {
    symbol: Option<String>,
    since: Option<i64>,
    limit: Option<u64>,
}

/// `GET /venue/orders`.
pub(in crate::simulator) async fn orders(shared: Extract<Arc<Shared>>, filter: Query<Filter>) -> Response {
    list(shared.0, filter.0, |state, cursor, out| {
        let meant = cursor.meant();
        for (place, record) in state.history.orders_from(cursor.place).take(BATCH) {
            cursor.place = place;
            let OrderRecord { order, updated_ms } = record;
            if meant(order.symbol, *updated_ms) {
                cursor.write(out, &order_view(state.symbol(order.symbol), record));
            }
        }
    })
}

/// `GET /venue/trades`.
pub(in crate::simulator) async fn trades(shared: Extract<Arc<Shared>>, filter: Query<Filter>) -> Response {
    list(shared.0, filter.0, |state, cursor, out| {
        let meant = cursor.meant();
        for (place, trade) in state.history.trades_from(cursor.place).take(BATCH) {
            cursor.place = place;
            if meant(trade.symbol, trade.time_ms) {
                cursor.write(out, &TradeView::new(state.symbol(trade.symbol), trade));
            }
        }
    })
}

/// A trade with both its legs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TradeView<'a> {
    symbol: &'a str,
    #[serde(flatten)]
    public: PublicTrade,
    maker_order_id: u64,
    taker_order_id: u64,
    maker_client_order_id: &'a str,
    taker_client_order_id: &'a str,
}

impl<'a> TradeView<'a> {
    fn new(symbol: &'a Symbol, trade: &'a TradeRecord) -> Self {
        Self {
            symbol: &symbol.spec.name,
            public: PublicTrade::new(symbol, trade),
            maker_order_id: trade.maker.order.0,
            taker_order_id: trade.taker.order.0,
            maker_client_order_id: trade.maker.client.as_str(),
            taker_client_order_id: trade.taker.client.as_str(),
        }
    }
}

/// `GET /venue/accounts`.
pub(in crate::simulator) async fn accounts(Extract(shared): Extract<Arc<Shared>>) -> Response {
    let state = shared.lock();
    let accounts = state.engine().accounts().zip(&state.accounts).map(|(id, account)| {
        json!({
            "uid": 100_001 + id.index(),
            "apiKey": account.key,
            "updateTime": account.updated_ms,
            "balances": balances(&state, id).collect::<Vec<_>>(),
        })
    });
    Json(accounts.collect::<Vec<_>>()).into_response()
}

/// `GET /venue/totals`.
pub(in crate::simulator) async fn totals(Extract(shared): Extract<Arc<Shared>>) -> Json<Value> {
    let state = shared.lock();
    let totals = state.history.totals;
    let orders = || state.accounts.iter().flat_map(|account| &account.orders);
    let symbols: serde_json::Map<_, _> = state
        .symbols
        .iter()
        .map(|symbol| {
            let volume = state.history.volume(symbol.id);
            let told = json!({
                "trades": volume.trades,
                "volume": symbol.base_amount(volume.qty),
                "quoteVolume": symbol.quote(volume.quote),
            });
            (symbol.spec.name.clone(), told)
        })
        .collect();
    Json(json!({
        "orders": totals.orders,
        "rejected": totals.rejected,
        "trades": totals.trades,
        "cancels": totals.cancels,
        "expired": totals.expired,
        "prevented": totals.prevented,
        "open_orders": state.engine().open_order_count(),
        "weight_peak": state.addresses.peak(),
        "weight_refused": state.addresses.refused(),
        "orders_peak": orders().map(OrderLimit::peak).max(),
        "orders_refused": orders().map(OrderLimit::refused).sum::<u64>(),
        "symbols": symbols,
    }))
}

/// `GET /venue/stamps`: lines of client order id and nanoseconds since the epoch; not found if stamps are off.
pub(in crate::simulator) async fn stamps(Extract(shared): Extract<Arc<Shared>>) -> Response {
    if shared.stamps {
        shared.lock().stamp_lines().into_response()
    } else {
        StatusCode::NOT_FOUND.into_response()
    }
}

fn bad_fault(what: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"code": -1100, "msg": what}))).into_response()
}

/// How far a list has been told.
struct Cursor {
    place: u64,
    left: u64,
    symbol: Option<SymbolId>,
    since: i64,
    /// What stands before the next record: the bracket that opens the array, then commas.
    before: u8,
}

impl Cursor {
    fn meant(&self) -> impl Fn(SymbolId, i64) -> bool + use<> {
        let (symbol, since) = (self.symbol, self.since);
        move |own, time_ms| symbol.is_none_or(|symbol| symbol == own) && time_ms >= since
    }

    /// Writes a record, unless that would be one too many.
    fn write(&mut self, out: &mut Vec<u8>, record: &impl Serialize) {
        if self.left > 0 {
            self.left -= 1;
            out.push(self.before);
            self.before = b',';
            serde_json::to_writer(out, record).expect("views serialise");
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
    let symbol = match &filter.symbol {
        None => None,
        Some(name) => match shared.lock().symbol_named(Product::Spot, name) {
            Some(symbol) => Some(symbol),
            None => return bad_fault("symbol: not listed"),
        },
    };
    let cursor = Cursor {
        place: 0,
        left: filter.limit.unwrap_or(u64::MAX),
        symbol,
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
