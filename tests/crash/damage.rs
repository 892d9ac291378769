//! What lies in the journal's folder at a start: each kind of damage has its code, its consequence, and no order that is
//! sent again by it.

use std::path::{Path, PathBuf};

use schemas::journal::{Evidence, Outcome, Record};
use schemas::units::Decimal;
use self_trader::journal::codec::{FRAME_HEAD, MAGIC, encode, scan};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{Process, RunProcess, VenueProcess, folder, instrument, request, until};

/// A venue, a configuration, and a journal that a killed run has left.
struct Left {
    venue: VenueProcess,
    config: Value,
    journal: PathBuf,
    dir: TempDir,
}

fn left() -> Left {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let journal = dir.path().join("journal");
    let config = json!({
        "Feed": "synthetic:11", "Journal": journal, "instruments": [instrument(venue.addr, "BTCUSDT")],
    });
    let mut run = RunProcess::start(dir.path(), "first", &config, &[]);
    run.wait_until_ready();
    until("it trades", || (venue.trades() > 5).then_some(()));
    run.process.kill();
    Left { venue, config, journal, dir }
}

/// The newest file of a folder.
fn newest(journal: &Path) -> PathBuf {
    let entries = std::fs::read_dir(journal).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|end| end == "journal")).max().unwrap()
}

impl Left {
    /// A start that must come to trade again, and what it logged of the journal.
    fn starts(&self, name: &str) -> String {
        let before = self.venue.trades();
        let mut run = RunProcess::start(self.dir.path(), name, &self.config, &[]);
        until("it trades again", || (self.venue.trades() > before + 2).then_some(()));
        assert_eq!(run.stop().0.code(), Some(0), "{name}");
        run.process.out()
    }

    /// A start that must end at once, and why.
    fn refused(&self, name: &str) -> String {
        let file = self.dir.path().join("first.config.json");
        let mut process = Process::start(self.dir.path(), name, &["run", file.to_str().unwrap()]);
        assert_eq!(process.wait().code(), Some(2), "{name}");
        process.err()
    }
}

/// Fault D3, K12.
/// Promise P12.
#[test]
fn each_damage_has_its_code_and_its_consequence() {
    let left = left();
    let edit = |change: &dyn Fn(&mut Vec<u8>)| {
        let path = newest(&left.journal);
        let mut bytes = std::fs::read(&path).unwrap();
        change(&mut bytes);
        std::fs::write(path, bytes).unwrap();
    };
    edit(&|bytes| bytes.extend([0; 300]));
    assert!(left.starts("zeros").contains("JRN-005 "));

    edit(&|bytes| {
        let at = scan(bytes).frames[2].at + FRAME_HEAD + 5;
        bytes[at] ^= 1;
    });
    assert!(left.starts("flipped").contains("JRN-006 "));

    edit(&|bytes| {
        let id = crate::books::last_intent(bytes);
        let at_ms = 0;
        let (evidence, executed) = (Evidence::NotFound, Decimal::ZERO);
        let outcome = Outcome { id, evidence, status: None, code: None, executed, fills: Vec::new(), at_ms };
        let seq = scan(bytes).frames.len() as u64;
        // Whatever ended already cannot end once more.
        encode(&Record::Outcome(outcome.clone()), seq, bytes).unwrap();
        encode(&Record::Outcome(outcome), seq + 1, bytes).unwrap();
    });
    assert!(left.starts("impossible").contains("JRN-008 "));

    std::fs::write(left.journal.join("9999999999999-0-0000.journal"), &MAGIC[..9]).unwrap();
    assert!(left.starts("empty").contains("JRN-001 "));
}

/// Fault D3, D4, K12.
#[test]
fn what_is_no_journal_of_ours_is_not_gone_on_with() {
    let left = left();
    let strange = left.journal.join("0-strange.journal");
    let mut later = MAGIC.to_vec();
    later[15] += 1;
    for (name, bytes, code) in [
        ("later", later.as_slice(), "JRN-004 "),
        ("foreign", b"{\"some\":\"other program's\"}\n".as_slice(), "JRN-002 "),
    ] {
        std::fs::write(&strange, bytes).unwrap();
        let err = left.refused(name);
        assert!(err.starts_with(code) && err.contains("0-strange.journal"), "{err}");
        std::fs::remove_file(&strange).unwrap();
    }
    std::fs::create_dir(&strange).unwrap();
    assert!(left.refused("a folder").starts_with("JRN-002 "));
    std::fs::remove_dir(&strange).unwrap();
    std::os::unix::fs::symlink(newest(&left.journal), &strange).unwrap();
    assert!(left.refused("a link").starts_with("JRN-002 "));
    std::fs::remove_file(&strange).unwrap();
    assert!(left.starts("well").contains("listening"));
}

/// Fault D1.
#[test]
fn a_file_system_that_refuses_the_journal_lets_no_order_leave() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let config = json!({
        "Feed": "synthetic:11", "Journal": "/proc/self-trader", "instruments": [instrument(venue.addr, "BTCUSDT")],
    });
    let mut run = RunProcess::start(dir.path(), "run", &config, &[]);
    until("ticks wait or are skipped", || (run.status()["feed"]["ticks"].as_u64()? > 5).then_some(()));
    let (code, page) = request(run.admin, "GET", "/readyz", "");
    assert_eq!(code, 503, "{page}");
    assert!(run.status()["journal"]["trouble"].as_str().unwrap().starts_with("JRN-009 /proc/self-trader"));
    let (_, page) = request(run.admin, "GET", "/metrics", "");
    assert!(page.contains("st_journal_good 0\n") && !page.contains("st_journal_errors_total 0\n"));
    run.stop();
    assert_eq!(venue.ledger("orders"), json!([]));
}
