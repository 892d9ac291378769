//! `self-trader venue` in a process of its own, and its replay in another one.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use crate::client::{Socket, get, limit};

/// How long a venue may take to begin or to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// A venue's process; killed when dropped.
#[derive(Debug)]
pub(crate) struct VenueProcess {
    child: Option<Child>,
    pub(crate) addr: SocketAddr,
}

impl VenueProcess {
    /// Starts it and waits for its first line; what it writes is in `folder`.
    pub(crate) async fn start(folder: &Path, args: &[&str]) -> Self {
        let out = folder.join("venue.out");
        let child = Command::new(env!("CARGO_BIN_EXE_self-trader"))
            .args(["venue", "--listen", "127.0.0.1:0"])
            .args(args)
            .stdin(Stdio::null())
            .stdout(std::fs::File::create(&out).unwrap())
            .stderr(std::fs::File::create(folder.join("venue.err")).unwrap())
            .spawn()
            .unwrap();
        let addr = tokio::time::timeout(PATIENCE, async {
            loop {
                let text = std::fs::read_to_string(&out).unwrap();
                let addr = text.split_once("http://").and_then(|(_, rest)| rest.split_once(' '));
                if let Some((addr, _)) = addr {
                    return addr.parse().unwrap();
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        let mut venue = Self { child: Some(child), addr: SocketAddr::from(([0, 0, 0, 0], 0)) };
        venue.addr = addr.await.expect("the venue prints its address");
        venue
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Ends it with SIGTERM: its exit code and what it printed.
    pub(crate) async fn end(mut self, folder: &Path) -> (Option<i32>, String) {
        let mut child = self.child.take().unwrap();
        assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
        let ended = tokio::task::spawn_blocking(move || child.wait().unwrap());
        let status = tokio::time::timeout(PATIENCE, ended).await.expect("the venue ends").unwrap();
        (status.code(), std::fs::read_to_string(folder.join("venue.out")).unwrap())
    }
}

impl Drop for VenueProcess {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// `self-trader venue --replay LOG`.
pub(crate) fn replay(log: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_self-trader")).args(["venue", "--replay"]).arg(log).output().unwrap()
}

/// The line with the hash.
pub(crate) fn hash_line(printed: &str) -> &str {
    printed.lines().find(|line| line.starts_with("event log hash ")).expect("a hash is printed")
}

#[tokio::test]
async fn a_recorded_process_and_its_replay_print_the_same_hash() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("commands");
    let args = ["--record", log.to_str().unwrap(), "--check-every", "10"];
    let venue = VenueProcess::start(folder.path(), &args).await;
    let mut api = Socket::api(venue.addr).await;
    for _ in 0..30 {
        api.good("order.place", limit("SELL", "100.00", "1", "GTC")).await;
        api.good("order.place", limit("BUY", "100.00", "0.5", "IOC")).await;
    }
    let told = get(venue.addr, "/venue/totals").await;
    assert_eq!(told["conservation"], "ok");
    let (code, printed) = venue.end(folder.path()).await;
    assert_eq!(code, Some(0), "{printed}");
    assert!(hash_line(&printed).contains(told["event_log_hash"].as_str().unwrap()));
    let replayed = replay(&log);
    assert_eq!(replayed.status.code(), Some(0));
    assert_eq!(hash_line(&String::from_utf8(replayed.stdout).unwrap()), hash_line(&printed));
    let torn = replay(&folder.path().join("venue.out"));
    assert_eq!(torn.status.code(), Some(2));
    assert!(String::from_utf8(torn.stderr).unwrap().contains("no command log"));
}
