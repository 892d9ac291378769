//! `self-trader profile`: makes a venue's profile out of recorded exchangeInfo answers.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use flate2::read::MultiGzDecoder;
use schemas::config::profile::Base;
use serde_json::Value;

use crate::simulator::profile::import;

/// Longest recording that is read, unpacked, bytes.
const RECORDING_BYTES_MAX: u64 = 256 << 20;

/// Arguments of `profile`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A recorded exchangeInfo of Spot or USD-M, plain or gzip: the answer alone, or lines of which one has it. One
    /// file a product
    #[arg(long, required = true, value_name = "FILE")]
    from: Vec<PathBuf>,
    /// Take only these symbols; otherwise all that trade
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    symbols: Vec<String>,
    /// What the profile starts from: open or strict
    #[arg(long, default_value = "open", value_name = "NAME")]
    base: String,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    match profile(args) {
        Ok(profile) => {
            writeln!(io::stdout().lock(), "{profile:#}")?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            super::outcome::complain(&format!("{error:#}"));
            Ok(ExitCode::from(2))
        }
    }
}

fn profile(args: &Args) -> anyhow::Result<Value> {
    let base = match args.base.as_str() {
        "open" => Base::Open,
        "strict" => Base::Strict,
        other => anyhow::bail!("--base: no such profile (got {other:.64}, want open or strict)"),
    };
    let mut file = import::empty(base);
    for path in &args.from {
        let info = read(path).and_then(|text| Ok(import::find(&text)?));
        let info = info.with_context(|| format!("--from {}", path.display()))?;
        // A symbol of one product need not be in the other's file.
        match import::add(&mut file, &info, &args.symbols) {
            Err(import::ImportError::NoSymbols) if args.from.len() > 1 => {}
            other => other.with_context(|| format!("--from {}", path.display()))?,
        }
    }
    import::check(&file, &args.symbols).context("--symbols")?;
    Ok(Value::Object(file))
}

fn read(path: &Path) -> anyhow::Result<String> {
    let bytes = std::fs::read(path)?;
    let mut text = String::new();
    let read = match bytes.as_slice() {
        [0x1f, 0x8b, ..] => {
            MultiGzDecoder::new(bytes.as_slice()).take(RECORDING_BYTES_MAX).read_to_string(&mut text)
        }
        plain => plain.take(RECORDING_BYTES_MAX).read_to_string(&mut text),
    };
    read.map(|_| text).context("cannot be read as text")
}
