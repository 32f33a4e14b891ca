//! What this country passed on, and what became of each original since. A new reader hears of an
//! amendment only when that is passed on too; nobody else knows that it has the old text.

use std::sync::Arc;

use crate::{
    access::{Permit, act},
    inbox::{StoredRecord, ask, consents},
    ledger::Shown,
    wire::node::{PassedOnRecord, RecordState},
};

use super::{
    super::{Node, NodeError, read::ReadError, read::blocking},
    PASSED_ON_PAGE,
};

/// Records listed at most.
const MAX_LISTED: usize = 500;

impl Node {
    /// The newest records that were passed on. The leaf is durable before this answers.
    ///
    /// # Errors
    /// [`ReadError`] when the store cannot be read.
    pub async fn passed_on_list(
        self: &Arc<Self>,
        permit: Permit<act::List>,
    ) -> Result<Vec<PassedOnRecord>, ReadError> {
        let (node, by) = (Arc::clone(self), permit.clone());
        let list = blocking(move || {
            let mut rows = Vec::new();
            let mut after = None;
            loop {
                let page = consents::passed_on(&node.store, after.as_ref(), PASSED_ON_PAGE)?;
                let Some(last) = page.last() else {
                    break;
                };
                after = Some(*last);
                rows.extend(page);
                rows.sort_unstable_by_key(|(_, number)| std::cmp::Reverse(*number));
                rows.truncate(MAX_LISTED);
            }
            let mut list = Vec::with_capacity(rows.len());
            for (original, number) in rows {
                if let Some(held) = ask::by_digest(&node.store, &original)?
                    && by.sees(&node.subject_of_held(number)?)
                {
                    let shown = (held, original.to_vec());
                    list.push((node.passed_on_record(held, &node.stored(number)?)?, shown));
                }
            }
            Ok(list)
        });
        let list = list.await?;
        let (list, shown): (Vec<_>, Vec<_>) = list.into_iter().unzip();
        self.listed(&permit, "listed", Shown::of(shown)).await?;
        Ok(list)
    }

    fn passed_on_record(&self, held: u64, own: &StoredRecord) -> Result<PassedOnRecord, NodeError> {
        let original = self.stored(held)?;
        let state = self.state(&original)?;
        let newest = match state {
            RecordState::Amended => Self::newest(&self.versions(held)?),
            _ => None,
        };
        let newest = match newest {
            Some(number) => {
                let newest = self.stored(number)?;
                let passed_on = consents::passing_on(&self.store, &newest.digest, 1)?;
                match passed_on.is_empty() && newest.locked().is_none() {
                    true => self.reference_of(&newest)?.to_string(),
                    false => String::new(),
                }
            }
            None => String::new(),
        };
        Ok(PassedOnRecord {
            reference: self.reference_of(own)?.to_string(),
            original: self.reference_of(&original)?.to_string(),
            origin: original.holding.origin.clone(),
            readers: own.outbox.iter().map(|place| place.peer.clone()).collect(),
            state: state.into(),
            newest,
            recalled: own.locked().is_some(),
        })
    }

    /// Says that amendments of what was passed on arrived, in the log: who passed it on has to pass
    /// them on. `comity onward --list` names them.
    pub(in crate::node) fn tell_of_amended(&self, amended: &[crate::crypto::Digest]) {
        for original in amended {
            match consents::passing_on(&self.store, original, MAX_LISTED) {
                Ok(rows) if !rows.is_empty() => tracing::warn!(
                    readers = rows.len(),
                    "a record that was passed on is amended; its new readers have the old text until the amendment is passed on (`comity onward --list`)"
                ),
                Ok(_) => {}
                Err(error) => tracing::error!(%error, "what was passed on cannot be looked up"),
            }
        }
    }
}
