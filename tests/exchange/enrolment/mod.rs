//! Principals: who is enrolled how, with which key, for how long.

mod issuers;
mod offboarding;
mod renewal;
mod requests;

use std::path::{Path, PathBuf};

use comity::{
    client::{Client, Profile},
    exercise,
    home::{CertifiedIdentity, leaf},
    node::system_clock,
    record::Moment,
    wire::node::{GetStatusRequest, SubmitRecordRequest, WatchRecordsRequest},
};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use tokio_stream::StreamExt as _;

use crate::support::{Country, alert, comity, eventually, ledger_bodies, neighbours};

/// A folder beside the home of a country.
fn beside(at: &Country, name: &str) -> PathBuf {
    at.dir().with_extension(name)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn client_of(folder: &Path) -> Profile {
    Profile::load(&folder.join("profile.toml")).unwrap()
}

/// Whether the node lets a profile in.
async fn is_let_in(profile: &Profile) -> bool {
    match Client::connect(profile).await {
        Ok(mut client) => client.status.get_status(GetStatusRequest {}).await.is_ok(),
        Err(_) => false,
    }
}

fn certificate(path: &Path) -> Vec<u8> {
    let pem = std::fs::read(path).unwrap();
    CertificateDer::from_pem_slice(&pem).unwrap().to_vec()
}

/// Who a certificate's file says somebody is, and for how long from now.
fn held(path: &Path) -> (comity::access::Principal, std::time::Duration) {
    let der = certificate(path);
    let CertifiedIdentity::Client(principal) = CertifiedIdentity::of(&der).unwrap() else {
        panic!("{} is no client's", path.display());
    };
    let left = leaf(&der).unwrap().until.since(system_clock()());
    (principal, left)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_officer_is_who_the_certificate_says() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let authority = exercise::AUTHORITIES[1];
    let folder = beside(&a, "aziza");
    let add = [
        "officer",
        "add",
        "aziza",
        "--home",
        a.at(),
        "--authority",
        authority,
        "--role",
        "liaison-officer",
        "--role",
        "analyst",
        "--valid",
        "12h",
        "--out",
        text(&folder),
    ];
    comity(&add).await.fine();
    let (aziza, left) = held(&folder.join("certificate.pem"));
    assert_eq!(aziza.to_string(), "TJ/officer/aziza");
    assert_eq!(aziza.authority(), Some(authority));
    let roles: Vec<&str> = aziza.roles().iter().map(|role| role.as_str()).collect();
    assert_eq!(roles, ["liaison-officer", "analyst"]);
    let hours = left.as_secs().div_ceil(3600);
    assert_eq!(hours, 12);

    let mut client = Client::connect(&client_of(&folder)).await.unwrap();
    let request = SubmitRecordRequest {
        record: Some(alert("by an officer")),
        idempotency_key: String::new(),
    };
    client.records.submit_record(request).await.unwrap();
    let actors = ledger_bodies(&a).await;
    assert!(
        actors.iter().any(|leaf| leaf.actor == "TJ/officer/aziza"),
        "{actors:?}"
    );
    let listed = comity(&["officer", "list", "--home", a.at()]).await.fine();
    let line = listed
        .lines()
        .find(|line| line.contains("/aziza "))
        .unwrap();
    assert!(
        line.contains(authority) && line.contains("analyst"),
        "{line}"
    );
    // Another kind's list does not have them.
    let others = comity(&["auditor", "list", "--home", a.at()]).await.fine();
    assert!(!others.contains("aziza"), "{others}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_can_be_is_refused() {
    let a = Country::set_up("TJ");
    let authority = exercise::AUTHORITIES[0];
    let folder = beside(&a, "nobody");
    let refused = async |kind: &str, name: &str, more: &[&str], code, words: &[&str]| {
        let mut arguments = vec![kind, "add", name, "--home", a.at(), "--out", text(&folder)];
        arguments.extend_from_slice(more);
        comity(&arguments).await.fails(code, words);
        assert!(!folder.exists(), "{arguments:?}");
    };
    refused(
        "officer",
        "x",
        &[],
        64,
        &["belongs to an authority", authority],
    )
    .await;
    let unknown = ["--authority", "ministry-of-magic"];
    refused(
        "officer",
        "x",
        &unknown,
        65,
        &["none of the authorities", authority],
    )
    .await;
    let of = |role| ["--authority", authority, "--role", role];
    refused("officer", "x", &of("operator"), 64, &["is not for officer"]).await;
    refused(
        "operator",
        "x",
        &of("analyst"),
        64,
        &["is not for operator"],
    )
    .await;
    refused("officer", "x", &of("king"), 64, &["`king` is no role"]).await;
    let long = ["--authority", authority, "--valid", "367d"];
    refused("officer", "x", &long, 64, &["no time such as 12h"]).await;
    refused("officer", "X y", &of("analyst"), 64, &["a name is 1 to 64"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_stays_in_the_home_serves_under_its_name() {
    let mut a = Country::set_up("TJ");
    a.start().await;
    let authority = exercise::AUTHORITIES[0];
    let list = ["records", "list", "--home", a.at(), "--as", "aziza"];
    comity(&list).await.fails(
        78,
        &[
            "no key of TJ/officer/aziza",
            "comity officer add aziza --keep",
        ],
    );
    let add = [
        "officer",
        "add",
        "aziza",
        "--home",
        a.at(),
        "--authority",
        authority,
        "--keep",
    ];
    comity(&add).await.fine();
    comity(&list).await.fine();
    assert!(is_let_in(&a.officer()).await);
    let other = ["status", "--home", a.at(), "--as", "officer/aziza"];
    comity(&other).await.fine();
    let odd = ["status", "--home", a.at(), "--as", "officer/../operator"];
    comity(&odd).await.fails(64, &["a name is 1 to 64"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_revoked_loses_a_live_stream_and_others_keep_theirs() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let mut streams = Vec::new();
    for name in ["goes", "stays"] {
        let folder = beside(&a, name);
        let add = [
            "system",
            "add",
            name,
            "--home",
            a.at(),
            "--authority",
            exercise::AUTHORITIES[0],
            "--out",
            text(&folder),
        ];
        comity(&add).await.fine();
        let mut client = Client::connect(&client_of(&folder)).await.unwrap();
        let watched = client.records.watch_records(WatchRecordsRequest::default());
        streams.push((watched.await.unwrap().into_inner(), client_of(&folder)));
    }
    comity(&["system", "revoke", "goes", "--home", a.at()])
        .await
        .fine();
    let (mut cut, revoked) = streams.remove(0);
    eventually("the stream ends", async || match cut.next().await {
        Some(Ok(_)) => None,
        Some(Err(_)) | None => Some(()),
    })
    .await;
    assert!(!is_let_in(&revoked).await);
    let (mut kept, other) = streams.remove(0);
    assert!(is_let_in(&other).await);
    let submitted = a.submit(alert("seen by who stays")).await;
    let seen = loop {
        let answer = kept.next().await.unwrap().unwrap();
        if let Some(record) = answer.record {
            break record.reference;
        }
    };
    assert_eq!(seen, submitted);
    // A name of another kind is another principal.
    comity(&["officer", "revoke", "stays", "--home", a.at()])
        .await
        .fails(65, &["no certificate of comity://TJ/officer/stays"]);
    assert!(is_let_in(&other).await);
}

/// The moment that was so many seconds ago.
fn ago(seconds: i64) -> Moment {
    Moment::from_micros(system_clock()().micros() - seconds * 1_000_000)
}
