//! Pulling a subscription page by page, for systems that poll.

use std::sync::Arc;

use crate::{
    access::{Permit, act},
    feed::subscription::{Position, WindowSize},
    node::Node,
    wire::node::Delivered,
};

use super::{
    OutletError,
    batch::{LOOKED_AT, Room},
    live::{IDLE, Live},
};

/// Rounds of looking on for a page.
const ROUNDS: usize = 32;

/// A page of a subscription that is pulled.
#[derive(Debug)]
pub struct Page {
    /// What comes next.
    pub delivered: Vec<Delivered>,
    /// Acknowledges the page.
    pub position: Position,
    /// Goes with its acknowledgement.
    pub session: u64,
    /// Whether there is more.
    pub more: bool,
}

impl Node {
    /// The next page of a subscription, once the one before is acknowledged. Whoever followed is cut off.
    ///
    /// # Errors
    /// As [`Self::acknowledge_delivered`] and `Following::next`.
    pub async fn pull(
        self: &Arc<Self>,
        mut permit: Permit<act::Subscribe>,
        name: &str,
        acknowledged: Option<(Position, u64)>,
        size: usize,
        bytes: usize,
    ) -> Result<Page, OutletError> {
        if let Some((position, session)) = acknowledged {
            self.acknowledge_delivered(&permit, name, position, session)
                .await?;
        }
        let (tag, terms, cursor) = self.own_subscription(&permit, name).await?;
        let size = WindowSize { items: size, bytes };
        let live = Arc::new(Live::new(&cursor, size, false)?);
        self.take_over(&tag, &live)?;
        let mut delivered = Vec::new();
        for _ in 0..ROUNDS {
            // By the permissions as they are now.
            permit = self.again(&permit)?;
            let (room, before) = {
                let window = live.window();
                let room = Room {
                    items: window.room(),
                    bytes: window.room_bytes(),
                };
                (room, window.looked())
            };
            if room.items == 0 || (room.bytes == 0 && !delivered.is_empty()) {
                break;
            }
            let found = self
                .deliver(&live, &permit, &terms, room, cursor.backlog)
                .await?;
            let looked = live.window().looked();
            delivered.extend(found);
            // Less than one looks at in one go, and there is no more; or there is no room for the next one.
            if before.to(looked) < u64::try_from(LOOKED_AT).unwrap_or(u64::MAX) {
                break;
            }
            self.pass_over(&tag, &live, IDLE).await?;
        }
        let looked = live.window().looked();
        let more = looked != self.outlet_end()?;
        if live.ended.is_cancelled() {
            return Err(OutletError::TakenOver);
        }
        Ok(Page {
            delivered,
            position: looked,
            session: live.session,
            more,
        })
    }
}
