//! Receipts: what an issuer attests of a record, signed in groups over an RFC 6962 root.
//!
//! Signed bytes of a group: the domain's prefix ‖ issuer (2) ‖ size (64 bits, big endian) ‖ root
//! (32). A receipt taken out of its group carries its path and is checked with the issuer's card
//! alone.

use prost::{Message as _, bytes::Bytes};

use super::{
    Lane, NonDeliveryReason, OriginKeys, Receipt, ReceiptGroup, ReceiptProof, ReceiptType,
};
use crate::{
    card::{Place, Vouched},
    crypto::{Digest, Domain, KeyId, SigningKey, merkle},
    record::Country,
};

/// Most receipts in a group.
pub const MAX_RECEIPTS: usize = 4096;
/// Most bytes of an encoded receipt that answers a delivery; its fields have fixed lengths.
const MAX_RECEIPT_BYTES: usize = 160;
/// Most bytes of an encoded late receipt, with ground, purpose and disclosures.
const MAX_LATE_BYTES: usize = 8 * 1024;
/// Most characters of a ground, a purpose or an authority.
const MAX_TEXT: usize = 500;
/// Most disclosures that a receipt names.
pub const MAX_DISCLOSURES: usize = 64;
/// Highest label of a compartment that a receipt may name.
const MAX_LABEL: u32 = 255;
/// Most characters of a disclosure's manner.
const MAX_MANNER: usize = 32;

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

/// Signs receipts as one group. All of them name the same issuer, the country of `key`; a group of
/// none, of more than [`MAX_RECEIPTS`] or of several issuers is one that [`verify_group`] refuses.
pub fn issue(receipts: Vec<Receipt>, key: &SigningKey) -> ReceiptGroup {
    let issuer = receipts
        .first()
        .map_or_else(String::new, |receipt| receipt.issuer.clone());
    let receipts: Vec<Bytes> = receipts
        .iter()
        .map(|receipt| receipt.encode_to_vec().into())
        .collect();
    let text = signed_bytes(&issuer, receipts.len() as u64, &merkle::root(&receipts));
    ReceiptGroup {
        receipts,
        key_id: Bytes::copy_from_slice(&key.public().id()),
        signature: Bytes::copy_from_slice(&key.sign(Domain::Receipts, &text)),
    }
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
    check(&receipt, issuer).map_or(Ok(receipt), |field| Err(malformed(field)))
}

/// The field that breaks a rule.
fn check(receipt: &Receipt, issuer: Country) -> Option<&'static str> {
    if receipt.issuer != issuer.code() {
        return Some("issuer");
    }
    if receipt.header_digest.len() != 32 {
        return Some("header_digest");
    }
    if receipt.origin.parse::<Country>().is_err() {
        return Some("origin");
    }
    let kind = match ReceiptType::try_from(receipt.r#type) {
        Err(_) | Ok(ReceiptType::Unspecified) => return Some("type"),
        Ok(kind) => kind,
    };
    let submission = kind == ReceiptType::SubmissionAcceptance;
    if let Some(field) = check_late(receipt, kind) {
        return Some(field);
    }
    let lane_stated = match Lane::try_from(receipt.lane) {
        Err(_) => return Some("lane"),
        Ok(lane) => lane != Lane::Unspecified,
    };
    let incarnation = if submission { 0 } else { 16 };
    if receipt.incarnation.len() != incarnation {
        return Some("incarnation");
    }
    if lane_stated == submission {
        return Some("lane");
    }
    if (receipt.sequence == 0) != submission {
        return Some("sequence");
    }
    let refusal = receipt.r#type == i32::from(ReceiptType::NonDelivery);
    match NonDeliveryReason::try_from(receipt.reason) {
        Ok(reason) if (reason != NonDeliveryReason::Unspecified) == refusal => None,
        _ => Some("reason"),
    }
}

/// The field of a late receipt that breaks a rule, or that another receipt must not have.
fn check_late(receipt: &Receipt, kind: ReceiptType) -> Option<&'static str> {
    let recalled = matches!(kind, ReceiptType::Erased | ReceiptType::Held);
    let acted = matches!(kind, ReceiptType::Retrieval | ReceiptType::Acknowledged);
    let fits = |text: &str, allowed: bool| {
        (allowed || text.is_empty())
            && text.chars().count() <= MAX_TEXT
            && !text.chars().any(char::is_control)
    };
    let manners = receipt.disclosures.iter().all(|notice| {
        !notice.manner.is_empty()
            && notice.manner.len() <= MAX_MANNER
            && notice
                .manner
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
            && (notice.country.is_empty() || notice.country.parse::<Country>().is_ok())
    });
    if !matches!(receipt.recall_digest.len(), 0 | 32)
        || (!recalled && !receipt.recall_digest.is_empty())
    {
        Some("recall_digest")
    } else if receipt.backups_until_us < 0
        || (kind != ReceiptType::Erased && receipt.backups_until_us != 0)
    {
        Some("backups_until_us")
    } else if receipt.backups_unknown
        && (kind != ReceiptType::Erased || receipt.backups_until_us != 0)
    {
        Some("backups_unknown")
    } else if receipt.compartment != 0
        && (kind != ReceiptType::Erased
            || receipt.compartment > MAX_LABEL
            || !receipt.recall_digest.is_empty())
    {
        Some("compartment")
    } else if !fits(&receipt.ground, kind == ReceiptType::Held)
        || (kind == ReceiptType::Held && receipt.ground.is_empty())
    {
        Some("ground")
    } else if receipt.disclosures.len() > MAX_DISCLOSURES
        || !manners
        || (!recalled && !receipt.disclosures.is_empty())
    {
        Some("disclosures")
    } else if !fits(&receipt.purpose, kind == ReceiptType::Retrieval) {
        Some("purpose")
    } else if !fits(&receipt.authority, acted) {
        Some("authority")
    } else {
        None
    }
}
