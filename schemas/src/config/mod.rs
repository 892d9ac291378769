//! The configuration: typed, read from its text, every fault reported with its JSON pointer.

pub mod feed;
pub mod instrument;

pub use feed::{FeedUrl, FeedUrlError, RedisMode};
pub use instrument::{Conflate, EmptyBook, OnQuiet, Placement, RuleParams, SamePolicy, SidePolicy, TermType};
