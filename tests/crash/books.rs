//! What the journals say, added up over all runs, held against the venue's own ledger.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use schemas::ids::{ClientOrderId, Leg};
use schemas::journal::{Evidence, Intent, Outcome, Record};
use schemas::units::Decimal;
use self_trader::journal::codec::{Damage, scan};
use serde_json::Value;

use crate::market::trade_of;
use crate::process::millis;

/// No maker may be open for longer: 3 s in doubt and the venue's switch of 5 s.
const OPEN_MAX_MS: i64 = 8_000;

/// All records of all runs: a folder keeps its newest files only.
#[derive(Default)]
pub(crate) struct Books {
    files: BTreeMap<String, Vec<u8>>,
}

/// What was found.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Found {
    pub(crate) orders: usize,
    pub(crate) pairs: usize,
    pub(crate) never_arrived: usize,
    pub(crate) oldest_ms: i64,
}

impl Books {
    /// Takes in what a folder holds now. A file only ever grows, but for a torn tail.
    pub(crate) fn take(&mut self, journal: &Path) {
        for entry in std::fs::read_dir(journal).into_iter().flatten() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            assert!(!name.ends_with(".quarantined"), "a kill damaged {name}");
            if name.ends_with(".journal") {
                self.files.insert(name, std::fs::read(path).unwrap());
            }
        }
    }

    /// Orders that were to leave and of which no end is known.
    pub(crate) fn in_doubt(&self) -> BTreeSet<ClientOrderId> {
        let (intents, outcomes) = self.records();
        intents.into_keys().filter(|id| !outcomes.contains_key(id)).collect()
    }

    /// Everything that must hold once the last run has ended in order. `lost` is the most that the machine itself stood
    /// still while one maker may have been open.
    pub(crate) fn check(&self, orders: &Value, lost: Duration) -> Found {
        let venue = orders.as_array().unwrap();
        let (intents, outcomes) = self.records();
        one_pair_a_trade(venue, &intents);
        both_ways(venue, &intents, &outcomes);
        let open_ms = |order: &Value| order["updateTime"].as_i64().unwrap() - order["time"].as_i64().unwrap();
        let oldest_ms = makers(venue).map(open_ms).max().unwrap_or(0);
        let open_max = OPEN_MAX_MS + millis(lost);
        assert!(oldest_ms <= open_max, "a maker was open for {oldest_ms} ms, {lost:?} of them lost");
        let never = outcomes.values().filter(|outcome| outcome.evidence == Evidence::NotFound);
        Found { orders: venue.len(), pairs: makers(venue).count(), never_arrived: never.count(), oldest_ms }
    }

    /// Every intent, and every order's outcome.
    fn records(&self) -> (BTreeMap<ClientOrderId, Intent<'_>>, BTreeMap<ClientOrderId, Outcome>) {
        let (mut intents, mut outcomes) = (BTreeMap::new(), BTreeMap::new());
        for (name, bytes) in &self.files {
            let scan = scan(bytes);
            assert!(
                !matches!(scan.damage, Some(Damage::Middle { .. })),
                "{name} is damaged: {:?}",
                scan.damage
            );
            for frame in scan.frames {
                match serde_json::from_slice(frame.payload).unwrap() {
                    Record::Intent(intent) => drop(intents.insert(intent.id, intent)),
                    Record::Outcome(outcome) => {
                        let before = outcomes.insert(outcome.id, outcome.clone());
                        assert!(before.is_none(), "{name} tells of the end of {} once more", outcome.id);
                    }
                    Record::Header(_)
                    | Record::Traded(_)
                    | Record::Cancel(_)
                    | Record::SweepDone(_)
                    | Record::Halt(_)
                    | Record::Release(_)
                    | Record::RunEnded(_) => {}
                }
            }
        }
        (intents, outcomes)
    }
}

/// The last intent of a file's bytes.
pub(crate) fn last_intent(bytes: &[u8]) -> ClientOrderId {
    let id = |payload| match serde_json::from_slice(payload) {
        Ok(Record::Intent(intent)) => Some(intent.id),
        Ok(_) | Err(_) => None,
    };
    scan(bytes).frames.iter().rev().find_map(|frame| id(frame.payload)).unwrap()
}

fn client_id(order: &Value) -> ClientOrderId {
    let text = order["clientOrderId"].as_str().unwrap();
    ClientOrderId::parse(text).unwrap_or_else(|| panic!("{text} is nobody's"))
}

fn makers(venue: &[Value]) -> impl Iterator<Item = &Value> {
    venue.iter().filter(|order| client_id(order).leg() == Leg::Maker)
}

/// P2, by the ledger alone, where the quantity names the trade; and by the journal's own words.
fn one_pair_a_trade(venue: &[Value], intents: &BTreeMap<ClientOrderId, Intent<'_>>) {
    for leg in [Leg::Maker, Leg::Taker] {
        let mut used = BTreeMap::new();
        for order in venue.iter().filter(|order| client_id(order).leg() == leg) {
            let id = client_id(order);
            let trade = trade_of(order["origQty"].as_str().unwrap());
            let known = intents.get(&id).and_then(|intent| intent.trade);
            assert_eq!(known, Some(schemas::tick::TradeKey::Number(trade)), "{order}");
            let before = used.insert(trade, id);
            assert_eq!(before, None, "trade {trade} was made a pair of twice, at last by {id}");
        }
    }
}

/// P13: every order of the venue is in the journal; every end in the journal is the venue's.
fn both_ways(
    venue: &[Value],
    intents: &BTreeMap<ClientOrderId, Intent<'_>>,
    outcomes: &BTreeMap<ClientOrderId, Outcome>,
) {
    let there: BTreeMap<ClientOrderId, &Value> =
        venue.iter().map(|order| (client_id(order), order)).collect();
    assert_eq!(there.len(), venue.len(), "an id was used twice");
    let known: BTreeSet<_> = intents.keys().copied().collect();
    let unknown: Vec<_> = there.keys().filter(|id| !known.contains(id)).collect();
    assert!(unknown.is_empty(), "left without an intent: {unknown:?}");
    for id in known {
        let outcome = outcomes.get(&id).unwrap_or_else(|| panic!("{id} is in doubt for ever"));
        let order = there.get(&id);
        let exists = match outcome.evidence {
            Evidence::Venue | Evidence::Gone => true,
            Evidence::Refused | Evidence::DeniedLocally | Evidence::NotFound => false,
        };
        assert_eq!(order.is_some(), exists, "{outcome:?}, at the venue {order:?}");
        if let Some(order) = order {
            let executed = Decimal::parse(order["executedQty"].as_str().unwrap()).unwrap();
            assert_eq!(outcome.executed, executed, "{outcome:?}, at the venue {order}");
        }
    }
}
