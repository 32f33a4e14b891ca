//! Incarnations of a peer: which one it may come under, and under which its lanes run.

use super::{HelloFault, Incarnation};
use crate::{record::Country, wire::link::Hello};

/// An incarnation as the root of its country signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Life {
    /// Number of the renewal.
    pub number: u64,
    /// The incarnation.
    pub incarnation: Incarnation,
    /// Those given up for it and before, oldest first.
    pub retired: Vec<Incarnation>,
}

/// What is known of a peer's incarnations.
#[derive(Clone, Copy, Debug, Default)]
pub struct PeerLives<'a> {
    /// Under which it sent last; `None` before its first record.
    pub last: Option<Incarnation>,
    /// The newest renewal that was accepted; `None` while it was never restored.
    pub renewed: Option<&'a Life>,
    /// The renewal that its Hello carries, its signature verified.
    pub offered: Option<&'a Life>,
}

impl<'a> PeerLives<'a> {
    /// Whether the peer may come under the incarnation that it names; the renewal under which it
    /// does, and whether that is news.
    ///
    /// # Errors
    /// [`HelloFault::PeerRetired`], [`HelloFault::PeerUnrenewed`].
    pub(super) fn judge(
        &self,
        country: Country,
        said: Incarnation,
    ) -> Result<(Option<&'a Life>, bool), HelloFault> {
        let known = self.renewed.map_or(0, |life| life.number);
        if let Some(life) = self.renewed.filter(|life| life.incarnation == said) {
            return Ok((Some(life), false));
        }
        let offered = self.offered.filter(|life| life.incarnation == said);
        if let Some(life) = offered.filter(|life| life.number > known) {
            return Ok((Some(life), true));
        }
        if self
            .renewed
            .is_some_and(|life| life.retired.contains(&said))
        {
            return Err(HelloFault::PeerRetired {
                country,
                incarnation: said,
            });
        }
        if self.renewed.is_none() && self.last.is_none_or(|last| last == said) {
            return Ok((None, false));
        }
        Err(HelloFault::PeerUnrenewed {
            country,
            incarnation: said,
            number: known,
        })
    }

    /// Under which incarnation the lanes of a peer run that says this Hello: the one it names, or
    /// one it gave up, while something of that is still open.
    pub fn lanes(&self, hello: &Hello) -> Incarnation {
        let said = Incarnation::try_from(hello.incarnation.as_slice()).unwrap_or_default();
        let Some(first) = hello.receipts_durable.first() else {
            return said;
        };
        let alike = hello
            .receipts_durable
            .iter()
            .all(|state| state.incarnation == first.incarnation);
        let Ok(stated) = Incarnation::try_from(first.incarnation.as_slice()) else {
            return said;
        };
        let gave_up = [self.renewed, self.offered]
            .into_iter()
            .flatten()
            .any(|life| life.incarnation == said && life.retired.contains(&stated));
        if alike && gave_up { stated } else { said }
    }
}
