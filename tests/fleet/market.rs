//! A real broker with a topic, and the market on it: the recorded tape for every symbol, and steady ticks.

use serde_json::{Value, json};

use crate::kafka::{Broker, Options};
use crate::members::Fleet;
use crate::process::{Process, data};
use crate::proxy::Proxy;
use crate::publisher::Steady;

pub(crate) const TOPIC: &str = "ticks";
/// More than any fleet here has members, and few enough that each holds many symbols.
const PARTITIONS: i32 = 12;
/// 177 trades of DOTUSDT in 90 s, up to 13 in one millisecond.
const TAPE: &str = "cf-binance-spot-20210404/BINANCE-ee25be.0.gz";

/// A broker with the topic, and a way to it over a proxy.
pub(crate) struct Market {
    pub(crate) broker: Broker,
    pub(crate) proxy: Proxy,
}

/// How a fleet over Kafka shares its symbols.
#[derive(Clone, Copy)]
pub(crate) enum Protocol {
    Classic,
    Consumer,
}

impl Protocol {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::Consumer => "consumer",
        }
    }
}

impl Market {
    /// `None`, with a printed reason, where there is no broker to be had.
    pub(crate) fn open() -> Option<Self> {
        let proxy = Proxy::start();
        let broker = Broker::start_with(Options { proxy: Some(proxy.addr()), ..Options::default() })?;
        proxy.lead_to(broker.behind_proxy());
        broker.create_topic(TOPIC, PARTITIONS);
        Some(Self { broker, proxy })
    }

    pub(crate) fn steady(&self, fleet: &Fleet) -> Steady {
        Steady::kafka(&self.broker, TOPIC, &fleet.symbols)
    }

    /// The recorded tape, each trade for every symbol, at its own pace; `None`, with a printed reason, where it is
    /// absent.
    pub(crate) fn tape(&self, fleet: &Fleet) -> Option<Process> {
        let (tape, to) = (data(TAPE)?, format!("kafka://{}/{TOPIC}", self.broker.address()));
        let copies = fleet.symbols.len().to_string();
        let args = ["replay", &tape, "--to", &to, "--copies", &copies, "--series", "DOTUSDT"];
        Some(Process::start(fleet.dir(), "tape", &args))
    }

    /// Settings of a member of the group.
    pub(crate) fn group(&self, protocol: Protocol) -> Value {
        Self::group_over(&self.broker.address(), protocol)
    }

    /// The same, with everything between member and broker over the proxy.
    pub(crate) fn group_over_proxy(&self, protocol: Protocol) -> Value {
        Self::group_over(&self.proxy.addr().to_string(), protocol)
    }

    fn group_over(address: &str, protocol: Protocol) -> Value {
        let feed = format!("kafka://{address}/{TOPIC}?group=fleet&protocol={}", protocol.name());
        json!({ "Feed": feed, "Sharding": "group", "Shards": 4 })
    }

    /// Settings of a member that assigns by hand, under leases.
    pub(crate) fn by_hand(&self, lease_store: &str, shards: usize) -> Value {
        let feed = format!("kafka://{}/{TOPIC}", self.broker.address());
        json!({ "Feed": feed, "Sharding": "static", "Shards": shards, "Lease Store": lease_store })
    }
}
