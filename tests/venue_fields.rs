//! Every kind of message that the venue sends, field by field, beside its recorded twin. The messages are provoked
//! through real sockets; what is compared are names and JSON types, at every depth. The result is the table of
//! docs/venue-fields.md: `UPDATE_GOLDEN=1` writes it, otherwise it must be the same. A field that a twin has and the
//! venue has not fails the test unless the list of what is left out on purpose gives the reason.
//!
//! Beside it: all recorded messages of kinds that the program reads are read. Both need ../shared/data.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stdout, reason = "says what was skipped")]

#[path = "support/venue_client.rs"]
#[expect(dead_code, reason = "shared with other tests, which use more of it")]
mod client;
#[path = "venue_fields/fields.rs"]
mod fields;
#[path = "venue_fields/left_out.rs"]
mod left_out;
#[path = "venue_fields/provoke.rs"]
mod provoke;
#[path = "venue_fields/reading.rs"]
mod reading;
#[path = "venue_fields/spot.rs"]
mod spot;
#[path = "venue_fields/table.rs"]
mod table;
#[path = "venue_fields/twins.rs"]
mod twins;
#[path = "venue_fields/usdm.rs"]
mod usdm;

use std::path::Path;

use client::Key;
use schemas::units::Decimal;
use self_trader::simulator::{self, AccountSpec, VenueOptions};

/// An account beside the test account.
const OTHER_KEY: Key = Key { key: "other-key", secret: "other-secret" };

#[tokio::test]
async fn every_message_has_the_fields_of_its_recorded_twin() {
    if !twins::there() {
        return;
    }
    let mut options = VenueOptions::default();
    options.accounts.push(AccountSpec::new(OTHER_KEY.key, OTHER_KEY.secret));
    for symbol in &mut options.symbols {
        symbol.start_price = Some(Decimal::parse("64000").unwrap());
    }
    let venue = simulator::start(options).unwrap();
    let mut rows = spot::all(venue.addr()).await;
    rows.extend(usdm::all(venue.addr()).await);
    let text = table::render(&rows);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/venue-fields.md");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let faults = table::faults(&rows);
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "docs/venue-fields.md is not what the venue sends; UPDATE_GOLDEN=1 writes it anew");
}
