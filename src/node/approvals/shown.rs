//! What is shown of something that needs two persons: enough to decide it, and nothing of a
//! compartment.

use prost::Message as _;

use crate::{
    access::{ApprovalId, Guarded, Table, changes},
    card::verify_stored_card,
    crypto::Digest,
    entry::{ApprovalOrder, EntryError},
    inbox::{
        approvals::{ApprovalRow, Stage},
        ask,
    },
    wire::{
        card::SignedCard,
        node::{ApprovalState, PendingApproval},
    },
};

use super::super::{Node, NodeError, access::guarded};

/// References shown of each.
const MAX_REFERENCES: usize = 20;

impl Node {
    pub(super) fn pending(
        &self,
        id: &ApprovalId,
        row: &ApprovalRow,
        order: ApprovalOrder,
    ) -> Result<PendingApproval, NodeError> {
        let guarded = guarded(order.kind());
        let mut details = Vec::new();
        let mut references = Vec::new();
        for digest in order.records.iter().take(MAX_REFERENCES) {
            let digest = Digest::try_from(digest.as_slice())
                .map_err(|_| EntryError::Field("approval record"))?;
            let Some(number) = ask::by_digest(&self.store, &digest)? else {
                continue;
            };
            // One that cannot be read does not hide the others.
            match self
                .held(number)
                .and_then(|stored| self.reference_of(&stored))
            {
                Ok(reference) => {
                    if matches!(guarded, Guarded::OpenVictims | Guarded::ExportCourt) {
                        let kind = self.subject_of_held(number)?.kind;
                        let kind = kind.unwrap_or_else(|| "cannot be read any more".to_owned());
                        details.push(format!("{reference}: {kind}"));
                    }
                    references.push(reference.to_string());
                }
                Err(error) => tracing::error!(number, %error, "a record cannot be named"),
            }
        }
        details.extend(self.details(guarded, &order)?);
        let answer = self.answer_to(id, row)?.unwrap_or_default();
        Ok(PendingApproval {
            id: hex::encode(id),
            what: guarded.as_str().to_owned(),
            asked_us: order.asked_us,
            expires_us: match row.state.stage {
                Stage::Asked | Stage::Granted => row.state.until_us,
                _ => 0,
            },
            records: u64::try_from(order.records.len()).unwrap_or(u64::MAX),
            references,
            reason: order.reason,
            state: state(row, self.now().micros()).into(),
            reading_purpose: order.reading_purpose,
            case_reference: order.case_reference,
            asked_by: order.asked_by,
            note: order.note,
            details,
            answered_by: answer.by,
            answered_us: answer.time_us,
            answer_reason: answer.reason,
        })
    }

    fn details(&self, guarded: Guarded, order: &ApprovalOrder) -> Result<Vec<String>, NodeError> {
        Ok(match guarded {
            Guarded::ExportCourt => vec![format!("for the court: {}", order.scope)],
            Guarded::ExportBulk if order.count > 0 => {
                vec![format!("up to {} records within an hour", order.count)]
            }
            Guarded::ExportBulk => vec![format!("the table {}", order.scope)],
            Guarded::DataSubject => vec![format!(
                "everything held; what is looked for is kept as a digest alone: {}",
                hex::encode(&order.query)
            )],
            Guarded::ImportCard => self.card_details(&order.signed_card)?,
            Guarded::ChangePermissions => {
                let proposed = Table::read(&order.table)?;
                changes(&self.access.table(), &proposed)
            }
            Guarded::MassRecall | Guarded::Shred | Guarded::OpenVictims => Vec::new(),
        })
    }

    fn card_details(&self, signed: &[u8]) -> Result<Vec<String>, NodeError> {
        let signed = SignedCard::decode(signed).map_err(EntryError::from)?;
        let card = verify_stored_card(&signed)?;
        let held = self.book.load();
        let held = held.get(card.country).map_or_else(
            || "no card of this country is held".to_owned(),
            |held| format!("version {} is held", held.version),
        );
        Ok(vec![
            format!("card of {}, version {}; {held}", card.country, card.version),
            format!("fingerprint {}", card.fingerprint()),
        ])
    }
}

const fn state(row: &ApprovalRow, now_us: i64) -> ApprovalState {
    match row.state.stage {
        Stage::Asked if row.state.is_over(now_us) => ApprovalState::Expired,
        Stage::Asked => ApprovalState::Waiting,
        Stage::Granted if row.state.is_over(now_us) => ApprovalState::Lapsed,
        Stage::Granted => ApprovalState::Granted,
        Stage::Approved => ApprovalState::Approved,
        Stage::Done => ApprovalState::Done,
        Stage::Refused => ApprovalState::Refused,
        Stage::Failed => ApprovalState::Failed,
        Stage::Void => ApprovalState::Void,
    }
}
