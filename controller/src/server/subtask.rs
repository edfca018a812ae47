//! A future inside a task that is polled only when it was woken itself.
//!
//! tokio polls a task for whatever any of its futures waits for. Polling a future that has nothing to do costs as much as
//! polling many that have. So each future of the task has a waker of its own, which sets a bit in one word.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures_util::task::AtomicWaker;

/// The task is being polled and looks at the bits itself: a waker that sets one need not wake the task.
const POLLING: u64 = 1 << 63;

/// Some of the bits by which the subtasks of one task are woken. Subtasks with the same bit are polled together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WakeSet(u64);

/// A future that is polled only when it was woken itself, however often its task is polled.
#[derive(Debug)]
pub(super) struct Subtask<F> {
    future: F,
    bit: WakeSet,
    flags: Arc<WakeFlags>,
    waker: Waker,
}

#[derive(Debug)]
struct SubtaskWaker {
    bit: WakeSet,
    flags: Arc<WakeFlags>,
}

/// Which subtasks of one task were woken.
#[derive(Debug, Default)]
pub(super) struct WakeFlags {
    /// The bits of the subtasks that were woken, and [`POLLING`].
    woken: AtomicU64,
    task: AtomicWaker,
}

impl WakeSet {
    /// How many bits there are.
    pub(super) const BITS: usize = 63;

    /// One bit. Numbers beyond the last begin again with the first.
    pub(super) const fn one(number: usize) -> Self {
        Self(1 << (number % Self::BITS))
    }

    /// All bits from this one on.
    pub(super) const fn from(number: usize) -> Self {
        Self(!POLLING & !(Self::one(number).0 - 1))
    }

    /// The bits of both.
    pub(super) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether there is none.
    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl WakeFlags {
    /// The task with this waker is polled from now on.
    pub(super) fn begin_poll(&self, waker: &Waker) {
        self.task.register(waker);
        self.woken.fetch_or(POLLING, Ordering::SeqCst);
    }

    /// The task is no longer polled: a wake from now on wakes the task.
    pub(super) fn end_poll(&self) {
        self.woken.fetch_and(!POLLING, Ordering::SeqCst);
    }

    /// Whether any of these was woken.
    pub(super) fn is_woken(&self, set: WakeSet) -> bool {
        self.woken.load(Ordering::SeqCst) & set.0 != 0
    }

    /// Those of these that were woken. Their bits are cleared, so the caller must poll their subtasks.
    pub(super) fn take(&self, set: WakeSet) -> WakeSet {
        let woken = self.is_woken(set).then(|| self.woken.fetch_and(!set.0, Ordering::SeqCst));
        WakeSet(woken.unwrap_or(0) & set.0)
    }

    fn wake(&self, bit: WakeSet) -> u64 {
        self.woken.fetch_or(bit.0, Ordering::SeqCst)
    }
}

impl<F> Subtask<F> {
    /// A subtask of the task that has these flags. It is polled once without being woken.
    pub(super) fn new(future: F, flags: &Arc<WakeFlags>, bit: WakeSet) -> Self {
        flags.wake(bit);
        let waker = SubtaskWaker { bit, flags: flags.clone() };
        Self { future, bit, flags: flags.clone(), waker: Waker::from(Arc::new(waker)) }
    }

    /// Has it polled the next time that the task is polled. It does not wake the task.
    pub(super) fn mark_woken(&self) {
        self.flags.wake(self.bit);
    }

    /// The future itself. After a change that the future must see, call [`Self::mark_woken`].
    pub(super) fn get_mut(&mut self) -> &mut F {
        &mut self.future
    }
}

impl<F: Future + Unpin> Subtask<F> {
    /// Polls it if it was woken. No other subtask may have its bit.
    pub(super) fn poll_if_woken(&mut self) -> Poll<F::Output> {
        let woken = self.flags.take(self.bit);
        self.poll_if(woken)
    }

    /// Polls it if its bit is one of these, which were taken.
    pub(super) fn poll_if(&mut self, woken: WakeSet) -> Poll<F::Output> {
        if !woken.intersects(self.bit) {
            return Poll::Pending;
        }
        Pin::new(&mut self.future).poll(&mut Context::from_waker(&self.waker))
    }
}

impl Wake for SubtaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.flags.wake(self.bit) & POLLING == 0 {
            self.flags.task.wake();
        }
    }
}
