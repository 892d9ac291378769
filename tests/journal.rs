//! The journal: its bytes, what is recovered of them, and what becomes of orders when the disk fails (P12, D1-D4).
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

#[path = "support/disk.rs"]
mod disk;

#[path = "journal/bytes.rs"]
mod bytes;
#[path = "journal/faults.rs"]
mod faults;
#[path = "journal/recovery.rs"]
mod recovery;

use schemas::ids::{ClientOrderId, Epoch, InstrumentPrefix, Leg};
use schemas::journal::{Evidence, Intent, LegName, Outcome, Record};
use schemas::order::{OrderStatus, PositionSide, Side, TimeInForce};
use schemas::tick::TradeKey;
use schemas::units::Decimal;
use self_trader::journal::Owner;

pub(crate) fn owner() -> Owner {
    Owner { instance: "main".into(), shard: 0, shards: 1, venues: vec!["simulated".into()] }
}

pub(crate) fn id(sequence: u64) -> ClientOrderId {
    ClientOrderId::new(InstrumentPrefix::new("main", "BTCUSDT"), Epoch::new(77), sequence, Leg::Maker)
}

/// The intent of pair `sequence`, decided on the reference trade of that number.
pub(crate) fn intent(sequence: u64) -> Record<'static> {
    Record::Intent(Intent {
        id: id(sequence),
        venue: "simulated".into(),
        symbol: "BTCUSDT".into(),
        epoch: 77,
        pair: sequence,
        leg: LegName::Maker,
        side: Side::Buy,
        price: Decimal::from_steps(6_500_012, 2),
        qty: Decimal::from_steps(120, 5),
        tif: TimeInForce::Gtx,
        position_side: PositionSide::None,
        key: "binance_ticker_BTCUSDT".into(),
        trade: Some(TradeKey::Number(1_000 + sequence)),
        time_ms: Some(50_000 + i64::try_from(sequence).unwrap()),
        venue_ms: 51_000,
        not_after_ms: 53_000,
    })
}

pub(crate) fn outcome(sequence: u64) -> Outcome {
    Outcome {
        id: id(sequence),
        evidence: Evidence::Venue,
        status: Some(OrderStatus::Filled),
        code: None,
        executed: Decimal::from_steps(120, 5),
        fills: vec![sequence],
        at_ms: 52_000,
    }
}
