//! The capture of a pod's traffic, by the real kernel: a network namespace is the pod, another the rest of the world,
//! and iptables writes what `heddle-agent capture` tells it.
//!
//! It needs root and iptables, and fails without them.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use heddle_tests::product;
use nix::sched::{CloneFlags, setns};

const POD: &str = "10.77.0.2";
const WORLD: &str = "10.77.0.1";
const POD_6: &str = "fd77::2";
const WORLD_6: &str = "fd77::1";
const FLAGS: &str = "-p 15001 -z 15006 -u 1337 -m REDIRECT -i * -x 10.77.9.0/24,fd77:9::/64 -b * -d 15090,2222 -o 8025";

/// Two namespaces with a cable between them; both go with the value.
struct Net {
    pod: String,
    world: String,
}

#[test]
fn traffic_goes_through_the_proxy_and_comes_back_when_it_is_cleaned_up() -> Result<()> {
    let net = Net::new("redirect")?;
    net.listen_everywhere()?;
    assert_eq!(net.said_to_world(&format!("{POD}:8080"))?, "application", "nothing is captured yet");
    net.capture(FLAGS)?;
    for (pod, world, outside) in [(POD, WORLD, "10.77.9.1"), (POD_6, WORLD_6, "fd77:9::1")] {
        let at = |host: &str, port: u16| SocketAddr::new(host.parse().expect("an address"), port).to_string();
        assert_eq!(net.said_to_world(&at(pod, 8080))?, "inbound");
        assert_eq!(net.said_to_world(&at(pod, 2222))?, "excluded", "-d");
        assert_eq!(net.said_to_pod(0, &at(world, 80))?, "outbound");
        assert_eq!(net.said_to_pod(0, &at(world, 8025))?, "world", "-o");
        assert_eq!(net.said_to_pod(0, &at(outside, 80))?, "world", "-x");
        assert_eq!(net.said_to_pod(1337, &at(world, 80))?, "world", "the proxy's own call");
        assert_eq!(net.said_to_pod(1337, &at(pod, 8080))?, "inbound", "the proxy calls its own pod");
        assert_eq!(net.said_to_pod(0, &at(pod, 8080))?, "application", "the application calls itself");
        let loopback = if pod == POD { "127.0.0.1" } else { "::1" };
        assert_eq!(net.said_to_pod(0, &at(loopback, 8080))?, "application");
        assert_eq!(net.said_to_pod(1337, &at(loopback, 8080))?, "application", "the proxy calls the application");
    }
    net.capture("--cleanup-only")?;
    assert_eq!(net.rules()?, "", "nothing is left");
    assert_eq!(net.said_to_world(&format!("{POD}:8080"))?, "application");
    assert_eq!(net.said_to_pod(0, &format!("{WORLD}:80"))?, "world");
    Ok(())
}

#[test]
fn the_same_flags_twice_leave_the_same_rules_and_others_take_their_place() -> Result<()> {
    let net = Net::new("twice")?;
    let resolv = tempfile::NamedTempFile::new()?;
    std::fs::write(&resolv, "nameserver 10.77.0.1\nnameserver fd77::1\n")?;
    let dns = format!("{FLAGS} -k net1 -c eth9 --redirect-dns --resolv-conf {}", resolv.path().display());
    for flags in [dns.as_str(), "-m TPROXY -b * -i *", FLAGS] {
        net.capture(flags)?;
        let once = net.rules()?;
        ensure!(once.contains("ISTIO_"), "{flags}: {once}");
        net.capture(flags)?;
        assert_eq!(net.rules()?, once, "{flags}");
    }
    let fresh = net.rules()?;
    net.capture("--cleanup-only")?;
    assert_eq!(net.rules()?, "");
    net.capture(FLAGS)?;
    assert_eq!(net.rules()?, fresh, "nothing of other flags was left");
    Ok(())
}

#[test]
fn a_dry_run_writes_nothing_and_validation_tells_the_difference() -> Result<()> {
    let net = Net::new("dry")?;
    let said = net.capture(&format!("{FLAGS} --dry-run"))?;
    ensure!(said.contains("*nat") && said.contains("-A OUTPUT -p tcp -j ISTIO_OUTPUT"), "{said}");
    assert_eq!(net.rules()?, "");
    let unseen = net.agent(&format!("{FLAGS} --run-validation --skip-rule-apply"), 1337)?;
    ensure!(!unseen.status.success(), "validation passes without rules");
    net.capture(FLAGS)?;
    let seen = net.agent(&format!("{FLAGS} --run-validation --skip-rule-apply"), 1337)?;
    ensure!(seen.status.success(), "{}", String::from_utf8_lossy(&seen.stderr));
    Ok(())
}

impl Net {
    fn new(name: &str) -> Result<Self> {
        ensure!(nix::unistd::geteuid().is_root(), "network namespaces and their rules need root");
        for program in ["iptables", "ip6tables", "ip", "setpriv"] {
            let there = Command::new(program).arg("--version").output();
            there.with_context(|| format!("{program} is missing: apt-get install iptables iproute2 util-linux"))?;
        }
        let id = format!("heddle-{name}-{}", std::process::id());
        let net = Self { pod: format!("{id}-pod"), world: format!("{id}-world") };
        for namespace in [&net.pod, &net.world] {
            ip(&["netns", "add", namespace])?;
            ip(&["-n", namespace, "link", "set", "lo", "up"])?;
        }
        let (pod, world) = (net.pod.as_str(), net.world.as_str());
        ip(&["-n", pod, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", world])?;
        let addresses = [
            (pod, POD, "24"),
            (world, WORLD, "24"),
            (world, "10.77.9.1", "24"),
            (pod, POD_6, "64"),
            (world, WORLD_6, "64"),
            (world, "fd77:9::1", "64"),
        ];
        for (namespace, address, mask) in addresses {
            let (address, v6) = (format!("{address}/{mask}"), address.contains(':'));
            let add = ["-n", namespace, "addr", "add", &address, "dev", "eth0"];
            ip(&add.into_iter().chain(v6.then_some("nodad")).collect::<Vec<_>>())?;
        }
        for namespace in [pod, world] {
            ip(&["-n", namespace, "link", "set", "eth0", "up"])?;
            ip(&["-n", namespace, "route", "replace", "default", "dev", "eth0"])?;
            ip(&["-n", namespace, "-6", "route", "replace", "default", "dev", "eth0"])?;
        }
        Ok(net)
    }

    /// Whoever answers says who it is.
    fn listen_everywhere(&self) -> Result<()> {
        let in_pod = [(15001, "outbound"), (15006, "inbound"), (8080, "application"), (2222, "excluded")];
        let in_world = [(80, "world"), (8025, "world")];
        for (namespace, listeners) in [(&self.pod, &in_pod[..]), (&self.world, &in_world[..])] {
            for (port, word) in listeners {
                let listener = inside(namespace, || TcpListener::bind(("::", *port)))??;
                let word = (*word).to_owned();
                std::thread::spawn(move || {
                    while let Ok((mut stream, _)) = listener.accept() {
                        let _ = stream.write_all(word.as_bytes());
                    }
                });
            }
        }
        Ok(())
    }

    fn said_to_world(&self, to: &str) -> Result<String> {
        let to: SocketAddr = to.parse()?;
        inside(&self.world, || -> Result<String> {
            let mut stream = TcpStream::connect_timeout(&to, Duration::from_secs(5)).context(to)?;
            stream.set_read_timeout(Some(Duration::from_secs(5)))?;
            let mut said = String::new();
            stream.read_to_string(&mut said)?;
            Ok(said)
        })?
    }

    /// Who answers a user's call from the pod.
    fn said_to_pod(&self, user: u32, to: &str) -> Result<String> {
        let to: SocketAddr = to.parse()?;
        let script = format!("exec 3<>/dev/tcp/{}/{} && timeout 5 cat <&3", to.ip(), to.port());
        let out = self.run(user, &["bash", "-c", &script])?;
        ensure!(out.status.success(), "user {user} to {to}: {}", String::from_utf8_lossy(&out.stderr));
        Ok(String::from_utf8(out.stdout)?)
    }

    fn capture(&self, flags: &str) -> Result<String> {
        let out = self.agent(flags, 0)?;
        ensure!(out.status.success(), "{flags}: {}", String::from_utf8_lossy(&out.stderr));
        Ok(String::from_utf8(out.stdout)?)
    }

    fn agent(&self, flags: &str, user: u32) -> Result<Output> {
        let agent = product::binary("heddle-agent")?.display().to_string();
        let command: Vec<&str> = [agent.as_str(), "capture"].into_iter().chain(flags.split_whitespace()).collect();
        self.run(user, &command)
    }

    fn run(&self, user: u32, command: &[&str]) -> Result<Output> {
        let id = user.to_string();
        let mut run = Command::new("ip");
        run.args(["netns", "exec", &self.pod, "setpriv", "--reuid", &id, "--regid", &id, "--clear-groups"]);
        Ok(run.args(command).output()?)
    }

    /// All rules and chains of ours, of both families, without what counts packets.
    fn rules(&self) -> Result<String> {
        let mut all = String::new();
        for program in ["iptables-save", "ip6tables-save"] {
            let out = self.run(0, &[program])?;
            ensure!(out.status.success(), "{program}: {}", String::from_utf8_lossy(&out.stderr));
            let text = String::from_utf8(out.stdout)?;
            let lines = text.lines().filter(|line| line.starts_with("-A") || line.starts_with(":ISTIO_"));
            for line in lines {
                all.push_str(line.split(" [").next().unwrap_or(line));
                all.push('\n');
            }
        }
        Ok(all)
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for namespace in [&self.pod, &self.world] {
            let _ = ip(&["netns", "del", namespace]);
        }
    }
}

/// Runs in a namespace, on a thread of its own: a thread's namespace cannot be given back to others.
fn inside<T: Send>(namespace: &str, act: impl FnOnce() -> T + Send) -> Result<T> {
    let file = File::open(format!("/var/run/netns/{namespace}"))?;
    std::thread::scope(|scope| {
        let thread = scope.spawn(move || -> Result<T> {
            setns(file, CloneFlags::CLONE_NEWNET)?;
            Ok(act())
        });
        thread.join().map_err(|_| anyhow::anyhow!("the thread in {namespace} broke off"))?
    })
}

fn ip(args: &[&str]) -> Result<()> {
    let out = Command::new("ip").args(args).output().context("ip")?;
    ensure!(out.status.success(), "ip {}: {}", args.join(" "), String::from_utf8_lossy(&out.stderr));
    Ok(())
}
