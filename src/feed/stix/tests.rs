use super::*;
use crate::{
    catalogue,
    crypto::IndexKey,
    record::kind_names,
    wire::record::{Identifiers, Suspects},
};

const NOW: Moment = Moment::from_micros(1_795_000_000_123_456);

fn header() -> Digest {
    Digest::from_array([9; 32])
}

fn version<'a>(record: &'a Record, header: &'a Digest) -> Version<'a> {
    Version {
        number: 7,
        header,
        origin: "UZ".parse().unwrap(),
        created: NOW,
        modified: NOW,
        record,
    }
}

fn example(kind: &str) -> Record {
    let mut record = catalogue::example(kind, NOW).unwrap();
    record.authority = "national-police".to_owned();
    record.reference = "UZ-26-000412-H".to_owned();
    record
}

fn made(record: &Record, aspect: Aspect) -> (Vec<Value>, Outline) {
    let key = IndexKey::new(&[5; 32]);
    let header = header();
    let version = version(record, &header);
    let objects = objects(Ids(&key), &version, aspect);
    let outline = objects.outline(&version);
    let shared = objects.shared.iter().map(|one| one.object(Ids(&key)));
    (
        shared
            .chain(objects.own.iter().map(|(_, object)| object.clone()))
            .collect(),
        outline,
    )
}

#[test]
fn each_kind_becomes_objects_or_none() {
    for kind in kind_names() {
        let record = example(&kind);
        let (objects, _) = made(&record, Aspect::Situation);
        let main = main_type(&kind).filter(|_| is_for_tools(&record));
        let has = |of: &str| objects.iter().any(|object| object["type"] == of);
        assert_eq!(main.is_some(), !objects.is_empty(), "{kind}");
        if let Some(main) = main {
            assert!(
                has(main) && has("extension-definition") && has("marking-definition"),
                "{kind}"
            );
        }
    }
}

#[test]
fn what_an_object_refers_to_is_there() {
    for kind in kind_names() {
        let (objects, _) = made(&example(&kind), Aspect::Situation);
        let ids: Vec<&str> = objects.iter().filter_map(|of| of["id"].as_str()).collect();
        let mut sorted = ids.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), ids.len(), "{kind}: an id is there twice");
        for object in &objects {
            let single = ["created_by_ref", "source_ref", "target_ref", "object_ref"];
            let lists = ["object_refs", "object_marking_refs"];
            let single = single.iter().filter_map(|field| object[field].as_str());
            let lists = lists.iter().filter_map(|field| object[field].as_array());
            let lists = lists.flatten().filter_map(Value::as_str);
            for to in single.chain(lists) {
                assert!(ids.contains(&to), "{kind}: {object} refers to {to}");
            }
        }
    }
}

#[test]
fn a_record_comes_back_as_it_was() {
    for kind in kind_names() {
        let record = example(&kind);
        let (objects, _) = made(&record, Aspect::Situation);
        if objects.is_empty() {
            continue;
        }
        let sender = Sender {
            authority: "national-police".to_owned(),
            destinations: Vec::new(),
            now: NOW,
            foreign: Default::default(),
        };
        let taken = take(&objects, &sender);
        let mut records = taken.into_iter().filter_map(|object| match object.taken {
            Ok(Taken::Record(record)) => Some(*record),
            Ok(_) => None,
            Err(fault) => panic!("{kind}: {} {fault}", object.id),
        });
        let back = records.next().unwrap();
        assert_eq!(records.next(), None, "{kind}");
        assert_eq!(back.situation, record.situation, "{kind}");
        assert_eq!(back.marking, record.marking, "{kind}");
        let mut destinations = record.destinations.clone();
        for to in &mut destinations {
            (to.compartments, to.readers) = Default::default();
        }
        assert_eq!(back.destinations, destinations, "{kind}");
        assert_eq!(
            (back.urgency, back.exercise),
            (record.urgency, record.exercise),
            "{kind}"
        );
    }
}

#[test]
fn victims_and_sources_are_in_no_object_and_the_rest_where_it_belongs() {
    let mut record = example("Network");
    let canary = |text: &str| format!("CANARY-{text}");
    record.source = Some(crate::wire::record::Source {
        description: canary("source"),
        ..Default::default()
    });
    record.victims = Some(crate::wire::record::Victims {
        purpose: canary("victims"),
        ..Default::default()
    });
    record.suspects = Some(Suspects {
        suspects: vec![crate::wire::record::Suspect {
            note: canary("suspect"),
            ..Default::default()
        }],
    });
    record.identifiers = Some(Identifiers {
        identifiers: vec![crate::wire::record::Identifier {
            r#type: crate::wire::record::IdentifierType::Phone.into(),
            value: canary("phone"),
            ..Default::default()
        }],
    });
    for (aspect, with) in [
        (Aspect::Situation, &[][..]),
        (Aspect::Suspects, &["CANARY-suspect"]),
        (Aspect::Identifiers, &["CANARY-phone"]),
    ] {
        let (objects, _) = made(&record, aspect);
        let text = Value::from(objects).to_string();
        for of in ["source", "victims", "suspect", "phone"].map(canary) {
            assert_eq!(
                text.contains(&of),
                with.contains(&of.as_str()),
                "{aspect:?} {of}"
            );
        }
    }
}

#[test]
fn an_amendment_is_new_versions_of_the_same_objects() {
    let first = example("Route");
    let mut second = first.clone();
    second.situation.as_mut().unwrap().title = "Another title".to_owned();
    let ids = |record: &Record| -> Vec<String> {
        let (objects, _) = made(record, Aspect::Situation);
        objects
            .iter()
            .filter_map(|of| of["id"].as_str().map(str::to_owned))
            .collect()
    };
    assert_eq!(ids(&first), ids(&second));
}

#[test]
fn what_is_revoked_says_nothing() {
    let key = IndexKey::new(&[5; 32]);
    for kind in ["Route", "Network", "Alert", "Tip"] {
        let record = example(kind);
        let (objects, outline) = made(&record, Aspect::Situation);
        let header = header();
        let main = outline.parts[0];
        for part in outline.parts {
            assert_eq!(PartOf::unpack(part.packed()), Some(part));
            let gone = revoked(
                Ids(&key),
                &Revoked {
                    number: 7,
                    header: &header,
                    origin: "UZ".parse().unwrap(),
                    by: &outline.by,
                    created: NOW,
                    at: NOW + std::time::Duration::from_secs(1),
                    part,
                    main,
                },
            );
            let was = objects
                .iter()
                .find(|object| object["id"] == gone["id"])
                .unwrap();
            assert_eq!(gone["created"], was["created"]);
            assert_eq!(gone["created_by_ref"], was["created_by_ref"]);
            assert_eq!(gone["revoked"], true);
            let title = record.situation.as_ref().unwrap().title.clone();
            assert!(!gone.to_string().contains(&title), "{gone}");
        }
    }
}

#[test]
fn what_is_left_to_a_persons_judgement_is_for_no_tool() {
    let plain = example("Route");
    assert!(is_for_tools(&plain));
    type Change = fn(&mut Marking);
    let changes: [Change; 5] = [
        |of| of.tlp = Tlp::Red.into(),
        |of| of.tlp = 99,
        |of| of.handling.push(HandlingCode::H3.into()),
        |of| of.handling.push(99),
        |of| of.tell_purpose = true,
    ];
    for change in changes {
        let mut record = plain.clone();
        change(record.marking.as_mut().unwrap());
        assert!(!is_for_tools(&record), "{:?}", record.marking);
    }
}

#[test]
fn shared_words_are_read_back() {
    let all = [
        Shared::Project,
        Shared::Extension,
        Shared::Tlp(Tlp::AmberStrict),
        Shared::Handling(HandlingCode::H2),
        Shared::Identity("UZ".parse().unwrap(), String::new()),
        Shared::Identity("KZ".parse().unwrap(), "interior-ministry".to_owned()),
        Shared::Country("AE".parse().unwrap()),
        Shared::Crossing("BCP-KZ-UZ-23".to_owned()),
    ];
    for one in all {
        assert_eq!(Shared::parse(&one.words()), Some(one));
    }
    for words in ["", "tlp:x", "identity:UZ", "country:XX", "other:1"] {
        assert_eq!(Shared::parse(words), None, "{words}");
    }
}

#[test]
fn other_tools_objects_become_tips_or_say_why_not() {
    let sender = Sender {
        authority: "national-police".to_owned(),
        destinations: vec!["KZ".parse().unwrap()],
        now: NOW,
        foreign: Default::default(),
    };
    let uuid = "1b955227-cad9-47f0-8e9d-b282b1f20cae";
    let object = |of: &str| {
        json!({
            "type": of, "spec_version": "2.1", "id": format!("{of}--{uuid}"),
            "created": "2026-03-02T09:15:00.000Z", "modified": "2026-03-02T09:15:00.000Z",
            "name": "A report\nof another tool", "description": "What it says",
            "object_marking_refs": ["marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003"],
        })
    };
    let taken = take(
        &[object("report"), object("identity"), object("malware")],
        &sender,
    );
    let Ok(Taken::Record(record)) = &taken[0].taken else {
        panic!("{:?}", taken[0]);
    };
    let situation = record.situation.as_ref().unwrap();
    assert_eq!(situation.title, "A report of another tool");
    assert_eq!(
        record.marking.as_ref().unwrap().tlp,
        i32::from(Tlp::AmberStrict)
    );
    let Some(crate::wire::record::situation::Kind::Tip(tip)) = &situation.kind else {
        panic!("{situation:?}");
    };
    assert!(tip.statement.starts_with("What it says") && tip.statement.contains(uuid));
    assert_eq!(taken[1].taken, Ok(Taken::Beside));
    assert_eq!(taken[2].taken, Err(Unmapped::Type("malware".to_owned())));

    // A mark of a part counts, and one that nobody knows is the strictest.
    for (mark, tlp) in [
        ("e828b379-4e03-4974-9ac4-e53a884c97c1", Tlp::Red),
        ("94868c89-83c2-464b-929b-a1a8aa3c8487", Tlp::AmberStrict),
        (uuid, Tlp::Red),
    ] {
        let mut marked = object("report");
        marked["object_marking_refs"] =
            json!(["marking-definition--826578e1-40ad-459f-bc73-ede076f81f37"]);
        let mark = format!("marking-definition--{mark}");
        marked["granular_markings"] = json!([{ "marking_ref": mark, "selectors": ["name"] }]);
        let Ok(Taken::Record(record)) = &take(&[marked], &sender)[0].taken else {
            panic!("{mark}");
        };
        assert_eq!(record.marking.as_ref().unwrap().tlp, i32::from(tlp));
    }

    let id = format!("report--{uuid}");
    let foreign = Sender {
        foreign: [(id, (7, "UZ".to_owned()))].into(),
        ..sender.clone()
    };
    let taken = take(&[object("report"), object("identity")], &foreign);
    assert_eq!(taken[0].taken, Err(Unmapped::Foreign(7, "UZ".to_owned())));
    assert_eq!(taken[1].taken, Err(Unmapped::Alone("identity".to_owned())));

    let alone = take(&[object("identity")], &sender);
    assert_eq!(alone[0].taken, Err(Unmapped::Alone("identity".to_owned())));

    let mut broken = object("report");
    broken["extensions"] = json!({ EXTENSION: { "record": { "situatoin": {} } } });
    let Err(Unmapped::Record(fault)) = &take(&[broken], &sender)[0].taken else {
        panic!("a misspelt field was taken");
    };
    assert!(fault.contains("situatoin"), "{fault}");

    type Change = fn(&mut Value);
    let changes: [(Change, Unmapped); 5] = [
        (|of| *of = json!("report"), Unmapped::Malformed),
        (|of| of["id"] = json!("note--1"), Unmapped::Id),
        (
            |of| {
                of["type"] = "x".repeat(128).into();
                of["id"] =
                    format!("{}--1b955227-cad9-47f0-8e9d-b282b1f20cae", "x".repeat(128)).into();
            },
            Unmapped::Id,
        ),
        (
            |of| of["spec_version"] = json!("2.0"),
            Unmapped::SpecVersion,
        ),
        (|of| of["modified"] = json!("yesterday"), Unmapped::Modified),
    ];
    for (change, fault) in changes {
        let mut object = object("report");
        change(&mut object);
        assert_eq!(take(&[object], &sender)[0].taken, Err(fault));
    }
}
