//! One key after another while the node runs: a card that was issued again is taken up from the home,
//! goes to the peers, and a sealing key that it replaced is destroyed once nothing can be under way to
//! it any more.
//!
//! A peer said that it holds the newer card in its Hello, in a Mark, or by sealing to the new key. From
//! then on it wraps for the new key alone, and what it wrapped before in the same session opens with
//! the epoch that is in memory. When every peer said so, or the configured time is over, the old key's
//! file is destroyed; what is wrapped for it after that is refused with BYE_REASON_SEALING_KEY, and the
//! peer wraps again in its next session.

use std::{
    sync::{Arc, Weak},
    time::{Duration, SystemTime},
};

use crate::{card::TrustedCard, home::HomeError, record::Moment};

use super::{Node, NodeError, read::blocking};

/// How often the node looks whether an old key can go.
const LOOK: Duration = Duration::from_secs(2);

/// Why a card in the home is not taken up while the node runs.
#[derive(Debug, thiserror::Error)]
pub enum SuccessionError {
    /// It cannot be read, or its sealing key not be found.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// It is another country's or root's, or names another incarnation or signing key.
    #[error("version {0} of the own card changes more than a running node takes up; restart it")]
    NeedsRestart(u64),
}

impl Node {
    /// Takes up the own card when it was issued again, and the sealing keys with it; every session
    /// sends it on. Answers whether there was a newer one.
    ///
    /// # Errors
    /// [`SuccessionError`]; the card before stays in force.
    pub fn take_up_own_card(&self) -> Result<bool, SuccessionError> {
        let file = &self.own_card_file;
        let (held, card) = (self.own_card(), file.card()?);
        if card.version <= held.version {
            return Ok(false);
        }
        if !self.may_follow(&held, &card) {
            return Err(SuccessionError::NeedsRestart(card.version));
        }
        // The key before the card: nobody can seal to a key that is not held.
        let secrets = file.sealing_secrets(&card)?;
        self.keys.sealing.store(Arc::new(secrets));
        tracing::info!(
            version = card.version,
            "the own card's newer version was taken up"
        );
        self.own_card.store(Arc::new(card));
        self.links.wake_all();
        Ok(true)
    }

    /// What tells whether the own card was issued again.
    pub fn own_card_stamp(&self) -> Option<(SystemTime, u64)> {
        self.own_card_file.stamp()
    }

    fn may_follow(&self, held: &TrustedCard, card: &TrustedCard) -> bool {
        let signs = card
            .signing_key(self.keys.signing.public().id())
            .is_some_and(|vouched| vouched.retired.is_none());
        signs
            && card.country == held.country
            && card.root_key == held.root_key
            && card.ledger_origin == held.ledger_origin
            && card.renewal == held.renewal
    }

    /// Destroys replaced sealing keys that nothing can be under way to. Answers how many.
    ///
    /// # Errors
    /// [`NodeError::Home`] when a file cannot be destroyed; the key stays in use then.
    fn retire_sealing_keys(&self) -> Result<usize, NodeError> {
        let file = &self.own_card_file;
        let replaced = file.replaced()?;
        if replaced.is_empty() {
            return Ok(0);
        }
        let card = self.own_card();
        let heard = |peer| self.links.card_held(peer) >= card.version;
        let until = if self.book.load().iter().all(|peer| heard(peer.country)) {
            // What a rotation is replacing at this moment waits for the card that it issues.
            card.issued_at
        } else {
            let overlap = self.config.keys.sealing_overlap();
            let overlap = i64::try_from(overlap.as_micros()).unwrap_or(i64::MAX);
            let over = Moment::from_micros(self.now().micros().saturating_sub(overlap));
            over.min(card.issued_at)
        };
        let gone = file.destroy_replaced(until)?;
        if gone > 0 {
            self.keys
                .sealing
                .store(Arc::new(file.sealing_secrets(&card)?));
            tracing::info!(gone, "replaced sealing keys were destroyed");
        }
        Ok(gone)
    }
}

/// Looks after replaced sealing keys, as long as the node is there.
pub(super) async fn run(node: Weak<Node>) {
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(node) = node.upgrade() else { return };
        if let Err(error) = blocking(move || node.retire_sealing_keys()).await {
            tracing::error!(%error, "a replaced sealing key could not be destroyed");
        }
    }
}
