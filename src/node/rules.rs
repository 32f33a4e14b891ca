//! What the single writer checks and assigns: the node's rules.
//!
//! Use cases prepare as much as they can outside (sealing, signing, verifying) and propose; here
//! preconditions are checked against the state *including the group in hand*, numbers, sequences
//! and leaf indexes are assigned, and entries appended. Nothing here waits or does I/O of its own.

mod approvals;
mod clocks;
mod consent;
mod custody;
mod desk;
mod exchange;
mod facts;
mod intake;
mod items;
mod life;
mod lives;
mod permissions;
mod persons;
mod proposal;
mod reading;
mod recent;
mod refusals;
mod released;
mod steps;
mod subject;
mod told;

pub use approvals::{AnswerOrder, AskOrder};
pub use clocks::{ClocksOrder, TellOrder};
pub use consent::{DiscloseOrder, ExportedEvidence, PassesOn};
pub use custody::CustodyDraft;
pub use desk::{ChargeOrder, EscalateOrder};
pub use facts::{
    AloneOrder, Backups, Effect, ErasedOrder, Facts, KeptReceipts, LockOrder, Rekeying,
};
pub use intake::{FeedClaim, NoteOrder};
pub use items::{ItemOrder, NamedItems};
pub use permissions::TableOrder;
pub use proposal::{
    Answer, ApprovalId, Arrival, ArrivedReceipts, Prepared, Proposal, ReceivedBatch, Submission,
};
pub use reading::{By, ReadOrder, SearchOrder};
pub use refusals::{Refusal, SubmissionRefusal};
pub use released::{ExportedTable, Release};
pub use subject::ScanOrder;
pub use told::{CertificateOrder, KeyOrder};

use std::{sync::Arc, time::Duration};

pub(super) use approvals::{answer_aad, order_aad};
pub(super) use desk::charge_aad;
pub(super) use life::ground_aad;
pub(super) use persons::person_tag;
pub(super) use released::{refuses_release, released_before};
pub(super) use steps::late_aad;

use prost::Message as _;

use crate::{
    crypto::{Domain, IndexKey, RandomError, StorageKey, random_bytes},
    entry::{
        AgreementsChanged, Alarm, CardAccepted, CheckpointSeen, Entry, Event, Incarnation,
        LeafSlot, LinkChanged, NodeCreated, NodeStarted, PeerHeard,
    },
    ledger::{self, leaf_digest},
    record::{Country, Moment},
    store::{Decline, Draft, Group, Rules, StoreError},
    wire::ledger::{Action, Leaf, LeafBody},
};

use self::{persons::Persons, recent::Recent};
use super::{Clock, clocks::Clocks, projection, search::Withdrawn};

/// The writer's rules; one instance, in the writer's thread.
pub struct NodeRules {
    country: Country,
    incarnation: Incarnation,
    storage: StorageKey,
    persons: Persons,
    clock: Clock,
    /// From the lock of a recalled record to its shredding.
    shred_delay: Duration,
    /// How the peers' clocks stand to this one.
    clocks: Arc<Clocks>,
    recent: Recent,
    /// What is locked leaves the search index at once.
    withdrawn: Withdrawn,
}

/// Additional data of a leaf's body at rest.
pub(super) fn leaf_aad(index: u64) -> Vec<u8> {
    [Domain::Storage.prefix(), b"leaf", &index.to_be_bytes()].concat()
}

type Declined = Decline<Refusal>;

impl NodeRules {
    /// Rules for the writer of a node whose store was opened at `position`.
    pub fn new(
        country: Country,
        incarnation: Incarnation,
        storage: StorageKey,
        index: IndexKey,
        clock: Clock,
        shred_delay: Duration,
        position: u64,
    ) -> Self {
        Self {
            country,
            incarnation,
            storage,
            persons: Persons::new(index),
            clock,
            shred_delay,
            clocks: Arc::new(Clocks::new(Duration::MAX)),
            recent: Recent::after(position),
            withdrawn: Withdrawn::default(),
        }
    }

    /// The same, whose leaves are as those of earlier versions: nothing beside them says who it was.
    #[cfg(test)]
    pub(super) fn untagged(mut self) -> Self {
        self.persons.untagged = true;
        self
    }

    /// Appends an entry without a leaf: what only this node needs to know.
    fn append_leafless(&self, event: Event, group: &mut Group<'_>) -> Result<(), Declined> {
        let entry = Entry {
            time: (self.clock)(),
            leaf: None,
            event,
        };
        group.append(Draft {
            body: entry.encode(),
            blobs: Vec::new(),
        })?;
        Ok(())
    }

    /// Appends one event with its leaf. The leaf's body stands last among the blobs, encrypted
    /// under the storage key; the tree hashes its salted digest.
    fn append(
        &self,
        group: &mut Group<'_>,
        event: Event,
        mut blobs: Vec<Vec<u8>>,
        leaf: LeafBody,
    ) -> Result<(), Declined> {
        let index = ledger::rows::next_leaf(group)?;
        let time: Moment = (self.clock)();
        let salt: [u8; 32] = random_bytes().map_err(no_randomness)?;
        let person_tag = self.persons.entrys(&leaf.actor);
        let shown = leaf.shown.clone();
        let body = LeafBody {
            time_us: time.micros(),
            ..leaf
        }
        .encode_to_vec();
        let digest = leaf_digest(&salt, &body);
        let blob = u32::try_from(blobs.len()).unwrap_or(u32::MAX);
        let plain = Leaf {
            index,
            salt: salt.to_vec(),
            body,
            digest: digest.to_vec(),
        }
        .encode_to_vec();
        blobs.push(
            self.storage
                .seal(&leaf_aad(index), &plain)
                .map_err(no_randomness)?,
        );
        self.withdrawn.note(&event);
        let entry = Entry {
            time,
            leaf: Some(LeafSlot {
                index,
                digest: digest.to_vec(),
                blob,
                person_tag,
                shown,
            }),
            event,
        };
        let draft = Draft {
            body: entry.encode(),
            blobs,
        };
        group.append_with(draft, |stored, rows| {
            projection::apply(&entry, stored, rows)
        })?;
        Ok(())
    }

    fn own_actor(&self) -> String {
        format!("{}/node", self.country)
    }
}

type Answered = Result<Submission, SubmissionRefusal>;

fn no_randomness(error: RandomError) -> Declined {
    Decline::Store(StoreError::from(error))
}

impl Rules for NodeRules {
    type Proposal = Proposal;
    type Answer = Answer;
    type Refusal = Refusal;

    fn decide(&mut self, proposal: Proposal, group: &mut Group<'_>) -> Result<Answer, Declined> {
        let node = |action: Action, detail: &str| LeafBody {
            actor: self.own_actor(),
            action: action.into(),
            detail: detail.to_owned(),
            ..LeafBody::default()
        };
        match proposal {
            Proposal::Create {
                country,
                incarnation,
                ledger_origin,
            } => {
                if projection::is_created(group)? {
                    return Err(Decline::Refused(Refusal::Exists));
                }
                let event = Event::NodeCreated(NodeCreated {
                    country: country.code().to_owned(),
                    incarnation: incarnation.to_vec(),
                    ledger_origin,
                });
                self.append(group, event, Vec::new(), node(Action::Node, "created"))?;
            }
            Proposal::Start { store } => {
                let event = Event::NodeStarted(NodeStarted {
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                    store,
                });
                self.append(group, event, Vec::new(), node(Action::Node, "started"))?;
            }
            Proposal::Card {
                country,
                version,
                digest,
                signed,
                actor,
            } => {
                let leaf = LeafBody {
                    actor,
                    peer: country.code().to_owned(),
                    subject: digest.to_vec(),
                    ..node(Action::Key, "card-accepted")
                };
                let event = Event::CardAccepted(CardAccepted {
                    country: country.code().to_owned(),
                    version,
                    signed_card: signed,
                    digest: digest.to_vec(),
                });
                self.append(group, event, Vec::new(), leaf)?;
            }
            Proposal::Submit(batch) => {
                let mut answers = Vec::with_capacity(batch.len());
                for prepared in batch {
                    answers.push(self.submit(prepared, group)?);
                }
                return Ok(Answer::Submitted(answers));
            }
            Proposal::Receive(batch) => self.receive(*batch, group)?,
            Proposal::ReceiptsArrived(arrived) => self.receipts_arrived(*arrived, group)?,
            Proposal::Read(order) => self.read(*order, group)?,
            Proposal::Searched(order) => self.searched(*order, group)?,
            Proposal::Scanned(order) => self.scanned(*order, group)?,
            Proposal::Indexed(event) => self.append_leafless(event, group)?,
            Proposal::Certificates(orders) => self.certificates(orders, group)?,
            Proposal::Key(order) => self.key(order, group)?,
            Proposal::AccessTable(order) => self.put_in_force(*order, group)?,
            Proposal::RefusedAttempts(sums) => self.attempts_refused(sums, group)?,
            Proposal::Charge(order) => self.charge(*order, group)?,
            Proposal::Escalate(orders) => self.escalate(orders, group)?,
            Proposal::Clocks(orders) => self.clocks(orders, group)?,
            Proposal::Lock { orders, actor } => self.lock_all(orders, &actor, group)?,
            Proposal::Hold {
                number,
                digest,
                reference,
                ground,
                actor,
            } => {
                let leaf = LeafBody {
                    actor,
                    header_digest: digest.to_vec(),
                    reference,
                    ..node(Action::Alteration, "held")
                };
                self.hold(number, digest, ground, leaf, group)?;
            }
            Proposal::Rekey(rekeying) => self.rekey(rekeying, group)?,
            Proposal::Erased(orders) => self.erased_all(orders, group)?,
            Proposal::Ask(_)
            | Proposal::Answer(_)
            | Proposal::ApprovalDone(_)
            | Proposal::RecallAlone(_) => self.approval(proposal, group)?,
            Proposal::Link { peer, change } => {
                let leaf = LeafBody {
                    peer: peer.code().to_owned(),
                    count: match change.changes {
                        0 | 1 => 0,
                        several => several,
                    },
                    ..node(Action::Link, if change.up { "up" } else { "down" })
                };
                let event = Event::LinkChanged(LinkChanged {
                    peer: peer.code().to_owned(),
                    up: change.up,
                    changes: change.changes,
                });
                self.append(group, event, Vec::new(), leaf)?;
            }
            Proposal::Disclose(order) => self.disclose(*order, group)?,
            Proposal::DiscloseAll(orders) => self.disclose_all(orders, group)?,
            Proposal::ExportEvidence(order) => self.export_evidence(*order, group)?,
            Proposal::Custody(drafts) => self.custody(drafts, group)?,
            Proposal::ExportTable(table) => {
                let leaf = node(Action::Disclosure, "table-export");
                self.export_table(*table, leaf, group)?;
            }
            Proposal::Agreements {
                digest,
                count,
                actor,
            } => {
                let mut leaf = LeafBody {
                    subject: digest.to_vec(),
                    ..node(Action::Node, "agreements")
                };
                if let Some(actor) = actor {
                    leaf.actor = actor;
                }
                let event = Event::AgreementsChanged(AgreementsChanged {
                    digest: digest.to_vec(),
                    count,
                });
                self.append(group, event, Vec::new(), leaf)?;
            }
            Proposal::Alarm {
                peer,
                kind,
                evidence,
            } => {
                let peer = peer.map(|peer| peer.code().to_owned()).unwrap_or_default();
                let leaf = LeafBody {
                    peer: peer.clone(),
                    evidence,
                    ..node(Action::Alarm, kind)
                };
                let event = Event::Alarm(Alarm {
                    peer,
                    kind: kind.to_owned(),
                });
                self.append(group, event, Vec::new(), leaf)?;
            }
            Proposal::Item(order) => self.item(order, group)?,
            Proposal::NoteFed(order) => self.note_fed(&order, group)?,
            Proposal::Life(event, blobs) => self.life(*event, blobs, group)?,
            Proposal::Fence {
                peer,
                claim,
                decisive,
            } => self.fenced_by(peer, claim, decisive, group)?,
            Proposal::Checkpoint {
                peer,
                note,
                checkpoint,
            } => {
                let event = Event::CheckpointSeen(CheckpointSeen {
                    peer: peer.code().to_owned(),
                    note,
                    size: checkpoint.size,
                    root: checkpoint.root.to_vec(),
                });
                self.append_leafless(event, group)?;
            }
            Proposal::Heard { peer } => {
                let peer = peer.code().to_owned();
                self.append_leafless(Event::PeerHeard(PeerHeard { peer }), group)?;
            }
        }
        Ok(Answer::Done)
    }
}
