//! What is measured: a process between the feed's server and the venue.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;
use serde_json::{Value, json};

use crate::options::{Feed, Link};
use crate::plan::{self, TOPIC};
use crate::process::Process;

/// The program, as built with this bench.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_self-trader");

/// Who stands between the feed's server and the venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Subject {
    /// `self-trader run`.
    Program,
    /// The same as the only member of a consumer group.
    ProgramGroup,
    /// The same with a journal.
    ProgramJournal,
    /// The same with a journal that is synced before an order leaves.
    ProgramAlways,
    /// With a journal, as the owner of leases in the feed's Redis.
    ProgramLeases,
    /// Another build of it, to compare with.
    Against,
    /// The same clients, no logic.
    Relay,
    /// Bare sockets.
    Raw,
}

impl Subject {
    pub(crate) const ALL: [Self; 8] = [
        Self::Program,
        Self::ProgramGroup,
        Self::ProgramJournal,
        Self::ProgramAlways,
        Self::ProgramLeases,
        Self::Against,
        Self::Relay,
        Self::Raw,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::ProgramGroup => "program-group",
            Self::ProgramJournal => "program-journal",
            Self::ProgramAlways => "program-always",
            Self::ProgramLeases => "program-leases",
            Self::Against => "against",
            Self::Relay => "relay",
            Self::Raw => "raw",
        }
    }

    /// Whether it decides, and so has labels and a summary.
    pub(crate) const fn decides(self) -> bool {
        match self {
            Self::Program
            | Self::ProgramGroup
            | Self::ProgramJournal
            | Self::ProgramAlways
            | Self::ProgramLeases
            | Self::Against => true,
            Self::Relay | Self::Raw => false,
        }
    }

    /// Starts it. The program's files go into `folder`; `against` is the other build.
    pub(crate) fn start(
        self,
        link: &Link,
        interval: u64,
        admin: SocketAddr,
        folder: &Path,
        against: Option<&Path>,
    ) -> anyhow::Result<Process> {
        let program = |file| {
            let mut process = self.feed(link);
            if let Some(sync) = self.journal() {
                process["Journal"] = json!(folder.join("journal"));
                process["Journal Sync"] = json!(sync);
            }
            let configuration = plan::configuration(link, interval, process);
            let shard: &[&str] = if self == Self::ProgramLeases { &["--shard", "0/1"] } else { &[] };
            program(file, &configuration, admin, folder, shard)
        };
        match self {
            Self::Program
            | Self::ProgramGroup
            | Self::ProgramJournal
            | Self::ProgramAlways
            | Self::ProgramLeases => program(Path::new(PROGRAM)),
            Self::Against => program(against.context("--against FILE is missing")?),
            Self::Relay | Self::Raw => {
                let mut command = Command::new(std::env::current_exe().context("no path of this bench")?);
                command.args([self.name(), "--feed", link.feed.name(), "--server", &link.server.to_string()]);
                command.args(["--venue", &link.venue.to_string(), "--symbols", &link.symbols.to_string()]);
                command.arg("--ready").arg(&link.ready);
                Process::start(self.name(), &mut command)
            }
        }
    }
}

impl Subject {
    /// When its journal is synced, if it has one.
    const fn journal(self) -> Option<&'static str> {
        match self {
            Self::ProgramJournal | Self::ProgramLeases => Some("batch"),
            Self::ProgramAlways => Some("always"),
            Self::Program | Self::ProgramGroup | Self::Against | Self::Relay | Self::Raw => None,
        }
    }

    /// What a program's configuration says of its feed.
    fn feed(self, link: &Link) -> Value {
        let server = link.server;
        match (link.feed, self) {
            (_, Self::ProgramLeases) => {
                json!({ "Feed": format!("redis://{server}"), "Sharding": "static", "Shards": 1 })
            }
            (Feed::Redis, _) => json!({ "Feed": format!("redis://{server}") }),
            (Feed::Kafka, Self::ProgramGroup) => json!({
                "Feed": format!("kafka://{server}/{TOPIC}?group=bench"),
                "Sharding": "group",
            }),
            (
                Feed::Kafka,
                Self::Program
                | Self::ProgramJournal
                | Self::ProgramAlways
                | Self::Against
                | Self::Relay
                | Self::Raw,
            ) => {
                json!({ "Feed": format!("kafka://{server}/{TOPIC}") })
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

fn program(
    file: &Path,
    configuration: &str,
    admin: SocketAddr,
    folder: &Path,
    more: &[&str],
) -> anyhow::Result<Process> {
    let config = folder.join("config.json");
    std::fs::write(&config, configuration)?;
    let mut command = Command::new(file);
    command.arg("run").arg(&config);
    command.args(["--admin", &admin.to_string()]).args(more);
    command.arg("--summary").arg(summary_file(folder));
    command.arg("--labels").arg(label_file(folder));
    command.env("RUST_LOG", "error").stderr(Stdio::inherit());
    Process::start("self-trader run", &mut command)
}
