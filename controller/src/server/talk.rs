//! The socket of a peer that answers what it is told.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A TCP connection whose peer answers what is written.
///
/// When the answer is read, Linux confirms it with a segment of its own at once, unless it takes the two for a talk. It
/// does so after a reply that follows within 40 ms of what it replies to, and we speak first, seconds after the last
/// word. Told that this is a talk, it confirms with the next push, or 40 ms later for many connections in a row.
#[derive(Debug)]
pub(super) struct Talk(TcpStream);

impl Talk {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self(stream)
    }

    /// Linux forgets it whenever it had to confirm by itself, so it is told with each word.
    fn said(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(written, Poll::Ready(Ok(1..))) {
            // Only a wish.
            let _ = self.0.set_quickack(false);
        }
        written
    }
}

impl AsyncRead for Talk {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Talk {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.0).poll_write(context, bytes);
        self.said(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.0).poll_write_vectored(context, pieces);
        self.said(written)
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
    async fn what_was_said_is_a_talk() -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (_peer, (stream, _)) = tokio::try_join!(TcpStream::connect(listener.local_addr()?), listener.accept())?;
        let mut talk = Talk::new(stream);
        assert!(talk.0.quickack()?, "who spoke first is taken for no talk");
        talk.write_all(b"a push").await?;
        assert!(!talk.0.quickack()?);
        Ok(())
    }
}
