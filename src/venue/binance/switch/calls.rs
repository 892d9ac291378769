//! What is said to a venue to keep its switch.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use hyper::Method;
use schemas::ids::InstrumentPrefix;
use schemas::wire::binance::encode::Value;
use schemas::wire::binance::order::OrderAnswer;
use tokio::time::timeout;

use super::BY_PREFIX;
use crate::clock::Clock;
use crate::venue::binance::account::AccountKey;
use crate::venue::binance::rest::{RestClient, RestError, percent_encode};
use crate::venue::guard::Target;

/// An answer that takes longer than a renewal's window and a way back proves too little to wait for.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// The code of an operation that a venue does not have.
const UNSUPPORTED: i64 = -1020;

/// What came of a renewal.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The venue took it in.
    Renewed,
    /// Others' orders rest there: the switch is off.
    Shared {
        /// How many.
        others: usize,
    },
    /// It was refused, or nothing came back: why, in words without secrets.
    Failed(String),
    /// The venue has no such switch.
    NoSuchCall,
}

/// One account's way to the venue.
#[derive(Debug)]
pub(super) struct Calls {
    rest: RestClient,
    account: AccountKey,
    clock_offset_ms: Arc<AtomicI64>,
    clock: Clock,
}

impl Calls {
    pub(super) const fn new(
        target: Target,
        account: AccountKey,
        clock_offset_ms: Arc<AtomicI64>,
        clock: Clock,
    ) -> Self {
        Self { rest: RestClient::new(target), account, clock_offset_ms, clock }
    }

    /// Renews the switch that guards orders with these prefixes.
    pub(super) async fn by_prefix(&self, prefixes: &[InstrumentPrefix], countdown: Duration) -> Outcome {
        let prefixes: Vec<&str> = prefixes.iter().map(InstrumentPrefix::as_str).collect();
        let prefixes = prefixes.join(",");
        let params =
            [("prefixes", Value::Text(&prefixes)), ("countdownTime", Value::Number(millis(countdown)))];
        Outcome::of(self.post("/countdownCancelPrefix", &params).await)
    }

    /// Renews the switch that guards all orders on a symbol, if all of them are this instrument's; else switches it
    /// off.
    pub(super) async fn by_symbol(
        &self,
        symbol: &str,
        prefix: InstrumentPrefix,
        countdown: Duration,
    ) -> Outcome {
        let others = match self.others(symbol, prefix).await {
            Ok(others) => others,
            Err(error) => return Outcome::Failed(error.to_string()),
        };
        let countdown = if others == 0 { millis(countdown) } else { 0 };
        let encoded = percent_encode(symbol);
        let params = [("symbol", Value::Text(&encoded)), ("countdownTime", Value::Number(countdown))];
        let outcome = Outcome::of(self.post("/countdownCancelAll", &params).await);
        if others > 0 && matches!(outcome, Outcome::Renewed) { Outcome::Shared { others } } else { outcome }
    }

    /// How many orders rest on a symbol that are not this instrument's.
    async fn others(&self, symbol: &str, prefix: InstrumentPrefix) -> Result<usize, RestError> {
        let encoded = percent_encode(symbol);
        let mut params = vec![("symbol", Value::Text(&encoded))];
        params.extend(self.stamp());
        let asked = self.rest.signed(Method::GET, "/openOrders", &params, self.account.account());
        let text = timeout(PATIENCE, asked).await.unwrap_or_else(|_| Err(RestError::too_late()))?;
        let orders = OrderAnswer::read_list(&text).map_err(RestError::Fault)?;
        Ok(orders.iter().filter(|order| !prefix.owns(order.client_id_text())).count())
    }

    async fn post(&self, path: &str, params: &[(&'static str, Value<'_>)]) -> Result<String, RestError> {
        let params: Vec<_> = params.iter().copied().chain(self.stamp()).collect();
        let asked = self.rest.signed(Method::POST, path, &params, self.account.account());
        timeout(PATIENCE, asked).await.unwrap_or_else(|_| Err(RestError::too_late()))
    }

    /// The window is what makes a renewal that was held up harmless: the venue refuses it.
    fn stamp(&self) -> [(&'static str, Value<'static>); 2] {
        let venue_ms = self.clock.now().wall_ms + self.clock_offset_ms.load(Ordering::Relaxed);
        [("recvWindow", Value::Number(millis(BY_PREFIX.window))), ("timestamp", Value::Millis(venue_ms))]
    }
}

impl Outcome {
    fn of(answered: Result<String, RestError>) -> Self {
        match answered {
            Ok(_) => Self::Renewed,
            Err(RestError::Api { error, .. }) if error.status == 404 || error.code == UNSUPPORTED => {
                Self::NoSuchCall
            }
            Err(error) => Self::Failed(error.to_string()),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
