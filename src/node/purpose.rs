//! Why something is read, as whoever reads it says; it goes into the ledger.

use super::read::ReadError;

/// Length of a purpose, in characters.
pub(super) const MAX_PURPOSE_CHARS: usize = 200;

/// Bounds what is said.
pub(super) fn check_purpose(purpose: &str) -> Result<(), ReadError> {
    let chars = purpose.chars().count();
    if chars > MAX_PURPOSE_CHARS {
        return Err(ReadError::PurposeTooLong(chars));
    }
    Ok(())
}
