//! Rules for a data subject's request: a leaf when everything is about to be opened, and one that names
//! what was found before anybody is told.

use crate::{
    entry::{Event, Read},
    ledger::Shown,
    store::Group,
    wire::ledger::{Action, LeafBody},
};

use super::{By, Declined, NodeRules};

/// A scan that begins, or that ends.
#[derive(Clone, Debug)]
pub struct ScanOrder {
    /// Who, from where, why and under which leave.
    pub by: By,
    /// A stable word.
    pub detail: &'static str,
    /// Keyed tag of what is looked for.
    pub query: Vec<u8>,
    /// Labels of the compartments looked into.
    pub compartments: Vec<u32>,
    /// How many records were looked into.
    pub scanned: u64,
    /// Running hash over their header digests; empty before the end.
    pub scanned_digest: Vec<u8>,
    /// The records that match.
    pub shown: Shown,
    /// References of the first of them.
    pub references: Vec<String>,
}

impl NodeRules {
    /// One leaf for all that was opened, with their number and a digest over them, and the matching ones
    /// by number: a leaf for each of a million records would say no more and be a way to fill the
    /// ledger. A crash before the end leaves the leaf that says what was begun.
    pub(super) fn scanned(&self, order: ScanOrder, group: &mut Group<'_>) -> Result<(), Declined> {
        let leaf = LeafBody {
            action: Action::Consultation.into(),
            detail: order.detail.to_owned(),
            subject: order.query,
            compartments: order.compartments,
            scanned: order.scanned,
            scanned_digest: order.scanned_digest,
            references: order.references,
            ..order.shown.leaf(order.by.leaf())
        };
        self.append(group, Event::Read(Read::default()), Vec::new(), leaf)
    }
}
