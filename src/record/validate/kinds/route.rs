//! The rules of routes.

use std::collections::HashSet;

use super::{At, Checker, MAX_LEGS, MAX_LIST, ValidationContext, place};
use crate::record::{Country, Rule};
use crate::wire::record::{
    AgeBand, CountryRole, Exploitation, Leg, Place, Purpose, Route, Sector, Sex, TraffickingStage,
    Transport, VictimProfile, VolumeBand,
};

pub(super) fn check(
    checker: &mut Checker,
    at: At<'_>,
    route: &Route,
    context: &ValidationContext<'_>,
) {
    let legs_at = at.field("legs");
    if route.legs.is_empty() {
        checker.required(legs_at, "at least one leg");
    }
    checker.at_most(legs_at, route.legs.len(), MAX_LEGS);
    let mut before: Option<&Place> = None;
    for (index, of) in route.legs.iter().take(MAX_LEGS).enumerate() {
        let item = legs_at.item(index);
        leg(checker, item, of, context);
        if let (Some(before), Some(from)) = (before, &of.from) {
            joins(checker, item.field("from"), before, from);
        }
        before = of.to.as_ref();
    }
    checker.codes::<Purpose>(at.field("purposes"), &route.purposes, false);
    checker.codes::<Sector>(at.field("sectors"), &route.sectors, false);
    checker.code::<VolumeBand>(at.field("volume"), route.volume, false);
    checker.date_span(
        (at.field("firstSeen"), &route.first_seen),
        (at.field("lastSeen"), &route.last_seen),
    );
    checker.codes::<Exploitation>(at.field("exploitation"), &route.exploitation, false);
    victims(checker, at.field("victims"), &route.victims);
}

fn leg(checker: &mut Checker, at: At<'_>, leg: &Leg, context: &ValidationContext<'_>) {
    checker.code::<CountryRole>(at.field("role"), leg.role, true);
    let mut end = |name, of: Option<&Place>| match of {
        Some(of) => place::check(checker, at.field(name), of, context),
        None => {
            checker.required(at.field(name).field("country"), "a country");
            None
        }
    };
    let from = end("from", leg.from.as_ref());
    let to = end("to", leg.to.as_ref());
    checker.code::<Transport>(at.field("transport"), leg.transport, false);
    checker.code::<TraffickingStage>(at.field("stage"), leg.stage, false);

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

/// A leg begins where the one before ended. Names of places are not compared: one town has several,
/// in several scripts.
fn joins(checker: &mut Checker, at: At<'_>, before: &Place, from: &Place) {
    let known = |code: &str| code.parse::<Country>().is_ok();
    if !known(&before.country) || !known(&from.country) {
        return;
    }
    let both = !before.subdivision.is_empty() && !from.subdivision.is_empty();
    let (field, ended, begins) = if before.country != from.country {
        ("country", &before.country, &from.country)
    } else if both && before.subdivision != from.subdivision {
        ("subdivision", &before.subdivision, &from.subdivision)
    } else {
        return;
    };
    let (ended, begins) = (checker.shown(ended), checker.shown(begins));
    checker.found(
        at.field(field),
        Rule::LegsNotJoined,
        format!(
            "this leg begins in {begins}, but the one before ends in {ended}; add the leg between or state two routes"
        ),
    );
}

/// Bands of sex and age, each pair once.
fn victims(checker: &mut Checker, at: At<'_>, profiles: &[VictimProfile]) {
    checker.at_most(at, profiles.len(), MAX_LIST);
    let mut seen = HashSet::new();
    for (index, profile) in profiles.iter().take(MAX_LIST).enumerate() {
        let item = at.item(index);
        checker.code::<Sex>(item.field("sex"), profile.sex, false);
        checker.code::<AgeBand>(item.field("age"), profile.age, false);
        checker.code::<VolumeBand>(item.field("number"), profile.number, true);
        if !seen.insert((profile.sex, profile.age)) {
            checker.found(
                item,
                Rule::Duplicate,
                "this sex and age band is given twice",
            );
        }
    }
}
