//! Rules for TAXII's collections: what was locked meanwhile comes on no shelf.

use crate::{
    entry::{Event, ObjectsTaken, Shelved},
    inbox::{life::is_readable, life_rows},
    node::taxii::rows,
    store::Group,
    wire::ledger::{Action, LeafBody},
};

use super::{By, Declined, NodeRules};

impl NodeRules {
    /// A crash before this is durable leaves the records to be looked at again.
    pub(super) fn shelve(
        &self,
        mut shelved: Shelved,
        group: &mut Group<'_>,
    ) -> Result<(), Declined> {
        if shelved.up_to <= rows::shelved(group)? {
            return Ok(());
        }
        let given = shelved.shelves.len();
        let mut kept = Vec::with_capacity(shelved.shelves.len());
        for shelf in shelved.shelves {
            let life = life_rows::of(group, shelf.number)?;
            if life.is_none_or(|row| is_readable(&row)) {
                kept.push(shelf);
            }
        }
        // Where one is left out, what it shares would be missing: all are worked out again.
        if kept.len() != given {
            return Ok(());
        }
        shelved.shelves = kept;
        self.append_leafless(Event::Shelved(shelved), group)
    }

    /// The records themselves have leaves of their own; this one says by whom and how they came. A crash
    /// before it leaves the records and no answer: the client hands the objects in again, and each is found
    /// to be there.
    pub(super) fn objects_taken(
        &self,
        taken: ObjectsTaken,
        by: By,
        count: u64,
        group: &mut Group<'_>,
    ) -> Result<(), Declined> {
        let leaf = LeafBody {
            action: Action::Collection.into(),
            detail: "taxii-objects".to_owned(),
            count,
            ..by.leaf()
        };
        self.append(group, Event::ObjectsTaken(taken), Vec::new(), leaf)
    }
}
