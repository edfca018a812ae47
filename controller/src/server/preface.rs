//! The first bytes of an HTTP/2 connection.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// The length of the connection preface (RFC 9113, section 3.4).
const LENGTH: usize = 24;

/// A connection whose client has sent as many bytes as the preface has. They are read once more by whoever reads from
/// here.
///
/// hyper waits for the preface without a limit: its PINGs begin after it.
pub(super) struct Begun<I> {
    io: I,
    preface: [u8; LENGTH],
    given: usize,
}

impl<I: AsyncRead + Unpin> Begun<I> {
    /// Waits for the first bytes.
    pub(super) async fn new(mut io: I) -> io::Result<Self> {
        let mut preface = [0; LENGTH];
        io.read_exact(&mut preface).await?;
        Ok(Self { io, preface, given: 0 })
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Begun<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.given < LENGTH {
            let until = LENGTH.min(self.given + buffer.remaining());
            buffer.put_slice(&self.preface[self.given..until]);
            self.given = until;
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Begun<I> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
