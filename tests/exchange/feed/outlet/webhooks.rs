//! Webhooks: signed, in order, again until they are taken, and nowhere but to the address configured.

use std::{fs, os::unix::fs::PermissionsExt as _};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use comity::{
    access::{Principal, PrincipalKind},
    config::Config,
    home::CERTIFICATE_LIFE,
    node::{submit::Intent, system_clock},
    wire::{
        node::{ListWebhooksRequest, ResumeWebhookRequest, Webhook},
        record::Record,
    },
};
use futures_util::future::join_all;
use tokio::net::TcpListener;

use super::receiver::{Receiver, Reply};
use crate::support::{
    Country, alert, client_as, eventually, ledger_bodies, neighbours, take_back, urgent,
};

const SECRET: [u8; 32] = [7; 32];

/// Configures a webhook of a node that does not run, to a receiver.
fn configure(at: &Country, receiver: &Receiver, more: &str) {
    let secret = at.dir().join("webhook-secret");
    fs::write(&secret, format!("whsec_{}\n", STANDARD.encode(SECRET))).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(at.dir().join("receiver-ca.pem"), &receiver.ca_pem).unwrap();
    let text = format!(
        "country = '{}'\n[[webhooks]]\nname = 'cases'\nurl = 'https://{}/hook?x=1'\nsystem = 'case-1'\n\
         secret_file = 'webhook-secret'\nca_file = 'receiver-ca.pem'\nfrom = 'beginning'\n{more}",
        at.code, receiver.address
    );
    let webhooks = Config::parse(&text).unwrap().webhooks;
    at.configure(|config| {
        config.webhooks = webhooks;
        config.outlet.webhook_first_pause_ms = 10;
        config.outlet.webhook_longest_pause_s = 1;
    });
}

const PRIVATE: &str = "allow_private_addresses = true\n";

/// A country with a webhook, its case system, and the records that it has to deliver.
async fn running(receiver: &Receiver, more: &str) -> Country {
    let (mut a, _b) = neighbours().await;
    configure(&a, receiver, more);
    a.start().await;
    client_as(
        &a,
        PrincipalKind::CaseSystem,
        "case-1",
        "national-police",
        &[],
    )
    .await;
    a
}

/// Submits records side by side.
async fn submit_all(at: &Country, records: impl Iterator<Item = Record>) -> Vec<String> {
    let node = at.node();
    let sent = records.map(|record| {
        node.submit_intent(Intent {
            record,
            idempotency_key: String::new(),
            actor: "TJ/officer/local".to_owned(),
            by_node: false,
            evidence: false,
            item: None,
        })
    });
    let sent = join_all(sent).await.into_iter();
    sent.map(|of| of.unwrap().reference.to_string()).collect()
}

async fn webhook(at: &Country) -> Webhook {
    let mut operator = at.operating().await;
    let request = ListWebhooksRequest {};
    let listed = operator.subscriptions.list_webhooks(request).await;
    listed.unwrap().into_inner().webhooks.remove(0)
}

/// Waits until the last attempt failed so.
async fn fails(at: &Country, word: &str) -> Webhook {
    eventually(word, async || {
        Some(webhook(at).await).filter(|of| of.last_error.contains(word))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_signed_and_tried_again_until_it_is_taken() {
    let replies = [
        Reply::Status(500),
        Reply::Cut,
        Reply::Endless,
        Reply::Big,
        Reply::Silent,
        Reply::Status(200),
    ];
    let receiver = Receiver::start(replies).await;
    let more = format!("{PRIVATE}timeout_ms = 1000\nbatch = 2\n");
    let a = running(&receiver, &more).await;
    let mut references = vec![a.submit(alert("first")).await];
    let got = receiver.gets(6).await;
    assert!(
        got.iter()
            .all(|of| of.id == got[0].id && of.is_signed_with(&SECRET))
    );
    assert!(got.iter().all(|of| of.references() == references));
    assert!(!got[0].is_signed_with(&[8; 32]));
    let attempts: Vec<_> = got.iter().map(|of| of.attempt.as_str()).collect();
    assert_eq!(attempts, ["1", "2", "3", "4", "5", "6"]);
    let first = got[0].json();
    assert_eq!(
        (&first["webhook"], &first["attempt"]),
        (&"cases".into(), &1.into())
    );
    let title = &first["delivered"][0]["record"]["record"]["situation"]["title"];
    assert_eq!(title, "EXERCISE first");

    // In order, no more at a time than was said, and what was recalled is told of.
    for title in ["second", "third", "fourth"] {
        references.push(a.submit(alert(title)).await);
    }
    let delivered = eventually("everything came", async || {
        let got = receiver.got().split_off(5);
        assert!(got.iter().all(|of| of.references().len() <= 2));
        let all: Vec<String> = got
            .iter()
            .flat_map(super::receiver::Got::references)
            .collect();
        Some(all).filter(|all| all.len() >= 4)
    });
    assert_eq!(delivered.await, references);
    take_back(&a, &[references[1].as_str()]).await.unwrap();
    let told = eventually("the recall came", async || {
        let last = receiver.got().pop().unwrap().json();
        Some(last).filter(|last| last["delivered"][0]["notice"].is_object())
    });
    let told = told.await;
    assert_eq!(
        told["delivered"][0]["notice"]["kind"],
        "NOTICE_KIND_RECALLED"
    );
    assert_eq!(told["delivered"][0]["notice"]["reference"], references[1]);
    let stands = eventually("it is idle", async || {
        Some(webhook(&a).await).filter(|of| of.lag == 0)
    });
    assert_eq!(
        (stands.await.attempts, webhook(&a).await.last_error),
        (0, String::new())
    );

    // Each record has one leaf, of the system that it was sent to, however often it was tried.
    let leaves = ledger_bodies(&a).await;
    for reference in &references {
        let of_it = leaves
            .iter()
            .filter(|of| of.detail == "delivered" && of.reference == *reference);
        let of_it: Vec<_> = of_it.collect();
        assert_eq!(of_it.len(), 1);
        assert_eq!(of_it[0].actor, "TJ/system/case-1");
        assert_eq!(of_it[0].from, "webhook cases");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_ends_before_it_knows_delivers_the_same_again() {
    let receiver = Receiver::start([Reply::Silent]).await;
    let mut a = running(&receiver, &format!("{PRIVATE}timeout_ms = 60000\n")).await;
    let first = a.submit(alert("first")).await;
    let before = receiver.gets(1).await;
    // What comes meanwhile belongs to another delivery.
    let second = a.submit(alert("second")).await;
    a.restart().await;
    let got = receiver.gets(3).await;
    assert_eq!(got[1].id, before[0].id);
    assert_eq!(got[1].references(), [first]);
    assert_ne!(got[2].id, before[0].id);
    assert_eq!(got[2].references(), [second]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_not_followed_and_410_pauses() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = format!("https://{}/", elsewhere.local_addr().unwrap());
    let replies = [Reply::Redirect(to), Reply::Status(410)];
    let receiver = Receiver::start(replies).await;
    let a = running(&receiver, PRIVATE).await;
    let first = a.submit(alert("first")).await;
    receiver.gets(2).await;
    let paused = eventually("it is paused", async || {
        Some(webhook(&a).await).filter(|of| of.paused)
    });
    assert!(paused.await.last_error.contains("410"));
    a.submit(alert("second")).await;
    assert_eq!(receiver.got().len(), 2);
    let mut operator = a.operating().await;
    let name = "cases".to_owned();
    let request = ResumeWebhookRequest { name };
    operator
        .subscriptions
        .resume_webhook(request)
        .await
        .unwrap();
    let got = receiver.gets(3).await;
    assert_eq!((&got[2].id, got[2].references()), (&got[0].id, vec![first]));
    let came = tokio::time::timeout(super::MOMENT, elsewhere.accept()).await;
    assert!(came.is_err(), "the redirect was followed");
    let leaves = ledger_bodies(&a).await;
    for word in ["webhook-paused", "webhook-resumed"] {
        assert!(leaves.iter().any(|of| of.detail == word), "{word}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_private_or_unknown_or_not_vouched_for_gets_nothing() {
    let receiver = Receiver::start([]).await;
    let mut a = running(&receiver, "").await;
    a.submit(alert("first")).await;
    let refused = fails(&a, "this machine").await;
    assert_eq!(refused.address, receiver.address.to_string());
    assert!(refused.next_attempt_us > 0 && refused.lag == 1);
    assert_eq!(receiver.got().len(), 0);

    // Somebody for whom another CA vouches.
    a.stop().await;
    configure(&a, &receiver, PRIVATE);
    let other = Receiver::start([]).await;
    fs::write(a.dir().join("receiver-ca.pem"), &other.ca_pem).unwrap();
    a.start().await;
    fails(&a, "TLS").await;
    assert_eq!(receiver.got().len(), 0);
    // The files are read again at each attempt: one that is put right counts at once.
    fs::write(a.dir().join("webhook-secret"), "hunter2").unwrap();
    fs::write(a.dir().join("receiver-ca.pem"), &receiver.ca_pem).unwrap();
    let fault = fails(&a, "is no secret").await.last_error;
    assert!(!fault.contains("hunter2"), "{fault}");
    let new = [9; 32];
    let both = [new, SECRET].map(|of| format!("whsec_{}\n", STANDARD.encode(of)));
    fs::write(a.dir().join("webhook-secret"), both.concat()).unwrap();
    let got = receiver.gets(1).await;
    assert!(got[0].is_signed_with(&new) && got[0].is_signed_with(&SECRET));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_delivered_for_a_system_without_a_certificate() {
    let receiver = Receiver::start([]).await;
    let (mut a, _b) = neighbours().await;
    configure(&a, &receiver, PRIVATE);
    a.start().await;
    a.submit(alert("first")).await;
    fails(&a, "no certificate that counts").await;
    assert_eq!(receiver.got().len(), 0);
    client_as(
        &a,
        PrincipalKind::CaseSystem,
        "case-1",
        "national-police",
        &[],
    )
    .await;
    receiver.gets(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_behind_much_that_does_not_match_is_tried_again_as_a_whole() {
    let receiver = Receiver::start([Reply::Status(503), Reply::Status(200)]).await;
    let a = running(&receiver, &format!("{PRIVATE}urgencies = ['urgent']\n")).await;
    let routine = (0..240).map(|n| alert(&format!("routine {n}")));
    submit_all(&a, routine).await;
    let looked = eventually("everything was looked at", async || {
        Some(webhook(&a).await).filter(|of| of.cursor.is_some() && of.lag == 0)
    });
    assert_eq!(looked.await.cursor.unwrap().number, 0);

    // Without a certificate nothing is delivered before everything that matches is there.
    let home = a.home();
    let issued = home.issued_clients().unwrap().into_iter();
    let serials: Vec<_> = issued
        .filter(|of| of.name.ends_with("/system/case-1"))
        .map(|of| of.serial)
        .collect();
    home.revoke_clients(&serials, system_clock()()).unwrap();
    let mut sent = submit_all(&a, (0..50).map(|n| urgent(&format!("urgent {n}")))).await;
    fails(&a, "no certificate that counts").await;
    let system = Principal::new(home.country(), PrincipalKind::CaseSystem, "case-1")
        .unwrap()
        .with_authority(Some("national-police"))
        .unwrap();
    home.issue_client(system, CERTIFICATE_LIFE, system_clock()())
        .unwrap();
    let got = receiver.gets(2).await;
    assert_eq!(got[0].id, got[1].id);
    sent.sort();
    for one in &got {
        let mut came = one.references();
        came.sort();
        assert_eq!(came, sent);
    }
    let idle = eventually("it is idle", async || {
        Some(webhook(&a).await).filter(|of| of.lag == 0)
    });
    assert_eq!(idle.await.cursor.unwrap().number, 290);
}
