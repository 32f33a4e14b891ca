//! What is written reads back equal; what is wrong is named by its element.

mod bad;
mod made;

use proptest::prelude::*;

use self::made::record;
use super::*;
use crate::{
    record::Moment,
    wire::record::{
        Alert, AlertMessageType, AlertScope, AlertStatus, AlertType, FollowType, Follows,
        HandlingCode, Marking, Recall, RecallReason, Record, Situation, Step, Tlp, Urgency,
        situation::Kind, step,
    },
};

const REFERENCE: &str = "UZ-26-000412-H";

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
    let marking = Marking {
        tlp: Tlp::AmberStrict.into(),
        ..Marking::default()
    };
    let newer = Earlier {
        identifier: "UZ-26-000200-X".to_owned(),
        sent: Moment::from_micros(1_795_100_000_000_000),
        ..earlier()
    };
    let xml = cancel(&recall, &marking, &[newer, earlier()]).unwrap();
    assert!(xml.contains("UZ-26-000200-X") && xml.contains("TLP:AMBER+STRICT"));
    let item = read(xml.as_bytes(), &Defaults::default()).unwrap();
    assert_eq!(item.own_id, "UZ/national-police,UZ-26-000100-D");
    let reason = "recalled: inaccurate; wrong <plate>".to_owned();
    assert_eq!(item.content, Content::Deleted { reason });
    assert_eq!(write(&recall, &[]), Err(Unwritable::Kind));
    assert_eq!(
        cancel(&Record::default(), &marking, &[earlier()]),
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

#[test]
fn every_bad_message_gets_its_specific_fault() {
    assert!(read(message(HEAD, INFO).as_bytes(), &Defaults::default()).is_ok());
    let mut wrong = Vec::new();
    for (name, xml, path, kind) in bad::messages() {
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
        faults.iter().next().unwrap().kind
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
