//! Feeds: where ticks come from.
