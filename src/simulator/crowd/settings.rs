//! How large and how lively a crowd is.

use schemas::config::crowd::{CrowdBase, CrowdFile};

/// Everything that makes one crowd different from another. The same settings and the same course of events give the
/// same orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrowdSettings {
    /// Where chance begins.
    pub seed: u64,
    /// Levels that are kept filled on each side, 1 to 500.
    pub levels: u16,
    /// Least and most that a level is worth, in whole units of the quote asset; each doubling in between is as likely.
    pub level_notional: (u64, u64),
    /// Least and most that a stranger's order is worth.
    pub taker_notional: (u64, u64),
    /// Milliseconds between two looks at the book.
    pub refresh_ms: u64,
    /// Strangers' orders in 1,000 s, on each symbol.
    pub takers_per_1000_s: u64,
    /// Of a million orders that come to rest at the touch, how many a stranger takes at once.
    pub snipe_ppm: u32,
    /// Of a million looks, how many leave the spread wider than a tick.
    pub wide_ppm: u32,
    /// Of a million looks, how many give one level another size.
    pub churn_ppm: u32,
}

impl CrowdSettings {
    /// Ten levels and a taker every two seconds.
    #[must_use]
    pub const fn small() -> Self {
        Self {
            seed: 1,
            levels: 10,
            level_notional: (1_000, 30_000),
            taker_notional: (10, 1_000),
            refresh_ms: 200,
            takers_per_1000_s: 500,
            snipe_ppm: 0,
            wide_ppm: 60_000,
            churn_ppm: 300_000,
        }
    }

    /// A hundred levels, five takers a second, and makers are sniped now and then.
    #[must_use]
    pub const fn deep() -> Self {
        Self {
            seed: 1,
            levels: 100,
            level_notional: (1_000, 500_000),
            taker_notional: (10, 5_000),
            refresh_ms: 100,
            takers_per_1000_s: 5_000,
            snipe_ppm: 20_000,
            wide_ppm: 60_000,
            churn_ppm: 800_000,
        }
    }

    /// The crowd of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "small" => Some(Self::small()),
            "deep" => Some(Self::deep()),
            _ => None,
        }
    }
}

impl From<&CrowdFile> for CrowdSettings {
    fn from(file: &CrowdFile) -> Self {
        let base = match file.base {
            CrowdBase::Small => Self::small(),
            CrowdBase::Deep => Self::deep(),
        };
        let pair = |(least, most): (Option<u64>, Option<u64>), base: (u64, u64)| {
            let least = least.unwrap_or_else(|| base.0.min(most.unwrap_or(base.0)));
            (least, most.unwrap_or(base.1).max(least))
        };
        Self {
            seed: file.seed.unwrap_or(base.seed),
            levels: file.levels.unwrap_or(base.levels),
            level_notional: pair(file.level_notional, base.level_notional),
            taker_notional: pair(file.taker_notional, base.taker_notional),
            refresh_ms: file.refresh_ms.unwrap_or(base.refresh_ms),
            takers_per_1000_s: file.takers_per_1000_s.unwrap_or(base.takers_per_1000_s),
            snipe_ppm: file.snipe_ppm.unwrap_or(base.snipe_ppm),
            wide_ppm: file.wide_ppm.unwrap_or(base.wide_ppm),
            churn_ppm: file.churn_ppm.unwrap_or(base.churn_ppm),
        }
    }
}
