//! What became of an order, in the journal's words.

use pipeline::leg::{End, Leg};
use schemas::journal::{Evidence, Outcome};

/// The outcome of an order that ended that way.
#[must_use]
pub fn outcome(leg: &Leg, end: End, at_ms: i64) -> Outcome {
    let (evidence, status, code) = match end {
        End::Final(status) => (Evidence::Venue, Some(status), None),
        End::Refused(code) => (Evidence::Refused, None, Some(code)),
        End::Denied(_) => (Evidence::DeniedLocally, None, None),
        End::NeverArrived => (Evidence::NotFound, None, None),
        End::Gone => (Evidence::Gone, None, None),
    };
    let fills = leg.fills().iter().map(|fill| fill.trade_id).collect();
    Outcome { id: leg.id, evidence, status, code, executed: leg.executed(), fills, at_ms }
}
