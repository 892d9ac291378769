//! What the journal is told of requests that are about to leave.

use pipeline::command::{Command, PlaceLeg};
use schemas::ids::Leg;
use schemas::journal::{Cancel, Intent, Record};
use schemas::order::TimeInForce;

use super::gateway::GatewayLane;
use crate::journal::Journal;

/// Notes a place or a cancel; questions change nothing at the venue.
pub(super) fn note(journal: &Journal, command: &Command, lane: &GatewayLane, window_ms: u32, venue_ms: i64) {
    match command {
        Command::PlaceMaker(leg) | Command::PlaceTaker(leg) => {
            journal.note(|| Record::Intent(intent(leg, lane, window_ms, venue_ms)));
        }
        Command::Cancel(handle) => journal.note(|| Record::Cancel(Cancel { id: handle.id, venue_ms })),
        Command::Query(_) | Command::ListOpen => {}
    }
}

fn intent<'a>(leg: &PlaceLeg, lane: &'a GatewayLane, window_ms: u32, venue_ms: i64) -> Intent<'a> {
    let kind = leg.id.leg();
    Intent {
        id: leg.id,
        venue: lane.venue.into(),
        symbol: lane.symbol.as_str().into(),
        epoch: leg.id.epoch().number(),
        pair: leg.id.sequence(),
        leg: kind.into(),
        side: leg.side,
        price: leg.price.decimal(lane.price_decimals),
        qty: leg.qty.decimal(leg.qty_decimals),
        tif: if kind == Leg::Maker { TimeInForce::Gtx } else { TimeInForce::Ioc },
        position_side: leg.position_side,
        key: lane.follow_key.as_str().into(),
        trade: leg.cause.trade,
        time_ms: leg.cause.time_ms,
        venue_ms,
        not_after_ms: venue_ms.saturating_add(i64::from(window_ms)),
    }
}
