//! One `info` of a message: what it says in one language.

use crate::{
    record::Country,
    wire::record::{Alert, AlertArea},
};

use super::{
    NOTICE, OWN, area,
    fault::{Dropped, Fault, FaultKind, shown},
    own,
    read::{Read, moment},
    tree::Element,
    words::{allowed, number},
};

/// Elements that stand once at most in an `info`.
const ONCE: [&str; 15] = [
    "language",
    "event",
    "urgency",
    "severity",
    "certainty",
    "audience",
    "effective",
    "onset",
    "expires",
    "senderName",
    "headline",
    "description",
    "instruction",
    "web",
    "contact",
];
/// Elements that may stand again.
const MANY: [&str; 6] = [
    "category",
    "responseType",
    "eventCode",
    "parameter",
    "resource",
    "area",
];

/// An `info`, before it becomes part of a record.
#[derive(Default)]
pub(super) struct Info {
    pub(super) path: String,
    pub(super) language: String,
    pub(super) headline: String,
    pub(super) description: String,
    /// What it says of the alert, whatever the language.
    pub(super) alert: Alert,
    /// Text that a record has no field for: name and value.
    pub(super) beside: Vec<(String, String)>,
    /// Path and text of the parameter that holds the rest of a record written here.
    pub(super) rest: Option<(String, String)>,
    pub(super) web: String,
}

/// Checks which elements stand in one, and how often.
pub(super) fn known(read: &mut Read, element: &Element, once: &[&str], many: &[&str]) {
    let mut seen: Vec<&str> = Vec::new();
    for child in &element.children {
        let name = child.name.as_str();
        if once.contains(&name) {
            if seen.contains(&name) {
                read.fault(&child.path, FaultKind::Twice, "stands once at most");
            }
            seen.push(name);
        } else if !many.contains(&name) {
            let message = format!("CAP has no such element in `{}`", element.name);
            read.fault(&child.path, FaultKind::Unknown, &message);
        }
    }
}

/// The text of an element that must be there.
pub(super) fn needed<'a>(read: &mut Read, element: &'a Element, name: &str) -> &'a str {
    let found = element.first(name).map(|of| of.text.as_str());
    match found {
        Some(text) if !text.is_empty() => text,
        _ => {
            let path = format!("{}/{name}", element.path);
            read.fault(&path, FaultKind::Missing, "must be there, with a text");
            ""
        }
    }
}

/// The code of an element's word; 0 where it is not there.
pub(super) fn code(read: &mut Read, element: &Element, list: &str) -> i32 {
    match number(list, &element.text) {
        Some(number) => number,
        None => {
            let message = format!("`{}` is not one of {}", shown(&element.text), allowed(list));
            read.fault(&element.path, FaultKind::Code, &message);
            0
        }
    }
}

/// The code of an element that must be there.
pub(super) fn needed_code(read: &mut Read, element: &Element, name: &str, list: &str) -> i32 {
    match element.first(name) {
        Some(found) => code(read, found, list),
        None => {
            needed(read, element, name);
            0
        }
    }
}

fn text(element: &Element, name: &str) -> String {
    element
        .first(name)
        .map_or_else(String::new, |of| of.text.clone())
}

/// A text on one line.
pub(super) fn line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

/// Reads one.
pub(super) fn info(read: &mut Read, element: &Element, fallback: Option<Country>) -> Info {
    known(read, element, &ONCE, &MANY);
    let mut found = Info {
        path: element.path.clone(),
        language: match text(element, "language") {
            // What the schema says where nothing is said.
            none if none.is_empty() => "en-US".to_owned(),
            language => language,
        },
        headline: line(&text(element, "headline")),
        description: text(element, "description"),
        web: text(element, "web"),
        ..Info::default()
    };
    let alert = &mut found.alert;
    needed_categories(read, element, alert);
    for response in element.all("responseType") {
        let response = code(read, response, "AlertResponse");
        alert.responses.push(response);
    }
    alert.event = line(needed(read, element, "event"));
    alert.urgency = needed_code(read, element, "urgency", "AlertUrgency");
    alert.severity = needed_code(read, element, "severity", "AlertSeverity");
    alert.certainty = needed_code(read, element, "certainty", "AlertCertainty");
    alert.audience = line(&text(element, "audience"));
    alert.instruction = text(element, "instruction");
    alert.contact = line(&text(element, "contact"));
    let mut at = |name| element.first(name).and_then(|of| moment(read, of));
    let times = [at("effective"), at("onset"), at("expires")];
    let [effective, onset, expires] = times.map(|at| at.map(prost_types::Timestamp::from));
    (alert.effective, alert.onset, alert.expires) = (effective, onset, expires);
    alert.areas = areas(read, element, fallback);
    values(read, element, &mut found);
    for resource in element.all("resource") {
        read.dropped.push(Dropped {
            path: resource.path.clone(),
            why: "files do not travel in an alert; nothing is fetched",
        });
    }
    let sender = text(element, "senderName");
    if !sender.is_empty() {
        found.beside.push(("senderName".to_owned(), line(&sender)));
    }
    found
}

fn needed_categories(read: &mut Read, element: &Element, alert: &mut Alert) {
    for category in element.all("category") {
        let category = code(read, category, "AlertCategory");
        alert.categories.push(category);
    }
    if alert.categories.is_empty() {
        needed(read, element, "category");
    }
}

fn areas(read: &mut Read, element: &Element, fallback: Option<Country>) -> Vec<AlertArea> {
    const IN_AREA: [&str; 3] = ["areaDesc", "altitude", "ceiling"];
    let mut areas = Vec::new();
    for of in element.all("area") {
        known(read, of, &IN_AREA, &["polygon", "circle", "geocode"]);
        needed(read, of, "areaDesc");
        areas.extend(area::areas(
            of,
            fallback,
            &mut read.faults,
            &mut read.dropped,
        ));
    }
    areas
}

/// Event codes and parameters: what is understood, the rest as text beside.
fn values(read: &mut Read, element: &Element, found: &mut Info) {
    for of in element.all("eventCode").chain(element.all("parameter")) {
        known(read, of, &["valueName", "value"], &[]);
        let name = line(needed(read, of, "valueName"));
        let Some(value) = of.first("value") else {
            needed(read, of, "value");
            continue;
        };
        if of.name == "eventCode" && name == NOTICE {
            found.alert.r#type = code(read, value, "AlertType");
        } else if of.name == "parameter" && name == own::name() {
            found.rest = Some((value.path.clone(), value.text.clone()));
        } else if name.starts_with(OWN) {
            let message = format!("no parameter of this name begins with `{OWN}`");
            read.fault(&of.path, FaultKind::Unknown, &message);
        } else {
            found.beside.push((name, value.text.clone()));
        }
    }
}

/// A fault of an `info` that contradicts the first.
pub(super) fn contradicts(first: &Info, other: &Info) -> Option<Fault> {
    let (one, two) = (&first.alert, &other.alert);
    let same = one.urgency == two.urgency
        && one.severity == two.severity
        && one.certainty == two.certainty
        && one.categories == two.categories
        && one.responses == two.responses
        && (one.effective, one.onset, one.expires) == (two.effective, two.onset, two.expires);
    let message = "differs from the first `info` in more than its language; a record is one alert: send \
        one message for each";
    (!same).then(|| Fault::new(&other.path, FaultKind::Meaning, message))
}
