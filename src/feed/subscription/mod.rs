//! Durable subscriptions: what they let through, and how far whoever follows one is.

mod filter;
mod window;
#[cfg(test)]
mod window_tests;

pub use filter::{Facts, Filter, FilterFault, MAX_CODES, MAX_COUNTRIES, MAX_KINDS};
pub use window::{AckFault, Position, Window, WindowSize};

/// Longest name of a subscription or a webhook.
pub const MAX_NAME: usize = 64;

/// What is no name of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`name` is 1 to {MAX_NAME} of the characters a-z, 0-9 and hyphen")]
pub struct NameFault;

/// Checks the name of a subscription or a webhook.
///
/// # Errors
/// [`NameFault`].
pub fn check_name(name: &str) -> Result<(), NameFault> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(plain) {
        return Ok(());
    }
    Err(NameFault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_plain() {
        for name in ["a", "case-system-1", "0", &"x".repeat(MAX_NAME)] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for name in ["", "A", "a b", "a_b", "ä", "a\n", &"x".repeat(MAX_NAME + 1)] {
            assert_eq!(check_name(name), Err(NameFault), "{name}");
        }
    }
}
