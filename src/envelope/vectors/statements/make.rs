//! The stage on which statements are made and broken.

use prost::{Message as _, bytes::Bytes};

use super::{ExpectedStatement, Statement, StatementVector, VectorPosition, outcome};
use crate::{
    crypto::{Digest, Domain, SigningKey, merkle},
    envelope::{
        LaneMark, ReceiptGroup, ReceiptProof, SignedLaneMark,
        vectors::{
            VectorError,
            make::{WARNING, bytes},
            unhex,
        },
    },
};

/// The key of `country`, the same in every vector.
pub(super) fn key(country: &str) -> Result<SigningKey, VectorError> {
    let what = format!("signing seed of {country}");
    Ok(SigningKey::from_seed(&bytes::<32>("all", &what))?)
}

/// The incarnation of the node of `country`.
pub(super) fn incarnation(country: &str) -> Bytes {
    let what = format!("incarnation of {country}");
    Bytes::copy_from_slice(&bytes::<16>("all", &what))
}

/// The last place for which a retired key counts: sequence 7 of the bulk lane from UZ to KZ, seen
/// from either side.
pub(super) fn last_place(peer: &str) -> VectorPosition {
    VectorPosition {
        peer: peer.to_owned(),
        incarnation: hex::encode(incarnation("UZ")),
        lane: 3,
        sequence: 7,
        running_hash: Digest::of(b"running hash at 7").to_string(),
    }
}

impl Statement {
    pub(super) fn group(group: &ReceiptGroup) -> Self {
        Self::Group {
            receipts: group.receipts.iter().map(hex::encode).collect(),
            key_id: hex::encode(&group.key_id),
            signature: hex::encode(&group.signature),
        }
    }

    pub(super) fn proof(proof: &ReceiptProof) -> Self {
        Self::Proof {
            receipt: hex::encode(&proof.receipt),
            index: proof.index,
            size: proof.size,
            path: proof.path.iter().map(hex::encode).collect(),
            key_id: hex::encode(&proof.key_id),
            signature: hex::encode(&proof.signature),
        }
    }

    pub(super) fn mark(signed: &SignedLaneMark) -> Self {
        Self::Mark {
            mark: hex::encode(&signed.mark),
            key_id: hex::encode(&signed.key_id),
            signature: hex::encode(&signed.signature),
        }
    }
}

/// Any receipts under the issuer's signature, whatever they say.
pub(super) fn sign_receipts(
    issuer: &str,
    receipts: Vec<Bytes>,
) -> Result<ReceiptGroup, VectorError> {
    let key = key(issuer)?;
    let text = receipts_text(issuer, receipts.len() as u64, &merkle::root(&receipts));
    Ok(ReceiptGroup {
        receipts,
        key_id: Bytes::copy_from_slice(&key.public().id()),
        signature: Bytes::copy_from_slice(&key.sign(Domain::Receipts, &text)),
    })
}

/// Any bytes signed as a mark.
pub(super) fn sign_as_mark(origin: &str, mark: Vec<u8>) -> Result<SignedLaneMark, VectorError> {
    let key = key(origin)?;
    Ok(SignedLaneMark {
        key_id: Bytes::copy_from_slice(&key.public().id()),
        signature: Bytes::copy_from_slice(&key.sign(Domain::Mark, &mark)),
        mark: mark.into(),
    })
}

/// The encoding of a mark, changed.
pub(super) fn mark_bytes(mark: &LaneMark, change: impl FnOnce(&mut LaneMark)) -> Vec<u8> {
    let mut changed = mark.clone();
    change(&mut changed);
    changed.encode_to_vec()
}

/// A vector that holds.
pub(super) fn holds(
    name: &str,
    about: &str,
    signer: &str,
    retired: Option<VectorPosition>,
    statement: Statement,
) -> Result<StatementVector, VectorError> {
    let mut vector = vector(name, about, signer, retired, statement)?;
    vector.expected = outcome(&vector)?;
    if let Some(fault) = &vector.expected.fault {
        return Err(VectorError::Differs {
            name: vector.name,
            expected: "a statement that holds".to_owned(),
            found: fault.clone(),
        });
    }
    vector.expected.signed = Some(signed(&vector)?);
    Ok(vector)
}

/// A vector with one fault.
pub(super) fn fails(
    name: &str,
    about: &str,
    signer: &str,
    statement: Statement,
    fault: &str,
    field: Option<&str>,
) -> Result<StatementVector, VectorError> {
    let mut vector = vector(name, about, signer, None, statement)?;
    vector.expected = ExpectedStatement {
        fault: Some(fault.to_owned()),
        field: field.map(str::to_owned),
        ..ExpectedStatement::default()
    };
    Ok(vector)
}

fn vector(
    name: &str,
    about: &str,
    signer: &str,
    retired: Option<VectorPosition>,
    statement: Statement,
) -> Result<StatementVector, VectorError> {
    let what = format!("signing seed of {signer}");
    Ok(StatementVector {
        name: name.to_owned(),
        about: about.to_owned(),
        warning: WARNING.to_owned(),
        signer: signer.to_owned(),
        signing_seed: hex::encode(bytes::<32>("all", &what)),
        public_key: hex::encode(key(signer)?.public().as_bytes()),
        retired,
        statement,
        expected: ExpectedStatement::default(),
    })
}

/// The bytes over which the vector's signature stands, with the domain's prefix.
pub(super) fn signed(vector: &StatementVector) -> Result<String, VectorError> {
    let unhex = |text: &str| unhex(&vector.name, text, "statement");
    let (domain, text) = match &vector.statement {
        Statement::Group { receipts, .. } => {
            let receipts: Vec<Bytes> = receipts
                .iter()
                .map(|each| unhex(each))
                .collect::<Result<_, _>>()?;
            let root = merkle::root(&receipts);
            let text = receipts_text(&vector.signer, receipts.len() as u64, &root);
            (Domain::Receipts, text)
        }
        Statement::Proof {
            receipt,
            index,
            size,
            path,
            ..
        } => {
            let malformed = || VectorError::Field {
                name: vector.name.clone(),
                field: "statement.path",
            };
            let path: Vec<Digest> = path
                .iter()
                .map(|each| Digest::try_from(&*unhex(each)?).map_err(|_| malformed()))
                .collect::<Result<_, _>>()?;
            let root = merkle::root_from_path(*size, *index, &unhex(receipt)?, &path)
                .map_err(|_| malformed())?;
            (
                Domain::Receipts,
                receipts_text(&vector.signer, *size, &root),
            )
        }
        Statement::Mark { mark, .. } => (Domain::Mark, unhex(mark)?.to_vec()),
    };
    Ok(hex::encode([domain.prefix(), &text].concat()))
}

fn receipts_text(issuer: &str, size: u64, root: &Digest) -> Vec<u8> {
    [issuer.as_bytes(), &size.to_be_bytes(), root.as_bytes()].concat()
}
