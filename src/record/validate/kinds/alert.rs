//! The rules of alerts, after the Common Alerting Protocol 1.2.

use super::{At, Checker, Fault, MAX_LINE, MAX_LIST, MAX_SUMMARY, Text, ValidationContext, place};
use crate::record::{Rule, validate::MAX_TITLE};
use crate::wire::record::{
    Alert, AlertArea, AlertCategory, AlertCertainty, AlertMessageType, AlertPolygon, AlertResponse,
    AlertScope, AlertSeverity, AlertStatus, AlertType, AlertUrgency, Record, Tlp,
};

/// Largest radius of a circle, in kilometres.
const MAX_RADIUS: f64 = 2000.0;
/// Most outlines of an area.
const MAX_POLYGONS: usize = 16;
/// Fewest points of an outline that closes.
const MIN_POINTS: usize = 4;

pub(super) fn check(
    checker: &mut Checker,
    at: At<'_>,
    alert: &Alert,
    record: &Record,
    context: &ValidationContext<'_>,
) {
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
    for (index, of) in alert.areas.iter().take(MAX_LIST).enumerate() {
        area(checker, areas_at.item(index), of, context);
    }
    let by = alert.acknowledge_by.as_ref();
    checker.deadline(at.field("acknowledgeBy"), by, context);
    meant(checker, at, alert, record);
    times(checker, at, alert);
    checker.text(at.field("audience"), &alert.audience, Text::line(MAX_LINE));
    checker.text(at.field("contact"), &alert.contact, Text::line(MAX_LINE));
}

fn area(checker: &mut Checker, at: At<'_>, area: &AlertArea, context: &ValidationContext<'_>) {
    let country = checker.country(at.field("country"), &area.country, true);
    checker.subdivision(at.field("subdivision"), &area.subdivision, country);
    let crossing_at = at.field("crossingId");
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
    if let Some(circle) = &area.circle {
        let circle_at = at.field("circle");
        let centre = (circle.latitude, circle.longitude, 0);
        place::point(checker, circle_at, centre, country, context);
        if !(circle.radius_km > 0.0 && circle.radius_km <= MAX_RADIUS) {
            let fault = Fault::new(format!("must be kilometres above 0, at most {MAX_RADIUS}"))
                .allowed([format!("above 0, at most {MAX_RADIUS}")]);
            checker.refuse(circle_at.field("radiusKm"), Rule::OutOfRange, fault);
        }
    }
    let description = Text::line(MAX_LINE);
    checker.text(at.field("description"), &area.description, description);
    let polygons_at = at.field("polygons");
    checker.at_most(polygons_at, area.polygons.len(), MAX_POLYGONS);
    for (index, of) in area.polygons.iter().take(MAX_POLYGONS).enumerate() {
        polygon(checker, polygons_at.item(index), of);
    }
}

/// An outline that closes. It may reach beyond the country: a border is a place too.
fn polygon(checker: &mut Checker, at: At<'_>, polygon: &AlertPolygon) {
    let points_at = at.field("points");
    let points = &polygon.points;
    checker.at_most(points_at, points.len(), MAX_LIST);
    for (index, point) in points.iter().take(MAX_LIST).enumerate() {
        let item = points_at.item(index);
        place::degrees(checker, item, point.latitude, point.longitude);
    }
    if points.len() < MIN_POINTS || points.first() != points.last() {
        let fault = Fault::new(format!(
            "an outline has {MIN_POINTS} points or more, the last of them the first again"
        ))
        .allowed([format!(
            "at least {MIN_POINTS} points, the last of them the first again"
        )]);
        checker.refuse(points_at, Rule::FormatInvalid, fault);
    }
}

/// Status, message type, scope, categories and responses, and what they contradict in the record.
fn meant(checker: &mut Checker, at: At<'_>, alert: &Alert, record: &Record) {
    let status_at = at.field("status");
    checker.code::<AlertStatus>(status_at, alert.status, false);
    let refused = match AlertStatus::try_from(alert.status) {
        Ok(AlertStatus::Draft) => Some("a draft is not sent"),
        Ok(AlertStatus::Exercise) if !record.exercise => {
            Some("the record is no exercise; set `exercise`")
        }
        Ok(AlertStatus::Actual) if record.exercise => {
            Some("the record is an exercise; its alert is no actual one")
        }
        _ => None,
    };
    if let Some(refused) = refused {
        checker.found(status_at, Rule::Mismatch, refused);
    }

    let type_at = at.field("messageType");
    checker.code::<AlertMessageType>(type_at, alert.message_type, false);
    match AlertMessageType::try_from(alert.message_type) {
        Ok(AlertMessageType::Update | AlertMessageType::Cancel)
            if record.follows.is_none() && record.relations.is_empty() =>
        {
            checker.found(
                type_at,
                Rule::Mismatch,
                "an update or a cancellation says what it refers to; give `follows` or `relations`",
            );
        }
        Ok(AlertMessageType::Ack | AlertMessageType::Error) => checker.found(
            type_at,
            Rule::NotAllowedHere,
            "alerts are acknowledged and rejected by receipts, not by alerts",
        ),
        _ => {}
    }

    let scope_at = at.field("scope");
    checker.code::<AlertScope>(scope_at, alert.scope, false);
    let tlp = record.marking.as_ref().map(|marking| marking.tlp);
    if alert.scope == AlertScope::Public as i32 && tlp != Some(Tlp::Clear as i32) {
        checker.found(
            scope_at,
            Rule::Mismatch,
            "a public alert is marked TLP_CLEAR",
        );
    }
    checker.codes::<AlertCategory>(at.field("categories"), &alert.categories, false);
    let responses_at = at.field("responses");
    checker.codes::<AlertResponse>(responses_at, &alert.responses, false);
    let none = AlertResponse::None as i32;
    if alert.responses.contains(&none) && alert.responses.len() > 1 {
        checker.found(
            responses_at,
            Rule::Mismatch,
            "ALERT_RESPONSE_NONE stands alone",
        );
    }
}

/// The times of an alert, the end after the beginning.
fn times(checker: &mut Checker, at: At<'_>, alert: &Alert) {
    let mut moment = |name, stamp: &Option<prost_types::Timestamp>| {
        let stamp = stamp.as_ref()?;
        checker.moment(at.field(name), stamp)
    };
    let effective = moment("effective", &alert.effective);
    let onset = moment("onset", &alert.onset);
    let expires = moment("expires", &alert.expires);
    for (name, begins) in [("effective", effective), ("onset", onset)] {
        if let (Some(begins), Some(expires)) = (begins, expires)
            && expires <= begins
        {
            checker.found(
                at.field("expires"),
                Rule::DateOrder,
                format!("{expires} is not after `{}`, {begins}", at.field(name)),
            );
        }
    }
}
