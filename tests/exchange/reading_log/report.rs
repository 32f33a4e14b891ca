//! A time summed up for a supervisor.

use std::fs;

use comity::wire::{
    ledger::ReadingPurpose,
    node::{GetRecordRequest, MakeReportRequest, ReportDimension, ReportRule},
};

use crate::support::{CASE, Country, alert, befriend, comity, refusal_of};

async fn held() -> (Country, String) {
    let (mut tj, uz) = (Country::set_up("TJ"), Country::set_up("UZ"));
    befriend(&[&tj, &uz]).await;
    tj.configure(|config| {
        config.reading_log.utc_offset_minutes = 300;
        config.reading_log.many_in_an_hour = 2;
    });
    tj.start().await;
    let reference = tj.submit(alert("to be read")).await;
    (tj, reference)
}

fn all() -> MakeReportRequest {
    MakeReportRequest {
        from_us: 0,
        to_us: i64::MAX,
        ..MakeReportRequest::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_counts_and_is_proved_by_its_checkpoints() {
    let (tj, reference) = held().await;
    let mut officer = tj.client().await;
    let size = tj.node().ledger_size().unwrap();
    for _ in 0..2 {
        let request = GetRecordRequest {
            reference: reference.clone(),
            reading_purpose: ReadingPurpose::Analysis.into(),
            case_reference: CASE.to_owned(),
            ..GetRecordRequest::default()
        };
        officer.records.get_record(request).await.unwrap();
    }
    let mut operator = tj.operating().await;
    let report = operator.audit.make_report(all()).await.unwrap();
    let report = report.into_inner().report.unwrap();
    assert_eq!(report.leaves, size + 2);
    assert_eq!(report.made_for, "TJ/operator/local");
    assert!(report.begin_checkpoint.is_empty());
    assert_eq!(tj.open_checkpoint(&report.end_checkpoint).size, size + 2);
    let count = |dimension: ReportDimension, key: &str| {
        let of = report
            .totals
            .iter()
            .find(|of| of.dimension() == dimension && of.key == key);
        of.map_or(0, |of| of.count)
    };
    assert_eq!(count(ReportDimension::Action, "read"), 2);
    assert_eq!(count(ReportDimension::Purpose, "analysis"), 2);
    assert_eq!(report.readings.unwrap().opened, 2);
    let many = report
        .findings
        .iter()
        .filter(|of| of.rule() == ReportRule::ManyInAnHour);
    assert!(many.count() >= 1, "two readings are many here");
    assert_eq!(report.principals.unwrap().count, 2);

    // A later time goes on from the tree before it.
    let from_us = report.made_us;
    officer
        .records
        .get_record(GetRecordRequest {
            reference: reference.clone(),
            situation_only: true,
            ..GetRecordRequest::default()
        })
        .await
        .unwrap();
    let later = MakeReportRequest { from_us, ..all() };
    let later = operator.audit.make_report(later).await.unwrap();
    let later = later.into_inner().report.unwrap();
    // The reading, and the leaf of the report before.
    assert_eq!(later.leaves, 2);
    let begin = tj.open_checkpoint(&later.begin_checkpoint);
    assert_eq!(begin.size, size + 2);
    let wrong = MakeReportRequest {
        from_us: 5,
        to_us: 5,
        ..all()
    };
    let refused = operator.audit.make_report(wrong).await.unwrap_err();
    assert_eq!(refusal_of(&refused), "TIME_INVALID");
    let refused = officer.audit.make_report(all()).await.unwrap_err();
    assert_eq!(refusal_of(&refused), "ACCESS_DENIED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_written_for_the_terminal_programs_and_paper() {
    let (tj, _) = held().await;
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("report.html");
    let path = page.to_str().unwrap();
    let base = [
        "audit",
        "report",
        "--from",
        "2026-01-01",
        "--to",
        "2099-12-31",
    ];
    let run = async |more: &[&str]| comity(&[&base[..], more, &["--home", tj.at()]].concat()).await;
    let shown = run(&["--html", path]).await.fine();
    for words in [
        "Reading log of TJ from 2026-01-01 00:00:00",
        "UTC+05:00",
        "BY PERSON",
        "CERTIFICATES",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let html = fs::read_to_string(&page).unwrap();
    for words in [
        "<h1>Reading log of TJ</h1>",
        "@page",
        "TJ/officer/local",
        "At the end",
    ] {
        assert!(html.contains(words), "{words}");
    }
    for never in ["<script", "http://", "https://", "javascript"] {
        assert!(!html.contains(never), "{never}");
    }
    run(&["--html", path]).await.fails(73, &["report.html"]);
    let json = run(&["--output", "json"]).await.fine();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["country"], "TJ");
    assert!(
        json["endCheckpoint"].as_str().unwrap().contains("TJ") || json["endCheckpoint"].is_string()
    );
    let backwards = [
        "audit",
        "report",
        "--from",
        "2026-02-01",
        "--to",
        "2026-01-01",
        "--home",
        tj.at(),
    ];
    comity(&backwards).await.fails(64, &["later"]);
}
