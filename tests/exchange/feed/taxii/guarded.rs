//! Who is let in, and what nobody gets.

use std::time::Duration;

use comity::{
    node::system_clock,
    wire::record::{Name, Source, Suspect, Suspects},
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{
    ALERTS, certificate, has,
    http::{By, TAXII, connect, get, send},
    serving, system, tool,
};
use crate::support::{alert, eventually, ledger_bodies, neighbours};

#[tokio::test(flavor = "multi_thread")]
async fn without_taxii_nothing_but_http_2_is_taken() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    assert!(connect(&a, &system(&a)).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_tokens_nobody_comes_without_a_certificate() {
    let (mut a, _b) = neighbours().await;
    a.configure(|config| config.taxii.serve = true);
    a.start().await;
    let request = format!(
        "GET /taxii2/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAccept: {TAXII}\r\n\r\n"
    );
    let answer = send(&a, &By::Nobody, request.as_bytes()).await;
    let status = answer.map_or(0, |answer| answer.status);
    assert_eq!(status, 0, "somebody without a certificate was let in");
    assert_eq!(get(&a, &system(&a), "/taxii2/").await.status, 200);
    // Suspects leave for a purpose and a case alone.
    let suspects = get(
        &a,
        &system(&a),
        "/taxii2/comity/collections/suspects/objects/",
    )
    .await;
    assert_eq!(suspects.status, 403, "{suspects:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_lets_in_to_taxii_alone_until_it_is_taken_back() {
    let (mut a, _b) = serving().await;
    let authority = a.home().config().authorities.first().cloned();
    let principal = tool(&a, "opencti", authority.as_deref());
    let life = Duration::from_secs(3600);
    let (token, _) = a
        .home()
        .give_token(&principal, life, system_clock()())
        .unwrap();
    let by = By::Header(format!("Token {token}"));
    let mut seen = eventually("the token is known", async || {
        let answer = get(&a, &by, "/taxii2/").await;
        (answer.status == 200).then_some(answer)
    })
    .await;
    assert_eq!(seen.header("content-type").as_deref(), Some(TAXII));
    assert_eq!(seen.body["title"].take(), "Comity, node of TJ");
    for path in [
        "/",
        "/comity.node.v1.RecordService/ListRecords",
        "/taxii2x/",
        "/../keys",
    ] {
        assert_eq!(get(&a, &by, path).await.status, 404, "{path}");
    }
    let nobody = get(&a, &By::Nobody, "/taxii2/").await;
    assert_eq!(nobody.status, 401);
    assert!(
        nobody
            .header("www-authenticate")
            .unwrap()
            .starts_with("Basic")
    );

    let file = std::fs::read_to_string(a.layout().taxii_tokens()).unwrap();
    assert!(!file.contains(&token));
    assert_eq!(a.home().take_tokens("opencti").unwrap(), 1);
    eventually("the token lets nobody in", async || {
        let answer = get(&a, &by, "/taxii2/").await;
        (answer.status == 401).then_some(())
    })
    .await;
    // What is summed up is written at the latest when the node stops.
    a.restart().await;
    let leaves = ledger_bodies(&a).await;
    assert!(
        leaves
            .iter()
            .any(|leaf| leaf.actor.ends_with("unknown-token"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_shows_what_it_is_for_and_no_more() {
    let (a, _b) = serving().await;
    let by = system(&a);
    let mut record = alert("with a suspect and a source");
    record.suspects = Some(Suspects {
        suspects: vec![Suspect {
            names: vec![Name {
                text: "EXERCISE Namuna".to_owned(),
                language: "en".to_owned(),
            }],
            ..Suspect::default()
        }],
    });
    record.source = Some(Source {
        description: "EXERCISE: a caller".to_owned(),
        ..Source::default()
    });
    a.submit(record).await;
    let actors = "/taxii2/comity/collections/suspects/objects/?match[type]=threat-actor";
    let actor = has(&a, &by, actors, 1).await.remove(0);
    assert_eq!(actor["name"], "EXERCISE Namuna");
    for alias in ["alerts", "suspects", "identifiers", "tips"] {
        let path =
            format!("/taxii2/comity/collections/{alias}/objects/?limit=1000&match[version]=all");
        let answer = get(&a, &by, &path).await;
        assert_eq!(answer.status, 200, "{alias}: {answer:?}");
        let shown = answer.body.to_string();
        assert!(!shown.contains("a caller"), "a source left by {alias}");
        assert_eq!(shown.contains("Namuna"), alias == "suspects", "{alias}");
    }
    // Another authority's tool is told of nothing.
    let other = By::Certificate(certificate(&a, "other", Some("prosecutor-general")));
    let alerts = get(&a, &other, &format!("{ALERTS}/objects/?match[type]=report")).await;
    assert_eq!(
        (alerts.status, alerts.objects().len()),
        (200, 0),
        "{alerts:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_are_refused_by_name() {
    let (a, _b) = serving().await;
    let by = system(&a);
    a.submit(alert("there")).await;
    has(&a, &by, &format!("{ALERTS}/objects/?match[type]=report"), 1).await;
    let long = "x".repeat(25_000);
    for (path, status) in [
        (format!("{ALERTS}/objects/?limit=0"), 400),
        (format!("{ALERTS}/objects/?limit=1&limit=2"), 400),
        (format!("{ALERTS}/objects/?next=00"), 400),
        (format!("{ALERTS}/objects/?added_after=now"), 400),
        (format!("{ALERTS}/objects/?match[version]=new"), 400),
        (format!("{ALERTS}/objects/?next={long}"), 414),
        ("/taxii2/comity/collections/../alerts/".to_owned(), 404),
        ("/taxii2/comity/collections/%2e%2e/".to_owned(), 404),
        ("/taxii2/comity/collections/intake/objects/".to_owned(), 403),
        (
            format!("{ALERTS}/objects/report--00000000-0000-4000-8000-000000000000/"),
            404,
        ),
    ] {
        let answer = get(&a, &by, &path).await;
        assert_eq!(answer.status, status, "{path:.80}: {answer:?}");
        assert_eq!(answer.body["http_status"], status.to_string(), "{path:.80}");
    }
    for (head, status) in [
        ("Accept: application/json", 406),
        ("X: y", 406),
        ("Accept: */*\r\nContent-Length: 5\r\nContent-Length: 6", 400),
    ] {
        let request = format!(
            "GET /taxii2/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{head}\r\n\r\n"
        );
        let answer = send(&a, &by, request.as_bytes()).await.unwrap();
        assert_eq!(answer.status, status, "{head}: {answer:?}");
    }
    let huge = format!(
        "GET /taxii2/ HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n",
        "y".repeat(100_000)
    );
    let answer = send(&a, &by, huge.as_bytes()).await;
    assert!(answer.is_err() || answer.is_ok_and(|answer| matches!(answer.status, 0 | 431)));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_slowly_loses_the_connection_and_keeps_nobody_out() {
    let (mut a, _b) = neighbours().await;
    a.configure(|config| {
        config.taxii.serve = true;
        config.limits.message_timeout_ms = 1000;
        config.limits.handshake_timeout_ms = 1000;
    });
    a.start().await;
    let by = system(&a);
    let mut slow = connect(&a, &by).await.unwrap();
    slow.write_all(b"GET /taxii2/ HTTP/1.1\r\nHost: localhost\r\nX-Begun: and never")
        .await
        .unwrap();
    assert_eq!(get(&a, &by, "/taxii2/").await.status, 200);
    let mut rest = Vec::new();
    // The node ends it, with a refusal or without.
    let _ = slow.read_to_end(&mut rest).await;
    assert!(!rest.starts_with(b"HTTP/1.1 200"));
}
