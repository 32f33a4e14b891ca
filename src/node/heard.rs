//! When each country was heard last: its control lane was carried out here as far as it said that it
//! reaches. In memory to the moment; in the journal to the hour, so that a restart during an outage
//! forgets an hour at most and never counts too little.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    entry::{Entry, EntryError, Event, PeerHeard},
    record::{
        Country, Moment,
        heard::{Heard, is_recent},
    },
    store::{Keyspace, Place, ProjectionError, ReadRows as _, Rows, Store},
};

use super::{Node, NodeError, rules::Proposal, steps::ConsentError};

/// When peers were heard last.
const HEARD: Keyspace = Keyspace {
    prefix: 0x42,
    name: "peers heard",
    key: "country (2)",
    value: "place of the entry (12 bytes)",
    written_by: "peer heard",
    goes_away: "never; replaced by a newer one",
};

/// How often it becomes durable.
const KEEP_EVERY: Duration = Duration::from_secs(3600);

pub(super) const fn keyspaces() -> [&'static Keyspace; 1] {
    [&HEARD]
}

pub(super) fn apply(
    event: &Event,
    place: Place,
    rows: &mut Rows<'_>,
) -> Result<(), ProjectionError> {
    if let Event::PeerHeard(heard) = event {
        rows.put(
            HEARD.key(&[heard.peer.as_bytes()]),
            place.to_bytes().to_vec(),
        );
    }
    Ok(())
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Moment,
    instant: Instant,
    /// What is durable of it.
    kept: Option<Moment>,
}

/// The countries heard since the node started.
#[derive(Debug, Default)]
pub(crate) struct Peers(Mutex<HashMap<Country, Sample>>);

impl Peers {
    fn samples(&self) -> MutexGuard<'_, HashMap<Country, Sample>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a country was heard; true when that is to become durable.
    fn note(&self, peer: Country, now: Moment) -> bool {
        let mut samples = self.samples();
        let kept = samples.get(&peer).and_then(|sample| sample.kept);
        let keeps = kept.is_none_or(|kept| now < kept || now.since(kept) >= KEEP_EVERY);
        let sample = Sample {
            at: now,
            instant: Instant::now(),
            kept: if keeps { Some(now) } else { kept },
        };
        samples.insert(peer, sample);
        keeps
    }

    /// What was to become durable is not.
    fn not_kept(&self, peer: Country) {
        if let Some(sample) = self.samples().get_mut(&peer) {
            sample.kept = None;
        }
    }

    fn heard(&self, peer: Country) -> Option<Heard> {
        let sample = *self.samples().get(&peer)?;
        Some(Heard {
            at: sample.at,
            elapsed: sample.instant.elapsed(),
        })
    }
}

impl Node {
    /// A country's control lane is carried out here as far as it says that it reaches.
    pub(super) async fn heard_all_of(&self, peer: Country) {
        if !self.heard.note(peer, self.now()) {
            return;
        }
        if let Err(error) = self.writer.propose(Proposal::Heard { peer }).await {
            self.heard.not_kept(peer);
            tracing::warn!(%peer, %error, "when the peer was heard is not kept");
        }
    }

    /// Refuses a use of what `peer` sent, when it was not heard for too long.
    pub(super) fn check_heard(&self, peer: Country) -> Result<(), ConsentError> {
        let most = self.config.life.unheard();
        let heard = match self.heard.heard(peer) {
            Some(heard) => Some(heard),
            None => kept(&self.store, peer)?,
        };
        if peer == self.country || is_recent(heard, self.now(), most) {
            return Ok(());
        }
        Err(ConsentError::Unheard {
            peer,
            heard: heard.map(|heard| heard.at),
            hours: self.config.life.unheard_h,
        })
    }
}

fn kept(store: &Store, peer: Country) -> Result<Option<Heard>, NodeError> {
    let row = store.row(&HEARD.key(&[peer.code().as_bytes()]))?;
    let Some(place) = row.and_then(|value| Place::from_bytes(&value)) else {
        return Ok(None);
    };
    let entry = Entry::decode(&store.body(place)?)?;
    match entry.event {
        Event::PeerHeard(PeerHeard { .. }) => Ok(Some(Heard {
            at: entry.time,
            elapsed: Duration::ZERO,
        })),
        _ => Err(EntryError::Field("peer_heard").into()),
    }
}
