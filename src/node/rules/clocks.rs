//! Rules for the clocks of evidence requests: each is told of once, and what was worked out from a
//! thread that has changed meanwhile counts for nothing.

use crate::{
    crypto::Digest,
    entry::{ClockTold, ClocksWorkedOut, Event, Told},
    inbox::{clocks, followers},
    store::Group,
    wire::ledger::{Action, LeafBody},
};

use super::{Declined, NodeRules};

/// What is to be told of a clock.
#[derive(Clone, Debug)]
pub struct TellOrder {
    /// Its place in the profile.
    pub clock: u32,
    /// Its id; into the ledger.
    pub id: String,
    /// Its round.
    pub round: u32,
    /// The level reached: 1 warning, 2 late, 3 late for long.
    pub level: u32,
    /// When it ends.
    pub due_us: i64,
}

/// The clocks of a request, worked out.
#[derive(Clone, Debug)]
pub struct ClocksOrder {
    /// Local number of the request.
    pub number: u64,
    /// SHA-256 of its header.
    pub digest: Digest,
    /// As officers say it.
    pub reference: String,
    /// How many records followed it when they were worked out.
    pub followers: u64,
    /// What is to be told.
    pub tell: Vec<TellOrder>,
    /// When they are looked at again, microseconds since 1970; 0: not.
    pub look_us: i64,
    /// The earliest end of those that run; 0: none does.
    pub due_us: i64,
    /// Whether it is known what became of its delivery.
    pub delivered: bool,
}

/// Stable word of a level.
const fn detail(level: u32) -> &'static str {
    match level {
        1 => "clock-warning",
        2 => "clock-late",
        _ => "clock-still-late",
    }
}

impl NodeRules {
    /// A crash before the group is durable leaves each of them to be looked at, and the next round does.
    pub(super) fn clocks(
        &self,
        orders: Vec<ClocksOrder>,
        group: &mut Group<'_>,
    ) -> Result<(), Declined> {
        for order in orders {
            let Some(row) = clocks::of(group, order.number)? else {
                continue;
            };
            if followers::count(group, &order.digest)? != order.followers {
                continue;
            }
            for tell in order.tell {
                if clocks::told(&row, tell.clock, tell.round) >= tell.level {
                    continue;
                }
                let leaf = LeafBody {
                    actor: self.own_actor(),
                    action: Action::Node.into(),
                    header_digest: order.digest.to_vec(),
                    reference: order.reference.clone(),
                    detail: detail(tell.level).to_owned(),
                    purpose: tell.id,
                    count: u64::from(tell.level),
                    ..LeafBody::default()
                };
                let event = Event::ClockTold(ClockTold {
                    number: order.number,
                    header_digest: order.digest.to_vec(),
                    told: Some(Told {
                        clock: tell.clock,
                        round: tell.round,
                        level: tell.level,
                        at_us: (self.clock)().micros(),
                    }),
                    due_us: tell.due_us,
                });
                self.append(group, event, Vec::new(), leaf)?;
            }
            let same = !row.now && row.look_us == order.look_us && row.due_us == order.due_us;
            if same && !order.delivered {
                continue;
            }
            let event = Event::ClocksWorkedOut(ClocksWorkedOut {
                number: order.number,
                look_us: order.look_us,
                due_us: order.due_us,
                delivered: order.delivered,
            });
            self.append_leafless(event, group)?;
        }
        Ok(())
    }
}
