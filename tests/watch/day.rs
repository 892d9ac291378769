//! A day of a fleet as its metrics tell it: quiet hours, a hand-over, an upgrade; and a fault, if one is wanted.
//!
//! Three pods own six symbols. Time goes in steps of a scrape. A pod that is gone leaves no series, and its counters
//! begin anew when it is back, at another address.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

use crate::chart::{JOB, NAMESPACE};

/// Seconds from one scrape to the next.
pub(crate) const STEP: u64 = 15;

/// Seconds of an hour.
pub(crate) const HOUR: u64 = 3_600;

const PODS: usize = 3;
const SYMBOLS: usize = 6;

/// When trades come only each four minutes.
const QUIET: Range<u64> = 2 * HOUR..6 * HOUR;
const QUIET_GAP: u64 = 240;

/// A pod ends without a word; the others take its symbols half a minute later, and give them back.
const CRASH: Range<u64> = 9 * HOUR..9 * HOUR + 60;
const TAKEN: Range<u64> = 9 * HOUR + 30..9 * HOUR + 600;

/// Pods are replaced one after the other, each within half a minute.
const UPGRADE: u64 = 15 * HOUR;
const REPLACED_WITHIN: u64 = 30;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// One pod loses its feed.
    FeedDown,
    /// Every feed is live, and nothing comes.
    FeedStale,
    /// A symbol's book is lost, or confirmed by nobody.
    BookOld,
    /// A symbol's book is confirmed but stands still.
    BookStandsStill,
    /// Takers miss.
    TakersMiss,
    /// A maker rests.
    MakerRests,
    /// The venue's switch is not armed.
    Unarmed,
    /// The reaper is gone.
    ReaperGone,
    /// The reaper hears nothing of a venue.
    ReaperDeaf,
    /// A pod is gone and nobody takes over.
    NoOwner,
    /// No pod is left.
    NoPods,
    /// Another owner's orders show.
    TwoOwners,
    /// The venue refuses each fifth order.
    Refusals,
    /// The venue says now and then that it is asked too often.
    ToldToWait,
    /// The venue has banned a pod's address.
    Banned,
    /// The trading thread does not turn.
    ThreadStands,
    /// It stands still for moments.
    ThreadStumbles,
    /// A pod's journal cannot be written.
    JournalBroken,
    /// A pod's journal and its venue differ.
    BooksDiffer,
    /// A pod starts every two minutes.
    Flapping,
    /// A pod's symbols do not come through their start.
    StuckAtStart,
    /// A symbol holds all that it may.
    PositionFull,
    /// An account has sent what an hour may bring.
    HourFull,
    /// An answer named other values than were sent.
    Contradicted,
    /// An operator halted a symbol.
    Halted,
    /// A pod's clock is off.
    ClockOff,
    /// It is not known how far off it is.
    ClockUnsure,
    /// A lane fails now and then.
    Panics,
}

/// The metrics of a day, or of a part of one.
pub(crate) struct Day {
    length: u64,
    fault: Option<(Fault, Range<u64>)>,
    series: BTreeMap<String, Vec<Option<f64>>>,
}

/// What a pod knows since its start.
#[derive(Default)]
struct Pod {
    /// When it started; none = it does not run.
    started: Option<u64>,
    starts: u64,
    last_tick: u64,
    stalls: u64,
    panics: u64,
    told_to_wait: u64,
    lanes: [Lane; SYMBOLS],
}

#[derive(Clone, Copy, Default)]
struct Lane {
    owned_since: Option<u64>,
    ticks: u64,
    stale: u64,
    matched: u64,
    missed: u64,
    refused: u64,
    foreign: u64,
}

impl Day {
    /// The first `length` seconds of a day, with a fault in that time.
    pub(crate) fn new(length: u64, fault: Option<(Fault, Range<u64>)>) -> Self {
        let mut day = Self { length, fault, series: BTreeMap::new() };
        let mut pods: [Pod; PODS] = Default::default();
        for step in 0..=length / STEP {
            let now = step * STEP;
            for (ordinal, pod) in pods.iter_mut().enumerate() {
                day.live(ordinal, pod, now);
                day.scrape(ordinal, pod, step);
            }
            day.scrape_reaper(step);
        }
        day
    }

    fn has(&self, fault: Fault, now: u64) -> bool {
        self.fault.as_ref().is_some_and(|(its, when)| *its == fault && when.contains(&now))
    }

    fn runs(&self, ordinal: usize, now: u64) -> bool {
        let replaced = UPGRADE + (PODS - ordinal) as u64 * 60;
        let gone = ordinal == 2 && CRASH.contains(&now)
            || (replaced..replaced + REPLACED_WITHIN).contains(&now)
            || self.has(Fault::NoPods, now)
            || ordinal == 1 && self.has(Fault::NoOwner, now)
            || ordinal == 1 && self.has(Fault::Flapping, now) && now % 120 < STEP;
        !gone
    }

    /// Who has a symbol, while they run.
    fn owner(symbol: usize, now: u64) -> usize {
        let own = symbol % PODS;
        if own == 2 && TAKEN.contains(&now) { symbol / PODS } else { own }
    }

    fn ticks_come(&self, ordinal: usize, now: u64) -> bool {
        let quiet = QUIET.contains(&now) && !now.is_multiple_of(QUIET_GAP);
        let down = ordinal == 1 && self.has(Fault::FeedDown, now);
        !quiet && !down && !self.has(Fault::FeedStale, now)
    }

    /// What happens to a pod in a step.
    fn live(&self, ordinal: usize, pod: &mut Pod, now: u64) {
        if !self.runs(ordinal, now) {
            *pod = Pod { starts: pod.starts, ..Pod::default() };
            return;
        }
        if pod.started.is_none() {
            pod.started = Some(now);
            pod.starts += 1;
        }
        let ticks = self.ticks_come(ordinal, now) && pod.started != Some(now);
        if ticks {
            pod.last_tick = now;
        }
        if ordinal == 1 && self.has(Fault::ThreadStumbles, now) && now.is_multiple_of(60) {
            pod.stalls += 1;
        }
        if ordinal == 1 && self.has(Fault::Panics, now) && now.is_multiple_of(300) {
            pod.panics += 1;
        }
        if ordinal == 1 && self.has(Fault::ToldToWait, now) && now.is_multiple_of(120) {
            pod.told_to_wait += 1;
        }
        for symbol in 0..SYMBOLS {
            let owned = Self::owner(symbol, now) == ordinal;
            let lane = &mut pod.lanes[symbol];
            lane.owned_since = owned.then(|| lane.owned_since.unwrap_or(now));
            if owned && ticks {
                self.trade(symbol, lane, now);
            }
        }
    }

    /// Thirty ticks of a symbol, or, in quiet hours, two, of which one makes a pair that does not match.
    fn trade(&self, symbol: usize, lane: &mut Lane, now: u64) {
        let quiet = QUIET.contains(&now);
        let ticks = if quiet { 2 } else { 30 };
        let ill = symbol == 1;
        lane.ticks += ticks;
        if ill && self.has(Fault::BookStandsStill, now) {
            lane.stale += ticks;
            return;
        }
        let missed = u64::from(quiet || now.is_multiple_of(60))
            + if ill && self.has(Fault::TakersMiss, now) { 10 } else { 0 };
        let refused = if ill && self.has(Fault::Refusals, now) { 6 } else { 0 };
        lane.missed += missed;
        lane.refused += refused;
        lane.matched += ticks - missed - refused;
        lane.foreign += u64::from(ill && self.has(Fault::TwoOwners, now) && now.is_multiple_of(60));
    }

    /// What a scrape of the pod finds.
    fn scrape(&mut self, ordinal: usize, pod: &Pod, step: u64) {
        let now = step * STEP;
        let Some(started) = pod.started else { return };
        let fresh = started == now && now > 0;
        let ill = ordinal == 1;
        let owned =
            pod.lanes.iter().filter(|lane| lane.owned_since.is_some_and(|since| since != now || now == 0));
        let lag = if ill && self.has(Fault::ThreadStands, now) { 8.0 } else { 0.6 };
        let rests = if ill && self.has(Fault::MakerRests, now) { self.age(now) } else { 0.2 };
        let armed = !(ill && self.has(Fault::Unarmed, now));
        let down = fresh || ill && self.has(Fault::FeedDown, now);
        let values = [
            ("st_feed_live", if down { 0.0 } else { 1.0 }),
            ("st_feed_last_tick_timestamp_seconds", pod.last_tick as f64),
            ("st_start_time_seconds", started as f64),
            ("st_symbols_configured", SYMBOLS as f64),
            ("st_symbols_owned", owned.count() as f64),
            ("st_oldest_open_maker_seconds", rests),
            ("st_dms_armed", if armed { 1.0 } else { 0.0 }),
            ("st_loop_lag_seconds", lag),
            ("st_journal_good", if ill && self.has(Fault::JournalBroken, now) { 0.0 } else { 1.0 }),
            ("st_drop_copy_differences", if ill && self.has(Fault::BooksDiffer, now) { 2.0 } else { 0.0 }),
            ("st_loop_stalls_total", pod.stalls as f64),
            ("st_http_429_total", pod.told_to_wait as f64),
        ];
        for (name, value) in values {
            self.note(name, ordinal, pod.starts, "", step, value);
        }
        let if_ill = |fault: Fault, value: f64| if ill && self.has(fault, now) { value } else { 0.0 };
        let labelled = [
            // Each start takes a moment.
            ("st_start_waiting", "step=\"book\"", if fresh { 2.0 } else { 0.0 }),
            ("st_start_waiting", "step=\"probe\"", if_ill(Fault::StuckAtStart, 1.0)),
            ("st_halted", "by=\"operator\"", if_ill(Fault::Halted, 1.0)),
            ("st_halted_by_alarm", "alarm=\"position_bound\"", if_ill(Fault::PositionFull, 2.0)),
            ("st_halted_by_alarm", "alarm=\"hourly_cap\"", if_ill(Fault::HourFull, 2.0)),
            ("st_halted_by_alarm", "alarm=\"mismatch\"", if_ill(Fault::Contradicted, 1.0)),
            ("st_banned_seconds", "venue=\"staging\"", if_ill(Fault::Banned, 120.0)),
            ("st_clock_offset_seconds", "venue=\"staging\"", if_ill(Fault::ClockOff, -1.2)),
            ("st_clock_uncertainty_seconds", "venue=\"staging\"", 0.1 + if_ill(Fault::ClockUnsure, 0.6)),
            ("st_panics_total", "task=\"lane\"", pod.panics as f64),
        ];
        for (name, label, value) in labelled {
            self.note(name, ordinal, pod.starts, &format!(",{label}"), step, value);
        }
        for (symbol, lane) in pod.lanes.iter().enumerate() {
            self.scrape_lane(ordinal, pod.starts, symbol, lane, step);
        }
    }

    /// The reaper is another job.
    fn scrape_reaper(&mut self, step: u64) {
        let now = step * STEP;
        if self.has(Fault::ReaperGone, now) {
            return;
        }
        let ready = if self.has(Fault::ReaperDeaf, now) { 0.0 } else { 1.0 };
        let job = format!("{JOB}-reaper");
        let key = format!("st_ready{{namespace=\"{NAMESPACE}\",job=\"{job}\",pod=\"{job}-0\"}}");
        self.keep(key, step, ready);
    }

    fn scrape_lane(&mut self, ordinal: usize, starts: u64, symbol: usize, lane: &Lane, step: u64) {
        let now = step * STEP;
        let ill = symbol == 1;
        let owned = lane.owned_since.is_some();
        // A new owner has no book yet; its age begins with the term.
        let age = match lane.owned_since {
            Some(since) if since == now => 12.0,
            Some(_) if ill && self.has(Fault::BookOld, now) => self.age(now),
            Some(_) => 0.7,
            None => 0.0,
        };
        let flag = |set: bool| if set { 1.0 } else { 0.0 };
        let values = [
            ("st_symbol_owned", "", flag(owned)),
            ("st_book_age_seconds", "", age),
            ("st_ticks_total", "", lane.ticks as f64),
            ("st_pairs_total", "", (lane.matched + lane.missed + lane.refused) as f64),
            ("st_ticks_skipped_total", ",reason=\"stale_book\"", lane.stale as f64),
            ("st_pair_outcomes_total", ",outcome=\"matched\"", lane.matched as f64),
            ("st_pair_outcomes_total", ",outcome=\"taker_missed\"", lane.missed as f64),
            ("st_pair_outcomes_total", ",outcome=\"maker_refused\"", lane.refused as f64),
            ("st_orders_refused_total", "", lane.refused as f64),
            ("st_foreign_owner_orders_total", "", lane.foreign as f64),
        ];
        for (name, label, value) in values {
            let labels = format!(",symbol=\"SYM{symbol}\"{label}");
            self.note(name, ordinal, starts, &labels, step, value);
        }
    }

    /// How long the fault has lasted.
    fn age(&self, now: u64) -> f64 {
        self.fault.as_ref().map_or(0.0, |(_, when)| (now - when.start) as f64)
    }

    /// A sample, with the labels that a scrape in a cluster adds.
    fn note(&mut self, name: &str, ordinal: usize, starts: u64, labels: &str, step: u64, value: f64) {
        let address = format!("10.0.{starts}.{ordinal}:9464");
        let key = format!(
            "{name}{{namespace=\"{NAMESPACE}\",job=\"{JOB}\",service=\"{JOB}\",container=\"self-trader\",\
             pod=\"{JOB}-{ordinal}\",instance=\"{address}\"{labels}}}"
        );
        self.keep(key, step, value);
    }

    fn keep(&mut self, key: String, step: u64, value: f64) {
        let steps = usize::try_from(self.length / STEP).unwrap() + 1;
        let values = self.series.entry(key).or_insert_with(|| vec![None; steps]);
        values[usize::try_from(step).unwrap()] = Some(value);
    }

    /// The input of a promtool test: a scrape that finds nothing ends a series.
    pub(crate) fn input(&self) -> String {
        let mut text = String::new();
        for (key, values) in &self.series {
            write!(text, "      - series: '{key}'\n        values: '").unwrap();
            let mut before = None;
            for value in values {
                match (before, value) {
                    (_, Some(value)) => write!(text, "{value} ").unwrap(),
                    (Some(_), None) => text.push_str("stale "),
                    (None, None) => text.push_str("_ "),
                }
                before = *value;
            }
            text.push_str("'\n");
        }
        text
    }
}
