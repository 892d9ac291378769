//! Configuration files and secrets, by the library's door and by `self-trader check`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use schemas::config::{Config, Fault, FeedUrl, SecretRef};
use self_trader::config::{credentials_from, load, resolve_from};
use self_trader::secret::{Secret, SecretError};
use serde_json::{Value, json};

const CANARY: &str = "canary-0d9b7e51a4";

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/examples").join(name)
}

fn program(args: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_self-trader")).args(args).env("CANARY", CANARY).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn staging(secret: &Value) -> Vec<u8> {
    json!([{
        "Maker Exchange": "staging", "Dialect": "binance_spot", "Address": "127.0.0.1:8080",
        "API KEY": { "env": "CANARY" }, "Secret": secret, "Follow Exchange": "okx", "Follow Symbol": "BTCUSDT",
        "Maker Symbol": "BTCUSDT", "Term type": "SPOT", "Price Decimals": 2, "Qty Decimals": 5, "Interval": 1,
        "Qty Multiplier": 0.01, "Price Divergence": 0.001, "Max Amt Per Order": 1000,
    }])
    .to_string()
    .into_bytes()
}

fn env(name: &str) -> Option<OsString> {
    (name == "CANARY").then(|| CANARY.into())
}

/// Fault K1.
#[test]
fn a_file_that_cannot_be_read_is_cfg_001() {
    let folder = tempfile::tempdir().unwrap();
    let cause = |path: &Path| {
        let faults = load(path).unwrap_err();
        let [fault] = faults.as_slice() else { panic!("{faults:?}") };
        fault.to_string()
    };
    assert!(cause(&folder.path().join("none.json")).starts_with("CFG-001 file: No such file"));
    assert!(cause(folder.path()).starts_with("CFG-001 file: is a directory"));
    let large = folder.path().join("large.json");
    std::fs::File::create(&large).unwrap().set_len(100 * 1024 * 1024).unwrap();
    assert!(cause(&large).starts_with("CFG-001 file: too large"), "{}", cause(&large));
    let empty = folder.path().join("empty.json");
    std::fs::write(&empty, b"").unwrap();
    assert_eq!(cause(&empty), "CFG-001 file: empty");
}

#[test]
fn check_says_of_each_file_whether_it_is_valid() {
    let all = ["prototype.json", "complete.json", "simulated.json"].map(example);
    let output = program(&[Path::new("check"), &all[0], &all[1], &all[2]]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(said.contains("prototype.json: valid, 2 instruments, 4 warnings"), "{said}");
    assert!(said.contains("warning CFG-007 /0/API KEY: "), "{said}");
    assert!(said.contains("simulated.json: valid, 1 instrument, 0 warnings"), "{said}");
    assert!(!said.contains("your-testnet"), "{said}");
}

/// Fault K1.
/// Promise P24.
#[test]
fn check_prints_every_fault_of_every_file() {
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("bad.json");
    std::fs::write(&bad, format!("[{{\"Secret\": \"{CANARY}\", \"Interval\": \"1\", \"Intervall\": 1}}]"))
        .unwrap();
    let output = program(&[Path::new("check"), &bad, &example("simulated.json"), Path::new("none.json")]);
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stdout).contains("simulated.json: valid"), "{}", text(&output.stdout));
    for line in [
        "CFG-003 /0/Intervall: unknown; did you mean \"Interval\"?",
        "CFG-004 /0/Interval: number as string (got \"1\", want a number at least 0 and at most 86400)",
        "CFG-004 /0/Maker Symbol: missing (want text of 1 to 64 bytes without blanks)",
        "none.json: 1 fault",
    ] {
        assert!(errors.lines().any(|said| said == line), "{line}\nnot in\n{errors}");
    }
    assert!(!errors.contains(CANARY), "{errors}");
}

#[test]
fn check_without_a_file_is_a_usage_error() {
    assert_eq!(program(&[Path::new("check")]).status.code(), Some(2));
}

#[test]
fn check_follows_secrets_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.json");
    std::fs::write(&config, staging(&json!({ "file": folder.path().join("none") }))).unwrap();
    assert_eq!(program(&[Path::new("check"), &config]).status.code(), Some(0));
    let output = program(&[Path::new("check"), Path::new("--secrets"), &config]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("CFG-012 BTCUSDT/Secret: cannot read "),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn the_schema_that_is_printed_is_the_one_that_is_committed() {
    let committed = include_str!("../schemas/json/config.schema.json");
    assert_eq!(text(&program(&[Path::new("schema"), Path::new("config")]).stdout), committed);
    assert!(text(&program(&[Path::new("schema")]).stdout).lines().any(|name| name == "config"));
    assert_eq!(program(&[Path::new("schema"), Path::new("nonsense")]).status.code(), Some(2));
}

/// Fault K8.
#[test]
fn secrets_come_from_where_they_are_said_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    for (written, want) in [
        ("value\n", "value"),
        ("value\r\n", "value"),
        ("value", "value"),
        (" v \n", " v "),
        ("\u{feff}value\n", "value"),
    ] {
        std::fs::write(&path, written).unwrap();
        let config = Config::parse(&staging(&json!({ "file": path }))).unwrap();
        let all = credentials_from(&config, env).unwrap();
        assert_eq!((all[0].secret.expose(), all[0].api_key.expose()), (want, CANARY), "{written:?}");
        assert!(all[0].passphrase.is_empty());
    }
    for written in ["", "\n", "\u{feff}", "one\ntwo\n", "a\0b", "value\n\n"] {
        std::fs::write(&path, written).unwrap();
        let refused = Secret::resolve(&SecretRef::File(path.clone()), env);
        assert!(matches!(refused, Err(SecretError::NotOneLine(_))), "{written:?}: {refused:?}");
    }
}

/// Fault K8.
#[test]
fn a_secret_that_everybody_may_read_is_warned_of_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    std::fs::write(&path, CANARY).unwrap();
    let warnings = |mode: u32| {
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        let mut config = Config::parse(&staging(&json!({ "file": path }))).unwrap();
        resolve_from(&mut config, env).unwrap();
        config.warnings.iter().map(Fault::to_string).collect::<Vec<_>>()
    };
    let line = format!("CFG-012 {}: everybody on this machine may read it (want mode 0400)", path.display());
    assert_eq!(warnings(0o644), std::slice::from_ref(&line));
    assert_eq!(warnings(0o404), [line]);
    assert_eq!(warnings(0o440), [""; 0]);
}

/// Fault K8.
#[test]
fn a_reference_that_leads_nowhere_is_cfg_012_for_each() {
    let config = Config::parse(&staging(&json!({ "env": "NONE" }))).unwrap();
    let lines = |faults: Vec<Fault>| faults.iter().map(Fault::to_string).collect::<Vec<_>>();
    assert_eq!(
        lines(credentials_from(&config, |_| None).unwrap_err()),
        [
            "CFG-012 BTCUSDT/API KEY: environment variable CANARY is not set",
            "CFG-012 BTCUSDT/Secret: environment variable NONE is not set",
        ]
    );
    let folder = tempfile::tempdir().unwrap();
    let config = Config::parse(&staging(&json!({ "file": folder.path() }))).unwrap();
    let faults = lines(credentials_from(&config, env).unwrap_err());
    assert!(faults[0].starts_with("CFG-012 BTCUSDT/Secret: cannot read "), "{faults:?}");
}

/// A configuration with these process-wide keys, read and followed.
fn fleet(keys: &Value) -> Config {
    let list: Value = serde_json::from_slice(&staging(&json!({ "env": "CANARY" }))).unwrap();
    let mut keys = keys.clone();
    keys["instruments"] = list;
    Config::parse(keys.to_string().as_bytes()).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

#[track_caller]
fn refused(keys: &Value, env: impl Fn(&str) -> Option<OsString> + Copy, want: &[&str]) {
    let faults = resolve_from(&mut fleet(keys), env).expect_err("refused");
    assert!(!format!("{faults:?}").contains(CANARY), "{faults:?}");
    assert_eq!(faults.iter().map(Fault::to_string).collect::<Vec<_>>(), want);
}

#[test]
fn addresses_and_kafka_options_come_from_where_they_are_said_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("feed"), format!("redis://u:{CANARY}@h:7/1?mode=get\n")).unwrap();
    std::fs::write(path("key"), "-----BEGIN\nkey\n-----END\n").unwrap();
    let keys = json!({
        "Feed": { "file": path("feed") }, "Lease Store": { "env": "LEASES" }, "Sharding": "static", "Shards": 3,
        "Kafka Options": {
            "sasl.password": { "env": "CANARY" }, "ssl.key.pem": { "file": path("key") }, "fetch.min.bytes": 1,
        },
    });
    let leases = |name: &str| if name == "LEASES" { Some("rediss://l:1".into()) } else { env(name) };
    let mut config = fleet(&keys);
    let (credentials, access) = resolve_from(&mut config, leases).unwrap();
    assert_eq!(credentials[0].secret.expose(), CANARY);
    let Some(FeedUrl::Redis { url, .. }) = &config.process.feed else { panic!("{config:?}") };
    let url = url.clone();
    assert_eq!(url, format!("redis://u:{CANARY}@h:7/1"));
    assert_eq!(access.lease_store.as_ref().unwrap().expose(), "rediss://l:1");
    let options: Vec<_> =
        access.kafka_options.iter().map(|(name, value)| (&**name, value.expose())).collect();
    let pem = "-----BEGIN\nkey\n-----END\n";
    assert_eq!(options, [("fetch.min.bytes", "1"), ("sasl.password", CANARY), ("ssl.key.pem", pem)]);
    assert!(!format!("{config:?}{access:?}{access:#?}").contains(CANARY), "{config:?}{access:?}");

    config.process.lease_store = None;
    let (_, access) = resolve_from(&mut config, leases).unwrap();
    assert_eq!(access.lease_store.unwrap().expose(), url, "the feed's Redis unless named");
}

#[test]
fn a_reference_beside_the_instruments_that_leads_nowhere_is_cfg_012() {
    let none = tempfile::tempdir().unwrap().path().join("none");
    let unreadable = format!(
        "CFG-012 /Lease Store: cannot read {}: No such file or directory (os error 2)",
        none.display()
    );
    refused(
        &json!({
            "Feed": { "env": "FEED" }, "Lease Store": { "file": none },
            "Kafka Options": { "sasl.password": { "env": "PASSWORD" }, "ssl.key.pem": { "env": "PEM" } },
        }),
        |name| if name == "PEM" { Some("".into()) } else { env(name) },
        &[
            "CFG-012 /Feed: environment variable FEED is not set",
            &unreadable,
            "CFG-012 /Kafka Options/sasl.password: environment variable PASSWORD is not set",
            "CFG-012 /Kafka Options/ssl.key.pem: environment variable PEM holds no certificate or key: want text of \
             at most 64 KiB",
        ],
    );
}

#[test]
fn what_a_reference_leads_to_is_read_as_strictly_as_the_file() {
    let found =
        |address: &'static str| move |name: &str| if name == "X" { Some(address.into()) } else { env(name) };
    let feed = json!({ "Feed": { "env": "X" } });
    refused(
        &feed,
        found("kafka://h:1"),
        &["CFG-004 /Feed: no topic in the Kafka address (got \"kafka://h:1\", want kafka://host:port/TOPIC)"],
    );
    refused(&feed, found("ftp://u:canary-0d9b7e51a4@h"), &["CFG-004 /Feed: not a feed URL; not shown"]);
    refused(
        &feed,
        found("kafka://u:canary-0d9b7e51a4@h:1/t"),
        &[
            "CFG-004 /Feed: a user or password in a Kafka address; not shown (want sasl.username and sasl.password in \
           Kafka Options)",
        ],
    );
    refused(
        &json!({ "Lease Store": { "env": "X" } }),
        found("canary-0d9b7e51a4"),
        &[
            "CFG-004 /Lease Store: not a Redis address; not shown (want redis://host:port or rediss://host:port)",
        ],
    );
    refused(
        &feed,
        found("kafka://h:1/t?group=g"),
        &["CFG-011 /Feed: a group wants Sharding \"group\" (got group=g with Sharding \"alone\")"],
    );
    refused(
        &json!({ "Feed": { "env": "X" }, "Sharding": "static", "Shards": 2 }),
        found("synthetic:1"),
        &[
            "CFG-011 /Lease Store: missing: Sharding \"static\" keeps leases (got Shards 2 and no Redis feed, want \
           redis://host:port)",
        ],
    );
    refused(
        &json!({ "Feed": { "env": "X" }, "Sharding": "group" }),
        found("kafka://h:1/t"),
        &["CFG-011 /Sharding: \"group\" needs a Kafka group (got a kafka:// feed without one, want Feed \
           kafka://host:port/TOPIC?group=NAME)"],
    );
}

#[test]
fn check_follows_addresses_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    let list: Value = serde_json::from_slice(&staging(&json!({ "env": "CANARY" }))).unwrap();
    let config = json!({ "Feed": { "env": "CANARY" }, "instruments": list });
    std::fs::write(&path, config.to_string()).unwrap();
    assert_eq!(program(&[Path::new("check"), &path]).status.code(), Some(0));
    let output = program(&[Path::new("check"), Path::new("--secrets"), &path]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(said.contains("CFG-004 /Feed: not a feed URL; not shown"), "{said}");
    assert!(!said.contains(CANARY), "a reference may lead to another secret than was meant: {said}");
}

#[test]
fn the_embedded_venue_has_an_account_of_its_own() {
    let config = load(&example("simulated.json")).unwrap();
    let all = credentials_from(&config, |_| None).unwrap();
    assert_eq!((all[0].api_key.expose(), all[0].secret.expose()), ("test-key", "test-secret"));
}

/// Promise P11.
#[test]
fn no_secret_shows_in_any_printed_form() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    std::fs::write(&path, format!("{CANARY}\nmore")).unwrap();
    let refused = Secret::resolve(&SecretRef::File(path.clone()), env).unwrap_err();
    std::fs::write(&path, [CANARY.as_bytes(), b"\xff"].concat()).unwrap();
    let broken = Secret::resolve(&SecretRef::File(path), env).unwrap_err();
    let secret = Secret::new(CANARY.to_owned());
    let all = credentials_from(&Config::parse(&staging(&json!(CANARY))).unwrap(), env).unwrap();
    let printed = format!("{refused:?}{refused}{broken:?}{broken}{secret:?}{secret}{all:?}{all:#?}");
    assert!(!printed.contains(CANARY), "{printed}");
    let bytes = format!("{:?}", CANARY.as_bytes());
    assert!(!printed.contains(bytes.trim_matches(['[', ']'])), "{printed}");
}

#[test]
fn the_readmes_example_loads() {
    let readme = include_str!("../README.md");
    let examples = readme.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next());
    let example = examples.filter(|text| text.contains("Maker Exchange")).last().unwrap();
    Config::parse(example.as_bytes()).unwrap();
}
