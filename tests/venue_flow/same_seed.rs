//! Without sockets, in virtual time: the same seed gives the same events.

use std::path::Path;

use schemas::units::Decimal;
use self_trader::simulator::door::Door;
use self_trader::simulator::{
    self, AccountSpec, CrowdSettings, LedgerOptions, Product, Summary, SymbolSpec, VenueOptions,
};
use serde_json::{Value, json};

use crate::client::{Key, signed};
use crate::flow::{ACCOUNTS, Asked, HEDGED, Trader};

/// Where the virtual clock begins.
const BEGIN_MS: i64 = 1_790_000_000_000;

/// Two symbols of each product, three accounts, and a crowd.
pub(crate) fn options() -> VenueOptions {
    let mut symbols = vec![
        SymbolSpec::named("BTCUSDT", 2, 6),
        SymbolSpec::named("ETHUSDT", 2, 6),
        SymbolSpec::perpetual("BTCUSDT", 1, 3),
        SymbolSpec::perpetual("ETHUSDT", 2, 3),
    ];
    for symbol in &mut symbols {
        symbol.start_price = Some(Decimal::from_steps(100, 0));
    }
    let account = |(at, key): (usize, &Key)| {
        let spec = AccountSpec::new(key.key, key.secret);
        AccountSpec { hedge: at == HEDGED, ..spec }
    };
    let accounts = ACCOUNTS.iter().enumerate().map(account).collect();
    VenueOptions { symbols, accounts, crowd: Some(CrowdSettings::small()), ..VenueOptions::default() }
}

/// Every account trades both products, over a WS API connection each; the books are checked as they go.
fn run(seed: u64, requests: u64, record: Option<&Path>) -> Summary {
    let ledger = LedgerOptions {
        record: record.map(Path::to_owned),
        check_every: std::num::NonZeroU64::new(100),
        ..LedgerOptions::default()
    };
    let mut door = Door::new(&VenueOptions { ledger, ..options() }).unwrap();
    let mut traders = Vec::new();
    for (at, key) in ACCOUNTS.into_iter().enumerate() {
        for (product, address) in [(Product::Spot, "/ws-api/v3"), (Product::UsdM, "/ws-fapi/v1")] {
            let name = format!("{}{at}", product.as_str());
            let trader = Trader::new(&name, key, product, seed ^ (at as u64) << 8 ^ product.index() as u64);
            traders.push((trader, door.connect(address)));
        }
    }
    let streams = ["/ws/btcusdt@depth@100ms/btcusdt@trade", "/stream?streams=ethusdt@bookTicker"];
    let listeners = streams.map(|address| door.connect(address));
    for number in 0..requests {
        let now_ms = BEGIN_MS + i64::try_from(number).unwrap() * 3;
        let turn = usize::try_from(number).unwrap() % traders.len();
        let (trader, connection) = &mut traders[turn];
        door.frame(*connection, &frame(trader, number, now_ms), now_ms);
        if number.is_multiple_of(16) {
            door.tick(now_ms);
        }
        for connection in listeners.into_iter().chain([*connection]) {
            door.take(connection);
        }
    }
    let closing = door.close();
    assert_eq!(closing.failure, None);
    closing.summary
}

fn frame(trader: &mut Trader, number: u64, now_ms: i64) -> String {
    let Asked { method, mut params, signed: wants_key } = trader.next();
    if wants_key {
        params["timestamp"] = now_ms.into();
        params = signed(trader.key, params);
    }
    let frame: Value = json!({"id": number, "method": method, "params": params});
    frame.to_string()
}

#[test]
fn the_same_seed_gives_the_same_events_and_another_one_others() {
    let once = run(7, 20_000, None);
    assert!(once.trades > 1_000 && once.ended > 1_000, "{once:?}");
    assert_eq!(run(7, 20_000, None), once);
    assert_ne!(run(8, 20_000, None).event_log_hash, once.event_log_hash);
}

#[test]
fn a_recorded_run_replays_to_the_same_events() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("commands");
    let ran = run(9, 20_000, Some(&log));
    let replayed = simulator::replay(&log, std::num::NonZeroU64::new(1_000)).unwrap();
    assert_eq!((replayed.summary, replayed.torn, replayed.broken), (ran, false, None));
    assert_eq!(replayed.profile, "open");
}
