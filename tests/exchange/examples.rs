//! The programs in `examples/`, built and run against a real node.

use std::{
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
    time::timeout,
};

use crate::support::{Country, PATIENCE, colleague, json_of, neighbours, spawning};

/// Builds the examples, which `cargo test --test exchange` alone does not; answers their folder.
async fn built() -> PathBuf {
    let folder = Path::new(env!("CARGO_BIN_EXE_comity")).parent().unwrap();
    let mut command = Command::new(env!("CARGO"));
    command
        .args(["build", "--quiet", "--locked", "--examples"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("CARGO_TARGET_DIR", folder.parent().unwrap());
    if folder.ends_with("release") {
        command.arg("--release");
    }
    let built = spawning(|| command.spawn()).unwrap().wait().await.unwrap();
    assert!(built.success());
    folder.join("examples")
}

async fn run(program: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let child = spawning(|| command.spawn()).unwrap();
    let ended = timeout(PATIENCE, child.wait_with_output()).await;
    ended.expect("the example ends").unwrap()
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The profile of an officer, as a program is given one.
async fn profile(at: &Country) -> String {
    colleague(at, "program").await;
    let folder = at.dir().with_extension("officer.program");
    folder.join("profile.toml").to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_submit_watch_and_search() {
    let examples = built().await;
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let profile = profile(&a).await;
    let file = a.dir().with_extension("record.json");
    std::fs::write(&file, json_of("Шымкент", &["UZ"]).to_string()).unwrap();
    let file = file.to_str().unwrap();

    let submit = examples.join("submit");
    let reference = said(&run(&submit, &[&profile, file, "key-1"]).await);
    let reference = reference.trim();
    assert!(reference.starts_with(a.code), "{reference}");
    // The same key: the same record.
    let again = said(&run(&submit, &[&profile, file, "key-1"]).await);
    assert_eq!(again.trim(), reference);

    let mut watch = Command::new(examples.join("watch"));
    watch
        .arg(&profile)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    let mut watch = spawning(|| watch.spawn()).unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let mut line = async || {
        let line = timeout(PATIENCE, lines.next_line()).await;
        line.expect("the watch says something").unwrap().unwrap()
    };
    assert!(line().await.contains(reference));
    // It goes on where it was when the node was away.
    a.restart().await;
    let second = said(&run(&submit, &[&profile, file]).await);
    assert!(line().await.contains(second.trim()));
    watch.kill().await.unwrap();

    // A subscription has everything from the beginning; what was not acknowledged may come again.
    let mut follow = Command::new(examples.join("follow"));
    follow
        .args([&profile, "cases"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    let mut follow = spawning(|| follow.spawn()).unwrap();
    let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines();
    for reference in [reference, second.trim()] {
        let line = timeout(PATIENCE, lines.next_line()).await;
        let line = line.expect("something is delivered").unwrap().unwrap();
        assert!(line.contains(reference), "{line}");
    }
    follow.kill().await.unwrap();

    let found = said(&run(&examples.join("search"), &[&profile, "Shymkent", "case 1"]).await);
    assert!(found.contains(reference), "{found}");
    assert!(found.contains("Шымкент"), "{found}");

    let mut broken = json_of("x", &["UZ"]);
    broken["situation"]["title"] = "".into();
    let file = a.dir().with_extension("broken.json");
    std::fs::write(&file, broken.to_string()).unwrap();
    let refused = run(&submit, &[&profile, file.to_str().unwrap()]).await;
    assert!(!refused.status.success());
    let why = String::from_utf8(refused.stderr).unwrap();
    assert!(why.contains("situation.title: "), "{why}");
    a.stop().await;
}
