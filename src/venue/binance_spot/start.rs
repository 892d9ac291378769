//! What Spot says before the first order.

use hyper::Method;
use schemas::wire::binance::api_error::ErrorClass;
use schemas::wire::binance::encode::{Account, Value};
use schemas::wire::binance_spot::rest::{
    AccountInfo, ExchangeInfo, SymbolInfo, read_account, read_exchange_info,
};

use crate::venue::binance::rest::{EXCHANGE_INFO_MAX, RestClient, RestError, percent_encode};
use crate::venue::binance::start::{SymbolFacts, VenueFacts};

/// Symbols that one question names; more of them make an address too long.
const SYMBOLS_PER_QUESTION: usize = 100;

/// Reads what the venue says of itself, of these symbols and of the account. Symbols that do not exist are
/// missing from the answer. `timestamp_ms` is the venue's time.
///
/// # Errors
/// [`RestError`].
pub async fn read_facts(
    rest: &RestClient,
    account: Account<'_>,
    symbols: &[&str],
    timestamp_ms: i64,
) -> Result<VenueFacts, RestError> {
    let rights = account_info(rest, account, timestamp_ms).await?;
    let mut facts = VenueFacts::default();
    for chunk in symbols.chunks(SYMBOLS_PER_QUESTION) {
        let info = exchange_info(rest, chunk).await?;
        facts.add_limits(&info.rate_limits);
        for symbol in info.symbols.iter().filter(|symbol| chunk.contains(&symbol.symbol.as_str())) {
            let mut of_symbol = symbol_facts(symbol, rights.require_self_trade_prevention);
            of_symbol.trading &= rights.can_trade;
            facts.symbols.insert(symbol.symbol.clone(), of_symbol);
        }
    }
    Ok(facts)
}

/// One symbol that does not exist fails a question that names it; the list of all then tells the rest.
async fn exchange_info(rest: &RestClient, symbols: &[&str]) -> Result<ExchangeInfo, RestError> {
    match ask_exchange_info(rest, symbols).await {
        Err(RestError::Api { error, .. }) if error.class() == ErrorClass::NoSuchSymbol => {
            ask_exchange_info(rest, &[]).await
        }
        other => other,
    }
}

/// A symbol that does not exist fails the whole question; without symbols it is about all there are.
async fn ask_exchange_info(rest: &RestClient, symbols: &[&str]) -> Result<ExchangeInfo, RestError> {
    let mut path = "/exchangeInfo".to_owned();
    if !symbols.is_empty() {
        path.push_str("?symbols=");
        path.push_str(&percent_encode(&format!("[\"{}\"]", symbols.join("\",\""))));
    }
    read_exchange_info(&rest.get(&path, EXCHANGE_INFO_MAX).await?).map_err(RestError::Fault)
}

/// What the account may do.
async fn account_info(
    rest: &RestClient,
    account: Account<'_>,
    timestamp_ms: i64,
) -> Result<AccountInfo, RestError> {
    let params = [("omitZeroBalances", Value::Flag(true)), ("timestamp", Value::Millis(timestamp_ms))];
    let text = rest.signed(Method::GET, "/account", &params, account).await?;
    read_account(&text).map_err(RestError::Fault)
}

fn symbol_facts(info: &SymbolInfo, account_requires_stp: bool) -> SymbolFacts {
    let allowed_stp = info.allowed_self_trade_prevention_modes.clone();
    SymbolFacts {
        tick: info.tick(),
        step: info.step(),
        min_qty: info.min_qty(),
        min_notional: info.min_notional(),
        none_allowed: !account_requires_stp && allowed_stp.iter().any(|mode| mode == "NONE"),
        default_stp: info.default_self_trade_prevention_mode.clone(),
        allowed_stp,
        account_requires_stp,
        trading: info.status == "TRADING",
    }
}
