//! Steps of evidence requests as the adversary makes them: the victim asked, and the other country
//! does not keep to the rules.

use std::fs;

use comity::{
    access::{Caller, Principal, PrincipalKind, Role},
    catalogue,
    crypto::Digest,
    envelope::{self, running_hash},
    home::Layout,
    node::{read::Reading, submit::Intent},
    record::Moment,
    wire::{
        envelope::Lane,
        link::LaneState,
        node::{EvidenceCase, EvidenceStepOutcome, EvidenceStepView},
        record::{
            CountryRole, Destination, EvidenceStep, FollowType, Follows, Marking, Record, Step,
            Tlp, Urgency, evidence_step::Act, situation::Kind, step::Step as Kinds,
        },
    },
};

use crate::{
    forge::plain,
    link::{Link, PATIENCE, name},
    world::{ADVERSARY, OPERATOR, THIRD, VICTIM, World},
};

/// A profile with a clock that may be extended, by 30 days.
const PROFILE: &str = "eio-2014-41";

/// A request of the victim.
pub(crate) struct Asked {
    pub(crate) reference: String,
    pub(crate) header: Digest,
}

/// What a step says of its place.
#[derive(Clone, Copy, Default)]
pub(crate) struct Place {
    pub(crate) number: u32,
    /// Header of its side's step before.
    pub(crate) previous: Option<Digest>,
}

impl World {
    /// Lets the victim ask both other countries for evidence.
    pub(crate) async fn agree(&mut self) {
        let dir = Layout::new(self.victim_folder()).agreements();
        fs::create_dir_all(&dir).unwrap();
        for with in [ADVERSARY, THIRD] {
            let text = format!("country = \"{with}\"\nevidence = [\"{PROFILE}\"]\n");
            fs::write(dir.join(format!("{with}.toml")), text).unwrap();
        }
        self.restart_victim().await;
    }

    /// A request of the victim to a country.
    pub(crate) async fn ask_for_evidence(&mut self, of: &str) -> Asked {
        let mut record = catalogue::example("EvidenceRequest", self.now()).unwrap();
        record.destinations = vec![Destination {
            country: of.to_owned(),
            role: CountryRole::Destination.into(),
            authorities: vec!["national-police".to_owned()],
            ..Destination::default()
        }];
        // On the lane of every other record here.
        record.urgency = Urgency::Routine.into();
        let situation = record.situation.as_mut().unwrap();
        if let Some(Kind::EvidenceRequest(request)) = &mut situation.kind {
            request.profile = PROFILE.to_owned();
            request.urgency_ground = 0;
            request.urgency_reason.clear();
        }
        let intent = Intent {
            record,
            idempotency_key: String::new(),
            actor: OPERATOR.to_owned(),
            by_node: false,
            evidence: true,
            item: None,
        };
        let accepted = self.node().submit_intent(intent).await.unwrap();
        if of == ADVERSARY {
            self.submitted += 1;
        } else {
            self.elsewhere += 1;
        }
        Asked {
            reference: accepted.reference.to_string(),
            header: accepted.digest,
        }
    }

    /// Takes a step, whatever it is; answers its header's digest and what the victim's receipt says.
    pub(crate) async fn take_step(
        &mut self,
        link: &mut Link,
        asked: &Asked,
        place: Place,
        act: Act,
    ) -> (Digest, String) {
        let honest = self.record();
        let step = EvidenceStep {
            number: place.number,
            previous: place.previous.map(|of| of.to_vec()).unwrap_or_default(),
            act: Some(act),
            ..EvidenceStep::default()
        };
        let record = Record {
            reference: honest.reference,
            submitted_at: honest.submitted_at,
            authority: "national-police".to_owned(),
            destinations: vec![Destination {
                country: VICTIM.to_owned(),
                role: CountryRole::Destination.into(),
                ..Destination::default()
            }],
            urgency: Urgency::Urgent.into(),
            marking: Some(Marking {
                tlp: Tlp::Amber.into(),
                ..Marking::default()
            }),
            exercise: true,
            follows: Some(Follows {
                r#type: FollowType::Step.into(),
                header_digest: asked.header.to_vec(),
                reference: asked.reference.clone(),
            }),
            step: Some(Step {
                step: Some(Kinds::Evidence(step)),
            }),
            ..Record::default()
        };
        let sealed = envelope::Plain {
            lane: Lane::Urgent,
            follows: Some(asked.header),
            ..plain(&record)
        };
        let parcel = self.seal(&record, sealed);
        let sequence = self.sent_urgent.0 + 1;
        let packed = link.pack(&parcel);
        link.deliver_on(Lane::Urgent, self, sequence, vec![packed]);
        let (at, receipts) = link.receipts(self, 1).await.expect("the step is answered");
        assert_eq!((at, receipts.len()), (sequence, 1));
        let hash = running_hash(&self.sent_urgent.1, sequence, &parcel.digest);
        self.sent_urgent = (sequence, hash);
        let said = name(&receipts[0]);
        if said == "DELIVERY" {
            self.delivered.push(parcel.reference);
        }
        (parcel.digest, said)
    }

    /// The request as an officer of the victim sees it.
    pub(crate) async fn shown(&self, asked: &Asked) -> (EvidenceCase, Vec<EvidenceStepView>) {
        let node = self.node();
        let principal = Principal::new(node.country(), PrincipalKind::Officer, "local")
            .unwrap()
            .with_authority(Some("national-police"))
            .unwrap()
            .with_roles([Role::LiaisonOfficer].into())
            .unwrap();
        let from = String::new();
        let permit = node.enter(Caller { principal, from }).unwrap();
        let reading = Reading::of(asked.reference.parse().unwrap(), None);
        let reading = Reading {
            situation_only: true,
            ..reading
        };
        let shown = node.show_evidence(permit, reading, 0).await.unwrap();
        (shown.case, shown.steps)
    }

    /// What became of so many steps at the victim, with why of those that do not count, in the order
    /// in which it shows them.
    pub(crate) async fn outcomes(
        &self,
        asked: &Asked,
        steps: usize,
    ) -> Vec<(EvidenceStepOutcome, String)> {
        let begun = tokio::time::Instant::now();
        loop {
            let (_, shown) = self.shown(asked).await;
            if shown.len() >= steps {
                let outcomes = shown.into_iter();
                return outcomes.map(|of| (of.outcome(), of.reason)).collect();
            }
            assert!(begun.elapsed() < PATIENCE, "only {} steps", shown.len());
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }

    /// When a clock of the request ends.
    pub(crate) async fn due(&self, asked: &Asked, clock: &str) -> Moment {
        let (case, _) = self.shown(asked).await;
        let clock = case.clocks.iter().find(|of| of.id == clock).unwrap();
        Moment::from_micros(clock.due_us)
    }

    /// How far receipts of the adversary's lanes are durable, for its hello.
    pub(crate) fn receipts_durable(&self) -> Vec<LaneState> {
        let mut lanes = vec![crate::link::bulk(&self.incarnation, &self.sent)];
        if self.sent_urgent.0 > 0 {
            lanes.push(LaneState {
                lane: Lane::Urgent.into(),
                ..crate::link::bulk(&self.incarnation, &self.sent_urgent)
            });
        }
        lanes
    }
}
