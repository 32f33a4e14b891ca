//! HTTP/2 by hand over a genuine TLS connection: what a gRPC library would never send.

use std::{sync::Arc, time::Duration};

use comity::rpc::tls::link_client_config;
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::world::{VICTIM, World, country};

const PATIENCE: Duration = Duration::from_secs(30);
const EXCHANGE: &str = "/comity.link.v1.LinkService/Exchange";
/// Bytes of a frame, unless the other side allows more.
const MOST_IN_A_FRAME: usize = 16 << 10;
const HEADERS: u8 = 1;
const DATA: u8 = 0;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
const END_STREAM: u8 = 1;

pub(crate) struct Connection(TlsStream<TcpStream>);

pub(crate) async fn connect(world: &World) -> Connection {
    let victim = country(VICTIM);
    let config = link_client_config(
        &world.home.link_material().unwrap(),
        victim,
        &world.victim_card.issuing_ca_der,
    )
    .unwrap();
    let name = ServerName::try_from(comity::home::link_name(victim)).unwrap();
    let stream = TcpStream::connect(world.victim().links).await.unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    Connection(connector.connect(name, stream).await.unwrap())
}

impl Connection {
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
        self.0.flush().await.unwrap();
    }

    async fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.write(&frame(kind, flags, stream, payload)).await;
    }

    /// Preface and settings.
    pub(crate) async fn begin(&mut self) {
        self.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        self.frame(SETTINGS, 0, 0, &[]).await;
    }

    /// Calls to the link service, each taken back at once, on so many streams from the first on. False
    /// when the node has closed the connection.
    pub(crate) async fn open_and_reset(&mut self, first: u32, streams: u32) -> bool {
        let pair = |number| {
            let stream = first + 2 * number;
            let headers = frame(HEADERS, END_HEADERS, stream, &call());
            let reset = frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes());
            [headers, reset].concat()
        };
        self.goes_on((0..streams).flat_map(pair).collect()).await
    }

    /// Headers that go on: the first frame, or another. False when the node has closed the connection.
    pub(crate) async fn headers_go_on(&mut self, first: bool) -> bool {
        let (kind, block) = match first {
            true => (HEADERS, call()),
            // A field of its own in each frame.
            false => (CONTINUATION, [&[0, 3][..], b"x-a", &[3], b"abc"].concat()),
        };
        self.goes_on(frame(kind, 0, 1, &block)).await
    }

    /// A ping. False when the node has closed the connection.
    pub(crate) async fn ping(&mut self) -> bool {
        self.goes_on(frame(PING, 0, 0, &[0; 8])).await
    }

    /// Settings again. False when the node has closed the connection.
    pub(crate) async fn settings(&mut self) -> bool {
        self.goes_on(frame(SETTINGS, 0, 0, &[])).await
    }

    /// Writes, and reads whatever came meanwhile.
    async fn goes_on(&mut self, bytes: Vec<u8>) -> bool {
        let written = async {
            self.0.write_all(&bytes).await?;
            self.0.flush().await
        };
        if !matches!(tokio::time::timeout(PATIENCE, written).await, Ok(Ok(()))) {
            return false;
        }
        let mut heard = [0; 4096];
        let read = tokio::time::timeout(Duration::ZERO, self.0.read(&mut heard)).await;
        !matches!(read, Ok(Ok(0) | Err(_)))
    }

    /// Preface, settings, and the headers of a call to the link service.
    pub(crate) async fn open_stream(&mut self) {
        self.open_stream_of(EXCHANGE).await;
    }

    /// As [`Self::open_stream`], to a method of it.
    pub(crate) async fn open_stream_of(&mut self, path: &str) {
        self.begin().await;
        self.frame(HEADERS, END_HEADERS, 1, &call_of(path)).await;
    }

    pub(crate) async fn data(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(MOST_IN_A_FRAME) {
            self.frame(DATA, 0, 1, piece).await;
        }
    }

    /// Agrees to the node's settings: from then on its windows are as large as it said.
    pub(crate) async fn agree(&mut self) {
        self.frame(SETTINGS, ACK, 0, &[]).await;
    }

    /// Reads until so many bytes of data came.
    pub(crate) async fn until_heard(&mut self, least: usize) {
        let mut heard = 0;
        while heard < least {
            let (head, length) = self.head().await.expect("the node says something");
            if head[3] == DATA {
                heard += length;
            }
            self.0.read_exact(&mut vec![0; length]).await.unwrap();
        }
    }

    /// The next frame's head, and the length of what follows; `None` at the end of the connection.
    async fn head(&mut self) -> Option<([u8; 9], usize)> {
        let mut head = [0; 9];
        let read = tokio::time::timeout(PATIENCE, self.0.read_exact(&mut head))
            .await
            .expect("the node says something, or ends the stream");
        read.ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        Some((head, length))
    }

    /// Reads until the node closes the connection.
    pub(crate) async fn until_closed(&mut self) {
        let mut heard = [0; 4096];
        loop {
            let read = tokio::time::timeout(PATIENCE, self.0.read(&mut heard))
                .await
                .expect("the node closes the connection");
            if matches!(read, Ok(0) | Err(_)) {
                return;
            }
        }
    }

    /// Reads until the node ends the stream.
    pub(crate) async fn until_stream_ends(&mut self) {
        while let Some((head, length)) = self.head().await {
            self.0.read_exact(&mut vec![0; length]).await.unwrap();
            let ends = matches!(head[3], DATA | HEADERS) && head[4] & END_STREAM != 0;
            if ends || matches!(head[3], RST_STREAM | GOAWAY) {
                return;
            }
        }
    }
}

/// The headers of a call to the link service.
fn call() -> Vec<u8> {
    call_of(EXCHANGE)
}

fn call_of(path: &str) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in [
        (":method", "POST"),
        (":scheme", "https"),
        (":authority", "link"),
        (":path", path),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ] {
        // HPACK: a literal field without indexing, with a new name.
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).unwrap());
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend_from_slice(&[kind, flags]);
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}
