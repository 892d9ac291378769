//! A crowd's settings as a file, read as the configuration is.

use serde::{Deserialize, Serialize};

use super::fault::{Code, Faults};
use super::json_schema::object;
use super::keys::Given::{Default, Optional};
use super::keys::Kind::{Number, Whole, Word};
use super::keys::{Key, Kind, Range, key};
use super::node::{self, Node};
use super::reader::Reader;
use super::{Fault, text};

/// What of a built-in crowd a file changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CrowdFile {
    /// Base.
    pub base: CrowdBase,
    /// Seed.
    pub seed: Option<u64>,
    /// Levels.
    pub levels: Option<u16>,
    /// Least Level and Largest Level, quote asset.
    pub level_notional: (Option<u64>, Option<u64>),
    /// Least Taker and Largest Taker, quote asset.
    pub taker_notional: (Option<u64>, Option<u64>),
    /// Refresh, milliseconds.
    pub refresh_ms: Option<u64>,
    /// Takers Per Second, in thousandths.
    pub takers_per_1000_s: Option<u64>,
    /// Snipe, in millionths.
    pub snipe_ppm: Option<u32>,
    /// Wide, in millionths.
    pub wide_ppm: Option<u32>,
    /// Churn, in millionths.
    pub churn_ppm: Option<u32>,
}

/// A built-in crowd.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CrowdBase {
    /// A few levels, few takers.
    #[default]
    Small,
    /// Many levels, many takers.
    Deep,
}

const SHARE: Kind = Number(Range { low: "0", from_low: true, high: "1", to_high: true });
const RATE: Kind = Number(Range { low: "0", from_low: true, high: "1000", to_high: true });
const NOTIONAL: Kind = Whole(1..=1_000_000_000);

static CROWD: &[Key] = &[
    key("Base", Word(&["small", "deep"]), Default("\"small\""), "The built-in crowd that this one changes."),
    key("Seed", Whole(0..=u64::MAX), Optional, "Where chance begins."),
    key("Levels", Whole(1..=500), Optional, "Levels that are kept filled on each side."),
    key("Least Level", NOTIONAL, Optional, "What a level is worth at least, in the quote asset."),
    key("Largest Level", NOTIONAL, Optional, "What a level is worth at most, in the quote asset."),
    key("Least Taker", NOTIONAL, Optional, "What a stranger's order is worth at least, in the quote asset."),
    key("Largest Taker", NOTIONAL, Optional, "What a stranger's order is worth at most, in the quote asset."),
    key("Refresh", Whole(50..=60_000), Optional, "Milliseconds between two looks at the book."),
    key("Takers Per Second", RATE, Optional, "Strangers' orders on each symbol; up to three decimals."),
    key(
        "Snipe",
        SHARE,
        Optional,
        "Which part of the orders that rest at the touch a stranger takes at once.",
    ),
    key("Wide", SHARE, Optional, "At which part of the looks the spread is wider than a tick."),
    key("Churn", SHARE, Optional, "At which part of the looks one level gets another size."),
];

impl CrowdFile {
    /// Reads a crowd's settings.
    ///
    /// # Errors
    /// Every fault of the file, in the order in which they were met.
    pub fn parse(bytes: &[u8]) -> Result<Self, Vec<Fault>> {
        let text = text(bytes).map_err(|fault| vec![fault])?;
        let node = node::read(text).map_err(|fault| vec![fault])?;
        let mut faults = Faults::default();
        let file = match &node {
            Node::Object(object) => read(&mut Reader::new(object, "", CROWD, &mut faults)),
            other @ (Node::Null | Node::Flag(_) | Node::Number(_) | Node::Text(_) | Node::List(_)) => {
                let kind = other.kind();
                faults.add(Code::Type, "", || format!("wrong type (got {kind}, want an object)"));
                None
            }
        };
        faults.finish()?;
        Ok(file.expect("without a fault there are settings"))
    }
}

fn read(reader: &mut Reader<'_, '_>) -> Option<CrowdFile> {
    Some(CrowdFile {
        base: reader.word("Base").unwrap_or_default(),
        seed: reader.whole("Seed"),
        levels: reader.whole("Levels").and_then(|levels| u16::try_from(levels).ok()),
        level_notional: between(reader, "Least Level", "Largest Level"),
        taker_notional: between(reader, "Least Taker", "Largest Taker"),
        refresh_ms: reader.whole("Refresh"),
        takers_per_1000_s: thousandths(reader, "Takers Per Second"),
        snipe_ppm: share(reader, "Snipe"),
        wide_ppm: share(reader, "Wide"),
        churn_ppm: share(reader, "Churn"),
    })
}

fn between(reader: &mut Reader<'_, '_>, least: &str, most: &str) -> (Option<u64>, Option<u64>) {
    let (low, high) = (reader.whole(least), reader.whole(most));
    if let (Some(low), Some(high)) = (low, high)
        && low > high
    {
        reader.fault(Code::Range, least, || format!("out of range (got {low}, want at most {most}, {high})"));
    }
    (low, high)
}

fn thousandths(reader: &mut Reader<'_, '_>, name: &str) -> Option<u64> {
    let rate = reader.number(name)?;
    let thousandths = rate.to_steps_exact(3).and_then(|steps| u64::try_from(steps).ok());
    if thousandths.is_none() {
        reader.fault(Code::Range, name, || format!("out of range (got {rate}, want at most 3 decimals)"));
    }
    thousandths
}

fn share(reader: &mut Reader<'_, '_>, name: &str) -> Option<u32> {
    let share = reader.number(name)?;
    let ppm = share.to_steps_exact(6).and_then(|steps| u32::try_from(steps).ok());
    if ppm.is_none() {
        reader.fault(Code::Range, name, || format!("out of range (got {share}, want at most 6 decimals)"));
    }
    ppm
}

/// The JSON Schema of a crowd's settings.
#[must_use]
pub fn json_schema() -> serde_json::Value {
    super::profile::titled(
        object(CROWD),
        "Crowd",
        "How large and how lively a crowd is: `self-trader venue --crowd FILE`.",
    )
}
