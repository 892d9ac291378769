//! Which shard owns which symbol (P3, K4).
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;

use proptest::prelude::*;
use self_trader::assign::{SHARDS_MAX, Shard, owner};

/// Names as venues have them: short, alike, with a common end.
fn symbols(count: usize) -> Vec<String> {
    let quotes = ["USDT", "USDC", "BTC", "FDUSD"];
    let letter = |number: usize| char::from(b'A' + u8::try_from(number % 26).unwrap());
    (0..count)
        .map(|number| {
            let base: String = [number / 2_704, number / 104, number / 4].map(letter).iter().collect();
            format!("{}{base}{}", number / 70_304, quotes[number % 4])
        })
        .collect()
}

/// How far a count of `n` draws of chance `p` may lie from its mean: six standard deviations.
fn bound(n: usize, p: f64) -> f64 {
    6.0 * (f64::from(u32::try_from(n).unwrap()) * p * (1.0 - p)).sqrt()
}

fn float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}

#[test]
fn owners_stay_what_they_are() {
    // Another answer in another version would let two pods of one rolling update disagree.
    let owners: Vec<u32> =
        ["BTCUSDT", "ETHUSDT", "SOLUSDT", "1000PEPEUSDT", ""].iter().map(|symbol| owner(symbol, 5)).collect();
    assert_eq!(owners, [0, 3, 0, 0, 3]);
    let of_seven: Vec<u32> = (0..20).map(|number| owner(&format!("S{number}USDT"), 7)).collect();
    assert_eq!(of_seven, OF_SEVEN);
    assert_eq!(owner("BTCUSDT", 0), 0, "no shards: nobody asks, and nothing breaks");
}

/// Computed apart from this code, from the hash's definition.
const OF_SEVEN: [u32; 20] = [6, 1, 5, 4, 6, 4, 2, 6, 5, 0, 0, 0, 2, 1, 5, 0, 6, 4, 0, 6];

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_symbol_has_exactly_one_owner(symbol in "[A-Z0-9_-]{1,20}", shards in 1..=64_u32) {
        let owners = (0..shards + 3).filter(|ordinal| Shard { ordinal: *ordinal, shards }.owns(&symbol));
        prop_assert_eq!(owners.collect::<Vec<_>>(), vec![owner(&symbol, shards)]);
    }

    #[test]
    fn one_shard_more_takes_its_share_and_moves_nothing_else(count in 300..10_000_usize, shards in 1..24_u32) {
        let symbols = symbols(count);
        let mut moved = 0;
        for symbol in &symbols {
            let (before, after) = (owner(symbol, shards), owner(symbol, shards + 1));
            prop_assert!(after == before || after == shards, "{} went from {} to {}", symbol, before, after);
            moved += usize::from(after != before);
        }
        let share = 1.0 / f64::from(shards + 1);
        let off = (float(moved) - float(count) * share).abs();
        prop_assert!(off <= bound(count, share), "{} of {} for shard {}", moved, count, shards);
    }

    #[test]
    fn shards_own_about_as_much(count in 300..10_000_usize, shards in 2..24_u32) {
        let symbols = symbols(count);
        for ordinal in 0..shards {
            let owned = symbols.iter().filter(|symbol| owner(symbol, shards) == ordinal).count();
            let share = 1.0 / f64::from(shards);
            let off = (float(owned) - float(count) * share).abs();
            prop_assert!(off <= bound(count, share), "shard {}/{} owns {} of {}", ordinal, shards, owned, count);
        }
    }

    #[test]
    fn the_order_of_symbols_and_the_company_they_are_in_mean_nothing(
        symbols in proptest::collection::vec("[A-Z]{3,9}", 1..50), shards in 1..12_u32, ordinal in 0..12_u32,
    ) {
        let shard = Shard { ordinal, shards };
        let owned = |symbols: &mut dyn Iterator<Item = &String>| -> BTreeSet<String> {
            symbols.filter(|symbol| shard.owns(symbol)).cloned().collect()
        };
        let forward = owned(&mut symbols.iter());
        prop_assert_eq!(&forward, &owned(&mut symbols.iter().rev()));
        let each = symbols.iter().filter(|symbol| !owned(&mut std::iter::once(*symbol)).is_empty());
        prop_assert_eq!(forward, each.cloned().collect());
    }
}

#[test]
fn the_test_symbols_are_as_many_as_they_seem() {
    assert_eq!(symbols(10_000).iter().collect::<BTreeSet<_>>().len(), 10_000);
}

#[test]
fn a_shard_is_read_from_its_argument() {
    assert_eq!(Shard::parse("2/5"), Ok(Shard { ordinal: 2, shards: 5 }));
    assert_eq!("0/1".parse(), Ok(Shard { ordinal: 0, shards: 1 }));
    assert_eq!(Shard::parse("2/5").unwrap().to_string(), "2/5");
    let form = |got: &str| format!("not a shard (got \"{got}\", want ORDINAL/SHARDS, such as 2/5)");
    for (text, error) in [
        ("5/5", "shard ordinal out of range (got 5, want 0 to 4)".to_owned()),
        ("99999999999/5", "shard ordinal out of range (got 99999999999, want 0 to 4)".to_owned()),
        ("0/0", format!("number of shards out of range (got 0, want 1 to {SHARDS_MAX})")),
        ("0/1001", format!("number of shards out of range (got 1001, want 1 to {SHARDS_MAX})")),
        ("", form("")),
        ("3", form("3")),
        ("-1/5", form("-1/5")),
        ("+1/5", form("+1/5")),
        ("1/5/5", form("1/5/5")),
        ("/", form("/")),
        ("a\nb", form("a\\nb")),
        ("1/99999999999999999999999", form("1/99999999999999999999999")),
    ] {
        assert_eq!(Shard::parse(text).unwrap_err().to_string(), error);
    }
    assert!(Shard::parse(&"x".repeat(1_000)).unwrap_err().to_string().len() < 130);
}

#[test]
fn a_pods_name_tells_its_ordinal() {
    let of = |name| Shard::from_pod_name(name, 3);
    assert_eq!(of("self-trader-2"), Some(Shard { ordinal: 2, shards: 3 }));
    assert_eq!(of("a-b-0"), Some(Shard { ordinal: 0, shards: 3 }));
    let beyond = of("self-trader-7").unwrap();
    assert!(beyond.is_idle());
    assert!(symbols(300).iter().all(|symbol| !beyond.owns(symbol)), "what is beyond the shards owns nothing");
    for name in ["", "laptop", "self-trader-", "self-trader-x", "self-trader-2a", "trader-99999999999", "7"] {
        assert_eq!(of(name), None, "{name}");
    }
}
