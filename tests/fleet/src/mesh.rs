//! The mesh that the fleet is in: services with pods over a few namespaces, all on the same ports and seen by everyone,
//! and the changes that are made to it.

use std::net::Ipv4Addr;

mod api_server;
mod config_source;
mod folder;
mod object;
mod settings;

pub(crate) use config_source::{ConfigSource, enter};
pub(crate) use object::Object;
pub(crate) use settings::{Settings, Targets};

/// Over how many namespaces the services are spread.
pub(crate) const NAMESPACES: usize = 10;
/// A namespace without services and sidecars.
const EMPTY: &str = "empty";
/// The subset that comes and goes.
const SUBSET: &str = "canary";

/// How large a mesh is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) services: usize,
    /// Ports of each service.
    pub(crate) ports: u16,
    /// Pods of each service.
    pub(crate) pods: usize,
    /// Sidecars that connect. Those beyond the services' pods are of pods that no service selects.
    pub(crate) sidecars: usize,
}

/// A pod, which a sidecar speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pod {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) app: String,
    pub(crate) ip: Ipv4Addr,
}

/// Where objects are put for the server to see: a folder, or an API server.
pub(crate) trait Site {
    /// Adds or replaces objects, all at once; they are known by this name from then on.
    fn put(&mut self, name: &str, objects: &[Object]) -> anyhow::Result<()>;
    /// Takes away what was put under this name, or in the namespace of this name.
    fn remove(&mut self, name: &str) -> anyhow::Result<()>;
}

/// A change of one object, and what shows that it has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Change {
    /// A header that a VirtualService sets.
    VirtualService,
    /// The number of connections that a DestinationRule allows.
    DestinationRule,
    /// A DestinationRule gets a subset.
    AddSubset,
    /// The DestinationRule loses the subset.
    RemoveSubset,
    /// The address of one pod of a service.
    Endpoint,
}

impl Size {
    /// The pod of a sidecar.
    pub(crate) fn pod(&self, sidecar: usize) -> Pod {
        let (service, replica) = (sidecar / self.pods, sidecar % self.pods);
        let low = sidecar + 1;
        let ip = Ipv4Addr::from(0x0a00_0000 + u32::try_from(low).unwrap_or(0));
        if service < self.services {
            let app = app(service);
            return Pod { name: format!("{app}-{replica}"), namespace: namespace(service), app, ip };
        }
        let app = format!("client-{sidecar}");
        Pod { name: format!("{app}-0"), namespace: namespace(sidecar), app, ip }
    }

    /// Puts all of it in place, with a VirtualService and a DestinationRule for the first service.
    pub(crate) fn put(&self, into: &mut dyn Site) -> anyhow::Result<()> {
        into.put("mesh", &[object::mesh()])?;
        for index in 0..NAMESPACES {
            self.put_namespace(into, index)?;
        }
        into.put(&format!("{EMPTY}/namespace"), &[object::namespace(EMPTY)])?;
        for sidecar in self.services * self.pods..self.sidecars {
            let pod = self.pod(sidecar);
            into.put(&format!("{}/{}", pod.namespace, pod.name), &[object::pod(&pod)])?;
        }
        for change in [Change::VirtualService, Change::DestinationRule] {
            change.make(into, self, 0)?;
        }
        Ok(())
    }

    /// Puts the services of a namespace in place.
    pub(crate) fn put_namespace(&self, into: &mut dyn Site, index: usize) -> anyhow::Result<()> {
        let name = namespace(index);
        into.put(&format!("{name}/namespace"), &[object::namespace(&name)])?;
        (index..self.services).step_by(NAMESPACES).try_for_each(|service| self.put_service(into, service))
    }

    /// How many services a namespace has.
    pub(crate) fn services_in(&self, index: usize) -> usize {
        (index..self.services).step_by(NAMESPACES).count()
    }

    fn put_service(&self, into: &mut dyn Site, service: usize) -> anyhow::Result<()> {
        let pods: Vec<Pod> = (0..self.pods).map(|replica| self.pod(service * self.pods + replica)).collect();
        let (app, namespace) = (app(service), namespace(service));
        let mut objects = vec![object::service(&app, &namespace, service, self.ports)];
        objects.extend(pods.iter().map(object::pod));
        into.put(&format!("{namespace}/{app}"), &objects)?;
        let addresses: Vec<_> = pods.iter().map(|pod| (pod.ip, Some(pod))).collect();
        let endpoints = object::endpoints(&app, &namespace, self.ports, &addresses);
        into.put(&format!("{namespace}/{app}-endpoints"), &[endpoints])
    }
}

impl Pod {
    /// Its labels, as its sidecar says them too.
    pub(crate) fn labels(&self) -> Vec<(&'static str, String)> {
        vec![
            ("app", self.app.clone()),
            ("security.istio.io/tlsMode", "istio".to_owned()),
            ("service.istio.io/canonical-name", self.app.clone()),
        ]
    }
}

impl Change {
    /// Makes it for the time `number`. No two numbers give the same mesh.
    pub(crate) fn make(self, into: &mut dyn Site, size: &Size, number: u32) -> anyhow::Result<()> {
        let (app, namespace) = (app(0), namespace(0));
        let mut put_rule = |rule| into.put(&format!("{namespace}/{app}-rule"), &[rule]);
        match self {
            Self::VirtualService => into.put(
                &format!("{namespace}/{app}-route"),
                &[object::virtual_service(&app, &namespace, &header(number))],
            ),
            Self::DestinationRule => put_rule(object::destination_rule(&app, &namespace, connections(number), None)),
            Self::AddSubset => put_rule(object::destination_rule(
                &app,
                &namespace,
                connections(0),
                Some((SUBSET, connections(number))),
            )),
            Self::RemoveSubset => put_rule(object::destination_rule(&app, &namespace, connections(0), None)),
            Self::Endpoint => {
                let others = (1..size.pods).map(|replica| size.pod(replica)).collect::<Vec<_>>();
                let others = others.iter().map(|pod| (pod.ip, Some(pod)));
                let addresses: Vec<_> = std::iter::once((address(number), None)).chain(others).collect();
                let endpoints = object::endpoints(&app, &namespace, size.ports, &addresses);
                into.put(&format!("{namespace}/{app}-endpoints"), &[endpoints])
            }
        }
    }

    /// What shows it.
    pub(crate) fn marker(self, number: u32) -> crate::marker::Marker {
        use crate::marker::Marker;
        match self {
            Self::VirtualService => Marker::header(&header(number)),
            Self::DestinationRule | Self::AddSubset => Marker::connections(connections(number)),
            Self::RemoveSubset => Marker::removed(&format!("|{SUBSET}|")),
            Self::Endpoint => Marker::address(&address(number).to_string()),
        }
    }
}

/// The namespace of a service.
pub(crate) fn namespace(service: usize) -> String {
    format!("team-{}", service % NAMESPACES)
}

fn app(service: usize) -> String {
    format!("app-{service}")
}

fn header(number: u32) -> String {
    format!("edit-{number}")
}

/// Always as many bytes, so that a version's length says nothing.
fn connections(number: u32) -> u32 {
    100_000 + number
}

fn address(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(0x0ac8_0000 + number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sidecars_have_pods_of_services_and_then_of_none() {
        let size = Size { services: 2, ports: 1, pods: 3, sidecars: 7 };
        assert_eq!((size.pod(0).name.as_str(), size.pod(0).ip), ("app-0-0", Ipv4Addr::new(10, 0, 0, 1)));
        assert_eq!((size.pod(5).name.as_str(), size.pod(5).namespace.as_str()), ("app-1-2", "team-1"));
        assert_eq!((size.pod(6).app.as_str(), size.pod(6).namespace.as_str()), ("client-6", "team-6"));
    }
}
