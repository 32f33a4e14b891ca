//! Keyspaces: one sled tree, told apart by their first byte, because batches tear across trees.

/// A keyspace of the index, documented where it is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keyspace {
    /// First byte of every key. 0 is the store's own.
    pub prefix: u8,
    /// Its name, with a version.
    pub name: &'static str,
    /// What follows the prefix in a key.
    pub key: &'static str,
    /// What a value holds.
    pub value: &'static str,
    /// Which projection writes it.
    pub written_by: &'static str,
    /// When a row goes away.
    pub goes_away: &'static str,
}

/// The store's own keyspace: how far the index has come.
pub const POSITION: Keyspace = Keyspace {
    prefix: 0,
    name: "position-v2",
    key: "nothing",
    value: "position (u64), chain hash (32 bytes), layout of the rows (8 bytes), checksum (16 bytes)",
    written_by: "store, in the batch of every group",
    goes_away: "never",
};

impl Keyspace {
    /// The prefix followed by `parts`. Parts of varying length are the caller's to delimit.
    pub fn key(&self, parts: &[&[u8]]) -> Vec<u8> {
        let length = parts.iter().map(|part| part.len()).sum::<usize>();
        let mut key = Vec::with_capacity(length.saturating_add(1));
        key.push(self.prefix);
        for part in parts {
            key.extend_from_slice(part);
        }
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_prefix_and_the_parts() {
        assert_eq!(POSITION.key(&[]), [0]);
        let space = Keyspace {
            prefix: 7,
            ..POSITION
        };
        assert_eq!(space.key(&[b"ab", b"c"]), b"\x07abc");
    }
}
