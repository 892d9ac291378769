//! What the venue remembers and tells those who run it: orders, trades, totals, `/venue/*`; the log of commands and
//! its replay, the log of events, and whether the books add up.

mod canonical;
mod command_log;
mod connections;
mod event_log;
pub(super) mod history;
pub(super) mod inspect;
pub(super) mod journal;
mod lines;
pub(super) mod notice;
pub(super) mod replay;
mod tally;

pub(super) use connections::Connections;
pub(super) use event_log::Names;
pub use replay::{ReplayError, Replayed, replay};
pub use tally::Summary;
