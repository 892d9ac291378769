//! self-trader makes a test market live: it follows a reference market's trades and re-creates them on a
//! sandbox venue as matched pairs of its own orders.
//!
//! One trade's way: [`feed`] decodes bytes into a tick -> its [`lane`] -> `pipeline` (quote -> normalise ->
//! trade -> cancel) -> the [`venue`]'s gateway -> the venue, whose book comes back through [`book`].

pub mod admin;
pub mod app;
pub mod assign;
pub mod book;
pub mod cli;
pub mod clock;
pub mod config;
pub mod drain;
pub mod failpoint;
pub mod feed;
pub mod halt;
pub mod hardening;
pub mod journal;
pub mod labels;
pub mod lane;
pub mod ownership;
pub mod publish;
pub mod reaper;
pub mod secret;
pub mod simulator;
pub mod start;
pub mod status;
pub mod telemetry;
pub mod venue;
pub mod vital;
