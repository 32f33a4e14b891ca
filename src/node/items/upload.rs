//! Uploading: chunks in order, encrypted and written by one thread beside the connection. An upload that
//! breaks off goes on from what is durable.
//!
//! **What a crash leaves.** `ItemBegun` is durable before the first chunk is taken: key and place are
//! there. Chunks count once they are synced; the client sends the others again. `ItemKept` is durable
//! before the client is told that the item is: without it the upload is taken up once more, with nothing
//! left to send but its end.

use std::{sync::Arc, time::Duration};

use prost::{Message as _, bytes::Bytes};
use tokio::{
    sync::{OwnedMutexGuard, mpsc, watch},
    task::JoinHandle,
};

use crate::{
    access::{Permit, act},
    crypto::{
        Digest,
        chunks::{ChunkKey, ChunkPlan},
        random_bytes,
    },
    entry::{ItemBegun, ItemDescription, ItemRow, ItemStand},
    evidence::items::Owner,
    record::{Reference, kind_name, unseen::is_unseen},
    wire::record::{CompartmentLabel, situation::Kind},
};

use super::{
    super::{
        Node, NodeError,
        read::{ReadError, blocking},
        rules::{By, ItemOrder, Proposal},
    },
    ItemError, ItemId, Seat,
    going::write,
    known::Part,
    plan_of, rows,
};

/// Chunks that wait for the thread that writes them.
const AHEAD: usize = 2;
/// Longest wait for another connection to give up the same upload.
const REPLACING: Duration = Duration::from_secs(60);
/// Longest name, media type or place, in characters.
const MAX_LINE: usize = 200;
/// Longest description, in characters.
const MAX_TEXT: usize = 4000;
/// Bytes of a resume key.
const RESUME_KEY: std::ops::RangeInclusive<usize> = 16..=64;

/// What is to be uploaded.
#[derive(Clone, Debug)]
pub struct UploadOrder {
    /// To which record.
    pub reference: Reference,
    /// What it is. Who uploads it is filled in.
    pub description: ItemDescription,
    /// Bytes of the file.
    pub size: u64,
    /// Tells the file from others of the same caller.
    pub resume_key: Vec<u8>,
}

/// What an upload needs to begin or to go on.
struct Begun {
    id: ItemId,
    plan: ChunkPlan,
    key: ChunkKey,
}

/// An upload that goes on.
pub struct Upload {
    pub(super) node: Arc<Node>,
    pub(super) id: ItemId,
    pub(super) plan: ChunkPlan,
    pub(super) reference: Reference,
    pub(super) by: By,
    pub(super) seat: Seat,
    pub(super) to: Option<mpsc::Sender<Bytes>>,
    pub(super) worker: Option<JoinHandle<Result<Ended, ItemError>>>,
    pub(super) durable: watch::Receiver<u64>,
    /// The chunk that is due.
    pub(super) next: u64,
    pub(super) root: Digest,
}

/// What was written, and the right to write on: whoever holds it is the only one to end the item.
pub(super) type Ended = (Written, OwnedMutexGuard<()>);

/// What the thread has written when it ends.
pub(super) struct Written {
    pub(super) chunks: u64,
    pub(super) root: Digest,
}

impl Node {
    /// Begins an upload, or takes one up again.
    ///
    /// # Errors
    /// [`ItemError`]; nothing is kept of a new one then.
    pub async fn upload(
        self: &Arc<Self>,
        permit: Permit<act::UploadEvidence>,
        order: UploadOrder,
    ) -> Result<Upload, ItemError> {
        check(&order)?;
        if order.description.seized_us > self.now().micros() {
            return Err(ItemError::Field {
                field: "seizedAt",
                why: "lies in the future".to_owned(),
            });
        }
        let (node, by, asked) = (Arc::clone(self), permit.clone(), order.clone());
        let begun = off(move || node.prepare_upload(&by, &asked)).await?;
        let (begun, begin) = begun;
        if let Some(begin) = begin {
            let proposed = self
                .writer
                .propose(Proposal::Item(ItemOrder::Begin(Box::new(begin))));
            if let Err(error) = proposed.await {
                self.items.room().give_back(&begun.id);
                return Err(NodeError::from(error).into());
            }
        }
        let Begun { id, plan, key } = begun;
        let seat = self.items.sit(id);
        let writing = Arc::clone(&seat.writing).lock_owned();
        let writing = tokio::time::timeout(REPLACING, writing).await;
        let writing = writing.map_err(|_| ItemError::Replaced)?;
        if seat.replaced.is_cancelled() {
            return Err(ItemError::Replaced);
        }
        // It may have ended while this call waited.
        let row = self.item_row(&id)?;
        if row.is_none_or(|row| row.stand() != ItemStand::Uploading) {
            return Err(ItemError::Replaced);
        }
        let node = Arc::clone(self);
        let opened = off(move || {
            let writer = node.items.chunks.write_on(id, plan, &key)?;
            Ok((writer, key))
        });
        let (writer, key) = opened.await?;
        let (next, root) = (writer.taken(), writer.root());
        let (to, from) = mpsc::channel(AHEAD);
        let (told, durable) = watch::channel(next);
        let node = Arc::clone(self);
        let worker = tokio::task::spawn_blocking(move || {
            let written = write(&node, writer, &key, from, &told, id);
            written.map(|written| (written, writing))
        });
        Ok(Upload {
            node: Arc::clone(self),
            id,
            plan,
            reference: order.reference,
            by: By::of(&permit),
            seat,
            to: Some(to),
            worker: Some(worker),
            durable,
            next,
            root,
        })
    }

    /// Finds the upload that goes on, or prepares a new one.
    fn prepare_upload(
        &self,
        permit: &Permit<act::UploadEvidence>,
        order: &UploadOrder,
    ) -> Result<(Begun, Option<ItemBegun>), ItemError> {
        let header = self.request_for_items(permit, &order.reference)?;
        let actor = permit.actor();
        let uploader = self.person(&actor);
        let about = [
            header.as_bytes().as_slice(),
            &uploader,
            &order.size.to_be_bytes(),
            &order.resume_key,
        ];
        let resume = self.keys.index.tag("item-resume", &about.concat());
        let mut unfinished = 0_u64;
        for id in rows::open(&self.store, None).map_err(NodeError::from)? {
            let Some(row) = self.item_row(&id)? else {
                continue;
            };
            if row.uploader_tag != uploader || row.stand() != ItemStand::Uploading {
                continue;
            }
            if row.resume_tag == resume && row.until_us > self.now().micros() {
                return Ok((self.begun(id, row)?, None));
            }
            unfinished = unfinished.saturating_add(1);
        }
        let most = self.config.items.uploads_per_principal;
        if unfinished >= most {
            return Err(ItemError::TooManyUploads { most });
        }
        if self.item_count(&header)? >= rows::MAX_OF_RECORD {
            return Err(ItemError::TooManyItems(rows::MAX_OF_RECORD));
        }
        let plan = ChunkPlan::new(order.size, self.config.items.chunk_size())?;
        let id: ItemId = random_bytes().map_err(|error| NodeError::Store(error.into()))?;
        self.items.take_room(id, Owner::Own, plan)??;
        let begun = self.seal_upload(id, plan, order, actor);
        let (key, begin) = begun.inspect_err(|_| self.items.room().give_back(&id))?;
        let begin = ItemBegun {
            header_digest: header.to_vec(),
            uploader_tag: uploader.to_vec(),
            resume_tag: resume.to_vec(),
            ..begin
        };
        Ok((Begun { id, plan, key }, Some(begin)))
    }

    fn seal_upload(
        &self,
        id: ItemId,
        plan: ChunkPlan,
        order: &UploadOrder,
        actor: String,
    ) -> Result<(ChunkKey, ItemBegun), NodeError> {
        let (slot, slot_key) = self.slots.take()?;
        let key = ChunkKey::generate().map_err(|error| NodeError::Store(error.into()))?;
        let description = ItemDescription {
            uploaded_by: actor,
            ..order.description.clone()
        };
        let until = self.now() + self.config.items.upload_expires();
        let begin = ItemBegun {
            item_id: id.to_vec(),
            size: plan.size(),
            chunk_size: plan.chunk_size(),
            slot,
            sealed_key: Part::Key.seal(&slot_key, &id, key.as_bytes())?,
            sealed_description: Part::Description.seal(
                &slot_key,
                &id,
                &description.encode_to_vec(),
            )?,
            until_us: until.micros(),
            ..ItemBegun::default()
        };
        Ok((key, begin))
    }

    fn begun(&self, id: ItemId, row: ItemRow) -> Result<Begun, ItemError> {
        let plan = plan_of(&row);
        let known = self.known(id, row)?;
        match (plan, known) {
            (Some(plan), Some(known)) => Ok(Begun {
                id,
                plan,
                key: known.key,
            }),
            _ => Err(NodeError::Task.into()),
        }
    }

    fn item_count(&self, header: &Digest) -> Result<usize, NodeError> {
        Ok(rows::of_record(&self.store, header)?.len())
    }

    /// The header of a record to which its caller may upload.
    pub(super) fn request_for_items(
        &self,
        permit: &Permit<act::UploadEvidence>,
        reference: &Reference,
    ) -> Result<Digest, ItemError> {
        let number = self.find(reference)?;
        let stored = self.held(number)?;
        let record = match self.stored(number).and_then(|of| self.open_stored(&of)) {
            Ok(record) => record,
            Err(error) => {
                self.seen(permit, reference, number)?;
                return Err(ReadError::of(*reference, error).into());
            }
        };
        let mut subject = self.subject_of(&stored, &record)?;
        subject.present.insert(CompartmentLabel::Evidence);
        let decision = self.reached(permit, reference, &subject)?;
        let evidence = [CompartmentLabel::Evidence].into_iter().collect();
        self.check_labels(permit, reference, &decision, evidence)?;
        let kind = record.situation.as_ref().and_then(|of| of.kind.as_ref());
        match kind {
            Some(Kind::EvidenceRequest(_) | Kind::SpontaneousInformation(_)) => Ok(stored.digest),
            _ => Err(ItemError::Kind {
                reference: *reference,
                kind: kind_name(&record).unwrap_or("a step").to_owned(),
            }),
        }
    }
}

/// Bounds what is said of a file.
fn check(order: &UploadOrder) -> Result<(), ItemError> {
    let of = &order.description;
    let lines = [
        ("name", &of.name),
        ("mediaType", &of.media_type),
        ("seizedPlace", &of.seized_place),
        ("seizedBy", &of.seized_by),
    ];
    let fault = |field, why: &str| ItemError::Field {
        field,
        why: why.to_owned(),
    };
    for (field, text) in lines {
        if text.chars().count() > MAX_LINE {
            return Err(fault(field, "has more than 200 characters"));
        }
        if text.chars().any(|c| c.is_control() || is_unseen(c)) {
            return Err(fault(
                field,
                "has control characters, or such as nobody sees",
            ));
        }
    }
    let name = &of.name;
    if name.trim().is_empty() || name.contains(['/', '\\']) || name.trim_matches('.').is_empty() {
        return Err(fault(
            "name",
            "must be the name of a file: not empty, without a path, not made of dots alone",
        ));
    }
    if of.description.chars().count() > MAX_TEXT {
        return Err(fault("description", "has more than 4000 characters"));
    }
    if !RESUME_KEY.contains(&order.resume_key.len()) {
        return Err(fault("resumeKey", "must have 16 to 64 bytes"));
    }
    Ok(())
}

/// As [`blocking`], for what fails in its own way.
pub(super) async fn off<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ItemError> + Send + 'static,
) -> Result<T, ItemError> {
    blocking(move || Ok(work())).await?
}
