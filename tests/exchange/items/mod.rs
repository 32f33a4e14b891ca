//! Files of evidence requests: from one officer's disk to another's, whatever breaks on the way.

mod fetch;
mod refused;
mod request;

mod upload;

use std::{
    fs::{self, File, OpenOptions},
    net::SocketAddr,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use comity::{
    client::{Client, DownloadOrder, TransferError, UploadOrder},
    node::submit::Intent,
    wire::{
        json,
        ledger::ReadingPurpose,
        node::{Item, ListItemsRequest, UploadBegin},
        record::{Evidence, Record},
    },
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::support::{CASE, Country, eventually};

/// Spontaneous information to `destinations`, with items in compartment `evidence`.
pub(super) fn information(
    title: &str,
    destinations: &[&str],
    evidence: Option<Evidence>,
) -> Record {
    let destinations: Vec<_> = destinations
        .iter()
        .map(|country| json!({ "country": country, "role": "COUNTRY_ROLE_DESTINATION" }))
        .collect();
    let value = json!({
        "authority": "national-police",
        "destinations": destinations,
        "urgency": "URGENCY_URGENT",
        "purpose": "TRANSFER_PURPOSE_INVESTIGATION",
        "marking": { "tlp": "TLP_AMBER" },
        "exercise": true,
        "situation": {
            "title": format!("EXERCISE {title}"),
            "summary": "EXERCISE. All facts are made up.",
            "language": "en",
            "grading": {
                "source": "SOURCE_RELIABILITY_B",
                "information": "INFORMATION_CREDIBILITY_2",
            },
            "confidence": 60,
            "spontaneousInformation": {
                "legalBasis": {
                    "instrument": "LEGAL_INSTRUMENT_UNTOC",
                    "provision": "Art. 18(4)",
                    "offences": ["Trafficking in persons"],
                },
                "relevance": "It may belong to a network under investigation.",
            },
        },
    });
    let mut record: Record =
        json::from_json("comity.record.v1.Record", &value.to_string()).unwrap();
    record.evidence = evidence;
    record
}

/// Bytes that differ everywhere, the same for the same seed.
pub(super) fn bytes(size: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

/// A file of so many bytes.
pub(super) fn file(dir: &Path, size: usize, seed: u64) -> PathBuf {
    let path = dir.join(format!("exercise-{seed}.bin"));
    fs::write(&path, bytes(size, seed)).unwrap();
    path
}

pub(super) fn order(reference: &str, file: &Path) -> UploadOrder {
    UploadOrder {
        file: file.to_owned(),
        begin: UploadBegin {
            reference: reference.to_owned(),
            description: "EXERCISE a recording".to_owned(),
            media_type: "video/mp4".to_owned(),
            ..UploadBegin::default()
        },
    }
}

pub(super) async fn upload(at: &Country, reference: &str, file: &Path) -> Item {
    let mut client = at.client().await;
    let order = order(reference, file);
    client.upload(order, &mut |_, _| {}).await.unwrap()
}

pub(super) fn wanted(reference: &str, item: &[u8], output: &Path) -> DownloadOrder {
    DownloadOrder {
        reference: reference.to_owned(),
        item: item.try_into().unwrap(),
        purpose: ReadingPurpose::Investigation,
        case: CASE.to_owned(),
        note: String::new(),
        output: output.to_owned(),
    }
}

pub(super) async fn download(
    at: &Country,
    reference: &str,
    item: &[u8],
    output: &Path,
) -> Result<Item, TransferError> {
    let mut client = at.client().await;
    let wanted = wanted(reference, item, output);
    client.download(wanted, &mut |_, _| {}).await
}

pub(super) async fn items(at: &Country, reference: &str) -> Vec<Item> {
    let mut client = at.client().await;
    let request = ListItemsRequest {
        reference: reference.to_owned(),
        purpose: ReadingPurpose::Investigation.into(),
        case_reference: CASE.to_owned(),
    };
    let listed = client.items.list_items(request).await;
    listed.unwrap().into_inner().items
}

/// Passes items on to `to`, in a record of their own; answers its reference.
pub(super) async fn hand_over(
    at: &Country,
    reference: &str,
    ids: &[Vec<u8>],
    to: &[&str],
) -> String {
    let ids = ids.iter().map(|id| id.as_slice().try_into().unwrap());
    let asked = reference.parse().unwrap();
    let named = at.node().items_to_transfer(asked, ids.collect()).await;
    let evidence = Evidence {
        items: named.unwrap(),
        persons: Vec::new(),
    };
    submitted(at, information("handed over", to, Some(evidence))).await
}

/// Submits what goes along with items, as the node does for a step; answers its reference.
pub(super) async fn submitted(at: &Country, record: Record) -> String {
    let intent = Intent {
        record,
        idempotency_key: String::new(),
        actor: format!("{}/officer/local", at.code),
        by_node: false,
        evidence: false,
        item: None,
    };
    let accepted = at.node().submit_intent(intent).await;
    accepted.unwrap().reference.to_string()
}

/// Waits until an item is in a state.
pub(super) async fn stands(at: &Country, reference: &str, id: &[u8], state: i32, fault: &str) {
    eventually("the item stands so", async || {
        let listed = items(at, reference).await;
        let item = listed.iter().find(|item| item.id == id)?;
        (item.state == state && item.fault == fault).then_some(())
    })
    .await;
}

/// The file of an item in a country's store.
pub(super) fn chunks_of(at: &Country, id: &[u8]) -> PathBuf {
    at.layout().chunks().join(hex::encode(id))
}

/// Flips a bit of a chunk's ciphertext in a store; a second time makes it whole again.
pub(super) fn flip(at: &Country, item: &Item, chunk: u64) {
    let file: File = OpenOptions::new()
        .read(true)
        .write(true)
        .open(chunks_of(at, &item.id))
        .unwrap();
    let at = 4096 + chunk * (4096 + u64::from(item.chunk_size)) + 4096 + 77;
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 8], at).unwrap();
}

/// A way to a node that breaks after so many bytes, once for each count.
pub(super) struct Breaking {
    pub(super) address: SocketAddr,
    left: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Breaking {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Breaking {
    pub(super) async fn to(address: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap();
        let left = Arc::new(AtomicU64::new(u64::MAX));
        let its = Arc::clone(&left);
        let task = tokio::spawn(async move {
            loop {
                let (inward, _) = listener.accept().await.unwrap();
                let left = Arc::clone(&its);
                tokio::spawn(async move {
                    if let Ok(outward) = TcpStream::connect(address).await {
                        carry(inward, outward, &left).await;
                    }
                });
            }
        });
        Self {
            address: own,
            left,
            task,
        }
    }

    /// Breaks what flows after so many bytes.
    pub(super) fn after(&self, bytes: u64) {
        self.left.store(bytes, Ordering::SeqCst);
    }

    pub(super) fn has_broken(&self) -> bool {
        self.left.load(Ordering::SeqCst) == u64::MAX
    }
}

async fn carry(mut inward: TcpStream, mut outward: TcpStream, left: &AtomicU64) {
    let (mut here, mut there) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    loop {
        let (from, to) = tokio::select! {
            read = inward.read(&mut here) => (read, true),
            read = outward.read(&mut there) => (read, false),
        };
        let Ok(read) = from else { return };
        if read == 0 {
            return;
        }
        let more = u64::try_from(read).unwrap();
        let known = left.load(Ordering::SeqCst);
        if known != u64::MAX {
            if known <= more {
                // Both ends drop: no byte goes on.
                left.store(u64::MAX, Ordering::SeqCst);
                return;
            }
            left.store(known - more, Ordering::SeqCst);
        }
        let sent = if to {
            outward.write_all(&here[..read]).await
        } else {
            inward.write_all(&there[..read]).await
        };
        if sent.is_err() {
            return;
        }
    }
}

/// A client of the local officer over a way that breaks.
pub(super) async fn over(at: &Country, way: &Breaking) -> Client {
    let profile = at.officer().at(way.address.to_string().parse().unwrap());
    let client = Client::connect(&profile).await.unwrap();
    client.with_patience(Duration::from_secs(30))
}
