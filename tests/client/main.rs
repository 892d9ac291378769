//! The client's sockets (book connection, REST, WS API) against a venue that does what it is told.

mod book;
mod rest;
#[path = "../support/scripted_venue.rs"]
mod scripted_venue;
