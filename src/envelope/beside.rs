//! What the origin keeps beside a record, such as the sharing matrix as sent: encrypted under the
//! record's shred slot, so that it goes with the record.

use zeroize::Zeroizing;

use super::{KeysError, layout};
use crate::crypto::{AeadKey, Digest};

/// What is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// The sharing matrix as sent.
    Sharing,
    /// SHA-256 of what was submitted under an idempotency key.
    Submission,
}

impl Beside {
    const fn name(self) -> &'static [u8] {
        match self {
            Self::Sharing => b"",
            Self::Submission => b"submission",
        }
    }
}

/// Encrypts `plain` under a record's shred slot, bound to its header.
///
/// # Errors
/// [`KeysError::Random`] when the operating system gives no randomness.
pub fn seal_beside(
    what: Beside,
    plain: &[u8],
    slot_key: &[u8; 32],
    header_digest: &Digest,
) -> Result<Vec<u8>, KeysError> {
    AeadKey::new(slot_key)
        .map_err(|_| KeysError::DoesNotOpen)?
        .seal(&layout::beside_aad(header_digest, what.name()), plain)
        .map_err(|_| KeysError::Random)
}

/// Opens what [`seal_beside`] made.
///
/// # Errors
/// [`KeysError::DoesNotOpen`] for another slot, another record or altered bytes.
pub fn open_beside(
    what: Beside,
    sealed: &[u8],
    slot_key: &[u8; 32],
    header_digest: &Digest,
) -> Result<Zeroizing<Vec<u8>>, KeysError> {
    AeadKey::new(slot_key)
        .and_then(|key| key.open(&layout::beside_aad(header_digest, what.name()), sealed))
        .map_err(|_| KeysError::DoesNotOpen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_under_its_slot_and_header_only_and_is_no_content_key() {
        let header = Digest::of(b"header");
        let sealed = seal_beside(Beside::Sharing, b"matrix", &[7; 32], &header).unwrap();
        let open = |what, slot, header| open_beside(what, &sealed, &slot, &header);
        assert_eq!(*open(Beside::Sharing, [7; 32], header).unwrap(), b"matrix");
        for (what, slot, header) in [
            (Beside::Sharing, [8; 32], header),
            (Beside::Sharing, [7; 32], Digest::of(b"other")),
            (Beside::Submission, [7; 32], header),
        ] {
            assert_eq!(
                open(what, slot, header).unwrap_err(),
                KeysError::DoesNotOpen
            );
        }
        assert!(crate::envelope::ContentKeys::open_at_rest(&sealed, &[7; 32], &header).is_err());
    }
}
