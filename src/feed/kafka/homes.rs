//! Where each symbol is at home: the one partition that its key belongs to. Who holds the partition owns the
//! symbol, also one that has had no tick yet; a message of it elsewhere is nobody's.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use pipeline::ownership::Generation;
use schemas::config::{KafkaKey, KafkaTopic, KafkaUrl};

use super::partition::partition_of;
use crate::feed::decode::{DecodeError, Decoder, shown};
use crate::feed::intake::Route;
use crate::ownership::Hold;

/// Longest payload that is looked at at all, bytes.
const PAYLOAD_LEN_MAX: usize = 1_000_000;

/// How many partitions each topic has; topics that do not exist are left out.
pub(super) type Counts = BTreeMap<String, i32>;

/// The partitions of a session's topics, and what is at home in each.
#[derive(Debug)]
pub(super) struct Homes {
    topics: HashMap<String, Topic>,
    places: Vec<Place>,
    keys: HashMap<String, Target>,
    follow_keys: Vec<String>,
}

#[derive(Debug)]
struct Topic {
    first: usize,
    count: i32,
    /// The only route of a topic that has one symbol.
    route: Option<Target>,
}

/// One partition. Its number among them is its slot.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) topic: String,
    pub(super) partition: i32,
    /// Which assignment runs; zero while it is not ours.
    generation: AtomicU64,
    /// The newest high watermark that is known, -1 = none.
    high: AtomicI64,
    pub(super) holds: Vec<Arc<Hold>>,
    routes: usize,
}

#[derive(Clone, Copy, Debug)]
enum Target {
    Route {
        route: usize,
        /// Its partition.
        home: usize,
    },
    /// Several follow keys have that symbol: the intake says so.
    Several,
    /// Another shard follows it.
    Elsewhere,
}

/// What is to become of a message.
#[derive(Debug)]
pub(super) enum Sorted<'a> {
    /// A tick of that route, under that assignment.
    Route(usize, Generation),
    /// A symbol that the intake has to refuse by name.
    Symbol(&'a str),
    /// Not to be used; whose it was, if that is known.
    Refused(Option<usize>, DecodeError),
    /// Of a partition that is not ours any more, or of a symbol that another shard follows.
    NotOurs,
}

/// A message as it came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Came<'a> {
    pub(super) topic: &'a str,
    pub(super) partition: i32,
    pub(super) key: Option<&'a [u8]>,
    pub(super) payload: Option<&'a [u8]>,
}

impl Homes {
    /// Finds each route's home. Routes whose topic does not exist have none. `others` are the keys and symbols that
    /// other shards follow.
    pub(super) fn new<'a>(
        url: &KafkaUrl,
        routes: impl Iterator<Item = &'a Route>,
        others: &[String],
        counts: &Counts,
    ) -> Self {
        let mut homes = Self {
            topics: HashMap::with_capacity(counts.len()),
            places: Vec::new(),
            keys: HashMap::new(),
            follow_keys: Vec::new(),
        };
        for (name, count) in counts {
            homes.add_topic(name, *count);
        }
        for (index, route) in routes.enumerate() {
            homes.add_route(url, index, route);
        }
        for other in others {
            homes.keys.entry(other.clone()).or_insert(Target::Elsewhere);
        }
        homes
    }

    fn add_topic(&mut self, name: &str, count: i32) {
        let first = self.places.len();
        self.places.extend((0..count).map(|partition| Place {
            topic: name.to_owned(),
            partition,
            generation: AtomicU64::new(0),
            high: AtomicI64::new(-1),
            holds: Vec::new(),
            routes: 0,
        }));
        self.topics.insert(name.to_owned(), Topic { first, count, route: None });
    }

    fn add_route(&mut self, url: &KafkaUrl, index: usize, route: &Route) {
        self.follow_keys.push(route.follow_key.clone());
        let name = url.topic.of(&route.follow_symbol);
        let Some(topic) = self.topics.get_mut(&name) else { return };
        let key = match url.key {
            KafkaKey::Symbol => &route.follow_symbol,
            KafkaKey::FollowKey => &route.follow_key,
        };
        let partition = partition_of(key.as_bytes(), topic.count, url.partitioner);
        let home = topic.first + usize::try_from(partition).unwrap_or(0);
        let target = Target::Route { route: index, home };
        if matches!(url.topic, KafkaTopic::PerSymbol(_)) {
            topic.route = Some(if topic.route.is_none() { target } else { Target::Several });
        }
        self.places[home].holds.extend(route.holds.iter().cloned());
        self.places[home].routes += 1;
        self.keys.insert(route.follow_key.clone(), target);
        if route.follow_key == route.follow_symbol {
            return;
        }
        self.keys
            .entry(route.follow_symbol.clone())
            .and_modify(|known| *known = Target::Several)
            .or_insert(target);
    }

    /// Sorts a message: whose it is, and whether it came where it belongs.
    ///
    /// A key that is a follow key or a symbol says whose; without a key the topic of one symbol does, or else
    /// the body.
    pub(super) fn sort<'a>(&self, came: Came<'a>, decoder: &mut Decoder) -> Sorted<'a> {
        let Some(slot) = self.slot(came.topic, came.partition) else { return Sorted::NotOurs };
        let generation = self.generation(slot);
        if generation == Generation::default() {
            return Sorted::NotOurs;
        }
        let target = match self.target(came, decoder) {
            Ok(target) => target,
            Err(sorted) => return sorted,
        };
        let (route, home) = match target {
            Target::Route { route, home } => (route, home),
            Target::Several => return came.key.and_then(text).map_or(Sorted::NotOurs, Sorted::Symbol),
            Target::Elsewhere => return Sorted::NotOurs,
        };
        if home != slot {
            return Sorted::Refused(Some(route), self.conflict(route, came.partition, home));
        }
        match came.payload {
            None => Sorted::Refused(Some(route), DecodeError::Empty { len: 0 }),
            Some(payload) if payload.len() > PAYLOAD_LEN_MAX => {
                Sorted::Refused(Some(route), DecodeError::TooLarge { len: payload.len() })
            }
            Some(_) => Sorted::Route(route, generation),
        }
    }

    fn target<'a>(&self, came: Came<'a>, decoder: &mut Decoder) -> Result<Target, Sorted<'a>> {
        let by_topic = || self.topics.get(came.topic).and_then(|topic| topic.route);
        match came.key {
            Some(key) => {
                let known = text(key).and_then(|key| self.keys.get(key).copied()).or_else(by_topic);
                known.ok_or_else(|| {
                    text(key).map_or_else(
                        || {
                            let got = shown(key);
                            Sorted::Refused(None, DecodeError::UnknownSymbol { got })
                        },
                        Sorted::Symbol,
                    )
                })
            }
            None => by_topic().map_or_else(|| self.by_body(came.payload.unwrap_or_default(), decoder), Ok),
        }
    }

    fn by_body<'a>(&self, payload: &[u8], decoder: &mut Decoder) -> Result<Target, Sorted<'a>> {
        let refused = |error| Sorted::Refused(None, error);
        let ticker = decoder.ticker(payload).map_err(refused)?;
        let symbol = ticker.symbol.ok_or_else(|| refused(DecodeError::NoKey))?;
        match self.keys.get(symbol.as_ref()).copied() {
            Some(target @ (Target::Route { .. } | Target::Elsewhere)) => Ok(target),
            Some(Target::Several) => {
                Err(refused(DecodeError::AmbiguousSymbol { got: shown(symbol.as_bytes()), count: 2 }))
            }
            None => Err(refused(DecodeError::UnknownSymbol { got: shown(symbol.as_bytes()) })),
        }
    }

    fn conflict(&self, route: usize, got: i32, home: usize) -> DecodeError {
        let key = shown(self.follow_key(route).as_bytes());
        DecodeError::PartitionConflict { key, got, want: self.places[home].partition }
    }

    /// The follow key of a route.
    pub(super) fn follow_key(&self, route: usize) -> &str {
        &self.follow_keys[route]
    }

    /// The slot of a partition, if it was known when the session began.
    pub(super) fn slot(&self, topic: &str, partition: i32) -> Option<usize> {
        let topic = self.topics.get(topic)?;
        let within = (0..topic.count).contains(&partition);
        within.then(|| topic.first + usize::try_from(partition).unwrap_or(0))
    }

    /// Every partition, by slot.
    pub(super) fn places(&self) -> &[Place] {
        &self.places
    }

    /// How many partitions the topic of a slot has.
    pub(super) fn count(&self, slot: usize) -> i32 {
        self.topics[&self.places[slot].topic].count
    }

    /// How many partitions each topic has.
    pub(super) fn counts(&self) -> Counts {
        self.topics.iter().map(|(name, topic)| (name.clone(), topic.count)).collect()
    }

    /// The slots in which anything is at home.
    pub(super) fn inhabited(&self) -> Vec<usize> {
        (0..self.places.len()).filter(|slot| self.places[*slot].routes > 0).collect()
    }

    /// The topics.
    pub(super) fn topics(&self) -> Vec<&str> {
        self.topics.keys().map(String::as_str).collect()
    }

    /// Which assignment of a slot runs; the default while it is not ours.
    pub(super) fn generation(&self, slot: usize) -> Generation {
        Generation(self.places[slot].generation.load(Ordering::Acquire))
    }

    /// From now on messages of the slot belong to that assignment; the default for none.
    pub(super) fn set_generation(&self, slot: usize, generation: Generation) {
        self.places[slot].generation.store(generation.0, Ordering::Release);
    }
}

impl Place {
    /// The newest high watermark that is known.
    pub(super) fn high(&self) -> Option<i64> {
        Some(self.high.load(Ordering::Relaxed)).filter(|high| *high >= 0)
    }

    /// Keeps a high watermark.
    pub(super) fn set_high(&self, high: i64) {
        self.high.store(high, Ordering::Relaxed);
    }
}

fn text(key: &[u8]) -> Option<&str> {
    std::str::from_utf8(key).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn route(symbol: &str) -> Route {
        Route {
            follow_key: format!("binance_ticker_{symbol}"),
            follow_symbol: symbol.to_owned(),
            poll: Duration::from_secs(1),
            lanes: Vec::new(),
            holds: vec![Hold::new()],
        }
    }

    fn homes(topic: &str, symbols: &[&str], counts: &[(&str, i32)]) -> Homes {
        let routes: Vec<Route> = symbols.iter().map(|symbol| route(symbol)).collect();
        let counts = counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        let homes = Homes::new(&KafkaUrl::new("h:1", topic), routes.iter(), &["SOLUSDT".to_owned()], &counts);
        for slot in 0..homes.places.len() {
            homes.set_generation(slot, Generation(7));
        }
        homes
    }

    fn sort<'a>(
        homes: &Homes,
        topic: &'a str,
        partition: i32,
        key: Option<&'a str>,
        body: Option<&'a str>,
    ) -> Sorted<'a> {
        let (key, payload) = (key.map(str::as_bytes), body.map(str::as_bytes));
        homes.sort(Came { topic, partition, key, payload }, &mut Decoder::default())
    }

    const BODY: &str = r#"{"price":"1","qty":"1"}"#;

    #[test]
    fn every_symbol_is_at_home_in_one_partition_and_nowhere_else() {
        let symbols: Vec<String> = (0..200).map(|n| format!("S{n}USDT")).collect();
        let names: Vec<&str> = symbols.iter().map(String::as_str).collect();
        let homes = homes("t", &names, &[("t", 6)]);
        assert_eq!(homes.places.iter().map(|place| place.holds.len()).sum::<usize>(), 200);
        for (index, symbol) in names.iter().enumerate() {
            let fed =
                (0..6).filter(|partition| match sort(&homes, "t", *partition, Some(symbol), Some(BODY)) {
                    Sorted::Route(route, generation) => {
                        assert_eq!((route, generation), (index, Generation(7)));
                        true
                    }
                    Sorted::Refused(Some(route), DecodeError::PartitionConflict { got, want, .. }) => {
                        assert!(route == index && got == *partition && want != *partition);
                        false
                    }
                    other @ (Sorted::Symbol(_) | Sorted::Refused(..) | Sorted::NotOurs) => {
                        panic!("{symbol} on {partition}: {other:?}")
                    }
                });
            assert_eq!(fed.count(), 1, "{symbol}");
        }
    }

    #[test]
    fn a_message_is_known_by_key_topic_or_body() {
        let one = homes("t", &["BTCUSDT"], &[("t", 1)]);
        let named = r#"{"price":"1","qty":"1","symbol":"BTCUSDT"}"#;
        for (key, body) in [(Some("BTCUSDT"), BODY), (Some("binance_ticker_BTCUSDT"), BODY), (None, named)] {
            assert!(matches!(sort(&one, "t", 0, key, Some(body)), Sorted::Route(0, _)), "{key:?}");
        }
        assert!(matches!(sort(&one, "t", 0, None, Some(BODY)), Sorted::Refused(None, DecodeError::NoKey)));
        assert!(matches!(sort(&one, "t", 0, Some("ETHUSDT"), Some(BODY)), Sorted::Symbol("ETHUSDT")));
        assert!(matches!(
            sort(&one, "t", 0, Some("BTCUSDT"), None),
            Sorted::Refused(Some(0), DecodeError::Empty { len: 0 })
        ));
        let per = homes("t-{symbol}", &["BTCUSDT", "ETHUSDT"], &[("t-ETHUSDT", 1)]);
        assert!(matches!(sort(&per, "t-ETHUSDT", 0, None, Some(BODY)), Sorted::Route(1, _)));
        assert!(matches!(sort(&per, "t-BTCUSDT", 0, None, Some(BODY)), Sorted::NotOurs));
    }

    #[test]
    fn what_another_shard_follows_is_passed_over() {
        let homes = homes("t", &["BTCUSDT"], &[("t", 1)]);
        let named = r#"{"price":"1","qty":"1","symbol":"SOLUSDT"}"#;
        for (key, body) in [(Some("SOLUSDT"), BODY), (None, named)] {
            assert!(matches!(sort(&homes, "t", 0, key, Some(body)), Sorted::NotOurs), "{key:?}");
        }
    }

    #[test]
    fn what_is_not_assigned_feeds_nothing() {
        let homes = homes("t", &["BTCUSDT"], &[("t", 1)]);
        homes.set_generation(0, Generation::default());
        assert!(matches!(sort(&homes, "t", 0, Some("BTCUSDT"), Some(BODY)), Sorted::NotOurs));
        assert!(matches!(sort(&homes, "t", 1, Some("BTCUSDT"), Some(BODY)), Sorted::NotOurs));
    }

    #[test]
    fn large_messages_are_refused_unread() {
        let homes = homes("t", &["BTCUSDT"], &[("t", 1)]);
        let large = "x".repeat(2_000_000);
        let sorted = sort(&homes, "t", 0, Some("BTCUSDT"), Some(&large));
        assert!(matches!(sorted, Sorted::Refused(Some(0), DecodeError::TooLarge { len: 2_000_000 })));
    }
}
