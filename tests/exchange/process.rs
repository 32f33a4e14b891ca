//! The node as a process: what it needs, whom it makes room for, and how it ends.

use std::fs;

use crate::support::{Country, alert, comity, comity_reading, neighbours};

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_closes_cleanly() {
    let (mut a, _b) = neighbours().await;
    a.start_process().await;
    a.submit(alert("kept")).await;
    let status = a.terminate().await;
    assert_eq!(status.code(), Some(0), "{}", a.log());
    assert!(a.log().contains("closed cleanly"));
    a.start_process().await;
    assert_eq!(a.status().await.store_start, "clean");
    assert_eq!(a.status().await.records, 1);
    a.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_exchange_a_record() {
    let (mut a, mut b) = neighbours().await;
    a.start_process().await;
    b.start_process().await;
    let record = crate::support::json_of("from a file", &["UZ"]).to_string();
    let reference = comity_reading(&["submit", "-", "--home", a.at()], &record).await;
    let reference = reference.fine().trim().to_owned();
    a.drained().await;
    let show = ["records", "show", &reference, "--home", b.at()];
    assert!(comity(&show).await.fine().contains("EXERCISE from a file"));
    let receipts = comity(&["receipts", &reference, "--home", a.at()]).await;
    assert!(receipts.fine().contains("DELIVERY"));
    a.terminate().await;
    b.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_node_on_one_home_names_the_first() {
    let mut a = Country::set_up("TJ");
    a.start_process().await;
    let named = format!("(process {})", a.pid());
    let second = comity(&["run", "--home", a.at()]).await;
    second.fails(78, &["another node runs on", &named, "stop it first"]);
    for verb in ["check", "rebuild"] {
        let offline = comity(&["store", verb, "--home", a.at()]).await;
        offline.fails(78, &["another node runs on", &named]);
    }
    // The first one did not notice.
    assert_eq!(a.status().await.country, "TJ");
    assert_eq!(a.terminate().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_named_with_its_setting() {
    let (a, b) = (Country::set_up("TJ"), Country::set_up("UZ"));
    let (listen, client_listen) = {
        let home = b.home();
        (home.config().listen, home.config().client_listen)
    };
    let taken = std::net::TcpListener::bind(listen).unwrap();
    a.configure(|config| config.listen = listen);
    comity(&["run", "--home", a.at()])
        .await
        .fails(69, &[&listen.to_string(), "change `listen` in config.toml"]);
    drop(taken);
    let taken = std::net::TcpListener::bind(client_listen).unwrap();
    a.configure(|config| config.client_listen = client_listen);
    comity(&["run", "--home", a.at()]).await.fails(
        69,
        &[
            &client_listen.to_string(),
            "change `client_listen` in config.toml",
        ],
    );
    drop(taken);
    // The store was not touched.
    assert!(!a.layout().journal().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_that_is_none_or_misspelt_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere");
    comity(&["run", "--home", nowhere.to_str().unwrap()])
        .await
        .fails(78, &["nowhere"]);
    let a = Country::set_up("TJ");
    let config = a.layout().config();
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("lisen = \"127.0.0.1:1\"\n{text}")).unwrap();
    comity(&["run", "--home", a.at()])
        .await
        .fails(78, &["config.toml", "lisen"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_others_may_read_stop_the_start() {
    use std::os::unix::fs::PermissionsExt as _;
    let a = Country::set_up("TJ");
    let key = a.layout().signing_key();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    comity(&["run", "--home", a.at()])
        .await
        .fails(78, &["signing.pk8"]);
}
