//! A stock ccxt against the venue. Needs a Python with ccxt: the one that `SELF_TRADER_PYTHON` names, or
//! `target/venv/bin/python`; without either the test is skipped and says so.

use std::path::{Path, PathBuf};
use std::process::Command;

use self_trader::simulator::{self, VenueOptions};

fn python() -> Option<PathBuf> {
    if let Some(python) = std::env::var_os("SELF_TRADER_PYTHON") {
        return Some(python.into());
    }
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/venv/bin/python");
    python.exists().then_some(python)
}

#[test]
fn ccxt_unchanged_but_for_its_addresses_trades_on_the_venue() {
    let Some(python) = python() else {
        println!("skipped: neither SELF_TRADER_PYTHON nor target/venv/bin/python; scripts/test makes one");
        return;
    };
    let venue = simulator::start(VenueOptions::default()).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/ccxt_smoke.py");
    let output = Command::new(python).arg(script).arg(format!("http://{}", venue.addr())).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    assert!(out.contains("ok   nothing left open"), "{out}");
}
