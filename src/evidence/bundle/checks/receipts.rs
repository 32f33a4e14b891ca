//! Receipts: their signatures, what they are about, and which deliveries they prove.

use super::{Given, Ground, called, word};
use crate::{
    card::Place,
    crypto::Digest,
    envelope::{Receipt, ReceiptError, ReceiptType, verify_stated},
    evidence::bundle::{MAX_RECEIPTS, Report},
    record::{Country, Moment},
};

/// Verifies every receipt and keeps those that hold.
pub(super) fn verify(given: &Given<'_>, ground: &mut Ground, report: &mut Report) {
    let receipts = given.parts.receipts.iter().flat_map(|of| &of.receipts);
    let mut held = 0_u64;
    let mut by: Vec<Country> = Vec::new();
    for (number, proof) in receipts.enumerate() {
        let about = format!("receipt {}", number.saturating_add(1));
        if number >= MAX_RECEIPTS {
            report.against(
                "receipts",
                &about,
                "receipts-too-many",
                "There are too many receipts.",
            );
            break;
        }
        let receipt = match verify_stated(proof, &ground.book) {
            Ok(receipt) => receipt,
            Err(fault @ (ReceiptError::Retired(_) | ReceiptError::RetiredAcceptance(_))) => {
                let says = format!("The receipt is signed, and does not count: {fault}.");
                report.open("receipts", &about, "receipt-retired-key", says, &[]);
                continue;
            }
            Err(fault) => {
                let reason = word("receipt", fault.name());
                report.against(
                    "receipts",
                    &about,
                    &reason,
                    format!("The receipt does not hold: {fault}."),
                );
                continue;
            }
        };
        let digest = Digest::try_from(&*receipt.header_digest).unwrap_or_default();
        let mut listed = given.bundle.records.iter();
        if !listed.any(|of| of.header_digest == digest.as_bytes()[..]) {
            report.against(
                "receipts",
                &about,
                "receipt-foreign",
                "The receipt holds, and is about a record that is not in the bundle.",
            );
            continue;
        }
        held = held.saturating_add(1);
        if let Ok(issuer) = receipt.issuer.parse()
            && !by.contains(&issuer)
        {
            by.push(issuer);
        }
        if receipt.r#type() == ReceiptType::Delivery
            && let Some(place) = place(&receipt)
        {
            ground.places.insert(digest, place);
        }
        ground.receipts.push(receipt);
    }
    if held > 0 {
        report.proved(
            "receipts",
            "all",
            format!("{held} receipts are signed by the countries that they name."),
            &by,
        );
    }
}

/// Where the record that a receipt answers stands on its lane. The signer of the record sent it to the
/// receipt's issuer.
fn place(receipt: &Receipt) -> Option<Place> {
    Some(Place {
        peer: receipt.issuer.parse().ok()?,
        incarnation: (*receipt.incarnation).try_into().ok()?,
        lane: u32::try_from(receipt.lane).ok()?,
        sequence: receipt.sequence,
        running_hash: None,
    })
}

/// Which records were delivered, as the other country signed.
pub(super) fn deliveries(given: &Given<'_>, ground: &Ground, report: &mut Report) {
    for (number, shown) in &ground.records {
        let about = called(given, *number);
        let other = if shown.origin == given.issuing {
            given.executing
        } else {
            given.issuing
        };
        let of = |kind: ReceiptType| {
            ground.receipts.iter().find(|receipt| {
                receipt.r#type() == kind
                    && *receipt.header_digest == shown.digest.as_bytes()[..]
                    && receipt.issuer == other.code()
            })
        };
        let at = |receipt: &Receipt| Moment::from_micros(receipt.time_us);
        match (of(ReceiptType::Delivery), of(ReceiptType::NonDelivery)) {
            (Some(receipt), _) => {
                let opened = of(ReceiptType::Retrieval).map(at);
                let opened = opened.map_or(String::new(), |at| format!(" An officer there opened it at {at}."));
                report.proved(
                    "delivery",
                    &about,
                    format!("The node of {other} signed that it held and opened the record at {}.{opened}", at(receipt)),
                    &[other],
                );
            }
            (None, Some(receipt)) => report.proved(
                "delivery",
                &about,
                format!("The node of {other} signed at {} that it refused the record and does not hold it.", at(receipt)),
                &[other],
            ),
            (None, None) => report.open(
                "delivery",
                &about,
                "receipt-missing",
                format!("No receipt of {other} says that the record was delivered."),
                &[],
            ),
        }
    }
}
