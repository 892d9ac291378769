//! What watches a fleet: the alerts and dashboards of the chart, on a real promtool and a real Prometheus.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says why")]

#[path = "support/process.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod process;
#[path = "support/redis.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod redis;

#[path = "support/venue_client.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod venue_client;

#[path = "watch/alerts.rs"]
mod alerts;
#[path = "watch/chart.rs"]
mod chart;
#[path = "watch/dashboards.rs"]
mod dashboards;
#[path = "watch/day.rs"]
mod day;
#[path = "watch/prometheus.rs"]
mod prometheus;
#[path = "watch/rig.rs"]
mod rig;
#[path = "watch/rules.rs"]
mod rules;
