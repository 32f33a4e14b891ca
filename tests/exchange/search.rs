//! Search across scripts, correlation between countries, and what is never found.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use comity::{
    node::{Clock, system_clock},
    record::Moment,
    wire::{
        json,
        ledger::{Action, ReadingPurpose},
        node::{MatchHow, SearchRequest, SearchResponse},
        record::Record,
    },
};
use serde_json::{Value, json};

use crate::support::{
    CASE, Country, comity, eventually, json_of, ledger_bodies, lies_in, neighbours, refusal_of,
    with_everything,
};

const WHY: &[&str] = &["--purpose", "investigation", "--case", CASE];

/// An exercise record to `to` with a suspect and a telephone number that it reads.
fn record(to: &str, title: &str, suspect: (&str, &str), phone: &str) -> Record {
    let mut value = json_of(title, &[to]);
    value["destinations"][0]["compartments"] = json!([
        "COMPARTMENT_LABEL_SITUATION",
        "COMPARTMENT_LABEL_SUSPECTS",
        "COMPARTMENT_LABEL_IDENTIFIERS",
    ]);
    value["suspects"] =
        json!({ "suspects": [{ "names": [{ "text": suspect.0, "language": suspect.1 }] }] });
    value["identifiers"] = json!({ "identifiers": [{ "type": "IDENTIFIER_TYPE_PHONE", "value": phone, "country": "KZ" }] });
    read(&value)
}

fn read(value: &Value) -> Record {
    json::from_json("comity.record.v1.Record", &value.to_string()).unwrap()
}

async fn ask(at: &Country, text: &str) -> SearchResponse {
    let mut client = at.client().await;
    let request = SearchRequest {
        text: text.to_owned(),
        reading_purpose: ReadingPurpose::Investigation.into(),
        case_reference: CASE.to_owned(),
        ..SearchRequest::default()
    };
    client.search.search(request).await.unwrap().into_inner()
}

/// References found, once every record held is in the index.
async fn found(at: &Country, text: &str) -> Vec<String> {
    indexed(at).await;
    let hits = ask(at, text).await.hits;
    hits.into_iter()
        .map(|hit| hit.record.unwrap().reference)
        .collect()
}

async fn indexed(at: &Country) {
    eventually("the index is complete", async || {
        let coverage = at.status().await.search.unwrap();
        coverage.complete.then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_found_in_any_script_and_the_answer_says_why() {
    let (mut tj, mut uz) = neighbours().await;
    tj.start().await;
    uz.start().await;
    let jamshed = tj
        .submit(record(
            "UZ",
            "Гурӯҳ дар Шымкент",
            ("Ҷамшед Раҳмонов", "tg-Cyrl"),
            "+992 91 812 34 56",
        ))
        .await;
    let hojamyrat = tj
        .submit(record(
            "UZ",
            "two",
            ("Ходжамурат Қодиров", "ru-Cyrl"),
            "8 701 555 12 34",
        ))
        .await;
    uz.receives(&jamshed).await;
    uz.receives(&hojamyrat).await;
    for at in [&tj, &uz] {
        assert_eq!(found(at, "Jamshed Rahmonov").await, [jamshed.as_str()]);
        assert_eq!(found(at, "Джамшед").await, [jamshed.as_str()]);
        assert_eq!(found(at, "Shimkent").await, [jamshed.as_str()]);
        assert_eq!(found(at, "Hojamyrat").await, [hojamyrat.as_str()]);
        assert_eq!(found(at, "Kadirov").await, [hojamyrat.as_str()]);
        assert_eq!(found(at, &jamshed).await.first(), Some(&jamshed));
        assert!(found(at, "Samarkand").await.is_empty());
    }
    let answer = ask(&uz, "Kadirov").await;
    let reason = &answer.hits[0].reasons[0];
    assert_eq!(reason.how(), MatchHow::Sound);
    assert_eq!(reason.field, "suspects.suspects[0].names[0].text");
    assert_eq!(reason.written, "Ходжамурат Қодиров");

    // The command line, for people and programs; filters.
    let search = |more: &'static [&'static str]| {
        let home = uz.at().to_owned();
        async move { comity(&[&["search", "--home", &home], WHY, more].concat()).await }
    };
    let said = search(&["Jamshed"]).await.fine();
    assert!(
        said.contains(&jamshed) && said.contains("transliterated"),
        "{said}"
    );
    let said = search(&["--entity", "+7 (701) 555-12-34", "--output", "json"])
        .await
        .fine();
    let hit: Value = serde_json::from_str(said.trim()).unwrap();
    assert_eq!(hit["record"]["reference"], hojamyrat);
    assert_eq!(hit["reasons"][0]["how"], "MATCH_HOW_IDENTIFIER");
    let said = search(&["--kind", "alert", "--code", "alert_severity=MODERATE"])
        .await
        .fine();
    assert!(
        said.contains(&jamshed) && said.contains(&hojamyrat),
        "{said}"
    );
    assert!(!search(&["--country", "AE"]).await.fine().contains("TJ-"));
    assert!(
        !search(&["Jamshed", "--to", "2020-01-01"])
            .await
            .fine()
            .contains("TJ-")
    );

    // Each look is a leaf, what was asked only a keyed digest of it.
    let leaves = ledger_bodies(&uz).await;
    let looks: Vec<_> = leaves
        .iter()
        .filter(|leaf| leaf.detail == "searched")
        .collect();
    assert!(looks.len() > 10);
    for leaf in &looks {
        assert_eq!(leaf.action(), Action::Consultation);
        assert_eq!(leaf.subject.len(), 16);
        assert!(leaf.purpose.is_empty() && leaf.reference.is_empty());
    }
    let differing: std::collections::BTreeSet<_> = looks.iter().map(|leaf| &leaf.subject).collect();
    assert!(differing.len() > 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_number_in_records_of_two_countries_is_a_link() {
    let (mut tj, mut uz) = neighbours().await;
    tj.start().await;
    uz.start().await;
    let theirs = tj
        .submit(record(
            "UZ",
            "theirs",
            ("Ҷамшед Раҳмонов", "tg-Cyrl"),
            "+998 90 123-45-67",
        ))
        .await;
    let ours = uz
        .submit(record(
            "TJ",
            "ours",
            ("Someone Else", "en"),
            "00998901234567",
        ))
        .await;
    let named = uz
        .submit(record(
            "TJ",
            "named",
            ("Jamshed Rahmonov", "tg-Latn"),
            "+998 71 000 00 00",
        ))
        .await;
    uz.receives(&theirs).await;
    tj.receives(&named).await;
    tj.receives(&ours).await;
    for at in [&tj, &uz] {
        indexed(at).await;
        let related = [
            &["related", &theirs, "--home", at.at(), "--output", "json"],
            WHY,
        ]
        .concat();
        let said = comity(&related).await.fine();
        let lines: Vec<Value> = said
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 2, "{said}");
        assert_eq!(lines[0]["record"]["reference"], ours);
        assert_eq!(lines[0]["asserted"], true);
        let evidence = &lines[0]["evidence"][0];
        assert_eq!(evidence["class"], "phone");
        assert_eq!(evidence["key"], "+998901234567");
        assert_eq!(evidence["hereWritten"], "+998 90 123-45-67");
        assert_eq!(evidence["thereWritten"], "00998901234567");
        assert_eq!(lines[1]["record"]["reference"], named);
        assert_ne!(lines[1]["asserted"], true, "a name only suggests");
        assert_eq!(lines[1]["evidence"][0]["class"], "name");
        // In search results too.
        let hits = ask(at, "Someone Else").await.hits;
        let other = hits[0].related[0].record.clone().unwrap();
        assert_eq!(other.reference, theirs);
    }
    let said = comity(&[&["related", &theirs, "--home", uz.at()], WHY].concat())
        .await
        .fine();
    assert!(
        said.contains("perhaps") && said.contains("same identifier"),
        "{said}"
    );
    let leaves = ledger_bodies(&uz).await;
    let looks = leaves.iter().find(|leaf| leaf.detail == "related").unwrap();
    assert_eq!(
        (looks.action(), &looks.reference),
        (Action::Combination, &theirs)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn victims_are_never_found_and_nothing_readable_reaches_the_disk() {
    let (mut tj, mut uz) = neighbours().await;
    crate::support::befriend(&[&tj, &Country::set_up("AE")]).await;
    tj.start().await;
    uz.start().await;
    let mut everything = with_everything();
    if let Some(victims) = &mut everything.victims {
        victims.purpose = "EXERCISE: Zwanzigfach +998 90 765 43 21".to_owned();
        victims.victims[0].pseudonym = "Gulbahor Qodirova".to_owned();
        victims.victims[0].needs = "shelter at Wunderhaus".to_owned();
    }
    let reference = tj.submit(everything).await;
    tj.submit(record(
        "UZ",
        "other",
        ("Namuna Misolova", "en"),
        "+998 90 765 43 21",
    ))
    .await;
    assert_eq!(
        found(&tj, "Namuna").await.len(),
        2,
        "the suspects are found"
    );
    for text in [
        "Gulbahor",
        "Qodirova",
        "Гулбаҳор",
        "Wunderhaus",
        "shelter",
        "Zwanzigfach",
    ] {
        assert!(found(&tj, text).await.is_empty(), "{text}");
    }
    let mut client = tj.client().await;
    let request = SearchRequest {
        entity: "+998907654321".to_owned(),
        reading_purpose: ReadingPurpose::Investigation.into(),
        case_reference: CASE.to_owned(),
        ..SearchRequest::default()
    };
    let hits = client
        .search
        .search(request)
        .await
        .unwrap()
        .into_inner()
        .hits;
    assert_eq!(hits.len(), 1);
    assert_ne!(hits[0].record.as_ref().unwrap().reference, reference);
    assert!(hits[0].related.is_empty(), "no link to the victims' number");
    drop(client);
    tj.stop().await;
    for words in [
        "Namuna",
        "namuna",
        "misolova",
        "gulbahor",
        "Gulbahor",
        "907654321",
    ] {
        assert!(
            !lies_in(tj.dir(), words.as_bytes()),
            "{words} lies readable on disk"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_builds_the_index_again_and_what_expires_leaves_it() {
    let (mut tj, mut uz) = neighbours().await;
    uz.start().await;
    let ahead = Arc::new(AtomicI64::new(0));
    let clock = |ahead: &Arc<AtomicI64>| -> Clock {
        let (system, ahead) = (system_clock(), Arc::clone(ahead));
        Arc::new(move || {
            let ahead = ahead.load(Ordering::SeqCst);
            Moment::from_micros(system().micros() + ahead)
        })
    };
    tj.start_with(clock(&ahead)).await;
    let stays = tj
        .submit(record(
            "UZ",
            "stays",
            ("Ҷамшед Раҳмонов", "tg-Cyrl"),
            "+992918123456",
        ))
        .await;
    let mut short = record(
        "UZ",
        "goes",
        ("Ҷамшед Раҳмонов", "tg-Cyrl"),
        "+992918123456",
    );
    let hour = 3_600_000_000;
    short.expires_at = Some(Moment::from_micros(system_clock()().micros() + hour).into());
    let goes = tj.submit(short).await;
    assert_eq!(found(&tj, "Jamshed").await, [goes.clone(), stays.clone()]);

    tj.stop().await;
    tj.start_with(clock(&ahead)).await;
    assert_eq!(found(&tj, "Jamshed").await, [goes, stays.clone()]);
    let coverage = tj.status().await.search.unwrap();
    assert_eq!((coverage.indexed, coverage.total), (2, 2));

    ahead.store(2 * hour, Ordering::SeqCst);
    let answer = ask(&tj, "Jamshed").await;
    let left: Vec<_> = answer
        .hits
        .iter()
        .map(|hit| hit.record.clone().unwrap().reference)
        .collect();
    assert_eq!(left, [stays]);
    assert!(answer.hits[0].related.is_empty(), "nor as a relation");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_question_says_what_is_wrong_with_it() {
    let mut tj = Country::set_up("TJ");
    tj.start().await;
    let home = tj.at().to_owned();
    for (arguments, words) in [
        (&["a b c d e f g h i"][..], "at most 8 words"),
        (&["--kind", "Rumour"][..], "ModusOperandi"),
        (&["--country", "UZB"][..], "ISO 3166-1"),
        (&["--from", "2026-02-30"][..], "`from` is a day"),
        (&["--code", "purpose=FUN"][..], "FORCED_LABOUR"),
        (&["--code", "colour=RED"][..], "the lists are"),
        (&["--entity", "?"][..], "no telephone number"),
        (&[][..], "nothing is asked"),
    ] {
        let ended = comity(&[&["search", "--home", &home], arguments].concat()).await;
        ended.fails(65, &[words, "QUERY_INVALID"]);
    }
    comity(&["related", "UZ-26-000412-H", "--home", &home])
        .await
        .fails(65, &["RECORD_UNKNOWN"]);
    let mut client = tj.client().await;
    let request = SearchRequest {
        text: "x".repeat(201),
        reading_purpose: ReadingPurpose::Investigation.into(),
        case_reference: CASE.to_owned(),
        ..SearchRequest::default()
    };
    let refused = client.search.search(request).await.unwrap_err();
    assert_eq!(refusal_of(&refused), "QUERY_INVALID");
    let request = SearchRequest {
        text: "x".to_owned(),
        purpose: "y".repeat(201),
        reading_purpose: ReadingPurpose::Investigation.into(),
        case_reference: CASE.to_owned(),
        ..SearchRequest::default()
    };
    let refused = client.search.search(request).await.unwrap_err();
    assert_eq!(refusal_of(&refused), "PURPOSE_TOO_LONG");
    let searched = ledger_bodies(&tj).await;
    assert!(searched.iter().all(|leaf| leaf.detail != "searched"));
}
