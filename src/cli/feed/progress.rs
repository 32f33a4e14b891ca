//! How far a file was pushed: a small file beside it, replaced as a whole.

use std::{collections::BTreeMap, fs, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::cli::exit::{DATAERR, Failure, IOERR};

use super::{files, options::Loaded, source::Source};

/// What becomes of items, and how many of each.
pub(super) type Counts = BTreeMap<String, u64>;

/// How far a file was pushed. What it says is durable at the node, or in the dead letters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Progress {
    bytes: u64,
    modified: i64,
    contents: String,
    mapping: String,
    feed: String,
    encoding: String,
    /// Sheet and delimiter, where they were said.
    #[serde(default)]
    cut: String,
    /// To whom it goes.
    #[serde(default)]
    node: String,
    /// Rows, or records made of several, that were answered, from the first one on.
    pub(super) done: u64,
    /// Bytes of the dead letters that belong to them.
    pub(super) dead_letters: u64,
    /// The line of the last of them.
    pub(super) line: u64,
    pub(super) counts: Counts,
    pub(super) seconds: u64,
}

impl Progress {
    pub(super) fn new(source: &Source, loaded: &Loaded, feed: &str, node: &str) -> Self {
        Self {
            bytes: source.size,
            modified: source.modified,
            contents: hex::encode(source.digest),
            mapping: hex::encode(loaded.digest),
            feed: feed.to_owned(),
            encoding: source.encoding.name().to_owned(),
            cut: source.cut(),
            node: node.to_owned(),
            done: 0,
            dead_letters: 0,
            line: 0,
            counts: Counts::new(),
            seconds: 0,
        }
    }

    pub(super) fn path(source: &Source) -> PathBuf {
        files::beside(&source.path, ".progress")
    }

    /// What an earlier run of the same file, mapping and feed left; this one where there is none.
    pub(super) fn resume(self, source: &Source) -> Result<(Self, bool), Failure> {
        let path = Self::path(source);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok((self, false)),
            Err(error) => return Err(Failure::not_written(&path, &error)),
        };
        let again = "--fresh begins again; what the node holds it will say UNCHANGED of";
        let before: Self = serde_json::from_slice(&text).map_err(|error| {
            Failure::new(
                DATAERR,
                format!("{} is no progress: {error}; {again}", path.display()),
            )
        })?;
        let differs = [
            ("the file", before.contents != self.contents),
            (
                "the mapping, or what the command line says instead of it",
                before.mapping != self.mapping,
            ),
            ("the feed", before.feed != self.feed),
            ("the encoding", before.encoding != self.encoding),
            ("the sheet or the delimiter", before.cut != self.cut),
            ("the node or the profile", before.node != self.node),
        ];
        let differs: Vec<&str> = differs.iter().filter(|of| of.1).map(|of| of.0).collect();
        if !differs.is_empty() {
            let why = format!(
                "{} was left by a push that was not finished, and {} is another since; {again}",
                path.display(),
                differs.join(" and ")
            );
            return Err(Failure::new(DATAERR, why));
        }
        Ok((
            Self {
                modified: self.modified,
                ..before
            },
            true,
        ))
    }

    /// Makes it durable.
    pub(super) fn save(&self, source: &Source) -> Result<(), Failure> {
        let path = Self::path(source);
        let text =
            serde_json::to_vec(self).map_err(|error| Failure::new(IOERR, error.to_string()))?;
        files::replace(&path, &text).map_err(|error| Failure::not_written(&path, &error))
    }

    pub(super) fn count(&mut self, what: &str) {
        match self.counts.get_mut(what) {
            Some(count) => *count += 1,
            None => {
                self.counts.insert(what.to_owned(), 1);
            }
        }
    }
}
