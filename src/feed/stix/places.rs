//! Places: countries and crossings, which many records share, and what has a name of its own.

use serde_json::{Map, Value};

use super::{Making, Shared, type_number};
use crate::{
    record::{Country, vocab},
    wire::record::{CountryRole, Leg, Place},
};

/// Relates the main object to the places of a leg.
pub(super) fn on_leg(made: &mut Making<'_>, leg: &Leg) {
    let role = CountryRole::try_from(leg.role).unwrap_or_default();
    let how = match role {
        CountryRole::Origin => "originates-from",
        CountryRole::Destination => "targets",
        _ => "related-to",
    };
    // Of a leg the role is that of where it leads from, but for the destination.
    let (near, far) = match role {
        CountryRole::Destination => (&leg.to, &leg.from),
        _ => (&leg.from, &leg.to),
    };
    if let Some(place) = near {
        at_place(made, how, place);
    }
    if let Some(place) = far {
        at_place(made, "related-to", place);
    }
    if vocab::crossing(&leg.crossing_id).is_some() {
        let crossing = made.refer(Shared::Crossing(leg.crossing_id.clone()));
        relate_main(made, "related-to", &crossing);
    }
}

/// Relates the main object to a place: to the country, and to the place in it where it has a name.
pub(super) fn at_place(made: &mut Making<'_>, how: &str, place: &Place) {
    let Ok(country) = place.country.parse::<Country>() else {
        return;
    };
    let of_country = made.refer(Shared::Country(country));
    relate_main(made, how, &of_country);
    if place.name.is_empty() {
        return;
    }
    let mut map = Map::new();
    map.insert("name".into(), place.name.clone().into());
    map.insert("country".into(), country.code().into());
    if !place.subdivision.is_empty() {
        let subdivision = place.subdivision.clone();
        map.insert("administrative_area".into(), subdivision.into());
    }
    if let Some(at) = &place.coordinates {
        map.insert("latitude".into(), at.latitude.into());
        map.insert("longitude".into(), at.longitude.into());
        if at.precision_metres > 0 {
            map.insert("precision".into(), f64::from(at.precision_metres).into());
        }
    }
    let words = format!("{country} {} {}", place.subdivision, place.name);
    if made.has("location", &words) {
        return;
    }
    let location = made.add("location", &words, map.into());
    relate_main(made, "related-to", &location);
}

fn relate_main(made: &mut Making<'_>, how: &str, to: &str) {
    let main = made.main.clone();
    // What a campaign comes from and aims at has words of its own; everything else has one.
    let how = match (main.split_once("--").map(|(of, _)| of), how) {
        (Some("campaign"), how) => how,
        (Some("intrusion-set"), "originates-from") => how,
        _ => "related-to",
    };
    if !made.is_related(&main, to) {
        made.relate(how, &main, to);
    }
}

impl Making<'_> {
    /// Whether the part with these words was made already.
    fn has(&self, stix_type: &'static str, words: &str) -> bool {
        let part = self.ids.part_of(&format!("{stix_type} {words}")).max(1);
        let kind = type_number(stix_type);
        let mut own = self.objects.own.iter();
        own.any(|(of, _)| of.part == part && of.kind == kind)
    }

    /// Whether two objects are related already, in whichever way.
    fn is_related(&self, from: &str, to: &str) -> bool {
        self.objects.own.iter().any(|(_, object)| {
            object.get("source_ref").and_then(Value::as_str) == Some(from)
                && object.get("target_ref").and_then(Value::as_str) == Some(to)
        })
    }
}
