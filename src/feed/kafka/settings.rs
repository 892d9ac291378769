//! What the client is told: low latency, no offset that positions anything, no partition assigned behind our back.

use std::time::Duration;

use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use schemas::config::GroupProtocol;

use super::{Ownership, Plan};

/// How long a commit proves the membership, from the moment before it was sent.
pub(super) const PROOF: Duration = Duration::from_secs(3);
/// How often a commit is tried.
pub(super) const PROOF_EVERY: Duration = Duration::from_secs(1);
/// How soon after one that failed.
pub(super) const PROOF_RETRY: Duration = Duration::from_millis(250);
/// A session loop that has not turned for so long proves nothing.
pub(super) const STALL: Duration = Duration::from_secs(2);
/// How long the note of a predecessor may take to read.
pub(super) const READ_MAX: Duration = Duration::from_secs(1);
/// How long lanes may take to close what is to be handed over.
pub(super) const QUIET_MAX: Duration = Duration::from_millis(1_200);
/// How long a hand-over may take as a whole: every symbol of the process stands still meanwhile.
pub(super) const HAND_OVER_MAX: Duration = Duration::from_millis(1_500);
/// How long leaving may take: hand-overs, notes, and the client's own end.
pub(super) const LEAVE_MAX: Duration = Duration::from_millis(1_400);
/// How long the client may take to close, of that.
pub(super) const CLOSE_MAX: Duration = Duration::from_millis(600);
/// How often topics are looked at.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How soon again where a topic is missing, or its partitions seem to have changed.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How long a look may take.
pub(super) const LOOK_MAX: Duration = Duration::from_secs(2);
/// A session that has not found its topics as it knows them for so long proves nothing: one look may fail.
pub(super) const LOOK_HOLDS: Duration =
    LOOK_EVERY.saturating_add(LOOK_AGAIN).saturating_add(LOOK_MAX).saturating_add(LOOK_MAX);
/// How long beyond Takeover Delay somebody may trade who counts other partitions: until its look is too old, a
/// broker's that lags behind by what confirming a look takes, and its last proof has run out.
pub(super) const RECOUNT_MAX: Duration =
    LOOK_HOLDS.saturating_add(LOOK_AGAIN).saturating_add(LOOK_MAX).saturating_add(PROOF);
/// Messages that came to the client and not to us for so long: the client is stuck.
pub(super) const STUCK: Duration = Duration::from_secs(10);
/// A client without brokers in so many statistics in a row will find none by itself.
pub(super) const FORSAKEN: u32 = 2;
/// How often the session loop turns at least.
pub(super) const TURN: Duration = Duration::from_millis(250);
/// The pause before a lost session begins anew.
pub(super) const AGAIN: Duration = Duration::from_secs(1);

/// The client's configuration.
pub(super) fn client(plan: &Plan) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set_log_level(RDKafkaLogLevel::Warning);
    for (name, value) in FIXED.iter().chain(membership(plan)) {
        config.set(*name, *value);
    }
    config.set("bootstrap.servers", &plan.url.brokers).set("client.id", &plan.client_id);
    match (&plan.ownership, &plan.url.group) {
        (Ownership::Group { .. }, Some(group)) => config.set("group.id", group),
        // The client assigns nothing without a name of a group, even by hand; the brokers never hear of it.
        (Ownership::Group { .. } | Ownership::ByHand, _) => {
            config.set("group.id", format!("by-hand-{}", plan.client_id))
        }
    };
    let classic = plan.url.protocol == GroupProtocol::Classic;
    if matches!(plan.ownership, Ownership::Group { .. }) && classic && plan.url.static_member {
        config.set("group.instance.id", &plan.client_id);
    }
    for (name, value) in &plan.options {
        config.set(name, value);
    }
    config
}

fn membership(plan: &Plan) -> &'static [(&'static str, &'static str)] {
    match (&plan.ownership, plan.url.protocol) {
        (Ownership::Group { .. }, GroupProtocol::Consumer) => &[("group.protocol", "consumer")],
        (Ownership::Group { .. } | Ownership::ByHand, _) => CLASSIC,
    }
}

const CLASSIC: &[(&str, &str)] = &[
    ("group.protocol", "classic"),
    ("partition.assignment.strategy", "cooperative-sticky"),
    ("session.timeout.ms", "6000"),
    ("heartbeat.interval.ms", "500"),
];

const FIXED: &[(&str, &str)] = &[
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("auto.offset.reset", "latest"),
    ("allow.auto.create.topics", "false"),
    ("fetch.wait.max.ms", "20"),
    ("fetch.min.bytes", "1"),
    ("fetch.queue.backoff.ms", "50"),
    ("fetch.error.backoff.ms", "100"),
    // A message of 2 MB is fetched, refused and left behind.
    ("fetch.message.max.bytes", "4194304"),
    ("queued.min.messages", "1000"),
    ("queued.max.messages.kbytes", "16384"),
    // Half of it is also how soon a lost wake-up of the client heals by itself.
    ("max.poll.interval.ms", "60000"),
    // A coordinator that has fallen silent holds up a commit for as long as this.
    ("socket.timeout.ms", "6000"),
    ("socket.keepalive.enable", "true"),
    ("socket.nagle.disable", "true"),
    ("reconnect.backoff.ms", "100"),
    ("reconnect.backoff.max.ms", "1000"),
    ("topic.metadata.refresh.interval.ms", "10000"),
    ("statistics.interval.ms", "2000"),
];
