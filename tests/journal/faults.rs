//! A disk that is full, slow or broken: nothing leaves that is not written down, and what failed is never trusted again.

use std::sync::Arc;
use std::time::Duration;

use schemas::config::JournalSync;
use schemas::journal::Record;
use self_trader::clock::Clock;
use self_trader::journal::codec::scan;
use self_trader::journal::{Journal, NotWritten, RunStatus, Writer};

use crate::disk::MemoryDisk;
use crate::{id, intent, outcome, owner};

const PATIENCE: Duration = Duration::from_secs(10);

fn open(disk: &MemoryDisk, sync: JournalSync) -> Journal {
    Journal::open(Arc::new(disk.clone()), "journal", &owner(), sync, Clock::start()).unwrap().0
}

/// Notes an intent and commits it.
async fn place(journal: &Journal, sequence: u64) -> Result<(), NotWritten> {
    journal.note(|| intent(sequence));
    journal.commit().await
}

/// The same where nothing is wrong: a machine that stood still keeps a sync waiting for longer than is trusted.
async fn placed(journal: &Journal, sequence: u64) {
    journal.note(|| intent(sequence));
    let written = async {
        while journal.commit().await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, written).await.expect("it is written");
}

/// The file was given up, and not only a sync waited for.
fn is_given_up(journal: &Journal) -> bool {
    journal.trouble().is_some_and(|trouble| trouble.contains("JRN-009"))
}

async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("never happened: {what}"));
}

/// Promise P12.
#[tokio::test]
async fn a_commit_has_been_written_and_is_synced_soon() {
    let disk = MemoryDisk::default();
    let journal = open(&disk, JournalSync::Batch);
    let before = disk.inner().syncs;
    placed(&journal, 1).await;
    assert_eq!(scan(&disk.newest()).frames.len(), 2, "header and intent, before anything leaves");
    until("it is synced", || disk.inner().syncs > before).await;
}

#[tokio::test]
async fn always_waits_for_the_device() {
    let disk = MemoryDisk::default();
    let journal = open(&disk, JournalSync::Always);
    for sequence in 0..5 {
        let before = disk.inner().syncs;
        placed(&journal, sequence).await;
        assert!(disk.inner().syncs > before);
    }
}

/// Promise P12. While the next file is being made, the trading thread goes on: what it writes down meanwhile is in that
/// file, in order, and nothing of it looks impossible to the next start.
///
/// Fault D1, D3.
#[test]
fn what_is_noted_while_another_file_is_made_stands_in_it() {
    let disk = MemoryDisk::default();
    let (mut writer, _) = Writer::open(&disk, "journal", &owner(), "run".into(), 1_000).unwrap();
    writer.push(&intent(1));
    writer.write(&disk).unwrap();
    writer.give_up_file();
    writer.push(&intent(2));
    let next = writer.next_part();
    writer.push(&intent(3));
    writer.push(&Record::Outcome(outcome(1)));
    let file = next.write(&disk).unwrap();
    writer.push(&intent(4));
    writer.go_on(&next, file);
    writer.push(&Record::Outcome(outcome(3)));
    writer.write(&disk).unwrap();
    let (_, recovered) = Writer::open(&disk, "journal", &owner(), "after".into(), 2_000).unwrap();
    let statuses: Vec<RunStatus> = recovered.runs.iter().map(|(_, status)| *status).collect();
    assert_eq!(statuses, [RunStatus::Crashed(0); 2], "nothing is put aside");
    assert_eq!(recovered.in_doubt(), [id(2), id(4)]);
}

/// Fault D1.
#[tokio::test]
async fn a_full_disk_stops_orders_and_a_new_file_begins_when_there_is_room() {
    let disk = MemoryDisk::default();
    let journal = open(&disk, JournalSync::Batch);
    placed(&journal, 1).await;
    {
        let mut inner = disk.inner();
        inner.room = Some(40);
        inner.no_new = true;
    }
    assert_eq!(place(&journal, 2).await, Err(NotWritten));
    let given_up = async {
        while !is_given_up(&journal) {
            assert_eq!(journal.commit().await, Err(NotWritten));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, given_up).await.expect("it is given up");
    assert!(!journal.is_good());
    // What ends meanwhile is known, and so is what was torn off.
    journal.note_outcome(id(1), || outcome(1));
    assert_eq!(place(&journal, 3).await, Err(NotWritten));
    {
        let mut inner = disk.inner();
        inner.room = None;
        inner.no_new = false;
    }
    until("it is written again", || journal.is_good()).await;
    placed(&journal, 4).await;
    assert!(!journal.is_open(id(1)) && journal.is_open(id(4)));
    let text = String::from_utf8_lossy(&disk.newest()).into_owned();
    assert!(
        text.contains(id(4).as_str()) && text.contains("\"n1001\""),
        "the new file holds all that is known"
    );
}

/// Fault D2.
#[tokio::test]
async fn a_file_whose_sync_failed_is_never_trusted_again() {
    let disk = MemoryDisk::default();
    let journal = open(&disk, JournalSync::Batch);
    disk.inner().sync_fails = true;
    place(&journal, 1).await.unwrap();
    until("the failure is known", || is_given_up(&journal)).await;
    assert_eq!(place(&journal, 2).await, Err(NotWritten));
    disk.inner().sync_fails = false;
    until("it is written again", || journal.is_good()).await;
    placed(&journal, 3).await;
    journal.finish();
    assert!(disk.journals().len() >= 2);
    assert!(disk.inner().trusted_again.is_empty());
}

/// Fault D2.
#[tokio::test]
async fn a_sync_that_stalls_stops_orders_until_it_is_through() {
    for sync in [JournalSync::Batch, JournalSync::Always] {
        let disk = MemoryDisk::default();
        let journal = open(&disk, sync);
        // Until it is told otherwise.
        disk.inner().sync_takes = PATIENCE;
        let first = place(&journal, 1).await;
        assert_eq!(first.is_ok(), sync == JournalSync::Batch, "{sync:?}");
        until("the stall is known", || !journal.is_good()).await;
        assert_eq!(place(&journal, 2).await, Err(NotWritten));
        assert!(journal.trouble().unwrap().starts_with("not synced for "));
        disk.inner().sync_takes = Duration::ZERO;
        until("it is over", || journal.is_good()).await;
        placed(&journal, 3).await;
    }
}

/// A device that is slow at the end does not make an end in order look like a crash.
#[tokio::test]
async fn an_end_during_a_stall_is_written_down() {
    let disk = MemoryDisk::default();
    let journal = open(&disk, JournalSync::Batch);
    disk.inner().sync_takes = PATIENCE;
    placed(&journal, 1).await;
    until("the stall is known", || !journal.is_good()).await;
    journal.finish();
    disk.inner().sync_takes = Duration::ZERO;
    let (_, recovered) = Writer::open(&disk, "journal", &owner(), "after".into(), 2_000).unwrap();
    let statuses: Vec<RunStatus> = recovered.runs.iter().map(|(_, status)| *status).collect();
    assert_eq!(statuses, [RunStatus::Ended]);
}
