//! Positions as the dialect shows them. Only crossed margin; no liquidation, so no price of one.

use schemas::order::{PositionSide, Side};
use serde::Serialize;

use super::market::symbol_if_named;
use super::views::{NOUGHT, amount, in_steps, mark, notional, or_nought, quotient};
use crate::simulator::binance::numbers::Fixed;
use crate::simulator::binance::route::{Answer, Request, json};
use crate::simulator::engine::{AccountId, Position};
use crate::simulator::state::{State, Symbol};
use crate::simulator::symbols::Product;

/// Millionths of a position's value that must stay in the account.
pub(super) const MAINTENANCE_PPM: i128 = 4_000;
/// Digits after the point of an entry price.
const ENTRY_DIGITS: u8 = 8;
const WHOLE_PPM: i128 = 1_000_000;
/// The most that a position may be worth, as it is shown.
pub(super) const NOTIONAL_MAX: i64 = 1_000_000_000;

/// One position of an account, and what it comes to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held<'a> {
    pub(super) symbol: &'a Symbol,
    pub(super) side: PositionSide,
    pub(super) position: Position,
    pub(super) mark: Option<i64>,
    pub(super) taker_ppm: u32,
    /// In amount steps.
    pub(super) unrealised: i128,
    /// In amount steps.
    pub(super) margin: i128,
    /// In amount steps.
    pub(super) order_margin: i128,
    pub(super) leverage: u32,
    pub(super) updated_ms: i64,
}

/// The position sides that an account has by its mode.
pub(super) fn sides(state: &State, account: AccountId) -> &'static [PositionSide] {
    if state.engine().is_hedged(account) {
        &[PositionSide::Long, PositionSide::Short]
    } else {
        &[PositionSide::Both]
    }
}

/// All positions of an account on the symbols, empty ones too.
pub(super) fn of_account<'a>(
    state: &'a State,
    account: AccountId,
    symbols: impl Iterator<Item = &'a Symbol>,
) -> impl Iterator<Item = Held<'a>> {
    let sides = sides(state, account);
    symbols.flat_map(move |symbol| sides.iter().map(move |side| held(state, account, symbol, *side)))
}

/// One position of an account.
pub(super) fn held<'a>(
    state: &State,
    account: AccountId,
    symbol: &'a Symbol,
    side: PositionSide,
) -> Held<'a> {
    let (engine, id) = (state.engine(), symbol.id);
    Held {
        symbol,
        side,
        position: engine.position(account, id, side),
        mark: engine.mark(id),
        taker_ppm: engine.fees(id).1,
        unrealised: engine.unrealised_of(account, id, side),
        margin: engine.position_margin(account, id, side),
        order_margin: engine.order_margin(account, id, side),
        leverage: engine.leverage(account, id),
        updated_ms: state.usdm.position_changed_ms((account, id, side)),
    }
}

impl Held<'_> {
    /// Whether there is a position, or open orders that may make one.
    pub(super) const fn is_shown(&self) -> bool {
        self.position.qty != 0 || self.order_margin != 0
    }

    /// Its value at the mark price in tick-lots, below zero if short; at its cost while there is no mark price.
    fn value(&self) -> i128 {
        self.mark.map_or(self.position.cost, |mark| i128::from(mark) * i128::from(self.position.qty))
    }

    pub(super) fn amt(&self) -> Fixed {
        self.symbol.qty(self.position.qty)
    }

    pub(super) fn entry(&self) -> Fixed {
        quotient(self.symbol, self.position.cost, self.position.qty, ENTRY_DIGITS).trimmed(1)
    }

    /// The price at which closing it by a taker costs nothing.
    pub(super) fn break_even(&self) -> Fixed {
        let fee = self.position.cost.abs() * i128::from(self.taker_ppm) / WHOLE_PPM;
        quotient(self.symbol, self.position.cost + fee, self.position.qty, ENTRY_DIGITS).trimmed(1)
    }

    pub(super) fn notional(&self) -> Fixed {
        notional(self.symbol, self.value())
    }

    /// What of its value must stay in the account, in amount steps.
    pub(super) fn maintenance(&self) -> i128 {
        in_steps(self.symbol, self.value().abs()) / WHOLE_PPM * MAINTENANCE_PPM
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Risk<'a> {
    symbol: &'a str,
    position_side: &'static str,
    position_amt: Fixed,
    entry_price: Fixed,
    break_even_price: Fixed,
    mark_price: Fixed,
    un_realized_profit: Fixed,
    liquidation_price: Fixed,
    isolated_margin: Fixed,
    notional: Fixed,
    margin_asset: &'a str,
    isolated_wallet: Fixed,
    initial_margin: Fixed,
    maint_margin: Fixed,
    position_initial_margin: Fixed,
    open_order_initial_margin: Fixed,
    adl: u8,
    bid_notional: Fixed,
    ask_notional: Fixed,
    update_time: i64,
}

/// `positionRisk` v3: positions, and where open orders may make one.
pub(super) fn risk_v3(state: &mut State, request: &Request<'_>) -> Answer {
    let account = request.account();
    let all = asked(state, request)?;
    let risks: Vec<_> = of_account(state, account, all.into_iter())
        .filter(Held::is_shown)
        .map(|held| risk(state, account, &held))
        .collect();
    json(&risks)
}

fn asked<'a>(
    state: &'a State,
    request: &Request<'_>,
) -> Result<Vec<&'a Symbol>, crate::simulator::binance::error::ApiError> {
    Ok(match symbol_if_named(state, request)? {
        Some(symbol) => vec![symbol],
        None => state.symbols_of(Product::UsdM).collect(),
    })
}

fn risk<'a>(state: &State, account: AccountId, held: &Held<'a>) -> Risk<'a> {
    let [bid, ask] =
        [Side::Buy, Side::Sell].map(|side| notional(held.symbol, pending(state, account, held, side)));
    Risk {
        symbol: &held.symbol.spec.name,
        position_side: held.side.as_str(),
        position_amt: held.amt(),
        entry_price: held.entry(),
        break_even_price: held.break_even(),
        mark_price: mark(held.symbol, held.mark.unwrap_or(0)),
        un_realized_profit: amount(held.unrealised),
        liquidation_price: NOUGHT,
        isolated_margin: NOUGHT,
        notional: held.notional(),
        margin_asset: &held.symbol.spec.quote,
        isolated_wallet: NOUGHT,
        initial_margin: amount(held.margin + held.order_margin),
        maint_margin: amount(held.maintenance()),
        position_initial_margin: amount(held.margin),
        open_order_initial_margin: or_nought(amount(held.order_margin)),
        adl: u8::from(held.position.qty != 0),
        bid_notional: or_nought(bid),
        ask_notional: or_nought(ask),
        update_time: held.updated_ms,
    }
}

/// What the open orders of one side and position come to, in tick-lots.
pub(super) fn pending(state: &State, account: AccountId, held: &Held<'_>, side: Side) -> i128 {
    let own = state.engine().open_orders_of_account(account);
    own.filter(|order| order.symbol == held.symbol.id && order.position == held.side && order.side == side)
        .map(|order| i128::from(order.price) * i128::from(order.qty - order.filled - order.prevented))
        .sum()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OldRisk<'a> {
    symbol: &'a str,
    position_amt: Fixed,
    entry_price: Fixed,
    break_even_price: Fixed,
    mark_price: Fixed,
    un_realized_profit: Fixed,
    liquidation_price: Fixed,
    leverage: String,
    max_notional_value: String,
    margin_type: &'static str,
    isolated_margin: Fixed,
    is_auto_add_margin: &'static str,
    position_side: &'static str,
    notional: Fixed,
    isolated_wallet: Fixed,
    update_time: i64,
}

/// `positionRisk` v2: every symbol.
pub(super) fn risk_v2(state: &mut State, request: &Request<'_>) -> Answer {
    let all = asked(state, request)?;
    let risks: Vec<_> = of_account(state, request.account(), all.into_iter())
        .map(|held| OldRisk {
            symbol: &held.symbol.spec.name,
            position_amt: held.amt(),
            entry_price: held.entry(),
            break_even_price: held.break_even(),
            mark_price: mark(held.symbol, held.mark.unwrap_or(0)),
            un_realized_profit: amount(held.unrealised),
            liquidation_price: NOUGHT,
            leverage: held.leverage.to_string(),
            max_notional_value: NOTIONAL_MAX.to_string(),
            margin_type: "cross",
            isolated_margin: Fixed::ZERO,
            is_auto_add_margin: "false",
            position_side: held.side.as_str(),
            notional: held.notional(),
            isolated_wallet: NOUGHT,
            update_time: held.updated_ms,
        })
        .collect();
    json(&risks)
}
