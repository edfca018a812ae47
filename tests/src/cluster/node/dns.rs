//! A question to the cluster's DNS, as a pod's resolver asks it.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::net::UdpSocket;

use super::PodNetwork;

/// The Service that the kubelet tells pods of.
const SERVER: &str = "10.96.0.10:53";

/// The first IPv4 address of a name, asked from within a pod.
pub(super) async fn lookup(pod_network: &PodNetwork, name: &str) -> Result<IpAddr> {
    let question = question(name);
    let ask = async move {
        let socket = UdpSocket::bind("0.0.0.0:0").await?;
        socket.connect(SERVER).await?;
        let mut answer = [0; 512];
        for _ in 0..3 {
            socket.send(&question).await?;
            if let Ok(length) = tokio::time::timeout(Duration::from_secs(2), socket.recv(&mut answer)).await {
                return Ok((answer, length?, question.len()));
            }
        }
        anyhow::bail!("no answer of {SERVER}")
    };
    let (answer, length, asked) = pod_network.run(ask).await.with_context(|| format!("look up {name}"))?;
    address(&answer[..length], asked).with_context(|| format!("no address of {name}"))
}

/// One question, for A records, with recursion wanted.
fn question(name: &str) -> Vec<u8> {
    let mut bytes = vec![0x1d, 0xe5, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.trim_end_matches('.').split('.') {
        bytes.push(u8::try_from(label.len()).unwrap_or_default());
        bytes.extend(label.bytes());
    }
    bytes.extend([0, 0, 1, 0, 1]);
    bytes
}

/// The first A record of an answer whose question took so many bytes with the head.
fn address(answer: &[u8], asked: usize) -> Result<IpAddr> {
    let count = answer.get(6..8).map_or(0, |count| u16::from_be_bytes([count[0], count[1]]));
    let mut at = asked;
    for _ in 0..count {
        // A name: a pointer of two bytes, or labels to the empty one.
        while answer.get(at).is_some_and(|length| *length != 0 && *length < 0xc0) {
            at += usize::from(answer[at]) + 1;
        }
        at += if answer.get(at).is_some_and(|byte| *byte >= 0xc0) { 2 } else { 1 };
        let record = answer.get(at..at + 10).context("a record that ends too early")?;
        let (kind, length) = (record[1], usize::from(u16::from_be_bytes([record[8], record[9]])));
        let data = answer.get(at + 10..at + 10 + length).context("a record that ends too early")?;
        if kind == 1 && length == 4 {
            return Ok(Ipv4Addr::new(data[0], data[1], data[2], data[3]).into());
        }
        at += 10 + length;
    }
    ensure!(answer.len() > 3, "no answer");
    anyhow::bail!("code {} with {count} records", answer[3] & 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_a_record_is_read() {
        let asked = question("a.b");
        assert_eq!(asked.len(), 12 + 5 + 4);
        let mut answer = asked.clone();
        answer[7] = 2;
        answer.extend([0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 5, 0, 2, 0xc0, 12]);
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 10, 1, 2, 3]);
        assert_eq!(address(&answer, asked.len()).unwrap(), IpAddr::from([10, 1, 2, 3]));
        answer[7] = 1;
        assert!(address(&answer, asked.len()).is_err());
        assert!(address(&answer[..20], asked.len()).is_err());
    }
}
