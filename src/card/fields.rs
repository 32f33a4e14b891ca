//! Text fields of a card: authorities and the ledger's origin line.

/// Most authorities a card may name.
pub const MAX_AUTHORITIES: usize = 256;
const MAX_AUTHORITY_BYTES: usize = 64;
const MAX_ORIGIN_BYTES: usize = 128;

/// Text that should name an authority does not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` does not name an authority: use 1 to 64 lower-case letters a-z, digits and single \
     dashes, such as `prosecutor-general`"
)]
pub struct AuthorityError(pub String);

/// Checks an authority's name, such as `prosecutor-general`.
///
/// # Errors
/// [`AuthorityError`] with the name, shortened and escaped.
pub fn check_authority(name: &str) -> Result<(), AuthorityError> {
    let words = || name.split('-');
    let sound = name.len() <= MAX_AUTHORITY_BYTES
        && words().all(|word| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        });
    if sound {
        Ok(())
    } else {
        Err(AuthorityError(shown(name)))
    }
}

/// Whether `origin` can be the origin line of a ledger: 1 to 128 printable ASCII characters, no
/// space and no plus sign (C2SP signed notes forbid both in key names).
pub fn check_ledger_origin(origin: &str) -> bool {
    (1..=MAX_ORIGIN_BYTES).contains(&origin.len())
        && origin
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'+')
}

/// Text from outside, short and without control characters, fit for a message.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(64).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities_are_plain_words() {
        for good in ["police", "prosecutor-general", "unit-7"] {
            assert_eq!(check_authority(good), Ok(()));
        }
        let long = "a".repeat(65);
        for bad in [
            "",
            "-",
            "a--b",
            "Police",
            "a b",
            "\u{430}",
            "a\u{202e}b",
            &long,
        ] {
            assert!(check_authority(bad).is_err(), "{bad}");
        }
        assert!(
            !check_authority("\u{1b}[31m")
                .unwrap_err()
                .0
                .contains('\u{1b}')
        );
    }

    #[test]
    fn origins_fit_signed_notes() {
        assert!(check_ledger_origin("comity.internal/uz/0011223344556677"));
        for bad in ["", "a b", "a+b", "a\nb", "\u{430}"] {
            assert!(!check_ledger_origin(bad), "{bad}");
        }
    }
}
