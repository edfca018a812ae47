//! The requests of one call, as they come.
//!
//! A proxy that comes back names all that it holds, which takes a hundred times what it says ever after: no more memory
//! is kept between two requests than what has come of the second.

use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::Pin;

use bytes::{Buf, Bytes, BytesMut};
use http_body::Body as _;
use prost::Message;
use tonic::{Status, body::Body};

/// A byte for compression, which we do not offer, and four for the length.
const PREFIX: usize = 5;

/// Reads requests from a body.
pub(crate) struct Requests<R> {
    body: Body,
    most: usize,
    /// What is left of the frame that came last; nothing while there is something in `begun`.
    frame: Bytes,
    /// A request of which not all has come.
    begun: BytesMut,
    of: PhantomData<fn() -> R>,
}

impl<R: Message + Default> Requests<R> {
    /// Of this body; a request of more than `most` bytes is refused.
    pub(crate) fn new(body: Body, most: usize) -> Self {
        Self { body, most, frame: Bytes::new(), begun: BytesMut::new(), of: PhantomData }
    }

    /// The next request; none when the client has said its last. Nothing is lost if the wait is given up.
    pub(crate) async fn message(&mut self) -> Result<Option<R>, Status> {
        loop {
            if let Some(request) = self.whole()? {
                return Ok(Some(request));
            }
            let Some(frame) = poll_fn(|context| Pin::new(&mut self.body).poll_frame(context)).await else {
                let all = self.begun.is_empty();
                return if all { Ok(None) } else { Err(Status::internal("the last request is not whole")) };
            };
            let Ok(data) = frame?.into_data() else { continue };
            if self.begun.is_empty() {
                self.frame = data;
            } else {
                self.begun.extend_from_slice(&data);
            }
        }
    }

    /// The first request of what has come, if it is whole.
    fn whole(&mut self) -> Result<Option<R>, Status> {
        let bytes: &[u8] = if self.begun.is_empty() { &self.frame } else { &self.begun };
        let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX>() else {
            self.begin();
            return Ok(None);
        };
        let [compressed, length @ ..] = *prefix;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if compressed != 0 {
            return Err(Status::unimplemented("compression was not offered"));
        }
        if length > self.most {
            return Err(Status::out_of_range(format!("a request of {length} bytes is too large")));
        }
        let Some(body) = rest.get(..length) else {
            self.begin();
            return Ok(None);
        };
        let request = R::decode(body).map_err(|error| Status::internal(error.to_string()))?;
        if self.begun.is_empty() {
            self.frame.advance(PREFIX + length);
        } else {
            self.begun.advance(PREFIX + length);
            if self.begun.is_empty() {
                self.begun = BytesMut::new();
            }
        }
        Ok(Some(request))
    }

    /// Keeps what is left of the frame, so that the frame itself can go.
    fn begin(&mut self) {
        if self.begun.is_empty() {
            self.begun.extend_from_slice(&std::mem::take(&mut self.frame));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::convert::Infallible;
    use std::task::{Context, Poll};

    use heddle_xds_api::envoy::service::discovery::v3::DeltaDiscoveryRequest;
    use http_body::Frame;

    use super::*;

    struct Pieces(VecDeque<Bytes>);

    impl http_body::Body for Pieces {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
        }
    }

    fn encoded(nonce: &str) -> Vec<u8> {
        let body = DeltaDiscoveryRequest { response_nonce: nonce.to_owned(), ..Default::default() }.encode_to_vec();
        [&[0][..], &u32::try_from(body.len()).unwrap().to_be_bytes(), &body].concat()
    }

    fn requests(bytes: &[u8], cut: usize) -> Requests<DeltaDiscoveryRequest> {
        Requests::new(Body::new(Pieces(bytes.chunks(cut).map(Bytes::copy_from_slice).collect())), 1000)
    }

    #[tokio::test]
    async fn requests_come_out_whole_however_they_are_cut_and_leave_nothing() {
        let long = "x".repeat(300);
        let bytes = [encoded("1"), encoded(""), encoded(&long), encoded("2")].concat();
        for cut in 1..=bytes.len() {
            let mut requests = requests(&bytes, cut);
            for nonce in ["1", "", &long, "2"] {
                assert_eq!(requests.message().await.unwrap().unwrap().response_nonce, nonce);
            }
            assert_eq!(requests.begun.capacity(), 0, "cut at {cut}");
            assert!(requests.message().await.unwrap().is_none());
        }
    }

    #[tokio::test]
    async fn what_is_too_large_compressed_senseless_or_cut_off_is_refused() {
        let code = async |bytes: &[u8]| requests(bytes, 7).message().await.unwrap_err().code();
        assert_eq!(code(&[0, 0, 0, 4, 0]).await, tonic::Code::OutOfRange);
        assert_eq!(code(&[1, 0, 0, 0, 0]).await, tonic::Code::Unimplemented);
        assert_eq!(code(&[0, 0, 0, 0, 1, 0xff]).await, tonic::Code::Internal);
        assert_eq!(code(&encoded("1")[..6]).await, tonic::Code::Internal);
    }
}
