//! What a journal amounts to: the orders that are still open by it, and the reference trades that were used. Pure.

use std::collections::{BTreeMap, HashSet, VecDeque};

use schemas::ids::{ClientOrderId, Epoch};
use schemas::journal::{Record, Traded};
use schemas::tick::TradeKey;

/// How many trades of each follow key are told apart; of older ones only the highest number is kept.
const TRADES_MAX: usize = 1_024;

/// Content that no run of this program writes, though the checksum is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Impossible {
    /// An outcome of an order that no intent speaks of.
    #[error("an outcome of {0}, which was never sent")]
    OutcomeWithoutIntent(ClientOrderId),
    /// A header behind the first record.
    #[error("a second header")]
    SecondHeader,
}

/// What is known by the records so far.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// The payloads of intents without an outcome.
    open: BTreeMap<ClientOrderId, Box<[u8]>>,
    traded: BTreeMap<String, Used>,
    highest: Option<Epoch>,
}

#[derive(Clone, Debug, Default)]
struct Used {
    newest_ms: Option<i64>,
    floor: Option<u64>,
    order: VecDeque<TradeKey>,
    known: HashSet<TradeKey>,
}

impl Memory {
    /// Takes a record in; `payload` is its JSON.
    ///
    /// # Errors
    /// [`Impossible`] content; nothing is taken in.
    pub fn take(&mut self, record: &Record<'_>, payload: &[u8]) -> Result<(), Impossible> {
        match record {
            Record::Header(_) => return Err(Impossible::SecondHeader),
            Record::Traded(traded) => self.merge(traded),
            Record::Intent(intent) => {
                let carried = self.open.insert(intent.id, payload.into()).is_some();
                self.highest = self.highest.max(Some(intent.id.epoch()));
                if let Some(trade) = intent.trade.filter(|_| !carried) {
                    self.used(&intent.key).add(trade, intent.time_ms);
                }
            }
            Record::Outcome(outcome) => {
                if self.open.remove(&outcome.id).is_none() {
                    return Err(Impossible::OutcomeWithoutIntent(outcome.id));
                }
            }
            Record::Cancel(_)
            | Record::SweepDone(_)
            | Record::Halt(_)
            | Record::Release(_)
            | Record::RunEnded(_) => {}
        }
        Ok(())
    }

    /// An owner of that epoch has sent an order.
    pub fn outgrow(&mut self, epoch: Option<Epoch>) {
        self.highest = self.highest.max(epoch);
    }

    /// Whether the order was about to leave and has no outcome.
    #[must_use]
    pub fn is_open(&self, id: ClientOrderId) -> bool {
        self.open.contains_key(&id)
    }

    /// Orders without an outcome.
    pub fn open(&self) -> impl ExactSizeIterator<Item = ClientOrderId> {
        self.open.keys().copied()
    }

    /// Their intents, as they were encoded.
    pub fn open_payloads(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.open.values().map(AsRef::as_ref)
    }

    /// The reference trades that were used, by follow key.
    pub fn traded(&self) -> impl Iterator<Item = Traded> {
        self.traded.iter().map(|(key, used)| Traded {
            key: key.clone(),
            newest_ms: used.newest_ms,
            floor: used.floor,
            trades: used.order.iter().copied().collect(),
        })
    }

    /// The latest owner that sent an order.
    #[must_use]
    pub const fn highest_epoch(&self) -> Option<Epoch> {
        self.highest
    }

    fn merge(&mut self, traded: &Traded) {
        let used = self.used(&traded.key);
        used.floor = used.floor.max(traded.floor);
        traded.trades.iter().for_each(|trade| used.add(*trade, traded.newest_ms));
        used.newest_ms = used.newest_ms.max(traded.newest_ms);
    }

    fn used(&mut self, key: &str) -> &mut Used {
        if !self.traded.contains_key(key) {
            self.traded.insert(key.to_owned(), Used::default());
        }
        self.traded.get_mut(key).expect("it was just put there")
    }
}

impl Used {
    fn add(&mut self, trade: TradeKey, time_ms: Option<i64>) {
        self.newest_ms = self.newest_ms.max(time_ms);
        // An order that was carried from file to file names a trade that is long below.
        let below = matches!(trade, TradeKey::Number(number) if Some(number) <= self.floor);
        if below || !self.known.insert(trade) {
            return;
        }
        self.order.push_back(trade);
        if self.order.len() > TRADES_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
            if let TradeKey::Number(number) = oldest {
                self.floor = self.floor.max(Some(number));
            }
        }
    }
}
