//! Records in, questions out: every script, filters, ranks, leaving.

use crate::{
    search::{
        Asked, Found, Index, Query, correlate, explain, extract,
        index::{Facts, prepare},
        text::{How, Normaliser},
    },
    wire::{json, record::Record},
};

fn record(title: &str, suspect: &str, phone: &str) -> Record {
    let value = serde_json::json!({
        "situation": {
            "title": title,
            "summary": "Водитель звонил с номера +998 90 765-43-21.",
            "language": "ru",
            "route": {
                "legs": [{ "from": { "country": "TJ", "name": "Хуҷанд" }, "to": { "country": "KZ", "name": "Шымкент" } }],
                "purposes": ["PURPOSE_FORCED_LABOUR_OR_SERVICES"],
            },
        },
        "suspects": { "suspects": [{ "names": [{ "text": suspect, "language": "tg-Cyrl" }] }] },
        "identifiers": { "identifiers": [{ "type": "IDENTIFIER_TYPE_PHONE", "value": phone, "country": "KZ" }] },
        "victims": { "victims": [{ "pseudonym": "Гулбахор" }] },
    });
    json::from_json("comity.record.v1.Record", &value.to_string()).unwrap()
}

fn filled(records: &[Record]) -> Index {
    let (mut index, mut normaliser) = (Index::default(), Normaliser::default());
    for (number, record) in (1..).zip(records) {
        let facts = Facts {
            number,
            kind: "Route".to_owned(),
            origin: "TJ".parse().unwrap(),
            day: 20_000 + u16::try_from(number).unwrap(),
        };
        index.insert(prepare(facts, &extract(record), &mut normaliser));
    }
    index
}

/// The numbers found and how the first word was, after the record was looked at.
fn ask(index: &Index, records: &[Record], asked: &Asked) -> Vec<(u32, Option<How>)> {
    let query = Query::read(asked).unwrap();
    let mut normaliser = Normaliser::default();
    let mut found = Vec::new();
    for tier in index.candidates(&query) {
        for number in tier
            .numbers()
            .filter(|number| query.takes_day(index.day(*number)))
        {
            let extract = extract(&records[number as usize - 1]);
            let origin = "TJ".parse().unwrap();
            let answered = explain(&query, &extract, origin, &|_| true, &mut normaliser);
            let how = answered
                .unwrap()
                .reasons
                .into_iter()
                .find_map(|reason| match reason.found {
                    Found::Word(how) => Some(how),
                    _ => None,
                });
            found.push((number, how));
        }
    }
    found
}

fn text(text: &str) -> Asked {
    Asked {
        text: text.to_owned(),
        ..Asked::default()
    }
}

fn three() -> Vec<Record> {
    vec![
        record(
            "Маршрут через Шымкент",
            "Ҷамшед Раҳмонов",
            "+992 91 812 34 56",
        ),
        record("Route by train", "Ходжамурат Қодиров", "8 701 555 12 34"),
        record("Автобус", "Алишер Каримов", "+7 701 555 1234"),
    ]
}

#[test]
fn records_are_found_in_any_script_and_say_how() {
    let records = three();
    let index = filled(&records);
    let found = |asked: &str| ask(&index, &records, &text(asked));
    assert_eq!(found("Jamshed Rahmonov"), [(1, Some(How::Transliterated))]);
    assert_eq!(found("ҶАМШЕД"), [(1, Some(How::Exact))]);
    assert_eq!(found("Hojamyrat"), [(2, Some(How::Sound))]);
    assert_eq!(found("Kadirov"), [(2, Some(How::Sound))]);
    assert_eq!(found("Karimoff")[0].0, 3);
    // In a title first, then in other texts; Shymkent is on every route.
    assert_eq!(found("Shimkent").len(), 3);
    assert_eq!(found("Shymkent train")[0].0, 2);
    assert!(found("Samarkand").is_empty());
    assert!(found("Гулбахор").is_empty(), "victims are never indexed");
}

#[test]
fn filters_codes_and_entities_narrow() {
    let records = three();
    let index = filled(&records);
    let found = |asked: Asked| -> Vec<u32> {
        ask(&index, &records, &asked)
            .into_iter()
            .map(|(number, _)| number)
            .collect()
    };
    let all = Asked {
        kind: "route".into(),
        ..Asked::default()
    };
    assert_eq!(found(all.clone()), [3, 2, 1]);
    assert_eq!(
        found(Asked {
            from: "2024-10-06".into(),
            ..all.clone()
        }),
        [3, 2]
    );
    assert_eq!(
        found(Asked {
            country: "KZ".into(),
            ..all.clone()
        })
        .len(),
        3
    );
    assert!(
        found(Asked {
            country: "TM".into(),
            ..all.clone()
        })
        .is_empty()
    );
    assert_eq!(
        found(Asked {
            codes: vec!["purpose=forced_labour".into()],
            ..all.clone()
        })
        .len(),
        3
    );
    assert!(
        found(Asked {
            codes: vec!["purpose=SLAVERY".into()],
            ..all.clone()
        })
        .is_empty()
    );
    assert_eq!(
        found(Asked {
            entity: "992918123456".into(),
            ..Asked::default()
        }),
        [1]
    );
    // Mentioned in every summary.
    assert_eq!(
        found(Asked {
            entity: "90 765 43 21".into(),
            ..Asked::default()
        })
        .len(),
        3
    );
}

#[test]
fn what_may_not_be_read_is_no_answer() {
    let records = three();
    let query = Query::read(&text("Jamshed")).unwrap();
    let found = extract(&records[0]);
    let mut normaliser = Normaliser::default();
    let mut ask = |readable: &dyn Fn(crate::wire::record::CompartmentLabel) -> bool| {
        explain(
            &query,
            &found,
            "TJ".parse().unwrap(),
            readable,
            &mut normaliser,
        )
    };
    assert!(ask(&|_| true).is_some());
    assert!(ask(&|label| label != crate::wire::record::CompartmentLabel::Suspects).is_none());
}

#[test]
fn a_record_that_leaves_is_not_found_and_leaves_nothing() {
    let records = three();
    let mut index = filled(&records);
    index.remove(1);
    assert!(ask(&index, &records, &text("Jamshed")).is_empty());
    assert!(index.is_littered());
    let words = index.words();
    while index.is_littered() {
        index.sweep();
    }
    assert!(!index.is_littered() && index.words() < words);
    assert!(ask(&index, &records, &text("Jamshed")).is_empty());
    assert_eq!(ask(&index, &records, &text("Hojamyrat")).len(), 1);
    assert_eq!(index.len(), 2);
}

#[test]
fn the_same_entity_in_two_records_is_a_link_with_its_evidence() {
    let records = three();
    let mut extracts: Vec<_> = records.iter().map(extract).collect();
    for extract in &mut extracts {
        extract
            .mentions
            .retain(|mention| mention.field.starts_with("identifiers"));
    }
    let mut normaliser = Normaliser::default();
    let found = correlate::evidence(&extracts[1], &extracts[2], &|_| true, &mut normaliser);
    assert_eq!(found.len(), 1);
    assert!(found[0].common.asserts());
    assert_eq!(found[0].key, "+77015551234");
    assert_eq!(found[0].here.written, "8 701 555 12 34");
    assert!(correlate::evidence(&extracts[0], &extracts[1], &|_| true, &mut normaliser).is_empty());

    let named = extract(&record("x", "Жамшед Раҳмонов", "+99291812345"));
    let found = correlate::evidence(&extracts[0], &named, &|_| true, &mut normaliser);
    assert!(
        !found.is_empty() && found.iter().all(|evidence| !evidence.common.asserts()),
        "{found:?}"
    );
    let index = filled(&records);
    let name = normaliser.words("Rahmonov Jamshed Karimovich", None, 8);
    assert_eq!(index.with_name(&name).iter().collect::<Vec<_>>(), [1]);
}
