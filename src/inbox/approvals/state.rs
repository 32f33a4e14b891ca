//! The states of something that needs two persons, and what leads from one to the next. Pure.
//!
//! ```text
//! asked ──approve──► approved ──done──► done          an order: approval carries it out
//!   │                    └────failed──► failed
//!   ├──approve──► granted ──time──► (lapsed)          a leave: who asked may, until its time is over
//!   │                └──refuse, void──► refused, void
//!   ├──refuse──► refused
//!   ├──void────► void                                 who asked has left
//!   └──time────► (expired)
//! ```
//!
//! Time changes no row: what is expired or lapsed follows from the row and the moment.

/// How far it is, as the row keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// It waits for a second person.
    Asked,
    /// It was approved and is to be carried out.
    Approved,
    /// It was approved: who asked may do it.
    Granted,
    /// It is done.
    Done,
    /// It was refused, or the leave was taken back.
    Refused,
    /// It was approved and can never be done.
    Failed,
    /// Who asked for it has left.
    Void,
}

impl Stage {
    /// As rows have it.
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::Asked => 1,
            Self::Approved => 2,
            Self::Done => 3,
            Self::Granted => 4,
            Self::Refused => 5,
            Self::Failed => 6,
            Self::Void => 10,
        }
    }

    /// The stage of a row's number.
    pub(super) const fn of(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Asked,
            2 => Self::Approved,
            3 => Self::Done,
            4 => Self::Granted,
            5 => Self::Refused,
            6 => Self::Failed,
            10 => Self::Void,
            _ => return None,
        })
    }

    /// Whether anything can still become of it, its time aside.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Asked | Self::Approved | Self::Granted)
    }
}

/// Keyed tag of a person.
pub type PersonTag = [u8; 16];

/// What is to become of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// A person approves an order: it will be carried out.
    Approve {
        /// Who.
        by: PersonTag,
    },
    /// A person approves a leave, which counts until then, microseconds since 1970.
    Grant {
        /// Who.
        by: PersonTag,
        /// Until when.
        until_us: i64,
    },
    /// A person refuses it, or takes a leave back; who asked may, too.
    Refuse,
    /// Who asked for it has left.
    Void,
    /// It was carried out.
    Done,
    /// It can never be carried out.
    Fail,
}

/// Why it does not go that way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It does not wait for anybody any more.
    Closed(Stage),
    /// Its time is over.
    Expired,
    /// Nobody approves what they asked for.
    Own,
    /// It was not approved.
    NotApproved(Stage),
}

/// What moves are judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// How far it is.
    pub stage: Stage,
    /// Asked: until when it can be approved. Granted: until when it counts. Otherwise it does not
    /// count. Microseconds since 1970.
    pub until_us: i64,
    /// Who asked.
    pub asker: PersonTag,
}

impl State {
    /// Whether its time is over at a moment.
    pub const fn is_over(&self, now_us: i64) -> bool {
        matches!(self.stage, Stage::Asked | Stage::Granted) && self.until_us <= now_us
    }

    /// What a move makes of it.
    ///
    /// # Errors
    /// [`Fault`] when it does not go that way; nothing changes then.
    pub fn after(&self, step: Move, now_us: i64) -> Result<Self, Fault> {
        let to = |stage| Ok(Self { stage, ..*self });
        match step {
            Move::Approve { by } => {
                self.may_approve(by, now_us)?;
                to(Stage::Approved)
            }
            Move::Grant { by, until_us } => {
                self.may_approve(by, now_us)?;
                Ok(Self {
                    stage: Stage::Granted,
                    until_us,
                    ..*self
                })
            }
            Move::Refuse | Move::Void => {
                if !matches!(self.stage, Stage::Asked | Stage::Granted) {
                    return Err(Fault::Closed(self.stage));
                }
                if self.is_over(now_us) {
                    return Err(Fault::Expired);
                }
                to(match step {
                    Move::Void => Stage::Void,
                    _ => Stage::Refused,
                })
            }
            Move::Done | Move::Fail => {
                if self.stage != Stage::Approved {
                    return Err(Fault::NotApproved(self.stage));
                }
                to(match step {
                    Move::Done => Stage::Done,
                    _ => Stage::Failed,
                })
            }
        }
    }

    fn may_approve(&self, by: PersonTag, now_us: i64) -> Result<(), Fault> {
        if self.stage != Stage::Asked {
            return Err(Fault::Closed(self.stage));
        }
        if self.is_over(now_us) {
            return Err(Fault::Expired);
        }
        if self.asker == by {
            return Err(Fault::Own);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
