//! An export as text: one JSON object a line, `{"checkpoint": "…"}` first, then
//! `{"index": 0, "salt": hex, "body": base64, "digest": hex}` for every leaf. A shredded leaf has an
//! empty `body`, and an empty `salt` where the salt went too.

use std::io::{self, BufRead, Read as _};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Deserialize;

use super::ExportLine;
use crate::wire::ledger::Leaf;

/// Longest line that is read, in bytes: the longest body and the longest checkpoint fit.
pub const MAX_LINE_BYTES: usize = 64 * 1024;

/// A line of an export cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// Longer than [`MAX_LINE_BYTES`].
    #[error("a line is longer than {max} bytes", max = MAX_LINE_BYTES)]
    TooLong,
    /// Not the JSON of a line.
    #[error("a line is not a checkpoint or leaf in JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A checkpoint and a leaf at once, or neither.
    #[error("a line must hold either `checkpoint`, or `index` and `digest`")]
    Form,
    /// A value is not in its encoding.
    #[error("`{0}` is not valid {1}")]
    Encoding(&'static str, &'static str),
    /// The file cannot be read.
    #[error("the export cannot be read")]
    Read(#[from] io::Error),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    checkpoint: Option<String>,
    index: Option<u64>,
    salt: Option<String>,
    body: Option<String>,
    digest: Option<String>,
}

/// A line as JSON, without the newline.
pub fn encode_line(line: &ExportLine) -> String {
    match line {
        ExportLine::Checkpoint(note) => {
            let note = serde_json::Value::from(note.as_str());
            format!(r#"{{"checkpoint":{note}}}"#)
        }
        ExportLine::Leaf(leaf) => format!(
            r#"{{"index":{},"salt":"{}","body":"{}","digest":"{}"}}"#,
            leaf.index,
            hex::encode(&leaf.salt),
            BASE64_STANDARD.encode(&leaf.body),
            hex::encode(&leaf.digest),
        ),
    }
}

/// Reads a line.
///
/// # Errors
/// [`LineError`] when it is too long, no JSON, or not a line of an export.
pub fn decode_line(text: &str) -> Result<ExportLine, LineError> {
    if text.len() > MAX_LINE_BYTES {
        return Err(LineError::TooLong);
    }
    let unhex = |name, text: Option<String>| {
        hex::decode(text.unwrap_or_default()).map_err(|_| LineError::Encoding(name, "hexadecimal"))
    };
    match serde_json::from_str(text)? {
        Line {
            checkpoint: Some(note),
            index: None,
            salt: None,
            body: None,
            digest: None,
        } => Ok(ExportLine::Checkpoint(note)),
        Line {
            checkpoint: None,
            index: Some(index),
            salt,
            body,
            digest: digest @ Some(_),
        } => Ok(ExportLine::Leaf(Leaf {
            index,
            salt: unhex("salt", salt)?,
            body: BASE64_STANDARD
                .decode(body.unwrap_or_default())
                .map_err(|_| LineError::Encoding("body", "base64"))?,
            digest: unhex("digest", digest)?,
        })),
        _ => Err(LineError::Form),
    }
}

/// The lines of an export, read one at a time. Ends after the first error.
#[derive(Debug)]
pub struct Lines<R> {
    reader: R,
    ended: bool,
}

impl<R: BufRead> Lines<R> {
    /// Reads from `reader`.
    pub const fn new(reader: R) -> Self {
        Self {
            reader,
            ended: false,
        }
    }

    fn read(&mut self) -> Result<Option<ExportLine>, LineError> {
        let mut text = String::new();
        // One byte more than allowed, so that a longer line is told from one that just fits.
        let limit = u64::try_from(MAX_LINE_BYTES + 2).unwrap_or(u64::MAX);
        if (&mut self.reader).take(limit).read_line(&mut text)? == 0 {
            return Ok(None);
        }
        decode_line(text.strip_suffix('\n').unwrap_or(&text)).map(Some)
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = Result<ExportLine, LineError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let line = self.read().transpose();
        self.ended = !matches!(line, Some(Ok(_)));
        line
    }
}
