//! This process's part of a fleet: which instruments are its own, and what proves that they are.

use std::sync::Arc;
use std::time::Duration;

use schemas::config::{Code, Config, Fault, Instrument, Process, Sharding};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::account::venue_name;
use super::journal::Epochs;
use super::options::RunOptions;
use crate::assign::Shard;
use crate::clock::Clock;
use crate::config::Credentials;
use crate::feed::kafka::{self, Ownership};
use crate::labels::LabelSinks;
use crate::ownership::lease::{self, LeaseName, LeasePlan, LeaseStatus};
use crate::ownership::{Hold, epoch_after};
use crate::status;
use crate::vital::count_panic;

/// How long giving the leases back may take once the lanes have closed.
const GIVE_BACK_MAX: Duration = Duration::from_millis(700);

/// Where a process stands in its fleet.
#[derive(Clone, Debug)]
pub(super) struct Fleet {
    sharding: Sharding,
    shards: u32,
    shard: Option<Shard>,
    pod: String,
    /// Instruments of the whole configuration.
    configured: usize,
    /// Follow keys and symbols of instruments that are other shards'.
    others: Vec<String>,
}

impl Fleet {
    /// Finds this process's place: what the command line says, else the number at the end of the pod's name.
    ///
    /// # Errors
    /// A fault where there must be an ordinal and is none.
    pub(super) fn of(config: &Config, named: Option<Shard>) -> Result<Self, Fault> {
        let Process { sharding, shards, .. } = config.process;
        let pod = pod_name();
        let shard = match sharding {
            Sharding::Static if shards > 1 => {
                Some(named.or_else(|| Shard::from_pod_name(&pod, shards)).ok_or_else(|| no_ordinal(&pod))?)
            }
            Sharding::Alone | Sharding::Static | Sharding::Group => None,
        };
        let foreign =
            |instrument: &&Instrument| shard.is_some_and(|shard| !shard.owns(&instrument.maker_symbol));
        let others = config.instruments.iter().filter(foreign).flat_map(|instrument| {
            [instrument.follow_key(&config.process.ticker_prefix), instrument.follow_symbol.clone()]
        });
        let others = others.collect();
        Ok(Self { sharding, shards, shard, pod, configured: config.instruments.len(), others })
    }

    /// Leaves of a configuration what may become ours.
    pub(super) fn cut(&self, config: Config, credentials: Vec<Credentials>) -> (Config, Vec<Credentials>) {
        let Some(shard) = self.shard else { return (config, credentials) };
        let Config { process, instruments, pointers, warnings } = config;
        let mut cut = Config { process, instruments: Vec::new(), pointers: Vec::new(), warnings };
        let mut kept = Vec::new();
        for ((instrument, pointer), credential) in instruments.into_iter().zip(pointers).zip(credentials) {
            if shard.owns(&instrument.maker_symbol) {
                cut.instruments.push(instrument);
                cut.pointers.push(pointer);
                kept.push(credential);
            }
        }
        if kept.is_empty() {
            tracing::info!(%shard, "idle: owns no symbol");
        }
        (cut, kept)
    }

    /// Begins the terms that need no proof, or whatever brings the proof of the others. The members of a group hear
    /// of theirs by the feed. `epochs` are what the journal knows.
    pub(super) fn take(
        &self,
        process: &Process,
        instruments: &[Instrument],
        holds: &[Arc<Hold>],
        options: &RunOptions,
        epochs: Epochs,
        clock: Clock,
    ) -> Option<Leases> {
        if let Some(floor) = epochs.before {
            holds.iter().for_each(|hold| hold.outgrow_owner(floor));
        }
        match (self.sharding, self.shard) {
            (Sharding::Group, _) => None,
            (Sharding::Static, Some(_)) => {
                let store = options.access.lease_store.as_ref()?.expose().to_owned();
                let name = |instrument: &Instrument| LeaseName {
                    venue: venue_name(&instrument.venue).to_owned(),
                    symbol: instrument.order_key().into_owned(),
                    instance: process.instance.clone(),
                };
                let plan = LeasePlan {
                    store,
                    owner: lease::unique_owner(&self.pod),
                    names: instruments.iter().map(name).collect(),
                    holds: holds.to_vec(),
                };
                Some(Leases::start(plan, clock))
            }
            (Sharding::Alone | Sharding::Static, _) => {
                let epoch = epochs.own.unwrap_or_else(|| epoch_after(epochs.before, clock.now().wall_ms));
                holds.iter().for_each(|hold| hold.begin_alone(epoch));
                None
            }
        }
    }

    /// Where this process finds its predecessors' labels: in a topic those of all; in a file only what was written
    /// here.
    pub(super) fn predecessors(&self, sinks: LabelSinks) -> LabelSinks {
        let own = matches!((self.sharding, self.shard), (Sharding::Alone, _) | (Sharding::Static, None));
        LabelSinks { file: sinks.file.filter(|_| own), ..sinks }
    }

    /// Whose journal this process writes: its ordinal; in a group the pod's, whose claim it lies on.
    pub(super) fn journal_shard(&self) -> u32 {
        let of_pod = || {
            let pod = std::env::var("POD_NAME").ok()?;
            pod.rsplit_once('-')?.1.parse().ok()
        };
        match (self.sharding, self.shard) {
            (_, Some(shard)) => shard.ordinal,
            (Sharding::Group, None) => of_pod().unwrap_or(0),
            (Sharding::Alone | Sharding::Static, None) => 0,
        }
    }

    /// What an operator sees of it.
    pub(super) fn shown(&self) -> status::Shard {
        let ordinal = self.shard.map_or(0, |shard| shard.ordinal);
        status::Shard { sharding: self.sharding, ordinal, shards: self.shards }
    }

    /// Instruments of the whole configuration.
    pub(super) const fn configured(&self) -> usize {
        self.configured
    }

    /// How a Kafka feed is read: by the group, or by hand where something else decides on the ownership.
    pub(super) fn kafka(&self, process: &Process, options: &RunOptions) -> kafka::Reading {
        let takeover_delay = Duration::from_millis(process.takeover_delay_ms);
        let options = options.access.kafka_options.iter();
        kafka::Reading {
            options: options.map(|(name, value)| (name.clone(), value.expose().to_owned())).collect(),
            ownership: match self.sharding {
                Sharding::Group => Ownership::Group { takeover_delay },
                Sharding::Alone | Sharding::Static => Ownership::ByHand,
            },
            client_id: self.pod.clone(),
            others: self.others.clone(),
        }
    }
}

/// The leases of this process.
#[derive(Debug)]
pub(super) struct Leases {
    stop: watch::Sender<bool>,
    status: watch::Receiver<LeaseStatus>,
    task: JoinHandle<usize>,
    has_failed: bool,
}

impl Leases {
    fn start(plan: LeasePlan, clock: Clock) -> Self {
        let (stop, stopped) = watch::channel(false);
        let (shown, status) = watch::channel(LeaseStatus::default());
        let task = tokio::spawn(lease::run(plan, clock, shown, stopped));
        Self { stop, status, task, has_failed: false }
    }

    /// What is known of them.
    pub(super) fn status(&self) -> watch::Receiver<LeaseStatus> {
        self.status.clone()
    }

    /// Returns when their task has ended before it was told to, and how: what is held runs out, and nothing is taken.
    ///
    /// # Cancel safety
    /// May be called again until it has returned, and not after that.
    pub(super) async fn failed(&mut self) -> String {
        let ended = (&mut self.task).await;
        self.has_failed = true;
        match ended {
            Ok(_) => "before it was told to".to_owned(),
            Err(error) => {
                count_panic("other", &error);
                error.to_string()
            }
        }
    }

    /// Takes no more, and gives back each as soon as its lane has closed it.
    pub(super) fn leave(&self) {
        self.stop.send_replace(true);
    }

    /// Waits until what the lanes have closed is given back; what they have not, runs out by itself.
    pub(super) async fn given_back(self) {
        if self.has_failed {
            return;
        }
        match timeout(GIVE_BACK_MAX, self.task).await {
            Ok(Ok(0)) => {}
            Ok(Ok(kept)) => tracing::warn!(kept, "leases were not given back: they run out by themselves"),
            Ok(Err(error)) => tracing::error!(%error, "the leases' task failed"),
            Err(_) => tracing::warn!("the lease store did not answer: the leases run out by themselves"),
        }
    }
}

fn no_ordinal(pod: &str) -> Fault {
    let message = format!(
        "no ordinal for Sharding \"static\" (got the name \"{}\", want one that ends in -NUMBER, or --shard ORDINAL/SHARDS)",
        schemas::config::cut(pod)
    );
    Fault::new(Code::Together, "/Sharding", message)
}

/// What Kubernetes says that we are called, else the host.
fn pod_name() -> String {
    let pod = std::env::var("POD_NAME").ok().filter(|name| !name.is_empty());
    pod.unwrap_or_else(|| rustix::system::uname().nodename().to_string_lossy().into_owned())
}
