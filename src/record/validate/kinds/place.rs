//! The rules of places.

use super::{At, Checker, Fault, MAX_LINE, Text, ValidationContext};
use crate::record::{Country, Rule, vocab};
use crate::wire::record::Place;

/// Largest stated imprecision of a point, in metres.
const MAX_PRECISION: u32 = 100_000;

/// A place in the country that it states.
pub(super) fn check(
    checker: &mut Checker,
    at: At<'_>,
    place: &Place,
    context: &ValidationContext<'_>,
) -> Option<Country> {
    let country = checker.country(at.field("country"), &place.country, true);
    checker.subdivision(at.field("subdivision"), &place.subdivision, country);
    checker.text(at.field("name"), &place.name, Text::name(MAX_LINE));
    if let Some(of) = &place.coordinates {
        let at = at.field("coordinates");
        let (metres, most) = (of.precision_metres, MAX_PRECISION);
        if metres > most {
            let precision_at = at.field("precisionMetres");
            checker.out_of_range(precision_at, metres, format_args!("from 0 to {most}"));
        }
        let metres = metres.min(most);
        point(
            checker,
            at,
            (of.latitude, of.longitude, metres),
            country,
            context,
        );
    }
    country
}

/// A point, with its imprecision in metres, in the country that is stated with it. Outlines of
/// countries differ from one source and year to the next: a destination does not judge by them.
pub(super) fn point(
    checker: &mut Checker,
    at: At<'_>,
    (latitude, longitude, metres): (f64, f64, u32),
    country: Option<Country>,
    context: &ValidationContext<'_>,
) {
    if !degrees(checker, at, latitude, longitude) || context.received {
        return;
    }
    let Some(country) = country else { return };
    if vocab::lies_in(country, latitude, longitude, metres.into()) == Some(false) {
        let fault = Fault::new(format!(
            "the point lies outside {country}; are latitude and longitude exchanged, or is it another country?"
        ));
        let allowed = format!("a point in {country}");
        checker.refuse(at, Rule::OutsideCountry, fault.allowed([allowed]));
    }
}

/// Whether latitude and longitude are a point on the earth. Of the text of a number nothing is
/// repeated.
pub(super) fn degrees(checker: &mut Checker, at: At<'_>, latitude: f64, longitude: f64) -> bool {
    let mut within = |name, value: f64, most: f64| {
        let good = (-most..=most).contains(&value);
        if !good {
            let fault = Fault::new(format!("must be degrees from -{most} to {most}"))
                .allowed([format!("from -{most} to {most}")]);
            checker.refuse(at.field(name), Rule::OutOfRange, fault);
        }
        good
    };
    let latitude = within("latitude", latitude, 90.0);
    let longitude = within("longitude", longitude, 180.0);
    latitude && longitude
}
