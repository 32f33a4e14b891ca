//! `comity demo`: what it plays comes out as it should, and it leaves nothing behind.

use std::{fs, path::Path};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::{process::Child, time::timeout};

use crate::support::{
    PATIENCE, comity, comity_running, comity_with_temporary, eventually, json_of,
};

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().next().is_none()
}

fn send(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// Waits until the demo that keeps its homes in `kept` has started every node.
async fn all_up(running: &mut Child, kept: &Path) {
    for country in ["tj", "uz", "kz", "ae"] {
        let log = kept.join(country).join("node.log");
        eventually(&format!("the node of {country} is up"), async || {
            if let Some(ended) = running.try_wait().unwrap() {
                let said = fs::read_to_string(kept.with_extension("messages"));
                panic!("the demo ended, {ended}: {said:?}");
            }
            let said = fs::read_to_string(&log).unwrap_or_default();
            said.contains(" is up: ").then_some(())
        })
        .await;
    }
}

/// Waits until no node runs on any of the homes.
async fn none_runs(kept: &Path) {
    for country in ["tj", "uz", "kz", "ae"] {
        let home = kept.join(country);
        let check = ["store", "check", "--home", home.to_str().unwrap()];
        eventually(&format!("the node of {country} has ended"), async || {
            (comity(&check).await.code == 0).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_step_comes_out_as_it_should_and_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let demo = ["demo", "--records", "12", "--output", "json"];
    let said = comity_with_temporary(folder.path(), &demo).await.fine();
    assert!(is_empty(folder.path()));
    let figures: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(figures["records_submitted"], 12);
    assert_eq!(
        figures["deliveries_confirmed"],
        figures["deliveries_expected"]
    );
    assert_eq!(figures["receipts_matched"], figures["deliveries_expected"]);
    for (name, value) in [
        ("lost", 0),
        ("duplicates", 0),
        ("ledgers_verified", 4),
        ("restarts", 1),
    ] {
        assert_eq!(figures[name], value, "{name}");
    }
    let story = &figures["story"];
    assert_eq!(story["faults"], serde_json::json!([]));
    // UZ lacks the victims, AE the source, KZ both and the suspects.
    for (name, value) in [
        ("parts_read", 15),
        ("parts_expected", 15),
        ("parts_absent", 5),
        ("parts_withheld", 5),
        ("searches_right", 4),
        ("amendments_seen", 3),
        ("recall_held", 2),
        ("recall_receipts", 6),
        ("recall_unreadable", 8),
        ("recall_out_of_search", 4),
    ] {
        assert_eq!(story[name], value, "{name}: {story}");
    }
    for name in [
        "consent_blocked_before",
        "consent_granted",
        "consent_exported",
        "consent_proved",
        "consent_served_once",
        "consent_refused",
        "consent_blocked_after",
        "recall_two_persons",
    ] {
        assert_eq!(story[name], true, "{name}: {story}");
    }
    let evidence = &figures["evidence"];
    assert_eq!(evidence["faults"], serde_json::json!([]));
    let court = &evidence["court"];
    assert_eq!(court["outcome"], "proved", "{court}");
    let reasons = [
        "step-missing",
        "custody-signature",
        "receipt-bad-signature",
        "item-root",
    ];
    for (tampered, reason) in court["tampered"].as_array().unwrap().iter().zip(reasons) {
        let found = tampered["found"].as_array().unwrap();
        assert!(found.contains(&reason.into()), "{tampered}");
    }
    assert_eq!(court["tampered"].as_array().unwrap().len(), reasons.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_ones_own_bring_their_authorities() {
    let folder = tempfile::tempdir().unwrap();
    let (input, kept) = (folder.path().join("input"), folder.path().join("kept"));
    let mut record = json_of("of one's own", &["UZ", "KZ"]);
    record["authority"] = "border-guard".into();
    record["destinations"][1]["authorities"] = serde_json::json!(["interior-ministry"]);
    fs::write(&input, format!("{record}\n{record}\n")).unwrap();
    let (input, kept) = (input.to_str().unwrap(), kept.to_str().unwrap());
    let demo = ["demo", "--input", input, "--keep", kept];
    let said = comity(&demo).await.fine();
    assert!(
        said.contains("2 records submitted, 4 of 4 deliveries confirmed"),
        "{said}"
    );
    none_runs(Path::new(kept)).await;
    let home = Path::new(kept).join("kz");
    let card = comity(&["card", "show", "--home", home.to_str().unwrap()]).await;
    assert!(card.fine().contains("interior-ministry"));
    // Kept homes are not overwritten.
    comity(&demo).await.fails(73, &[kept, "is there already"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_input_is_named_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let temporary = folder.path().join("temporary");
    fs::create_dir(&temporary).unwrap();
    let input = folder.path().join("input");
    let mut unfit = json_of("unfit", &["UZ"]);
    unfit["urgency"] = "URGENCY_UNSPECIFIED".into();
    let everywhere = json_of("everywhere", &["TJ", "UZ", "KZ", "AE"]);
    for (content, code, words) in [
        (String::new(), 65, "holds no record"),
        ("{\"bogus\": 1}".to_owned(), 65, "line 1: `bogus`"),
        (everywhere.to_string(), 65, "none is left to submit it"),
        (
            format!("{}\n{unfit}", json_of("fit", &["UZ"])),
            65,
            "line 2: ",
        ),
    ] {
        fs::write(&input, content).unwrap();
        let demo = ["demo", "--input", input.to_str().unwrap()];
        let ended = comity_with_temporary(&temporary, &demo).await;
        ended.fails(code, &[words]);
        assert!(is_empty(&temporary), "{words}");
    }
    let nowhere = folder.path().join("nowhere");
    for path in [&nowhere, &temporary] {
        let demo = ["demo", "--input", path.to_str().unwrap()];
        comity(&demo).await.fails(66, &[path.to_str().unwrap()]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_node_outlives_a_demo_that_is_interrupted_or_killed() {
    let folder = tempfile::tempdir().unwrap();
    for (signal, code) in [(Signal::INT, Some(130)), (Signal::KILL, None)] {
        let kept = folder.path().join(format!("kept-{}", code.is_some()));
        let demo = [
            "demo",
            "--records",
            "2000",
            "--keep",
            kept.to_str().unwrap(),
        ];
        let mut running = comity_running(&demo, &kept.with_extension("messages"));
        all_up(&mut running, &kept).await;
        send(&running, signal);
        let ended = timeout(PATIENCE, running.wait()).await.unwrap().unwrap();
        assert_eq!(ended.code(), code);
        none_runs(&kept).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn serving_ends_well_at_ctrl_c() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept");
    let demo = [
        "demo",
        "--records",
        "3",
        "--serve",
        "--keep",
        kept.to_str().unwrap(),
    ];
    let messages = folder.path().join("messages");
    let mut running = comity_running(&demo, &messages);
    eventually("the demo serves", async || {
        let said = fs::read_to_string(&messages).unwrap();
        said.contains("keep running until Ctrl-C").then_some(())
    })
    .await;
    let home = kept.join("tj");
    let list = ["consent", "list", "--home", home.to_str().unwrap()];
    let consents = comity(&list).await.fine();
    assert!(
        consents.contains("granted") && consents.contains("refused"),
        "{consents}"
    );
    send(&running, Signal::INT);
    let ended = timeout(PATIENCE, running.wait()).await.unwrap().unwrap();
    assert_eq!(ended.code(), Some(0));
    none_runs(&kept).await;
}
