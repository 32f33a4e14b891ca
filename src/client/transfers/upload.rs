//! Uploading a file: read and hashed by one thread, sent as fast as the node takes it.

use std::{
    fs::File,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::{TransferError, read_up_to};
use crate::{
    client::{Client, ClientError},
    crypto::{
        Digest,
        chunks::{ChunkPlan, ChunkTree, chunk_hash},
    },
    wire::node::{
        Item, ItemChunk, UploadAbandon, UploadBegin, UploadEnd, UploadItemRequest, UploadReady,
        upload_item_request::Message, upload_item_response,
    },
};

/// Chunks that are read ahead of the connection.
const AHEAD: usize = 2;

/// What is to be uploaded, and what is said of it.
#[derive(Clone, Debug, Default)]
pub struct UploadOrder {
    /// The file.
    pub file: PathBuf,
    /// Everything said of it: reference of the record, description, media type, seizure. Name, size and
    /// resume key are filled in where they are empty.
    pub begin: UploadBegin,
}

/// A file as it was when the upload began.
struct Source {
    file: File,
    path: PathBuf,
    size: u64,
    /// Inode, and time of the last change in nanoseconds.
    mark: (u64, i64, i64),
}

impl Source {
    fn open(path: &Path) -> Result<Self, TransferError> {
        let failed = || TransferError::file("cannot read", path);
        let file = File::open(path).map_err(failed())?;
        let about = file.metadata().map_err(failed())?;
        let unfit = |why: &str| TransferError::Unfit {
            path: path.to_owned(),
            why: why.to_owned(),
        };
        if !about.is_file() {
            return Err(unfit("it is no file"));
        }
        if about.len() == 0 {
            return Err(unfit("it is empty"));
        }
        Ok(Self {
            file,
            path: path.to_owned(),
            size: about.len(),
            mark: (about.ino(), about.mtime(), about.mtime_nsec()),
        })
    }

    /// The same each time for the same unchanged file.
    fn resume_key(&self) -> Vec<u8> {
        let path = std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone());
        let (inode, seconds, nanos) = self.mark;
        let about = format!(
            "{}\n{inode} {seconds} {nanos} {}",
            path.display(),
            self.size
        );
        Digest::of(about.as_bytes()).to_vec()
    }

    /// What is wrong with it now; `None` while it is as it was.
    fn changed(&self) -> Option<TransferError> {
        let path = self.path.clone();
        let size = self.size;
        match self.file.metadata() {
            Ok(now) if now.len() > size => Some(TransferError::Grew { path, size }),
            Ok(now) if now.len() < size => {
                let left = now.len();
                Some(TransferError::Shrank { path, size, left })
            }
            Ok(now) if (now.ino(), now.mtime(), now.mtime_nsec()) != self.mark => {
                Some(TransferError::Changed(path))
            }
            Ok(_) => None,
            Err(source) => Some(TransferError::File {
                doing: "cannot read",
                path,
                source,
            }),
        }
    }

    /// A chunk, with its hash.
    fn chunk(&self, plan: ChunkPlan, index: u64) -> Result<(Vec<u8>, Digest), TransferError> {
        let length = plan.length(index);
        let offset = plan.bytes_of(index);
        let chunk = read_up_to(&self.file, offset, length)
            .map_err(TransferError::file("cannot read", &self.path))?;
        if chunk.len() != length {
            return Err(TransferError::Shrank {
                path: self.path.clone(),
                size: self.size,
                left: offset.saturating_add(chunk.len() as u64),
            });
        }
        let hash = chunk_hash(&chunk);
        Ok((chunk, hash))
    }
}

/// What the reading thread knows of the file, kept across broken connections.
struct Reading {
    source: Arc<Source>,
    plan: ChunkPlan,
    /// Hashes of the chunks read, from the first.
    leaves: Vec<Digest>,
}

impl Reading {
    /// The root over the first `chunks`, hashing what was not read yet.
    fn root_of(&mut self, chunks: u64) -> Result<Digest, TransferError> {
        let mut tree = ChunkTree::default();
        for index in 0..chunks {
            let known = usize::try_from(index).ok();
            let known = known.and_then(|at| self.leaves.get(at)).copied();
            let leaf = match known {
                Some(leaf) => leaf,
                None => {
                    let leaf = self.source.chunk(self.plan, index)?.1;
                    self.leaves.push(leaf);
                    leaf
                }
            };
            tree.push(leaf);
        }
        Ok(tree.root())
    }

    /// Reads and sends from a chunk on, then the end, or that the file is no longer what it was.
    fn send(
        &mut self,
        from: u64,
        to: &mpsc::Sender<UploadItemRequest>,
    ) -> Result<(), TransferError> {
        let give = |message| {
            let message = Some(message);
            to.blocking_send(UploadItemRequest { message }).is_ok()
        };
        self.leaves
            .truncate(usize::try_from(from).unwrap_or(usize::MAX));
        let sent = (|| {
            for index in from..self.plan.chunks() {
                let (chunk, leaf) = self.source.chunk(self.plan, index)?;
                self.leaves.push(leaf);
                let data = chunk.into();
                if !give(Message::Chunk(ItemChunk { index, data })) {
                    // The connection broke; whoever awaits its answer knows.
                    return Ok(None);
                }
            }
            match self.source.changed() {
                Some(changed) => Err(changed),
                None => Ok(Some(self.root_of(self.plan.chunks())?)),
            }
        })();
        match sent {
            Ok(Some(root)) => {
                let root = root.to_vec();
                give(Message::End(UploadEnd { root }));
                Ok(())
            }
            Ok(None) => Ok(()),
            Err(error) => {
                let reason = "file-changed".to_owned();
                give(Message::Abandon(UploadAbandon { reason }));
                Err(error)
            }
        }
    }
}

impl Client {
    /// Uploads a file to a record. What broke off, in this call or an earlier one, goes on from what is
    /// durable, as long as the file is what it was. `progress` is told how many bytes are durable, and of
    /// how many.
    ///
    /// # Errors
    /// [`TransferError`]. The same again goes on after [`TransferError::Client`].
    pub async fn upload(
        &mut self,
        order: UploadOrder,
        progress: &mut (dyn FnMut(u64, u64) + Send),
    ) -> Result<Item, TransferError> {
        let source = Arc::new(Source::open(&order.file)?);
        let mut begin = order.begin;
        if begin.name.is_empty() {
            let name = order.file.file_name().and_then(|name| name.to_str());
            begin.name = name.unwrap_or("file").to_owned();
        }
        begin.size = source.size;
        if begin.resume_key.is_empty() {
            begin.resume_key = source.resume_key();
        }
        let mut reading: Option<Reading> = None;
        let mut furthest = 0;
        let mut pauses = self.pauses();
        loop {
            let tried = self
                .upload_once(&begin, &source, &mut reading, &mut furthest, progress)
                .await;
            let failed = match tried {
                Ok((item, _)) => return Ok(item),
                Err((TransferError::Client(failed), went_on)) => {
                    if went_on {
                        pauses = self.pauses();
                    }
                    failed
                }
                Err((error, _)) => return Err(error),
            };
            self.recover(failed, &mut pauses).await?;
        }
    }

    /// One connection's part of an upload; whether it came further than those before.
    async fn upload_once(
        &mut self,
        begin: &UploadBegin,
        source: &Arc<Source>,
        reading: &mut Option<Reading>,
        furthest: &mut u64,
        progress: &mut (dyn FnMut(u64, u64) + Send),
    ) -> Result<(Item, bool), (TransferError, bool)> {
        let before = *furthest;
        let (to, messages) = mpsc::channel(AHEAD);
        let first = UploadItemRequest {
            message: Some(Message::Begin(begin.clone())),
        };
        // There is room for it.
        let _ = to.try_send(first);
        let none = |error: TransferError| (error, false);
        let answers = self.items.upload_item(ReceiverStream::new(messages)).await;
        let mut answers = answers.map_err(|status| none(status.into()))?.into_inner();
        let ready = answers
            .message()
            .await
            .map_err(|status| none(status.into()))?;
        let Some(upload_item_response::Message::Ready(ready)) =
            ready.and_then(|ready| ready.message)
        else {
            return Err(none(TransferError::Protocol(
                "an upload begins with `ready`",
            )));
        };
        let prepared = self.prepare(&ready, source, reading.take(), begin.size);
        let mut prepared = prepared.await.map_err(none)?;
        let plan = prepared.plan;
        *furthest = before.max(ready.chunks);
        progress(plan.bytes_of(ready.chunks), plan.size());
        if ready.root
            != prepared_root(&mut prepared, ready.chunks)
                .map_err(none)?
                .to_vec()
        {
            let reason = "file-changed".to_owned();
            let abandon = UploadItemRequest {
                message: Some(Message::Abandon(UploadAbandon { reason })),
            };
            let _ = to.send(abandon).await;
            drop(to);
            // Until the node has let go of it.
            while let Ok(Some(_)) = answers.message().await {}
            return Err(none(TransferError::Changed(source.path.clone())));
        }
        let sending = tokio::task::spawn_blocking(move || {
            let sent = prepared.send(ready.chunks, &to);
            (prepared, sent)
        });
        let mut kept = None;
        let ended = loop {
            match answers.message().await {
                Ok(Some(answer)) => match answer.message {
                    Some(upload_item_response::Message::Progress(told)) => {
                        *furthest = (*furthest).max(told.chunks);
                        progress(plan.bytes_of(told.chunks), plan.size());
                    }
                    Some(upload_item_response::Message::Kept(item)) => kept = Some(item),
                    Some(upload_item_response::Message::Ready(_)) | None => {}
                },
                Ok(None) => break None,
                Err(status) => break Some(status),
            }
        };
        // The stream is gone: the thread ends with its next chunk.
        drop(answers);
        let went_on = *furthest > before;
        let (read, sent) = sending
            .await
            .map_err(|_| (TransferError::Protocol("the reading thread ended"), went_on))?;
        *reading = Some(read);
        sent.map_err(|error| (error, went_on))?;
        match (kept, ended) {
            (Some(item), _) => {
                progress(plan.size(), plan.size());
                Ok((item, went_on))
            }
            (None, Some(status)) => Err((ClientError::from(status).into(), went_on)),
            (None, None) => Err((
                ClientError::from(tonic::Status::unavailable("the connection closed")).into(),
                went_on,
            )),
        }
    }

    async fn prepare(
        &self,
        ready: &UploadReady,
        source: &Arc<Source>,
        reading: Option<Reading>,
        size: u64,
    ) -> Result<Reading, TransferError> {
        let plan = ChunkPlan::new(size, ready.chunk_size)?;
        if ready.chunks > plan.chunks() {
            return Err(TransferError::Protocol("more chunks than there are"));
        }
        let reading = reading.filter(|reading| reading.plan == plan);
        let mut reading = reading.unwrap_or_else(|| Reading {
            source: Arc::clone(source),
            plan,
            leaves: Vec::new(),
        });
        let chunks = ready.chunks;
        // Hashes what an earlier call sent.
        let hashed = tokio::task::spawn_blocking(move || {
            reading.root_of(chunks)?;
            Ok(reading)
        });
        hashed
            .await
            .map_err(|_| TransferError::Protocol("the reading thread ended"))?
    }
}

fn prepared_root(reading: &mut Reading, chunks: u64) -> Result<Digest, TransferError> {
    reading.root_of(chunks)
}
