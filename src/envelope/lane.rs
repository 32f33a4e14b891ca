//! The running hash of a lane: what a sequence number stands for, and everything before it.

use crate::crypto::{Digest, Domain};

/// Running hash at `sequence`: SHA-256 over the domain's prefix, the running hash before (32 zero
/// bytes before sequence 1), the sequence (64 bits, big endian) and the record's header digest.
pub fn running_hash(previous: &Digest, sequence: u64, header_digest: &Digest) -> Digest {
    Digest::in_domain(
        Domain::Lane,
        &[
            previous.as_bytes(),
            &sequence.to_be_bytes(),
            header_digest.as_bytes(),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depends_on_all_it_covers() {
        let record = Digest::of(b"header");
        let first = running_hash(&Digest::ZERO, 1, &record);
        assert_ne!(first, running_hash(&Digest::ZERO, 2, &record));
        assert_ne!(first, running_hash(&first, 1, &record));
        assert_ne!(first, running_hash(&Digest::ZERO, 1, &Digest::of(b"other")));
        // Pinned: a change here changes the protocol.
        assert_eq!(
            first,
            Digest::of(
                &[
                    b"comity/v1/lane\0".as_slice(),
                    &[0; 32],
                    &[0, 0, 0, 0, 0, 0, 0, 1],
                    record.as_bytes()
                ]
                .concat()
            )
        );
    }
}
