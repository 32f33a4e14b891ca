//! Own ids that a file has twice. Without versions nobody can tell which of two rows counts, and the
//! last one must not win without a word.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message as _;

use crate::{crypto::Digest, wire::node::FeedItem};

/// The first round: which own ids come more than once. Eight bytes for each row.
#[derive(Debug, Default)]
pub struct OwnIds(Vec<u64>);

impl OwnIds {
    /// Adds an own id.
    pub fn add(&mut self, own_id: &str) {
        self.0.push(mark(own_id));
    }

    /// The second round, over those that came more than once; `None` when there are none.
    pub fn repeated(mut self) -> Option<Conflicts> {
        self.0.sort_unstable();
        let pairs = self.0.windows(2);
        let repeated: BTreeSet<u64> = pairs
            .filter_map(|pair| match pair {
                [one, other] if one == other => Some(*one),
                _ => None,
            })
            .collect();
        (!repeated.is_empty()).then_some(Conflicts {
            repeated,
            seen: BTreeMap::new(),
        })
    }
}

/// Rows with the same own id and another content.
#[derive(Debug, Default)]
pub struct Conflicts {
    repeated: BTreeSet<u64>,
    seen: BTreeMap<String, Seen>,
}

#[derive(Debug)]
struct Seen {
    line: u64,
    says: Digest,
    conflict: Option<u64>,
}

impl Conflicts {
    /// Looks at the item of a row.
    pub fn look(&mut self, line: u64, item: &FeedItem) {
        if !self.repeated.contains(&mark(&item.own_id)) {
            return;
        }
        let says = Digest::of(&item.encode_to_vec());
        let seen = self.seen.entry(item.own_id.clone()).or_insert(Seen {
            line,
            says,
            conflict: None,
        });
        if seen.says != says {
            seen.conflict.get_or_insert(line);
        }
    }

    /// Two rows of this own id that say different things.
    pub fn of(&self, own_id: &str) -> Option<(u64, u64)> {
        let seen = self.seen.get(own_id)?;
        Some((seen.line, seen.conflict?))
    }

    /// How many own ids are in conflict.
    pub fn count(&self) -> usize {
        let all = self.seen.values();
        all.filter(|seen| seen.conflict.is_some()).count()
    }
}

/// The first eight bytes of a digest.
fn mark(own_id: &str) -> u64 {
    let digest = Digest::of(own_id.as_bytes());
    let bytes: &[u8] = digest.as_ref();
    bytes
        .first_chunk::<8>()
        .map_or(0, |bytes| u64::from_be_bytes(*bytes))
}
