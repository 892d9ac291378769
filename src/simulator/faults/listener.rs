//! Lets every connection of a listener pass through a [`LineIo`].

use std::io;
use std::net::SocketAddr;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};

use super::line::{Cut, Line, LineIo};

/// A listener whose connections faults can touch.
#[derive(Debug)]
pub(in crate::simulator) struct LineListener<L>(pub(in crate::simulator) L);

impl<L: Listener<Addr = SocketAddr>> Listener for LineListener<L>
where
    L::Io: Cut,
{
    type Io = LineIo<L::Io>;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (io, addr) = self.0.accept().await;
        (LineIo::new(io, Line::from(addr.ip())), addr)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

impl<L: Listener<Addr = SocketAddr>> Connected<IncomingStream<'_, LineListener<L>>> for Line
where
    L::Io: Cut,
{
    fn connect_info(stream: IncomingStream<'_, LineListener<L>>) -> Self {
        stream.io().line().clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use axum::Router;
    use axum::extract::ConnectInfo;
    use axum::extract::ws::WebSocketUpgrade;
    use axum::routing::any;
    use futures_util::StreamExt;
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::mpsc;
    use tokio::time::timeout;
    use tokio_tungstenite::WebSocketStream;
    use tokio_tungstenite::tungstenite::Message;

    use super::super::line::Trouble;
    use super::*;
    use crate::simulator::binance::time::TimeUnit;
    use crate::simulator::outbox::Outbox;
    use crate::simulator::socket::{self, Frames, Manners};

    /// Nothing on loopback takes this long.
    const SOON: Duration = Duration::from_secs(10);
    /// A hurry that no venue is in, and in which a busy machine still answers.
    const MANNERS: Manners = Manners {
        ping_every: Duration::from_millis(100),
        pong_within: Duration::from_secs(1),
        life: Duration::from_secs(60),
        messages_per_s: None,
    };

    struct Deaf;

    impl Frames for Deaf {
        fn handle(&mut self, _text: &str, _now_ms: i64) {}
    }

    /// A websocket and, from the other end, its line and its queue.
    #[expect(clippy::disallowed_methods, reason = "a test's own client, to loopback")]
    async fn connected() -> (WebSocketStream<TcpStream>, Line, Arc<Outbox>) {
        let (sender, mut receiver) = mpsc::channel(1);
        let serve = async move |ConnectInfo(line): ConnectInfo<Line>, upgrade: WebSocketUpgrade| {
            upgrade.on_upgrade(async move |socket| {
                let outbox = Arc::new(Outbox::new(1, false, TimeUnit::Milli));
                line.attach(&outbox);
                sender.send((line, Arc::clone(&outbox))).await.unwrap();
                socket::serve(socket, outbox, Deaf, MANNERS).await;
            })
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let service = Router::new().route("/", any(serve)).into_make_service_with_connect_info::<Line>();
        tokio::spawn(async move { axum::serve(LineListener(listener), service).await });
        let stream = timeout(SOON, TcpStream::connect(addr)).await.unwrap().unwrap();
        let (client, _) = tokio_tungstenite::client_async(format!("ws://{addr}/"), stream).await.unwrap();
        let (line, outbox) = receiver.recv().await.unwrap();
        (client, line, outbox)
    }

    async fn next(client: &mut WebSocketStream<TcpStream>) -> Message {
        timeout(SOON, client.next()).await.unwrap().unwrap().unwrap()
    }

    #[tokio::test]
    async fn a_line_without_pings_is_not_asked_for_pongs() {
        let (mut client, line, outbox) = connected().await;
        assert!(next(&mut client).await.is_ping());
        line.set(Trouble { no_pings: true, ..Trouble::default() });
        outbox.push("from now on".into());
        while !next(&mut client).await.is_text() {}
        let silence = timeout(MANNERS.pong_within * 2, client.next()).await;
        assert!(silence.is_err(), "neither pings nor an end: {silence:?}");
        line.set(Trouble::default());
        assert!(next(&mut client).await.is_ping());
    }

    #[tokio::test]
    async fn a_slow_line_is_not_cut_for_want_of_pongs() {
        let (mut client, line, _outbox) = connected().await;
        let longer_than_a_pong = (1, MANNERS.pong_within / 6);
        line.set(Trouble { slow: Some(longer_than_a_pong), ..Trouble::default() });
        for _ in 0..2 {
            assert!(next(&mut client).await.is_ping());
        }
    }
}
