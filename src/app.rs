//! Builds everything, runs it, and stops it in order.
