//! Each alert on promtool: it fires on its fault, clears when the fault is over, and is silent on a day of quiet hours,
//! a hand-over and an upgrade.

use std::fmt::Write as _;
use std::fs;
use std::ops::Range;
use std::path::Path;

use crate::chart::{JOB, NAMESPACE, Tools, promtool};
use crate::day::{Day, Fault, HOUR, STEP};
use crate::process::folder;

/// Long enough for every alert to fire, with default values.
const ILL: Range<u64> = HOUR / 2..HOUR;

/// By then the longest window has passed.
const WELL: u64 = HOUR + HOUR / 2;

/// An alert as it shows: its name, how bad it is, and what it says where.
#[derive(Clone, Copy)]
struct Alert(&'static str, &'static str, &'static str);

/// What is asked about a moment.
#[derive(Clone, Copy)]
enum Question {
    /// What fires.
    Firing,
    /// What fired at any time before.
    Fired,
    /// The names of that alone.
    FiredNames,
}

impl Question {
    const fn query(self) -> &'static str {
        match self {
            Self::Firing => "max without () (ALERTS{alertstate=\"firing\"})",
            Self::Fired => "max without () (last_over_time(ALERTS{alertstate=\"firing\"}[25h]))",
            Self::FiredNames => "group by (alertname) (last_over_time(ALERTS{alertstate=\"firing\"}[25h]))",
        }
    }

    /// The series that the query finds for an alert.
    fn series(self, Alert(name, severity, place): Alert) -> String {
        let name = format!("alertname=\"SelfTrader{name}\"");
        match self {
            Self::FiredNames => format!("{{{name}}}"),
            Self::Firing | Self::Fired => format!(
                "{{{name},alertstate=\"firing\",severity=\"{severity}\",namespace=\"{NAMESPACE}\",job=\"{JOB}\"{place}}}"
            ),
        }
    }
}

/// What a question has to find at a moment.
struct Expect<'a>(u64, Question, &'a [Alert]);

fn verdict(tools: &Tools, day: &Day, values: &[&str], expected: &[Expect<'_>]) -> Result<(), String> {
    let dir = folder();
    fs::write(dir.path().join("rules.yaml"), tools.rules(values)).unwrap();
    let mut test = format!(
        "rule_files: [rules.yaml]\nevaluation_interval: {STEP}s\ntests:\n  - interval: {STEP}s\n    \
         input_series:\n{}    promql_expr_test:\n",
        day.input()
    );
    for Expect(at, question, alerts) in expected {
        let query = question.query();
        write!(test, "      - expr: '{query}'\n        eval_time: {at}s\n        exp_samples: [").unwrap();
        for alert in *alerts {
            write!(test, "{{value: 1, labels: '{}'}},", question.series(*alert)).unwrap();
        }
        test.push_str("]\n");
    }
    let file = dir.path().join("test.yaml");
    fs::write(&file, test).unwrap();
    promtool(&["test", "rules"], &file)
}

/// The fault's alerts fire while it lasts, no others do, and all are over some time after it.
fn fires(fault: Fault, alerts: &[Alert]) {
    let Some(tools) = Tools::find() else { return };
    let day = Day::new(2 * HOUR, Some((fault, ILL)));
    let expected = [
        Expect(ILL.start - STEP, Question::Fired, &[]),
        Expect(ILL.end - STEP, Question::Firing, alerts),
        Expect(WELL, Question::Firing, &[]),
        Expect(WELL, Question::Fired, alerts),
    ];
    verdict(&tools, &day, &[], &expected).unwrap_or_else(|said| panic!("{said}"));
}

const ON_POD: &str = ",pod=\"st-self-trader-1\"";
const ON_SYMBOL: &str = ",symbol=\"SYM1\"";
const ON_FLEET: &str = "";

/// Fault F1, F2.
/// Promise P22.
#[test]
fn a_lost_feed_is_told() {
    fires(Fault::FeedDown, &[Alert("FeedDown", "critical", ON_POD)]);
}

/// Fault F12.
/// Promise P22.
#[test]
fn a_live_feed_that_brings_nothing_is_told() {
    fires(Fault::FeedStale, &[Alert("FeedStale", "warning", ON_FLEET)]);
}

/// Fault B7.
/// Promise P22.
#[test]
fn a_stale_book_is_told() {
    for fault in [Fault::BookOld, Fault::BookStandsStill] {
        fires(fault, &[Alert("BookStale", "warning", ON_SYMBOL)]);
    }
}

#[test]
fn a_low_match_ratio_is_told() {
    fires(Fault::TakersMiss, &[Alert("MatchRatioLow", "warning", ON_SYMBOL)]);
}

#[test]
fn a_maker_that_rests_is_told() {
    fires(Fault::MakerRests, &[Alert("OrphanMaker", "critical", ON_POD)]);
}

/// Fault O28.
#[test]
fn a_switch_that_is_not_armed_is_told() {
    fires(Fault::Unarmed, &[Alert("DeadManNotArmed", "warning", ON_POD)]);
}

#[test]
fn a_reaper_that_is_gone_or_hears_nothing_is_told() {
    for fault in [Fault::ReaperGone, Fault::ReaperDeaf] {
        fires(fault, &[Alert("ReaperDown", "warning", ON_FLEET)]);
    }
}

#[test]
fn symbols_without_an_owner_are_told() {
    for fault in [Fault::NoOwner, Fault::NoPods] {
        fires(fault, &[Alert("SymbolsWithoutOwner", "critical", ON_FLEET)]);
    }
}

#[test]
fn a_second_owner_is_told() {
    fires(Fault::TwoOwners, &[Alert("ForeignOwnerOrders", "critical", ON_SYMBOL)]);
}

#[test]
fn refused_orders_are_told() {
    let alerts = [Alert("VenueRejects", "warning", ON_SYMBOL), Alert("MatchRatioLow", "warning", ON_SYMBOL)];
    fires(Fault::Refusals, &alerts);
}

/// Fault O17.
/// Promise P22.
#[test]
fn a_venue_that_says_wait_is_told() {
    fires(Fault::ToldToWait, &[Alert("RateLimited", "warning", ON_POD)]);
}

/// Fault O18.
/// Promise P22.
#[test]
fn a_ban_is_told() {
    let place = ",pod=\"st-self-trader-1\",venue=\"staging\"";
    fires(Fault::Banned, &[Alert("Banned", "critical", place)]);
}

/// Promise P22.
#[test]
fn what_an_instrument_finds_itself_is_told_by_its_name() {
    fires(Fault::PositionFull, &[Alert("PositionBound", "warning", ON_POD)]);
    fires(Fault::HourFull, &[Alert("CapReached", "warning", ON_POD)]);
    let place = ",pod=\"st-self-trader-1\",alarm=\"mismatch\"";
    fires(Fault::Contradicted, &[Alert("HaltedItself", "critical", place)]);
}

#[test]
fn a_thread_that_does_not_turn_is_told() {
    for fault in [Fault::ThreadStands, Fault::ThreadStumbles] {
        fires(fault, &[Alert("LoopStalled", "critical", ON_POD)]);
    }
}

/// Fault D1, D2.
#[test]
fn a_journal_that_cannot_be_written_is_told() {
    fires(Fault::JournalBroken, &[Alert("JournalDown", "critical", ON_POD)]);
}

/// Promise P13.
#[test]
fn books_that_differ_are_told() {
    fires(Fault::BooksDiffer, &[Alert("DropCopyDiffers", "critical", ON_POD)]);
}

#[test]
fn a_pod_that_starts_again_and_again_is_told() {
    fires(Fault::Flapping, &[Alert("PodFlapping", "warning", ON_POD)]);
}

#[test]
fn symbols_that_do_not_come_through_their_start_are_told() {
    let place = ",pod=\"st-self-trader-1\",step=\"probe\"";
    fires(Fault::StuckAtStart, &[Alert("GateShut", "warning", place)]);
}

#[test]
fn a_clock_that_is_off_or_unsure_is_told() {
    let place = ",pod=\"st-self-trader-1\",venue=\"staging\"";
    for fault in [Fault::ClockOff, Fault::ClockUnsure] {
        fires(fault, &[Alert("ClockSkew", "critical", place)]);
    }
}

#[test]
fn code_that_fails_is_told() {
    fires(Fault::Panics, &[Alert("Panic", "critical", ",pod=\"st-self-trader-1\",task=\"lane\"")]);
}

/// Fault K6.
#[test]
fn a_halt_that_is_forgotten_is_told_after_an_hour() {
    let Some(tools) = Tools::find() else { return };
    let ill = HOUR / 2..2 * HOUR;
    let day = Day::new(3 * HOUR, Some((Fault::Halted, ill.clone())));
    let told = [Alert("HaltedLong", "warning", ",by=\"operator\"")];
    let expected = [
        Expect(ill.start + HOUR - STEP, Question::Fired, &[]),
        Expect(ill.end - STEP, Question::Firing, &told),
        Expect(3 * HOUR, Question::Firing, &[]),
    ];
    verdict(&tools, &day, &[], &expected).unwrap_or_else(|said| panic!("{said}"));
}

#[test]
fn a_day_of_quiet_hours_a_hand_over_and_an_upgrade_is_silent() {
    let Some(tools) = Tools::find() else { return };
    let day = Day::new(24 * HOUR, None);
    let expected = [Expect(24 * HOUR, Question::Fired, &[])];
    verdict(&tools, &day, &[], &expected).unwrap_or_else(|said| panic!("{said}"));
}

/// The day is no day on which nothing could fire: with less patience its events are alerts.
#[test]
fn the_silent_day_has_events() {
    let Some(tools) = Tools::find() else { return };
    let day = Day::new(24 * HOUR, None);
    let hasty = [
        "alerts.feedDown.for=0s",
        "alerts.feedStale.threshold=60",
        "alerts.bookStale.for=0s",
        "alerts.symbolsWithoutOwner.for=0s",
        "alerts.podFlapping.threshold=1",
    ];
    let names = ["FeedDown", "FeedStale", "BookStale", "SymbolsWithoutOwner", "PodFlapping"];
    let alerts = names.map(|name| Alert(name, "", ""));
    let expected = [Expect(24 * HOUR, Question::FiredNames, &alerts)];
    verdict(&tools, &day, &hasty, &expected).unwrap_or_else(|said| panic!("{said}"));
}

#[test]
fn an_alert_can_be_left_out() {
    let Some(tools) = Tools::find() else { return };
    let all = tools.rules(&[]);
    let names: Vec<&str> =
        all.lines().filter_map(|line| line.trim().strip_prefix("- alert: SelfTrader")).collect();
    assert!(names.len() >= 12, "{names:?}");
    for name in &names {
        let key = format!("{}{}", name[..1].to_lowercase(), &name[1..]);
        let rest = tools.rules(&[&format!("alerts.{key}.enabled=false")]);
        assert!(!rest.contains(&format!("SelfTrader{name}\n")), "{name}");
        assert_eq!(rest.matches("- alert: ").count(), names.len() - 1);
    }
}

#[test]
fn the_rules_are_rules() {
    let Some(tools) = Tools::find() else { return };
    let dir = folder();
    let file = dir.path().join("rules.yaml");
    let text = tools.rules(&[]);
    fs::write(&file, &text).unwrap();
    promtool(&["check", "rules"], &file).unwrap();
    let runbooks = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages: Vec<&str> =
        text.lines().filter_map(|line| line.trim().strip_prefix("runbook_url: ")).collect();
    assert_eq!(pages.len(), text.matches("- alert: ").count());
    for page in pages {
        assert!(runbooks.join(page).exists(), "{page}");
    }
}
