//! A venue's clock that goes wrong while trading.

use serde_json::{Value, json};

use crate::process::{RunProcess, VenueProcess, folder, instrument, request, until_within};

/// A clock is measured each 30 s.
const NOTICED_WITHIN: std::time::Duration = std::time::Duration::from_secs(60);

/// Promise P25.
/// Fault C1.
#[test]
fn a_clock_that_moves_by_more_than_a_second_shuts_the_gate_until_it_is_right_again() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let config = json!({ "Feed": "synthetic:9", "instruments": [instrument(venue.addr, "BTCUSDT")] });
    let mut run = RunProcess::start(dir.path(), "run", &config, &[]);
    run.wait_until_ready();
    venue.fault(&json!({ "fault": "skew_clock", "offset_ms": 1_500 }));
    until_within(NOTICED_WITHIN, "it is noticed", || {
        let (status, body) = request(run.admin, "GET", "/readyz", "");
        (status == 503 && body.contains("clock: BTCUSDT: ")).then_some(())
    });
    let skips =
        |run: &RunProcess| run.status()["instruments"][0]["skips"]["clock_unsure"].as_u64().unwrap_or(0);
    until_within(NOTICED_WITHIN, "ticks skip", || (skips(&run) > 5).then_some(()));
    let orders = || venue.ledger("totals")["orders"].clone();
    let (before, skipped): (Value, u64) = (orders(), skips(&run));
    until_within(NOTICED_WITHIN, "more ticks skip", || (skips(&run) > skipped + 10).then_some(()));
    assert_eq!(orders(), before, "no order leaves");
    venue.fault(&json!({ "fault": "skew_clock", "on": false }));
    run.wait_until_ready();
    let trades = venue.trades();
    until_within(NOTICED_WITHIN, "it trades again", || (venue.trades() > trades + 3).then_some(()));
    assert_eq!(run.stop().0.code(), Some(0));
}
