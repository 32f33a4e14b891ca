//! Receipt groups and receipts taken out of them. KZ answers records of UZ.

use prost::bytes::Bytes;

use super::{
    Statement, StatementVector,
    make::{fails, holds, incarnation, key, last_place},
    malformed,
};
use crate::{
    crypto::{Digest, Domain},
    envelope::{
        Lane, NonDeliveryReason, Receipt, ReceiptGroup, ReceiptProof, ReceiptType, issue, proof,
        vectors::{VectorError, make::NOW},
    },
    wire::envelope::DisclosureNotice,
};

/// KZ's receipt for a sequence of the bulk lane of UZ.
pub(super) fn receipt(kind: ReceiptType, sequence: u64) -> Receipt {
    let header = Digest::of(format!("header at {sequence}").as_bytes());
    Receipt {
        r#type: kind.into(),
        header_digest: Bytes::copy_from_slice(header.as_bytes()),
        origin: "UZ".to_owned(),
        issuer: "KZ".to_owned(),
        incarnation: incarnation("UZ"),
        lane: Lane::Bulk.into(),
        sequence,
        time_us: NOW.micros(),
        ..Receipt::default()
    }
}

pub(super) fn delivery(sequence: u64) -> Receipt {
    receipt(ReceiptType::Delivery, sequence)
}

pub(super) fn refusal(sequence: u64) -> Receipt {
    Receipt {
        reason: NonDeliveryReason::MalformedContent.into(),
        ..receipt(ReceiptType::NonDelivery, sequence)
    }
}

/// The acceptance of UZ to its own client.
fn acceptance() -> Receipt {
    Receipt {
        issuer: "UZ".to_owned(),
        incarnation: Bytes::new(),
        lane: 0,
        sequence: 0,
        ..receipt(ReceiptType::SubmissionAcceptance, 0)
    }
}

/// Five sequences, the third refused.
fn five() -> Vec<Receipt> {
    vec![
        delivery(3),
        delivery(4),
        refusal(5),
        delivery(6),
        delivery(7),
    ]
}

fn group_of_five() -> Result<ReceiptGroup, VectorError> {
    Ok(issue(five(), &key("KZ")?))
}

pub(super) fn taken_out(group: &ReceiptGroup, index: usize) -> Result<ReceiptProof, VectorError> {
    proof(group, index).ok_or_else(|| VectorError::Field {
        name: "receipts".to_owned(),
        field: "index",
    })
}

pub(super) fn all() -> Result<Vec<StatementVector>, VectorError> {
    let mut vectors = good()?;
    vectors.extend(late()?);
    vectors.extend(retired()?);
    vectors.extend(carried()?);
    vectors.extend(paths()?);
    vectors.extend(malformed::all()?);
    Ok(vectors)
}

fn good() -> Result<Vec<StatementVector>, VectorError> {
    let five = group_of_five()?;
    let one = issue(vec![delivery(1)], &key("KZ")?);
    let own = issue(vec![acceptance()], &key("UZ")?);
    let group = |name, about, signer, group: &ReceiptGroup| {
        holds(name, about, signer, None, Statement::group(group))
    };
    let out = |name, about, group: &ReceiptGroup, index| {
        let proof = taken_out(group, index)?;
        holds(name, about, "KZ", None, Statement::proof(&proof))
    };
    Ok(vec![
        group(
            "group-of-one",
            "the root is the hash of its leaf",
            "KZ",
            &one,
        )?,
        group(
            "group-of-five",
            "no power of two; the third is refused",
            "KZ",
            &five,
        )?,
        group(
            "group-of-an-acceptance",
            "the origin to its own client",
            "UZ",
            &own,
        )?,
        out("proof-of-one", "an empty path", &one, 0)?,
        out("proof-of-the-first", "a path of three hashes", &five, 0)?,
        out("proof-of-the-third", "the refusal", &five, 2)?,
        out("proof-of-the-last", "a path of one hash", &five, 4)?,
    ])
}

/// What is attested after delivery: each kind with all that it may say.
fn late_receipts() -> [(&'static str, Receipt); 6] {
    let recall = Bytes::copy_from_slice(Digest::of(b"header of the recall").as_bytes());
    let erased = receipt(ReceiptType::Erased, 4);
    [
        (
            "late-retrieval",
            Receipt {
                purpose: "identification of a victim".to_owned(),
                authority: "national-police".to_owned(),
                ..receipt(ReceiptType::Retrieval, 4)
            },
        ),
        (
            "late-acknowledged",
            Receipt {
                authority: "national-police".to_owned(),
                ..receipt(ReceiptType::Acknowledged, 4)
            },
        ),
        (
            "late-held",
            Receipt {
                recall_digest: recall.clone(),
                ground: "criminal case 1/2026, EXERCISE".to_owned(),
                ..receipt(ReceiptType::Held, 4)
            },
        ),
        (
            "late-erased",
            Receipt {
                recall_digest: recall,
                backups_until_us: NOW.micros() + 1,
                disclosures: vec![DisclosureNotice {
                    time_us: NOW.micros() - 1,
                    manner: "onward".to_owned(),
                    country: "KG".to_owned(),
                }],
                ..erased.clone()
            },
        ),
        (
            "late-erased-backups-unknown",
            Receipt {
                backups_unknown: true,
                ..erased.clone()
            },
        ),
        (
            "late-erased-one-compartment",
            Receipt {
                compartment: 4,
                ..erased
            },
        ),
    ]
}

fn late() -> Result<Vec<StatementVector>, VectorError> {
    late_receipts()
        .into_iter()
        .map(|(name, receipt)| {
            let group = issue(vec![receipt], &key("KZ")?);
            let proof = Statement::proof(&taken_out(&group, 0)?);
            holds(name, "alone in its group", "KZ", None, proof)
        })
        .collect()
}

fn retired() -> Result<Vec<StatementVector>, VectorError> {
    let at = issue(vec![delivery(7)], &key("KZ")?);
    let beyond = issue(vec![delivery(8)], &key("KZ")?);
    let own = issue(vec![acceptance()], &key("UZ")?);
    let with = |vector: StatementVector, peer| StatementVector {
        retired: Some(last_place(peer)),
        ..vector
    };
    Ok(vec![
        holds(
            "retired-key-at-its-last-sequence",
            "a receipt counts up to the last sequence that the card names",
            "KZ",
            Some(last_place("UZ")),
            Statement::group(&at),
        )?,
        with(
            fails(
                "retired-key-beyond-its-last-sequence",
                "the card ends the key at sequence 7",
                "KZ",
                Statement::group(&beyond),
                "retired",
                None,
            )?,
            "UZ",
        ),
        with(
            fails(
                "retired-key-of-an-acceptance",
                "an acceptance names no place in a lane",
                "UZ",
                Statement::group(&own),
                "retired_acceptance",
                None,
            )?,
            "KZ",
        ),
    ])
}

/// Whoever carried the group could have done this.
fn carried() -> Result<Vec<StatementVector>, VectorError> {
    let five = group_of_five()?;
    let change = |change: fn(&mut ReceiptGroup)| {
        let mut changed = five.clone();
        change(&mut changed);
        Statement::group(&changed)
    };
    let text: Vec<u8> = five.receipts.concat();
    let mut domain = five.clone();
    domain.signature = Bytes::copy_from_slice(&key("KZ")?.sign(Domain::Mark, &text));
    let foreign = issue(vec![delivery(1)], &key("UZ")?);
    let case = |name, about, statement, fault| fails(name, about, "KZ", statement, fault, None);
    Ok(vec![
        case(
            "no-receipt",
            "an empty group",
            change(|group| group.receipts.clear()),
            "size",
        )?,
        case(
            "left-out",
            "the last of five is gone",
            change(|group| group.receipts.truncate(4)),
            "bad_signature",
        )?,
        case(
            "swapped",
            "the first two in the other order",
            change(|group| group.receipts.swap(0, 1)),
            "bad_signature",
        )?,
        case(
            "signature-cut",
            "a signature of 63 bytes",
            change(|group| group.signature = group.signature.slice(1..)),
            "bad_signature",
        )?,
        case(
            "signed-in-another-domain",
            "the signature of a mark",
            Statement::group(&domain),
            "bad_signature",
        )?,
        case(
            "short-key-id",
            "a key id of seven bytes",
            change(|group| group.key_id = group.key_id.slice(1..)),
            "unknown_key",
        )?,
        case(
            "signed-by-another-country",
            "UZ signs what KZ attests",
            Statement::group(&foreign),
            "unknown_key",
        )?,
    ])
}

fn paths() -> Result<Vec<StatementVector>, VectorError> {
    let third = taken_out(&group_of_five()?, 2)?;
    let change = |change: fn(&mut ReceiptProof)| {
        let mut changed = third.clone();
        change(&mut changed);
        Statement::proof(&changed)
    };
    let case = |name, about, statement, fault| fails(name, about, "KZ", statement, fault, None);
    Ok(vec![
        case(
            "proof-of-nothing",
            "size 0",
            change(|proof| proof.size = 0),
            "size",
        )?,
        case(
            "proof-too-large",
            "size 4097",
            change(|proof| proof.size = 4097),
            "size",
        )?,
        case(
            "proof-beyond-its-group",
            "index 5 of 5",
            change(|proof| proof.index = 5),
            "path",
        )?,
        case(
            "proof-path-too-short",
            "the last hash is gone",
            change(|proof| {
                proof.path.pop();
            }),
            "path",
        )?,
        case(
            "proof-path-hash-short",
            "a hash of 31 bytes",
            change(|proof| {
                if let Some(first) = proof.path.first_mut() {
                    *first = first.slice(1..);
                }
            }),
            "path",
        )?,
        case(
            "proof-at-another-place",
            "index 3 for the third receipt",
            change(|proof| proof.index = 3),
            "bad_signature",
        )?,
    ])
}
