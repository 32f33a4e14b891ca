//! Incarnations, own and the peers': their projection, and what is still open of earlier ones.
//!
//! A node that was restored from an older state goes on under a new incarnation ([`super::renew`]).
//! What it had assigned under the one before is settled with each peer first, on the lanes of that
//! one: what the peer lacks is sent, what it answered is taken, and what it holds although it was
//! lost here is named by its receipts.

use prost::Message as _;

use crate::{
    card,
    entry::{
        CaughtUp, EarlierSettled, Entry, EntryError, Event, Incarnation, LaneId, LostNamed,
        NodeRenewed, incarnation,
    },
    envelope::{Receipt, ReceiptGroup},
    record::Country,
    replication::{
        lanes,
        progress::{Lane, Life, PerLane},
    },
    store::{Entry as Stored, Keyspace, Place, ReadRows, Rows, Store, StoreError},
    wire::{card::SignedRenewal, node::LostRecords},
};

use super::{Node, NodeError};

/// Own incarnations after the first.
const RENEWALS: Keyspace = Keyspace {
    prefix: 0x52,
    name: "own renewals",
    key: "how many there were before, u64 big endian",
    value: "place of the entry (12 bytes)",
    written_by: "node renewed",
    goes_away: "never",
};

/// The newest incarnation of each peer that was restored.
const PEER_RENEWALS: Keyspace = Keyspace {
    prefix: 0x53,
    name: "peers' renewals",
    key: "country (2)",
    value: "place of the entry (12 bytes), number of the renewal (u64 be)",
    written_by: "peer renewed",
    goes_away: "never; replaced by a later one",
};

/// Earlier own incarnations of which nothing is open with a peer.
const SETTLED: Keyspace = Keyspace {
    prefix: 0x54,
    name: "settled incarnations",
    key: "country (2), earlier own incarnation (16)",
    value: "empty",
    written_by: "earlier settled",
    goes_away: "never",
};

/// Receipts that name records of an earlier own incarnation which were lost here.
const LOST: Keyspace = Keyspace {
    prefix: 0x55,
    name: "lost records",
    key: "peer (2), earlier own incarnation (16), lane (1), first sequence (u64 be)",
    value: "place of the entry (12 bytes)",
    written_by: "lost named",
    goes_away: "never",
};

/// Under which own incarnation everything came again that a peer had sent before.
const CAUGHT_UP: Keyspace = Keyspace {
    prefix: 0x56,
    name: "caught up",
    key: "country (2)",
    value: "own incarnation (16)",
    written_by: "caught up",
    goes_away: "never; replaced after the next renewal",
};

/// Incarnations of a node looked at.
const MAX_LIVES: usize = card::MAX_RETIRED + 1;
/// Groups of receipts for lost records looked at, and header digests shown of them, per answer.
const MAX_LOST: usize = 100;

/// The keyspaces of this file.
pub(super) const fn keyspaces() -> [&'static Keyspace; 5] {
    [&RENEWALS, &PEER_RENEWALS, &SETTLED, &LOST, &CAUGHT_UP]
}

/// Writes the rows of one entry. Pure: the same entries give the same rows.
pub(super) fn apply(
    event: &Event,
    stored: &Stored<'_>,
    rows: &mut Rows<'_>,
) -> Result<(), StoreError> {
    let place = || stored.place.to_bytes().to_vec();
    match event {
        Event::NodeRenewed(_) => {
            let mut before = 0_u64;
            while rows.row(&RENEWALS.key(&[&before.to_be_bytes()]))?.is_some() {
                before = before.saturating_add(1);
            }
            rows.put(RENEWALS.key(&[&before.to_be_bytes()]), place());
        }
        Event::PeerRenewed(renewed) => {
            let value = [place(), renewed.number.to_be_bytes().to_vec()].concat();
            rows.put(PEER_RENEWALS.key(&[renewed.peer.as_bytes()]), value);
        }
        Event::EarlierSettled(settled) => rows.put(
            SETTLED.key(&[settled.peer.as_bytes(), &settled.incarnation]),
            Vec::new(),
        ),
        Event::LostNamed(lost) => {
            if let Some(first) = &lost.first
                && let Ok(lane) = LaneId::try_from(first)
            {
                let first = first.sequence.to_be_bytes();
                rows.put(LOST.key(&[&lane.key(), &first]), place());
            }
        }
        Event::CaughtUp(CaughtUp { peer, incarnation }) => {
            rows.put(CAUGHT_UP.key(&[peer.as_bytes()]), incarnation.clone());
        }
        _ => {}
    }
    Ok(())
}

/// An own renewal as the journal has it.
#[derive(Clone, Debug)]
pub(super) struct OwnRenewal {
    /// The incarnation it began.
    pub(super) incarnation: Incarnation,
    /// As the root signed it.
    pub(super) signed: SignedRenewal,
}

/// The own renewals, oldest first.
pub(super) fn own_renewals(store: &Store) -> Result<Vec<OwnRenewal>, NodeError> {
    let prefix = RENEWALS.key(&[]);
    let mut renewals = Vec::new();
    for (_, value) in store.scan(&prefix, &prefix, MAX_LIVES)? {
        let Event::NodeRenewed(NodeRenewed {
            incarnation: life,
            signed_renewal,
            ..
        }) = event_at(store, &value)?
        else {
            return Err(EntryError::Field("node_renewed").into());
        };
        renewals.push(OwnRenewal {
            incarnation: incarnation(&life)?,
            signed: SignedRenewal::decode(signed_renewal.as_slice()).map_err(EntryError::from)?,
        });
    }
    Ok(renewals)
}

/// A peer's newest renewal, and how far lanes from here it had received when it came with it.
#[derive(Clone, Debug)]
pub(super) struct PeerRenewal {
    /// The incarnation.
    pub(super) life: Life,
    /// What it said that it had received.
    pub(super) floor: PerLane<u64>,
}

/// The newest renewal of a peer that was accepted.
pub(super) fn peer_renewal(store: &Store, peer: Country) -> Result<Option<PeerRenewal>, NodeError> {
    let Some(value) = store.row(&PEER_RENEWALS.key(&[peer.code().as_bytes()]))? else {
        return Ok(None);
    };
    let Some((place, _)) = value.split_first_chunk::<12>() else {
        return Err(EntryError::Field("place").into());
    };
    let Event::PeerRenewed(renewed) = event_at(store, place)? else {
        return Err(EntryError::Field("peer_renewed").into());
    };
    let signed =
        SignedRenewal::decode(renewed.signed_renewal.as_slice()).map_err(EntryError::from)?;
    // Its signature was verified before it was accepted.
    let renewal =
        card::Renewal::decode(&signed.renewal).map_err(|_| EntryError::Field("signed_renewal"))?;
    let mut floor = PerLane::<u64>::default();
    for position in &renewed.received {
        if let Ok(lane) = Lane::try_from(position.lane) {
            *floor.of_mut(lane) = position.sequence;
        }
    }
    Ok(Some(PeerRenewal {
        life: life_of(&renewal),
        floor,
    }))
}

/// A renewal as the state machine of a link takes it.
pub(super) fn life_of(renewal: &card::Renewal) -> Life {
    Life {
        number: renewal.number,
        incarnation: renewal.incarnation,
        retired: renewal.retired.clone(),
    }
}

/// Number of a peer's newest renewal, as the writer sees it; 0 for none.
pub(super) fn renewal_number(rows: &impl ReadRows, peer: &str) -> Result<u64, StoreError> {
    let row = rows.row(&PEER_RENEWALS.key(&[peer.as_bytes()]))?;
    let number = row.and_then(|value| value.last_chunk::<8>().copied());
    Ok(number.map_or(0, u64::from_be_bytes))
}

/// Whether nothing of an earlier own incarnation is open with a peer.
pub(super) fn is_settled(
    rows: &impl ReadRows,
    peer: Country,
    life: &Incarnation,
) -> Result<bool, StoreError> {
    let key = SETTLED.key(&[peer.code().as_bytes(), life]);
    Ok(rows.row(&key)?.is_some())
}

/// Whether everything came again that a peer had sent before the renewal.
pub(super) fn has_caught_up(
    rows: &impl ReadRows,
    peer: Country,
    own: &Incarnation,
) -> Result<bool, StoreError> {
    let row = rows.row(&CAUGHT_UP.key(&[peer.code().as_bytes()]))?;
    Ok(row.is_some_and(|known| known == own))
}

/// The last sequence of an earlier own lane that is named as lost; 0 for none.
pub(super) fn lost_up_to(store: &Store, lane: &LaneId) -> Result<u64, NodeError> {
    let prefix = LOST.key(&[&lane.key()]);
    match store.scan_back(&prefix, &[], 1)?.first() {
        Some((_, value)) => {
            let (first, lost) = lost_at(store, value)?;
            Ok(first.saturating_add(lost.count).saturating_sub(1))
        }
        None => Ok(0),
    }
}

fn lost_at(store: &Store, value: &[u8]) -> Result<(u64, LostNamed), NodeError> {
    match event_at(store, value)? {
        Event::LostNamed(lost) => {
            let first = lost.first.as_ref().ok_or(EntryError::Field("first"))?;
            Ok((first.sequence, lost))
        }
        _ => Err(EntryError::Field("lost_named").into()),
    }
}

fn event_at(store: &Store, value: &[u8]) -> Result<Event, NodeError> {
    let place = Place::from_bytes(value).ok_or(EntryError::Field("place"))?;
    Ok(Entry::decode(&store.body(place)?)?.event)
}

impl Node {
    /// The own incarnation whose lanes run with a peer: the oldest of which something is open with
    /// it, else the current one.
    pub(crate) fn life_with(&self, peer: Country) -> Result<Incarnation, NodeError> {
        for life in &self.earlier {
            if !is_settled(&self.store, peer, life)? {
                return Ok(*life);
            }
        }
        Ok(self.incarnation)
    }

    /// Whether this node was renewed and a peer has not sent everything again yet.
    pub(crate) fn is_recovering(&self, peer: Country) -> Result<bool, NodeError> {
        Ok(self.renewal.is_some() && !has_caught_up(&self.store, peer, &self.incarnation)?)
    }

    /// A lane to a peer as its operator sees it: over all own incarnations.
    pub(super) fn outgoing_over_all(
        &self,
        peer: Country,
        lane: crate::wire::envelope::Lane,
    ) -> Result<lanes::Outgoing, NodeError> {
        let mut all = lanes::Outgoing::default();
        for life in self.earlier.iter().chain([&self.incarnation]) {
            let id = LaneId {
                peer,
                incarnation: *life,
                lane,
            };
            let state = lanes::outgoing(&self.store, &id)?;
            all.assigned = all.assigned.saturating_add(state.assigned);
            all.receipted = all.receipted.saturating_add(state.receipted);
        }
        Ok(all)
    }

    /// Records that peers hold of earlier own incarnations and that were lost here.
    pub(super) fn lost_records(&self) -> Result<Vec<LostRecords>, NodeError> {
        let prefix = LOST.key(&[]);
        let mut all = Vec::new();
        for (_, value) in self.store.scan(&prefix, &prefix, MAX_LOST)? {
            let place = Place::from_bytes(&value).ok_or(EntryError::Field("place"))?;
            let (first_sequence, lost) = lost_at(&self.store, &value)?;
            let position = lost.first.ok_or(EntryError::Field("first"))?;
            let blob = self.store.blob(place, lost.blob)?;
            let group = ReceiptGroup::decode(blob.as_slice()).map_err(EntryError::from)?;
            let skip = usize::try_from(lost.skip).unwrap_or(usize::MAX);
            let header_digests = group
                .receipts
                .iter()
                .skip(skip)
                .take(MAX_LOST)
                .map(|receipt| {
                    let receipt = Receipt::decode(receipt.as_ref()).map_err(EntryError::from)?;
                    Ok(receipt.header_digest.to_vec())
                })
                .collect::<Result<_, NodeError>>()?;
            all.push(LostRecords {
                country: position.peer,
                lane: position.lane,
                first_sequence,
                count: lost.count,
                header_digests,
            });
        }
        Ok(all)
    }

    /// Makes it durable that nothing of an earlier own incarnation is open with a peer.
    pub(super) async fn settled(&self, peer: Country, life: Incarnation) -> Result<(), NodeError> {
        let settled = Event::EarlierSettled(EarlierSettled {
            peer: peer.code().to_owned(),
            incarnation: life.to_vec(),
        });
        self.note(settled, Vec::new()).await
    }

    /// Makes it durable that a peer sent everything again.
    pub(super) async fn caught_up(&self, peer: Country) -> Result<(), NodeError> {
        let event = Event::CaughtUp(CaughtUp {
            peer: peer.code().to_owned(),
            incarnation: self.incarnation.to_vec(),
        });
        self.note(event, Vec::new()).await
    }

    /// Makes one of the events of this file durable.
    pub(super) async fn note(&self, event: Event, blobs: Vec<Vec<u8>>) -> Result<(), NodeError> {
        let proposal = super::rules::Proposal::Life(Box::new(event), blobs);
        self.writer.propose(proposal).await?;
        Ok(())
    }
}
