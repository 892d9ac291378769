//! What every account holds, of both products.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State as Extract};
use axum::response::{IntoResponse, Response};
use schemas::order::PositionSide;
use serde_json::{Value, json};

use super::{Filter, Meant, bad_query};
use crate::simulator::binance::numbers::Fixed;
use crate::simulator::binance_spot::balances;
use crate::simulator::engine::{AMOUNT_DECIMALS, AccountId, AssetId, Position};
use crate::simulator::server::Shared;
use crate::simulator::state::{State, Symbol};
use crate::simulator::symbols::Product;

/// Digits that an average entry price has beyond the symbol's.
const ENTRY_DECIMALS: u8 = 8;

/// `GET /venue/accounts`.
pub(super) async fn accounts(Extract(shared): Extract<Arc<Shared>>) -> Response {
    let state = shared.lock();
    let accounts = state.engine().accounts().zip(&state.accounts).map(|(id, account)| {
        json!({
            "uid": 100_001 + id.index(),
            "apiKey": account.key,
            "updateTime": account.updated_ms,
            "balances": balances(&state, id).collect::<Vec<_>>(),
            "hedgeMode": state.engine().is_hedged(id),
            "wallets": wallets(&state, id),
            "positions": positions_of(&state, id, None),
        })
    });
    Json(accounts.collect::<Vec<_>>()).into_response()
}

/// `GET /venue/positions`: those that are not flat, or were not always.
pub(super) async fn positions(
    Extract(shared): Extract<Arc<Shared>>,
    Query(filter): Query<Filter>,
) -> Response {
    let state = shared.lock();
    let Some(meant) = Meant::read(&state, filter.product, filter.symbol.as_deref()) else {
        return bad_query("symbol: not listed");
    };
    let positions = state.engine().accounts().flat_map(|id| positions_of(&state, id, Some(meant)));
    Json(positions.collect::<Vec<_>>()).into_response()
}

/// The account's USD-M margin assets.
fn wallets(state: &State, account: AccountId) -> Vec<Value> {
    let assets: BTreeSet<AssetId> = state.symbols_of(Product::UsdM).map(|symbol| symbol.quote).collect();
    let engine = state.engine();
    let wallet = |id: AssetId| {
        let balance = engine.balance(account, id);
        json!({
            "asset": state.asset(id).name,
            "walletBalance": amount(balance.free + balance.locked),
            "unrealizedProfit": amount(engine.unrealised(account, id)),
            "availableBalance": amount(engine.available(account, id)),
        })
    };
    assets.into_iter().map(wallet).collect()
}

fn positions_of(state: &State, account: AccountId, meant: Option<Meant>) -> Vec<Value> {
    let meant = |symbol: &&Symbol| meant.is_none_or(|meant| meant.is(symbol));
    let sides = [PositionSide::Both, PositionSide::Long, PositionSide::Short];
    let mut told = Vec::new();
    for symbol in state.symbols_of(Product::UsdM).filter(meant) {
        for side in sides {
            let position = state.engine().position(account, symbol.id, side);
            if position != Position::default() {
                told.push(view(state, account, symbol, side, &position));
            }
        }
    }
    told
}

fn view(
    state: &State,
    account: AccountId,
    symbol: &Symbol,
    side: PositionSide,
    position: &Position,
) -> Value {
    let engine = state.engine();
    json!({
        "apiKey": state.accounts[account.index()].key,
        "symbol": symbol.spec.name,
        "positionSide": side,
        "positionAmt": symbol.qty(position.qty),
        "entryPrice": entry_price(symbol, position),
        "markPrice": engine.mark(symbol.id).map(|ticks| symbol.price(ticks)),
        "unRealizedProfit": amount(engine.unrealised_of(account, symbol.id, side)),
        "realizedProfit": amount(position.realised),
        "leverage": engine.leverage(account, symbol.id),
    })
}

fn entry_price(symbol: &Symbol, position: &Position) -> Fixed {
    let scale = 10_i128.pow(ENTRY_DECIMALS.into());
    // Cost has the sign of the quantity: the quotient is a price.
    let steps = position.cost.checked_mul(scale).and_then(|cost| cost.checked_div(position.qty.into()));
    Fixed::exact(steps.unwrap_or_default(), symbol.spec.price_decimals + ENTRY_DECIMALS)
}

fn amount(steps: i128) -> Fixed {
    Fixed::exact(steps, AMOUNT_DECIMALS)
}
