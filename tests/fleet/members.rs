//! Processes of the program that share symbols on one venue, and what is asked of them after each change.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use schemas::ids::Epoch;
use schemas::label::Label;
use self_trader::clock::wall_ms;
use serde_json::Value;
use tempfile::TempDir;

use crate::ledger::{Ledger, Term, read_labels, trades_since};
use crate::process::{self, RunProcess, VenueProcess, now, request};
use crate::stalls::Stalls;

/// How long a change may take to settle: a session, a take-over's delay, and a slow machine.
const SETTLES_WITHIN: Duration = Duration::from_secs(60);
/// Max Tick Age of every instrument.
pub(crate) const MAX_AGE_MS: i64 = 2_000;
/// What a busy machine may put between the last look at the clock and the frame.
const READING_MS: i64 = 500;
/// The venue itself refuses what was longer on its way.
const RECV_WINDOW_MS: i64 = 2_000;

/// A fleet on a venue of its own.
pub(crate) struct Fleet {
    pub(crate) venue: VenueProcess,
    pub(crate) symbols: Vec<String>,
    members: BTreeMap<String, RunProcess>,
    /// Label files of processes that have ended.
    ended: Vec<(String, Vec<(String, Label)>)>,
    killed: BTreeSet<Term>,
    phases: Vec<Phase>,
    dir: TempDir,
    /// Epochs may come back, and the venue may have to say so.
    epochs_regress: bool,
    /// What is to fail in the next member, and when.
    broken: Option<String>,
    stalls: Stalls,
}

struct Phase {
    name: String,
    /// When it had settled, milliseconds.
    ended: i64,
    took: Duration,
}

/// Who owns each symbol, and in which epoch.
pub(crate) type Owners = BTreeMap<String, (String, Epoch)>;

/// How many symbols the large runs have; another number by `SELF_TRADER_FLEET_SYMBOLS`, for a slow machine.
pub(crate) fn symbol_count() -> usize {
    let given = std::env::var("SELF_TRADER_FLEET_SYMBOLS");
    given.map_or(300, |text| text.parse().expect("SELF_TRADER_FLEET_SYMBOLS is a number"))
}

/// Held by large fleets alone, by small ones together.
static CORES: RwLock<()> = RwLock::new(());

/// One large fleet at a time: two would share two cores, and time is part of what they show.
pub(crate) fn alone() -> RwLockWriteGuard<'static, ()> {
    // Another test that failed is no reason not to run.
    CORES.write().unwrap_or_else(PoisonError::into_inner)
}

/// Small fleets, which mostly wait, beside each other.
pub(crate) fn together() -> RwLockReadGuard<'static, ()> {
    CORES.read().unwrap_or_else(PoisonError::into_inner)
}

impl Fleet {
    /// A venue that lists the symbols, named as `replay --copies` names them.
    pub(crate) fn new(symbols: usize) -> Self {
        Self::with_venue(symbols, &[])
    }

    /// The same, on a venue with these arguments.
    pub(crate) fn with_venue(symbols: usize, args: &[&str]) -> Self {
        let dir = process::folder();
        let symbols: Vec<_> = (1..=symbols).map(|copy| format!("DOTUSDTX{copy:03}")).collect();
        let rows: String = symbols.iter().map(|symbol| format!("{symbol} 4 2 43.5\n")).collect();
        let list = dir.path().join("symbols");
        std::fs::write(&list, rows).unwrap();
        let venue =
            VenueProcess::start_with(dir.path(), &[&["--symbols", list.to_str().unwrap()], args].concat());
        Self {
            venue,
            symbols,
            members: BTreeMap::new(),
            ended: Vec::new(),
            killed: BTreeSet::new(),
            phases: Vec::new(),
            dir,
            epochs_regress: false,
            broken: None,
            stalls: Stalls::watch(),
        }
    }

    /// Starts a process with these settings of its own; it is not waited for.
    pub(crate) fn start(&mut self, name: &str, settings: &Value, args: &[&str]) {
        self.start_with(name, settings, args, |_| {});
    }

    /// The same, with other instruments than usual.
    pub(crate) fn start_with(
        &mut self,
        name: &str,
        settings: &Value,
        args: &[&str],
        change: impl Fn(&mut Value),
    ) {
        let instruments = self.symbols.iter().map(|symbol| {
            let mut instrument = self.instrument(symbol);
            change(&mut instrument);
            instrument
        });
        let mut config = settings.clone();
        config["instruments"] = instruments.collect();
        let broken = self.broken.take();
        let env: Vec<_> = broken.iter().map(|part| ("SELF_TRADER_BREAK", part.as_str())).collect();
        let member = RunProcess::start_with(self.dir.path(), name, &config, args, &env);
        self.members.insert(name.to_owned(), member);
    }

    /// In the next member that part will fail in its own code, in that turn.
    pub(crate) fn break_next(&mut self, part: &str, turn: u32) {
        self.broken = Some(format!("{part}:{turn}"));
    }

    fn instrument(&self, symbol: &str) -> Value {
        let mut instrument = process::instrument(self.venue.addr, symbol);
        instrument["Price Decimals"] = 4.into();
        instrument["Qty Decimals"] = 2.into();
        instrument["Max Tick Age"] = (MAX_AGE_MS / 1_000).into();
        instrument
    }

    pub(crate) fn member(&self, name: &str) -> &RunProcess {
        &self.members[name]
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// SIGTERM, and an end in order.
    pub(crate) fn stop(&mut self, name: &str) -> Value {
        let mut member = self.members.remove(name).unwrap();
        let (status, summary) = member.stop();
        assert_eq!(status.code(), Some(0), "{name}: {}", member.process.err());
        assert_eq!(summary["open_orders"], 0, "{name}");
        assert_eq!(summary["books_balance"], true, "{name}: {summary}");
        self.keep_labels(name, &member);
        summary
    }

    /// kill -9.
    pub(crate) fn kill(&mut self, name: &str) {
        let owned = self.owned_by(name);
        self.killed.extend(owned);
        let mut member = self.members.remove(name).unwrap();
        member.process.kill();
        self.keep_labels(name, &member);
    }

    fn keep_labels(&mut self, name: &str, member: &RunProcess) {
        let text = std::fs::read_to_string(&member.labels).unwrap_or_default();
        self.ended.push((name.to_owned(), read_labels(name, &text)));
    }

    /// Waits until each symbol is owned by exactly one of `members`, each of them owns some, and each symbol has
    /// traded by its owner since this was called.
    pub(crate) fn settle(&mut self, name: &str, members: &[&str]) -> Owners {
        let (began, since) = (now(), wall_ms());
        let mut watch = Watch { since, traded: BTreeSet::new() };
        let owners = loop {
            watch.look(&self.venue);
            let owners = self.owners(members);
            let missing = self.missing(&owners, &watch.traded, members);
            if missing.is_empty() {
                break owners;
            }
            let tells = || missing.iter().take(5).cloned().collect::<Vec<_>>().join("; ");
            assert!(began.elapsed() < SETTLES_WITHIN, "{name}: {} lack: {}", missing.len(), tells());
            std::thread::sleep(Duration::from_millis(200));
        };
        self.phases.push(Phase { name: name.to_owned(), ended: wall_ms(), took: began.elapsed() });
        owners
    }

    /// From now on a process may begin under an epoch that is behind: the venue refuses it then.
    pub(crate) const fn epochs_may_regress(&mut self) {
        self.epochs_regress = true;
    }

    /// A count of a running process over all its symbols.
    pub(crate) fn total(&self, name: &str, metric: &str) -> f64 {
        by_symbol(&self.metrics(name), metric).values().sum()
    }

    /// Waits until nothing of a process's own is open or in doubt.
    pub(crate) fn without_doubt(&self, name: &str) {
        let none = |page: String| page.lines().any(|line| line == "st_open_makers 0");
        process::until("no order of its own is in doubt", || none(self.metrics(name)).then_some(()));
    }

    /// The venue's faults are over.
    pub(crate) fn mend_venue(&self) {
        let (status, body) = request(self.venue.addr, "DELETE", "/venue/faults", "");
        assert_eq!(status, 200, "{body}");
    }

    /// A time that began at that moment and ends now, without what the machine stood still of it.
    pub(crate) fn awake(&self, took: Duration, began: i64) -> Duration {
        self.stalls.leave_out(took, began)
    }

    /// When a phase had settled, milliseconds.
    pub(crate) fn settled_at(&self, phase: &str) -> i64 {
        self.phases.iter().find(|known| known.name == phase).unwrap().ended
    }

    fn missing(&self, owners: &Owners, traded: &BTreeSet<Term>, members: &[&str]) -> Vec<String> {
        let mut missing = Vec::new();
        for symbol in &self.symbols {
            match owners.get(symbol) {
                None => missing.push(format!("{symbol} an owner")),
                Some((owner, epoch)) if !traded.contains(&(symbol.clone(), *epoch)) => {
                    missing.push(format!("{symbol} a trade of {owner} in {epoch:?}"));
                }
                Some(_) => {}
            }
        }
        let idle = members.iter().filter(|member| !owners.values().any(|(owner, _)| owner == *member));
        missing.extend(idle.map(|member| format!("{member} any symbol")));
        missing
    }

    /// Who owns what by the members' own account. Two may not say so of one symbol at a time, unless one of them
    /// has not looked since: see [`Ledger::check`] for what counts.
    pub(crate) fn owners(&self, members: &[&str]) -> Owners {
        let mut owners = Owners::new();
        for name in members {
            for (symbol, epoch) in self.owned_by(name) {
                owners.insert(symbol, ((*name).to_owned(), epoch));
            }
        }
        owners
    }

    /// The symbols that a process says are its own now.
    pub(crate) fn owned_by(&self, name: &str) -> BTreeSet<Term> {
        let page = self.metrics(name);
        let epochs = by_symbol(&page, "st_symbol_epoch");
        let owned = by_symbol(&page, "st_symbol_owned").into_iter().filter(|(_, owned)| *owned > 0.0);
        owned
            .map(|(symbol, _)| {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a gauge of a u32"
                )]
                let epoch = Epoch::new(epochs[&symbol] as u32);
                (symbol, epoch)
            })
            .collect()
    }

    /// How many messages a process has read.
    pub(crate) fn messages(&self, name: &str) -> u64 {
        self.member(name).status()["feed"]["messages"].as_u64().unwrap()
    }

    /// What a running process has logged.
    pub(crate) fn log(&self, name: &str) -> String {
        let process = &self.member(name).process;
        process.out() + &process.err()
    }

    /// What all that run have logged.
    pub(crate) fn logs(&self) -> String {
        self.members.keys().map(|name| self.log(name)).collect()
    }

    pub(crate) fn metrics(&self, name: &str) -> String {
        let (status, page) = request(self.member(name).admin, "GET", "/metrics", "");
        assert_eq!(status, 200, "{page}");
        page
    }

    /// Stops every member, prints the gaps of each phase, and judges the whole run.
    pub(crate) fn finish(mut self, name: &str) -> Ledger {
        let members: Vec<_> = self.members.keys().cloned().collect();
        for member in members {
            self.stop(&member);
        }
        let labels = self.ended.iter().flat_map(|(_, labels)| labels.iter().cloned()).collect();
        let ledger = Ledger::read(&self.venue, labels, self.stalls.clone());
        self.print(name, &ledger);
        ledger.check(&self.killed);
        // What the venue refused would be no overlap in its ledger, and yet nobody may have sent it.
        let refused = self.venue.ledger("totals")["older_epochs_refused"].as_u64();
        assert!(self.epochs_regress || refused == Some(0), "{name}: {refused:?}");
        let (left, came) = ledger.oldest_ticks();
        assert!(left <= MAX_AGE_MS + READING_MS, "an order left for a tick of {left} ms");
        assert!(came <= MAX_AGE_MS + RECV_WINDOW_MS, "an order came for a tick of {came} ms");
        ledger
    }

    fn print(&self, name: &str, ledger: &Ledger) {
        println!(
            "{name}: {} symbols, {} trades, {} without a label, an order's oldest tick {} ms when it left",
            self.symbols.len(),
            ledger.trades(),
            ledger.unlabelled(),
            ledger.oldest_ticks().0,
        );
        let mut since = i64::MIN;
        for phase in &self.phases {
            let gaps = ledger.gaps(since).into_iter().filter(|gap| gap.ended <= phase.ended);
            let mut gaps: Vec<_> = gaps.map(|gap| (gap.length, gap.symbol)).collect();
            gaps.sort_unstable();
            let (name, took, changed) = (&phase.name, phase.took.as_secs_f64(), gaps.len());
            print!("  {name:<36} settled after {took:>5.1} s");
            match (gaps.get(changed / 2), gaps.last()) {
                (Some((middle, _)), Some((longest, symbol))) => {
                    println!(
                        ", {changed} changes of owner, gap p50 {middle} ms, max {longest} ms ({symbol})"
                    );
                }
                _ => println!(),
            }
            since = phase.ended + 1;
        }
    }
}

/// Which terms have traded since a moment, looked for piece by piece.
pub(crate) struct Watch {
    pub(crate) since: i64,
    pub(crate) traded: BTreeSet<Term>,
}

impl Watch {
    pub(crate) fn look(&mut self, venue: &VenueProcess) {
        for trade in trades_since(venue, self.since) {
            self.since = self.since.max(trade.time);
            self.traded.insert(trade.term());
        }
    }
}

/// Waits so long: what is tested is what happens while nothing is done.
pub(crate) fn pass(time: Duration) {
    let until: Instant = now() + time;
    std::thread::sleep(until - now());
}

/// One value a symbol, of a page of metrics.
fn by_symbol(page: &str, metric: &str) -> BTreeMap<String, f64> {
    let values = page.lines().filter_map(|line| {
        let labels = line.strip_prefix(metric)?.strip_prefix('{')?;
        let (labels, value) = labels.split_once("} ")?;
        let symbol = labels.split_once("symbol=\"")?.1.split_once('"')?.0;
        Some((symbol.to_owned(), value.trim().parse().ok()?))
    });
    values.collect()
}
