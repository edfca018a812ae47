//! A socket on which Linux may delay the TCP ACK of what it reads.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A TCP connection with `TCP_QUICKACK` off.
///
/// When Linux reads the peer's xDS ACK it sends a TCP ACK in a segment of its own at once, unless it takes the
/// connection for an interactive one. It does so only after a reply within 40 ms of what it replies to. We send first,
/// seconds after the last segment. With `TCP_QUICKACK` off, Linux puts its TCP ACK on the next push, or sends it 40 ms
/// later for many connections in a row.
#[derive(Debug)]
pub(super) struct QuickAckOff(TcpStream);

impl QuickAckOff {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self(stream)
    }

    /// Linux resets the option whenever it had to send a TCP ACK alone, so it is set after each write.
    fn after_write(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(written, Poll::Ready(Ok(1..))) {
            // A failure costs a segment and nothing else.
            let _ = self.0.set_quickack(false);
        }
        written
    }
}

impl AsyncRead for QuickAckOff {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for QuickAckOff {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.0).poll_write(context, bytes);
        self.after_write(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.0).poll_write_vectored(context, pieces);
        self.after_write(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_write_turns_quick_acks_off() -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (_peer, (stream, _)) = tokio::try_join!(TcpStream::connect(listener.local_addr()?), listener.accept())?;
        let mut socket = QuickAckOff::new(stream);
        assert!(
            socket.0.quickack()?,
            "Linux does not take a connection on which we write first for an interactive one"
        );
        socket.write_all(b"a push").await?;
        assert!(!socket.0.quickack()?);
        Ok(())
    }
}
