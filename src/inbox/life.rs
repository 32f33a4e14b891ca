//! The life of a record after it is held: locked, held, erased, answered. Pure rules over one row,
//! and the list of what is due, which is a function of the row.
//!
//! Locks never open again and what is erased stays erased; a legal hold keeps a locked record from
//! being shredded and does not make it readable.

use crate::{
    crypto::Digest,
    entry::{Erased, Holding, LifeRow, Lock, LockCause, Locked},
    wire::envelope::ReceiptType,
};

use super::due;

/// Time of shredding of a lock whose delay has not begun: the clock did not agree with the peers' when
/// it was locked. The delay begins at the first moment at which it does.
pub const NOT_BEGUN: i64 = i64::MAX;

/// What is to be done with a record, once its time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Due {
    /// Lock it: it expired.
    Expire,
    /// Lock its victim data: their time is over.
    Retention,
    /// Destroy its keys.
    Shred,
    /// Destroy the keys of its victim data.
    ShredVictims,
    /// Tell its origin what became of it.
    Answer,
    /// Escalate it: what is due of it is late.
    Escalate,
    /// Let the delay before its shredding begin.
    Delay,
}

impl Due {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Expire,
        Self::Retention,
        Self::Shred,
        Self::ShredVictims,
        Self::Answer,
        Self::Escalate,
        Self::Delay,
    ];

    /// Its number in a key.
    pub const fn number(self) -> u8 {
        match self {
            Self::Expire => 1,
            Self::Retention => 2,
            Self::Shred => 3,
            Self::ShredVictims => 4,
            Self::Answer => 5,
            Self::Escalate => 6,
            Self::Delay => 7,
        }
    }

    /// The kind with a number.
    pub fn of(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|due| due.number() == number)
    }
}

/// The row a record begins with; `None` when nothing of it ever falls due by itself. `awaited` are
/// the countries that an own record goes to.
pub fn begin(
    holding: &Holding,
    foreign: bool,
    from_us: i64,
    awaited: Vec<String>,
) -> Option<LifeRow> {
    if holding.expires_us <= 0 && holding.victims_until_us <= 0 && holding.due_us == 0 {
        return None;
    }
    let mut row = LifeRow {
        expires_us: holding.expires_us,
        victims_until_us: holding.victims_until_us,
        foreign,
        ..LifeRow::default()
    };
    due::begin(&mut row, holding, from_us, awaited);
    Some(row)
}

/// Locks the record or its victim data. A second lock hastens the shredding, adds the recall that
/// the first did not name, and never puts anything off.
pub fn lock(row: &mut LifeRow, locked: &Locked) {
    let place = if locked.victims_only {
        &mut row.victims
    } else {
        &mut row.whole
    };
    match place {
        None => {
            *place = Some(Lock {
                cause: locked.cause,
                recall_digest: locked.recall_digest.clone(),
                locked_us: locked.locked_us,
                shred_us: locked.shred_us,
                ..Lock::default()
            });
        }
        Some(lock) => {
            lock.shred_us = lock.shred_us.min(locked.shred_us);
            if lock.recall_digest.is_empty() && !locked.recall_digest.is_empty() {
                lock.recall_digest.clone_from(&locked.recall_digest);
                // The recall wants an answer of its own.
                row.answered = ReceiptType::Unspecified.into();
            }
        }
    }
}

/// Sets or releases a legal hold.
pub fn hold(row: &mut LifeRow, held: bool, place: [u8; 12]) {
    row.held = held;
    row.hold_place = if held { place.to_vec() } else { Vec::new() };
}

/// The keys are gone. What was not locked is locked by it.
pub fn erase(row: &mut LifeRow, erased: &Erased) {
    let place = if erased.victims_only {
        &mut row.victims
    } else {
        &mut row.whole
    };
    let lock = place.get_or_insert_with(|| Lock {
        cause: LockCause::Unspecified.into(),
        locked_us: erased.erased_us,
        shred_us: erased.erased_us,
        ..Lock::default()
    });
    if lock.erased_us == 0 {
        lock.erased_us = erased.erased_us.max(1);
        lock.backups_until_us = erased.backups_until_us;
        lock.backups_unknown = erased.backups_unknown;
    }
}

/// The origin was told.
pub fn answer(row: &mut LifeRow, kind: ReceiptType) {
    match kind {
        _ if !row.foreign => {}
        ReceiptType::Erased | ReceiptType::Held => row.answered = kind.into(),
        _ => due::told(row, kind),
    }
}

/// The origin was told that its victim data went.
pub fn answer_victims(row: &mut LifeRow) {
    row.victims_answered = row.foreign;
}

/// Whether the record may be read, but for its victim data.
pub fn is_readable(row: &LifeRow) -> bool {
    row.whole.is_none()
}

/// Whether its victim data may be read.
pub fn shows_victims(row: &LifeRow) -> bool {
    row.whole.is_none() && row.victims.is_none()
}

/// Whether its keys are gone.
pub fn is_erased(row: &LifeRow) -> bool {
    row.whole.as_ref().is_some_and(|lock| lock.erased_us != 0)
}

/// What the origin is to be told of its fate now: nothing for an own record, or for one that is neither erased
/// nor locked and held.
pub fn owed(row: &LifeRow) -> Option<ReceiptType> {
    let lock = row.whole.as_ref().filter(|_| row.foreign)?;
    let owed = if lock.erased_us != 0 {
        ReceiptType::Erased
    } else if row.held {
        ReceiptType::Held
    } else {
        return None;
    };
    (row.answered != i32::from(owed)).then_some(owed)
}

/// Whether the origin is to be told that the victim data alone went.
pub fn owes_victims(row: &LifeRow) -> bool {
    let erased = |lock: &Lock| lock.erased_us != 0;
    row.foreign
        && !row.victims_answered
        && row.whole.is_none()
        && row.victims.as_ref().is_some_and(erased)
}

/// What is due and when, in microseconds since 1970; 0 is at once.
pub fn dues(row: &LifeRow) -> Vec<(i64, Due)> {
    let mut dues = Vec::new();
    match &row.whole {
        None => {
            if row.expires_us > 0 {
                dues.push((row.expires_us, Due::Expire));
            }
            match &row.victims {
                None if row.victims_until_us > 0 => {
                    dues.push((row.victims_until_us, Due::Retention));
                }
                Some(lock) if lock.erased_us == 0 && !row.held => {
                    dues.push((lock.shred_us, Due::ShredVictims));
                }
                _ => {}
            }
        }
        Some(lock) if lock.erased_us == 0 && lock.shred_us == NOT_BEGUN => {
            dues.push((0, Due::Delay));
        }
        Some(lock) if lock.erased_us == 0 && !row.held => dues.push((lock.shred_us, Due::Shred)),
        Some(_) => {}
    }
    if let Some(at) = due::next_escalation(row) {
        dues.push((at, Due::Escalate));
    }
    if owed(row).is_some() || owes_victims(row) || due::owes(row) {
        dues.push((0, Due::Answer));
    }
    dues
}

/// The recall that locked a record; `None` when it was another cause.
pub fn recall_of(row: &LifeRow) -> Option<Digest> {
    let lock = row.whole.as_ref()?;
    Digest::try_from(lock.recall_digest.as_slice()).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Lock(bool, i64, bool),
        Hold(bool),
        Erase(bool),
        Answer(bool),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            (any::<bool>(), 1..1000_i64, any::<bool>())
                .prop_map(|(victims, at, recall)| Step::Lock(victims, at, recall)),
            any::<bool>().prop_map(Step::Hold),
            any::<bool>().prop_map(Step::Erase),
            any::<bool>().prop_map(Step::Answer),
        ];
        prop::collection::vec(step, 0..20)
    }

    fn take(row: &mut LifeRow, step: &Step) {
        match *step {
            Step::Lock(victims_only, shred_us, recall) => lock(
                row,
                &Locked {
                    cause: LockCause::Recall.into(),
                    victims_only,
                    shred_us,
                    locked_us: 1,
                    recall_digest: if recall { vec![7; 32] } else { Vec::new() },
                    ..Locked::default()
                },
            ),
            Step::Hold(held) => hold(row, held, [1; 12]),
            Step::Erase(victims_only) => erase(
                row,
                &Erased {
                    victims_only,
                    erased_us: 5,
                    ..Erased::default()
                },
            ),
            Step::Answer(erased) => answer(
                row,
                if erased {
                    ReceiptType::Erased
                } else {
                    ReceiptType::Held
                },
            ),
        }
    }

    fn fresh(foreign: bool, expires_us: i64, victims_until_us: i64) -> LifeRow {
        LifeRow {
            expires_us,
            victims_until_us,
            foreign,
            ..LifeRow::default()
        }
    }

    proptest! {
        #[test]
        fn what_is_locked_or_erased_stays_so_and_nothing_is_put_off(
            foreign: bool, expires in 0..100_i64, until in 0..100_i64, steps in steps()
        ) {
            let mut row = fresh(foreign, expires, until);
            for step in &steps {
                let before = row.clone();
                take(&mut row, step);
                prop_assert!(is_readable(&before) || !is_readable(&row));
                prop_assert!(shows_victims(&before) || !shows_victims(&row));
                prop_assert!(!is_erased(&before) || is_erased(&row));
                if let (Some(before), Some(after)) = (&before.whole, &row.whole) {
                    prop_assert!(after.shred_us <= before.shred_us);
                    prop_assert!(before.erased_us == 0 || before.erased_us == after.erased_us);
                }
            }
        }

        #[test]
        fn a_hold_keeps_from_shredding_and_what_is_gone_is_not_due(
            foreign: bool, expires in 0..100_i64, until in 0..100_i64, steps in steps()
        ) {
            let mut row = fresh(foreign, expires, until);
            for step in &steps {
                take(&mut row, step);
            }
            let dues: Vec<Due> = dues(&row).into_iter().map(|(_, due)| due).collect();
            let shreds = dues.contains(&Due::Shred) || dues.contains(&Due::ShredVictims);
            prop_assert!(!(row.held && shreds));
            prop_assert!(!(is_erased(&row) && shreds));
            prop_assert!(is_readable(&row) || !dues.contains(&Due::Expire));
            prop_assert!(foreign || !dues.contains(&Due::Answer));
            prop_assert_eq!(dues.contains(&Due::Shred), row.whole.is_some() && !is_erased(&row) && !row.held);
        }
    }

    #[test]
    fn the_origin_is_owed_held_then_erased_and_each_once() {
        let mut row = fresh(true, 0, 0);
        hold(&mut row, true, [0; 12]);
        assert_eq!(owed(&row), None, "held and readable: nothing was asked");
        take(&mut row, &Step::Lock(false, 9, true));
        assert_eq!(owed(&row), Some(ReceiptType::Held));
        answer(&mut row, ReceiptType::Held);
        assert_eq!(owed(&row), None);
        hold(&mut row, false, [0; 12]);
        assert_eq!(dues(&row), [(9, Due::Shred)]);
        take(&mut row, &Step::Erase(false));
        assert_eq!(owed(&row), Some(ReceiptType::Erased));
        answer(&mut row, ReceiptType::Erased);
        assert!(dues(&row).is_empty());
    }

    #[test]
    fn a_delay_begins_once_and_a_hold_does_not_put_it_off() {
        let mut row = fresh(true, 0, 0);
        take(&mut row, &Step::Lock(false, NOT_BEGUN, true));
        assert_eq!(dues(&row), [(0, Due::Delay)]);
        hold(&mut row, true, [0; 12]);
        assert!(dues(&row).contains(&(0, Due::Delay)));
        take(&mut row, &Step::Lock(false, 70, false));
        take(&mut row, &Step::Lock(false, 90, false));
        hold(&mut row, false, [0; 12]);
        assert_eq!(dues(&row), [(70, Due::Shred)]);
    }

    #[test]
    fn a_recall_of_what_expired_is_answered_too() {
        let mut row = fresh(true, 0, 0);
        take(&mut row, &Step::Lock(false, 9, false));
        take(&mut row, &Step::Erase(false));
        answer(&mut row, ReceiptType::Erased);
        take(&mut row, &Step::Lock(false, 9, true));
        assert_eq!(owed(&row), Some(ReceiptType::Erased));
        assert_eq!(recall_of(&row), Some(Digest::from_array([7; 32])));
    }
}
