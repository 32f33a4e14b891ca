//! The ledger is told of certificates and keys: while the node runs and after it stood still, nothing
//! twice and nothing lost.

use comity::{
    access::{PrincipalKind, Role},
    wire::{
        ledger::{Action, LeafBody},
        node::RenewCertificateRequest,
    },
};

use crate::support::{Country, client_as, comity, eventually};

/// What the ledger was told, oldest first: the word and whose.
fn told(at: &Country) -> Vec<(String, String)> {
    use prost::Message as _;
    let node = at.node();
    (0..node.ledger_size().unwrap())
        .map(|index| node.leaf(index).unwrap().unwrap().body)
        .map(|body| LeafBody::decode(body.as_slice()).unwrap())
        .filter(|leaf| leaf.action() == Action::Key)
        .map(|leaf| (leaf.detail, leaf.about))
        .collect()
}

fn of(detail: &str, name: &str) -> (String, String) {
    (detail.to_owned(), name.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_told_once_whenever_they_were_made() {
    let mut at = Country::set_up("TJ");
    let home = at.at().to_owned();
    let add = async |name: &str| {
        let add = [
            "officer",
            "add",
            name,
            "--home",
            &home,
            "--authority",
            "national-police",
        ];
        comity(&[&add[..], &["--role", "analyst", "--keep"]].concat())
            .await
            .fine();
    };
    add("before").await;
    at.start().await;
    let mut expected = vec![
        of("certificate-issued", "TJ/operator/local"),
        of("certificate-issued", "TJ/officer/local"),
        of("certificate-issued", "TJ/officer/before"),
    ];
    assert_eq!(told(&at), expected);
    // While it runs: a certificate, the same person once more, and an end to both.
    for (detail, command) in [
        ("certificate-issued", "add"),
        ("certificate-renewed", "add"),
        ("certificate-revoked", "revoke"),
    ] {
        match command {
            "add" => add("during").await,
            _ => {
                let revoke = ["officer", "revoke", "during", "--home", at.at()];
                comity(&revoke).await.fine();
            }
        }
        expected.push(of(detail, "TJ/officer/during"));
        if detail == "certificate-revoked" {
            expected.push(of(detail, "TJ/officer/during"));
        }
        eventually("the ledger is told", async || {
            (told(&at).len() >= expected.len()).then_some(())
        })
        .await;
        assert_eq!(told(&at), expected);
    }
    // Renewed over the client port: told before its holder has it.
    let role = [Role::Analyst];
    let mut officer = client_as(
        &at,
        PrincipalKind::Officer,
        "renews",
        "victim-support",
        &role,
    )
    .await;
    let renewed = officer
        .enrolment
        .renew_certificate(RenewCertificateRequest::default())
        .await;
    renewed.unwrap();
    expected.push(of("certificate-issued", "TJ/officer/renews"));
    expected.push(of("certificate-renewed", "TJ/officer/renews"));
    assert_eq!(told(&at), expected);
    drop(officer);

    // A node that stood still, and one whose index was made anew, tell nothing twice.
    at.restart().await;
    assert_eq!(told(&at), expected);
    at.stop().await;
    std::fs::remove_dir_all(at.layout().index()).unwrap();
    comity(&["officer", "revoke", "before", "--home", at.at()])
        .await
        .fine();
    at.start().await;
    expected.push(of("certificate-revoked", "TJ/officer/before"));
    assert_eq!(told(&at), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_took_anothers_place_are_told() {
    let mut at = Country::set_up("TJ");
    at.start().await;
    let keys = |at: &Country| -> Vec<String> {
        let told = told(at).into_iter().map(|(detail, _)| detail);
        told.filter(|detail| detail.ends_with("-rotated")).collect()
    };
    assert!(keys(&at).is_empty(), "the first keys took nobody's place");
    comity(&["keys", "rotate", "tls", "--home", at.at()])
        .await
        .fine();
    eventually("the ledger is told", async || {
        (keys(&at) == ["node-tls-key-rotated"]).then_some(())
    })
    .await;
    at.stop().await;
    comity(&["keys", "rotate", "signing", "--home", at.at()])
        .await
        .fine();
    at.start().await;
    assert_eq!(keys(&at), ["node-tls-key-rotated", "signing-key-rotated"]);
    at.restart().await;
    assert_eq!(keys(&at).len(), 2);
}
