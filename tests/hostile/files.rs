//! The adversary's end of a stream of files: files that its records name, and chunks that it sends,
//! right or wrong.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use comity::{
    crypto::{
        Digest,
        chunks::{ChunkKey, ChunkPlace, ChunkPlan, ChunkTree, MIN_CHUNK, chunk_hash},
        random_bytes,
    },
    wire::{
        json,
        link::{
            FileAsk, FileChunk, FileFrame, FileHello, FilesRequest, FilesResponse,
            file_frame::Frame,
        },
        record::{Evidence, EvidenceItem, Record},
    },
};
use prost::Message as _;
use serde_json::json;
use tokio::sync::mpsc;
use tonic::{Streaming, transport::Channel};

use crate::{
    forge::plain,
    link::{Answering, End, PATIENCE, Seen, call},
    world::{VICTIM, World},
};

const CHUNK: usize = MIN_CHUNK as usize;

/// A file that the adversary has.
pub(crate) struct File {
    pub(crate) id: [u8; 16],
    pub(crate) plan: ChunkPlan,
    pub(crate) root: Digest,
    key: ChunkKey,
}

impl File {
    /// One of so many chunks, the last of which is shorter.
    pub(crate) fn of(chunks: u64) -> Self {
        let plan = ChunkPlan::new(chunks * u64::from(MIN_CHUNK) - 100, MIN_CHUNK).unwrap();
        let mut tree = ChunkTree::default();
        let id: [u8; 16] = random_bytes().unwrap();
        for index in 0..chunks {
            tree.push(chunk_hash(&content(&id, plan, index)));
        }
        Self {
            id,
            plan,
            root: tree.root(),
            key: ChunkKey::generate().unwrap(),
        }
    }

    /// As a record names it.
    pub(crate) fn named(&self) -> EvidenceItem {
        EvidenceItem {
            id: self.id.to_vec(),
            name: "made-up.bin".to_owned(),
            size: self.plan.size(),
            chunk_size: self.plan.chunk_size(),
            root: self.root.to_vec(),
            key: self.key.as_bytes().to_vec(),
            ..EvidenceItem::default()
        }
    }

    /// A chunk as it should be.
    pub(crate) fn chunk(&self, round: u32, index: u64) -> FileChunk {
        let mut data = content(&self.id, self.plan, index);
        let place = ChunkPlace {
            file: self.id,
            index,
            last: self.plan.is_last(index),
        };
        let seal = self.key.seal(&place, &mut data).unwrap();
        FileChunk {
            item: self.id.to_vec().into(),
            round,
            index,
            nonce: seal.nonce.to_vec().into(),
            tag: seal.tag.to_vec().into(),
            data: data.into(),
        }
    }
}

/// Bytes of a chunk, which differ from file to file and from chunk to chunk.
fn content(id: &[u8; 16], plan: ChunkPlan, index: u64) -> Vec<u8> {
    let seed = [&id[..], &index.to_be_bytes()].concat();
    let block = Digest::of(&seed).to_vec();
    block.repeat(CHUNK / 32)[..plan.length(index)].to_vec()
}

/// Information to the victim that names files.
fn information(world: &mut World, items: Vec<EvidenceItem>) -> Record {
    let value = json!({
        "authority": "national-police",
        "destinations": [{ "country": VICTIM, "role": "COUNTRY_ROLE_DESTINATION" }],
        "urgency": "URGENCY_ROUTINE",
        "purpose": "TRANSFER_PURPOSE_INVESTIGATION",
        "marking": { "tlp": "TLP_AMBER" },
        "exercise": true,
        "situation": {
            "title": "EXERCISE files",
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
    let made: Record = json::from_json("comity.record.v1.Record", &value.to_string()).unwrap();
    let honest = world.record();
    Record {
        reference: honest.reference,
        submitted_at: honest.submitted_at,
        evidence: Some(Evidence {
            items,
            persons: Vec::new(),
        }),
        ..made
    }
}

/// The message of a frame.
pub(crate) fn message(frame: Frame) -> Vec<u8> {
    FilesRequest {
        frame: Some(FileFrame { frame: Some(frame) }),
    }
    .encode_to_vec()
}

/// The first frame, of a version.
pub(crate) fn hello(version: u32) -> Frame {
    Frame::Hello(FileHello { version })
}

/// A stream of files.
pub(crate) struct Files {
    out: mpsc::UnboundedSender<Vec<u8>>,
    asked: Option<Answering<FilesResponse>>,
    incoming: Option<Streaming<FilesResponse>>,
    /// Asks that came while something else was awaited.
    asks: VecDeque<FileAsk>,
    _channel: Channel,
}

impl Files {
    /// A stream on which nothing was said yet.
    pub(crate) async fn dial(world: &World) -> Self {
        let (out, asked, channel) = call(
            &world.home,
            &world.victim_card.issuing_ca_der,
            world.victim().links,
            &world.dial_options(),
            "/comity.link.v1.LinkService/Files",
        )
        .await;
        Self {
            out,
            asked: Some(asked),
            incoming: None,
            asks: VecDeque::new(),
            _channel: channel,
        }
    }

    /// A stream on which both sides said hello.
    pub(crate) async fn open(world: &World) -> Self {
        let mut files = Self::dial(world).await;
        files.send(hello(1));
        match files.next().await {
            Ok(Frame::Hello(FileHello { version: 1 })) => files,
            other => panic!("the node's first frame is no hello: {other:?}"),
        }
    }

    pub(crate) fn raw(&self, bytes: Vec<u8>) {
        // The node may have ended the stream already; then its words are waiting.
        let _ = self.out.send(bytes);
    }

    pub(crate) fn send(&self, frame: Frame) {
        self.raw(message(frame));
    }

    /// The next frame of the node; what it said when it ended the stream otherwise.
    pub(crate) async fn next(&mut self) -> Result<Frame, String> {
        if let Some(asked) = self.asked.take() {
            let answer = tokio::time::timeout(PATIENCE, asked).await;
            match answer.expect("the node answers the call").unwrap() {
                Ok(answer) => self.incoming = Some(answer.into_inner()),
                Err(status) => return Err(status.message().to_owned()),
            }
        }
        let Some(incoming) = &mut self.incoming else {
            return Err(String::new());
        };
        let answer = tokio::time::timeout(PATIENCE, incoming.message()).await;
        match answer.expect("the node neither says anything nor ends the stream") {
            Ok(Some(answer)) => Ok(answer.frame.and_then(|frame| frame.frame).unwrap()),
            Ok(None) => Err(String::new()),
            Err(status) => Err(status.message().to_owned()),
        }
    }

    /// How the stream ends.
    pub(crate) async fn end(&mut self) -> Seen {
        loop {
            if let Err(said) = self.next().await {
                return Seen {
                    said,
                    ..End::Closed.into()
                };
            }
        }
    }

    /// The next ask for a file.
    pub(crate) async fn asked(&mut self, file: &File) -> FileAsk {
        loop {
            match self.next().await.expect("the node asks") {
                Frame::Ask(ask) if ask.item == file.id => return ask,
                Frame::Ask(ask) => self.asks.push_back(ask),
                _ => {}
            }
        }
    }

    /// The next frame that is none of the node's asks.
    pub(crate) async fn answered(&mut self) -> Frame {
        loop {
            match self.next().await.expect("the node answers") {
                Frame::Ask(ask) => self.asks.push_back(ask),
                frame => return frame,
            }
        }
    }

    /// Serves these files as they should be served until those of them arrived that are to.
    pub(crate) async fn serve(&mut self, world: &World, files: &[&File], until: &[&File]) {
        // By file: the round in hand, and the chunk that is due in it.
        let mut served: BTreeMap<[u8; 16], (u32, u64)> = BTreeMap::new();
        let begun = tokio::time::Instant::now();
        let arrived = |file: &&File| world.leaves_of(file).contains(&"item-arrived".to_owned());
        while !until.iter().all(arrived) {
            assert!(begun.elapsed() < PATIENCE, "files arrive");
            let ask = match self.asks.pop_front() {
                Some(ask) => ask,
                // Looks again whether they have arrived.
                None => match tokio::time::timeout(Duration::from_millis(20), self.next()).await {
                    Ok(Ok(Frame::Ask(ask))) => ask,
                    Ok(Err(said)) => panic!("the node ends an honest stream: {said}"),
                    Ok(Ok(_)) | Err(_) => continue,
                },
            };
            let Some(file) = files.iter().find(|file| ask.item == file.id) else {
                continue;
            };
            let (round, next) = served.entry(file.id).or_default();
            if *round != ask.round {
                (*round, *next) = (ask.round, ask.from);
            }
            while *next < ask.until {
                self.send(Frame::Chunk(file.chunk(*round, *next)));
                *next += 1;
            }
        }
    }
}

impl World {
    /// Hands over records that name files, one each, as a record names them after `change`.
    pub(crate) async fn name_as(&mut self, files: &[&File], change: impl Fn(&mut EvidenceItem)) {
        let mut link = self.session().await;
        for file in files {
            let mut item = file.named();
            change(&mut item);
            let record = information(self, vec![item]);
            let parcel = self.seal(&record, plain(&record));
            link.deliver_honestly(self, &[parcel]).await;
        }
    }

    /// Hands over records that name files.
    pub(crate) async fn name(&mut self, files: &[&File]) {
        self.name_as(files, |_| {}).await;
    }

    /// What the victim's ledger says of a file, in alphabetical order.
    pub(crate) fn leaves_of(&self, file: &File) -> Vec<String> {
        let leaves = self.leaves().into_iter();
        let of = leaves.filter(|leaf| leaf.subject == file.id);
        let mut details: Vec<String> = of.map(|leaf| leaf.detail).collect();
        details.sort();
        details
    }

    /// Waits until the ledger says so many things of a file.
    pub(crate) async fn told_of(&self, file: &File, count: usize) -> Vec<String> {
        let begun = tokio::time::Instant::now();
        loop {
            let leaves = self.leaves_of(file);
            if leaves.len() >= count {
                return leaves;
            }
            assert!(begun.elapsed() < PATIENCE, "only {leaves:?} of the file");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Another file comes over honestly, over another stream: the country is served as before. `known`
    /// may be asked for meanwhile.
    pub(crate) async fn hand_over_honestly(&mut self, known: &File) {
        let file = File::of(3);
        self.name(&[&file]).await;
        let mut files = Files::open(self).await;
        files.serve(self, &[&file, known], &[&file]).await;
        assert_eq!(self.leaves_of(&file), ["item-arrived"]);
    }
}
