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
