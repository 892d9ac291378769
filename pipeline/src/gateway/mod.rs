//! The order gateway as a machine, one per account: cancels first, rate budget, correlation, deadlines,
//! evidence. `handle_*` takes in, `poll_*` gives out; moving bytes is somebody else's.
//!
//! A place leaves at most once. An answer that does not come makes its outcome unknown, never refused.

mod evidence;
mod inflight;
mod limiter;
mod link;
mod machine;
mod permit;

pub use evidence::{Answer, VenueRefusal, Verdict};
pub use limiter::{Limiter, RateLimit, RateLimitKind};
pub use link::Link;
pub use machine::{Gateway, GatewaySettings, LaneId, Outgoing, Weights};
pub use permit::{Alone, Permit};
