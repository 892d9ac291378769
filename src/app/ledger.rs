//! What a venue that keeps a ledger says it has traded, before and after the run.

use crate::venue::binance::rest::RestClient;
use crate::venue::guard::Target;

/// A venue's count of trades when the run began.
#[derive(Clone, Debug)]
pub(super) struct Ledger {
    target: Target,
    trades_before: u64,
}

impl Ledger {
    /// Reads the count now; `None` where the venue keeps no ledger.
    pub(super) async fn open(target: Target) -> Option<Self> {
        let trades_before = trades(&target).await?;
        Some(Self { target, trades_before })
    }
}

/// Trades of all the venues since the run began; `None` where one of them does not say.
pub(super) async fn trades_since(ledgers: &[Option<Ledger>]) -> Option<u64> {
    let mut all = 0;
    for ledger in ledgers {
        let ledger = ledger.as_ref()?;
        all += trades(&ledger.target).await?.saturating_sub(ledger.trades_before);
    }
    (!ledgers.is_empty()).then_some(all)
}

async fn trades(target: &Target) -> Option<u64> {
    let totals = RestClient::new(target.clone()).ledger("totals").await.ok()?;
    totals.get("trades")?.as_u64()
}
