//! The token of the next page: where the page before ended and what was asked for, since clients come
//! with the token alone. It is bound to the collection and to who asks, by the node's index key.

use crate::crypto::IndexKey;

use super::{FilterFault, Matched};

/// Longest token.
const MAX_TOKEN: usize = 64 * 1024;

/// Where a page begins and what it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// Only what was added after this, in microseconds since 1970.
    pub after_us: u64,
    /// What is matched.
    pub matched: Matched,
}

/// A token that this node did not give.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NextFault {
    /// It is not one, or another's.
    #[error(
        "`next` is not a token that this server gave you for this collection; begin again without it"
    )]
    Unknown,
    /// What it carries cannot be.
    #[error(transparent)]
    Filter(#[from] FilterFault),
}

/// A token for who asks in a scope, such as a collection.
pub fn write_next(key: &IndexKey, scope: &str, position: &Position) -> String {
    let plain = format!("{}&{}", position.after_us, position.matched.query);
    let tag = key.tag("taxii next", format!("{scope}\n{plain}").as_bytes());
    hex::encode(tag) + &hex::encode(plain)
}

/// Reads what [`write_next`] wrote for the same scope.
///
/// # Errors
/// [`NextFault`].
pub fn read_next(key: &IndexKey, scope: &str, token: &str) -> Result<Position, NextFault> {
    let (tag, plain) = token
        .split_at_checked(32)
        .filter(|_| token.len() <= MAX_TOKEN)
        .and_then(|(tag, plain)| {
            let plain = String::from_utf8(hex::decode(plain).ok()?).ok()?;
            Some((hex::decode(tag).ok()?, plain))
        })
        .ok_or(NextFault::Unknown)?;
    let expected = key.tag("taxii next", format!("{scope}\n{plain}").as_bytes());
    if tag != expected {
        return Err(NextFault::Unknown);
    }
    let (after, query) = plain.split_once('&').ok_or(NextFault::Unknown)?;
    Ok(Position {
        after_us: after.parse().map_err(|_| NextFault::Unknown)?,
        matched: Matched::of_query(query)?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_token_comes_back_and_no_other_does(after_us: u64, types in prop::collection::vec("[a-z-]{1,12}", 0..4), garbage in "[0-9a-f]{0,80}") {
            let key = IndexKey::new(&[3; 32]);
            let query = if types.is_empty() { String::new() } else { format!("match[type]={}", types.join(",")) };
            let position = Position { after_us, matched: Matched::of_query(&query).unwrap() };
            let token = write_next(&key, "routes UZ/case-system/a", &position);
            prop_assert_eq!(read_next(&key, "routes UZ/case-system/a", &token), Ok(position));
            prop_assert_eq!(read_next(&key, "suspects UZ/case-system/a", &token), Err(NextFault::Unknown));
            prop_assert_eq!(read_next(&IndexKey::new(&[4; 32]), "routes UZ/case-system/a", &token), Err(NextFault::Unknown));
            prop_assert_eq!(read_next(&key, "routes UZ/case-system/a", &garbage), Err(NextFault::Unknown));
        }
    }

    #[test]
    fn odd_tokens_are_unknown() {
        let key = IndexKey::new(&[3; 32]);
        for token in [
            "",
            "x",
            "é".repeat(40).as_str(),
            "0".repeat(33).as_str(),
            "0".repeat(1 << 17).as_str(),
        ] {
            assert_eq!(read_next(&key, "routes", token), Err(NextFault::Unknown));
        }
    }
}
