//! A mesh, a server that serves it, and the fleet that is connected to it.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustls::pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tempfile::TempDir;

use crate::args::{Args, Switch};
use crate::fleet::{Census, Fleet};
use crate::mesh::{Change, ConfigSource, NAMESPACES, Settings, Site, Size, Targets, enter, namespace};
use crate::server::{Server, Start, beside};
use crate::stats::Times;
use crate::transport::Secure;
use crate::usage::Usage;
use crate::worker::FleetConfig;

/// How long all proxies may take to have everything.
const CONNECT: Duration = Duration::from_mins(3);
/// How long a change may take to reach all.
const ARRIVE: Duration = Duration::from_mins(1);
/// After a change has reached all: for the last answers to be heard, and so that the next change meets no other.
pub(crate) const REST: Duration = Duration::from_millis(100);

/// All that runs.
pub(crate) struct Session {
    pub(crate) site: Box<dyn Site>,
    pub(crate) server: Server,
    pub(crate) fleet: Fleet,
    pub(crate) size: Size,
    config_source: ConfigSource,
    number: u32,
    // Last, so that it outlives what writes into it.
    _run: TempDir,
}

/// What the server and the proxies have been through at one time.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    pub(crate) at: Instant,
    pub(crate) usage: Usage,
    /// What this program, which plays the proxies, has used itself.
    pub(crate) own: Duration,
    /// What the API server has used, where it was started for this.
    pub(crate) config_source: Option<Duration>,
    pub(crate) census: Census,
}

/// What it took between two [`Mark`]s.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub(crate) took: Duration,
    pub(crate) processor: Duration,
    /// Of this program, not of the server.
    pub(crate) own: Duration,
    /// Of the API server and its etcd, where they were started for this.
    pub(crate) config_source: Option<Duration>,
    pub(crate) bytes: u64,
    pub(crate) responses: u64,
    pub(crate) resident: u64,
    pub(crate) peak: u64,
}

/// Runs something with a session of its own.
pub(crate) fn with<T: Send>(args: &Args, work: impl FnOnce(&mut Session) -> Result<T> + Send) -> Result<T> {
    enter(args, |config_source| work(&mut Session::start(args, config_source)?))
}

impl Session {
    /// Puts the mesh in place, starts the server and the threads. No proxy has connected.
    fn start(args: &Args, config_source: &ConfigSource) -> Result<Self> {
        let size = Size { services: args.services, ports: args.ports, pods: args.pods.into(), sidecars: args.sidecars };
        let run = TempDir::with_prefix("heddle-fleet-")?;
        let mut objects = config_source.site()?;
        size.put(&mut *objects)?;
        let server = match args.server {
            Some(address) => Server::at(address, args.pid),
            None => Server::start(&Start {
                program: args.heddled.clone(),
                run: run.path(),
                config_source,
                virtual_hosts: args.vhds == Switch::On,
                flags: &args.heddled_flag,
            })?,
        };
        let secure = if args.tls { Some(Arc::new(secure(&run)?)) } else { None };
        let address = if args.tls { server.secure.unwrap_or(server.address) } else { server.address };
        let fleet = Fleet::new(&FleetConfig { address, size, secure }, args.threads.into())?;
        Ok(Self { site: objects, server, fleet, size, config_source: config_source.clone(), number: 0, _run: run })
    }

    /// Connects all proxies with nothing in hand; the time until the last had everything.
    pub(crate) fn connect(&self) -> Result<Cost> {
        let before = self.mark()?;
        self.fleet.connect(true)?;
        self.fleet.until_complete(CONNECT)?;
        let took = before.at.elapsed();
        std::thread::sleep(REST);
        let cost = Cost { took, ..self.mark()?.since(&before) };
        self.fleet.check_equal()?;
        Ok(cost)
    }

    /// Makes a change and waits until all have it: from just before the change, how long each took.
    pub(crate) fn change(&mut self, change: Change) -> Result<Times> {
        self.number += 1;
        self.fleet.watch(&change.marker(self.number))?;
        let start = Instant::now();
        change.make(&mut *self.site, &self.size, self.number)?;
        let seen = self.fleet.until_seen(ARRIVE)?;
        Ok(seen.into_iter().map(|at| at.duration_since(start)).collect())
    }

    /// Edits settings, and does not wait.
    pub(crate) fn edit(&mut self, settings: Settings, targets: Targets) -> Result<()> {
        self.number += 1;
        settings.put(&mut *self.site, targets, self.number)
    }

    /// Makes changes of one kind, the last of which all are to wait for, and tells when the last was made.
    pub(crate) fn changes(&mut self, kinds: &[Change], count: u32, lasting: Duration) -> Result<Instant> {
        let kind = |index: u32| kinds.get(index as usize % kinds.len().max(1)).copied();
        let last = kind(count - 1).context("no kind of change")?;
        self.fleet.watch(&last.marker(self.number + count))?;
        let (start, mut made) = (Instant::now(), Instant::now());
        for index in 0..count {
            std::thread::sleep((start + lasting * index / count).saturating_duration_since(Instant::now()));
            self.number += 1;
            made = Instant::now();
            kind(index).context("no kind of change")?.make(&mut *self.site, &self.size, self.number)?;
        }
        Ok(made)
    }

    /// Waits until all have the last change that was made, and tells since when the slowest has.
    pub(crate) fn until_arrived(&self) -> Result<Instant> {
        self.fleet.until_seen(ARRIVE)?.into_iter().max().context("nobody waits for the change")
    }

    /// Has all wait for a change of this kind, and makes it.
    pub(crate) fn begin(&mut self, change: Change) -> Result<Instant> {
        self.changes(&[change], 1, Duration::ZERO)
    }

    /// The state of things.
    pub(crate) fn mark(&self) -> Result<Mark> {
        let census = self.fleet.census()?;
        let own = Usage::of(std::process::id())?.processor;
        let config_source = self.config_source.processor()?;
        Ok(Mark { at: Instant::now(), usage: self.server.usage()?, own, config_source, census })
    }
}

impl Mark {
    /// What it took since an earlier mark.
    pub(crate) fn since(&self, before: &Self) -> Cost {
        Cost {
            took: self.at - before.at,
            processor: self.usage.processor.saturating_sub(before.usage.processor),
            own: self.own.saturating_sub(before.own),
            config_source: self.config_source.zip(before.config_source).map(|(now, then)| now.saturating_sub(then)),
            bytes: self.census.received - before.census.received,
            responses: self.census.tally.responses - before.census.tally.responses,
            resident: self.usage.resident,
            peak: self.usage.peak,
        }
    }
}

/// Trust in the authority that the server made, and a token of each namespace's default account.
fn secure(run: &TempDir) -> Result<Secure> {
    let authority = run.path().join("ca");
    let mut roots = rustls::RootCertStore::empty();
    for root in CertificateDer::pem_file_iter(authority.join("root-cert.pem")).context("the authority's root")? {
        roots.add(root?)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let ctl = beside("heddlectl")?;
    let token = |namespace: String| {
        let mut command = Command::new(&ctl);
        command.args(["token", "create", "--namespace", &namespace, "--service-account", "default", "--ca-dir"]);
        let out = command.arg(&authority).output().with_context(|| ctl.display().to_string())?;
        ensure!(out.status.success(), "heddlectl token create: {}", String::from_utf8_lossy(&out.stderr));
        Ok((namespace, String::from_utf8(out.stdout)?.trim().to_owned()))
    };
    let tokens = (0..NAMESPACES).map(|index| token(namespace(index))).collect::<Result<_>>()?;
    Ok(Secure { config: Arc::new(config), name: ServerName::try_from("istiod.istio-system.svc")?, tokens })
}
