//! The Redis feed against a real server: every way in which it may be cut off, and back again.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may stop where it stands, and says why it skips"
)]

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use pipeline::event::FeedTick;
use pipeline::time::Nanos;
use schemas::config::{FeedUrl, RedisMode};
use schemas::tick::Tick;
use self_trader::clock::{Clock, wall_ms};
use self_trader::feed::decode::Reason;
use self_trader::feed::redis::{Settings, Source, run};
use self_trader::feed::{FeedCounters, FeedEnd, FeedState, FeedStop, Intake, Route};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

#[path = "support/log.rs"]
mod log;
#[path = "support/redis.rs"]
mod support;
use support::{PATIENCE, Redis};

const BTC: &str = "binance_ticker_BTCUSDT";
const ETH: &str = "binance_ticker_ETHUSDT";

/// Waits short enough for a test, and answers that may take what a busy machine takes; the sizes are the feed's own.
fn quick() -> Settings {
    Settings {
        ping_every: Duration::from_millis(200),
        answer_timeout: Duration::from_secs(4),
        retry_min: Duration::from_millis(50),
        retry_max: Duration::from_millis(200),
        auth_retry: Duration::from_millis(300),
        prime_age: Duration::from_secs(30),
        ..Settings::default()
    }
}

/// A feed that follows BTC and ETH, and the lane that takes both.
struct Bench {
    counters: Arc<FeedCounters>,
    states: watch::Receiver<FeedState>,
    lane: mpsc::Receiver<FeedTick>,
    stop: watch::Sender<FeedStop>,
    feed: JoinHandle<FeedEnd>,
}

impl Bench {
    fn start(url: &str, settings: Settings) -> Self {
        let url = FeedUrl::parse(url).unwrap();
        let FeedUrl::Redis { mode, .. } = url else { panic!("{url} is no Redis") };
        let (sender, lane) = mpsc::channel(100_000);
        let route = |symbol: &str| Route {
            follow_key: format!("binance_ticker_{symbol}"),
            follow_symbol: symbol.to_owned(),
            poll: Duration::from_millis(100),
            lanes: vec![sender.clone()],
            holds: Vec::new(),
        };
        let counters = Arc::new(FeedCounters::default());
        let intake = Intake::new(vec![route("BTCUSDT"), route("ETHUSDT")], counters.clone());
        let source = Source::new(&url, mode).unwrap().with_settings(settings);
        let (state, states) = watch::channel(FeedState::default());
        let (stop, stopping) = watch::channel(FeedStop::Run);
        let feed = tokio::spawn(async move { run(source, intake, Clock::start(), &state, stopping).await });
        Self { counters, states, lane, stop, feed }
    }

    async fn live(&mut self) {
        within(self.states.wait_for(FeedState::is_live)).await.unwrap();
    }

    async fn not_live(&mut self) -> String {
        within(self.states.wait_for(|state| !state.is_live() && *state != FeedState::Connecting))
            .await
            .unwrap();
        within(self.states.wait_for(|state| matches!(state, FeedState::Reconnecting { .. })))
            .await
            .unwrap()
            .to_string()
    }

    async fn tick(&mut self) -> Tick {
        within(self.lane.recv()).await.unwrap().tick
    }

    fn has_no_tick(&mut self) {
        assert_eq!(self.lane.try_recv().ok(), None);
    }

    /// Publishes a trade and waits for it, as proof that everything before it has been handled.
    async fn probe(&mut self, redis: &Redis, id: &str) {
        assert_eq!(redis.ask(&["PUBLISH", ETH, &ticker(id, None)]), "1", "one subscriber");
        assert_eq!(self.tick().await.id.unwrap().as_str(), id);
    }

    async fn until(&self, what: impl Fn(&FeedCounters) -> bool) {
        within(async {
            while !what(&self.counters) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.feed.abort();
    }
}

async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("within the test's patience")
}

fn block_on(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

fn ticker(id: &str, time_ms: Option<i64>) -> String {
    let time = time_ms.map(|time| format!(r#","time":"{time}""#)).unwrap_or_default();
    format!(r#"{{"price":"64000.10","qty":"0.5","id":"{id}"{time}}}"#)
}

#[test]
fn a_published_message_becomes_a_tick() {
    let Some(redis) = Redis::start(&[]) else { return };
    block_on(async {
        let mut bench = Bench::start(&redis.url(), quick());
        bench.live().await;
        redis.ask(&["PUBLISH", BTC, &ticker("t1", None)]);
        assert_eq!(bench.tick().await.id.unwrap().as_str(), "t1");
        let clients = redis.ask(&["CLIENT", "LIST", "TYPE", "PUBSUB"]);
        assert!(clients.contains("resp=3") && clients.contains("sub=2"), "{clients}");
        redis.ask(&["PUBLISH", BTC, "{broken"]);
        bench.until(|counters| counters.rejected(Reason::Malformed) == 1).await;
        bench.probe(&redis, "t2").await;
        assert!(bench.counters.snapshot().balances());
        bench.stop.send_replace(FeedStop::End);
        assert_eq!(within(&mut bench.feed).await.unwrap(), FeedEnd::Stopped);
        assert!(within(bench.lane.recv()).await.is_none(), "the lane's input has ended");
    });
}

/// Fault F2.
#[test]
fn a_killed_connection_comes_back_subscribed() {
    let Some(redis) = Redis::start(&[]) else { return };
    block_on(async {
        let mut bench = Bench::start(&redis.url(), quick());
        for round in 1..=3_u64 {
            bench.live().await;
            bench.probe(&redis, &format!("round-{round}")).await;
            assert_eq!(redis.ask(&["CLIENT", "KILL", "TYPE", "PUBSUB"]), "1");
            bench.not_live().await;
            bench.live().await;
            assert_eq!(bench.counters.snapshot().reconnects, round);
            bench.probe(&redis, &format!("back-{round}")).await;
        }
    });
}

/// Fault F2.
#[test]
fn a_server_that_dies_and_returns_empty_is_followed_again() {
    let Some(mut redis) = Redis::start(&[]) else { return };
    block_on(async {
        let mut bench = Bench::start(&redis.url(), quick());
        bench.live().await;
        bench.probe(&redis, "before").await;
        redis.kill();
        bench.not_live().await;
        redis.launch();
        bench.live().await;
        bench.probe(&redis, "after").await;
    });
}

/// Fault F1.
#[test]
fn a_server_that_is_down_at_the_start_is_waited_for() {
    let Some(mut redis) = Redis::stopped(&[]) else { return };
    block_on(async {
        let mut bench = Bench::start(&redis.url(), quick());
        let state = bench.not_live().await;
        assert!(state.contains("not connected"), "{state}");
        redis.launch();
        bench.live().await;
        bench.probe(&redis, "here").await;
        assert_eq!(bench.counters.snapshot().reconnects, 0, "the first connection is no reconnect");
    });
}

/// Fault F3.
#[test]
fn a_frozen_server_is_noticed_and_its_return_too() {
    let Some(redis) = Redis::start(&[]) else { return };
    block_on(async {
        let mut bench = Bench::start(&redis.url(), quick());
        bench.live().await;
        bench.probe(&redis, "before").await;
        redis.signal("STOP");
        let state = bench.not_live().await;
        redis.signal("CONT");
        assert!(state.contains("does not answer") || state.contains("no answer"), "{state}");
        bench.live().await;
        bench.probe(&redis, "after").await;
    });
}

/// Fault F4, F22.
#[test]
fn a_forbidden_channel_is_noticed_though_others_subscribe_to_it() {
    let Some(redis) = Redis::start(&[]) else { return };
    let rules = ["ACL", "SETUSER", "feed", "on", ">secret", "~*", "+@all", "resetchannels"];
    assert_eq!(redis.ask(&[rules.as_slice(), &["&binance_ticker_BTC*"]].concat()), "OK");
    let mut other = redis.client();
    other.send(&[&["SUBSCRIBE", BTC, ETH]]).unwrap();
    block_on(async {
        let mut bench = Bench::start(&format!("redis://feed:secret@127.0.0.1:{}", redis.port()), quick());
        let state = bench.not_live().await;
        assert!(state.contains("not confirmed") && !state.contains("secret"), "{state}");
        redis.ask(&["PUBLISH", BTC, &ticker("x", None)]);
        bench.has_no_tick();
        redis.ask(&["ACL", "SETUSER", "feed", "&binance_ticker_ETH*"]);
        bench.live().await;
        redis.ask(&["PUBLISH", ETH, &ticker("y", None)]);
        assert_eq!(bench.tick().await.id.unwrap().as_str(), "y");
    });
}

#[test]
fn a_user_who_may_not_ask_about_subscriptions_is_told_so() {
    let Some(redis) = Redis::start(&[]) else { return };
    let rules = ["ACL", "SETUSER", "feed", "on", "nopass", "~*", "&*", "+@all", "-client", "-pubsub"];
    assert_eq!(redis.ask(&rules), "OK");
    block_on(async {
        let mut bench = Bench::start(&format!("redis://feed:any@127.0.0.1:{}", redis.port()), quick());
        let state = bench.not_live().await;
        assert!(state.contains("cannot be verified"), "{state}");
        redis.ask(&["ACL", "SETUSER", "feed", "+pubsub"]);
        bench.live().await;
    });
}

/// Fault F22.
/// Promise P11.
#[test]
fn a_wrong_password_is_one_line_without_the_secret_and_tried_again() {
    let Some(redis) = Redis::start(&["--requirepass", "right"]) else { return };
    log::start();
    block_on(async {
        let mut bench = Bench::start(&format!("redis://:hunter2@127.0.0.1:{}", redis.port()), quick());
        let state = bench.not_live().await;
        assert!(state.contains("login refused"), "{state}");
        for _ in 0..4 {
            within(bench.states.changed()).await.unwrap();
        }
        let mut admin = redis.client();
        admin.ask(&["AUTH", "right"]).unwrap();
        assert_eq!(admin.ask(&["CONFIG", "SET", "requirepass", "hunter2"]).unwrap(), "OK");
        bench.live().await;
    });
    let text = log::take();
    assert_eq!(text.matches("FEED-033").count(), 1, "{text}");
    assert!(text.contains("login refused") && text.contains(":***@"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn a_server_without_resp3_is_named() {
    let Some(redis) = Redis::start(&["--rename-command", "HELLO", ""]) else { return };
    block_on(async {
        let mut bench = Bench::start(&redis.url(), quick());
        let state = bench.not_live().await;
        assert!(state.contains("RESP3"), "{state}");
    });
}

/// Speaks just enough RESP3 to be connected to, and swallows every SUBSCRIBE.
async fn deaf_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (reader, mut writer) = stream.into_split();
                let mut lines = BufReader::new(reader).lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    let answer: &[u8] = match line.as_str() {
                        "HELLO 3" => b"%1\r\n$5\r\nproto\r\n:3\r\n",
                        "ID" => b":1\r\n",
                        "PING" => b"+PONG\r\n",
                        "NUMSUB" => b"*4\r\n$22\r\nbinance_ticker_BTCUSDT\r\n:1\r\n$22\r\nbinance_ticker_ETHUSDT\r\n:1\r\n",
                        "INFO" => b"$11\r\nid=1 sub=0 \r\n",
                        _ => b"",
                    };
                    if writer.write_all(answer).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}

/// Fault F4.
#[test]
fn a_subscription_that_is_lost_on_the_way_is_noticed() {
    block_on(async {
        let port = deaf_server().await;
        let mut bench = Bench::start(&format!("redis://127.0.0.1:{port}"), quick());
        let state = bench.not_live().await;
        assert!(state.contains("got 0 channels, want 2"), "{state}");
    });
}

/// Fault F5.
#[test]
fn a_burst_beyond_the_capacity_is_counted_and_the_feed_goes_on() {
    let Some(redis) = Redis::start(&[]) else { return };
    block_on(async {
        let capacity = 64;
        let mut bench = Bench::start(&redis.url(), Settings { capacity, ..quick() });
        bench.live().await;
        let count = capacity * 10;
        let messages: Vec<String> = (0..count).map(|id| ticker(&format!("b{id}"), None)).collect();
        let commands: Vec<[&str; 3]> =
            messages.iter().map(|message| ["PUBLISH", BTC, message.as_str()]).collect();
        let commands: Vec<&[&str]> = commands.iter().map(<[&str; 3]>::as_slice).collect();
        let mut publisher = redis.client();
        publisher.send(&commands).unwrap();
        // The runtime is held here until all of them have left the server: they arrive as one burst.
        for _ in 0..count {
            assert_eq!(publisher.answer().unwrap(), "1");
        }
        bench.until(|counters| counters.messages.get() + counters.lagged.get() == count as u64).await;
        let snapshot = bench.counters.snapshot();
        assert!(snapshot.lagged > 0 && snapshot.messages >= capacity as u64, "{snapshot:?}");
        for _ in 0..snapshot.ticks {
            bench.tick().await;
        }
        assert!(bench.states.borrow().is_live());
        bench.probe(&redis, "after").await;
        assert_eq!(bench.counters.snapshot().reconnects, 0);
    });
}

#[test]
fn the_last_value_is_a_tick_only_if_it_is_young() {
    let Some(redis) = Redis::start(&[]) else { return };
    block_on(async {
        redis.ask(&["SET", BTC, &ticker("young", Some(wall_ms() - 1_000))]);
        redis.ask(&["SET", ETH, &ticker("old", Some(wall_ms() - 60_000))]);
        let mut bench = Bench::start(&redis.url(), quick());
        bench.live().await;
        let found = within(bench.lane.recv()).await.unwrap();
        assert_eq!((found.tick.id.unwrap().as_str(), found.since), ("young", Nanos(0)));
        let seen = bench.counters.last_seen();
        assert_eq!(seen.keys().collect::<Vec<_>>(), [ETH]);
        assert_eq!(seen[ETH].tick.id.unwrap().as_str(), "old");
        redis.ask(&["PUBLISH", BTC, &ticker("young", Some(wall_ms()))]);
        bench.probe(&redis, "next").await;
        let snapshot = bench.counters.snapshot();
        assert_eq!(
            (snapshot.ticks, snapshot.duplicates, snapshot.messages),
            (2, 1, 3),
            "read and published is one trade"
        );
    });
}

/// Its id does not tell: a published trade and a value may be told in different words.
/// Fault F2.
#[test]
fn after_a_reconnect_a_value_that_is_not_newer_is_no_tick() {
    let Some(redis) = Redis::start(&[]) else { return };
    block_on(async {
        let mut bench = Bench::start(&redis.url(), quick());
        bench.live().await;
        let time = wall_ms() - 1_000;
        redis.ask(&["PUBLISH", BTC, &ticker("published", Some(time))]);
        assert_eq!(bench.tick().await.id.unwrap().as_str(), "published");
        redis.ask(&["SET", BTC, &ticker("no newer", Some(time))]);
        assert_eq!(redis.ask(&["CLIENT", "KILL", "TYPE", "PUBSUB"]), "1");
        bench.not_live().await;
        bench.live().await;
        assert_eq!(bench.counters.last_seen()[BTC].tick.id.unwrap().as_str(), "no newer");
        bench.probe(&redis, "nothing before this").await;
        redis.ask(&["SET", BTC, &ticker("newer", Some(time + 1))]);
        assert_eq!(redis.ask(&["CLIENT", "KILL", "TYPE", "PUBSUB"]), "1");
        assert_eq!(bench.tick().await.id.unwrap().as_str(), "newer");
    });
}

#[test]
fn a_last_value_without_a_time_or_of_another_kind_is_no_tick() {
    let Some(redis) = Redis::start(&[]) else { return };
    block_on(async {
        redis.ask(&["SET", BTC, &ticker("timeless", None)]);
        redis.ask(&["LPUSH", ETH, "a", "b"]);
        let mut bench = Bench::start(&redis.url(), quick());
        bench.live().await;
        assert_eq!(bench.counters.last_seen()[BTC].tick.id.unwrap().as_str(), "timeless");
        assert_eq!(bench.counters.rejected(Reason::ReplyKind), 1);
        bench.has_no_tick();
        bench.probe(&redis, "next").await;
    });
}

/// Values that only change are followed, with the server's announcements or without.
fn values_are_followed(options: &[&str]) {
    let Some(redis) = Redis::start(options) else { return };
    block_on(async {
        redis.ask(&["SET", BTC, &ticker("there before", None)]);
        let mut bench = Bench::start(&format!("{}?mode=get", redis.url()), quick());
        bench.live().await;
        for id in ["one", "two", "three"] {
            redis.ask(&["SET", BTC, &ticker(id, None)]);
            assert_eq!(bench.tick().await.id.unwrap().as_str(), id);
        }
        redis.ask(&["SET", BTC, &ticker("three", None)]);
        redis.ask(&["SET", ETH, &ticker("four", None)]);
        assert_eq!(bench.tick().await.id.unwrap().as_str(), "four");
        // Each marker takes a poll of its own (or comes after the announcement of the same old value).
        for marker in ["five", "six", "seven", "eight"] {
            redis.ask(&["SET", BTC, &ticker("three", None)]);
            redis.ask(&["SET", ETH, &ticker(marker, None)]);
            assert_eq!(bench.tick().await.id.unwrap().as_str(), marker);
        }
        assert_eq!(bench.counters.snapshot().messages, 8, "a value that did not change is no message");
        redis.ask(&["DEL", BTC]);
        redis.ask(&["SET", BTC, "{"]);
        bench.until(|counters| counters.rejected(Reason::Malformed) == 1).await;
        assert_eq!(redis.ask(&["CLIENT", "KILL", "TYPE", "PUBSUB"]), "1");
        bench.not_live().await;
        bench.live().await;
        redis.ask(&["SET", BTC, &ticker("nine", None)]);
        assert_eq!(bench.tick().await.id.unwrap().as_str(), "nine");
        assert!(bench.counters.snapshot().balances());
    });
}

#[test]
fn values_are_followed_by_polling() {
    values_are_followed(&[]);
}

#[test]
fn values_are_followed_by_announcements() {
    values_are_followed(&["--notify-keyspace-events", "K$g"]);
}

/// Values that an owner before us may have read too.
fn a_value_without_a_time_is_as_old_as_the_read_before(options: &[&str]) {
    let Some(redis) = Redis::start(options) else { return };
    block_on(async {
        let clock = Clock::start();
        let started = clock.now().mono;
        let mut bench = Bench::start(&format!("{}?mode=get", redis.url()), quick());
        bench.live().await;
        for id in ["one", "two", "three"] {
            redis.ask(&["SET", BTC, &ticker(id, None)]);
            let set = clock.now().mono;
            let found = within(bench.lane.recv()).await.unwrap();
            assert_eq!(found.tick.id.unwrap().as_str(), id);
            assert!(started <= found.since && found.since < set, "a read that did not find it");
            assert!(found.since < found.received.mono, "another read than the one that found it");
        }
        redis.ask(&["SET", BTC, &ticker("timed", Some(wall_ms()))]);
        let found = within(bench.lane.recv()).await.unwrap();
        assert_eq!(found.since, found.received.mono, "its time tells");
    });
}

#[test]
fn a_polled_value_without_a_time_is_as_old_as_the_read_before() {
    a_value_without_a_time_is_as_old_as_the_read_before(&[]);
}

#[test]
fn an_announced_value_without_a_time_is_as_old_as_the_read_before() {
    a_value_without_a_time_is_as_old_as_the_read_before(&["--notify-keyspace-events", "K$g"]);
}

#[test]
fn announcements_come_sooner_than_the_poll() {
    let Some(redis) = Redis::start(&["--notify-keyspace-events", "KA"]) else { return };
    block_on(async {
        let (sender, mut lane) = mpsc::channel(16);
        let route = Route {
            follow_key: BTC.to_owned(),
            follow_symbol: "BTCUSDT".to_owned(),
            poll: Duration::from_secs(3_600),
            lanes: vec![sender],
            holds: Vec::new(),
        };
        let intake = Intake::new(vec![route], Arc::default());
        let url = FeedUrl::parse(&format!("{}/3?mode=get", redis.url())).unwrap();
        let source = Source::new(&url, RedisMode::Get).unwrap().with_settings(quick());
        let (state, mut states) = watch::channel(FeedState::default());
        let (_stop, stopping) = watch::channel(FeedStop::Run);
        let feed = tokio::spawn(async move { run(source, intake, Clock::start(), &state, stopping).await });
        within(states.wait_for(FeedState::is_live)).await.unwrap();
        let mut client = redis.client();
        client.ask(&["SELECT", "3"]).unwrap();
        client.ask(&["SET", BTC, &ticker("now", None)]).unwrap();
        assert_eq!(within(lane.recv()).await.unwrap().tick.id.unwrap().as_str(), "now");
        feed.abort();
    });
}

#[test]
fn values_are_polled_where_announcements_are_forbidden() {
    let Some(redis) = Redis::start(&[]) else { return };
    let rules = ["ACL", "SETUSER", "feed", "on", "nopass", "~*", "+@all", "resetchannels"];
    assert_eq!(redis.ask(&rules), "OK");
    block_on(async {
        let mut bench =
            Bench::start(&format!("redis://feed:any@127.0.0.1:{}?mode=get", redis.port()), quick());
        bench.live().await;
        redis.ask(&["SET", BTC, &ticker("polled", None)]);
        assert_eq!(bench.tick().await.id.unwrap().as_str(), "polled");
    });
}
