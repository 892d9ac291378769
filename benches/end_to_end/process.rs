//! Child processes: started, asked to end, killed when forgotten.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail, ensure};

use crate::redis::Deadline;

/// How long a process may take to end once it was asked to.
const END_MAX: Duration = Duration::from_secs(15);

/// A process that does not outlive its owner.
#[derive(Debug)]
pub(crate) struct Process {
    name: &'static str,
    child: Child,
}

impl Process {
    /// Starts it, with its standard output for us and its errors for the terminal.
    pub(crate) fn start(name: &'static str, command: &mut Command) -> anyhow::Result<Self> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        Ok(Self { name, child: child.with_context(|| format!("failed to start {name}"))? })
    }

    pub(crate) fn output(&mut self) -> anyhow::Result<BufReader<ChildStdout>> {
        self.child.stdout.take().map(BufReader::new).context("the output was taken before")
    }

    /// The first line of the output, and the rest of it, which must be kept or read.
    pub(crate) fn first_line(&mut self) -> anyhow::Result<(String, BufReader<ChildStdout>)> {
        let mut output = self.output()?;
        let mut line = String::new();
        output.read_line(&mut line)?;
        ensure!(!line.is_empty(), "{} ended before it said anything", self.name);
        Ok((line, output))
    }

    /// Asks it to end and waits until it has.
    pub(crate) fn end(mut self) -> anyhow::Result<()> {
        let id = self.child.id().to_string();
        ensure!(Command::new("kill").args(["-TERM", &id]).status()?.success(), "{} was gone", self.name);
        self.wait(END_MAX)
    }

    /// Waits until it ends by itself.
    pub(crate) fn wait(&mut self, patience: Duration) -> anyhow::Result<()> {
        let deadline = Deadline::within(patience);
        while self.child.try_wait()?.is_none() {
            if deadline.passed() {
                bail!("{} did not end within {} s", self.name, patience.as_secs());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Processor time so far, microseconds; the kernel counts in hundredths of a second.
    pub(crate) fn cpu_us(&self) -> u64 {
        cpu_us_of(self.child.id())
    }

    /// The most memory that it ever had resident, kB.
    pub(crate) fn peak_rss_kb(&self) -> u64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
        line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
    }

    fn proc(&self, file: &str) -> String {
        proc(self.child.id(), file)
    }
}

/// The same of any process.
pub(crate) fn cpu_us_of(id: u32) -> u64 {
    let stat = proc(id, "stat");
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |field: usize| fields.get(field).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    (ticks(11) + ticks(12)) * 10_000
}

fn proc(id: u32, file: &str) -> String {
    let path = Path::new("/proc").join(id.to_string()).join(file);
    std::fs::read_to_string(path).unwrap_or_default()
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended long ago: then there is nothing to kill, and nothing to say.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
