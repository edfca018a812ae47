//! A part of a task that is polled only when it was woken itself.
//!
//! A task is polled for whatever any part of it waits for, and to ask a part that has nothing to do costs as much as many a
//! part that has. Which parts were woken stands in one word for all of them.

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

/// Somebody is at the doors: then it is enough to ring.
const ATTENDED: u64 = 1 << 63;

/// Doors of a house. Parts behind the same door are all polled when any of them was woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doors(u64);

/// A future that is polled only when it was woken itself, however often the task is that it is a part of.
#[derive(Debug)]
pub struct Seldom<F> {
    future: F,
    door: Doors,
    house: Arc<House>,
    waker: Waker,
}

#[derive(Debug)]
struct Bell {
    door: Doors,
    house: Arc<House>,
}

/// What the parts of one task share.
#[derive(Debug, Default)]
pub struct House {
    /// The doors at which somebody rang, and whether somebody attends to them.
    rung: AtomicU64,
    task: AtomicWaker,
}

impl Doors {
    /// How many there are in a house.
    pub const MOST: usize = 63;

    /// One of them; numbers beyond the last begin again with the first.
    #[must_use]
    pub const fn one(number: usize) -> Self {
        Self(1 << (number % Self::MOST))
    }

    /// All from this one on.
    #[must_use]
    pub const fn from(number: usize) -> Self {
        Self(!ATTENDED & !(Self::one(number).0 - 1))
    }

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl House {
    /// The task that has this waker goes to the doors.
    pub fn attend(&self, waker: &Waker) {
        self.task.register(waker);
        self.rung.fetch_or(ATTENDED, Ordering::SeqCst);
    }

    /// Nobody is at the doors from now on: whoever rings wakes the task.
    pub fn leave(&self) {
        self.rung.fetch_and(!ATTENDED, Ordering::SeqCst);
    }

    /// Whether somebody rang at any of these.
    #[must_use]
    pub fn is_rung(&self, doors: Doors) -> bool {
        self.rung.load(Ordering::SeqCst) & doors.0 != 0
    }

    /// Those of these at which somebody rang. They are answered by that: who asks polls the parts behind them.
    #[must_use]
    pub fn answer(&self, doors: Doors) -> Doors {
        let rung = self.is_rung(doors).then(|| self.rung.fetch_and(!doors.0, Ordering::SeqCst));
        Doors(rung.unwrap_or(0) & doors.0)
    }

    fn ring(&self, door: Doors) -> u64 {
        self.rung.fetch_or(door.0, Ordering::SeqCst)
    }
}

impl<F> Seldom<F> {
    /// A part of the task of this house, behind this door.
    pub fn new(future: F, house: &Arc<House>, door: Doors) -> Self {
        house.ring(door);
        let bell = Bell { door, house: house.clone() };
        Self { future, door, house: house.clone(), waker: Waker::from(Arc::new(bell)) }
    }

    /// Makes it be polled next time, by who looks anyhow.
    pub fn ring(&self) {
        self.house.ring(self.door);
    }

    /// The future itself. Who does something to it that it is to see rings, too.
    pub fn get_mut(&mut self) -> &mut F {
        &mut self.future
    }
}

impl<F: Future + Unpin> Seldom<F> {
    /// Polls it if it was woken, with a waker of its own. Its door is to be its alone.
    pub fn poll_if_rung(&mut self) -> Poll<F::Output> {
        let rung = self.house.answer(self.door);
        self.poll_if(rung)
    }

    /// Polls it if its door is one of these, which were answered.
    pub fn poll_if(&mut self, rung: Doors) -> Poll<F::Output> {
        if !rung.has(self.door) {
            return Poll::Pending;
        }
        Pin::new(&mut self.future).poll(&mut Context::from_waker(&self.waker))
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.house.ring(self.door) & ATTENDED == 0 {
            self.house.task.wake();
        }
    }
}
