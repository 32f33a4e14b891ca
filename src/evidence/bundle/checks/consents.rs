//! Consent: what the other country's markings demand for use in court, and whether it gave it.

use super::{Given, Ground, called};
use crate::{
    envelope::{Claim, TokenError, verify_token},
    evidence::bundle::{Report, Shown},
    record::handling::{demands, listed},
    wire::envelope::ConsentUse,
};

pub(super) fn check(given: &Given<'_>, ground: &Ground, report: &mut Report) {
    for (number, shown) in &ground.records {
        if shown.origin == given.exporter {
            continue;
        }
        let marking = shown.record.marking.clone().unwrap_or_default();
        let demands = demands(&marking, ConsentUse::Court, &shown.labels);
        if !demands.is_empty() {
            judge(given, ground, *number, shown, &listed(&demands), report);
        }
    }
}

fn judge(
    given: &Given<'_>,
    ground: &Ground,
    number: usize,
    shown: &Shown,
    demanded: &str,
    report: &mut Report,
) {
    let about = called(given, number);
    let labels: Vec<u32> = shown
        .labels
        .iter()
        .filter_map(|label| u32::try_from(i32::from(*label)).ok())
        .collect();
    let consents = given.parts.consents.iter().flat_map(|of| &of.consents);
    let mut fault = None;
    for signed in consents {
        let claim = Claim {
            header_digest: &shown.digest,
            origin: shown.origin,
            grantee: given.exporter,
            purpose: ConsentUse::Court,
            compartments: &labels,
            beneficiary: &given.bundle.court,
            now: given.exported_at,
            answered: false,
        };
        match verify_token(signed, claim, &ground.book) {
            Ok(_) => {
                report.proved(
                    "consent",
                    &about,
                    format!(
                        "{} signed its consent to the use in court of this record ({demanded}).",
                        shown.origin
                    ),
                    &[shown.origin],
                );
                return;
            }
            // A token of another record says nothing about this one.
            Err(TokenError::OtherRecord) => {}
            Err(error) => fault = Some(error),
        }
    }
    match fault {
        Some(error @ TokenError::Retired(_)) => report.open(
            "consent",
            &about,
            fault_word(&error),
            format!(
                "{} signed its consent with a key that it retired since, and nothing shows that the \
                 consent came before.",
                shown.origin
            ),
            &[],
        ),
        Some(error) => report.against(
            "consent",
            &about,
            fault_word(&error),
            format!("The consent of {} does not hold for this: {error}.", shown.origin),
        ),
        None => report.against(
            "consent",
            &about,
            "consent-missing",
            format!("The record's marking demands the consent of {} to use in court ({demanded}), and none is here.", shown.origin),
        ),
    }
}

/// A stable word for a token that does not hold for a use.
const fn fault_word(fault: &TokenError) -> &'static str {
    match fault {
        TokenError::UnknownKey(_) => "consent-unknown-key",
        TokenError::Retired(_) => "consent-retired-key",
        TokenError::BadSignature(_) => "consent-signature",
        TokenError::Malformed(_) => "consent-malformed",
        TokenError::OtherRecord => "consent-other-record",
        TokenError::OtherGrantee(_) => "consent-other-country",
        TokenError::OtherUse(_) => "consent-other-use",
        TokenError::OtherCompartment(_) => "consent-other-compartment",
        TokenError::OtherBeneficiary => "consent-other-court",
        TokenError::Expired(_) => "consent-expired",
    }
}
