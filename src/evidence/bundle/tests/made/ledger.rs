//! A ledger with a leaf for everything in a bundle.

use std::collections::BTreeMap;

use prost::Message as _;

use super::{Side, at};
use crate::{
    crypto::Digest,
    envelope::Sealed,
    evidence::custody::stated,
    ledger::{Checkpoint, HashReader, checkpoint, leaf_digest, tree},
    wire::{
        ledger::{Action, Leaf, LeafBody, LeafProof, RecordProof},
        record::SignedCustody,
    },
};

#[derive(Default)]
struct Stored(BTreeMap<u64, [u8; 32]>);

impl HashReader for Stored {
    fn read(&self, index: u64) -> Result<Option<[u8; 32]>, tree::ReadError> {
        Ok(self.0.get(&index).copied())
    }
}

/// A leaf for each record, each own custody entry, and the export.
pub(super) fn ledger(
    uz: &Side,
    sealed: &[Sealed],
    chains: &[Vec<SignedCustody>; 3],
) -> RecordProof {
    let body = |detail: &str, header: &[u8], subject: &[u8]| LeafBody {
        actor: "UZ/node".to_owned(),
        action: Action::Disclosure.into(),
        header_digest: header.to_vec(),
        detail: detail.to_owned(),
        time_us: at(60).micros(),
        subject: subject.to_vec(),
        ..LeafBody::default()
    };
    let mut bodies: Vec<LeafBody> = sealed
        .iter()
        .map(|of| body("submitted", of.digest.as_bytes(), &[]))
        .collect();
    let own = chains
        .iter()
        .flatten()
        .filter(|of| stated(of).unwrap().country == uz.country);
    bodies.extend(own.map(|of| body("custody", &[], Digest::of(&of.entry).as_bytes())));
    bodies.push(body("court-export", sealed[0].digest.as_bytes(), &[]));
    let mut stored = Stored::default();
    let mut leaves = Vec::new();
    for (index, body) in (0_u64..).zip(&bodies) {
        let body = body.encode_to_vec();
        let digest = leaf_digest(&[8; 32], &body);
        let new = tree::append(index, &digest, &stored).unwrap();
        stored.0.extend(new);
        leaves.push(Leaf {
            index,
            salt: vec![8; 32],
            body,
            digest: digest.to_vec(),
        });
    }
    let size = leaves.len() as u64;
    let head = Checkpoint {
        origin: uz.origin(),
        size,
        root: tree::root(size, &stored).unwrap(),
    };
    RecordProof {
        checkpoint: checkpoint::sign(&head, &uz.origin(), &uz.key).unwrap(),
        leaves: leaves
            .into_iter()
            .map(|leaf| LeafProof {
                path: tree::inclusion(size, leaf.index, &stored)
                    .unwrap()
                    .iter()
                    .map(Digest::to_vec)
                    .collect(),
                leaf: Some(leaf),
            })
            .collect(),
    }
}
