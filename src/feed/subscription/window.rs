//! How far whoever follows a subscription is: what was sent, what of it was acknowledged, and whether
//! more may be sent. The cursor never passes a record that was sent and not acknowledged, nor one that
//! was not looked at.

use std::collections::VecDeque;

use crate::{record::Moment, wire::node::SubscriptionPosition};

/// A place among everything that there is to deliver. Along the way both numbers only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Position {
    /// Local number of the last record.
    pub number: u64,
    /// How many records had been locked.
    pub gone: u64,
}

impl Position {
    /// Whether it lies nowhere behind the other.
    pub const fn is_within(self, other: Self) -> bool {
        self.number <= other.number && self.gone <= other.gone
    }

    /// How many records and locks lie between this and a later one.
    pub const fn to(self, later: Self) -> u64 {
        let records = later.number.saturating_sub(self.number);
        records.saturating_add(later.gone.saturating_sub(self.gone))
    }
}

impl From<SubscriptionPosition> for Position {
    fn from(of: SubscriptionPosition) -> Self {
        Self {
            number: of.number,
            gone: of.gone,
        }
    }
}

impl From<Position> for SubscriptionPosition {
    fn from(of: Position) -> Self {
        Self {
            number: of.number,
            gone: of.gone,
        }
    }
}

/// How much may be sent and not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowSize {
    /// How many.
    pub items: usize,
    /// How many bytes; one is always sent, whatever its size.
    pub bytes: usize,
}

/// An acknowledgement of what was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the position was not sent: only what was delivered is acknowledged")]
pub struct AckFault;

#[derive(Clone, Copy, Debug)]
struct Sent {
    position: Position,
    bytes: usize,
    at: Moment,
}

/// What was sent to whoever follows, and what of it was acknowledged.
#[derive(Clone, Debug)]
pub struct Window {
    size: WindowSize,
    /// Up to where everything is acknowledged, durably.
    acknowledged: Position,
    /// Up to where everything was looked at: what matched was sent.
    looked: Position,
    sent: VecDeque<Sent>,
    bytes: usize,
}

impl Window {
    /// Begins at a cursor.
    pub const fn new(cursor: Position, size: WindowSize) -> Self {
        Self {
            size,
            acknowledged: cursor,
            looked: cursor,
            sent: VecDeque::new(),
            bytes: 0,
        }
    }

    /// Up to where everything is acknowledged.
    pub const fn acknowledged(&self) -> Position {
        self.acknowledged
    }

    /// Up to where everything was looked at.
    pub const fn looked(&self) -> Position {
        self.looked
    }

    /// How many more may be sent; 0 while the window is full.
    pub fn room(&self) -> usize {
        if self.bytes >= self.size.bytes && !self.sent.is_empty() {
            return 0;
        }
        self.size.items.saturating_sub(self.sent.len())
    }

    /// How many bytes more may be sent; one that is larger is sent alone.
    pub fn room_bytes(&self) -> usize {
        self.size.bytes.saturating_sub(self.bytes)
    }

    /// How many were sent and not acknowledged.
    pub fn unacknowledged(&self) -> usize {
        self.sent.len()
    }

    /// When the oldest of them was sent.
    pub fn since(&self) -> Option<Moment> {
        self.sent.front().map(|sent| sent.at)
    }

    /// Something is sent. Positions come in their order.
    pub fn send(&mut self, position: Position, bytes: usize, at: Moment) {
        self.sent.push_back(Sent {
            position,
            bytes,
            at,
        });
        self.bytes = self.bytes.saturating_add(bytes);
        self.passed(position);
    }

    /// Everything up to a position was looked at, and what matched was sent.
    pub fn passed(&mut self, position: Position) {
        self.looked = Position {
            number: self.looked.number.max(position.number),
            gone: self.looked.gone.max(position.gone),
        };
    }

    /// Where the cursor has to be, durably, before an acknowledgement counts; `None` when it moves
    /// nothing. Where nothing is left unacknowledged, what did not match is passed over too.
    ///
    /// # Errors
    /// [`AckFault`] for what was not sent.
    pub fn would_acknowledge(&self, position: Position) -> Result<Option<Position>, AckFault> {
        if !position.is_within(self.looked) {
            return Err(AckFault);
        }
        let within = |sent: &&Sent| sent.position.is_within(position);
        let last = self.sent.iter().take_while(within).last();
        let Some(last) = last else {
            return Ok(None);
        };
        let all = self
            .sent
            .back()
            .is_some_and(|sent| sent.position == last.position);
        Ok(Some(if all { self.looked } else { last.position }))
    }

    /// Where the cursor may go without any acknowledgement: nothing was sent, and nothing matched.
    pub fn idle(&self) -> Option<Position> {
        (self.sent.is_empty() && self.looked != self.acknowledged).then_some(self.looked)
    }

    /// The cursor is there, durably.
    pub fn acknowledge(&mut self, cursor: Position) {
        while let Some(sent) = self.sent.front() {
            if !sent.position.is_within(cursor) {
                break;
            }
            self.bytes = self.bytes.saturating_sub(sent.bytes);
            self.sent.pop_front();
        }
        self.acknowledged = Position {
            number: self.acknowledged.number.max(cursor.number),
            gone: self.acknowledged.gone.max(cursor.gone),
        };
    }
}
