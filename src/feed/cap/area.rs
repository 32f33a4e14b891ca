//! Areas: polygons, circles and geocodes.

use crate::{
    record::{Country, vocab},
    wire::record::{AlertArea, AlertCircle, AlertPoint, AlertPolygon},
};

use super::{
    COUNTRY, CROSSING, SUBDIVISION,
    fault::{Dropped, Fault, FaultKind, shown},
    tree::Element,
};

/// Countries as other systems name the geocode of one.
const COUNTRY_NAMES: [&str; 6] = [
    COUNTRY,
    "ISO 3166-1",
    "ISO3166-1-alpha-2",
    "ISO3166",
    "country",
    "COUNTRY",
];
/// The same of a subdivision.
const SUBDIVISION_NAMES: [&str; 3] = [SUBDIVISION, "ISO 3166-2", "subdivision"];

/// What an area is called where it is not said in words.
pub(super) fn name(area: &AlertArea) -> String {
    if let Some(crossing) = vocab::crossing(&area.crossing_id) {
        let (here, there) = crossing.names;
        let names = [here, there].into_iter().filter(|name| !name.is_empty());
        let names: Vec<&str> = names.collect();
        return format!("{} {}", crossing.id, names.join(" / "))
            .trim_end()
            .to_owned();
    }
    if area.subdivision.is_empty() {
        area.country.clone()
    } else {
        area.subdivision.clone()
    }
}

/// Points as CAP writes a polygon.
pub(super) fn polygon_text(polygon: &AlertPolygon) -> String {
    let points = polygon.points.iter();
    let points: Vec<String> = points
        .map(|point| format!("{},{}", point.latitude, point.longitude))
        .collect();
    points.join(" ")
}

/// As CAP writes a circle.
pub(super) fn circle_text(circle: &AlertCircle) -> String {
    let AlertCircle {
        latitude,
        longitude,
        radius_km,
    } = circle;
    format!("{latitude},{longitude} {radius_km}")
}

fn pair(text: &str) -> Option<(f64, f64)> {
    let (latitude, longitude) = text.split_once(',')?;
    let number = |text: &str| text.parse::<f64>().ok().filter(|of| of.is_finite());
    let (latitude, longitude) = (number(latitude)?, number(longitude)?);
    let sound = latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
    sound.then_some((latitude, longitude))
}

/// A polygon: four points or more, the last of them the first again.
fn polygon(element: &Element) -> Result<AlertPolygon, Fault> {
    let fault = |message: String| Fault::new(&element.path, FaultKind::Shape, message);
    let mut points = Vec::new();
    for text in element.text.split_whitespace() {
        let (latitude, longitude) = pair(text).ok_or_else(|| {
            let place = points.len().saturating_add(1);
            fault(format!(
                "point {place} is not `latitude,longitude` in degrees from -90 to 90 and -180 to 180"
            ))
        })?;
        points.push(AlertPoint {
            latitude,
            longitude,
        });
    }
    if points.len() < 4 {
        return Err(fault(format!(
            "{} points; a polygon has at least four, the last of them the first again",
            points.len()
        )));
    }
    if points.first() != points.last() {
        return Err(fault(
            "the last point is not the first again, so the polygon is not closed".to_owned(),
        ));
    }
    Ok(AlertPolygon { points })
}

/// A circle: its centre and its radius in kilometres.
fn circle(element: &Element) -> Result<AlertCircle, Fault> {
    let fault = || {
        let message = "a circle is `latitude,longitude radius`, in degrees and kilometres";
        Fault::new(&element.path, FaultKind::Shape, message)
    };
    let mut parts = element.text.split_whitespace();
    let (Some(centre), Some(radius), None) = (parts.next(), parts.next(), parts.next()) else {
        return Err(fault());
    };
    let (latitude, longitude) = pair(centre).ok_or_else(fault)?;
    let radius_km: f64 = radius.parse().map_err(|_| fault())?;
    if !(radius_km.is_finite() && radius_km > 0.0) {
        return Err(fault());
    }
    Ok(AlertCircle {
        latitude,
        longitude,
        radius_km,
    })
}

/// An area of CAP as areas of a record, which have one circle, one subdivision and one crossing each:
/// as many as it needs for all of them.
pub(super) fn areas(
    element: &Element,
    fallback: Option<Country>,
    faults: &mut Vec<Fault>,
    dropped: &mut Vec<Dropped>,
) -> Vec<AlertArea> {
    let mut keep = |result: Result<_, Fault>| result.map_err(|fault| faults.push(fault)).ok();
    let polygons: Vec<AlertPolygon> = element
        .all("polygon")
        .filter_map(|of| keep(polygon(of)))
        .collect();
    let mut keep = |result: Result<_, Fault>| result.map_err(|fault| faults.push(fault)).ok();
    let circles: Vec<AlertCircle> = element
        .all("circle")
        .filter_map(|of| keep(circle(of)))
        .collect();
    let (mut countries, mut subdivisions, mut crossings) = (Vec::new(), Vec::new(), Vec::new());
    for geocode in element.all("geocode") {
        let text = |name: &str| geocode.first(name).map_or("", |of| of.text.as_str());
        let (name, value) = (text("valueName"), text("value"));
        if COUNTRY_NAMES.contains(&name) {
            countries.push((value.to_owned(), geocode));
        } else if SUBDIVISION_NAMES.contains(&name) {
            subdivisions.push(value.to_owned());
        } else if name == CROSSING {
            crossings.push(value.to_owned());
        } else {
            dropped.push(Dropped {
                path: geocode.path.clone(),
                why: "a geocode other than of ISO 3166 is not understood; the area's words are kept",
            });
        }
    }
    for extent in ["altitude", "ceiling"] {
        dropped.extend(element.first(extent).map(|of| Dropped {
            path: of.path.clone(),
            why: "a record has no heights",
        }));
    }
    let point = circles
        .first()
        .map(|of| (of.latitude, of.longitude))
        .or_else(|| {
            let point = polygons.first()?.points.first()?;
            Some((point.latitude, point.longitude))
        });
    let Some(codes) = countries_of(element, &countries, &subdivisions, point, fallback, faults)
    else {
        return Vec::new();
    };
    let mut made = Vec::new();
    let description = element.first("areaDesc").map_or("", |of| of.text.as_str());
    for country in codes {
        let own = |code: &&String| code.starts_with(&format!("{country}-"));
        let of_it: Vec<&String> = subdivisions.iter().filter(own).collect();
        let crossed: Vec<&String> = if made.is_empty() {
            crossings.iter().collect()
        } else {
            Vec::new()
        };
        // The shapes stand with the first; a record's area has one circle.
        let shapes = if made.is_empty() { circles.len() } else { 0 };
        let count = of_it.len().max(crossed.len()).max(shapes).max(1);
        for at in 0..count {
            let first = made.is_empty();
            let text = |of: &[&String]| of.get(at).map_or_else(String::new, |of| (*of).clone());
            let mut area = AlertArea {
                country: country.clone(),
                subdivision: text(&of_it),
                crossing_id: text(&crossed),
                circle: (shapes > 0).then(|| circles.get(at).copied()).flatten(),
                polygons: if first { polygons.clone() } else { Vec::new() },
                description: String::new(),
            };
            if description != name(&area) {
                description.clone_into(&mut area.description);
            }
            made.push(area);
        }
    }
    made
}

/// The countries of an area: by its geocodes, by the subdivisions, by where it lies, or as whoever reads
/// it says.
fn countries_of(
    element: &Element,
    named: &[(String, &Element)],
    subdivisions: &[String],
    point: Option<(f64, f64)>,
    fallback: Option<Country>,
    faults: &mut Vec<Fault>,
) -> Option<Vec<String>> {
    let mut codes: Vec<String> = Vec::new();
    for (code, geocode) in named {
        if code.parse::<Country>().is_err() {
            let message = format!("`{}` is no country of ISO 3166-1 alpha-2", shown(code));
            faults.push(Fault::new(&geocode.path, FaultKind::Code, message));
            return None;
        }
        if !codes.contains(code) {
            codes.push(code.clone());
        }
    }
    for code in subdivisions {
        let country = code.split('-').next().unwrap_or_default().to_owned();
        if country.parse::<Country>().is_ok() && !codes.contains(&country) {
            codes.push(country);
        }
    }
    if !codes.is_empty() {
        return Some(codes);
    }
    if let Some((latitude, longitude)) = point
        && let Some(country) = vocab::country_at(latitude, longitude)
    {
        return Some(vec![country.code().to_owned()]);
    }
    if let Some(country) = fallback {
        return Some(vec![country.code().to_owned()]);
    }
    let message = format!(
        "the area says no country; give a geocode of {COUNTRY} with the code of ISO 3166-1 alpha-2"
    );
    faults.push(Fault::new(&element.path, FaultKind::Missing, message));
    None
}
