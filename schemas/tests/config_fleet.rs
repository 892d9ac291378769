//! The settings of a fleet: what they come to mean, and the one line of each fault.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;

use schemas::config::{Code, Config, Fault, FeedUrl, KafkaUrl, LogFormat, SecretRef, Sharding};
use serde_json::{Value, json};

const CANARY: &str = "canary-41c7f0";

fn instrument(symbol: &str) -> Value {
    json!({
        "Maker Exchange": "staging", "Dialect": "binance_spot", "Address": "127.0.0.1:80",
        "API KEY": { "env": "KEY" }, "Secret": { "env": "SECRET" },
        "Follow Exchange": "okx", "Follow Symbol": symbol, "Maker Symbol": symbol, "Term type": "SPOT",
        "Price Decimals": 2, "Qty Decimals": 5, "Interval": 1, "Qty Multiplier": 0.01,
        "Price Divergence": 0.001, "Max Amt Per Order": 1000,
    })
}

/// The process-wide keys beside one instrument that goes with all of them.
fn parse(mut keys: Value) -> Result<Config, Vec<Fault>> {
    let members = keys.as_object_mut().unwrap();
    members.entry("instruments").or_insert_with(|| json!([instrument("BTCUSDT")]));
    Config::parse(keys.to_string().as_bytes())
}

#[track_caller]
fn loads(keys: Value) -> Config {
    let config = parse(keys).unwrap_or_else(|faults| panic!("{faults:#?}"));
    assert!(!format!("{config:?}{config:#?}").contains(CANARY), "{config:#?}");
    config
}

#[track_caller]
fn refused(keys: Value, want: &[&str]) {
    let shown = keys.to_string();
    let faults = parse(keys).expect_err(&shown);
    assert!(!format!("{faults:?}").contains(CANARY), "{faults:?}");
    assert_eq!(faults.iter().map(Fault::to_string).collect::<Vec<_>>(), want, "{shown}");
}

fn warnings(config: &Config) -> Vec<String> {
    config.warnings.iter().map(Fault::to_string).collect()
}

#[test]
fn every_setting_is_read() {
    let process = loads(json!({
        "Feed": "kafka://h:1/t?group=g", "Sharding": "group", "Shards": 5, "Takeover Delay": 7.5,
        "Kafka Options": {
            "security.protocol": "SSL", "fetch.wait.max.ms": 10, "socket.keepalive.enable": true,
            "ssl.key.password": { "file": "/run/secrets/x" }, "ssl.ca.pem": "one\ntwo\n",
        },
        "Labels Kafka": "kafka://h:1/labels?partitioner=crc32", "Log Format": "json", "Log File": "a.log",
        "Lease Store": { "env": "LEASES" },
    }))
    .process;
    assert_eq!((process.sharding, process.shards, process.takeover_delay_ms), (Sharding::Group, 5, 7_500));
    assert_eq!(process.labels_kafka.unwrap().to_string(), "kafka://h:1/labels?partitioner=crc32");
    assert_eq!(
        (process.log_format, process.log_file.as_deref()),
        (LogFormat::Json, Some(Path::new("a.log")))
    );
    assert_eq!(process.lease_store, Some(SecretRef::Env("LEASES".into())));
    let options: Vec<_> = process.kafka_options.into_iter().map(|one| (one.name, one.value)).collect();
    let literal = |text: &str| SecretRef::Literal(text.to_owned());
    let want = [
        ("fetch.wait.max.ms", literal("10")),
        ("security.protocol", literal("SSL")),
        ("socket.keepalive.enable", literal("true")),
        ("ssl.ca.pem", literal("one\ntwo\n")),
        ("ssl.key.password", SecretRef::File("/run/secrets/x".into())),
    ];
    assert_eq!(options, want.map(|(name, value)| (name.to_owned(), value)));
}

#[test]
fn the_feed_may_be_a_reference() {
    let process = loads(json!({ "Feed": { "env": "FEED" }, "Sharding": "group" })).process;
    assert_eq!((process.feed, process.feed_reference), (None, Some(SecretRef::Env("FEED".into()))));
    let process =
        loads(json!({ "Feed": { "file": "/run/secrets/feed" }, "Shards": 2, "Sharding": "static" }));
    assert_eq!(process.process.feed_reference, Some(SecretRef::File("/run/secrets/feed".into())));
    refused(
        json!({ "Feed": { "env": "" } }),
        &[
            "CFG-004 /Feed: wrong type or value (got something else; not shown, want text of 1 to 4096 bytes on one \
           line, {\"env\": NAME} or {\"file\": PATH})",
        ],
    );
}

#[test]
fn numbers_and_words_have_their_bounds() {
    refused(json!({ "Shards": 0 }), &["CFG-008 /Shards: out of range (got 0, want an integer 1 to 1000)"]);
    refused(
        json!({ "Shards": 1_001 }),
        &["CFG-008 /Shards: out of range (got 1001, want an integer 1 to 1000)"],
    );
    for delay in [json!(4.999), json!(60.001), json!(-1)] {
        refused(
            json!({ "Takeover Delay": delay }),
            &[&format!(
                "CFG-008 /Takeover Delay: out of range (got {delay}, want a number at least 5 and at most 60)"
            )],
        );
    }
    refused(
        json!({ "Sharding": "lease" }),
        &[
            "CFG-004 /Sharding: wrong type or value (got \"lease\", want \"alone\" or \"static\" or \"group\")",
        ],
    );
    refused(
        json!({ "Log Format": "xml" }),
        &["CFG-004 /Log Format: wrong type or value (got \"xml\", want \"text\" or \"json\")"],
    );
    refused(
        json!({ "Log File": "" }),
        &["CFG-008 /Log File: out of range (got text; not shown, want text of 1 to 4096 bytes on one line)"],
    );
}

#[test]
fn a_feed_that_is_no_address_says_why_without_a_password() {
    refused(
        json!({ "Feed": "kafka://h/t" }),
        &["CFG-004 /Feed: bad port of a Kafka broker (got \"h\", want host:port with a port of 1 to 65535)"],
    );
    refused(
        json!({ "Feed": format!("kafka://u:{CANARY}@h:1/t") }),
        &[
            "CFG-004 /Feed: a user or password in a Kafka address; not shown (want sasl.username and sasl.password in \
           Kafka Options)",
        ],
    );
    refused(
        json!({ "Feed": format!("redis://u:{CANARY}?mode={CANARY}@h") }),
        &["CFG-004 /Feed: not a feed URL; not shown"],
    );
    refused(
        json!({ "Feed": "ftp://x" }),
        &["CFG-004 /Feed: unknown feed (got \"ftp://x\", want redis://, rediss://, kafka://, tape:PATH or \
           synthetic:SEED)"],
    );
}

#[test]
fn the_lease_store_is_a_redis_and_never_shown() {
    let fault =
        "CFG-004 /Lease Store: not a Redis address; not shown (want redis://host:port or rediss://host:port)";
    for address in ["kafka://h:1/t", "redis://", "http://h", "synthetic:1", "redis://h?mode=get"] {
        refused(json!({ "Lease Store": address }), &[fault]);
    }
    refused(json!({ "Lease Store": format!("http://u:{CANARY}@h") }), &[fault]);
    refused(
        json!({ "Lease Store": "" }),
        &[
            "CFG-008 /Lease Store: out of range (got something else; not shown, want text of 1 to 4096 bytes on one \
           line, {\"env\": NAME} or {\"file\": PATH})",
        ],
    );
    assert_eq!(loads(json!({ "Lease Store": "rediss://h:1/2" })).warnings, []);
    let config = loads(
        json!({ "Lease Store": format!("redis://:{CANARY}@h"), "Feed": format!("redis://u:{CANARY}@h") }),
    );
    let plain = "a secret stands in the file; better {\"env\": NAME} or {\"file\": PATH}";
    assert_eq!(
        warnings(&config),
        [format!("CFG-007 /Feed: {plain}"), format!("CFG-007 /Lease Store: {plain}")]
    );
}

#[test]
fn labels_go_to_one_topic() {
    for (address, want) in [
        ("redis://h", "no Kafka address (got \"redis://h\", want kafka://host:port/TOPIC)"),
        ("kafka://h:1/t_{symbol}", "a topic for each symbol (got \"t_{symbol}\", want one topic)"),
        (
            "kafka://h:1/t?group=g",
            "a setting of readers (got \"kafka://h:1/t?group=g\", want at most partitioner=...)",
        ),
        (
            "kafka://h:1/t?key=follow_key",
            "a setting of readers (got \"kafka://h:1/t?key=follow_key\", want at most partitioner=...)",
        ),
        (
            "kafka://u:canary-41c7f0@h:1/t",
            "a user or password in a Kafka address; not shown (want sasl.username and sasl.password in Kafka Options)",
        ),
    ] {
        refused(json!({ "Labels Kafka": address }), &[&format!("CFG-004 /Labels Kafka: {want}")]);
    }
}

#[test]
fn kafka_options_that_the_program_depends_on_are_refused_by_name() {
    for (names, why) in [
        (
            &["group.id", "group.instance.id", "group.protocol", "partition.assignment.strategy"][..],
            "the program keeps the group itself (want group, protocol and static in Feed)",
        ),
        (
            &[
                "enable.auto.commit",
                "enable.auto.offset.store",
                "auto.commit.interval.ms",
                "auto.commit.enable",
                "auto.offset.reset",
                "offset.store.method",
            ],
            "the program never commits to continue from there, and every assignment starts at the end",
        ),
        (
            &["session.timeout.ms", "heartbeat.interval.ms", "max.poll.interval.ms"],
            "the proof of ownership is built on the program's own times",
        ),
        (
            &["bootstrap.servers", "metadata.broker.list"],
            "brokers stand in the address (want kafka://host:port[,host:port]/TOPIC)",
        ),
        (
            &["plugin.library.paths", "sasl.kerberos.kinit.cmd", "ssl.engine.location", "ssl.providers"],
            "the program loads no library and starts no program",
        ),
        (
            &["client.id", "statistics.interval.ms", "test.mock.num.brokers", "rebalance_cb"],
            "the program sets it itself",
        ),
        (&["partitioner"], "the address names it (want partitioner=murmur2, crc32 or fnv1a there)"),
    ] {
        for name in names {
            refused(
                json!({ "Kafka Options": { *name: CANARY } }),
                &[&format!("CFG-003 /Kafka Options/{name}: refused: {why}")],
            );
        }
    }
    loads(
        json!({ "Kafka Options": { "client.rack": "a", "fetch.min.bytes": 1, "sasl.mechanism": "PLAIN" } }),
    );
}

/// Whoever checks a file by the schema hears of the same names.
#[test]
fn the_schema_refuses_the_same_names() {
    let schema = schemas::config::json_schema();
    let pattern =
        &schema["$defs"]["Process"]["properties"]["Kafka Options"]["propertyNames"]["not"]["pattern"];
    let pattern = pattern.as_str().unwrap();
    for part in ["group\\..*", "enable\\.auto\\.commit", "sasl\\.kerberos.*", ".*_cb", "test\\.mock\\..*"] {
        assert!(
            pattern.trim_matches(['^', '(', ')', '$']).split('|').any(|one| one == part),
            "{part} in {pattern}"
        );
    }
}

#[test]
fn kafka_options_are_checked_one_by_one() {
    let wrong = "wrong type or value (got something else; not shown, want text on one line, a number, true, false, \
                 {\"env\": NAME} or {\"file\": PATH})";
    for value in [
        Value::Null,
        json!([CANARY]),
        json!({ CANARY: 1 }),
        json!(""),
        json!("a\nb"),
        json!({ "env": "A=B" }),
    ] {
        refused(
            json!({ "Kafka Options": { "sasl.password": value } }),
            &[&format!("CFG-004 /Kafka Options/sasl.password: {wrong}")],
        );
    }
    refused(
        json!({ "Kafka Options": { CANARY: 1 } }),
        &["CFG-003 /Kafka Options: a name that no option has; not shown (want 1 to 64 of a-z 0-9 . _)"],
    );
    refused(
        json!({ "Kafka Options": [] }),
        &[
            "CFG-004 /Kafka Options: wrong type or value (got a list, want an object of options of the Kafka client)",
        ],
    );
    let twice = format!(
        "{{\"Kafka Options\": {{\"a.b\": 1, \"a.b\": 2}}, \"instruments\": [{}]}}",
        instrument("BTCUSDT")
    );
    let faults = Config::parse(twice.as_bytes()).unwrap_err();
    assert_eq!(
        faults.iter().map(Fault::to_string).collect::<Vec<_>>(),
        ["CFG-003 /Kafka Options/a.b: given twice"]
    );
    refused(
        json!({ "Kafka Options": { "group.id": "x", "client.id": 1 }, "Shards": 2 }),
        &[
            "CFG-003 /Kafka Options/client.id: refused: the program sets it itself",
            "CFG-003 /Kafka Options/group.id: refused: the program keeps the group itself (want group, protocol and \
             static in Feed)",
        ],
    );
}

#[test]
fn a_secret_among_the_kafka_options_is_warned_of_and_never_shown() {
    for name in ["sasl.password", "ssl.key.pem", "sasl.oauthbearer.client.secret", "sasl.jaas.config"] {
        let config = loads(json!({ "Kafka Options": { name: CANARY } }));
        assert_eq!(
            warnings(&config),
            [format!(
                "CFG-007 /Kafka Options/{name}: a secret stands in the file; better {{\"env\": NAME}} or {{\"file\": \
                 PATH}}"
            )]
        );
        assert_eq!(config.warnings[0].code, Code::LiteralSecret);
        assert_eq!(loads(json!({ "Kafka Options": { name: { "env": "X" } } })).warnings, []);
    }
    assert_eq!(loads(json!({ "Kafka Options": { "ssl.ca.location": "/etc/ca.pem" } })).warnings, []);
}

#[test]
fn a_group_needs_a_kafka_group() {
    for (feed, got) in [
        ("redis://h", "a Redis feed"),
        ("tape:x.csv", "a tape"),
        ("synthetic:1", "a synthetic feed"),
        ("kafka://h:1/t", "a kafka:// feed without one"),
    ] {
        refused(
            json!({ "Sharding": "group", "Feed": feed }),
            &[&format!(
                "CFG-011 /Sharding: \"group\" needs a Kafka group (got {got}, want Feed \
                 kafka://host:port/TOPIC?group=NAME)"
            )],
        );
    }
    loads(json!({ "Sharding": "group", "Feed": "kafka://h:1/t?group=g" }));
    loads(json!({ "Sharding": "group", "Shards": 9 }));
}

#[test]
fn a_group_belongs_to_group_sharding() {
    for sharding in ["alone", "static"] {
        refused(
            json!({ "Sharding": sharding, "Feed": "kafka://h:1/t?group=g" }),
            &[&format!(
                "CFG-011 /Feed: a group wants Sharding \"group\" (got group=g with Sharding \"{sharding}\")"
            )],
        );
        loads(json!({ "Sharding": sharding, "Feed": "kafka://h:1/t" }));
    }
}

#[test]
fn several_shards_are_no_process_alone() {
    refused(
        json!({ "Shards": 3, "Feed": "redis://h" }),
        &[
            "CFG-011 /Shards: Sharding \"alone\" is one process (got 3, want Sharding \"static\" or \"group\", or 1)",
        ],
    );
    loads(json!({ "Shards": 1, "Feed": "redis://h" }));
}

#[test]
fn static_shards_keep_their_leases_somewhere() {
    for feed in ["kafka://h:1/t", "tape:x.csv", "synthetic:1"] {
        let fleet = json!({ "Sharding": "static", "Shards": 3, "Feed": feed });
        refused(
            fleet.clone(),
            &[
                "CFG-011 /Lease Store: missing: Sharding \"static\" keeps leases (got Shards 3 and no Redis feed, want \
               redis://host:port)",
            ],
        );
        let with = |key: &str, value: Value| {
            let mut fleet = fleet.clone();
            fleet[key] = value;
            loads(fleet)
        };
        with("Lease Store", json!("redis://h"));
        with("Lease Store", json!({ "env": "LEASES" }));
        with("Shards", json!(1));
        with("Feed", json!("redis://h"));
    }
}

#[test]
fn the_embedded_venue_belongs_to_one_process() {
    let entry = |symbol: &str| {
        let mut entry = instrument(symbol);
        entry["Maker Exchange"] = json!("simulated");
        entry.as_object_mut().unwrap().retain(|key, _| key != "Dialect" && key != "Address");
        entry
    };
    let fleet = json!({
        "Sharding": "static", "Shards": 3, "Feed": "redis://h",
        "instruments": [instrument("A"), entry("B"), entry("C")],
    });
    refused(
        fleet.clone(),
        &[
            "CFG-011 /instruments/1/Maker Exchange: the embedded venue belongs to one process (got Shards 3, want \
           \"staging\" with the venue's Address); 1 more such instruments",
        ],
    );
    let mut group = fleet.clone();
    group["Sharding"] = json!("group");
    group["Shards"] = json!(1);
    group["Feed"] = json!("kafka://h:1/t?group=g");
    group["instruments"] = json!([entry("A")]);
    refused(
        group,
        &[
            "CFG-011 /instruments/0/Maker Exchange: the embedded venue belongs to one process (got Sharding \"group\", \
           want \"staging\" with the venue's Address)",
        ],
    );
    let mut one = fleet;
    one["Shards"] = json!(1);
    loads(one);
}

#[test]
fn a_symbol_of_a_pattern_makes_a_topic() {
    let entries = json!([instrument("BTCUSDT"), instrument("BTC/USDT")]);
    refused(
        json!({ "Feed": "kafka://h:1/trades_{symbol}", "instruments": entries }),
        &[
            "CFG-011 /instruments/1/Follow Symbol: makes no topic (got \"trades_BTC/USDT\", want at most 249 of a-z A-Z \
           0-9 . _ -)",
        ],
    );
    loads(json!({ "Feed": "kafka://h:1/trades", "instruments": entries }));
}

/// The command line changes what the file says; the checks can be asked again.
#[test]
fn a_changed_configuration_is_checked_again() {
    let mut config = loads(json!({ "Sharding": "static", "Shards": 3, "Feed": "redis://h" }));
    assert_eq!(config.check(), Ok(()));
    config.process.feed = Some(FeedUrl::Synthetic { seed: 1 });
    let pointers = |config: &Config| match config.check() {
        Ok(()) => Vec::new(),
        Err(faults) => faults.into_iter().map(|fault| (fault.code, fault.pointer)).collect(),
    };
    assert_eq!(pointers(&config), [(Code::Together, "/Lease Store".to_owned())]);
    config.process.feed = Some(FeedUrl::Kafka(KafkaUrl::parse("kafka://h:1/{symbol}?group=g").unwrap()));
    config.process.sharding = Sharding::Alone;
    config.instruments[0].follow_symbol = "A:B".into();
    assert_eq!(
        pointers(&config),
        ["/Shards", "/Feed", "/instruments/0/Follow Symbol"].map(|place| (Code::Together, place.to_owned()))
    );
}
