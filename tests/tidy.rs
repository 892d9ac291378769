//! The house rules that can be read off the tree: which way dependencies point, how large a file may be,
//! that each says what it is for, and that none names a production host.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod production_hosts;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use production_hosts::{REFUSED, TEST_NETWORKS};

const FILE_LINES_MAX: usize = 600;
const FILE_LINES_MEDIAN_MAX: usize = 150;

/// What waits, and therefore belongs into `src` alone.
const WAITING: &[&str] = &[
    "tokio",
    "fred",
    "axum",
    "hyper",
    "rdkafka",
    "tungstenite",
    "tracing",
    "metrics",
    "reqwest",
    "self-trader",
];

/// The domains of those exchanges: whatever code names under one of them must be a test network.
const DOMAINS: &[&str] = &[
    "binance.com",
    "binance.us",
    "binance.vision",
    "binancefuture.com",
    "binance.je",
    "binance.sg",
    "binance.jp",
    "binance.tr",
    "binance.th",
    "okx.com",
    "okex.com",
];

struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    /// The text without the tests inside the file, which stand last.
    fn production(&self) -> &str {
        self.text.split("#[cfg(test)]").next().unwrap_or_default()
    }

    fn name(&self) -> String {
        self.path.strip_prefix(root()).unwrap_or(&self.path).display().to_string()
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files below a folder whose names end so; none where the folder is absent.
fn files(folder: &str, ending: &str) -> Vec<Source> {
    let mut folders = vec![root().join(folder)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_str().unwrap().ends_with(ending) {
                let text =
                    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                found.push(Source { path, text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn production() -> Vec<Source> {
    ["src", "pipeline/src", "schemas/src"].iter().flat_map(|folder| files(folder, ".rs")).collect()
}

/// The names of a manifest's table, `[dependencies]` for one.
fn dependencies(manifest: &str, table: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(manifest)).unwrap();
    let table = text.split(&format!("[{table}]\n")).nth(1).unwrap_or_default();
    let lines = table.lines().take_while(|line| !line.starts_with('['));
    let names = lines.filter_map(|line| line.split(['=', '.', ' ']).next());
    names.filter(|name| !name.is_empty() && !name.starts_with('#')).map(str::to_owned).collect()
}

#[test]
fn dependencies_point_one_way() {
    let schemas = dependencies("schemas/Cargo.toml", "dependencies");
    let pipeline = dependencies("pipeline/Cargo.toml", "dependencies");
    assert!(
        schemas.contains(&"serde".to_owned()) && pipeline.contains(&"schemas".to_owned()),
        "nothing was read"
    );
    assert!(!schemas.contains(&"pipeline".to_owned()), "schemas never knows of pipeline");
    for name in schemas.iter().chain(&pipeline) {
        let waits = WAITING.iter().any(|word| name.contains(word));
        assert!(!waits, "{name}: what waits belongs into src");
    }
}

#[test]
fn nothing_below_src_reads_a_clock_a_file_or_a_socket() {
    let banned = [
        "tokio",
        "std::fs",
        "std::io::stdin",
        "std::env",
        "std::thread",
        "std::process",
        "TcpStream",
        "UdpSocket",
        "SystemTime",
        "Instant::now",
        "rand::rng(",
        "thread_rng",
        "self_trader",
    ];
    for source in files("pipeline/src", ".rs").iter().chain(&files("schemas/src", ".rs")) {
        for (number, line) in source.production().lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let word = banned.iter().find(|word| code.contains(*word));
            assert_eq!(word, None, "{}:{}: {line}", source.name(), number + 1);
            let back = source.path.starts_with(root().join("schemas")) && code.contains("pipeline::");
            assert!(!back, "{}:{}: schemas never knows of pipeline", source.name(), number + 1);
        }
    }
}

#[test]
fn files_stay_small() {
    let mut lines = Vec::new();
    for source in production() {
        let count = source.text.lines().count();
        assert!(count <= FILE_LINES_MAX, "{}: {count} lines, at most {FILE_LINES_MAX}", source.name());
        lines.push(count);
    }
    lines.sort_unstable();
    let median = lines[lines.len() / 2];
    assert!(median <= FILE_LINES_MEDIAN_MAX, "median file {median} lines, at most {FILE_LINES_MEDIAN_MAX}");
}

#[test]
fn every_file_says_what_it_is_for() {
    let tests = ["tests", "pipeline/tests", "schemas/tests", "benches"]
        .iter()
        .flat_map(|folder| files(folder, ".rs"));
    for source in production().into_iter().chain(tests) {
        assert!(source.text.starts_with("//! "), "{}: no module doc", source.name());
    }
}

/// The words of a text that could be host names.
fn hosts(text: &str) -> impl Iterator<Item = &str> {
    let part = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '.';
    text.split(move |letter| !part(letter))
        .map(|word| word.trim_matches('.'))
        .filter(|word| word.contains('.'))
}

#[test]
fn no_code_names_a_production_host() {
    let scripts = ["scripts", ".ci"].iter().flat_map(|folder| files(folder, ""));
    for source in production().into_iter().chain(scripts) {
        for host in hosts(&source.production().to_ascii_lowercase()) {
            let under = |domain: &&str| host == *domain || host.ends_with(&format!(".{domain}"));
            let allowed = TEST_NETWORKS.contains(&host) || !DOMAINS.iter().any(under);
            assert!(allowed, "{}: {host} is no test network", source.name());
        }
    }
    for host in REFUSED {
        let known = DOMAINS.iter().any(|domain| host.ends_with(domain));
        assert!(known, "{host}: its domain is not searched for");
    }
}

#[test]
fn no_code_reads_a_proxy_variable() {
    for source in production() {
        let text = source.text.to_ascii_lowercase();
        for word in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
            assert!(!text.contains(word), "{}: {word}", source.name());
        }
    }
    assert!(!fs::read_to_string(root().join("Cargo.lock")).unwrap().contains("name = \"reqwest\""));
}

/// The README's table and the parser's cannot tell two stories.
#[test]
fn the_readme_names_every_key_and_no_other() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let schema = schemas::config::json_schema();
    let keys = |form: &str| {
        schema["$defs"][form]["properties"].as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    let known: BTreeSet<String> = keys("Instrument").into_iter().chain(keys("Process")).collect();
    let section = readme.split("## Configuration").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let named: BTreeSet<String> = rows.map(|(key, _)| key.to_owned()).collect();
    assert_eq!(named, known);
}

/// A warning in the lints' own house is the first broken window.
#[test]
fn allowances_are_expectations_with_reasons() {
    for source in production() {
        for (number, line) in source.text.lines().enumerate() {
            let allowed =
                line.trim_start().starts_with("#[allow(") || line.trim_start().starts_with("#![allow(");
            assert!(!allowed, "{}:{}: use #[expect(.., reason)]", source.name(), number + 1);
        }
    }
}
