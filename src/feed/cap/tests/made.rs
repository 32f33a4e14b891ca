//! Records made up, with everything that an alert may have.

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::REFERENCE;
use crate::{
    record::Moment,
    wire::{
        json,
        record::{
            Alert, AlertArea, AlertCircle, AlertPoint, AlertPolygon, Destination, FollowType,
            Follows, Grading, Marking, Record, Situation, Translation, situation::Kind,
        },
    },
};

fn codes(list: &str) -> Vec<i32> {
    let codes = json::enum_codes(&format!("comity.record.v1.{list}"));
    codes.into_iter().map(|(_, number)| number).collect()
}

/// Text as the validator lets it through, with everything that XML has a meaning for.
fn text(lines: bool) -> impl Strategy<Value = String> {
    let characters = if lines {
        "[ -~\nёўқ«»𝄞]{1,40}"
    } else {
        "[!-~ёўқ«»𝄞]{1,20}( [!-~ёўқ]{1,20})?"
    };
    let made = characters.prop_map(|text: String| text.trim().to_owned());
    made.prop_filter("a text", |text| !text.is_empty())
}

fn stamp() -> impl Strategy<Value = Option<prost_types::Timestamp>> {
    let at = (0_i64..4_000_000_000, select(vec![0, 1_000, 999_999_000]));
    option::of(at.prop_map(|(seconds, nanos)| prost_types::Timestamp { seconds, nanos }))
}

fn area() -> impl Strategy<Value = AlertArea> {
    let point = || (-90.0..=90.0_f64, -180.0..=180.0_f64);
    let polygon = vec(point(), 3..6).prop_map(|points| {
        let mut points: Vec<AlertPoint> = points
            .into_iter()
            .map(|(latitude, longitude)| AlertPoint {
                latitude,
                longitude,
            })
            .collect();
        points.push(points[0]);
        AlertPolygon { points }
    });
    let circle = (point(), 0.001..2000.0_f64).prop_map(|(at, radius_km)| AlertCircle {
        latitude: at.0,
        longitude: at.1,
        radius_km,
    });
    let code = select(vec![
        ("UZ", "UZ-SU", ""),
        ("UZ", "", "BCP-KZ-UZ-23"),
        ("KZ", "", ""),
        ("UZ", "UZ-TK", "BCP-TJ-UZ-43"),
    ]);
    let said = prop_oneof![
        Just(String::new()),
        text(false).prop_map(|of| format!("at {of}"))
    ];
    (code, option::of(circle), vec(polygon, 0..3), said).prop_map(
        |((country, subdivision, crossing), circle, polygons, description)| AlertArea {
            country: country.to_owned(),
            subdivision: subdivision.to_owned(),
            crossing_id: crossing.to_owned(),
            circle,
            description,
            polygons,
        },
    )
}

prop_compose! {
    fn alert()(
        kind in select(codes("AlertType")),
        urgency in select(codes("AlertUrgency")),
        severity in select(codes("AlertSeverity")),
        certainty in select(codes("AlertCertainty")),
        scope in select(vec![0, 1, 2, 3]),
        categories in vec(select(codes("AlertCategory")), 0..3),
        responses in vec(select(codes("AlertResponse")), 0..3),
        areas in vec(area(), 1..4),
        (event, instruction) in (text(false), prop_oneof![Just(String::new()), text(true)]),
        (acknowledge_by, effective, onset, expires) in (stamp(), stamp(), stamp(), stamp()),
        (audience, contact) in (option::of(text(false)), option::of(text(false))),
    ) -> Alert {
        Alert {
            r#type: kind,
            urgency,
            severity,
            certainty,
            event,
            instruction,
            areas,
            acknowledge_by,
            status: 0,
            message_type: 0,
            scope,
            categories,
            responses,
            effective,
            onset,
            expires,
            audience: audience.unwrap_or_default(),
            contact: contact.unwrap_or_default(),
        }
    }
}

prop_compose! {
    pub(super) fn record()(
        alert in alert(),
        (title, summary) in (text(false), prop_oneof![Just(String::new()), text(true)]),
        translated in option::of((text(false), text(true))),
        tlp in select(codes("Tlp")),
        handling in prop::sample::subsequence(codes("HandlingCode"), 0..=4),
        note in option::of(text(false)),
        urgency in select(codes("Urgency")),
        (exercise, amends, tell_purpose) in (any::<bool>(), any::<bool>(), any::<bool>()),
        grading in (1..7_i32, 1..7_i32),
        confidence in 0..=100_u32,
        expires_at in stamp(),
    ) -> Record {
        let mut situation = Situation {
            title,
            summary,
            language: "uz-Cyrl".to_owned(),
            grading: Some(Grading { source: grading.0, information: grading.1 }),
            confidence,
            valid_from: "2026-01-01".to_owned(),
            kind: Some(Kind::Alert(alert)),
            ..Situation::default()
        };
        if let Some((title, summary)) = translated {
            situation.translations.insert("ru".to_owned(), Translation { title, summary });
        }
        Record {
            reference: REFERENCE.to_owned(),
            authority: "national-police".to_owned(),
            destinations: vec![Destination {
                country: "KZ".to_owned(),
                authorities: vec!["national-police".to_owned()],
                ..Destination::default()
            }],
            urgency,
            marking: Some(Marking {
                tlp,
                handling,
                handling_note: note.unwrap_or_default(),
                tell_purpose,
            }),
            exercise,
            expires_at,
            submitted_at: Some(Moment::from_micros(1_795_435_200_000_001).into()),
            situation: Some(situation),
            follows: amends.then(|| Follows {
                r#type: FollowType::Amendment.into(),
                ..Follows::default()
            }),
            ..Record::default()
        }
    }
}
