//! A part of a task that is polled only when it was woken itself.
//!
//! A task is polled for whatever any part of it waits for, and to ask a part that has nothing to do costs as much as many a
//! part that has.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures_util::task::AtomicWaker;

/// A future that is polled only when it was woken itself, however often the task is that it is a part of.
#[derive(Debug)]
pub struct Seldom<F> {
    future: F,
    bell: Arc<Bell>,
    waker: Waker,
}

#[derive(Debug)]
struct Bell {
    rung: AtomicBool,
    house: Arc<House>,
}

/// What the parts of one task share.
#[derive(Debug, Default)]
pub struct House {
    /// Whether somebody is at the doors: then it is enough to ring.
    attended: AtomicBool,
    task: AtomicWaker,
}

impl House {
    /// The task that has this waker goes to the doors.
    pub fn attend(&self, waker: &Waker) {
        self.task.register(waker);
        self.attended.store(true, Ordering::SeqCst);
    }

    /// Nobody is at the doors from now on: whoever rings wakes the task.
    pub fn leave(&self) {
        self.attended.store(false, Ordering::SeqCst);
    }
}

impl<F> Seldom<F> {
    /// A part of the task of this house.
    pub fn new(future: F, house: &Arc<House>) -> Self {
        let bell = Arc::new(Bell { rung: AtomicBool::new(true), house: house.clone() });
        Self { future, waker: Waker::from(bell.clone()), bell }
    }

    /// To be polled by itself.
    pub fn alone(future: F) -> Self {
        Self::new(future, &Arc::default())
    }

    /// Whether it was woken since it was last polled.
    #[must_use]
    pub fn is_rung(&self) -> bool {
        self.bell.rung.load(Ordering::SeqCst)
    }

    /// Makes it be polled next time, by who looks anyhow.
    pub fn ring(&self) {
        self.bell.rung.store(true, Ordering::SeqCst);
    }

    /// The future itself. Who does something to it that it is to see rings, too.
    pub fn get_mut(&mut self) -> &mut F {
        &mut self.future
    }
}

impl<F: Future + Unpin> Seldom<F> {
    /// Polls it if it was woken, with a waker of its own.
    pub fn poll_if_rung(&mut self) -> Poll<F::Output> {
        if !self.is_rung() {
            return Poll::Pending;
        }
        self.bell.rung.store(false, Ordering::SeqCst);
        Pin::new(&mut self.future).poll(&mut Context::from_waker(&self.waker))
    }
}

impl<F: Future + Unpin> Future for Seldom<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.bell.house.task.register(context.waker());
        self.poll_if_rung()
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::SeqCst);
        if !self.house.attended.load(Ordering::SeqCst) {
            self.house.task.wake();
        }
    }
}
