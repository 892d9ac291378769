//! The market itself, pure: the k-th trade of a symbol has one time, price, quantity and side.
//!
//! Time is cut into blocks of 32 s with 256 trades each, so that trade numbers have no gaps and any moment can
//! be joined without a past. The price is noise of sixteen time scales from 1 s to 9 h, each as large as the
//! square root of its scale, as a random walk's would be; prints come in bunches of one side that may sweep.

use schemas::ids::symbol_hash;
use schemas::order::Side;
use schemas::units::Decimal;

use super::chance::Chance;

/// Length of a block, milliseconds.
pub(super) const BLOCK_MS: i64 = 32_000;
/// Trades of a block: eight a second on average.
pub(super) const BLOCK_TRADES: u64 = 256;

const OCTAVES: u32 = 16;
/// How far the price swings within a second, in parts of 10^9.
const SWING: i64 = 60_000;
/// Bunches that crowd around few moments of a block.
const HOT_MOMENTS: u64 = 5;
const HOT_SPREAD_MS: u64 = 1_500;

/// Kinds of questions to chance.
mod ask {
    pub(super) const START: u64 = 1;
    pub(super) const NOISE: u64 = 2;
    pub(super) const SIZE: u64 = 3;
    pub(super) const SIZE_LARGE: u64 = 4;
    pub(super) const WHEN: u64 = 5;
    pub(super) const HOT: u64 = 6;
    pub(super) const SIDE: u64 = 7;
    pub(super) const QTY: u64 = 8;
    pub(super) const NOTIONAL: u64 = 9;
}

/// One trade of the market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trade {
    /// Its number: counts the symbol's trades since the epoch.
    pub number: u64,
    /// When it happens, milliseconds since the epoch.
    pub time_ms: i64,
    /// The price.
    pub price: Decimal,
    /// The quantity.
    pub qty: Decimal,
    /// The taker's side.
    pub side: Side,
}

/// The market of one symbol.
#[derive(Clone, Debug)]
pub struct Market {
    chance: Chance,
    start: StartPrice,
}

/// The price that the market swings around, in steps, and how fine prices and quantities are.
#[derive(Clone, Copy, Debug)]
struct StartPrice {
    steps: i64,
    price_decimals: u8,
    qty_decimals: u8,
}

/// Trades of one side at one moment.
#[derive(Clone, Copy, Debug)]
struct Bunch {
    start_ms: i64,
    number: u64,
    size: u64,
}

impl Market {
    /// The market that this seed gives this symbol.
    #[must_use]
    pub fn new(seed: u64, symbol: &str) -> Self {
        let chance = Chance::new(seed).about(0, symbol_hash(symbol));
        Self { chance, start: StartPrice::of(symbol, chance) }
    }

    /// The trades of a block, in the order of their times.
    #[must_use]
    pub fn block(&self, block: u64) -> Vec<Trade> {
        let block_start = i64::try_from(block).unwrap_or(0) * BLOCK_MS;
        let mut trades = Vec::with_capacity(usize::try_from(BLOCK_TRADES).unwrap_or(0));
        let mut time_ms = block_start;
        for bunch in self.bunches(block) {
            for position in 0..bunch.size {
                let walked = i64::try_from(position / 2).unwrap_or(0);
                time_ms = time_ms.max(block_start + bunch.start_ms + walked).min(block_start + BLOCK_MS - 1);
                let number = block * BLOCK_TRADES + trades.len() as u64;
                trades.push(self.trade(number, time_ms, block_start, bunch, position));
            }
        }
        trades
    }

    /// The block that a moment lies in.
    #[must_use]
    pub fn block_at(wall_ms: i64) -> u64 {
        u64::try_from(wall_ms.div_euclid(BLOCK_MS)).unwrap_or(0)
    }

    /// Bunches that make up a block's trades, by time.
    fn bunches(&self, block: u64) -> Vec<Bunch> {
        let chance = self.chance.about(ask::SIZE, block);
        let (mut bunches, mut left) = (Vec::new(), BLOCK_TRADES);
        while left > 0 {
            let number = bunches.len() as u64;
            let size = bunch_size(chance, number).min(left);
            left -= size;
            bunches.push(Bunch { start_ms: bunch_start(chance, number), number, size });
        }
        bunches.sort_by_key(|bunch| (bunch.start_ms, bunch.number));
        bunches
    }

    fn trade(&self, number: u64, time_ms: i64, block_start: i64, bunch: Bunch, position: u64) -> Trade {
        let bunch_id = number - position;
        let buys = self.chance.about(ask::SIDE, bunch_id).below(2) == 0;
        let price = self.price(block_start + bunch.start_ms, buys, position);
        Trade {
            number,
            time_ms,
            price: Decimal::from_steps(price.into(), self.start.price_decimals),
            qty: Decimal::from_steps(self.lots(number, price).into(), self.start.qty_decimals),
            side: if buys { Side::Buy } else { Side::Sell },
        }
    }

    /// A print's price: the side's touch at that moment, and further with each third print of a sweep. The
    /// touch moves in strides, so that quiet prints repeat a price.
    fn price(&self, moment_ms: i64, buys: bool, position: u64) -> i64 {
        let stride = (self.start.steps / 50_000).max(1);
        let middle = self.middle(moment_ms - moment_ms.rem_euclid(250));
        let touch = middle - middle.rem_euclid(stride);
        let walked = i64::try_from(position / 3).unwrap_or(0) * (stride / 4).max(1);
        let price = if buys { touch + 1 + walked } else { touch - walked };
        price.max(1)
    }

    /// The middle of the market, in steps.
    fn middle(&self, moment_ms: i64) -> i64 {
        let swing: i64 = (0..OCTAVES).map(|octave| self.noise(octave, moment_ms)).sum();
        self.start.steps + self.start.steps * swing / 1_000_000_000
    }

    /// One time scale's part of the swing, in parts of 10^9: a line between random points.
    fn noise(&self, octave: u32, moment_ms: i64) -> i64 {
        let period = 1_000_i64 << octave;
        let (left, within) = (moment_ms.div_euclid(period), moment_ms.rem_euclid(period));
        let point = |index: i64| -> i64 {
            let bits = self.chance.about(ask::NOISE + (u64::from(octave) << 8), index.unsigned_abs()).bits();
            i64::from(u16::try_from(bits >> 48).unwrap_or(0)) - 32_768
        };
        let (from, to) = (point(left), point(left + 1));
        let value = from + (to - from) * within / period;
        // The square root of 2^octave, times 1,000.
        let size = (if octave.is_multiple_of(2) { 1_000 } else { 1_414 }) << (octave / 2);
        value * size * SWING / (32_768 * 1_000)
    }

    /// A quantity worth some 5 to 25 of the quote asset, doubled as often as a coin falls on one side.
    fn lots(&self, number: u64, price_steps: i64) -> i64 {
        let doubled = self.chance.about(ask::QTY, number).bits().trailing_zeros().min(13);
        let notional = (500 + self.chance.about(ask::NOTIONAL, number).below(2_000)) << doubled;
        let power = 10_i64.pow(u32::from(self.start.price_decimals + self.start.qty_decimals));
        (i64::try_from(notional).unwrap_or(0) * power / 100 / price_steps).max(1)
    }
}

fn bunch_size(chance: Chance, number: u64) -> u64 {
    let large = chance.about(ask::SIZE_LARGE, number);
    match chance.about(ask::SIZE, number).below(16) {
        0..=8 => 1,
        9..=11 => 2,
        12..=13 => 3,
        14 => 4 + large.below(5),
        _ => 8 + large.below(17),
    }
}

/// Half of the bunches come evenly, half around few moments.
fn bunch_start(chance: Chance, number: u64) -> i64 {
    let block = BLOCK_MS.unsigned_abs();
    let when = chance.about(ask::WHEN, number).bits();
    let even = (when >> 8) % block;
    let start = if when.is_multiple_of(2) {
        even
    } else {
        let hot = chance.about(ask::HOT, (when >> 1) % HOT_MOMENTS).below(block);
        let near = (when >> 8) % HOT_SPREAD_MS + (when >> 32) % HOT_SPREAD_MS;
        (hot + block + near - HOT_SPREAD_MS) % block
    };
    i64::try_from(start).unwrap_or(0)
}

impl StartPrice {
    fn of(symbol: &str, chance: Chance) -> Self {
        if symbol.starts_with("BTC") {
            return Self { steps: 6_500_000, price_decimals: 2, qty_decimals: 5 };
        }
        if symbol.starts_with("ETH") {
            return Self { steps: 320_000, price_decimals: 2, qty_decimals: 4 };
        }
        // Five digits, the point anywhere between 0.1 and 1,000; a lot is worth about 1 of the quote asset.
        let draw = chance.about(ask::START, 0);
        let price_decimals = u8::try_from(2 + draw.below(4)).unwrap_or(2);
        let steps = 10_000 + i64::try_from((draw.bits() >> 8) % 90_000).unwrap_or(0);
        Self { steps, price_decimals, qty_decimals: 5 - price_decimals }
    }
}

/// Goes through a market's trades one by one.
#[derive(Clone, Debug)]
pub struct Walker {
    market: Market,
    block: u64,
    trades: Vec<Trade>,
    position: usize,
}

impl Walker {
    /// Stands before the first trade at or after that moment.
    #[must_use]
    pub fn starting_at(market: Market, wall_ms: i64) -> Self {
        let mut walker = Self { market, block: 0, trades: Vec::new(), position: 0 };
        walker.enter(Market::block_at(wall_ms));
        walker.skip_to(wall_ms);
        walker
    }

    /// The trade that comes next.
    #[must_use]
    pub fn peek(&self) -> Trade {
        self.trades[self.position]
    }

    /// Steps past it.
    pub fn advance(&mut self) {
        self.position += 1;
        if self.position == self.trades.len() {
            self.enter(self.block + 1);
        }
    }

    /// Steps past everything before that moment; never back.
    pub fn skip_to(&mut self, wall_ms: i64) {
        let block = Market::block_at(wall_ms);
        if block > self.block {
            self.enter(block);
        }
        while self.peek().time_ms < wall_ms {
            self.advance();
        }
    }

    fn enter(&mut self, block: u64) {
        self.trades = self.market.block(block);
        self.block = block;
        self.position = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const NOW_MS: i64 = 1_790_000_000_000;

    fn walk(seed: u64, symbol: &str, from_ms: i64, count: usize) -> Vec<Trade> {
        let mut walker = Walker::starting_at(Market::new(seed, symbol), from_ms);
        (0..count)
            .map(|_| {
                let trade = walker.peek();
                walker.advance();
                trade
            })
            .collect()
    }

    #[test]
    fn the_same_seed_is_the_same_market_whoever_looks() {
        let first = walk(7, "BTCUSDT", NOW_MS, 2_000);
        let later_from = first[700].time_ms;
        let later = walk(7, "BTCUSDT", later_from, 500);
        let at = first.iter().position(|trade| trade.number == later[0].number).unwrap();
        assert_eq!(first[at..at + 500], later[..]);
        assert_ne!(first, walk(8, "BTCUSDT", NOW_MS, 2_000));
        assert_ne!(first, walk(7, "ETHUSDT", NOW_MS, 2_000));
    }

    #[test]
    fn numbers_have_no_gap_and_time_never_goes_back() {
        let trades = walk(1, "SOLUSDT", NOW_MS, 3_000);
        assert!(trades[0].time_ms >= NOW_MS);
        for pair in trades.windows(2) {
            assert_eq!(pair[1].number, pair[0].number + 1);
            assert!(pair[1].time_ms >= pair[0].time_ms);
        }
        let seconds = (trades[2_999].time_ms - trades[0].time_ms) / 1_000;
        assert!((300..450).contains(&seconds), "eight a second, got 3,000 in {seconds} s");
    }

    #[test]
    fn it_looks_like_a_market() {
        for (symbol, low, high) in [("BTCUSDT", 55_000, 75_000), ("ETHUSDT", 2_700, 3_700)] {
            let trades = walk(3, symbol, NOW_MS, 20_000);
            let prices: Vec<i128> = trades.iter().map(|trade| trade.price.mantissa() / 100).collect();
            assert!(prices.iter().all(|price| (low..high).contains(price)), "{symbol} stays near its start");
            let spread = prices.iter().max().unwrap() - prices.iter().min().unwrap();
            assert!(
                spread * 1_000 > low,
                "{symbol} moves by more than 0.1 % in an hour and a half, got {spread}"
            );
            let same = trades.windows(2).filter(|pair| pair[0].price == pair[1].price).count();
            assert!(
                (20..90).contains(&(same * 100 / trades.len())),
                "{symbol}: {same} prints repeat a price"
            );
            let mut sides: BTreeMap<&str, usize> = BTreeMap::new();
            trades.iter().for_each(|trade| *sides.entry(trade.side.as_str()).or_default() += 1);
            assert!(sides.values().all(|count| *count > trades.len() / 3), "{sides:?}");
            let largest = trades.iter().map(|trade| trade.qty).max().unwrap();
            let mut quantities: Vec<_> = trades.iter().map(|trade| trade.qty).collect();
            quantities.sort_unstable();
            let median = quantities[quantities.len() / 2];
            assert!(largest.mantissa() > 200 * median.mantissa(), "a heavy tail: {largest} beside {median}");
        }
    }

    #[test]
    fn a_step_is_small() {
        let trades = walk(11, "BTCUSDT", NOW_MS, 20_000);
        let worst = trades.windows(2).map(|pair| {
            let [before, after] = [pair[0].price.mantissa(), pair[1].price.mantissa()];
            (after - before).abs() * 100_000 / before
        });
        assert!(worst.max().unwrap() < 100, "no print jumps by 0.1 %");
    }

    proptest! {
        #[test]
        fn every_block_is_whole(seed in any::<u64>(), block in 20_000_000_u64..40_000_000, symbol in "[A-Z]{3,8}") {
            let trades = Market::new(seed, &symbol).block(block);
            prop_assert_eq!(trades.len() as u64, BLOCK_TRADES);
            let start = i64::try_from(block).unwrap() * BLOCK_MS;
            for trade in trades {
                prop_assert!((start..start + BLOCK_MS).contains(&trade.time_ms));
                prop_assert!(trade.price.is_positive() && trade.qty.is_positive());
            }
        }
    }
}
