//! What the program itself costs, without sockets and tasks: a tick to two encoded orders, the payload before
//! it, and the venue's words after it. Aim: a tick to two orders within 1 us, without signing.

use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pipeline::time::Now;
use schemas::wire::binance::stream;
use schemas::wire::binance_spot::answer;
use schemas::wire::market::Diff;
use self_trader::clock::Clock;
use self_trader::feed::decode::Decoder;
use self_trader::feed::{FeedCounters, Intake, Key, Route};
use tokio::sync::mpsc;

#[path = "support/chain.rs"]
mod chain;

use chain::Chain;

/// Instruments that take turns, so that one clock read covers many pairs, and as in life each comes cold.
const INSTRUMENTS: usize = 50;

fn chain(c: &mut Criterion) {
    let mut chain = Chain::new(INSTRUMENTS);
    let ticks = chain::ticks();
    let mut ticks = ticks.iter().cycle();
    let clock = Clock::start();
    c.bench_function("tick to two encoded orders, unsigned", |b| {
        b.iter_custom(|pairs| {
            let mut spent = Duration::ZERO;
            let mut left = usize::try_from(pairs).unwrap_or(usize::MAX);
            while left > 0 {
                let turn = left.min(INSTRUMENTS);
                let began = clock.now().mono;
                for place in 0..turn {
                    let tick = ticks.next().expect("it goes on for ever");
                    std::hint::black_box(chain.tick(place, *tick));
                    std::hint::black_box(chain.maker_rests(place));
                }
                spent += clock.now().mono.since(began);
                (0..turn).for_each(|place| chain.end(place));
                left -= turn;
            }
            spent
        });
    });
}

fn payloads() -> Vec<String> {
    let payload = |number: u64| {
        format!(
            "{{\"price\":\"64{:03}.{:02}\",\"qty\":\"0.{:06}\",\"side\":\"buy\",\"time\":1800000000000,\
             \"id\":{number},\"symbol\":\"BTCUSDT\"}}",
            number * 37 % 50,
            number % 100,
            10_000 + number * 7_919 % 90_000,
        )
    };
    (1..=10_000).map(payload).collect()
}

fn feed(c: &mut Criterion) {
    let payloads = payloads();
    let mut group = c.benchmark_group("ticker payload");
    group.throughput(Throughput::Bytes(payloads[0].len() as u64));
    let mut decoder = Decoder::default();
    let mut next = payloads.iter().cycle();
    group.bench_function("decode", |b| {
        b.iter(|| {
            let payload = next.next().expect("it goes on for ever").as_bytes();
            decoder.ticker(payload).expect("a good payload").tick
        });
    });
    let (lane, mut ticks) = mpsc::channel(16);
    let route = Route {
        follow_key: "bench_ticker_BTCUSDT".to_owned(),
        follow_symbol: "BTCUSDT".to_owned(),
        poll: Duration::from_secs(1),
        lanes: vec![lane],
        holds: Vec::new(),
    };
    let mut intake = Intake::new(vec![route], Arc::new(FeedCounters::default()));
    let mut next = payloads.iter().cycle();
    let received = Now::default();
    group.bench_function("decode, count, deduplicate, hand to a lane", |b| {
        b.iter(|| {
            let payload = next.next().expect("it goes on for ever").as_bytes();
            intake.handle(Key::Channel("bench_ticker_BTCUSDT"), payload, received);
            ticks.try_recv().ok()
        });
    });
    group.finish();
}

/// What the venue says about one pair: see `venue_words`.
fn venue(c: &mut Criterion) {
    let words = venue_words();
    let mut group = c.benchmark_group("venue's words");
    for (name, text) in &words {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(*name, |b| b.iter(|| answer::read(std::hint::black_box(text)).is_ok()));
    }
    let mut diff = Diff::default();
    let best = "{\"stream\":\"btcusdt@bookTicker\",\"data\":{\"u\":55,\"s\":\"BTCUSDT\",\"b\":\"64017.95000000\",\
                \"B\":\"0.01665700\",\"a\":\"0.00000000\",\"A\":\"0.00000000\"}}";
    group.throughput(Throughput::Bytes(best.len() as u64));
    group.bench_function("best quote", |b| {
        b.iter(|| stream::read(std::hint::black_box(best), &mut diff).is_ok());
    });
    group.finish();
}

fn venue_words() -> [(&'static str, String); 3] {
    let limits = "\"rateLimits\":[\
        {\"rateLimitType\":\"ORDERS\",\"interval\":\"SECOND\",\"intervalNum\":10,\"limit\":100,\"count\":2},\
        {\"rateLimitType\":\"ORDERS\",\"interval\":\"DAY\",\"intervalNum\":1,\"limit\":200000,\"count\":2},\
        {\"rateLimitType\":\"REQUEST_WEIGHT\",\"interval\":\"MINUTE\",\"intervalNum\":1,\"limit\":6000,\"count\":71}]";
    let order = |status: &str, executed: &str, rest: &str| {
        format!(
            "{{\"id\":1120,\"status\":200,\"result\":{{\"symbol\":\"BTCUSDT\",\"orderId\":1070,\"orderListId\":-1,\
             \"clientOrderId\":\"stbnchnc49421v19xg0000000am\",\"transactTime\":1800000000000,\
             \"price\":\"64017.58000000\",\"origQty\":\"0.01873900\",\"executedQty\":\"{executed}\",\
             \"origQuoteOrderQty\":\"0.00000000\",\"cummulativeQuoteQty\":\"0.00000000\",\"status\":\"{status}\",\
             \"timeInForce\":\"GTC\",\"type\":\"LIMIT\",\"side\":\"SELL\",\"workingTime\":1800000000000,{rest}\
             \"selfTradePreventionMode\":\"NONE\"}},{limits}}}"
        )
    };
    let fills = "\"fills\":[{\"price\":\"64017.58000000\",\"qty\":\"0.01873900\",\"commission\":\"0.00000000\",\
                 \"commissionAsset\":\"USDT\",\"tradeId\":535}],";
    let report = "{\"subscriptionId\":0,\"event\":{\"e\":\"executionReport\",\"E\":1800000000000,\"s\":\"BTCUSDT\",\
        \"c\":\"stbnchnc49421v19xg0000000am\",\"S\":\"BUY\",\"o\":\"LIMIT_MAKER\",\"f\":\"GTC\",\"q\":\"0.01873900\",\
        \"p\":\"64017.58000000\",\"P\":\"0.00000000\",\"F\":\"0.00000000\",\"g\":-1,\"C\":\"\",\"x\":\"TRADE\",\
        \"X\":\"FILLED\",\"r\":\"NONE\",\"i\":1069,\"l\":\"0.01873900\",\"z\":\"0.01873900\",\
        \"L\":\"64017.58000000\",\"n\":\"0.00000000\",\"N\":\"BTC\",\"T\":1800000000000,\"t\":535,\"I\":2139,\
        \"w\":false,\"m\":true,\"M\":true,\"O\":1800000000000,\"Z\":\"1199.62543162\",\"Y\":\"1199.62543162\",\
        \"Q\":\"0.00000000\",\"W\":1800000000000,\"V\":\"NONE\"}}";
    [
        ("maker's answer", order("NEW", "0.00000000", "")),
        ("taker's answer", order("FILLED", "0.01873900", fills)),
        ("report of a fill", report.to_owned()),
    ]
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    targets = chain, feed, venue
}
criterion_main!(benches);
