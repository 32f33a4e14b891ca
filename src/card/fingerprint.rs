//! What two officers read to each other: 128 bits as eight groups of five decimal digits.
//!
//! Decimal digits are read aloud alike in every language, and each group stands for one 16-bit
//! number, so a group above 65535 is noticed as misheard.

use std::{fmt, str::FromStr};

use crate::{
    crypto::{Digest, Domain, PublicKey},
    record::Country,
};

const GROUPS: usize = 8;
const DIGITS: usize = 5;

/// The fingerprint of a country's root key and recovery commitment.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u16; GROUPS]);

/// Text that should be a fingerprint is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FingerprintError {
    /// Something else than digits, spaces and dashes.
    #[error("a fingerprint has only digits, spaces and dashes; this one has `{0}`")]
    Character(char),
    /// Not 40 digits.
    #[error("a fingerprint has 40 digits in 8 groups of 5, this one has {0}; read it out again")]
    Length(usize),
    /// A group above 65535.
    #[error("group {0} of the fingerprint is above 65535 and so was misread; read it out again")]
    Group(usize),
}

/// The fingerprint of a root key, the commitment to its recovery root, and the country.
///
/// 128 bits: nobody can make a second root with the fingerprint of an existing one, and a country
/// gains nothing by making two of its own that share one.
pub fn fingerprint(
    root_key: &PublicKey,
    recovery_commitment: &Digest,
    country: Country,
) -> Fingerprint {
    let digest = Digest::in_domain(
        Domain::Fingerprint,
        &[
            country.code().as_bytes(),
            root_key.as_bytes(),
            recovery_commitment.as_bytes(),
        ],
    );
    let mut groups = [0; GROUPS];
    for (group, pair) in groups.iter_mut().zip(digest.as_bytes().chunks_exact(2)) {
        if let [high, low] = pair {
            *group = u16::from_be_bytes([*high, *low]);
        }
    }
    Fingerprint(groups)
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, group) in self.0.iter().enumerate() {
            let space = if at == 0 { "" } else { " " };
            write!(f, "{space}{group:05}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut digits = Vec::with_capacity(GROUPS * DIGITS);
        let mut count = 0;
        for character in text.chars() {
            if character.is_whitespace() || character == '-' {
                continue;
            }
            let digit = character
                .to_digit(10)
                .ok_or(FingerprintError::Character(character))?;
            count += 1;
            if count <= GROUPS * DIGITS {
                digits.push(digit);
            }
        }
        if count != GROUPS * DIGITS {
            return Err(FingerprintError::Length(count));
        }
        let mut groups = [0; GROUPS];
        for (at, (group, five)) in groups.iter_mut().zip(digits.chunks(DIGITS)).enumerate() {
            let value = five.iter().fold(0_u32, |value, digit| value * 10 + digit);
            *group = u16::try_from(value).map_err(|_| FingerprintError::Group(at + 1))?;
        }
        Ok(Self(groups))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SigningKey;

    fn example() -> Fingerprint {
        let root = SigningKey::from_seed(&[1; 32]).unwrap();
        fingerprint(
            root.public(),
            &Digest::of(b"recovery"),
            "UZ".parse().unwrap(),
        )
    }

    #[test]
    fn reads_back_however_it_is_grouped() {
        let text = example().to_string();
        assert_eq!(text.len(), 47);
        assert_eq!(text.parse(), Ok(example()));
        assert_eq!(text.replace(' ', "-").parse(), Ok(example()));
        assert_eq!(text.replace(' ', "").parse(), Ok(example()));
        assert_eq!(
            format!("  {}\n", text.replace(' ', "  ")).parse(),
            Ok(example())
        );
    }

    #[test]
    fn misread_text_is_named() {
        let parse = |text: &str| text.parse::<Fingerprint>().unwrap_err();
        assert_eq!(parse("12345"), FingerprintError::Length(5));
        assert_eq!(parse(&"1".repeat(41)), FingerprintError::Length(41));
        assert_eq!(parse("12a45"), FingerprintError::Character('a'));
        let high = format!("{}99999", "0".repeat(35));
        assert_eq!(parse(&high), FingerprintError::Group(8));
    }

    #[test]
    fn every_input_counts() {
        let root = SigningKey::from_seed(&[1; 32]).unwrap();
        let other = SigningKey::from_seed(&[2; 32]).unwrap();
        let (uz, kz) = ("UZ".parse().unwrap(), "KZ".parse().unwrap());
        let recovery = Digest::of(b"recovery");
        assert_ne!(fingerprint(other.public(), &recovery, uz), example());
        assert_ne!(fingerprint(root.public(), &recovery, kz), example());
        assert_ne!(fingerprint(root.public(), &Digest::ZERO, uz), example());
    }
}
