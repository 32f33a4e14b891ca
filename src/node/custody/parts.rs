//! The parts of a court bundle: what stands in it beside the items' bytes.

use super::{
    ItemId,
    chain::ItemCustody,
    export::{Decided, Exported},
};
use crate::{
    entry::ItemStand,
    envelope,
    evidence::bundle::{FORMAT, RENDERING},
    node::{Node, NodeError, steps::numbers},
    record::Country,
    wire::bundle::{
        Bundle, BundleParts, BundledConsents, BundledCustody, BundledLedger, BundledReceipts,
        BundledRecord, ItemEntry, RecordEntry,
    },
};

impl Node {
    /// The parts of the bundle, once the disclosure is durable.
    pub(super) fn parts_of(&self, decided: Decided) -> Result<BundleParts, NodeError> {
        let Decided {
            records,
            items,
            custody,
            left_out,
            court,
            other,
            ..
        } = decided;
        let request = records.first().ok_or(NodeError::Task)?;
        let issuing: Country = request
            .carrier
            .stored
            .holding
            .origin
            .parse()
            .map_err(|_| NodeError::Task)?;
        let executing = if issuing == self.country {
            other
        } else {
            self.country
        };
        let mut receipts = Vec::new();
        let mut bundled = Vec::with_capacity(records.len());
        for of in &records {
            receipts.extend(self.receipts_of(of.carrier.number)?);
            bundled.push(self.bundled(of)?);
        }
        let mut entries = Vec::with_capacity(items.len());
        let mut chains = Vec::with_capacity(items.len());
        for of in &items {
            let own = custody
                .iter()
                .filter(|signed| signed.draft.item[..] == of.item.id[..]);
            chains.push(BundledCustody {
                item: of.item.id.clone(),
                entries: of
                    .entries
                    .iter()
                    .cloned()
                    .chain(own.map(|of| of.signed.clone()))
                    .collect(),
            });
            entries.push(ItemEntry {
                id: of.item.id.clone(),
                record: of
                    .record
                    .and_then(|at| u32::try_from(at).ok())
                    .unwrap_or_default(),
                left_out: self.why_left_out(of)?,
                ..ItemEntry::default()
            });
        }
        let cards = [self.own_card().signed.clone()].into_iter();
        let theirs = self.book.load().get(other).map(|card| card.signed.clone());
        let records_numbers: Vec<u64> = records.iter().map(|of| of.carrier.number).collect();
        let mut cards: Vec<_> = cards.chain(theirs).collect();
        // As their files are sorted.
        if self.country > other {
            cards.reverse();
        }
        Ok(BundleParts {
            bundle: Some(Bundle {
                format: FORMAT,
                rendering: RENDERING,
                reference: request.reference.clone(),
                request_digest: request.carrier.stored.digest.to_vec(),
                issuing: issuing.code().to_owned(),
                executing: executing.code().to_owned(),
                exported_by: self.country.code().to_owned(),
                court,
                exported_at: Some(self.now().into()),
                software: format!("comity {}", env!("CARGO_PKG_VERSION")),
                records: records
                    .iter()
                    .map(|of| RecordEntry {
                        reference: of.reference.clone(),
                        header_digest: of.carrier.stored.digest.to_vec(),
                    })
                    .collect(),
                items: entries,
                left_out: left_out.into_iter().collect(),
            }),
            cards,
            records: bundled,
            receipts: Some(BundledReceipts { receipts }),
            consents: Some(BundledConsents {
                consents: records.iter().filter_map(|of| of.consent.clone()).collect(),
            }),
            ledger: Some(BundledLedger {
                country: self.country.code().to_owned(),
                proof: Some(self.prove_for_court(&records_numbers)?),
            }),
            custody: chains,
        })
    }

    /// A record with the ciphertexts and keys of what is exported.
    fn bundled(&self, of: &Exported) -> Result<BundledRecord, NodeError> {
        let stored = &of.carrier.stored;
        let keys = stored.keys(&self.slots)?;
        let opened = envelope::open_at_rest(&stored.sealed, &keys)
            .map_err(|fault| NodeError::Holding(fault.into()))?;
        let indexes: Vec<u32> = keys
            .keys
            .iter()
            .map(|(index, _)| *index)
            .zip(&opened)
            .filter(|(_, (label, _))| numbers(&of.labels).contains(label))
            .map(|(index, _)| index)
            .collect();
        let (sealed, openings) = envelope::pass_on(&stored.sealed, &keys, &indexes);
        Ok(BundledRecord {
            sealed: Some(sealed),
            openings,
        })
    }

    /// Why an item's file cannot be had; empty where it can, and for a thing.
    fn why_left_out(&self, custody: &ItemCustody) -> Result<String, NodeError> {
        let item: ItemId = custody.item.id.as_slice().try_into().unwrap_or_default();
        if custody.item.root.is_empty() {
            return Ok(String::new());
        }
        Ok(match self.item_row(&item)? {
            None => "this node does not hold it".to_owned(),
            Some(row) => match row.stand() {
                ItemStand::Kept | ItemStand::Arrived => String::new(),
                ItemStand::Refused => format!("it was refused: {}", row.fault),
                _ => "it has not arrived whole".to_owned(),
            },
        })
    }
}
