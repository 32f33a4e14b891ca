//! The journal and its index: what is durable, in which order, and how it is found again.
//!
//! An append-only, checksummed, hash-chained journal is the truth; sled behind it answers every
//! question. sled's `flush` never fsyncs, so nothing is acknowledged on its word: one writer thread
//! makes a group of entries durable with one `fdatasync` of the journal, keeps the rows it changes
//! in memory over sled, which takes those of several groups in one batch that also holds the
//! position reached, and only then answers. This room knows bytes, keyspaces and positions, and no
//! domain type.
//!
//! | file | holds |
//! |---|---|
//! | `format`, `place`, `mark` | the bytes on disk, pure |
//! | `medium` | the few file operations that must not be lost, replaceable in tests |
//! | `journal` | appending: segments, groups, the sync mark |
//! | `scan` | walking segments group by group, verified |
//! | `read` | bodies and blobs by place, entries in order, verified at every read |
//! | `index` | sled, the only file that names it |
//! | `recent` | rows that sled does not have yet |
//! | `group` | a group in the making: entries, and rows over the index |
//! | `end` | the journal's end, and what vouches for it |
//! | `replay` | from the journal into the index |
//! | `start`, `fresh` | the careful start |
//! | `distrust` | a note that the index failed |
//! | `writer`, `park` | the one writer thread and its door |
//! | `handle` | [`Store`]: reading and the life cycle |
//! | `check` | verification without serving |
//! | `scrub` | reading everything again; damaged blobs and their repair |
//! | `run` | values under consecutive numbers, many to a row |
//! | `workload` | what the writer spends its time on |
//! | `chunks` | files in chunks beside the journal, for evidence |
//! | `slots`, `slots_erase`, `slots_format` | shred slots, for erasure on a log |

mod check;
mod chunks;
mod distrust;
mod end;
mod error;
mod format;
mod fresh;
mod group;
mod handle;
mod index;
mod journal;
mod keyspace;
mod mark;
mod medium;
mod options;
mod park;
mod place;
mod read;
mod recent;
mod replay;
mod reserve;
mod run;
mod scan;
mod scrub;
mod slots;
mod slots_erase;
mod slots_format;
mod start;
#[cfg(test)]
mod tests;
mod witness;
mod workload;
mod writer;

pub use check::{CheckReport, check, rebuild};
pub use chunks::{ChunkError, ChunkFileId, ChunkReader, ChunkStore, ChunkWriter, bytes_on_disk};
pub use error::StoreError;
pub use group::{Draft, Entry, Group, Layout, Projection, ProjectionError, ReadRows, Rows};
pub use handle::{Space, Store};
pub use index::Row;
pub use keyspace::{Keyspace, POSITION};
pub use medium::{Disk, Medium, MediumFile};
pub use options::{StoreOptions, boot_id};
pub use place::Place;
pub use read::{Entries, StoredEntry};
pub use run::Run;
pub use scrub::{DamagedBlob, Scrubbed};
pub use slots::{ShredSlots, SlotPaths};
pub use slots_erase::Erasure;
pub use start::{OpenPhase, OpenProgress, Opened, OpenedHow};
pub use workload::Workload;
pub use writer::{Decline, ProposeError, Rules, Writer};
