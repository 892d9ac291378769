//! Trades of a venue beside labels: each trade of ours is to join exactly one.

use std::collections::HashMap;

use schemas::ids::ClientOrderId;
use serde::{Deserialize, Serialize};

/// Most ids that are kept as examples.
const EXAMPLES_MAX: usize = 20;

/// What a join wants to know of a label.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct LabelHead {
    /// The post-only leg.
    pub maker: LegHead,
    /// The IOC leg, if it was sent.
    pub taker: Option<LegHead>,
}

/// What a join wants to know of a leg.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct LegHead {
    /// Our client order id.
    pub client_id: String,
    /// What of it traded.
    pub executed: String,
}

/// A trade as the venue's ledger has it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VenueTrade {
    /// The symbol on the venue.
    pub symbol: String,
    /// The venue's trade id; unique within the symbol.
    pub id: u64,
    /// When, milliseconds since the epoch.
    pub time: i64,
    /// The client order id of the leg that rested.
    pub maker_client_order_id: String,
    /// The client order id of the leg that came.
    pub taker_client_order_id: String,
}

impl VenueTrade {
    /// The legs that carry ids of ours.
    pub fn own_legs(&self) -> impl Iterator<Item = ClientOrderId> + use<> {
        let ids = [&self.maker_client_order_id, &self.taker_client_order_id];
        ids.map(|id| ClientOrderId::parse(id)).into_iter().flatten()
    }
}

/// What a join found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Joined {
    /// Trades with a leg of ours.
    pub trades: u64,
    /// Of these, trades that join exactly one label.
    pub joined: u64,
    /// Trades that join none.
    pub unlabelled: u64,
    /// Trades that join more than one.
    pub several_labels: u64,
    /// Trades between others.
    pub others: u64,
    /// Labels read.
    pub labels: u64,
    /// Labels that speak of a trade which the venue does not have.
    pub labels_without_trade: u64,
    /// Lines and messages that are no label.
    pub unreadable: u64,
    /// Client order ids of the first trades that do not join exactly one label.
    pub examples: Vec<String>,
}

impl Joined {
    /// Whether each trade of ours joins exactly one label.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.joined == self.trades
    }
}

/// A pair's name: a client order id without its last letter, the leg.
type PairId = [u8; 26];

#[derive(Debug, Default)]
struct Pair {
    labels: u64,
    says_traded: bool,
    traded: bool,
}

/// A join under way: first all labels, then all trades.
#[derive(Debug, Default)]
pub struct Join {
    pairs: HashMap<PairId, Pair>,
    found: Joined,
}

impl Join {
    /// Takes a label.
    pub fn label(&mut self, label: &LabelHead) {
        let Some(id) = ClientOrderId::parse(&label.maker.client_id) else { return self.unreadable() };
        self.found.labels += 1;
        let pair = self.pairs.entry(pair_id(&id)).or_default();
        pair.labels += 1;
        pair.says_traded |= [Some(&label.maker), label.taker.as_ref()].into_iter().flatten().any(has_traded);
    }

    /// Takes a line that is no label.
    pub const fn unreadable(&mut self) {
        self.found.unreadable += 1;
    }

    /// Takes a trade.
    pub fn trade(&mut self, trade: &VenueTrade) {
        let mut ids: Vec<PairId> = trade.own_legs().map(|id| pair_id(&id)).collect();
        if ids.is_empty() {
            self.found.others += 1;
            return;
        }
        // Both legs of a matched pair have one name.
        ids.dedup();
        let mut labels = 0;
        for id in &ids {
            if let Some(pair) = self.pairs.get_mut(id) {
                pair.traded = true;
                labels += pair.labels;
            }
        }
        self.count(trade, labels);
    }

    fn count(&mut self, trade: &VenueTrade, labels: u64) {
        let found = &mut self.found;
        found.trades += 1;
        match labels {
            0 => found.unlabelled += 1,
            1 => found.joined += 1,
            _ => found.several_labels += 1,
        }
        if labels != 1 && found.examples.len() < EXAMPLES_MAX {
            found.examples.extend(trade.own_legs().next().map(|id| id.to_string()));
        }
    }

    /// What was found.
    #[must_use]
    pub fn finish(mut self) -> Joined {
        let without = self.pairs.values().filter(|pair| pair.says_traded && !pair.traded).count();
        self.found.labels_without_trade = u64::try_from(without).unwrap_or(u64::MAX);
        self.found
    }
}

fn pair_id(id: &ClientOrderId) -> PairId {
    let mut pair = PairId::default();
    pair.copy_from_slice(&id.as_str().as_bytes()[..26]);
    pair
}

/// Whether a quantity's text is above zero.
fn has_traded(leg: &LegHead) -> bool {
    leg.executed.bytes().any(|byte| byte.is_ascii_digit() && byte != b'0')
}

#[cfg(test)]
mod tests {
    use schemas::ids::{Epoch, InstrumentPrefix, Leg};

    use super::*;

    fn id(sequence: u64, leg: Leg) -> String {
        ClientOrderId::new(InstrumentPrefix::new("main", "BTCUSDT"), Epoch::new(7), sequence, leg).to_string()
    }

    fn label(sequence: u64, executed: &str) -> LabelHead {
        let leg = |leg| LegHead { client_id: id(sequence, leg), executed: executed.to_owned() };
        LabelHead { maker: leg(Leg::Maker), taker: Some(leg(Leg::Taker)) }
    }

    fn trade(maker: &str, taker: &str) -> VenueTrade {
        VenueTrade {
            symbol: "BTCUSDT".to_owned(),
            id: 1,
            time: 1,
            maker_client_order_id: maker.to_owned(),
            taker_client_order_id: taker.to_owned(),
        }
    }

    #[test]
    fn every_way_to_join_or_not() {
        let mut join = Join::default();
        // 1 matched, 2 labelled twice, 3 never traded, 4 says it traded, 5 was sniped, 7 and 8 met each other.
        for (sequence, executed) in
            [(1, "0.5"), (2, "1"), (2, "1"), (3, "0.00"), (4, "2"), (5, "1"), (7, "1"), (8, "1")]
        {
            join.label(&label(sequence, executed));
        }
        join.unreadable();
        let (maker, taker) = (|nth| id(nth, Leg::Maker), |nth| id(nth, Leg::Taker));
        for (of_maker, of_taker) in [
            (maker(1), taker(1)),
            (maker(2), taker(2)),
            (maker(5), "stranger".to_owned()),
            (maker(6), taker(6)),
            (maker(7), taker(8)),
            ("stranger".to_owned(), "other".to_owned()),
        ] {
            join.trade(&trade(&of_maker, &of_taker));
        }
        let found = join.finish();
        assert!(!found.is_whole());
        let counts = (found.trades, found.joined, found.unlabelled, found.several_labels, found.others);
        assert_eq!(counts, (5, 2, 1, 2, 1));
        assert_eq!((found.labels, found.labels_without_trade, found.unreadable), (8, 1, 1));
        assert_eq!(found.examples, [maker(2), maker(6), maker(7)]);
    }
}
