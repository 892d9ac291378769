//! The journal of a run: opened before anything is asked of a venue, with what earlier runs left in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemas::config::{Instrument, Process, Venue};
use schemas::ids::{ClientOrderId, Epoch, InstrumentPrefix};
use schemas::journal::Traded;

use super::account::venue_name;
use super::error::StartError;
use super::fleet::Fleet;
use crate::clock::Clock;
use crate::journal::disk::{Disk, Folder};
use crate::journal::{Journal, Owner, Recovered};

/// The journal, and what earlier runs left.
#[derive(Debug, Default)]
pub(super) struct Opened {
    pub(super) journal: Journal,
    /// Reference trades that pairs were made of.
    pub(super) traded: Vec<Traded>,
    /// Which epochs are known.
    pub(super) epochs: Epochs,
    in_doubt: BTreeMap<InstrumentPrefix, Vec<ClientOrderId>>,
}

/// Opens the journal that the configuration names, if it names one.
///
/// # Errors
/// Something else, or somebody else's, lies there. A file system that refuses it is no error here: then no order
/// leaves, and readiness says why.
pub(super) async fn open(
    process: &Process,
    instruments: &[Instrument],
    fleet: &Fleet,
    clock: Clock,
) -> Result<Opened, StartError> {
    let Some(path) = process.journal.clone() else {
        if instruments.iter().any(|instrument| instrument.venue != Venue::Simulated) {
            tracing::warn!(
                "no Journal: a restart sweeps, but cannot tell what was traded before, nor what became of it"
            );
        }
        return Ok(Opened::default());
    };
    let owner = Owner {
        instance: process.instance.clone(),
        shard: fleet.journal_shard(),
        shards: process.shards,
        venues: venues(instruments),
    };
    let sync = process.journal_sync;
    let opening = move || {
        let place = path.display().to_string();
        let disk: Arc<dyn Disk> = Arc::new(Folder::new(&path));
        match Journal::open(Arc::clone(&disk), &place, &owner, sync, clock) {
            Err(error) if error.may_pass() => {
                tracing::error!("{error}: no order leaves");
                Ok((Journal::broken(disk, error.to_string(), clock), Recovered::default()))
            }
            opened => opened,
        }
    };
    let opened = tokio::task::spawn_blocking(opening).await.map_err(anyhow::Error::from)?;
    let (journal, recovered) = opened.map_err(StartError::Journal)?;
    tell(&recovered);
    Ok(Opened::of(journal, &recovered))
}

/// Epochs that a journal knows of; none where there is none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Epochs {
    /// The latest of earlier runs.
    pub(super) before: Option<Epoch>,
    /// This run's, where nobody else gives them out.
    pub(super) own: Option<Epoch>,
}

impl Epochs {
    const fn of(recovered: &Recovered) -> Self {
        Self { before: recovered.highest_epoch(), own: recovered.epoch() }
    }
}

impl Opened {
    fn of(journal: Journal, recovered: &Recovered) -> Self {
        let mut in_doubt = BTreeMap::<_, Vec<_>>::new();
        for id in recovered.in_doubt() {
            in_doubt.entry(id.prefix()).or_default().push(id);
        }
        Self { journal, traded: recovered.traded(), epochs: Epochs::of(recovered), in_doubt }
    }

    /// The orders of an instrument that an earlier run left in doubt.
    pub(super) fn in_doubt(&self, prefix: InstrumentPrefix) -> &[ClientOrderId] {
        self.in_doubt.get(&prefix).map_or(&[], Vec::as_slice)
    }
}

/// The venues of a configuration, each once; a private one with its address.
fn venues(instruments: &[Instrument]) -> Vec<String> {
    let name = |instrument: &Instrument| match &instrument.venue {
        venue @ Venue::Staging { address, .. } => format!("{} {address}", venue_name(venue)),
        venue @ (Venue::Simulated
        | Venue::BinanceSpotTestnet
        | Venue::BinanceUsdmTestnet
        | Venue::OkxDemo) => venue_name(venue).to_owned(),
    };
    let mut venues: Vec<String> = instruments.iter().map(name).collect();
    venues.sort_unstable();
    venues.dedup();
    venues
}

fn tell(recovered: &Recovered) {
    for (name, status) in &recovered.runs {
        tracing::debug!(name, status = status.name(), "an earlier journal");
        metrics::counter!("st_journal_recovered_total", "kind" => status.name()).increment(1);
    }
    let in_doubt = recovered.in_doubt().len();
    if in_doubt > 0 {
        tracing::warn!(in_doubt, "orders of an earlier run have no end in the journal: the venue is asked");
    }
}
