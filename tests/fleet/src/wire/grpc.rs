//! Cuts a call's data into the fields of its messages, each as soon as it is whole: the first resources of a long
//! response are seen while the last are on the way, and of a response no more is kept than the resource under way.

use super::{self as wire, Value};

/// The byte for compression and four for the length.
const PREFIX: usize = 5;
/// Buffers larger than this go back to be used for others.
const LARGE: usize = 4096;

/// What comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// A field of the message under way.
    Field(u32, Value<'a>),
    /// The message is at its end.
    End,
}

/// A message under way.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    prefix: Vec<u8>,
    /// Bytes of the message that are still to come.
    left: usize,
    /// The field under way, if it did not come in one piece.
    field: Vec<u8>,
}

impl Messages {
    /// Takes data, and gives what is whole to `sink`. Large buffers come from `spare` and go there.
    pub(crate) fn receive(&mut self, mut bytes: &[u8], spare: &mut Vec<Vec<u8>>, sink: &mut impl FnMut(Piece<'_>)) {
        while !bytes.is_empty() {
            if self.prefix.len() < PREFIX {
                let (part, rest) = bytes.split_at((PREFIX - self.prefix.len()).min(bytes.len()));
                self.prefix.extend_from_slice(part);
                bytes = rest;
                if self.prefix.len() < PREFIX {
                    return;
                }
                self.left = self.prefix.iter().skip(1).fold(0, |length, byte| length << 8 | usize::from(*byte));
            }
            let (part, rest) = bytes.split_at(self.left.min(bytes.len()));
            (self.left, bytes) = (self.left - part.len(), rest);
            self.fields(part, spare, sink);
            if self.left == 0 {
                self.prefix.clear();
                self.field.clear();
                sink(Piece::End);
            }
        }
    }

    fn fields(&mut self, part: &[u8], spare: &mut Vec<Vec<u8>>, sink: &mut impl FnMut(Piece<'_>)) {
        if self.field.is_empty() {
            let rest = whole(part, sink);
            if !rest.is_empty() {
                self.begin(rest, spare);
            }
            return;
        }
        self.field.extend_from_slice(part);
        if wire::expected(&self.field).is_some_and(|length| length > self.field.len()) {
            return;
        }
        let field = std::mem::take(&mut self.field);
        let rest = whole(&field, sink);
        if !rest.is_empty() {
            self.begin(rest, spare);
        }
        if field.capacity() > LARGE {
            spare.push(field);
        }
    }

    fn begin(&mut self, bytes: &[u8], spare: &mut Vec<Vec<u8>>) {
        let length = wire::expected(bytes).unwrap_or(bytes.len()).max(bytes.len());
        self.field = if length > LARGE { spare.pop().unwrap_or_default() } else { Vec::new() };
        self.field.clear();
        self.field.reserve(length);
        self.field.extend_from_slice(bytes);
    }
}

/// Gives all whole fields away; what is left.
fn whole<'a>(mut bytes: &'a [u8], sink: &mut impl FnMut(Piece<'_>)) -> &'a [u8] {
    while let Some((length, number, value)) = wire::field(bytes) {
        sink(Piece::Field(number, value));
        bytes = bytes.get(length..).unwrap_or_default();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_out_whole_however_they_are_cut() {
        let mut body = Vec::new();
        wire::put(1, b"7", &mut body);
        wire::put(2, &[5; 9000], &mut body);
        wire::put(2, &[6; 130], &mut body);
        wire::put(5, b"nonce", &mut body);
        let mut bytes = vec![0];
        bytes.extend_from_slice(&u32::try_from(body.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(&body);
        let two = [bytes.clone(), vec![0; 5], bytes].concat();
        for cut in (1..200).chain(8000..9200) {
            let (mut messages, mut spare, mut seen) = (Messages::default(), Vec::new(), Vec::new());
            for part in two.chunks(cut) {
                messages.receive(part, &mut spare, &mut |piece| match piece {
                    Piece::Field(number, Value::Bytes(bytes)) => seen.push((number, bytes.len())),
                    Piece::Field(..) => unreachable!(),
                    Piece::End => seen.push((0, 0)),
                });
            }
            let one = [(1, 1), (2, 9000), (2, 130), (5, 5), (0, 0)];
            assert_eq!(seen, [&one[..], &[(0, 0)], &one[..]].concat(), "cut at {cut}");
        }
    }
}
