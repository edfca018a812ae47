//! What the kernel alone takes for a change: as many connections, a write to each, a read of it, and the same back, by
//! two threads that do nothing else. No server is sooner done on this machine.

use std::io::{ErrorKind, Read, Write};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

use crate::args::Args;
use crate::report::{Figure, Row};
use crate::session::REST;
use crate::stats::Times;
use crate::usage::Usage;
use crate::worker::GLANCE;

/// Bytes of a response with one change of an endpoint, and of its acknowledgement, with the frames around them.
const RESPONSE: usize = 660;
const ANSWER: usize = 130;

/// Writes to all and reads their answers, round after round.
pub(super) fn run(args: &Args) -> Result<Row> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into())?;
    let address = listener.local_addr()?;
    let (mut near, mut far) = (Vec::new(), Vec::new());
    while near.len() < args.sidecars {
        far.push(TcpStream::connect(address)?);
        near.push(accept(&listener)?);
    }
    for socket in near.iter().chain(&far) {
        socket.set_nodelay(true)?;
    }
    let (all, rounds) = (args.sidecars, args.rounds);
    // They are given back, so that none is closed before its last answer was read.
    let peers = std::thread::spawn(move || -> Result<_> {
        let mut poll = watched(&mut far)?;
        let times = (0..rounds).map(|_| exchange(&mut poll, &mut far, all, &[0; ANSWER]));
        let times = times.collect::<Result<Vec<Instant>>>()?;
        Ok((times, far))
    });
    let mut poll = watched(&mut near)?;
    std::thread::sleep(REST);
    let before = Usage::of(std::process::id())?;
    let mut begun = Vec::new();
    for _ in 0..rounds {
        begun.push(Instant::now());
        for socket in &mut near {
            socket.write_all(&[0; RESPONSE])?;
        }
        exchange(&mut poll, &mut near, all, &[])?;
        std::thread::sleep(REST);
    }
    let used = Usage::of(std::process::id())?.processor.saturating_sub(before.processor);
    let (reached, _open) = peers.join().map_err(|_| anyhow!("the thread of the peers panicked"))??;
    let times: Times = reached.iter().zip(&begun).map(|(reached, begun)| *reached - *begun).collect();
    let figures = vec![
        Figure::time("to all p50", times.percentile(50)),
        Figure::time("p99", times.percentile(99)),
        Figure::time("CPU of both ends", used / rounds),
    ];
    Ok(Row { scenario: format!("bare exchange × {rounds}"), figures })
}

fn accept(listener: &TcpListener) -> Result<TcpStream> {
    loop {
        match listener.accept() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(Duration::from_micros(10)),
            accepted => return Ok(accepted?.0),
        }
    }
}

fn watched(sockets: &mut [TcpStream]) -> Result<Poll> {
    let poll = Poll::new()?;
    for (index, socket) in sockets.iter_mut().enumerate() {
        poll.registry().register(socket, Token(index), Interest::READABLE)?;
    }
    Ok(poll)
}

/// Reads from so many of them, answers each, and tells when the last was read.
fn exchange(poll: &mut Poll, sockets: &mut [TcpStream], mut left: usize, answer: &[u8]) -> Result<Instant> {
    let (mut events, mut buffer) = (Events::with_capacity(1024), [0; 4096]);
    let mut last = Instant::now();
    while left > 0 {
        poll.poll(&mut events, None)?;
        for event in &events {
            let Some(socket) = sockets.get_mut(event.token().0) else { continue };
            match socket.read(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                read => ensure!(read? > 0, "a connection was closed"),
            }
            (last, left) = (Instant::now(), left - 1);
            socket.write_all(answer)?;
        }
        if left > 0 {
            std::thread::sleep(GLANCE);
        }
    }
    Ok(last)
}
