//! Locked is locked at every door: each call of the client port, as the descriptors name them, is
//! made about a record that nobody reads any more. A call that is added is walked by itself, and has
//! to be named in [`PROOFS`] if it answers.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use comity::{
    access::PrincipalKind,
    home::LOCAL,
    node::system_clock,
    rpc::tls::connect_client,
    wire::{json, record::Record},
};
use prost::{
    Message as _,
    bytes::{Buf as _, BufMut as _},
};
use prost_reflect::{DescriptorPool, DynamicMessage, Kind, MethodDescriptor, Value};
use serde_json::json;
use tonic::{
    Code, Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    codegen::http::uri::PathAndQuery,
    transport::Channel,
};

use crate::support::{
    Country, befriend, eventually, json_of, off, refusal_of, status_of, take_back, try_show,
};

/// Calls that still answer about a locked record: what proves that it was here and what became of
/// it, who had charge of it here, and what is to become of it; and an export of several, which names what
/// does not leave, with the reason.
const PROOFS: [&str; 10] = [
    "ExportRecords",
    "GetRecallStatus",
    "ListActsOnRecord",
    "ListCharges",
    "ListReceipts",
    "ProveRecord",
    "RecallRecords",
    "ReleaseHold",
    "SetHold",
    "ShredRecords",
];

/// Words of the record that stand in nothing else.
const CANARIES: [&str; 3] = ["Zwanzigfach", "Quittengelb", "Windschief"];

/// Messages as their bytes.
#[derive(Clone, Copy)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining()).to_vec()))
    }
}

async fn channel(at: &Country, kind: PrincipalKind) -> Channel {
    let home = at.home();
    let address = home.config().client_listen.to_string().parse().unwrap();
    let ca = &home.own_card().issuing_ca_der;
    let own = home.client_material(kind, LOCAL).unwrap();
    let patience = Duration::from_secs(10);
    connect_client(&address, home.country(), ca, &own, patience)
        .await
        .unwrap()
}

/// A request about `reference`, as wide as it can be; and whether it names it.
fn request(method: &MethodDescriptor, reference: &str) -> (Vec<u8>, bool) {
    let mut message = DynamicMessage::new(method.input());
    let mut names_it = false;
    for field in method.input().fields() {
        let text = |text: &str| Value::String(text.to_owned());
        let value = match (field.name(), field.kind()) {
            ("reference", Kind::String) => {
                names_it = true;
                text(reference)
            }
            ("references", Kind::String) => {
                names_it = true;
                Value::List(vec![text(reference)])
            }
            ("text", Kind::String) => text(CANARIES[0]),
            ("to" | "beneficiary", Kind::String) => text("KG"),
            ("purpose" | "ground" | "note" | "reason" | "case_reference", Kind::String) => {
                text("EXERCISE")
            }
            ("exact" | "thread" | "steps" | "granted", Kind::Bool) => Value::Bool(true),
            (_, Kind::Enum(_)) if !field.is_list() => Value::EnumNumber(1),
            _ => continue,
        };
        message.set_field(&field, value);
    }
    (message.encode_to_vec(), names_it)
}

/// Makes one call and answers everything that came back; a watch has no end, so it is read up to
/// `last`, which stands in what it shows at the end.
async fn call(
    channel: &Channel,
    method: &MethodDescriptor,
    request: Vec<u8>,
    last: &str,
) -> Result<Vec<Vec<u8>>, Status> {
    let mut grpc = Grpc::new(channel.clone()).max_decoding_message_size(1 << 25);
    grpc.ready().await.unwrap();
    let service = method.parent_service().full_name().to_owned();
    let path: PathAndQuery = format!("/{service}/{}", method.name()).parse().unwrap();
    let once = tokio_stream::once(request);
    let answers = grpc.streaming(Request::new(once), path, Raw).await?;
    let mut answers = answers.into_inner();
    let mut all = Vec::new();
    while let Some(answer) = answers.message().await? {
        let ends = method.name() == "WatchRecords" && holds(&answer, last);
        all.push(answer);
        if ends {
            break;
        }
    }
    Ok(all)
}

fn holds(bytes: &[u8], words: &str) -> bool {
    bytes
        .windows(words.len())
        .any(|window| window == words.as_bytes())
}

/// Makes every call about `reference`. `last` is the newest record that may be read.
async fn walk(at: &Country, reference: &str, last: &str) {
    let pool = include_bytes!(concat!(env!("OUT_DIR"), "/comity.fds"));
    let pool = DescriptorPool::decode(pool.as_ref()).unwrap();
    let officer = channel(at, PrincipalKind::Officer).await;
    let operator = channel(at, PrincipalKind::Operator).await;
    let services = pool
        .services()
        .filter(|service| service.parent_file().package_name() == "comity.node.v1");
    let mut walked = BTreeSet::new();
    for method in services.flat_map(|service| service.methods().collect::<Vec<_>>()) {
        let (message, names_it) = request(&method, reference);
        walked.insert(method.name().to_owned());
        // The officer sees contents, the operator the ledger.
        let answered = match call(&officer, &method, message.clone(), last).await {
            Err(refused) if refused.code() == Code::PermissionDenied => {
                call(&operator, &method, message, last).await
            }
            answered => answered,
        };
        match answered {
            Err(refused) => {
                for word in CANARIES {
                    assert!(!refused.message().contains(word), "{}", method.name());
                }
            }
            Ok(answers) => {
                let may = !names_it || PROOFS.contains(&method.name());
                assert!(may, "{} answers about a locked record", method.name());
                for (word, answer) in CANARIES
                    .iter()
                    .flat_map(|word| answers.iter().map(move |answer| (word, answer)))
                {
                    assert!(!holds(answer, word), "{} shows {word}", method.name());
                }
            }
        }
    }
    for name in [
        "GetRecord",
        "GetSharing",
        "Search",
        "WatchRecords",
        "PassOn",
        "ReplyToRecord",
        "AcknowledgeRecord",
    ] {
        assert!(walked.contains(name), "{name} was not walked");
    }
    for name in PROOFS {
        assert!(walked.contains(name), "{name} is a proof and no call");
    }
}

fn secret(title: &str) -> Record {
    let mut value = json_of(&format!("{title} {}", CANARIES[0]), &[]);
    value["destinations"] = json!([{
        "country": "UZ",
        "role": "COUNTRY_ROLE_TRANSIT",
        "authorities": ["victim-support"],
        "compartments": ["COMPARTMENT_LABEL_SITUATION", "COMPARTMENT_LABEL_SUSPECTS"],
    }]);
    value["situation"]["summary"] = json!(CANARIES[1]);
    value["suspects"] =
        json!({ "suspects": [{ "names": [{ "text": CANARIES[2], "language": "de" }] }] });
    json::from_json("comity.record.v1.Record", &value.to_string()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_record_is_locked_at_every_door() {
    let (mut a, mut b) = (Country::set_up("TJ"), Country::set_up("UZ"));
    befriend(&[&a, &b]).await;
    let ahead = Arc::new(AtomicI64::new(0));
    a.start_with(off(&ahead)).await;
    b.start_with(off(&ahead)).await;
    let recalled = a.submit(secret("recalled")).await;
    let mut short = secret("short");
    short.expires_at = Some((system_clock()() + Duration::from_secs(3_600)).into());
    let short = a.submit(short).await;
    let kept = a.submit(crate::support::alert("kept")).await;
    for reference in [&recalled, &short, &kept] {
        b.receives(reference).await;
    }
    take_back(&a, &[&recalled]).await.unwrap();
    eventually("UZ locks it", async || {
        let refused = try_show(&b, &recalled).await.err()?;
        (refusal_of(&refused) == "RECORD_LOCKED").then_some(())
    })
    .await;
    // Expired by a clock that jumped: closed, though nothing is locked durably.
    ahead.store(7_200_000_000, Ordering::SeqCst);
    for at in [&b, &a] {
        for reference in [&short, &recalled] {
            walk(at, reference, &kept).await;
        }
    }
    assert_eq!(status_of(&a, &recalled).await.len(), 1);
}
