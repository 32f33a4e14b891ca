//! Padmé padding ("Reducing Metadata Leakage from Encrypted Files and Communication with PURBs",
//! Nikitin et al. 2019): a length leaks O(log log n) bits for at most 12% more bytes.
//!
//! Padded text = length of the text (32 bits, big endian) ‖ text ‖ zeros up to Padmé's length.

/// Bytes before the text.
const LENGTH_BYTES: usize = 4;
/// Room that AES-GCM's tag needs, kept free so that encrypting does not move the text.
const TAG_BYTES: usize = 16;

/// A text cannot be padded, or bytes are not a padded text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PaddingError {
    /// Longer than 32 bits count.
    #[error("the text is too long to pad")]
    TooLong,
    /// The stated length does not give the padded length found.
    #[error("the padded length does not fit the length stated")]
    Length,
    /// Padding that is not zero could carry a message.
    #[error("the padding is not zero")]
    NotZero,
}

/// Padmé's length for `len` bytes: as many low bits of it are zero as its size allows.
pub fn padded_len(len: u64) -> u64 {
    let Some(exponent) = len.checked_ilog2() else {
        return len;
    };
    let Some(mantissa) = exponent.checked_ilog2().map(|bits| bits + 1) else {
        return len;
    };
    let mask = (1_u64 << exponent.saturating_sub(mantissa)) - 1;
    len.checked_add(mask).map_or(u64::MAX, |sum| sum & !mask)
}

/// Pads the concatenation of `parts`. The answer has room for an AES-GCM tag.
///
/// # Errors
/// [`PaddingError::TooLong`].
pub fn pad(parts: &[&[u8]]) -> Result<Vec<u8>, PaddingError> {
    let text: usize = parts.iter().map(|part| part.len()).sum();
    let stated = u32::try_from(text).map_err(|_| PaddingError::TooLong)?;
    let padded = usize::try_from(padded_len(u64::from(stated) + LENGTH_BYTES as u64))
        .map_err(|_| PaddingError::TooLong)?;
    let mut out = Vec::with_capacity(padded + TAG_BYTES);
    out.extend_from_slice(&stated.to_be_bytes());
    for part in parts {
        out.extend_from_slice(part);
    }
    out.resize(padded, 0);
    Ok(out)
}

/// The text within padded bytes.
///
/// # Errors
/// [`PaddingError::Length`] or [`PaddingError::NotZero`].
pub fn unpad(padded: &[u8]) -> Result<&[u8], PaddingError> {
    let (stated, rest) = padded
        .split_first_chunk::<LENGTH_BYTES>()
        .ok_or(PaddingError::Length)?;
    let stated = u32::from_be_bytes(*stated);
    if padded_len(u64::from(stated) + LENGTH_BYTES as u64) != padded.len() as u64 {
        return Err(PaddingError::Length);
    }
    let (text, zeros) = usize::try_from(stated)
        .ok()
        .and_then(|stated| rest.split_at_checked(stated))
        .ok_or(PaddingError::Length)?;
    if zeros.iter().any(|byte| *byte != 0) {
        return Err(PaddingError::NotZero);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_by_the_formula() {
        // E = floor(log2 L), S = floor(log2 E) + 1, round L up to a multiple of 2^(E - S).
        for (len, padded) in [
            (0, 0),
            (1, 1),
            (2, 2),
            (8, 8),
            (9, 10),
            (100, 104),
            (1000, 1024),
            (1025, 1088),
            (1_000_000, 1_015_808),
            (u64::MAX, u64::MAX),
        ] {
            assert_eq!(padded_len(len), padded, "{len}");
        }
    }

    #[test]
    fn each_defect_has_its_error() {
        let good = pad(&[b"0123456789"]).unwrap();
        assert_eq!(good.len(), 14);
        assert_eq!(unpad(&[0, 0, 0]), Err(PaddingError::Length));
        let mut longer = good.clone();
        longer.push(0);
        assert_eq!(unpad(&longer), Err(PaddingError::Length));
        let mut stated = good.clone();
        stated[3] = 200;
        assert_eq!(unpad(&stated), Err(PaddingError::Length));
        let mut carried = pad(&[&[7; 13]]).unwrap();
        assert_eq!(carried.len(), 18);
        *carried.last_mut().unwrap() = 1;
        assert_eq!(unpad(&carried), Err(PaddingError::NotZero));
        assert_eq!(unpad(&[0xff; 4]), Err(PaddingError::Length));
    }

    proptest! {
        #[test]
        fn text_comes_back(text in proptest::collection::vec(any::<u8>(), 0..5000), cut in 0usize..5000) {
            let (a, b) = text.split_at(cut.min(text.len()));
            let padded = pad(&[a, b]).unwrap();
            prop_assert_eq!(unpad(&padded).unwrap(), &text[..]);
        }

        #[test]
        fn padding_grows_little_and_never_shrinks(len in 1u64..1 << 40) {
            let padded = padded_len(len);
            prop_assert!(padded >= len);
            prop_assert!((padded - len) as f64 <= len as f64 * 0.12 + 1.0);
            prop_assert!(padded_len(padded) == padded);
            prop_assert!(padded <= padded_len(len + 1));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(text) = unpad(&bytes) {
                prop_assert_eq!(pad(&[text]).unwrap(), bytes);
            }
        }
    }
}
