//! Decides what the next response holds.

use std::{collections::BTreeSet, sync::Arc};

use crate::{Resource, TypeUrl};

use super::{Gate, Held, MAX_OUTSTANDING, Protocol, State, Subscription, state::Verdict};

/// Rejected resources that one change sends again. If there are more, each waits for a change of its own.
const MAX_RETRIES: usize = 8;

/// A response and what it changes.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) resources: Vec<Arc<Resource>>,
    pub(super) removed: Vec<Arc<str>>,
    /// The names that it changes.
    pub(super) names: Vec<Arc<str>>,
    /// Those of them that the client did not have.
    pub(super) fresh: BTreeSet<Arc<str>>,
    /// Those of them that do not exist.
    pub(super) empty: Vec<Arc<str>>,
}

impl Subscription {
    pub(super) fn plan(&mut self, gate: &Gate<'_>) -> Option<Plan> {
        self.held = 0;
        if !self.outstanding.is_empty() {
            let room = self.outstanding.len() < MAX_OUTSTANDING || !self.interest.started;
            return if room { self.plan_urgent() } else { None };
        }
        let (mut due, mut held) = (Vec::new(), Vec::new());
        for (name, state) in &self.except {
            if let Some(verdict) = self.due(name, state) {
                if !passes(name, state, &verdict, gate) {
                    held.push(name.clone());
                    continue;
                }
                due.push((name.clone(), verdict));
                // Envoy rejects a secret once. Sent again to find out which one of several it was, it would be
                // accepted. So they go one by one, and none looks at all of them.
                if self.type_url == TypeUrl::Secret && !self.search.is_guilty(name) {
                    break;
                }
            }
        }
        self.whole_collections(&mut due, &held);
        self.held = held.len();
        if self.owes_response && self.held > 0 {
            // A client takes its first response for all resources that there are.
            return None;
        }
        let guilty = |(name, _): &mut (Arc<str>, Verdict)| self.search.is_guilty(name);
        let alone: Vec<_> = due.extract_if(.., guilty).collect();
        if !due.is_empty() || self.owes_response || !self.unrequested.is_empty() {
            return Some(self.plan_changes(due, gate));
        }
        if self.is_sent_whole() {
            // A response without the others would take them from the client, which may have applied them.
            if let Some(plan) = self.plan_step() {
                return Some(plan);
            }
        }
        // A rejected resource is sent alone, so that it does not have others rejected again.
        if let Some(only) = alone.into_iter().next() {
            return Some(self.plan_of(vec![only]));
        }
        self.plan_step().or_else(|| self.plan_rest())
    }

    /// Whether each response holds all resources, and the client drops what is missing.
    pub(super) fn is_sent_whole(&self) -> bool {
        self.protocol == Protocol::State && self.type_url.is_whole()
    }

    /// A response without what the client rejects, if it has not taken any response yet: Envoy is not ready before it
    /// has taken one with clusters and one with listeners, even if these are none.
    fn plan_rest(&mut self) -> Option<Plan> {
        let is_needed =
            !self.took_any && !self.resumed && self.type_url.is_whole() && self.search.guilty().next().is_some();
        // Once is enough: there is nothing in it to be rejected.
        self.took_any |= is_needed;
        is_needed.then(|| self.plan_of(Vec::new()))
    }

    fn plan_changes(&mut self, mut due: Vec<(Arc<str>, Verdict)>, gate: &Gate<'_>) -> Plan {
        // A name that does not exist is no change.
        let changes = due.iter().any(|(name, _)| !matches!(self.except.get(name), Some(State::Requested)));
        if changes {
            self.search.interrupt();
            self.retry_guilty();
            let mut later = Vec::new();
            for (name, state) in &self.except {
                if !matches!(state, State::Unknown(_)) || !self.is_wanted(name) || self.search.is_guilty(name) {
                    continue;
                }
                let verdict = self.verdict(name, state);
                if passes(name, state, &verdict, gate) {
                    due.push((name.clone(), verdict));
                } else {
                    later.push(name.clone());
                }
            }
            self.search.again(later);
        }
        let mut plan = self.plan_of(due);
        self.add_unrequested(&mut plan);
        plan
    }

    /// The response that brings these names to the client.
    fn plan_of(&self, due: Vec<(Arc<str>, Verdict)>) -> Plan {
        if self.is_sent_whole() {
            return self.plan_whole(due.into_iter().map(|(name, _)| name).collect());
        }
        let mut plan = Plan::default();
        for (name, verdict) in due {
            self.add(name, verdict, &mut plan);
        }
        plan
    }

    /// All resources ("Grouping Resources into Responses": SotW clusters and listeners): those of `names` as they are
    /// to be, the others as the client holds them.
    fn plan_whole(&self, names: Vec<Arc<str>>) -> Plan {
        let sent: BTreeSet<Arc<str>> = names.iter().cloned().collect();
        let mut plan = Plan { names, ..Plan::default() };
        for resource in self.target.iter().filter(|resource| self.is_wanted(resource.name())) {
            let name = resource.name();
            match self.except.get(name) {
                Some(State::Instead(instead, _)) if sent.contains(name) => plan.resources.push(instead.clone()),
                Some(state) if sent.contains(name) => {
                    if matches!(state, State::Absent | State::Requested) {
                        plan.fresh.insert(name.clone());
                    }
                    plan.resources.push(resource.clone());
                }
                Some(state) => match state.held() {
                    Held::Resource(held) => plan.resources.push(held),
                    Held::Something => plan.resources.push(resource.clone()),
                    Held::Nothing => {}
                },
                None => plan.resources.push(resource.clone()),
            }
        }
        for (name, state) in &self.except {
            if let Held::Resource(held) = state.held()
                && self.target.get(name).is_none()
                && !sent.contains(name)
            {
                plan.resources.push(held);
            }
        }
        plan
    }

    /// Endpoints that are sent with their cluster, while another response waits for its ACK ("Resource warming").
    fn plan_urgent(&self) -> Option<Plan> {
        let mut plan = Plan::default();
        for (name, state) in self.except.iter().filter(|(_, state)| matches!(state, State::Urgent(_))) {
            if self.is_wanted(name) {
                self.add(name.clone(), self.verdict(name, state), &mut plan);
            }
        }
        self.add_unrequested(&mut plan);
        (!plan.names.is_empty()).then_some(plan)
    }

    /// The next step of the search for the rejected resource.
    fn plan_step(&mut self) -> Option<Plan> {
        while let Some(names) = self.search.next_step() {
            let verdict = |name: Arc<str>| {
                let state = self.except.get(&name).filter(|_| self.is_wanted(&name))?;
                let is_open = match state {
                    State::Unknown(_) => !self.search.is_guilty(&name),
                    State::Instead(..) => true,
                    _ => false,
                };
                let verdict = is_open.then(|| self.verdict(&name, state))?;
                Some((name, verdict))
            };
            let due: Vec<_> = names.into_iter().filter_map(verdict).collect();
            if !due.is_empty() {
                return Some(self.plan_of(due));
            }
        }
        None
    }

    /// Adds what is due of a name that the client subscribes to.
    fn add(&self, name: Arc<str>, verdict: Verdict, plan: &mut Plan) {
        match verdict {
            Verdict::Send(resource) => {
                if matches!(self.except.get(&name), Some(State::Absent | State::Requested)) {
                    plan.fresh.insert(name.clone());
                }
                plan.resources.push(resource);
            }
            Verdict::SendEmpty(resource) => {
                plan.empty.push(name.clone());
                plan.resources.push(resource);
            }
            Verdict::Remove if self.protocol == Protocol::Delta => plan.removed.push(name.clone()),
            Verdict::Remove | Verdict::Settled => {}
        }
        plan.names.push(name);
    }

    fn add_unrequested(&self, plan: &mut Plan) {
        for name in &self.unrequested {
            plan.resources.extend(self.target.get(name).cloned());
            plan.names.push(name.clone());
        }
    }

    pub(super) fn retry_guilty(&mut self) {
        // Whether a secret is accepted depends on nothing else. Whether endpoints are depends on their cluster, and
        // they are sent with it. Endpoints change too often to be tried again each time.
        if !matches!(self.type_url, TypeUrl::Secret | TypeUrl::Endpoint) && self.search.guilty().count() <= MAX_RETRIES
        {
            for name in self.search.guilty() {
                if let Some(State::Unknown(held)) = self.except.get(name) {
                    let held = held.clone();
                    self.except.insert(name.clone(), State::Due(held));
                }
            }
        }
    }
}

fn passes(name: &Arc<str>, state: &State, verdict: &Verdict, gate: &Gate<'_>) -> bool {
    match verdict {
        Verdict::Send(resource) => (gate.open)(resource),
        // The removal of a name that the client never held removes nothing.
        Verdict::Remove => (gate.removals)(name) || matches!(state, State::Requested),
        Verdict::SendEmpty(_) | Verdict::Settled => true,
    }
}
