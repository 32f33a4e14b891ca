//! A push is killed, the node goes away: the next one goes on, and every row counts once.

use std::{fs, path::Path, time::Duration};

use comity::exercise::{CaseLayout, case_file};
use serde_json::Value;

use super::{letters, outcomes, push, report, write};
use crate::support::{comity_running, eventually};

/// Rows of the mapping of these tests; every seventh fails.
fn rows(count: u32) -> Vec<String> {
    (1..=count)
        .map(|number| match number % 7 {
            0 => format!("{number};01/03/2024;Ж;"),
            _ => format!("{number};01.03.2024;Ж;"),
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_is_killed_goes_on_and_no_row_is_lost_or_told_twice() {
    let (a, folder) = super::node().await;
    let rows = rows(560);
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let file = write(folder.path(), "cases.csv", &rows);
    let mapping = folder.path().join("m.toml");
    let arguments = [
        "feed",
        "push",
        &file,
        "--feed",
        "test",
        "--mapping",
        mapping.to_str().unwrap(),
        "--home",
        a.at(),
    ];
    let progress = format!("{file}.progress");
    let done = || {
        let text = fs::read(&progress).ok()?;
        let says: Value = serde_json::from_slice(&text).ok()?;
        says["done"].as_u64()
    };
    // Killed at whatever point it has come to, as often as it takes to see that it went on.
    let mut seen = 0;
    for round in 0..4 {
        let messages = folder.path().join(format!("messages-{round}"));
        let mut child = comity_running(&arguments, &messages);
        let went_on = eventually("the push goes on, or ends", async || {
            if child.try_wait().unwrap().is_some() {
                return Some(None);
            }
            done().filter(|done| *done > seen).map(Some)
        })
        .await;
        let Some(now) = went_on else { break };
        seen = now;
        child.kill().await.unwrap();
    }
    let ended = push(&a, &file, &[]).await;
    assert_eq!(ended.code, 65, "{ended:?}");
    assert_eq!(report(&ended)["rows"], 560);
    assert_eq!(outcomes(&ended)["failed"], 80);
    assert_eq!(a.records().await.len(), 480);
    let told: Vec<String> = letters(&file).into_iter().map(|of| of[0].clone()).collect();
    let every_seventh: Vec<String> = (1..=80).map(|of| (of * 7 + 1).to_string()).collect();
    assert_eq!(told, every_seventh);
    assert!(!Path::new(&progress).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_waits_for_a_node_that_is_away() {
    let (mut a, folder) = super::node().await;
    let rows = rows(300);
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let file = write(folder.path(), "cases.csv", &rows);
    let mapping = folder.path().join("m.toml");
    let home = a.at().to_owned();
    let arguments = [
        "feed",
        "push",
        &file,
        "--feed",
        "test",
        "--mapping",
        mapping.to_str().unwrap(),
        "--home",
        &home,
    ];
    let mut child = comity_running(&arguments, &folder.path().join("messages"));
    eventually("some rows are durable", async || {
        (!a.records().await.is_empty()).then_some(())
    })
    .await;
    a.stop().await;
    a.start().await;
    let status = tokio::time::timeout(crate::support::PATIENCE, child.wait()).await;
    assert_eq!(status.unwrap().unwrap().code(), Some(65));
    let report: Value =
        serde_json::from_slice(&fs::read(format!("{file}.report.json")).unwrap()).unwrap();
    assert_eq!(
        (&report["rows"], &report["outcomes"]["failed"]),
        (&300.into(), &42.into())
    );

    a.stop().await;
    let away = push(&a, &file, &["--patience", "0"]).await;
    away.fails(69, &["no node answers"]);
    a.start().await;
    assert_eq!(outcomes(&push(&a, &file, &[]).await)["unchanged"], 258);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_left_of_another_file_is_not_gone_on_with() {
    let (mut a, folder) = super::node().await;
    a.stop().await;
    let file = write(folder.path(), "cases.csv", &["1;01.03.2024;Ж;"]);
    push(&a, &file, &["--patience", "0"])
        .await
        .fails(69, &["no node answers"]);
    assert!(Path::new(&format!("{file}.progress")).exists());
    a.start().await;
    write(folder.path(), "cases.csv", &["1;01.03.2024;М;"]);
    push(&a, &file, &[])
        .await
        .fails(65, &["the file is another since", "--fresh"]);
    let fresh = push(&a, &file, &["--fresh"]).await;
    assert_eq!(outcomes(&fresh), serde_json::json!({"submitted": 1}));
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_ends_at_an_item() {
    let (a, folder) = super::node().await;
    let file = folder.path().join("ctdc.csv");
    let lines: Vec<String> = case_file(CaseLayout::Ctdc, 5, 1500, false).collect();
    fs::write(&file, lines.join("\n")).unwrap();
    let file = file.to_str().unwrap();
    let arguments = [
        "feed",
        "push",
        file,
        "--mapping",
        "ctdc",
        "--to",
        "UZ/national-police",
        "--authority",
        "national-police",
        "--exercise",
        "--feed",
        "test",
        "--home",
        a.at(),
    ];
    let mut child = comity_running(&arguments, &folder.path().join("messages"));
    eventually("some rows are durable", async || {
        (!a.records().await.is_empty()).then_some(())
    })
    .await;
    let id = rustix::process::Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    let status = tokio::time::timeout(Duration::from_secs(120), child.wait()).await;
    let code = status.unwrap().unwrap().code();
    // It may have come to its end before.
    assert!([Some(130), Some(0)].contains(&code), "{code:?}");
    let rest = a.comity(&arguments[..arguments.len() - 2]).await;
    assert_eq!(rest.code, 0, "{rest:?}");
    assert_eq!(
        outcomes(
            &a.comity(&[&arguments[..arguments.len() - 2], &["--output", "json"]].concat())
                .await
        )["unchanged"],
        1500
    );
}
