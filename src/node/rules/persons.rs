//! Persons as entries name them outside of what is sealed: by a keyed tag.

use std::{cell::RefCell, collections::HashMap};

use crate::crypto::IndexKey;

/// Tags kept.
const KNOWN: usize = 256;

/// Keyed tags of persons; those of the last ones are kept, since every leaf has one.
pub(super) struct Persons {
    key: IndexKey,
    known: RefCell<HashMap<String, [u8; 16]>>,
    /// Whether leaves have no tag, as those of earlier versions.
    #[cfg(test)]
    pub(super) untagged: bool,
}

impl Persons {
    pub(super) fn new(key: IndexKey) -> Self {
        Self {
            key,
            known: RefCell::default(),
            #[cfg(test)]
            untagged: false,
        }
    }

    /// The tag of a person as an entry has it.
    pub(super) fn entrys(&self, actor: &str) -> Vec<u8> {
        #[cfg(test)]
        if self.untagged {
            return Vec::new();
        }
        self.tag(actor).to_vec()
    }

    fn tag(&self, actor: &str) -> [u8; 16] {
        let mut known = self.known.borrow_mut();
        if let Some(tag) = known.get(actor) {
            return *tag;
        }
        let tag = person_tag(&self.key, actor);
        if known.len() >= KNOWN {
            known.clear();
        }
        known.insert(actor.to_owned(), tag);
        tag
    }
}

/// Keyed tag of a person, by the name that the ledger has.
pub(in crate::node) fn person_tag(key: &IndexKey, actor: &str) -> [u8; 16] {
    key.tag("person", actor.as_bytes())
}
