//! What only the process-wide keys together can get wrong: who shares the instruments, and what that needs.

use super::entry::Instrument;
use super::fault::{Code, Faults, cut, member};
use super::feed::FeedUrl;
use super::kafka::{KafkaTopic, KafkaUrl, is_topic};
use super::process::{Process, Sharding};
use super::venue::Venue;

/// Notes every fault. `instruments` come with their pointers.
pub(super) fn check<'a>(
    process: &Process,
    instruments: impl Iterator<Item = (&'a str, &'a Instrument)> + Clone,
    faults: &mut Faults,
) {
    match process.sharding {
        Sharding::Alone => alone(process, faults),
        Sharding::Static => by_hash(process, faults),
        Sharding::Group => group(process, faults),
    }
    embedded(process, instruments.clone(), faults);
    if let Some(FeedUrl::Kafka(KafkaUrl { topic: topic @ KafkaTopic::PerSymbol(_), .. })) = &process.feed {
        topics(topic, instruments, faults);
    }
}

fn alone(process: &Process, faults: &mut Faults) {
    if process.shards > 1 {
        let message = || {
            let shards = process.shards;
            format!(
                "Sharding \"alone\" is one process (got {shards}, want Sharding \"static\" or \"group\", or 1)"
            )
        };
        faults.add(Code::Together, "/Shards", message);
    }
    no_group(process, "alone", faults);
}

fn by_hash(process: &Process, faults: &mut Faults) {
    no_group(process, "static", faults);
    let without = |feed: &FeedUrl| match feed {
        FeedUrl::Redis { .. } => false,
        FeedUrl::Kafka(_) | FeedUrl::Tape { .. } | FeedUrl::Synthetic { .. } => true,
    };
    let nowhere = process.lease_store.is_none() && process.feed.as_ref().is_some_and(without);
    if process.shards > 1 && nowhere {
        let message = || {
            let shards = process.shards;
            format!(
                "missing: Sharding \"static\" keeps leases (got Shards {shards} and no Redis feed, want redis://host:port)"
            )
        };
        faults.add(Code::Together, "/Lease Store", message);
    }
}

fn group(process: &Process, faults: &mut Faults) {
    let got = match &process.feed {
        None | Some(FeedUrl::Kafka(KafkaUrl { group: Some(_), .. })) => return,
        Some(FeedUrl::Kafka(KafkaUrl { group: None, .. })) => "a kafka:// feed without one",
        Some(FeedUrl::Redis { .. }) => "a Redis feed",
        Some(FeedUrl::Tape { .. }) => "a tape",
        Some(FeedUrl::Synthetic { .. }) => "a synthetic feed",
    };
    let message =
        || format!("\"group\" needs a Kafka group (got {got}, want Feed kafka://host:port/TOPIC?group=NAME)");
    faults.add(Code::Together, "/Sharding", message);
}

/// A group gives partitions to whom it likes: beside another kind of sharding there would be two opinions.
fn no_group(process: &Process, sharding: &str, faults: &mut Faults) {
    if let Some(FeedUrl::Kafka(KafkaUrl { group: Some(group), .. })) = &process.feed {
        let message = || {
            let group = cut(group);
            format!("a group wants Sharding \"group\" (got group={group} with Sharding \"{sharding}\")")
        };
        faults.add(Code::Together, "/Feed", message);
    }
}

/// Each process would have a market of its own.
fn embedded<'a>(
    process: &Process,
    instruments: impl Iterator<Item = (&'a str, &'a Instrument)>,
    faults: &mut Faults,
) {
    let fleet = match process.sharding {
        Sharding::Group => "Sharding \"group\"".to_owned(),
        Sharding::Alone | Sharding::Static if process.shards > 1 => format!("Shards {}", process.shards),
        Sharding::Alone | Sharding::Static => return,
    };
    let mut embedded = instruments.filter(|(_, instrument)| instrument.venue == Venue::Simulated);
    let Some((pointer, _)) = embedded.next() else { return };
    let others = match embedded.count() {
        0 => String::new(),
        others => format!("; {others} more such instruments"),
    };
    let message = || {
        format!(
            "the embedded venue belongs to one process (got {fleet}, want \"staging\" with the venue's Address){others}"
        )
    };
    faults.add(Code::Together, &member(pointer, "Maker Exchange"), message);
}

fn topics<'a>(
    pattern: &KafkaTopic,
    instruments: impl Iterator<Item = (&'a str, &'a Instrument)>,
    faults: &mut Faults,
) {
    for (pointer, instrument) in instruments {
        let topic = pattern.of(&instrument.follow_symbol);
        if !is_topic(&topic) {
            let message = || {
                let topic = cut(&topic);
                format!("makes no topic (got \"{topic}\", want at most 249 of a-z A-Z 0-9 . _ -)")
            };
            faults.add(Code::Together, &member(pointer, "Follow Symbol"), message);
        }
    }
}
