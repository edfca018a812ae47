//! A thread that plays many sidecars: one epoll, one buffer to read into, no task and no timer a proxy.
//!
//! All that can be read is read before anything is written. Sidecars on machines of their own would read while others
//! answer; here whoever answered first would keep the thread, and the server, from those that have not read yet.
//!
//! Nor does a server pay for waking a sidecar on another machine. Here it would, with an eighth of its time, for each
//! that it writes to while the thread waits: once the first has got a change, the thread looks for others every
//! [`GLANCE`]. What a sidecar waits for that look is a part of its delay.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};

use crate::client::{Client, Progress, Reading};
use crate::marker::Marker;
use crate::mesh::Size;
use crate::names::Names;
use crate::transport::Secure;

/// Wakes the thread when there is something to do for it.
pub(crate) const WAKE: Token = Token(usize::MAX);
/// What one read takes at most.
const READ: usize = 256 * 1024;

/// Between two looks while sidecars get a change.
pub(crate) const GLANCE: Duration = Duration::from_micros(500);

/// What the thread is asked to do.
pub(crate) type Command = Box<dyn FnOnce(&mut Worker) + Send>;

/// What the thread tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    /// All of its proxies have all that they asked for.
    Complete,
    /// All that wait for the marker have seen it, at these times.
    Seen(Vec<Instant>),
}

/// To whom the proxies speak, and as whom.
#[derive(Clone, Debug)]
pub(crate) struct FleetConfig {
    pub(crate) address: SocketAddr,
    pub(crate) size: Size,
    /// Whether, and how, to speak TLS.
    pub(crate) secure: Option<Arc<Secure>>,
}

/// The thread's state.
pub(crate) struct Worker {
    pub(crate) clients: Vec<Client>,
    pub(crate) names: Names,
    pub(crate) target: FleetConfig,
    pub(crate) poll: Poll,
    marker: Option<Marker>,
    seen: Vec<Instant>,
    /// How many are to see the marker.
    watching: usize,
    incomplete: usize,
    buffer: Box<[u8]>,
    spare: Vec<Vec<u8>>,
    /// Clients that may have something to write.
    writing: Vec<usize>,
    /// What is to be done with which client at a later time.
    later: BinaryHeap<Reverse<(Instant, usize, Later)>>,
    notes: Sender<Note>,
    ending: bool,
    chance: u64,
}

/// What is done later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Later {
    Read,
    Connect,
}

impl Worker {
    /// Of the sidecars with these numbers; none of them connects yet.
    pub(crate) fn new(target: FleetConfig, sidecars: &[usize], poll: Poll, notes: Sender<Note>) -> Self {
        Self {
            clients: sidecars.iter().map(|sidecar| Client::new(*sidecar)).collect(),
            names: Names::default(),
            target,
            poll,
            marker: None,
            seen: Vec::new(),
            watching: 0,
            incomplete: 0,
            buffer: vec![0; READ].into_boxed_slice(),
            spare: Vec::new(),
            writing: Vec::new(),
            later: BinaryHeap::new(),
            notes,
            ending: false,
            chance: 0x9e37_79b9_7f4a_7c15,
        }
    }

    /// Does what it is told until it is told to end.
    pub(crate) fn run(mut self, commands: &Receiver<Command>) {
        let mut events = Events::with_capacity(1024);
        while !self.ending {
            let due = self.later.peek().map(|Reverse((at, ..))| at.saturating_duration_since(Instant::now()));
            let timeout = if self.writing.is_empty() { due } else { Some(Duration::ZERO) };
            if let Err(error) = self.poll.poll(&mut events, timeout)
                && error.kind() != std::io::ErrorKind::Interrupted
            {
                return;
            }
            if events.is_empty() {
                self.write();
            }
            for event in &events {
                if event.token() == WAKE {
                    while let Ok(command) = commands.try_recv() {
                        command(&mut self);
                    }
                } else {
                    self.look(event.token().0, false);
                }
            }
            self.do_what_is_due();
            if !self.seen.is_empty() {
                std::thread::sleep(GLANCE);
            }
        }
    }

    /// Ends the thread.
    pub(crate) fn end(&mut self) {
        self.ending = true;
    }

    /// Opens all connections; proxies that are `fresh` have forgotten what they held.
    pub(crate) fn connect(&mut self, fresh: bool) {
        self.incomplete = self.clients.len();
        self.later.clear();
        for index in 0..self.clients.len() {
            self.clients[index].disconnect();
            self.clients[index].complete = false;
            if fresh {
                self.clients[index].proxy.forget();
            }
            self.dial(index);
        }
    }

    /// Has some begin anew, by their number.
    pub(crate) fn redial(&mut self, places: &dyn Fn(usize) -> bool) {
        for index in 0..self.clients.len() {
            if places(self.clients[index].sidecar()) {
                self.clients[index].disconnect();
                self.clients[index].proxy.forget();
                self.dial(index);
            }
        }
    }

    /// Closes all connections.
    pub(crate) fn disconnect(&mut self) {
        self.clients.iter_mut().for_each(Client::disconnect);
        self.later.clear();
    }

    /// Waits for a marker from now on, with all clients whose delay counts.
    pub(crate) fn watch(&mut self, marker: Option<Marker>) {
        self.marker = marker;
        self.seen.clear();
        self.clients.iter_mut().for_each(|client| client.seen = false);
        self.watching = self.clients.iter().filter(|client| client.judged).count();
    }

    fn dial(&mut self, index: usize) {
        let client = &mut self.clients[index];
        let dialled = client.dial(&self.target, &self.names).and_then(|()| {
            let both = Interest::READABLE | Interest::WRITABLE;
            client.source().map_or(Ok(()), |socket| self.poll.registry().register(socket, Token(index), both))
        });
        if let Err(error) = dialled {
            self.lost(index, &error.to_string());
        }
    }

    /// Reads what can be read; a client that reads slowly does so when it is `due`.
    fn look(&mut self, index: usize, due: bool) {
        let Some(client) = self.clients.get_mut(index) else { return };
        if client.source().is_none() || (client.sleeping && !due) {
            return;
        }
        let was_complete = client.complete;
        let mut progress = Progress {
            names: &mut self.names,
            marker: self.marker.as_ref().filter(|_| !client.seen && client.judged),
            buffer: &mut self.buffer,
            spare: &mut self.spare,
            found: None,
            more: false,
        };
        let result = client.read(&mut progress);
        let (found, more) = (progress.found, progress.more);
        let became_complete = client.complete && !was_complete;
        client.sleeping = false;
        self.writing.push(index);
        if let Reading::Slowly { pause, .. } = client.reading
            && more
        {
            client.sleeping = true;
            self.later.push(Reverse((Instant::now() + pause, index, Later::Read)));
        }
        if let Some(at) = found {
            client.seen = true;
            self.seen.push(at);
            if self.seen.len() == self.watching {
                // Nobody listens only when the program ends.
                let _ = self.notes.send(Note::Seen(std::mem::take(&mut self.seen)));
            }
        }
        if became_complete {
            self.incomplete -= 1;
            if self.incomplete == 0 {
                let _ = self.notes.send(Note::Complete);
            }
        }
        if let Err(error) = result {
            self.lost(index, &error.to_string());
        }
    }

    /// Writes what waits to be written.
    fn write(&mut self) {
        for index in std::mem::take(&mut self.writing) {
            if let Err(error) = self.clients[index].write() {
                self.lost(index, &error.to_string());
            }
        }
    }

    /// Comes back later, as Envoy does: after a random part of a time that doubles.
    fn lost(&mut self, index: usize, why: &str) {
        let client = &mut self.clients[index];
        client.lost(why);
        let most = Duration::from_millis(500).saturating_mul(1 << client.failures.min(6)).min(Duration::from_secs(30));
        self.chance = self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let part = u32::try_from(self.chance >> 40).unwrap_or(0) % 1000;
        let at = Instant::now() + most * part / 1000;
        self.later.push(Reverse((at, index, Later::Connect)));
    }

    fn do_what_is_due(&mut self) {
        while let Some(Reverse((at, index, what))) = self.later.peek().copied() {
            if at > Instant::now() {
                return;
            }
            self.later.pop();
            match what {
                Later::Read => self.look(index, true),
                Later::Connect => self.dial(index),
            }
        }
    }
}
