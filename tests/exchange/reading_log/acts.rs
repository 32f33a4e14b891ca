//! Who did what with a record, and what a person did.

use comity::{
    access::{PrincipalKind, Role},
    client::Client,
    wire::{
        ledger::{Action, ReadingPurpose},
        node::{
            GetRecordRequest, ListActsOfPersonRequest, ListActsOfPersonResponse,
            ListActsOnRecordRequest, ListReceiptsRequest, ListRecordsRequest, LoggedAct,
            SearchRequest, WatchRecordsRequest,
        },
        record::CompartmentLabel::{Situation, Suspects, Victims},
    },
};
use futures_util::StreamExt as _;

use crate::support::{
    CASE, Country, alert, befriend, client_as, comity, eventually, ledger_bodies, refusal_of,
    with_everything,
};

async fn on(by: &mut Client, reference: &str) -> Vec<LoggedAct> {
    let request = ListActsOnRecordRequest {
        reference: reference.to_owned(),
        page_size: 500,
        ..ListActsOnRecordRequest::default()
    };
    let acts = by.audit.list_acts_on_record(request).await.unwrap();
    acts.into_inner().acts
}

async fn of(by: &mut Client, request: ListActsOfPersonRequest) -> ListActsOfPersonResponse {
    let acts = by.audit.list_acts_of_person(request).await.unwrap();
    acts.into_inner()
}

fn person(name: &str) -> ListActsOfPersonRequest {
    ListActsOfPersonRequest {
        person: name.to_owned(),
        ..ListActsOfPersonRequest::default()
    }
}

fn opening(reference: &str) -> GetRecordRequest {
    GetRecordRequest {
        reference: reference.to_owned(),
        reading_purpose: ReadingPurpose::Investigation.into(),
        case_reference: CASE.to_owned(),
        ..GetRecordRequest::default()
    }
}

/// TJ with a record of everything, and an auditor.
async fn held() -> (Country, String, Client) {
    let (mut tj, uz, ae) = (
        Country::set_up("TJ"),
        Country::set_up("UZ"),
        Country::set_up("AE"),
    );
    befriend(&[&tj, &uz, &ae]).await;
    tj.start().await;
    let reference = tj.submit(with_everything()).await;
    let auditor = client_as(&tj, PrincipalKind::Auditor, "s.lee", "", &[Role::Auditor]).await;
    (tj, reference, auditor)
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_who_met_a_record_is_found() {
    let (tj, reference, mut auditor) = held().await;
    let other = tj.submit(alert("another")).await;
    let police = "national-police";
    let kind = PrincipalKind::Officer;
    let mut analyst = client_as(&tj, kind, "n.karimova", police, &[Role::Analyst]).await;
    let role = Role::VictimProtectionOfficer;
    let mut elsewhere = client_as(&tj, kind, "elsewhere", "victim-support", &[role]).await;

    let listed = analyst
        .records
        .list_records(ListRecordsRequest::default())
        .await;
    assert_eq!(listed.unwrap().into_inner().records.len(), 2);
    analyst
        .records
        .get_record(opening(&reference))
        .await
        .unwrap();
    eventually("the search finds the suspect", async || {
        let request = SearchRequest {
            text: "Namuna".to_owned(),
            reading_purpose: ReadingPurpose::Investigation.into(),
            case_reference: CASE.to_owned(),
            ..SearchRequest::default()
        };
        let answer = analyst.search.search(request).await.unwrap().into_inner();
        (answer.hits.len() == 1).then_some(())
    })
    .await;
    let request = ListReceiptsRequest {
        reference: reference.clone(),
    };
    analyst.records.list_receipts(request).await.unwrap();
    let watch = WatchRecordsRequest::default();
    let mut watch = analyst
        .records
        .watch_records(watch)
        .await
        .unwrap()
        .into_inner();
    watch.next().await.unwrap().unwrap();
    drop(watch);
    // Refused: not in reach, without a purpose, and by an action that the role has not.
    for request in [opening(&reference), opening(&reference)] {
        let refused = elsewhere.records.get_record(request).await.unwrap_err();
        assert_eq!(refusal_of(&refused), "RECORD_UNKNOWN");
    }
    let without = GetRecordRequest {
        reading_purpose: 0,
        case_reference: String::new(),
        ..opening(&reference)
    };
    analyst.records.get_record(without).await.unwrap_err();
    let refused = auditor.records.get_record(opening(&reference)).await;
    assert_eq!(refusal_of(&refused.unwrap_err()), "ACCESS_DENIED");
    tj.node().flush_refusals().await;

    let acts = on(&mut auditor, &reference).await;
    let found = |actor: &str, detail: &str| -> LoggedAct {
        let of = |act: &&LoggedAct| act.actor == format!("TJ/{actor}") && act.detail == detail;
        let found: Vec<_> = acts.iter().filter(of).collect();
        assert_eq!(found.len(), 1, "{actor} {detail}: {acts:#?}");
        found[0].clone()
    };
    let read = found("officer/n.karimova", "read");
    assert_eq!(read.authority, police);
    assert_eq!(read.roles, ["analyst"]);
    assert_eq!(read.action(), Action::Consultation);
    assert_eq!(read.compartments, [Situation as u32, Suspects as u32]);
    assert_eq!(
        read.withheld,
        [
            Victims as u32,
            comity::wire::record::CompartmentLabel::Source as u32
        ]
    );
    assert_eq!(read.reading_purpose(), ReadingPurpose::Investigation);
    assert_eq!(read.case_reference, CASE);
    assert_eq!(read.result, "shown in part");
    assert!(read.from.starts_with("127.0.0.1:"), "{}", read.from);
    assert!(!read.by_register && read.time_us > 0);
    assert_eq!(
        found("officer/n.karimova", "listed").result,
        "2 records shown"
    );
    assert_eq!(
        found("officer/n.karimova", "watched").result,
        "2 records shown"
    );
    assert_eq!(
        found("officer/n.karimova", "searched").result,
        "1 record shown"
    );
    found("officer/n.karimova", "receipts");
    let submitted = found("officer/local", "submitted");
    // The leaf of a submission names no authority: the register does.
    assert_eq!(
        (submitted.by_register, submitted.authority.as_str()),
        (true, police)
    );
    let refused = found("officer/elsewhere", "refused-read");
    assert_eq!((refused.count, refused.action()), (2, Action::Refusal));
    assert_eq!(refused.result, "refused: the record is another authority's");
    assert_eq!(refused.references, std::slice::from_ref(&reference));
    let unreasoned = found("officer/n.karimova", "refused-read");
    assert_eq!(unreasoned.result, "refused: no purpose was stated");
    let denied = found("auditor/s.lee", "refused-read");
    assert_eq!(denied.result, "refused: no role allows `read`");
    assert!(acts.is_sorted_by_key(|act| std::cmp::Reverse(act.leaf)));

    // The question is a leaf, and found by the next one.
    let again = on(&mut auditor, &reference).await;
    assert_eq!(
        (again.len(), again[0].detail.as_str()),
        (acts.len() + 1, "audit-record")
    );
    assert_eq!(again[0].actor, "TJ/auditor/s.lee");
    // The other record was listed and watched, and no more.
    let others = on(&mut auditor, &other).await;
    let details: Vec<_> = others.iter().map(|act| act.detail.as_str()).collect();
    assert_eq!(details, ["watched", "listed", "submitted"]);

    // Page by page the same.
    let mut paged = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListActsOnRecordRequest {
            reference: reference.clone(),
            page_size: 4,
            page_token,
        };
        let page = auditor.audit.list_acts_on_record(request).await.unwrap();
        let page = page.into_inner();
        assert!(page.acts.len() <= 4);
        paged.extend(
            page.acts
                .into_iter()
                .filter(|act| act.detail != "audit-record"),
        );
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let once: Vec<_> = acts
        .iter()
        .filter(|act| act.detail != "audit-record")
        .cloned()
        .collect();
    assert_eq!(paged, once);

    // Neither officers nor case systems ask.
    let request = ListActsOnRecordRequest {
        reference: reference.clone(),
        ..ListActsOnRecordRequest::default()
    };
    let refused = analyst
        .audit
        .list_acts_on_record(request)
        .await
        .unwrap_err();
    assert_eq!(refusal_of(&refused), "ACCESS_DENIED");
    let refused = analyst.audit.list_acts_of_person(person("local")).await;
    assert_eq!(refusal_of(&refused.unwrap_err()), "ACCESS_DENIED");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_a_person_did_is_found_also_after_a_rebuild() {
    let (mut tj, reference, mut auditor) = held().await;
    let kind = PrincipalKind::Officer;
    let mut officer = client_as(&tj, kind, "a", "national-police", &[Role::Analyst]).await;
    for _ in 0..3 {
        officer
            .records
            .get_record(opening(&reference))
            .await
            .unwrap();
    }
    officer
        .audit
        .list_acts_of_person(person("a"))
        .await
        .unwrap_err();
    tj.node().flush_refusals().await;
    let acts = of(&mut auditor, person("a")).await;
    let details: Vec<_> = acts.acts.iter().map(|act| act.detail.as_str()).collect();
    assert_eq!(details, ["refused-see-ledger", "read", "read", "read"]);
    assert_eq!((acts.person.as_str(), acts.unindexed), ("TJ/officer/a", 0));
    for name in ["officer/a", "TJ/officer/a", " a "] {
        assert_eq!(of(&mut auditor, person(name)).await.acts, acts.acts);
    }
    // Times are exact, though leaves are found by the hour.
    let middle = acts.acts[2].time_us;
    for (from_us, to_us, count) in [
        (middle, 0, 3),
        (middle + 1, 0, 2),
        (0, middle, 1),
        (0, middle + 1, 2),
    ] {
        let request = ListActsOfPersonRequest {
            from_us,
            to_us,
            ..person("a")
        };
        let found = of(&mut auditor, request).await.acts;
        assert_eq!(found.len(), count, "{from_us} {to_us}");
    }
    let wrong = ListActsOfPersonRequest {
        from_us: middle,
        to_us: middle,
        ..person("a")
    };
    let refused = auditor.audit.list_acts_of_person(wrong).await.unwrap_err();
    assert_eq!(refusal_of(&refused), "TIME_INVALID");
    for name in ["", "a/b/c/d", "TJ//a", "n\u{202e}a", &"x".repeat(200)] {
        let refused = auditor.audit.list_acts_of_person(person(name)).await;
        assert_eq!(
            refusal_of(&refused.unwrap_err()),
            "PERSON_INVALID",
            "{name}"
        );
    }
    let token = ListActsOfPersonRequest {
        page_token: "x".to_owned(),
        ..person("a")
    };
    let refused = auditor.audit.list_acts_of_person(token).await.unwrap_err();
    assert_eq!(refusal_of(&refused), "PAGE_TOKEN_INVALID");
    assert!(of(&mut auditor, person("nobody")).await.acts.is_empty());
    // Each look named whom it was about.
    let looks = ledger_bodies(&tj).await;
    let about = looks.iter().filter(|leaf| leaf.detail == "audit-person");
    assert!(about.clone().any(|leaf| leaf.about == "TJ/officer/nobody"));
    assert!(about.clone().all(|leaf| leaf.actor == "TJ/auditor/s.lee"));

    let before = of(&mut auditor, person("a")).await.acts;
    let on_record = on(&mut auditor, &reference).await;
    drop((officer, auditor));
    tj.stop().await;
    comity(&["store", "rebuild", "--home", tj.at()])
        .await
        .fine();
    tj.start().await;
    let mut operator = tj.operating().await;
    assert_eq!(of(&mut operator, person("a")).await.acts, before);
    let mut after = on(&mut operator, &reference).await;
    after.retain(|act| act.leaf <= on_record[0].leaf);
    assert_eq!(after, on_record);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_shows_tables_and_json() {
    let (tj, reference, mut auditor) = held().await;
    let who = comity(&["audit", "who", &reference, "--home", tj.at()])
        .await
        .fine();
    assert!(
        who.contains("TJ/officer/local") && who.contains("submitted"),
        "{who}"
    );
    let as_json = [
        "audit",
        "who",
        &reference,
        "--output",
        "json",
        "--home",
        tj.at(),
    ];
    let json = comity(&as_json).await.fine();
    let first: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert_eq!(first["detail"], "audit-record");
    assert_eq!(first["actor"], "TJ/operator/local");
    let limited = comity(&[
        "audit",
        "who",
        &reference,
        "--limit",
        "1",
        "--home",
        tj.at(),
    ])
    .await;
    assert!(limited.stderr.contains("--before"), "{limited:?}");
    assert_eq!(limited.fine().lines().count(), 2);
    let officer = [
        "audit",
        "officer",
        "local",
        "--from",
        "2026-01-01",
        "--home",
        tj.at(),
    ];
    let officer = comity(&officer).await.fine();
    assert!(
        officer.contains("submitted") && officer.contains(&reference),
        "{officer}"
    );
    let nobody = comity(&["audit", "officer", "nobody", "--home", tj.at()]).await;
    assert!(nobody.stderr.contains("TJ/officer/nobody"), "{nobody:?}");
    comity(&["audit", "officer", "x", "--from", "soon", "--home", tj.at()])
        .await
        .fails(64, &["a day such as"]);
    comity(&["audit", "who", "TJ-26-999999-F", "--home", tj.at()])
        .await
        .fails(65, &[]);
    assert!(!on(&mut auditor, &reference).await.is_empty());
}
