//! Downloading a file: each chunk is checked against the item's root before it is written, beside the
//! output under the name `NAME.part`, which takes its place once everything is there and synced.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::{TransferError, read_up_to};
use crate::{
    client::{Client, ClientError},
    crypto::{
        Digest,
        chunks::{ChunkPlan, ChunkTree, chunk_hash, verify_chunk},
    },
    wire::{
        ledger::ReadingPurpose,
        node::{DownloadItemRequest, Item, ProvedChunk, download_item_response::Message},
    },
};

/// How often a chunk that does not fit is fetched.
const TRIES: u32 = 3;

/// What is to be downloaded, why, and where to.
#[derive(Clone, Debug)]
pub struct DownloadOrder {
    /// Reference of the record, or of another of its thread.
    pub reference: String,
    /// Id of the item.
    pub item: [u8; 16],
    /// For what.
    pub purpose: ReadingPurpose,
    /// Reference of the case that needs it.
    pub case: String,
    /// Anything else about it, in words.
    pub note: String,
    /// The file to write; it must not exist.
    pub output: PathBuf,
}

/// The file under way.
struct Part {
    file: File,
    path: PathBuf,
    plan: ChunkPlan,
    root: Digest,
    tree: ChunkTree,
    broken: u32,
}

/// Why a chunk was not taken.
enum Taking {
    Failed(TransferError),
    /// It does not fit: it is fetched again.
    Broken,
}

impl From<TransferError> for Taking {
    fn from(error: TransferError) -> Self {
        Self::Failed(error)
    }
}

impl Part {
    /// Opens what an earlier download left, or begins. Whole chunks are kept: they were checked when they
    /// were written, and the root over everything is compared at the end.
    fn open(path: PathBuf, item: &Item) -> Result<Self, TransferError> {
        let plan = ChunkPlan::new(item.size, item.chunk_size)?;
        let root = Digest::try_from(item.root.as_slice())
            .map_err(|_| TransferError::Protocol("an item without a root"))?;
        let failed = || TransferError::file("cannot write", &path);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed())?;
        if file.try_lock().is_err() {
            return Err(TransferError::Busy(path));
        }
        let length = file.metadata().map_err(failed())?.len();
        let mut tree = ChunkTree::default();
        while tree.leaves() < plan.chunks()
            && plan.bytes_of(tree.leaves().saturating_add(1)) <= length
        {
            let index = tree.leaves();
            let chunk = read_up_to(&file, plan.bytes_of(index), plan.length(index))
                .map_err(TransferError::file("cannot read", &path))?;
            tree.push(chunk_hash(&chunk));
        }
        file.set_len(plan.bytes_of(tree.leaves()))
            .map_err(failed())?;
        Ok(Self {
            file,
            path,
            plan,
            root,
            tree,
            broken: 0,
        })
    }

    /// Takes the chunk that is due.
    fn take(&mut self, chunk: &ProvedChunk) -> Result<(), Taking> {
        let index = self.tree.leaves();
        if chunk.index != index {
            return Err(TransferError::Protocol("chunks out of their order").into());
        }
        let path: Result<Vec<Digest>, _> = chunk
            .path
            .iter()
            .map(|hash| Digest::try_from(hash.as_slice()))
            .collect();
        let leaf = chunk_hash(&chunk.data);
        let fits = chunk.data.len() == self.plan.length(index)
            && path.is_ok_and(|path| {
                verify_chunk(&self.root, self.plan.chunks(), index, &leaf, &path).is_ok()
            });
        if !fits {
            self.broken = self.broken.saturating_add(1);
            if self.broken >= TRIES {
                return Err(TransferError::Damaged {
                    index,
                    times: self.broken,
                    part: self.path.clone(),
                }
                .into());
            }
            return Err(Taking::Broken);
        }
        let offset = self.plan.bytes_of(index);
        let written = self.file.write_all_at(&chunk.data, offset);
        written.map_err(TransferError::file("cannot write", &self.path))?;
        self.tree.push(leaf);
        self.broken = 0;
        Ok(())
    }

    fn is_whole(&self) -> bool {
        self.tree.leaves() >= self.plan.chunks()
    }

    /// Syncs it and gives it its name. What an earlier download left was altered since, where the root is
    /// another: then it is fetched once more from the beginning.
    fn finish(&mut self, output: &Path) -> Result<bool, TransferError> {
        let failed = |doing| TransferError::file(doing, output);
        if self.tree.root() != self.root {
            self.tree = ChunkTree::default();
            self.file.set_len(0).map_err(failed("cannot write"))?;
            return Ok(false);
        }
        self.file.sync_all().map_err(failed("cannot sync"))?;
        match renameat_with(CWD, &self.path, CWD, output, RenameFlags::NOREPLACE) {
            Ok(()) => {}
            Err(rustix::io::Errno::EXIST) => {
                return Err(TransferError::Exists(output.to_owned()));
            }
            // Not every file system knows it.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) if !output.exists() => {
                fs::rename(&self.path, output).map_err(failed("cannot rename to"))?;
            }
            Err(error) => return Err(failed("cannot rename to")(error.into())),
        }
        let folder = match output.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(failed("cannot sync the folder of"))?;
        Ok(true)
    }
}

/// Where a download is kept until it is whole.
fn part_of(output: &Path) -> PathBuf {
    let mut name = output.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

async fn off<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, TransferError> + Send + 'static,
) -> Result<T, TransferError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| TransferError::File {
        doing: "cannot write",
        path: PathBuf::new(),
        source: io::Error::other(error),
    })?
}

impl Client {
    /// Downloads an item. What broke off, in this call or an earlier one, goes on. A chunk that does not
    /// fit is fetched again. `progress` is told how many bytes are written, and of how many.
    ///
    /// # Errors
    /// [`TransferError`]. The same again goes on after [`TransferError::Client`].
    pub async fn download(
        &mut self,
        order: DownloadOrder,
        progress: &mut (dyn FnMut(u64, u64) + Send),
    ) -> Result<Item, TransferError> {
        if order.output.exists() {
            return Err(TransferError::Exists(order.output));
        }
        let mut pauses = self.pauses();
        let mut part: Option<Part> = None;
        loop {
            let before = part.as_ref().map(|part| part.tree.leaves());
            let failed = match self.download_once(&order, &mut part, progress).await {
                Ok(Some(item)) => return Ok(item),
                // A chunk is fetched again.
                Ok(None) => continue,
                Err(TransferError::Client(failed)) => failed,
                Err(error) => return Err(error),
            };
            if part.as_ref().map(|part| part.tree.leaves()) > before {
                pauses = self.pauses();
            }
            self.recover(failed, &mut pauses).await?;
        }
    }

    /// One connection's part of a download; `None` when it is to go on.
    async fn download_once(
        &mut self,
        order: &DownloadOrder,
        part: &mut Option<Part>,
        progress: &mut (dyn FnMut(u64, u64) + Send),
    ) -> Result<Option<Item>, TransferError> {
        // How far an earlier call came is known once the node has said how the item is cut.
        let begun = match part {
            Some(part) => Some(part.tree.leaves()),
            None => None,
        };
        let request = |from_chunk, chunks| DownloadItemRequest {
            reference: order.reference.clone(),
            item: order.item.to_vec(),
            from_chunk,
            chunks,
            purpose: order.purpose.into(),
            case_reference: order.case.clone(),
            note: order.note.clone(),
        };
        let left = part_of(&order.output).exists();
        let first = match begun {
            Some(from) => request(from, 0),
            // Of one that was begun only what it is, and one chunk at most.
            None if left => request(0, 1),
            None => request(0, 0),
        };
        let mut answers = self.items.download_item(first).await?.into_inner();
        let item = match answers.message().await?.and_then(|answer| answer.message) {
            Some(Message::Item(item)) => item,
            _ => return Err(TransferError::Protocol("a download begins with the item")),
        };
        let mut its = match part.take() {
            Some(its) => its,
            None => {
                let (path, of) = (part_of(&order.output), item.clone());
                off(move || Part::open(path, &of)).await?
            }
        };
        progress(its.plan.bytes_of(its.tree.leaves()), its.plan.size());
        if begun.is_none() && left && !its.is_whole() {
            let from = its.tree.leaves();
            answers = self
                .items
                .download_item(request(from, 0))
                .await?
                .into_inner();
            answers.message().await?;
        }
        let taken = loop {
            if its.is_whole() {
                break Ok(true);
            }
            let message = match answers.message().await {
                Ok(Some(answer)) => answer.message,
                Ok(None) => {
                    let closed = tonic::Status::unavailable("the connection closed");
                    break Err(TransferError::from(ClientError::from(closed)));
                }
                Err(status) => break Err(status.into()),
            };
            let Some(Message::Chunk(chunk)) = message else {
                break Err(TransferError::Protocol("something else than a chunk"));
            };
            let (back, took) = off(move || {
                let took = its.take(&chunk);
                Ok((its, took))
            })
            .await?;
            its = back;
            match took {
                Ok(()) => progress(its.plan.bytes_of(its.tree.leaves()), its.plan.size()),
                Err(Taking::Broken) => break Ok(false),
                Err(Taking::Failed(error)) => break Err(error),
            }
        };
        let whole = match taken {
            Ok(whole) => whole,
            Err(error) => {
                *part = Some(its);
                return Err(error);
            }
        };
        if !whole {
            *part = Some(its);
            return Ok(None);
        }
        let output = order.output.clone();
        let (its, finished) = off(move || {
            let finished = its.finish(&output)?;
            Ok((its, finished))
        })
        .await?;
        if finished {
            return Ok(Some(item));
        }
        *part = Some(its);
        Ok(None)
    }
}
