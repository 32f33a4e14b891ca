//! The rules of each kind of record.

use super::{At, Checker, MAX_LINE, MAX_LIST, MAX_SUMMARY, MAX_TITLE, Text, ValidationContext};
use crate::record::{Country, Rule};
use crate::wire::record::{
    Act, Alert, AlertCertainty, AlertSeverity, AlertType, AlertUrgency, ControlMethod, CountryRole,
    ForcedLabourIndicator, Leg, Means, ModusOperandi, Network, Place, ProcessRole, Purpose,
    RecruitmentMethod, Route, Sector, Transport, VolumeBand, situation::Kind,
};

/// Most legs of a route.
pub(super) const MAX_LEGS: usize = 64;

pub(super) fn check(
    checker: &mut Checker,
    situation: At<'_>,
    kind: &Kind,
    context: &ValidationContext<'_>,
) {
    match kind {
        Kind::Route(of) => route(checker, situation.field("route"), of),
        Kind::Network(of) => network(checker, situation.field("network"), of),
        Kind::ModusOperandi(of) => modus_operandi(checker, situation.field("modusOperandi"), of),
        Kind::Alert(of) => alert(checker, situation.field("alert"), of, context),
    }
}

fn route(checker: &mut Checker, at: At<'_>, route: &Route) {
    let legs_at = at.field("legs");
    if route.legs.is_empty() {
        checker.required(legs_at, "at least one leg");
    }
    checker.at_most(legs_at, route.legs.len(), MAX_LEGS);
    for (index, of) in route.legs.iter().take(MAX_LEGS).enumerate() {
        leg(checker, legs_at.item(index), of);
    }
    checker.codes::<Purpose>(at.field("purposes"), &route.purposes, false);
    checker.codes::<Sector>(at.field("sectors"), &route.sectors, false);
    checker.code::<VolumeBand>(at.field("volume"), route.volume, false);
    checker.date_span(
        (at.field("firstSeen"), &route.first_seen),
        (at.field("lastSeen"), &route.last_seen),
    );
}

fn leg(checker: &mut Checker, at: At<'_>, leg: &Leg) {
    checker.code::<CountryRole>(at.field("role"), leg.role, true);
    let mut end = |name, of: Option<&Place>| match of {
        Some(of) => place(checker, at.field(name), of),
        None => {
            checker.required(at.field(name).field("country"), "a country");
            None
        }
    };
    let from = end("from", leg.from.as_ref());
    let to = end("to", leg.to.as_ref());
    checker.code::<Transport>(at.field("transport"), leg.transport, false);

    let crossing_at = at.field("crossingId");
    if let Some(crossing) = checker.crossing(crossing_at, &leg.crossing_id)
        && let (Some(from), Some(to)) = (from, to)
        && !crossing.joins(from, to)
    {
        let (a, b) = crossing.countries;
        checker.found(
            crossing_at,
            Rule::Mismatch,
            format!(
                "{} lies between {a} and {b}, but the leg leads from {from} to {to}",
                crossing.id
            ),
        );
    }
}

fn place(checker: &mut Checker, at: At<'_>, place: &Place) -> Option<Country> {
    let country = checker.country(at.field("country"), &place.country, true);
    checker.subdivision(at.field("subdivision"), &place.subdivision, country);
    checker.text(at.field("name"), &place.name, Text::line(MAX_LINE));
    country
}

fn network(checker: &mut Checker, at: At<'_>, network: &Network) {
    let names_at = at.field("names");
    if network.names.is_empty() {
        checker.required(names_at, "at least one name");
    }
    checker.at_most(names_at, network.names.len(), MAX_LIST);
    for (index, name) in network.names.iter().take(MAX_LIST).enumerate() {
        let item = names_at.item(index);
        let text = Text::line(MAX_LINE).required();
        checker.text(item.field("text"), &name.text, text);
        checker.language(item.field("language"), &name.language);
    }
    checker.codes::<ProcessRole>(at.field("roles"), &network.roles, false);
    checker.countries(at.field("nationalities"), &network.nationalities);
    let bases_at = at.field("bases");
    checker.at_most(bases_at, network.bases.len(), MAX_LIST);
    for (index, base) in network.bases.iter().take(MAX_LIST).enumerate() {
        place(checker, bases_at.item(index), base);
    }
    checker.code::<VolumeBand>(at.field("size"), network.size, false);
    checker.date_span(
        (at.field("firstSeen"), &network.first_seen),
        (at.field("lastSeen"), &network.last_seen),
    );
}

/// Palermo Protocol Art. 3: an act, a means and a purpose; no means where every victim is a child.
fn modus_operandi(checker: &mut Checker, at: At<'_>, of: &ModusOperandi) {
    checker.codes::<Act>(at.field("acts"), &of.acts, true);
    checker.codes::<Means>(at.field("means"), &of.means, false);
    if of.means.is_empty() && !of.victims_are_children {
        checker.found(
            at.field("means"),
            Rule::MeansRequired,
            "at least one means is required unless every victim is a child (Palermo Protocol Art. 3(a), (c)); if so, set `victimsAreChildren`",
        );
    }
    checker.codes::<Purpose>(at.field("purposes"), &of.purposes, true);
    checker.codes::<RecruitmentMethod>(at.field("recruitment"), &of.recruitment, false);
    checker.codes::<ControlMethod>(at.field("controls"), &of.controls, false);
    checker.codes::<ForcedLabourIndicator>(at.field("indicators"), &of.indicators, false);
    let text = Text::lines(MAX_SUMMARY);
    checker.text(at.field("description"), &of.description, text);
}

fn alert(checker: &mut Checker, at: At<'_>, alert: &Alert, context: &ValidationContext<'_>) {
    checker.code::<AlertType>(at.field("type"), alert.r#type, true);
    checker.code::<AlertUrgency>(at.field("urgency"), alert.urgency, true);
    checker.code::<AlertSeverity>(at.field("severity"), alert.severity, true);
    checker.code::<AlertCertainty>(at.field("certainty"), alert.certainty, true);
    let event = Text::line(MAX_TITLE).required();
    checker.text(at.field("event"), &alert.event, event);
    let instruction = Text::lines(MAX_SUMMARY);
    checker.text(at.field("instruction"), &alert.instruction, instruction);

    let areas_at = at.field("areas");
    if alert.areas.is_empty() {
        checker.required(areas_at, "at least one area");
    }
    checker.at_most(areas_at, alert.areas.len(), MAX_LIST);
    for (index, area) in alert.areas.iter().take(MAX_LIST).enumerate() {
        let item = areas_at.item(index);
        let country = checker.country(item.field("country"), &area.country, true);
        checker.subdivision(item.field("subdivision"), &area.subdivision, country);
        let crossing_at = item.field("crossingId");
        if let Some(crossing) = checker.crossing(crossing_at, &area.crossing_id)
            && let Some(country) = country
            && !crossing.borders(country)
        {
            checker.found(
                crossing_at,
                Rule::Mismatch,
                format!("{} is not on the border of {country}", crossing.id),
            );
        }
    }

    let by_at = at.field("acknowledgeBy");
    if let Some(stamp) = &alert.acknowledge_by
        && let Some(by) = checker.moment(by_at, stamp)
        && by <= context.now
        && !context.received
    {
        checker.found(
            by_at,
            Rule::OutOfRange,
            format!("{by} is not in the future; it is {} now", context.now),
        );
    }
}
