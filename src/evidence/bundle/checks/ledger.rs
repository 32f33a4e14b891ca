//! The exporting country's ledger: that each leaf shown is in the tree of the signed checkpoint.

use super::{Given, Ground, called, word};
use crate::{
    crypto::Digest,
    evidence::bundle::Report,
    ledger::{LedgerFault, verify_record_proof},
    record::Moment,
};

/// The detail of a leaf with which an export for court is disclosed.
const COURT_EXPORT: &str = "court-export";

pub(super) fn check(given: &Given<'_>, ground: &mut Ground, report: &mut Report) {
    let ledger = given.parts.ledger.clone().unwrap_or_default();
    let country = given.exporter;
    if ledger.country != country.code() {
        report.against(
            "ledger",
            country.code(),
            "index-differs",
            "The ledger shown is not that of the country that made the bundle.",
        );
        return;
    }
    let Some(card) = ground.book.get(country) else {
        return;
    };
    let proof = ledger.proof.unwrap_or_default();
    let verified = verify_record_proof(&proof, &card.ledger_origin, &card.ledger_keys());
    let bodies = match verified {
        Ok(bodies) => bodies,
        Err(LedgerFault::NoLeaves) => {
            report.open(
                "ledger",
                country.code(),
                "ledger-none",
                "No leaf of a ledger is shown.",
                &[],
            );
            return;
        }
        Err(fault) => {
            let reason = word("ledger", fault.name());
            report.against(
                "ledger",
                country.code(),
                &reason,
                format!("The ledger's proof does not hold: {fault}."),
            );
            return;
        }
    };
    let mut about: Vec<usize> = Vec::new();
    for (index, body) in &bodies {
        if let Ok(subject) = Digest::try_from(body.subject.as_slice()) {
            ground.leaves.insert(subject, *index);
        }
        let Ok(digest) = Digest::try_from(body.header_digest.as_slice()) else {
            continue;
        };
        let found = ground
            .records
            .iter()
            .find(|(_, shown)| shown.digest == digest);
        let Some((number, _)) = found else { continue };
        if !about.contains(number) {
            about.push(*number);
        }
        if body.detail == COURT_EXPORT {
            ground.exported.push(digest);
            if *number == 0 {
                report.proved(
                    "ledger",
                    &called(given, 0),
                    format!(
                        "Leaf {index} says that it was exported for court at {}.",
                        Moment::from_micros(body.time_us)
                    ),
                    &[country],
                );
            }
        }
    }
    report.proved(
        "ledger",
        country.code(),
        format!(
            "{} leaves are in the ledger of {country}, as its signed checkpoint proves; they are about {} of the {} records.",
            proof.leaves.len(),
            about.len(),
            given.bundle.records.len()
        ),
        &[country],
    );
    if !ground
        .exported
        .contains(&Digest::try_from(given.bundle.request_digest.as_slice()).unwrap_or_default())
    {
        report.open(
            "ledger",
            &called(given, 0),
            "ledger-no-export",
            format!("No leaf says that {country} exported the request for court."),
            &[],
        );
    }
}
