//! Serving: chunks of what was transferred to the peer, or came from it, and of nothing else, as they lie on
//! the disk.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::{
    crypto::Digest,
    entry::ItemStand,
    inbox::ask,
    record::Country,
    store::{ChunkError, ChunkReader},
    wire::link::{
        FileAsk, FileChunk, FileFrame, FileRefusal, FileRefusalReason, FileReport,
        file_frame::Frame,
    },
};

use super::{
    super::{
        super::{Node, NodeError, read::blocking},
        ItemId, plan_of,
    },
    FilesEnd, FilesOut,
};

/// Asks that wait to be looked at.
pub(super) const ASKS: usize = 64;
/// Items that are served at a time.
const ITEMS: usize = 4;
/// Most chunks that one ask lets be sent, however large its credit.
pub(super) const MOST_CREDIT: u64 = 64;

/// An ask, within its bounds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    id: ItemId,
    round: u32,
    from: u64,
    until: u64,
}

impl Asked {
    pub(super) fn read(ask: &FileAsk) -> Option<Self> {
        let id = ask.item.as_slice().try_into().ok()?;
        let bounds = ask.round > 0 && ask.from < ask.until;
        bounds.then_some(Self {
            id,
            round: ask.round,
            from: ask.from,
            until: ask.until,
        })
    }
}

/// An item that is served.
struct Serving {
    id: ItemId,
    round: u32,
    next: u64,
    until: u64,
    reader: Arc<ChunkReader>,
}

/// Serves what is asked for, in turns.
pub(super) async fn run(
    node: Arc<Node>,
    peer: Country,
    mut asked: mpsc::Receiver<Asked>,
    out: FilesOut,
) -> FilesEnd {
    let mut serving: Vec<Serving> = Vec::new();
    loop {
        // With nothing to send, the next ask is waited for; else only those are taken that are there.
        let ask = if serving.iter().all(|of| of.next >= of.until) {
            match asked.recv().await {
                Some(ask) => Some(ask),
                None => return FilesEnd::Closed,
            }
        } else {
            asked.try_recv().ok()
        };
        if let Some(ask) = ask {
            if let Err(end) = take(&node, peer, &mut serving, ask, &out).await {
                return end;
            }
            continue;
        }
        let due = serving.iter().position(|of| of.next < of.until);
        let Some(mut one) = due.map(|at| serving.remove(at)) else {
            continue;
        };
        match send(&mut one, &out).await {
            Ok(true) => serving.push(one),
            Ok(false) => {}
            Err(end) => return end,
        }
    }
}

/// Takes an ask: more credit, another round, or another item.
async fn take(
    node: &Arc<Node>,
    peer: Country,
    serving: &mut Vec<Serving>,
    ask: Asked,
    out: &FilesOut,
) -> Result<(), FilesEnd> {
    // Asked each time: what was recalled or shredded since goes no further.
    let asking = Arc::clone(node);
    let found = blocking(move || asking.served(ask.id, peer)).await;
    if !matches!(found, Ok(Some(_))) {
        serving.retain(|of| of.id != ask.id);
    }
    let known = serving.iter_mut().find(|of| of.id == ask.id);
    if let Some(known) = known {
        if ask.round < known.round {
            return Ok(());
        }
        if ask.round > known.round {
            known.round = ask.round;
            known.next = ask.from;
        }
        let chunks = known.reader.plan().chunks();
        let most = known.next.saturating_add(MOST_CREDIT);
        known.until = ask.until.min(chunks).min(most);
        return Ok(());
    }
    if serving.len() >= ITEMS {
        // One that has nothing to send gives way.
        match serving.iter().position(|of| of.next >= of.until) {
            Some(at) => drop(serving.remove(at)),
            None => return refuse(out, &ask, FileRefusalReason::Busy).await,
        }
    }
    match found {
        Ok(Some(reader)) if ask.from < reader.plan().chunks() => {
            let most = ask.from.saturating_add(MOST_CREDIT);
            serving.push(Serving {
                id: ask.id,
                round: ask.round,
                next: ask.from,
                until: ask.until.min(reader.plan().chunks()).min(most),
                reader: Arc::new(reader),
            });
            Ok(())
        }
        Ok(_) => {
            tracing::warn!(%peer, item = hex::encode(ask.id), "an item was asked for that is not the peer's to have");
            refuse(out, &ask, FileRefusalReason::Unknown).await
        }
        Err(error) => Err(FilesEnd::Failed(error.to_string())),
    }
}

async fn refuse(out: &FilesOut, ask: &Asked, reason: FileRefusalReason) -> Result<(), FilesEnd> {
    let refusal = FileRefusal {
        item: ask.id.to_vec(),
        round: ask.round,
        index: ask.from,
        reason: reason.into(),
    };
    give(out, Frame::Refusal(refusal)).await
}

async fn give(out: &FilesOut, frame: Frame) -> Result<(), FilesEnd> {
    let frame = FileFrame { frame: Some(frame) };
    out.send(frame).await.map_err(|_| FilesEnd::Closed)
}

/// Sends the next chunk of an item; answers whether it goes on.
async fn send(one: &mut Serving, out: &FilesOut) -> Result<bool, FilesEnd> {
    let (reader, index) = (Arc::clone(&one.reader), one.next);
    let read = tokio::task::spawn_blocking(move || reader.sealed(index)).await;
    let read = read.map_err(|error| FilesEnd::Failed(error.to_string()))?;
    let (seal, data) = match read {
        Ok(read) => read,
        Err(error) => {
            tracing::error!(%error, item = hex::encode(one.id), chunk = index, "a chunk cannot be sent");
            let reason = match error {
                ChunkError::Missing | ChunkError::NotYet(_) => FileRefusalReason::Unknown,
                _ => FileRefusalReason::Damaged,
            };
            let refusal = FileRefusal {
                item: one.id.to_vec(),
                round: one.round,
                index,
                reason: reason.into(),
            };
            give(out, Frame::Refusal(refusal)).await?;
            return Ok(false);
        }
    };
    one.next = index.saturating_add(1);
    let chunk = FileChunk {
        item: one.id.to_vec().into(),
        round: one.round,
        index,
        nonce: seal.nonce.to_vec().into(),
        tag: seal.tag.to_vec().into(),
        data: data.into(),
    };
    give(out, Frame::Chunk(chunk)).await?;
    Ok(true)
}

impl Node {
    /// An item that a peer may have, whole: an own one that a record transferred to it, or one of its own that
    /// came from it, so that it gets back what is damaged on its disk. The record is neither locked nor
    /// shredded.
    fn served(&self, id: ItemId, peer: Country) -> Result<Option<ChunkReader>, NodeError> {
        let Some(row) = self.item_row(&id)? else {
            return Ok(None);
        };
        let transfers = row.transfers.iter();
        let transfers = transfers.filter(|of| of.peer == peer.code());
        let named: Vec<&[u8]> = match row.stand() {
            ItemStand::Kept => transfers.map(|of| of.header_digest.as_slice()).collect(),
            ItemStand::Arrived if row.peer == peer.code() => vec![&row.header_digest],
            _ => Vec::new(),
        };
        let mut may = false;
        for header in named {
            let Ok(digest) = Digest::try_from(header) else {
                continue;
            };
            if let Some(number) = ask::by_digest(&self.store, &digest)? {
                may |= self.check_open(&self.held(number)?).is_ok();
            }
        }
        let Some(plan) = plan_of(&row).filter(|_| may) else {
            return Ok(None);
        };
        match self.items.chunks.read(id, plan) {
            Ok(reader) => Ok(Some(reader)),
            Err(ChunkError::Missing) => Ok(None),
            Err(ChunkError::Store(error)) => Err(error.into()),
            Err(_) => Err(NodeError::Task),
        }
    }
}

/// The peer says that a chunk came broken: whether it is so on this disk, this node finds out.
pub(super) fn reported(node: &Arc<Node>, peer: Country, report: &FileReport) {
    let Ok(id) = ItemId::try_from(report.item.as_slice()) else {
        return;
    };
    let (node, index) = (Arc::clone(node), report.index);
    tokio::task::spawn_blocking(move || {
        // Whoever may not have it reports nothing, nor anybody what it does not have.
        if !matches!(node.served(id, peer), Ok(Some(of)) if index < of.plan().chunks())
            || !node.items.streams.is_looked_at(id, index)
        {
            return;
        }
        let Ok(Some(row)) = node.item_row(&id) else {
            return;
        };
        let Ok(Some(known)) = node.known(id, row) else {
            return;
        };
        let opened = node
            .items
            .chunks
            .read(id, known.plan)
            .and_then(|reader| reader.plain(&known.key, index));
        match opened {
            Ok(_) => {
                tracing::warn!(%peer, item = hex::encode(id), chunk = index, "a chunk came broken at the peer; here it is whole");
            }
            Err(ChunkError::Damaged(at)) => {
                tracing::error!(%peer, item = hex::encode(id), chunk = at, "a chunk came broken at the peer");
                node.item_damaged(id, &known.row, at);
            }
            Err(error) => {
                tracing::warn!(%peer, %error, item = hex::encode(id), "a chunk that came broken at the peer cannot be read here now");
            }
        }
    });
}
