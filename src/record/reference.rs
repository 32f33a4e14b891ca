//! References: what officers say on the phone, such as `UZ-26-000412-H`.
//!
//! The last character checks the others. Let `v(c)` be 0 to 9 for digits and 10 to 35 for letters.
//! Over the two letters, the two digits of the year and the digits of the number, from left to
//! right and starting from `s = 0`, compute `s = (3·s + v(c)) mod 31`. The check character is the
//! one whose place `k` in `0123456789ABCDEFGHJKMNPRSTVWXYZ` satisfies `3·s + k ≡ 1 (mod 31)`.
//!
//! This is the construction of the pure systems of ISO 7064 with modulus 31 and radix 3. ISO 7064's
//! own MOD 37,36 has an alphanumeric check character too, but its recursion lets 18 transpositions
//! of neighbouring digits pass. Here 31 is prime, the digits have different residues and so have
//! the letters, and the powers of 3 differ over 30 places: every single wrong character is caught,
//! and every two characters that changed places. I, L, O, Q and U never stand as a check character,
//! since they are misread.

use std::{fmt, str::FromStr};

use super::Country;

const MODULUS: u32 = 31;
const RADIX: u32 = 3;
const CHECK_CHARACTERS: &[u8; MODULUS as usize] = b"0123456789ABCDEFGHJKMNPRSTVWXYZ";

/// Fewest digits of the number.
const MIN_DIGITS: usize = 6;

/// Names a record among people: origin, year and a number within that year.
///
/// ```
/// use comity::record::Reference;
///
/// let reference: Reference = " uz-26-000412-h ".parse().unwrap();
/// assert_eq!(reference.to_string(), "UZ-26-000412-H");
/// assert!("UZ-26-000421-H".parse::<Reference>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    /// Country that gave the reference.
    pub country: Country,
    /// Year in which it was given, its last two digits; 0 to 99.
    pub year: u8,
    /// Number within the year.
    pub number: u32,
}

/// Text that should be a reference is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// It is not built like one.
    #[error(
        "`{0}` is not a reference: two letters of the country, two digits of the year, at least six digits and a check character, such as UZ-26-000412-H"
    )]
    Shape(String),
    /// The check character does not fit the others.
    #[error("the check character of `{0}` is wrong: one of its characters was mistyped")]
    CheckCharacter(String),
    /// Its country is not one.
    #[error("`{0}` begins with letters that are no ISO 3166-1 country")]
    Country(String),
}

impl Reference {
    /// The character that checks the others.
    pub fn check_character(&self) -> char {
        check_character(self.body().bytes().filter(u8::is_ascii_alphanumeric))
    }

    fn body(&self) -> String {
        let Self {
            country,
            year,
            number,
        } = self;
        format!("{country}-{:02}-{number:06}", year % 100)
    }
}

fn check_character(body: impl Iterator<Item = u8>) -> char {
    let sum = body.fold(0, |sum, byte| {
        let value = char::from(byte).to_digit(36).unwrap_or(0);
        (RADIX * sum + value) % MODULUS
    });
    let check = (MODULUS + 1 - RADIX * sum % MODULUS) % MODULUS;
    let check = usize::try_from(check).unwrap_or(0);
    CHECK_CHARACTERS.get(check).map_or('0', |c| char::from(*c))
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}-{}", self.body(), self.check_character());
        f.pad(&text)
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    /// Accepts lower case and surrounding blanks.
    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let text: String = text.trim().chars().take(32).collect();
        let text = text.to_ascii_uppercase();
        let shape = || ReferenceError::Shape(text.escape_debug().to_string());
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());

        let mut parts = text.split('-');
        let (Some(country), Some(year), Some(number), Some(check), None) = (
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
        ) else {
            return Err(shape());
        };
        let well_built = country.len() == 2
            && country.bytes().all(|b| b.is_ascii_uppercase())
            && year.len() == 2
            && digits(year)
            && number.len() >= MIN_DIGITS
            && (number.len() == MIN_DIGITS || !number.starts_with('0'))
            && digits(number)
            && check.len() == 1
            && check.bytes().all(|b| b.is_ascii_alphanumeric());
        if !well_built {
            return Err(shape());
        }
        let body = [country, year, number].into_iter().flat_map(str::bytes);
        if !check.starts_with(check_character(body)) {
            return Err(ReferenceError::CheckCharacter(text));
        }
        Ok(Self {
            country: country
                .parse()
                .map_err(|_| ReferenceError::Country(text.clone()))?,
            year: year.parse().map_err(|_| shape())?,
            number: number.parse().map_err(|_| shape())?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn references() -> impl Strategy<Value = Reference> {
        const COUNTRIES: &[&str] = &["UZ", "TJ", "KZ", "AE", "IO", "ZW"];
        (
            prop::sample::select(COUNTRIES),
            0..100_u8,
            prop_oneof![0..1_000_000_u32, any::<u32>()],
        )
            .prop_map(|(country, year, number)| Reference {
                country: country.parse().unwrap(),
                year,
                number,
            })
    }

    proptest! {
        #[test]
        fn reads_what_it_writes(reference in references()) {
            let text = reference.to_string();
            prop_assert_eq!(text.parse(), Ok(reference));
            prop_assert_eq!(format!("\t{} \n", text.to_lowercase()).parse(), Ok(reference));
        }

        #[test]
        fn every_single_substitution_is_caught(reference in references()) {
            let text = reference.to_string();
            for at in 0..text.len() {
                for wrong in (b'0'..=b'9').chain(b'A'..=b'Z').chain(*b"-_* ") {
                    let mut bytes = text.clone().into_bytes();
                    if bytes[at] == wrong {
                        continue;
                    }
                    bytes[at] = wrong;
                    let mistyped = String::from_utf8(bytes).unwrap();
                    prop_assert!(mistyped.parse::<Reference>().is_err(), "{}", mistyped);
                }
            }
        }

        #[test]
        fn every_transposition_is_caught(reference in references()) {
            // Of any two characters before the check character, neighbours or not, and of the
            // check character and the last digit.
            let text = reference.to_string().into_bytes();
            let check = text.len() - 1;
            let pairs = (0..check).flat_map(|left| (left + 1..check).map(move |right| (left, right)));
            for (left, right) in pairs.chain([(check - 2, check), (check - 1, check)]) {
                let mut bytes = text.clone();
                bytes.swap(left, right);
                if bytes == text {
                    continue;
                }
                let mistyped = String::from_utf8(bytes).unwrap();
                prop_assert!(mistyped.parse::<Reference>().is_err(), "{}", mistyped);
            }
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = text.parse::<Reference>();
        }
    }

    #[test]
    fn errors_say_which() {
        let error = |text: &str| text.parse::<Reference>().unwrap_err();
        for text in [
            "",
            "UZ",
            "UZ-26-412-H",
            "UZ-26-0000412-H",
            "UZ-2026-000412-H",
            "UZ-26-000412",
            "UZ-26-000412-HH",
            "UZ-26-000412-H-",
            "UZ26000412H",
            "\u{423}Z-26-000412-H",
            "UZ-26-99999999999-0",
        ] {
            let error = error(text);
            assert!(
                matches!(
                    error,
                    ReferenceError::Shape(_) | ReferenceError::CheckCharacter(_)
                ),
                "{text}: {error}"
            );
        }
        assert!(matches!(error("UZ-26-412-H"), ReferenceError::Shape(_)));
        assert!(matches!(
            error("UZ-26-000413-H"),
            ReferenceError::CheckCharacter(_)
        ));
        let check = check_character(b"XX26000412".iter().copied());
        let foreign = format!("XX-26-000412-{check}");
        assert_eq!(error(&foreign), ReferenceError::Country(foreign.clone()));
    }
}
