//! What watches a fleet: the alerts and dashboards of the chart, on a real promtool and a real Prometheus.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says why")]

#[path = "support/process.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod process;
#[path = "support/redis.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod redis;

#[path = "watch/chart.rs"]
mod chart;
#[path = "watch/day.rs"]
mod day;
#[path = "watch/rules.rs"]
mod rules;
