//! The rules of the compartments about persons and sources. Their messages repeat no value.

use super::{
    At, Checker, MAX_LINE, MAX_LIST, MAX_NOTE, MAX_SUMMARY, Text, checker::Fault, date, evidence,
};
use crate::record::{Rule, sharing::readers_of};
use crate::wire::record::{
    AgeBand, CompartmentLabel, Destination, Identifier, IdentifierType, ImmediateNeed, Name,
    ProcessRole, Record, Sex, Source, Suspect, Victim, Victims, situation::Kind,
};

/// Longest time for which a reader keeps victim data, in days.
const MAX_RETENTION_DAYS: u32 = 3650;

pub(super) fn check(checker: &mut Checker, record: &Record) {
    checker.quietly(|checker| {
        let at = At::RECORD;
        if let Some(of) = &record.suspects {
            let list = at.field("suspects");
            each(checker, list.field("suspects"), &of.suspects, suspect);
        }
        if let Some(of) = &record.identifiers {
            let list = at.field("identifiers");
            each(
                checker,
                list.field("identifiers"),
                &of.identifiers,
                identifier,
            );
        }
        if let Some(of) = &record.victims {
            victims(checker, at.field("victims"), of);
        }
        if let Some(of) = &record.source {
            source(checker, at.field("source"), of);
        }
        if let Some(of) = &record.evidence {
            evidence::items(checker, at.field("evidence"), of);
        }
    });
    entities(checker, record);
    if record.victims.is_some() {
        victims_go_to_named_authorities(checker, &record.destinations);
    }
}

/// Suspects and identifiers that name an entity name one of the record's network.
fn entities(checker: &mut Checker, record: &Record) {
    let network = match record.situation.as_ref().and_then(|of| of.kind.as_ref()) {
        Some(Kind::Network(network)) => Some(network),
        _ => None,
    };
    let mut named = |at: At<'_>, id: &str| {
        let entities = network.iter().flat_map(|of| &of.entities);
        if !id.is_empty() && !entities.take(MAX_LIST).any(|entity| entity.id == id) {
            checker.found(
                at.field("entityId"),
                Rule::Mismatch,
                "names no element of `situation.network.entities`",
            );
        }
    };
    let suspects_at = At::RECORD.field("suspects");
    let suspects = record.suspects.iter().flat_map(|of| &of.suspects);
    for (index, of) in suspects.take(MAX_LIST).enumerate() {
        named(suspects_at.field("suspects").item(index), &of.entity_id);
    }
    let identifiers_at = At::RECORD.field("identifiers");
    let identifiers = record.identifiers.iter().flat_map(|of| &of.identifiers);
    for (index, of) in identifiers.take(MAX_LIST).enumerate() {
        let list_at = identifiers_at.field("identifiers");
        named(list_at.item(index), &of.entity_id);
    }
}

/// Victim data goes to authorities named one by one, never to a country's desk.
pub(in crate::record) fn victims_go_to_named_authorities(
    checker: &mut Checker,
    destinations: &[Destination],
) {
    let at = At::RECORD.field("destinations");
    for (index, destination) in destinations
        .iter()
        .take(super::MAX_DESTINATIONS)
        .enumerate()
    {
        let reads = destination
            .compartments
            .contains(&(CompartmentLabel::Victims as i32));
        if !reads {
            continue;
        }
        let item = at.item(index);
        let readers = readers_of(destination, CompartmentLabel::Victims);
        if readers.is_empty() {
            checker.required(
                item.field("authorities"),
                "at least one authority by name, since this destination reads `victims`,",
            );
        } else if readers.iter().any(|name| name.contains(['*', '?'])) {
            checker.found(
                item.field("authorities"),
                Rule::NotAllowedHere,
                "a pattern is no authority; those who read `victims` are named one by one",
            );
        }
    }
}

/// At least one element, at most [`MAX_LIST`], each by `rules`.
fn each<T>(checker: &mut Checker, at: At<'_>, list: &[T], rules: fn(&mut Checker, At<'_>, &T)) {
    if list.is_empty() {
        return checker.required(at, "at least one element, or no compartment at all,");
    }
    checker.at_most(at, list.len(), MAX_LIST);
    for (index, element) in list.iter().take(MAX_LIST).enumerate() {
        rules(checker, at.item(index), element);
    }
}

fn suspect(checker: &mut Checker, at: At<'_>, suspect: &Suspect) {
    let names_at = at.field("names");
    if suspect.names.is_empty() && suspect.note.trim().is_empty() {
        checker.required(names_at, "a name or, where none is known, a note");
    }
    checker.at_most(names_at, suspect.names.len(), MAX_LIST);
    for (index, of) in suspect.names.iter().take(MAX_LIST).enumerate() {
        name(checker, names_at.item(index), of);
    }
    checker.codes::<ProcessRole>(at.field("roles"), &suspect.roles, false);
    checker.countries(at.field("nationalities"), &suspect.nationalities);
    if !suspect.born.is_empty() && !date::is_year_month_or_day(&suspect.born) {
        let fault = Fault::new("not a year, month or day written YYYY, YYYY-MM or YYYY-MM-DD");
        let allowed = "YYYY, YYYY-MM or YYYY-MM-DD".to_owned();
        checker.refuse(
            at.field("born"),
            Rule::DateInvalid,
            fault.allowed([allowed]),
        );
    }
    checker.text(at.field("note"), &suspect.note, Text::lines(MAX_NOTE));
}

fn name(checker: &mut Checker, at: At<'_>, name: &Name) {
    let rules = Text::name(MAX_LINE).required();
    checker.name(at, &name.text, &name.language, rules);
}

fn identifier(checker: &mut Checker, at: At<'_>, identifier: &Identifier) {
    checker.code::<IdentifierType>(at.field("type"), identifier.r#type, true);
    let value = Text::line(MAX_LINE).required();
    checker.text(at.field("value"), &identifier.value, value);
    checker.country(at.field("country"), &identifier.country, false);
    checker.text(at.field("note"), &identifier.note, Text::lines(MAX_NOTE));
    checker.text(
        at.field("service"),
        &identifier.service,
        Text::line(MAX_LINE),
    );
}

fn victims(checker: &mut Checker, at: At<'_>, victims: &Victims) {
    let purpose = Text::lines(MAX_NOTE).required();
    checker.text(at.field("purpose"), &victims.purpose, purpose);
    let days = victims.retention_days;
    if days == 0 {
        checker.required(
            at.field("retentionDays"),
            "the number of days after which the reader deletes victim data, 1 to 3650,",
        );
    } else if days > MAX_RETENTION_DAYS {
        let fault = Fault::new(format!(
            "{days} days; at most {MAX_RETENTION_DAYS} are allowed"
        ))
        .allowed([format!("from 1 to {MAX_RETENTION_DAYS}")]);
        checker.refuse(at.field("retentionDays"), Rule::OutOfRange, fault);
    }
    each(checker, at.field("victims"), &victims.victims, victim);
}

fn victim(checker: &mut Checker, at: At<'_>, victim: &Victim) {
    let pseudonym = Text::line(MAX_LINE).required();
    checker.text(at.field("pseudonym"), &victim.pseudonym, pseudonym);
    checker.code::<AgeBand>(at.field("age"), victim.age, false);
    checker.code::<Sex>(at.field("sex"), victim.sex, false);
    checker.countries(at.field("nationalities"), &victim.nationalities);
    checker.text(at.field("needs"), &victim.needs, Text::lines(MAX_NOTE));
    let needs_at = at.field("immediateNeeds");
    checker.codes::<ImmediateNeed>(needs_at, &victim.immediate_needs, false);
    checker.languages(at.field("languages"), &victim.languages, MAX_LIST);
}

fn source(checker: &mut Checker, at: At<'_>, source: &Source) {
    let description = Text::lines(MAX_SUMMARY).required();
    checker.text(at.field("description"), &source.description, description);
    let protection = Text::lines(MAX_NOTE);
    checker.text(at.field("protection"), &source.protection, protection);
}
