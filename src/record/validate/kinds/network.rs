//! The rules of networks.

use std::collections::HashSet;

use super::{At, Checker, Fault, MAX_LINE, MAX_LIST, Text, ValidationContext, place};
use crate::record::Rule;
use crate::wire::record::{
    EntityType, LinkType, Motivation, Network, NetworkEntity, NetworkLink, NetworkName,
    ProcessRole, ResourceLevel, VolumeBand,
};

/// Longest `id` of an entity, in characters.
const MAX_ID: usize = 32;

pub(super) fn check(
    checker: &mut Checker,
    at: At<'_>,
    network: &Network,
    context: &ValidationContext<'_>,
) {
    if network.names.is_empty() {
        checker.required(at.field("names"), "at least one name");
    }
    names(checker, at.field("names"), &network.names);
    names(checker, at.field("aliases"), &network.aliases);
    checker.codes::<ProcessRole>(at.field("roles"), &network.roles, false);
    checker.countries(at.field("nationalities"), &network.nationalities);
    let bases_at = at.field("bases");
    checker.at_most(bases_at, network.bases.len(), MAX_LIST);
    for (index, base) in network.bases.iter().take(MAX_LIST).enumerate() {
        place::check(checker, bases_at.item(index), base, context);
    }
    checker.code::<VolumeBand>(at.field("size"), network.size, false);
    checker.date_span(
        (at.field("firstSeen"), &network.first_seen),
        (at.field("lastSeen"), &network.last_seen),
    );
    let entities_at = at.field("entities");
    checker.at_most(entities_at, network.entities.len(), MAX_LIST);
    let mut ids = HashSet::new();
    for (index, of) in network.entities.iter().take(MAX_LIST).enumerate() {
        let item = entities_at.item(index);
        entity(checker, item, of, &mut ids, context);
    }
    let links_at = at.field("links");
    checker.at_most(links_at, network.links.len(), MAX_LIST);
    let mut seen = HashSet::new();
    for (index, of) in network.links.iter().take(MAX_LIST).enumerate() {
        let item = links_at.item(index);
        link(checker, item, of, &ids);
        if !seen.insert((&of.source, &of.target, of.r#type)) {
            checker.found(item, Rule::Duplicate, "this link is given twice");
        }
    }
    checker.code::<ResourceLevel>(at.field("resources"), network.resources, false);
    checker.codes::<Motivation>(at.field("motivations"), &network.motivations, false);
}

fn names(checker: &mut Checker, at: At<'_>, names: &[NetworkName]) {
    checker.at_most(at, names.len(), MAX_LIST);
    for (index, of) in names.iter().take(MAX_LIST).enumerate() {
        let rules = Text::name(MAX_LINE).required();
        checker.name(at.item(index), &of.text, &of.language, rules);
    }
}

fn entity<'n>(
    checker: &mut Checker,
    at: At<'_>,
    of: &'n NetworkEntity,
    ids: &mut HashSet<&'n str>,
    context: &ValidationContext<'_>,
) {
    let id_at = at.field("id");
    if of.id.is_empty() {
        checker.required(id_at, "an id, such as `driver-1`,");
    } else if !is_id(&of.id) {
        let allowed = format!("1 to {MAX_ID} letters a-z, digits and hyphens");
        let fault = Fault::new(format!("must be {allowed}"));
        checker.refuse(id_at, Rule::FormatInvalid, fault.allowed([allowed]));
    } else if !ids.insert(&of.id) {
        checker.found(id_at, Rule::Duplicate, "this id is given twice");
    }
    checker.code::<EntityType>(at.field("type"), of.r#type, true);
    checker.text(at.field("label"), &of.label, Text::line(MAX_LINE));
    checker.codes::<ProcessRole>(at.field("roles"), &of.roles, false);
    if let Some(of) = &of.place {
        place::check(checker, at.field("place"), of, context);
    }
    checker.percent(at.field("confidence"), of.confidence);
}

fn is_id(id: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    (1..=MAX_ID).contains(&id.len()) && id.bytes().all(plain)
}

fn link(checker: &mut Checker, at: At<'_>, of: &NetworkLink, ids: &HashSet<&str>) {
    for (name, id) in [("source", &of.source), ("target", &of.target)] {
        if id.is_empty() {
            checker.required(at.field(name), "the id of an entity");
        } else if !ids.contains(id.as_str()) {
            let shown = checker.shown(id);
            checker.found(
                at.field(name),
                Rule::Mismatch,
                format!("{shown} is the id of no element of `situation.network.entities`"),
            );
        }
    }
    if of.source == of.target && !of.source.is_empty() {
        checker.found(
            at.field("target"),
            Rule::Mismatch,
            "an entity is not linked to itself",
        );
    }
    checker.code::<LinkType>(at.field("type"), of.r#type, true);
    let confidence_at = at.field("confidence");
    if of.confidence == 0 {
        checker.required(confidence_at, "a confidence, 1 to 100,");
    }
    checker.percent(confidence_at, of.confidence);
    checker.date_span(
        (at.field("firstSeen"), &of.first_seen),
        (at.field("lastSeen"), &of.last_seen),
    );
    checker.text(at.field("note"), &of.note, Text::line(MAX_LINE));
}
