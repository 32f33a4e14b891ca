//! Dialling through proxies, honest and hostile.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

use super::{
    super::*,
    doors::{LONG, SHORT, ask, at, dialling, links, options, who},
    uz,
};
use crate::{card::LinkAddress, home::Proxy};

/// Accepts connections for ever and does `behave` with each, after having read the request.
async fn proxy<F, B>(behave: F) -> SocketAddr
where
    F: Fn(TcpStream, String) -> B + Copy + Send + 'static,
    B: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                behave(stream, String::from_utf8(head).unwrap()).await;
            });
        }
    });
    address
}

async fn honest(mut stream: TcpStream, request: String) {
    let target = request.split(' ').nth(1).unwrap().to_owned();
    let mut through = TcpStream::connect(target).await.unwrap();
    let answer = b"HTTP/1.1 200 Connection established\r\nVia: 1.1 test\r\n\r\n";
    stream.write_all(answer).await.unwrap();
    let _ = copy_bidirectional(&mut stream, &mut through).await;
}

async fn dial_through(
    proxy: SocketAddr,
    target: &LinkAddress,
    within: Duration,
) -> Result<tonic::transport::Channel, DialError> {
    let mut options = options(true);
    options.connect_timeout = within;
    options.proxy = Some(Proxy::with_password(at(proxy), "node", "secret"));
    let dialled = dial_link(target, uz().country, dialling(), &options).await;
    dialled.map(|connection| connection.channel)
}

/// What is said of a proxy that behaves so.
async fn fault_of<F, B>(behave: F) -> ProxyFault
where
    F: Fn(TcpStream, String) -> B + Copy + Send + 'static,
    B: Future<Output = ()> + Send + 'static,
{
    let proxy = proxy(behave).await;
    let target = "node.uz.example:7443".parse().unwrap();
    match dial_through(proxy, &target, SHORT).await.unwrap_err() {
        DialError::Proxy {
            address,
            proxy: named,
            fault,
        } => {
            assert_eq!(address, "node.uz.example:7443");
            assert_eq!(named, proxy.to_string());
            assert!(!fault.to_string().contains("secret"));
            fault
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn mutual_tls_runs_inside_the_tunnel() {
    let served = links().await;
    let proxy = proxy(honest).await;
    let channel = dial_through(proxy, &at(served.address), LONG)
        .await
        .unwrap();
    assert_eq!(who(channel, ask()).await.unwrap(), "KZ");
}

#[tokio::test]
async fn a_proxy_that_poses_as_the_peer_fails_the_handshake() {
    let served = proxy(|mut stream: TcpStream, _| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        // What a client says first is its hello; this answers with an alert.
        let _ = stream.read_u8().await;
        let _ = stream.write_all(&[21, 3, 3, 0, 2, 2, 40]).await;
    });
    let proxy = served.await;
    let target = "node.uz.example:7443".parse().unwrap();
    let fault = dial_through(proxy, &target, LONG).await.unwrap_err();
    assert!(matches!(fault, DialError::Handshake { .. }), "{fault}");
}

#[tokio::test]
async fn whose_fault_a_refusal_is() {
    macro_rules! answered {
        ($status:literal, $fault:pat) => {{
            let fault = fault_of(|mut stream: TcpStream, _| async move {
                let answer = concat!("HTTP/1.1 ", $status, "\r\nContent-Length: 2\r\n\r\nno");
                let _ = stream.write_all(answer.as_bytes()).await;
            })
            .await;
            assert!(matches!(fault, $fault), "{fault}");
        }};
    }
    answered!("407 Proxy Authentication Required", ProxyFault::Credentials);
    answered!("403 Forbidden", ProxyFault::Forbidden);
    answered!("502 Bad Gateway", ProxyFault::NotThrough(502));
    answered!("302 Found", ProxyFault::Redirect(302));
    answered!("429 Too Many Requests", ProxyFault::Status(429));
    answered!("200 OK", ProxyFault::Intruding);
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = gone.local_addr().unwrap();
    drop(gone);
    let target = "node.uz.example:7443".parse().unwrap();
    let fault = dial_through(address, &target, LONG).await.unwrap_err();
    let DialError::Proxy { fault, .. } = fault else {
        panic!("{fault}");
    };
    assert!(matches!(fault, ProxyFault::Unreachable(_)), "{fault}");
}

#[tokio::test]
async fn hostile_answers_are_bounded() {
    let garbage = fault_of(|mut stream: TcpStream, _| async move {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n").await;
        std::future::pending::<()>().await;
    });
    assert!(matches!(garbage.await, ProxyFault::NoProxy(_)));
    let endless = fault_of(|mut stream: TcpStream, _| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
        while stream
            .write_all(b"X-Pad: aaaaaaaaaaaaaaaa\r\n")
            .await
            .is_ok()
        {}
    });
    assert!(matches!(endless.await, ProxyFault::Endless));
    let one_line = fault_of(|mut stream: TcpStream, _| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 ").await;
        while stream.write_all(&[b'a'; 512]).await.is_ok() {}
    });
    assert!(matches!(one_line.await, ProxyFault::Endless));
    let cut = fault_of(|mut stream: TcpStream, _| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nVia").await;
    });
    assert!(matches!(cut.await, ProxyFault::Closed));
}

#[tokio::test]
async fn a_slow_answer_is_cut_in_time() {
    let begun = Instant::now();
    let trickling = fault_of(|mut stream: TcpStream, _| async move {
        for byte in b"HTTP/1.1 200 OK\r\n"
            .iter()
            .chain(std::iter::repeat(&b'x'))
        {
            if stream.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(matches!(trickling.await, ProxyFault::Slow));
    let silent = fault_of(|kept: TcpStream, _| async move {
        let _open = kept;
        std::future::pending::<()>().await;
    });
    assert!(matches!(silent.await, ProxyFault::Slow));
    assert!(begun.elapsed() < LONG / 2);
}
