//! Route configurations whose virtual hosts are sent one by one (VHDS), and whether the client holds them.
//!
//! Envoy accepts virtual hosts only of the route configurations that it holds, and removes them with these. It does not
//! report which it holds, so that is derived from what was sent. Virtual hosts are sent after their route configuration
//! ("Eventual consistency considerations"). A route configuration that no longer uses VHDS is sent after the removal of
//! its last virtual hosts: Envoy would keep, and use again, those that were not removed.

use std::sync::Arc;

use heddle_xds_api::{
    Resource, TypeUrl,
    subscription::{Reply, Subscription},
};

use super::Push;

impl Push {
    /// Opens and closes the collections of virtual hosts by the routes that the client holds now.
    pub(super) fn follow_routes(&mut self) {
        let [Some(mut hosts), Some(routes)] = [TypeUrl::VirtualHost, TypeUrl::Route].map(|one| self.slots.take(one))
        else {
            return;
        };
        let (members, configurations) = (&mut hosts.subscription, &routes.subscription);
        let names = || configurations.names().into_iter().flatten();
        for open in members.collections().cloned().collect::<Vec<_>>() {
            let dropped = configurations.lacks(&open) || configurations.names().is_some_and(|all| !all.contains(&open));
            if dropped {
                members.close(&open, true);
            }
        }
        for name in names().filter(|name| configurations.holds(name)) {
            if configurations.wanted(name).is_some_and(|one| leaves_members(one)) && !members.is_open(name) {
                members.open(name, false);
            }
        }
        self.slots.put(TypeUrl::VirtualHost, hosts);
        self.slots.put(TypeUrl::Route, routes);
    }

    /// Notes what a response with routes changes.
    pub(super) fn routes_sent(&mut self, reply: &Reply) {
        let doubtful = std::mem::take(&mut self.doubtful_routes);
        let Some(slot) = self.slots.get_mut(TypeUrl::VirtualHost) else { return };
        let members = &mut slot.subscription;
        for configuration in &reply.resources {
            let (name, open) = (configuration.name(), members.is_open(configuration.name()));
            match (leaves_members(configuration), open) {
                (true, true) if !doubtful => {}
                (true, _) => members.open(name, true),
                (false, true) => members.close(name, false),
                (false, false) => {}
            }
        }
        for gone in &reply.removed {
            members.close(gone, false);
        }
    }

    /// Whether a route configuration must wait for the removal of its last virtual hosts.
    pub(super) fn waits_for_members(&self, configuration: &Resource) -> bool {
        let members = self.subscription(TypeUrl::VirtualHost).filter(|members| members.is_started());
        !leaves_members(configuration) && members.is_some_and(|members| members.owes_members(configuration.name()))
    }

    /// Whether this virtual host may be removed: its route configuration stays. If that goes too, Envoy removes both.
    pub(super) fn outlives(&self, virtual_host: &str) -> bool {
        let parent = heddle_xds_api::subscription::collection_of(virtual_host);
        parent.is_some_and(|parent| self.set.get(TypeUrl::Route, parent).is_some())
    }

    /// Whether the client is going to subscribe to virtual hosts: it holds, or is sent, routes that use VHDS.
    pub(super) fn needs_members(&self) -> bool {
        let routes = self.subscription(TypeUrl::Route);
        let held =
            |routes: &Subscription| routes.names().is_none_or(|names| names.iter().any(|name| self.leaves(name)));
        routes.is_some_and(held)
    }

    fn leaves(&self, configuration: &Arc<str>) -> bool {
        self.set.get(TypeUrl::Route, configuration).is_some_and(|one| leaves_members(one))
    }
}

fn leaves_members(configuration: &Resource) -> bool {
    configuration.references().iter().any(|reference| reference.type_url == TypeUrl::VirtualHost)
}
