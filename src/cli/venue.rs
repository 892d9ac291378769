//! `self-trader venue`: the embedded venue alone, until it is told to stop.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, anyhow, bail};
use schemas::config::cut;
use tokio::signal::unix::{SignalKind, signal};

use super::venue_crowd::{self, CrowdArgs};
use super::venue_ledger::{self, LedgerArgs};
use crate::config;
use crate::simulator::faults::FaultScript;
use crate::simulator::profile::file::Loaded;
use crate::simulator::{self, Profile, SymbolSpec, TlsOptions, VenueOptions};

/// Arguments of `venue`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How it behaves: open, strict, or a profile file (see `self-trader schema profile`)
    #[arg(long, default_value = "open", value_name = "open|strict|FILE")]
    profile: String,
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// A second port, with TLS; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    tls: Option<SocketAddr>,
    /// Write the certificate of the venue's own authority to FILE: what clients of the TLS port are to trust
    #[arg(long, value_name = "FILE", requires = "tls")]
    tls_ca_out: Option<PathBuf>,
    /// A name or address by which clients know the TLS port, beside localhost, 127.0.0.1 and ::1; may be given again
    #[arg(long, value_name = "NAME", requires = "tls")]
    tls_name: Vec<String>,
    /// What it lists: JSON lines or a JSON array of {"name", "base"?, "quote"?, "price_decimals",
    /// "qty_decimals", "start_price"?, "product"?}, or rows of NAME PRICE_DECIMALS QTY_DECIMALS
    /// [START_PRICE] [default: BTCUSDT and ETHUSDT on Spot with 2 and 6 decimals, as perpetuals with 2 and 3]
    #[arg(long, value_name = "FILE")]
    symbols: Option<PathBuf>,
    /// Request weight that an address may spend in a minute, instead of the profile's
    #[arg(long, value_name = "N")]
    max_weight: Option<u64>,
    /// Unfilled orders that an account may have in 10 s, instead of the profile's
    #[arg(long, value_name = "N")]
    max_orders: Option<u64>,
    /// At the end, write to FILE when each order.place frame was read: lines of client order id and
    /// nanoseconds since the epoch
    #[arg(long, value_name = "FILE")]
    stamp_file: Option<PathBuf>,
    /// Without the dead man's switch of its own: as public Spot venues are, which have none
    #[arg(long)]
    no_switch: bool,
    /// What goes wrong, and when: JSON lines or a JSON array of
    /// {"at": "2.5s", "for": "3s", "fault": "lose_answers", "symbol"?, ...}; see docs/venue.md
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// Where the chance of faults begins
    #[arg(long, default_value_t = 1, value_name = "N")]
    fault_seed: u64,
    #[command(flatten)]
    crowd: CrowdArgs,
    #[command(flatten)]
    ledger: LedgerArgs,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    if let Some(log) = &args.ledger.replay {
        return Ok(venue_ledger::replay(log, args.ledger.check_every));
    }
    let follow = args.crowd.follow();
    let options = match options(args) {
        Ok(options) => options,
        Err(error) => {
            super::outcome::complain(&format!("{error:#}"));
            return Ok(ExitCode::from(2));
        }
    };
    let (profile, listed) = (options.profile.name.clone(), options.symbols.clone());
    let symbols = listed.len();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // Before the first line: who reads it may send a signal at once.
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let venue = simulator::start(options)?;
        #[expect(clippy::print_stdout, reason = "the address is what the command is asked for")]
        {
            println!("venue listening on http://{} (profile {profile}, {symbols} symbols)", venue.addr());
            if let Some(tls) = venue.tls() {
                println!("venue listening on https://{}", tls.addr);
            }
        }
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = venue.ended() => {}
            () = venue_crowd::follow(follow, venue.addr(), &listed) => {}
        }
        Ok(venue_ledger::close(venue.shutdown()))
    })
}

fn options(args: Args) -> anyhow::Result<VenueOptions> {
    let Loaded { profile, symbols, accounts } = profile(&args.profile)?;
    let default = VenueOptions::default();
    let mut options = VenueOptions {
        listen: args.listen,
        profile,
        weight_per_minute: args.max_weight,
        orders_per_10s: args.max_orders,
        symbols: if symbols.is_empty() { default.symbols } else { symbols },
        accounts: if accounts.is_empty() { default.accounts } else { accounts },
        stamp_file: args.stamp_file,
        tls: args.tls.map(|listen| TlsOptions { listen, names: args.tls_name, ca_out: args.tls_ca_out }),
        crowd: args.crowd.settings()?,
        ledger: args.ledger.options(),
        fault_seed: args.fault_seed,
        own_switch: !args.no_switch,
        ..VenueOptions::default()
    };
    if let Some(path) = args.symbols {
        let text = std::fs::read_to_string(&path).with_context(|| format!("--symbols {}", path.display()))?;
        options.symbols =
            SymbolSpec::parse_list(&text).with_context(|| format!("--symbols {}", path.display()))?;
    }
    if let Some(path) = args.faults {
        let place = || format!("--faults {}", path.display());
        let text = std::fs::read_to_string(&path).with_context(place)?;
        options.faults = FaultScript::parse(&text).with_context(place)?;
        options.check_faults().with_context(place)?;
    }
    Ok(options)
}

/// A built-in profile, or the one that a file describes.
fn profile(name: &str) -> anyhow::Result<Loaded> {
    if let Some(profile) = Profile::named(name) {
        return Ok(Loaded { profile, symbols: Vec::new(), accounts: Vec::new() });
    }
    let path = Path::new(name);
    if !path.exists() {
        bail!("--profile: no such profile (got {:.64}, want open, strict or a file)", cut(name));
    }
    let mut file = config::load_profile(path).map_err(|faults| anyhow!(config::report(path, &faults)))?;
    file.name = file.name.or_else(|| path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
    simulator::profile::file::load(&file, |name| std::env::var_os(name))
        .map_err(|faults| anyhow!(config::report(path, &faults)))
}
