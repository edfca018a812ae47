//! Frames, read and written.

use super::*;

fn opened() -> Connection {
    let mut connection = Connection::open(false, "server", "/path", None);
    connection.out.clear();
    connection
}

fn frames(bytes: &[u8]) -> Vec<(u8, u8, usize)> {
    let (mut found, mut rest) = (Vec::new(), bytes);
    while !rest.is_empty() {
        let length = length(rest);
        found.push((rest[3], rest[4], length));
        rest = &rest[HEADER + length..];
    }
    found
}

#[test]
fn data_comes_out_as_it_went_in_however_it_is_cut() {
    let mut bytes = Vec::new();
    frame(SETTINGS, 0, 0, &[0, 4, 0, 1, 0, 0], &mut bytes);
    frame(DATA, 0, CALL, &[1; 300], &mut bytes);
    frame(PING, 0, 0, &[9; 8], &mut bytes);
    frame(DATA, 0, CALL, &[2; 70], &mut bytes);
    for cut in 1..bytes.len() {
        let (mut connection, mut data) = (opened(), Vec::new());
        for part in bytes.chunks(cut) {
            connection.receive(part, &mut |bytes| data.extend_from_slice(bytes)).unwrap();
        }
        assert_eq!(data, [vec![1; 300], vec![2; 70]].concat());
        assert_eq!(frames(&connection.out), [(SETTINGS, ACK, 0), (PING, ACK, 8)]);
        assert_eq!(connection.initial, 65_536);
    }
}

#[test]
fn no_more_is_sent_than_there_is_room_for() {
    let mut connection = opened();
    connection.send(&vec![0; 100_000]);
    let sent = |connection: &Connection| frames(&connection.out).iter().map(|(_, _, length)| length).sum::<usize>();
    assert_eq!(sent(&connection), 65_535);
    let mut more = Vec::new();
    frame(WINDOW_UPDATE, 0, 0, &50_000_u32.to_be_bytes(), &mut more);
    connection.receive(&more, &mut |_| ()).unwrap();
    assert_eq!(sent(&connection), 65_535, "the call has no room yet");
    more.clear();
    frame(WINDOW_UPDATE, 0, CALL, &50_000_u32.to_be_bytes(), &mut more);
    connection.receive(&more, &mut |_| ()).unwrap();
    assert_eq!(sent(&connection), 100_005);
}

#[test]
fn the_server_is_given_room_again() {
    let mut connection = opened();
    let mut bytes = Vec::new();
    frame(DATA, 0, CALL, &[0; 16_000], &mut bytes);
    for _ in 0..=WINDOW / 16_000 / 2 {
        connection.receive(&bytes, &mut |_| ()).unwrap();
    }
    assert_eq!(frames(&connection.out), [(WINDOW_UPDATE, 0, 4), (WINDOW_UPDATE, 0, 4)]);
}

#[test]
fn every_end_is_noticed() {
    for (kind, flags) in [(HEADERS, END_STREAM), (DATA, END_STREAM), (RST_STREAM, 0), (GOAWAY, 0), (DATA, PADDED)] {
        let mut bytes = Vec::new();
        frame(kind, flags, CALL, &[0; 8], &mut bytes);
        assert!(opened().receive(&bytes, &mut |_| ()).is_err(), "{kind}");
    }
}

#[test]
fn a_long_header_has_its_length_in_pieces() {
    let mut out = Vec::new();
    literal(&[0x01], &"x".repeat(1337 + 127), &mut out);
    assert_eq!(out[..4], [0x01, 127, 0xb9, 0x0a]);
}
