//! Limits, enforced: over real connections, with small numbers.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use http_body::Frame;
use prost::bytes::Bytes;
use rustls::pki_types::ServerName;
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpSocket, TcpStream},
    time::sleep,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tonic::{Code, Status, body::Body, client::GrpcService as _, transport::Channel};
use tonic_types::StatusExt as _;

use super::{
    doors::{
        LONG, SHORT, Served, ask, closed_after, dial_as, dialling, limits, link_port, served, who,
    },
    kz, uz,
};
use crate::{
    home::link_name,
    limits::{Patience, Rate, Rules},
    rpc::tls::{AcceptLimits, Door},
};

async fn serving(change: impl FnOnce(&mut AcceptLimits)) -> Served {
    let mut limits = limits();
    change(&mut limits);
    served(Door::Links, link_port(), limits).await
}

async fn dial(served: &Served) -> Channel {
    dial_as(served, &kz().link).await.unwrap()
}

/// How often a limit refused.
fn refused(served: &Served, limit: &str) -> u64 {
    let refused = served.admission.status().refused;
    let of = refused.iter().find(|of| of.limit == limit);
    of.map_or(0, |of| of.count)
}

fn waiting() -> tonic::Request<crate::wire::node::GetStatusRequest> {
    let mut request = ask();
    let wait = "1".parse().unwrap();
    request.metadata_mut().insert("x-wait", wait);
    request
}

/// Reason, limit and number of a refusal.
fn named(status: &Status) -> (String, String, String) {
    let details = status.get_error_details();
    let info = details.error_info().unwrap();
    let of = |key: &str| info.metadata.get(key).cloned().unwrap_or_default();
    (info.reason.clone(), of("limit"), of("most"))
}

fn rules(per_second: u64, burst: u64, calls: u64) -> Rules {
    Rules {
        rate: Rate { per_second, burst },
        calls,
        streams: 8,
    }
}

#[tokio::test]
async fn too_many_calls_are_refused_with_the_limit_and_when_to_come_again() {
    let served = serving(|limits| limits.rules = rules(2, 3, 16)).await;
    let channel = dial(&served).await;
    for _ in 0..3 {
        who(channel.clone(), ask()).await.unwrap();
    }
    // Another connection of the same principal begins nothing anew.
    let other = dial(&served).await;
    let status = who(other, ask()).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    let (reason, limit, most) = named(&status);
    assert_eq!(
        (reason.as_str(), limit.as_str(), most.as_str()),
        ("LIMIT_EXCEEDED", "calls_per_second", "2")
    );
    let details = status.get_error_details();
    let again = details.retry_info().unwrap().retry_delay.unwrap();
    assert!(again > Duration::ZERO && again <= Duration::from_millis(500));
    assert_eq!(refused(&served, "calls_per_second"), 1);
    sleep(again).await;
    who(channel, ask()).await.unwrap();
}

#[tokio::test]
async fn calls_at_a_time_are_counted_over_all_connections_and_given_back() {
    let served = serving(|limits| limits.rules = rules(1000, 1000, 2)).await;
    let mut open = Vec::new();
    for _ in 0..2 {
        let channel = dial(&served).await;
        open.push(tokio::spawn(who(channel, waiting())));
        served.waiting.notified().await;
    }
    assert_eq!(served.admission.status().calls, 2);
    let channel = dial(&served).await;
    let status = who(channel.clone(), ask()).await.unwrap_err();
    assert_eq!(named(&status).1, "max_calls_per_identity");
    // Who hangs up gives the place back.
    open.remove(0).abort();
    let begun = Instant::now();
    while who(channel.clone(), ask()).await.is_err() {
        assert!(begun.elapsed() < LONG, "the place is not given back");
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_answered() {
    let served = serving(|limits| limits.call_timeout = SHORT).await;
    let status = who(dial(&served).await, waiting()).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
    assert_eq!(named(&status).0, "CALL_SLOW");
}

/// A body that says something and then nothing more.
struct Stalled(Option<Bytes>);

impl http_body::Body for Stalled {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match self.0.take() {
            Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            None => Poll::Pending,
        }
    }
}

/// What a request with such a body is answered.
async fn stalling(served: &Served, said: Option<&'static [u8]>) -> Status {
    let body = Body::new(Stalled(said.map(Bytes::from_static)));
    let request = http::Request::post("http://x/comity.node.v1.StatusService/GetStatus")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(body)
        .unwrap();
    let mut channel = dial(served).await;
    std::future::poll_fn(|cx| channel.poll_ready(cx))
        .await
        .unwrap();
    let answer = channel.call(request).await.unwrap();
    Status::from_header_map(answer.headers()).unwrap()
}

#[tokio::test]
async fn a_request_whose_bytes_do_not_come_is_answered() {
    let served = serving(|limits| limits.message_timeout = SHORT).await;
    for said in [None, Some(&[0, 0][..]), Some(&[0, 0, 0, 0, 9, 1, 2][..])] {
        let status = stalling(&served, said).await;
        assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
        assert_eq!(named(&status).0, "MESSAGE_SLOW");
    }
    assert_eq!(refused(&served, "message_timeout_ms"), 3);
}

#[tokio::test]
async fn a_message_that_is_too_long_is_refused_by_its_prefix() {
    let served = serving(|_| {}).await;
    // 256 KiB and one byte, of which nothing comes.
    let status = stalling(&served, Some(&[0, 0, 4, 0, 1])).await;
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    let (reason, limit, most) = named(&status);
    assert_eq!(
        (reason.as_str(), most.as_str()),
        ("MESSAGE_TOO_LARGE", "262144")
    );
    assert_eq!(limit, "message_size");
}

#[tokio::test]
async fn a_preface_in_pieces_is_cut() {
    let served = serving(|_| {}).await;
    let tcp = TcpStream::connect(served.address).await.unwrap();
    let name = ServerName::try_from(link_name(uz().country)).unwrap();
    let connector = TlsConnector::from(dialling());
    let mut slow = connector.connect(name, tcp).await.unwrap();
    slow.write_all(b"PRI * HTTP/2.0\r\n").await.unwrap();
    slow.flush().await.unwrap();
    let lasted = closed_after(slow).await;
    assert!(lasted >= SHORT / 2 && lasted < LONG / 2, "{lasted:?}");
    assert_eq!(refused(&served, "handshake_timeout_ms"), 1);
}

#[tokio::test]
async fn a_connection_without_calls_is_closed_and_one_with_a_call_is_not() {
    let served = serving(|limits| limits.idle_timeout = SHORT).await;
    let (idle, busy) = (dial(&served).await, dial(&served).await);
    who(idle.clone(), ask()).await.unwrap();
    let call = tokio::spawn(who(busy.clone(), waiting()));
    served.waiting.notified().await;
    sleep(SHORT * 3).await;
    let gone = who(idle, ask()).await.unwrap_err();
    assert_eq!(gone.code(), Code::Unavailable, "{gone}");
    who(busy, ask()).await.unwrap();
    assert_eq!(refused(&served, "idle_timeout_ms"), 1);
    call.abort();
}

#[tokio::test]
async fn at_a_full_port_an_idle_connection_gives_way() {
    let served = serving(|limits| limits.max_connections = 2).await;
    let busy = dial(&served).await;
    let call = tokio::spawn(who(busy.clone(), waiting()));
    served.waiting.notified().await;
    let idle = dial(&served).await;
    who(idle.clone(), ask()).await.unwrap();
    let fresh = dial(&served).await;
    who(fresh.clone(), ask()).await.unwrap();
    who(idle, ask()).await.unwrap_err();
    who(busy, ask()).await.unwrap();
    assert_eq!(refused(&served, "max_connections"), 1);
    assert_eq!(served.admission.status().connections, 2);
    call.abort();
}

#[tokio::test]
async fn an_address_that_comes_too_often_is_turned_away() {
    let served = serving(|limits| {
        limits.handshake_rate = Rate {
            per_second: 1,
            burst: 2,
        };
    })
    .await;
    let channel = dial(&served).await;
    let _second = dial(&served).await;
    assert!(dial_as(&served, &kz().link).await.is_err());
    assert_eq!(refused(&served, "handshakes_per_second_per_address"), 1);
    // Whoever is in stays in.
    who(channel, ask()).await.unwrap();
}

#[tokio::test]
async fn stalled_handshakes_of_an_address_give_way_to_its_newer_ones() {
    let served = serving(|limits| {
        limits.handshake_timeout = LONG;
        limits.max_handshakes_per_address = 4;
    })
    .await;
    let mut stalled = Vec::new();
    for _ in 0..20 {
        stalled.push(TcpStream::connect(served.address).await.unwrap());
    }
    who(dial(&served).await, ask()).await.unwrap();
    closed_after(stalled.remove(0)).await;
    assert!(refused(&served, "max_handshakes_per_address") >= 16);
    assert!(served.admission.status().handshakes <= 4);
}

fn patience(limits: &mut AcceptLimits, first: Duration) {
    limits.patience = Patience {
        first,
        longest: LONG,
        ..limits.patience
    };
}

/// A connection from a loopback address of the test's choice, after its handshake with KZ's certificate.
async fn after_handshake(served: &Served, from: [u8; 4]) -> TlsStream<TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((from, 0).into()).unwrap();
    let tcp = socket.connect(served.address).await.unwrap();
    let name = ServerName::try_from(link_name(uz().country)).unwrap();
    let connector = TlsConnector::from(dialling());
    connector.connect(name, tcp).await.unwrap()
}

/// Whether a call is answered over a new connection.
async fn gets_in(served: &Served) -> bool {
    match dial_as(served, &kz().link).await {
        Ok(channel) => who(channel, ask()).await.is_ok(),
        Err(_) => false,
    }
}

#[tokio::test]
async fn an_address_that_stalled_in_its_handshake_waits_and_then_gets_in() {
    let served = serving(|limits| patience(limits, 2 * SHORT)).await;
    closed_after(TcpStream::connect(served.address).await.unwrap()).await;
    assert!(!gets_in(&served).await);
    assert_eq!(refused(&served, "stall_pause_ms"), 1);
    let begun = Instant::now();
    while !gets_in(&served).await {
        assert!(begun.elapsed() < LONG, "the pause does not end");
        sleep(SHORT / 3).await;
    }
    // Its call was answered, so that whatever else comes to nothing there keeps nobody out.
    for _ in 0..3 {
        closed_after(TcpStream::connect(served.address).await.unwrap()).await;
    }
    assert!(gets_in(&served).await);
}

#[tokio::test]
async fn a_principal_that_stalls_after_its_handshake_waits_wherever_it_comes_from() {
    let served = serving(|limits| patience(limits, LONG)).await;
    closed_after(after_handshake(&served, [127, 0, 0, 2]).await).await;
    assert!(!gets_in(&served).await);
    assert!(refused(&served, "stall_pause_ms") >= 1);
    assert_eq!(served.admission.status().connections, 0);
}

#[tokio::test]
async fn half_a_request_comes_to_nothing_and_a_call_before_it_makes_it_harmless() {
    let half = Some(&[0, 0, 0, 0, 9, 1, 2][..]);
    for calls_before in [false, true] {
        let served = serving(|limits| {
            patience(limits, LONG);
            limits.message_timeout = SHORT;
        })
        .await;
        if calls_before {
            assert!(gets_in(&served).await);
        }
        let status = stalling(&served, half).await;
        assert_eq!(named(&status).0, "MESSAGE_SLOW");
        assert_eq!(gets_in(&served).await, calls_before);
    }
}

#[tokio::test]
async fn who_only_looks_or_has_a_wrong_certificate_does_not_wait_and_who_stays_without_a_call_does()
{
    let served = serving(|limits| {
        patience(limits, LONG);
        limits.handshake_timeout = 5 * SHORT;
    })
    .await;
    // UZ's own certificate is no peer's.
    let refused_here = match dial_as(&served, &uz().link).await {
        Ok(channel) => who(channel, ask()).await.is_err(),
        Err(_) => true,
    };
    assert!(refused_here);
    drop(after_handshake(&served, [127, 0, 0, 1]).await);
    let mut stays = after_handshake(&served, [127, 0, 0, 1]).await;
    // HTTP/2 begins, and nothing follows.
    let begins = [
        &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..],
        &[0, 0, 0, 4, 0, 0, 0, 0, 0],
    ]
    .concat();
    stays.write_all(&begins).await.unwrap();
    stays.flush().await.unwrap();
    sleep(6 * SHORT).await;
    assert_eq!(refused(&served, "stall_pause_ms"), 0);
    drop(stays);
    let begun = Instant::now();
    while refused(&served, "stall_pause_ms") == 0 {
        assert!(begun.elapsed() < LONG, "nobody waits");
        drop(TcpStream::connect(served.address).await.unwrap());
        sleep(Duration::from_millis(10)).await;
    }
}
