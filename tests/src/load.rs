//! Traffic in the background: calls without end, and a report of those that failed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use crate::http::{Answer, Call};

/// How many failures are told word by word; the rest are only counted.
const TOLD: usize = 5;

/// Running traffic; it ends when dropped or stopped.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicUsize>,
    callers: JoinSet<Report>,
}

/// What became of the calls.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Calls answered or failed.
    pub sent: usize,
    /// Calls that failed.
    pub failed: usize,
    /// The first failures, in words.
    pub words: Vec<String>,
}

impl Load {
    /// Starts `callers` tasks that make the call over and over, with a pause after each. Anything but 200 is a failure.
    #[must_use]
    pub fn start(call: &Call, callers: usize, pause: Duration) -> Self {
        let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut tasks = JoinSet::new();
        for _ in 0..callers {
            let (call, stop, sent) = (call.clone(), Arc::clone(&stop), Arc::clone(&sent));
            tasks.spawn(async move {
                let mut report = Report::default();
                while !stop.load(Ordering::Relaxed) {
                    report.add(call.clone().send().await);
                    sent.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(pause).await;
                }
                report
            });
        }
        Self { stop, sent, callers: tasks }
    }

    /// Calls answered or failed so far.
    #[must_use]
    pub fn sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }

    /// Waits until so many calls more were made, which shows that traffic flowed meanwhile.
    pub async fn pass(&self, calls: usize) {
        let until = self.sent() + calls;
        while self.sent() < until {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Lets the calls under way end and says what became of all.
    pub async fn stop(mut self) -> Report {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Report::default();
        while let Some(report) = self.callers.join_next().await {
            let report = report.unwrap_or_default();
            all.sent += report.sent;
            all.failed += report.failed;
            all.words.extend(report.words);
        }
        all.words.truncate(TOLD);
        all
    }
}

impl Report {
    fn add(&mut self, answer: anyhow::Result<Answer>) {
        self.sent += 1;
        let words = match answer {
            Ok(answer) if answer.status == 200 => return,
            Ok(answer) => format!("{} {}", answer.status, answer.body.chars().take(200).collect::<String>()),
            Err(error) => format!("{error:#}"),
        };
        self.failed += 1;
        if self.words.len() < TOLD {
            self.words.push(words);
        }
    }

    /// Nothing if no call failed, else an error with the first failures.
    pub fn all_answered(&self) -> anyhow::Result<()> {
        anyhow::ensure!(self.sent > 0, "no call was made");
        anyhow::ensure!(self.failed == 0, "{} of {} calls failed: {}", self.failed, self.sent, self.words.join("; "));
        Ok(())
    }
}
