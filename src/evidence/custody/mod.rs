//! The chain of custody of an item: who had it in hand, when, where, why, and what was found.
//!
//! Every country keeps a chain of its own for an item. Its node signs each entry, which names the
//! entry before it ([`next`]), the last entry of the other country that it builds on, and the digest of what
//! was in hand. [`verify`] checks one entry with the cards; [`Chain::of`] puts the entries of both countries
//! into one order and names everything that is missing or does not fit. Nothing here says that what
//! an entry states is true: a signature proves who states it, and that nobody changed it since.

mod chain;
mod entry;
mod finding;
mod next;
#[cfg(test)]
mod tests;
mod words;

pub use chain::{Chain, Item};
pub use entry::{Anchor, CustodyFault, MAX_ENTRY_BYTES, Stated, sign_by, stated, verify};
pub use finding::{Finding, Weight};
pub use next::{CustodyOrder, Last, OrderFault, next};
pub use words::{act_name, act_of, is_officers};

/// Most entries of one item's chains together.
pub const MAX_ENTRIES: usize = 4096;
