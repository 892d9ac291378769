//! One client's life: it looks for its topics, joins or assigns by hand, hands ticks out, and leaves in order.
//!
//! One loop on the lanes' thread polls the client, so that rebalances, ticks and holds are never two threads'
//! business. Nothing of a session survives it but the numbers of its generations.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use pipeline::ownership::Generation;
use pipeline::time::Nanos;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, timeout_at};

use super::client::{self, Consumer, Event, Leave};
use super::group::Group;
use super::homes::{Came, Counts, Homes, Sorted};
use super::metrics::{ERRORS_TOTAL, PARTITIONS_ASSIGNED, PROOF_AGE_SECONDS};
use super::proof::{Ask, Prover};
use super::says::Says;
use super::settings::{self, CLOSE_MAX, LEAVE_MAX, TURN};
use super::watcher::{Watched, Watcher};
use super::{Ownership, Plan, hand_over, wanted_topics, words};
use crate::clock::Clock;
use crate::feed::decode::{Decoder, shown};
use crate::feed::intake::{Intake, Key};
use crate::feed::{FeedError, FeedState, FeedStop};

/// Messages that are taken before anything else has its turn.
const TURN_MESSAGES: usize = 64;
/// Things that may wait to be told to the loop; each is told again or let go where there is no room.
const EVENTS_MAX: usize = 256;
/// Questions that may wait for the proof's thread.
const ASKS_MAX: usize = 64;

/// What outlives a session.
pub(super) struct Outer<'a> {
    pub(super) plan: &'a Plan,
    pub(super) intake: &'a mut Intake,
    pub(super) clock: Clock,
    pub(super) state: &'a watch::Sender<FeedState>,
    pub(super) says: &'a mut Says,
    pub(super) next_generation: &'a mut u64,
}

/// How a session ended.
pub(super) enum End {
    /// It was told to.
    Stopped,
    /// It has to begin anew.
    Lost(String),
    /// It cannot begin anew either.
    Failed(FeedError),
}

struct Session<'a> {
    outer: Outer<'a>,
    consumer: Arc<Consumer>,
    decoder: Decoder,
    events: mpsc::Sender<Event>,
    watched: SyncSender<Watched>,
    received: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
    counts: Option<Counts>,
    homes: Option<Arc<Homes>>,
    group: Option<(Arc<Group>, SyncSender<Ask>)>,
    /// Each ends with its number.
    hand_overs: JoinSet<u64>,
    /// What is not unassigned yet, by number: the client cannot close before it is.
    leaving: BTreeMap<u64, Leave>,
    next_leave: u64,
    joined: bool,
    quiet: bool,
}

/// Runs a session to its end, whatever that is, and closes its client.
pub(super) async fn run(outer: Outer<'_>, stop: &mut watch::Receiver<FeedStop>) -> End {
    let (events, mut told) = mpsc::channel(EVENTS_MAX);
    let mut session = match Session::open(outer, events) {
        Ok(session) => session,
        Err(error) => return End::Failed(error),
    };
    let end = session.follow(&mut told, stop).await;
    session.leave(matches!(end, End::Failed(_)), &mut told).await;
    end
}

impl<'a> Session<'a> {
    fn open(outer: Outer<'a>, events: mpsc::Sender<Event>) -> Result<Self, FeedError> {
        let refused = |why| FeedError::Kafka { url: outer.plan.url.to_string(), why };
        let (watched, watches) = sync_channel(8);
        let consumer = client::create(&settings::client(outer.plan), events.clone(), watched.clone());
        let consumer = Arc::new(consumer.map_err(|error| refused(words::refused(&error)))?);
        let received = Arc::new(AtomicU64::new(outer.clock.now().mono.0));
        let watcher = Watcher {
            consumer: Arc::clone(&consumer),
            topics: wanted_topics(&outer.plan.url, outer.intake),
            events: events.clone(),
            received: Arc::clone(&received),
            clock: outer.clock,
        };
        let threads = vec![watcher.start(watches).map_err(|error| refused(error.to_string()))?];
        let session = Self {
            consumer,
            decoder: Decoder::default(),
            events,
            watched,
            received,
            threads,
            counts: None,
            homes: None,
            group: None,
            hand_overs: JoinSet::new(),
            leaving: BTreeMap::new(),
            next_leave: 0,
            joined: false,
            quiet: false,
            outer,
        };
        Ok(session)
    }

    /// Polls the client until there is a reason to end.
    async fn follow(
        &mut self,
        told: &mut mpsc::Receiver<Event>,
        stop: &mut watch::Receiver<FeedStop>,
    ) -> End {
        let consumer = Arc::clone(&self.consumer);
        let mut messages = consumer.stream();
        let mut turn = tokio::time::interval(TURN);
        turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let end = tokio::select! {
                biased;
                stop = stop.changed() => self.told_to_stop(stop.is_err()),
                _ = turn.tick() => self.turn(),
                Some(event) = told.recv() => self.take(event),
                Some(done) = self.hand_overs.join_next() => {
                    self.handed_over(&done);
                    None
                }
                Some(message) = messages.next() => {
                    let mut next = Some(Some(message));
                    let mut end = None;
                    for _ in 0..TURN_MESSAGES {
                        let Some(Some(message)) = next else { break };
                        end = self.receive(message);
                        next = if end.is_none() { messages.next().now_or_never() } else { None };
                    }
                    end = end.or_else(|| next.flatten().and_then(|message| self.receive(message)));
                    // The lanes have their turn, however much there is to take.
                    tokio::task::yield_now().await;
                    end
                }
            };
            let asked = *stop.borrow_and_update();
            self.quiet |= asked == FeedStop::Quiet;
            if let Some((group, _)) = self.group.as_ref().filter(|_| self.quiet) {
                group.close();
            }
            // Only a membership outlives the ticks: by hand there is nothing to keep while the lanes close.
            let by_hand = self.outer.plan.ownership == Ownership::ByHand;
            if asked == FeedStop::End || (self.quiet && by_hand) {
                return End::Stopped;
            }
            if let Some(end) = end {
                return end;
            }
        }
    }

    /// Nobody is left to tell us: that is an end too.
    const fn told_to_stop(&self, alone: bool) -> Option<End> {
        if alone { Some(End::Stopped) } else { None }
    }

    fn turn(&self) -> Option<End> {
        // A flag and no event: this must be heard where the queue is full too.
        if self.consumer.context().has_failed() {
            return Some(End::Lost("the client did not take its assignment".to_owned()));
        }
        let Some((group, _)) = &self.group else { return None };
        group.turn();
        if group.heed_conflicts() {
            self.ask(Ask::Prove);
        }
        let assigned = group.slots().len();
        metrics::gauge!(PARTITIONS_ASSIGNED).set(assigned as f64);
        let age = if assigned == 0 { Duration::ZERO } else { group.proof_age() };
        metrics::gauge!(PROOF_AGE_SECONDS).set(age.as_secs_f64());
        None
    }

    fn take(&mut self, event: Event) -> Option<End> {
        match event {
            Event::Topics(Ok(counts), begun) => return self.take_topics(counts, begun),
            // Usually it follows from what was told.
            Event::Topics(Err(error), _) if self.outer.says.has_said() => self.down(&error),
            Event::Topics(Err(error), _) => {
                self.trouble("brokers", &format!("the brokers do not answer ({error})"));
            }
            Event::Joined => {
                self.join();
                self.ask(Ask::Prove);
            }
            Event::Steady => self.join(),
            Event::Leave(leave) => self.hand_over(leave),
            Event::Proved(tenures, begun) => {
                if let Some((group, _)) = &self.group {
                    group.begin(&tenures, begun);
                }
            }
            Event::Trouble(code, reason) => self.take_trouble(code, &reason),
            Event::Stuck(why) => return Some(End::Lost(why.to_owned())),
        }
        None
    }

    fn take_trouble(&mut self, code: RDKafkaErrorCode, reason: &str) {
        let why = words::reason(reason);
        if code == RDKafkaErrorCode::AllBrokersDown && self.outer.says.has_said() {
            // It follows from whatever else was told.
            self.down(&why);
        } else if matches!(code, RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::Resolve) {
            // One broker of several, maybe: if it was the last, that is told too.
            self.say("connection", &why);
        } else if code != RDKafkaErrorCode::UnknownTopicOrPartition {
            // We look for our topics ourselves.
            self.trouble(&format!("{code:?}"), &why);
        }
    }

    fn trouble(&mut self, kind: &str, why: &str) {
        self.say(kind, why);
        self.down(why);
    }

    /// Said once until all is well again.
    fn say(&mut self, kind: &str, why: &str) {
        if self.outer.says.is_news(kind) {
            tracing::warn!(target: "feed", "FEED-036 feed {}: {why}; trying again", self.outer.plan.url);
        }
    }

    /// Not live; the first reason stands.
    fn down(&self, why: &str) {
        self.outer.state.send_if_modified(|state| {
            let news = !matches!(state, FeedState::Reconnecting { .. });
            if news {
                *state = FeedState::Reconnecting { reason: why.to_owned() };
            }
            news
        });
    }

    fn well(&mut self) {
        if self.joined {
            self.outer.says.well();
            self.outer.state.send_if_modified(|state| {
                let news = *state != FeedState::Live;
                *state = FeedState::Live;
                news
            });
        }
    }

    /// The group has taken us in, with partitions or without.
    fn join(&mut self) {
        self.joined |= self.homes.is_some();
        self.well();
    }

    fn ask(&self, ask: Ask) {
        if let Some((_, asks)) = &self.group {
            // A thread that is that far behind proves anyway as soon as it can.
            let _ = asks.try_send(ask);
        }
    }

    fn take_topics(&mut self, counts: Counts, begun: Nanos) -> Option<End> {
        self.say_missing(&counts);
        if counts.is_empty() && self.counts.is_none() {
            return None;
        }
        match &self.counts {
            Some(known) if *known == counts => {
                self.well();
                None
            }
            Some(known) => Some(End::Lost(words::difference(known, &counts))),
            None => self.begin(counts, begun).err().map(End::Failed),
        }
    }

    fn say_missing(&mut self, counts: &Counts) {
        let wanted = wanted_topics(&self.outer.plan.url, self.outer.intake);
        for topic in wanted.iter().filter(|topic| !counts.contains_key(*topic)) {
            let why = format!("no topic {:?}", shown(topic.as_bytes()));
            if counts.is_empty() {
                self.trouble(&why, &why);
            } else if self.outer.says.is_news(&why) {
                tracing::warn!(target: "feed", "FEED-038 feed {}: {why}: its symbol waits", self.outer.plan.url);
            }
        }
    }

    /// The topics are known: now it is known which partition each symbol is at home in.
    fn begin(&mut self, counts: Counts, begun: Nanos) -> Result<(), FeedError> {
        let homes = Arc::new(Homes::new(
            &self.outer.plan.url,
            self.outer.intake.routes(),
            &self.outer.plan.others,
            &counts,
        ));
        self.counts = Some(counts);
        self.homes = Some(Arc::clone(&homes));
        if self.watched.try_send(Watched::Homes(Arc::clone(&homes))).is_err() {
            tracing::warn!(target: "feed", "kafka: statistics of this session tell of no partition");
        }
        self.outer.state.send_replace(FeedState::Verifying);
        let begun = match self.outer.plan.ownership {
            Ownership::Group { takeover_delay } => self.subscribe(&homes, takeover_delay, begun),
            Ownership::ByHand => self.assign(&homes),
        };
        begun.map_err(|error| FeedError::Kafka {
            url: self.outer.plan.url.to_string(),
            why: words::refused(&error),
        })
    }

    fn subscribe(&mut self, homes: &Arc<Homes>, takeover_delay: Duration, looked: Nanos) -> KafkaResult<()> {
        let clock = self.outer.clock;
        let group = Group::new(Arc::clone(homes), *self.outer.next_generation, takeover_delay, clock);
        group.looked(&homes.counts(), looked);
        let group = Arc::new(group);
        self.consumer.context().set_group(Arc::clone(&group));
        let (asks, asked) = sync_channel(ASKS_MAX);
        let prover = Prover {
            consumer: Arc::clone(&self.consumer),
            group: Arc::clone(&group),
            events: self.events.clone(),
            clock,
        };
        let thread = prover.start(asked).map_err(|error| KafkaError::Subscription(error.to_string()))?;
        self.threads.push(thread);
        self.group = Some((group, asks));
        self.consumer.subscribe(&homes.topics())
    }

    fn assign(&mut self, homes: &Homes) -> KafkaResult<()> {
        let mut list = TopicPartitionList::new();
        for slot in homes.inhabited() {
            let place = &homes.places()[slot];
            list.add_partition_offset(&place.topic, place.partition, Offset::End)?;
            homes.set_generation(slot, Generation(*self.outer.next_generation));
        }
        *self.outer.next_generation += 1;
        self.consumer.assign(&list)?;
        metrics::gauge!(PARTITIONS_ASSIGNED).set(list.count() as f64);
        self.join();
        Ok(())
    }

    fn receive(&mut self, message: KafkaResult<BorrowedMessage<'_>>) -> Option<End> {
        match message {
            Ok(message) => self.hand_out(&message),
            Err(error) => {
                metrics::counter!(ERRORS_TOTAL).increment(1);
                if let KafkaError::MessageConsumptionFatal(code) = error {
                    let url = self.outer.plan.url.to_string();
                    return Some(End::Failed(FeedError::KafkaFatal { url, why: code.to_string() }));
                }
            }
        }
        None
    }

    fn hand_out(&mut self, message: &BorrowedMessage<'_>) {
        let now = self.outer.clock.now();
        self.received.store(now.mono.0, Ordering::Release);
        let Some(homes) = &self.homes else { return };
        if self.quiet {
            return;
        }
        let came = Came {
            topic: message.topic(),
            partition: message.partition(),
            key: message.key(),
            payload: message.payload(),
        };
        match homes.sort(came, &mut self.decoder) {
            Sorted::Route(route, generation) => {
                // By hand the holds are driven by others, who know no generations.
                let generation = if self.group.is_some() { generation } else { Generation::default() };
                let key = Key::Channel(homes.follow_key(route));
                let payload = came.payload.unwrap_or_default();
                self.outer.intake.handle_under(generation, key, payload, now);
            }
            Sorted::Symbol(symbol) => {
                self.outer.intake.handle(Key::Symbol(symbol), came.payload.unwrap_or_default(), now);
            }
            Sorted::Refused(route, error) => {
                let key = route.map_or("", |route| homes.follow_key(route));
                self.outer.intake.refuse(Key::Channel(key), &error);
            }
            Sorted::NotOurs => {}
        }
    }

    fn hand_over(&mut self, leave: Leave) {
        let Some((group, asks)) = self.group.clone() else { return };
        let consumer = Arc::clone(&self.consumer);
        let number = self.next_leave;
        self.next_leave += 1;
        self.leaving.insert(number, leave.clone());
        self.hand_overs.spawn(async move {
            hand_over::hand_over(&group, &asks, leave, &consumer).await;
            number
        });
    }

    fn handed_over(&mut self, done: &Result<u64, JoinError>) {
        // One that has failed stays, and is unassigned at the end.
        if let Ok(number) = done {
            self.leaving.remove(number);
        }
    }

    /// Leaves in order: what is under way is brought to its end, what is ours is said to be free, and the client
    /// closes on a thread of its own. After [`LEAVE_MAX`] that thread is left to itself.
    async fn leave(mut self, failed: bool, told: &mut mpsc::Receiver<Event>) {
        let deadline = Instant::now() + LEAVE_MAX;
        if let Some((group, _)) = &self.group {
            group.close();
        }
        self.end_hand_overs(told, deadline - CLOSE_MAX).await;
        if let Some((group, asks)) = &self.group {
            let slots = group.slots();
            if failed {
                group.lose(&slots);
            } else {
                let left = deadline - CLOSE_MAX;
                hand_over::farewell(group, asks, &slots, left).await;
            }
            *self.outer.next_generation = group.next_generation();
            metrics::gauge!(PARTITIONS_ASSIGNED).set(0.0);
        }
        self.consumer.context().close();
        let closed = self.close();
        if timeout_at(deadline, closed).await.is_err() {
            tracing::debug!(target: "feed", "kafka: the client is still closing");
        }
    }

    /// Brings hand-overs to their end, also those that nobody has begun. What is not done in time is let go: a
    /// revocation that is never answered would hold up the client's close for ever.
    async fn end_hand_overs(&mut self, told: &mut mpsc::Receiver<Event>, deadline: Instant) {
        while let Ok(event) = told.try_recv() {
            if let Event::Leave(leave) = event {
                self.hand_over(leave);
            }
        }
        while let Ok(Some(done)) = timeout_at(deadline, self.hand_overs.join_next()).await {
            self.handed_over(&done);
        }
        // What has ended by now has unassigned; no other goes on beside us.
        while let Some(done) = self.hand_overs.try_join_next() {
            self.handed_over(&done);
        }
        self.hand_overs.abort_all();
        if !self.leaving.is_empty() {
            tracing::warn!(target: "feed", "kafka: leaving before every partition was handed over");
        }
        let Some((group, _)) = &self.group else { return };
        for leave in std::mem::take(&mut self.leaving).into_values() {
            group.count_let_go(leave.tenures.len());
            group.lose(&leave.tenures.iter().map(|tenure| tenure.slot).collect::<Vec<_>>());
            client::unassign(&*self.consumer, &leave.partitions);
        }
    }

    /// Ends the threads, then the client, away from the runtime: closing it polls, and may wait for brokers.
    fn close(self) -> oneshot::Receiver<()> {
        let (done, closed) = oneshot::channel();
        let Self { consumer, threads, group, watched, .. } = self;
        let close = move || {
            // Threads whose queue is full are awake, and find the client closing.
            let _ = watched.try_send(Watched::End);
            if let Some((_, asks)) = group {
                let _ = asks.try_send(Ask::End);
            }
            for thread in threads {
                if thread.join().is_err() {
                    tracing::error!(target: "feed", "a thread of the Kafka feed has failed");
                }
            }
            consumer.unsubscribe();
            drop(consumer);
            let _ = done.send(());
        };
        if let Err(error) = std::thread::Builder::new().name("kafka-close".to_owned()).spawn(close) {
            tracing::error!(target: "feed", "kafka: cannot close the client ({error})");
        }
        closed
    }
}
