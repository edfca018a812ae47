//! Tests that the subtasks of a connection wake each other and that no wake is lost.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::*;

/// A connection that adds to each word what its call makes of it, and how often each of the two was polled.
#[derive(Default)]
struct Counts {
    connection: AtomicUsize,
    call: AtomicUsize,
}

async fn counted<T>(count: &AtomicUsize, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    poll_fn(|context| {
        count.fetch_add(1, Ordering::Relaxed);
        work.as_mut().poll(context)
    })
    .await
}

/// Passes words on until there are no more.
async fn pass(mut from: UnboundedReceiver<u32>, to: UnboundedSender<u32>) {
    while let Some(word) = from.recv().await {
        let _ = to.send(word + 1);
    }
}

#[tokio::test]
async fn a_call_and_its_connection_wake_only_each_other() {
    let counts = Arc::new(Counts::default());
    let (say, words) = unbounded_channel();
    let (hand, handed) = unbounded_channel();
    let (answer, mut answers) = unbounded_channel();
    let begun = Calls::default();
    let (of_call, of_connection) = (counts.clone(), counts.clone());
    begun.execute(async move { counted(&of_call.call, pass(handed, answer)).await });
    let connection = async move { counted(&of_connection.connection, pass(words, hand)).await };
    let task = tokio::spawn(ConnectionTask::new(connection, begun));
    for word in 0..50 {
        say.send(word).unwrap();
        assert_eq!(answers.recv().await, Some(word + 2));
    }
    // Once more than words came: at the beginning.
    let polled = [&counts.connection, &counts.call].map(|count| count.load(Ordering::Relaxed));
    assert!(polled.iter().all(|count| *count <= 51), "{polled:?}");
    drop(say);
    task.await.unwrap();
    assert_eq!(answers.recv().await, None, "calls end with their connection");
}

#[tokio::test]
async fn no_wake_is_lost_between_threads() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (say, words) = unbounded_channel();
    let (hand, handed) = unbounded_channel();
    let (answer, mut answers) = unbounded_channel();
    let begun = Calls::default();
    begun.execute(pass(handed, answer));
    runtime.spawn(ConnectionTask::new(pass(words, hand), begun));
    let sender = std::thread::spawn(move || {
        for word in 0..20_000 {
            say.send(word).unwrap();
        }
        say
    });
    for word in 0..20_000 {
        let answer = tokio::time::timeout(Duration::from_secs(20), answers.recv()).await;
        assert_eq!(answer.expect("a wake was lost"), Some(word + 2));
    }
    drop(sender.join().unwrap());
    runtime.shutdown_background();
}

#[tokio::test]
async fn calls_that_share_a_bit_are_all_woken() {
    let begun = Calls::default();
    let (answer, mut answers) = unbounded_channel();
    let mut callers = Vec::new();
    for _ in 0..3 * WakeSet::BITS {
        let (say, words) = unbounded_channel();
        begun.execute(pass(words, answer.clone()));
        callers.push(say);
    }
    let task = tokio::spawn(ConnectionTask::new(std::future::pending::<()>(), begun));
    let mut hear =
        async || tokio::time::timeout(Duration::from_secs(20), answers.recv()).await.expect("a wake was lost");
    for (say, word) in callers.iter().zip(0..) {
        say.send(word).unwrap();
        assert_eq!(hear().await, Some(word + 1));
    }
    for say in &callers {
        say.send(0).unwrap();
    }
    for _ in &callers {
        assert_eq!(hear().await, Some(1));
    }
    task.abort();
}

#[tokio::test]
async fn a_subtask_that_always_wakes_itself_leaves_turns_to_other_tasks() {
    let restless = poll_fn(|context: &mut Context<'_>| {
        context.waker().wake_by_ref();
        Poll::<()>::Pending
    });
    let task = tokio::spawn(ConnectionTask::new(restless, Calls::default()));
    tokio::task::yield_now().await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
}

#[tokio::test]
async fn a_connection_is_polled_after_an_update() {
    let updated = Arc::new(AtomicBool::new(false));
    let seen = updated.clone();
    let silent = poll_fn(move |_| if seen.load(Ordering::Relaxed) { Poll::Ready(7) } else { Poll::Pending });
    let mut task = ConnectionTask::new(silent, Calls::default());
    let waiting = tokio::time::timeout(Duration::from_millis(1), &mut task).await;
    assert!(waiting.is_err());
    updated.store(true, Ordering::Relaxed);
    task.update(|_| {});
    assert_eq!(task.await, 7);
}
