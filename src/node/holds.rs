//! Legal holds: what is held is not shredded, whoever asks for it.

use std::sync::Arc;

use crate::{
    access::{Permit, act},
    inbox::life_rows,
    ledger::Shown,
    record::Reference,
    wire::node::Hold,
};

use super::{
    Node, NodeError,
    read::{ReadError, blocking},
    rules::{Proposal, Refusal},
};

/// Longest ground, in characters.
const MAX_GROUND_CHARS: usize = 500;
/// Holds listed at most.
const MAX_HOLDS: usize = 1000;

/// Why a hold is not set or released.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    /// The record.
    #[error(transparent)]
    Record(#[from] ReadError),
    /// No ground, or one too long.
    #[error("a legal ground has 1 to {MAX_GROUND_CHARS} characters on one line")]
    Ground,
    /// The record is not in the state for it.
    #[error("{reference} is {why}")]
    State {
        /// Which.
        reference: Reference,
        /// What it is.
        why: &'static str,
    },
}

impl From<NodeError> for HoldError {
    fn from(error: NodeError) -> Self {
        Self::Record(error.into())
    }
}

impl Node {
    /// Sets a legal hold, or releases it when `ground` is `None`. Durable when this answers.
    ///
    /// # Errors
    /// [`HoldError`]; nothing changed then.
    pub async fn hold(
        self: &Arc<Self>,
        reference: Reference,
        ground: Option<String>,
        permit: Permit<act::Hold>,
    ) -> Result<(), HoldError> {
        if let Some(ground) = &ground {
            let chars = ground.chars().count();
            let plain = !ground.chars().any(char::is_control);
            if ground.trim().is_empty() || chars > MAX_GROUND_CHARS || !plain {
                return Err(HoldError::Ground);
            }
        }
        let number = self.find(&reference)?;
        self.reached_number(&permit, &reference, number)?;
        // Not while slots are being erased.
        let _alone = self.life_change.lock().await;
        let digest = self.header_digest(number)?;
        let proposed = self
            .writer
            .propose(Proposal::Hold {
                number,
                digest,
                reference: reference.to_string(),
                ground,
                actor: permit.actor(),
            })
            .await
            .map_err(NodeError::from);
        match proposed {
            Err(NodeError::Refused(Refusal::Life(why))) => Err(HoldError::State { reference, why }),
            other => {
                other?;
                Ok(())
            }
        }
    }

    /// The holds that stand. The leaf is durable before this answers.
    ///
    /// # Errors
    /// [`NodeError`] when the store cannot be read.
    pub async fn holds(
        self: &Arc<Self>,
        permit: Permit<act::Hold>,
    ) -> Result<Vec<Hold>, ReadError> {
        let (node, by) = (Arc::clone(self), permit.clone());
        let (holds, shown) = blocking(move || {
            let mut seen = Vec::new();
            for (number, row) in life_rows::held(&node.store, MAX_HOLDS)? {
                if by.reach(&node.subject_of_held(number)?).is_allowed() {
                    seen.push((number, row));
                }
            }
            let mut shown = Vec::new();
            let holds = seen
                .into_iter()
                .map(|(number, row)| {
                    let stored = node.held(number)?;
                    shown.push((number, stored.digest.to_vec()));
                    let place = crate::store::Place::from_bytes(&row.hold_place)
                        .ok_or(crate::entry::EntryError::Field("hold_place"))?;
                    let set = crate::entry::Entry::decode(&node.store.body(place)?)?;
                    Ok(Hold {
                        reference: node.reference_of(&stored)?.to_string(),
                        ground: node.hold_ground(&row)?,
                        since_us: set.time.micros(),
                        locked: row.whole.is_some(),
                    })
                })
                .collect::<Result<Vec<_>, NodeError>>()?;
            Ok((holds, Shown::of(shown)))
        })
        .await?;
        self.listed(&permit, "listed", shown).await?;
        Ok(holds)
    }
}
