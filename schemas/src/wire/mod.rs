//! Wire messages, one folder a dialect.
