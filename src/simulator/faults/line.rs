//! One TCP connection, and what faults do to its bytes.
//!
//! [`LineIo`] stands between the socket and whoever speaks on it. As long as no fault touches its line it passes
//! everything on: one look at a flag a call.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep};
use tokio_rustls::server::TlsStream;

use super::plan::LineTag;
use super::switch::LineKind;
use super::wire::fragment;
use crate::simulator::engine::AccountId;
use crate::simulator::outbox::Outbox;
use crate::simulator::symbols::Product;

/// Most bytes that wait on a slow line before its writer has to wait, too.
const WAITING_MAX: usize = 1 << 20;
/// Most bytes that leave at once unless a fault says less.
const PIECE_MAX: usize = 64 << 10;

/// A connection's handle. Clones are of the same connection.
#[derive(Clone, Debug)]
pub(in crate::simulator) struct Line(Arc<Control>);

#[derive(Debug, Default)]
struct Control {
    /// 0 until it is used for more than `/venue/*`.
    number: AtomicU64,
    kind: AtomicU8,
    product: AtomicU8,
    troubled: AtomicBool,
    logged_out: AtomicBool,
    /// Its place among the accounts and one more; 0 until one has asked.
    account: AtomicU32,
    trouble: Mutex<Trouble>,
    waker: Mutex<Option<Waker>>,
    resumed: Notify,
    outbox: OnceLock<Weak<Outbox>>,
    address: OnceLock<IpAddr>,
}

/// What faults do to a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Trouble {
    /// Nothing is read, nothing is written.
    pub(super) stalled: bool,
    /// At most so many bytes, and then a pause.
    pub(super) slow: Option<(usize, Duration)>,
    /// Longest frame of a websocket message.
    pub(super) fragment: Option<usize>,
    /// No pings.
    pub(super) no_pings: bool,
    /// It is over.
    pub(super) cut: bool,
}

impl Line {
    /// A connection from that address.
    pub(in crate::simulator) fn from(address: IpAddr) -> Self {
        Self(Arc::new(Control { address: address.into(), ..Control::default() }))
    }

    /// Where it comes from.
    pub(in crate::simulator) fn address(&self) -> IpAddr {
        self.0.address.get().copied().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
    }

    /// Which connection it is and what it is used for; none if it only asks `/venue/*`.
    pub(in crate::simulator) fn tag(&self) -> Option<LineTag> {
        let number = self.0.number.load(Ordering::Relaxed);
        let kind = match self.0.kind.load(Ordering::Relaxed) {
            0 => LineKind::Rest,
            1 => LineKind::WsApi,
            2 => LineKind::Streams,
            _ => LineKind::User,
        };
        (number > 0).then_some(LineTag { number, kind, user: kind == LineKind::User })
    }

    pub(super) fn product(&self) -> Option<Product> {
        Product::ALL.get(usize::from(self.0.product.load(Ordering::Relaxed))).copied()
    }

    /// What it is used for from now on. `number` is asked for once. True if it is the line's first use.
    pub(super) fn enter(&self, kind: LineKind, product: Product, number: impl FnOnce() -> u64) -> bool {
        let kind = match kind {
            LineKind::Rest => 0,
            LineKind::WsApi => 1,
            LineKind::Streams => 2,
            LineKind::User => 3,
        };
        self.0.kind.store(kind, Ordering::Relaxed);
        self.0.product.store(product.index().try_into().unwrap_or(u8::MAX), Ordering::Relaxed);
        let first = self.0.number.load(Ordering::Relaxed) == 0;
        if first {
            self.0.number.store(number(), Ordering::Relaxed);
        }
        first
    }

    /// Who asked last, by the order of accounts.
    pub(super) fn account(&self) -> Option<usize> {
        usize::try_from(self.0.account.load(Ordering::Relaxed)).ok()?.checked_sub(1)
    }

    /// Notes who asks; true if it is another one than before.
    pub(in crate::simulator) fn set_account(&self, account: AccountId) -> bool {
        let place = u32::try_from(account.index() + 1).unwrap_or(0);
        let other = self.0.account.load(Ordering::Relaxed) != place;
        if other {
            self.0.account.store(place, Ordering::Relaxed);
        }
        other
    }

    /// The queue of its messages, if it is a websocket.
    pub(in crate::simulator) fn attach(&self, outbox: &Arc<Outbox>) {
        // A connection is upgraded once.
        let _ = self.0.outbox.set(Arc::downgrade(outbox));
        outbox.attach(self.clone());
    }

    pub(super) fn outbox(&self) -> Option<Arc<Outbox>> {
        self.0.outbox.get().and_then(Weak::upgrade)
    }

    pub(super) fn set(&self, trouble: Trouble) {
        {
            let mut own = lock(&self.0.trouble);
            // What is cut stays cut.
            *own = Trouble { cut: own.cut || trouble.cut, ..trouble };
            self.0.troubled.store(*own != Trouble::default(), Ordering::Relaxed);
        }
        if let Some(waker) = lock(&self.0.waker).take() {
            waker.wake();
        }
        if !trouble.stalled {
            self.0.resumed.notify_waiters();
        }
    }

    /// Ends the connection with a reset.
    pub(in crate::simulator) fn cut(&self) {
        self.set(Trouble { cut: true, ..self.trouble() });
    }

    /// Nothing more is read or written until its trouble is set anew.
    pub(super) fn stall(&self) {
        self.set(Trouble { stalled: true, ..self.trouble() });
    }

    /// The next frame finds its session logged off.
    pub(super) fn log_out(&self) {
        self.0.logged_out.store(true, Ordering::Relaxed);
    }

    /// Whether its session was logged off since the last question.
    pub(in crate::simulator) fn take_logged_out(&self) -> bool {
        self.0.logged_out.load(Ordering::Relaxed) && self.0.logged_out.swap(false, Ordering::Relaxed)
    }

    pub(in crate::simulator) fn is_stalled(&self) -> bool {
        self.is_troubled() && self.trouble().stalled
    }

    /// Whether a fault makes its bytes wait: what takes long is not the other side's doing.
    pub(in crate::simulator) fn is_held(&self) -> bool {
        self.is_troubled() && {
            let trouble = self.trouble();
            trouble.stalled || trouble.slow.is_some()
        }
    }

    pub(in crate::simulator) fn is_without_pings(&self) -> bool {
        self.is_troubled() && self.trouble().no_pings
    }

    /// Comes back when the line is read and written. Cancel safe.
    pub(in crate::simulator) async fn flows(&self) {
        loop {
            let resumed = self.0.resumed.notified();
            if !self.is_stalled() {
                return;
            }
            resumed.await;
        }
    }

    pub(super) fn downgrade(&self) -> WeakLine {
        WeakLine(Arc::downgrade(&self.0))
    }

    fn is_troubled(&self) -> bool {
        self.0.troubled.load(Ordering::Relaxed)
    }

    pub(super) fn trouble(&self) -> Trouble {
        *lock(&self.0.trouble)
    }

    /// Comes back to the task when the line's trouble is another one. One task at a time reads and writes.
    fn watch(&self, cx: &Context<'_>) {
        let mut waker = lock(&self.0.waker);
        if !waker.as_ref().is_some_and(|own| own.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
    }
}

/// A connection that may have ended.
#[derive(Clone, Debug)]
pub(super) struct WeakLine(Weak<Control>);

impl WeakLine {
    pub(super) fn upgrade(&self) -> Option<Line> {
        self.0.upgrade().map(Line)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A socket that can end with a reset.
pub(in crate::simulator) trait Cut {
    /// When it is dropped the other side gets a reset.
    fn cut(&self);
}

impl Cut for TcpStream {
    fn cut(&self) {
        if let Err(error) = self.set_zero_linger() {
            tracing::debug!(%error, "a connection ends without a reset");
        }
    }
}

impl<S: Cut> Cut for TlsStream<S> {
    fn cut(&self) {
        self.get_ref().0.cut();
    }
}

/// A connection's bytes.
#[derive(Debug)]
pub(in crate::simulator) struct LineIo<S> {
    io: S,
    line: Line,
    /// Taken from the writer and not written yet.
    waiting: Vec<u8>,
    /// Bytes that the writer offers next and that belong to a frame whose beginning has been written.
    begun: usize,
    pause: Option<Pin<Box<Sleep>>>,
}

impl<S> LineIo<S> {
    pub(super) const fn new(io: S, line: Line) -> Self {
        Self { io, line, waiting: Vec::new(), begun: 0, pause: None }
    }

    pub(super) const fn line(&self) -> &Line {
        &self.line
    }
}

impl<S: AsyncWrite + Cut + Unpin> LineIo<S> {
    /// What is to be done with a call: an error if the line is cut, pending if it is stalled.
    fn pass(&self, cx: &Context<'_>) -> Poll<io::Result<Trouble>> {
        let trouble = self.line.trouble();
        if trouble.cut {
            self.io.cut();
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if trouble.stalled {
            self.line.watch(cx);
            return Poll::Pending;
        }
        Poll::Ready(Ok(trouble))
    }

    /// Takes all of it, cut into frames if that is asked for, and writes what may be written.
    fn write_troubled(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let trouble = ready!(self.pass(cx))?;
        if self.waiting.len() >= WAITING_MAX {
            ready!(self.drain(cx))?;
        }
        let (begun, frames) = bytes.split_at(self.begun.min(bytes.len()));
        self.waiting.extend_from_slice(begun);
        match trouble.fragment {
            Some(size) => fragment(frames, size, &mut self.waiting),
            None => self.waiting.extend_from_slice(frames),
        }
        self.begun -= begun.len();
        if let Poll::Ready(Err(error)) = self.drain(cx) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(bytes.len()))
    }

    /// Writes what waits, as fast as the line's trouble lets it.
    fn drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.waiting.is_empty() {
            let trouble = ready!(self.pass(cx))?;
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(cx));
                self.pause = None;
            }
            let (most, pause) = trouble.slow.unwrap_or((PIECE_MAX, Duration::ZERO));
            let piece = &self.waiting[..most.min(self.waiting.len())];
            let written = ready!(Pin::new(&mut self.io).poll_write(cx, piece))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.waiting.drain(..written);
            if !pause.is_zero() {
                self.pause = Some(Box::pin(tokio::time::sleep_until(Instant::now() + pause)));
            }
        }
        Poll::Ready(Ok(()))
    }

    fn is_plain(&self) -> bool {
        !self.line.is_troubled() && self.waiting.is_empty()
    }

    fn written(&mut self, offered: usize, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(count)) = &written {
            self.begun = offered - count;
        }
        written
    }
}

impl<S: AsyncRead + AsyncWrite + Cut + Unpin> AsyncRead for LineIo<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.line.is_troubled() {
            ready!(this.pass(cx))?;
        }
        let read = Pin::new(&mut this.io).poll_read(cx, buf);
        if read.is_pending() {
            // A reader that waits for bytes has to come back when its line is cut.
            this.line.watch(cx);
        }
        read
    }
}

impl<S: AsyncRead + AsyncWrite + Cut + Unpin> AsyncWrite for LineIo<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.is_plain() {
            let written = Pin::new(&mut this.io).poll_write(cx, buf);
            return this.written(buf.len(), written);
        }
        this.write_troubled(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.is_plain() {
            ready!(this.drain(cx))?;
        }
        Pin::new(&mut this.io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.is_plain() {
            ready!(this.drain(cx))?;
        }
        Pin::new(&mut this.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.is_plain() {
            let offered = bufs.iter().map(|buf| buf.len()).sum();
            let written = Pin::new(&mut this.io).poll_write_vectored(cx, bufs);
            return this.written(offered, written);
        }
        let first = bufs.iter().find(|buf| !buf.is_empty()).map_or(&[][..], |buf| buf);
        this.write_troubled(cx, first)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
