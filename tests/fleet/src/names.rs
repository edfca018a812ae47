//! Names and versions, each kept once for all proxies of a thread: a thousand proxies hold the same thousand names.

use std::collections::HashMap;
use std::rc::Rc;

/// Stands for a name or a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Id(u32);

/// All names and versions by their [`Id`].
#[derive(Debug, Default)]
pub(crate) struct Names {
    ids: HashMap<Rc<[u8]>, Id>,
    texts: Vec<Rc<[u8]>>,
}

impl Names {
    /// The id of a text.
    pub(crate) fn id(&mut self, text: &[u8]) -> Id {
        if let Some(id) = self.ids.get(text) {
            return *id;
        }
        let (id, text) = (Id(u32::try_from(self.texts.len()).unwrap_or(u32::MAX)), Rc::<[u8]>::from(text));
        self.texts.push(text.clone());
        self.ids.insert(text, id);
        id
    }

    /// The text of an id.
    pub(crate) fn text(&self, id: Id) -> &[u8] {
        self.texts.get(id.0 as usize).map_or(&[], |text| text)
    }
}
