//! Beside the trading thread: what a predecessor left without a label. An owner that was killed has traded what it
//! could not tell any more; its successor counts those trades.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use pipeline::ownership::Claim;
use schemas::ids::{Epoch, InstrumentPrefix};
use tokio::sync::watch;

use crate::labels::LabelSinks;
use crate::labels::takeover::{Taken, unlabelled};
use crate::ownership::Hold;
use crate::venue::guard::Target;

/// Instruments that are taken over together are looked at together.
const GATHER: Duration = Duration::from_secs(1);

/// An instrument whose venue keeps a ledger.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) target: Target,
    pub(super) prefix: InstrumentPrefix,
    pub(super) hold: Arc<Hold>,
}

/// The thread that looks; dropping it ends it.
#[derive(Debug)]
pub(super) struct Takeovers {
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Takeovers {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that looks for unlabelled trades failed");
        }
    }
}

/// Starts to look, where there are labels to look at.
///
/// # Errors
/// If the thread cannot be started.
pub(super) fn start(watched: Vec<Watched>, sinks: LabelSinks) -> anyhow::Result<Option<Takeovers>> {
    if watched.is_empty() || (sinks.file.is_none() && sinks.kafka.is_none()) {
        return Ok(None);
    }
    let (stop, mut stopped) = watch::channel(false);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let thread = std::thread::Builder::new().name("takeover".to_owned()).spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                () = look(watched, &sinks) => {}
                _ = stopped.wait_for(|stop| *stop) => {}
            }
        });
        runtime.shutdown_background();
    })?;
    Ok(Some(Takeovers { stop, thread: Some(thread) }))
}

async fn look(watched: Vec<Watched>, sinks: &LabelSinks) {
    let mut known: Vec<Option<Epoch>> = vec![None; watched.len()];
    let mut seconds = tokio::time::interval(GATHER);
    loop {
        seconds.tick().await;
        let mut taken: Vec<(&Target, Taken)> = Vec::new();
        for (one, known) in watched.iter().zip(&mut known) {
            let Claim::Held(term) = *one.hold.claim().borrow() else { continue };
            if known.replace(term.epoch) != Some(term.epoch) {
                add(&mut taken, &one.target, one.prefix, term.epoch);
            }
        }
        for (target, taken) in taken {
            if let Err(error) = unlabelled(target.clone(), taken, sinks).await {
                tracing::warn!(%error, "the trades of predecessors could not be joined with their labels");
            }
        }
    }
}

fn add<'t>(taken: &mut Vec<(&'t Target, Taken)>, target: &'t Target, prefix: InstrumentPrefix, epoch: Epoch) {
    if let Some((_, there)) = taken.iter_mut().find(|(known, _)| *known == target) {
        there.insert(prefix, epoch);
    } else {
        taken.push((target, Taken::from([(prefix, epoch)])));
    }
}
