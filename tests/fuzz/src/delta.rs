//! Discovery requests of both protocols against the subscription's state machine, with a model of the client as oracle.
//!
//! One half plays a client that keeps the rules, in any interleaving of requests, answers, rejections, reconnects and
//! changes: in the end it holds exactly the last set, and was sent nothing that it held. The other half keeps no rules
//! at all, and speaks of all types on one stream: nothing may break, and nothing may pile up.

mod client;
mod rude;

use heddle_xds_api::TypeUrl;
use heddle_xds_api::subscription::Protocol;

use client::Client;

/// Actions of one input.
const MAX_ACTIONS: usize = 400;

/// How a client behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// It keeps the rules, and asks for the type that this number stands for.
    Rules(u8),
    /// It keeps none.
    Rude,
}

/// The first byte says which half, protocol and type; each pair of bytes after it is an action.
pub fn run(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let protocol = if first & 1 == 0 { Protocol::Delta } else { Protocol::State };
    let half = if first & 2 == 0 { Half::Rules(first >> 2) } else { Half::Rude };
    act(half, protocol, rest.chunks_exact(2).take(MAX_ACTIONS).map(|pair| (pair[0], pair[1])));
}

/// Lets a client act, and judges what came of it. An action is a verb and what it is done to.
pub fn act(half: Half, protocol: Protocol, actions: impl IntoIterator<Item = (u8, u8)>) {
    let Half::Rules(kind) = half else { return rude::run(protocol, actions.into_iter()) };
    // Virtual hosts belong to route configurations; the other half has both.
    let types = TypeUrl::ALL.map(|one| if one == TypeUrl::VirtualHost { TypeUrl::Cluster } else { one });
    let mut client = Client::new(types[usize::from(kind) % types.len()], protocol);
    for (verb, object) in actions {
        client.act(verb, object);
    }
    client.finish();
}
