//! A connection and the calls on it, as one task.
//!
//! hyper hands each call to an executor. As tasks of their own they and their connection would wake each other through
//! the scheduler, twice a push: for what the call says and for what the peer answers. Driven by the connection's task, both
//! happen while their memory is at hand.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use heddle_serve::seldom::{Doors, House, Seldom};
use hyper::rt::Executor;

/// How often in a row the parts of a task are looked at while they keep waking each other; then other tasks have a turn.
const ROUNDS: usize = 4;

/// Behind which the connection is.
const CONNECTION: Doors = Doors::one(0);
/// Behind which a further part of the task is.
const FURTHER: Doors = Doors::one(1);
/// The first of those that calls have; some sixty have one of their own.
const FIRST_CALL: usize = 2;
/// Those behind which calls are.
const CALLS: Doors = Doors::from(FIRST_CALL);

/// A call under way.
type Call = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where a connection leaves its calls.
#[derive(Clone, Default)]
pub(super) struct Calls(Arc<Mutex<Vec<Call>>>);

/// A connection's work and that of its calls, each polled only when it was woken itself. Calls end with their connection.
pub(super) struct Together<C> {
    connection: Seldom<Pin<Box<C>>>,
    calls: Vec<Seldom<Call>>,
    begun: Calls,
    house: Arc<House>,
}

impl<C> Together<C> {
    /// Of a connection that leaves its calls in `begun`.
    pub(super) fn new(connection: C, begun: Calls) -> Self {
        let house = Arc::new(House::default());
        let connection = Seldom::new(Box::pin(connection), &house, CONNECTION);
        Self { connection, calls: Vec::new(), begun, house }
    }

    /// A further part of the same task, the only one, to be looked at after this one.
    pub(super) fn further<F>(&self, future: F) -> Seldom<F> {
        Seldom::new(future, &self.house, FURTHER)
    }

    /// Tells the connection something, for which it is polled.
    pub(super) fn tell(&mut self, word: impl FnOnce(Pin<&mut C>)) {
        self.connection.ring();
        word(self.connection.get_mut().as_mut());
    }
}

impl<C: Future> Together<C> {
    fn round(&mut self) -> Poll<C::Output> {
        let rung = self.house.answer(CALLS);
        if !rung.is_empty() {
            for index in (0..self.calls.len()).rev() {
                if self.calls[index].poll_if(rung).is_ready() {
                    self.calls.swap_remove(index);
                }
            }
        }
        let ended = self.connection.poll_if_rung();
        for call in std::mem::take(&mut *lock(&self.begun.0)) {
            let door = Doors::one(FIRST_CALL + self.calls.len() % (Doors::MOST - FIRST_CALL));
            self.calls.push(Seldom::new(call, &self.house, door));
        }
        ended
    }

    fn is_rung(&self) -> bool {
        self.house.is_rung(CONNECTION.and(CALLS))
    }
}

impl<C: Future> Future for Together<C> {
    type Output = C::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<C::Output> {
        self.house.attend(context.waker());
        for _ in 0..ROUNDS {
            if let Poll::Ready(ended) = self.round() {
                return Poll::Ready(ended);
            }
            if !self.is_rung() {
                break;
            }
        }
        // Whoever rings from now on wakes the task; who rang before is seen.
        self.house.leave();
        if self.is_rung() {
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Calls {
    fn execute(&self, call: F) {
        lock(&self.0).push(Box::pin(call));
    }
}

/// Calls are added and taken out whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
