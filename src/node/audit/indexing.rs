//! Leaves of earlier versions of the program: opened once, so that the index of persons has them too.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Duration,
};

use crate::{
    entry::{Event, LeavesIndexed},
    ledger::seen,
};

use super::super::{Node, NodeError, read::blocking, rules::Proposal};

/// Leaves opened for one entry.
const BATCH: u64 = 1000;
/// Pause between two batches: others go first.
const PAUSE: Duration = Duration::from_millis(20);
/// Pause after a failure.
const REST: Duration = Duration::from_secs(60);

/// Indexes what is not indexed yet, until nothing is left or the node is gone. A crash leaves what was
/// indexed, and the next start goes on from there.
pub(in crate::node) async fn index_earlier(node: Weak<Node>) {
    loop {
        let Some(node) = node.upgrade() else {
            return;
        };
        let rest = match node.index_some().await {
            Ok(true) => PAUSE,
            Ok(false) | Err(NodeError::Closed) => return,
            Err(error) => {
                tracing::error!(%error, "leaves of an earlier version are not indexed by person; trying again later");
                REST
            }
        };
        drop(node);
        tokio::time::sleep(rest).await;
    }
}

impl Node {
    /// Indexes the next batch; false when there is none.
    async fn index_some(self: &Arc<Self>) -> Result<bool, NodeError> {
        let node = Arc::clone(self);
        let indexed = blocking(move || node.to_index()).await?;
        let Some(indexed) = indexed else {
            return Ok(false);
        };
        self.writer.propose(Proposal::Indexed(indexed)).await?;
        Ok(true)
    }

    fn to_index(&self) -> Result<Option<Event>, NodeError> {
        let left = seen::unindexed(&self.store)?;
        if left.is_empty() {
            return Ok(None);
        }
        let end = left.end.min(left.start.saturating_add(BATCH));
        let mut known: HashMap<[u8; 16], u32> = HashMap::new();
        let mut indexed = LeavesIndexed {
            first: left.start,
            ..LeavesIndexed::default()
        };
        for leaf in left.start..end {
            // A leaf that has a tag already has it again, and no harm is done.
            let Some(body) = self.body_of(leaf)? else {
                indexed.tag_of_leaf.push(0);
                continue;
            };
            let tag = self.person(&body.actor);
            let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
            let which = *known.entry(tag).or_insert_with(|| {
                indexed.person_tags.push(tag.to_vec());
                next.saturating_add(1)
            });
            indexed.tag_of_leaf.push(which);
        }
        Ok(Some(Event::LeavesIndexed(indexed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        crypto::IndexKey,
        home::{self, Home, InitOptions},
        node::{
            projection::Rooms,
            rules::{By, NodeRules, ReadOrder},
            store_options, system_clock,
        },
        store::Store,
    };

    fn read(by: &str) -> Proposal {
        Proposal::Read(Box::new(ReadOrder {
            by: By::named(by),
            detail: "listed",
            ..ReadOrder::default()
        }))
    }

    /// A store of an earlier version: its leaves say who did what inside their sealed bodies alone.
    async fn earlier(home: &Home, leaves: u64) {
        let options = store_options(home).unwrap();
        let (store, _) = Store::open(options, Arc::new(Rooms), &mut |_| {}).unwrap();
        let country = home.country();
        let rules = NodeRules::new(
            country,
            [7; 16],
            home.storage_key().unwrap(),
            IndexKey::new(home.index_key().unwrap()),
            system_clock(),
            Duration::ZERO,
            store.position(),
        );
        let writer = store.start_writer(rules.untagged());
        let create = Proposal::Create {
            country,
            incarnation: [7; 16],
            ledger_origin: home.own_card().ledger_origin.clone(),
        };
        writer.propose(create).await.unwrap();
        for leaf in 1..leaves {
            let by = if leaf % 500 == 3 {
                "UZ/officer/rare"
            } else {
                "UZ/system/busy"
            };
            writer.propose(read(by)).await.unwrap();
        }
        store.close().unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn leaves_of_an_earlier_version_are_found_after_the_first_start_and_after_a_rebuild() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("uz");
        home::init(InitOptions {
            country: "UZ".parse().unwrap(),
            dir: dir.clone(),
            authorities: vec!["national-police".to_owned()],
            listen: "127.0.0.1:0".parse().unwrap(),
            client_listen: None,
            address: None,
            passphrase: "for tests only".to_owned().into(),
            work_factor: Some(2),
            now: system_clock()(),
        })
        .unwrap();
        // More than one batch.
        let leaves = BATCH + 100;
        earlier(&Home::open(&dir).unwrap(), leaves).await;
        let expected = [1003, 503, 3];
        for rebuilt in [false, true] {
            let home = Home::open(&dir).unwrap();
            if rebuilt {
                std::fs::remove_dir_all(home.layout().index()).unwrap();
            }
            let node = Node::open(home, system_clock(), &mut |_| {}).await.unwrap();
            let begun = std::time::Instant::now();
            while node.unindexed_leaves().unwrap() > 0 {
                assert!(begun.elapsed() < Duration::from_secs(60), "never indexed");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let of = |name: &str, before| {
                let tag = node.person(name);
                seen::of_person(&node.store, &tag, before, 10).unwrap()
            };
            assert_eq!(of("UZ/officer/rare", u64::MAX), expected);
            assert_eq!(of("UZ/officer/rare", 1003), expected[1..]);
            assert_eq!(of("UZ/officer/rare", 3), [] as [u64; 0]);
            assert_eq!(of("UZ/system/busy", leaves)[..2], [leaves - 1, leaves - 2]);
            // What is written now has its tag at once.
            node.writer.propose(read("UZ/officer/new")).await.unwrap();
            assert_eq!(
                of("UZ/officer/new", u64::MAX).len(),
                1 + usize::from(rebuilt)
            );
            node.close().await.unwrap();
        }
    }
}
