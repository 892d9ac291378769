//! The embedded venue's Binance Spot dialect, from outside: over real sockets, as a client would.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

#[path = "support/venue_client.rs"]
mod client;
#[path = "venue/command.rs"]
mod command;
#[path = "venue/faults.rs"]
mod faults;
#[path = "venue/kinds.rs"]
mod kinds;
#[path = "venue/ledger.rs"]
mod ledger;
#[path = "venue/orders.rs"]
mod orders;
#[path = "venue/refusals.rs"]
mod refusals;
#[path = "venue/signing.rs"]
mod signing;
#[path = "venue/streams.rs"]
mod streams;
