//! The node's keys under a passphrase.

use std::{
    fs,
    path::{Path, PathBuf},
};

use comity::home::{Custody, Home, HomeError, Kept};

use crate::support::{
    Country, KEYS_PASSPHRASE, alert, comity, copy, lies_in, neighbours, restrict, show,
};

/// A file with a passphrase, beside the home.
fn passphrase_in(at: &Country, name: &str, text: &str) -> PathBuf {
    let path = at.dir().with_extension(name);
    fs::write(&path, format!("{text}\n")).unwrap();
    path
}

/// Names of the files in the folder of the keys.
fn key_files(home: &Path) -> Vec<String> {
    let entries = fs::read_dir(home.join("keys")).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_runs_with_keys_under_a_passphrase_and_nothing_of_them_lies_in_the_clear() {
    let (mut a, mut b) = neighbours().await;
    b.start().await;
    a.start().await;
    let before = a.submit(alert("before")).await;
    let given = passphrase_in(&a, "passphrase", KEYS_PASSPHRASE);
    let given = given.to_str().unwrap();
    // Not while it runs.
    let protect = ["keys", "protect", "--passphrase-file", given];
    a.comity(&protect).await.fails(78, &["another node runs"]);
    a.stop().await;
    let keys: Vec<(String, Vec<u8>)> = key_files(a.dir())
        .into_iter()
        .map(|name| {
            (
                name.clone(),
                fs::read(a.dir().join("keys").join(name)).unwrap(),
            )
        })
        .collect();
    a.protect_keys();

    for (name, key) in &keys {
        assert!(!a.dir().join("keys").join(name).exists(), "{name}");
        // PEM is text; its first line alone is in certificates too.
        assert!(!lies_in(a.dir(), key), "{name} lies in the clear");
    }
    let names = key_files(a.dir());
    assert_eq!(names.len(), keys.len() + 1, "{names:?}");
    let protection = "protection.age".to_owned();
    assert!(names.contains(&protection));
    assert!(
        names
            .iter()
            .all(|name| *name == protection || name.ends_with(".sealed"))
    );

    // Without the passphrase nothing starts, and it is said what is missing.
    a.comity(&["run"])
        .await
        .fails(77, &["--key-passphrase-file", "comity-keys"]);
    let wrong = passphrase_in(&a, "wrong", "the keys of another");
    let run_wrong = ["run", "--key-passphrase-file", wrong.to_str().unwrap()];
    a.comity(&run_wrong)
        .await
        .fails(65, &["does not open with this passphrase"]);
    // What needs no key goes on without it.
    a.comity(&["store", "check"]).await.fine();
    a.comity(&["keys", "list"]).await.fine();
    a.comity(&["card", "reissue"])
        .await
        .fails(77, &["protected"]);

    // As a process, killed and started again, by flag and by systemd's credential.
    a.set("COMITY_KEY_PASSPHRASE_FILE", Path::new(given));
    a.start_process().await;
    assert!(a.log().contains("the keys are protected"), "{}", a.log());
    assert!(a.status().await.keys_protected);
    let after = a.submit(alert("after")).await;
    b.receives(&after).await;
    show(&a, &before).await;
    a.kill().await;
    let credentials = a.dir().with_extension("credentials");
    fs::create_dir(&credentials).unwrap();
    fs::copy(given, credentials.join("comity-keys")).unwrap();
    a.unset("COMITY_KEY_PASSPHRASE_FILE");
    a.set("CREDENTIALS_DIRECTORY", &credentials);
    a.start_process().await;
    let again = a.submit(alert("after a kill")).await;
    b.receives(&again).await;
    a.terminate().await;

    // Whatever rotates or is issued stays protected.
    for command in [
        &["keys", "rotate", "signing"][..],
        &["keys", "rotate", "sealing"],
        &["keys", "rotate", "storage"],
        &["keys", "rotate", "tls"],
        &["keys", "rotate", "file-key"],
        &["card", "reissue"],
        &["card", "renew-certificates"],
        &[
            "officer",
            "add",
            "n.karimova",
            "--authority",
            "national-police",
            "--keep",
        ],
        &["root", "request"],
    ] {
        a.comity(command).await.fine();
    }
    assert!(
        key_files(a.dir())
            .iter()
            .all(|name| *name == protection || name.ends_with(".sealed"))
    );
    a.start_process().await;
    for reference in [&before, &after, &again] {
        show(&a, reference).await;
    }
    let rotated = a.submit(alert("under new keys")).await;
    b.receives(&rotated).await;
    a.terminate().await;

    a.comity(&["keys", "unprotect"]).await.fine();
    assert!(
        key_files(a.dir())
            .iter()
            .all(|name| !name.ends_with(".sealed"))
    );
    a.unset("CREDENTIALS_DIRECTORY");
    a.start_process().await;
    assert!(a.log().contains("the keys lie in the clear"));
    show(&a, &rotated).await;
    a.terminate().await;
    b.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_passphrase_takes_the_place_of_the_first() {
    let a = Country::set_up("TJ");
    a.protect_keys();
    let old = passphrase_in(&a, "old", KEYS_PASSPHRASE);
    let new = passphrase_in(&a, "new", "another for an exercise");
    let (old, new) = (old.to_str().unwrap(), new.to_str().unwrap());
    let change = |from, to| {
        let arguments = [
            "keys",
            "passphrase",
            "--key-passphrase-file",
            from,
            "--new-passphrase-file",
            to,
        ];
        let at = a.at().to_owned();
        async move { comity(&[&arguments[..], &["--home", &at]].concat()).await }
    };
    change(new, old).await.fails(65, &["does not open"]);
    change(old, new).await.fine();
    let again = [
        "keys",
        "protect",
        "--home",
        a.at(),
        "--passphrase-file",
        new,
    ];
    let again = comity(&again).await.fine();
    assert!(again.contains("protected already"), "{again}");
    let mut home = Home::open(a.dir()).unwrap();
    let refused = home.unlock(KEYS_PASSPHRASE).unwrap_err();
    assert!(
        matches!(refused, HomeError::WrongPassphrase(_)),
        "{refused}"
    );
    assert!(matches!(home.signing_key(), Err(HomeError::Protected(_))));
    home.unlock("another for an exercise").unwrap();
    home.signing_key().unwrap();
    let unprotected = Country::set_up("UZ");
    let none = ["keys", "passphrase", "--home", unprotected.at()];
    comity(&none).await.fails(78, &["not protected"]);
    let short = passphrase_in(&unprotected, "short", "short");
    let protect = ["keys", "protect", "--passphrase-file"];
    let weak = [&protect[..], &[short.to_str().unwrap()]].concat();
    unprotected.comity(&weak).await.fails(65, &["at least 12"]);
    assert!(!unprotected.home().key_files().is_protected());
    let sound = [&protect[..], &[old]].concat();
    unprotected.comity(&sound).await.fine();
    assert!(unprotected.home().key_files().is_protected());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_while_protecting_leaves_keys_that_open_as_before_or_as_after() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let reference = a.submit(alert("kept")).await;
    a.stop().await;
    let plain = a.dir().with_extension("plain");
    copy(&a.dir().join("keys"), &plain);
    a.protect_keys();
    let sealed = a.dir().with_extension("sealed");
    copy(&a.dir().join("keys"), &sealed);

    // Every file is sealed already, and what opens them not written yet: the keys are as before, and
    // the start destroys what is not read.
    let merged = |first: &Path, second: &Path, without: &[&str]| {
        fs::remove_dir_all(a.dir().join("keys")).unwrap();
        copy(first, &a.dir().join("keys"));
        for entry in fs::read_dir(second).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), a.dir().join("keys").join(entry.file_name())).unwrap();
        }
        for name in without {
            fs::remove_file(a.dir().join("keys").join(name)).unwrap();
        }
    };
    let opens = async |protected: bool| {
        assert_eq!(a.home().key_files().is_protected(), protected);
        let mut node = Country::at_home("TJ", a.dir());
        node.start().await;
        show(&node, &reference).await;
        node.stop().await;
    };
    merged(&plain, &sealed, &["protection.age"]);
    opens(false).await;
    assert_eq!(key_files(a.dir()), names_in(&plain));
    merged(&plain, &sealed, &["protection.age", "signing.pk8.sealed"]);
    opens(false).await;
    // The same, as unprotecting leaves it.
    merged(&plain, &sealed, &["protection.age"]);
    fs::write(a.dir().join("keys").join("protection.age.gone"), [0; 100]).unwrap();
    opens(false).await;
    assert_eq!(key_files(a.dir()), names_in(&plain));
    // What opens them is there, and the plain files not destroyed yet: the keys are as after.
    merged(&plain, &sealed, &[]);
    opens(true).await;
    assert_eq!(key_files(a.dir()), names_in(&sealed));
    merged(&plain, &sealed, &["sealing.key"]);
    opens(true).await;
    assert_eq!(key_files(a.dir()), names_in(&sealed));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_key_on_another_device_is_protected_where_it_lies() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let kept = a.submit(alert("kept")).await;
    a.stop().await;
    let device = a.dir().with_extension("device");
    fs::create_dir(&device).unwrap();
    let elsewhere = device.join("comity.key");
    fs::rename(a.home().file_key_path(), &elsewhere).unwrap();
    // A password that the operator put among the keys is protected with them.
    let password = a.dir().join("keys").join("proxy-password");
    fs::write(&password, "of the proxy\n").unwrap();
    restrict(&password);
    a.configure(|config| {
        config.store.file_key = elsewhere.clone();
        config.links.proxy = "http://user@127.0.0.1:1".to_owned();
        config.links.proxy_password_file = Some("keys/proxy-password".into());
    });
    let plain = fs::read(&elsewhere).unwrap();
    a.protect_keys();
    assert_eq!(names_in(&device), ["comity.key.sealed"]);
    assert!(!lies_in(&device, &plain[16..48]));
    assert!(!password.exists());
    a.start().await;
    show(&a, &kept).await;
    a.stop().await;
    // A rotation replaces it there, under the same protection.
    let sealed = fs::read(device.join("comity.key.sealed")).unwrap();
    let given = passphrase_in(&a, "passphrase", KEYS_PASSPHRASE);
    a.set("COMITY_KEY_PASSPHRASE_FILE", &given);
    a.comity(&["keys", "rotate", "file-key"]).await.fine();
    assert_eq!(names_in(&device), ["comity.key.sealed"]);
    assert_ne!(fs::read(device.join("comity.key.sealed")).unwrap(), sealed);
    let mut home = a.home();
    let lock = home.lock().unwrap();
    home.unprotect_keys(&lock).unwrap();
    drop((home, lock));
    assert_eq!(names_in(&device), ["comity.key"]);
    assert_eq!(fs::read(&password).unwrap(), b"of the proxy\n");
    a.start().await;
    show(&a, &kept).await;
    a.stop().await;
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn the_list_says_where_each_key_lies() {
    let a = Country::set_up("TJ");
    let places = |at: &Country| -> Vec<(String, Kept)> {
        let home = Home::open(at.dir()).unwrap();
        let keys = home.keys_kept().unwrap().into_iter();
        keys.map(|key| (key.what.split(' ').next().unwrap().to_owned(), key.kept))
            .collect()
    };
    let plain = places(&a);
    for what in [
        "signing", "sealing", "TLS", "card", "issuing", "index", "storage",
    ] {
        let custody = |kept: &Kept| matches!(kept, Kept::File(_, Custody::File));
        assert!(
            plain
                .iter()
                .any(|(name, kept)| name == what && custody(kept)),
            "{what}: {plain:?}"
        );
    }
    a.protect_keys();
    for (what, kept) in places(&a) {
        match kept {
            Kept::File(path, Custody::Sealed) => assert!(path.exists(), "{what}"),
            // The file key is made with the first start.
            other => assert_eq!((what.as_str(), other), ("file", Kept::Gone)),
        }
    }
}
