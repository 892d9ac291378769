//! Kafka as a feed, and the membership of a consumer group as ownership of symbols.
//!
//! A session is one client: it looks for its topics itself, finds the partition that each symbol is at home in,
//! joins the group or assigns by hand, and polls. Every assignment begins at the end of its partitions; committed
//! offsets position nothing. They carry something else:
//!
//! **Why a symbol has one owner at a time.** A hold opens only after a commit of its owner that was sent after the
//! assignment, and stays open for 3 s from the moment before the newest successful one was sent. The coordinator
//! takes commits from members of the present generation alone. So when somebody is given the partition, the last
//! good commit of a predecessor lies before that; Takeover Delay (3 s and the venue's receive window) after the
//! assignment nothing of the predecessor can still arrive. The successor waits for that, with one exception.
//!
//! **Why a partition that reads `free` can be taken at once.** Each commit carries a note: `held EPOCH COUNT`, or `free
//! EPOCH COUNT` once the lanes have closed and confirmed. Nobody opens a hold before its own `held` was taken. Commits of
//! those who are no longer members are refused, those of one member are sent one at a time, and a member whose
//! partition is revoked is asked to let it go only after its `free` has been answered or given up, while the client
//! itself lets no revocation end with a commit under way. So what is read after an assignment was written last, and
//! if it is `free`, nobody has opened a hold since. A member writes `free` only over a term that had begun and had
//! outlived its own waiting: one that comes and goes within the delay leaves the note of its predecessor standing.
//!
//! **Why a partition more gives no symbol two owners.** It moves symbols to other partitions, and members hear of it
//! one by one. Who has not found the topic as it knows it for 10 s proves nothing any more, so nobody trades by an
//! old count for longer than that, 3 s for a broker that lags behind, the 3 s of a proof, and Takeover Delay after
//! the first who knows the new one. So long waits whoever reads a note with another COUNT than its own, or with none,
//! or no note at all, whatever it says. And it writes its own COUNT only when it has waited, so that a successor
//! waits too.
//!
//! Epochs grow over the same notes: each is at least one above the one that was read.

use std::fmt;
use std::time::Duration;

use schemas::config::KafkaUrl;
use tokio::sync::watch;

mod client;
mod group;
mod hand_over;
mod homes;
pub mod membership;
mod metrics;
pub mod note;
pub mod partition;
mod proof;
mod says;
mod session;
mod settings;
mod statistics;
mod watcher;
mod words;

use super::intake::Intake;
use super::state::stopped;
use super::{FeedEnd, FeedError, FeedState, FeedStop};
use crate::clock::Clock;
use says::Says;
use session::{End, Outer};

/// A Kafka feed before it runs.
#[derive(Clone)]
pub struct Plan {
    /// Brokers, topic, group.
    pub url: KafkaUrl,
    /// Options of the client by name, secrets resolved; over our own.
    pub options: Vec<(String, String)>,
    /// Whose symbols the partitions make ours.
    pub ownership: Ownership,
    /// The client's name at the brokers, and the static member's: the pod's or the host's.
    pub client_id: String,
    /// Keys and symbols that other shards follow: their messages are passed over, and are no fault.
    pub others: Vec<String>,
}

/// How a Kafka feed is read, wherever it lies.
#[derive(Clone, Default)]
pub struct Reading {
    /// Options of the client by name, secrets resolved; over our own.
    pub options: Vec<(String, String)>,
    /// Whose symbols the partitions make ours.
    pub ownership: Ownership,
    /// The client's name at the brokers, and the static member's: the pod's or the host's.
    pub client_id: String,
    /// Keys and symbols that other shards follow.
    pub others: Vec<String>,
}

impl Reading {
    /// The plan for that address.
    #[must_use]
    pub fn of(&self, url: KafkaUrl) -> Plan {
        let Self { options, ownership, client_id, others } = self.clone();
        Plan { url, options, ownership, client_id, others }
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, options, ownership, client_id, others: _ } = self;
        let mut shown = f.debug_struct("Plan");
        shown.field("url", url).field("options", &names(options));
        shown.field("ownership", ownership).field("client_id", client_id).finish()
    }
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { options, ownership, client_id, others: _ } = self;
        let mut shown = f.debug_struct("Reading");
        shown.field("options", &names(options));
        shown.field("ownership", ownership).field("client_id", client_id).finish()
    }
}

/// What may be shown of options.
fn names(options: &[(String, String)]) -> Vec<&str> {
    options.iter().map(|(name, _)| name.as_str()).collect()
}

/// How partitions are come by, and what they mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ownership {
    /// Assigned by hand, without a group: the partitions that the intake's symbols are at home in. Says nothing
    /// of ownership; ticks carry the default generation.
    #[default]
    ByHand,
    /// By the consumer group: the holds of a partition's symbols follow it.
    Group {
        /// How long after an assignment orders of a predecessor may still arrive.
        takeover_delay: Duration,
    },
}

/// Finds out, without asking any server, whether the client can be made.
///
/// # Errors
/// [`FeedError::Kafka`] for an option that the client refuses.
pub fn check(plan: &Plan) -> Result<(), FeedError> {
    let created = settings::client(plan).create_native_config();
    created
        .map(drop)
        .map_err(|error| FeedError::Kafka { url: plan.url.to_string(), why: words::refused(&error) })
}

/// What the client of this plan is told, without the plan's meaning: for a bench that puts another reader beside it.
#[must_use]
pub fn client_settings(plan: &Plan) -> rdkafka::ClientConfig {
    settings::client(plan)
}

/// Follows the topics until the stop signal: brokers and topics that are away are waited for.
///
/// On [`FeedStop::Quiet`] ticks are handed out no more, and the membership with its proof goes on; on
/// [`FeedStop::End`] it leaves, within 1.5 s. Not cancel safe: use the stop signal.
///
/// # Errors
/// [`FeedError`] where the client cannot be made, or the brokers have shut it out for good.
pub async fn run(
    plan: Plan,
    mut intake: Intake,
    clock: Clock,
    state: &watch::Sender<FeedState>,
    mut stop: watch::Receiver<FeedStop>,
) -> Result<FeedEnd, FeedError> {
    metrics::register();
    if intake.routes().len() == 0 {
        // Nothing to follow is nothing to assign: a process of a fleet may own no symbol for now.
        state.send_replace(FeedState::Live);
        stopped(&mut stop).await;
        return Ok(FeedEnd::Stopped);
    }
    let mut says = Says::default();
    let mut next_generation = 1;
    loop {
        let outer = Outer {
            plan: &plan,
            intake: &mut intake,
            clock,
            state,
            says: &mut says,
            next_generation: &mut next_generation,
        };
        match session::run(outer, &mut stop).await {
            End::Stopped => return Ok(FeedEnd::Stopped),
            End::Failed(error) => return Err(error),
            End::Lost(why) => {
                tracing::warn!(target: "feed", "FEED-039 feed {}: {why}; beginning anew", plan.url);
                state.send_replace(FeedState::Reconnecting { reason: why });
            }
        }
        tokio::select! {
            () = stopped(&mut stop) => return Ok(FeedEnd::Stopped),
            () = tokio::time::sleep(settings::AGAIN) => {}
        }
    }
}

/// The topics that the intake's symbols are read from.
fn wanted_topics(url: &KafkaUrl, intake: &Intake) -> Vec<String> {
    let mut topics: Vec<String> = intake.routes().map(|route| url.topic.of(&route.follow_symbol)).collect();
    topics.sort_unstable();
    topics.dedup();
    topics
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANARY: &str = "canary-41d7";

    fn reading(name: &str) -> Reading {
        Reading { options: vec![(name.to_owned(), CANARY.to_owned())], ..Reading::default() }
    }

    #[test]
    fn an_option_that_is_refused_is_told_by_its_name_alone() {
        // The first is not known; of the second the client itself repeats the value in its words.
        for name in ["sasl.pasword", "security.protocol", "session.timeout.ms"] {
            let plan = reading(name).of(KafkaUrl::new("h:1", "t"));
            let error = check(&plan).unwrap_err();
            for told in [error.to_string(), format!("{error:?}"), format!("{plan:?}")] {
                assert!(told.contains(name) && !told.contains(CANARY), "{told}");
            }
        }
        assert!(!format!("{:?}", reading("sasl.password")).contains(CANARY));
    }
}
