//! The positions of an account's instruments, as the venue last told them: for whoever shows them. Nothing is
//! decided on them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use schemas::order::PositionSide;
use schemas::units::Decimal;
use schemas::wire::binance_usdm::event::Position;

/// Amounts by symbol and position side, base asset, below zero where short. Clones look at the same ones.
#[derive(Clone, Debug)]
pub struct Positions(Arc<Mutex<BTreeMap<String, Amounts>>>);

/// One symbol's: `None` until the venue has told them.
type Amounts = Option<Vec<(PositionSide, Decimal)>>;

impl Positions {
    /// Of these symbols; the account's others are not kept.
    #[must_use]
    pub fn new<'s>(symbols: impl Iterator<Item = &'s str>) -> Self {
        Self(Arc::new(Mutex::new(symbols.map(|symbol| (symbol.to_owned(), None)).collect())))
    }

    /// A symbol's positions; a venue leaves out what is zero. `None` until it has told them.
    #[must_use]
    pub fn of(&self, symbol: &str) -> Option<Vec<(PositionSide, Decimal)>> {
        self.lock().get(symbol).cloned().flatten()
    }

    /// All there are: what is not among them is zero.
    pub(crate) fn replace(&self, all: &[Position<'_>]) {
        self.lock().values_mut().for_each(|amounts| *amounts = Some(Vec::new()));
        self.change(all);
    }

    /// Those that changed.
    pub(crate) fn change(&self, changed: &[Position<'_>]) {
        let mut known = self.lock();
        for position in changed {
            let Some(amounts) = known.get_mut(&*position.symbol) else { continue };
            let amounts = amounts.get_or_insert_default();
            match amounts.iter_mut().find(|(side, _)| *side == position.side) {
                Some((_, amount)) => *amount = position.amount(),
                None => amounts.push((position.side, position.amount())),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Amounts>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
