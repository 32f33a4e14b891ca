//! Routes as GeoJSON (RFC 7946): a feature for each leg, from where it begins to where it ends.
//!
//! A leg of which only one end has coordinates is a point there; one of which none has is a feature
//! without a geometry, as the format allows: nothing of a route is left out for want of a map. A line
//! that crosses the antimeridian is cut there. Properties are codes and names of places; who is suspected
//! or moved is in none of them, and no count of persons below 11.

use serde_json::{Map, Value, json};

use crate::{
    record::vocab,
    wire::{
        json,
        record::{Coordinates, Leg, Place, Record, Route, VolumeBand, situation::Kind},
    },
};

/// What stands before the first feature.
pub const HEAD: &str = "{\"type\":\"FeatureCollection\",\"features\":[\n";
/// What stands between two features.
pub const BETWEEN: &str = ",\n";
/// What stands behind the last.
pub const TAIL: &str = "\n]}\n";

/// The features of a route, in the order of its legs; none of a record of another kind.
pub fn features(record: &Record) -> Vec<Value> {
    let Some(Kind::Route(route)) = record.situation.as_ref().and_then(|of| of.kind.as_ref()) else {
        return Vec::new();
    };
    let common = common(record, route);
    let legs = route.legs.iter().enumerate();
    legs.map(|(index, leg)| {
        let number = index.saturating_add(1);
        let mut properties = common.clone();
        properties.insert("leg".to_owned(), number.into());
        of_leg(leg, &mut properties);
        json!({
            "type": "Feature",
            "id": format!("{}/{number}", record.reference),
            "geometry": geometry(leg),
            "properties": properties,
        })
    })
    .collect()
}

/// A band of persons: those below 11 are one.
pub(super) fn band(number: i32) -> Option<String> {
    match VolumeBand::try_from(number) {
        Ok(VolumeBand::Unspecified) | Err(_) => None,
        Ok(VolumeBand::Below5 | VolumeBand::From5To10) => Some("<11".to_owned()),
        Ok(band) => Some(band.as_str_name().to_owned()),
    }
}

fn codes(list: &str, numbers: &[i32]) -> Value {
    let name = format!("comity.record.v1.{list}");
    let codes = numbers.iter();
    let codes = codes.filter_map(|number| json::enum_name(&name, *number));
    codes.map(Value::String).collect()
}

fn code(list: &str, number: i32) -> Option<Value> {
    let name = json::enum_name(&format!("comity.record.v1.{list}"), number);
    name.filter(|_| number != 0).map(Value::String)
}

/// Adds a text, where there is one.
fn put(properties: &mut Map<String, Value>, name: &str, value: &str) {
    if !value.is_empty() {
        properties.insert(name.to_owned(), value.into());
    }
}

fn common(record: &Record, route: &Route) -> Map<String, Value> {
    let marking = record.marking.clone().unwrap_or_default();
    let mut properties = Map::new();
    put(&mut properties, "reference", &record.reference);
    properties.insert("exercise".to_owned(), record.exercise.into());
    if let Some(tlp) = code("Tlp", marking.tlp) {
        properties.insert("tlp".to_owned(), tlp);
    }
    properties.insert(
        "handling".to_owned(),
        codes("HandlingCode", &marking.handling),
    );
    put(&mut properties, "handlingNote", &marking.handling_note);
    if let Some(situation) = &record.situation {
        put(&mut properties, "title", &situation.title);
        properties.insert("confidence".to_owned(), situation.confidence.into());
    }
    properties.insert("legs".to_owned(), route.legs.len().into());
    for (name, list, numbers) in [
        ("purposes", "Purpose", &route.purposes),
        ("sectors", "Sector", &route.sectors),
        ("exploitation", "Exploitation", &route.exploitation),
    ] {
        properties.insert(name.to_owned(), codes(list, numbers));
    }
    put(
        &mut properties,
        "volume",
        &band(route.volume).unwrap_or_default(),
    );
    put(&mut properties, "firstSeen", &route.first_seen);
    put(&mut properties, "lastSeen", &route.last_seen);
    properties
}

fn of_leg(leg: &Leg, properties: &mut Map<String, Value>) {
    for (name, list, number) in [
        ("role", "CountryRole", leg.role),
        ("transport", "Transport", leg.transport),
        ("stage", "TraffickingStage", leg.stage),
    ] {
        if let Some(code) = code(list, number) {
            properties.insert(name.to_owned(), code);
        }
    }
    for (end, place) in [("from", &leg.from), ("to", &leg.to)] {
        if let Some(place) = place {
            properties.insert(end.to_owned(), of_place(place));
        }
    }
    put(properties, "crossing", &leg.crossing_id);
    if let Some(crossing) = vocab::crossing(&leg.crossing_id) {
        let (here, there) = crossing.names;
        let names = [here, there].into_iter().filter(|name| !name.is_empty());
        let names: Vec<&str> = names.collect();
        put(properties, "crossingName", &names.join(" / "));
    }
}

fn of_place(place: &Place) -> Value {
    let mut of = Map::new();
    put(&mut of, "country", &place.country);
    put(&mut of, "subdivision", &place.subdivision);
    put(&mut of, "name", &place.name);
    if let Some(metres) = place.coordinates.as_ref().map(|of| of.precision_metres)
        && metres > 0
    {
        of.insert("precisionMetres".to_owned(), metres.into());
    }
    Value::Object(of)
}

/// Longitude before latitude, as RFC 7946 has it.
fn position(longitude: f64, latitude: f64) -> Value {
    json!([longitude, latitude])
}

fn geometry(leg: &Leg) -> Value {
    let at = |place: &Option<Place>| place.as_ref().and_then(|of| of.coordinates);
    match (at(&leg.from), at(&leg.to)) {
        (Some(from), Some(to)) => line(&from, &to),
        (Some(one), None) | (None, Some(one)) => json!({
            "type": "Point",
            "coordinates": position(one.longitude, one.latitude),
        }),
        (None, None) => Value::Null,
    }
}

/// A line, cut where it crosses the antimeridian: the shorter way round is meant.
fn line(from: &Coordinates, to: &Coordinates) -> Value {
    let start = position(from.longitude, from.latitude);
    let end = position(to.longitude, to.latitude);
    let width = to.longitude - from.longitude;
    if width.abs() <= 180.0 {
        return json!({"type": "LineString", "coordinates": [start, end]});
    }
    // East across it when the end lies far to the west.
    let edge = if width < 0.0 { 180.0 } else { -180.0 };
    let way = 360.0 - width.abs();
    let part = (edge - from.longitude).abs() / way;
    let latitude = from.latitude + (to.latitude - from.latitude) * part;
    json!({
        "type": "MultiLineString",
        "coordinates": [
            [start, position(edge, latitude)],
            [position(-edge, latitude), end],
        ],
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{exercise::Exercise, wire::record::Situation};

    fn place(latitude: f64, longitude: f64) -> Option<Place> {
        Some(Place {
            country: "UZ".to_owned(),
            coordinates: Some(Coordinates {
                latitude,
                longitude,
                precision_metres: 0,
            }),
            ..Place::default()
        })
    }

    fn route(legs: Vec<Leg>) -> Record {
        Record {
            reference: "UZ-26-000412-H".to_owned(),
            situation: Some(Situation {
                kind: Some(Kind::Route(Route {
                    legs,
                    volume: VolumeBand::Below5.into(),
                    ..Route::default()
                })),
                ..Situation::default()
            }),
            ..Record::default()
        }
    }

    #[test]
    fn legs_are_lines_points_or_nowhere() {
        let leg = |from, to| Leg {
            from,
            to,
            crossing_id: "BCP-KZ-UZ-23".to_owned(),
            ..Leg::default()
        };
        let record = route(vec![
            leg(place(41.3, 69.2), place(43.2, 76.9)),
            leg(place(43.2, 76.9), None),
            leg(None, None),
        ]);
        let features = features(&record);
        let geometry = |index: usize| features[index]["geometry"].clone();
        assert_eq!(
            geometry(0),
            json!({"type": "LineString", "coordinates": [[69.2, 41.3], [76.9, 43.2]]})
        );
        assert_eq!(
            geometry(1),
            json!({"type": "Point", "coordinates": [76.9, 43.2]})
        );
        assert_eq!(geometry(2), Value::Null);
        assert_eq!(features[2]["id"], "UZ-26-000412-H/3");
        assert_eq!(features[0]["properties"]["volume"], "<11");
        assert_eq!(features[0]["properties"]["crossing"], "BCP-KZ-UZ-23");
    }

    #[test]
    fn a_line_is_cut_at_the_antimeridian() {
        let cut = |from, to| {
            let leg = Leg {
                from,
                to,
                ..Leg::default()
            };
            features(&route(vec![leg]))[0]["geometry"]["coordinates"].clone()
        };
        assert_eq!(
            cut(place(10.0, 170.0), place(20.0, -170.0)),
            json!([
                [[170.0, 10.0], [180.0, 15.0]],
                [[-180.0, 15.0], [-170.0, 20.0]]
            ])
        );
        assert_eq!(
            cut(place(10.0, -170.0), place(20.0, 170.0)),
            json!([
                [[-170.0, 10.0], [-180.0, 15.0]],
                [[180.0, 15.0], [170.0, 20.0]]
            ])
        );
    }

    #[test]
    fn nothing_of_persons_is_in_it() {
        let country = |code: &str| code.parse().unwrap();
        let exercise = Exercise::new(
            3,
            &[
                (country("UZ"), crate::wire::record::CountryRole::Origin),
                (country("KZ"), crate::wire::record::CountryRole::Transit),
            ],
        );
        for of in exercise.records().take(200) {
            let text = serde_json::to_string(&features(&of.record)).unwrap();
            let suspects = of.record.suspects.into_iter().flat_map(|of| of.suspects);
            for name in suspects.flat_map(|of| of.names) {
                assert!(!text.contains(&name.text), "{text}");
            }
            assert!(!text.contains("victim"), "{text}");
        }
    }

    proptest! {
        /// No part of a line spans more than half the earth, and every position is on it.
        #[test]
        fn every_line_stays_on_the_map(
            from in (-90.0..=90.0_f64, -180.0..=180.0_f64),
            to in (-90.0..=90.0_f64, -180.0..=180.0_f64),
        ) {
            let leg = Leg {
                from: place(from.0, from.1),
                to: place(to.0, to.1),
                ..Leg::default()
            };
            let found = geometry(&leg);
            let lines = match found["type"].as_str().unwrap() {
                "LineString" => vec![found["coordinates"].clone()],
                _ => found["coordinates"].as_array().unwrap().clone(),
            };
            for line in lines {
                let at = |index: usize, axis: usize| line[index][axis].as_f64().unwrap();
                prop_assert!((at(0, 0) - at(1, 0)).abs() <= 180.0);
                for index in [0, 1] {
                    prop_assert!(at(index, 0).abs() <= 180.0 && at(index, 1).abs() <= 90.0);
                }
            }
        }
    }
}
