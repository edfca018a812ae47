//! Decides about a packet: a response, a query to a resolver, or nothing.

use std::net::IpAddr;

use simple_dns::rdata::{A, AAAA, CNAME, OPT, RData};
use simple_dns::{CLASS, Name, OPCODE, Packet, PacketFlag, QCLASS, QTYPE, RCODE, ResourceRecord, SimpleDnsError, TYPE};

use super::table::{Found, Table};

/// The shortest packet that has an id and flags.
const HEADER: usize = 12;
/// The TTL of our records. It is short, because services come and go.
const TTL: u32 = 30;
/// The size of a UDP message without EDNS (RFC 1035, section 2.3.4).
const SHORT: u16 = 512;
/// The largest UDP message that we read or send, whatever the client offers.
const DATAGRAM: u16 = 4096;

/// The transport of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// UDP. The response must be short.
    Datagram,
    /// TCP.
    Stream,
}

/// What to do with a packet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Send this response.
    Say(Vec<u8>),
    /// The name is not in the table: ask a resolver.
    Ask,
    /// It is not a query. A response to a response could go on without end.
    Drop,
}

/// Looks up the name of a packet. `turn` differs for each query and rotates the addresses, so that clients which use
/// the first address are spread.
pub(crate) fn step(table: &Table, packet: &[u8], transport: Transport, turn: usize) -> Step {
    let Some((id, true)) = header(packet) else { return Step::Drop };
    let asked = match Packet::parse(packet) {
        Ok(asked) => asked,
        // A resolver may have record types that we do not know.
        Err(SimpleDnsError::InvalidQType(_) | SimpleDnsError::InvalidQClass(_)) => return Step::Ask,
        Err(_) => return refusal(id, RCODE::FormatError),
    };
    if asked.opcode() != OPCODE::StandardQuery {
        return refusal(id, RCODE::NotImplemented);
    }
    let [question] = asked.questions.as_slice() else { return refusal(id, RCODE::FormatError) };
    let family = matches!(question.qtype, QTYPE::TYPE(TYPE::A | TYPE::AAAA));
    if !family || question.qclass != QCLASS::CLASS(CLASS::IN) {
        return Step::Ask;
    }
    match table.find(&question.qname.to_string()) {
        Some(found) => say(&asked, &found, question.qtype, transport, turn),
        None => Step::Ask,
    }
}

/// The response to a query that no resolver answered.
pub(crate) fn failure(packet: &[u8]) -> Option<Vec<u8>> {
    let (id, _) = header(packet)?;
    match refusal(id, RCODE::ServerFailure) {
        Step::Say(bytes) => Some(bytes),
        Step::Ask | Step::Drop => None,
    }
}

/// The id of a packet, and whether it is a query.
pub(crate) fn header(packet: &[u8]) -> Option<(u16, bool)> {
    let id = u16::from_be_bytes([*packet.first()?, *packet.get(1)?]);
    (packet.len() >= HEADER).then(|| (id, packet.get(2).is_some_and(|flags| flags & 0x80 == 0)))
}

fn say(asked: &Packet<'_>, found: &Found<'_>, family: QTYPE, transport: Transport, turn: usize) -> Step {
    let most = match (transport, asked.opt()) {
        (Transport::Stream, _) => u16::MAX,
        (Transport::Datagram, Some(opt)) => opt.udp_packet_size.clamp(SHORT, DATAGRAM),
        (Transport::Datagram, None) => SHORT,
    };
    let written = answer(asked, found, family, turn).build_bytes_vec_compressed();
    if let Some(bytes) = written.ok().filter(|bytes| bytes.len() <= usize::from(most)) {
        return Step::Say(bytes);
    }
    // The response is too long. The client retries over TCP.
    let mut short = reply(asked);
    short.set_flags(PacketFlag::TRUNCATION);
    short.build_bytes_vec_compressed().map_or(Step::Drop, Step::Say)
}

fn answer<'a>(asked: &Packet<'a>, found: &Found<'a>, family: QTYPE, turn: usize) -> Packet<'a> {
    let mut packet = reply(asked);
    let Some(question) = packet.questions.first() else { return packet };
    let mut name = question.qname.clone();
    if let Some(known) = found.alias.and_then(|known| Name::new(known).ok()) {
        packet.answers.push(ResourceRecord::new(name, CLASS::IN, TTL, RData::CNAME(CNAME(known.clone()))));
        name = known;
    }
    let data = |address: &IpAddr| match (address, family) {
        (IpAddr::V4(address), QTYPE::TYPE(TYPE::A)) => Some(RData::A(A::from(*address))),
        (IpAddr::V6(address), QTYPE::TYPE(TYPE::AAAA)) => Some(RData::AAAA(AAAA::from(*address))),
        _ => None,
    };
    let mut records: Vec<RData<'_>> = found.addresses.iter().filter_map(data).collect();
    if !records.is_empty() {
        let first = turn % records.len();
        records.rotate_left(first);
    }
    // A known name without an address of this family gets an empty response. No resolver knows more about it.
    packet.answers.extend(records.into_iter().map(|data| ResourceRecord::new(name.clone(), CLASS::IN, TTL, data)));
    packet
}

/// A response without records.
fn reply<'a>(asked: &Packet<'a>) -> Packet<'a> {
    let mut packet = Packet::new_reply(asked.id());
    packet.set_flags(PacketFlag::AUTHORITATIVE_ANSWER | PacketFlag::RECURSION_AVAILABLE);
    if asked.has_flags(PacketFlag::RECURSION_DESIRED) {
        packet.set_flags(PacketFlag::RECURSION_DESIRED);
    }
    packet.questions.clone_from(&asked.questions);
    if asked.opt().is_some() {
        *packet.opt_mut() = Some(OPT { opt_codes: Vec::new(), udp_packet_size: DATAGRAM, version: 0 });
    }
    packet
}

fn refusal(id: u16, code: RCODE) -> Step {
    let mut packet = Packet::new_reply(id);
    *packet.rcode_mut() = code;
    packet.build_bytes_vec().map_or(Step::Drop, Step::Say)
}
