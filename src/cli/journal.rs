//! `self-trader journal`: prints a journal as JSON lines.

use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use super::outcome::complain;
use crate::journal::{JournalError, print};

/// Arguments of `journal`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "One JSON object a record, its number first. A file that is being written, was torn or is damaged is \
    printed as far as it goes, and standard error says so.\n\nExit codes: 0 printed, 1 standard output is gone, 2 not a journal."
)]
pub struct Args {
    /// A journal, or a folder of them: then all, oldest first
    #[arg(value_name = "PATH")]
    path: PathBuf,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let files = match files(args) {
        Ok(files) if files.is_empty() => return Ok(refuse(args, "no *.journal in it")),
        Ok(files) => files,
        Err(error) => return Ok(refuse(args, &error.to_string())),
    };
    let mut out = BufWriter::new(std::io::stdout().lock());
    for file in files {
        let place = file.display().to_string();
        let bytes = match std::fs::read(&file) {
            Ok(bytes) => bytes,
            Err(error) => return Ok(refuse(args, &error.to_string())),
        };
        match print::print(&bytes, &place, &mut out) {
            Ok(None) => {}
            Ok(Some(wrong)) => complain(&wrong),
            Err(error @ JournalError::Io { .. }) => return Err(error.into()),
            Err(error) => {
                complain(&error.to_string());
                return Ok(ExitCode::from(2));
            }
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn files(args: &Args) -> std::io::Result<Vec<PathBuf>> {
    if !std::fs::metadata(&args.path)?.is_dir() {
        return Ok(vec![args.path.clone()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&args.path)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "journal") {
            files.push(path);
        }
    }
    files.sort_unstable();
    Ok(files)
}

fn refuse(args: &Args, why: &str) -> ExitCode {
    complain(&format!("JRN-002 {}: not a self-trader journal (got {why})", args.path.display()));
    ExitCode::from(2)
}
