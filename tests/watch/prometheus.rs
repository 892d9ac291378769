//! A real Prometheus on loopback, which scrapes processes as it would scrape pods.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::chart::{JOB, NAMESPACE};
use crate::process::{folder, request, until};

const CONFIG: &str = "
global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: [rules.yaml]
scrape_configs:
  - job_name: pods
    file_sd_configs: [{files: [targets.json], refresh_interval: 1s}]
";

/// A running server; killed when dropped.
pub(crate) struct Prometheus {
    child: Child,
    addr: SocketAddr,
    dir: TempDir,
    started_ms: i64,
}

impl Prometheus {
    /// Starts a server with that rule file, and waits until it answers.
    pub(crate) fn start(rules: &str, pods: &[(usize, SocketAddr)]) -> Self {
        let dir = folder();
        fs::write(dir.path().join("prometheus.yaml"), CONFIG).unwrap();
        fs::write(dir.path().join("rules.yaml"), rules).unwrap();
        // An address that nothing else listens on: the port stays free until the server takes it.
        let addr = TcpListener::bind("127.0.0.3:0").unwrap().local_addr().unwrap();
        let child = Command::new("prometheus")
            .current_dir(dir.path())
            .args(["--config.file=prometheus.yaml", "--storage.tsdb.path=data"])
            .arg(format!("--web.listen-address={addr}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(dir.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let server = Self { child, addr, dir, started_ms: self_trader::clock::wall_ms() };
        server.scrape(pods);
        until("Prometheus is ready", || {
            let ready = listens(addr) && request(addr, "GET", "/-/ready", "").0 == 200;
            ready.then_some(())
        });
        server
    }

    /// From now on it scrapes these: ordinals and where their pages are.
    pub(crate) fn scrape(&self, pods: &[(usize, SocketAddr)]) {
        let targets: Vec<Value> = pods
            .iter()
            .map(|(ordinal, addr)| {
                json!({ "targets": [addr.to_string()], "labels": {
                    "namespace": NAMESPACE, "job": JOB, "service": JOB, "container": "self-trader",
                    "endpoint": "metrics", "pod": format!("{JOB}-{ordinal}"),
                }})
            })
            .collect();
        let (new, file) = (self.dir.path().join("targets.new"), self.dir.path().join("targets.json"));
        fs::write(&new, json!(targets).to_string()).unwrap();
        fs::rename(new, file).unwrap();
    }

    /// What a query finds now: series and their values.
    pub(crate) fn query(&self, query: &str) -> Vec<Value> {
        let answer = self.ask(&format!("query?query={}", encoded(query)));
        answer["result"].as_array().unwrap().clone()
    }

    /// The values that a query had at any time since the start, of all its series.
    pub(crate) fn values_ever(&self, query: &str) -> Vec<f64> {
        self.values_since(self.started_ms, query)
    }

    /// The values that a query had at any time since that moment, of all its series.
    pub(crate) fn values_since(&self, since_ms: i64, query: &str) -> Vec<f64> {
        let (from, to) = (since_ms.div_euclid(1_000) + 1, self_trader::clock::wall_ms().div_euclid(1_000));
        if to < from {
            return Vec::new();
        }
        let path = format!("query_range?query={}&start={from}&end={to}&step=1s", encoded(query));
        let answer = self.ask(&path);
        let series = answer["result"].as_array().unwrap();
        let values = series.iter().flat_map(|one| one["values"].as_array().unwrap());
        values.map(|pair| pair[1].as_str().unwrap().parse().unwrap()).collect()
    }

    /// The names of all labels.
    pub(crate) fn labels(&self) -> Vec<String> {
        serde_json::from_value(self.ask("labels")).unwrap()
    }

    fn ask(&self, path: &str) -> Value {
        let (status, body) = request(self.addr, "GET", &format!("/api/v1/{path}"), "");
        assert_eq!(status, 200, "{path}: {body}");
        let mut answer: Value = serde_json::from_str(&body).unwrap();
        answer["data"].take()
    }

    /// Names of alerts that fire, without the prefix that all have.
    pub(crate) fn firing(&self) -> Vec<String> {
        let alerts = self.query("group by (alertname) (ALERTS{alertstate=\"firing\"})");
        let names = alerts.iter().map(|alert| alert["metric"]["alertname"].as_str().unwrap());
        names.map(|name| name.trim_start_matches("SelfTrader").to_owned()).collect()
    }

    pub(crate) fn fires(&self, alert: &str) -> bool {
        self.firing().iter().any(|name| name == alert)
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!(
                "--- Prometheus\n{}",
                fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
            );
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "a test's own connection to its own loopback server")]
fn listens(addr: SocketAddr) -> bool {
    TcpStream::connect(addr).is_ok()
}

/// A query as a part of an address.
fn encoded(query: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(byte);
    query
        .bytes()
        .map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
