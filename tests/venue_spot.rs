//! The embedded venue's two dialects, from outside: over real sockets, as a client would.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

#[path = "venue/candles.rs"]
mod candles;
#[path = "support/venue_client.rs"]
mod client;
#[path = "venue/command.rs"]
mod command;
#[path = "venue/faults.rs"]
mod faults;
#[path = "venue/faults_connections.rs"]
mod faults_connections;
#[path = "venue/faults_requests.rs"]
mod faults_requests;
#[path = "venue/faults_support.rs"]
mod faults_support;
#[path = "venue/faults_venue.rs"]
mod faults_venue;
#[path = "venue/kinds.rs"]
mod kinds;
#[path = "venue/ledger.rs"]
mod ledger;
#[path = "venue/limits.rs"]
mod limits;
#[path = "venue/orders.rs"]
mod orders;
#[path = "venue/owners.rs"]
mod owners;
#[path = "venue/prefix_switch.rs"]
mod prefix_switch;
#[path = "venue/refusals.rs"]
mod refusals;
#[path = "venue/sessions.rs"]
mod sessions;
#[path = "venue/signing.rs"]
mod signing;
#[path = "venue/streams.rs"]
mod streams;
#[path = "venue/usdm/mod.rs"]
mod usdm;
