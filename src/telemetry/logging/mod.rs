//! Logs: for people or one JSON object a line, to a standard stream or a file a day. Writing has a thread of its
//! own: a reader that does not read costs lines, never a trade. No call site fills a log (`limit.rs`).

mod limit;
mod lines;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::Context;
use schemas::config::LogFormat;
use tracing::{Level, Metadata};
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt};

use limit::RateLimit;
pub use limit::tell_left_out;
use lines::Lines;

/// Lines that may wait to be written; what comes while they do is left out.
const LINES_MAX: usize = 16_384;
/// A file a day, and a week of them.
const FILES_MAX: usize = 7;

/// What the process's log has left out.
static DROPPED: OnceLock<ErrorCounter> = OnceLock::new();

/// Where logs go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Standard output.
    Stdout,
    /// Standard error, for commands whose standard output is data.
    Stderr,
    /// `FOLDER/NAME.EXT` becomes `FOLDER/NAME.YYYY-MM-DD.EXT`, a new one each day (UTC). Of the files of that
    /// pattern the newest seven are kept.
    File(PathBuf),
}

/// How to log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// For people, or one JSON object a line.
    pub format: LogFormat,
    /// Where to.
    pub target: Target,
    /// Errors alone, unless `RUST_LOG` says otherwise.
    pub quiet: bool,
}

impl Options {
    /// Readable lines on standard error.
    #[must_use]
    pub const fn stderr(quiet: bool) -> Self {
        Self { format: LogFormat::Text, target: Target::Stderr, quiet }
    }
}

/// Logging under way; dropped, it writes what waits (for a second at most) and ends.
#[derive(Debug)]
pub struct Logging {
    worker: Option<WorkerGuard>,
}

impl Drop for Logging {
    fn drop(&mut self) {
        limit::tell_all_left_out();
        drop(self.worker.take());
    }
}

/// Starts logging. `RUST_LOG` filters; warnings and worse, and what this program itself has to say, are shown unless
/// it says otherwise. Of its dependencies nothing finer than a warning is ever shown.
///
/// # Errors
/// If the file cannot be written.
pub fn start(options: &Options) -> anyhow::Result<Logging> {
    let default = if options.quiet { "error" } else { "warn,self_trader=info" };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let (writer, worker, ansi) = writer(&options.target)?;
    let layers =
        tracing_subscriber::registry().with(filter).with(filter_fn(may_be_shown)).with(RateLimit::start());
    let started = match options.format {
        LogFormat::Text => {
            let format = Lines::text(fmt::format().with_ansi(ansi).with_target(false));
            layers.with(fmt::layer().with_ansi(ansi).event_format(format).with_writer(writer)).try_init()
        }
        LogFormat::Json => {
            let format =
                fmt::format().json().flatten_event(true).with_current_span(false).with_span_list(false);
            let layer = fmt::layer().json().map_event_format(|_| Lines::json(format)).with_writer(writer);
            layers.with(layer).try_init()
        }
    };
    if started.is_err() {
        tracing::debug!("logging was started before");
    }
    Ok(Logging { worker: Some(worker) })
}

/// Finer lines of dependencies hold what goes over the wire: signed requests, keys, passwords.
fn may_be_shown(line: &Metadata<'_>) -> bool {
    let own = line.module_path().is_some_and(|path| path.starts_with(env!("CARGO_CRATE_NAME")));
    own || *line.level() <= Level::WARN
}

/// Lines that found no room to wait: nobody reads the log, or not fast enough.
pub fn dropped() -> u64 {
    let lines = DROPPED.get().map_or(0, ErrorCounter::dropped_lines);
    u64::try_from(lines).unwrap_or(u64::MAX)
}

/// A writer on a thread of its own: what finds no room is left out and counted, nobody waits.
fn apart(writer: impl Write + Send + 'static, lines_max: usize) -> (NonBlocking, WorkerGuard) {
    NonBlockingBuilder::default()
        .buffered_lines_limit(lines_max)
        .lossy(true)
        .thread_name("log")
        .finish(writer)
}

/// The writer, what ends it, and whether a person looks at it.
fn writer(target: &Target) -> anyhow::Result<(NonBlocking, WorkerGuard, bool)> {
    let ((writer, worker), ansi) = match target {
        Target::Stdout => (apart(std::io::stdout(), LINES_MAX), std::io::stdout().is_terminal()),
        Target::Stderr => (apart(std::io::stderr(), LINES_MAX), std::io::stderr().is_terminal()),
        Target::File(path) => (apart(daily(path)?, LINES_MAX), false),
    };
    // Whoever starts logging a second time in a process is a test.
    let _ = DROPPED.set(writer.error_counter());
    Ok((writer, worker, ansi))
}

fn daily(path: &Path) -> anyhow::Result<RollingFileAppender> {
    let text = |part: Option<&std::ffi::OsStr>| part.and_then(std::ffi::OsStr::to_str).map(str::to_owned);
    let name = text(path.file_stem()).with_context(|| format!("no file name in {}", path.display()))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = || format!("failed to write a log file in {}", folder.display());
    // The appender looks for old files before it makes their folder.
    std::fs::create_dir_all(folder).with_context(failed)?;
    RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix(name)
        .filename_suffix(text(path.extension()).unwrap_or_else(|| "log".to_owned()))
        .max_log_files(FILES_MAX)
        .build(folder)
        .with_context(failed)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::mpsc::{Receiver, sync_channel};

    use super::*;

    /// Writes when it is told to.
    struct Stalled(Receiver<()>);

    impl Write for Stalled {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Fault K10.
    #[test]
    fn what_finds_no_room_is_counted_and_nobody_waits() {
        let (go_on, told) = sync_channel(1);
        let (mut writer, worker) = apart(Stalled(told), 8);
        let counter = writer.error_counter();
        for _ in 0..20 {
            writer.write_all(b"line\n").unwrap();
        }
        // One may be on its way to the reader.
        assert!((11..=12).contains(&counter.dropped_lines()), "{}", counter.dropped_lines());
        drop(go_on);
        drop(worker);
    }
}
