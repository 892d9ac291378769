//! The page that Prometheus reads: what is counted on the spot, then the symbols' series, which are written from
//! the lanes' own cells when they are asked for.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};
use std::sync::Arc;
use std::time::Duration;

use pipeline::alarm::Alarm;
use pipeline::counts::Counts;
use pipeline::gateway::{Link, Standing};
use pipeline::readiness::Step;
use pipeline::skip::Skip;
use pipeline::time::{Nanos, Now};
use pipeline::trade::Outcome;
use schemas::halt::HaltedBy;

use crate::ownership::{Armed, Arming, Hold};
use crate::status::AppStatus;
use crate::telemetry::logging;
use crate::telemetry::metrics::{TABLE, handle};

/// Writes the page; remembers what it needs from one reading to the next.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// When each lane's book was last seen confirmed.
    confirmed: Vec<Nanos>,
}

/// What is written of one symbol. Instruments of one symbol on several venues share its series.
#[derive(Debug, Default)]
struct Row {
    counts: Counts,
    owned: bool,
    epoch: u32,
    conflicts: u64,
    /// `None` while nobody here wants the book.
    book_age: Option<Duration>,
}

impl Page {
    /// The page that Prometheus reads.
    pub(super) fn render(&mut self, status: &AppStatus) -> String {
        let handle = handle();
        let now = status.clock.now();
        publish(status, now);
        let mut page = handle.render();
        write_symbols(&mut page, &self.rows(status, now));
        page
    }

    fn rows<'a>(&mut self, status: &'a AppStatus, now: Now) -> BTreeMap<&'a str, Row> {
        self.confirmed.resize(status.lanes.len(), status.started.mono);
        let mut rows: BTreeMap<&str, Row> = BTreeMap::new();
        for (place, lane) in status.lanes.iter().enumerate() {
            let row = rows.entry(&lane.symbol).or_default();
            row.counts.add(&lane.counts());
            let Some(hold) = status.holds.get(place) else { continue };
            row.owned |= hold.is_open(now.mono);
            row.epoch = row.epoch.max(hold.epoch().number());
            row.conflicts += hold.conflicts();
            let confirmed = &mut self.confirmed[place];
            if let Some((_, top)) = status.tops.get(place)
                && let Some(top) = *top.borrow()
            {
                *confirmed = top.confirmed.mono;
            }
            if hold.is_claimed() {
                row.book_age = row.book_age.max(Some(now.mono.since(*confirmed)));
            } else {
                *confirmed = now.mono;
            }
        }
        rows
    }
}

/// Brings every series of the process that is not counted on the spot up to date.
fn publish(status: &AppStatus, now: Now) {
    set("st_ready", flag(status.waits_for().is_empty()));
    if status.journal.is_on() {
        set("st_journal_good", flag(status.journal.is_good()));
    }
    set("st_start_time_seconds", since_epoch(status.started.wall_ms));
    set("st_loop_lag_seconds", status.heartbeat_age().as_secs_f64());
    metrics::counter!("st_log_dropped_total").absolute(logging::dropped());
    set("st_feed_live", flag(status.feed.borrow().is_live()));
    if let Some(at_ms) = status.counters.newest_ms() {
        set("st_feed_last_tick_timestamp_seconds", since_epoch(at_ms));
    }
    publish_gate(status);
    publish_ownership(status, now);
    publish_totals(status);
    publish_links(status);
    publish_egresses(status);
    publish_switches(status, now);
}

/// Instruments that wait at each step of the start-up gate, and those that are halted, by whom and by which alarm.
fn publish_gate(status: &AppStatus) {
    let blocked = status.blocked();
    for step in Step::ALL {
        let waiting = blocked.iter().filter(|waiting| waiting.blocked.step == step).count();
        metrics::gauge!("st_start_waiting", "step" => step.name()).set(count(waiting));
    }
    for (by, halted) in HaltedBy::ALL.into_iter().zip(status.halts.counts()) {
        metrics::gauge!("st_halted", "by" => by.name()).set(count(halted));
    }
    for (alarm, halted) in Alarm::ALL.into_iter().zip(status.halts.alarms()) {
        metrics::gauge!("st_halted_by_alarm", "alarm" => alarm.name()).set(count(halted));
    }
}

fn publish_ownership(status: &AppStatus, now: Now) {
    set("st_symbols_configured", count(status.configured));
    set("st_symbols_owned", count(status.owned(now.mono)));
    let shard = &status.shard;
    let labels = [
        ("sharding", shard.sharding.name().to_owned()),
        ("shard", shard.ordinal.to_string()),
        ("shards", shard.shards.to_string()),
    ];
    metrics::gauge!("st_shard", &labels).set(1.0);
    if let Some(leases) = &status.leases {
        let leases = leases.borrow();
        metrics::counter!("st_lease_errors_total").absolute(leases.errors);
        metrics::counter!("st_leases_lost_total").absolute(leases.lost);
        set("st_lease_seconds_left", leases.seconds_left(now).unwrap_or(0.0));
    }
}

fn publish_totals(status: &AppStatus) {
    let totals = status.totals();
    for (name, value) in [
        ("st_repeats_total", totals.repeats),
        ("st_ticks_conflated_total", totals.conflated),
        ("st_ticks_overflow_total", totals.overflow),
        ("st_orders_swept_total", totals.swept),
        ("st_orders_unknown_total", totals.unknown),
        ("st_zombie_orders_total", totals.zombies),
        ("st_late_reports_total", totals.late_reports),
        ("st_cancels_refused_total", totals.cancels_refused),
    ] {
        metrics::counter!(name).absolute(value);
    }
    set("st_ticks_waiting", count(usize::try_from(totals.waiting).unwrap_or(usize::MAX)));
    set("st_open_makers", count(status.lanes.iter().filter_map(|lane| lane.open_maker_since()).count()));
    let oldest = Duration::from_millis(status.oldest_open_maker_ms());
    set("st_oldest_open_maker_seconds", oldest.as_secs_f64());
}

/// A venue is as good as the worst of the accounts there.
fn publish_links(status: &AppStatus) {
    let mut venues: BTreeMap<&'static str, bool> = BTreeMap::new();
    for (venue, link) in &status.links {
        *venues.entry(venue).or_insert(true) &= link.borrow().is_up();
    }
    for (venue, connected) in venues {
        metrics::gauge!("st_gateway_connected", "venue" => venue).set(flag(connected));
    }
    set("st_gateway_budget", flag(status.links.iter().all(|(_, link)| *link.borrow() == Link::Open)));
}

/// How this address stands with each venue; the worst, where a name stands for several.
fn publish_egresses(status: &AppStatus) {
    let mut venues: BTreeMap<&'static str, (f64, Duration)> = BTreeMap::new();
    let (mut counts, mut connects) = ([0, 0], 0);
    for (venue, egress) in &status.egresses {
        let state = match egress.standing() {
            Standing::Open => 0.0,
            Standing::Limited(_) => 1.0,
            Standing::HalfOpen => 2.0,
            Standing::Banned(_) => 3.0,
        };
        let seen = venues.entry(venue).or_default();
        seen.0 = f64::max(seen.0, state);
        seen.1 = seen.1.max(egress.banned_for().unwrap_or_default());
        connects = connects.max(egress.connects_in_window().0);
        for (sum, more) in counts.iter_mut().zip(egress.counts()) {
            *sum += more;
        }
    }
    for (venue, (state, banned)) in venues {
        metrics::gauge!("st_breaker_state", "venue" => venue).set(state);
        metrics::gauge!("st_banned_seconds", "venue" => venue).set(banned.as_secs_f64());
    }
    set("st_ws_connects_window", count(connects));
    metrics::counter!("st_http_429_total").absolute(counts[0]);
    metrics::counter!("st_http_418_total").absolute(counts[1]);
}

/// The switches are as good as the worst of those that are wanted here.
fn publish_switches(status: &AppStatus, now: Now) {
    let is_wanted = |hold: &&Arc<Hold>| hold.is_claimed() && hold.arming().is() != Armed::NotNeeded;
    let wanted = || status.holds.iter().filter(is_wanted).map(|hold| hold.arming());
    if wanted().next().is_none() {
        return;
    }
    set("st_dms_armed", flag(wanted().all(|arming| arming.is() == Armed::Yes)));
    if let Some(oldest) = wanted().filter_map(Arming::renewed).min() {
        set("st_dms_renew_age_seconds", now.mono.since(oldest).as_secs_f64());
    }
}

/// The series of all symbols, metric by metric in the order of the table.
fn write_symbols(page: &mut String, rows: &BTreeMap<&str, Row>) {
    let rows: Vec<(String, &Row)> = rows.iter().map(|(symbol, row)| (escaped(symbol), row)).collect();
    for metric in TABLE.iter().filter(|metric| metric.is_per_symbol() && !rows.is_empty()) {
        let (name, help) = (metric.name, metric.help);
        write_to(page, format_args!("# HELP {name} {help}\n# TYPE {name} {}\n", metric.kind.name()));
        for (symbol, row) in &rows {
            write_row(page, name, symbol, row);
        }
        page.push('\n');
    }
}

fn write_row(page: &mut String, name: &str, symbol: &str, row: &Row) {
    let counts = &row.counts;
    let mut one =
        |value: &dyn Display| write_to(page, format_args!("{name}{{symbol=\"{symbol}\"}} {value}\n"));
    match name {
        "st_ticks_total" => one(&counts.ticks),
        "st_pairs_total" => one(&counts.pairs),
        "st_foreign_owner_orders_total" => one(&counts.foreign),
        "st_ownership_conflicts_total" => one(&row.conflicts),
        "st_orders_refused_total" => one(&counts.refused),
        "st_symbol_owned" => one(&u8::from(row.owned)),
        "st_symbol_epoch" => one(&row.epoch),
        "st_book_age_seconds" => {
            if let Some(age) = row.book_age {
                one(&age.as_secs_f64());
            }
        }
        "st_pair_outcomes_total" => {
            for (outcome, value) in Outcome::ALL.iter().zip(counts.outcomes) {
                let labels = format_args!("symbol=\"{symbol}\",outcome=\"{}\"", outcome.name());
                write_to(page, format_args!("{name}{{{labels}}} {value}\n"));
            }
        }
        "st_ticks_skipped_total" => {
            for (skip, value) in Skip::ALL.iter().zip(counts.skips) {
                let labels = format_args!("symbol=\"{symbol}\",reason=\"{}\"", skip.name());
                write_to(page, format_args!("{name}{{{labels}}} {value}\n"));
            }
        }
        unknown => {
            tracing::error!(metric = unknown, "broken invariant: a metric of symbols without a source")
        }
    }
}

fn write_to(page: &mut String, text: std::fmt::Arguments<'_>) {
    page.write_fmt(text).expect("writing to a string cannot fail");
}

/// A label's value in Prometheus' text format.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn set(name: &'static str, value: f64) {
    metrics::gauge!(name).set(value);
}

const fn flag(set: bool) -> f64 {
    if set { 1.0 } else { 0.0 }
}

fn count(value: usize) -> f64 {
    f64::from(u32::try_from(value).unwrap_or(u32::MAX))
}

/// A moment of the wall clock in seconds since the epoch.
fn since_epoch(at_ms: i64) -> f64 {
    Duration::from_millis(u64::try_from(at_ms).unwrap_or(0)).as_secs_f64()
}
