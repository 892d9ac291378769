//! The embedded venue's two dialects, from outside: over real sockets, as a client would.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

#[path = "support/venue_client.rs"]
mod client;
#[path = "venue/command.rs"]
mod command;
#[path = "venue/faults.rs"]
mod faults;
#[path = "venue/ledger.rs"]
mod ledger;
#[path = "venue/orders.rs"]
mod orders;
#[path = "venue/signing.rs"]
mod signing;
#[path = "venue/streams.rs"]
mod streams;
#[path = "venue/usdm/mod.rs"]
mod usdm;
