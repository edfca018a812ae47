//! The one way in: follows proxies from revision to revision.
//!
//! `heddled`, `heddlectl`, the goldens and the fuzzers all call [`Compiler::update`], so that what ships is what is
//! tested.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use heddle_model::{issue::Issue, object::ObjectRef, proxy::Proxy, snapshot::Snapshot};
use heddle_xds_api::{ResourceSet, TypeUrl};

use crate::{
    layer::{OwnLayer, Update, ViewLayer},
    memo::Memo,
    tracked::{Client, Delta, Questions, Revision},
    view::{ViewKey, view},
};

/// Entries beyond which those that no session holds are looked for.
const FEW: usize = 64;

/// Compiles, and remembers what it compiled as long as some session holds it.
#[derive(Debug, Default)]
pub struct Compiler {
    memo: Memo,
    // Mutexes: sessions are updated on many threads, and hold these for a look-up only.
    views: Mutex<BTreeMap<ViewKey, Weak<View>>>,
    owns: Mutex<Owns>,
    compared: Mutex<Option<Compared>>,
}

/// One proxy, followed from revision to revision.
#[derive(Debug)]
pub struct Session {
    proxy: Arc<Proxy>,
    /// Its view, the snapshot in which it was told last, and what that asked.
    view: Option<Arc<View>>,
    of: Option<Revision>,
    reads: Questions,
    own: Arc<Mutex<OwnLayer>>,
    set: Arc<ResourceSet>,
    compiled: usize,
}

/// A view that some sessions share.
#[derive(Debug)]
struct View {
    key: Arc<ViewKey>,
    client: Client,
    // A mutex, so that of many sessions of one view one compiles, and the others wait for that.
    layer: Mutex<ViewLayer>,
}

/// What is each proxy's own, to be asked for issues.
#[derive(Debug, Default)]
struct Owns {
    all: Vec<Weak<Mutex<OwnLayer>>>,
    /// How many there are when the dead are looked for next.
    sweep_at: usize,
}

/// The last two revisions that were compared, and in what they differ.
#[derive(Debug)]
struct Compared {
    old: u64,
    new: u64,
    delta: Arc<Delta>,
}

impl Compiler {
    /// Begins to follow a proxy.
    #[must_use]
    pub fn open(&self, proxy: &Arc<Proxy>) -> Session {
        let own = Arc::new(Mutex::new(OwnLayer::new(proxy)));
        let mut owns = lock(&self.owns);
        if owns.all.len() >= owns.sweep_at {
            owns.all.retain(|own| own.strong_count() > 0);
            owns.sweep_at = (owns.all.len() * 2).max(FEW);
        }
        owns.all.push(Arc::downgrade(&own));
        let (view, of, reads) = (None, None, Questions::default());
        Session { proxy: proxy.clone(), view, of, reads, own, set: Arc::default(), compiled: 0 }
    }

    /// All resources of the proxy in a revision, of all types. What did not change since the last time is the same
    /// `Arc`.
    pub fn update(&self, session: &mut Session, snapshot: &Arc<Snapshot>) -> Arc<ResourceSet> {
        session.compiled = 0;
        let revision = Revision::new(snapshot);
        let delta = |old: &Revision| self.delta(old, &revision);
        let update = Update { revision: &revision, delta: &delta, memo: &self.memo };
        let view = self.view(session, update);
        let shared = {
            let mut layer = lock(&view.layer);
            session.compiled += usize::from(layer.update(update));
            layer.layer().clone()
        };
        let own = {
            let mut layer = lock(&session.own);
            session.compiled += usize::from(layer.update(update, (&view.key, &view.client)));
            layer.layer().clone()
        };
        if !(Arc::ptr_eq(&shared, &session.set.shared) && Arc::ptr_eq(&own, &session.set.own)) {
            session.set = Arc::new(ResourceSet { shared, own });
        }
        session.set.clone()
    }

    /// What is wrong with the objects behind all that sessions hold.
    #[must_use]
    pub fn issues(&self) -> BTreeSet<Issue> {
        let views: Vec<Arc<View>> = lock(&self.views).values().filter_map(Weak::upgrade).collect();
        let owns: Vec<_> = lock(&self.owns).all.iter().filter_map(Weak::upgrade).collect();
        let of_views = views.iter().flat_map(|view| lock(&view.layer).issues().cloned().collect::<Vec<_>>());
        let of_owns = owns.iter().flat_map(|own| lock(own).issues().cloned().collect::<Vec<_>>());
        of_views.chain(of_owns).collect()
    }

    /// The objects that a resource of a proxy came from.
    #[must_use]
    pub fn sources(&self, session: &Session, type_url: TypeUrl, name: &str) -> Vec<Arc<ObjectRef>> {
        let own = lock(&session.own).sources(type_url, name).to_vec();
        let shared = || session.view.as_ref().map(|view| lock(&view.layer).sources(type_url, name).to_vec());
        if own.is_empty() { shared().unwrap_or_default() } else { own }
    }

    /// How many layers sessions may hold.
    #[must_use]
    pub fn layers(&self) -> usize {
        lock(&self.views).len() + lock(&self.owns).all.len()
    }

    /// The view that a proxy is in. It is found again only where something differs that it was told from.
    fn view(&self, session: &mut Session, update: Update<'_>) -> Arc<View> {
        if let (Some(old), Some(view)) = (&session.of, &session.view) {
            if old.number() >= update.revision.number() {
                return view.clone();
            }
            let delta = (update.delta)(old);
            if !session.reads.differ((old, update.revision), &delta, &view.client) {
                let view = view.clone();
                session.of = Some(update.revision.clone());
                return view;
            }
        }
        let tracked = update.revision.tracked();
        let (key, asked) = tracked.noted(|| view(&tracked, &session.proxy));
        session.reads = Questions::of(asked);
        let known = session.view.take().filter(|view| *view.key == key);
        let found = known.unwrap_or_else(|| self.shared_view(key));
        session.view = Some(found.clone());
        session.of = Some(update.revision.clone());
        found
    }

    fn shared_view(&self, key: ViewKey) -> Arc<View> {
        let mut views = lock(&self.views);
        if let Some(view) = views.get(&key).and_then(Weak::upgrade) {
            return view;
        }
        if views.len() >= FEW && views.len().is_power_of_two() {
            views.retain(|_, view| view.strong_count() > 0);
        }
        let (shared, client) = (Arc::new(key.clone()), key.client());
        let layer = Mutex::new(ViewLayer::new(shared.clone(), client.clone()));
        let view = Arc::new(View { key: shared, client, layer });
        views.insert(key, Arc::downgrade(&view));
        view
    }

    /// In what two revisions differ; found once for all sessions that follow.
    fn delta(&self, old: &Revision, new: &Revision) -> Arc<Delta> {
        let mut compared = lock(&self.compared);
        let known = compared.as_ref().filter(|known| (known.old, known.new) == (old.number(), new.number()));
        if let Some(known) = known {
            return known.delta.clone();
        }
        let delta = Arc::new(old.delta(new));
        *compared = Some(Compared { old: old.number(), new: new.number(), delta: delta.clone() });
        delta
    }
}

impl Session {
    /// All resources that the last update gave.
    #[must_use]
    pub fn set(&self) -> &Arc<ResourceSet> {
        &self.set
    }

    /// How many layers the last update compiled something of: the view's, the proxy's own, or none.
    #[must_use]
    pub fn compiled(&self) -> usize {
        self.compiled
    }
}

/// A layer whose compilation panicked is compiled whole the next time.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
