//! Ground truth: one JSON line a pair.
