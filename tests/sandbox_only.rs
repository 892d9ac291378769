//! P10: orders cannot leave for a production host, by any spelling of it, nor by a resolver that lies.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod production_hosts;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use production_hosts::{REFUSED, TEST_NETWORKS};
use schemas::config::{Code, Config, Fault, Venue, is_private};
use self_trader::venue::guard::{
    CONNECT_TIMEOUT, Endpoint, GuardError, Resolve, Stream, Target, connect, connect_by,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto};

const ENDPOINTS: [Endpoint; 3] = [Endpoint::Rest, Endpoint::WsApi, Endpoint::Streams];

fn configuration(exchange: &str, address: Option<&str>) -> Value {
    let mut entry = json!({
        "Maker Exchange": exchange, "API KEY": { "env": "KEY" }, "Secret": { "env": "SECRET" },
        "Follow Exchange": "okx", "Follow Symbol": "BTCUSDT", "Maker Symbol": "BTCUSDT", "Term type": "SPOT",
        "Price Decimals": 2, "Qty Decimals": 5, "Interval": 1, "Qty Multiplier": 0.01,
        "Price Divergence": 0.001, "Max Amt Per Order": 1000,
    });
    if let Some(address) = address {
        entry["Address"] = address.into();
        entry["Dialect"] = "binance_spot".into();
    }
    json!([entry])
}

fn load(exchange: &str, address: Option<&str>) -> Result<Config, Vec<Fault>> {
    Config::parse(configuration(exchange, address).to_string().as_bytes())
}

#[track_caller]
fn refused(exchange: &str, address: Option<&str>, code: Code) {
    let faults = load(exchange, address).expect_err(address.unwrap_or(exchange));
    let [fault] = faults.as_slice() else { panic!("{address:?} of {exchange:?}: {faults:?}") };
    assert_eq!(fault.code, code, "{fault}");
}

fn staging(address: &str) -> Target {
    let config = load("staging", Some(address)).unwrap_or_else(|faults| panic!("{address}: {faults:?}"));
    Target::of(&config.instruments[0].venue).expect("staging is no embedded venue")
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn no_public_host_is_a_maker_exchange() {
    for host in REFUSED.iter().chain(TEST_NETWORKS) {
        for spelling in [
            (*host).to_owned(),
            host.to_uppercase(),
            format!("{host}."),
            format!("{host}:443"),
            format!("https://{host}"),
            format!("https://{host}/api/v3"),
            format!("wss://{host}:9443/ws-api/v3"),
            format!("binance_spot@{host}"),
        ] {
            refused(&spelling, None, Code::Venue);
        }
    }
}

/// Promise P10.
#[test]
fn no_public_host_is_a_staging_address() {
    for host in REFUSED.iter().chain(TEST_NETWORKS) {
        for spelling in [
            (*host).to_owned(),
            format!("{host}:443"),
            format!("{host}:8080"),
            format!("{host}.:443"),
            format!("{}:443", host.to_uppercase()),
            format!("http://{host}:80"),
            format!("https://{host}"),
            format!("https://{host}:443"),
            format!("https://{host}:443/"),
            format!("https://{host}:443/api/v3"),
            format!("wss://{host}:9443/ws-api/v3"),
            format!("127.0.0.1:80@{host}:443"),
            format!("https://localhost@{host}:443"),
            format!("https://localhost:80@{host}:443"),
            format!("{host}:443#.localhost:80"),
            format!("{host}:443/.localhost:80"),
            format!("{host}:443?.test:80"),
            format!("{host}\\.test:80"),
            format!("{host}%2e.test:80"),
            format!("{host}\0.test:80"),
            format!("{host}\n.test:80"),
        ] {
            let faults = load("staging", Some(&spelling)).expect_err(&spelling);
            assert!(
                matches!(faults.as_slice(), [Fault { code: Code::Address | Code::Range, .. }]),
                "{spelling:?}: {faults:?}"
            );
        }
    }
}

/// Spellings that some program, somewhere, takes for an address.
const TRICKS: &[&str] = &[
    // Public addresses in every spelling that some resolver takes.
    "8.8.8.8:443",
    "[2001:4860:4860::8888]:443",
    "[::ffff:8.8.8.8]:443",
    "[::ffff:808:808]:443",
    "[::8.8.8.8]:443",
    "[64:ff9b::8.8.8.8]:443",
    "[2002:808:808::1]:443",
    "134744072:443",
    "0x08080808:443",
    "010.010.010.010:443",
    "8.8.2056:443",
    "8.526344:443",
    "0x8.0x8.0x8.0x8:443",
    "0x:443",
    // Private ones in those spellings: what is not read one way only is not read.
    "2130706433:80",
    "0x7f000001:80",
    "0x7f.1:80",
    "0177.0.0.1:80",
    "127.1:80",
    "127.0.0.01:80",
    "127.0.0.1.:80",
    // Neither public nor private.
    "0.0.0.0:80",
    "169.254.169.254:80",
    "100.64.0.1:80",
    "224.0.0.1:80",
    "255.255.255.255:80",
    "192.0.2.1:80",
    "172.32.0.1:80",
    "172.15.255.255:80",
    "11.0.0.1:80",
    "192.169.0.1:80",
    "[::]:80",
    "[fe80::1]:80",
    "[fe80::1%eth0]:80",
    "[ff02::1]:80",
    "[::ffff:0.0.0.0]:80",
    "[::ffff:169.254.1.1]:80",
    // Names.
    "xn--bnance-5va.test:80",
    "bınance.test:80",
    "аpi.test:80",
    "venue.test.:80",
    "VENUE.test:80",
    ".test:80",
    "a..test:80",
    "-a.test:80",
    "a-.test:80",
    "venue.example:80",
    "venue.localhost.com:80",
    "venue.internal.io:80",
    "evil.svc.cluster.com:80",
    "venuetest.com:80",
    "svc.cluster.local.com:80",
    "localhost,api.test:80",
    "a b:80",
    " localhost:80",
    "localhost:80 ",
    "localhost。test:80",
    "venue.test\u{200b}:80",
    // Schemes, user parts, paths.
    "user@localhost:80",
    "user:pass@localhost:80",
    "http://user@localhost:80",
    "https://localhost:80/",
    "http://localhost:80/api",
    "localhost:80?x",
    "localhost:80#x",
    "ws://localhost:80",
    "ftp://localhost:80",
    "HTTP://localhost:80",
    "http:localhost:80",
    "//localhost:80",
    "http://http://localhost:80",
    "file:///etc/passwd",
    "localhost:80\\",
    "http:///localhost:80",
    // Ports.
    "localhost",
    "localhost:",
    "localhost:0",
    "localhost:00080",
    "localhost:+80",
    "localhost:-1",
    "localhost:65536",
    "localhost:80:443",
    "localhost:8 0",
    "localhost:0x50",
    "localhost:８０",
    "localhost:http",
    "[::1]",
    "[::1]:",
    "::1:80",
    "[::1:80",
    "::1]:80",
    "[]:80",
    ":80",
    "http://:80",
    "http://",
];

/// Promise P10.
#[test]
fn no_trick_makes_an_address() {
    for trick in TRICKS {
        let faults = load("staging", Some(trick)).expect_err(trick);
        assert!(matches!(faults.as_slice(), [Fault { code: Code::Address, .. }]), "{trick:?}: {faults:?}");
    }
}

#[test]
fn private_addresses_pass_in_plain_form() {
    for plain in [
        "localhost:80",
        "venue:8080",
        "http://venue:8080",
        "https://venue.exchange.svc:443",
        "a.b.svc.cluster.local:1",
        "printer.local:65535",
        "x.internal:9",
        "x.test:9",
        "x.localhost:9",
        "my_venue:80",
        "127.0.0.1:80",
        "127.255.0.1:80",
        "10.0.0.1:80",
        "172.16.0.1:80",
        "172.31.255.255:80",
        "192.168.1.1:80",
        "[::1]:80",
        "https://[fd00::1]:443",
        "[::ffff:10.0.0.1]:80",
    ] {
        let target = staging(plain);
        for endpoint in ENDPOINTS {
            assert!(plain.ends_with(target.host(endpoint)), "{plain} -> {}", target.host(endpoint));
        }
        assert_eq!(target.tls(), plain.starts_with("https"));
    }
}

/// The predicate against the ranges written out as numbers.
#[test]
fn exactly_the_private_ranges_are_private() {
    let ranges: [(u32, u32); 4] = [
        (0x0a00_0000, 0x0aff_ffff),
        (0x7f00_0000, 0x7fff_ffff),
        (0xac10_0000, 0xac1f_ffff),
        (0xc0a8_0000, 0xc0a8_ffff),
    ];
    let edges = ranges.iter().flat_map(|(low, high)| [low - 1, *low, *high, high + 1]);
    for bits in edges.chain((0..=u32::MAX).step_by(65_521)) {
        let ip = Ipv4Addr::from_bits(bits);
        let want = ranges.iter().any(|(low, high)| (*low..=*high).contains(&bits));
        assert_eq!(is_private(ip.into()), want, "{ip}");
        assert_eq!(is_private(ip.to_ipv6_mapped().into()), want, "mapped {ip}");
    }
    for (text, want) in
        [("::1", true), ("fc00::", true), ("fdff:ffff::1", true), ("fe00::", false), ("::2", false)]
    {
        assert_eq!(is_private(text.parse().unwrap()), want, "{text}");
    }
}

#[test]
fn public_venues_are_the_test_networks_and_always_encrypted() {
    for exchange in ["binance_spot", "binance_UMFuture", "okx"] {
        let mut entry = configuration(exchange, None);
        entry[0]["Term type"] = if exchange == "binance_UMFuture" { "FUTURE" } else { "SPOT" }.into();
        entry[0]["Passphrase"] = json!({ "env": "PASSPHRASE" });
        let config = Config::parse(entry.to_string().as_bytes()).unwrap();
        let target = Target::of(&config.instruments[0].venue).unwrap();
        assert!(target.tls(), "{exchange}");
        for endpoint in ENDPOINTS {
            let host = target.host(endpoint).split(':').next().unwrap();
            assert!(TEST_NETWORKS.contains(&host), "{exchange}: {host}");
        }
    }
    assert_eq!(Target::of(&Venue::Simulated), None);
}

#[test]
fn okx_rest_is_shut_since_only_a_header_tells_demo_from_production() {
    let target = Target::of(&Venue::OkxDemo).unwrap();
    let resolver = Answers::new([]);
    let refused = run(connect_by(&resolver, CONNECT_TIMEOUT, &target, Endpoint::Rest));
    assert!(matches!(refused, Err(GuardError::HeaderOnly(_))), "{refused:?}");
    assert_eq!(resolver.asked(), 0);
}

#[test]
fn the_embedded_venue_is_on_loopback() {
    for address in ["127.0.0.1:1", "[::1]:1", "127.9.9.9:1"] {
        assert!(Target::simulated(address.parse().unwrap()).is_ok(), "{address}");
    }
    for address in ["10.0.0.1:1", "0.0.0.0:1", "8.8.8.8:1", "[fd00::1]:1", "[::ffff:10.0.0.1]:1"] {
        let refused = Target::simulated(address.parse().unwrap());
        assert!(matches!(refused, Err(GuardError::NotLoopback(_))), "{address}");
    }
}

/// A resolver that gives its answers in turn, then none.
struct Answers(Mutex<(Vec<Vec<SocketAddr>>, usize)>);

impl Answers {
    fn new<const N: usize>(answers: [Vec<SocketAddr>; N]) -> Self {
        let answers = answers.into_iter().rev().collect();
        Self(Mutex::new((answers, 0)))
    }

    fn asked(&self) -> usize {
        self.0.lock().unwrap().1
    }
}

impl Resolve for Answers {
    async fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        let mut state = self.0.lock().unwrap();
        state.1 += 1;
        state.0.pop().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn public() -> SocketAddr {
    ([203, 0, 113, 7], 80).into()
}

async fn echo(listener: &TcpListener, stream: &mut Stream) {
    let (mut peer, _) = listener.accept().await.unwrap();
    stream.write_all(b"ping").await.unwrap();
    let mut heard = [0; 4];
    peer.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"ping");
}

/// Fault H10.
/// Promise P10.
#[test]
fn a_resolver_that_changes_its_answer_is_caught_on_every_connect() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let private = listener.local_addr().unwrap();
        let target = staging(&format!("venue.test:{}", private.port()));
        let resolver = Answers::new([
            vec![private],
            vec![public()],
            vec![private, public()],
            vec!["[::ffff:203.0.113.7]:80".parse().unwrap()],
            vec!["169.254.169.254:80".parse().unwrap()],
            vec![],
            vec![private],
        ]);
        let mut first = connect_by(&resolver, CONNECT_TIMEOUT, &target, Endpoint::Rest).await.unwrap();
        echo(&listener, &mut first).await;
        for _ in 0..4 {
            let refused = connect_by(&resolver, CONNECT_TIMEOUT, &target, Endpoint::Rest).await;
            assert!(matches!(refused, Err(GuardError::NotPrivate { .. })), "{refused:?}");
        }
        let empty = connect_by(&resolver, CONNECT_TIMEOUT, &target, Endpoint::WsApi).await;
        assert!(matches!(empty, Err(GuardError::Connect { .. })), "{empty:?}");
        let mut again = connect_by(&resolver, CONNECT_TIMEOUT, &target, Endpoint::Streams).await.unwrap();
        echo(&listener, &mut again).await;
        assert_eq!(resolver.asked(), 7, "each connect asks anew");
    });
}

/// Fault H10.
#[test]
fn a_refusal_names_the_host_and_where_it_led() {
    let target = staging("venue.test:8080");
    let refused = run(connect_by(&Answers::new([vec![public()]]), CONNECT_TIMEOUT, &target, Endpoint::Rest))
        .unwrap_err();
    let line = refused.to_string();
    assert_eq!(line, "CFG-006 venue.test: staging address must be private (got 203.0.113.7)");
}

#[test]
fn the_system_resolver_leads_home() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        for target in [
            Target::simulated(address).unwrap(),
            staging(&format!("127.0.0.1:{}", address.port())),
            staging(&format!("localhost:{}", address.port())),
        ] {
            let mut stream = connect(&target, Endpoint::WsApi).await.unwrap();
            echo(&listener, &mut stream).await;
        }
    });
}

/// A venue that answers TLS with plain text, or not at all, is no venue.
/// Fault H11.
#[test]
fn a_failed_handshake_is_named() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = staging(&format!("https://localhost:{}", listener.local_addr().unwrap().port()));
        let plain = async {
            let (mut peer, _) = listener.accept().await.unwrap();
            peer.write_all(b"HTTP/1.1 302 Found\r\nlocation: https://example.test\r\n\r\n").await.unwrap();
            peer
        };
        let (refused, _peer) = tokio::join!(connect(&target, Endpoint::Rest), plain);
        assert!(matches!(refused, Err(GuardError::Tls { .. })), "{refused:?}");
    });
}

#[test]
fn a_silent_peer_meets_the_deadline() {
    run(async {
        let target = staging("venue.test:8080");
        let refused = connect_by(&Silent, Duration::from_millis(50), &target, Endpoint::Rest).await;
        assert!(matches!(refused, Err(GuardError::TimedOut { .. })), "{refused:?}");
    });
}

/// A resolver that never answers.
struct Silent;

impl Resolve for Silent {
    async fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        std::future::pending().await
    }
}

/// Promise P10.
#[test]
fn the_program_itself_refuses_with_code_2() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    let check = |config: Value| {
        std::fs::write(&path, config.to_string()).unwrap();
        Command::new(env!("CARGO_BIN_EXE_self-trader")).arg("check").arg(&path).output().unwrap()
    };
    for (config, code) in [
        (configuration("https://api.binance.com", None), "CFG-005 /0/Maker Exchange: "),
        (configuration("staging", Some("https://fapi.binance.com:443")), "CFG-006 /0/Address: "),
        (configuration("staging", Some("[::ffff:8.8.8.8]:443")), "CFG-006 /0/Address: "),
        (configuration("staging", Some("user@127.0.0.1:443")), "CFG-006 /0/Address: "),
    ] {
        let output = check(config);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(errors.lines().any(|line| line.starts_with(code)), "{errors}");
    }
    assert_eq!(check(configuration("staging", Some("127.0.0.1:8080"))).status.code(), Some(0));
}

/// A server with a certificate of its own for that name, valid until the end of that year.
fn server_of(name: &str, until: i32) -> TlsAcceptor {
    let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(until, 12, 31);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Only public roots are trusted, so that whatever else is wrong comes on top.
/// Fault H11.
/// Promise P10.
#[test]
fn self_signed_expired_and_other_hosts_certificates_are_refused() {
    for (name, until) in [("localhost", 2100), ("localhost", 2020), ("other.test", 2100)] {
        run(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let target = staging(&format!("https://localhost:{port}"));
            let server = async {
                let (peer, _) = listener.accept().await.unwrap();
                server_of(name, until).accept(peer).await
            };
            let (refused, served) = tokio::join!(connect(&target, Endpoint::WsApi), server);
            let line = refused.expect_err("a certificate of nobody").to_string();
            assert!(line.contains("localhost") && line.contains("certificate"), "{name} {until}: {line}");
            assert!(served.is_err(), "the client went on");
        });
    }
}

/// What speaks only an older version says so with an alert.
/// Fault H11.
#[test]
fn an_old_version_of_tls_is_refused() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let target = staging(&format!("https://localhost:{port}"));
        let server = async {
            let (mut peer, _) = listener.accept().await.unwrap();
            let mut hello = [0; 5];
            peer.read_exact(&mut hello).await.unwrap();
            // TLS 1.0: a fatal alert, protocol_version.
            peer.write_all(&[0x15, 3, 1, 0, 2, 2, 70]).await.unwrap();
            peer
        };
        let (refused, _peer) = tokio::join!(connect(&target, Endpoint::Rest), server);
        assert!(matches!(refused, Err(GuardError::Tls { .. })), "{refused:?}");
    });
}
