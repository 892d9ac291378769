//! What the next start makes of what an earlier run left.

use std::sync::Arc;
use std::time::Duration;

use schemas::config::JournalSync;
use schemas::journal::Record;
use schemas::tick::TradeKey;
use self_trader::clock::Clock;
use self_trader::journal::{Journal, JournalError, Owner, Recovered, RunStatus};

use crate::disk::MemoryDisk;
use crate::{id, intent, outcome, owner};

fn open(disk: &MemoryDisk) -> (Journal, Recovered) {
    open_as(disk, &owner()).unwrap()
}

fn open_as(disk: &MemoryDisk, owner: &Owner) -> Result<(Journal, Recovered), JournalError> {
    Journal::open(Arc::new(disk.clone()), "journal", owner, JournalSync::Batch, Clock::start())
}

fn commit(journal: &Journal) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // A machine that stood still keeps a sync waiting for longer than is trusted: then it is asked for again.
    let committed = (0..1_000).any(|_| {
        let written = runtime.block_on(journal.commit()).is_ok();
        if !written {
            std::thread::sleep(Duration::from_millis(10));
        }
        written
    });
    assert!(committed, "{:?}", journal.trouble());
}

/// What was committed is synced: the end of a run is written down where nothing waits.
fn synced(disk: &MemoryDisk, journal: &Journal, note: impl FnOnce()) {
    let before = disk.inner().syncs;
    note();
    commit(journal);
    let synced = (0..1_000).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        disk.inner().syncs > before
    });
    assert!(synced, "{:?}", journal.trouble());
}

/// Ten orders, of which the last three have no outcome; then the process is gone.
fn crash(disk: &MemoryDisk) {
    let (journal, _) = open(disk);
    for sequence in 0..10 {
        journal.note(|| intent(sequence));
        if sequence < 7 {
            journal.note_outcome(id(sequence), || outcome(sequence));
        }
    }
    commit(&journal);
    // A thread holds it: the lock of a killed process is gone at once.
    disk.inner().locked = false;
}

fn last(recovered: &Recovered) -> RunStatus {
    recovered.runs.last().unwrap().1
}

#[test]
fn what_a_killed_run_left_open_is_in_doubt_and_what_it_traded_is_known() {
    let disk = MemoryDisk::default();
    crash(&disk);
    let (journal, recovered) = open(&disk);
    assert_eq!(last(&recovered), RunStatus::Crashed(0));
    assert_eq!(recovered.in_doubt(), [id(7), id(8), id(9)]);
    assert!(recovered.highest_epoch().unwrap().number() >= 77);
    let traded = recovered.traded();
    assert_eq!(traded[0].key, "binance_ticker_BTCUSDT");
    assert_eq!(traded[0].trades, (1_000..1_010).map(TradeKey::Number).collect::<Vec<_>>());
    assert_eq!(traded[0].newest_ms, Some(50_009));

    journal.note_outcome(id(8), || outcome(8));
    journal.finish();
    drop(journal);
    disk.inner().locked = false;
    let (_, recovered) = open(&disk);
    assert_eq!(recovered.in_doubt(), [id(7), id(9)], "carried from file to file until there is an outcome");
    let ends: Vec<_> = recovered.runs.iter().map(|(_, status)| *status).collect();
    assert_eq!(ends, [RunStatus::Ended; 2], "the crashed one was sealed");
}

/// Promise P3. Owners that place nothing do not make the latest one that did forgotten, however many files they leave.
#[test]
fn the_latest_epoch_outlives_the_file_that_told_of_its_orders() {
    let disk = MemoryDisk::default();
    crash(&disk);
    let (journal, recovered) = open(&disk);
    let mut latest = recovered.epoch();
    assert!(latest > recovered.highest_epoch() && recovered.highest_epoch().is_some());
    for sequence in 7..10 {
        journal.note_outcome(id(sequence), || outcome(sequence));
    }
    journal.finish();
    drop(journal);
    for _ in 0..20 {
        disk.inner().locked = false;
        let (journal, recovered) = open(&disk);
        assert_eq!(recovered.highest_epoch(), latest, "written down before anything left under it");
        assert!(recovered.epoch() > latest);
        latest = recovered.epoch();
        journal.finish();
    }
}

/// Fault D3.
#[test]
fn a_torn_tail_is_cut_and_the_rest_is_used() {
    let disk = MemoryDisk::default();
    crash(&disk);
    let name = disk.journals().pop().unwrap();
    disk.inner().files.get_mut(&name).unwrap().extend_from_slice(&[0; 100]);
    let (_, recovered) = open(&disk);
    assert_eq!(last(&recovered), RunStatus::Crashed(100));
    assert_eq!(recovered.in_doubt().len(), 3);
}

/// Fault D3.
/// Promise P2, P12.
#[test]
fn damage_in_the_middle_is_put_aside_and_no_trade_of_it_is_forgotten() {
    let disk = MemoryDisk::default();
    crash(&disk);
    let name = disk.journals().pop().unwrap();
    let middle = disk.newest().len() / 2;
    disk.inner().files.get_mut(&name).unwrap()[middle] ^= 4;
    let (_, recovered) = open(&disk);
    assert_eq!(last(&recovered), RunStatus::Quarantined);
    assert!(disk.inner().files.contains_key(&format!("{name}.quarantined")));
    // One record is lost: at most one trade of ten.
    assert!(recovered.traded()[0].trades.len() >= 9);
    assert!(recovered.in_doubt().contains(&id(9)));
}

/// Fault D3.
/// Promise P12.
#[test]
fn a_journal_whose_first_bytes_were_damaged_is_put_aside_and_nothing_of_it_is_forgotten() {
    for byte in 0..14 {
        let disk = MemoryDisk::default();
        crash(&disk);
        let name = disk.journals().pop().unwrap();
        disk.inner().files.get_mut(&name).unwrap()[byte] ^= 4;
        let (_, recovered) = open(&disk);
        assert_eq!(last(&recovered), RunStatus::Quarantined, "byte {byte}");
        assert!(disk.inner().files.contains_key(&format!("{name}.quarantined")));
        assert_eq!(recovered.in_doubt().len(), 3);
        assert_eq!(recovered.traded()[0].trades.len(), 10);
    }
}

#[test]
fn an_outcome_of_an_order_that_was_never_sent_is_no_content_of_ours() {
    let disk = MemoryDisk::default();
    crash(&disk);
    let name = disk.journals().pop().unwrap();
    let mut bytes = disk.newest();
    let seq = self_trader::journal::codec::scan(&bytes).frames.len() as u64;
    self_trader::journal::codec::encode(&Record::Outcome(outcome(99)), seq, &mut bytes).unwrap();
    disk.inner().files.insert(name, bytes);
    let (_, recovered) = open(&disk);
    assert_eq!(last(&recovered), RunStatus::Quarantined);
}

/// Fault D4, K12.
#[test]
fn nothing_but_a_journal_of_ours_is_gone_on_with() {
    let disk = MemoryDisk::default();
    crash(&disk);
    let refused = |owner: Owner| {
        let error = open_as(&disk, &owner).unwrap_err().to_string();
        disk.inner().locked = false;
        error
    };
    let name = disk.journals().pop().unwrap();
    let at = format!("JRN-003 journal/{name}: belongs to another");
    assert_eq!(refused(Owner { shard: 2, ..owner() }), format!("{at} (got shard 0, want shard 2)"));
    assert!(refused(Owner { instance: "blue".into(), ..owner() }).starts_with(&at));
    assert!(refused(Owner { venues: vec!["okx".into()], ..owner() }).starts_with(&at));
    // A venue more is no other journal.
    let more = Owner { venues: vec!["okx".into(), "simulated".into()], shards: 3, ..owner() };
    drop(open_as(&disk, &more).unwrap());
    disk.inner().locked = false;

    let whole = disk.inner().files[&name].clone();
    let mut newer = whole.clone();
    newer[15] = 2;
    let mut others = whole.clone();
    others[0] ^= 1;
    disk.inner().files.insert(name.clone(), others);
    assert!(refused(Owner { shard: 2, ..owner() }).starts_with("JRN-002"), "damaged, and of another shard");
    for (bytes, code) in [(newer, "JRN-004"), (b"a label file, by its looks\n".to_vec(), "JRN-002")] {
        disk.inner().files.insert(name.clone(), bytes);
        assert!(refused(owner()).starts_with(code));
    }
    for empty in [Vec::new(), whole[..16].to_vec(), whole[..30].to_vec()] {
        disk.inner().files.insert(name.clone(), empty);
        let (_, recovered) = open(&disk);
        assert!(recovered.runs.iter().any(|(_, status)| *status == RunStatus::Empty));
        disk.inner().locked = false;
    }
}

/// Fault D3.
#[test]
fn two_writers_are_refused() {
    let disk = MemoryDisk::default();
    let (_journal, _) = open(&disk);
    let error = open_as(&disk, &owner()).unwrap_err().to_string();
    assert!(error.starts_with("JRN-007 journal: locked by pid "), "{error}");
}

#[test]
fn a_long_run_goes_on_in_another_file_and_the_folder_stays_bounded() {
    let disk = MemoryDisk::default();
    let (journal, _) = open(&disk);
    let mut sequence = 0;
    while disk.journals().len() < 3 {
        for _ in 0..20_000 {
            journal.note(|| intent(sequence));
            journal.note_outcome(id(sequence), || outcome(sequence));
            sequence += 1;
        }
        synced(&disk, &journal, || journal.note(|| intent(sequence)));
        sequence += 1;
    }
    journal.finish();
    drop(journal);
    disk.inner().locked = false;
    let oldest = disk.journals().remove(0);
    disk.inner().files.remove(&oldest);
    let (_, recovered) = open(&disk);
    assert!(recovered.runs.iter().all(|(_, status)| *status == RunStatus::Ended));
    assert!(!recovered.in_doubt().is_empty(), "what the removed file left open is in the next ones");
    let traded = &recovered.traded()[0];
    assert_eq!(traded.trades.last(), Some(&TradeKey::Number(1_000 + sequence - 1)));
    assert_eq!(traded.trades.len(), 1_024);
    assert_eq!(traded.floor, Some(1_000 + sequence - 1 - 1_024));
}
