//! Writes DER: each function returns one encoded value. Reading is x509-parser's work.

use time::OffsetDateTime;

const BOOLEAN: u8 = 0x01;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const NULL: u8 = 0x05;
const OID: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;

/// Context-specific tag `number`, constructed.
pub(crate) const fn explicit(number: u8) -> u8 {
    0xa0 | number
}

/// Context-specific tag `number`, primitive.
pub(crate) const fn implicit(number: u8) -> u8 {
    0x80 | number
}

/// Any tag with its content.
pub(crate) fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len().to_be_bytes();
    let significant = length.iter().copied().skip_while(|byte| *byte == 0).collect::<Vec<_>>();
    match (significant.as_slice(), u8::try_from(significant.len())) {
        ([], _) => out.push(0),
        ([short], _) if *short < 0x80 => out.push(*short),
        // A length of more than 127 bytes cannot be: usize has eight.
        (long, count) => {
            out.push(0x80 | count.unwrap_or(0));
            out.extend_from_slice(long);
        }
    }
    out.extend_from_slice(content);
    out
}

/// The parts, one after the other, in a SEQUENCE.
pub(crate) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tagged(SEQUENCE, &parts.concat())
}

/// A SET of one element, which needs no sorting.
pub(crate) fn set_of_one(part: &[u8]) -> Vec<u8> {
    tagged(SET, part)
}

/// A non-negative INTEGER from big-endian bytes.
pub(crate) fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let mut content = bytes.iter().copied().skip_while(|byte| *byte == 0).collect::<Vec<_>>();
    if content.first().is_none_or(|byte| *byte >= 0x80) {
        content.insert(0, 0);
    }
    tagged(INTEGER, &content)
}

/// BOOLEAN TRUE. FALSE is always a default, and DER leaves defaults out.
pub(crate) fn yes() -> Vec<u8> {
    tagged(BOOLEAN, &[0xff])
}

/// NULL.
pub(crate) fn null() -> Vec<u8> {
    tagged(NULL, &[])
}

/// An OBJECT IDENTIFIER from its content bytes (see `oid.rs`).
pub(crate) fn oid(content: &[u8]) -> Vec<u8> {
    tagged(OID, content)
}

/// An OCTET STRING.
pub(crate) fn octets(content: &[u8]) -> Vec<u8> {
    tagged(OCTET_STRING, content)
}

/// A BIT STRING whose last `unused` bits do not count.
pub(crate) fn bits(unused: u8, content: &[u8]) -> Vec<u8> {
    tagged(BIT_STRING, &[&[unused], content].concat())
}

/// A UTF8String.
pub(crate) fn text(content: &str) -> Vec<u8> {
    tagged(UTF8_STRING, content.as_bytes())
}

/// A moment as RFC 5280 wants it: UTCTime before 2050, GeneralizedTime from then on, whole seconds, UTC.
pub(crate) fn moment(at: OffsetDateTime) -> Vec<u8> {
    let at = at.to_offset(time::UtcOffset::UTC);
    let (month, day) = (u8::from(at.month()), at.day());
    let (hour, minute, second) = (at.hour(), at.minute(), at.second());
    let rest = format!("{month:02}{day:02}{hour:02}{minute:02}{second:02}Z");
    match at.year() {
        year @ 1950..2050 => tagged(UTC_TIME, format!("{:02}{rest}", year % 100).as_bytes()),
        year => tagged(GENERALIZED_TIME, format!("{:04}{rest}", year.clamp(0, 9999)).as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn lengths_take_the_shortest_form() {
        assert_eq!(tagged(4, &[]), [4, 0]);
        assert_eq!(tagged(4, &[7; 127])[..2], [4, 127]);
        assert_eq!(tagged(4, &[7; 128])[..3], [4, 0x81, 128]);
        assert_eq!(tagged(4, &[7; 256])[..4], [4, 0x82, 1, 0]);
        assert_eq!(tagged(4, &vec![7; 70000])[..5], [4, 0x83, 1, 0x11, 0x70]);
    }

    #[test]
    fn integers_stay_positive_and_minimal() {
        assert_eq!(unsigned(&[]), [2, 1, 0]);
        assert_eq!(unsigned(&[0, 0]), [2, 1, 0]);
        assert_eq!(unsigned(&[0, 0x7f]), [2, 1, 0x7f]);
        assert_eq!(unsigned(&[0x80]), [2, 2, 0, 0x80]);
    }

    #[test]
    fn times_change_their_form_in_2050() {
        assert_eq!(moment(datetime!(2049-12-31 23:59:59 UTC)), b"\x17\x0d491231235959Z");
        assert_eq!(moment(datetime!(2050-01-01 00:00:00 UTC)), b"\x18\x0f20500101000000Z");
        assert_eq!(moment(datetime!(2026-01-02 03:04:05.678 +01:00)), b"\x17\x0d260102020405Z");
    }
}
