//! The fold: from a request and its steps to the state in which it is.

use super::{
    Act, Head, Matter, Party, State, Step, Void, Wait,
    order::{Ordered, at, order},
    table::{self, Goes},
};
use std::collections::HashMap;

use crate::{
    crypto::Digest,
    evidence::terms::{self, Event, ExtensionFault, Happened, History},
    wire::record::RefusalGround,
};

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It counts.
    Took {
        /// State before it.
        from: State,
        /// State after it.
        to: State,
    },
    /// It changes nothing.
    Void(Void),
    /// Another step has to come first.
    Waits(Wait),
}

/// A step and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// SHA-256 of its header.
    pub digest: Digest,
    /// Its side; `None` for a country that is no party.
    pub by: Option<Party>,
    /// What became of it.
    pub outcome: Outcome,
    /// Headers of the other side's steps that it crossed: neither had seen the other.
    pub crossed: Vec<Digest>,
}

/// A request with all that follows from its steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Its state.
    pub state: State,
    /// The authority that executes; `None` while nobody has it in hand.
    pub executing_authority: Option<String>,
    /// Numbers of the executing side's steps that asked and were not answered yet.
    pub questions: Vec<u32>,
    /// Every step: those that have a place, in order; then those beside the chains, then those that
    /// wait, both by header digest.
    pub settled: Vec<Settled>,
    /// How far the issuing side has come.
    pub issuing: Head,
    /// How far the executing side has come.
    pub executing: Head,
    /// What happened, as far as clocks are concerned, without void steps.
    pub history: History,
}

impl Case {
    /// How far a side has come.
    pub const fn head(&self, party: Party) -> &Head {
        match party {
            Party::Issuing => &self.issuing,
            Party::Executing => &self.executing,
        }
    }

    /// What became of a step; `None` for one that is not among those folded.
    pub fn outcome(&self, digest: &Digest) -> Option<&Outcome> {
        let settled = self.settled.iter().find(|of| of.digest == *digest)?;
        Some(&settled.outcome)
    }

    /// What a party may do next.
    pub fn allowed(&self, party: Party) -> Vec<Act> {
        table::allowed(self.state, party)
    }
}

/// What is carried from step to step.
struct Fold<'a> {
    matter: &'a Matter,
    /// Side and number of each step, by its header.
    known: HashMap<Digest, (Option<Party>, u32)>,
    state: State,
    /// Party and number of the step that led to the state.
    cause: Option<(Party, u32)>,
    /// Where to go back to from INFORMATION_REQUESTED.
    asked_in: Option<State>,
    questions: Vec<u32>,
    executing_authority: Option<String>,
    /// What each side had seen last, issuing first.
    seen: [u32; 2],
    history: History,
}

/// The case of a request and its steps. The order in which they are given changes nothing.
pub fn case(matter: &Matter, steps: &[Step]) -> Case {
    let ordered = order(matter, steps);
    let mut fold = Fold {
        matter,
        known: steps
            .iter()
            .map(|step| (step.digest, (matter.party(step.origin), step.number)))
            .collect(),
        state: State::Draft,
        cause: None,
        asked_in: None,
        questions: Vec::new(),
        executing_authority: None,
        seen: [0, 0],
        history: History {
            received: matter.received,
            events: Vec::new(),
        },
    };
    fold.follow(Act::Request, Party::Issuing);
    if matter.delivered {
        fold.follow(Act::Delivery, Party::Executing);
    }
    let mut settled = Vec::with_capacity(steps.len());
    for (by, index) in &ordered.order {
        let Some(step) = steps.get(*index) else {
            continue;
        };
        if *by == Party::Executing && fold.state == State::Submitted {
            // Whoever takes a step of it has it.
            fold.follow(Act::Delivery, Party::Executing);
        }
        let from = fold.state;
        let outcome = match fold.take(step, *by) {
            Ok(()) => Outcome::Took {
                from,
                to: fold.state,
            },
            Err(void) => Outcome::Void(void),
        };
        settled.push(Settled {
            digest: step.digest,
            by: Some(*by),
            outcome,
            crossed: crossed(step, *by, &ordered, steps),
        });
    }
    let (mut out, mut waiting) = (Vec::new(), Vec::new());
    let beside = |index: usize, outcome: Outcome| {
        let step = steps.get(index)?;
        Some(Settled {
            digest: step.digest,
            by: matter.party(step.origin),
            outcome,
            crossed: Vec::new(),
        })
    };
    for (index, void) in ordered.out {
        out.extend(beside(index, Outcome::Void(void)));
    }
    for (index, wait) in ordered.waiting {
        waiting.extend(beside(index, Outcome::Waits(wait)));
    }
    for mut part in [out, waiting] {
        part.sort_unstable_by_key(|of| of.digest);
        settled.append(&mut part);
    }
    let [issuing, executing] = ordered.heads;
    Case {
        state: fold.state,
        executing_authority: fold.executing_authority,
        questions: fold.questions,
        settled,
        issuing,
        executing,
        history: fold.history,
    }
}

/// What would become of a step that is taken now, beside those that are there.
///
/// # Errors
/// [`Void`] where it would be void. One that would have to wait is none of the chain.
pub fn judge(matter: &Matter, steps: &[Step], new: &Step) -> Result<State, Void> {
    let all: Vec<Step> = steps.iter().chain([new]).cloned().collect();
    match case(matter, &all).outcome(&new.digest) {
        Some(Outcome::Took { to, .. }) => Ok(*to),
        Some(Outcome::Void(void)) => Err(void.clone()),
        Some(Outcome::Waits(_)) | None => Err(Void::Previous(new.number.saturating_sub(1))),
    }
}

/// Headers of the other side's steps that a step crossed.
fn crossed(step: &Step, by: Party, ordered: &Ordered, steps: &[Step]) -> Vec<Digest> {
    let other = ordered.chains.get(at(by.other()));
    let placed = ordered.heads.get(at(by.other())).map_or(0, |of| of.placed);
    let other = other.map_or(&[][..], Vec::as_slice).iter();
    other
        .take(usize::try_from(placed).unwrap_or(usize::MAX))
        .skip(usize::try_from(step.seen).unwrap_or(usize::MAX))
        .filter_map(|index| steps.get(*index))
        .filter(|theirs| theirs.seen < step.number)
        .map(|theirs| theirs.digest)
        .collect()
}

impl Fold<'_> {
    /// What happens without a step.
    fn follow(&mut self, act: Act, by: Party) {
        if let Some(Goes::To(state)) = table::goes(self.state, act, by) {
            self.state = state;
        }
    }

    fn take(&mut self, step: &Step, by: Party) -> Result<(), Void> {
        self.check_seen(step, by)?;
        if !table::is_partys(step.act, by) {
            return Err(Void::Party { act: step.act, by });
        }
        self.check_authority(step, by)?;
        let not_now = Void::State {
            act: step.act,
            by,
            state: self.state,
        };
        let Some(goes) = table::goes(self.state, step.act, by) else {
            return Err(not_now);
        };
        // That there is no agreement can always be said.
        let always = step.ground == i32::from(RefusalGround::NoAgreement);
        let grounds = &self.matter.refusal_grounds;
        let limits = !always && !grounds.is_empty();
        if step.act == Act::Refuse && limits && !grounds.contains(&step.ground) {
            return Err(Void::Ground(step.ground));
        }
        let to = match goes {
            Goes::Stays => self.state,
            Goes::To(state) => state,
            Goes::Resumes => {
                self.questions.retain(|number| *number > step.seen);
                match self.asked_in {
                    Some(before) if self.questions.is_empty() => before,
                    _ => self.state,
                }
            }
            Goes::Crossing(state) => match self.cause {
                Some((party, number)) if party != by && number > step.seen => state,
                _ => return Err(not_now),
            },
        };
        self.check_clock(step)?;
        let resumed = goes == Goes::Resumes && to != self.state;
        match &step.happened {
            // What answers no open question, or not every one, ends no waiting.
            Some(Happened::InformationAnswered) if !resumed => {}
            Some(happened) => self.history.events.push(Event {
                at: step.at,
                what: happened.clone(),
            }),
            None => {}
        }
        if step.act == Act::Ask {
            self.questions.push(step.number);
        }
        if to != self.state {
            if to == State::InformationRequested {
                self.asked_in = Some(self.state);
            } else {
                self.asked_in = None;
                self.questions.clear();
            }
            self.state = to;
            self.cause = Some((by, step.number));
        }
        self.in_hand(step, by);
        Ok(())
    }

    /// Whether the profile has the clock that a step names, and lets it be extended.
    fn check_clock(&self, step: &Step) -> Result<(), Void> {
        let none = |clock: &str| ExtensionFault::NoClock(clock.to_owned());
        let counted = self.matter.counted.as_deref();
        match &step.happened {
            Some(Happened::Extended { clock, until }) => {
                let counted = counted.ok_or_else(|| none(clock))?;
                terms::judge_extension(
                    &counted.terms,
                    &counted.case,
                    &self.history,
                    clock,
                    *until,
                    step.at,
                )?;
                Ok(())
            }
            Some(Happened::Delayed { clock, .. }) => {
                let known = counted.is_some_and(|of| of.terms.counts(&of.case, clock));
                if known {
                    Ok(())
                } else {
                    Err(none(clock).into())
                }
            }
            _ => Ok(()),
        }
    }

    /// Who executes from now on.
    fn in_hand(&mut self, step: &Step, by: Party) {
        if by != Party::Executing || step.act.is_nodes() || step.act == Act::Note {
            return;
        }
        if step.act == Act::Reassign {
            self.executing_authority = Some(step.to.clone());
        } else if self.executing_authority.is_none() {
            self.executing_authority = Some(step.authority.clone());
        }
    }

    /// What it says it had seen: a step of the other side with that number, and no fewer than before.
    fn check_seen(&mut self, step: &Step, by: Party) -> Result<(), Void> {
        let known = match step.seen_digest {
            None => step.seen == 0,
            Some(digest) => self.known.get(&digest) == Some(&(Some(by.other()), step.seen)),
        };
        let Some(last) = self.seen.get_mut(at(by)) else {
            return Err(Void::Seen(step.seen));
        };
        if !known || step.seen < *last {
            return Err(Void::Seen(step.seen));
        }
        *last = step.seen;
        Ok(())
    }

    fn check_authority(&self, step: &Step, by: Party) -> Result<(), Void> {
        if step.act.is_nodes() {
            return Ok(());
        }
        let side = self.matter.side(by);
        let competent = match (&self.executing_authority, by) {
            (Some(authority), Party::Executing) => vec![authority.clone()],
            _ => side.authorities.clone(),
        };
        if competent.is_empty() || competent.contains(&step.authority) {
            return Ok(());
        }
        Err(Void::Authority {
            authority: step.authority.clone(),
            by,
            competent,
        })
    }
}
