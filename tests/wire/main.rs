//! The wire messages of both Binance dialects: signatures against known vectors, frames, answers, events, and one
//! clear line for whatever is wrong with them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says why")]

mod spot;
mod usdm;
mod usdm_recorded;
