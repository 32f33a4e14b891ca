//! Showing a request: where it stands, its text, and every step with what became of it.

use std::{collections::HashMap, sync::Arc};

use prost::Message as _;

use crate::{
    access::{Permit, act},
    crypto::Digest,
    evidence::lifecycle::{Act, Outcome, Party, Settled},
    inbox::ask,
    ledger::Shown as Leaf,
    record::{Moment, Reference},
    wire::{
        node::{EvidenceCase, EvidenceStepOutcome, EvidenceStepView},
        record::{Record, step::Step as Kind},
    },
};

use super::{
    super::{
        Node, NodeError,
        read::{ReadError, Reading, blocking},
        steps::followed,
    },
    EvidenceError,
    list::{side, state},
    thread::Thread,
};

/// Steps of a page at most.
const MOST: usize = 200;
/// Bytes of a page's steps, more or less: the page ends with the step that goes beyond.
const MOST_BYTES: usize = 4 << 20;

/// A request with its steps.
#[derive(Debug)]
pub struct Shown {
    /// Where it stands.
    pub case: EvidenceCase,
    /// The request, as far as the caller may read it.
    pub record: Record,
    /// A page of its steps.
    pub steps: Vec<EvidenceStepView>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<u64>,
    /// What the issuing side may do next.
    pub issuing_may: Vec<Act>,
    /// What the executing side may do next.
    pub executing_may: Vec<Act>,
}

impl Node {
    /// Opens a request with its steps from a place in their order on; of a step, its request. The
    /// leaves are durable before this answers.
    ///
    /// # Errors
    /// [`EvidenceError`]; nothing was opened for anyone then.
    pub async fn show_evidence(
        self: &Arc<Self>,
        permit: Permit<act::Read>,
        reading: Reading,
        from: u64,
    ) -> Result<Shown, EvidenceError> {
        let asked = reading.reference;
        let (node, by) = (Arc::clone(self), permit.clone());
        let number = self.find(&asked)?;
        let request = blocking(move || {
            // Of what one may not see, nothing is told; not even what it follows.
            if let Err(refused) = node.seen(&by, &asked, number) {
                return Ok(Err(refused));
            }
            Ok(Ok(node.request_of_step(number)?))
        });
        let request = request.await?.map_err(EvidenceError::Record)?;
        let (reference, number) = request.ok_or(EvidenceError::NotARequest(asked))?;
        let reading = Reading {
            reference,
            exact: true,
            thread: false,
            ..reading
        };
        let opened = self.read(permit.clone(), reading).await?;
        let node = Arc::clone(self);
        let shown = blocking(move || {
            let Some(thread) = node.evidence_thread(number)? else {
                return Ok(None);
            };
            let (steps, numbers, next) = node.step_views(&thread, from)?;
            let case = node.case_with_clocks(&thread)?;
            Ok(Some((thread, case, steps, numbers, next)))
        });
        let shown = shown
            .await
            .map_err(|error| ReadError::of(reference, error))?;
        let (thread, case, steps, numbers, next) =
            shown.ok_or(EvidenceError::NotARequest(asked))?;
        if !numbers.is_empty() {
            let shown = Leaf::of(numbers.iter().map(|(number, digest)| (*number, digest)));
            self.listed(&permit, "evidence-shown", shown).await?;
        }
        Ok(Shown {
            case,
            record: opened.record,
            steps,
            next,
            issuing_may: thread.case.allowed(Party::Issuing),
            executing_may: thread.case.allowed(Party::Executing),
        })
    }

    /// Reference and local number of a request, or of the one that a step follows; `None` for any other
    /// record.
    fn request_of_step(&self, number: u64) -> Result<Option<(Reference, u64)>, NodeError> {
        let mut stored = self.held(number)?;
        let mut number = number;
        if !stored.holding.evidence_request {
            if !stored.is_step() {
                return Ok(None);
            }
            let record = self.open_stored(&self.stored(number)?)?;
            let Some(request) = followed(&record) else {
                return Ok(None);
            };
            let Some(found) = ask::by_digest(&self.store, &request)? else {
                return Ok(None);
            };
            number = found;
            stored = self.held(found)?;
        }
        if !stored.holding.evidence_request {
            return Ok(None);
        }
        Ok(Some((self.reference_of(&stored)?, number)))
    }

    /// Steps from a place in their order on, their numbers for the leaf, and where the next page begins.
    #[allow(clippy::type_complexity, reason = "the three are one page")]
    fn step_views(
        &self,
        thread: &Thread,
        from: u64,
    ) -> Result<(Vec<EvidenceStepView>, Vec<(u64, Digest)>, Option<u64>), NodeError> {
        let locals: HashMap<Digest, u64> = thread
            .steps
            .iter()
            .map(|(number, step)| (step.digest, *number))
            .collect();
        let (mut views, mut numbers, mut bytes) = (Vec::new(), Vec::new(), 0_usize);
        for (place, settled) in (0_u64..).zip(&thread.case.settled) {
            if place < from {
                continue;
            }
            if views.len() >= MOST || bytes >= MOST_BYTES {
                return Ok((views, numbers, Some(place)));
            }
            let Some(number) = locals.get(&settled.digest) else {
                continue;
            };
            let view = self.step_view(*number, settled, &locals)?;
            bytes = bytes.saturating_add(view.encoded_len());
            views.push(view);
            numbers.push((*number, settled.digest));
        }
        Ok((views, numbers, None))
    }

    fn step_view(
        &self,
        number: u64,
        settled: &Settled,
        locals: &HashMap<Digest, u64>,
    ) -> Result<EvidenceStepView, NodeError> {
        let stored = self.stored(number)?;
        let record = self.open_stored(&stored)?;
        let step = match record.step.and_then(|step| step.step) {
            Some(Kind::Evidence(step)) => Some(step),
            _ => None,
        };
        let crossed = settled.crossed.iter().filter_map(|of| locals.get(of));
        let crossed = crossed
            .take(MOST)
            .map(|number| Ok(self.reference_of(&self.held(*number)?)?.to_string()))
            .collect::<Result<_, NodeError>>()?;
        let count = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        let mut view = EvidenceStepView {
            reference: record.reference,
            header_digest: settled.digest.to_vec(),
            country: stored.holding.origin.clone(),
            authority: record.authority,
            side: settled.by.map_or(0, |party| side(party).into()),
            act: step
                .as_ref()
                .and_then(Act::of)
                .map(|act| act.to_string())
                .unwrap_or_default(),
            submitted_us: record
                .submitted_at
                .as_ref()
                .map_or(0, |at| Moment::from(at).micros()),
            stored_us: stored.time.micros(),
            crossed,
            items: record
                .evidence
                .as_ref()
                .map_or(0, |of| count(of.items.len())),
            persons: record
                .evidence
                .as_ref()
                .map_or(0, |of| count(of.persons.len())),
            step,
            ..EvidenceStepView::default()
        };
        match &settled.outcome {
            Outcome::Took { from, to } => {
                view.outcome = EvidenceStepOutcome::Took.into();
                view.from = state(*from).into();
                view.to = state(*to).into();
            }
            Outcome::Void(void) => {
                view.outcome = EvidenceStepOutcome::Void.into();
                view.void = void.word().to_owned();
                view.reason = void.to_string();
            }
            Outcome::Waits(wait) => {
                view.outcome = EvidenceStepOutcome::Waits.into();
                view.reason = format!(
                    "step {} of the {} side has to come first, and is not here",
                    wait.number, wait.side
                );
            }
        }
        Ok(view)
    }
}
