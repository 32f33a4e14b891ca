//! The named vectors of what goes wrong around a node: files, ports, passphrases, a mistyped word.
//! Each is brought about for real, and the command must end and say as `tests/vectors/operations`
//! has it.

use std::{collections::BTreeMap, fs, net::TcpListener, path::PathBuf};

use serde::Deserialize;

use crate::support::{
    Country, Ended, PASSPHRASE, alert, comity, comity_reading, json_of, neighbours,
};

#[derive(Deserialize)]
struct Case {
    name: String,
    wrong: String,
    exit: i32,
    says: Vec<String>,
}

/// The cases by name; each is taken out when it was brought about.
struct Cases(BTreeMap<String, Case>);

impl Cases {
    fn read() -> Self {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/vectors/operations/cases.json"
        );
        let cases: Vec<Case> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        let count = cases.len();
        let by_name: BTreeMap<_, _> = cases
            .into_iter()
            .map(|case| (case.name.clone(), case))
            .collect();
        assert_eq!(by_name.len(), count, "a name stands twice");
        Self(by_name)
    }

    fn judge(&mut self, name: &str, ended: &Ended) {
        let case = self.0.remove(name).unwrap_or_else(|| panic!("no {name}"));
        assert!(!case.says.is_empty() && !case.wrong.is_empty(), "{name}");
        let words: Vec<&str> = case.says.iter().map(String::as_str).collect();
        ended.fails(case.exit, &words);
    }

    /// Those of the other test.
    fn rest(self, others: &[&str]) {
        let left: Vec<String> = self.0.into_keys().collect();
        assert_eq!(left, others, "each vector is brought about by one test");
    }
}

const OF_FILES: [&str; 4] = [
    "journal-byte-flipped",
    "journal-cut",
    "rebuild-of-a-cut-journal",
    "sync-mark-flipped",
];

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_around_a_node_says_what_and_what_to_do() {
    let mut cases = Cases::read();
    let mut a = Country::set_up("TJ");
    let b = Country::set_up("UZ");
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &[u8]| -> String {
        let path: PathBuf = dir.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let new = dir.path().join("new").to_str().unwrap().to_owned();
    let init = |home| {
        [
            "init",
            "--country",
            "TJ",
            "--home",
            home,
            "--passphrase-file",
            "-",
        ]
    };
    let long = "a long exercise passphrase\n";
    let there = comity_reading(&init(a.at()), long).await;
    cases.judge("home-there-already", &there);
    let short = comity_reading(&init(&new), "short\n").await;
    cases.judge("passphrase-too-short", &short);
    let check = ["root", "check", "--home", a.at(), "--passphrase-file", "-"];
    let wrong = format!("not {PASSPHRASE}\n");
    cases.judge("passphrase-wrong", &comity_reading(&check, &wrong).await);

    let status = ["status", "--home", a.at()];
    cases.judge("no-node-answers", &comity(&status).await);
    let listen = a.home().config().listen;
    let taken = TcpListener::bind(listen).unwrap();
    cases.judge("port-in-use", &comity(&["run", "--home", a.at()]).await);
    drop(taken);

    let card = comity(&["card", "export", "--home", b.at()]).await.fine();
    let own = comity(&["card", "show", "--home", a.at(), "--output", "json"])
        .await
        .fine();
    let own: serde_json::Value = serde_json::from_str(&own).unwrap();
    let (whole, half) = (
        file("uz.card", card.as_bytes()),
        file("half.card", card.get(..card.len() / 2).unwrap().as_bytes()),
    );
    let fingerprint = own["fingerprint"].as_str().unwrap();
    let import = |card| {
        [
            "card",
            "import",
            card,
            "--home",
            a.at(),
            "--fingerprint",
            fingerprint,
        ]
    };
    cases.judge(
        "fingerprint-of-another-country",
        &comity(&import(&whole)).await,
    );
    cases.judge("card-cut-short", &comity(&import(&half)).await);

    a.start_process().await;
    cases.judge("home-locked", &comity(&["run", "--home", a.at()]).await);
    let beside = ["store", "check", "--home", a.at()];
    cases.judge("store-check-beside-a-node", &comity(&beside).await);
    let mistyped = ["records", "show", "TJ-26-000002-0", "--home", a.at()];
    cases.judge("reference-mistyped", &comity(&mistyped).await);
    let mut large = json_of("large", &["UZ"]);
    large["situation"]["summary"] = "x".repeat(1_200 << 10).into();
    let submit = ["submit", "-", "--home", a.at()];
    let refused = comity_reading(&submit, &large.to_string()).await;
    cases.judge("record-of-more-than-a-mebibyte", &refused);
    a.terminate().await;
    cases.rest(&OF_FILES);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_disk_lost_is_named_and_nothing_is_given_up_by_itself() {
    let mut cases = Cases::read();
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let kept = a.submit(alert("kept")).await;
    a.stop().await;
    let segment = a.last_segment();
    let whole = fs::read(&segment).unwrap();
    let run = ["run", "--home", a.at()];

    let mut flipped = whole.clone();
    // In the first entry's head: behind the headers of segment (88) and group (40).
    flipped[88 + 40 + 2] ^= 1;
    fs::write(&segment, &flipped).unwrap();
    cases.judge("journal-byte-flipped", &comity(&run).await);

    fs::write(&segment, &whole[..whole.len() - 5]).unwrap();
    cases.judge("journal-cut", &comity(&run).await);
    let rebuild = ["store", "rebuild", "--home", a.at()];
    cases.judge("rebuild-of-a-cut-journal", &comity(&rebuild).await);

    fs::write(&segment, &whole).unwrap();
    let mark = a.layout().journal().join("sync.mark");
    let sound = fs::read(&mark).unwrap();
    let mut rotten = sound.clone();
    rotten[9] ^= 4;
    fs::write(&mark, rotten).unwrap();
    cases.judge("sync-mark-flipped", &comity(&run).await);
    fs::write(&mark, sound).unwrap();

    a.start().await;
    assert_eq!(a.references().await, [kept]);
    assert!(
        cases
            .0
            .keys()
            .all(|name| !OF_FILES.contains(&name.as_str()))
    );
}
