//! One subject under one load: everything started, published, ended and counted.

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use hdrhistogram::Histogram;
use schemas::summary::Summary;
use self_trader::clock;

use crate::options::Link;
use crate::plan::{self, Plan};
use crate::process::Process;
use crate::server::Server;
use crate::stamps::{self, Arrival};
use crate::subject::{self, PROGRAM, Subject};

/// From the start of the publisher's process to its first tick.
const LEAD: Duration = Duration::from_millis(500);
/// For what is on its way when the publisher has ended.
const DRAIN: Duration = Duration::from_millis(500);
/// Longer latencies count as this one: a minute.
pub(crate) const LATENCY_MAX_NS: u64 = 60_000_000_000;

/// What a phase brought.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) subject: Subject,
    pub(crate) plan: Plan,
    /// Planned moment to frame read, nanoseconds: of the ticks that found the gate open.
    pub(crate) at_once: Histogram<u64>,
    /// The same of all ticks that brought a frame about.
    pub(crate) all: Histogram<u64>,
    /// Published, and neither fired nor counted as anything else.
    pub(crate) unaccounted: i128,
    /// How late the publisher itself was, nanoseconds: median and largest.
    pub(crate) publisher_late_ns: [u64; 2],
    /// From the start of the subject's process until it hears everything, milliseconds.
    pub(crate) ready_ms: u64,
    /// Processor time a tick: subject, venue, feed's server; microseconds.
    pub(crate) cpu_us: [f64; 3],
    /// The subject's most resident memory, kB.
    pub(crate) rss_kb: u64,
    /// The program's own summary.
    pub(crate) summary: Option<Summary>,
}

pub(crate) fn run(
    subject: Subject,
    plan: &Plan,
    server: &Server,
    against: Option<&Path>,
) -> anyhow::Result<Sample> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let folder = folder.path();
    let stamp_file = folder.join("stamps");
    let (venue, addr) = start_venue(folder, &stamp_file, plan.symbols)?;
    let ready = folder.join("ready");
    let link = Link { feed: server.feed(), server: server.addr(), venue: addr, symbols: plan.symbols, ready };
    let (admin, began_ns) = (free_address()?, clock::wall_ns());
    let process = subject.start(&link, plan.interval, admin, folder, against)?;
    server.wait_until_heard(subject, plan.symbols, admin, &link.ready)?;
    let ready_ms = (clock::wall_ns() - began_ns) / 1_000_000;
    let cpu_us = || [process.cpu_us(), venue.cpu_us(), server.cpu_us()];
    let before = cpu_us();
    let start_ns = clock::wall_ns() + u64::try_from(LEAD.as_nanos())?;
    let publisher_late_ns = publish(plan, server, start_ns)?;
    std::thread::sleep(DRAIN);
    let after = cpu_us();
    let rss_kb = process.peak_rss_kb();
    process.end()?;
    venue.end()?;
    let (arrivals, summary) = if subject.decides() {
        let summary = std::fs::read_to_string(subject::summary_file(folder)).context("no summary")?;
        let arrivals = stamps::of_program(&stamp_file, &subject::label_file(folder), plan.symbols)?;
        (arrivals, Some(serde_json::from_str(&summary)?))
    } else {
        (stamps::of_relay(&stamp_file)?, None)
    };
    let (at_once, all) = latencies(&arrivals, plan, start_ns)?;
    let fired = u64::try_from(arrivals.len())?;
    let cpu_us = [0, 1, 2].map(|at| (after[at] - before[at]) as f64 / plan.ticks() as f64);
    let unaccounted = unaccounted(plan, fired, summary.as_ref());
    Ok(Sample {
        subject,
        plan: *plan,
        at_once,
        all,
        unaccounted,
        publisher_late_ns,
        ready_ms,
        cpu_us,
        rss_kb,
        summary,
    })
}

/// Nobody listens there now.
fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

fn start_venue(folder: &Path, stamp_file: &Path, symbols: u64) -> anyhow::Result<(Process, SocketAddr)> {
    let list = folder.join("symbols");
    std::fs::write(&list, plan::venue_symbols(symbols))?;
    let mut command = Command::new(PROGRAM);
    command.args(["venue", "--listen", "127.0.0.1:0", "--symbols"]).arg(list);
    command.arg("--stamp-file").arg(stamp_file).env("RUST_LOG", "error");
    let mut venue = Process::start("self-trader venue", &mut command)?;
    let (line, _) = venue.first_line()?;
    let addr = line.split_whitespace().find_map(|word| word.strip_prefix("http://")?.parse().ok());
    Ok((venue, addr.with_context(|| format!("no address in {line:?}"))?))
}

/// Publishes the plan; gives how late the publisher was.
fn publish(plan: &Plan, server: &Server, start_ns: u64) -> anyhow::Result<[u64; 2]> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["publish", "--feed", server.feed().name(), "--server", &server.addr().to_string()]);
    command.args(["--start-ns", &start_ns.to_string()]).args(plan.arguments());
    let mut publisher = Process::start("the publisher", &mut command)?;
    let mut output = publisher.output()?;
    publisher.wait(Duration::from_secs(plan.seconds * 2 + 30))?;
    let mut said = String::new();
    output.read_to_string(&mut said)?;
    let mut words = said.split_whitespace();
    let mut word = || words.next().and_then(|word| word.parse().ok()).context("the publisher failed");
    Ok([word()?, word()?])
}

/// Of the ticks that found the gate open, and of all.
fn latencies(
    arrivals: &[Arrival],
    plan: &Plan,
    start_ns: u64,
) -> anyhow::Result<(Histogram<u64>, Histogram<u64>)> {
    let histogram = || Histogram::new_with_bounds(1, LATENCY_MAX_NS, 3);
    let (mut at_once, mut all) = (histogram()?, histogram()?);
    for arrival in arrivals.iter().filter(|arrival| arrival.number >= plan.warm_up()) {
        let planned = start_ns + plan.offset_ns(arrival.number);
        let latency = arrival.read_ns.saturating_sub(planned);
        all.saturating_record(latency);
        if planned >= arrival.gate_ns {
            at_once.saturating_record(latency);
        }
    }
    Ok((at_once, all))
}

/// For the program, published must be rejected + duplicates + pairs + skips + conflated + overflow + waiting,
/// and each pair's maker must have been read; for a relay, each message's frame. Probes are published too.
fn unaccounted(plan: &Plan, fired: u64, summary: Option<&Summary>) -> i128 {
    let published = i128::from(plan.ticks());
    let Some(summary) = summary else { return published - i128::from(fired) };
    let published = published + i128::from(probes(summary));
    let denied = i128::from(summary.pairs) - i128::from(fired);
    let counted = [
        summary.rejected,
        summary.duplicates,
        summary.pairs,
        summary.skips.values().sum(),
        summary.conflated,
        summary.overflow,
        summary.waiting,
    ];
    let counted: i128 = counted.into_iter().map(i128::from).sum();
    published + i128::from(summary.repeats) - counted + denied
}

/// Messages of the bench that are nobody's ticks: no tick is refused for this reason.
pub(crate) fn probes(summary: &Summary) -> u64 {
    summary.rejected_by_reason.get("unknown_symbol").copied().unwrap_or(0)
}
