//! Short-lived certificates, renewed by who holds them.

use std::{path::PathBuf, time::Duration};

use comity::{
    access::{Principal, PrincipalKind, Role},
    client::Client,
    exercise,
    home::{MAX_RENEWED, leaf},
    node::system_clock,
};
use rcgen::{CertificateParams, KeyPair};

use super::{ago, beside, certificate, client_of, held, is_let_in, text};
use crate::support::{Country, comity, eventually};

async fn enrolled(at: &Country, name: &str, role: &str) -> PathBuf {
    let folder = beside(at, name);
    let _ = std::fs::remove_dir_all(&folder);
    let add = [
        "officer",
        "add",
        name,
        "--home",
        at.at(),
        "--authority",
        exercise::AUTHORITIES[0],
        "--role",
        role,
        "--valid",
        "12h",
        "--out",
        text(&folder),
    ];
    comity(&add).await.fine();
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_renews_until_revoked() {
    let mut a = Country::set_up("TJ");
    a.start().await;
    let folder = enrolled(&a, "aziza", "analyst").await;
    let (profile, own) = (folder.join("profile.toml"), folder.join("certificate.pem"));
    let first = certificate(&own);
    let before = client_of(&folder);
    let renew = ["officer", "renew", "--profile", text(&profile)];
    comity(&renew).await.fine();
    let second = certificate(&own);
    let serial = |der: &[u8]| leaf(der).unwrap().serial;
    assert_ne!(serial(&first), serial(&second));
    let (principal, left) = held(&own);
    assert_eq!(principal.to_string(), "TJ/officer/aziza");
    assert_eq!(left.as_secs().div_ceil(3600), 12);
    assert!(is_let_in(&client_of(&folder)).await);

    // For a key of the holder's own, into another file.
    let key = KeyPair::generate().unwrap();
    let request = beside(&a, "csr");
    let asked = CertificateParams::new(Vec::new()).unwrap();
    let asked = asked.serialize_request(&key).unwrap();
    std::fs::write(&request, asked.der()).unwrap();
    let third = folder.join("third.pem");
    let other = [
        "officer",
        "renew",
        "--profile",
        text(&profile),
        "--csr",
        text(&request),
        "--to",
        text(&third),
    ];
    comity(&other).await.fine();
    std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    std::fs::copy(&third, &own).unwrap();
    let renewed = client_of(&folder);
    assert!(is_let_in(&renewed).await);

    // By name, with everything that was renewed.
    let mut live = Client::connect(&renewed).await.unwrap();
    let revoked = comity(&["officer", "revoke", "aziza", "--home", a.at()])
        .await
        .fine();
    assert_eq!(revoked.lines().count(), 3, "{revoked}");
    eventually("a live connection renews no more", async || {
        live.renew(Vec::new()).await.is_err().then_some(())
    })
    .await;
    eventually("and none begins", async || {
        let one = is_let_in(&before).await || is_let_in(&renewed).await;
        (!one).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_roles_reaches_who_renews() {
    let mut a = Country::set_up("TJ");
    a.start().await;
    let folder = enrolled(&a, "aziza", "victim-protection-officer").await;
    let old = client_of(&folder);
    enrolled(&a, "aziza", "analyst").await;
    let mut client = Client::connect(&old).await.unwrap();
    let renewed = client.renew(Vec::new()).await.unwrap();
    let path = beside(&a, "renewed.pem");
    std::fs::write(&path, renewed.certificate_pem).unwrap();
    let (principal, _) = held(&path);
    let roles: Vec<&str> = principal.roles().iter().map(|role| role.as_str()).collect();
    assert_eq!(roles, ["analyst"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn renewing_fills_no_register() {
    let mut a = Country::set_up("TJ");
    a.start().await;
    let folder = enrolled(&a, "aziza", "analyst").await;
    let mut client = Client::connect(&client_of(&folder)).await.unwrap();
    for _ in 1..MAX_RENEWED {
        client.renew(Vec::new()).await.unwrap();
    }
    let refused = client.renew(Vec::new()).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::ResourceExhausted);
    let bad = client.renew(b"no request".to_vec()).await.unwrap_err();
    assert_eq!(bad.code(), tonic::Code::InvalidArgument);
    let issued = a.home().issued_clients().unwrap();
    let of_aziza = issued.iter().filter(|of| of.name.ends_with("/aziza"));
    assert_eq!(of_aziza.count(), MAX_RENEWED);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_renews_by_itself_what_ends_soon() {
    let mut a = Country::set_up("TJ");
    a.start().await;
    let home = a.home();
    let aziza = Principal::new(home.country(), PrincipalKind::Officer, "aziza")
        .and_then(|aziza| aziza.with_roles([Role::Analyst].into()))
        .unwrap();
    let half_a_day = Duration::from_secs(12 * 3600);
    // Issued ten hours ago: two are left.
    let issued = home
        .issue_client(aziza, half_a_day, ago(10 * 3600))
        .unwrap();
    home.keep_client(&issued).unwrap();
    let (kept, _) = a.layout().client(PrincipalKind::Officer, "aziza");
    assert_eq!(held(&kept).1.as_secs().div_ceil(3600), 2);
    let list = ["records", "list", "--home", a.at(), "--as", "aziza"];
    comity(&list).await.fine();
    assert_eq!(held(&kept).1.as_secs().div_ceil(3600), 12);
    let renewed = certificate(&kept);
    comity(&list).await.fine();
    assert_eq!(
        certificate(&kept),
        renewed,
        "renewed once, not at every command"
    );

    // One that has ended is not let in, and so cannot be renewed.
    let gone = Principal::new(home.country(), PrincipalKind::Officer, "gone").unwrap();
    let an_hour = Duration::from_secs(3600);
    let issued = home.issue_client(gone, an_hour, ago(2 * 3600)).unwrap();
    home.keep_client(&issued).unwrap();
    assert!(issued.expires_at < system_clock()());
    let list = ["records", "list", "--home", a.at(), "--as", "gone"];
    assert_ne!(comity(&list).await.code, 0);
}
