//! What is kept of one connected proxy from one revision to the next.

use std::sync::{Arc, Mutex};

use heddle_compile::view::{self, ViewKey, view};
use heddle_model::facets::ProxyFacets;
use heddle_model::host::Host;
use heddle_model::mesh::Mesh;
use heddle_model::proxy::Proxy;
use heddle_model::service::{Endpoints, Services};
use heddle_model::snapshot::Snapshot;
use heddle_model::workload::Workloads;
use heddle_xds_api::ResourceSet;

use super::memo::Memo;

/// A view that some proxies share, and what was compiled for it.
#[derive(Debug)]
pub(super) struct View {
    pub(super) key: ViewKey,
    // A mutex, so that of many streams of one view one compiles and the others wait for that; they run on threads that
    // may block.
    pub(super) memo: Mutex<Memo>,
}

/// One connected proxy.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(super) proxy: Arc<Proxy>,
    /// Its view, and what that was told from.
    pub(super) view: Option<(Basis, Arc<View>)>,
    /// What is its own.
    pub(super) own: Arc<Mutex<Memo>>,
    /// Hosts of the services that it stands behind, as they were when its own was last compiled.
    pub(super) backed_services: Vec<Host>,
    pub(super) set: Arc<ResourceSet>,
}

/// The parts of a snapshot that say in which view a proxy is.
#[derive(Debug)]
pub(super) struct Basis {
    mesh: Arc<Mesh>,
    workloads: Arc<Workloads>,
    facets: Arc<ProxyFacets>,
    /// What stands in front of a gateway is a part of its view.
    fronts: Option<(Arc<Services>, Arc<Endpoints>)>,
}

impl Seat {
    pub(super) fn new(proxy: &Arc<Proxy>) -> Self {
        Self { proxy: proxy.clone(), view: None, own: Arc::default(), backed_services: Vec::new(), set: Arc::default() }
    }

    /// The key of its view in a snapshot; none when it cannot be another than before.
    pub(super) fn moved(&self, snapshot: &Snapshot) -> Option<ViewKey> {
        let same = self.view.as_ref().is_some_and(|(basis, _)| basis.is_of(snapshot));
        (!same).then(|| view(snapshot, &self.proxy))
    }

    /// Notes the services that it stands behind.
    pub(super) fn note_targets(&mut self, snapshot: &Snapshot) {
        self.backed_services =
            view::backed_services(snapshot, &self.proxy).into_iter().map(|(service, _)| service.host.clone()).collect();
    }
}

impl Basis {
    pub(super) fn new(snapshot: &Snapshot, proxy: &Proxy) -> Self {
        Self {
            mesh: snapshot.mesh.clone(),
            workloads: snapshot.workloads.clone(),
            facets: snapshot.facets.clone(),
            fronts: proxy.is_gateway().then(|| (snapshot.services.clone(), snapshot.endpoints.clone())),
        }
    }

    fn is_of(&self, snapshot: &Snapshot) -> bool {
        let same_fronts = self.fronts.as_ref().is_none_or(|(services, endpoints)| {
            Arc::ptr_eq(services, &snapshot.services) && Arc::ptr_eq(endpoints, &snapshot.endpoints)
        });
        same_fronts
            && Arc::ptr_eq(&self.mesh, &snapshot.mesh)
            && Arc::ptr_eq(&self.workloads, &snapshot.workloads)
            && Arc::ptr_eq(&self.facets, &snapshot.facets)
    }
}
