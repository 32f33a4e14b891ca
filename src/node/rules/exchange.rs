//! Rules for what is exchanged: submissions, arrivals and receipts, each at its place in a lane.

use crate::{
    crypto::Digest,
    entry::{
        Event, Holding, LaneId, OutboxPlace, Position, ReceiptsArrived, ReceiptsIssued, Received,
        Refused, Submitted,
    },
    envelope::running_hash,
    inbox,
    node::joint::CaseFact,
    replication::lanes,
    store::{Decline, Group},
    wire::ledger::{Action, LeafBody},
};

use super::{
    Answered, Arrival, ArrivedReceipts, Declined, Facts, NodeRules, Prepared, ReceivedBatch,
    Refusal, Submission, SubmissionRefusal,
    facts::{case_edition, case_tag, timed},
    intake::place,
    recent::Name,
    refuses_release,
    steps::{Taken, Target},
};

impl NodeRules {
    pub(super) fn submit(
        &mut self,
        prepared: Prepared,
        group: &mut Group<'_>,
    ) -> Result<Answered, Declined> {
        let key = prepared.idempotency_tag.map(Name::Key);
        if let (Some(tag), Some(name)) = (prepared.idempotency_tag, &key)
            && !self.recent.is_new(prepared.unknown_at, name)
            && let Some(number) = inbox::ask::by_idempotency(group, &tag)?
        {
            // Whether it is the same submission, who answers finds out: what was submitted stands
            // under the record's slot.
            return Ok(Ok(Submission {
                number,
                repeated: true,
            }));
        }
        let item = prepared.item.as_ref();
        if let Some(claim) = item
            && self.item_moved(claim, group)?
        {
            return Ok(Err(SubmissionRefusal::ItemMoved));
        }
        if let Some(refusal) = self.refuses_step(&prepared.facts, group)? {
            return Ok(Err(refusal));
        }
        if let Some(refusal) = self.refuses_consent(&prepared.facts, group)? {
            return Ok(Err(refusal));
        }
        if !Self::follows_custody(&prepared.facts.custody, group)? {
            return Ok(Err(SubmissionRefusal::EvidenceMoved));
        }
        if let Some(refusal) = Self::refuses_version(&prepared.facts, group)? {
            return Ok(Err(refusal));
        }
        let releases = &prepared.facts.releases;
        if let Some(violations) = refuses_release(&self.storage, group, releases)? {
            return Ok(Err(SubmissionRefusal::Differenced(violations)));
        }
        let released = self.sealed_releases(releases, group)?;
        let reference = Name::Reference(prepared.reference_tag);
        if !self.recent.is_new(prepared.unknown_at, &reference)
            && inbox::ask::by_reference(group, &prepared.reference_tag)?.is_some()
        {
            return Ok(Err(SubmissionRefusal::ReferenceTaken));
        }
        let fed = item.map(|claim| Name::Fed(claim.tag));
        for name in key.into_iter().chain([reference]).chain(fed) {
            self.recent.note(group.position().saturating_add(1), name);
        }
        let number = inbox::ask::last_number(group)?.saturating_add(1);
        let mut outbox = Vec::with_capacity(prepared.destinations.len());
        for (at, peer) in (0_u32..).zip(&prepared.destinations) {
            let lane = LaneId {
                peer: *peer,
                incarnation: self.incarnation,
                lane: prepared.lane,
            };
            let state = lanes::outgoing(group, &lane)?;
            let sequence = state.assigned.saturating_add(1);
            let hash = running_hash(&state.running_hash, sequence, &prepared.digest);
            outbox.push(OutboxPlace {
                peer: peer.code().to_owned(),
                lane: prepared.lane.into(),
                sequence,
                running_hash: hash.to_vec(),
                destination: at,
            });
        }
        let passes_on = prepared.facts.passes_on;
        let clock = prepared.facts.clock;
        let actor = prepared.actor.clone();
        let peers: Vec<&str> = prepared.destinations.iter().map(|of| of.code()).collect();
        let peer_codes = peers;
        let peers = peer_codes.join(",");
        let leaf = LeafBody {
            actor: prepared.actor,
            action: Action::Collection.into(),
            header_digest: prepared.digest.to_vec(),
            reference: prepared.reference.to_string(),
            detail: "submitted".to_owned(),
            purpose: item.map_or_else(String::new, |claim| format!("feed {}", claim.feed)),
            ..LeafBody::default()
        };
        let taken = Taken::of(&prepared.facts, prepared.digest, self.country);
        let step = evidence_number(&prepared.facts);
        let effect = prepared.facts.effect;
        let items = prepared.facts.items;
        let custody = prepared.facts.custody;
        let event = Event::Submitted(Submitted {
            holding: Some(Self::passing_on(
                timed(
                    Holding {
                        number,
                        header_digest: prepared.digest.to_vec(),
                        record_id: prepared.record_id.to_vec(),
                        origin: self.country.code().to_owned(),
                        reference_tag: prepared.reference_tag.to_bytes(),
                        blob: 0,
                        slot: prepared.slot,
                        sealed_keys: prepared.sealed_keys,
                        exercise: prepared.exercise,
                        follow: prepared.facts.follow,
                        kind_tag: prepared.facts.kind_tag,
                        expires_us: prepared.facts.expires_us,
                        victims_until_us: prepared.facts.victims_until_us,
                        evidence_request: prepared.facts.evidence_request,
                        joint_case_tag: case_tag(prepared.facts.joint_case),
                        joint_case_edition: case_edition(prepared.facts.joint_case),
                        ..Holding::default()
                    },
                    clock,
                ),
                passes_on,
            )),
            outbox,
            reference_number: prepared.reference.number.into(),
            reference_year: prepared.reference.year.into(),
            idempotency_tag: prepared
                .idempotency_tag
                .map(|tag| tag.to_vec())
                .unwrap_or_default(),
            acceptance_blob: 1,
            incarnation: self.incarnation.to_vec(),
            sealed_sharing: prepared.sealed_sharing,
            sealed_submission: prepared.sealed_submission,
            released,
            feed_item: item.map(place),
        });
        self.append(
            group,
            event,
            vec![prepared.envelope, prepared.acceptance],
            leaf,
        )?;
        if let Some(taken) = &taken {
            self.notice_double(taken, step, number, group)?;
        }
        if let (Some(taken), Some(effect)) = (taken, effect) {
            self.carry_out(&taken, effect, group)?;
        }
        self.transfer_items(items, prepared.digest, &peer_codes, group)?;
        self.custody(custody, group)?;
        if let Some(passes_on) = passes_on {
            self.passed_on(passes_on, &actor, &peers, group)?;
        }
        Ok(Ok(Submission {
            number,
            repeated: false,
        }))
    }

    /// Refuses a version of a joint case that does not come right after the newest here.
    fn refuses_version(
        facts: &Facts,
        group: &Group<'_>,
    ) -> Result<Option<SubmissionRefusal>, Declined> {
        let Some(CaseFact { tag, edition }) = facts.joint_case.filter(|of| of.edition != 0) else {
            return Ok(None);
        };
        let newest = inbox::joint_cases::newest(group, &tag)?;
        let newest = newest.map_or(0, |newest| newest.edition);
        let next = newest.checked_add(1) == Some(edition);
        Ok((!next).then_some(SubmissionRefusal::JointCaseMoved))
    }

    pub(super) fn receive(
        &mut self,
        batch: ReceivedBatch,
        group: &mut Group<'_>,
    ) -> Result<(), Declined> {
        let state = lanes::incoming(group, &batch.lane)?;
        if state.sequence.saturating_add(1) != batch.first {
            return Err(Decline::Refused(Refusal::LaneMoved {
                at: state.sequence,
                first: batch.first,
            }));
        }
        let count = u64::try_from(batch.arrivals.len()).unwrap_or(u64::MAX);
        let mut hash = state.running_hash;
        let mut first = None;
        for (sequence, arrival) in (batch.first..).zip(batch.arrivals) {
            let (Arrival::Record { digest, .. } | Arrival::Refused { digest, .. }) = &arrival;
            hash = running_hash(&hash, sequence, digest);
            let position = batch.lane.at(sequence, &hash);
            first.get_or_insert_with(|| position.clone());
            self.arrive(batch.lane, position, batch.unknown_at, arrival, group)?;
        }
        let leaf = LeafBody {
            actor: self.own_actor(),
            action: Action::Disclosure.into(),
            peer: batch.lane.peer.code().to_owned(),
            detail: "receipts-issued".to_owned(),
            subject: batch.receipts_root.to_vec(),
            ..LeafBody::default()
        };
        let event = Event::ReceiptsIssued(ReceiptsIssued {
            first,
            count,
            blob: 0,
        });
        self.append(group, event, vec![batch.receipts], leaf)
    }

    fn arrive(
        &mut self,
        lane: LaneId,
        position: Position,
        unknown_at: u64,
        arrival: Arrival,
        group: &mut Group<'_>,
    ) -> Result<(), Declined> {
        let leaf = LeafBody {
            actor: format!("{}/node", lane.peer),
            peer: lane.peer.code().to_owned(),
            ..LeafBody::default()
        };
        match arrival {
            Arrival::Record {
                digest,
                record_id,
                reference,
                reference_tag,
                envelope,
                slot,
                sealed_keys,
                exercise,
                facts,
            } => {
                // The id stands in the header, so a known digest is a known id.
                let names = [
                    Name::Id(lane.peer, record_id),
                    Name::Reference(reference_tag),
                ];
                let new = names
                    .iter()
                    .all(|name| self.recent.is_new(unknown_at, name));
                let known = !new
                    && (inbox::ask::by_id(group, lane.peer, &record_id)?.is_some()
                        || inbox::ask::by_reference(group, &reference_tag)?.is_some());
                if known || self.is_replayed(&facts, group)? {
                    return Err(Decline::Refused(Refusal::Raced));
                }
                for name in names {
                    self.recent.note(group.position().saturating_add(1), name);
                }
                let number = inbox::ask::last_number(group)?.saturating_add(1);
                let taken = Taken::of(&facts, digest, lane.peer);
                let step = evidence_number(&facts);
                let effect = facts.effect;
                let items = facts.items;
                let event = Event::Received(Received {
                    holding: Some(Self::passing_on(
                        timed(
                            Holding {
                                number,
                                header_digest: digest.to_vec(),
                                record_id: record_id.to_vec(),
                                origin: lane.peer.code().to_owned(),
                                reference_tag: reference_tag.to_bytes(),
                                blob: 0,
                                slot,
                                sealed_keys,
                                exercise,
                                follow: facts.follow,
                                kind_tag: facts.kind_tag,
                                expires_us: facts.expires_us,
                                victims_until_us: facts.victims_until_us,
                                evidence_request: facts.evidence_request,
                                joint_case_tag: case_tag(facts.joint_case),
                                joint_case_edition: case_edition(facts.joint_case),
                                ..Holding::default()
                            },
                            facts.clock,
                        ),
                        facts.passes_on,
                    )),
                    position: Some(position),
                });
                let leaf = LeafBody {
                    action: Action::Collection.into(),
                    header_digest: digest.to_vec(),
                    reference: reference.to_string(),
                    detail: "received".to_owned(),
                    ..leaf
                };
                self.append(group, event, vec![envelope], leaf)?;
                if let Some(taken) = &taken {
                    self.notice_double(taken, step, number, group)?;
                }
                if let (Some(taken), Some(effect)) = (taken, effect) {
                    self.carry_out(&taken, effect, group)?;
                }
                self.await_items(items, digest, lane.peer, group)?;
                self.carry_out_awaited(
                    &Target {
                        number,
                        digest,
                        origin: lane.peer,
                        reference: reference.to_string(),
                    },
                    group,
                )
            }
            Arrival::Refused { digest, reason } => {
                let event = Event::Refused(Refused {
                    position: Some(position),
                    header_digest: digest.to_vec(),
                    reason: reason.into(),
                });
                let leaf = LeafBody {
                    action: Action::Refusal.into(),
                    header_digest: digest.to_vec(),
                    detail: reason.as_str_name().to_owned(),
                    ..leaf
                };
                self.append(group, event, Vec::new(), leaf)
            }
        }
    }

    pub(super) fn receipts_arrived(
        &self,
        arrived: ArrivedReceipts,
        group: &mut Group<'_>,
    ) -> Result<(), Declined> {
        let state = lanes::outgoing(group, &arrived.lane)?;
        if state.receipted.saturating_add(1) != arrived.first {
            return Err(Decline::Refused(Refusal::LaneMoved {
                at: state.receipted,
                first: arrived.first,
            }));
        }
        let last = state.receipted.saturating_add(arrived.count);
        if last > state.assigned {
            return Err(Decline::Refused(Refusal::NeverAssigned {
                last,
                assigned: state.assigned,
            }));
        }
        let leaf = LeafBody {
            actor: format!("{}/node", arrived.lane.peer),
            action: Action::Disclosure.into(),
            peer: arrived.lane.peer.code().to_owned(),
            detail: "receipts-arrived".to_owned(),
            subject: arrived.root.to_vec(),
            ..LeafBody::default()
        };
        // The group names only its first sequence, whose running hash the outbox row holds already.
        let event = Event::ReceiptsArrived(ReceiptsArrived {
            first: Some(arrived.lane.at(arrived.first, &Digest::ZERO)),
            count: arrived.count,
            blob: 0,
        });
        self.append(group, event, vec![arrived.receipts], leaf)
    }
}

/// Number of a step of an evidence request on its side; 0 for what is none.
fn evidence_number(facts: &Facts) -> u32 {
    facts
        .follow
        .as_ref()
        .map_or(0, |follow| follow.evidence_number)
}
