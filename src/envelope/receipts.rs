//! Receipts: what an issuer attests of a record, signed in groups over an RFC 6962 root.
//!
//! Signed bytes of a group: the domain's prefix ‖ issuer (2) ‖ size (64 bits, big endian) ‖ root
//! (32). A receipt taken out of its group carries its path and is checked with the issuer's card
//! alone.

mod form;

use prost::{Message as _, bytes::Bytes};

pub use self::form::MAX_DISCLOSURES;
use super::{OriginKeys, Receipt, ReceiptGroup, ReceiptProof, ReceiptType};
use crate::{
    card::{Place, Vouched},
    crypto::{Digest, Domain, KeyId, Signer, SigningFault, SigningKey, merkle},
    record::Country,
};

/// Most receipts in a group.
pub const MAX_RECEIPTS: usize = 4096;
/// Most bytes of an encoded receipt that answers a delivery; its fields have fixed lengths.
const MAX_RECEIPT_BYTES: usize = 160;
/// Most bytes of an encoded late receipt, with ground, purpose and disclosures.
const MAX_LATE_BYTES: usize = 8 * 1024;

/// Whether a receipt of this type attests what happened after delivery.
pub const fn is_late(kind: ReceiptType) -> bool {
    match kind {
        ReceiptType::Retrieval
        | ReceiptType::Acknowledged
        | ReceiptType::Erased
        | ReceiptType::Held => true,
        ReceiptType::Unspecified
        | ReceiptType::SubmissionAcceptance
        | ReceiptType::Delivery
        | ReceiptType::NonDelivery => false,
    }
}

/// Receipts do not prove what they say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// No receipt, or more than 4096.
    #[error("a group has 1 to 4096 receipts, this one has {0}")]
    Size(u64),
    /// The issuer's card does not vouch for the key.
    #[error("the card of {0} has no such signing key")]
    UnknownKey(Country),
    /// The key was retired, and the receipt lies beyond what it signed before.
    #[error(
        "{0} retired the key that signed this receipt, and its card says that the key's signatures \
         end before it"
    )]
    Retired(Country),
    /// The key was retired, and an acceptance names no place in a lane.
    #[error(
        "{0} retired the key that signed this acceptance, and nothing in it shows that it is older; \
         the ledger's leaf proves it: `comity audit prove`"
    )]
    RetiredAcceptance(Country),
    /// The signature does not hold over issuer, size and root.
    #[error("the signature of {0} does not hold over the receipts")]
    BadSignature(Country),
    /// The path does not fit index and size.
    #[error("the receipt's path does not fit its place")]
    Path,
    /// The receipt is not a message in canonical form, or breaks a rule.
    #[error("receipt {index} is malformed: {field}")]
    Malformed {
        /// Index in the group.
        index: u64,
        /// The field.
        field: &'static str,
    },
}

impl ReceiptError {
    /// A stable word for the error, as vectors name it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Size(_) => "size",
            Self::UnknownKey(_) => "unknown_key",
            Self::Retired(_) => "retired",
            Self::RetiredAcceptance(_) => "retired_acceptance",
            Self::BadSignature(_) => "bad_signature",
            Self::Path => "path",
            Self::Malformed { .. } => "malformed",
        }
    }
}

/// Signs receipts as one group. All of them name the same issuer, the country of `key`; a group of
/// none, of more than [`MAX_RECEIPTS`] or of several issuers is one that [`verify_group`] refuses.
pub fn issue(receipts: Vec<Receipt>, key: &SigningKey) -> ReceiptGroup {
    let (receipts, text) = group_of(&receipts);
    ReceiptGroup {
        receipts,
        key_id: Bytes::copy_from_slice(&key.public().id()),
        signature: Bytes::copy_from_slice(&key.sign(Domain::Receipts, &text)),
    }
}

/// As [`issue`], signed by whoever keeps the node's key.
///
/// # Errors
/// [`SigningFault`] when it does not sign.
pub fn issue_by(receipts: Vec<Receipt>, signer: &dyn Signer) -> Result<ReceiptGroup, SigningFault> {
    let (receipts, text) = group_of(&receipts);
    Ok(ReceiptGroup {
        receipts,
        key_id: Bytes::copy_from_slice(&signer.public().id()),
        signature: Bytes::copy_from_slice(&signer.sign(Domain::Receipts, &text)?),
    })
}

/// Encoded receipts, and what is signed of them.
fn group_of(receipts: &[Receipt]) -> (Vec<Bytes>, Vec<u8>) {
    let issuer = receipts
        .first()
        .map_or_else(String::new, |receipt| receipt.issuer.clone());
    let receipts: Vec<Bytes> = receipts
        .iter()
        .map(|receipt| receipt.encode_to_vec().into())
        .collect();
    let text = signed_bytes(&issuer, receipts.len() as u64, &merkle::root(&receipts));
    (receipts, text)
}

fn signed_bytes(issuer: &str, size: u64, root: &Digest) -> Vec<u8> {
    [issuer.as_bytes(), &size.to_be_bytes(), root.as_bytes()].concat()
}

/// Verifies the group's signature, then decodes its receipts.
///
/// # Errors
/// [`ReceiptError`], by what does not hold.
pub fn verify_group(
    group: &ReceiptGroup,
    issuer: Country,
    trust: &(impl OriginKeys + ?Sized),
) -> Result<Vec<Receipt>, ReceiptError> {
    let size = group.receipts.len() as u64;
    if size == 0 || group.receipts.len() > MAX_RECEIPTS {
        return Err(ReceiptError::Size(size));
    }
    for (index, receipt) in (0..).zip(&group.receipts) {
        check_length(receipt, index, MAX_RECEIPT_BYTES)?;
    }
    let root = merkle::root(&group.receipts);
    let vouched = check_signature(issuer, size, &root, &group.key_id, &group.signature, trust)?;
    (0..)
        .zip(&group.receipts)
        .map(|(index, receipt)| counted(decode(receipt, issuer, index)?, issuer, vouched))
        .collect()
}

/// One receipt with its path; none when the group has no such receipt. For every receipt of a
/// group, [`proofs`] hashes the group once.
pub fn proof(group: &ReceiptGroup, index: usize) -> Option<ReceiptProof> {
    let receipt = group.receipts.get(index)?;
    Some(prove(
        group,
        &merkle::Tree::new(&group.receipts),
        index,
        receipt,
    ))
}

/// Every receipt with its path, in order.
pub fn proofs(group: &ReceiptGroup) -> Vec<ReceiptProof> {
    let tree = merkle::Tree::new(&group.receipts);
    group
        .receipts
        .iter()
        .enumerate()
        .map(|(index, receipt)| prove(group, &tree, index, receipt))
        .collect()
}

fn prove(group: &ReceiptGroup, tree: &merkle::Tree, index: usize, receipt: &Bytes) -> ReceiptProof {
    ReceiptProof {
        receipt: receipt.clone(),
        index: index as u64,
        size: group.receipts.len() as u64,
        path: tree
            .path(index)
            .iter()
            .map(|hash| Bytes::copy_from_slice(hash.as_bytes()))
            .collect(),
        key_id: group.key_id.clone(),
        signature: group.signature.clone(),
    }
}

/// Verifies one receipt with its path.
///
/// # Errors
/// [`ReceiptError`], by what does not hold.
pub fn verify_proof(
    proof: &ReceiptProof,
    issuer: Country,
    trust: &(impl OriginKeys + ?Sized),
) -> Result<Receipt, ReceiptError> {
    if proof.size == 0 || proof.size > MAX_RECEIPTS as u64 {
        return Err(ReceiptError::Size(proof.size));
    }
    check_length(&proof.receipt, proof.index, MAX_LATE_BYTES)?;
    if proof.path.len() > merkle::MAX_PATH {
        return Err(ReceiptError::Path);
    }
    let path: Vec<Digest> = proof
        .path
        .iter()
        .map(|hash| Digest::try_from(&**hash))
        .collect::<Result<_, _>>()
        .map_err(|_| ReceiptError::Path)?;
    let root = merkle::root_from_path(proof.size, proof.index, &proof.receipt, &path)
        .map_err(|_| ReceiptError::Path)?;
    let vouched = check_signature(
        issuer,
        proof.size,
        &root,
        &proof.key_id,
        &proof.signature,
        trust,
    )?;
    counted(
        decode(&proof.receipt, issuer, proof.index)?,
        issuer,
        vouched,
    )
}

/// Verifies one receipt with its path against the country it states as its issuer.
///
/// # Errors
/// As [`verify_proof`]; [`ReceiptError::Malformed`] when it states none.
pub fn verify_stated(
    proof: &ReceiptProof,
    trust: &(impl OriginKeys + ?Sized),
) -> Result<Receipt, ReceiptError> {
    check_length(&proof.receipt, proof.index, MAX_LATE_BYTES)?;
    let no_issuer = ReceiptError::Malformed {
        index: proof.index,
        field: "issuer",
    };
    let Ok(stated) = Receipt::decode(proof.receipt.as_ref()) else {
        return Err(no_issuer);
    };
    let Ok(issuer) = stated.issuer.parse() else {
        return Err(no_issuer);
    };
    verify_proof(proof, issuer, trust)
}

/// What a receipt with its path says, its form checked and its signature not: for one of a country
/// whose card is not held.
///
/// # Errors
/// [`ReceiptError::Size`], [`ReceiptError::Malformed`] or [`ReceiptError::Path`].
pub fn stated(proof: &ReceiptProof) -> Result<Receipt, ReceiptError> {
    if proof.size == 0 || proof.size > MAX_RECEIPTS as u64 {
        return Err(ReceiptError::Size(proof.size));
    }
    if proof.path.len() > merkle::MAX_PATH || proof.path.iter().any(|hash| hash.len() != 32) {
        return Err(ReceiptError::Path);
    }
    check_length(&proof.receipt, proof.index, MAX_LATE_BYTES)?;
    let index = proof.index;
    let malformed = |field| ReceiptError::Malformed { index, field };
    let receipt = Receipt::decode(proof.receipt.clone()).map_err(|_| malformed("encoding"))?;
    let issuer = receipt.issuer.parse().map_err(|_| malformed("issuer"))?;
    decode(&proof.receipt, issuer, index)
}

fn check_length(receipt: &Bytes, index: u64, max: usize) -> Result<(), ReceiptError> {
    if receipt.len() > max {
        let field = "too long";
        return Err(ReceiptError::Malformed { index, field });
    }
    Ok(())
}

fn check_signature<'a>(
    issuer: Country,
    size: u64,
    root: &Digest,
    key_id: &[u8],
    signature: &[u8],
    trust: &'a (impl OriginKeys + ?Sized),
) -> Result<Vouched<'a>, ReceiptError> {
    let vouched = KeyId::try_from(key_id)
        .ok()
        .and_then(|id| trust.signing_key(issuer, &id))
        .ok_or(ReceiptError::UnknownKey(issuer))?;
    vouched
        .key
        .verify(
            Domain::Receipts,
            &signed_bytes(issuer.code(), size, root),
            signature,
        )
        .map_err(|_| ReceiptError::BadSignature(issuer))?;
    Ok(vouched)
}

/// A receipt whose signature holds, unless its key was retired before: a receipt stands for the
/// sequence that it answers. A SUBMISSION_ACCEPTANCE stands for none.
fn counted(
    receipt: Receipt,
    issuer: Country,
    vouched: Vouched<'_>,
) -> Result<Receipt, ReceiptError> {
    if vouched.retired.is_none() {
        return Ok(receipt);
    }
    if receipt.r#type() == ReceiptType::SubmissionAcceptance {
        return Err(ReceiptError::RetiredAcceptance(issuer));
    }
    let place = place(&receipt);
    if !vouched.counts(place.as_ref()) {
        return Err(ReceiptError::Retired(issuer));
    }
    Ok(receipt)
}

fn place(receipt: &Receipt) -> Option<Place> {
    Some(Place {
        peer: receipt.origin.parse().ok()?,
        incarnation: (*receipt.incarnation).try_into().ok()?,
        lane: u32::try_from(receipt.lane).ok()?,
        sequence: receipt.sequence,
        running_hash: None,
    })
}

fn decode(bytes: &Bytes, issuer: Country, index: u64) -> Result<Receipt, ReceiptError> {
    let malformed = |field| ReceiptError::Malformed { index, field };
    let receipt = Receipt::decode(bytes.clone()).map_err(|_| malformed("encoding"))?;
    if receipt.encode_to_vec() != *bytes {
        return Err(malformed("not in canonical form"));
    }
    form::check(&receipt, issuer).map_or(Ok(receipt), |field| Err(malformed(field)))
}
