//! Downloading a file into something that takes its bytes in order, such as an archive: each chunk is
//! checked against the item's root before it is handed on.

use super::{TransferError, due::Due};
use crate::{
    client::{Client, ClientError},
    wire::{
        ledger::ReadingPurpose,
        node::{DownloadItemRequest, Item, download_item_response::Message},
    },
};

/// Which file to hand on, and why.
#[derive(Clone, Debug)]
pub struct IntoOrder {
    /// Reference of the record, or of another of its thread.
    pub reference: String,
    /// Id of the item.
    pub item: [u8; 16],
    /// For what.
    pub purpose: ReadingPurpose,
    /// Reference of the case that needs it.
    pub case: String,
    /// Anything else about it, in words.
    pub note: String,
}

impl Client {
    /// Downloads an item and hands its bytes to `take`, in order and once each. What breaks off goes on
    /// within this call; a chunk that does not fit is fetched again.
    ///
    /// # Errors
    /// [`TransferError`]; what was handed on is not the whole file then.
    pub async fn download_into(
        &mut self,
        order: &IntoOrder,
        take: &mut (dyn FnMut(&[u8]) -> std::io::Result<()> + Send),
    ) -> Result<Item, TransferError> {
        let mut pauses = self.pauses();
        let mut under: Option<Due> = None;
        loop {
            let before = under.as_ref().map(|under| under.index());
            let failed = match self.hand_on(order, &mut under, take).await {
                Ok(Some(item)) => return Ok(item),
                // A chunk is fetched again.
                Ok(None) => continue,
                Err(TransferError::Client(failed)) => failed,
                Err(error) => return Err(error),
            };
            if under.as_ref().map(|under| under.index()) > before {
                pauses = self.pauses();
            }
            self.recover(failed, &mut pauses).await?;
        }
    }

    /// One connection's part; `None` when it is to go on.
    async fn hand_on(
        &mut self,
        order: &IntoOrder,
        under: &mut Option<Due>,
        take: &mut (dyn FnMut(&[u8]) -> std::io::Result<()> + Send),
    ) -> Result<Option<Item>, TransferError> {
        let request = DownloadItemRequest {
            reference: order.reference.clone(),
            item: order.item.to_vec(),
            from_chunk: under.as_ref().map_or(0, |under| under.index()),
            chunks: 0,
            purpose: order.purpose.into(),
            case_reference: order.case.clone(),
            note: order.note.clone(),
        };
        let mut answers = self.items.download_item(request).await?.into_inner();
        let item = match answers.message().await?.and_then(|answer| answer.message) {
            Some(Message::Item(item)) => item,
            _ => return Err(TransferError::Protocol("a download begins with the item")),
        };
        let under = match under {
            Some(under) => under,
            none => none.insert(Due::of(&item)?),
        };
        while !under.is_whole() {
            let Some(answer) = answers.message().await? else {
                let closed = tonic::Status::unavailable("the connection closed");
                return Err(ClientError::from(closed).into());
            };
            let Some(Message::Chunk(chunk)) = answer.message else {
                return Err(TransferError::Protocol("something else than a chunk"));
            };
            let Some(leaf) = under.check(&chunk).map_err(|_| {
                TransferError::Protocol(
                    "a chunk that does not fit the item's root, three times over",
                )
            })?
            else {
                return Ok(None);
            };
            take(&chunk.data).map_err(TransferError::file(
                "cannot write",
                std::path::Path::new("the bundle"),
            ))?;
            under.push(leaf);
        }
        if !under.is_the_item() {
            return Err(TransferError::Protocol("chunks that make up another root"));
        }
        Ok(Some(item))
    }
}
