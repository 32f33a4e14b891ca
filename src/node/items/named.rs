//! The items that a record names with their keys.

use crate::{
    crypto::chunks::FILE_KEY_BYTES,
    entry::AwaitedItem,
    wire::record::{EvidenceItem, EvidenceStep, Record, evidence_step, step},
};

use super::super::rules::NamedItems;

fn is_file(item: &EvidenceItem) -> bool {
    item.key.len() == FILE_KEY_BYTES && item.root.len() == 32 && item.id.len() == 16
}

/// The files that a record names: what the writer may know of them.
pub(in crate::node) fn named_in(record: &Record) -> NamedItems {
    let items = record.evidence.iter().flat_map(|evidence| &evidence.items);
    let items = items.filter(|item| is_file(item)).map(|item| AwaitedItem {
        item_id: item.id.clone(),
        size: item.size,
        chunk_size: item.chunk_size,
    });
    let step = record.step.as_ref().and_then(|step| step.step.as_ref());
    let told = match step {
        Some(step::Step::Evidence(EvidenceStep {
            act: Some(evidence_step::Act::ItemsArrived(arrived)),
            ..
        })) => arrived.items.iter().map(|item| item.id.clone()).collect(),
        _ => Vec::new(),
    };
    NamedItems {
        items: items.collect(),
        told,
    }
}
