//! The embedded venue through sockets: pairs a second and place -> ack, beside a bare echo server.
//!
//! The client sends the same signed frames to both, from a runtime of its own: a maker, and when that is answered
//! a taker at its price. The echo server sends each frame back and does nothing else: the floor of sockets, frames
//! and client. Both serve from one thread. They take turns in one run; compare within it (benches/README.md).

#![expect(clippy::print_stdout, reason = "the table")]

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::Parser;
use futures_util::{SinkExt, StreamExt};
use hdrhistogram::Histogram;
use schemas::ids::{ClientOrderId, Epoch, InstrumentPrefix, Leg};
use schemas::order::Side;
use schemas::units::{Price, Qty};
use schemas::wire::binance::encode::{Account, Envelope, signed};
use schemas::wire::binance::request::PlaceKind;
use schemas::wire::binance_spot::request::PlaceOrder;
use self_trader::clock::{self, Clock};
use self_trader::simulator::{self, RunningVenue, SymbolSpec, VenueOptions};
use self_trader::venue::binance::account::AccountKey;
use self_trader::venue::guard::{self, Endpoint, Stream, Target};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

/// Most connections, each with a symbol of its own so that nobody meets a stranger.
const CONNECTIONS: [usize; 2] = [1, 50];
/// An answer that takes longer ends the bench.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The embedded venue through sockets.
#[derive(Debug, Parser)]
struct Args {
    /// How long each turn lasts
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// How many turns each has
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Given by `cargo bench`; without it one short turn each
    #[arg(long, hide = true)]
    bench: bool,
    #[arg(long, hide = true)]
    test: bool,
    #[arg(long, hide = true)]
    nocapture: bool,
}

impl Args {
    const fn turn(&self) -> Duration {
        if self.bench { Duration::from_secs(self.seconds) } else { Duration::from_millis(200) }
    }

    const fn turns(&self) -> usize {
        if self.bench { self.rounds } else { 1 }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    Venue,
    Echo,
}

/// What a turn brought.
struct Turn {
    subject: Subject,
    connections: usize,
    pairs_a_second: u64,
    /// Place -> ack in nanoseconds, makers and takers alike.
    acks: Histogram<u64>,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let venue = venue()?;
    let echo = Echo::start()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut turns = Vec::new();
    for round in 0..args.turns() {
        for connections in CONNECTIONS {
            let mut subjects = [(Subject::Venue, venue.addr()), (Subject::Echo, echo.addr)];
            if round % 2 == 1 {
                subjects.reverse();
            }
            for (subject, addr) in subjects {
                turns.push(runtime.block_on(turn(subject, addr, connections, args.turn()))?);
            }
        }
    }
    report(&turns);
    Ok(())
}

fn venue() -> anyhow::Result<RunningVenue> {
    let most = CONNECTIONS.into_iter().max().unwrap_or(1);
    let symbols = (0..most).map(|at| SymbolSpec::named(&symbol(at), 2, 6)).collect();
    Ok(simulator::start(VenueOptions { symbols, ..VenueOptions::default() })?)
}

fn symbol(at: usize) -> String {
    format!("S{at:03}USDT")
}

/// A server that sends every frame back.
struct Echo {
    addr: SocketAddr,
    _stop: oneshot::Sender<()>,
}

impl Echo {
    fn start() -> anyhow::Result<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("echo".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = echo(listener) => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { addr, _stop: stop })
    }
}

async fn echo(listener: std::net::TcpListener) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
            while let Some(Ok(Message::Text(text))) = socket.next().await {
                if socket.send(Message::Text(text)).await.is_err() {
                    return;
                }
            }
        });
    }
}

async fn turn(
    subject: Subject,
    addr: SocketAddr,
    connections: usize,
    length: Duration,
) -> anyhow::Result<Turn> {
    let mut clients = Vec::with_capacity(connections);
    for at in 0..connections {
        clients.push(Client::open(subject, addr, at).await?);
    }
    let clock = Clock::start();
    let until = clock.now().mono + length;
    let mut tasks = JoinSet::new();
    for client in clients {
        tasks.spawn(client.run(clock, until.0));
    }
    let (mut pairs, mut acks) = (0, Histogram::new(3)?);
    while let Some(done) = tasks.join_next().await {
        let (own_pairs, own_acks) = done??;
        pairs += own_pairs;
        acks.add(own_acks)?;
    }
    let took_ms = u64::try_from(length.as_millis())?;
    Ok(Turn { subject, connections, pairs_a_second: pairs * 1_000 / took_ms, acks })
}

/// One connection: a pair after the other, each leg answered before the next is sent.
struct Client {
    subject: Subject,
    socket: WebSocketStream<Stream>,
    key: AccountKey,
    symbol: String,
    prefix: InstrumentPrefix,
    epoch: Epoch,
    payload: String,
    frame: String,
}

impl Client {
    async fn open(subject: Subject, addr: SocketAddr, at: usize) -> anyhow::Result<Self> {
        let target = Target::simulated(addr)?;
        let stream = guard::connect(&target, Endpoint::WsApi).await?;
        let url = format!("ws://{}{}", target.host(Endpoint::WsApi), target.path(Endpoint::WsApi));
        let (socket, _) = tokio_tungstenite::client_async(url, stream).await?;
        let symbol = symbol(at);
        // Each turn is an owner of its own: its ids are no one else's.
        let epoch = u32::try_from(clock::wall_ms().rem_euclid(i64::from(Epoch::MAX)))?;
        Ok(Self {
            subject,
            socket,
            key: AccountKey::new("test-key", b"test-secret"),
            prefix: InstrumentPrefix::new("bnch", &symbol),
            symbol,
            epoch: Epoch::new(epoch),
            payload: String::new(),
            frame: String::new(),
        })
    }

    async fn run(mut self, clock: Clock, until_ns: u64) -> anyhow::Result<(u64, Histogram<u64>)> {
        let (mut pairs, mut acks) = (0, Histogram::new(3)?);
        while clock.now().mono.0 < until_ns {
            for (kind, leg, side) in
                [(PlaceKind::Maker, Leg::Maker, Side::Sell), (PlaceKind::Taker, Leg::Taker, Side::Buy)]
            {
                self.encode(&clock, pairs, (kind, leg, side));
                let sent = clock.now().mono;
                self.socket.send(Message::text(self.frame.as_str())).await?;
                let answer = self.answer().await?;
                acks.record(u64::try_from(clock.now().mono.since(sent).as_nanos())?)?;
                self.check(&answer, kind)?;
            }
            pairs += 1;
        }
        Ok((pairs, acks))
    }

    fn encode(&mut self, clock: &Clock, pair: u64, (kind, leg, side): (PlaceKind, Leg, Side)) {
        let order = PlaceOrder {
            symbol: &self.symbol,
            side,
            kind,
            price: Price::from_steps(6_400_000).text(2),
            qty: Qty::from_steps(10_000).text(6),
            client_id: ClientOrderId::new(self.prefix, self.epoch, pair, leg),
            stp_none: true,
            recv_window_ms: Some(5_000),
            timestamp_ms: clock.now().wall_ms,
        };
        let envelope = Envelope { id: pair + 1, rate_limits: true };
        let account: Account<'_> = self.key.account();
        signed(&order, envelope, account, &mut self.payload, &mut self.frame);
    }

    async fn answer(&mut self) -> anyhow::Result<String> {
        loop {
            let message = tokio::time::timeout(ANSWER_WITHIN, self.socket.next()).await;
            match message.context("no answer in time")?.context("hung up")?? {
                Message::Text(text) => return Ok(text.to_string()),
                Message::Ping(_) | Message::Pong(_) => {}
                Message::Binary(_) | Message::Close(_) | Message::Frame(_) => bail!("no answer"),
            }
        }
    }

    /// A pair that did not trade would make the venue's figure a lie.
    fn check(&self, answer: &str, kind: PlaceKind) -> anyhow::Result<()> {
        let wanted = match (self.subject, kind) {
            (Subject::Echo, _) => return Ok(()),
            (Subject::Venue, PlaceKind::Maker) => "\"status\":\"NEW\"",
            (Subject::Venue, PlaceKind::Taker) => "\"status\":\"FILLED\"",
        };
        ensure!(answer.contains(wanted), "{answer}");
        Ok(())
    }
}

fn report(turns: &[Turn]) {
    println!(
        "| connections | subject | pairs/s | place to ack p50 us | p99 us | p50 to echo | pairs/s to echo |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for connections in CONNECTIONS {
        let of = |subject| Summary::of(turns, connections, subject);
        let (venue, echo) = (of(Subject::Venue), of(Subject::Echo));
        for (name, own) in [("venue", &venue), ("echo", &echo)] {
            println!(
                "| {connections} | {name} | {} | {} | {} | {} | {} |",
                own.pairs,
                own.p50_ns / 1_000,
                own.p99_ns / 1_000,
                hundredths(own.p50_ns, echo.p50_ns),
                hundredths(own.pairs, echo.pairs),
            );
        }
    }
}

/// Medians over the turns.
struct Summary {
    pairs: u64,
    p50_ns: u64,
    p99_ns: u64,
}

impl Summary {
    fn of(turns: &[Turn], connections: usize, subject: Subject) -> Self {
        let own = || turns.iter().filter(|turn| turn.connections == connections && turn.subject == subject);
        let median = |figures: Vec<u64>| {
            let mut figures = figures;
            figures.sort_unstable();
            figures.get(figures.len() / 2).copied().unwrap_or(0)
        };
        Self {
            pairs: median(own().map(|turn| turn.pairs_a_second).collect()),
            p50_ns: median(own().map(|turn| turn.acks.value_at_quantile(0.5)).collect()),
            p99_ns: median(own().map(|turn| turn.acks.value_at_quantile(0.99)).collect()),
        }
    }
}

fn hundredths(own: u64, floor: u64) -> String {
    let ratio = own * 100 / floor.max(1);
    format!("{}.{:02}", ratio / 100, ratio % 100)
}
