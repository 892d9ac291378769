//! Two processes that share with nobody, and share all the same: the one that was started first gives way.

use std::collections::BTreeMap;
use std::time::Duration;

use schemas::ids::ClientOrderId;
use serde_json::json;

use crate::members::{Fleet, pass, together};
use crate::process::until;
use crate::publisher::Steady;
use crate::redis::Redis;

const SYMBOLS: usize = 2;
const AFTERWARDS: Duration = Duration::from_secs(2);

/// Fault K3, O22.
/// Promise P3.
#[test]
fn of_two_that_are_each_alone_the_earlier_one_stands_still() {
    let _small = together();
    let Some(redis) = Redis::start(&[]) else { return };
    let mut fleet = Fleet::new(SYMBOLS);
    let steady = Steady::redis(&redis, &fleet.symbols);
    let settings = json!({ "Feed": redis.url() });
    fleet.start("first", &settings, &[]);
    fleet.settle("one starts", &["first"]);
    fleet.start("second", &settings, &[]);
    until("the first gives way", || fleet.owned_by("first").is_empty().then_some(()));
    fleet.settle("the second trades", &["second"]);
    pass(AFTERWARDS);
    assert!(fleet.owned_by("first").is_empty(), "it does not come back");
    assert!(fleet.total("first", "st_ownership_conflicts_total") >= 1.0);
    assert_eq!(fleet.total("second", "st_ownership_conflicts_total"), 0.0);

    let mut newest = BTreeMap::new();
    let orders = fleet.venue.ledger("orders");
    let mut orders: Vec<_> = orders.as_array().unwrap().iter().collect();
    orders.sort_by_key(|order| order["orderId"].as_u64());
    for order in orders {
        let (symbol, id) = (order["symbol"].as_str().unwrap(), order["clientOrderId"].as_str().unwrap());
        let epoch = ClientOrderId::parse(id).unwrap().epoch();
        let before = newest.insert(symbol, epoch);
        assert!(before <= Some(epoch), "{order} after {before:?}");
    }
    let epochs: Vec<_> = fleet.owned_by("second").into_iter().collect();
    assert_eq!(epochs.len(), SYMBOLS);
    assert!(epochs.iter().all(|(symbol, epoch)| newest[symbol.as_str()] == *epoch));
    drop(steady);
    fleet.stop("first");
    fleet.stop("second");
}
