//! In which country a point lies, after OpenStreetMap's outlines of countries.

use std::{collections::HashSet, sync::LazyLock};

use country_boundaries::{BOUNDARIES_ODBL_60X30, BoundingBox, CountryBoundaries, LatLon};

use super::super::Country;

/// How far outside a country's outline a point may lie, in metres: outlines are simplified, and a
/// boat may be met off the coast.
const TOLERANCE: f64 = 25_000.0;

/// Metres of a degree of latitude.
const DEGREE: f64 = 111_195.0;

struct Outlines {
    of: CountryBoundaries,
    known: HashSet<String>,
}

static OUTLINES: LazyLock<Option<Outlines>> = LazyLock::new(|| {
    let of = CountryBoundaries::from_reader(BOUNDARIES_ODBL_60X30).ok()?;
    // To the very antimeridian a box would be taken for one of no width.
    let world = BoundingBox::new(-89.999, -179.999, 89.999, 179.999).ok()?;
    let ids = of.intersecting_ids(world);
    let known = ids.into_iter().map(str::to_owned).collect();
    Some(Outlines { of, known })
});

/// Whether the point lies in the country, or so near that its imprecision of `metres` explains the
/// rest. `None` where nothing is known of the country, or the point is none.
pub fn lies_in(country: Country, latitude: f64, longitude: f64, metres: f64) -> Option<bool> {
    let outlines = OUTLINES.as_ref()?;
    let id = country.code();
    if !outlines.known.contains(id) {
        return None;
    }
    let within = |latitude: f64, longitude: f64| {
        let wrapped = (longitude + 540.0).rem_euclid(360.0) - 180.0;
        LatLon::new(latitude.clamp(-90.0, 90.0), wrapped)
            .is_ok_and(|point| outlines.of.is_in(point, id))
    };
    LatLon::new(latitude, longitude).ok()?;
    if within(latitude, longitude) {
        return Some(true);
    }
    let north = (TOLERANCE + metres.max(0.0)) / DEGREE;
    let east = north / latitude.to_radians().cos().max(0.01);
    // Two rings of eight points: a country may be narrower than the distance.
    Some([0.5, 1.0].into_iter().any(|ring| {
        (0..8).any(|eighth| {
            let angle = f64::from(eighth) * std::f64::consts::FRAC_PI_4;
            within(
                latitude + ring * north * angle.sin(),
                longitude + ring * east * angle.cos(),
            )
        })
    }))
}

/// The country in whose outline the point lies; `None` at sea, or where it is none.
pub fn country_at(latitude: f64, longitude: f64) -> Option<Country> {
    let outlines = OUTLINES.as_ref()?;
    let point = LatLon::new(latitude, longitude).ok()?;
    let ids = outlines.of.ids(point).into_iter();
    // Outlines of subdivisions are among them.
    ids.filter_map(|id| id.parse().ok()).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lies(country: &str, latitude: f64, longitude: f64) -> Option<bool> {
        lies_in(country.parse().unwrap(), latitude, longitude, 0.0)
    }

    #[test]
    fn towns_lie_in_their_countries() {
        for (country, latitude, longitude) in [
            ("TJ", 40.283, 69.622),
            ("UZ", 41.311, 69.280),
            ("KZ", 42.341, 69.590),
            ("KG", 40.514, 72.816),
            ("TM", 37.960, 58.326),
            ("AE", 25.204, 55.270),
            ("AF", 36.709, 67.110),
        ] {
            assert_eq!(lies(country, latitude, longitude), Some(true), "{country}");
            // Latitude and longitude taken for each other.
            assert_eq!(lies(country, longitude, latitude), Some(false), "{country}");
        }
        // Tashkent is not in Tajikistan, some 60 km away.
        assert_eq!(lies("TJ", 41.45, 69.1), Some(false));
        // Off the coast of Dubai, at the antimeridian, at a pole.
        assert_eq!(lies("AE", 25.3, 55.1), Some(true));
        assert_eq!(lies("FJ", -16.8, -180.0), Some(true));
        assert_eq!(lies("UZ", 90.0, 0.0), Some(false));
        assert_eq!(lies("UZ", f64::NAN, 0.0), None);
    }

    #[test]
    fn a_point_names_its_country() {
        let at = |latitude, longitude| country_at(latitude, longitude).map(|of| of.to_string());
        assert_eq!(at(41.311, 69.280).as_deref(), Some("UZ"));
        assert_eq!(at(38.9, -77.0).as_deref(), Some("US"));
        assert_eq!(at(-30.0, -20.0), None);
        assert_eq!(at(91.0, 0.0), None);
    }

    #[test]
    fn an_imprecise_point_may_lie_further_out() {
        let country = "TJ".parse().unwrap();
        assert_eq!(lies_in(country, 41.45, 69.1, 100_000.0), Some(true));
    }

    #[test]
    fn every_country_of_central_asia_is_known() {
        let known = &OUTLINES.as_ref().unwrap().known;
        for code in ["AF", "KG", "KZ", "TJ", "TM", "UZ", "AE", "RU", "TR", "CN"] {
            assert!(known.contains(code), "{code}");
        }
    }
}
