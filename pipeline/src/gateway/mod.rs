//! The order gateway as a machine, one per account: cancels first, rate budget, correlation, deadlines,
//! evidence. `handle_*` takes in, `poll_*` gives out; moving bytes is somebody else's.
//!
//! A place leaves at most once. An answer that does not come makes its outcome unknown, never refused.

mod bounds;
mod breaker;
mod caps;
mod connects;
mod evidence;
mod gcra;
mod inflight;
mod limiter;
mod link;
mod machine;
mod permit;
mod reserve;
mod window;

pub use bounds::{Bounds, LaneBounds};
pub use breaker::{Address, BANNED_DEFAULT, Breaker, Errand, LIMITED_DEFAULT, Standing, WAIT_MAX};
pub use connects::Connects;
pub use evidence::{Answer, Silence, VenueRefusal, Verdict};
pub use gcra::Gcra;
pub use limiter::{Limiter, RateLimit, RateLimitKind, Weights};
pub use link::Link;
pub use machine::{Gateway, GatewaySettings, LaneId, Outgoing};
pub use permit::{Alone, Permit};
