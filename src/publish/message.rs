//! What is published of a tape's trade: under which names, with which numbers, in which form.

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use schemas::order::Side;
use schemas::units::Decimal;

use crate::feed::tape::Played;

/// Bytes that payloads are written into before the next piece of memory is asked for.
const SCRATCH_LEN: usize = 64 * 1024;
/// More than any payload is long.
const PAYLOAD_LEN: usize = 1_024;

/// How follow keys are made, and how many symbols one of the tape becomes.
#[derive(Clone, Debug)]
pub struct Naming {
    /// The follow exchange.
    pub exchange: String,
    /// The ticker prefix.
    pub prefix: String,
    /// 1 keeps the symbol itself; N makes `SYMBOLX001` to `SYMBOLXnnn` of it.
    pub copies: u16,
}

/// A symbol that is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The follow symbol.
    pub symbol: String,
    /// `{exchange}_{prefix}{symbol}`.
    pub follow_key: String,
}

/// One message on its way out.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    /// Whose it is.
    pub name: &'a Name,
    /// The `ticker` object.
    pub payload: Bytes,
    /// Its planned moment, milliseconds since the epoch.
    pub time_ms: i64,
}

/// Turns trades into messages, and numbers them: ids are unique over runs, `seq` counts from 1 within a run.
#[derive(Debug)]
pub struct Writer {
    naming: Naming,
    first_id: u64,
    series: HashMap<Arc<str>, Series>,
    scratch: BytesMut,
}

/// The names of one symbol of the tape and their running number.
#[derive(Debug)]
struct Series {
    names: Vec<Name>,
    sent: u64,
}

impl Naming {
    /// The symbols that a tape's symbol is published as.
    #[must_use]
    pub fn names(&self, symbol: &str) -> Vec<Name> {
        let named = |symbol: String| {
            let follow_key = format!("{}_{}{symbol}", self.exchange, self.prefix);
            Name { symbol, follow_key }
        };
        match self.copies {
            0 | 1 => vec![named(symbol.to_owned())],
            copies => (1..=copies).map(|copy| named(format!("{symbol}X{copy:03}"))).collect(),
        }
    }
}

impl Writer {
    /// A writer whose ids begin at that wall clock reading. Runs that begin in different milliseconds share no
    /// id unless one of them sends a million messages of a symbol within those milliseconds.
    #[must_use]
    pub fn new(naming: Naming, start_ms: i64) -> Self {
        let first_id = u64::try_from(start_ms).unwrap_or(0).saturating_mul(1_000_000);
        Self { naming, first_id, series: HashMap::new(), scratch: BytesMut::new() }
    }

    /// The messages of some trades, in their order.
    pub fn write(&mut self, batch: &[Played]) -> Vec<Message<'_>> {
        let Self { naming, first_id, series, scratch } = self;
        let mut numbers = Vec::with_capacity(batch.len());
        for played in batch {
            let symbol = &played.trade.symbol;
            // Not by `entry`, which would want an owned key each time.
            if !series.contains_key(symbol) {
                series.insert(symbol.clone(), Series { names: naming.names(symbol), sent: 0 });
            }
            let series = series.get_mut(symbol).expect("it is there or was just made");
            series.sent += 1;
            numbers.push(series.sent);
        }
        let series = &*series;
        let messages = batch.iter().zip(numbers).flat_map(|(played, seq)| {
            let names = &series.get(&played.trade.symbol).expect("made above").names;
            names.iter().map(move |name| (played, name, seq))
        });
        messages
            .map(|(played, name, seq)| {
                let payload = write_ticker(scratch, played, &name.symbol, *first_id + seq, seq);
                Message { name, payload, time_ms: played.planned.wall_ms }
            })
            .collect()
    }
}

/// The `ticker` of a trade: all numbers but `seq` as text, so that no reader goes through a float.
fn write_ticker(scratch: &mut BytesMut, played: &Played, symbol: &str, id: u64, seq: u64) -> Bytes {
    if scratch.capacity() < PAYLOAD_LEN {
        scratch.reserve(SCRATCH_LEN);
    }
    write_members(scratch, played, symbol, id, seq).expect("writing to memory never fails");
    scratch.split().freeze()
}

fn write_members(out: &mut BytesMut, played: &Played, symbol: &str, id: u64, seq: u64) -> fmt::Result {
    let tick = &played.trade.tick;
    let side = match tick.side {
        Some(Side::Buy) => "buy",
        Some(Side::Sell) => "sell",
        None => "unknown",
    };
    // A tape's trades have both: their reader passes over lines that do not.
    let price = tick.price.unwrap_or(Decimal::ZERO);
    let qty = tick.qty.unwrap_or(Decimal::ZERO);
    let symbol = serde_json::Value::from(symbol);
    let time = played.planned.wall_ms;
    write!(out, r#"{{"symbol":{symbol},"price":"{price}","qty":"{qty}","side":"{side}""#)?;
    write!(out, r#","time":"{time}","id":"{id}","seq":{seq}"#)?;
    if let Some(time) = tick.time_ms {
        write!(out, r#","orig_time":"{time}""#)?;
    }
    if let Some(id) = tick.id {
        write!(out, r#","orig_id":{}"#, serde_json::Value::from(id.as_str()))?;
    }
    out.write_str("}")
}
