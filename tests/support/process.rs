//! The program's own processes in a test: started with arguments, watched through their files and ports,
//! stopped by their process ids.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use self_trader::clock::wall_ms;
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long anything may take before it counts as never.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A process of the program; killed when dropped.
pub(crate) struct Process {
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

impl Process {
    /// Starts `self-trader ARGS`; `name` tells its files apart in `dir`.
    pub(crate) fn start(dir: &Path, name: &str, args: &[&str]) -> Self {
        Self::start_with(dir, name, args, &[])
    }

    /// The same with these in its environment.
    pub(crate) fn start_with(dir: &Path, name: &str, args: &[&str], env: &[(&str, &str)]) -> Self {
        let (out, err) = (dir.join(format!("{name}.out")), dir.join(format!("{name}.err")));
        let child = Command::new(env!("CARGO_BIN_EXE_self-trader"))
            .args(args)
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(File::create(&out).unwrap())
            .stderr(File::create(&err).unwrap())
            .spawn()
            .unwrap();
        Self { child, out, err }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").arg(format!("-{name}")).arg(pid).status().unwrap().success());
    }

    /// Waits for the end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.wait_within(PATIENCE)
    }

    /// Waits for an end that may take longer than most.
    pub(crate) fn wait_within(&mut self, patience: Duration) -> ExitStatus {
        until_within(patience, "the process ends", || self.child.try_wait().unwrap())
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn out(&self) -> String {
        std::fs::read_to_string(&self.out).unwrap()
    }

    pub(crate) fn err(&self) -> String {
        std::fs::read_to_string(&self.err).unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let err = std::fs::read_to_string(&self.err).unwrap_or_default();
            let out = std::fs::read_to_string(&self.out).unwrap_or_default();
            println!("--- {}\n{out}--- {}\n{err}", self.out.display(), self.err.display());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An embedded venue in a process of its own.
pub(crate) struct VenueProcess {
    process: Process,
    pub(crate) addr: SocketAddr,
}

impl VenueProcess {
    pub(crate) fn start(dir: &Path) -> Self {
        Self::start_with(dir, &[])
    }

    /// With more arguments, such as `["--symbols", FILE]`.
    pub(crate) fn start_with(dir: &Path, more: &[&str]) -> Self {
        let args: Vec<_> = ["venue", "--listen", "127.0.0.1:0"].iter().chain(more).copied().collect();
        let process = Process::start(dir, "venue", &args);
        let addr = until("the venue prints its address", || {
            let out = process.out();
            let rest = out.split_once("http://")?.1;
            rest.split_once(' ')?.0.parse().ok()
        });
        Self { process, addr }
    }

    pub(crate) fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// A page of the venue's own ledger.
    pub(crate) fn ledger(&self, page: &str) -> Value {
        get_json(self.addr, &format!("/venue/{page}"))
    }

    /// Orders that are open by the venue's own account.
    pub(crate) fn open_orders(&self) -> Vec<Value> {
        let orders = self.ledger("orders");
        let open = |order: &&Value| matches!(order["status"].as_str(), Some("NEW" | "PARTIALLY_FILLED"));
        orders.as_array().unwrap().iter().filter(open).cloned().collect()
    }

    /// Waits for an order of ours that stays open, where faults keep its owner from hearing of it and from cancelling it.
    /// One that was placed before them may meet its taker yet; one that is open for a second will not.
    pub(crate) fn resting(&self, meant: impl Fn(&Value) -> bool) -> Value {
        let since = wall_ms();
        until("a maker rests", || {
            let now = wall_ms();
            let stays = |order: &Value| {
                let placed = order["time"].as_i64().unwrap();
                order["clientOrderId"].as_str().unwrap().starts_with("stmain")
                    && (placed > since || now - placed > 1_000)
            };
            self.open_orders().into_iter().find(|order| stays(order) && meant(order))
        })
    }

    pub(crate) fn trades(&self) -> u64 {
        self.ledger("totals")["trades"].as_u64().unwrap()
    }

    pub(crate) fn fault(&self, switch: &Value) {
        let (status, body) = request(self.addr, "POST", "/venue/faults", &switch.to_string());
        assert_eq!(status, 200, "{body}");
    }
}

/// A run in a process of its own, with its files.
pub(crate) struct RunProcess {
    pub(crate) process: Process,
    pub(crate) admin: SocketAddr,
    pub(crate) summary: PathBuf,
    pub(crate) labels: PathBuf,
}

impl RunProcess {
    /// Starts `self-trader run` and waits until its admin port is known.
    pub(crate) fn start(dir: &Path, name: &str, config: &Value, more: &[&str]) -> Self {
        Self::start_with(dir, name, config, more, &[])
    }

    /// The same with these in its environment.
    pub(crate) fn start_with(
        dir: &Path,
        name: &str,
        config: &Value,
        more: &[&str],
        env: &[(&str, &str)],
    ) -> Self {
        let path = |kind: &str| dir.join(format!("{name}.{kind}"));
        let (config_file, summary, labels) =
            (path("config.json"), path("summary.json"), path("labels.jsonl"));
        std::fs::write(&config_file, config.to_string()).unwrap();
        let text = |path: &PathBuf| path.to_str().unwrap().to_owned();
        let (config, summary_text, labels_text) = (text(&config_file), text(&summary), text(&labels));
        let mut args = vec!["run", &config, "--summary", &summary_text, "--labels", &labels_text];
        args.extend(["--admin", "127.0.0.1:0"]);
        args.extend(more);
        let process = Process::start_with(dir, name, &args, env);
        let admin = until("the admin address is logged", || {
            let out = process.out();
            // A line that is not ended may be half an address.
            let whole = |line: &&str| line.ends_with('\n') && line.contains("admin listening");
            let line = out.split_inclusive('\n').find(whole)?.to_owned();
            let (_, address) = line.split_once("127.0.0.1:")?;
            let port: String = address.chars().take_while(char::is_ascii_digit).collect();
            Some(SocketAddr::from(([127, 0, 0, 1], port.parse().ok()?)))
        });
        Self { process, admin, summary, labels }
    }

    pub(crate) fn wait_until_ready(&self) {
        until("the run is ready", || (request(self.admin, "GET", "/readyz", "").0 == 200).then_some(()));
    }

    pub(crate) fn status(&self) -> Value {
        get_json(self.admin, "/status")
    }

    /// What is halted, by the run's own account.
    pub(crate) fn halts(&self) -> Vec<Value> {
        get_json(self.admin, "/halts")["halts"].as_array().unwrap().clone()
    }

    /// SIGTERM, the end, and the summary.
    pub(crate) fn stop(&mut self) -> (ExitStatus, Value) {
        self.process.signal("TERM");
        let status = self.process.wait();
        (status, self.summary())
    }

    pub(crate) fn summary(&self) -> Value {
        serde_json::from_str(&std::fs::read_to_string(&self.summary).unwrap()).unwrap()
    }

    /// Of a run that has ended: while it runs, the last line may be half a label.
    pub(crate) fn labels(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.labels).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// One instrument on a venue process, that follows `binance_ticker_{symbol}` as closely as the rules allow.
pub(crate) fn instrument(venue: SocketAddr, symbol: &str) -> Value {
    json!({
        "Maker Exchange": "staging", "Dialect": "binance_spot", "Address": venue.to_string(),
        "API KEY": "test-key", "Secret": "test-secret",
        "Follow Exchange": "binance", "Follow Symbol": symbol, "Maker Symbol": symbol, "Term type": "SPOT",
        "Price Decimals": 2, "Qty Decimals": 5, "Interval": 0, "Qty Multiplier": 1,
        "Price Divergence": serde_json::Number::from_f64(0.05), "Max Amt Per Order": 10_000_000,
        "Same Price": "keep", "Same Qty": "keep", "Side": "follow",
    })
}

/// Waits for a condition, with a deadline.
pub(crate) fn until<T>(what: &str, condition: impl FnMut() -> Option<T>) -> T {
    until_within(PATIENCE, what, condition)
}

/// Waits for a condition that may take longer than most.
pub(crate) fn until_within<T>(patience: Duration, what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = now() + patience;
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(now() < deadline, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[expect(clippy::disallowed_methods, reason = "a test's own deadline")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// How long this machine keeps a thread waiting that wants to run: what a promised time has to be given, so that a test
/// tells a program that is late from a machine that stood still. On a machine that is not busy it is nothing.
pub(crate) struct Standstill {
    turns: Arc<Mutex<Turns>>,
    /// Dropped, it ends the watch.
    _stop: SyncSender<()>,
}

#[derive(Default)]
struct Turns {
    ended: u64,
    /// When turns ended that took too long, and by how much.
    lost: Vec<(Instant, Duration)>,
}

impl Standstill {
    /// Watches until dropped, by a thread of the test's own.
    pub(crate) fn watch() -> Self {
        Self::watch_by(|| {})
    }

    /// The same by questions to a venue, which is no part of what is judged either and stamps what arrives.
    pub(crate) fn watch_at(venue: SocketAddr) -> Self {
        // A venue that is gone keeps nobody waiting.
        Self::watch_by(move || drop(ask("", venue, "GET", "/venue/health", "")))
    }

    fn watch_by(turn: impl Fn() + Send + 'static) -> Self {
        const EVERY: Duration = Duration::from_millis(2);
        /// What a turn may take; what is longer is lost.
        const TURN: Duration = Duration::from_millis(15);
        let turns = Arc::<Mutex<Turns>>::default();
        let (stop, stopped) = sync_channel(0);
        let shared = Arc::clone(&turns);
        std::thread::spawn(move || {
            let mut began = now();
            while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                turn();
                let ended = now();
                let late = ended.duration_since(began).saturating_sub(TURN);
                let mut turns = shared.lock().unwrap();
                turns.ended += 1;
                if !late.is_zero() {
                    turns.lost.push((ended, late));
                }
                began = ended;
            }
        });
        Self { turns, _stop: stop }
    }

    /// All of it so far.
    pub(crate) fn lost(&self) -> Duration {
        self.all().iter().map(|(_, late)| *late).sum()
    }

    /// The most of it within a time of that length.
    pub(crate) fn most_within(&self, length: Duration) -> Duration {
        let lost = self.all();
        let from = |first: usize| {
            let end = lost[first].0 + length;
            // It had begun before its end was noted.
            lost[first..].iter().take_while(|(at, late)| *at - *late <= end).map(|(_, late)| *late).sum()
        };
        (0..lost.len()).map(from).max().unwrap_or_default()
    }

    /// What was lost up to now: the turn that is under way has to end first.
    fn all(&self) -> Vec<(Instant, Duration)> {
        let ended = self.turns.lock().unwrap().ended;
        until("a turn ends", || {
            let turns = self.turns.lock().unwrap();
            (turns.ended > ended).then(|| turns.lost.clone())
        })
    }
}

/// Milliseconds as a venue's stamps have them.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap()
}

pub(crate) fn get_json(addr: SocketAddr, path: &str) -> Value {
    let (status, body) = request(addr, "GET", path, "");
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).unwrap()
}

/// One HTTP request on a connection of its own.
pub(crate) fn request(addr: SocketAddr, method: &str, path: &str, body: &str) -> (u16, String) {
    request_by("", addr, method, path, body)
}

/// The same with an account's key.
pub(crate) fn request_by(key: &str, addr: SocketAddr, method: &str, path: &str, body: &str) -> (u16, String) {
    let bytes = ask(key, addr, method, path, body).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split_whitespace().nth(1).unwrap().parse().unwrap();
    let body = if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        dechunk(body)
    } else {
        body.to_owned()
    };
    (status, body)
}

/// The bytes that come back.
#[expect(clippy::disallowed_methods, reason = "a test's own connection to its own loopback server")]
fn ask(key: &str, addr: SocketAddr, method: &str, path: &str, body: &str) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\nX-MBX-APIKEY: {key}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(head.as_bytes())?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn dechunk(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((length, rest)) = body.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        whole.push_str(&rest[..length]);
        body = rest.get(length + 2..).unwrap_or_default();
    }
    whole
}

/// A folder that is gone after the test.
pub(crate) fn folder() -> TempDir {
    TempDir::new().unwrap()
}

/// Recorded data, where the project lies beside it.
pub(crate) fn data(file: &str) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(file);
    if path.exists() {
        return Some(path.to_str().unwrap().to_owned());
    }
    println!("skipped: no recorded data at {}", path.display());
    None
}
