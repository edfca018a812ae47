//! The client's end of one HTTP/2 connection with one call on it, as bytes in and bytes out.
//!
//! A thousand of these share two processors with the server that is measured. What a library does for any use of the
//! protocol, tasks and wakers and tables of headers, would cost more than the server's own work, so only what a call
//! of gRPC meets is here: settings, pings, windows, data, and the end.

/// What we allow the server to have under way, in bytes: Envoy's default.
const WINDOW: u32 = 16 * 1024 * 1024;
/// The largest frame that a server must take.
const MAX_FRAME: usize = 16 * 1024;
/// The window of both sides before anybody said otherwise.
const FIRST_WINDOW: i64 = 65_535;
/// Frames other than data that are longer than this are nothing that a server of gRPC sends.
const MAX_CONTROL: usize = 64 * 1024;
const HEADER: usize = 9;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
/// The one call.
const CALL: u32 = 1;

/// Why nothing more will come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ended(pub(crate) &'static str);

/// The state of the connection.
#[derive(Debug)]
pub(crate) struct Connection {
    /// To be written to the socket.
    pub(crate) out: Vec<u8>,
    /// A frame of which not all has come, unless it is data.
    inbox: Vec<u8>,
    /// Bytes of the data frame under way that are still to come.
    data: usize,
    /// Bytes that came in and for which the server was not given new room.
    uncredited: u32,
    /// What we may send, on the connection and in the call.
    room: [i64; 2],
    /// What the server said of new calls.
    initial: i64,
    /// Bytes of requests that wait for room.
    waiting: Vec<u8>,
}

impl Connection {
    /// Opens the connection and the call: `path` at `authority`.
    pub(crate) fn open(scheme_https: bool, authority: &str, path: &str, token: Option<&str>) -> Self {
        let mut out = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        frame(SETTINGS, 0, 0, &[&[0, 4][..], &WINDOW.to_be_bytes()].concat(), &mut out);
        frame(WINDOW_UPDATE, 0, 0, &(WINDOW - 65_535).to_be_bytes(), &mut out);
        frame(HEADERS, END_HEADERS, CALL, &headers(scheme_https, authority, path, token), &mut out);
        let room = [FIRST_WINDOW; 2];
        Self { out, inbox: Vec::new(), data: 0, uncredited: 0, room, initial: FIRST_WINDOW, waiting: Vec::new() }
    }

    /// Sends a message of gRPC, as soon as there is room.
    pub(crate) fn send(&mut self, message: &[u8]) {
        self.waiting.push(0);
        // No request is longer than the four gigabytes that can be said.
        self.waiting.extend_from_slice(&u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes());
        self.waiting.extend_from_slice(message);
        self.flush();
    }

    /// Takes what the socket gave, and gives the data in it to `sink`.
    pub(crate) fn receive(&mut self, mut bytes: &[u8], sink: &mut impl FnMut(&[u8])) -> Result<(), Ended> {
        while !bytes.is_empty() {
            if self.data > 0 {
                let (data, rest) = bytes.split_at(self.data.min(bytes.len()));
                self.data -= data.len();
                self.uncredited += u32::try_from(data.len()).unwrap_or(0);
                sink(data);
                bytes = rest;
                continue;
            }
            let wanted = if self.inbox.len() < HEADER { HEADER } else { HEADER + length(&self.inbox) };
            let (part, rest) = bytes.split_at((wanted - self.inbox.len()).min(bytes.len()));
            self.inbox.extend_from_slice(part);
            bytes = rest;
            self.frame()?;
        }
        self.credit();
        Ok(())
    }

    /// Looks at the frame in the inbox, if it is whole.
    fn frame(&mut self) -> Result<(), Ended> {
        if self.inbox.len() < HEADER {
            return Ok(());
        }
        let (length, kind, flags) = (length(&self.inbox), self.inbox[3], self.inbox[4]);
        if kind == DATA {
            if flags & PADDED != 0 {
                return Err(Ended("a padded frame"));
            }
            self.data = length;
            self.inbox.clear();
            return if flags & END_STREAM == 0 { Ok(()) } else { Err(Ended("the call ended")) };
        }
        if length > MAX_CONTROL {
            return Err(Ended("a frame that is too long"));
        }
        if self.inbox.len() == HEADER + length {
            let inbox = std::mem::take(&mut self.inbox);
            self.control(kind, flags, &inbox)?;
            self.inbox = inbox;
            self.inbox.clear();
        }
        Ok(())
    }

    fn control(&mut self, kind: u8, flags: u8, inbox: &[u8]) -> Result<(), Ended> {
        let payload = inbox.get(HEADER..).unwrap_or_default();
        match kind {
            SETTINGS if flags & ACK == 0 => {
                for setting in payload.chunks_exact(6).filter(|setting| setting[..2] == [0, 4]) {
                    let initial = i64::from(number(&setting[2..]));
                    self.room[1] += initial - self.initial;
                    self.initial = initial;
                }
                frame(SETTINGS, ACK, 0, &[], &mut self.out);
                self.flush();
            }
            PING if flags & ACK == 0 => frame(PING, ACK, 0, payload, &mut self.out),
            WINDOW_UPDATE => {
                let call = number(inbox.get(5..HEADER).unwrap_or_default()) == CALL;
                self.room[usize::from(call)] += i64::from(number(payload));
                self.flush();
            }
            HEADERS if flags & END_STREAM != 0 => return Err(Ended("the server ended the call")),
            RST_STREAM => return Err(Ended("the server reset the call")),
            GOAWAY => return Err(Ended("the server is going away")),
            _ => {}
        }
        Ok(())
    }

    /// Gives the server room again, when half of it is used up.
    fn credit(&mut self) {
        if self.uncredited >= WINDOW / 2 {
            for stream in [0, CALL] {
                frame(WINDOW_UPDATE, 0, stream, &self.uncredited.to_be_bytes(), &mut self.out);
            }
            self.uncredited = 0;
        }
    }

    /// Sends what waits, as far as there is room.
    fn flush(&mut self) {
        let mut sent = 0;
        while sent < self.waiting.len() {
            let room = usize::try_from(self.room[0].min(self.room[1])).unwrap_or(0);
            let length = (self.waiting.len() - sent).min(room).min(MAX_FRAME);
            if length == 0 {
                break;
            }
            frame(DATA, 0, CALL, &self.waiting[sent..sent + length], &mut self.out);
            let used = i64::try_from(length).unwrap_or(0);
            self.room = self.room.map(|room| room - used);
            sent += length;
        }
        if sent == self.waiting.len() && self.waiting.capacity() > 4096 {
            self.waiting = Vec::new();
        } else {
            self.waiting.drain(..sent);
        }
    }
}

fn length(header: &[u8]) -> usize {
    header.iter().take(3).fold(0, |length, byte| length << 8 | usize::from(*byte))
}

/// Four bytes as a number; the first bit means nothing in HTTP/2.
fn number(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).fold(0, |number, byte| number << 8 | u32::from(*byte)) & 0x7fff_ffff
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(payload.len()).unwrap_or(0).to_be_bytes();
    out.extend_from_slice(&length[1..]);
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
}

/// The request's headers in HPACK: nothing is put into a table, and nothing is compressed.
fn headers(scheme_https: bool, authority: &str, path: &str, token: Option<&str>) -> Vec<u8> {
    // Whole entries of the static table: `:method: POST`, and the scheme.
    let mut out = vec![0x83, if scheme_https { 0x87 } else { 0x86 }];
    // Names of the static table: `:authority`, `:path`, `content-type`.
    literal(&[0x01], authority, &mut out);
    literal(&[0x04], path, &mut out);
    literal(&[0x0f, 0x10], "application/grpc", &mut out);
    let te = [&[0x00, 2][..], b"te"].concat();
    literal(&te, "trailers", &mut out);
    if let Some(token) = token {
        // `authorization`, not to be indexed by anybody.
        literal(&[0x1f, 0x08], &format!("Bearer {token}"), &mut out);
    }
    out
}

/// A header that is not to be put into a table: its name as it is, and its value.
fn literal(name: &[u8], value: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(name);
    match value.len() {
        short @ 0..127 => out.push(u8::try_from(short).unwrap_or(0)),
        long => {
            out.push(127);
            crate::wire::put_varint((long - 127) as u64, out);
        }
    }
    out.extend_from_slice(value.as_bytes());
}

#[cfg(test)]
mod tests;
