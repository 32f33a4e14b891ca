//! Rules for looking at records: readings, listings, searches. Each is a leaf before data leaves.

use crate::{
    crypto::Digest,
    entry::{Event, Read},
    store::Group,
    wire::ledger::{Action, LeafBody},
};

use super::{Declined, NodeRules};

/// A reading or a listing, before data leaves.
#[derive(Clone, Debug, Default)]
pub struct ReadOrder {
    /// Local number; 0 for a listing.
    pub number: u64,
    /// Header; `None` for a listing.
    pub digest: Option<Digest>,
    /// As officers say it; empty for a listing.
    pub reference: String,
    /// Labels opened.
    pub compartments: Vec<u32>,
    /// Who.
    pub actor: String,
    /// Why.
    pub purpose: String,
    /// A stable word, such as `read` or `listed`.
    pub detail: &'static str,
    /// Keyed tag of the officer to whom the text is shown; `None` when it is not.
    pub officer: Option<[u8; 16]>,
    /// Whether the origin is to be told that an officer opened it.
    pub retrieval: bool,
}

/// A search or a correlation, before data leaves.
#[derive(Clone, Debug)]
pub struct SearchOrder {
    /// Number, header and reference of the record whose relations were asked; `None` for a search.
    pub of: Option<(u64, Digest, String)>,
    /// Labels searched.
    pub compartments: Vec<u32>,
    /// Keyed tag of what was asked; empty for a correlation.
    pub query: Vec<u8>,
    /// Who.
    pub actor: String,
    /// Why.
    pub purpose: String,
}

impl NodeRules {
    /// A crash after this leaves a leaf for a reading that nobody received, and an origin that is
    /// told of it: the ledger may say too much, never too little.
    pub(super) fn read(&self, order: ReadOrder, group: &mut Group<'_>) -> Result<(), Declined> {
        let header_digest = order
            .digest
            .map(|digest| digest.to_vec())
            .unwrap_or_default();
        let leaf = LeafBody {
            actor: order.actor,
            action: Action::Consultation.into(),
            header_digest: header_digest.clone(),
            reference: order.reference,
            purpose: order.purpose,
            detail: order.detail.to_owned(),
            compartments: order.compartments,
            ..LeafBody::default()
        };
        let event = Event::Read(Read {
            number: order.number,
            header_digest,
            officer_tag: order.officer.map(|tag| tag.to_vec()).unwrap_or_default(),
            retrieval: order.retrieval,
        });
        self.append(group, event, Vec::new(), leaf)
    }

    pub(super) fn searched(
        &self,
        order: SearchOrder,
        group: &mut Group<'_>,
    ) -> Result<(), Declined> {
        let (number, header_digest, reference) = match order.of {
            Some((number, digest, reference)) => (number, digest.to_vec(), reference),
            None => (0, Vec::new(), String::new()),
        };
        let (action, detail) = if header_digest.is_empty() {
            (Action::Consultation, "searched")
        } else {
            (Action::Combination, "related")
        };
        let leaf = LeafBody {
            actor: order.actor,
            action: action.into(),
            header_digest: header_digest.clone(),
            reference,
            purpose: order.purpose,
            detail: detail.to_owned(),
            subject: order.query,
            compartments: order.compartments,
            ..LeafBody::default()
        };
        let event = Event::Read(Read {
            number,
            header_digest,
            ..Read::default()
        });
        self.append(group, event, Vec::new(), leaf)
    }
}
