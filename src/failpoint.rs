//! Named points at which a test ends the process as a crash would. Only with the feature `failpoints`; without it
//! nothing of it is compiled.

/// Ends the process here if a test named this point.
macro_rules! failpoint {
    ($name:literal) => {
        #[cfg(feature = "failpoints")]
        $crate::failpoint::hit($name);
    };
}

pub(crate) use failpoint;

/// `SELF_TRADER_FAILPOINT=NAME` or `NAME:COUNT`: the process ends when the point is come to for the `COUNT`-th time.
#[cfg(feature = "failpoints")]
pub(crate) fn hit(name: &str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static WANTED: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static SEEN: AtomicU64 = AtomicU64::new(0);
    let wanted = WANTED.get_or_init(|| {
        let text = std::env::var("SELF_TRADER_FAILPOINT").ok()?;
        let (name, count) = text.split_once(':').unwrap_or((&text, "1"));
        Some((name.to_owned(), count.parse().unwrap_or(1)))
    });
    if let Some((point, count)) = wanted
        && point == name
        && SEEN.fetch_add(1, Ordering::Relaxed) + 1 == *count
    {
        // No destructor runs and no buffer is written, as after a kill.
        std::process::abort();
    }
}

/// Fails as a fault in an instrument's code would, if a test asked for it: `SELF_TRADER_POISON=SYMBOL:TICK:TIMES`
/// panics at each `TICK`-th tick of that symbol, so many times.
#[cfg(feature = "failpoints")]
pub(crate) fn poison(symbol: &str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

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

#[cfg(not(feature = "failpoints"))]
pub(crate) const fn poison(_: &str) {}
