//! When the venue read what: its stamp file, and which tick each frame was for.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, ensure};
use schemas::ids::{ClientOrderId, Leg};
use serde::Deserialize;

use crate::plan::{NUMBER_LEN, number_of};
use crate::relay::ID_AT;

/// A tick's frame, as the venue read it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    /// The tick's number.
    pub(crate) number: u64,
    /// When the maker's frame was read, nanoseconds since the epoch.
    pub(crate) read_ns: u64,
    /// When the taker of the pair before on the same symbol was read: a tick that was planned later than
    /// that found the gate open, as far as can be seen from outside.
    pub(crate) gate_ns: u64,
}

/// The stamps of a relay: each frame's id tells its tick.
pub(crate) fn of_relay(stamp_file: &Path) -> anyhow::Result<Vec<Arrival>> {
    let text = std::fs::read_to_string(stamp_file).context("no stamps")?;
    let arrival = |line: &str| {
        let (id, read_ns) = line.split_once(' ')?;
        let number = id.get(ID_AT..ID_AT + NUMBER_LEN)?.parse().ok()?;
        Some(Arrival { number, read_ns: read_ns.parse().ok()?, gate_ns: 0 })
    };
    text.lines().map(|line| arrival(line).with_context(|| format!("no stamp: {line}"))).collect()
}

/// The part of a label that tells which tick a maker was for.
#[derive(Deserialize)]
struct PairLabel {
    maker_symbol: String,
    tick: TickLabel,
    maker: LegLabel,
}

#[derive(Deserialize)]
struct TickLabel {
    id: String,
}

#[derive(Deserialize)]
struct LegLabel {
    client_id: String,
}

/// The stamps of the program: its labels tell the tick of each maker.
pub(crate) fn of_program(stamp_file: &Path, label_file: &Path, symbols: u64) -> anyhow::Result<Vec<Arrival>> {
    let (makers, takers) = read_by_leg(stamp_file)?;
    let labels = std::fs::read_to_string(label_file).context("no labels")?;
    let mut arrivals = Vec::with_capacity(makers.len());
    for line in labels.lines() {
        let label: PairLabel = serde_json::from_str(line)?;
        let id = ClientOrderId::parse(&label.maker.client_id).context("a label without our id")?;
        let number =
            number_of(&label.maker_symbol, &label.tick.id, symbols).context("a label without its tick")?;
        let Some(read_ns) = makers.get(&id).copied() else { continue };
        let before = id.sequence().checked_sub(1);
        let before = before.map(|sequence| ClientOrderId::new(id.prefix(), id.epoch(), sequence, Leg::Taker));
        let gate_ns = before.map_or(0, |before| takers.get(&before).copied().unwrap_or(u64::MAX));
        arrivals.push(Arrival { number, read_ns, gate_ns });
    }
    ensure!(arrivals.len() == makers.len(), "{} makers, {} with a label", makers.len(), arrivals.len());
    Ok(arrivals)
}

type Moments = HashMap<ClientOrderId, u64>;

fn read_by_leg(stamp_file: &Path) -> anyhow::Result<(Moments, Moments)> {
    let text = std::fs::read_to_string(stamp_file).context("no stamps")?;
    let stamp = |line: &str| {
        let (id, read_ns) = line.split_once(' ')?;
        Some((ClientOrderId::parse(id)?, read_ns.parse::<u64>().ok()?))
    };
    let stamps: Moments =
        text.lines().map(|line| stamp(line).context("no stamp")).collect::<anyhow::Result<_>>()?;
    Ok(stamps.into_iter().partition(|(id, _)| id.leg() == Leg::Maker))
}
