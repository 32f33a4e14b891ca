//! Units that are converted into one another.

/// Unit, what it measures, and how many of the smallest it is.
const UNITS: [(&str, &str, f64); 14] = [
    ("m", "length", 1.0),
    ("km", "length", 1000.0),
    ("mi", "length", 1609.344),
    ("ft", "length", 0.3048),
    ("minutes", "time", 60.0),
    ("hours", "time", 3600.0),
    ("days", "time", 86_400.0),
    ("weeks", "time", 604_800.0),
    ("percent", "share", 1.0),
    ("fraction", "share", 100.0),
    ("permille", "share", 0.1),
    ("ones", "count", 1.0),
    ("dozens", "count", 12.0),
    ("thousands", "count", 1000.0),
];

/// By what a number is multiplied.
pub(super) fn factor(from: &str, to: &str) -> Result<f64, String> {
    let known = |name: &str| UNITS.iter().find(|(unit, ..)| *unit == name);
    let unknown = |name: &str| {
        let all: Vec<&str> = UNITS.iter().map(|(unit, ..)| *unit).collect();
        format!("no unit `{name}` is known; units are {}", all.join(", "))
    };
    let (_, measures, many) = known(from).ok_or_else(|| unknown(from))?;
    let (_, other, few) = known(to).ok_or_else(|| unknown(to))?;
    if measures != other {
        return Err(format!(
            "`{from}` is a {measures} and `{to}` a {other}: neither becomes the other"
        ));
    }
    Ok(many / few)
}
