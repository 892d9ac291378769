//! The publisher's process: each tick at its planned moment, never later because of an earlier one's answer.

use std::io::{Read, Write};
use std::time::Duration;

use anyhow::ensure;
use hdrhistogram::Histogram;
use self_trader::clock;

use crate::options::Publish;
use crate::phase::LATENCY_MAX_NS;
use crate::plan::{Plan, SYMBOLS, channel, payload};
use crate::redis;

/// Publishes everything, then prints by how much it was late: the median and the largest, nanoseconds.
///
/// Ticks that are due together go out in one write. The server is told not to answer, which would cost it
/// and us a write and a read a tick; that all arrived is seen in what the subject counted.
pub(crate) fn run(args: &Publish) -> anyhow::Result<()> {
    wake_promptly();
    let plan = Plan { rate: args.rate, seconds: args.seconds };
    let mut server = redis::connect(args.redis)?;
    server.write_all(b"CLIENT REPLY OFF\r\n")?;
    let channels: Vec<String> = (0..SYMBOLS).map(channel).collect();
    let mut lateness = Histogram::<u64>::new_with_bounds(1, LATENCY_MAX_NS, 3)?;
    let (mut batch, mut text) = (Vec::with_capacity(1 << 16), String::with_capacity(256));
    let mut next = 0;
    while next < plan.ticks() {
        let now = wait_until(args.start_ns + plan.offset_ns(next));
        batch.clear();
        while next < plan.ticks() && args.start_ns + plan.offset_ns(next) <= now {
            let planned = args.start_ns + plan.offset_ns(next);
            payload(next, planned / 1_000_000, &mut text);
            let channel = &channels[usize::try_from(next % SYMBOLS)?];
            push(&mut batch, channel, &text)?;
            lateness.saturating_record(now - planned);
            next += 1;
        }
        server.write_all(&batch)?;
    }
    server.write_all(b"CLIENT REPLY ON\r\n")?;
    let mut answer = [0; 5];
    server.read_exact(&mut answer)?;
    ensure!(&answer == b"+OK\r\n", "redis-server refused something");
    println!("{} {}", lateness.value_at_quantile(0.5), lateness.max());
    Ok(())
}

/// Timers of a process may come late by its slack, 50 us unless it says otherwise.
fn wake_promptly() {
    if let Err(error) = std::fs::write("/proc/self/timerslack_ns", "1") {
        eprintln!("the publisher's timers stay slack: {error}");
    }
}

fn wait_until(moment_ns: u64) -> u64 {
    loop {
        let now = clock::wall_ns();
        if now >= moment_ns {
            return now;
        }
        std::thread::sleep(Duration::from_nanos(moment_ns - now));
    }
}

fn push(batch: &mut Vec<u8>, channel: &str, text: &str) -> std::io::Result<()> {
    write!(batch, "*3\r\n$7\r\nPUBLISH\r\n${}\r\n{channel}\r\n${}\r\n{text}\r\n", channel.len(), text.len())
}
