//! What callers' addresses are limited in: request weight, requests, connections; and bans for who asks on
//! though told to wait.
//!
//! Every address of loopback is one of its own.

use std::collections::HashMap;
use std::net::IpAddr;

use super::error::{ApiError, Retry};
use super::limits::{RateLimit, Window};
use super::time::Moment;
use crate::simulator::profile::{MarketProfile, Profile};
use crate::simulator::symbols::Product;

const MINUTE_MS: i64 = 60_000;
const FIVE_MINUTES_MS: i64 = 5 * MINUTE_MS;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// Requests after the first 429 of a window that the venue takes for not having read it.
const IGNORED_MAX: u32 = 20;
/// The first ban's length; each next one is twice as long.
const BAN_MS: i64 = 2 * MINUTE_MS;
const BAN_MS_MAX: i64 = 3 * DAY_MS;
/// More addresses than this are looked through for those that have long been silent.
const ADDRESSES_SOFT_MAX: usize = 10_000;

/// All addresses, by product. What one product's limits refuse is free to the other.
#[derive(Debug)]
pub(in crate::simulator) struct Addresses {
    markets: [Market; 2],
}

#[derive(Debug)]
struct Market {
    fresh: Address,
    seen: HashMap<IpAddr, Address>,
    peak: u64,
    refused: u64,
}

/// What one address has used of one product.
#[derive(Clone, Copy, Debug)]
struct Address {
    weight: Window,
    requests: Window,
    connections: Window,
    /// Requests since the first that was told to wait.
    ignored: u32,
    told_until_ms: i64,
    bans: u32,
    banned_until_ms: i64,
}

impl Addresses {
    pub(in crate::simulator) fn new(profile: &Profile) -> Self {
        Self { markets: Product::ALL.map(|product| Market::new(profile.market(product))) }
    }

    /// Counts a request: 418 for who is banned, 429 for who has used up what it may.
    pub(in crate::simulator) fn spend(
        &mut self,
        product: Product,
        address: IpAddr,
        weight: u64,
        now_ms: i64,
    ) -> Result<(), ApiError> {
        let market = &mut self.markets[product.index()];
        let spent = market.of(address, now_ms).spend(weight, now_ms);
        market.peak = market.peak.max(market.used(address, now_ms));
        market.refused += u64::from(spent.is_err());
        spent
    }

    /// Counts an attempt to connect, and what it weighs.
    pub(in crate::simulator) fn connect(
        &mut self,
        product: Product,
        address: IpAddr,
        weight: u64,
        now_ms: i64,
    ) -> Result<(), ApiError> {
        let own = self.markets[product.index()].of(address, now_ms);
        own.unless_banned(now_ms)?;
        *own.weight.at(now_ms) += weight;
        if own.connections.is_full(now_ms) {
            let retry = retry(now_ms, own.connections.end_ms(now_ms));
            return Err(ApiError::too_many_requests(own.connections.limit, 5, retry));
        }
        *own.connections.at(now_ms) += 1;
        Ok(())
    }

    /// Counts an offence, such as a stream connection that was cut for talking too much.
    pub(in crate::simulator) fn offended(&mut self, product: Product, address: IpAddr, now_ms: i64) {
        let own = self.markets[product.index()].of(address, now_ms);
        own.told(now_ms, now_ms + MINUTE_MS);
    }

    /// The weight that an address has used in this minute.
    pub(in crate::simulator) fn used(&mut self, product: Product, address: IpAddr, now_ms: i64) -> u64 {
        self.markets[product.index()].used(address, now_ms)
    }

    /// The limit on weight as answers show it.
    pub(in crate::simulator) fn shown(
        &mut self,
        product: Product,
        address: IpAddr,
        now_ms: i64,
    ) -> RateLimit {
        let used = self.used(product, address, now_ms);
        let limit = self.markets[product.index()].fresh.weight.limit;
        RateLimit::new("REQUEST_WEIGHT", ("MINUTE", 1), limit, Some(used))
    }

    /// The limits on weight and on requests, where there is one, as exchangeInfo lists them.
    pub(in crate::simulator) fn listed(&self, product: Product) -> (RateLimit, Option<RateLimit>) {
        let fresh = &self.markets[product.index()].fresh;
        let requests = Some(fresh.requests.limit).filter(|limit| *limit < u64::MAX);
        (
            RateLimit::new("REQUEST_WEIGHT", ("MINUTE", 1), fresh.weight.limit, None),
            requests.map(|limit| RateLimit::new("RAW_REQUESTS", ("MINUTE", 5), limit, None)),
        )
    }

    /// The most weight that any address spent in any minute.
    pub(in crate::simulator) fn peak(&self) -> u64 {
        self.markets.iter().map(|market| market.peak).max().unwrap_or(0)
    }

    /// Requests that were told to wait.
    pub(in crate::simulator) fn refused(&self) -> u64 {
        self.markets.iter().map(|market| market.refused).sum()
    }
}

impl Market {
    fn new(profile: &MarketProfile) -> Self {
        let fresh = Address {
            weight: Window::new(MINUTE_MS, profile.weight_per_minute),
            requests: Window::new(FIVE_MINUTES_MS, profile.raw_requests.unwrap_or(u64::MAX)),
            connections: Window::new(FIVE_MINUTES_MS, profile.connections_per_5min),
            ignored: 0,
            told_until_ms: 0,
            bans: 0,
            banned_until_ms: 0,
        };
        Self { fresh, seen: HashMap::new(), peak: 0, refused: 0 }
    }

    fn of(&mut self, address: IpAddr, now_ms: i64) -> &mut Address {
        if self.seen.len() >= ADDRESSES_SOFT_MAX && !self.seen.contains_key(&address) {
            self.seen.retain(|_, own| !own.is_idle(now_ms));
        }
        self.seen.entry(address).or_insert(self.fresh)
    }

    fn used(&mut self, address: IpAddr, now_ms: i64) -> u64 {
        *self.of(address, now_ms).weight.at(now_ms)
    }
}

impl Address {
    fn spend(&mut self, weight: u64, now_ms: i64) -> Result<(), ApiError> {
        self.unless_banned(now_ms)?;
        if self.weight.is_full(now_ms) {
            *self.weight.at(now_ms) += weight;
            let end_ms = self.weight.end_ms(now_ms);
            self.told(now_ms, end_ms);
            return Err(ApiError::too_much_weight(self.weight.limit, retry(now_ms, end_ms)));
        }
        if self.requests.is_full(now_ms) {
            let end_ms = self.requests.end_ms(now_ms);
            self.told(now_ms, end_ms);
            return Err(ApiError::too_many_requests(self.requests.limit, 5, retry(now_ms, end_ms)));
        }
        *self.weight.at(now_ms) += weight;
        *self.requests.at(now_ms) += 1;
        Ok(())
    }

    fn unless_banned(&self, now_ms: i64) -> Result<(), ApiError> {
        if now_ms < self.banned_until_ms {
            return Err(ApiError::banned(retry(now_ms, self.banned_until_ms)));
        }
        Ok(())
    }

    /// It is told to wait until then; who is told too often is banned.
    fn told(&mut self, now_ms: i64, until_ms: i64) {
        if now_ms >= self.told_until_ms {
            (self.told_until_ms, self.ignored) = (until_ms, 0);
        }
        self.ignored += 1;
        if self.ignored > IGNORED_MAX {
            let length_ms = BAN_MS.saturating_mul(1 << self.bans.min(20)).min(BAN_MS_MAX);
            self.banned_until_ms = now_ms + length_ms;
            (self.bans, self.ignored) = (self.bans + 1, 0);
        }
    }

    /// Nothing is remembered of it that counts.
    fn is_idle(&mut self, now_ms: i64) -> bool {
        let used = *self.weight.at(now_ms) + *self.requests.at(now_ms) + *self.connections.at(now_ms);
        used == 0 && now_ms >= self.banned_until_ms
    }
}

const fn retry(now_ms: i64, until_ms: i64) -> Retry {
    Retry { server_time: Moment(now_ms), retry_after: Moment(until_ms) }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const NOW_MS: i64 = 1_790_000_040_000;

    fn addresses(weight: u64) -> Addresses {
        let mut profile = Profile::strict();
        profile.spot.weight_per_minute = weight;
        Addresses::new(&profile)
    }

    fn last(byte: u8) -> IpAddr {
        Ipv4Addr::new(127, 0, 0, byte).into()
    }

    #[test]
    fn addresses_and_products_are_apart() {
        let mut addresses = addresses(10);
        let mut spend = |product, byte| addresses.spend(product, last(byte), 10, NOW_MS).is_ok();
        assert!(spend(Product::Spot, 1));
        assert!(!spend(Product::Spot, 1));
        assert!(spend(Product::Spot, 2));
        assert!(spend(Product::UsdM, 1));
    }

    #[test]
    fn who_does_not_wait_is_banned_and_longer_each_time() {
        let mut addresses = addresses(1);
        let mut lengths = Vec::new();
        let mut now_ms = NOW_MS;
        for _ in 0..3 {
            let banned = (0..100).find_map(|_| {
                let error = addresses.spend(Product::Spot, last(1), 1, now_ms).err()?;
                (error.status == 418).then(|| error.retry.unwrap().retry_after.0)
            });
            let until_ms = banned.unwrap();
            lengths.push((until_ms - now_ms) / MINUTE_MS);
            now_ms = until_ms;
        }
        assert_eq!(lengths, [2, 4, 8]);
        assert!(addresses.spend(Product::Spot, last(1), 1, now_ms + MINUTE_MS).is_ok());
    }
}
