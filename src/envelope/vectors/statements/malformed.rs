//! Receipts that their issuer signed and that are none: one per rule.

use prost::{Message as _, bytes::Bytes};

use super::{
    Statement, StatementVector,
    make::{fails, sign_receipts},
    receipts::{delivery, receipt, refusal, taken_out},
};
use crate::{
    envelope::{Receipt, ReceiptType, vectors::VectorError},
    wire::envelope::DisclosureNotice,
};

/// KZ signed what is no receipt.
pub(super) fn all() -> Result<Vec<StatementVector>, VectorError> {
    type Change = fn(&mut Receipt);
    let recall = || Bytes::copy_from_slice(&[7; 32]);
    let held = Receipt {
        recall_digest: recall(),
        ground: "criminal case".to_owned(),
        ..receipt(ReceiptType::Held, 4)
    };
    let erased = Receipt {
        recall_digest: recall(),
        ..receipt(ReceiptType::Erased, 4)
    };
    let changes: [(&str, &Receipt, &str, Change); 21] = [
        ("issuer-is-another", &delivery(4), "issuer", |it| {
            it.issuer = "KG".to_owned()
        }),
        ("header-digest-short", &delivery(4), "header_digest", |it| {
            it.header_digest = it.header_digest.slice(1..);
        }),
        ("origin-is-no-country", &delivery(4), "origin", |it| {
            it.origin = "XX".to_owned()
        }),
        ("no-type", &delivery(4), "type", |it| it.r#type = 0),
        ("unknown-type", &delivery(4), "type", |it| it.r#type = 99),
        ("no-incarnation", &delivery(4), "incarnation", |it| {
            it.incarnation = Bytes::new()
        }),
        ("no-lane", &delivery(4), "lane", |it| it.lane = 0),
        ("unknown-lane", &delivery(4), "lane", |it| it.lane = 4),
        ("no-sequence", &delivery(4), "sequence", |it| {
            it.sequence = 0
        }),
        ("delivery-with-a-reason", &delivery(4), "reason", |it| {
            it.reason = 1
        }),
        ("refusal-without-a-reason", &refusal(4), "reason", |it| {
            it.reason = 0
        }),
        (
            "refusal-of-an-unknown-reason",
            &refusal(4),
            "reason",
            |it| it.reason = 99,
        ),
        (
            "delivery-of-a-recall",
            &delivery(4),
            "recall_digest",
            |it| {
                it.recall_digest = vec![7; 32].into();
            },
        ),
        (
            "held-with-a-time-of-backups",
            &held,
            "backups_until_us",
            |it| {
                it.backups_until_us = 1;
            },
        ),
        (
            "erased-backups-unknown-and-known",
            &erased,
            "backups_unknown",
            |it| {
                it.backups_unknown = true;
                it.backups_until_us = 1;
            },
        ),
        (
            "erased-compartment-by-recall",
            &erased,
            "compartment",
            |it| it.compartment = 4,
        ),
        ("held-without-a-ground", &held, "ground", |it| {
            it.ground.clear()
        }),
        ("erased-with-a-ground", &erased, "ground", |it| {
            it.ground = "why".to_owned()
        }),
        (
            "delivery-with-a-disclosure",
            &delivery(4),
            "disclosures",
            |it| {
                it.disclosures = vec![DisclosureNotice::default()];
            },
        ),
        ("delivery-with-a-purpose", &delivery(4), "purpose", |it| {
            it.purpose = "why".to_owned()
        }),
        (
            "delivery-of-an-authority",
            &delivery(4),
            "authority",
            |it| {
                it.authority = "national-police".to_owned();
            },
        ),
    ];
    let mut vectors = Vec::new();
    // Out of its group, where a late receipt may be long: the field is what is wrong.
    for (name, of, field, change) in changes {
        let mut changed = of.clone();
        change(&mut changed);
        let group = sign_receipts("KZ", vec![changed.encode_to_vec().into()])?;
        let proof = Statement::proof(&taken_out(&group, 0)?);
        vectors.push(fails(name, field, "KZ", proof, "malformed", Some(field))?);
    }
    let mut surplus = delivery(4).encode_to_vec();
    surplus.extend_from_slice(&[0x80, 0x08, 1]);
    let long = Receipt {
        ground: "EXERCISE ".repeat(20),
        ..held.clone()
    };
    let long = long.encode_to_vec();
    for (name, about, bytes, field) in [
        (
            "not-a-message",
            "bytes that do not decode",
            vec![0xff; 12],
            "encoding",
        ),
        (
            "unknown-field",
            "a field that version 1 does not have",
            surplus,
            "not in canonical form",
        ),
        (
            "receipt-too-long-for-a-group",
            "more than 160 bytes",
            long,
            "too long",
        ),
    ] {
        let group = Statement::group(&sign_receipts("KZ", vec![bytes.into()])?);
        vectors.push(fails(name, about, "KZ", group, "malformed", Some(field))?);
    }
    Ok(vectors)
}
