//! The drop copy of a whole process: quiet while the journal and the venue agree, loud where they do not.

use schemas::ids::{ClientOrderId, Leg};
use serde_json::json;

use crate::process::{RunProcess, VenueProcess, folder, instrument, request, request_by, until};
use crate::venue_client::hmac_hex;

/// Promise P13.
#[test]
fn an_order_that_no_journal_knows_is_told_and_until_then_nothing_is() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let config = json!({
        "Feed": "synthetic:11", "Journal": dir.path().join("journal"),
        "instruments": [instrument(venue.addr, "BTCUSDT")],
    });
    let mut run = RunProcess::start(dir.path(), "run", &config, &[]);
    run.wait_until_ready();
    until("it trades", || (venue.trades() > 10).then_some(()));
    let orders = venue.ledger("orders");
    let last = orders.as_array().unwrap().last().unwrap()["clientOrderId"].as_str().unwrap().to_owned();
    let last = ClientOrderId::parse(&last).unwrap();
    // Somebody has our key, our ids, and no journal.
    let id = ClientOrderId::new(last.prefix(), last.epoch(), last.sequence() + 1_000_000, Leg::Maker);
    let query = format!(
        "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.1&price=1&newClientOrderId={id}&timestamp={}",
        self_trader::clock::wall_ms()
    );
    let signature = hmac_hex("test-secret", &query);
    let (code, answer) = request_by(
        "test-key",
        venue.addr,
        "POST",
        &format!("/api/v3/order?{query}&signature={signature}"),
        "",
    );
    assert_eq!(code, 200, "{answer}");
    let page = || request(run.admin, "GET", "/metrics", "").1;
    until("it is told", || page().contains("st_drop_copy_differences{kind=\"no_intent\"} 1\n").then_some(()));
    for kind in ["no_outcome", "still_open", "never_existed", "executed"] {
        assert!(page().contains(&format!("st_drop_copy_differences{{kind=\"{kind}\"}} 0\n")), "{kind}");
    }
    run.stop();
    let told = run.process.out();
    let lines: Vec<&str> =
        told.lines().filter(|line| line.contains("the journal and the user stream differ")).collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains(id.as_str()));
}
