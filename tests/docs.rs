//! The prose holds what the code says: generated tables, names, examples, links. `UPDATE_GOLDEN=1` writes the
//! generated parts anew.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use pipeline::alarm::Alarm;
use pipeline::rules::Rule;
use pipeline::skip::Skip;
use pipeline::trade::Outcome;
use schemas::config::Config;
use self_trader::cli::Cli;
use self_trader::cli::decide::Decider;
use self_trader::feed::decode::Reason;
use self_trader::simulator::faults::FaultScript;
use self_trader::telemetry::metrics::{Kind, Metric, PROCESS_SERIES_MAX, SYMBOL_SERIES_MAX, TABLE, Values};
use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Every page of prose.
fn pages() -> Vec<PathBuf> {
    let folders = ["", "docs", "docs/runbooks", "benches"].map(|folder| root().join(folder));
    let entries = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap());
    let pages: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    assert!(pages.len() > 6, "nothing was found");
    pages
}

/// The page with the generated part of that name replaced.
fn with_part(page: &str, name: &str, part: &str) -> String {
    let open = format!("<!-- generated: {name} -->\n");
    let (before, rest) = page.split_once(&open).unwrap_or_else(|| panic!("no part {name}"));
    let (_, after) = rest.split_once("<!-- end -->").unwrap();
    format!("{before}{open}{part}<!-- end -->{after}")
}

fn metric_rows() -> String {
    let mut table = "| metric | kind | labels | meaning |\n| --- | --- | --- | --- |\n".to_owned();
    for metric in TABLE {
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{}`", label.name)).collect();
        let (name, kind) = (metric.name, metric.kind.name());
        writeln!(table, "| `{name}` | {kind} | {} | {} |", labels.join(", "), metric.help).unwrap();
    }
    table
}

/// The values of a metric's only label, which the table names.
fn named(metric: &str) -> Vec<&'static str> {
    let metric = TABLE.iter().find(|known| known.name == metric).unwrap();
    let Values::Named(names) = metric.labels[0].values else { panic!("{metric:?}") };
    names.to_vec()
}

fn value_rows() -> String {
    let list =
        |names: Vec<&str>| names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let reasons = |number_fault: bool| {
        let reasons = Reason::ALL.iter().filter(|reason| reason.is_number_fault() == number_fault);
        list(reasons.map(|reason| reason.name()).collect())
    };
    let mut table = "| label | values |\n| --- | --- |\n".to_owned();
    for (label, values) in [
        ("`reason` of `st_feed_rejected_total`", reasons(false)),
        ("`reason` of `st_feed_bad_numbers_total`", reasons(true)),
        ("`reason` of `st_ticks_skipped_total`", list(Skip::ALL.iter().map(|skip| skip.name()).collect())),
        ("`alarm`", list(Alarm::ALL.iter().map(|alarm| alarm.name()).collect())),
        ("`kind` of `st_kafka_rebalances_total`", list(named("st_kafka_rebalances_total"))),
        ("`outcome`", list(Outcome::ALL.iter().map(|outcome| outcome.name()).collect())),
    ] {
        writeln!(table, "| {label} | {values} |").unwrap();
    }
    table
}

#[test]
fn the_page_of_metrics_is_the_table() {
    let page = read("docs/metrics.md");
    let fresh = with_part(&with_part(&page, "metrics", &metric_rows()), "values", &value_rows());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(root().join("docs/metrics.md"), &fresh).unwrap();
        return;
    }
    assert!(page == fresh, "docs/metrics.md differs from the table; UPDATE_GOLDEN=1 writes it anew");
}

/// A fleet's storage of metrics is sized by this: what reasons, outcomes and buckets can come to, multiplied.
/// Promise P22.
#[test]
fn the_series_are_bounded() {
    let series = |per_symbol: bool| -> usize {
        TABLE.iter().filter(|metric| metric.is_per_symbol() == per_symbol).map(Metric::series_max).sum()
    };
    println!("at most {} of the process, {} of each symbol", series(false), series(true));
    assert!(
        series(false) <= PROCESS_SERIES_MAX && PROCESS_SERIES_MAX < 200,
        "{} of the process",
        series(false)
    );
    assert!(series(true) <= SYMBOL_SERIES_MAX && SYMBOL_SERIES_MAX <= 30, "{} of each symbol", series(true));
    let at_most =
        |metric: &str| -> usize { TABLE.iter().find(|known| known.name == metric).unwrap().series_max() };
    let (numbers, others): (Vec<&Reason>, Vec<&Reason>) =
        Reason::ALL.iter().partition(|reason| reason.is_number_fault());
    assert!(others.len() <= at_most("st_feed_rejected_total"));
    assert!(numbers.len() <= at_most("st_feed_bad_numbers_total"));
}

/// A metric that is counted and not in the table would be on no page of prose, and in no bound.
#[test]
fn whatever_is_counted_stands_in_the_table_and_the_other_way_round() {
    let mut folders = vec![root().join("src")];
    let mut named = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with("telemetry/table.rs") {
                let text = fs::read_to_string(&path).unwrap();
                let names = text.split('"').skip(1).filter(|text| text.starts_with("st_"));
                named.extend(names.map(str::to_owned));
            }
        }
    }
    let word = |name: &String| name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    named.retain(word);
    let known: BTreeSet<String> = TABLE.iter().map(|metric| metric.name.to_owned()).collect();
    assert_eq!(named, known);
}

/// What the scraper and the cluster add themselves would be renamed; the rest is how Prometheus wants names.
#[test]
fn the_metrics_are_named_by_the_book() {
    let taken = ["namespace", "pod", "job", "service", "container", "instance", "le", "quantile"];
    let mut names = BTreeSet::new();
    for metric in TABLE {
        let name = metric.name;
        assert!(names.insert(name) && name.starts_with("st_") && !metric.help.ends_with('.'), "{name}");
        assert_eq!(metric.kind == Kind::Counter, name.ends_with("_total"), "{name}");
        let unnamed = ["_sum", "_count", "_bucket", "_milliseconds", "_ms", "_us"];
        assert!(!unnamed.iter().any(|ending| name.ends_with(ending)), "{name}");
        assert!(metric.labels.iter().all(|label| !taken.contains(&label.name)), "{name}");
    }
}

/// The names in the last column of the steps and ages are the code's, all of them.
#[test]
fn the_page_of_rules_has_every_name() {
    let page = read("docs/rules.md");
    let rows = page.lines().filter(|line| line.starts_with("| "));
    let last = rows.filter_map(|line| line.trim_end_matches(" |").rsplit_once("| ").map(|(_, last)| last));
    let named = |cell: &str| Some(cell.split('`').nth(1)?.to_owned());
    let (skips, rules): (Vec<&str>, Vec<&str>) =
        last.filter(|cell| cell.contains('`')).partition(|cell| cell.starts_with("skip `"));
    let skips: BTreeSet<String> = skips.into_iter().filter_map(named).collect();
    let known: BTreeSet<String> = Skip::ALL.iter().map(|skip| skip.name().to_owned()).collect();
    assert_eq!(skips, known);
    for rule in Rule::ALL {
        assert!(rules.iter().any(|cell| named(cell).as_deref() == Some(rule.name())), "{}", rule.name());
    }
}

/// The blocks of JSON below a heading or text, until the next heading.
fn json_blocks<'a>(page: &'a str, from: &str) -> Vec<&'a str> {
    let (_, rest) = page.split_once(from).unwrap_or_else(|| panic!("{from} is gone"));
    let section = rest.split("\n## ").next().unwrap();
    section.split("```json\n").skip(1).map(|block| block.split("```").next().unwrap()).collect()
}

fn answers(config: &str, events: &str, expect: &str) {
    let config = Config::parse(config.as_bytes()).unwrap();
    let mut decider = Decider::new(&config.instruments[0], config.process.seed);
    let answer = |event: &str| serde_json::to_value(decider.answer(event).unwrap()).unwrap();
    let got: Vec<Value> = events.lines().map(answer).collect();
    let want: Vec<Value> = expect.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(got, want[..got.len()]);
}

#[test]
fn the_examples_of_decide_are_what_it_says() {
    let readme = read("README.md");
    let config = json_blocks(&readme, "## Configuration")[0];
    let blocks = json_blocks(&readme, "`decide` answers what");
    answers(config, blocks[0], blocks[1]);
    let rules = read("docs/rules.md");
    let blocks = json_blocks(&rules, "## The case format");
    answers(config, blocks[0], blocks[1]);
}

#[test]
fn the_readme_names_every_command_and_no_other() {
    let readme = read("README.md");
    let section = readme.split("## Commands").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split(['`', ' ']).next());
    let named: BTreeSet<String> = rows.map(str::to_owned).collect();
    let known: BTreeSet<String> =
        Cli::command().get_subcommands().map(|command| command.get_name().to_owned()).collect();
    assert_eq!(named, known);
}

#[test]
fn the_faults_of_the_venues_page_are_taken_and_all_of_them_stand_there() {
    let page = read("docs/venue.md");
    let blocks = json_blocks(&page, "## Faults");
    assert!(!FaultScript::parse(blocks[0]).unwrap().switches().is_empty());
    let section = page.split("\n## Faults").nth(1).unwrap().split("\n## ").next().unwrap();
    let table = section.split("| fault | parameters |").nth(1).unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let told: BTreeSet<&str> = rows.collect();
    let schema = FaultScript::json_schema();
    let known = schema["$defs"]["Fault"]["oneOf"].as_array().unwrap();
    assert_eq!(told, known.iter().map(|fault| fault["const"].as_str().unwrap()).collect());
}

/// Files that the prose links to or names as code are there.
#[test]
fn what_is_pointed_at_is_there() {
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        let folder = page.parent().unwrap();
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.starts_with("http") && !link.starts_with('#')) {
            let file = link.split('#').next().unwrap();
            assert!(folder.join(file).exists(), "{}: {link}", page.display());
        }
        let named = text.split('`').skip(1).step_by(2);
        let tops = ["src/", "pipeline/", "schemas/", "tests/", "benches/", "scripts/", "docs/"];
        for path in named.filter(|path| tops.iter().any(|top| path.starts_with(top))) {
            let path = path.split([' ', ':']).next().unwrap();
            assert!(root().join(path).exists(), "{}: {path}", page.display());
        }
    }
}
