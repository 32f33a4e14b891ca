//! The clocks of requests at this node: when they are looked at, what is told of them, and what lists
//! and screens show.
//!
//! Nothing of a clock is stored but when its request is looked at next, the earliest end, and what was
//! told already; the rest follows from the thread. A round opens the requests that are due to be looked
//! at. What is told is told only by a clock that the peers confirm: a clock that jumped makes nobody
//! late. A crash between any two steps leaves the request to be looked at again.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use crate::{
    entry::Told,
    evidence::terms::{self, Alert, Clock, Extension, State, limit_words},
    inbox::{HoldingError, clocks, clocks::Look, followers},
    record::Moment,
    replication::lanes,
    wire::node::{EvidenceCase, EvidenceClock, EvidenceClockState, EvidenceDue},
};

use super::{
    super::{
        Node, NodeError,
        life::Item,
        read::blocking,
        rules::{ClocksOrder, Proposal, TellOrder},
    },
    list::{case_of, side},
    request_of,
    thread::Thread,
};

/// Requests opened in a round at most.
const ROUND: usize = 512;
/// Rows read at a time.
const PAGE: usize = 1024;
/// Requests counted at most.
const MAX_COUNTED: usize = 10_000;

/// Number of a level.
const fn level(alert: Alert) -> u32 {
    match alert {
        Alert::Warning => 1,
        Alert::Late => 2,
        Alert::StillLate => 3,
    }
}

impl Thread {
    /// Its clocks; none where the profile that came with it cannot be read.
    pub(in crate::node) fn clocks(&self, now: Moment) -> Vec<Clock> {
        let counted = self.matter.counted.as_deref();
        counted.map_or_else(Vec::new, |of| {
            terms::clocks(&of.terms, &of.case, &self.case.history, now).clocks
        })
    }

    /// The place of a clock in the profile.
    fn place(&self, id: &str) -> Option<u32> {
        let counted = self.matter.counted.as_deref()?;
        let mut clocks = counted.terms.profile.clocks.iter();
        u32::try_from(clocks.position(|rule| rule.id == id)?).ok()
    }
}

impl Node {
    /// One round: looks at the clocks that are due, and tells of them.
    ///
    /// # Errors
    /// [`NodeError`] when something failed; it stays due.
    pub(in crate::node) async fn tend_clocks(self: &Arc<Self>) -> Result<(), NodeError> {
        let node = Arc::clone(self);
        let mut due = blocking(move || node.clocks_to_look_at()).await?;
        if due.is_empty() {
            return Ok(());
        }
        let timed = due.iter().any(|look| look.at_us > 0);
        let confirmed = !timed || self.clock_counts().await;
        if !confirmed {
            // What changed is worked out; nobody is told.
            due.retain(|look| look.at_us == 0);
        }
        let node = Arc::clone(self);
        let worked_out = blocking(move || {
            let worked_out = due.into_iter().map(|look| {
                let number = look.number;
                (number, node.clocks_order(number, confirmed))
            });
            Ok(worked_out.collect::<Vec<_>>())
        });
        let mut orders = Vec::new();
        for (number, order) in worked_out.await? {
            match order {
                Ok(order) => orders.push(order),
                Err(error) => self.not_done(Item::Clocks(number), &error).await,
            }
        }
        let late = orders
            .iter()
            .filter(|order| order.tell.iter().any(|of| of.level > 1))
            .count();
        if late > 0 {
            tracing::warn!(
                requests = late,
                "a clock of an evidence request is late; `comity evidence list --overdue` names the requests"
            );
        }
        let refused = self.propose_some(orders, Proposal::Clocks).await?;
        for (order, error) in refused {
            self.not_done(Item::Clocks(order.number), &error).await;
        }
        Ok(())
    }

    /// Requests whose clocks are to be looked at now.
    fn clocks_to_look_at(&self) -> Result<Vec<Look>, NodeError> {
        let (now, clock) = (self.now().micros(), Instant::now());
        let mut due = Vec::new();
        if self.receipts_came.swap(false, Ordering::AcqRel) {
            due = self.arrived()?;
        }
        let mut after = None;
        while due.len() < ROUND {
            let page = clocks::due(&self.store, after, now, PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some(*last);
            let awake = |look: &Look| !self.resting.rests(&Item::Clocks(look.number), clock);
            due.extend(page.into_iter().filter(awake));
        }
        due.truncate(ROUND);
        Ok(due)
    }

    /// Own requests on their way that have their receipt by now.
    fn arrived(&self) -> Result<Vec<Look>, NodeError> {
        let mut receipted = HashMap::new();
        let mut arrived = Vec::new();
        let mut after = 0;
        loop {
            let page = clocks::on_their_way(&self.store, after, PAGE)?;
            let Some(last) = page.last() else { break };
            after = last.number;
            for one in page {
                let reached = match receipted.get(&one.lane) {
                    Some(reached) => *reached,
                    None => {
                        let reached = lanes::outgoing(&self.store, &one.lane)?.receipted;
                        receipted.insert(one.lane, reached);
                        reached
                    }
                };
                if one.sequence <= reached {
                    arrived.push(Look {
                        at_us: 0,
                        number: one.number,
                    });
                }
            }
            if arrived.len() >= ROUND {
                // The others are found by the next round.
                self.receipts_came.store(true, Ordering::Release);
                break;
            }
        }
        Ok(arrived)
    }

    /// Works the clocks of a request out, and what is to be told of them now.
    fn clocks_order(&self, number: u64, confirmed: bool) -> Result<ClocksOrder, NodeError> {
        let thread = match self.evidence_thread(number) {
            Ok(thread) => thread,
            // Locked, erased, or damaged: nothing is asked of anybody any more.
            Err(NodeError::Holding(
                HoldingError::Locked(_)
                | HoldingError::Keys
                | HoldingError::Open(_)
                | HoldingError::Content(_)
                | HoldingError::Envelope,
            )) => None,
            Err(error) => return Err(error),
        };
        let Some(thread) = thread else {
            let held = self.held(number)?;
            return Ok(ClocksOrder {
                number,
                digest: held.digest,
                reference: String::new(),
                followers: followers::count(&self.store, &held.digest)?,
                tell: Vec::new(),
                look_us: 0,
                due_us: 0,
                delivered: true,
            });
        };
        let row = clocks::of(&self.store, number)?.unwrap_or_default();
        let now = self.now();
        let mut order = ClocksOrder {
            number,
            digest: thread.stored.digest,
            reference: thread.record.reference.clone(),
            followers: thread.followers,
            tell: Vec::new(),
            look_us: 0,
            due_us: 0,
            delivered: thread.delivered_us != 0 || thread.not_delivered.is_some(),
        };
        let mut next: Option<i64> = None;
        let mut look = |at: Moment| {
            let at = at.micros().max(1);
            next = Some(next.map_or(at, |next| next.min(at)));
        };
        for clock in thread.clocks(now) {
            let Some(place) = thread.place(&clock.id) else {
                continue;
            };
            if let Some(resumes) = clock.resumes_at.filter(|at| *at > now) {
                look(resumes);
            }
            if let (State::Running | State::Late { .. }, Some(due)) = (clock.state, clock.due) {
                let due = due.micros().max(1);
                order.due_us = match order.due_us {
                    0 => due,
                    earliest => earliest.min(due),
                };
            }
            let told = clocks::told(&row, place, clock.round);
            let alerts = clock.alerts();
            let late = alerts
                .iter()
                .any(|(alert, at)| *alert == Alert::Late && *at <= now);
            for (alert, at) in alerts {
                // Once it is late nobody is warned any more.
                if level(alert) <= told || (late && alert == Alert::Warning) {
                    continue;
                }
                if at <= now && confirmed {
                    order.tell.push(TellOrder {
                        clock: place,
                        id: clock.id.clone(),
                        round: clock.round,
                        level: level(alert),
                        due_us: clock.due.map_or(0, Moment::micros),
                    });
                } else {
                    look(at);
                }
            }
        }
        order.look_us = next.unwrap_or(0);
        Ok(order)
    }

    /// A request with its clocks, as lists and screens show it.
    pub(super) fn case_with_clocks(&self, thread: &Thread) -> Result<EvidenceCase, NodeError> {
        let now = self.now();
        let row = clocks::of(&self.store, thread.stored.holding.number)?.unwrap_or_default();
        let zone = thread.matter.counted.as_deref();
        let local = |at: Option<Moment>| match (zone, at) {
            (Some(counted), Some(at)) => counted.terms.calendar.local(at),
            _ => String::new(),
        };
        let clocks = thread.clocks(now).into_iter().map(|clock| {
            let place = thread.place(&clock.id);
            let told = |level: u32| {
                let of = |of: &&Told| {
                    Some(of.clock) == place && of.round == clock.round && of.level == level
                };
                row.told.iter().find(of).map_or(0, |of| of.at_us)
            };
            EvidenceClock {
                due_local: local(clock.due),
                warned_us: told(1),
                escalated_us: told(2),
                escalated_again_us: told(3),
                ..clock_view(&clock)
            }
        });
        let request = request_of(&thread.record);
        let notices = self.terms_notices(
            thread.matter.issuing.country,
            thread.matter.executing.country,
            request.map_or("", |request| &request.profile),
            request.and_then(|request| request.terms.as_ref()),
        );
        Ok(EvidenceCase {
            clocks: clocks.collect(),
            terms_notices: notices,
            ..case_of(thread)
        })
    }

    /// How many requests have a clock that runs, and how many of them are late.
    pub(in crate::node) fn evidence_due(&self) -> Result<EvidenceDue, NodeError> {
        let now = self.now().micros();
        let rows = clocks::running(&self.store, None, MAX_COUNTED)?;
        let late = |look: &&Look| look.at_us < now;
        let count = |of: usize| u64::try_from(of).unwrap_or(u64::MAX);
        Ok(EvidenceDue {
            running: count(rows.len()),
            overdue: count(rows.iter().filter(late).count()),
            // They come by time: the first is the oldest.
            oldest_us: rows.first().filter(late).map_or(0, |look| look.at_us),
            more: rows.len() >= MAX_COUNTED,
        })
    }
}

/// A clock on the wire.
fn clock_view(clock: &Clock) -> EvidenceClock {
    let us = |at: Option<Moment>| at.map_or(0, Moment::micros);
    let (state, since, late) = match clock.state {
        State::NotStarted => (EvidenceClockState::NotStarted, None, false),
        State::Running => (EvidenceClockState::Running, clock.started, false),
        State::Paused { since } => (EvidenceClockState::Paused, Some(since), false),
        State::Late { since } => (EvidenceClockState::Late, Some(since), true),
        State::Met { at, late } => (EvidenceClockState::Met, Some(at), late),
        State::Stopped { at, late } => (EvidenceClockState::Stopped, Some(at), late),
    };
    let (at_most, days, refused) = match &clock.extension {
        Extension::Allowed { at_most, days } => (Some(*at_most), *days, String::new()),
        Extension::Refused(fault) => (None, 0, fault.to_string()),
    };
    EvidenceClock {
        id: clock.id.clone(),
        goal: clock.goal.into(),
        obliged: side(clock.obliged).into(),
        limit: limit_words(clock.limit),
        source: clock.source.clone(),
        state: state.into(),
        since_us: us(since),
        late,
        started_us: us(clock.started),
        first_due_us: us(clock.first_due),
        due_us: us(clock.due),
        stood_still_s: clock.stood_still.as_secs(),
        extensions: u32::try_from(clock.granted.len()).unwrap_or(u32::MAX),
        extendable_until_us: us(at_most),
        extension_days_left: days,
        extension_refused: refused,
        expected_us: us(clock.expected),
        warn_us: us(clock.warn_at),
        again_us: us(clock.again_at),
        round: clock.round,
        ..EvidenceClock::default()
    }
}
