//! Whoever follows a subscription, or pulls it: one at a time, the newest. What was sent and not
//! acknowledged fits into a window; beyond it the stream waits, and nothing is kept for it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

use crate::{
    access::{Permit, act},
    feed::subscription::{Position, Window, WindowSize},
    node::{
        Node, NodeError,
        read::blocking,
        rules::{By, OutletOrder, Proposal},
    },
    record::Moment,
    wire::node::Delivered,
};

use super::{OutletError, Terms, batch::Room, chance, rows, rows::Tag};

/// Things delivered in one go, and so in one durable group of leaves.
const TOGETHER: usize = 64;
/// Bytes delivered in one go; one record goes whatever its size.
const TOGETHER_BYTES: usize = 4 << 20;
/// Least time between two acknowledgements of a consumer that are made durable: one that comes sooner waits.
const PACE: Duration = Duration::from_millis(20);
/// How often a stream that waits looks around.
const LOOK: Duration = Duration::from_secs(5);
/// How far a cursor may lag behind what was looked at and did not match.
pub(super) const IDLE: u64 = 256;
/// Somebody who follows, or who pulled last.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) session: u64,
    /// Cancelled when somebody else follows, or the subscription is moved or removed.
    pub(super) ended: CancellationToken,
    epoch: u64,
    /// Whether it is a stream.
    streams: bool,
    window: Mutex<Window>,
    /// Told of each acknowledgement.
    acknowledged: Notify,
    /// When the next acknowledgement may be made durable.
    pace: tokio::sync::Mutex<Option<Instant>>,
}

/// How whoever follows stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stands {
    pub(super) streams: bool,
    pub(super) unacknowledged: usize,
    pub(super) since: Option<Moment>,
    pub(super) full: bool,
    /// Up to where everything was looked at, where nothing is unacknowledged.
    pub(super) idle: Option<Position>,
}

impl Live {
    pub(super) fn new(
        cursor: &rows::CursorRow,
        size: WindowSize,
        streams: bool,
    ) -> Result<Self, NodeError> {
        Ok(Self {
            // The epoch goes along: what was sent before somebody chose the place is known by it.
            session: (cursor.epoch << 32) | (chance()? & 0xffff_ffff).max(1),
            ended: CancellationToken::new(),
            epoch: cursor.epoch,
            streams,
            window: Mutex::new(Window::new(cursor.at, size)),
            acknowledged: Notify::new(),
            pace: tokio::sync::Mutex::new(None),
        })
    }

    pub(super) fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn stands(&self) -> Stands {
        let window = self.window();
        Stands {
            streams: self.streams,
            unacknowledged: window.unacknowledged(),
            since: window.since(),
            full: window.room() == 0,
            idle: window.idle(),
        }
    }
}

/// A subscription that is followed. Dropped, somebody else may, and nothing is lost.
#[derive(Debug)]
pub struct Following {
    node: Arc<Node>,
    tag: Tag,
    live: Arc<Live>,
    permit: Permit<act::Subscribe>,
    terms: Terms,
    backlog: u64,
    durable: watch::Receiver<u64>,
    /// Whether it was said that nothing is acknowledged any more.
    told: bool,
}

impl Drop for Following {
    fn drop(&mut self) {
        self.node.outlet.leave(&self.tag, self.live.session);
    }
}

impl Following {
    /// Goes with each acknowledgement.
    pub fn session(&self) -> u64 {
        self.live.session
    }

    /// Cancelled when somebody else follows, or the subscription is moved or removed.
    pub fn ended(&self) -> CancellationToken {
        self.live.ended.clone()
    }

    /// Where it begins.
    pub fn cursor(&self) -> Position {
        self.live.window().acknowledged()
    }

    /// What comes next, as far as the window has room; waits until there is something. Its leaves are
    /// durable then.
    ///
    /// # Errors
    /// [`OutletError::TakenOver`] when somebody else follows; [`OutletError::Read`] when the permissions do
    /// not allow it any more.
    pub async fn next(&mut self) -> Result<Vec<Delivered>, OutletError> {
        loop {
            self.durable.borrow_and_update();
            if self.live.ended.is_cancelled() {
                return Err(OutletError::TakenOver);
            }
            // By the permissions as they are now.
            self.permit = self.node.again(&self.permit)?;
            let (room, bytes) = {
                let window = self.live.window();
                (
                    window.room().min(TOGETHER),
                    window.room_bytes().min(TOGETHER_BYTES),
                )
            };
            if room > 0 {
                let before = self.live.window().looked();
                let room = Room { items: room, bytes };
                let found = self
                    .node
                    .deliver(&self.live, &self.permit, &self.terms, room, self.backlog)
                    .await?;
                // Somebody else came meanwhile: nothing of it could be acknowledged.
                if self.live.ended.is_cancelled() {
                    return Err(OutletError::TakenOver);
                }
                if !found.is_empty() {
                    return Ok(found);
                }
                if self.live.window().looked() != before {
                    self.node.pass_over(&self.tag, &self.live, IDLE).await?;
                    continue;
                }
            }
            self.wait(room == 0).await?;
        }
    }

    /// Waits for something to become durable or acknowledged, or for a while.
    async fn wait(&mut self, full: bool) -> Result<(), OutletError> {
        if full {
            let since = self.live.window().since();
            let patience = self.node.config.outlet.stalled_after();
            let late = since.is_some_and(|since| self.node.now().since(since) > patience);
            if late && !self.told {
                let consumer = self.permit.actor();
                tracing::warn!(
                    %consumer,
                    seconds = patience.as_secs(),
                    "a consumer acknowledges nothing of a subscription; its stream waits, and nothing is lost"
                );
            }
            self.told = late;
        }
        let live = Arc::clone(&self.live);
        tokio::select! {
            changed = self.durable.changed(), if !full => {
                changed.map_err(|_| OutletError::Node(NodeError::Closed))?;
            }
            () = live.acknowledged.notified() => {}
            () = live.ended.cancelled() => return Err(OutletError::TakenOver),
            () = sleep(LOOK) => {}
        }
        Ok(())
    }
}

impl Node {
    /// Begins to follow a subscription from its cursor on. Whoever followed before is cut off.
    ///
    /// # Errors
    /// [`OutletError::Unknown`] when the authority has none of this name.
    pub async fn follow(
        self: &Arc<Self>,
        permit: Permit<act::Subscribe>,
        name: &str,
        size: WindowSize,
    ) -> Result<Following, OutletError> {
        let (tag, terms, cursor) = self.own_subscription(&permit, name).await?;
        let live = Arc::new(Live::new(&cursor, size, true)?);
        self.take_over(&tag, &live)?;
        Ok(Following {
            node: Arc::clone(self),
            tag,
            live,
            permit,
            terms,
            backlog: cursor.backlog,
            durable: self.store.durable(),
            told: false,
        })
    }

    /// Puts somebody in the place of whoever followed before, unless the subscription was moved or removed
    /// since its cursor was read.
    pub(super) fn take_over(&self, tag: &Tag, live: &Arc<Live>) -> Result<(), OutletError> {
        self.outlet.replace(*tag, Some(Arc::clone(live)));
        let cursor = rows::cursor(&self.store, tag);
        if matches!(&cursor, Ok(Some(cursor)) if cursor.epoch == live.epoch) {
            return Ok(());
        }
        self.outlet.leave(tag, live.session);
        cursor.map_err(NodeError::from)?;
        Err(OutletError::TakenOver)
    }

    /// Looks on, and delivers what it finds: in the window once its leaves are durable. A crash in between
    /// leaves leaves for what nobody received; what is delivered comes again.
    pub(super) async fn deliver(
        self: &Arc<Self>,
        live: &Arc<Live>,
        permit: &Permit<act::Subscribe>,
        terms: &Terms,
        room: Room,
        backlog: u64,
    ) -> Result<Vec<Delivered>, OutletError> {
        let from = live.window().looked();
        let (node, by, wanted) = (Arc::clone(self), permit.clone(), terms.clone());
        let mut gathered = blocking(move || node.gather(&by, &wanted, from, None, room)).await?;
        if !gathered.items.is_empty() {
            let warrant = self.gets_at(permit, &gathered.of_backlog(backlog))?;
            let by = By::of(permit).under(warrant.as_ref());
            let shown = gathered.leaves(&by, terms);
            let batch = None;
            self.writer
                .propose(Proposal::Outlet(OutletOrder::Deliver { shown, batch }))
                .await
                .map_err(NodeError::from)?;
        }
        let now = self.now();
        let mut window = live.window();
        for item in &gathered.items {
            window.send(item.at, item.bytes, now);
        }
        window.passed(gathered.looked);
        Ok(gathered.items.into_iter().map(|of| of.delivered).collect())
    }

    /// Moves a cursor over what was looked at and did not match, where it lags that far behind.
    pub(super) async fn pass_over(
        self: &Arc<Self>,
        tag: &Tag,
        live: &Arc<Live>,
        by: u64,
    ) -> Result<(), OutletError> {
        let idle = {
            let window = live.window();
            window
                .idle()
                .filter(|to| window.acknowledged().to(*to) >= by)
        };
        match idle {
            Some(to) => self.move_cursor(tag, to, live.epoch, Some(live)).await,
            None => Ok(()),
        }
    }

    async fn move_cursor(
        self: &Arc<Self>,
        tag: &Tag,
        at: Position,
        epoch: u64,
        live: Option<&Arc<Live>>,
    ) -> Result<(), OutletError> {
        self.writer
            .propose(Proposal::Outlet(OutletOrder::Move {
                tag: *tag,
                at,
                epoch,
            }))
            .await
            .map_err(NodeError::from)?;
        if let Some(live) = live {
            live.window().acknowledge(at);
            live.acknowledged.notify_one();
        }
        Ok(())
    }

    /// Acknowledges everything up to a position. Durable when this answers: a crash before leaves the
    /// cursor where it was, and what was sent comes again.
    ///
    /// # Errors
    /// [`OutletError::NotSent`], [`OutletError::TakenOver`].
    pub async fn acknowledge_delivered(
        self: &Arc<Self>,
        permit: &Permit<act::Subscribe>,
        name: &str,
        position: Position,
        session: u64,
    ) -> Result<Position, OutletError> {
        let (tag, _, cursor) = self.own_subscription(permit, name).await?;
        match self.outlet.live(&tag) {
            // Said before; the answer did not arrive, and it is said again.
            Some(live) if live.session != session && position.is_within(cursor.at) => {}
            Some(live) if live.session != session => return Err(OutletError::TakenOver),
            Some(live) => {
                let mut pace = live.pace.lock().await;
                if let Some(next) = *pace {
                    sleep_until(next).await;
                }
                let to = live.window().would_acknowledge(position)?;
                if let Some(to) = to {
                    self.move_cursor(&tag, to, live.epoch, Some(&live)).await?;
                    *pace = Some(Instant::now() + PACE);
                }
            }
            // Somebody chose another place since it was sent.
            None if session >> 32 != cursor.epoch & 0xffff_ffff => {
                return Err(OutletError::TakenOver);
            }
            // The node started again since it was sent, or the stream ended.
            None if position.is_within(cursor.at) => {}
            None => {
                if !position.is_within(self.outlet_end()?) {
                    return Err(crate::feed::subscription::AckFault.into());
                }
                self.move_cursor(&tag, position, cursor.epoch, None).await?;
            }
        }
        let cursor = rows::cursor(&self.store, &tag).map_err(NodeError::from)?;
        Ok(cursor.ok_or(OutletError::Unknown)?.at)
    }
}
