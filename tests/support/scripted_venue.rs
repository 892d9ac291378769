//! A venue that does exactly what a test tells it: one port for REST and websockets, no behaviour of its own.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use self_trader::venue::guard::Target;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{WebSocketStream, accept_async};

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What a REST request is answered with: bytes on the wire, then the connection closes.
pub(crate) type Rest = Box<dyn FnMut(&str) -> Vec<u8> + Send>;

/// A listening venue.
pub(crate) struct ScriptedVenue {
    pub(crate) address: SocketAddr,
    /// Market stream connections, as they come.
    pub(crate) streams: mpsc::Receiver<Peer>,
    /// WS API connections, as they come.
    pub(crate) apis: mpsc::Receiver<Peer>,
    /// User stream connections of USD-M, as they come, with what was asked for.
    pub(crate) users: mpsc::Receiver<(String, Peer)>,
    rest: Arc<Mutex<Rest>>,
}

/// The venue's end of a websocket.
pub(crate) struct Peer(WebSocketStream<Slow>);

/// A JSON answer with that status.
pub(crate) fn json(status: u16, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
        .into_bytes()
}

impl ScriptedVenue {
    /// Listens; REST requests are answered by `rest`, which is given the path with its query.
    pub(crate) async fn start(rest: impl FnMut(&str) -> Vec<u8> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let rest: Arc<Mutex<Rest>> = Arc::new(Mutex::new(Box::new(rest)));
        let (stream_sender, streams) = mpsc::channel(64);
        let (api_sender, apis) = mpsc::channel(64);
        let (user_sender, users) = mpsc::channel(64);
        let answers = Arc::clone(&rest);
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let doors = Doors {
                    streams: stream_sender.clone(),
                    apis: api_sender.clone(),
                    users: user_sender.clone(),
                    rest: Arc::clone(&answers),
                };
                tokio::spawn(serve(tcp, doors));
            }
        });
        Self { address, streams, apis, users, rest }
    }

    pub(crate) fn target(&self) -> Target {
        Target::simulated(self.address).unwrap()
    }

    pub(crate) fn futures(&self) -> Target {
        Target::simulated_futures(self.address).unwrap()
    }

    /// From now on REST requests are answered so.
    pub(crate) fn answer(&self, rest: impl FnMut(&str) -> Vec<u8> + Send + 'static) {
        *self.rest.lock().unwrap() = Box::new(rest);
    }

    pub(crate) async fn stream(&mut self) -> Peer {
        timeout(PATIENCE, self.streams.recv()).await.expect("a stream connection").unwrap()
    }

    /// A user stream connection, and the path that it asked for.
    pub(crate) async fn user(&mut self) -> (String, Peer) {
        timeout(PATIENCE, self.users.recv()).await.expect("a user stream connection").unwrap()
    }

    pub(crate) async fn api(&mut self) -> Peer {
        timeout(PATIENCE, self.apis.recv()).await.expect("a WS API connection").unwrap()
    }
}

impl Peer {
    pub(crate) async fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// From now on everything leaves in pieces of so many bytes.
    pub(crate) fn split_into(&mut self, bytes: usize) {
        self.0.get_mut().piece = bytes;
    }

    pub(crate) async fn ping(&mut self, payload: &'static [u8]) {
        self.0.send(Message::Ping(payload.into())).await.unwrap();
    }

    pub(crate) async fn binary(&mut self) {
        self.0.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    }

    pub(crate) async fn close(mut self, code: u16) {
        let frame = CloseFrame { code: code.into(), reason: "scripted".into() };
        self.0.send(Message::Close(Some(frame))).await.unwrap();
        // What the client still sends is read: otherwise the system resets the connection under the frame.
        while self.next().await.is_some() {}
    }

    /// Bytes as they are, past the protocol.
    pub(crate) async fn raw(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).await.unwrap();
        self.0.get_mut().flush().await.unwrap();
    }

    /// The next message of any kind; `None` when the client is gone.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        timeout(PATIENCE, self.0.next()).await.expect("a message").and_then(Result::ok)
    }

    pub(crate) async fn next_json(&mut self) -> serde_json::Value {
        loop {
            if let Message::Text(text) = self.next().await.expect("the client is gone") {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    /// Confirms the next SUBSCRIBE; gives the streams that it named.
    pub(crate) async fn confirm_subscribe(&mut self) -> Vec<String> {
        let request = self.next_json().await;
        assert_eq!(request["method"], "SUBSCRIBE");
        self.send(&format!(r#"{{"result":null,"id":{}}}"#, request["id"])).await;
        serde_json::from_value(request["params"].clone()).unwrap()
    }
}

/// Where connections go.
struct Doors {
    streams: mpsc::Sender<Peer>,
    apis: mpsc::Sender<Peer>,
    users: mpsc::Sender<(String, Peer)>,
    rest: Arc<Mutex<Rest>>,
}

async fn serve(tcp: TcpStream, doors: Doors) {
    let mut head = [0; 128];
    let read = tcp.peek(&mut head).await.unwrap_or(0);
    let line = String::from_utf8_lossy(&head[..read]).into_owned();
    let path = line.strip_prefix("GET ").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    let slow = Slow { tcp, piece: usize::MAX };
    if path.starts_with("/stream") || path.starts_with("/public/stream") {
        _ = doors.streams.send(Peer(accept_async(slow).await.unwrap())).await;
    } else if path.starts_with("/ws-api") || path.starts_with("/ws-fapi") {
        _ = doors.apis.send(Peer(accept_async(slow).await.unwrap())).await;
    } else if path.starts_with("/private/ws") {
        let peer = Peer(accept_async(slow).await.unwrap());
        _ = doors.users.send((path.to_owned(), peer)).await;
    } else {
        answer_one(slow.tcp, &doors.rest).await;
    }
}

async fn answer_one(mut tcp: TcpStream, rest: &Mutex<Rest>) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match tcp.read_buf(&mut request).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
    let request = String::from_utf8(request).unwrap();
    let answer = rest.lock().unwrap()(&request);
    _ = tcp.write_all(&answer).await;
    _ = tcp.shutdown().await;
}

/// A connection that can write in small pieces.
struct Slow {
    tcp: TcpStream,
    piece: usize,
}

impl AsyncRead for Slow {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(cx, buf)
    }
}

impl AsyncWrite for Slow {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let piece = bytes.len().min(self.piece);
        Pin::new(&mut self.tcp).poll_write(cx, &bytes[..piece])
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
