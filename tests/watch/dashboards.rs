//! The chart's dashboards: that they are sound, and that every panel shows something of a real run with faults.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use schemas::ids::{ClientOrderId, Epoch, Leg};
use self_trader::telemetry::metrics::TABLE;
use serde_json::{Value, json};

use crate::alerts::{contradicted, refused_cancels, told_to_wait};
use crate::chart::{JOB, NAMESPACE, Tools};
use crate::process::{now, until};
use crate::rig::{Rig, SYMBOLS};
use crate::venue_client::rest;

/// The symbol that the instrument's dashboard looks at.
const SYMBOL: &str = SYMBOLS[0];

fn boards() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("helm/self-trader/dashboards");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let boards: Vec<(String, Value)> = files
        .map(|file| {
            let name = file.file_name().unwrap().to_str().unwrap().to_owned();
            (name, serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap())
        })
        .collect();
    assert_eq!(boards.len(), 2);
    boards
}

fn panels(board: &Value) -> &Vec<Value> {
    board["panels"].as_array().unwrap()
}

/// Titles and queries of a dashboard's panels.
fn queries(board: &Value) -> Vec<(&str, &str)> {
    let targets = panels(board).iter().flat_map(|panel| {
        let targets = panel["targets"].as_array().into_iter().flatten();
        targets.map(|target| (panel["title"].as_str().unwrap(), target["expr"].as_str().unwrap()))
    });
    targets.collect()
}

/// Names in a query that look like ours.
fn metrics(query: &str) -> impl Iterator<Item = &str> {
    let words = query.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with("st_"))
}

fn is_known(name: &str) -> bool {
    let of_family = |metric: &str| {
        let part = name.strip_prefix(metric);
        part.is_some_and(|part| ["", "_bucket", "_sum", "_count"].contains(&part))
    };
    TABLE.iter().any(|metric| of_family(metric.name))
}

#[test]
fn dashboards_and_rules_name_metrics_that_exist() {
    for (file, board) in boards() {
        for (title, query) in queries(&board) {
            for name in metrics(query) {
                assert!(is_known(name), "{file}, {title}: {name}");
            }
        }
    }
    let Some(tools) = Tools::find() else { return };
    let rules = tools.rules(&[]);
    let named: BTreeSet<&str> = metrics(&rules).collect();
    assert!(named.len() > 10);
    for name in named {
        assert!(is_known(name), "{name}");
    }
}

#[test]
fn panels_have_numbers_places_and_sources_of_their_own() {
    for (file, board) in boards() {
        let mut ids = BTreeSet::new();
        let mut taken = BTreeSet::new();
        for panel in panels(&board) {
            let title = panel["title"].as_str().unwrap();
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{file}, {title}: its id");
            let at = |side: &str| panel["gridPos"][side].as_u64().unwrap_or(0);
            assert!(at("x") + at("w") <= 24, "{file}, {title}: too wide");
            for x in at("x")..at("x") + at("w") {
                for y in at("y")..at("y") + at("h") {
                    assert!(taken.insert((x, y)), "{file}, {title}: over another panel");
                }
            }
            if panel["type"] == "row" {
                continue;
            }
            assert!(panel["description"].is_string(), "{file}, {title}");
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{file}, {title}");
            let targets = panel["targets"].as_array().unwrap();
            assert!(!targets.is_empty(), "{file}, {title}");
            for target in targets {
                assert_eq!(target["datasource"]["uid"], "${datasource}", "{file}, {title}");
                assert!(target["expr"].as_str().unwrap().contains("namespace=\"$namespace\",job=\"$job\""));
            }
        }
    }
}

/// A query as a screen of a few minutes would send it.
fn filled_in(query: &str) -> String {
    query
        .replace("$__rate_interval", "15s")
        .replace("$__range:15s", "2m:1s")
        .replace("$namespace", NAMESPACE)
        .replace("$job", JOB)
        .replace("$symbol", SYMBOL)
}

#[test]
fn every_panel_shows_something_of_a_run_with_faults() {
    let Some(mut rig) = Rig::start() else { return };
    broken_messages(&rig);
    refused_cancels(&rig);
    stopped_book(&rig);
    refused_orders(&rig);
    another_owner(&rig);
    told_to_wait(&rig);
    contradicted(&rig);
    frozen(&rig);
    rig.redis.kill();
    rig.seen("increase(st_lease_errors_total[15s]) > 0");
    rig.redis.launch();
    rig.seen("increase(st_feed_reconnects_total[15s]) > 0");
    rig.trades_on(&SYMBOLS);
    handed_over(&mut rig);
    rig.trades_on(&SYMBOLS);
    rig.seen("changes(max by (pod) (st_start_time_seconds)[2m:1s]) > 0");

    let exported: Vec<String> =
        rig.prometheus.labels().into_iter().filter(|label| label.starts_with("exported_")).collect();
    assert!(exported.is_empty(), "labels of ours that a cluster's take the place of: {exported:?}");
    let mut empty = Vec::new();
    for (file, board) in boards() {
        for (title, query) in queries(&board) {
            let query = filled_in(query);
            assert!(!query.contains('$'), "{file}, {title}: {query}");
            let values = rig.prometheus.values_ever(&query);
            if !values.iter().any(|value| value.is_finite() && *value != 0.0) {
                empty.push(format!("{file}, {title}: {query}"));
            }
        }
        for (series, label) in variables(&board) {
            // A scrape that was missed leaves nothing for a moment.
            until(&format!("{file}: {series}, {label}"), || {
                let found = rig.prometheus.query(&format!("group by ({label}) ({})", filled_in(&series)));
                found.iter().any(|one| one["metric"][&label].is_string()).then_some(())
            });
        }
    }
    assert!(empty.is_empty(), "{}", empty.join("\n"));
    rig.finish();
}

/// What the variables take their values from: series and label.
fn variables(board: &Value) -> Vec<(String, String)> {
    let list = board["templating"]["list"].as_array().unwrap();
    let names: Vec<&str> = list.iter().map(|variable| variable["name"].as_str().unwrap()).collect();
    assert_eq!(names[..3], ["datasource", "namespace", "job"]);
    let queries = list.iter().filter(|variable| variable["type"] == "query");
    let values = queries.map(|variable| {
        let query = variable["query"].as_str().unwrap().strip_prefix("label_values(").unwrap();
        let (series, label) = query.strip_suffix(')').unwrap().rsplit_once(", ").unwrap();
        (series.to_owned(), label.to_owned())
    });
    values.collect()
}

/// A reason shows with its first message, and grows with the next.
fn broken_messages(rig: &Rig) {
    until("messages are refused", || {
        rig.publish(SYMBOL, "{");
        (!rig.prometheus.query("increase(st_feed_rejected_total[15s]) > 0").is_empty()).then_some(())
    });
}

fn stopped_book(rig: &Rig) {
    let fault = |on: bool| json!({ "fault": "stop_book", "symbol": SYMBOL, "on": on });
    rig.venue.fault(&fault(true));
    rig.seen(&format!(
        "increase(st_ticks_skipped_total{{symbol=\"{SYMBOL}\",reason=\"stale_book\"}}[5s]) > 3"
    ));
    rig.seen("increase(st_book_resyncs_total[15s]) > 0");
    rig.venue.fault(&fault(false));
    rig.trades_on(&[SYMBOL]);
}

/// More than the account can pay.
fn refused_orders(rig: &Rig) {
    let query = format!("increase(st_orders_refused_total{{symbol=\"{SYMBOL}\"}}[15s]) > 0");
    until("the venue refuses orders", || {
        let time = self_trader::clock::wall_ms();
        let tick =
            json!({ "price": "1000.05", "qty": "900000000000", "time": time, "id": format!("big-{time}") });
        rig.publish(SYMBOL, &tick.to_string());
        (!rig.prometheus.query(&query).is_empty()).then_some(())
    });
}

/// An order by the hand of another owner: our prefix, a later epoch. Ours gives way, and begins anew above it.
fn another_owner(rig: &Rig) {
    let orders = rig.venue.ledger(&format!("orders?symbol={SYMBOL}"));
    let ids = orders.as_array().unwrap().iter().map(|order| order["clientOrderId"].as_str().unwrap());
    let ours = ids.filter_map(ClientOrderId::parse).max_by_key(ClientOrderId::epoch).unwrap();
    let later = Epoch::new(ours.epoch().number() + 1);
    let foreign = ClientOrderId::new(ours.prefix(), later, 1, Leg::Maker);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let query = "quantity=1&price=1.00&type=LIMIT_MAKER&side=BUY";
    let query = format!("symbol={SYMBOL}&newClientOrderId={foreign}&{query}");
    let reply = runtime.block_on(rest(rig.venue.addr, "POST", "/api/v3/order", &query));
    assert_eq!(reply.status, 200, "{}", reply.body);
    rig.seen(&format!("increase(st_ownership_conflicts_total{{symbol=\"{SYMBOL}\"}}[15s]) > 0"));
    rig.trades_on(&[SYMBOL]);
}

/// The whole process stands still for longer than the thread's watch allows.
fn frozen(rig: &Rig) {
    rig.pods[0].process.signal("STOP");
    let began = now();
    until("three seconds", || (began.elapsed() > Duration::from_secs(3)).then_some(()));
    rig.pods[0].process.signal("CONT");
    // The scrapes of those seconds are missing.
    rig.seen("increase(st_loop_stalls_total[15s]) > 0");
}

/// A pod that is told to stop, and started again. One symbol is slow to end, so that the pod's page still shows how the
/// others were handed over.
fn handed_over(rig: &mut Rig) {
    let fault = |on: bool| json!({ "fault": "delay_answers", "ms": 4_000, "symbol": SYMBOL, "on": on });
    let owned = format!("st_symbol_owned{{symbol=\"{SYMBOL}\"}} == 1");
    let owner = until("an owner shows", || rig.prometheus.query(&owned).first().cloned());
    let pod = owner["metric"]["pod"].as_str().unwrap();
    let ordinal: usize = pod.rsplit('-').next().unwrap().parse().unwrap();
    rig.venue.fault(&fault(true));
    rig.pods[ordinal].process.signal("TERM");
    rig.seen("increase(st_handover_seconds_count[15s]) > 0");
    rig.venue.fault(&fault(false));
    rig.pods[ordinal].process.wait();
    rig.restart(ordinal);
}
