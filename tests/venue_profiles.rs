//! What a venue is like: profiles from files and from recordings, TLS, and the crowd.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says why")]

#[path = "support/venue_client.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod client;
#[path = "venue_profiles/crowd.rs"]
mod crowd;
#[path = "venue_profiles/crowd_shape.rs"]
mod crowd_shape;
#[path = "venue_profiles/import.rs"]
mod import;
#[path = "venue_profiles/profile.rs"]
mod profile;
#[path = "venue_profiles/tls.rs"]
mod tls;
