//! A bundle's parts, opened: what the report and the JSON-LD show. Signatures are not checked here;
//! [`super::verify`] does that.

use prost::Message as _;

use crate::{
    card::{CardError, TrustedCard, verify_stored_card},
    crypto::Digest,
    envelope::{self, Fault, Header, Receipt, ReceiptError, open_passed_on},
    evidence::custody::{self, Chain, CustodyFault, Item},
    record::{
        Country,
        compartments::{ContentError, join},
    },
    wire::{
        bundle::{Bundle, BundleParts, ItemEntry},
        ledger::LeafBody,
        record::{CompartmentLabel, EvidenceItem, EvidenceStep, Record, step::Step},
    },
};

/// A record, opened.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Country that sealed it.
    pub origin: Country,
    /// SHA-256 of its header.
    pub digest: Digest,
    /// Its header.
    pub header: Header,
    /// Its text, as far as its compartments are here.
    pub record: Record,
    /// The compartments that are here.
    pub labels: Vec<CompartmentLabel>,
}

impl Shown {
    /// What an evidence step says.
    pub fn step(&self) -> Option<&EvidenceStep> {
        match self.record.step.as_ref()?.step.as_ref()? {
            Step::Evidence(step) => Some(step),
            _ => None,
        }
    }

    /// The items that it describes.
    pub fn items(&self) -> &[EvidenceItem] {
        self.record
            .evidence
            .as_ref()
            .map_or(&[], |of| of.items.as_slice())
    }
}

/// An item with its chain.
#[derive(Clone, Debug)]
pub struct ItemShown {
    /// Where it is in the bundle.
    pub entry: ItemEntry,
    /// As its record describes it, without the key.
    pub item: EvidenceItem,
    /// Who had it in hand.
    pub chain: Chain,
}

/// A bundle, opened.
#[derive(Clone, Debug)]
pub struct View {
    /// What it is about.
    pub bundle: Bundle,
    /// The cards.
    pub cards: Vec<TrustedCard>,
    /// The records, the request first.
    pub records: Vec<Shown>,
    /// The items.
    pub items: Vec<ItemShown>,
    /// What receipts say.
    pub receipts: Vec<Receipt>,
    /// The leaves of the ledger, with their indexes.
    pub leaves: Vec<(u64, LeafBody)>,
    /// The signed checkpoint.
    pub checkpoint: String,
}

/// Parts that cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum ViewFault {
    /// A card.
    #[error(transparent)]
    Card(#[from] CardError),
    /// A record that does not open.
    #[error("record {0} does not open: {1}")]
    Record(usize, Fault),
    /// A record whose compartments are none.
    #[error("record {0}: {1}")]
    Content(usize, ContentError),
    /// An item that no record describes.
    #[error("no record of the bundle describes item {0}")]
    Item(usize),
    /// A custody entry.
    #[error("custody of item {0}: {1}")]
    Custody(usize, CustodyFault),
    /// A receipt.
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
    /// A leaf.
    #[error("a leaf of the ledger does not decode")]
    Leaf,
}

impl View {
    /// Opens the parts.
    ///
    /// # Errors
    /// [`ViewFault`] of the first part that cannot be shown.
    pub fn of(parts: &BundleParts) -> Result<Self, ViewFault> {
        let bundle = parts.bundle.clone().unwrap_or_default();
        let cards = parts
            .cards
            .iter()
            .map(verify_stored_card)
            .collect::<Result<Vec<_>, _>>()?;
        let mut records = Vec::with_capacity(parts.records.len());
        for (number, bundled) in parts.records.iter().enumerate() {
            let sealed = bundled.sealed.clone().unwrap_or_default();
            let opened = open_passed_on(&sealed, &bundled.openings)
                .map_err(|fault| ViewFault::Record(number, fault))?;
            records.push(opened_record(opened).map_err(|fault| ViewFault::Content(number, fault))?);
        }
        let mut items = Vec::with_capacity(bundle.items.len());
        for (number, entry) in bundle.items.iter().enumerate() {
            let item = described(&records, entry).ok_or(ViewFault::Item(number))?;
            let entries = parts.custody.get(number).map_or(&[][..], |of| &of.entries);
            let stated = entries
                .iter()
                .map(custody::stated)
                .collect::<Result<Vec<_>, _>>()
                .map_err(|fault| ViewFault::Custody(number, fault))?;
            items.push(ItemShown {
                chain: Chain::of(&item_of(item), stated),
                item: EvidenceItem {
                    key: Vec::new(),
                    custody: Vec::new(),
                    ..item.clone()
                },
                entry: entry.clone(),
            });
        }
        let receipts = parts.receipts.iter().flat_map(|of| &of.receipts);
        let receipts = receipts
            .map(envelope::stated)
            .collect::<Result<Vec<_>, _>>()?;
        let proof = parts.ledger.as_ref().and_then(|of| of.proof.clone());
        let proof = proof.unwrap_or_default();
        let mut leaves = Vec::new();
        for leaf in proof.leaves.iter().filter_map(|of| of.leaf.as_ref()) {
            if !leaf.body.is_empty() {
                let body = LeafBody::decode(leaf.body.as_slice()).map_err(|_| ViewFault::Leaf)?;
                leaves.push((leaf.index, body));
            }
        }
        Ok(Self {
            bundle,
            cards,
            records,
            items,
            receipts,
            leaves,
            checkpoint: proof.checkpoint,
        })
    }
}

/// A record that opened, put together.
pub(super) fn opened_record(opened: envelope::PassedOn) -> Result<Shown, ContentError> {
    let parts: Vec<(u32, &[u8])> = opened
        .parts
        .iter()
        .map(|(label, bytes)| (*label, bytes.as_slice()))
        .collect();
    let labels = parts
        .iter()
        .filter_map(|(label, _)| CompartmentLabel::try_from(i32::try_from(*label).ok()?).ok())
        .collect();
    Ok(Shown {
        record: join(&parts)?,
        labels,
        origin: opened.origin,
        digest: opened.digest,
        header: opened.header,
    })
}

/// The item that an entry of the bundle names, as its record describes it.
pub(super) fn described<'a>(records: &'a [Shown], entry: &ItemEntry) -> Option<&'a EvidenceItem> {
    let record = records.get(usize::try_from(entry.record).ok()?)?;
    record.items().iter().find(|item| item.id == entry.id)
}

/// What a chain of custody is compared with: a file's Merkle root, or the digest of a thing's
/// description.
pub(super) fn item_of(item: &EvidenceItem) -> Item {
    let file = !item.root.is_empty();
    let digest = if file {
        Digest::try_from(item.root.as_slice()).ok()
    } else {
        Some(Digest::of(item.description.as_bytes()))
    };
    Item {
        id: item.id.as_slice().try_into().unwrap_or_default(),
        digest,
        file,
    }
}
