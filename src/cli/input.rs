//! Text from a file or standard input.

use std::io::Read as _;

use crate::record::MAX_RECORD_BYTES;

use super::exit::{DATAERR, Failure, NOINPUT};

/// The text of a file or of standard input, not more than a record may take as JSON.
pub(super) fn read_record(file: &str) -> Result<String, Failure> {
    read_text(file, MAX_RECORD_BYTES.saturating_mul(4), "any record")
}

/// The text of a file or of standard input, `-`; it has to be shorter than `most` bytes, which is
/// larger than `what`.
pub(super) fn read_text(file: &str, most: usize, what: &str) -> Result<String, Failure> {
    let most = u64::try_from(most).unwrap_or(u64::MAX);
    let unreadable =
        |error: std::io::Error| Failure::new(NOINPUT, format!("{file} cannot be read: {error}"));
    let mut text = String::new();
    let length = if file == "-" {
        std::io::stdin()
            .take(most)
            .read_to_string(&mut text)
            .map_err(unreadable)?
    } else {
        std::fs::File::open(file)
            .map_err(unreadable)?
            .take(most)
            .read_to_string(&mut text)
            .map_err(unreadable)?
    };
    if u64::try_from(length).unwrap_or(u64::MAX) >= most {
        let why = format!("the input is larger than {what}");
        return Err(Failure::new(DATAERR, why));
    }
    Ok(text)
}
