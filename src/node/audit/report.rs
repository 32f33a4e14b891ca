//! A time summed up for a supervisor, from the leaves of that time alone, with the checkpoints that
//! prove them.

mod findings;
mod tally;

use std::{ops::Range, sync::Arc};

use crate::{
    access::{Permit, act},
    ledger::{
        Checkpoint,
        checkpoint::{self, CheckpointError},
        rows, seen,
    },
    wire::node::{AuditReport, MakeReportRequest, ReportMeasures},
};

use super::{
    super::{Node, NodeError, read::blocking},
    acts::{ActsError, looked},
};

use tally::Tally;

impl Node {
    /// Sums up a time. The look is a leaf before this answers; one
    /// report is made at a time.
    ///
    /// # Errors
    /// [`ActsError`] when the time is none, another report is being made, the node must not sign
    /// checkpoints now, or the store cannot be read.
    pub async fn report(
        self: &Arc<Self>,
        permit: &Permit<act::SeeLedger>,
        asked: &MakeReportRequest,
    ) -> Result<AuditReport, ActsError> {
        let from_us = self.local_midnight(asked.from_us, asked.from_local_day);
        let to_us = self.local_midnight(asked.to_us, asked.to_local_day);
        if to_us <= from_us {
            return Err(ActsError::Time);
        }
        let _alone = self.reporting.try_lock().map_err(|_| ActsError::Busy)?;
        let node = Arc::clone(self);
        let report = blocking(move || node.summed_up(from_us..to_us)).await?;
        self.audited(looked(permit, "audit-report")).await?;
        Ok(AuditReport {
            made_for: permit.actor(),
            ..report
        })
    }

    fn summed_up(&self, time: Range<i64>) -> Result<AuditReport, NodeError> {
        let size = self.ledger_size()?;
        let log = &self.config.reading_log;
        let measures = ReportMeasures {
            utc_offset_minutes: log.utc_offset_minutes,
            day_begins_h: u32::try_from(log.day_begins_h).unwrap_or(0),
            day_ends_h: u32::try_from(log.day_ends_h).unwrap_or(24),
            many_in_an_hour: log.many_in_an_hour,
            refused_in_an_hour: log.refused_in_an_hour,
        };
        let mut tally = Tally::new(measures, self.register());
        let mut bounds: Option<(u64, u64)> = None;
        let (mut leaves, mut bodies_gone) = (0_u64, 0_u64);
        for range in seen::between(&self.store, size, time.start, time.end)? {
            for leaf in range {
                let Some(body) = self.body_of(leaf)? else {
                    // It has no time of its own any more; the leaves beside it do.
                    bodies_gone = bodies_gone.saturating_add(1);
                    continue;
                };
                if !time.contains(&body.time_us) {
                    continue;
                }
                leaves = leaves.saturating_add(1);
                let (first, last) = bounds.unwrap_or((leaf, leaf));
                bounds = Some((first.min(leaf), last.max(leaf)));
                tally.take(leaf, &body);
            }
        }
        let (first, last) = bounds.unwrap_or((size, size.saturating_sub(1)));
        let end = last.saturating_add(1).min(size);
        let report = AuditReport {
            country: self.country.code().to_owned(),
            from_us: time.start,
            to_us: time.end,
            made_us: self.now().micros(),
            begin_checkpoint: match first {
                0 => String::new(),
                first => self.checkpoint_at(first)?.1,
            },
            end_checkpoint: self.checkpoint_at(end)?.1,
            consistency: match first {
                0 => Vec::new(),
                first => self.consistency_path(first, end)?,
            },
            leaves,
            bodies_gone,
            ..AuditReport::default()
        };
        Ok(tally.into_report(report))
    }

    /// The checkpoint of the first `size` leaves, signed now.
    ///
    /// # Errors
    /// [`NodeError::Fenced`] or [`NodeError::Asking`] when the node must not sign; [`NodeError`] when
    /// hashes are missing.
    pub(super) fn checkpoint_at(&self, size: u64) -> Result<(Checkpoint, String), NodeError> {
        if self.is_fenced() {
            return Err(NodeError::Fenced);
        }
        if !self.start_is_checked() {
            return Err(NodeError::Asking);
        }
        let checkpoint = Checkpoint {
            origin: self.own_card().ledger_origin.clone(),
            size,
            root: rows::root(&self.store, size)?,
        };
        let note = checkpoint::sign(&checkpoint, &checkpoint.origin, &*self.keys.signing).map_err(
            |error| match error {
                CheckpointError::Signer(fault) => NodeError::from(fault),
                error => {
                    tracing::error!(%error, "the checkpoint cannot be signed");
                    NodeError::Task
                }
            },
        )?;
        Ok((checkpoint, note))
    }
}
