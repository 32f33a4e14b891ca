//! The rules of places.

use super::{At, Checker, MAX_LINE, Text};
use crate::record::{Country, Rule};
use crate::wire::record::{Coordinates, Place};

/// Largest stated imprecision of a point, in metres.
const MAX_PRECISION: u32 = 100_000;

/// A place in the country that it states.
pub(super) fn check(checker: &mut Checker, at: At<'_>, place: &Place) -> Option<Country> {
    let country = checker.country(at.field("country"), &place.country, true);
    checker.subdivision(at.field("subdivision"), &place.subdivision, country);
    checker.text(at.field("name"), &place.name, Text::line(MAX_LINE));
    if let Some(point) = &place.coordinates {
        coordinates(checker, at.field("coordinates"), point);
    }
    country
}

fn coordinates(checker: &mut Checker, at: At<'_>, point: &Coordinates) {
    degrees(checker, at, point.latitude, point.longitude);
    if point.precision_metres > MAX_PRECISION {
        checker.found(
            at.field("precisionMetres"),
            Rule::OutOfRange,
            format!(
                "{} metres; at most {MAX_PRECISION} are allowed",
                point.precision_metres
            ),
        );
    }
}

/// Whether latitude and longitude are a point on the earth. Of the text of a number nothing is
/// repeated.
pub(super) fn degrees(checker: &mut Checker, at: At<'_>, latitude: f64, longitude: f64) -> bool {
    let mut within = |name, value: f64, most: f64| {
        let good = (-most..=most).contains(&value);
        if !good {
            checker.found(
                at.field(name),
                Rule::OutOfRange,
                format!("must be degrees from -{most} to {most}"),
            );
        }
        good
    };
    let latitude = within("latitude", latitude, 90.0);
    let longitude = within("longitude", longitude, 180.0);
    latitude && longitude
}
