//! Values under the follow keys: the last one before we came, and publishers that only SET.

use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fred::error::ErrorKind;
use fred::interfaces::KeysInterface;
use fred::types::{KeyspaceEvent, Value};
use futures_util::future::join_all;
use pipeline::time::{Nanos, Now};
use schemas::tick::Tick;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{broadcast, watch};

use super::Source;
use super::connection::{Connection, Lost, silence};
use crate::clock::Clock;
use crate::feed::FeedState;
use crate::feed::decode::{DecodeError, shown};
use crate::feed::intake::{Intake, Key};
use crate::feed::metrics::{FeedCounters, LastSeen};

/// Shortest time between two polls of one key, whatever its Interval.
const POLL_MIN: Duration = Duration::from_millis(50);
/// Poll of a key whose changes the server announces: announcements may be lost.
const POLL_ANNOUNCED: Duration = Duration::from_secs(5);
/// How far ahead of our clock a value's time may lie and count as young.
const AHEAD_MAX_MS: i64 = 2_000;

/// Since when a value was there that was there before us.
const EVER: Nanos = Nanos(0);

/// What outlives a connection.
#[derive(Default)]
pub(super) struct Memory {
    connections: u64,
    answers: HashMap<String, Answer>,
    /// When each key was last asked for.
    asked: HashMap<String, Nanos>,
    /// The server refused the subscription to its announcements: polling alone.
    unannounced: bool,
}

/// What a key's value was when it was last read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Value(Vec<u8>),
    Wrong(String),
}

impl Memory {
    /// Counts a connection.
    pub(super) fn connected(&mut self, counters: &FeedCounters) {
        counters.reconnects.add(u64::from(self.connections > 0));
        self.connections += 1;
    }

    /// Keeps an answer; false if it is the one that is kept already.
    fn is_new(&mut self, key: &str, answer: &Answer) -> bool {
        self.answers.get(key) != Some(answer)
    }

    /// The keys were asked for at that moment: what they hold later came later.
    fn asked(&mut self, keys: Vec<String>, at: Nanos) {
        self.asked.extend(keys.into_iter().map(|key| (key, at)));
    }

    /// Since when a new value of that key may have been there.
    fn since(&self, key: &str) -> Nanos {
        self.asked.get(key).copied().unwrap_or(EVER)
    }
}

/// Uses the values that were there before us: a young one whose time is newer than all that came is a tick, in a
/// shared term a predecessor's; the rest is only shown. Keys that were heard from since are left out.
pub(super) fn prime_all(
    values: Vec<(String, Answer)>,
    heard: &BTreeSet<String>,
    intake: &mut Intake,
    clock: Clock,
    age_max: Duration,
    memory: &mut Memory,
) {
    for (key, answer) in values {
        if !heard.contains(&key) && memory.is_new(&key, &answer) {
            prime(intake, &key, &answer, clock.now(), age_max);
            memory.answers.insert(key, answer);
        }
    }
}

/// One connection's life where publishers only SET.
pub(super) async fn session(
    source: &Source,
    intake: &mut Intake,
    clock: Clock,
    state: &watch::Sender<FeedState>,
    memory: &mut Memory,
) -> Result<Infallible, Lost> {
    let (mut connection, mut streams) = Connection::open(source).await?;
    memory.connected(intake.counters());
    state.send_replace(FeedState::Verifying);
    let keys: Vec<String> = intake.routes().map(|route| route.follow_key.clone()).collect();
    if !memory.unannounced {
        let database = source.database();
        let channels: Vec<String> = keys.iter().map(|key| format!("__keyspace@{database}__:{key}")).collect();
        if let Err(lost) = connection.subscribe(&channels).await {
            // The refusal may have shifted the answers of this connection: the next one does not ask.
            memory.unannounced = true;
            return Err(lost);
        }
    }
    let asked = clock.now().mono;
    let values = fetch(&connection, &keys).await?;
    memory.asked(keys, asked);
    prime_all(values, &BTreeSet::new(), intake, clock, source.settings.prime_age, memory);
    state.send_replace(FeedState::Live);
    tracing::info!(target: "feed", announced = !memory.unannounced, "feed {} live", source.shown);
    let lost = follow(&mut connection, &mut streams.events, intake, clock, memory).await;
    Err(lost.after_live())
}

/// Reads keys when the server announces a change and when their poll is due, until the connection is lost.
async fn follow(
    connection: &mut Connection,
    events: &mut broadcast::Receiver<KeyspaceEvent>,
    intake: &mut Intake,
    clock: Clock,
    memory: &mut Memory,
) -> Lost {
    let progress = std::mem::take(&mut connection.progress);
    let mut watched = pin!(silence(connection.client.clone(), &progress, connection.ping_every()));
    let mut polls = Polls::new(intake, clock.now().mono);
    loop {
        let due = clock.instant(polls.next_due());
        let keys = tokio::select! {
            event = events.recv() => match changed(event, events, intake, &mut polls) {
                Some(keys) => keys,
                None => return Lost::new("connection closed"),
            },
            () = tokio::time::sleep_until(due) => polls.take_due(clock.now().mono),
            lost = connection.closed() => return lost,
            lost = &mut watched => return lost,
        };
        progress.fetch_add(1, Ordering::Relaxed);
        let asked = clock.now().mono;
        match fetch(connection, &keys).await {
            Ok(answers) => {
                answers
                    .into_iter()
                    .for_each(|(key, answer)| update(intake, memory, key, answer, clock.now()));
                memory.asked(keys, asked);
            }
            Err(lost) => return lost,
        }
    }
}

/// The keys that the server announced as changed, of this event and those that wait behind it; `None` at the end.
fn changed(
    first: Result<KeyspaceEvent, RecvError>,
    events: &mut broadcast::Receiver<KeyspaceEvent>,
    intake: &Intake,
    polls: &mut Polls,
) -> Option<Vec<String>> {
    let mut keys = BTreeSet::new();
    let mut note = |event: KeyspaceEvent, keys: &mut BTreeSet<String>| {
        if let Some(key) = event.key.as_str() {
            polls.announced(key);
            keys.insert(key.to_owned());
        }
    };
    let all = || intake.routes().map(|route| route.follow_key.clone());
    match first {
        Ok(event) => note(event, &mut keys),
        // Which ones were missed nobody can tell: read all.
        Err(RecvError::Lagged(missed)) => {
            intake.counters().lagged.add(missed);
            keys.extend(all());
        }
        Err(RecvError::Closed) => return None,
    }
    loop {
        match events.try_recv() {
            Ok(event) => note(event, &mut keys),
            Err(TryRecvError::Lagged(missed)) => {
                intake.counters().lagged.add(missed);
                keys.extend(all());
            }
            Err(TryRecvError::Empty | TryRecvError::Closed) => return Some(keys.into_iter().collect()),
        }
    }
}

/// A changed value is a message; the same value read again is none. Without a time it may be as old as the read
/// before: an owner before us may have seen and traded it.
fn update(intake: &mut Intake, memory: &mut Memory, key: String, answer: Answer, now: Now) {
    if !memory.is_new(&key, &answer) {
        return;
    }
    match &answer {
        Answer::Value(payload) => {
            let timed = intake.peek(payload).is_ok_and(|tick| tick.time_ms.is_some());
            let since = if timed { now.mono } else { memory.since(&key) };
            intake.handle_found(Key::Channel(&key), payload, now, since)
        }
        Answer::Wrong(got) => refuse(intake, &key, got),
    };
    memory.answers.insert(key, answer);
}

fn prime(intake: &mut Intake, key: &str, answer: &Answer, now: Now, age_max: Duration) {
    let payload = match answer {
        Answer::Value(payload) => payload,
        Answer::Wrong(got) => {
            refuse(intake, key, got);
            return;
        }
    };
    match intake.peek(payload) {
        Ok(tick) if !is_young(&tick, now, age_max) || tick.time_ms <= intake.newest_ms(Key::Channel(key)) => {
            intake.counters().show(key, LastSeen { tick, at_ms: now.wall_ms });
        }
        // Broken ones go the same way: the intake says so and counts them.
        Ok(_) | Err(_) => {
            intake.handle_found(Key::Channel(key), payload, now, EVER);
        }
    }
}

fn refuse(intake: &mut Intake, key: &str, got: &str) -> crate::feed::Outcome {
    intake.refuse(Key::Channel(key), &DecodeError::ReplyKind { got: got.to_owned(), want: "a text value" })
}

/// A value without a time may be of any age.
fn is_young(tick: &Tick, now: Now, age_max: Duration) -> bool {
    let age_max = i64::try_from(age_max.as_millis()).unwrap_or(i64::MAX);
    tick.time_ms.is_some_and(|time| (-AHEAD_MAX_MS..=age_max).contains(&now.wall_ms.saturating_sub(time)))
}

/// The values of the keys that have one, asked for all at once.
pub(super) async fn fetch(connection: &Connection, keys: &[String]) -> Result<Vec<(String, Answer)>, Lost> {
    let asked =
        keys.iter().map(|key| async move { (key, connection.client.get::<Value, _>(key.as_str()).await) });
    let mut answers = Vec::with_capacity(keys.len());
    for (key, answer) in join_all(asked).await {
        let answer = match answer {
            Ok(value) if value.is_null() => continue,
            Ok(value) => match value.as_bytes() {
                Some(bytes) => Answer::Value(bytes.to_vec()),
                None => Answer::Wrong(format!("{:?}", value.kind())),
            },
            Err(error)
                if matches!(error.kind(), ErrorKind::Timeout | ErrorKind::IO | ErrorKind::Canceled) =>
            {
                return Err(Lost::new(format!("no value in time ({})", shown(error.details().as_bytes()))));
            }
            Err(error) => Answer::Wrong(shown(error.details().as_bytes())),
        };
        answers.push((key.clone(), answer));
    }
    Ok(answers)
}

/// When each key is read next.
struct Polls(HashMap<String, Poll>);

struct Poll {
    every: Duration,
    due: Nanos,
}

impl Polls {
    fn new(intake: &Intake, now: Nanos) -> Self {
        let poll = |every: Duration| Poll { every, due: now + every };
        Self(
            intake.routes().map(|route| (route.follow_key.clone(), poll(route.poll.max(POLL_MIN)))).collect(),
        )
    }

    fn next_due(&self) -> Nanos {
        self.0.values().map(|poll| poll.due).min().unwrap_or(Nanos(u64::MAX / 4))
    }

    fn take_due(&mut self, now: Nanos) -> Vec<String> {
        let mut due = Vec::new();
        for (key, poll) in &mut self.0 {
            if poll.due <= now {
                poll.due = now + poll.every;
                due.push(key.clone());
            }
        }
        due
    }

    /// The server announces this key's changes: its poll is only a safety net.
    fn announced(&mut self, key: &str) {
        if let Some(poll) = self.0.get_mut(key) {
            poll.every = poll.every.max(POLL_ANNOUNCED);
        }
    }
}
