//! The same person, vehicle or account in two records: identifiers assert it, names suggest it; each
//! link comes with its evidence from both.

use std::sync::Arc;

use crate::wire::record::CompartmentLabel;

use super::{
    entity::Same,
    explain::Readable,
    extract::{Extract, Text},
    text::{How, Normaliser, Word, names_match},
};

/// Evidence kept of one pair of records.
const MAX_EVIDENCE: usize = 20;
/// Words of a name that suggests a link by itself.
const FULL_NAME: usize = 2;
/// Names of a record that are compared.
const MAX_NAMES: usize = 200;

/// What two records have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Common {
    /// An identifier; its class by name.
    Identifier(Same, &'static str),
    /// A name of two words or more.
    Name(How),
}

impl Common {
    /// Whether it says that they are the same.
    pub const fn asserts(self) -> bool {
        matches!(self, Self::Identifier(Same::Asserted, _))
    }
}

/// One side of an evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// Where, in JSON names.
    pub field: String,
    /// The compartment.
    pub compartment: CompartmentLabel,
    /// As written there.
    pub written: String,
}

/// Why two records belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// What they have in common.
    pub common: Common,
    /// In its one form; empty for a name.
    pub key: String,
    /// In the first record.
    pub here: Side,
    /// In the second.
    pub there: Side,
}

/// What two records have in common, the surest first; each thing once.
pub fn evidence(
    here: &Extract,
    there: &Extract,
    readable: Readable<'_>,
    normaliser: &mut Normaliser,
) -> Vec<Evidence> {
    let mut found: Vec<Evidence> = Vec::new();
    for one in here.mentions.iter().filter(|of| readable(of.compartment)) {
        for other in there.mentions.iter().filter(|of| readable(of.compartment)) {
            let Some(same) = one.entity.same(&other.entity) else {
                continue;
            };
            let common = Common::Identifier(same, one.entity.class.name());
            let known = found
                .iter_mut()
                .find(|known| known.key == one.entity.key && is_identifier(known, common));
            match known {
                Some(known) if known.common <= common => {}
                Some(known) => known.common = common,
                None => found.push(Evidence {
                    common,
                    key: one.entity.key.clone(),
                    here: Side {
                        field: one.field.clone(),
                        compartment: one.compartment,
                        written: one.written.clone(),
                    },
                    there: Side {
                        field: other.field.clone(),
                        compartment: other.compartment,
                        written: other.written.clone(),
                    },
                }),
            }
        }
    }
    let theirs = names(there, readable, normaliser);
    for (text, name) in names(here, readable, normaliser) {
        let best = theirs
            .iter()
            .filter(|(_, other)| name.len().min(other.len()) >= FULL_NAME)
            .filter_map(|(other, words)| Some((names_match(&name, words)?, other)))
            .min_by_key(|(how, _)| *how);
        if let Some((how, other)) = best {
            found.push(Evidence {
                common: Common::Name(how),
                key: String::new(),
                here: side(text),
                there: side(other),
            });
        }
    }
    found.sort_by_key(|evidence| evidence.common);
    found.truncate(MAX_EVIDENCE);
    found
}

fn is_identifier(known: &Evidence, as_this: Common) -> bool {
    match (known.common, as_this) {
        (Common::Identifier(_, one), Common::Identifier(_, other)) => one == other,
        _ => false,
    }
}

fn side(text: &Text) -> Side {
    Side {
        field: text.field.clone(),
        compartment: text.compartment,
        written: text.text.clone(),
    }
}

/// The names of a record, in words.
pub fn names<'a>(
    extract: &'a Extract,
    readable: Readable<'_>,
    normaliser: &mut Normaliser,
) -> Vec<(&'a Text, Vec<Arc<Word>>)> {
    extract
        .texts
        .iter()
        .filter(|text| text.is_name && readable(text.compartment))
        .take(MAX_NAMES)
        .map(|text| (text, normaliser.words(&text.text, text.language, 8)))
        .filter(|(_, words)| words.len() >= FULL_NAME)
        .collect()
}
