//! All proxies together, as whoever makes changes sees them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use mio::{Poll, Waker};

use crate::client::Reading;
use crate::marker::Marker;
use crate::proxy::Tally;
use crate::worker::{Command, FleetConfig, Note, WAKE, Worker};

/// The threads and what they play.
#[derive(Debug)]
pub(crate) struct Fleet {
    threads: Vec<Thread>,
    notes: Receiver<Note>,
    pub(crate) proxies: usize,
}

#[derive(Debug)]
struct Thread {
    commands: Sender<Command>,
    waker: Arc<Waker>,
    handle: Option<JoinHandle<()>>,
}

/// The fleet's state at one time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Census {
    /// Bytes of responses so far.
    pub(crate) received: u64,
    pub(crate) tally: Tally,
    /// Connections that the server ended, and its last words.
    pub(crate) ended: u32,
    pub(crate) why: String,
    /// Proxies with all that they asked for since they connected.
    pub(crate) complete: usize,
    /// Proxies that wait for the marker.
    pub(crate) unseen: usize,
    /// Of what is held by type, the least and the most that a proxy holds.
    pub(crate) held: [(usize, usize); 5],
    /// By namespace, the different sets of shared resources that its proxies hold: one, when all is well.
    pub(crate) digests: BTreeMap<String, BTreeSet<u64>>,
}

impl Fleet {
    /// Of as many proxies as the target's mesh has sidecars, over so many threads. None connects yet.
    pub(crate) fn new(target: &FleetConfig, threads: usize) -> Result<Self> {
        let (told, notes) = channel();
        let proxies = target.size.sidecars;
        let start = |thread: usize| {
            let sidecars: Vec<usize> = (thread..proxies).step_by(threads).collect();
            let poll = Poll::new()?;
            let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
            let (commands, told_to) = channel();
            let (target, notes) = (target.clone(), told.clone());
            let play = move || Worker::new(target, &sidecars, poll, notes).run(&told_to);
            let handle = std::thread::Builder::new().name(format!("fleet-{thread}")).spawn(play)?;
            Ok(Thread { commands, waker, handle: Some(handle) })
        };
        let threads = (0..threads.min(proxies).max(1)).map(start).collect::<Result<_>>()?;
        Ok(Self { threads, notes, proxies })
    }

    /// Connects all proxies, those that are `fresh` with nothing in hand, and does not wait.
    pub(crate) fn connect(&self, fresh: bool) -> Result<()> {
        self.each(move |worker| worker.connect(fresh)).map(drop)
    }

    /// Closes all connections.
    pub(crate) fn disconnect(&self) -> Result<()> {
        self.each(Worker::disconnect).map(drop)
    }

    /// Has all proxies wait for a marker.
    pub(crate) fn watch(&self, marker: &Marker) -> Result<()> {
        while self.notes.try_recv().is_ok() {}
        let marker = Some(marker.clone());
        self.each(move |worker| worker.watch(marker.clone())).map(drop)
    }

    /// Waits until all proxies have all that they asked for.
    pub(crate) fn until_complete(&self, limit: Duration) -> Result<()> {
        let end = Instant::now() + limit;
        let mut threads = self.threads.len();
        while threads > 0 {
            match self.notes.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(Note::Complete) => threads -= 1,
                Ok(Note::Seen(_)) => {}
                Err(_) => {
                    let census = self.census()?;
                    bail!("{} of {} proxies have all after {limit:?}: {census:?}", census.complete, self.proxies)
                }
            }
        }
        Ok(())
    }

    /// Waits until all have seen the marker; the times at which they did.
    pub(crate) fn until_seen(&self, limit: Duration) -> Result<Vec<Instant>> {
        let end = Instant::now() + limit;
        let (mut threads, mut times) = (self.threads.len(), Vec::with_capacity(self.proxies));
        while threads > 0 {
            match self.notes.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(Note::Seen(seen)) => {
                    times.extend(seen);
                    threads -= 1;
                }
                Ok(Note::Complete) => {}
                Err(_) => {
                    let census = self.census()?;
                    bail!("{} proxies have not seen the change after {limit:?}: {census:?}", census.unseen)
                }
            }
        }
        Ok(times)
    }

    /// How the proxy at each of these places reads from now on.
    pub(crate) fn read(&self, places: impl Fn(usize) -> bool + Send + Sync + 'static, reading: Reading) -> Result<()> {
        let places = Arc::new(places);
        self.each(move |worker| {
            for client in worker.clients.iter_mut().filter(|client| places(client.sidecar())) {
                client.reading = reading;
            }
        })
        .map(drop)
    }

    /// Whose delay counts from now on; at first everyone's does.
    pub(crate) fn judge(&self, places: impl Fn(usize) -> bool + Send + Sync + 'static) -> Result<()> {
        let places = Arc::new(places);
        self.each(move |worker| {
            worker.clients.iter_mut().for_each(|client| client.judged = places(client.sidecar()));
        })
        .map(drop)
    }

    /// Has some proxies close their connections, forget all, and come back.
    pub(crate) fn redial(&self, places: impl Fn(usize) -> bool + Send + Sync + 'static) -> Result<()> {
        let places = Arc::new(places);
        self.each(move |worker| worker.redial(&*places)).map(drop)
    }

    /// Whether there are proxies that never read.
    pub(crate) fn is_mute(&self) -> Result<bool> {
        let mute = |worker: &mut Worker| worker.clients.iter().any(|client| client.reading == Reading::Never);
        Ok(self.each(mute)?.contains(&true))
    }

    /// Has all proxies reject what comes, or no longer.
    pub(crate) fn reject(&self, rejects: bool) -> Result<()> {
        self.each(move |worker| worker.clients.iter_mut().for_each(|client| client.proxy.rejects = rejects)).map(drop)
    }

    /// Of each type, the least and the most that a proxy holds.
    pub(crate) fn held(&self) -> Result<[(usize, usize); 5]> {
        let parts = self.each(|worker| {
            let all = worker.clients.iter().map(|client| client.proxy.held());
            all.fold([(usize::MAX, 0); 5], |spans, held| join(spans, held.map(|held| (held, held))))
        })?;
        Ok(parts.into_iter().fold([(usize::MAX, 0); 5], join))
    }

    /// What the proxies hold and have been through.
    pub(crate) fn census(&self) -> Result<Census> {
        let mut parts = self.each(Census::take)?.into_iter();
        let first = parts.next().context("a fleet of no threads")?;
        Ok(parts.fold(first, Census::join))
    }

    /// Checks that all proxies of a namespace hold the same of what they share.
    pub(crate) fn check_equal(&self) -> Result<()> {
        let census = self.census()?;
        let different = census.digests.iter().find(|(_, digests)| digests.len() > 1);
        ensure!(
            different.is_none(),
            "proxies of one namespace hold different things: {different:?}, {:?}",
            census.held
        );
        Ok(())
    }

    /// Has each thread do this, and waits until all have.
    fn each<T: Send + 'static>(&self, work: impl Fn(&mut Worker) -> T + Clone + Send + 'static) -> Result<Vec<T>> {
        let mut answers = Vec::new();
        for thread in &self.threads {
            let (done, answer) = channel();
            let work = work.clone();
            let command = move |worker: &mut Worker| drop(done.send(work(worker)));
            thread.commands.send(Box::new(command)).map_err(|_| anyhow!("a thread of the fleet has ended"))?;
            thread.waker.wake()?;
            answers.push(answer);
        }
        answers.into_iter().map(|answer| answer.recv().context("a thread of the fleet has ended")).collect()
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        // Fails where a thread has ended already.
        let _ = self.each(Worker::end);
        for thread in &mut self.threads {
            let _ = thread.handle.take().map(JoinHandle::join);
        }
    }
}

impl Census {
    fn take(worker: &mut Worker) -> Self {
        let mut census = Self { held: [(usize::MAX, 0); 5], ..Self::default() };
        for client in &worker.clients {
            census.received += client.received;
            census.tally.add(client.proxy.tally);
            census.ended += client.ended;
            if !client.why.is_empty() {
                client.why.clone_into(&mut census.why);
            }
            census.complete += usize::from(client.complete);
            census.unseen += usize::from(!client.seen && client.judged);
            census.held = join(census.held, client.proxy.held().map(|held| (held, held)));
            let digest = client.proxy.digest(&worker.names);
            census.digests.entry(client.namespace(&worker.target)).or_default().insert(digest);
        }
        census
    }

    fn join(mut self, other: Self) -> Self {
        self.received += other.received;
        self.tally.add(other.tally);
        self.ended += other.ended;
        if self.why.is_empty() {
            self.why = other.why;
        }
        self.complete += other.complete;
        self.unseen += other.unseen;
        self.held = join(self.held, other.held);
        for (namespace, digests) in other.digests {
            self.digests.entry(namespace).or_default().extend(digests);
        }
        self
    }
}

/// The spans that hold both.
fn join(mut one: [(usize, usize); 5], other: [(usize, usize); 5]) -> [(usize, usize); 5] {
    for (one, other) in one.iter_mut().zip(other) {
        *one = (one.0.min(other.0), one.1.max(other.1));
    }
    one
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.responses += other.responses;
        self.resources += other.resources;
        self.removed += other.removed;
    }
}
