//! Cards, certificates and persons that count no more, while the node runs.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use comity::{
    client::Client,
    home::{CardContents, reissue_card},
    node::{Clock, system_clock},
    record::Moment,
    wire::node::GetStatusRequest,
};

use crate::support::{
    Country, PASSPHRASE, alert, befriend_by, certificate_of, comity, eventually, neighbours,
};

const DAY: i64 = 24 * 3600 * 1_000_000;

/// A clock that can be set ahead, in days.
fn adjustable() -> (Arc<AtomicI64>, Clock) {
    let ahead = Arc::new(AtomicI64::new(0));
    let read = Arc::clone(&ahead);
    let clock = move || {
        let days = read.load(Ordering::SeqCst);
        Moment::from_micros(system_clock()().micros() + days * DAY)
    };
    (ahead, Arc::new(clock))
}

fn reissue(country: &Country, now: Moment) {
    let home = country.home();
    reissue_card(&home, &CardContents::of(home.config()), now).unwrap();
}

async fn last_error(at: &Country) -> String {
    let status = at.status().await;
    status.links[0].last_error.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_ends_with_the_peers_card_and_comes_back_with_its_successor() {
    let (mut a, mut b) = neighbours().await;
    // TJ's card ends a year after UZ's.
    reissue(&a, system_clock()() + Duration::from_secs(2 * 24 * 3600));
    let (ahead, clock) = adjustable();
    a.start_with(Arc::clone(&clock)).await;
    b.start_with(Arc::clone(&clock)).await;
    let before = a.submit(alert("before")).await;
    b.receives(&before).await;

    // UZ's card is over, TJ's is not.
    ahead.store(366, Ordering::SeqCst);
    eventually("the link ends", async || {
        let peer = "UZ".parse().unwrap();
        (!a.node().links().is_up(peer)).then_some(())
    })
    .await;
    eventually("and does not come back", async || {
        let error = last_error(&a).await;
        error.contains("the card expired at").then_some(())
    })
    .await;
    let waiting = a.submit(alert("waits for a card")).await;

    b.stop().await;
    reissue(&b, clock());
    b.start_with(Arc::clone(&clock)).await;
    b.receives(&waiting).await;
    assert!(a.card_versions().await.contains(&("UZ".to_owned(), 2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn cards_that_ended_while_the_node_was_down_are_followed_by_newer_ones() {
    let (mut a, mut b) = neighbours().await;
    let (ahead, clock) = adjustable();
    ahead.store(400, Ordering::SeqCst);
    reissue(&a, clock());
    reissue(&b, clock());
    // Each holds a card of the other that is over.
    a.start_with(Arc::clone(&clock)).await;
    let waiting = a.submit(alert("for a country whose card is over")).await;
    b.start_with(clock).await;
    b.receives(&waiting).await;
    a.drained().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_operator_is_cut_and_stays_out() {
    let mut a = Country::set_up("TJ");
    let folder = a.dir().with_extension("second");
    let issued = comity(&[
        "operator",
        "issue",
        "second",
        "--home",
        a.at(),
        "--out",
        folder.to_str().unwrap(),
    ])
    .await;
    assert_eq!(issued.code, 0, "{}", issued.stderr);
    a.start().await;
    let second = comity::client::Profile::load(&folder.join("profile.toml")).unwrap();
    let mut revoked = Client::connect(&second).await.unwrap();
    let mut first = a.client().await;
    revoked
        .status
        .get_status(GetStatusRequest {})
        .await
        .unwrap();

    let unknown = comity(&["operator", "revoke", "nobody", "--home", a.at()]).await;
    assert_ne!(unknown.code, 0);
    assert!(
        unknown.stderr.contains("no certificate of"),
        "{}",
        unknown.stderr
    );
    let done = comity(&["operator", "revoke", "second", "--home", a.at()]).await;
    assert_eq!(done.code, 0, "{}", done.stderr);
    eventually("the live connection is cut", async || {
        let asked = revoked.status.get_status(GetStatusRequest {}).await;
        asked.is_err().then_some(())
    })
    .await;
    let refused = match Client::connect(&second).await {
        Ok(mut client) => client.status.get_status(GetStatusRequest {}).await.is_err(),
        Err(_) => true,
    };
    assert!(refused);
    first.status.get_status(GetStatusRequest {}).await.unwrap();
    let listed = comity(&["operator", "list", "--home", a.at()]).await;
    let lines: Vec<&str> = listed.stdout.lines().collect();
    let line = |name: &str| *lines.iter().find(|line| line.contains(name)).unwrap();
    assert!(line("/second ").contains("REVOKED"), "{}", listed.stdout);
    assert!(!line("/local ").contains("REVOKED"), "{}", listed.stdout);

    // The next start knows it from the beginning, and a second revocation keeps the first.
    let again = comity(&["operator", "revoke", "local", "--home", a.at()]).await;
    assert_eq!(again.code, 0, "{}", again.stderr);
    a.restart().await;
    for profile in [second, a.operator()] {
        let refused = match Client::connect(&profile).await {
            Ok(mut client) => client.status.get_status(GetStatusRequest {}).await.is_err(),
            Err(_) => true,
        };
        assert!(refused);
    }
}

/// Everything here looks back at what was signed while the card counted.
#[tokio::test(flavor = "multi_thread")]
async fn evidence_still_verifies_when_its_signers_card_is_over() {
    let (mut a, mut b) = (Country::set_up("TJ"), Country::set_up("UZ"));
    // Both cards end an hour ago by the system's clock, and half an hour ahead by the nodes'.
    let an_hour = 3600 * 1_000_000;
    let now = system_clock()().micros();
    for country in [&a, &b] {
        country.rewrite_card(|card| {
            card.issued_at = Some(Moment::from_micros(now - 2 * an_hour).into());
            card.expires_at = Some(Moment::from_micros(now - an_hour).into());
        });
    }
    let behind: Clock =
        Arc::new(move || Moment::from_micros(system_clock()().micros() - an_hour * 3 / 2));
    befriend_by(&[&a, &b], &behind).await;
    a.start_with(Arc::clone(&behind)).await;
    b.start_with(Arc::clone(&behind)).await;
    let reference = a.submit(alert("evidence")).await;
    a.drained().await;

    let shown = comity(&["receipts", &reference, "--home", a.at()]).await;
    assert_eq!(shown.code, 0, "{shown:#?}");
    assert!(shown.stdout.contains("DELIVERY"), "{}", shown.stdout);
    let listed = comity(&["card", "list", "--home", a.at()]).await;
    assert_eq!(listed.code, 0, "{listed:#?}");
    assert_eq!(
        listed.stdout.matches("EXPIRED").count(),
        2,
        "{}",
        listed.stdout
    );
    let export = a.dir().with_extension("ledger");
    let export = export.to_str().unwrap();
    let exported = comity(&["audit", "export", "--home", a.at(), "--to", export]).await;
    assert_eq!(exported.code, 0, "{exported:#?}");
    let proof = comity(&[
        "audit",
        "prove",
        &reference,
        "--home",
        a.at(),
        "--output",
        "json",
    ])
    .await;
    assert_eq!(proof.code, 0, "{proof:#?}");
    let proof_file = a.dir().with_extension("proof");
    std::fs::write(&proof_file, &proof.stdout).unwrap();
    let card = a.layout().card();
    let card = card.to_str().unwrap();
    for evidence in [
        ["--export", export],
        ["--proof", proof_file.to_str().unwrap()],
    ] {
        let arguments = ["audit", "verify", evidence[0], evidence[1], "--card", card];
        let verified = comity(&arguments).await;
        assert_eq!(verified.code, 0, "{verified:#?}");
        assert!(
            verified.stderr.contains("does not count now"),
            "{verified:#?}"
        );
    }
    // What the card is needed for today it does not serve.
    let imported = comity(&["card", "import", card, "--home", b.at()]).await;
    assert_eq!(imported.code, 65, "{imported:#?}");
    assert!(
        imported.stderr.contains("the card expired at"),
        "{imported:#?}"
    );
    a.stop().await;
    let started = comity(&["run", "--home", a.at()]).await;
    assert_eq!(started.code, 78, "{started:#?}");
    assert!(
        started.stderr.contains("the card expired at"),
        "{started:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_renewed_while_the_node_runs_are_taken_up() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    a.linked("UZ").await;
    let before = serial_of(&a).await;
    let renewed = comity(&["card", "renew-certificates", "--home", a.at()]).await;
    assert_eq!(renewed.code, 0, "{renewed:#?}");
    eventually("the port answers with the new certificate", async || {
        (serial_of(&a).await != before).then_some(())
    })
    .await;
    // The dialler and the link port use the new one too.
    b.restart().await;
    let reference = a.submit(alert("after the renewal")).await;
    b.receives(&reference).await;
}

/// What a stranger to the link port of `at` is shown: the serial of its certificate.
async fn serial_of(at: &Country) -> Vec<u8> {
    let home = at.home();
    let seen = certificate_of(home.config().client_listen, &home).await;
    comity::home::leaf(&seen).unwrap().serial
}

#[tokio::test(flavor = "multi_thread")]
async fn delegations_are_renewed_by_the_root_on_another_machine() {
    let (mut a, mut b) = neighbours().await;
    let root = a.dir().with_extension("root.age");
    std::fs::rename(a.layout().country_root(), &root).unwrap();
    let passphrase = a.dir().with_extension("passphrase");
    std::fs::write(&passphrase, PASSPHRASE).unwrap();
    let [request, delegations] = ["request", "delegations"].map(|end| a.dir().with_extension(end));
    let text = |path: &std::path::Path| path.to_str().unwrap().to_owned();

    let asked = comity(&["root", "request", "--home", a.at()]).await.fine();
    std::fs::write(&request, asked).unwrap();
    // The root of another country signs nothing for this one.
    let foreign = text(&b.layout().country_root());
    let arguments = |file: &str| {
        [
            "root",
            "delegate",
            &text(&request),
            "--file",
            file,
            "--passphrase-file",
            &text(&passphrase),
        ]
        .map(str::to_owned)
    };
    let run = async |arguments: [String; 7]| {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        comity(&arguments).await
    };
    let refused = run(arguments(&foreign)).await;
    assert_eq!(refused.code, 65, "{refused:#?}");
    assert!(
        refused.stderr.contains("not the root of its card"),
        "{refused:#?}"
    );
    let signed = run(arguments(&text(&root))).await.fine();
    std::fs::write(&delegations, signed).unwrap();

    let before = a.home().own_card().clone();
    comity(&[
        "card",
        "reissue",
        "--home",
        a.at(),
        "--delegations",
        &text(&delegations),
    ])
    .await
    .fine();
    let after = a.home().own_card().clone();
    assert_eq!(after.version, before.version + 1);
    assert_eq!(after.issuing_ca.serial, before.issuing_ca.serial + 1);
    assert_eq!(after.card_key.serial, before.card_key.serial + 1);
    assert!(after.issuing_ca.not_after > before.issuing_ca.not_after);
    assert!(after.sealing_until(system_clock()()) > before.sealing_until(system_clock()()));
    assert_eq!(after.fingerprint(), before.fingerprint());
    assert_ne!(after.issuing_ca_der, before.issuing_ca_der);
    a.start().await;
    b.start().await;
    let reference = a.submit(alert("under new delegations")).await;
    b.receives(&reference).await;
    eventually("the peer holds the new card", async || {
        let versions = b.card_versions().await;
        versions
            .contains(&("TJ".to_owned(), after.version))
            .then_some(())
    })
    .await;
    let status = comity(&["status", "--home", a.at()]).await.fine();
    assert!(!status.contains("ENDS SOON"), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn status_warns_before_something_ends() {
    let (mut a, b) = neighbours().await;
    b.rewrite_card(|_| ());
    let in_days = |days: i64| Moment::from_micros(system_clock()().micros() + days * DAY);
    a.rewrite_card(|card| card.expires_at = Some(in_days(20).into()));
    a.start().await;
    let status = comity(&["status", "--home", a.at()]).await.fine();
    let warned: Vec<&str> = status
        .lines()
        .filter(|line| line.starts_with("ENDS SOON"))
        .collect();
    assert_eq!(warned.len(), 1, "{status}");
    assert!(warned[0].contains("the own card"), "{status}");
    assert!(warned[0].ends_with("comity card reissue"), "{status}");
}
