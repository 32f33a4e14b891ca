//! What becomes of items, by what is held of them: looked up and decided many at a time. Nothing is
//! durable here, and nothing sealed.

use prost::Message as _;

use crate::{
    access::{Permit, Refused, act},
    crypto::Digest,
    feed::item::{self, Came, Held, ItemFault, Verdict},
    inbox::StoredRecord,
    node::{Node, NodeError, rules::FeedClaim, submit::SubmitError},
    record::{MAX_RECORD_BYTES, Reference},
    wire::{
        node::{FeedDeletion, FeedItem, FeedOutcome, feed_item::Content},
        record::{FollowType, Follows, Record},
    },
};

use super::{
    Feed, IngestError, Taken,
    delete::Left,
    rows::{self, FedRow},
};

/// Longest reason of a deletion, in characters: it becomes the note of a recall.
const MAX_REASON_CHARS: usize = 500;

/// What is to be done with an item.
#[derive(Debug)]
pub(super) enum Decided {
    /// Nothing.
    Nothing(Taken),
    /// Its record is submitted; `came` is SHA-256 of what came, and `left` is recalled before.
    Submit {
        record: Box<Record>,
        came: Digest,
        claim: FeedClaim,
        left: Option<Left>,
    },
    /// Its record amends the newest version of the one that is held.
    Amend {
        /// As it came.
        record: Box<Record>,
        follows: Follows,
        came: Digest,
        claim: FeedClaim,
    },
    /// Its records are recalled.
    Recall {
        prior: FedRow,
        version: u64,
        reference: Reference,
        reason: String,
    },
    /// Its version is noted.
    Note {
        prior: FedRow,
        version: u64,
        taken: Taken,
    },
}

/// An item within its bounds.
#[derive(Debug)]
pub(super) struct Sound {
    pub(super) tag: [u8; 16],
    pub(super) version: u64,
    pub(super) content: Content,
}

/// What the caller may do with items, by the permissions as they are now.
pub(super) struct May {
    pub(super) ingest: Permit<act::Ingest>,
    pub(super) submit: Result<Permit<act::Submit>, Refused>,
    pub(super) amend: Result<Permit<act::Amend>, Refused>,
    pub(super) reply: Result<Permit<act::Reply>, Refused>,
    pub(super) recall: Result<Permit<act::Recall>, Refused>,
}

impl Feed {
    /// What the caller may do now.
    pub(super) fn may(&self) -> Result<May, Refused> {
        let ingest = self.node.again(&self.permit)?;
        Ok(May {
            submit: ingest.and(),
            amend: ingest.and(),
            reply: ingest.and(),
            recall: ingest.and(),
            ingest,
        })
    }

    /// An item, where it is within its bounds. Looks nothing up.
    pub(super) fn sound(&self, item: FeedItem) -> Result<Sound, IngestError> {
        item::check_own_id(&item.own_id)?;
        let content = item.content.ok_or(ItemFault::Empty)?;
        match &content {
            Content::Record(record) => {
                let bytes = record.encoded_len();
                if bytes > MAX_RECORD_BYTES {
                    return Err(SubmitError::TooLarge(bytes).into());
                }
                let follows = record.follows.as_ref().map(Follows::r#type);
                if follows == Some(FollowType::Amendment) {
                    return Err(ItemFault::Follows.into());
                }
            }
            Content::Deleted(FeedDeletion { reason }) => {
                let fits = reason.len() <= 4 * MAX_REASON_CHARS
                    && reason.chars().count() <= MAX_REASON_CHARS
                    && !reason.chars().any(char::is_control);
                if !fits {
                    return Err(ItemFault::Reason {
                        max: MAX_REASON_CHARS,
                    }
                    .into());
                }
            }
        }
        Ok(Sound {
            tag: self.tag(&item.own_id),
            version: item.version,
            content,
        })
    }

    /// What is to be done with an item, if the caller may.
    pub(super) fn look(&self, item: Sound, may: &May) -> Result<Decided, IngestError> {
        let node = &self.node;
        // Before the question: what becomes known later is the writer's to see.
        let known_at = node.store.position();
        let row = rows::of(&node.store, &item.tag).map_err(NodeError::from)?;
        let stored = row.map(|row| node.held(row.number)).transpose()?;
        let came = match &item.content {
            Content::Record(record) => Some(Digest::of(&record.encode_to_vec())),
            Content::Deleted(_) => None,
        };
        let held = match (&row, &stored) {
            (Some(row), Some(stored)) => Some(node.held_of(row, stored)?),
            _ => None,
        };
        let verdict = item::decide(
            held.as_ref(),
            &Came {
                version: item.version,
                content: came,
            },
        )?;
        let version = row.map_or(0, |row| row.version).max(item.version);
        let claim = || FeedClaim {
            tag: item.tag,
            version,
            prior: row,
            known_at,
            feed: self.name.clone(),
        };
        let taken = |outcome, stored: &StoredRecord| {
            let reference = Some(node.reference_given(stored)?);
            Ok::<_, NodeError>(Taken { outcome, reference })
        };
        match (verdict, item.content, came, row, stored) {
            (Verdict::Submit, Content::Record(record), Some(came), _, stored) => {
                self.check_new(&record, may)?;
                let left = self.left_of(row, stored.as_ref(), may)?;
                Ok(Decided::Submit {
                    record: Box::new(record),
                    came,
                    claim: claim(),
                    left,
                })
            }
            (Verdict::Amend, Content::Record(record), Some(came), _, Some(stored)) => {
                node.check_own(&may.ingest, &record)?;
                // Officers may have amended it since.
                let newest = node.held(node.newest_from(&stored)?)?;
                if newest.locked().is_some() {
                    self.check_new(&record, may)?;
                    let left = self.left_of(row, Some(&stored), may)?;
                    return Ok(Decided::Submit {
                        record: Box::new(record),
                        came,
                        claim: claim(),
                        left,
                    });
                }
                node.check_own(granted(&may.amend)?, &record)?;
                let reference = node.reference_given(&newest)?;
                Ok(Decided::Amend {
                    record: Box::new(record),
                    follows: Follows {
                        r#type: FollowType::Amendment.into(),
                        header_digest: newest.digest.to_vec(),
                        reference: reference.to_string(),
                    },
                    came,
                    claim: claim(),
                })
            }
            (Verdict::Recall, Content::Deleted(deleted), _, Some(prior), Some(stored)) => {
                granted(&may.recall)?;
                Ok(Decided::Recall {
                    prior,
                    version,
                    reference: node.reference_given(&stored)?,
                    reason: deleted.reason,
                })
            }
            (Verdict::Note, _, _, Some(prior), Some(stored)) => Ok(Decided::Note {
                prior,
                version,
                taken: taken(FeedOutcome::Unchanged, &stored)?,
            }),
            (Verdict::Unchanged, _, _, _, Some(stored)) => {
                Ok(Decided::Nothing(taken(FeedOutcome::Unchanged, &stored)?))
            }
            (Verdict::Outdated, _, _, _, Some(stored)) => {
                Ok(Decided::Nothing(taken(FeedOutcome::Outdated, &stored)?))
            }
            // No verdict comes without what it is about.
            _ => Err(NodeError::Task.into()),
        }
    }

    /// What of an item's record can still be read though its newest version is locked, as when an amendment
    /// expired before what it amends.
    fn left_of(
        &self,
        prior: Option<FedRow>,
        stored: Option<&StoredRecord>,
        may: &May,
    ) -> Result<Option<Left>, IngestError> {
        let (Some(prior), Some(stored)) = (prior.filter(|of| !of.deleted), stored) else {
            return Ok(None);
        };
        if self.node.left_to_recall(prior.number)?.is_empty() {
            return Ok(None);
        }
        granted(&may.recall)?;
        Ok(Some(Left {
            number: prior.number,
            reference: self.node.reference_given(stored)?,
        }))
    }

    /// Whether a record may be submitted as a new one.
    fn check_new(&self, record: &Record, may: &May) -> Result<(), IngestError> {
        self.node.check_own(&may.ingest, record)?;
        match record.follows {
            // Of what is no amendment.
            Some(_) => self.node.check_own(granted(&may.reply)?, record)?,
            None => self.node.check_own(granted(&may.submit)?, record)?,
        }
        Ok(())
    }
}

/// A permit, or why there is none.
pub(super) fn granted<A>(permit: &Result<Permit<A>, Refused>) -> Result<&Permit<A>, IngestError> {
    permit.as_ref().map_err(|refused| refused.clone().into())
}

impl Node {
    /// What is held of an item.
    fn held_of(&self, row: &FedRow, stored: &StoredRecord) -> Result<Held, NodeError> {
        Ok(Held {
            version: row.version,
            content: stored.submission(&self.slots)?,
            deleted: row.deleted,
            locked: stored.locked().is_some(),
        })
    }
}
