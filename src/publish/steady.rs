//! A steady market: each symbol of a tape ticks so many times a second, with the tape's trades in turn.
//!
//! Where a tape shows bursts and quiet, this shows every gap: the moments of a symbol are evenly apart, and those
//! of different symbols lie evenly between them.

use std::collections::HashMap;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use super::Naming;
use crate::clock::Clock;
use crate::feed::tape::{Played, Player, TapeReader, TapeTrade};

/// Trades of the tape that are kept for each symbol; then they begin anew.
const TRADES_MAX: usize = 10_000;
/// Lines of the tape that are read.
const LINES_MAX: usize = 2_000_000;

/// Starts a player in which each published symbol ticks `rate` times a second, without an end. The symbols
/// are published as they come from it: the copies are made here.
///
/// # Errors
/// The system has no thread left.
pub fn start(reader: TapeReader, rate: NonZeroU16, naming: &Naming, clock: Clock) -> std::io::Result<Player> {
    let naming = naming.clone();
    Player::spawn(move |stage| {
        let mut reader = reader;
        let symbols = symbols(&mut reader, &naming, |line| stage.bad_line(&line));
        let start = clock.now();
        for tick in 0_u64.. {
            let Some((trade, due)) = symbols.at(tick, rate) else { break };
            let planned = start.after(due);
            if !stage.play(&clock, Played { trade, planned }) {
                return;
            }
        }
        stage.end(&reader);
    })
}

/// The trades of each symbol of the tape, and the symbols that are published of them.
struct Symbols {
    /// The published symbol, and where its trades are.
    published: Vec<(Arc<str>, usize)>,
    trades: Vec<Vec<TapeTrade>>,
}

impl Symbols {
    /// The trade of that tick, counted over all symbols, and when it is due after the start.
    fn at(&self, tick: u64, rate: NonZeroU16) -> Option<(TapeTrade, Duration)> {
        let width = u64::try_from(self.published.len()).ok().filter(|width| *width > 0)?;
        let (turn, place) = (tick / width, usize::try_from(tick % width).ok()?);
        let (symbol, trades) = &self.published[place];
        let trades = &self.trades[*trades];
        let nth = usize::try_from(turn).unwrap_or(usize::MAX) % trades.len();
        let trade = TapeTrade { symbol: symbol.clone(), ..trades[nth].clone() };
        let due_ns = u128::from(tick) * 1_000_000_000 / (u128::from(width) * u128::from(rate.get()));
        Some((trade, Duration::from_nanos(u64::try_from(due_ns).unwrap_or(u64::MAX))))
    }
}

fn symbols(
    reader: &mut TapeReader,
    naming: &Naming,
    mut bad_line: impl FnMut(crate::feed::tape::TapeLineError),
) -> Symbols {
    let mut places: HashMap<Arc<str>, usize> = HashMap::new();
    let mut all = Symbols { published: Vec::new(), trades: Vec::new() };
    for line in reader.take(LINES_MAX) {
        let trade = match line {
            Ok(trade) => trade,
            Err(line) => {
                bad_line(line);
                continue;
            }
        };
        let place = *places.entry(trade.symbol.clone()).or_insert_with(|| {
            let names = naming.names(&trade.symbol).into_iter();
            all.published.extend(names.map(|name| (Arc::from(name.symbol), all.trades.len())));
            all.trades.push(Vec::new());
            all.trades.len() - 1
        });
        if all.trades[place].len() < TRADES_MAX {
            all.trades[place].push(trade);
        }
    }
    all
}
