//! What became of an order, in the journal's words.

use pipeline::close_out::Closed;
use pipeline::leg::{End, Leg};
use schemas::ids::ClientOrderId;
use schemas::journal::{Evidence, Outcome};
use schemas::units::Decimal;

/// The outcome of a leg that ended.
#[must_use]
pub fn outcome(leg: &Leg, end: End, at_ms: i64) -> Outcome {
    let (evidence, status, code) = match end {
        End::Final(status) => (Evidence::Venue, Some(status), None),
        End::Refused(code) => (Evidence::Refused, None, Some(code)),
        End::Denied(_) => (Evidence::DeniedLocally, None, None),
        End::NeverArrived => (Evidence::NotFound, None, None),
        End::Gone => (Evidence::Gone, None, None),
    };
    let fills = leg.fills.iter().map(|fill| fill.trade_id).collect();
    Outcome { id: leg.id, evidence, status, code, executed: leg.executed, fills, at_ms }
}

/// The outcome of an order that an earlier run left in doubt.
#[must_use]
pub fn closed(id: ClientOrderId, end: Closed, at_ms: i64) -> Outcome {
    let (evidence, status, executed) = match end {
        Closed::Final(status, executed) => (Evidence::Venue, Some(status), executed),
        Closed::NotFound => (Evidence::NotFound, None, Decimal::ZERO),
    };
    Outcome { id, evidence, status, code: None, executed, fills: Vec::new(), at_ms }
}
