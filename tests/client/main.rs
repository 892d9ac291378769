//! The client's sockets (book connection, REST, WS API) against a venue that does what it is told.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod book;
mod orders;
mod rest;
#[path = "../support/scripted_venue.rs"]
mod scripted_venue;
mod start;
mod usdm;

/// Waits for a condition, with a deadline.
async fn until(what: &str, condition: impl Fn() -> bool) {
    let wait = async {
        let mut looks = tokio::time::interval(std::time::Duration::from_millis(2));
        while !condition() {
            looks.tick().await;
        }
    };
    assert!(tokio::time::timeout(scripted_venue::PATIENCE, wait).await.is_ok(), "never happened: {what}");
}
