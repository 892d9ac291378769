//! `self-trader schema`: prints a JSON Schema, or the names of all.

use std::io::{self, Write};
use std::process::ExitCode;

use schemas::json_schema::json_schemas;

use crate::simulator::faults::FaultScript;

/// Arguments of `schema`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which schema; without it, their names are listed
    name: Option<String>,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut schemas = json_schemas();
    schemas.push(("fault", FaultScript::json_schema()));
    let mut out = io::stdout();
    let Some(name) = args.name else {
        schemas.iter().try_for_each(|(name, _)| writeln!(out, "{name}"))?;
        return Ok(ExitCode::SUCCESS);
    };
    let Some((_, schema)) = schemas.iter().find(|(known, _)| *known == name) else {
        let names: Vec<&str> = schemas.iter().map(|(name, _)| *name).collect();
        writeln!(io::stderr(), "self-trader: no schema of that name (want {})", names.join(", "))?;
        return Ok(ExitCode::from(2));
    };
    writeln!(out, "{schema:#}")?;
    Ok(ExitCode::SUCCESS)
}
