//! What the process does to keep its memory to itself: no core file, no memory or environment that another
//! process of the same user could read, no value in the last words of a panic.
//!
//! None of it stops root, who can read the memory of every process.

use std::any::Any;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::panic::{Location, PanicHookInfo};

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use schemas::config::cut;

/// Hardens the process; to be called before anything else is read.
///
/// # Errors
/// The system's, where it refuses: the program is not to hold secrets then.
pub fn start() -> io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    std::panic::set_hook(Box::new(say));
    Ok(())
}

/// One line on standard error.
fn say(panic: &PanicHookInfo<'_>) {
    let line = last_words(std::thread::current().name(), panic.location(), panic.payload());
    // Nobody is left to be told that it could not be told.
    let _ = writeln!(io::stderr(), "{line}");
}

/// Which thread panicked where, and why as far as the program's own text goes: what follows the first colon or
/// line end was put together at run time and may hold any value.
#[must_use]
pub fn last_words(thread: Option<&str>, at: Option<&Location<'_>>, payload: &(dyn Any + Send)) -> String {
    let mut line = format!("self-trader: panic in thread {}", cut(thread.unwrap_or("without a name")));
    if let Some(at) = at {
        write!(line, " at {}:{}", at.file(), at.line()).expect("writing to a string cannot fail");
    }
    let own = payload.downcast_ref::<&'static str>().copied().or_else(|| {
        let made = payload.downcast_ref::<String>()?;
        made.split([':', '\n']).next()
    });
    match own {
        Some(own) => write!(line, ": {}", cut(own)),
        None => write!(line, ": a payload of a type that is not shown"),
    }
    .expect("writing to a string cannot fail");
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Promise P11.
    #[test]
    fn a_panic_says_where_and_shows_no_value() {
        let words = |payload: &(dyn Any + Send)| last_words(Some("trading"), None, payload);
        assert_eq!(
            words(&"why it cannot happen"),
            "self-trader: panic in thread trading: why it cannot happen"
        );
        let made = format!("a feed: {:?}", "redis://:canary@host");
        assert_eq!(words(&made), "self-trader: panic in thread trading: a feed");
        assert_eq!(
            words(&vec!["canary"]),
            "self-trader: panic in thread trading: a payload of a type that is not shown"
        );
    }
}
