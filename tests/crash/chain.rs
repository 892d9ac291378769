//! One venue, one journal, and one process after another that is killed.

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::books::{Books, Found};
use crate::market::{Market, PRICE, QTY_DECIMALS};
use crate::process::{Process, Standstill, VenueProcess, folder, instrument, until, until_within};
use crate::redis::Redis;

/// Longer than an order of an earlier run may stay in doubt while the venue answers.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);

/// Longer than a maker may stay open.
const OPEN_LOOK: Duration = Duration::from_secs(10);

const SYMBOL: &str = "KILLUSDT";

/// The processes end before their folder goes.
pub(crate) struct Chain {
    venue: VenueProcess,
    _market: Market,
    config: PathBuf,
    journal: PathBuf,
    books: Books,
    stood: Standstill,
    runs: u64,
    /// Kills that left a maker open.
    pub(crate) left_open: u64,
    dir: TempDir,
}

impl Chain {
    /// `name` tells its market apart at the Redis that all share.
    pub(crate) fn start(redis: &Redis, name: &str) -> Self {
        let dir = folder();
        let symbols = dir.path().join("symbols");
        std::fs::write(&symbols, format!("{SYMBOL} 2 {QTY_DECIMALS} {PRICE}\n")).unwrap();
        let venue = VenueProcess::start_with(dir.path(), &["--symbols", symbols.to_str().unwrap()]);
        let journal = dir.path().join("journal");
        let mut followed = instrument(venue.addr, SYMBOL);
        followed["Qty Decimals"] = json!(QTY_DECIMALS);
        followed["Follow Symbol"] = json!(name);
        // What comes again is young enough, and each of it has its turn: only that it was traded stands in its way.
        followed["Max Tick Age"] = json!(3_600);
        followed["Conflate"] = json!("queue");
        let config = json!({ "Feed": redis.url(), "Journal": journal, "instruments": [followed] });
        let file = dir.path().join("config.json");
        std::fs::write(&file, config.to_string()).unwrap();
        let market = Market::start(redis, name);
        let books = Books::default();
        let stood = Standstill::watch();
        Self { venue, _market: market, config: file, journal, books, stood, runs: 0, left_open: 0, dir }
    }

    pub(crate) fn fault(&self, switch: &Value) {
        self.venue.fault(switch);
    }

    /// One start that ends at the `count`-th time that it comes to a point.
    pub(crate) fn kill_at(&mut self, point: &str, count: u64) {
        let at = format!("{point}:{count}");
        let mut process = self.launch(&[("SELF_TRADER_FAILPOINT", &at)]);
        self.died(process.wait_within(SETTLED_WITHIN), &at);
    }

    /// The same for a point that only a process comes to that was told to stop.
    pub(crate) fn kill_in_stop(&mut self, pairs: u64) {
        let before = self.venue.trades();
        let mut process = self.launch(&[("SELF_TRADER_FAILPOINT", "in_stop")]);
        let trades = || (self.venue.trades() >= before + pairs).then_some(());
        until_within(SETTLED_WITHIN, "it trades", trades);
        process.signal("TERM");
        self.died(process.wait_within(SETTLED_WITHIN), "in_stop");
    }

    /// Nobody starts anew: the venue's own switch has to end what is open.
    pub(crate) fn stays_dead(&self) {
        until("nothing is open", || self.venue.open_orders().is_empty().then_some(()));
    }

    /// A last start that ends in order; then everything must add up.
    pub(crate) fn close(mut self) -> Found {
        let (before, doubts) = (self.venue.trades(), self.books.in_doubt());
        let mut process = self.launch(&[]);
        let trades = || (self.venue.trades() > before + 3).then_some(());
        until_within(SETTLED_WITHIN, "it trades again", trades);
        // An order that never arrived is proved not to exist only once it could not arrive any more.
        until_within(SETTLED_WITHIN, "what was in doubt has an end", || {
            self.books.take(&self.journal);
            self.books.in_doubt().is_disjoint(&doubts).then_some(())
        });
        process.signal("TERM");
        assert_eq!(process.wait().code(), Some(0));
        let log = process.out();
        assert!(!log.contains("the journal and the user stream differ"), "{log}");
        self.books.take(&self.journal);
        assert_eq!(self.venue.open_orders(), Vec::<Value>::new());
        self.books.check(&self.venue.ledger("orders"), self.stood.most_within(OPEN_LOOK))
    }

    fn launch(&mut self, env: &[(&str, &str)]) -> Process {
        self.runs += 1;
        let args = ["run", self.config.to_str().unwrap()];
        Process::start_with(self.dir.path(), &format!("run{}", self.runs), &args, env)
    }

    fn died(&mut self, status: std::process::ExitStatus, at: &str) {
        assert_eq!(status.signal(), Some(9), "{at}: {status}");
        self.left_open += u64::from(!self.venue.open_orders().is_empty());
        self.books.take(&self.journal);
    }
}
