//! What the points do in a build that has them.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{Signal, getpid, kill_process};

use super::{PARTS, POINTS};

/// Whether a test named this point, and this is the time.
pub(crate) fn is_hit(name: &str) -> bool {
    static WANTED: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static SEEN: AtomicU64 = AtomicU64::new(0);
    debug_assert!(POINTS.contains(&name), "{name} is in no list");
    let wanted = WANTED.get_or_init(|| {
        let text = std::env::var("SELF_TRADER_FAILPOINT").ok()?;
        let (name, count) = text.split_once(':').unwrap_or((&text, "1"));
        Some((name.to_owned(), count.parse().unwrap_or(1)))
    });
    let Some((point, count)) = wanted else { return false };
    point == name && SEEN.fetch_add(1, Ordering::Relaxed) + 1 == *count
}

/// Fails as a fault in the code of a part that runs beside the lanes would, if a test asked for it:
/// `SELF_TRADER_BREAK=PART:TURN` panics in its `TURN`-th turn and, should it be made anew, in no other.
pub(crate) fn break_in(part: &str) {
    static WANTED: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static SEEN: AtomicU64 = AtomicU64::new(0);
    debug_assert!(PARTS.contains(&part), "{part} is in no list");
    let wanted = WANTED.get_or_init(|| {
        let text = std::env::var("SELF_TRADER_BREAK").ok()?;
        let (part, turn) = text.split_once(':')?;
        Some((part.to_owned(), turn.parse().ok()?))
    });
    let Some((_, turn)) = wanted.as_ref().filter(|(broken, _)| broken == part) else { return };
    assert!(SEEN.fetch_add(1, Ordering::Relaxed) + 1 != *turn, "a broken part");
}

/// Ends the process as `kill -9` does.
pub(crate) fn kill() -> ! {
    // A process may always signal itself; the other way is as good, but for the core that it may leave.
    let _ = kill_process(getpid(), Signal::KILL);
    std::process::abort();
}

/// Fails as a fault in an instrument's code would, if a test asked for it: `SELF_TRADER_POISON=SYMBOL:TICK:TIMES`
/// panics at each `TICK`-th tick of that symbol, so many times.
pub(crate) fn poison(symbol: &str) {
    static WANTED: OnceLock<Option<(String, u64, u64)>> = OnceLock::new();
    static SEEN: AtomicU64 = AtomicU64::new(0);
    let wanted = WANTED.get_or_init(|| {
        let text = std::env::var("SELF_TRADER_POISON").ok()?;
        let mut parts = text.split(':');
        let symbol = parts.next()?.to_owned();
        let mut number = || parts.next()?.parse().ok().filter(|number| *number > 0);
        Some((symbol, number()?, number()?))
    });
    let Some((_, tick, times)) = wanted.as_ref().filter(|(poisoned, ..)| poisoned == symbol) else { return };
    let seen = SEEN.fetch_add(1, Ordering::Relaxed) + 1;
    assert!(!seen.is_multiple_of(*tick) || seen / tick > *times, "a poisoned tick");
}
