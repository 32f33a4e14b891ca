//! What is due of a record, in its row: begun when the record is held, met when it is done,
//! escalated when it is late, over when nobody is asked any more. Pure rules.
//!
//! Nothing met or over is escalated, and no level is reached twice.

use crate::{
    entry::{Escalated, Holding, LifeRow},
    record::{Moment, due::Standing},
    wire::envelope::ReceiptType,
};

/// How often something late is escalated.
pub const LEVELS: u32 = 2;

/// Begins what is due of a record. `awaited` are the countries that an own record goes to.
pub fn begin(row: &mut LifeRow, holding: &Holding, from_us: i64, awaited: Vec<String>) {
    if holding.due_us == 0 {
        return;
    }
    row.due_from_us = from_us;
    row.due_us = holding.due_us;
    row.escalate_us = holding.escalate_us;
    row.answer_due = holding.answer_due;
    row.awaited = awaited;
}

/// Whether something is due that was not done.
pub fn is_open(row: &LifeRow) -> bool {
    row.due_us != 0 && row.met_us == 0 && !row.due_over && row.whole.is_none()
}

/// When it is escalated next.
pub fn next_escalation(row: &LifeRow) -> Option<i64> {
    if !is_open(row) {
        return None;
    }
    match row.level {
        // What is done at this very moment is in time still.
        0 => Some(row.due_us.saturating_add(1).max(1)),
        1 if row.escalate_us != 0 => Some(row.escalate_us.max(1)),
        _ => None,
    }
}

/// It was escalated, or is not due any more.
pub fn escalate(row: &mut LifeRow, escalated: &Escalated) {
    if !is_open(row) {
        return;
    }
    if escalated.over {
        row.due_over = true;
    } else {
        row.level = row.level.max(escalated.level.min(LEVELS));
    }
}

/// What was due was done here: an acknowledgement or an answer.
pub fn done(row: &mut LifeRow, answer: bool, at_us: i64) {
    if is_open(row) && row.foreign && row.answer_due == answer {
        row.met_us = at_us.max(1);
    }
}

/// A country did what was awaited of it: an acknowledgement or an answer.
pub fn done_by(row: &mut LifeRow, country: &str, answer: bool, at_us: i64) {
    if row.foreign || row.due_us == 0 || row.met_us != 0 || row.answer_due != answer {
        return;
    }
    let before = row.awaited.len();
    row.awaited.retain(|awaited| awaited != country);
    if row.awaited.is_empty() && before > 0 {
        row.met_us = at_us.max(1);
    }
}

/// An officer opened the record; its origin is told of the first time.
pub fn opened(row: &mut LifeRow, at_us: i64) {
    if row.foreign && row.opened_us == 0 {
        row.opened_us = at_us.max(1);
    }
}

/// An officer acknowledged the record, by the entry at `place`.
pub fn acknowledged(row: &mut LifeRow, at_us: i64, place: [u8; 12]) {
    row.acknowledged_places.push(place.to_vec());
    done(row, false, at_us);
}

/// The origin was told.
pub fn told(row: &mut LifeRow, kind: ReceiptType) {
    match kind {
        ReceiptType::Retrieval => row.retrieval_told = true,
        // They are told of in the order in which they were given.
        ReceiptType::Acknowledged if !row.acknowledged_places.is_empty() => {
            row.acknowledged_places.remove(0);
        }
        _ => {}
    }
}

/// Whether the origin is to be told that an officer opened the record.
pub fn owes_retrieval(row: &LifeRow) -> bool {
    row.foreign && row.opened_us != 0 && !row.retrieval_told
}

/// Whether the origin is to be told anything of what officers did.
pub fn owes(row: &LifeRow) -> bool {
    owes_retrieval(row) || (row.foreign && !row.acknowledged_places.is_empty())
}

/// How what is due stands; `None` when nothing ever was.
pub fn standing(row: &LifeRow) -> Option<Standing> {
    (row.due_us != 0).then(|| Standing {
        from: Moment::from_micros(row.due_from_us),
        due: Moment::from_micros(row.due_us),
        met: (row.met_us != 0).then(|| Moment::from_micros(row.met_us)),
        over: row.due_over || row.whole.is_some(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        entry::{Lock, Locked},
        inbox::life,
    };

    #[derive(Clone, Debug)]
    enum Act {
        Tick(i64),
        Done(bool),
        DoneBy(u8),
        Over,
        Lock,
        Open,
        Acknowledge,
        Tell(bool),
    }

    fn acts() -> impl Strategy<Value = Vec<Act>> {
        let act = prop_oneof![
            4 => (1..200_i64).prop_map(Act::Tick),
            1 => any::<bool>().prop_map(Act::Done),
            2 => (0..3_u8).prop_map(Act::DoneBy),
            1 => Just(Act::Over),
            1 => Just(Act::Lock),
            1 => Just(Act::Open),
            1 => Just(Act::Acknowledge),
            2 => any::<bool>().prop_map(Act::Tell),
        ];
        prop::collection::vec(act, 0..30)
    }

    fn fresh(foreign: bool, due_us: i64, again: i64) -> LifeRow {
        let holding = Holding {
            due_us,
            escalate_us: if again == 0 { 0 } else { due_us + again },
            ..Holding::default()
        };
        let mut row = LifeRow {
            foreign,
            ..LifeRow::default()
        };
        let awaited = if foreign {
            vec![]
        } else {
            vec!["KZ".to_owned(), "AE".to_owned()]
        };
        begin(&mut row, &holding, 1, awaited);
        row
    }

    fn escalated(level: u32, over: bool) -> Escalated {
        Escalated {
            level,
            over,
            ..Escalated::default()
        }
    }

    /// What the node does once the clock says `now`.
    fn tick(row: &mut LifeRow, now: i64) -> Option<u32> {
        next_escalation(row).filter(|at| *at <= now)?;
        let level = row.level + 1;
        escalate(row, &escalated(level, false));
        Some(level)
    }

    proptest! {
        #[test]
        fn each_level_is_reached_once_and_nothing_done_is_escalated(
            foreign: bool, due in 1..100_i64, again in 0..50_i64, acts in acts()
        ) {
            let mut row = fresh(foreign, due, again);
            let mut now = 1;
            let mut levels = Vec::new();
            for act in &acts {
                let before = row.clone();
                match act {
                    Act::Tick(by) => {
                        now += by;
                        if let Some(level) = tick(&mut row, now) {
                            prop_assert!(is_open(&before) && now > row.due_us);
                            levels.push(level);
                        }
                    }
                    Act::Done(answer) => done(&mut row, *answer, now),
                    Act::DoneBy(of) => {
                        let country = ["KZ", "AE", "TM"][usize::from(*of)];
                        done_by(&mut row, country, false, now);
                    }
                    Act::Over => escalate(&mut row, &escalated(0, true)),
                    Act::Lock => life::lock(&mut row, &Locked::default()),
                    Act::Open => opened(&mut row, now),
                    Act::Acknowledge => acknowledged(&mut row, now, [1; 12]),
                    Act::Tell(retrieval) => told(&mut row, if *retrieval {
                        ReceiptType::Retrieval
                    } else {
                        ReceiptType::Acknowledged
                    }),
                }
                prop_assert!(before.met_us == 0 || before.met_us == row.met_us);
                prop_assert!(before.opened_us == 0 || before.opened_us == row.opened_us);
                prop_assert!(is_open(&before) || !is_open(&row));
                prop_assert!(is_open(&row) || next_escalation(&row).is_none());
            }
            let expected: Vec<u32> = (1..).take(levels.len()).collect();
            prop_assert_eq!(&levels, &expected);
            prop_assert!(levels.len() <= usize::try_from(LEVELS).unwrap());
            prop_assert!(again != 0 || levels.len() <= 1);
        }
    }

    #[test]
    fn an_own_record_is_met_when_the_last_country_did_it() {
        let mut row = fresh(false, 10, 5);
        done(&mut row, false, 3);
        assert_eq!(row.met_us, 0, "nothing is done here of an own record");
        done_by(&mut row, "KZ", true, 3);
        done_by(&mut row, "KZ", false, 4);
        done_by(&mut row, "KZ", false, 5);
        assert_eq!((row.met_us, &*row.awaited), (0, &["AE".to_owned()][..]));
        done_by(&mut row, "AE", false, 20);
        assert_eq!(row.met_us, 20);
        done_by(&mut row, "AE", false, 30);
        assert_eq!(row.met_us, 20);
    }

    #[test]
    fn the_origin_is_owed_one_retrieval_and_each_acknowledgement() {
        let mut row = fresh(true, 0, 0);
        assert!(!owes(&row) && standing(&row).is_none());
        opened(&mut row, 5);
        opened(&mut row, 6);
        assert!(owes_retrieval(&row));
        told(&mut row, ReceiptType::Retrieval);
        opened(&mut row, 7);
        assert!(!owes(&row));
        acknowledged(&mut row, 8, [1; 12]);
        acknowledged(&mut row, 9, [2; 12]);
        told(&mut row, ReceiptType::Acknowledged);
        assert_eq!(row.acknowledged_places, [vec![2; 12]]);
        // What is locked meanwhile is told of all the same.
        row.whole = Some(Lock::default());
        assert!(owes(&row));
        told(&mut row, ReceiptType::Acknowledged);
        assert!(!owes(&row));
    }

    #[test]
    fn an_own_record_owes_nothing() {
        let mut row = fresh(false, 10, 0);
        opened(&mut row, 5);
        assert!(!owes(&row));
    }
}
