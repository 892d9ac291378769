//! The client's sockets (book connection, REST, WS API) against a venue that does what it is told.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod book;
mod orders;
mod rest;
#[path = "../support/scripted_venue.rs"]
mod scripted_venue;
mod start;
mod usdm;
