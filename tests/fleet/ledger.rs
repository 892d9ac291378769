//! The judge: the venue's own orders and trades, joined with each process's labels.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use schemas::ids::{ClientOrderId, Epoch};
use schemas::label::Label;
use serde::Deserialize;

use crate::process::{VenueProcess, request};
use crate::stalls::Stalls;

/// An order of the venue's ledger, as far as it is judged.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Order {
    pub(crate) symbol: String,
    /// Grows by one with each order that the venue takes.
    pub(crate) order_id: u64,
    pub(crate) client_order_id: String,
    pub(crate) status: String,
    /// When the venue took it, milliseconds.
    pub(crate) time: i64,
    /// When it last changed.
    pub(crate) update_time: i64,
}

/// A trade of the venue's ledger.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Trade {
    pub(crate) symbol: String,
    pub(crate) time: i64,
    pub(crate) maker_client_order_id: String,
    pub(crate) taker_client_order_id: String,
}

/// Which term of which symbol.
pub(crate) type Term = (String, Epoch);

/// Everything that a run left behind.
pub(crate) struct Ledger {
    /// By symbol, in the order in which the venue took them.
    orders: BTreeMap<String, Vec<Order>>,
    trades: Vec<Trade>,
    /// With the process that wrote it.
    labels: Vec<(String, Label)>,
    /// When the machine stood still meanwhile, where somebody watched.
    stalls: Option<Stalls>,
}

/// From one owner to the next.
#[derive(Clone, Debug)]
pub(crate) struct Gap {
    pub(crate) symbol: String,
    /// When the new owner's first order came, milliseconds.
    pub(crate) ended: i64,
    /// How long after the old owner's last order, milliseconds.
    pub(crate) length: i64,
    /// The same, without the time in which the machine stood still.
    pub(crate) awake: i64,
}

impl Ledger {
    pub(crate) fn read(venue: &VenueProcess, labels: Vec<(String, Label)>, stalls: Stalls) -> Self {
        let mut orders: BTreeMap<String, Vec<Order>> = BTreeMap::new();
        for order in page::<Order>(venue, "orders") {
            orders.entry(order.symbol.clone()).or_default().push(order);
        }
        orders.values_mut().for_each(|orders| orders.sort_by_key(|order| order.order_id));
        Self { orders, trades: page(venue, "trades"), labels, stalls: Some(stalls) }
    }

    /// Everything that every run must hold, whatever was done to it. `killed` = terms whose process was not
    /// stopped in order: trades of theirs may be without a label.
    pub(crate) fn check(&self, killed: &BTreeSet<Term>) {
        self.nothing_is_open();
        self.no_two_owners_overlap();
        self.every_epoch_has_one_process();
        self.no_tick_makes_two_pairs();
        self.trades_have_one_label(killed);
    }

    fn nothing_is_open(&self) {
        let open: Vec<_> = self.all_orders().filter(|order| is_open(order)).collect();
        assert!(open.is_empty(), "{} orders are open: {:?}", open.len(), open.first());
    }

    /// On no symbol does an owner's order lie before the end of another's who came earlier.
    fn no_two_owners_overlap(&self) {
        for (symbol, orders) in &self.orders {
            let mut newest = Epoch::new(0);
            // When the last order of all owners before the newest had ended.
            let (mut ended, mut ended_of_newest) = (i64::MIN, i64::MIN);
            for order in orders {
                let epoch = epoch(&order.client_order_id);
                assert!(epoch >= newest, "{symbol}: {order:?} of an owner that {newest:?} has followed");
                if epoch > newest {
                    newest = epoch;
                    ended = ended.max(ended_of_newest);
                }
                assert!(
                    order.time >= ended,
                    "{symbol}: {order:?} while an earlier owner's was open until {ended}"
                );
                ended_of_newest = ended_of_newest.max(order.update_time);
            }
        }
    }

    fn every_epoch_has_one_process(&self) {
        let mut owners: HashMap<(&str, u32), &str> = HashMap::new();
        for (process, label) in &self.labels {
            let known = owners.entry((&label.maker_symbol, label.owner.epoch)).or_insert(process);
            assert_eq!(known, process, "{} epoch {}", label.maker_symbol, label.owner.epoch);
        }
    }

    /// A pair whose maker never left its process is none.
    fn no_tick_makes_two_pairs(&self) {
        let mut seen: HashMap<(&str, &str), &Label> = HashMap::new();
        let taken: HashSet<&str> = self.all_orders().map(|order| order.client_order_id.as_str()).collect();
        for (_, label) in
            self.labels.iter().filter(|(_, label)| taken.contains(label.maker.client_id.as_str()))
        {
            let id = label.tick.id.as_deref().expect("every published tick has an id");
            if let Some(first) = seen.insert((&label.maker_symbol, id), label) {
                panic!("tick {id} of {} made {:?} and {:?}", label.maker_symbol, first.maker, label.maker);
            }
        }
    }

    fn trades_have_one_label(&self, killed: &BTreeSet<Term>) {
        let mut labels: HashMap<&str, u32> = HashMap::new();
        for (_, label) in &self.labels {
            *labels.entry(&label.maker.client_id).or_default() += 1;
        }
        let mut unlabelled: BTreeMap<Term, BTreeSet<&str>> = BTreeMap::new();
        for trade in &self.trades {
            let maker = trade.maker_client_order_id.as_str();
            match labels.get(maker) {
                Some(1) => {}
                Some(more) => panic!("{more} labels for {trade:?}"),
                None => _ = unlabelled.entry(trade.term()).or_default().insert(maker),
            }
        }
        for (term, makers) in &unlabelled {
            assert!(killed.contains(term), "{makers:?} of {term:?} traded and have no label");
            // The pair in flight, and the one before it, whose label was being written.
            assert!(makers.len() <= 2, "{makers:?} of {term:?}, whose process was killed");
        }
    }

    /// The oldest tick that an order was placed for, milliseconds: when its frame left by the process's own
    /// account, and when the venue took it. Time in which the machine stood still does not count: it may do so
    /// between a process's last look at the clock and the frame.
    pub(crate) fn oldest_ticks(&self) -> (i64, i64) {
        let taken: HashMap<&str, i64> =
            self.all_orders().map(|order| (order.client_order_id.as_str(), order.time)).collect();
        let mut oldest = (0, 0);
        for (_, label) in &self.labels {
            let taken = taken.get(label.maker.client_id.as_str());
            let (Some(taken), Some(happened), Some(waited)) =
                (taken, label.tick.time_ms, label.times.maker_sent_us)
            else {
                continue;
            };
            let left = label.tick.received_ms + (waited / 1_000).cast_signed();
            // One that is younger need not be looked at more closely.
            if left - happened > oldest.0 {
                oldest.0 = oldest.0.max(self.awake(happened, left));
            }
            if taken - happened > oldest.1 {
                oldest.1 = oldest.1.max(self.awake(happened, *taken));
            }
        }
        oldest
    }

    /// Each change of owner from that moment on.
    pub(crate) fn gaps(&self, since: i64) -> Vec<Gap> {
        let mut gaps = Vec::new();
        for (symbol, orders) in &self.orders {
            for pair in orders.windows(2) {
                let [old, new] = pair else { continue };
                if new.time >= since && epoch(&old.client_order_id) != epoch(&new.client_order_id) {
                    let (length, awake) = (new.time - old.time, self.awake(old.time, new.time));
                    gaps.push(Gap { symbol: symbol.clone(), ended: new.time, length, awake });
                }
            }
        }
        gaps
    }

    /// From one moment to another, without what the machine stood still.
    fn awake(&self, from: i64, to: i64) -> i64 {
        to - from - self.stalls.as_ref().map_or(0, |stalls| stalls.between(from, to))
    }

    /// Trades without a label.
    pub(crate) fn unlabelled(&self) -> usize {
        let labels: BTreeSet<&str> =
            self.labels.iter().map(|(_, label)| label.maker.client_id.as_str()).collect();
        self.trades.iter().filter(|trade| !labels.contains(trade.maker_client_order_id.as_str())).count()
    }

    pub(crate) const fn trades(&self) -> usize {
        self.trades.len()
    }

    fn all_orders(&self) -> impl Iterator<Item = &Order> {
        self.orders.values().flatten()
    }
}

impl Trade {
    /// The term of its maker, who is always one of ours, and so is its taker.
    pub(crate) fn term(&self) -> Term {
        assert_eq!(epoch(&self.maker_client_order_id), epoch(&self.taker_client_order_id), "{self:?}");
        (self.symbol.clone(), epoch(&self.maker_client_order_id))
    }
}

/// Trades of that millisecond and later.
pub(crate) fn trades_since(venue: &VenueProcess, since: i64) -> Vec<Trade> {
    page(venue, &format!("trades?since={since}"))
}

/// The whole lines of a label file. A process that was killed may have left half a line.
pub(crate) fn read_labels(process: &str, text: &str) -> Vec<(String, Label)> {
    let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    whole.map(|line| (process.to_owned(), serde_json::from_str(line).expect("a label"))).collect()
}

fn page<T: for<'a> Deserialize<'a>>(venue: &VenueProcess, page: &str) -> Vec<T> {
    let (status, body) = request(venue.addr, "GET", &format!("/venue/{page}"), "");
    assert_eq!(status, 200, "{page}: {body}");
    serde_json::from_str(&body).unwrap()
}

fn epoch(client_order_id: &str) -> Epoch {
    ClientOrderId::parse(client_order_id).expect("all orders here are ours").epoch()
}

fn is_open(order: &Order) -> bool {
    matches!(order.status.as_str(), "NEW" | "PARTIALLY_FILLED")
}

/// The judge must be able to condemn.
mod judged {
    use schemas::ids::{InstrumentPrefix, Leg};

    use super::*;

    fn order(order_id: u64, epoch: u32, time: i64, ended: i64) -> Order {
        let id =
            ClientOrderId::new(InstrumentPrefix::new("main", "A"), Epoch::new(epoch), order_id, Leg::Maker);
        let (client_order_id, status) = (id.as_str().to_owned(), "CANCELED".to_owned());
        Order { symbol: "A".to_owned(), order_id, client_order_id, status, time, update_time: ended }
    }

    fn ledger(orders: Vec<Order>) -> Ledger {
        let orders = BTreeMap::from([("A".to_owned(), orders)]);
        Ledger { orders, trades: Vec::new(), labels: Vec::new(), stalls: None }
    }

    #[test]
    fn one_owner_after_the_other_is_right() {
        let ledger =
            ledger(vec![order(1, 7, 10, 12), order(2, 7, 13, 30), order(3, 8, 30, 31), order(4, 8, 90, 91)]);
        ledger.check(&BTreeSet::new());
        let gaps: Vec<_> = ledger.gaps(0).iter().map(|gap| gap.length).collect();
        assert_eq!(gaps, [17]);
    }

    #[test]
    #[should_panic(expected = "has followed")]
    fn an_owner_that_comes_back_in_its_old_epoch_is_condemned() {
        ledger(vec![order(1, 7, 10, 12), order(2, 8, 13, 14), order(3, 7, 15, 16)]).check(&BTreeSet::new());
    }

    #[test]
    #[should_panic(expected = "was open until 14")]
    fn an_order_beside_an_earlier_owners_is_condemned() {
        ledger(vec![order(1, 7, 10, 14), order(2, 7, 11, 12), order(3, 8, 13, 15)]).check(&BTreeSet::new());
    }

    #[test]
    #[should_panic(expected = "1 orders are open")]
    fn an_order_that_is_left_open_is_condemned() {
        let mut open = order(1, 7, 10, 14);
        "NEW".clone_into(&mut open.status);
        ledger(vec![open]).check(&BTreeSet::new());
    }
}
