//! What lies between publisher and subject, of either kind.

use std::net::SocketAddr;
use std::path::Path;

use crate::kafka::{Kafka, wait_until_owned};
use crate::options::Feed;
use crate::process::cpu_us_of;
use crate::redis::Redis;
use crate::subject::Subject;

/// A server of the bench's own.
pub(crate) enum Server {
    Redis(Redis),
    Kafka(Kafka),
}

impl Server {
    /// `None`, with a printed reason, where there is none to be had. For a measurement a broker is compiled for
    /// speed, else for a quick start.
    pub(crate) fn start(feed: Feed, measured: bool) -> anyhow::Result<Option<Self>> {
        Ok(match feed {
            Feed::Redis => Redis::start()?.map(Self::Redis),
            Feed::Kafka => Kafka::start(measured)?.map(Self::Kafka),
        })
    }

    pub(crate) const fn feed(&self) -> Feed {
        match self {
            Self::Redis(_) => Feed::Redis,
            Self::Kafka(_) => Feed::Kafka,
        }
    }

    pub(crate) const fn addr(&self) -> SocketAddr {
        match self {
            Self::Redis(redis) => redis.addr,
            Self::Kafka(kafka) => kafka.addr,
        }
    }

    /// Processor time so far, microseconds.
    pub(crate) fn cpu_us(&self) -> u64 {
        match self {
            Self::Redis(redis) => redis.process.cpu_us(),
            Self::Kafka(kafka) => cpu_us_of(kafka.id()),
        }
    }

    /// Waits until everything that is published from now on reaches the subject.
    pub(crate) fn wait_until_heard(
        &self,
        subject: Subject,
        symbols: u64,
        admin: SocketAddr,
        ready: &Path,
    ) -> anyhow::Result<()> {
        match self {
            Self::Redis(redis) => {
                redis.wait_until_subscribed(symbols)?;
                if subject.decides() { wait_until_owned(symbols, admin) } else { Ok(()) }
            }
            Self::Kafka(kafka) if subject.decides() => kafka.wait_for_program(symbols, admin),
            Self::Kafka(kafka) => kafka.wait_for_relay(symbols, ready),
        }
    }
}
