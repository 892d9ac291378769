//! What is measured: a process between Redis and the venue.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;

use crate::plan;
use crate::process::Process;

/// The program, as built with this bench.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_self-trader");

/// Who stands between Redis and the venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Subject {
    /// `self-trader run`.
    Program,
    /// Another build of it, to compare with.
    Against,
    /// The same clients, no logic.
    Relay,
    /// Bare sockets.
    Raw,
}

impl Subject {
    pub(crate) const ALL: [Self; 4] = [Self::Program, Self::Against, Self::Relay, Self::Raw];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Against => "against",
            Self::Relay => "relay",
            Self::Raw => "raw",
        }
    }

    /// Whether it decides, and so has labels and a summary.
    pub(crate) const fn decides(self) -> bool {
        match self {
            Self::Program | Self::Against => true,
            Self::Relay | Self::Raw => false,
        }
    }

    /// Starts it. The program's files go into `folder`; `against` is the other build.
    pub(crate) fn start(
        self,
        redis: SocketAddr,
        venue: SocketAddr,
        folder: &Path,
        against: Option<&Path>,
    ) -> anyhow::Result<Process> {
        match self {
            Self::Program => program(Path::new(PROGRAM), redis, venue, folder),
            Self::Against => program(against.context("--against FILE is missing")?, redis, venue, folder),
            Self::Relay | Self::Raw => {
                let mut command = Command::new(std::env::current_exe().context("no path of this bench")?);
                command.args([self.name(), "--redis", &redis.to_string(), "--venue", &venue.to_string()]);
                Process::start(self.name(), &mut command)
            }
        }
    }
}

pub(crate) fn summary_file(folder: &Path) -> PathBuf {
    folder.join("summary.json")
}

pub(crate) fn label_file(folder: &Path) -> PathBuf {
    folder.join("labels.jsonl")
}

fn program(file: &Path, redis: SocketAddr, venue: SocketAddr, folder: &Path) -> anyhow::Result<Process> {
    let config = folder.join("config.json");
    std::fs::write(&config, plan::configuration(redis, venue))?;
    let mut command = Command::new(file);
    command.arg("run").arg(&config);
    command.arg("--summary").arg(summary_file(folder));
    command.arg("--labels").arg(label_file(folder));
    command.env("RUST_LOG", "error").stderr(Stdio::inherit());
    Process::start("self-trader run", &mut command)
}
