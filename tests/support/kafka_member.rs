//! A Kafka feed with lanes that only listen: what they are handed, what their holds say, how they close.

use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use pipeline::event::FeedTick;
use pipeline::ownership::{Claim, Term};
use schemas::config::{FeedUrl, KafkaUrl};
use self_trader::clock::Clock;
use self_trader::feed::kafka::{Ownership, Plan, run};
use self_trader::feed::{FeedCounters, FeedEnd, FeedError, FeedState, FeedStop, Intake, Route};
use self_trader::ownership::Hold;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, LocalSet};

/// How long anything in a test may take before it counts as never.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// One process of a fleet, as its feed sees it.
pub(crate) struct Member {
    pub(crate) counters: Arc<FeedCounters>,
    pub(crate) states: watch::Receiver<FeedState>,
    pub(crate) ticks: mpsc::Receiver<FeedTick>,
    pub(crate) holds: Vec<Arc<Hold>>,
    pub(crate) clock: Clock,
    closes: Rc<Cell<bool>>,
    stop: watch::Sender<FeedStop>,
    feed: JoinHandle<Result<FeedEnd, FeedError>>,
}

impl Member {
    /// By the group that the address names, else by hand.
    pub(crate) fn start(url: &str, symbols: &[&str], takeover_delay: Duration) -> Self {
        Self::start_with(url, symbols, takeover_delay, &[])
    }

    pub(crate) fn start_with(
        url: &str,
        symbols: &[&str],
        takeover_delay: Duration,
        options: &[(&str, &str)],
    ) -> Self {
        let url = kafka_url(url);
        let (sender, ticks) = mpsc::channel(100_000);
        let holds: Vec<Arc<Hold>> = symbols.iter().map(|_| Hold::new()).collect();
        let routes = symbols.iter().zip(&holds).map(|(symbol, hold)| Route {
            follow_key: format!("binance_ticker_{symbol}"),
            follow_symbol: (*symbol).to_owned(),
            poll: Duration::from_secs(1),
            lanes: vec![sender.clone()],
            holds: vec![Arc::clone(hold)],
        });
        let counters = Arc::new(FeedCounters::default());
        let intake = Intake::new(routes.collect(), counters.clone());
        let ownership =
            if url.group.is_some() { Ownership::Group { takeover_delay } } else { Ownership::ByHand };
        let options = options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let plan = Plan { url, options, ownership, client_id: "test-0".to_owned(), others: Vec::new() };
        let (state, states) = watch::channel(FeedState::default());
        let (stop, stopping) = watch::channel(FeedStop::Run);
        let clock = Clock::start();
        let feed = tokio::spawn(async move { run(plan, intake, clock, &state, stopping).await });
        let closes = Rc::new(Cell::new(true));
        for hold in &holds {
            tokio::task::spawn_local(lane(Arc::clone(hold), Rc::clone(&closes)));
        }
        Self { counters, states, ticks, holds, clock, closes, stop, feed }
    }

    pub(crate) async fn live(&mut self) {
        within("live", self.states.wait_for(FeedState::is_live)).await.unwrap();
    }

    /// Whether the lanes close what they are told to; they do until told otherwise.
    pub(crate) fn lanes_close(&self, closes: bool) {
        self.closes.set(closes);
    }

    pub(crate) fn stop(&self, how: FeedStop) {
        self.stop.send_replace(how);
    }

    /// How it ended.
    pub(crate) async fn ended(self) -> Result<FeedEnd, FeedError> {
        within("the end", self.feed).await.unwrap()
    }

    /// The symbols whose holds are open, by number.
    pub(crate) fn open(&self) -> Vec<usize> {
        let now = self.clock.now().mono;
        (0..self.holds.len()).filter(|number| self.holds[*number].is_open(now)).collect()
    }

    /// The running term of a symbol.
    pub(crate) fn term(&self, number: usize) -> Option<Term> {
        match *self.holds[number].claim().borrow() {
            Claim::Held(term) => Some(term),
            Claim::None | Claim::Leaving => None,
        }
    }

    /// Waits until a message is handed out; gives its price.
    pub(crate) async fn price(&mut self) -> String {
        let tick = within("a tick", self.ticks.recv()).await.unwrap();
        tick.tick.price.unwrap().to_string()
    }
}

/// Runs a test with lanes on its own thread.
pub(crate) fn on_one_thread(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, test);
}

/// Waits for what must come.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("{what} did not come"))
}

/// Waits until something holds, looking again each few milliseconds.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    within(what, async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// A message of a price.
pub(crate) fn body(price: u32) -> Vec<u8> {
    format!(r#"{{"price":"{price}","qty":"1"}}"#).into_bytes()
}

fn kafka_url(url: &str) -> KafkaUrl {
    let FeedUrl::Kafka(kafka) = FeedUrl::parse(url).unwrap() else { panic!("{url} is no Kafka") };
    kafka
}

/// What a lane with nothing open does: it is quiet as soon as it is told to be.
async fn lane(hold: Arc<Hold>, closes: Rc<Cell<bool>>) {
    let mut claim = hold.claim();
    while claim.changed().await.is_ok() {
        let quiet = match *claim.borrow_and_update() {
            Claim::Held(_) => false,
            Claim::Leaving => closes.get(),
            Claim::None => true,
        };
        hold.set_quiet(quiet);
    }
}
