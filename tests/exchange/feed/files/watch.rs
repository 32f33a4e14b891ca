//! A folder into which files are put.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    path::Path,
};

use serde_json::Value;

use super::{HEADING, write};
use crate::support::{Country, comity_running, eventually};

fn arguments<'a>(folder: &'a str, mapping: &'a str, a: &'a Country) -> Vec<&'a str> {
    vec![
        "feed",
        "watch",
        folder,
        "--mapping",
        mapping,
        "--feed",
        "test",
        "--settle",
        "1",
        "--home",
        a.at(),
    ]
}

fn report(path: &Path) -> Option<Value> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn files_move_to_done_or_failed_and_none_is_half_read() {
    let (a, folder) = super::node().await;
    let inbox = folder.path().join("in");
    fs::create_dir(&inbox).unwrap();
    let mapping = folder.path().join("m.toml");
    let arguments = arguments(inbox.to_str().unwrap(), mapping.to_str().unwrap(), &a);
    let mut child = comity_running(&arguments, &folder.path().join("messages"));

    write(&inbox, "fine.csv", &["1;01.03.2024;Ж;"]);
    write(&inbox, "bad.csv", &["2;01/03/2024;Ж;", "3;01.03.2024;Ж;"]);
    write(&inbox, "broken.csv", &[]);
    fs::write(inbox.join("broken.csv"), "номер;дата\n1;2\n").unwrap();
    fs::write(inbox.join("left.part"), "alone").unwrap();
    // Written piece by piece, for longer than the others take.
    let slow = inbox.join("slow.csv");
    let mut slowly = OpenOptions::new()
        .create_new(true)
        .write(true)
        .open(&slow)
        .unwrap();
    writeln!(slowly, "{HEADING}").unwrap();
    let mut number = 100;
    eventually("the other files are done", async || {
        write!(slowly, "{number};01.03.2024;Ж;\n{};01.0", number + 1).unwrap();
        assert!(slow.exists(), "a file that is being written was taken");
        writeln!(slowly, "3.2024;Ж;").unwrap();
        number += 2;
        let there = |name: &str| inbox.join(name).exists();
        let done = there("done/fine.csv.report.json") && there("failed/bad.csv.report.json");
        (done && there("failed/broken.csv.report.json")).then_some(())
    })
    .await;
    drop(slowly);
    let kept = inbox.join("done/slow.csv.report.json");
    let slow = eventually("the slow file is done", async || report(&kept)).await;
    assert_eq!(slow["outcomes"]["submitted"], number - 100);

    let bad = report(&inbox.join("failed/bad.csv.report.json")).unwrap();
    assert_eq!(
        bad["outcomes"],
        serde_json::json!({"submitted": 1, "failed": 1})
    );
    assert!(inbox.join("failed/bad.csv.dead-letters.csv").exists());
    let broken = report(&inbox.join("failed/broken.csv.report.json")).unwrap();
    assert!(
        broken["details"][0].as_str().unwrap().contains("no column"),
        "{broken}"
    );
    assert!(inbox.join("left.part").exists());

    // The same name again gets a name of its own.
    write(&inbox, "fine.csv", &["1;01.03.2024;Ж;"]);
    let again = inbox.join("done/fine.2.csv.report.json");
    let again = eventually("the second file is done", async || report(&again)).await;
    assert_eq!(again["outcomes"], serde_json::json!({"unchanged": 1}));
    assert_eq!(fs::read_dir(inbox.join("work")).unwrap().count(), 0);
    child.kill().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_left_in_hand_is_finished() {
    let (a, folder) = super::node().await;
    let inbox = folder.path().join("in");
    for name in ["work", "done", "failed"] {
        fs::create_dir_all(inbox.join(name)).unwrap();
    }
    let (work, failed) = (inbox.join("work"), inbox.join("failed"));
    // Taken, and not pushed.
    write(&work, "one.csv", &["1;01.03.2024;Ж;"]);
    // Pushed, and moved in part.
    write(&failed, "two.csv", &["2;01/03/2024;Ж;"]);
    fs::write(work.join("two.csv.dead-letters.csv"), "comity_row\n2\n").unwrap();
    fs::write(
        work.join("two.csv.report.json"),
        r#"{"complete": true, "outcomes": {"failed": 1}}"#,
    )
    .unwrap();
    let mapping = folder.path().join("m.toml");
    let mut arguments = arguments(inbox.to_str().unwrap(), mapping.to_str().unwrap(), &a);
    arguments.truncate(arguments.len() - 2);
    arguments.push("--once");
    a.comity(&arguments).await.fine();
    assert!(inbox.join("done/one.csv").exists());
    assert!(failed.join("two.csv.dead-letters.csv").exists());
    assert!(failed.join("two.csv.report.json").exists());
    assert_eq!(fs::read_dir(&work).unwrap().count(), 0);
    assert_eq!(a.records().await.len(), 1);
}
