//! The relay of Kafka: the program's client with the program's settings, and nothing between the two sockets.

use std::collections::BTreeSet;

use anyhow::Context;
use futures_util::{FutureExt, StreamExt};
use rdkafka::ClientContext;
use rdkafka::consumer::{Consumer, ConsumerContext, StreamConsumer};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use schemas::config::KafkaUrl;
use self_trader::app;
use self_trader::feed::kafka::{Ownership, Plan, client_settings};
use self_trader::venue::binance::socket::{self, WsWriter};
use self_trader::venue::guard::{Endpoint, Target};

use crate::kafka::{PROBE, inhabited};
use crate::options::Link;
use crate::plan::TOPIC;
use crate::relay::Frame;

/// Messages that are taken before the answers have their turn: as many as the program takes.
const TURN_MESSAGES: usize = 64;

pub(crate) fn run(link: &Link) -> anyhow::Result<()> {
    app::runtime()?.block_on(async {
        let (mut reader, mut writer) = socket::open(&Target::simulated(link.venue)?, Endpoint::WsApi).await?;
        let consumer = assigned(link)?;
        let mut messages = consumer.stream();
        let mut relay =
            Relay { frame: Frame::new(), silent: inhabited(link.symbols).into_iter().collect(), link };
        loop {
            tokio::select! {
                biased;
                answer = reader.next() => drop(answer?),
                Some(message) = messages.next() => {
                    relay.queue(&mut writer, &message?).await?;
                    for _ in 0..TURN_MESSAGES {
                        let Some(Some(message)) = messages.next().now_or_never() else { break };
                        relay.queue(&mut writer, &message?).await?;
                    }
                    writer.flush().await?;
                }
            }
        }
    })
}

/// Hears nothing of what the client tells.
struct Silent;

impl ClientContext for Silent {
    fn stats_raw(&self, _: &[u8]) {}
}

impl ConsumerContext for Silent {}

fn assigned(link: &Link) -> anyhow::Result<StreamConsumer<Silent>> {
    let plan = Plan {
        url: KafkaUrl::new(&link.server.to_string(), TOPIC),
        options: Vec::new(),
        ownership: Ownership::ByHand,
        client_id: "relay".to_owned(),
        others: Vec::new(),
    };
    let consumer: StreamConsumer<Silent> = client_settings(&plan).create_with_context(Silent)?;
    let mut list = TopicPartitionList::new();
    for partition in inhabited(link.symbols) {
        list.add_partition_offset(TOPIC, partition, Offset::End)?;
    }
    consumer.assign(&list)?;
    Ok(consumer)
}

struct Relay<'a> {
    frame: Frame,
    /// Partitions that have brought nothing yet.
    silent: BTreeSet<i32>,
    link: &'a Link,
}

impl Relay<'_> {
    async fn queue(&mut self, writer: &mut WsWriter, message: &BorrowedMessage<'_>) -> anyhow::Result<()> {
        if message.key() == Some(PROBE.as_bytes()) {
            if self.silent.remove(&message.partition()) && self.silent.is_empty() {
                std::fs::write(&self.link.ready, "").context("cannot say that it is ready")?;
            }
            return Ok(());
        }
        writer.queue(self.frame.of(message.payload().context("a message without text")?)?).await?;
        Ok(())
    }
}
