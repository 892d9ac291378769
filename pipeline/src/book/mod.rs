//! The order book kept from snapshots, diffs and best quotes; sans-IO.
