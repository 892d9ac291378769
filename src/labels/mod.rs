//! Ground truth: turns an ended pair into its label, brings labels to a file and a topic, and reads them back
//! beside what the venue says it has traded.

use pipeline::leg::{End, Leg, LegState};
use pipeline::rules::Rule;
use pipeline::time::Nanos;
use pipeline::trade::{Outcome, Trade};
use schemas::label::{LABEL_VERSION, Label, LabelFill, LabelLeg, LabelOutcome, LabelTick, LabelTimes, Owner};
use schemas::order::Side;
use schemas::units::{Price, Qty};

pub mod join;
mod kafka;
pub mod read;
pub mod sinks;
pub mod takeover;
pub mod trades;

pub use sinks::{KafkaSink, LabelSinks};

/// What a label says of its instrument.
#[derive(Clone, Debug)]
pub struct LabelSource {
    /// `Instance` of the configuration.
    pub instance: String,
    /// The venue's name.
    pub venue: String,
    /// The symbol on the venue.
    pub maker_symbol: String,
    /// The follow key.
    pub follow_key: String,
    /// Digits after a price's point.
    pub price_decimals: u8,
}

/// The label of an ended pair. `done` is the moment at which its last leg ended.
#[must_use]
pub fn label(source: &LabelSource, trade: &Trade, done: Nanos) -> Label {
    let received = trade.tick.received.mono;
    let since = |at: Nanos| u64::try_from(at.since(received).as_micros()).unwrap_or(u64::MAX);
    let tick = &trade.tick.tick;
    let maker_side = trade.pair.maker_side;
    Label {
        v: LABEL_VERSION,
        owner: Owner {
            instance: source.instance.clone(),
            epoch: trade.maker.id.epoch().number(),
            sequence: trade.maker.id.sequence(),
        },
        probe: trade.maker.id.is_probe(),
        venue: source.venue.clone(),
        maker_symbol: source.maker_symbol.clone(),
        follow_key: source.follow_key.clone(),
        tick: LabelTick {
            price: tick.price.map(|price| price.to_string()).unwrap_or_default(),
            qty: tick.qty.map(|qty| qty.to_string()).unwrap_or_default(),
            side: tick.side,
            id: tick.id.map(|id| id.as_str().to_owned()),
            time_ms: tick.time_ms,
            received_ms: trade.tick.received.wall_ms,
        },
        rules: trade.pair.rules.iter().map(|rule: Rule| rule.name().to_owned()).collect(),
        maker: leg(&trade.maker, maker_side, trade.pair.price, source.price_decimals),
        taker: (trade.taker.state() != LegState::Idle)
            .then(|| leg(&trade.taker, maker_side.opposite(), trade.pair.price, source.price_decimals)),
        outcome: outcome(trade.outcome()),
        times: LabelTimes {
            decided_us: since(trade.decided.mono),
            maker_sent_us: trade.maker.sent_at.map(since),
            maker_acknowledged_us: trade.maker.acknowledged_at.map(since),
            taker_sent_us: trade.taker.sent_at.map(since),
            done_us: since(done),
        },
    }
}

fn leg(leg: &Leg, side: Side, price: Price, price_decimals: u8) -> LabelLeg {
    LabelLeg {
        client_id: leg.id.to_string(),
        venue_id: leg.venue_id,
        side,
        price: price.text(price_decimals).to_string(),
        qty: Qty::from_steps(leg.qty_steps).text(leg.qty_decimals).to_string(),
        executed: leg.executed().to_string(),
        fills: leg
            .fills()
            .iter()
            .map(|fill| LabelFill {
                trade_id: fill.trade_id,
                price: fill.price.to_string(),
                qty: fill.qty.to_string(),
            })
            .collect(),
        end: end(leg),
    }
}

fn end(leg: &Leg) -> String {
    match leg.end() {
        Some(End::Final(status)) => status.as_str().to_owned(),
        Some(End::Refused(code)) => format!("REFUSED:{code}"),
        Some(End::Denied(why)) => format!("DENIED:{}", why.name()),
        Some(End::NeverArrived) => "NEVER_ARRIVED".to_owned(),
        Some(End::Gone) => "GONE".to_owned(),
        None => "OPEN".to_owned(),
    }
}

const fn outcome(outcome: Outcome) -> LabelOutcome {
    match outcome {
        Outcome::Matched => LabelOutcome::Matched,
        Outcome::MakerRefused => LabelOutcome::MakerRefused,
        Outcome::TakerMissed => LabelOutcome::TakerMissed,
        Outcome::Sniped => LabelOutcome::Sniped,
        Outcome::Partial => LabelOutcome::Partial,
        Outcome::Prevented => LabelOutcome::Prevented,
        Outcome::UnknownResolved => LabelOutcome::UnknownResolved,
    }
}
