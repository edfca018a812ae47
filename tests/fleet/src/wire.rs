//! Protobuf by hand, as far as the fleet needs it: fields are walked, not decoded.
//!
//! A proxy of the fleet wants names, versions and a marker of what may be a quarter of a megabyte; decoding it would
//! cost the machine that is being measured more than the server spends on sending it.

pub(crate) mod grpc;
pub(crate) mod http2;
pub(crate) mod request;

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// A varint.
    Number(u64),
    /// A string, bytes or a message.
    Bytes(&'a [u8]),
    /// A number of fixed size, which nobody here reads.
    Fixed,
}

/// The fields of a message, in order. Ends where the bytes make no sense.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

/// The first field of these bytes with its number and length; `None` while it is not whole.
pub(crate) fn field(bytes: &[u8]) -> Option<(usize, u32, Value<'_>)> {
    let (key, start) = varint(bytes)?;
    let number = u32::try_from(key >> 3).ok()?;
    let rest = bytes.get(start..)?;
    let (length, value) = match key & 7 {
        0 => varint(rest).map(|(value, length)| (length, Value::Number(value)))?,
        1 => rest.get(..8).map(|_| (8, Value::Fixed))?,
        2 => {
            let (length, prefix) = varint(rest)?;
            let end = prefix.checked_add(usize::try_from(length).ok()?)?;
            (end, Value::Bytes(rest.get(prefix..end)?))
        }
        5 => rest.get(..4).map(|_| (4, Value::Fixed))?,
        _ => return None,
    };
    Some((start + length, number, value))
}

/// How long the first field of these bytes will be when it is whole, if its beginning says so.
pub(crate) fn expected(bytes: &[u8]) -> Option<usize> {
    let (key, start) = varint(bytes)?;
    let (length, prefix) = (key & 7 == 2).then(|| varint(bytes.get(start..)?)).flatten()?;
    start.checked_add(prefix)?.checked_add(usize::try_from(length).ok()?)
}

/// The first field of this number that holds bytes.
pub(crate) fn bytes(message: &[u8], wanted: u32) -> Option<&[u8]> {
    all(message, wanted).next()
}

/// Every field of this number that holds bytes.
pub(crate) fn all(message: &[u8], wanted: u32) -> impl Iterator<Item = &[u8]> {
    Fields(message).filter_map(move |(number, value)| match value {
        Value::Bytes(bytes) if number == wanted => Some(bytes),
        _ => None,
    })
}

/// Appends a field that holds bytes.
pub(crate) fn put(number: u32, bytes: &[u8], out: &mut Vec<u8>) {
    put_varint(u64::from(number << 3 | 2), out);
    put_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// Appends a varint.
pub(crate) fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0;
    for (index, byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, index + 1));
        }
    }
    None
}

impl<'a> Iterator for Fields<'a> {
    type Item = (u32, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (length, number, value) = field(self.0)?;
        self.0 = self.0.get(length..)?;
        Some((number, value))
    }
}

#[cfg(test)]
mod tests {
    use heddle_xds_api::envoy::service::discovery::v3::Resource;
    use prost::Message as _;

    use super::*;

    #[test]
    fn a_message_is_walked() {
        let resource = Resource { name: "a".repeat(300), version: "7".to_owned(), ..Resource::default() };
        let encoded = resource.encode_to_vec();
        assert_eq!(bytes(&encoded, 3), Some(resource.name.as_bytes()));
        assert_eq!(bytes(&encoded, 1), Some(&b"7"[..]));
        assert_eq!(bytes(&encoded, 9), None);
    }

    #[test]
    fn what_is_put_is_read_back_and_halves_are_not() {
        let mut out = Vec::new();
        put(5, &[7; 200], &mut out);
        assert_eq!(field(&out), Some((out.len(), 5, Value::Bytes(&[7; 200]))));
        assert_eq!(expected(&out[..3]), Some(out.len()));
        for cut in 0..out.len() {
            assert_eq!(field(&out[..cut]), None);
        }
        assert_eq!(field(&[0x0b]), None, "groups are not of proto3");
        assert_eq!(varint(&[0xff; 11]), None);
    }
}
