//! Which sections of a layer asked which questions, so that a change finds the sections that it concerns.

use std::collections::{BTreeMap, BTreeSet};

use super::{Asked, Client, Delta, Question, Revision, question::QuestionKind};

/// The questions of a layer by kind, each with the sections that asked it, sorted.
#[derive(Debug)]
pub(crate) struct Reads<S> {
    by_kind: BTreeMap<QuestionKind, BTreeMap<Question, Vec<S>>>,
}

/// What was asked for one thing that each proxy has of its own. Their memory counts: a mesh has thousands, each with a
/// handful of questions.
#[derive(Debug, Default)]
pub(crate) struct Questions(Box<[Question]>);

impl<S: Ord + Clone> Reads<S> {
    /// Notes what a section asked. What it asked before stays: at worst the section is due once too often.
    pub(crate) fn note(&mut self, section: &S, asked: Asked) {
        for question in asked {
            let sections = self.by_kind.entry(question.kind()).or_default().entry(question).or_default();
            if let Err(free) = sections.binary_search(section) {
                sections.insert(free, section.clone());
            }
        }
    }

    /// How many questions there are.
    pub(crate) fn len(&self) -> usize {
        self.by_kind.values().map(BTreeMap::len).sum()
    }

    /// Forgets the questions of some sections.
    pub(crate) fn forget(&mut self, is_gone: impl Fn(&S) -> bool) {
        for questions in self.by_kind.values_mut() {
            questions.retain(|_, sections| {
                sections.retain(|section| !is_gone(section));
                !sections.is_empty()
            });
        }
    }

    /// The sections of which some answer differs between two revisions.
    pub(crate) fn due(&self, (old, new): (&Revision, &Revision), delta: &Delta, client: &Client) -> BTreeSet<S> {
        let mut due = BTreeSet::new();
        let mut ask = |question: &Question, sections: &[S]| {
            if !sections.iter().all(|section| due.contains(section))
                && question.differs((old.snapshot(), new.snapshot()), delta, client)
            {
                due.extend(sections.iter().cloned());
            }
        };
        let root = new.root_namespace();
        for (kind, questions) in self.by_kind.iter().filter(|(kind, _)| delta.concerns(**kind)) {
            let exact = if delta.count(*kind) < questions.len() { delta.exactly(*kind) } else { None };
            if let Some(exact) = exact {
                // A change looks up its questions: a layer may have thousands of a kind.
                let found = exact.iter().filter_map(|question| questions.get_key_value(question));
                found.for_each(|(question, sections)| ask(question, sections));
            } else {
                let found = questions.iter().filter(|(question, _)| question.is_concerned(delta, root));
                found.for_each(|(question, sections)| ask(question, sections));
            }
        }
        due
    }
}

impl Questions {
    /// What was asked.
    pub(crate) fn of(asked: Asked) -> Self {
        Self(asked.into_iter().collect())
    }

    /// Whether some answer differs between two revisions.
    pub(crate) fn differ(&self, (old, new): (&Revision, &Revision), delta: &Delta, client: &Client) -> bool {
        let (root, snapshots) = (new.root_namespace(), (old.snapshot(), new.snapshot()));
        self.0.iter().any(|question| question.is_concerned(delta, root) && question.differs(snapshots, delta, client))
    }
}

impl<S> Default for Reads<S> {
    fn default() -> Self {
        Self { by_kind: BTreeMap::new() }
    }
}
