//! The floor: the relay without client libraries, on the two bare sockets.
//!
//! The websocket is opened by the library and written by hand, with a mask of zeros; Redis speaks RESP2, of
//! which a subscriber sees one shape only.

use anyhow::{Context, bail, ensure};
use bytes::{Buf, BytesMut};
use self_trader::app;
use self_trader::venue::guard::{self, Endpoint, Stream, Target};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::options::Link;
use crate::plan::channel;
use crate::redis;
use crate::relay::Frame;

/// Lines of a confirmation: array of three, `subscribe`, the channel, a count.
const CONFIRMATION_LINES: usize = 6;

pub(crate) fn run(link: &Link) -> anyhow::Result<()> {
    app::runtime()?.block_on(async {
        let mut venue = upgraded(link).await?;
        let mut server = subscribed(link).await?;
        let (mut received, mut answers) = (BytesMut::with_capacity(1 << 16), vec![0; 1 << 16]);
        let (mut frame, mut out) = (Frame::new(), Vec::with_capacity(1 << 16));
        loop {
            tokio::select! {
                biased;
                read = venue.read(&mut answers) => ensure!(read? > 0, "the venue hung up"),
                read = server.read_buf(&mut received) => {
                    ensure!(read? > 0, "redis-server hung up");
                    while let Some((payload, len)) = message(&received)? {
                        push_frame(&mut out, frame.of(payload)?)?;
                        received.advance(len);
                    }
                    venue.write_all(&out).await?;
                    out.clear();
                }
            }
        }
    })
}

async fn upgraded(link: &Link) -> anyhow::Result<Stream> {
    let target = Target::simulated(link.venue)?;
    let stream = guard::connect(&target, Endpoint::WsApi).await?;
    let url = format!("ws://{}{}", target.host(Endpoint::WsApi), target.path(Endpoint::WsApi));
    let (socket, _) = tokio_tungstenite::client_async(url, stream).await?;
    // The venue does not speak first: the library holds nothing back.
    Ok(socket.into_inner())
}

async fn subscribed(link: &Link) -> anyhow::Result<TcpStream> {
    let server = redis::connect(link.server)?;
    server.set_nonblocking(true)?;
    let mut server = TcpStream::from_std(server)?;
    let channels: String = (0..link.symbols).map(|place| format!(" {}", channel(place))).collect();
    server.write_all(format!("SUBSCRIBE{channels}\r\n").as_bytes()).await?;
    let mut confirmed = 0;
    let all = CONFIRMATION_LINES * usize::try_from(link.symbols)?;
    // Nobody publishes before all channels have their subscriber, so nothing else is read here.
    while confirmed < all {
        confirmed += usize::from(server.read_u8().await? == b'\n');
    }
    Ok(server)
}

/// The first message's payload and the length of it all; `None` while it is not complete.
fn message(received: &[u8]) -> anyhow::Result<Option<(&[u8], usize)>> {
    let mut at = 0;
    let mut bulk = None;
    let mut line = |bytes: usize| {
        let rest = received.get(at + bytes..)?;
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let text = &rest[..end.saturating_sub(1)];
        at += bytes + end + 1;
        Some(text)
    };
    let Some(head) = line(0) else { return Ok(None) };
    ensure!(head == b"*3", "not a message: {:?}", String::from_utf8_lossy(head));
    let mut skip = 0;
    for _ in 0..3 {
        let Some(head) = line(skip) else { return Ok(None) };
        let len =
            head.strip_prefix(b"$").and_then(|len| std::str::from_utf8(len).ok()).context("no length")?;
        let len: usize = len.parse()?;
        skip = len + 2;
        bulk = Some(len);
    }
    let Some(len) = bulk else { bail!("no payload") };
    Ok(received.get(at..at + len).filter(|_| received.len() >= at + len + 2).map(|text| (text, at + len + 2)))
}

/// A masked text frame of 126 to 65,535 bytes.
fn push_frame(out: &mut Vec<u8>, text: &str) -> anyhow::Result<()> {
    let len = u16::try_from(text.len())?.to_be_bytes();
    out.extend_from_slice(&[0x81, 0x80 | 126, len[0], len[1], 0, 0, 0, 0]);
    out.extend_from_slice(text.as_bytes());
    Ok(())
}
