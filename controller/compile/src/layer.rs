//! Layers: what is compiled for one view, or for one proxy alone, and kept from one revision to the next.
//!
//! A layer is compiled in sections. Each section notes what it asks of the snapshot ([`crate::tracked`]); a later
//! revision compiles again the sections of which some answer differs, and no other.

mod entries;
mod own;
mod routes;
mod view;

pub(crate) use entries::Entries;
pub(crate) use own::OwnLayer;
pub(crate) use view::ViewLayer;

use std::sync::Arc;

use heddle_xds_api::{Layer, ResourceMap, TypeUrl};

use crate::{
    memo::Memo,
    tracked::{Delta, Revision},
};

/// What a layer needs to follow a revision.
#[derive(Clone, Copy)]
pub(crate) struct Update<'a> {
    /// The revision.
    pub(crate) revision: &'a Revision,
    /// In what it differs from an older one.
    pub(crate) delta: &'a dyn Fn(&Revision) -> Arc<Delta>,
    /// What was compiled before.
    pub(crate) memo: &'a Memo,
}

/// The layer with these resources; nothing, if it has the same already.
fn published<'a>(layer: &Layer, maps: impl IntoIterator<Item = (TypeUrl, &'a Arc<ResourceMap>)>) -> Option<Arc<Layer>> {
    let differs =
        |(type_url, map): &(TypeUrl, &Arc<ResourceMap>)| layer.get(*type_url).is_none_or(|old| !Arc::ptr_eq(old, map));
    let fresh: Vec<_> = maps.into_iter().filter(differs).collect();
    (!fresh.is_empty()).then(|| {
        let mut layer = layer.clone();
        for (type_url, map) in fresh {
            layer.set(type_url, map.clone());
        }
        Arc::new(layer)
    })
}
