//! The permissions in force: the table that the ledger has last. What somebody writes into the home
//! counts for a node's first start, and for nothing afterwards.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::{
    access::{ApprovalId, Permit, Table, act, changes},
    crypto::Digest,
    entry::{ApprovalKind, ApprovalOrder, EntryError},
    record::Moment,
    store::{Store, Writer},
};

use super::super::{
    Node, NodeError,
    approvals::{ApprovalError, Asked, order_of},
    projection,
    purpose::check_purpose,
    rules::{By, NodeRules, Proposal, Refusal, TableOrder},
};

/// A table in force, and since when.
#[derive(Debug)]
pub struct Standing {
    /// The table.
    pub table: Arc<Table>,
    /// The same as access.toml.
    pub text: String,
    /// SHA-256 of the text.
    pub digest: Digest,
    /// Since when.
    pub since: Moment,
    /// The approval that put it in force; `None` for the first, or where none was needed.
    pub approval: Option<ApprovalId>,
}

impl Standing {
    fn read(store: &Store) -> Result<Option<Self>, NodeError> {
        let Some((since, changed, text)) = projection::permissions(store)? else {
            return Ok(None);
        };
        let digest = Digest::try_from(changed.digest.as_slice())
            .map_err(|_| EntryError::Field("access digest"))?;
        Ok(Some(Self {
            table: Arc::new(Table::read(&text)?),
            text,
            digest,
            since,
            approval: changed.approval.as_slice().try_into().ok(),
        }))
    }
}

/// The permissions in force.
#[derive(Debug)]
pub(crate) struct InForce {
    standing: ArcSwap<Standing>,
    /// The home's access.toml as it was at the start: its table, or what is wrong with it.
    file: Option<Result<Table, String>>,
}

impl InForce {
    /// Checks an access.toml that is to count.
    ///
    /// # Errors
    /// [`NodeError::Access`] names line and field.
    pub(in crate::node) fn check(file: Option<&str>) -> Result<(), NodeError> {
        file.map_or(Ok(()), |text| Ok(Table::read(text).map(drop)?))
    }

    /// The table that the ledger has; where it has none yet, the home's or the built-in one, made
    /// durable before it counts.
    pub(in crate::node) async fn begin(
        store: &Store,
        writer: &Writer<NodeRules>,
        file: Option<String>,
    ) -> Result<Self, NodeError> {
        if Standing::read(store)?.is_none() {
            let text = file.clone().unwrap_or_else(|| Table::default().to_toml());
            let order = TableOrder {
                digest: Digest::of(text.as_bytes()),
                text,
                base: None,
                approval: None,
                actor: None,
            };
            writer
                .propose(Proposal::AccessTable(Box::new(order)))
                .await?;
        }
        let standing = Standing::read(store)?.ok_or(EntryError::Field("access_changed"))?;
        let file = file.map(|text| Table::read(&text).map_err(|fault| fault.to_string()));
        let in_force = Self {
            standing: ArcSwap::from_pointee(standing),
            file,
        };
        if let Some(note) = in_force.note() {
            tracing::warn!("{note}");
        }
        Ok(in_force)
    }

    /// The table.
    pub(in crate::node) fn table(&self) -> Arc<Table> {
        Arc::clone(&self.standing.load().table)
    }

    /// The table, and since when.
    pub(crate) fn standing(&self) -> Arc<Standing> {
        self.standing.load_full()
    }

    /// What to say of a file in the home that is not what counts; `None` where it is, or there is none.
    pub(crate) fn note(&self) -> Option<String> {
        let how = match self.file.as_ref()? {
            Ok(table) if *table == *self.standing.load().table => return None,
            Ok(_) => "is not what is in force".to_owned(),
            Err(fault) => format!("cannot be used ({fault})"),
        };
        Some(format!(
            "access.toml in the home {how} and takes no effect: `comity access show` shows the permissions \
             in force, `comity access propose FILE` asks for others"
        ))
    }
}

/// What became of a proposal.
#[derive(Debug)]
pub enum Proposed {
    /// It waits for a second person.
    Asked(Asked),
    /// It is in force: this node asks for no second person.
    InForce,
}

impl Node {
    /// The permissions in force.
    pub fn permissions(&self, _permit: &Permit<act::SeePermissions>) -> Arc<Standing> {
        self.access.standing()
    }

    /// Who proposed a table and who approved it, as far as anybody did.
    ///
    /// # Errors
    /// [`NodeError`] when the store cannot be read.
    pub fn put_in_force_by(&self, standing: &Standing) -> Result<(String, String), NodeError> {
        match standing.approval {
            Some(id) => self.asked_and_answered(&id),
            None => Ok(Default::default()),
        }
    }

    /// What to say of an access.toml in the home that does not count.
    pub fn permissions_note(&self) -> Option<String> {
        self.access.note()
    }

    /// Proposes another table; answers what it changes, in words. A second person puts it in force,
    /// where the permissions in force ask for one. Durable before this answers.
    ///
    /// # Errors
    /// [`ApprovalError`]: of the text, that it changes nothing, or that it was not asked for.
    pub async fn propose_permissions(
        self: &Arc<Self>,
        permit: &Permit<act::ChangePermissions>,
        text: String,
        note: String,
    ) -> Result<(Proposed, Vec<String>), ApprovalError> {
        check_purpose(&note)?;
        let table = Table::read(&text).map_err(ApprovalError::Table)?;
        let standing = self.access.standing();
        let changed = changes(&standing.table, &table);
        if changed.is_empty() {
            return Err(ApprovalError::Unsaid(
                "this table decides the same as the one in force; nothing is to be changed",
            ));
        }
        let order = ApprovalOrder {
            table: text,
            base_digest: standing.digest.to_vec(),
            changes: changed.clone(),
            note: note.clone(),
            asked_by: permit.actor(),
            ..order_of(ApprovalKind::ChangePermissions, Vec::new())
        };
        if standing
            .table
            .requires(crate::access::Guarded::ChangePermissions)
        {
            let by = By::of(permit).reading_for(None, note);
            let asked = self.ask_for(order, permit, None, by).await?;
            return Ok((Proposed::Asked(asked), changed));
        }
        let _alone = self.approval_change.lock().await;
        match self.put_in_force(&order, None).await? {
            Ok(()) => Ok((Proposed::InForce, changed)),
            Err(_) => Err(ApprovalError::Approval(Refusal::PermissionsMoved)),
        }
    }

    /// Puts a proposed table in force: durably, then for every call and open stream. Answers why it
    /// can never be, where it cannot.
    pub(in crate::node) async fn put_in_force(
        &self,
        order: &ApprovalOrder,
        approval: Option<ApprovalId>,
    ) -> Result<Result<(), String>, NodeError> {
        let base = Digest::try_from(order.base_digest.as_slice())
            .map_err(|_| EntryError::Field("base_digest"))?;
        if let Err(fault) = Table::read(&order.table) {
            return Ok(Err(fault.to_string()));
        }
        let order = TableOrder {
            digest: Digest::of(order.table.as_bytes()),
            text: order.table.clone(),
            base: Some(base),
            approval,
            actor: Some(order.asked_by.clone()),
        };
        let proposed = self.writer.propose(Proposal::AccessTable(Box::new(order)));
        match proposed.await.map_err(NodeError::from) {
            Ok(_) => {}
            Err(NodeError::Refused(moved @ Refusal::PermissionsMoved)) => {
                return Ok(Err(moved.to_string()));
            }
            Err(error) => return Err(error),
        }
        let standing = Standing::read(&self.store)?.ok_or(EntryError::Field("access_changed"))?;
        tracing::info!(digest = %standing.digest, "other permissions are in force");
        self.access.standing.store(Arc::new(standing));
        Ok(Ok(()))
    }
}
