//! The ledger that the vectors are pieces of: eleven leaves of UZ, so that the tree is no power of
//! two.

use std::collections::BTreeMap;

use prost::Message as _;

use super::{
    ExpectedLedger, LedgerVector, Subject, VectorError, VectorHead, VectorKey, check::outcome,
};
use crate::{
    crypto::{Digest, SigningKey},
    ledger::{Checkpoint, HashReader, checkpoint, leaf_digest, tree},
    wire::ledger::{Action, Leaf, LeafBody},
};

const WARNING: &str = "these keys are published: use them for nothing but tests";
/// The ledger.
pub(super) const ORIGIN: &str = "comity.ledger/UZ/3f2a9c10";
/// Leaves of the whole tree.
pub(super) const SIZE: u64 = 11;
/// 2026-06-01T12:00:00Z.
const NOW_US: i64 = 1_780_315_200_000_000;

/// Hashes of a tree, in memory.
#[derive(Default)]
pub(super) struct Stored(BTreeMap<u64, [u8; 32]>);

impl HashReader for Stored {
    fn read(&self, index: u64) -> Result<Option<[u8; 32]>, tree::ReadError> {
        Ok(self.0.get(&index).copied())
    }
}

/// 32 bytes that are the same each time and different for each use.
pub(super) fn bytes(what: &str) -> [u8; 32] {
    *Digest::of(format!("comity ledger vector\0{what}").as_bytes()).as_bytes()
}

/// The signing key of that name.
pub(super) fn key(name: &str) -> Result<SigningKey, VectorError> {
    Ok(SigningKey::from_seed(&bytes(&format!(
        "signing seed {name}"
    )))?)
}

/// The key of that name as the card has it.
pub(super) fn on_card(name: &str) -> Result<VectorKey, VectorError> {
    Ok(VectorKey {
        signing_seed: hex::encode(bytes(&format!("signing seed {name}"))),
        public_key: hex::encode(key(name)?.public().as_bytes()),
        retired: false,
        until: None,
    })
}

/// What leaf `index` says.
pub(super) fn body(index: u64) -> LeafBody {
    let (actor, action, detail) = match index % 4 {
        0 => ("UZ/operator/local", Action::Collection, "submitted"),
        1 => ("KZ/node", Action::Disclosure, "receipted"),
        2 => ("UZ/operator/local", Action::Consultation, "read"),
        _ => ("UZ/node", Action::Link, "link-up"),
    };
    let reference = match index / 4 {
        0 => "UZ-26-000001-D",
        1 => "UZ-26-000002-A",
        _ => "UZ-26-000003-7",
    };
    LeafBody {
        actor: actor.to_owned(),
        action: action.into(),
        header_digest: bytes(&format!("header {}", index / 4)).to_vec(),
        reference: reference.to_owned(),
        detail: detail.to_owned(),
        time_us: NOW_US.saturating_add(i64::try_from(index).unwrap_or(0)),
        ..LeafBody::default()
    }
}

/// A leaf that says `body`.
pub(super) fn leaf_of(index: u64, body: &[u8]) -> Leaf {
    let salt = bytes(&format!("salt {index}"));
    Leaf {
        index,
        salt: salt.to_vec(),
        body: body.to_vec(),
        digest: leaf_digest(&salt, body).to_vec(),
    }
}

/// The leaves of the ledger.
pub(super) fn leaves(size: u64) -> Vec<Leaf> {
    (0..size)
        .map(|index| leaf_of(index, &body(index).encode_to_vec()))
        .collect()
}

/// The tree over these leaves.
pub(super) fn grow(leaves: &[Leaf]) -> Result<Stored, VectorError> {
    let mut stored = Stored::default();
    for (index, leaf) in (0..).zip(leaves) {
        let digest = Digest::try_from(leaf.digest.as_slice()).unwrap_or(Digest::ZERO);
        let new = tree::append(index, &digest, &stored)?;
        stored.0.extend(new);
    }
    Ok(stored)
}

/// The head of the first `size` of these leaves.
pub(super) fn head(leaves: &[Leaf], size: u64) -> Result<Checkpoint, VectorError> {
    Ok(Checkpoint {
        origin: ORIGIN.to_owned(),
        size,
        root: tree::root(size, &grow(leaves)?)?,
    })
}

/// The same for a vector.
pub(super) fn vector_head(head: &Checkpoint) -> VectorHead {
    VectorHead {
        size: head.size,
        root: head.root.to_string(),
    }
}

/// The note of a head under the card's key.
pub(super) fn note(head: &Checkpoint) -> Result<String, VectorError> {
    Ok(checkpoint::sign(head, &head.origin, &key("UZ")?)?)
}

/// A vector that holds.
pub(super) fn holds(
    name: &str,
    about: &str,
    subject: Subject,
) -> Result<LedgerVector, VectorError> {
    settled(vector(name, about, subject)?)
}

/// The same vector with what comes of it, which must be no fault.
pub(super) fn settled(mut vector: LedgerVector) -> Result<LedgerVector, VectorError> {
    vector.expected = outcome(&vector)?;
    match &vector.expected.fault {
        None => Ok(vector),
        Some(fault) => Err(VectorError::Differs {
            name: vector.name,
            expected: "a piece that holds".to_owned(),
            found: fault.clone(),
        }),
    }
}

/// A vector with one fault.
pub(super) fn fails(
    name: &str,
    about: &str,
    subject: Subject,
    fault: &str,
    leaf: Option<u64>,
) -> Result<LedgerVector, VectorError> {
    Ok(LedgerVector {
        expected: ExpectedLedger {
            fault: Some(fault.to_owned()),
            leaf,
            found: None,
        },
        ..vector(name, about, subject)?
    })
}

fn vector(name: &str, about: &str, subject: Subject) -> Result<LedgerVector, VectorError> {
    Ok(LedgerVector {
        name: name.to_owned(),
        about: about.to_owned(),
        warning: WARNING.to_owned(),
        origin: ORIGIN.to_owned(),
        keys: vec![on_card("UZ")?],
        succession: None,
        subject,
        expected: ExpectedLedger::default(),
    })
}
