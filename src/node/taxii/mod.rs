//! TAXII's collections: records come onto their shelves in the background, pages are read from there,
//! and objects are taken in.
//!
//! A shelf says which objects a record has and not what they say; that is worked out of the record each
//! time, for who asks. So a record that is locked is gone from every page at once, and comes once more
//! as revoked.

mod give;
mod intake;
mod page;
pub mod rows;
mod shelf;

pub use self::{
    intake::{IntakeFault, TakenIn},
    page::{TaxiiEntry, TaxiiPage, Wanted},
    shelf::shelve,
};

use crate::{
    access::{Action, Caller, Principal, PrincipalKind, Purpose},
    crypto::IndexKey,
    feed::taxii::Collection,
    inbox::HoldingError,
    wire::record::CompartmentLabel,
};

use super::{Node, NodeError};

/// Name under which attempts with tokens that do not count are summed up.
const UNKNOWN: &str = "unknown-token";

/// What was found of a record; nothing where the record itself cannot be read, so that it hides no other.
/// What is locked or gone comes again as revoked.
fn of_one<T: Default>(number: u64, found: Result<T, NodeError>) -> Result<T, NodeError> {
    let error = match found {
        Err(error) if error.is_damage() => error,
        Err(NodeError::Holding(HoldingError::Locked(_) | HoldingError::Keys)) => {
            return Ok(T::default());
        }
        Err(NodeError::Holding(HoldingError::Store(error))) => {
            return Err(HoldingError::Store(error).into());
        }
        Err(error @ (NodeError::Holding(_) | NodeError::Entry(_))) => error,
        other => return other,
    };
    tracing::warn!(number, %error, "a damaged record is in no collection of TAXII");
    Ok(T::default())
}

impl Node {
    /// The key of the tokens of next pages.
    pub fn taxii_key(&self) -> &IndexKey {
        &self.keys.index
    }

    /// Whether a collection gives objects: one that shows more than situations needs a purpose and a case
    /// in the configuration. Which objects it gives, the permissions decide for each record.
    pub fn taxii_gives(&self, collection: Collection) -> bool {
        collection.gives() && (!collection.is_entitled() || self.taxii_purpose().is_some())
    }

    /// Up to which local number records were looked at for the collections.
    ///
    /// # Errors
    /// [`NodeError`] when the store cannot be read.
    pub fn taxii_shelved(&self) -> Result<u64, NodeError> {
        Ok(rows::shelved(&self.store)?)
    }

    /// Why objects leave; `None` where nothing is configured.
    fn taxii_purpose(&self) -> Option<Purpose> {
        self.config.taxii.purpose()
    }

    /// Counts that somebody tried a token that is none. Nobody is known by it: the ledger has the address,
    /// under a name that no certificate has.
    pub fn taxii_refused(&self, from: &str) {
        let Ok(principal) = Principal::new(self.country, PrincipalKind::CaseSystem, UNKNOWN) else {
            return;
        };
        let caller = Caller {
            principal,
            from: from.to_owned(),
        };
        let why = "a token for TAXII that does not count".to_owned();
        self.refusals.note(&caller, Action::Export, why, None);
    }

    /// Labels that a page of a collection may show.
    fn taxii_labels(collection: Collection) -> Vec<CompartmentLabel> {
        let mut labels = vec![CompartmentLabel::Situation];
        if collection.is_entitled() {
            labels.push(collection.label());
        }
        labels
    }
}
