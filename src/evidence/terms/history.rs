//! What happened to a request, as far as clocks are concerned.

use jiff::civil::Date;

use super::calendar;
use crate::{
    record::Moment,
    wire::record::{ClockGoal, ClockStart, EvidenceStep, Urgency, evidence_step::Act},
};

/// What a request itself says of its clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// How urgent it is.
    pub urgency: Urgency,
    /// The day agreed on.
    pub(super) execute_by: Option<Date>,
}

impl Case {
    /// From the record's urgency and the request's `execute_by`, YYYY-MM-DD; text that is no day is
    /// none.
    pub fn new(urgency: Urgency, execute_by: &str) -> Self {
        Self {
            urgency,
            execute_by: calendar::day(execute_by),
        }
    }
}

/// What a step means for clocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    /// It is in hand.
    Acknowledged,
    /// Something was asked.
    InformationRequested,
    /// And answered.
    InformationAnswered,
    /// It will be executed.
    Recognised,
    /// It will not.
    Refused,
    /// Not now.
    Postponed {
        /// Until when, where known.
        until: Option<Moment>,
    },
    /// It is being executed.
    ExecutionBegun,
    /// A clock runs longer.
    Extended {
        /// Which.
        clock: String,
        /// Until when.
        until: Moment,
    },
    /// It will be late.
    Delayed {
        /// Which clock.
        clock: String,
        /// When it is expected.
        estimate: Moment,
    },
    /// What was sought was done.
    Executed {
        /// A part of it only.
        partial: bool,
    },
    /// Evidence was handed over.
    Transferred {
        /// Nothing more follows.
        complete: bool,
    },
    /// Originals went back.
    Returned,
    /// It is not sought any more.
    Withdrawn,
    /// The thread is closed.
    Closed,
}

impl Happened {
    /// What a step means; `None` for one that no clock heeds.
    pub fn of(step: &EvidenceStep) -> Option<Self> {
        let moment = |at: &Option<prost_types::Timestamp>| at.as_ref().map(Moment::from);
        Some(match step.act.as_ref()? {
            Act::Acknowledged(_) => Self::Acknowledged,
            Act::InformationRequested(_) => Self::InformationRequested,
            Act::InformationAnswered(_) => Self::InformationAnswered,
            Act::Recognised(_) => Self::Recognised,
            Act::Refused(_) => Self::Refused,
            Act::Postponed(act) => Self::Postponed {
                until: moment(&act.until),
            },
            Act::ExecutionBegun(_) => Self::ExecutionBegun,
            Act::Extended(act) => Self::Extended {
                clock: act.clock.clone(),
                until: moment(&act.until)?,
            },
            Act::Delay(act) => Self::Delayed {
                clock: act.clock.clone(),
                estimate: moment(&act.estimate)?,
            },
            Act::Executed(act) => Self::Executed {
                partial: act.partial,
            },
            Act::Transferred(act) => Self::Transferred {
                complete: act.complete,
            },
            Act::OriginalsReturned(_) | Act::OriginalsReceived(_) => Self::Returned,
            Act::Withdrawn(_) => Self::Withdrawn,
            Act::Closed(_) => Self::Closed,
            Act::Reassigned(_) | Act::ItemsArrived(_) | Act::Note(_) => return None,
        })
    }

    /// Whether the executing side shows by it that the request is in hand.
    const fn shows_in_hand(&self) -> bool {
        matches!(self, Self::Acknowledged | Self::InformationRequested) || self.decides()
    }

    /// Whether a decision was taken by then.
    const fn decides(&self) -> bool {
        matches!(self, Self::Refused | Self::Postponed { .. }) || self.goes_on()
    }

    /// Whether the executing side executes.
    const fn goes_on(&self) -> bool {
        matches!(
            self,
            Self::Recognised
                | Self::ExecutionBegun
                | Self::Executed { .. }
                | Self::Transferred { .. }
        )
    }

    const fn executes(&self) -> bool {
        matches!(
            self,
            Self::Executed { partial: false } | Self::Transferred { complete: true }
        )
    }

    const fn ends(&self) -> bool {
        matches!(self, Self::Refused | Self::Withdrawn | Self::Closed)
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When the side that took the step says it did: the record's `submitted_at`.
    pub at: Moment,
    /// What.
    pub what: Happened,
}

/// A time during which a clock may stand still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wait {
    pub(super) from: Moment,
    /// `None`: it goes on.
    pub(super) until: Option<Moment>,
    /// Whether it ended with an answer.
    pub(super) answered: bool,
}

/// What happened to a request, in the order in which both sides put the steps; void steps are left
/// out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// When the executing node received it: the time of the DELIVERY receipt. `None`: not yet known.
    pub received: Option<Moment>,
    /// The steps.
    pub events: Vec<Event>,
}

impl History {
    /// All of it.
    pub(super) fn view(&self) -> View<'_> {
        View {
            received: self.received,
            events: &self.events,
        }
    }
}

/// A beginning of a history.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) received: Option<Moment>,
    pub(super) events: &'a [Event],
}

impl View<'_> {
    /// What came before the event at a place.
    pub(super) fn before(self, index: usize) -> Self {
        Self {
            events: self.events.get(..index).unwrap_or(self.events),
            ..self
        }
    }

    fn first(&self, is: impl Fn(&Happened) -> bool) -> Option<Moment> {
        let found = self.events.iter().find(|event| is(&event.what));
        found.map(|event| event.at)
    }

    /// When a goal was reached. Not for answers, of which there may be many.
    pub(super) fn reached(&self, goal: ClockGoal) -> Option<Moment> {
        match goal {
            ClockGoal::Unspecified | ClockGoal::InformationAnswered => None,
            ClockGoal::Acknowledged => self.first(Happened::shows_in_hand),
            ClockGoal::Decided => self.first(Happened::decides),
            ClockGoal::Executed => self.first(Happened::executes),
            ClockGoal::Transferred => {
                self.first(|what| matches!(what, Happened::Transferred { complete: true }))
            }
            ClockGoal::Returned => self.first(|what| matches!(what, Happened::Returned)),
        }
    }

    /// When a clock started. Not for questions, of which there may be many.
    pub(super) fn started(&self, start: ClockStart) -> Option<Moment> {
        match start {
            ClockStart::Unspecified | ClockStart::InformationRequested => None,
            ClockStart::Received => self.received,
            ClockStart::Acknowledged => self.reached(ClockGoal::Acknowledged),
            ClockStart::Recognised => self.first(Happened::goes_on),
            ClockStart::Executed => self.reached(ClockGoal::Executed),
            ClockStart::Transferred => self.reached(ClockGoal::Transferred),
        }
    }

    /// When nothing was sought any more: refused, withdrawn or closed.
    pub(super) fn ended(&self) -> Option<Moment> {
        self.first(Happened::ends)
    }

    /// When information was awaited from the issuing side: from the first open question to the answer,
    /// or to a step by which the executing side went on without one.
    pub(super) fn questions(&self) -> Vec<Wait> {
        self.waits(
            |what| matches!(what, Happened::InformationRequested).then_some(None),
            |what| matches!(what, Happened::InformationAnswered) || what.decides() || what.ends(),
        )
    }

    /// When the request was postponed: until the executing side went on, or until the day it named.
    pub(super) fn postponements(&self) -> Vec<Wait> {
        self.waits(
            |what| match what {
                Happened::Postponed { until } => Some(*until),
                _ => None,
            },
            |what| what.goes_on() || what.ends(),
        )
    }

    fn waits(
        &self,
        begins: impl Fn(&Happened) -> Option<Option<Moment>>,
        ends: impl Fn(&Happened) -> bool,
    ) -> Vec<Wait> {
        let mut waits: Vec<Wait> = Vec::new();
        let mut open = false;
        for Event { at, what } in self.events {
            if open && ends(what) {
                open = false;
                if let Some(wait) = waits.last_mut() {
                    // A day that was named is the end where it came first.
                    let end = wait.until.map_or(*at, |until| until.min(*at));
                    wait.until = Some(end.max(wait.from));
                    wait.answered = matches!(what, Happened::InformationAnswered);
                }
            }
            let Some(until) = begins(what) else { continue };
            match waits.last_mut() {
                // Asked again, or postponed again, before it ended: one time, with its latest end.
                Some(wait) if open => {
                    let running = wait.until.is_none_or(|end| end >= *at);
                    if running {
                        wait.until = until.map(|until| until.max(wait.from));
                        continue;
                    }
                }
                _ => {}
            }
            open = true;
            waits.push(Wait {
                from: *at,
                until: until.map(|until| until.max(*at)),
                answered: false,
            });
        }
        waits
    }
}
