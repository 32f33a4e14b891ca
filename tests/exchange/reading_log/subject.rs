//! A data subject's request: a leave for exactly this, everything looked into, nothing of the name kept.

use std::sync::Arc;

use comity::{
    access::{PrincipalKind, Role},
    client::Client,
    node::system_clock,
    wire::{
        ledger::ReadingPurpose,
        node::{
            ApproveRequest, ListActsOnRecordRequest, RefuseApprovalRequest, ScanForSubjectRequest,
            SetHoldRequest, SubjectBorn, SubjectQuality,
        },
        record::CompartmentLabel,
    },
};

use super::scans::{NAME, PSEUDONYM, held, leave, leaves, persons, scan, scanned};
use crate::support::{
    CASE, Country, Failing, Power, client_as, comity, lies_in, recall, refusal_of,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_found_in_every_compartment_under_a_leave_for_exactly_that() {
    let (tj, _uz, ae, reference) = held().await;
    let (mut by, mut second) = persons(&tj).await;
    let of = scan(&[NAME]);
    // Without the leave, with one for somebody else, and by who may not at all.
    let refused = scanned(&mut by, of.clone()).await.unwrap_err();
    assert_eq!(refusal_of(&refused), "ACCESS_DENIED");
    leave(&mut by, &mut second, &scan(&["Somebody Else"])).await;
    let refused = scanned(&mut by, of.clone()).await.unwrap_err();
    assert_eq!(refusal_of(&refused), "ACCESS_DENIED");
    let before = leaves(&tj).len();
    let id = leave(&mut by, &mut second, &of).await;
    let refused = scanned(&mut second, of.clone()).await.unwrap_err();
    assert_eq!(refusal_of(&refused), "ACCESS_DENIED");
    let analyst = [Role::Analyst];
    let mut analyst = client_as(&tj, PrincipalKind::Officer, "analyst", "", &analyst).await;
    let refused = scanned(&mut analyst, of.clone()).await.unwrap_err();
    assert_eq!(refusal_of(&refused), "ACCESS_DENIED");

    let (found, end) = scanned(&mut by, of.clone()).await.unwrap();
    assert_eq!(
        (end.scanned, end.matched, end.unreadable, end.more),
        (4, 1, 0, false)
    );
    let [one] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(
        (one.reference.as_str(), one.kind.as_str()),
        (reference.as_str(), "Alert")
    );
    let places: Vec<_> = one
        .places
        .iter()
        .map(|of| (&*of.field, of.compartment, of.quality()))
        .collect();
    let (suspects, victims) = (CompartmentLabel::Suspects, CompartmentLabel::Victims);
    assert_eq!(
        places,
        [
            (
                "suspects.suspects[0].names[0].text",
                suspects as u32,
                SubjectQuality::Exact
            ),
            (
                "victims.victims[0].needs",
                victims as u32,
                SubjectQuality::Exact
            ),
        ]
    );
    assert_eq!(one.born(), SubjectBorn::Unspecified);
    let others: Vec<_> = one
        .received_by
        .iter()
        .map(|of| (&*of.country, &*of.how))
        .collect();
    assert_eq!(others, [("AE", "destination"), ("UZ", "destination")]);
    assert!(
        one.restrictions
            .iter()
            .any(|said| said.contains("TLP:AMBER")),
        "{one:?}"
    );
    // In another script, by the pseudonym alone, and by nothing that is there.
    for (name, expected) in [
        ("Заркуона Кобиловская", true),
        (PSEUDONYM, true),
        ("Nobody Whatsoever", false),
    ] {
        let of = scan(&[name]);
        leave(&mut by, &mut second, &of).await;
        let (found, _) = scanned(&mut by, of).await.unwrap();
        if name == PSEUDONYM {
            assert_eq!(found[0].places[0].field, "victims.victims[0].pseudonym");
        }
        // The transliteration may sound alike only, but never be missed for an exact pseudonym.
        assert!(
            found.is_empty() != expected || name.starts_with('З'),
            "{name}: {found:?}"
        );
    }

    // The ledger: that it began and what it found, under the approval; and `who` finds it.
    let said = leaves(&tj);
    let of_scan = |detail: &str| {
        said.iter()
            .find(|leaf| leaf.detail == detail && leaf.time_us > 0)
    };
    let begun = of_scan("subject-scan-begun").unwrap();
    let ended = of_scan("subject-scanned").unwrap();
    assert_eq!((begun.scanned, ended.scanned, ended.count), (0, 4, 1));
    assert_eq!(ended.references, std::slice::from_ref(&reference));
    assert_eq!(ended.approvals, [hex::decode(&id).unwrap()]);
    assert_eq!((ended.scanned_digest.len(), ended.subject.len()), (32, 16));
    assert_eq!(ended.reading_purpose(), ReadingPurpose::DataSubject);
    assert_eq!(ended.case_reference, CASE);
    assert!(said.len() > before);
    let mut operator = tj.operating().await;
    let request = ListActsOnRecordRequest {
        reference: reference.clone(),
        ..ListActsOnRecordRequest::default()
    };
    let acts = operator
        .audit
        .list_acts_on_record(request)
        .await
        .unwrap()
        .into_inner()
        .acts;
    let scan_of_record = acts.iter().filter(|act| act.detail == "subject-scanned");
    assert!(scan_of_record.count() >= 2, "{acts:?}");

    // Nothing of the person is in the ledger, nor on the disk.
    for word in [NAME, "Zarquona", "Qobilovskaya", PSEUDONYM, "Somebody Else"] {
        for leaf in &said {
            assert!(!format!("{leaf:?}").contains(word), "{word}: {leaf:?}");
        }
        assert!(
            !lies_in(&tj.layout().data(), word.as_bytes()),
            "{word} lies on the disk"
        );
    }

    // At a reader: another country's record, its markings and a hold are said.
    let (mut by, mut second) = persons(&ae).await;
    let hold = SetHoldRequest {
        reference: reference.clone(),
        ground: "EXERCISE".to_owned(),
    };
    ae.client().await.life.set_hold(hold).await.unwrap();
    leave(&mut by, &mut second, &of).await;
    let (found, end) = scanned(&mut by, of.clone()).await.unwrap();
    assert_eq!(end.matched, 1);
    let restrictions = found[0].restrictions.join("; ");
    for said in [
        "another country's record",
        "victims",
        "ask its origin",
        "legal hold",
    ] {
        assert!(restrictions.contains(said), "{said}: {restrictions}");
    }
    assert_eq!(found[0].received_by[0].how, "origin");
    // What is locked is still held, and said to be.
    recall(&tj, &reference, &["UZ", "AE"]).await.unwrap();
    crate::support::eventually("AE has locked it", async || {
        let found = scanned(&mut by, of.clone()).await.ok()?.0;
        found
            .first()
            .filter(|of| of.restrictions.join(";").contains("locked"))
            .map(|_| ())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_requests_and_leaves_that_are_over_are_refused() {
    let (tj, _uz, _ae, _) = held().await;
    let (mut by, mut second) = persons(&tj).await;
    for (of, reason) in [
        (scan(&[]), "SUBJECT_INVALID"),
        (scan(&["Z K"]), "SUBJECT_INVALID"),
        (
            ScanForSubjectRequest {
                born: "May".to_owned(),
                ..scan(&[NAME])
            },
            "SUBJECT_INVALID",
        ),
        (
            ScanForSubjectRequest {
                reading_purpose: ReadingPurpose::Investigation.into(),
                ..scan(&[NAME])
            },
            "PURPOSE_INVALID",
        ),
        (
            ScanForSubjectRequest {
                case_reference: String::new(),
                ..scan(&[NAME])
            },
            "PURPOSE_INVALID",
        ),
    ] {
        let refused = scanned(&mut by, of).await.unwrap_err();
        assert_eq!(refusal_of(&refused), reason);
    }
    // A leave that was taken back counts no more.
    let of = scan(&[NAME]);
    let id = leave(&mut by, &mut second, &of).await;
    let back = RefuseApprovalRequest {
        id,
        reason: "EXERCISE".to_owned(),
    };
    second.life.refuse_approval(back).await.unwrap();
    let refused = scanned(&mut by, of.clone()).await.unwrap_err();
    assert_eq!(refusal_of(&refused), "ACCESS_DENIED");
    // One for another case counts for that case alone.
    leave(&mut by, &mut second, &of).await;
    let elsewhere = ScanForSubjectRequest {
        case_reference: "EXERCISE-2".to_owned(),
        ..of
    };
    let refused = scanned(&mut by, elsewhere).await.unwrap_err();
    assert_eq!(refusal_of(&refused), "ACCESS_DENIED");
    assert!(
        leaves(&tj)
            .iter()
            .all(|leaf| !leaf.detail.starts_with("subject-scan"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_scan_found_is_told_before_its_leaf() {
    let (mut tj, _uz, mut ae, _) = held().await;
    // A link that is up makes entries of its own.
    ae.stop().await;
    let (mut by, mut second) = persons(&tj).await;
    let of = scan(&[NAME]);
    leave(&mut by, &mut second, &of).await;
    drop((by, second));
    let profile = tj
        .dir()
        .with_extension("officer.answers")
        .join("profile.toml");
    let profile = comity::client::Profile::load(&profile).unwrap();
    let count = |at: &Country, detail: &str| {
        let said = leaves(at);
        said.iter().filter(|leaf| leaf.detail == detail).count()
    };
    // The leaf that says that it begins, then the one that names what was found.
    for (syncs, failing) in [
        (0, Failing::Before),
        (0, Failing::After),
        (1, Failing::Before),
        (1, Failing::After),
    ] {
        tj.stop().await;
        let power = Power::default();
        tj.start_on(system_clock(), Arc::new(power.clone())).await;
        let (begun, ended) = (
            count(&tj, "subject-scan-begun"),
            count(&tj, "subject-scanned"),
        );
        let mut by = Client::connect(&profile).await.unwrap();
        power.fail_at(syncs, failing);
        let answer = scanned(&mut by, of.clone()).await;
        assert!(
            answer.is_err() && power.is_off(),
            "{syncs} {failing:?}: {answer:?}"
        );
        drop(by);
        tj.fails().await;
        tj.start().await;
        let durable =
            |first| usize::from(syncs > first || (syncs == first && failing == Failing::After));
        let now = (
            count(&tj, "subject-scan-begun"),
            count(&tj, "subject-scanned"),
        );
        assert_eq!(
            now,
            (begun + durable(0), ended + durable(1)),
            "{syncs} {failing:?}"
        );
    }
    // The leave outlived all of it, and the whole scan goes through.
    let mut by = Client::connect(&profile).await.unwrap();
    assert_eq!(scanned(&mut by, of).await.unwrap().1.matched, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_asks_for_the_leave_and_scans() {
    let (tj, _uz, _ae, reference) = held().await;
    let (_, mut second) = persons(&tj).await;
    let person = [
        "--name",
        NAME,
        "--purpose",
        "data-subject",
        "--case",
        CASE,
        "--home",
        tj.at(),
    ];
    let run = async |what: &str, more: &[&str]| {
        comity(&[&["subject", what][..], more, &person].concat()).await
    };
    run("scan", &[]).await.fails(77, &["data-subject"]);
    let id = run("request", &[]).await.fine();
    let approve = ApproveRequest {
        id: id.trim().to_owned(),
    };
    second.life.approve(approve).await.unwrap();
    let said = run("scan", &[]).await;
    assert!(
        said.stderr.contains("4 records were looked into"),
        "{said:?}"
    );
    let said = said.fine();
    assert!(
        said.contains(&reference) && said.contains("victims.victims[0].needs"),
        "{said}"
    );
    assert!(!said.contains("Zarquona"), "the text is not shown: {said}");
    let shown = run("scan", &["--show", "--output", "json"]).await.fine();
    let first: serde_json::Value = serde_json::from_str(shown.lines().next().unwrap()).unwrap();
    assert_eq!(first["reference"], *reference);
    assert_eq!(first["places"][0]["compartment"], "suspects");
    // Opened as far as this officer may read it, with a leaf of its own.
    assert!(shown.contains("Zarquona"), "{shown}");
    let reads = leaves(&tj)
        .iter()
        .filter(|leaf| leaf.detail == "read")
        .count();
    assert_eq!(reads, 1);
    let wrong = [
        "subject",
        "scan",
        "--name",
        NAME,
        "--purpose",
        "analysis",
        "--case",
        "1",
        "--home",
        tj.at(),
    ];
    comity(&wrong).await.fails(64, &["data-subject"]);
    let nobody = [
        "subject",
        "scan",
        "--purpose",
        "data-subject",
        "--case",
        "1",
        "--home",
        tj.at(),
    ];
    comity(&nobody).await.fails(64, &["--name"]);
}
