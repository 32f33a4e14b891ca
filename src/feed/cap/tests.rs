//! What is written reads back equal; what is wrong is named by its element.

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::*;
use crate::{
    record::Moment,
    wire::{
        json,
        record::{
            Alert, AlertArea, AlertCircle, AlertMessageType, AlertPoint, AlertPolygon, AlertScope,
            AlertStatus, AlertType, Destination, FollowType, Follows, Grading, HandlingCode,
            Marking, Recall, RecallReason, Record, Situation, Step, Tlp, Translation, Urgency,
            situation::Kind, step,
        },
    },
};

const REFERENCE: &str = "UZ-26-000412-H";

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
    fn record()(
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

/// What a record is once it went through CAP: what the record leaves to be understood is stated.
fn carried(record: &Record) -> Record {
    let mut carried = record.clone();
    let marking = record.marking.clone().unwrap_or_default();
    carried.reference.clear();
    carried.submitted_at = None;
    carried.destinations.clear();
    carried.authority.clear();
    let amends = carried.follows.take().is_some();
    if let Some(Kind::Alert(alert)) = carried.situation.as_mut().unwrap().kind.as_mut() {
        alert.status = write::status(record.exercise, alert).into();
        alert.scope = write::scope(alert.scope, &marking).into();
        if !amends {
            alert.message_type = AlertMessageType::Alert.into();
        }
        if alert.categories.is_empty() {
            alert.categories = vec![crate::wire::record::AlertCategory::Security.into()];
        }
    }
    carried
}

fn earlier() -> Earlier {
    Earlier {
        sender: "UZ/national-police".to_owned(),
        identifier: "UZ-26-000100-D".to_owned(),
        sent: Moment::from_micros(1_795_000_000_000_000),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_reads_back_equal(record in record()) {
        let xml = write(&record, &[earlier()]).unwrap();
        let item = read(xml.as_bytes(), &Defaults::default()).unwrap();
        prop_assert_eq!(&item.dropped, &[]);
        let own_id = if record.follows.is_some() {
            "UZ/national-police,UZ-26-000100-D"
        } else {
            "UZ/national-police,UZ-26-000412-H"
        };
        prop_assert_eq!(item.own_id.as_str(), own_id);
        prop_assert_eq!(item.version, 1_795_435_200_000_000);
        let expected = Content::Record(Box::new(carried(&record)));
        prop_assert_eq!(item.content, expected);
    }

    #[test]
    fn no_bytes_panic(record in record(), at: prop::sample::Index, byte: u8) {
        let mut xml = write(&record, &[earlier()]).unwrap().into_bytes();
        let at = at.index(xml.len());
        xml[at] = byte;
        let _ = read(&xml, &Defaults::default());
    }
}

const HEAD: &str = "<identifier>1</identifier><sender>hub@example.org</sender>\
    <sent>2026-11-23T12:00:00+05:00</sent><status>Exercise</status><msgType>Alert</msgType>\
    <scope>Public</scope>";
const INFO: &str = "<info><category>Security</category><event>EXERCISE</event>\
    <urgency>Expected</urgency><severity>Minor</severity><certainty>Likely</certainty>\
    <eventCode><valueName>INTERPOL notice</valueName><value>Green</value></eventCode>\
    <area><areaDesc>somewhere</areaDesc><circle>41.31,69.28 5</circle></area></info>";

fn message(head: &str, info: &str) -> String {
    format!("<alert xmlns=\"{NAMESPACE}\">{head}{info}</alert>")
}

fn faults(xml: &str) -> Vec<(String, FaultKind)> {
    let faults = read(xml.as_bytes(), &Defaults::default()).unwrap_err();
    faults.iter().map(|of| (of.path.clone(), of.kind)).collect()
}

#[test]
fn a_foreign_message_is_taken_with_what_it_says_beside() {
    let head = format!(
        "{}<code>profile:X</code><note>Sent again.</note>",
        HEAD.replace("Public", "Restricted")
            .replace("</scope>", "</scope><restriction>Police only</restriction>")
    );
    let info = INFO.replace(
        "<area>",
        "<senderName>A hub</senderName><headline>EXERCISE\n  alert</headline>\
         <web>https://example.org/1</web>\
         <parameter><valueName>speed</valueName><value>fast</value></parameter>\
         <resource><resourceDesc>map</resourceDesc><mimeType>image/png</mimeType></resource>\
         <area>",
    );
    let xml = message(&head, &info);
    let item = read(xml.as_bytes(), &Defaults::default()).unwrap();
    assert_eq!(item.own_id, "hub@example.org,1");
    let Content::Record(record) = item.content else {
        panic!("an alert is a record");
    };
    assert!(record.exercise);
    assert_eq!(record.urgency(), Urgency::Routine);
    let marking = record.marking.clone().unwrap();
    assert_eq!(marking.tlp(), Tlp::Amber);
    assert_eq!(marking.handling, [i32::from(HandlingCode::H3)]);
    assert_eq!(marking.handling_note, "Police only");
    let situation = record.situation.unwrap();
    assert_eq!(situation.title, "EXERCISE alert");
    assert_eq!(situation.language, "en-US");
    assert_eq!(
        situation.summary,
        "speed: fast\nsenderName: A hub\nnote: Sent again."
    );
    assert_eq!(situation.external_references.len(), 2);
    let Some(Kind::Alert(alert)) = situation.kind else {
        panic!("it is an alert");
    };
    assert_eq!(alert.r#type(), AlertType::Warning);
    // The centre lies in Tashkent.
    assert_eq!(alert.areas[0].country, "UZ");
    let dropped: Vec<&str> = item.dropped.iter().map(|of| of.path.as_str()).collect();
    assert_eq!(dropped, ["alert/info[1]/resource[1]", "alert/code[1]"]);
}

#[test]
fn defaults_make_a_marking_stricter_and_never_laxer() {
    let xml = message(HEAD, INFO);
    for (tlp, expected) in [(None, Tlp::Clear), (Some(Tlp::Amber), Tlp::Amber)] {
        let defaults = Defaults {
            tlp,
            ..Defaults::default()
        };
        let item = read(xml.as_bytes(), &defaults).unwrap();
        let Content::Record(record) = item.content else {
            panic!("an alert is a record");
        };
        assert_eq!(record.marking.unwrap().tlp(), expected);
    }
}

#[test]
fn updates_and_cancellations_go_back_to_the_first_message() {
    let later = "a@b,2,2026-11-02T00:00:00-00:00 a@b,1,2026-11-01T00:00:00-00:00";
    let head = HEAD.replace("<msgType>Alert", "<msgType>Update");
    let xml = message(&format!("{head}<references>{later}</references>"), INFO);
    let item = read(xml.as_bytes(), &Defaults::default()).unwrap();
    assert_eq!(item.own_id, "a@b,1");

    let head = HEAD.replace("<msgType>Alert", "<msgType>Cancel");
    let head = format!("{head}<note> a\n mistake </note><references>{later}</references>");
    let item = read(message(&head, "").as_bytes(), &Defaults::default()).unwrap();
    assert_eq!(item.own_id, "a@b,1");
    let reason = "a mistake".to_owned();
    assert_eq!(item.content, Content::Deleted { reason });
}

#[test]
fn a_recall_is_a_cancellation_of_what_was_sent() {
    let recall = Record {
        reference: REFERENCE.to_owned(),
        exercise: true,
        submitted_at: Some(Moment::from_micros(1_795_435_200_000_001).into()),
        marking: Some(Marking {
            tlp: Tlp::Amber.into(),
            ..Marking::default()
        }),
        step: Some(Step {
            step: Some(step::Step::Recall(Recall {
                reason: RecallReason::Inaccurate.into(),
                note: "wrong <plate>".to_owned(),
                ..Recall::default()
            })),
        }),
        ..Record::default()
    };
    let xml = cancel(&recall, &earlier()).unwrap();
    let item = read(xml.as_bytes(), &Defaults::default()).unwrap();
    assert_eq!(item.own_id, "UZ/national-police,UZ-26-000100-D");
    let reason = "recalled: inaccurate; wrong <plate>".to_owned();
    assert_eq!(item.content, Content::Deleted { reason });
    assert_eq!(write(&recall, &[]), Err(Unwritable::Kind));
    assert_eq!(
        cancel(&Record::default(), &earlier()),
        Err(Unwritable::Kind)
    );
}

#[test]
fn what_cannot_be_written_is_said() {
    let mut alert = Record {
        situation: Some(Situation {
            kind: Some(Kind::Alert(Alert::default())),
            ..Situation::default()
        }),
        ..Record::default()
    };
    assert_eq!(write(&Record::default(), &[]), Err(Unwritable::Kind));
    assert_eq!(write(&alert, &[]), Err(Unwritable::Unnamed));
    alert.reference = REFERENCE.to_owned();
    alert.submitted_at = Some(Moment::from_micros(1).into());
    assert!(write(&alert, &[]).is_ok());
    alert.follows = Some(Follows {
        r#type: FollowType::Amendment.into(),
        ..Follows::default()
    });
    assert_eq!(write(&alert, &[]), Err(Unwritable::Earlier));
}

#[test]
fn scope_follows_the_marking() {
    for (tlp, expected) in [
        (Tlp::Clear, AlertScope::Restricted),
        (Tlp::Amber, AlertScope::Restricted),
        (Tlp::AmberStrict, AlertScope::Private),
        (Tlp::Red, AlertScope::Private),
    ] {
        let marking = Marking {
            tlp: tlp.into(),
            ..Marking::default()
        };
        assert_eq!(write::scope(0, &marking), expected, "{tlp:?}");
    }
    let stated = AlertScope::Public.into();
    assert_eq!(
        write::scope(stated, &Marking::default()),
        AlertScope::Public
    );
    assert_eq!(
        write::status(true, &Alert::default()),
        AlertStatus::Exercise
    );
}

/// Name of the case, message, and the fault that it gets.
fn bad() -> Vec<(&'static str, String, &'static str, FaultKind)> {
    use FaultKind::{
        Code, Doctype, Entity, Meaning, Missing, Namespace, NotXml, Reference, Shape, Time,
        TooDeep, Twice, Unknown,
    };
    let plain = message(HEAD, INFO);
    let with = |from: &str, to: &str| {
        assert!(plain.contains(from), "{from}");
        plain.replacen(from, to, 1)
    };
    let bomb = format!(
        "<!DOCTYPE alert [<!ENTITY a \"x\"><!ENTITY b \"&a;&a;&a;&a;\">]>{}",
        with("<event>EXERCISE", "<event>&b;")
    );
    let external = format!("<!DOCTYPE alert SYSTEM \"file:///etc/passwd\">{plain}");
    let deep = with(
        "<areaDesc>somewhere",
        &format!("<areaDesc>{}", "<x>".repeat(500)),
    );
    let polygon = |points: &str| with("<circle>41.31,69.28 5</circle>", points);
    let three = "<polygon>41,69 41,70 41,69</polygon>";
    let open = "<polygon>41,69 41,70 42,70 42,69</polygon>";
    let swapped = "<polygon>41,69 141,70 42,70 41,69</polygon>";
    let area = "alert/info[1]/area[1]";
    let of_area = |name: &str| Box::leak(format!("{area}/{name}").into_boxed_str()) as &str;
    vec![
        ("nothing", String::new(), "", NotXml),
        ("no XML", "alert".to_owned(), "", NotXml),
        (
            "an element that does not end",
            plain.replace("</alert>", ""),
            "alert",
            NotXml,
        ),
        (
            "tags that cross",
            with("</event>", "</urgency>"),
            "",
            NotXml,
        ),
        ("two messages", format!("{plain}{plain}"), "alert", NotXml),
        ("an entity bomb", bomb, "", Doctype),
        ("an external document type", external, "", Doctype),
        (
            "an entity of HTML",
            with("<event>EXERCISE", "<event>a&nbsp;b"),
            "alert/info[1]/event",
            Entity,
        ),
        ("deep nesting", deep, of_area("areaDesc"), TooDeep),
        (
            "another version",
            plain.replace("cap:1.2", "cap:1.1"),
            "alert",
            Namespace,
        ),
        (
            "no namespace",
            plain.replace(&format!(" xmlns=\"{NAMESPACE}\""), ""),
            "alert",
            Namespace,
        ),
        (
            "a foreign element",
            with("<event>", "<x xmlns=\"urn:x\"/><event>"),
            "alert/info[1]/x",
            Namespace,
        ),
        (
            "an unknown element",
            with("<event>", "<colour/><event>"),
            "alert/info[1]/colour",
            Unknown,
        ),
        (
            "another root",
            "<feed xmlns=\"urn:oasis:names:tc:emergency:cap:1.2\"/>".to_owned(),
            "feed",
            Unknown,
        ),
        (
            "no identifier",
            with("<identifier>1</identifier>", ""),
            "alert/identifier",
            Missing,
        ),
        (
            "an empty sender",
            with("hub@example.org", " "),
            "alert/sender",
            Missing,
        ),
        ("no info", message(HEAD, ""), "alert/info", Missing),
        (
            "no event",
            with("<event>EXERCISE</event>", ""),
            "alert/info[1]/event",
            Missing,
        ),
        (
            "no certainty",
            with("<certainty>Likely</certainty>", ""),
            "alert/info[1]/certainty",
            Missing,
        ),
        (
            "an area without words",
            with("<areaDesc>somewhere</areaDesc>", ""),
            of_area("areaDesc"),
            Missing,
        ),
        ("an area without a country", polygon(""), area, Missing),
        (
            "no colour",
            with("INTERPOL notice", "SAME"),
            "alert/info[1]/eventCode",
            Missing,
        ),
        (
            "two senders",
            with("<sender>", "<sender>x</sender><sender>"),
            "alert/sender",
            Twice,
        ),
        (
            "a sender with a blank",
            with("hub@example.org", "the hub"),
            "alert/sender",
            Reference,
        ),
        (
            "an unknown urgency",
            with("Expected", "Soon"),
            "alert/info[1]/urgency",
            Code,
        ),
        (
            "a word in small letters",
            with("Exercise", "exercise"),
            "alert/status",
            Code,
        ),
        ("a time with Z", with("+05:00", "Z"), "alert/sent", Time),
        (
            "a time with a fraction",
            with("12:00:00", "12:00:00.5"),
            "alert/sent",
            Time,
        ),
        (
            "a time without an offset",
            with("+05:00", ""),
            "alert/sent",
            Time,
        ),
        (
            "the thirtieth of February",
            with("2026-11-23", "2026-02-30"),
            "alert/sent",
            Time,
        ),
        (
            "a draft",
            with("Exercise", "Draft"),
            "alert/status",
            Meaning,
        ),
        (
            "an acknowledgement",
            with("<msgType>Alert", "<msgType>Ack"),
            "alert/msgType",
            Meaning,
        ),
        (
            "an update of nothing",
            with("<msgType>Alert", "<msgType>Update"),
            "alert/references",
            Missing,
        ),
        (
            "a reference without a time",
            with("</scope>", "</scope><references>a@b,1</references>"),
            "alert/references",
            Reference,
        ),
        (
            "a polygon of three points",
            polygon(three),
            of_area("polygon[1]"),
            Shape,
        ),
        (
            "a polygon that is not closed",
            polygon(open),
            of_area("polygon[1]"),
            Shape,
        ),
        (
            "a polygon off the earth",
            polygon(swapped),
            of_area("polygon[1]"),
            Shape,
        ),
        (
            "a circle without a radius",
            with(" 5</circle>", "</circle>"),
            of_area("circle[1]"),
            Shape,
        ),
        (
            "a circle of nothing",
            with(" 5</circle>", " NaN</circle>"),
            of_area("circle[1]"),
            Shape,
        ),
        (
            "a country of three letters",
            with(
                "</areaDesc>",
                "</areaDesc><geocode><valueName>ISO3166-1</valueName><value>UZB</value></geocode>",
            ),
            of_area("geocode[1]"),
            Code,
        ),
        (
            "infos of two alerts",
            message(HEAD, &format!("{INFO}{}", INFO.replace("Minor", "Extreme"))),
            "alert/info[2]",
            Meaning,
        ),
        (
            "two infos in one language",
            message(HEAD, &format!("{INFO}{INFO}")),
            "alert/info[2]",
            Twice,
        ),
        (
            "a rest with suspects",
            with(
                "<area>",
                "<parameter><valueName>comity:record</valueName>\
                 <value>{\"suspects\":{\"suspects\":[{}]}}</value></parameter><area>",
            ),
            "alert/info[1]/parameter[1]/value",
            Code,
        ),
        (
            "a parameter that looks like ours",
            with(
                "<area>",
                "<parameter><valueName>comity:x</valueName><value>1</value></parameter><area>",
            ),
            "alert/info[1]/parameter[1]",
            Unknown,
        ),
    ]
}

#[test]
fn every_bad_message_gets_its_specific_fault() {
    assert!(read(message(HEAD, INFO).as_bytes(), &Defaults::default()).is_ok());
    let mut wrong = Vec::new();
    for (name, xml, path, kind) in bad() {
        let found = faults(&xml);
        if !found.contains(&(path.to_owned(), kind)) {
            wrong.push(format!("{name}: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn size_and_encoding_are_bounded() {
    let long = vec![b' '; MAX_BYTES + 1];
    let kind = |bytes: &[u8]| {
        let faults = read(bytes, &Defaults::default()).unwrap_err();
        let first = faults.iter().next().unwrap().kind;
        first
    };
    assert_eq!(kind(&long), FaultKind::TooLarge);
    assert_eq!(kind(b"<alert>\xff</alert>"), FaultKind::Encoding);
    let declared = format!(
        "<?xml version=\"1.0\" encoding=\"KOI8-R\"?>{}",
        message(HEAD, INFO)
    );
    assert_eq!(kind(declared.as_bytes()), FaultKind::Encoding);
    let many = message(HEAD, &"<info/>".repeat(21_000));
    assert_eq!(kind(many.as_bytes()), FaultKind::TooLarge);
    let marked = format!(
        "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?>{}",
        message(HEAD, INFO)
    );
    assert!(read(marked.as_bytes(), &Defaults::default()).is_ok());
}

#[test]
fn a_signature_is_passed_over_and_said() {
    let signature = "<Signature xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><SignedInfo><x><y/></x>\
        </SignedInfo></Signature>";
    let xml = message(HEAD, &format!("{INFO}{signature}"));
    let item = read(xml.as_bytes(), &Defaults::default()).unwrap();
    assert_eq!(item.dropped[0].path, "alert/Signature");
}
