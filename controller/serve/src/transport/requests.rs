//! The requests of one call, as they come.
//!
//! A proxy that comes back names all that it holds, which takes a hundred times what it says ever after: no more memory
//! is kept between two requests than what has come of the second. The requests of all streams share a room, and a large
//! one has to arrive in time: nobody can fill the memory with requests that never end.

use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http_body::Body as _;
use parking_lot::Mutex;
use prost::Message;
use tokio::task::JoinHandle;
use tonic::{Status, body::Body};

use crate::room::{Room, Share};

/// A byte for compression, which we do not offer, and four for the length.
const PREFIX: usize = 5;
/// A request of no more bytes than this takes none of the shared room.
const SMALL: usize = 64 * 1024;
/// How long a larger request may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// The memory in which requests are read.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// The largest request, in bytes.
    pub(crate) most: usize,
    /// What the requests of all streams share.
    pub(crate) room: Arc<Room>,
}

/// Reads requests from a body.
pub(crate) struct Requests<R> {
    body: Body,
    limits: Limits,
    /// Who shares the room: a namespace.
    sender: String,
    /// What is left of the frame that came last; nothing while there is something in `begun`.
    frame: Bytes,
    /// A frame that goes on with `begun` and waits for room.
    next: Option<Bytes>,
    /// A request of which not all has come. A mutex, because `timer` drops it, and a stream whose client takes no
    /// responses is not polled.
    begun: Arc<Mutex<Begun>>,
    /// Runs while a large request arrives.
    timer: Option<Timer>,
    of: PhantomData<fn() -> R>,
}

#[derive(Default)]
struct Begun {
    bytes: BytesMut,
    share: Option<Share>,
}

/// Drops a request that does not arrive in time.
struct Timer(JoinHandle<()>);

impl Drop for Timer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<R: Message + Default> Requests<R> {
    /// Of this body, within these limits.
    pub(crate) fn new(body: Body, limits: Limits) -> Self {
        let (sender, frame, begun) = (String::new(), Bytes::new(), Arc::default());
        Self { body, limits, sender, frame, next: None, begun, timer: None, of: PhantomData }
    }

    /// Counts what is read for this sender.
    pub(crate) fn count_for(&mut self, sender: &str) {
        sender.clone_into(&mut self.sender);
    }

    /// The next request; none when the client has said its last. Nothing is lost if the wait is given up.
    pub(crate) async fn message(&mut self) -> Result<Option<R>, Status> {
        loop {
            if let Some(request) = self.whole()? {
                return Ok(Some(request));
            }
            if !self.read().await? {
                let all = self.begun.lock().bytes.is_empty();
                return if all { Ok(None) } else { Err(Status::internal("the last request is not whole")) };
            }
        }
    }

    /// Waits for the first bytes of the next request. False when the client has said its last.
    pub(crate) async fn arrived(&mut self) -> Result<bool, Status> {
        while self.frame.is_empty() && self.begun.lock().bytes.is_empty() {
            if !self.read().await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads a frame. False when there are no more.
    async fn read(&mut self) -> Result<bool, Status> {
        while self.next.is_none() {
            let (body, timer) = (&mut self.body, &mut self.timer);
            let frame = poll_fn(|context| {
                check_time(timer, context)?;
                Pin::new(&mut *body).poll_frame(context).map(Ok::<_, Status>)
            });
            let Some(frame) = frame.await? else { return Ok(false) };
            self.next = frame?.into_data().ok();
        }
        let length = self.next.as_ref().map_or(0, Bytes::len);
        let begun = self.begun.lock().bytes.len();
        let share = if begun + length > SMALL && begun > 0 { Some(self.room_for(length).await?) } else { None };
        let Some(data) = self.next.take() else { return Ok(true) };
        if begun == 0 {
            self.frame = data;
        } else {
            self.append(&data, share);
        }
        Ok(true)
    }

    async fn room_for(&mut self, length: usize) -> Result<Share, Status> {
        let mut share = self.limits.room.share(&self.sender);
        {
            let mut grown = std::pin::pin!(share.grow(length));
            poll_fn(|context| {
                check_time(&mut self.timer, context)?;
                grown.as_mut().poll(context).map(Ok::<_, Status>)
            })
            .await?;
        }
        Ok(share)
    }

    fn append(&mut self, data: &[u8], share: Option<Share>) {
        let mut begun = self.begun.lock();
        begun.bytes.extend_from_slice(data);
        let Some(share) = share else { return };
        if let Some(known) = &mut begun.share {
            return known.absorb(share);
        }
        begun.share = Some(share);
        drop(begun);
        let begun = self.begun.clone();
        self.timer = Some(Timer(tokio::spawn(async move {
            tokio::time::sleep(PATIENCE).await;
            *begun.lock() = Begun::default();
        })));
    }

    /// The first request of what has come, if it is whole.
    fn whole(&mut self) -> Result<Option<R>, Status> {
        let mut begun = self.begun.lock();
        let bytes: &[u8] = if begun.bytes.is_empty() { &self.frame } else { &begun.bytes };
        let Some(length) = length(bytes, self.limits.most)? else {
            begun.begin(&mut self.frame);
            return Ok(None);
        };
        let Some(body) = bytes.get(PREFIX..PREFIX + length) else {
            begun.begin(&mut self.frame);
            return Ok(None);
        };
        let request = R::decode(body).map_err(|error| Status::internal(error.to_string()))?;
        if begun.bytes.is_empty() {
            self.frame.advance(PREFIX + length);
            return Ok(Some(request));
        }
        begun.bytes.advance(PREFIX + length);
        // What is left came with the last frame, so it is small.
        let rest = std::mem::take(&mut *begun).bytes;
        if !rest.is_empty() {
            begun.bytes = BytesMut::from(&*rest);
        }
        self.timer = None;
        Ok(Some(request))
    }
}

impl Begun {
    /// Keeps what is left of the frame, so that the frame itself can go.
    fn begin(&mut self, frame: &mut Bytes) {
        if self.bytes.is_empty() {
            self.bytes.extend_from_slice(&std::mem::take(frame));
        }
    }
}

/// Fails when the time of a large request is over.
fn check_time(timer: &mut Option<Timer>, context: &mut Context<'_>) -> Result<(), Status> {
    if timer.as_mut().is_none_or(|timer| Pin::new(&mut timer.0).poll(context).is_pending()) {
        return Ok(());
    }
    *timer = None;
    Err(Status::deadline_exceeded("the request did not arrive in time"))
}

/// The length of the first request, if its prefix has come.
fn length(bytes: &[u8], most: usize) -> Result<Option<usize>, Status> {
    let Some((&[compressed, ref length @ ..], _)) = bytes.split_first_chunk::<PREFIX>() else { return Ok(None) };
    if compressed != 0 {
        return Err(Status::unimplemented("compression was not offered"));
    }
    let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    if length > most {
        return Err(Status::out_of_range(format!("a request of {length} bytes is too large")));
    }
    Ok(Some(length))
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::convert::Infallible;
    use std::task::Poll;

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
        let body = Body::new(Pieces(bytes.chunks(cut).map(Bytes::copy_from_slice).collect()));
        Requests::new(body, Limits { most: 1000, room: Room::new(0) })
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
            assert_eq!(requests.begun.lock().bytes.capacity(), 0, "cut at {cut}");
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

    /// A body that has these bytes and does not end.
    fn endless(bytes: &[u8]) -> Body {
        let mut pieces: VecDeque<Bytes> = bytes.chunks(16 << 10).map(Bytes::copy_from_slice).collect();
        let frames = tokio_stream::StreamExt::chain(
            tokio_stream::iter(std::iter::from_fn(move || pieces.pop_front())),
            tokio_stream::pending(),
        );
        Body::new(Frames(Box::pin(frames)))
    }

    struct Frames(Pin<Box<dyn tokio_stream::Stream<Item = Bytes> + Send>>);

    impl http_body::Body for Frames {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            self.0.as_mut().poll_next(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
        }
    }

    #[tokio::test]
    async fn a_large_request_that_does_not_end_is_dropped_though_its_stream_is_not_polled() {
        let room = Room::new(1 << 20);
        let limits = Limits { most: 1 << 20, room: room.clone() };
        let bytes = [&[0][..], &300_000_u32.to_be_bytes(), &vec![0; 200_000]].concat();
        let mut requests = Requests::<DeltaDiscoveryRequest>::new(endless(&bytes), limits);
        let soon = Duration::from_millis(100);
        assert!(tokio::time::timeout(soon, requests.message()).await.is_err());
        assert_eq!(requests.begun.lock().bytes.len(), bytes.len());
        assert!(tokio::time::timeout(soon, room.share("").grow(400_000)).await.is_err(), "it takes no room");

        tokio::time::sleep(PATIENCE).await;
        assert_eq!(requests.begun.lock().bytes.capacity(), 0);
        assert!(tokio::time::timeout(soon, room.share("").grow(400_000)).await.is_ok());
        assert_eq!(requests.message().await.unwrap_err().code(), tonic::Code::DeadlineExceeded);
    }
}
