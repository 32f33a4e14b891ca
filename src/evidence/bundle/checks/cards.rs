//! Cards: from the root down, and whether the root is the one whose fingerprint was given.

use super::{Given, Ground};
use crate::{
    card::verify_stored_card,
    evidence::bundle::{FoundRoot, Pinned, Report},
};

pub(super) fn check(given: &Given<'_>, pinned: &Pinned, ground: &mut Ground, report: &mut Report) {
    for (number, signed) in given.parts.cards.iter().enumerate() {
        let about = format!("card {}", number.saturating_add(1));
        let card = match verify_stored_card(signed) {
            Ok(card) => card,
            Err(fault) => {
                report.against(
                    "card",
                    &about,
                    "card-invalid",
                    format!("The card does not verify: {fault}."),
                );
                continue;
            }
        };
        let (country, fingerprint) = (card.country, card.fingerprint());
        let about = country.code();
        let version = card.version;
        if let Err(conflict) = ground.book.accept(card) {
            report.against("card", about, "card-twice", conflict.to_string());
            continue;
        }
        let given = pinned.get(&country);
        report.roots.push(FoundRoot {
            country,
            fingerprint,
            confirmed: given == Some(&fingerprint),
        });
        match given {
            Some(given) if *given == fingerprint => report.proved(
                "card",
                about,
                format!("The card of {country}, version {version}, was issued under the root whose fingerprint was given."),
                &[country],
            ),
            Some(given) => report.against(
                "card",
                about,
                "root-differs",
                format!(
                    "The card of {country} leads to the root {fingerprint}, and the fingerprint given is {given}: \
                     it is another root, and nothing in this bundle is by {country}."
                ),
            ),
            None => report.open(
                "card",
                about,
                "root-unconfirmed",
                format!(
                    "The card of {country}, version {version}, holds together under the root {fingerprint}. Whether that \
                     is the root of {country}, only a comparison with {country} tells."
                ),
                &[],
            ),
        }
    }
    for country in [given.issuing, given.executing] {
        if ground.book.get(country).is_none() {
            report.against(
                "card",
                country.code(),
                "card-missing",
                format!("There is no card of {country} that verifies, so nothing that it signed can be checked."),
            );
        }
    }
    for country in pinned.keys() {
        if ![given.issuing, given.executing].contains(country) {
            report.open(
                "card",
                country.code(),
                "card-other-country",
                format!(
                    "A fingerprint of {country} was given, and the bundle is between {} and {}.",
                    given.issuing, given.executing
                ),
                &[],
            );
        }
    }
}
