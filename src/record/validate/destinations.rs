//! The rules of destinations: whom a record goes to, and which authorities there read what.

use std::collections::HashSet;

use super::{
    At, Checker, MAX_DESTINATIONS, MAX_LINE, MAX_LIST, Text, ValidationContext, unknown_authority,
};
use crate::record::{Country, Rule};
use crate::wire::record::{CompartmentLabel, CountryRole, Destination};

/// `asks_cards` is false where a destination needs no card held here: the outbox waits for one.
pub(super) fn check(
    checker: &mut Checker,
    at: At<'_>,
    destinations: &[Destination],
    asks_cards: bool,
    context: &ValidationContext<'_>,
) {
    if destinations.is_empty() {
        return checker.required(at, "at least one destination");
    }
    checker.at_most(at, destinations.len(), MAX_DESTINATIONS);
    let mut seen = HashSet::new();
    for (index, destination) in destinations.iter().take(MAX_DESTINATIONS).enumerate() {
        let item = at.item(index);
        let country_at = item.field("country");
        let country = checker.country(country_at, &destination.country, true);
        if let Some(country) = country {
            if country == context.origin {
                checker.found(
                    country_at,
                    Rule::NotAllowedHere,
                    format!("{country} sends the record and cannot be its destination"),
                );
            } else if !seen.insert(country) {
                checker.found(
                    country_at,
                    Rule::Duplicate,
                    format!("{country} is given twice; name its authorities in one entry"),
                );
            }
        }
        let asked = country.filter(|country| asks_cards && *country != context.origin);
        destination_authorities(checker, item, destination, asked, context);
        destination_reads(checker, item, destination);
    }
}

fn destination_authorities(
    checker: &mut Checker,
    at: At<'_>,
    destination: &Destination,
    country: Option<Country>,
    context: &ValidationContext<'_>,
) {
    let list_at = at.field("authorities");
    let known = country.and_then(|country| {
        let known = (context.authorities)(country);
        if known.is_none() {
            checker.found(
                at.field("country"),
                Rule::UnknownCountry,
                format!("there is no card of {country}; import its card first"),
            );
        }
        known
    });
    let card = country.zip(known.as_deref());
    authorities(checker, list_at, &destination.authorities, card);
    readers(checker, at.field("readers"), destination, card);
}

/// Names of authorities, each once, each of the card where one is held.
fn authorities(
    checker: &mut Checker,
    at: At<'_>,
    names: &[String],
    card: Option<(Country, &[String])>,
) {
    checker.at_most(at, names.len(), MAX_LIST);
    let mut seen = HashSet::new();
    for (index, name) in names.iter().take(MAX_LIST).enumerate() {
        let item = at.item(index);
        checker.text(item, name, Text::line(MAX_LINE).required());
        if !seen.insert(name) {
            checker.found(item, Rule::Duplicate, "this authority is given twice");
        } else if let Some((country, known)) = card
            && !name.is_empty()
            && !known.contains(name)
        {
            unknown_authority(checker, item, name, country, known);
        }
    }
}

/// Authorities of single compartments: each compartment once, at least one authority.
fn readers(
    checker: &mut Checker,
    at: At<'_>,
    destination: &Destination,
    card: Option<(Country, &[String])>,
) {
    checker.at_most(at, destination.readers.len(), MAX_LIST);
    let mut seen = HashSet::new();
    for (index, of) in destination.readers.iter().take(MAX_LIST).enumerate() {
        let item = at.item(index);
        let label_at = item.field("compartment");
        checker.code::<CompartmentLabel>(label_at, of.compartment, true);
        if of.compartment == CompartmentLabel::Situation as i32 {
            checker.found(
                label_at,
                Rule::NotAllowedHere,
                "every authority of the destination reads the situation",
            );
        } else if !seen.insert(of.compartment) {
            checker.found(label_at, Rule::Duplicate, "this compartment is given twice");
        }
        let list_at = item.field("authorities");
        if of.authorities.is_empty() {
            checker.required(
                list_at,
                "at least one authority by name, or no entry at all,",
            );
        }
        authorities(checker, list_at, &of.authorities, card);
    }
}

/// The role and compartments of a destination: all that the sharing matrix is made of.
pub(in crate::record) fn destination_reads(
    checker: &mut Checker,
    at: At<'_>,
    destination: &Destination,
) {
    checker.code::<CountryRole>(at.field("role"), destination.role, true);
    let labels_at = at.field("compartments");
    checker.codes::<CompartmentLabel>(labels_at, &destination.compartments, false);
}
