//! Networks that let nothing in and one proxy out.

use std::{fs, os::unix::fs::PermissionsExt as _};

use crate::support::{
    ConnectProxy, Country, PASSWORD, Settings, USER, alert_to, befriend, comity, eventually,
};

const PASSWORD_FILE: &str = "keys/proxy-password";

/// A country that accepts no links and dials through `proxy`.
pub(crate) fn behind(proxy: &ConnectProxy, code: &'static str, password: &str) -> Country {
    let country = Country::with(
        code,
        Settings {
            unlisted: true,
            ..Settings::default()
        },
    );
    let file = country.dir().join(PASSWORD_FILE);
    fs::write(&file, format!("{password}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    country.configure(|config| {
        config.links.accept = false;
        config.links.proxy = format!("http://{USER}@{}", proxy.address);
        config.links.proxy_password_file = Some(PASSWORD_FILE.into());
    });
    country
}

async fn last_error(country: &Country, says: &str) {
    eventually(&format!("the status says {says:?}"), async || {
        let status = country.status().await;
        status.links[0].last_error.contains(says).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_only_dials_out_through_a_proxy_exchanges_both_ways() {
    let proxy = ConnectProxy::start().await;
    let (mut a, mut b) = (behind(&proxy, "TJ", PASSWORD), Country::set_up("UZ"));
    befriend(&[&a, &b]).await;
    let closed = a.home().config().listen;
    a.start().await;
    b.start().await;
    let there = a.submit(alert_to(&["UZ"], "there")).await;
    let back = b.submit(alert_to(&["TJ"], "back")).await;
    b.receives(&there).await;
    a.receives(&back).await;
    a.drained().await;
    b.drained().await;
    assert_eq!(proxy.tunnels(), 1);
    assert!(tokio::net::TcpStream::connect(closed).await.is_err());
    // The link comes back by itself after its peer was away, and only through the proxy.
    b.restart().await;
    let again = b.submit(alert_to(&["TJ"], "again")).await;
    a.receives(&again).await;
    assert!(proxy.tunnels() >= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_refuses_is_named_until_it_permits() {
    let proxy = ConnectProxy::start().await;
    proxy.permit(false);
    let (mut a, mut b) = (behind(&proxy, "TJ", PASSWORD), Country::set_up("UZ"));
    befriend(&[&a, &b]).await;
    a.start().await;
    last_error(&a, "the proxy forbids this destination (403)").await;
    proxy.permit(true);
    last_error(&a, "the proxy could not reach the peer (502)").await;
    b.start().await;
    a.linked("UZ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_the_nodes_own_fault_and_is_not_shown() {
    let proxy = ConnectProxy::start().await;
    let (mut a, b) = (
        behind(&proxy, "TJ", "not-the-password"),
        Country::set_up("UZ"),
    );
    befriend(&[&a, &b]).await;
    a.start().await;
    last_error(&a, "credentials (407)").await;
    let status = format!("{:?}", a.status().await);
    assert!(!status.contains("not-the-password"), "{status}");
    assert_eq!(proxy.tunnels(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_may_be_dialled_otherwise_than_the_rest() {
    let proxy = ConnectProxy::start().await;
    let (mut a, mut b) = (behind(&proxy, "TJ", PASSWORD), Country::set_up("UZ"));
    befriend(&[&a, &b]).await;
    a.configure(|config| {
        let direct = comity::config::PeerLinkConfig {
            proxy: "direct".to_owned(),
            proxy_password_file: None,
        };
        config.links.peers.insert("UZ".to_owned(), direct);
    });
    a.start().await;
    b.start().await;
    a.linked("UZ").await;
    assert_eq!(proxy.tunnels(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_that_only_dial_out_are_told_that_they_never_meet() {
    let proxy = ConnectProxy::start().await;
    let (mut a, b) = (
        behind(&proxy, "TJ", PASSWORD),
        behind(&proxy, "UZ", PASSWORD),
    );
    befriend(&[&a, &b]).await;
    a.start().await;
    last_error(&a, "neither can dial the other").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_others_may_read_or_that_is_none_stops_the_start() {
    let proxy = ConnectProxy::start().await;
    let a = behind(&proxy, "TJ", PASSWORD);
    let file = a.dir().join(PASSWORD_FILE);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let run = ["run", "--home", a.at()];
    comity(&run)
        .await
        .fails(78, &["proxy-password", "chmod 600"]);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    for (content, says) in [("", "is empty"), ("two\nlines\n", "more than one line")] {
        fs::write(&file, content).unwrap();
        comity(&run).await.fails(78, &["proxy-password", says]);
    }
    fs::remove_file(&file).unwrap();
    comity(&run)
        .await
        .fails(78, &["proxy-password", "cannot be read"]);
    // In the configuration it is refused, and not repeated.
    let config = fs::read_to_string(a.layout().config()).unwrap();
    let leaky = config.replace(&format!("{USER}@"), &format!("{USER}:{PASSWORD}@"));
    fs::write(a.layout().config(), leaky).unwrap();
    let refused = comity(&run).await;
    assert!(!refused.stderr.contains(PASSWORD), "{}", refused.stderr);
    refused.fails(78, &["links.proxy", "a password does not belong"]);
}
