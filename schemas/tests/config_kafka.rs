//! Kafka addresses: what is read comes back as text, and every fault has its one error.

use proptest::prelude::*;
use schemas::config::{FeedUrl, GroupProtocol, KafkaKey, KafkaTopic, KafkaUrl, Partitioner};

#[track_caller]
fn refused(address: &str, want: &str) {
    let error = KafkaUrl::parse(address).expect_err(address);
    assert_eq!(error.to_string(), want, "{address}");
    assert_eq!(FeedUrl::parse(address).expect_err(address).to_string(), want, "as a feed: {address}");
}

#[test]
fn an_address_names_everything() {
    let url = KafkaUrl::parse(
        "kafka://a.b:9092,[::1]:9093/t_{symbol}-x?key=follow_key&group=one&partitioner=fnv1a&protocol=consumer",
    )
    .unwrap();
    let want = KafkaUrl {
        brokers: "a.b:9092,[::1]:9093".to_owned(),
        topic: KafkaTopic::PerSymbol("t_{symbol}-x".to_owned()),
        group: Some("one".to_owned()),
        protocol: GroupProtocol::Consumer,
        static_member: false,
        partitioner: Partitioner::Fnv1a,
        key: KafkaKey::FollowKey,
    };
    assert_eq!(url, want);
    assert_eq!(url.topic.of("BTCUSDT"), "t_BTCUSDT-x");
    assert_eq!(
        url.to_string(),
        "kafka://a.b:9092,[::1]:9093/t_{symbol}-x?group=one&protocol=consumer&partitioner=fnv1a&key=follow_key"
    );
    let plain = KafkaUrl::parse("kafka://h:1/t").unwrap();
    assert_eq!(plain, KafkaUrl::new("h:1", "t"));
    assert_eq!(plain.to_string(), "kafka://h:1/t");
    let fixed = KafkaUrl::parse("kafka://h:65535/t?group=g&static=true&protocol=classic").unwrap();
    assert!(fixed.static_member && fixed.protocol == GroupProtocol::Classic);
    assert_eq!(fixed.to_string(), "kafka://h:65535/t?group=g&static=true");
}

#[test]
fn brokers_are_host_and_port() {
    refused("kafka://", "no host in the Kafka address (got \"kafka://\", want host:port[,host:port])");
    refused("kafka:///t", "no host in the Kafka address (got \"kafka:///t\", want host:port[,host:port])");
    refused(
        "kafka://:1/t",
        "no host in the Kafka address (got \"kafka://:1/t\", want host:port[,host:port])",
    );
    refused(
        "kafka://a:1,,b:2/t",
        "no host in the Kafka address (got \"kafka://a:1,,b:2/t\", want host:port[,host:port])",
    );
    for broker in ["h", "h:", "h:0", "h:65536", "h:+1", "h:1x", "[::1]", "[::1]:"] {
        refused(
            &format!("kafka://{broker}/t"),
            &format!(
                "bad port of a Kafka broker (got \"{broker}\", want host:port with a port of 1 to 65535)"
            ),
        );
    }
    for broker in ["h:1:2", "::1:9092", "[::g]:1", "[h]:1", "a%b:1", "ä:1"] {
        refused(
            &format!("kafka://ok:1,{broker}/t"),
            &format!(
                "bad host in the Kafka address (got \"{broker}\", want a name, an IPv4 address or [IPv6])"
            ),
        );
    }
    refused(
        "kafka://a b:1/t",
        "space or control character in the Kafka address (got \"kafka://a b:1/t\", want none)",
    );
}

#[test]
fn a_topic_is_one_that_a_broker_takes() {
    for address in ["kafka://h:1", "kafka://h:1/", "kafka://h:1/?group=g"] {
        refused(
            address,
            &format!("no topic in the Kafka address (got \"{address}\", want kafka://host:port/TOPIC)"),
        );
    }
    for topic in [".", "..", "a/b", "a:b", "ä", "{symbo}", "{symbol}{symbol}", "a{", "a}"] {
        refused(
            &format!("kafka://h:1/{topic}"),
            &format!(
                "bad topic (got \"{topic}\", want 1 to 249 of a-z A-Z 0-9 . _ - and at most one {{symbol}})"
            ),
        );
    }
    let longest = "t".repeat(249);
    assert!(KafkaUrl::parse(&format!("kafka://h:1/{longest}")).is_ok());
    refused(
        &format!("kafka://h:1/{longest}t"),
        &format!(
            "bad topic (got \"{}...\", want 1 to 249 of a-z A-Z 0-9 . _ - and at most one {{symbol}})",
            &longest[..64]
        ),
    );
}

#[test]
fn settings_are_known_and_agree() {
    let of = |query: &str| format!("kafka://h:1/t?{query}");
    for setting in ["groups", "Group", "x", "", "partition"] {
        refused(
            &of(&format!("{setting}=1")),
            &format!(
                "unknown Kafka setting (got \"{setting}\", want group, protocol, static, partitioner or key)"
            ),
        );
    }
    for (setting, value, want) in [
        ("group", "", "a name of 1 to 249 bytes"),
        ("protocol", "kip848", "classic or consumer"),
        ("static", "yes", "true or false"),
        ("partitioner", "murmur", "murmur2, crc32 or fnv1a"),
        ("partitioner", "", "murmur2, crc32 or fnv1a"),
        ("key", "maker", "symbol or follow_key"),
    ] {
        refused(
            &of(&format!("{setting}={value}")),
            &format!("bad {setting} in the Kafka address (got \"{value}\", want {want})"),
        );
    }
    refused(&of("group"), "bad group in the Kafka address (got \"\", want a name of 1 to 249 bytes)");
    refused(
        &of("group=a&key=symbol&group=a"),
        "Kafka setting given twice (got \"group\" again, want it once)",
    );
    refused(
        &of("group=g&static=true&protocol=consumer"),
        "static=true goes only with protocol=classic (got protocol=consumer)",
    );
    assert!(KafkaUrl::parse(&of("group=g&static=false&protocol=consumer")).is_ok());
    for setting in ["static=true", "protocol=consumer", "protocol=classic"] {
        let name = setting.split('=').next().unwrap();
        refused(
            &of(setting),
            &format!("{name} in the Kafka address goes only with a group (got no group, want group=NAME)"),
        );
    }
}

#[test]
fn credentials_are_refused_without_showing_them() {
    for address in [
        "kafka://user:hunter2@h:1/t",
        "kafka://hunter2@h:1/t",
        "kafka://u:a/b?hunter2@h:1/t",
        "kafka://u:hunter2 @h",
        "kafka://h:1/t?group=u:hunter2@g",
    ] {
        refused(
            address,
            "a user or password in a Kafka address; not shown (want sasl.username and sasl.password in Kafka Options)",
        );
    }
}

#[test]
fn what_is_shown_is_cut_and_on_one_line() {
    for address in [
        format!("kafka://{}:1", "h".repeat(100_000)),
        format!("kafka://h:1/t?{}=1", "x".repeat(100_000)),
        format!("kafka://h:1/t?key={}", "x".repeat(100_000)),
        format!("kafka://h:{}/t", "9".repeat(100_000)),
        "kafka://h:1/t\n\u{1b}[2J".to_owned(),
    ] {
        let text = KafkaUrl::parse(&address).unwrap_err().to_string();
        assert!(text.len() < 200 && !text.contains(char::is_control), "{text}");
    }
}

prop_compose! {
    fn address()(
        brokers in prop::collection::vec("([a-z][a-z0-9.-]{0,9}|\\[::1\\]):[1-9][0-9]{0,3}", 1..4),
        topic in "[a-zA-Z0-9_-]{1,8}(\\{symbol\\})?[a-zA-Z0-9._-]{0,8}",
        group in prop::option::of("[a-zA-Z0-9._:=?-]{1,12}"),
        consumer in any::<bool>(),
        fixed in any::<bool>(),
        partitioner in prop::sample::select(vec![Partitioner::Murmur2, Partitioner::Crc32, Partitioner::Fnv1a]),
        follow_key in any::<bool>(),
    ) -> KafkaUrl {
        let grouped = group.is_some();
        let protocol = if consumer && grouped { GroupProtocol::Consumer } else { GroupProtocol::Classic };
        KafkaUrl {
            static_member: fixed && grouped && protocol == GroupProtocol::Classic,
            group,
            protocol,
            partitioner,
            key: if follow_key { KafkaKey::FollowKey } else { KafkaKey::Symbol },
            ..KafkaUrl::new(&brokers.join(","), &topic)
        }
    }
}

proptest! {
    #[test]
    fn every_address_reads_back(url in address()) {
        let text = url.to_string();
        prop_assert_eq!(KafkaUrl::parse(&text), Ok(url.clone()), "{}", text);
        prop_assert_eq!(FeedUrl::parse(&text), Ok(FeedUrl::Kafka(url)));
    }

    #[test]
    fn nothing_panics_and_what_is_read_reads_back(rest in "[a-z0-9:,/?&=.{}\\[\\]@ -]{0,40}|\\PC{0,40}") {
        if let Ok(url) = KafkaUrl::parse(&format!("kafka://{rest}")) {
            prop_assert_eq!(KafkaUrl::parse(&url.to_string()), Ok(url));
        }
    }
}
