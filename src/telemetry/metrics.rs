//! Metrics, named in one table.
