//! Scrub: the journal is read again, slowly and for ever; what rotted is named, put into the
//! ledger, and asked from the countries that hold the same bytes.
//!
//! Of a record only the ciphertext is large, and only that can be asked again: header and
//! ciphertexts are the same everywhere, and the entry, which is whole, names their digest. What
//! only this node had (a leaf's body, a receipt's group) is named as lost.

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    sync::{
        Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crate::{
    crypto::Digest,
    entry::{Entry, EntryError, Event, Holding, OutboxPlace},
    record::{Country, Moment},
    store::{DamagedBlob, Scrubbed, Store},
    wire::{envelope::SealedCompartment, node::ScrubStatus},
};

use super::{Node, NodeError, read::blocking};

/// The first reading begins this long after the start, so that it does not slow the start.
const FIRST: Duration = Duration::from_secs(60);
/// Longest sleep between two looks whether to go on.
const NAP: Duration = Duration::from_millis(50);
/// Damage told in a status, at most.
const TOLD: usize = 100;
/// Records asked of one peer at a time.
pub(crate) const ASKED: usize = 16;

/// What scrubbing knows, and its brake.
#[derive(Debug, Default)]
pub(crate) struct Scrub {
    state: Mutex<State>,
    stopped: AtomicBool,
    /// Held during a reading: who has it knows that none is under way.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    finished: Option<Moment>,
    bytes: u64,
    repaired: u64,
    damaged: BTreeMap<DamagedBlob, Loss>,
    faults: Vec<String>,
}

/// What a damaged blob means.
#[derive(Clone, Debug)]
pub(crate) struct Loss {
    words: String,
    wanted: Option<Wanted>,
}

/// A record whose ciphertext others may have.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// SHA-256 of its header.
    pub(crate) digest: Digest,
    /// Who may have it: its origin, or the destinations of an own record.
    from: Vec<Country>,
    /// Compartments that came so far, each of the digest that the header names.
    pub(crate) parts: BTreeMap<u32, SealedCompartment>,
}

impl Scrub {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends a reading under way and lets none begin.
    pub(crate) async fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        drop(self.reading.lock().await);
    }
}

/// Reads the journal again and again, until the node goes.
pub(crate) async fn run(node: Weak<Node>) {
    let Some((speed, mut pause)) = node.upgrade().map(|node| {
        let store = &node.config.store;
        (
            store.scrub_mib_s << 20,
            Duration::from_secs(store.scrub_pause_s),
        )
    }) else {
        return;
    };
    if speed == 0 {
        return;
    }
    let between = pause;
    pause = pause.min(FIRST);
    loop {
        tokio::time::sleep(pause).await;
        pause = between;
        let Some(strong) = node.upgrade() else {
            return;
        };
        let store = strong.store.clone();
        drop(strong);
        let Some(found) = read_once(&node, store, speed).await else {
            return;
        };
        if let Some(node) = node.upgrade() {
            node.scrubbed(found).await;
        }
    }
}

/// One reading; `None` when the node goes.
async fn read_once(node: &Weak<Node>, store: Store, speed: u64) -> Option<Scrubbed> {
    let strong = node.upgrade()?;
    let _reading = strong.scrub.reading.lock().await;
    let watched = Weak::clone(node);
    let read = blocking(move || {
        let begun = std::time::Instant::now();
        let mut done: u64 = 0;
        Ok(store.scrub(&mut |bytes| {
            done = done.saturating_add(bytes);
            let due = Duration::from_millis(
                done.saturating_mul(1000)
                    .checked_div(speed)
                    .unwrap_or_default(),
            );
            loop {
                let going = watched
                    .upgrade()
                    .is_none_or(|node| node.scrub.stopped.load(Ordering::SeqCst));
                if going {
                    return ControlFlow::Break(());
                }
                let early = due.saturating_sub(begun.elapsed());
                if early.is_zero() {
                    return ControlFlow::Continue(());
                }
                std::thread::sleep(early.min(NAP));
            }
        }))
    });
    let found = read.await.ok()?;
    (!found.broken_off).then_some(found)
}

impl Node {
    /// Takes up what one whole reading found: what it no longer finds is well again.
    async fn scrubbed(&self, found: Scrubbed) {
        {
            let mut state = self.scrub.state();
            state.finished = Some(self.now());
            state.bytes = found.bytes;
            state
                .damaged
                .retain(|damaged, _| found.damaged.contains(damaged));
            state.faults = found.faults.iter().map(ToString::to_string).collect();
        }
        if !found.faults.is_empty() {
            for fault in &found.faults {
                tracing::error!(%fault, "the journal is damaged; restore the file from a copy");
            }
            self.alarm(None, "journal-damaged").await;
        }
        self.found_damaged(&found.damaged).await;
    }

    /// Names damaged blobs, puts an alarm into the ledger and asks for what others may have.
    pub(crate) async fn found_damaged(&self, blobs: &[DamagedBlob]) {
        let mut news = false;
        for damaged in blobs {
            if self.scrub.state().damaged.contains_key(damaged) {
                continue;
            }
            let loss = self.loss(damaged);
            tracing::error!(%damaged, lost = loss.words, "the journal is damaged");
            for peer in loss.wanted.iter().flat_map(|wanted| &wanted.from) {
                self.links.wake(*peer);
            }
            self.scrub.state().damaged.insert(*damaged, loss);
            news = true;
        }
        if news {
            self.alarm(None, "journal-damaged").await;
        }
    }

    /// What a damaged blob means, from its entry, which is whole.
    fn loss(&self, damaged: &DamagedBlob) -> Loss {
        let read = self.store.body(damaged.place).map_err(NodeError::from);
        match read.and_then(|body| Ok(describe(&Entry::decode(&body)?, damaged.blob)?)) {
            Ok(loss) => loss,
            Err(error) => Loss {
                words: format!("an entry that cannot be read: {error}"),
                wanted: None,
            },
        }
    }

    /// Headers of the records that `peer` may have and that are damaged here.
    pub(crate) fn wanted_from(&self, peer: Country) -> Vec<Digest> {
        let state = self.scrub.state();
        let wanted = state
            .damaged
            .values()
            .filter_map(|loss| loss.wanted.as_ref());
        wanted
            .filter(|wanted| wanted.from.contains(&peer))
            .map(|wanted| wanted.digest)
            .collect()
    }

    /// The damaged blob of a record, with what came of it so far.
    pub(crate) fn damaged_record(&self, digest: &Digest) -> Option<(DamagedBlob, Wanted)> {
        let state = self.scrub.state();
        state.damaged.iter().find_map(|(damaged, loss)| {
            let wanted = loss.wanted.as_ref()?;
            (wanted.digest == *digest).then(|| (*damaged, wanted.clone()))
        })
    }

    /// Keeps the compartments that came of a record that is not whole yet.
    pub(crate) fn keep_parts(
        &self,
        damaged: &DamagedBlob,
        parts: BTreeMap<u32, SealedCompartment>,
    ) {
        let mut state = self.scrub.state();
        let wanted = |loss: &Loss| loss.wanted.as_ref().is_some_and(|w| !w.parts.is_empty());
        if state.damaged.values().filter(|loss| wanted(loss)).count() >= ASKED {
            // Others are half here; this one is asked for again in a later session.
            return;
        }
        let loss = state.damaged.get_mut(damaged);
        if let Some(wanted) = loss.and_then(|loss| loss.wanted.as_mut()) {
            wanted.parts = parts;
        }
    }

    /// A damaged blob is whole again.
    pub(crate) fn repaired(&self, damaged: &DamagedBlob) {
        let mut state = self.scrub.state();
        let Some(loss) = state.damaged.remove(damaged) else {
            return;
        };
        state.repaired = state.repaired.saturating_add(1);
        drop(state);
        // Their lanes may wait for this very record.
        for peer in loss.wanted.iter().flat_map(|wanted| &wanted.from) {
            self.links.wake(*peer);
        }
    }

    /// What scrubbing found, for the operator.
    pub(crate) fn scrub_status(&self) -> ScrubStatus {
        let state = self.scrub.state();
        let blobs = state.damaged.iter().map(|(damaged, loss)| {
            let way_out = match &loss.wanted {
                None => "restore the segment's file from a copy".to_owned(),
                Some(wanted) => {
                    let from: Vec<_> = wanted.from.iter().map(Country::code).collect();
                    format!("being asked again from {}", from.join(", "))
                }
            };
            format!("{}: {damaged}; {way_out}", loss.words)
        });
        ScrubStatus {
            finished_us: state.finished.map_or(0, Moment::micros),
            bytes: state.bytes,
            damaged: state
                .faults
                .iter()
                .cloned()
                .chain(blobs)
                .take(TOLD)
                .collect(),
            repaired: state.repaired,
        }
    }
}

/// What is lost with a blob of an entry.
fn describe(entry: &Entry, blob: u32) -> Result<Loss, EntryError> {
    let only_here = |words: String| Loss {
        words,
        wanted: None,
    };
    if let Some(leaf) = entry.leaf.as_ref().filter(|leaf| leaf.blob == blob) {
        return Ok(only_here(format!(
            "the text of ledger leaf {} (the tree is whole, the leaf cannot be disclosed)",
            leaf.index
        )));
    }
    Ok(match &entry.event {
        Event::Submitted(submitted) => match &submitted.holding {
            Some(holding) if holding.blob == blob => {
                record(holding, readers(&submitted.outbox)?, "own record")?
            }
            Some(holding) => only_here(format!(
                "the submission receipt of own record {}",
                holding.number
            )),
            None => only_here("part of a submission".to_owned()),
        },
        Event::Received(received) => match &received.holding {
            Some(holding) if holding.blob == blob => {
                let origin: Country = holding.origin.parse()?;
                record(holding, vec![origin], "received record")?
            }
            _ => only_here("part of a received record".to_owned()),
        },
        Event::ReceiptsIssued(issued) => only_here(format!(
            "{} receipts issued to {}",
            issued.count,
            peer_of(issued.first.as_ref())
        )),
        Event::ReceiptsArrived(arrived) => only_here(format!(
            "{} receipts of {}",
            arrived.count,
            peer_of(arrived.first.as_ref())
        )),
        _ => only_here("part of an entry".to_owned()),
    })
}

fn record(holding: &Holding, from: Vec<Country>, whose: &str) -> Result<Loss, EntryError> {
    let digest = Digest::try_from(holding.header_digest.as_slice())
        .map_err(|_| EntryError::Field("header_digest"))?;
    Ok(Loss {
        words: format!(
            "the text of {whose} {} of {}",
            holding.number, holding.origin
        ),
        wanted: (!from.is_empty()).then(|| Wanted {
            digest,
            from,
            parts: BTreeMap::new(),
        }),
    })
}

fn readers(outbox: &[OutboxPlace]) -> Result<Vec<Country>, EntryError> {
    let parsed = outbox.iter().map(|place| Ok(place.peer.parse()?));
    parsed.collect()
}

fn peer_of(position: Option<&crate::entry::Position>) -> &str {
    position.map_or("a peer", |position| position.peer.as_str())
}
