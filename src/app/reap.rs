//! From a configuration to reapers of its accounts.

use std::net::SocketAddr;
use std::sync::Arc;

use schemas::config::Config;
use tokio::sync::watch;

use super::account::{Account, group};
use super::error::StartError;
use crate::admin;
use crate::clock::Clock;
use crate::config::Credentials;
use crate::drain::Signals;
use crate::reaper::{self, ReapAccount, ReapEnd, ReapStatus, Settings};
use crate::telemetry::pulse::Pulse;

/// After so many periods without a list a reaper is no longer ready.
const FRESH_PERIODS: u32 = 4;

/// How to reap.
#[derive(Clone, Copy, Debug)]
pub struct ReapOptions {
    /// What is cancelled, and how often it is looked for.
    pub settings: Settings,
    /// Look once, and end.
    pub once: bool,
    /// Where metrics and probes are served.
    pub admin: Option<SocketAddr>,
}

/// Cancels what is old on every account of a configuration, until a signal; with `once`, until nothing old is left.
///
/// # Errors
/// [`StartError`] if it cannot start. A venue that is away is waited for, and is no error.
pub async fn reap(
    config: &Config,
    credentials: &[Credentials],
    options: ReapOptions,
) -> Result<Vec<ReapEnd>, StartError> {
    let clock = Clock::of_process();
    let mut signals = Signals::listen().map_err(StartError::Signals)?;
    let accounts = group(config, credentials, None).map_err(anyhow::Error::from)?;
    if accounts.is_empty() {
        tracing::warn!("nothing to look after: the embedded venue's orders end with its own process");
    }
    let accounts: Vec<ReapAccount> = accounts.into_iter().map(|account| reaped(account, config)).collect();
    let fresh = options.settings.every * FRESH_PERIODS + options.settings.older_than;
    let venues = accounts.iter().map(|account| account.venue).collect();
    let status = Arc::new(ReapStatus::new(venues, fresh, clock));
    let pulse = Pulse::start(clock);
    let beating = tokio::spawn(pulse.clone().run());
    let admin = options.admin.map(admin::bind).transpose()?;
    let admin = admin.map(|bound| bound.serve(pulse, None)).transpose()?;
    if let Some(admin) = &admin {
        admin.show_reaper(Arc::clone(&status));
    }
    let ends = if options.once {
        reaper::once(accounts, options.settings, &status, clock).await
    } else {
        let (stop, stopped) = watch::channel(false);
        let (ends, ()) =
            tokio::join!(reaper::keep(accounts, options.settings, &status, clock, &stopped), async {
                signals.next().await;
                stop.send_replace(true);
            });
        ends
    };
    beating.abort();
    Ok(ends)
}

fn reaped(account: Account, config: &Config) -> ReapAccount {
    let symbol = |place: &usize| {
        let instrument = &config.instruments[*place];
        (instrument.maker_symbol.clone(), instrument.prefix(&config.process.instance))
    };
    ReapAccount {
        symbols: account.members.iter().map(symbol).collect(),
        target: account.target,
        key: account.key,
        venue: account.venue_name,
    }
}
