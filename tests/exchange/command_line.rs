//! The command line: exit codes of sysexits(3), and messages that say what is wrong and whose fault
//! it is.

use std::{fs, path::Path};

use ::comity::{
    home::Home,
    node::{Node, system_clock},
};

use crate::support::{
    Country, alert, comity, comity_reading, comity_with_broken_stdout, json_of, large, neighbours,
};

#[tokio::test(flavor = "multi_thread")]
async fn init_sets_up_a_country_once() {
    let folder = tempfile::tempdir().unwrap();
    let (home, words) = (folder.path().join("uz"), folder.path().join("words"));
    fs::write(&words, "a long exercise passphrase\n").unwrap();
    let (home, words) = (home.to_str().unwrap(), words.to_str().unwrap());
    let init = [
        "init",
        "--country",
        "UZ",
        "--home",
        home,
        "--authority",
        "national-police",
        "--passphrase-file",
        words,
        "--output",
        "json",
    ];
    let said = comity(&init).await.fine();
    let report: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(report["country"], "UZ");
    let shown = comity(&["card", "show", "--home", home]).await.fine();
    assert!(shown.contains(report["fingerprint"].as_str().unwrap()));
    assert!(shown.contains("national-police"));

    let card = fs::read(report["card"].as_str().unwrap()).unwrap();
    comity(&init).await.fails(73, &[home]);
    assert_eq!(fs::read(report["card"].as_str().unwrap()).unwrap(), card);
}

#[tokio::test(flavor = "multi_thread")]
async fn init_refuses_a_weak_passphrase_and_no_country() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("uz");
    let home = home.to_str().unwrap();
    let init = [
        "init",
        "--country",
        "UZ",
        "--home",
        home,
        "--passphrase-file",
        "-",
    ];
    comity_reading(&init, "short\n")
        .await
        .fails(65, &["5 characters", "at least 12"]);
    let nowhere = [
        "init",
        "--country",
        "XX",
        "--home",
        home,
        "--passphrase-file",
        "-",
    ];
    comity_reading(&nowhere, "a long exercise passphrase\n")
        .await
        .fails(64, &["XX"]);
    assert!(!folder.path().join("uz").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn root_check_tells_the_roots_apart_and_names_a_wrong_passphrase() {
    let a = Country::set_up("TJ");
    let check = ["root", "check", "--home", a.at(), "--passphrase-file", "-"];
    let right = "exercise only, protects nothing\n";
    let said = comity_reading(&check, right).await.fine();
    assert!(said.contains("the country root of TJ"), "{said}");
    let recovery = a.layout().recovery_root();
    let recovery = [&check[..], &["--file", recovery.to_str().unwrap()]].concat();
    let said = comity_reading(&recovery, right).await.fine();
    assert!(said.contains("the recovery root of TJ"), "{said}");
    comity_reading(&check, "not the passphrase at all\n")
        .await
        .fails(65, &["root.age does not open with this passphrase"]);
    fs::write(a.layout().country_root(), "not a root").unwrap();
    comity_reading(&check, right)
        .await
        .fails(65, &["root.age is no age file"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn submit_names_what_is_wrong_with_its_input() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let submit = ["submit", "-", "--home", a.at()];
    comity_reading(&submit, "{\"authority\": ")
        .await
        .fails(65, &["line 1"]);
    comity_reading(&submit, "")
        .await
        .fails(65, &["the input holds no record"]);
    let mut unknown = json_of("unknown field", &["UZ"]);
    unknown["situation"]["alert"]["severty"] = "high".into();
    comity_reading(&submit, &unknown.to_string())
        .await
        .fails(65, &["line 1", "situation.alert.severty"]);
    comity_reading(&submit, &large().to_string())
        .await
        .fails(65, &["line 1", "1048576"]);
    let mut broken = json_of("nobody's desk", &["UZ"]);
    broken["authority"] = "no-such-office".into();
    comity_reading(&submit, &broken.to_string())
        .await
        .fails(65, &["RECORD_INVALID", "authority: UNKNOWN_AUTHORITY"]);
    comity(&["submit", "/nowhere/at/all.json", "--home", a.at()])
        .await
        .fails(66, &["/nowhere/at/all.json cannot be read"]);
    assert_eq!(a.status().await.records, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_line_stops_no_good_one_and_a_repeat_with_its_key_adds_nothing() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let lines = [
        json_of("first", &["UZ"]).to_string(),
        "{\"authority\": 7}".to_owned(),
        json_of("third", &["KZ"]).to_string(),
        json_of("fourth", &["UZ"]).to_string(),
    ];
    let submit = ["submit", "-", "--home", a.at(), "--key", "batch-1"];
    let ended = comity_reading(&submit, &lines.join("\n")).await;
    ended.fails(
        65,
        &[
            "line 2: ",
            "line 3: ",
            "destinations[0].country: UNKNOWN_COUNTRY",
            "2 records are durable, 2 were refused",
        ],
    );
    let mut given: Vec<_> = ended.stdout.lines().map(str::to_owned).collect();
    given.sort_unstable();
    assert_eq!(held(&a).await, given);

    let again = comity_reading(&submit, &lines.join("\n")).await;
    again.fails(65, &["2 records are durable"]);
    assert!(again.stdout.lines().all(|line| line.contains("known key")));
    assert_eq!(held(&a).await, given);
}

/// References held, sorted: a stream's answers come in its order, but its records may get their
/// references and become durable in another.
async fn held(at: &Country) -> Vec<String> {
    let mut held = at.references().await;
    held.sort_unstable();
    held
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistyped_reference_is_caught_by_its_check_character() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let reference = a.submit(alert("to be mistyped")).await;
    let mistyped = reference.replace("000001", "000007");
    for command in [
        ["records", "show"].as_slice(),
        &["receipts"],
        &["audit", "prove"],
    ] {
        let run = |typed| comity_with(command, typed, a.at());
        let words = [&*mistyped, "one of its characters was mistyped"];
        run(mistyped.clone()).await.fails(65, &words);
        run("TJ-1".to_owned())
            .await
            .fails(65, &["is not a reference"]);
        run(reference.clone()).await.fine();
    }
}

async fn comity_with(command: &[&str], typed: String, home: &str) -> crate::support::Ended {
    comity(&[command, &[&typed, "--home", home]].concat()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_node_commands_say_so() {
    let a = Country::set_up("TJ");
    for command in [
        ["status"].as_slice(),
        &["records", "list"],
        &["records", "show", "UZ-26-000412-H"],
        &["receipts", "UZ-26-000412-H"],
        &["audit", "list"],
        &["audit", "verify"],
        &["card", "list"],
        &["submit", "-"],
    ] {
        comity(&[command, &["--home", a.at()]].concat())
            .await
            .fails(69, &["no node answers", "comity run"]);
    }
    comity(&["status"]).await.fails(64, &["--home"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_goes_away_is_no_crash() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let reference = a.submit(alert("for nobody")).await;
    for command in [
        ["status"].as_slice(),
        &["records", "list"],
        &["records", "show", &reference],
        &["receipts", &reference],
        &["audit", "list"],
        &["audit", "export"],
        &["card", "export"],
        &["--help"],
    ] {
        let home: &[&str] = if command == ["--help"] {
            &[]
        } else {
            &["--home", a.at()]
        };
        let ended = comity_with_broken_stdout(&[command, home].concat()).await;
        assert!(!ended.stderr.contains("panicked"), "{command:?} {ended:#?}");
        assert!([0, 74].contains(&ended.code), "{command:?} {ended:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_is_imported_beside_a_running_node_and_without_one() {
    let (mut a, b, c) = (
        Country::set_up("TJ"),
        Country::set_up("UZ"),
        Country::set_up("AE"),
    );
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for country in [&b, &c] {
        let text = comity(&["card", "export", "--home", country.at()])
            .await
            .fine();
        let path = folder.path().join(country.code);
        fs::write(&path, text).unwrap();
        let fingerprint = country.home().own_card().fingerprint().to_string();
        files.push((path.to_str().unwrap().to_owned(), fingerprint));
    }
    let import = |file: usize, fingerprint: usize| {
        let (file, fingerprint) = (&*files[file].0, &*files[fingerprint].1);
        let at = a.at().to_owned();
        async move {
            let import = [
                "card",
                "import",
                file,
                "--home",
                &at,
                "--fingerprint",
                fingerprint,
            ];
            comity(&import).await
        }
    };
    // No node runs.
    import(0, 1).await.fails(65, &["the card's fingerprint is"]);
    assert!(
        import(0, 0)
            .await
            .fine()
            .contains("UZ: card version 1 is now trusted")
    );
    assert!(import(0, 0).await.fine().contains("was trusted already"));
    let at = a.at().to_owned();
    let unasked = ["card", "import", &files[0].0, "--home", &at];
    comity(&unasked).await.fails(64, &["--fingerprint"]);
    let mut nonsense = unasked.to_vec();
    nonsense.extend(["--fingerprint", "12345"]);
    comity(&nonsense).await.fails(65, &["fingerprint"]);

    a.start().await;
    let over_the_wire = |fingerprint: usize| {
        let at = at.clone();
        let (file, fingerprint) = (files[1].0.clone(), files[fingerprint].1.clone());
        async move {
            let import = [
                "card",
                "import",
                &file,
                "--home",
                &at,
                "--fingerprint",
                &fingerprint,
            ];
            comity(&import).await
        }
    };
    over_the_wire(0).await.fails(65, &["FINGERPRINT_DIFFERS"]);
    assert!(
        over_the_wire(1)
            .await
            .fine()
            .contains("AE: card version 1 is now trusted")
    );
    let held = [("TJ", 1), ("AE", 1), ("UZ", 1)].map(|(code, version)| (code.to_owned(), version));
    assert_eq!(a.card_versions().await, held);

    // What is no card is called that.
    let junk = folder.path().join("junk");
    fs::write(&junk, "-----BEGIN COMITY CARD-----\nAAAA\n").unwrap();
    let junk = [
        "card",
        "import",
        junk.to_str().unwrap(),
        "--home",
        &at,
        "--fingerprint",
        &files[0].1,
    ];
    comity(&junk).await.fails(65, &["is not a card"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_command_line_is_one_object_for_programs() {
    for (command, words) in [
        (&["records", "shw", "--output", "json"][..], "shw"),
        (
            &["--output=json", "records", "list", "--no-such-flag"],
            "--no-such-flag",
        ),
        (&["receipts", "--output", "json"], "<REFERENCE>"),
        (&["--output", "json"], "requires a subcommand"),
    ] {
        let ended = comity(command).await;
        assert_eq!((ended.code, &*ended.stdout), (64, ""), "{ended:#?}");
        let error: serde_json::Value = serde_json::from_str(&ended.stderr).unwrap();
        assert!(ended.stderr.contains(words), "{ended:#?}");
        assert!(
            error["error"]
                .as_str()
                .is_some_and(|text| !text.starts_with("error"))
        );
        assert!(error["details"].is_array() && error["violations"].is_array());
    }
    // Not asked for, and asked for behind the end of the options: for people.
    for command in [
        &["records", "shw"][..],
        &["records", "shw", "--", "--output", "json"],
        &["records", "list", "--output", "jsn"],
    ] {
        let ended = comity(command).await;
        assert_eq!(ended.code, 64, "{ended:#?}");
        assert!(ended.stderr.starts_with("error: "), "{ended:#?}");
    }
    let help = comity(&["--help", "--output", "json"]).await.fine();
    assert!(help.contains("77 not allowed"), "{help}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_key_lies_where_init_was_told() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (home, key, words) = (at("home"), at("other-device/file-key"), at("words"));
    fs::write(&words, "exercise only, protects nothing\n").unwrap();
    let init = async |key: &str| {
        let fixed = ["init", "--country", "UZ", "--home", &home];
        let rest = ["--passphrase-file", &words, "--file-key", key];
        comity(&[&fixed[..], &rest].concat()).await
    };
    init("keys/file-key").await.fails(64, &["absolute"]);
    init(&words).await.fails(73, &["is there already"]);
    assert!(!folder.path().join("home").exists());
    init(&key).await.fine();
    assert!(fs::metadata(&key).unwrap().len() > 0);
    assert!(!folder.path().join("home/keys/file-key").exists());
    let config = fs::read_to_string(folder.path().join("home/config.toml")).unwrap();
    assert!(
        config.contains(&format!("file_key = \"{key}\"")),
        "{config}"
    );
    // A node opens the slots with it.
    let home = Home::open(Path::new(&home)).unwrap();
    let node = Node::open(home, system_clock(), &mut |_| {}).await.unwrap();
    node.close().await.unwrap();
}
