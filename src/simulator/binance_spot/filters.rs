//! A symbol's filters: how they are listed, and which of them an order fails first.
//!
//! Prices are in ticks and quantities in lots; everything is compared exactly.

use schemas::order::Side;
use schemas::units::Decimal;
use serde_json::{Value, json};

use super::tickers::reference;
use crate::simulator::binance::error::ApiError;
use crate::simulator::binance::numbers::Fixed;
use crate::simulator::engine::{AMOUNT_DECIMALS, NewOrder, OrderKind};
use crate::simulator::profile::{
    NotionalForm, NotionalRule, PercentForm, PercentPrice, Range, SideMultipliers, SymbolRules,
};
use crate::simulator::state::{State, Symbol};

/// How often an order may be amended.
pub(super) const AMENDS_MAX: u32 = 10;

/// The first filter that an order fails, in the order in which they are listed.
pub(super) fn check(state: &State, new: &NewOrder) -> Result<(), ApiError> {
    let symbol = state.symbol(new.symbol);
    let rules = &symbol.rules;
    let is_limit = new.kind == OrderKind::Limit;
    if is_limit && !rules.price.allows(new.price) {
        return Err(ApiError::filter("PRICE_FILTER"));
    }
    if new.quote_qty.is_none() {
        qty(rules, is_limit, new.qty)?;
    }
    percent(state, symbol, new)?;
    notional(state, symbol, new)?;
    if state.engine().open_orders_of(new.account, new.symbol) >= rules.max_orders {
        return Err(ApiError::filter("MAX_NUM_ORDERS"));
    }
    position(state, symbol, new)
}

/// `LOT_SIZE`, and of MARKET orders `MARKET_LOT_SIZE`.
pub(super) fn qty(rules: &SymbolRules, is_limit: bool, qty: i64) -> Result<(), ApiError> {
    if !rules.lot.allows(qty) {
        return Err(ApiError::filter("LOT_SIZE"));
    }
    if !is_limit && !rules.market_lot.allows(qty) {
        return Err(ApiError::filter("MARKET_LOT_SIZE"));
    }
    Ok(())
}

fn percent(state: &State, symbol: &Symbol, new: &NewOrder) -> Result<(), ApiError> {
    let Some(rule) = symbol.rules.percent_price.as_ref().filter(|_| new.kind == OrderKind::Limit) else {
        return Ok(());
    };
    let Some(price) = reference(state, symbol.id, rule.avg_price_mins, new.now_ms) else { return Ok(()) };
    let SideMultipliers { bid_up, bid_down, ask_up, ask_down } = rule.bounds;
    let (up, down) = match new.side {
        Side::Buy => (bid_up, bid_down),
        Side::Sell => (ask_up, ask_down),
    };
    if against(new.price, up, price).is_le() && against(new.price, down, price).is_ge() {
        return Ok(());
    }
    Err(ApiError::filter(percent_name(rule.form)))
}

/// How a price compares with that many times another.
fn against(price: i64, times: Decimal, reference: i64) -> std::cmp::Ordering {
    let one = 10_i128.pow(times.scale());
    (i128::from(price) * one).cmp(&(i128::from(reference) * times.mantissa()))
}

fn notional(state: &State, symbol: &Symbol, new: &NewOrder) -> Result<(), ApiError> {
    let Some(rule) = &symbol.rules.notional else { return Ok(()) };
    let is_limit = new.kind == OrderKind::Limit;
    let amount = match (is_limit, new.quote_qty) {
        (true, _) => i128::from(new.price) * i128::from(new.qty),
        (false, Some(quote)) => quote,
        (false, None) => match reference(state, symbol.id, rule.avg_price_mins, new.now_ms) {
            Some(price) => i128::from(price) * i128::from(new.qty),
            None => return Ok(()),
        },
    };
    let amount = Decimal::from_steps(amount, symbol.spec.price_decimals + symbol.spec.qty_decimals);
    let too_small = (is_limit || rule.min_to_market) && amount < rule.min;
    let too_large = (is_limit || rule.max_to_market) && rule.max.is_some_and(|max| amount > max);
    if too_small || too_large { Err(ApiError::filter(notional_name(rule.form))) } else { Ok(()) }
}

/// What the account holds, what it bids for and what it wants to bid for, together.
fn position(state: &State, symbol: &Symbol, new: &NewOrder) -> Result<(), ApiError> {
    let Some(most) = symbol.rules.max_position.filter(|_| new.side == Side::Buy) else { return Ok(()) };
    let held = state.engine().balance(new.account, symbol.base);
    let finer = 10_i128.pow(u32::from(AMOUNT_DECIMALS - symbol.spec.qty_decimals));
    let held = (held.free + held.locked) / finer;
    let bids = state.engine().open_orders_of_account(new.account);
    let bids = bids.filter(|order| order.symbol == new.symbol && order.side == Side::Buy);
    let bid: i128 = bids.map(|order| i128::from(order.remaining())).sum();
    if held + bid + i128::from(new.qty) > i128::from(most) {
        return Err(ApiError::filter("MAX_POSITION"));
    }
    Ok(())
}

/// All of a symbol's filters, as exchangeInfo lists them.
pub(super) fn list(symbol: &Symbol) -> Vec<Value> {
    let rules = symbol.told();
    let mut filters = vec![
        json!({
            "filterType": "PRICE_FILTER",
            "minPrice": symbol.price(rules.price.min),
            "maxPrice": symbol.price(rules.price.max),
            "tickSize": symbol.price(rules.price.step),
        }),
        lot(symbol, "LOT_SIZE", &rules.lot),
        lot(symbol, "MARKET_LOT_SIZE", &rules.market_lot),
    ];
    filters.extend(rules.percent_price.as_ref().map(percent_view));
    filters.extend(rules.notional.as_ref().map(notional_view));
    filters.push(json!({"filterType": "MAX_NUM_ORDERS", "maxNumOrders": rules.max_orders}));
    filters.extend(
        rules
            .max_algo_orders
            .map(|most| json!({"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": most})),
    );
    filters.extend(
        rules.max_position.map(|most| json!({"filterType": "MAX_POSITION", "maxPosition": symbol.qty(most)})),
    );
    filters.push(json!({"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": AMENDS_MAX}));
    filters
}

fn lot(symbol: &Symbol, name: &str, range: &Range) -> Value {
    json!({
        "filterType": name,
        "minQty": symbol.qty(range.min),
        "maxQty": symbol.qty(range.max),
        "stepSize": symbol.qty(range.step),
    })
}

fn percent_view(rule: &PercentPrice) -> Value {
    let SideMultipliers { bid_up, bid_down, ask_up, ask_down } = rule.bounds;
    match rule.form {
        PercentForm::Both => json!({
            "filterType": percent_name(rule.form),
            "multiplierUp": bid_up.to_string(),
            "multiplierDown": bid_down.to_string(),
            "avgPriceMins": rule.avg_price_mins,
        }),
        PercentForm::BySide => json!({
            "filterType": percent_name(rule.form),
            "bidMultiplierUp": bid_up.to_string(),
            "bidMultiplierDown": bid_down.to_string(),
            "askMultiplierUp": ask_up.to_string(),
            "askMultiplierDown": ask_down.to_string(),
            "avgPriceMins": rule.avg_price_mins,
        }),
    }
}

fn notional_view(rule: &NotionalRule) -> Value {
    match rule.form {
        NotionalForm::Min => json!({
            "filterType": notional_name(rule.form),
            "minNotional": fixed(rule.min),
            "applyToMarket": rule.min_to_market,
            "avgPriceMins": rule.avg_price_mins,
        }),
        NotionalForm::MinMax => json!({
            "filterType": notional_name(rule.form),
            "minNotional": fixed(rule.min),
            "applyMinToMarket": rule.min_to_market,
            "maxNotional": rule.max.map_or(Fixed::ZERO, fixed),
            "applyMaxToMarket": rule.max_to_market,
            "avgPriceMins": rule.avg_price_mins,
        }),
    }
}

const fn percent_name(form: PercentForm) -> &'static str {
    match form {
        PercentForm::Both => "PERCENT_PRICE",
        PercentForm::BySide => "PERCENT_PRICE_BY_SIDE",
    }
}

const fn notional_name(form: NotionalForm) -> &'static str {
    match form {
        NotionalForm::Min => "MIN_NOTIONAL",
        NotionalForm::MinMax => "NOTIONAL",
    }
}

fn fixed(number: Decimal) -> Fixed {
    Fixed::new(number.mantissa(), u8::try_from(number.scale()).expect("a setting has few digits"))
}
