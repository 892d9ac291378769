//! The trades of a venue that keeps a ledger, page by page.

use std::collections::HashSet;

use serde_json::Value;

use super::join::VenueTrade;
use crate::venue::binance::rest::{RestClient, RestError};

/// Trades of a page: some 6 MB.
const PAGE_LEN: usize = 20_000;
/// The largest page that is asked for, where one millisecond has more trades than a page.
const PAGE_LEN_MAX: usize = 160_000;

/// Hands each trade since a moment (milliseconds since the epoch) to `each`, oldest first.
///
/// # Errors
/// [`RestError`] where the venue does not answer or keeps no ledger.
pub async fn each_since(
    client: &RestClient,
    since_ms: i64,
    mut each: impl FnMut(VenueTrade),
) -> Result<(), RestError> {
    let (mut since, mut limit) = (since_ms, PAGE_LEN);
    // Pages overlap in the millisecond in which one ends and the next begins.
    let mut seen: HashSet<(String, u64)> = HashSet::new();
    loop {
        let page = client.ledger(&format!("trades?since={since}&limit={limit}")).await?;
        let trades = read(page);
        let full = trades.len() >= limit;
        let last = trades.last().map_or(since, |trade| trade.time);
        for trade in trades {
            let name = (trade.symbol.clone(), trade.id);
            if !seen.contains(&name) {
                if trade.time == last {
                    seen.insert(name);
                }
                each(trade);
            }
        }
        if !full || limit > PAGE_LEN_MAX {
            return Ok(());
        }
        if last == since {
            limit *= 2;
        } else {
            (since, limit) = (last, PAGE_LEN);
        }
    }
}

/// What of a page are trades: each is read on its own, so that one of another form hides none.
fn read(page: Value) -> Vec<VenueTrade> {
    let Value::Array(trades) = page else { return Vec::new() };
    trades.into_iter().filter_map(|trade| serde_json::from_value(trade).ok()).collect()
}
