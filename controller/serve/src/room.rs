//! Memory for requests that are being read, divided among their senders.
//!
//! Only what has arrived counts: a sender that promises a large request and sends nothing takes no memory from others.
//! A sender may hold as much as is left free for all others. So one sender gets half of the memory at most, and the
//! next one half of the rest.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// A number of bytes that senders share.
#[derive(Debug)]
pub struct Room {
    total: usize,
    /// A mutex, because shares are dropped wherever their request ends. It is held for a look only.
    taken: Mutex<Taken>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_sender: BTreeMap<String, usize>,
}

/// What one request holds. It is given back when this is dropped.
#[derive(Debug)]
pub struct Share {
    room: Arc<Room>,
    sender: String,
    bytes: usize,
}

impl Room {
    /// Room for so many bytes.
    #[must_use]
    pub fn new(total: usize) -> Arc<Self> {
        Arc::new(Self { total, taken: Mutex::default(), freed: Notify::new() })
    }

    /// The share of one request. It holds nothing yet.
    #[must_use]
    pub fn share(self: &Arc<Self>, sender: &str) -> Share {
        Share { room: self.clone(), sender: sender.to_owned(), bytes: 0 }
    }

    fn take(&self, sender: &str, bytes: usize) -> bool {
        let mut taken = self.taken.lock();
        let held = taken.by_sender.get(sender).copied().unwrap_or_default() + bytes;
        let all = taken.all + bytes;
        if held > self.total.saturating_sub(all) {
            return false;
        }
        taken.all = all;
        taken.by_sender.insert(sender.to_owned(), held);
        true
    }

    fn give_back(&self, sender: &str, bytes: usize) {
        let mut taken = self.taken.lock();
        taken.all -= bytes;
        if let Some(held) = taken.by_sender.get_mut(sender) {
            *held -= bytes;
            if *held == 0 {
                taken.by_sender.remove(sender);
            }
        }
        drop(taken);
        self.freed.notify_waiters();
    }
}

impl Share {
    /// Waits for room for so many more bytes. The caller limits the time: two requests may wait for each other.
    pub async fn grow(&mut self, bytes: usize) {
        loop {
            let freed = self.room.freed.notified();
            if self.room.take(&self.sender, bytes) {
                self.bytes += bytes;
                return;
            }
            freed.await;
        }
    }

    /// Joins another share of the same request to this one.
    pub fn absorb(&mut self, mut other: Self) {
        self.bytes += std::mem::take(&mut other.bytes);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.room.give_back(&self.sender, self.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const SOON: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn one_sender_leaves_room_for_others() {
        let room = Room::new(100);
        let mut greedy: Vec<Share> = (0..6).map(|_| room.share("greedy")).collect();
        for share in &mut greedy[..5] {
            share.grow(10).await;
        }
        assert!(timeout(SOON, greedy[5].grow(10)).await.is_err(), "half of the room is the most for one sender");
        let mut other = room.share("other");
        assert!(timeout(SOON, other.grow(25)).await.is_ok());
        drop((greedy, other));
        let taken = room.taken.lock();
        assert_eq!((taken.all, taken.by_sender.len()), (0, 0));
    }

    #[tokio::test]
    async fn who_waits_gets_what_is_given_back() {
        let room = Room::new(100);
        let (mut first, mut second) = (room.share("shop"), room.share("shop"));
        first.grow(50).await;
        let waiting = tokio::spawn(async move { second.grow(50).await });
        tokio::time::sleep(SOON).await;
        assert!(!waiting.is_finished());
        drop(first);
        assert!(timeout(SOON, waiting).await.is_ok());
    }
}
