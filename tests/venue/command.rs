//! `self-trader venue`, as a process.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use crate::client::{SOON, Socket, get, limit, with};

/// A process that does not outlive its test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn the_command_prints_one_line_serves_and_ends_cleanly_on_a_signal() {
    let folder = tempfile::tempdir().unwrap();
    let (symbols, stamps) = (folder.path().join("symbols"), folder.path().join("stamps"));
    std::fs::write(&symbols, "SOLUSDT 3 2 150.5\nADAUSDT 4 1\nXRPUSDT 4 1\n").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_self-trader"));
    command.args(["venue", "--profile", "open", "--listen", "127.0.0.1:0", "--symbols"]).arg(&symbols);
    command.arg("--stamp-file").arg(&stamps).stdout(Stdio::piped());
    let mut process = Process(command.spawn().unwrap());
    let mut out = BufReader::new(process.0.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    let addr = line.trim().strip_prefix("venue listening on http://").unwrap();
    let (addr, rest) = addr.split_once(' ').unwrap();
    assert_eq!(rest, "(profile open, 3 symbols)");
    let addr = addr.parse().unwrap();
    assert_eq!(get(addr, "/api/v3/ticker/price?symbol=SOLUSDT").await["price"], "150.50000000");
    let mut api = Socket::api(addr).await;
    let before = self_trader::clock::wall_ns();
    let order = with(limit("BUY", "150.125", "0.01", "GTC"), "symbol", "SOLUSDT");
    api.good("order.place", with(order, "newClientOrderId", "stamped")).await;
    let after = self_trader::clock::wall_ns();

    let term = Command::new("kill").args(["-TERM", &process.0.id().to_string()]).status().unwrap();
    assert!(term.success());
    let status = tokio::task::spawn_blocking(move || {
        let mut more = String::new();
        out.read_to_string(&mut more).unwrap();
        let lines: Vec<&str> = more.lines().collect();
        assert_eq!(lines.len(), 2, "{more}");
        assert!(lines[0].ends_with(" 1 orders, 0 trades, 0 prevented, 0 cancelled or expired"), "{more}");
        let hash = lines[1].strip_prefix("event log hash ").unwrap().split(' ').next().unwrap();
        assert!(hash.len() == 32 && hash.chars().all(|c| c.is_ascii_hexdigit()), "{more}");
        process.0.wait().unwrap()
    });
    let status = tokio::time::timeout(SOON, status).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(0));
    let stamped = std::fs::read_to_string(&stamps).unwrap();
    let (client, nanos) = stamped.trim().split_once(' ').unwrap();
    assert_eq!(client, "stamped");
    assert!((before..after).contains(&nanos.parse().unwrap()));
}
