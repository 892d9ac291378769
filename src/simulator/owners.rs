//! Who placed last, by the epoch in client order ids of our form: an order of an earlier owner is refused.
//!
//! A venue of one's own can keep out an owner that lost its instrument and does not know it yet; nothing else can
//! stop a request that is on its way already. Ids of any other form are nobody's business here. What is kept outlives
//! a wipe, as the accounts do, and ends with the venue.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use schemas::ids::{ClientOrderId, Epoch, InstrumentPrefix};
use schemas::wire::older_epoch::OlderEpoch;

use super::engine::{AccountId, ClientId, SymbolId};

/// Most instruments that are remembered; an order of one more is let in and not remembered.
const INSTRUMENTS_MAX: usize = 100_000;

/// The latest epoch of each instrument that has placed here.
#[derive(Debug)]
pub(super) struct Owners {
    refuses: bool,
    newest: HashMap<(AccountId, SymbolId, InstrumentPrefix), Epoch>,
    refused: u64,
}

impl Owners {
    /// Nobody has placed yet; `refuses` says whether older ones are refused at all.
    pub(super) fn new(refuses: bool) -> Self {
        Self { refuses, newest: HashMap::new(), refused: 0 }
    }

    /// An order comes in: a later owner's makes all earlier owners past, whatever becomes of it.
    pub(super) fn admit(
        &mut self,
        account: AccountId,
        symbol: SymbolId,
        client: &ClientId,
    ) -> Result<(), OlderEpoch> {
        let Some(id) = ClientOrderId::parse(client.as_str()).filter(|_| self.refuses) else { return Ok(()) };
        let (room, got) = (self.newest.len() < INSTRUMENTS_MAX, id.epoch());
        match self.newest.entry((account, symbol, id.prefix())) {
            Entry::Occupied(known) if got < *known.get() => {
                self.refused += 1;
                Err(OlderEpoch { got, newest: *known.get() })
            }
            Entry::Occupied(mut known) => {
                known.insert(got);
                Ok(())
            }
            Entry::Vacant(place) => {
                if room {
                    place.insert(got);
                }
                Ok(())
            }
        }
    }

    /// Orders of earlier owners that were refused.
    pub(super) const fn refused(&self) -> u64 {
        self.refused
    }
}
