//! Decides what the next response says.

use std::{collections::BTreeSet, sync::Arc};

use crate::Resource;

use super::{Gate, MAX_OUTSTANDING, Protocol, State, Subscription, state::Verdict, state::spoils};

/// Retries of rejected resources that a change brings: more are left alone until they change themselves.
const MAX_RETRIES: usize = 8;

/// A response and what it changes.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) resources: Vec<Arc<Resource>>,
    pub(super) removed: Vec<Arc<str>>,
    /// Names that it says something new about.
    pub(super) names: Vec<Arc<str>>,
    /// Of these, what the client did not have.
    pub(super) fresh: BTreeSet<Arc<str>>,
    /// Of these, what does not exist.
    pub(super) empty: Vec<Arc<str>>,
    /// A step of the search.
    pub(super) step: bool,
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
                if passes(name, state, &verdict, gate) {
                    due.push((name.clone(), verdict));
                } else {
                    held.push(name.clone());
                }
            }
        }
        self.whole_collections(&mut due, &held);
        self.held = held.len();
        if self.owes_answer && self.held > 0 {
            // A first answer is taken for all there is.
            return None;
        }
        let guilty = |(name, _): &mut (Arc<str>, Verdict)| spoils(self.type_url) && self.search.is_guilty(name);
        let alone: Vec<_> = due.extract_if(.., guilty).collect();
        if !due.is_empty() || self.owes_answer || !self.offers.is_empty() {
            self.search.interrupt();
            return Some(self.plan_changes(due, gate));
        }
        // What was rejected goes alone, so that it cannot spoil the rest again.
        if let Some((name, verdict)) = alone.into_iter().next() {
            self.search.interrupt();
            let mut plan = Plan::default();
            self.say(name, verdict, &mut plan);
            return Some(plan);
        }
        self.plan_step()
    }

    fn plan_changes(&mut self, mut due: Vec<(Arc<str>, Verdict)>, gate: &Gate<'_>) -> Plan {
        // What it asked for in vain is no change.
        let changes = due.iter().any(|(name, _)| !matches!(self.except.get(name), Some(State::Asked)));
        if changes {
            self.retry_guilty();
            let unknown = |(name, state): (&Arc<str>, &State)| {
                if !matches!(state, State::Unknown) || !self.is_wanted(name) {
                    return None;
                }
                let verdict = self.verdict(name, state);
                let due = passes(name, state, &verdict, gate);
                (due && !(spoils(self.type_url) && self.search.is_guilty(name))).then(|| (name.clone(), verdict))
            };
            due.extend(self.except.iter().filter_map(unknown));
        }
        if self.protocol == Protocol::State && self.type_url.is_whole() {
            return self.plan_whole(due.into_iter().map(|(name, _)| name).collect());
        }
        let mut plan = Plan::default();
        for (name, verdict) in due {
            self.say(name, verdict, &mut plan);
        }
        self.say_offers(&mut plan);
        plan
    }

    /// All resources: those of `names` as they are to be, the others as the client holds them.
    fn plan_whole(&self, names: Vec<Arc<str>>) -> Plan {
        let said: BTreeSet<Arc<str>> = names.iter().cloned().collect();
        let mut plan = Plan { names, ..Plan::default() };
        for resource in self.target.iter().filter(|resource| self.is_wanted(resource.name())) {
            let name = resource.name();
            match self.except.get(name) {
                Some(state) if said.contains(name) => {
                    if matches!(state, State::Absent | State::Asked) {
                        plan.fresh.insert(name.clone());
                    }
                    plan.resources.push(resource.clone());
                }
                Some(State::Had(old)) => plan.resources.push(old.clone()),
                Some(State::Absent | State::Asked) => {}
                _ => plan.resources.push(resource.clone()),
            }
        }
        for (name, state) in &self.except {
            if let State::Had(old) = state
                && self.target.get(name).is_none()
                && !said.contains(name)
            {
                plan.resources.push(old.clone());
            }
        }
        plan
    }

    /// Endpoints that go with their cluster, while another response is under way.
    fn plan_urgent(&self) -> Option<Plan> {
        let mut plan = Plan::default();
        for (name, state) in self.except.iter().filter(|(_, state)| matches!(state, State::Urgent)) {
            if self.is_wanted(name) {
                self.say(name.clone(), self.verdict(name, state), &mut plan);
            }
        }
        self.say_offers(&mut plan);
        (!plan.names.is_empty()).then_some(plan)
    }

    /// The next step of the search for a guilty resource.
    fn plan_step(&mut self) -> Option<Plan> {
        while let Some(names) = self.search.next_step() {
            let mut plan = Plan { step: true, ..Plan::default() };
            for name in names {
                if let Some(state @ State::Unknown) = self.except.get(&name)
                    && self.is_wanted(&name)
                {
                    let verdict = self.verdict(&name, state);
                    self.say(name, verdict, &mut plan);
                }
            }
            if !plan.names.is_empty() {
                return Some(plan);
            }
        }
        None
    }

    /// Adds what is to be said of a name that the client wants.
    fn say(&self, name: Arc<str>, verdict: Verdict, plan: &mut Plan) {
        match verdict {
            Verdict::Send(resource) => {
                if matches!(self.except.get(&name), Some(State::Absent | State::Asked)) {
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

    fn say_offers(&self, plan: &mut Plan) {
        for name in &self.offers {
            plan.resources.extend(self.target.get(name).cloned());
            plan.names.push(name.clone());
        }
    }

    fn retry_guilty(&mut self) {
        if spoils(self.type_url) && self.search.guilty().count() <= MAX_RETRIES {
            for name in self.search.guilty() {
                if let Some(state @ State::Unknown) = self.except.get_mut(name) {
                    *state = State::Due;
                }
            }
        }
    }
}

fn passes(name: &Arc<str>, state: &State, verdict: &Verdict, gate: &Gate<'_>) -> bool {
    match verdict {
        Verdict::Send(resource) => (gate.open)(resource),
        // A name that never was takes nothing away.
        Verdict::Remove => (gate.removals)(name) || matches!(state, State::Asked),
        Verdict::SendEmpty(_) | Verdict::Settled => true,
    }
}
