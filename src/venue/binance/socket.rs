//! Websocket connections to the venue: a writer that queues frames and flushes once, a reader of text frames.

use std::pin::pin;
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{FutureExt, SinkExt, StreamExt};
use hyper::header::RETRY_AFTER;
use schemas::wire::book_fault::BookFault;
use schemas::wire::cut::Cut;
use schemas::wire::order_fault::OrderFault;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::rest::retry_after;
use crate::venue::egress::{Egress, Held};
use crate::venue::guard::{self, Endpoint, GuardError, Target};

/// Most bytes of one message; a longer one ends the connection.
pub const MESSAGE_MAX: usize = 1 << 20;
/// Most bytes that one read takes. The library clears as much before each read: no more than a burst needs.
const READ_MAX: usize = 16 << 10;
/// Most bytes that wait to be written; more than that ends the connection.
const UNSENT_MAX: usize = 4 << 20;
/// How long the websocket handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long writing may stand still.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

type Socket = WebSocketStream<guard::Stream>;

/// Why a connection is of no more use.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// It was never made.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// The venue answered the upgrade with something else; a redirect is not followed.
    #[error("upgrade refused (status {0})")]
    Refused(u16),
    /// It was not tried: the venue wants silence, or too many connections were made lately.
    #[error(transparent)]
    Held(#[from] Held),
    /// Transport or protocol broke.
    #[error("{0}")]
    Broken(Box<str>),
    /// A frame that is no text, no text in UTF-8, or too large.
    #[error("unreadable frame: {0}")]
    Unreadable(Box<str>),
    /// The venue closed it; the code where it gave one.
    #[error("closed by the venue ({})", .0.map_or("no code".to_owned(), |code| code.to_string()))]
    Closed(Option<u16>),
    /// Nothing moved for so long.
    #[error("nothing moved for {} ms", .0.as_millis())]
    TimedOut(Duration),
}

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A message.
    Text(Utf8Bytes),
    /// A sign of life without content; a ping is answered by itself while the reader is read.
    Alive,
}

/// The reading half.
#[derive(Debug)]
pub struct WsReader(SplitStream<Socket>);

/// The writing half.
#[derive(Debug)]
pub struct WsWriter(SplitSink<Socket, Message>);

/// Opens a websocket to one of the venue's endpoints.
///
/// # Errors
/// [`SocketError`]: refused by the wall, not reached, or no websocket.
///
/// # Cancel safety
/// A dropped future leaves no connection behind.
pub async fn open(target: &Target, endpoint: Endpoint) -> Result<(WsReader, WsWriter), SocketError> {
    open_at(target, endpoint, target.path(endpoint)).await
}

/// [`open`], at another path of the endpoint's host.
///
/// # Errors
/// As [`open`].
///
/// # Cancel safety
/// As [`open`].
pub(crate) async fn open_at(
    target: &Target,
    endpoint: Endpoint,
    path: &str,
) -> Result<(WsReader, WsWriter), SocketError> {
    target.egress().connect()?;
    let stream = guard::connect(target, endpoint).await?;
    let scheme = if target.tls() { "wss" } else { "ws" };
    let url = format!("{scheme}://{}{path}", target.host(endpoint));
    let handshake = client_async_with_config(url, stream, Some(config()));
    let shaken = timeout(HANDSHAKE_TIMEOUT, handshake).await;
    let (socket, _) = shaken
        .map_err(|_| SocketError::TimedOut(HANDSHAKE_TIMEOUT))?
        .inspect_err(|error| refused(target.egress(), error))?;
    target.egress().handle_served();
    let (writer, reader) = socket.split();
    Ok((WsReader(reader), WsWriter(writer)))
}

/// A venue may refuse a connection because of its limits.
fn refused(egress: &Egress, error: &tungstenite::Error) {
    if let tungstenite::Error::Http(response) = error {
        let wait = response.headers().get(RETRY_AFTER).map(retry_after);
        egress.handle_status(response.status().as_u16(), wait);
    }
}

impl WsReader {
    /// The next frame.
    ///
    /// # Errors
    /// [`SocketError`]: the connection has ended; there is nothing more to read.
    ///
    /// # Cancel safety
    /// Nothing is lost if the future is dropped: a frame that is not complete stays with the connection.
    pub async fn next(&mut self) -> Result<Frame, SocketError> {
        frame(self.0.next().await)
    }

    /// The next frame if it has arrived already. To be followed by [`WsReader::next`] before anything is waited
    /// for: nobody is woken for what arrives after this.
    pub fn next_now(&mut self) -> Option<Result<Frame, SocketError>> {
        self.0.next().now_or_never().map(frame)
    }
}

fn frame(message: Option<Result<Message, tungstenite::Error>>) -> Result<Frame, SocketError> {
    match message {
        None => Err(SocketError::Closed(None)),
        Some(Err(error)) => Err(error.into()),
        Some(Ok(Message::Text(text))) => Ok(Frame::Text(text)),
        Some(Ok(Message::Binary(bytes))) => {
            Err(SocketError::Unreadable(format!("{} bytes of binary", bytes.len()).into()))
        }
        Some(Ok(Message::Close(close))) => Err(SocketError::Closed(close.map(|close| close.code.into()))),
        Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(Frame::Alive),
    }
}

impl WsWriter {
    /// Queues a frame behind the ones before it; nothing need leave before [`WsWriter::flush`].
    ///
    /// # Errors
    /// [`SocketError`]: the connection has ended; whether earlier frames have left is not known.
    ///
    /// # Cancel safety
    /// Not cancel safe: a dropped future may or may not have queued the frame.
    pub async fn queue(&mut self, text: &str) -> Result<(), SocketError> {
        bounded(self.0.feed(Message::Text(text.into()))).await
    }

    /// Writes out everything that is queued.
    ///
    /// # Errors
    /// [`SocketError`]: the connection has ended; whether the frames have left is not known.
    ///
    /// # Cancel safety
    /// A dropped future loses nothing: what is left is written by the next flush.
    pub async fn flush(&mut self) -> Result<(), SocketError> {
        bounded(self.0.flush()).await
    }

    /// Queues one frame and writes it out.
    ///
    /// # Errors
    /// As [`WsWriter::flush`].
    ///
    /// # Cancel safety
    /// Not cancel safe, as [`WsWriter::queue`].
    pub async fn send(&mut self, text: &str) -> Result<(), SocketError> {
        self.queue(text).await?;
        self.flush().await
    }
}

impl SocketError {
    /// The error as a book's connection reports it.
    #[must_use]
    pub fn book_fault(&self) -> BookFault {
        let got = Cut(&self.to_string()).to_string().into();
        match self {
            Self::Unreadable(_) => BookFault::Unreadable { got },
            Self::Guard(_)
            | Self::Refused(_)
            | Self::Held(_)
            | Self::Broken(_)
            | Self::Closed(_)
            | Self::TimedOut(_) => BookFault::Protocol { got },
        }
    }

    /// The error as it meets an order whose answer was due.
    #[must_use]
    pub fn order_fault(&self) -> OrderFault {
        OrderFault::Transport { kind: Cut(&self.to_string()).to_string().into() }
    }
}

impl From<tungstenite::Error> for SocketError {
    #[expect(clippy::wildcard_enum_match_arm, reason = "not our enum, and it may grow")]
    fn from(error: tungstenite::Error) -> Self {
        let text = || Cut(&error.to_string()).to_string().into();
        match &error {
            tungstenite::Error::Http(response) => Self::Refused(response.status().as_u16()),
            tungstenite::Error::Capacity(_) | tungstenite::Error::Utf8(_) => Self::Unreadable(text()),
            tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed => Self::Closed(None),
            _ => Self::Broken(text()),
        }
    }
}

fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_MAX))
        .max_frame_size(Some(MESSAGE_MAX))
        .read_buffer_size(READ_MAX)
        .max_write_buffer_size(UNSENT_MAX)
}

/// A write that need not wait needs no timer either.
async fn bounded(write: impl Future<Output = Result<(), tungstenite::Error>>) -> Result<(), SocketError> {
    let mut write = pin!(write);
    if let Some(result) = write.as_mut().now_or_never() {
        return Ok(result?);
    }
    match timeout(WRITE_TIMEOUT, write).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(SocketError::TimedOut(WRITE_TIMEOUT)),
    }
}
