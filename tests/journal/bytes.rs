//! Every prefix opens, every flipped bit is found, everything comes back as it went in.

use proptest::prelude::*;
use schemas::journal::{Record, Traded};
use schemas::tick::{TickId, TradeKey};
use self_trader::journal::codec::{Damage, MAGIC, Start, encode, scan, start};

use crate::{intent, outcome};

fn record(number: u64) -> Record<'static> {
    if number.is_multiple_of(2) { intent(number / 2) } else { Record::Outcome(outcome(number / 2)) }
}

/// A journal of that many records, and where each of them ends.
fn journal(records: u64) -> (Vec<u8>, Vec<usize>) {
    let mut bytes = MAGIC.to_vec();
    let mut ends = vec![bytes.len()];
    for seq in 0..records {
        encode(&record(seq), seq, &mut bytes).unwrap();
        ends.push(bytes.len());
    }
    (bytes, ends)
}

/// Promise P12.
#[test]
fn every_prefix_of_ten_thousand_records_opens() {
    let (bytes, ends) = journal(10_000);
    // A scan of each of millions of prefixes would take days. The reader goes on frame by frame, so a cut within one
    // frame is judged by what is left of that frame alone: each cut is tried behind the records before it.
    for (seq, pair) in ends.windows(2).enumerate() {
        let every = if seq < 40 { 1 } else { 97 };
        for cut in (pair[0]..pair[1]).step_by(every) {
            let tail = &bytes[pair[0]..cut];
            let few = [&bytes[..ends[0]], tail].concat();
            let found = scan(&few);
            assert!(found.frames.is_empty() && found.salvaged.is_empty(), "{seq} {cut}");
            assert_eq!(found.damage.is_some(), cut > pair[0]);
        }
    }
    // And whole prefixes, at the ends of records and anywhere else.
    for cut in (0..bytes.len()).step_by(bytes.len() / 101).chain([ends[9_999], bytes.len() - 1, bytes.len()])
    {
        let prefix = &bytes[..cut];
        if cut < MAGIC.len() {
            assert_eq!(start(prefix), Start::Cut, "{cut}");
            continue;
        }
        let found = scan(prefix);
        let whole = ends.iter().filter(|end| **end <= cut).count() - 1;
        assert_eq!(found.frames.len(), whole, "{cut}");
        let torn = (ends[whole] < cut).then_some(Damage::Tail { at: ends[whole] });
        assert_eq!(found.damage, torn, "{cut}");
    }
}

/// Fault D3.
#[test]
fn zeros_and_garbage_at_the_end_are_a_tail() {
    let (bytes, ends) = journal(20);
    for tail in [vec![0; 4_096], b"{\"intent\":{}} and so on".to_vec(), vec![0xff; 700]] {
        let found_in = [bytes.as_slice(), &tail].concat();
        let found = scan(&found_in);
        assert_eq!(
            (found.frames.len(), found.damage),
            (20, Some(Damage::Tail { at: *ends.last().unwrap() }))
        );
    }
}

/// Fault D3.
#[test]
fn frames_out_of_place_are_found() {
    let (bytes, ends) = journal(20);
    let frame = |seq: usize| &bytes[ends[seq]..ends[seq + 1]];
    let swapped = [&bytes[..ends[5]], frame(6), frame(5), &bytes[ends[7]..]].concat();
    let missing = [&bytes[..ends[5]], &bytes[ends[6]..]].concat();
    let twice = [&bytes[..ends[6]], frame(5), &bytes[ends[6]..]].concat();
    for (what, bytes, seq) in [("swapped", swapped, 5), ("missing", missing, 5), ("twice", twice, 6)] {
        let found = scan(&bytes);
        assert!(matches!(found.damage, Some(Damage::Middle { seq: at, .. }) if at == seq), "{what}");
        assert_eq!(found.frames.len() as u64, seq, "{what}");
    }
}

#[test]
fn what_is_no_journal_is_told_apart() {
    let mut newer = MAGIC.to_vec();
    newer[15] += 1;
    assert_eq!(start(&newer), Start::Newer);
    assert_eq!(start(b"{\"v\":1,\"owner\":{}}\n"), Start::Foreign);
    assert_eq!(start(b"x"), Start::Foreign);
    for cut in [&b""[..], &MAGIC[..7], &[0; 16], &[0; 4_096]] {
        assert_eq!(start(cut), Start::Cut);
    }
}

proptest! {
    #[test]
    fn one_flipped_bit_is_found(at in 16_usize..4_000, bit in 0_u8..8) {
        let (mut bytes, ends) = journal(20);
        let at = at.min(bytes.len() - 1);
        bytes[at] ^= 1 << bit;
        let hit = ends.iter().filter(|end| **end <= at).count() - 1;
        let found = scan(&bytes);
        prop_assert_eq!(found.frames.len(), hit, "nothing is misread, nothing before it is lost");
        let expected = if hit == 19 {
            Damage::Tail { at: ends[19] }
        } else {
            Damage::Middle { seq: hit as u64, at: ends[hit] }
        };
        prop_assert_eq!(found.damage, Some(expected));
        prop_assert_eq!(found.salvaged.len(), 19 - hit);
    }

    #[test]
    fn any_bytes_can_be_scanned(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        let whole = [MAGIC.as_slice(), &bytes].concat();
        let found = scan(&whole);
        prop_assert!(found.frames.is_empty() && found.salvaged.is_empty());
    }

    #[test]
    fn trades_come_back_as_they_were(
        number: u64, hash: u64, text in "[a-zA-Z0-9\"\\\\ é]{0,20}", floor: Option<u64>, newest_ms: Option<i64>,
    ) {
        let trades =
            vec![TradeKey::Number(number), TradeKey::Text(TickId::new(&text)), TradeKey::Content(hash)];
        let record = Record::Traded(Traded { key: text, newest_ms, floor, trades });
        let mut bytes = MAGIC.to_vec();
        encode(&record, 0, &mut bytes).unwrap();
        let found = scan(&bytes);
        let back: Record<'_> = serde_json::from_slice(found.frames[0].payload).unwrap();
        prop_assert_eq!(back, record);
    }
}

#[test]
fn every_record_comes_back_as_it_was() {
    let (bytes, _) = journal(200);
    let found = scan(&bytes);
    for frame in &found.frames {
        let back: Record<'_> = serde_json::from_slice(frame.payload).unwrap();
        assert_eq!(back, record(frame.seq));
    }
    assert_eq!((found.frames.len(), found.damage), (200, None));
}
