//! A signing key that a token keeps, tried with SoftHSM2. Skipped aloud where it is not installed.

use std::{fs, path::PathBuf, process::Command};

use comity::wire::{envelope::ReceiptType, ledger::Action};

use crate::support::{
    Country, alert, alert_to, eventually, ledger_bodies, lies_in, neighbours, output_of,
    receipts_of, restrict,
};

const PIN: &str = "4711-0815";

/// Where Debian and others put the library.
fn softhsm() -> Option<PathBuf> {
    let places = [
        "/usr/lib/softhsm/libsofthsm2.so",
        "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
        "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
        "/usr/lib64/pkcs11/libsofthsm2.so",
    ];
    let tool = output_of(Command::new("softhsm2-util").arg("--version"));
    let found = places.iter().map(PathBuf::from).find(|path| path.exists());
    if tool.is_err() || found.is_none() {
        eprintln!(
            "SKIPPED: softhsm2 is not installed, so no token signs here (apt-get install softhsm2)"
        );
        return None;
    }
    found
}

/// Gives a country a token of its own and says so in its configuration.
fn insert_token(at: &mut Country, module: PathBuf) {
    let folder = at.dir().with_extension("tokens");
    fs::create_dir(&folder).unwrap();
    let config = at.dir().with_extension("softhsm");
    let text = format!(
        "directories.tokendir = {}\nobjectstore.backend = file\n",
        folder.display()
    );
    fs::write(&config, text).unwrap();
    let mut init = Command::new("softhsm2-util");
    init.env("SOFTHSM2_CONF", &config).args([
        "--init-token",
        "--free",
        "--label",
        "exercise",
        "--pin",
        PIN,
        "--so-pin",
        PIN,
    ]);
    let made = output_of(&mut init).unwrap();
    assert!(made.status.success(), "{made:?}");
    at.set("SOFTHSM2_CONF", &config);
    let pin = at.dir().join("pin");
    fs::write(&pin, format!("{PIN}\n")).unwrap();
    restrict(&pin);
    let text = fs::read_to_string(at.layout().config()).unwrap();
    let signer = format!(
        "\n[keys.signer]\nmodule = \"{}\"\ntoken = \"exercise\"\npin_file = \"pin\"\n",
        module.display()
    );
    fs::write(at.layout().config(), text + &signer).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_signs_with_a_key_that_never_leaves_its_token() {
    let Some(module) = softhsm() else { return };
    let (mut a, mut b) = neighbours().await;
    b.start().await;
    a.start().await;
    let before = a.submit(alert("signed by the file's key")).await;
    b.receives(&before).await;
    a.drained().await;
    a.stop().await;
    let old = fs::read(a.layout().signing_key()).unwrap();
    let rotate = ["keys", "rotate", "signing", "--pkcs11"];
    a.comity(&rotate).await.fails(78, &["[keys.signer]"]);
    insert_token(&mut a, module);
    // A token is configured, and the card still names the file's key: that one signs.
    a.start_process().await;
    assert_eq!(a.status().await.signing_token, "");
    a.terminate().await;
    a.comity(&rotate).await.fine();
    assert!(!a.layout().signing_key().exists());
    assert!(
        !lies_in(a.dir(), &old[16..48]),
        "the old private key is still here"
    );

    a.start_process().await;
    assert_eq!(a.status().await.signing_token, "exercise");
    let reference = a.submit(alert("signed by the token's key")).await;
    b.receives(&reference).await;
    a.drained().await;
    let kinds: Vec<_> = receipts_of(&a, &reference)
        .await
        .iter()
        .map(|of| of.r#type())
        .collect();
    assert_eq!(
        kinds,
        [ReceiptType::SubmissionAcceptance, ReceiptType::Delivery]
    );
    // Receipts that the token signs hold at the other end.
    let back = b.submit(alert_to(&["TJ"], "receipted by the token")).await;
    b.drained().await;
    let kinds: Vec<_> = receipts_of(&b, &back)
        .await
        .iter()
        .map(|of| of.r#type())
        .collect();
    assert_eq!(
        kinds,
        [ReceiptType::SubmissionAcceptance, ReceiptType::Delivery]
    );
    let alarms = ledger_bodies(&b).await;
    assert!(alarms.iter().all(|leaf| leaf.action() != Action::Alarm));

    a.kill().await;
    a.start_process().await;
    let again = a.submit(alert("after a kill")).await;
    b.receives(&again).await;
    a.terminate().await;

    // Another key in its place, in the token; and back into a file.
    a.comity(&rotate).await.fine();
    a.comity(&["keys", "rotate", "signing"]).await.fine();
    assert!(a.layout().signing_key().exists());
    a.start_process().await;
    assert_eq!(a.status().await.signing_token, "");
    let last = a.submit(alert("signed by a file's key again")).await;
    b.receives(&last).await;
    a.terminate().await;
    b.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_token_a_node_accepts_nothing_and_loses_nothing() {
    let Some(module) = softhsm() else { return };
    let (mut a, mut b) = neighbours().await;
    insert_token(&mut a, module);
    a.comity(&["keys", "rotate", "signing", "--pkcs11"])
        .await
        .fine();
    b.start().await;
    a.start_process().await;
    let before = a.submit(alert("before")).await;
    b.receives(&before).await;

    // The token is taken out: its folder is gone, and what was open in it does not find it any more.
    let tokens = a.dir().with_extension("tokens");
    let away = a.dir().with_extension("away");
    fs::rename(&tokens, &away).unwrap();
    let refused = eventually("submissions are refused", async || {
        a.try_submit(alert("without a token"), "").await.err()
    })
    .await;
    assert_eq!(refused.code(), tonic::Code::Unavailable, "{refused}");
    assert!(refused.message().contains("token"), "{refused}");
    let waiting = b.submit(alert_to(&["TJ"], "cannot be receipted")).await;
    // It is put back, and everything goes on by itself.
    fs::rename(&away, &tokens).unwrap();
    let after = eventually("submissions are accepted again", async || {
        a.try_submit(alert("with the token again"), "").await.ok()
    })
    .await;
    b.receives(&after.reference).await;
    b.drained().await;
    let kinds: Vec<_> = receipts_of(&b, &waiting)
        .await
        .iter()
        .map(|of| of.r#type())
        .collect();
    assert_eq!(
        kinds,
        [ReceiptType::SubmissionAcceptance, ReceiptType::Delivery]
    );
    a.terminate().await;

    // A wrong PIN stops the start and is said, and so is a missing one.
    let pin = a.dir().join("pin");
    fs::write(&pin, "0000\n").unwrap();
    a.comity(&["run"]).await.fails(77, &["token", "PIN"]);
    fs::remove_file(&pin).unwrap();
    a.comity(&["run"]).await.fails(78, &["pin"]);
    b.stop().await;
}
