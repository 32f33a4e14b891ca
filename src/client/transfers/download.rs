//! Downloading a file: each chunk is checked against the item's root before it is written, beside the
//! output under the name `NAME.part`, which takes its place once everything is there and synced.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    thread::{self, JoinHandle},
};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::{
    TransferError,
    due::{Due, Unfit},
    read_up_to,
};
use crate::{
    client::{Client, ClientError},
    crypto::chunks::chunk_hash,
    wire::{
        ledger::ReadingPurpose,
        node::{DownloadItemRequest, Item, ProvedChunk, download_item_response::Message},
    },
};

/// Bytes after which what was written is synced beside the writing of more.
const SYNC_EVERY: u64 = 64 << 20;

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
    due: Due,
    /// Bytes written since the last sync was begun.
    unsynced: u64,
    /// The last sync. What it says counts: the system tells of a failed one once.
    syncing: Option<JoinHandle<io::Result<()>>>,
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
        let mut due = Due::of(item)?;
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
        while !due.is_whole() && due.plan.bytes_of(due.index().saturating_add(1)) <= length {
            let (at, size) = (due.plan.bytes_of(due.index()), due.plan.length(due.index()));
            let chunk =
                read_up_to(&file, at, size).map_err(TransferError::file("cannot read", &path))?;
            due.push(chunk_hash(&chunk));
        }
        file.set_len(due.plan.bytes_of(due.index()))
            .map_err(failed())?;
        Ok(Self {
            file,
            path,
            due,
            unsynced: 0,
            syncing: None,
        })
    }

    /// Takes the chunk that is due.
    fn take(&mut self, chunk: &ProvedChunk) -> Result<(), Taking> {
        let offset = self.due.plan.bytes_of(self.due.index());
        let checked = self.due.check(chunk);
        let checked = checked.map_err(|Unfit { index, times }| TransferError::Damaged {
            index,
            times,
            part: self.path.clone(),
        })?;
        let leaf = checked.ok_or(Taking::Broken)?;
        let written = self.file.write_all_at(&chunk.data, offset);
        written.map_err(TransferError::file("cannot write", &self.path))?;
        self.due.push(leaf);
        self.unsynced = self.unsynced.saturating_add(chunk.data.len() as u64);
        if self.unsynced >= SYNC_EVERY && self.syncing.as_ref().is_none_or(JoinHandle::is_finished)
        {
            self.synced()?;
            self.begin_sync();
        }
        Ok(())
    }

    /// Syncs what was written so far, on a thread of its own; without one, the end syncs everything.
    fn begin_sync(&mut self) {
        let Ok(file) = self.file.try_clone() else {
            return;
        };
        let sync = thread::Builder::new().name("download-sync".to_owned());
        if let Ok(syncing) = sync.spawn(move || file.sync_data()) {
            self.syncing = Some(syncing);
            self.unsynced = 0;
        }
    }

    /// Waits for the sync under way.
    fn synced(&mut self) -> Result<(), TransferError> {
        let Some(syncing) = self.syncing.take() else {
            return Ok(());
        };
        let ended = syncing
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the thread that syncs ended")));
        ended.map_err(|error| self.distrusted(error))
    }

    /// After a failed sync what the system still shows of the file cannot be believed: it is fetched anew.
    fn distrusted(&self, error: io::Error) -> TransferError {
        // Whether or not that is possible, the download has failed.
        let _ = self.file.set_len(0);
        TransferError::file("cannot sync", &self.path)(error)
    }

    /// Syncs it and gives it its name. What an earlier download left was altered since, where the root is
    /// another: then it is fetched once more from the beginning.
    fn finish(&mut self, output: &Path) -> Result<bool, TransferError> {
        let failed = |doing| TransferError::file(doing, output);
        self.synced()?;
        if !self.due.is_the_item() {
            self.due.begin_again();
            self.file.set_len(0).map_err(failed("cannot write"))?;
            return Ok(false);
        }
        let synced = self.file.sync_all();
        synced.map_err(|error| self.distrusted(error))?;
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
            let before = part.as_ref().map(|part| part.due.index());
            let failed = match self.download_once(&order, &mut part, progress).await {
                Ok(Some(item)) => return Ok(item),
                // A chunk is fetched again.
                Ok(None) => continue,
                Err(TransferError::Client(failed)) => failed,
                Err(error) => return Err(error),
            };
            if part.as_ref().map(|part| part.due.index()) > before {
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
            Some(part) => Some(part.due.index()),
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
        progress(its.due.plan.bytes_of(its.due.index()), its.due.plan.size());
        if begun.is_none() && left && !its.due.is_whole() {
            let from = its.due.index();
            answers = self
                .items
                .download_item(request(from, 0))
                .await?
                .into_inner();
            answers.message().await?;
        }
        let taken = loop {
            if its.due.is_whole() {
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
                Ok(()) => progress(its.due.plan.bytes_of(its.due.index()), its.due.plan.size()),
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
