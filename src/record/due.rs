//! What is due of a record: by when a reader is to acknowledge or answer it, and how that stands.
//! Pure: the clock starts on receipt, terms and the present moment are passed in.

use std::time::Duration;

use super::{Moment, kind_name};
use crate::wire::{
    node::DueState,
    record::{FollowType, Record, Urgency, situation::Kind},
};

/// Least time from the first escalation to the second: a record that was late when it came is not
/// escalated twice at once.
const LEAST_AGAIN: Duration = Duration::from_secs(60);

/// How long readers have, by urgency. Zero: nothing is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// For routine records, if their kind is among `routine_kinds`.
    pub routine: Duration,
    /// For urgent ones.
    pub urgent: Duration,
    /// For urgent ones about directly accessible information.
    pub urgent_direct: Duration,
    /// For emergencies.
    pub emergency: Duration,
    /// Kinds that ask something of an officer even when they are routine.
    pub routine_kinds: Vec<String>,
    /// When a late record is escalated again: this share of its term after it became late, in
    /// percent. Zero: never.
    pub again_percent: u32,
}

/// The clock of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// By when.
    pub due: Moment,
    /// When it is escalated a second time; `None`: never.
    pub again: Option<Moment>,
    /// Whether an answer is due; else an acknowledgement is.
    pub answer: bool,
}

/// The clock of a record that came at `from`; `None` when nothing is due. What the record itself
/// says wins over the terms; a step asks for nothing, and a reply only for what it says itself.
pub fn clock(record: &Record, from: Moment, terms: &Terms) -> Option<Clock> {
    if record.step.is_some() {
        return None;
    }
    let kind = record
        .situation
        .as_ref()
        .and_then(|situation| situation.kind.as_ref());
    let (stated, answer) = match kind {
        Some(Kind::Alert(alert)) => (alert.acknowledge_by.as_ref(), false),
        Some(Kind::Message(message)) => (message.answer_by.as_ref(), message.answer_expected),
        // Its agreement profile has its clocks.
        Some(Kind::EvidenceRequest(_)) => return None,
        _ => (None, false),
    };
    let due = match stated {
        Some(by) => Moment::from(by),
        None => from + term(record, terms)?,
    };
    let again = (terms.again_percent > 0).then(|| {
        let share = due.since(from).saturating_mul(terms.again_percent) / 100;
        due.max(from) + share.max(LEAST_AGAIN)
    });
    Some(Clock { due, again, answer })
}

/// The term that the urgency gives; `None` when it gives none.
fn term(record: &Record, terms: &Terms) -> Option<Duration> {
    let reply = FollowType::Reply as i32;
    if record.follows.as_ref().is_some_and(|of| of.r#type == reply) {
        return None;
    }
    let term = match Urgency::try_from(record.urgency).unwrap_or_default() {
        Urgency::Unspecified | Urgency::Routine => {
            let kind = kind_name(record)?;
            if !terms.routine_kinds.iter().any(|of| of == kind) {
                return None;
            }
            terms.routine
        }
        Urgency::Urgent => terms.urgent,
        Urgency::UrgentDirect => terms.urgent_direct,
        Urgency::Emergency => terms.emergency,
    };
    (!term.is_zero()).then_some(term)
}

/// How what is due stands, as far as a moment decides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Since when.
    pub from: Moment,
    /// By when.
    pub due: Moment,
    /// When it was done.
    pub met: Option<Moment>,
    /// Whether it is not due any more.
    pub over: bool,
}

impl Standing {
    /// The state at `now`. Little time is left when less than `soon_percent` of the term is. What is
    /// done at the very moment by which it is due is in time; from the next one on it is late.
    pub fn at(&self, now: Moment, soon_percent: u32) -> DueState {
        match self.met {
            Some(met) if met <= self.due => return DueState::Met,
            Some(_) => return DueState::MetLate,
            None if self.over => return DueState::Over,
            None => {}
        }
        let little = self.due.since(self.from).saturating_mul(soon_percent) / 100;
        if now > self.due {
            DueState::Overdue
        } else if self.due.since(now) <= little {
            DueState::Soon
        } else {
            DueState::Open
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::record::{Alert, Follows, Message, Situation, Step, Tip};

    const HOUR: i64 = 3_600_000_000;

    fn terms() -> Terms {
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        Terms {
            routine: hours(168),
            urgent: hours(72),
            urgent_direct: hours(8),
            emergency: hours(1),
            routine_kinds: vec!["Tip".to_owned(), "Message".to_owned()],
            again_percent: 50,
        }
    }

    fn of(kind: Kind, urgency: Urgency) -> Record {
        Record {
            urgency: urgency.into(),
            situation: Some(Situation {
                kind: Some(kind),
                ..Situation::default()
            }),
            ..Record::default()
        }
    }

    fn at(hours: i64) -> Moment {
        Moment::from_micros(hours * HOUR)
    }

    fn due(record: &Record) -> Option<i64> {
        clock(record, at(10), &terms()).map(|clock| clock.due.micros() / HOUR)
    }

    #[test]
    fn the_urgency_gives_the_term_and_the_record_overrules_it() {
        let alert = |urgency| of(Kind::Alert(Alert::default()), urgency);
        assert_eq!(due(&alert(Urgency::Urgent)), Some(82));
        assert_eq!(due(&alert(Urgency::UrgentDirect)), Some(18));
        assert_eq!(due(&alert(Urgency::Emergency)), Some(11));
        assert_eq!(due(&alert(Urgency::Routine)), None);
        assert_eq!(
            due(&of(Kind::Tip(Tip::default()), Urgency::Routine)),
            Some(178)
        );
        let stated = Alert {
            acknowledge_by: Some(at(12).into()),
            ..Alert::default()
        };
        for urgency in [Urgency::Routine, Urgency::Emergency] {
            assert_eq!(due(&of(Kind::Alert(stated.clone()), urgency)), Some(12));
        }
    }

    #[test]
    fn steps_ask_for_nothing_and_replies_for_what_they_say() {
        let message = Message {
            answer_expected: true,
            ..Message::default()
        };
        let asked = of(Kind::Message(message.clone()), Urgency::Urgent);
        let clock_of = |record: &Record| clock(record, at(10), &terms());
        assert!(clock_of(&asked).unwrap().answer);
        let reply = Record {
            follows: Some(Follows {
                r#type: FollowType::Reply.into(),
                ..Follows::default()
            }),
            ..asked
        };
        assert_eq!(clock_of(&reply), None);
        let by = Message {
            answer_by: Some(at(20).into()),
            ..message
        };
        let reply = Record {
            situation: of(Kind::Message(by), Urgency::Urgent).situation,
            ..reply
        };
        assert_eq!(due(&reply), Some(20));
        let step = Record {
            urgency: Urgency::Urgent.into(),
            step: Some(Step::default()),
            ..Record::default()
        };
        assert_eq!(clock_of(&step), None);
        let none = Terms {
            urgent: Duration::ZERO,
            ..terms()
        };
        let alert = of(Kind::Alert(Alert::default()), Urgency::Urgent);
        assert_eq!(clock(&alert, at(10), &none), None);
    }

    #[test]
    fn a_record_that_came_late_is_late_at_once_and_escalated_again_a_minute_later() {
        let stated = Alert {
            acknowledge_by: Some(at(9).into()),
            ..Alert::default()
        };
        let record = of(Kind::Alert(stated), Urgency::Urgent);
        let found = clock(&record, at(10), &terms()).unwrap();
        assert_eq!(found.due, at(9));
        assert_eq!(found.again, Some(at(10) + LEAST_AGAIN));
        let never = Terms {
            again_percent: 0,
            ..terms()
        };
        assert_eq!(clock(&record, at(10), &never).unwrap().again, None);
    }

    #[test]
    fn the_state_changes_at_the_very_moment() {
        let standing = Standing {
            from: at(0),
            due: at(8),
            met: None,
            over: false,
        };
        let micro = |hours: i64, by: i64| Moment::from_micros(hours * HOUR + by);
        let at_moment = |now| standing.at(now, 25);
        assert_eq!(at_moment(at(0)), DueState::Open);
        assert_eq!(at_moment(micro(6, -1)), DueState::Open);
        assert_eq!(at_moment(at(6)), DueState::Soon);
        assert_eq!(at_moment(at(8)), DueState::Soon);
        assert_eq!(at_moment(micro(8, 1)), DueState::Overdue);
        let met = |met| Standing {
            met: Some(met),
            ..standing
        };
        assert_eq!(met(at(8)).at(at(100), 25), DueState::Met);
        assert_eq!(met(micro(8, 1)).at(at(100), 25), DueState::MetLate);
        let over = Standing {
            over: true,
            ..standing
        };
        assert_eq!(over.at(at(100), 25), DueState::Over);
    }

    proptest! {
        #[test]
        fn time_only_moves_the_state_on(from in 0..1000_i64, term in 0..1000_i64, soon in 0..=100_u32, mut nows in prop::collection::vec(0..3000_i64, 1..20)) {
            let standing = Standing { from: at(from), due: at(from + term), met: None, over: false };
            nows.sort_unstable();
            let states: Vec<i32> = nows.iter().map(|now| standing.at(at(*now), soon) as i32).collect();
            prop_assert!(states.is_sorted(), "{:?}", states);
            for (now, state) in nows.iter().zip(&states) {
                prop_assert_eq!(*state == DueState::Overdue as i32, *now > from + term);
            }
        }
    }
}
