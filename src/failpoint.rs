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
