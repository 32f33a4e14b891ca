//! Clients of the own country that are genuine and hostile: messages that are small on the wire and
//! large in memory, to every method of the client port of a node in a process of its own.

use std::{net::SocketAddr, time::Duration};

use comity::{
    access::PrincipalKind,
    home::{Home, LOCAL},
    rpc::tls::connect_client,
    wire::{
        methods::{Method, methods},
        node::{GetStatusRequest, status_service_client::StatusServiceClient},
    },
};
use prost::bytes::{Buf as _, BufMut as _};
use tonic::{
    Code, Request, Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    transport::Channel,
};
use tonic_types::StatusExt as _;

use crate::{
    memory::{MOST_GROWTH_KIB, Process},
    runtime,
    world::{VICTIM, make_home},
};

/// Longest message of a method that takes a record, and of another.
const WITH_RECORD: usize = (1 << 20) + 64 * 1024;
const WITHOUT: usize = 256 * 1024;
/// The length that no method takes.
const FOUR_MIB: usize = 4 << 20;

/// Methods that take a record, and the keys of the fields around it.
const TAKE_RECORDS: [(&str, &[u8]); 7] = [
    ("/comity.node.v1.RecordService/SubmitRecord", &[0x0a]),
    ("/comity.node.v1.RecordService/SubmitRecords", &[0x0a, 0x0a]),
    ("/comity.node.v1.EvidenceService/CheckEvidence", &[0x0a]),
    ("/comity.node.v1.EvidenceService/RequestEvidence", &[0x0a]),
    ("/comity.node.v1.FeedService/Ingest", &[0x12, 0x1a]),
    ("/comity.node.v1.SharingService/PreviewSharing", &[0x0a]),
    ("/comity.node.v1.ThreadService/ReplyToRecord", &[0x12]),
];

/// Bytes either way.
#[derive(Clone, Copy)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = usize;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buf: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buf.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = usize;
    type Error = Status;

    fn decode(&mut self, buf: &mut DecodeBuf<'_>) -> Result<Option<usize>, Status> {
        let length = buf.remaining();
        buf.advance(length);
        Ok(Some(length))
    }
}

/// `content` as the field of each key, the last one innermost.
fn within(keys: &[u8], content: Vec<u8>) -> Vec<u8> {
    keys.iter().rev().fold(content, |content, key| {
        let mut out = vec![*key];
        prost::encode_length_delimiter(content.len(), &mut out).unwrap();
        out.extend(content);
        out
    })
}

/// As many of the piece as fit into `most` bytes with what stands around them.
fn filled(piece: &[u8], most: usize) -> Vec<u8> {
    piece.repeat((most - 64) / piece.len())
}

/// What a record's bytes can be, as long as they may be, and a part of how each is refused.
fn bombs(most: usize) -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let list = "list elements";
    // Record.suspects.suspects[0].
    let suspect = |content| within(&[0x52, 0x0a], content);
    let packed = {
        let codes = filled(&[1], most - 16);
        suspect(within(&[0x12], codes))
    };
    vec![
        ("empty destinations", filled(&[0x1a, 0], most), list),
        (
            "empty suspects",
            within(&[0x52], filled(&[0x0a, 0], most)),
            list,
        ),
        (
            "strings of no length",
            suspect(filled(&[0x1a, 0], most)),
            list,
        ),
        ("packed codes", packed, list),
        ("codes one by one", suspect(filled(&[0x10, 1], most)), list),
        // Situation.translations, with keys alone.
        (
            "a map",
            within(&[0x4a], filled(&[0x4a, 2, 0x0a, 0], most)),
            list,
        ),
        (
            "unknown fields",
            filled(&[0xaa, 0xea, 0x01, 0], most),
            "rule",
        ),
        ("groups in groups", filled(&[0x0b], most), "well-formed"),
        ("one field twice", filled(&[0x4a, 0], most), "occurs twice"),
        (
            "as many as may be",
            within(&[0x52], [0x0a, 0].repeat(16 * 1024)),
            "rule",
        ),
    ]
}

async fn call(channel: &Channel, method: &Method, message: Vec<u8>) -> Result<(), Status> {
    let mut grpc = tonic::client::Grpc::new(channel.clone());
    grpc.ready()
        .await
        .map_err(|error| Status::unavailable(error.to_string()))?;
    let path = method.path.parse().unwrap();
    let request = Request::new(tokio_stream::once(message));
    let mut answers = grpc.streaming(request, path, Raw).await?.into_inner();
    // A stream of answers may have no end.
    let first = tokio::time::timeout(Duration::from_secs(1), answers.message());
    first.await.map_or(Ok(()), |answer| answer.map(|_| ()))
}

async fn connect(home: &Home, at: SocketAddr) -> Channel {
    let address = at.to_string().parse().unwrap();
    let own = home.client_material(PrincipalKind::Officer, LOCAL).unwrap();
    let ca = &home.own_card().issuing_ca_der;
    let patience = Duration::from_secs(30);
    connect_client(&address, home.country(), ca, &own, patience)
        .await
        .unwrap()
}

#[test]
fn no_request_of_a_client_costs_much_memory() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let home = make_home(folder.path(), VICTIM);
        let process = Process::start(&home);
        let channel = connect(&home, process.clients).await;
        let methods: Vec<Method> = methods()
            .into_iter()
            .filter(|of| of.path.starts_with("/comity.node."))
            .collect();
        let taking: Vec<&str> = methods
            .iter()
            .filter(|of| of.takes_record)
            .map(|of| of.path.as_str())
            .collect();
        assert_eq!(taking, TAKE_RECORDS.map(|(path, _)| path));
        // Whatever a first call takes for good is there before the measurement.
        for method in &methods {
            let _ = call(&channel, method, Vec::new()).await;
        }
        let before = process.peak();

        for method in &methods {
            // A chunk has four mebibytes, and its message a little more.
            let most = match method.path.ends_with("/UploadItem") {
                true => FOUR_MIB + FOUR_MIB / 4,
                false => FOUR_MIB,
            };
            let refused = call(&channel, method, filled(&[0x0a, 0], most)).await;
            let refused = refused.unwrap_err();
            let details = refused.get_error_details();
            let reason = details.error_info().map(|info| info.reason.clone());
            assert_eq!(
                reason.as_deref(),
                Some("MESSAGE_TOO_LARGE"),
                "{}: {refused}",
                method.path
            );
        }
        for method in methods.iter().filter(|of| !of.takes_record) {
            // Lists, strings and messages of no length in the first fields that there are.
            for key in [0x0a, 0x12, 0x1a, 0x22, 0x2a] {
                let message = filled(&[key, 0], WITHOUT);
                if let Err(refused) = call(&channel, method, message).await {
                    assert_ne!(
                        refused.code(),
                        Code::Unavailable,
                        "{}: {refused}",
                        method.path
                    );
                }
            }
        }
        for (path, keys) in TAKE_RECORDS {
            let method = methods.iter().find(|of| of.path == path).unwrap();
            for (what, record, says) in bombs(WITH_RECORD - 64) {
                let refused = call(&channel, method, within(keys, record)).await;
                let refused = match refused {
                    Err(refused) => refused,
                    // In a stream, what could be decoded is refused by an answer.
                    Ok(()) if says == "rule" && method.takes_stream => continue,
                    Ok(()) => panic!("{path}: {what} is taken"),
                };
                // What may be decoded is refused for what it is, or for who sends it.
                let named = says == "rule" || refused.message().contains(says);
                let by_the_node = refused.get_error_details().error_info().is_some();
                assert!(named && by_the_node, "{path}: {what}: {refused}");
            }
        }
        let grown = process.peak() - before;
        assert!(
            grown < MOST_GROWTH_KIB,
            "the node's memory rose by {grown} KiB"
        );
        let mut status = StatusServiceClient::new(channel);
        let status = status.get_status(GetStatusRequest {}).await.unwrap();
        let ports = status.into_inner().ports;
        let clients = ports.iter().find(|of| of.port == "clients").unwrap();
        let too_large = clients.refused.iter().find(|of| of.limit == "message_size");
        assert_eq!(too_large.unwrap().count, methods.len() as u64);
    });
}
