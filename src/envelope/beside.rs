//! What the origin keeps beside a record, such as the sharing matrix as sent: encrypted under the
//! record's shred slot, so that it goes with the record.

use zeroize::Zeroizing;

use super::{KeysError, layout};
use crate::crypto::{AeadKey, Digest};

/// Encrypts `plain` under a record's shred slot, bound to its header.
///
/// # Errors
/// [`KeysError::Random`] when the operating system gives no randomness.
pub fn seal_beside(
    plain: &[u8],
    slot_key: &[u8; 32],
    header_digest: &Digest,
) -> Result<Vec<u8>, KeysError> {
    AeadKey::new(slot_key)
        .map_err(|_| KeysError::DoesNotOpen)?
        .seal(&layout::beside_aad(header_digest), plain)
        .map_err(|_| KeysError::Random)
}

/// Opens what [`seal_beside`] made.
///
/// # Errors
/// [`KeysError::DoesNotOpen`] for another slot, another record or altered bytes.
pub fn open_beside(
    sealed: &[u8],
    slot_key: &[u8; 32],
    header_digest: &Digest,
) -> Result<Zeroizing<Vec<u8>>, KeysError> {
    AeadKey::new(slot_key)
        .and_then(|key| key.open(&layout::beside_aad(header_digest), sealed))
        .map_err(|_| KeysError::DoesNotOpen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_under_its_slot_and_header_only_and_is_no_content_key() {
        let header = Digest::of(b"header");
        let sealed = seal_beside(b"matrix", &[7; 32], &header).unwrap();
        assert_eq!(*open_beside(&sealed, &[7; 32], &header).unwrap(), b"matrix");
        for (slot, header) in [([8; 32], header), ([7; 32], Digest::of(b"other"))] {
            assert_eq!(
                open_beside(&sealed, &slot, &header).unwrap_err(),
                KeysError::DoesNotOpen
            );
        }
        assert!(crate::envelope::ContentKeys::open_at_rest(&sealed, &[7; 32], &header).is_err());
    }
}
