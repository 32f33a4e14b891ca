//! Fetching one item: which chunks to ask for, how far ahead, and what to do with one that does not open.
//!
//! Chunks are asked for in order and taken in order. Whoever asks says up to which chunk it may be sent:
//! that is the credit, and it moves on as chunks are taken. One that does not open is asked for again under
//! a new round; what is still on its way of the round before is dropped.

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Tells what answers it from what answered an ask before.
    pub round: u32,
    /// First chunk.
    pub from: u64,
    /// First chunk that may not be sent.
    pub until: u64,
}

/// Why an item is not fetched on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PullFault {
    /// A chunk came broken too often.
    #[error("chunk {index} came broken {times} times: it does not open under the item's key")]
    Damaged {
        /// Which.
        index: u64,
        /// How often.
        times: u32,
    },
    /// A chunk came that was not asked for now.
    #[error("chunk {found} came where chunk {expected} was due")]
    Order {
        /// What came.
        found: u64,
        /// What was due.
        expected: u64,
    },
    /// More chunks came than were asked for.
    #[error("chunk {0} came, which was not asked for")]
    Unasked(u64),
}

impl PullFault {
    /// A stable word.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Damaged { .. } => "damaged",
            Self::Order { .. } => "order",
            Self::Unasked(_) => "unasked",
        }
    }
}

/// What to do with a chunk that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Took {
    /// It is the one that is due: open it, then say how that went.
    Open,
    /// It belongs to a round that is over: drop it.
    Old,
}

/// Fetching one item.
#[derive(Clone, Debug)]
pub struct Pull {
    chunks: u64,
    window: u64,
    /// Chunks taken.
    have: u64,
    /// First chunk that may not be sent.
    until: u64,
    round: u32,
    /// How often the chunk that is due came broken.
    broken: u32,
    most_broken: u32,
}

impl Pull {
    /// An item of `chunks`, of which the first `have` are there; `window` chunks may be on their way, and
    /// one may come broken `most_broken` times. `round` is the first: higher than any round in which the
    /// item was asked for within the stream.
    pub const fn new(chunks: u64, have: u64, window: u64, most_broken: u32, round: u32) -> Self {
        Self {
            chunks,
            window,
            have,
            until: have,
            round,
            broken: 0,
            most_broken,
        }
    }

    /// Whether every chunk was taken.
    pub const fn is_whole(&self) -> bool {
        self.have >= self.chunks
    }

    /// The round in hand.
    pub const fn round(&self) -> u32 {
        self.round
    }

    /// Chunks taken.
    pub const fn have(&self) -> u64 {
        self.have
    }

    /// The next ask: the first, one after a broken chunk, or more credit once half of it is used.
    pub fn ask(&mut self) -> Option<Ask> {
        let on_their_way = self.until.saturating_sub(self.have);
        if self.is_whole() || self.until >= self.chunks || on_their_way > self.window / 2 {
            return None;
        }
        self.until = self.have.saturating_add(self.window).min(self.chunks);
        Some(Ask {
            round: self.round,
            from: self.have,
            until: self.until,
        })
    }

    /// A chunk came.
    ///
    /// # Errors
    /// [`PullFault::Order`], [`PullFault::Unasked`].
    pub const fn came(&self, round: u32, index: u64) -> Result<Took, PullFault> {
        if round < self.round {
            return Ok(Took::Old);
        }
        if round > self.round || index >= self.until {
            return Err(PullFault::Unasked(index));
        }
        if index != self.have {
            return Err(PullFault::Order {
                found: index,
                expected: self.have,
            });
        }
        Ok(Took::Open)
    }

    /// The chunk that was due opened.
    pub const fn took(&mut self) {
        self.have = self.have.saturating_add(1);
        self.broken = 0;
    }

    /// It did not: it is asked for again.
    ///
    /// # Errors
    /// [`PullFault::Damaged`] when that was so too often.
    pub const fn broke(&mut self) -> Result<(), PullFault> {
        self.broken = self.broken.saturating_add(1);
        if self.broken >= self.most_broken {
            return Err(PullFault::Damaged {
                index: self.have,
                times: self.broken,
            });
        }
        self.round = self.round.saturating_add(1);
        self.until = self.have;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn credit_moves_on_by_half_a_window() {
        let mut pull = Pull::new(10, 0, 4, 3, 1);
        let ask = |from, until| {
            Some(Ask {
                round: 1,
                from,
                until,
            })
        };
        assert_eq!(pull.ask(), ask(0, 4));
        assert_eq!(pull.ask(), None);
        pull.took();
        assert_eq!(pull.ask(), None);
        pull.took();
        assert_eq!(pull.ask(), ask(2, 6));
        for _ in 0..6 {
            pull.took();
        }
        assert_eq!(pull.ask(), ask(8, 10));
        pull.took();
        pull.took();
        assert!(pull.is_whole() && pull.ask().is_none());
    }

    #[test]
    fn what_was_not_asked_for_is_refused() {
        let mut pull = Pull::new(10, 2, 4, 3, 1);
        assert_eq!(pull.came(1, 2), Err(PullFault::Unasked(2)));
        pull.ask().unwrap();
        assert_eq!(pull.came(1, 2), Ok(Took::Open));
        assert_eq!(
            pull.came(1, 3),
            Err(PullFault::Order {
                found: 3,
                expected: 2
            })
        );
        assert_eq!(pull.came(1, 6), Err(PullFault::Unasked(6)));
        assert_eq!(pull.came(2, 2), Err(PullFault::Unasked(2)));
    }

    #[test]
    fn a_broken_chunk_is_asked_for_again_and_not_for_ever() {
        let mut pull = Pull::new(10, 0, 4, 3, 1);
        pull.ask().unwrap();
        pull.took();
        pull.broke().unwrap();
        let again = Ask {
            round: 2,
            from: 1,
            until: 5,
        };
        assert_eq!(pull.ask(), Some(again));
        assert_eq!(pull.came(1, 2), Ok(Took::Old));
        pull.broke().unwrap();
        let fault = PullFault::Damaged { index: 1, times: 3 };
        assert_eq!(pull.broke(), Err(fault));
        assert_eq!(fault.word(), "damaged");
    }

    proptest! {
        /// Against a sender that serves asks in order, over a line that holds what is on its way: however
        /// chunks break, each is taken once and in order.
        #[test]
        fn whatever_breaks_every_chunk_is_taken_once(chunks in 1u64..60, window in 1u64..9, have in 0u64..60, breaks in proptest::collection::vec(any::<bool>(), 0..200)) {
            let have = have.min(chunks);
            let mut breaks = breaks.into_iter();
            let mut pull = Pull::new(chunks, have, window, u32::MAX, 1);
            let mut line: VecDeque<(u32, u64)> = VecDeque::new();
            // What the sender serves now: round, next, until.
            let mut serving = (0, 0, 0);
            let mut taken = Vec::new();
            while !pull.is_whole() {
                if let Some(ask) = pull.ask() {
                    serving = if ask.round == serving.0 {
                        (ask.round, serving.1, ask.until)
                    } else {
                        (ask.round, ask.from, ask.until)
                    };
                }
                while serving.1 < serving.2 {
                    line.push_back((serving.0, serving.1));
                    serving.1 += 1;
                }
                prop_assert!(line.len() as u64 <= 2 * window + 1);
                let (round, index) = line.pop_front().unwrap();
                match pull.came(round, index).unwrap() {
                    Took::Old => {}
                    Took::Open if breaks.next().unwrap_or(false) => pull.broke().unwrap(),
                    Took::Open => {
                        taken.push(index);
                        pull.took();
                    }
                }
            }
            prop_assert_eq!(taken, (have..chunks).collect::<Vec<_>>());
        }
    }
}
