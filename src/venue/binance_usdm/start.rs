//! What USD-M says before the first order, and what is settled with it: position mode, leverage.
//!
//! exchangeInfo says nothing of self-trade prevention here, so the venue is asked by an order that it only checks
//! (`order/test`): with NONE and, where that is refused, without.

use hyper::Method;
use schemas::units::{Decimal, Rounding};
use schemas::wire::binance::encode::{Account, Value};
use schemas::wire::binance_usdm::rest::{
    AccountConfig, SymbolInfo, read_account_config, read_exchange_info, read_mark_price,
};

use crate::venue::binance::rest::{BODY_MAX, EXCHANGE_INFO_MAX, RestClient, RestError, percent_encode};
use crate::venue::binance::start::{SymbolFacts, VenueFacts};

/// What is offered for something that has no price.
const UNPRICED: Decimal = Decimal::new(100, 0);

/// Reads what the venue says of itself, of these symbols and of the account. Symbols that do not exist are
/// missing from the answer. `venue_ms` tells the venue's time, anew for each question: there are several a symbol.
///
/// # Errors
/// [`RestError`].
pub async fn read_facts(
    rest: &RestClient,
    account: Account<'_>,
    symbols: &[&str],
    venue_ms: impl Fn() -> i64,
) -> Result<VenueFacts, RestError> {
    let settings = account_config(rest, account, venue_ms()).await?;
    let text = rest.get("/exchangeInfo", EXCHANGE_INFO_MAX).await?;
    let info = read_exchange_info(&text, symbols).map_err(RestError::Fault)?;
    let mut facts = VenueFacts { hedge_mode: Some(settings.dual_side_position), ..VenueFacts::default() };
    facts.add_limits(&info.rate_limits);
    for symbol in &info.symbols {
        let probe = Probe { rest, account, settings, venue_ms: &venue_ms };
        let of_symbol = probe.facts_of(symbol).await?;
        facts.symbols.insert(symbol.symbol.clone(), of_symbol);
    }
    Ok(facts)
}

/// Sets whether the account keeps long and short apart; a venue refuses it while anything is open.
///
/// # Errors
/// [`RestError`].
pub async fn set_hedge_mode(
    rest: &RestClient,
    account: Account<'_>,
    hedge: bool,
    timestamp_ms: i64,
) -> Result<(), RestError> {
    let params = [("dualSidePosition", Value::Flag(hedge)), ("timestamp", Value::Millis(timestamp_ms))];
    rest.signed(Method::POST, "/positionSide/dual", &params, account).await.map(drop)
}

/// Sets a symbol's leverage: what margin its positions take.
///
/// # Errors
/// [`RestError`].
pub async fn set_leverage(
    rest: &RestClient,
    account: Account<'_>,
    symbol: &str,
    leverage: u8,
    timestamp_ms: i64,
) -> Result<(), RestError> {
    let symbol = percent_encode(symbol);
    let params = [
        ("symbol", Value::Text(&symbol)),
        ("leverage", Value::Number(leverage.into())),
        ("timestamp", Value::Millis(timestamp_ms)),
    ];
    rest.signed(Method::POST, "/leverage", &params, account).await.map(drop)
}

async fn account_config(
    rest: &RestClient,
    account: Account<'_>,
    timestamp_ms: i64,
) -> Result<AccountConfig, RestError> {
    let params = [("timestamp", Value::Millis(timestamp_ms))];
    let text = rest.signed(Method::GET, "/accountConfig", &params, account).await?;
    read_account_config(&text).map_err(RestError::Fault)
}

/// Asks about one symbol after the other.
struct Probe<'a, C> {
    rest: &'a RestClient,
    account: Account<'a>,
    settings: AccountConfig,
    venue_ms: &'a C,
}

impl<C: Fn() -> i64> Probe<'_, C> {
    async fn facts_of(&self, info: &SymbolInfo) -> Result<SymbolFacts, RestError> {
        let trading = info.status == "TRADING" && self.settings.can_trade;
        // One that does not trade refuses every order.
        let none_allowed = !trading || self.allows_none(info).await?;
        Ok(SymbolFacts {
            tick: info.tick(),
            step: info.step(),
            min_qty: info.min_qty(),
            min_notional: info.min_notional(),
            none_allowed,
            default_stp: String::new(),
            allowed_stp: Vec::new(),
            account_requires_stp: false,
            trading,
        })
    }

    /// Whether an order may ask for self-trade prevention NONE: refused with it and taken without means no. One
    /// that is refused either way says nothing of it; the first pair that is prevented will. A refusal that waiting
    /// mends is no answer.
    async fn allows_none(&self, info: &SymbolInfo) -> Result<bool, RestError> {
        let Some((price, qty)) = self.small_order(info).await? else { return Ok(true) };
        let refused = match self.test(info, &price, &qty, true).await {
            Ok(()) => return Ok(true),
            Err(error) if error.is_refusal() => error,
            Err(error) => return Err(error),
        };
        match self.test(info, &price, &qty, false).await {
            Ok(()) => Ok(false),
            Err(error) if error.is_refusal() => {
                let symbol = &info.symbol;
                tracing::warn!(symbol, error = %refused, "the venue's self-trade prevention is not known");
                Ok(true)
            }
            Err(error) => Err(error),
        }
    }

    /// Price and quantity of the least order near the market, or near 100 where nothing has a price yet; `None`
    /// where the venue's numbers make none.
    async fn small_order(&self, info: &SymbolInfo) -> Result<Option<(String, String)>, RestError> {
        let path = format!("/premiumIndex?symbol={}", percent_encode(&info.symbol));
        let mark = read_mark_price(&self.rest.get(&path, BODY_MAX).await?).map_err(RestError::Fault)?;
        let near = if mark.is_positive() { mark } else { UNPRICED };
        Ok(least_order(near, info.tick(), info.step(), info.min_qty(), info.min_notional()))
    }

    async fn test(&self, info: &SymbolInfo, price: &str, qty: &str, none: bool) -> Result<(), RestError> {
        let symbol = percent_encode(&info.symbol);
        let mut params = vec![
            ("symbol", Value::Text(&symbol)),
            ("side", Value::Word("BUY")),
            ("type", Value::Word("LIMIT")),
            ("timeInForce", Value::Word("IOC")),
            ("quantity", Value::Word(qty)),
            ("price", Value::Word(price)),
            ("positionSide", Value::Word(if self.settings.dual_side_position { "LONG" } else { "BOTH" })),
        ];
        if none {
            params.push(("selfTradePreventionMode", Value::Word("NONE")));
        }
        params.push(("timestamp", Value::Millis((self.venue_ms)())));
        self.rest.signed(Method::POST, "/order/test", &params, self.account).await.map(drop)
    }
}

/// The price on the step below the mark price, and the least quantity on the step that is worth enough there.
fn least_order(
    mark: Decimal,
    tick: Decimal,
    step: Decimal,
    min_qty: Decimal,
    min_notional: Decimal,
) -> Option<(String, String)> {
    let (tick, step) = (unit(tick, 2)?, unit(step, 3)?);
    let price = mark.to_steps(tick.decimals, Rounding::Down)? / tick.steps * tick.steps;
    if price <= 0 {
        return None;
    }
    // One digit more than each of the two has, rounded up: more than enough, never too little.
    let decimals = u8::try_from(min_notional.decimals()).ok()?.max(tick.decimals + step.decimals);
    let wanted = min_notional.to_steps(decimals, Rounding::Up)?;
    let price_there =
        price.checked_mul(10_i128.checked_pow(u32::from(decimals - tick.decimals - step.decimals))?)?;
    let lots = wanted.checked_add(price_there - 1)? / price_there;
    let least = min_qty.to_steps(step.decimals, Rounding::Up)?.max(lots).max(1);
    let qty = least.checked_add(step.steps - 1)? / step.steps * step.steps;
    let text = |steps, decimals| Decimal::from_steps(steps, decimals).to_string();
    Some((text(price, tick.decimals), text(qty, step.decimals)))
}

/// A filter's step as a whole number of its last digit.
struct Unit {
    steps: i128,
    decimals: u8,
}

/// `None` where it is no step above zero; without a filter a step of so many digits.
fn unit(step: Decimal, digits: u8) -> Option<Unit> {
    if step.is_zero() {
        return Some(Unit { steps: 1, decimals: digits });
    }
    let decimals = u8::try_from(step.decimals()).ok()?;
    let steps = step.to_steps_exact(decimals).filter(|steps| *steps > 0)?;
    Some(Unit { steps, decimals })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_order_is_on_the_steps_and_worth_enough() {
        let number = |text: &str| Decimal::parse(text).unwrap();
        for (mark, tick, step, min_qty, min_notional, want) in [
            ("65000.17", "0.10", "0.001", "0.001", "100", Some(("65000.1", "0.002"))),
            ("0.017363", "0.00001", "1", "1", "5", Some(("0.01736", "289"))),
            ("100", "0.5", "0.25", "0", "1", Some(("100.0", "0.25"))),
            ("61.3", "0", "0", "0", "0", Some(("61.30", "0.001"))),
            ("0.004", "0.01", "1", "1", "5", None),
        ] {
            let got =
                least_order(number(mark), number(tick), number(step), number(min_qty), number(min_notional));
            let want = want.map(|(price, qty): (&str, &str)| (price.to_owned(), qty.to_owned()));
            assert_eq!(got, want, "{mark}");
        }
    }
}
