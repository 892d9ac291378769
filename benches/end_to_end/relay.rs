//! The relay of Redis: the program's own sockets and readers, and nothing between them.
//!
//! Every message that arrives becomes one frame of a maker's size. It reads the venue's answers as the
//! program does, and throws them away.

use std::net::SocketAddr;

use anyhow::Context;
use fred::clients::SubscriberClient;
use fred::interfaces::{ClientLike, EventInterface, PubsubInterface};
use fred::types::config::{Config, ConnectionConfig, PerformanceConfig, TcpConfig};
use fred::types::{Message, RespVersion};
use schemas::ids::{ClientOrderId, Epoch, InstrumentPrefix, Leg};
use schemas::order::Side;
use schemas::units::{Price, Qty};
use schemas::wire::binance::encode::{Account, Envelope, signed};
use schemas::wire::binance::request::{PlaceKind, Sign};
use schemas::wire::binance_spot::request::PlaceOrder;
use self_trader::app;
use self_trader::clock;
use self_trader::feed::redis::Settings;
use self_trader::venue::binance::socket::{self, WsWriter};
use self_trader::venue::guard::{Endpoint, Target};

use crate::options::Link;
use crate::plan::{API_KEY, NUMBER_AT, NUMBER_LEN, channel, symbol};

/// Where the tick's number stands in a relay's client order id.
pub(crate) const ID_AT: usize = 16;

pub(crate) fn run(link: &Link) -> anyhow::Result<()> {
    app::runtime()?.block_on(async {
        let (mut reader, mut writer) = socket::open(&Target::simulated(link.venue)?, Endpoint::WsApi).await?;
        let client = subscriber(link.server)?;
        let mut messages = client.message_rx();
        client.init().await?;
        client.subscribe((0..link.symbols).map(channel).collect::<Vec<_>>()).await?;
        let mut frame = Frame::new();
        loop {
            tokio::select! {
                biased;
                answer = reader.next() => drop(answer?),
                message = messages.recv() => {
                    queue(&mut writer, &mut frame, &message?).await?;
                    while let Ok(message) = messages.try_recv() {
                        queue(&mut writer, &mut frame, &message).await?;
                    }
                    writer.flush().await?;
                }
            }
        }
    })
}

async fn queue(writer: &mut WsWriter, frame: &mut Frame, message: &Message) -> anyhow::Result<()> {
    let payload = message.value.as_bytes().context("a message without text")?;
    writer.queue(frame.of(payload)?).await?;
    Ok(())
}

/// A client set up as the feed's is.
fn subscriber(redis: SocketAddr) -> anyhow::Result<SubscriberClient> {
    let settings = Settings::default();
    let mut config = Config::from_url_centralized(&format!("redis://{redis}"))?;
    config.version = RespVersion::RESP3;
    config.fail_fast = true;
    let performance = PerformanceConfig {
        default_command_timeout: settings.answer_timeout,
        broadcast_channel_capacity: settings.capacity,
        ..PerformanceConfig::default()
    };
    let connection = ConnectionConfig {
        tcp: TcpConfig { nodelay: Some(true), ..TcpConfig::default() },
        ..ConnectionConfig::default()
    };
    Ok(SubscriberClient::new(config, Some(performance), Some(connection), None))
}

/// A maker's frame whose id is written over with the number of the tick that it goes for.
pub(crate) struct Frame {
    text: Vec<u8>,
    number_at: usize,
}

impl Frame {
    pub(crate) fn new() -> Self {
        let symbol = symbol(0);
        let id = ClientOrderId::new(InstrumentPrefix::new("bnch", &symbol), Epoch::new(1), 0, Leg::Maker);
        let order = PlaceOrder {
            symbol: &symbol,
            side: Side::Buy,
            kind: PlaceKind::Maker,
            price: Price::from_steps(6_400_000).text(2),
            qty: Qty::from_steps(10_000).text(6),
            client_id: id,
            stp_none: true,
            recv_window_ms: Some(2_000),
            timestamp_ms: clock::wall_ms(),
        };
        let account = Account { api_key: API_KEY, sign: &Unsigned };
        let (mut payload, mut frame) = (String::new(), String::new());
        signed(&order, Envelope { id: 1, rate_limits: true }, account, &mut payload, &mut frame);
        let number_at = frame.find(id.as_str()).expect("the id is in its frame") + ID_AT;
        Self { text: frame.into_bytes(), number_at }
    }

    /// The frame for a payload.
    pub(crate) fn of(&mut self, payload: &[u8]) -> anyhow::Result<&str> {
        let number =
            payload.get(NUMBER_AT..NUMBER_AT + NUMBER_LEN).context("a payload without its number")?;
        self.text[self.number_at..self.number_at + NUMBER_LEN].copy_from_slice(number);
        Ok(std::str::from_utf8(&self.text)?)
    }
}

/// The venue stamps a frame before it looks at the signature.
struct Unsigned;

impl Sign for Unsigned {
    fn sign(&self, _payload: &[u8], hex_out: &mut [u8; 64]) {
        hex_out.fill(b'0');
    }
}
