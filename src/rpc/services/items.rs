//! Items of evidence for clients: uploads, downloads, lists.

use std::{pin::Pin, sync::Arc};

use futures_util::Stream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Response, Status, Streaming};

use crate::{
    access::act,
    crypto::Digest,
    node::{
        Node,
        items::{
            Download, DownloadOrder, ItemDescription, ItemError, ItemId, RemoveOrder, Upload,
            UploadOrder,
        },
    },
    record::Moment,
    rpc::{
        services::{enter, enter_about, purpose, reference, refuse},
        status::Refusal,
    },
    wire::node::{
        DownloadItemRequest, DownloadItemResponse, ListItemsRequest, ListItemsResponse,
        RemoveItemRequest, RemoveItemResponse, UploadBegin, UploadItemRequest, UploadItemResponse,
        UploadProgress, UploadReady, download_item_response, item_service_server::ItemService,
        upload_item_request, upload_item_response,
    },
};

/// Pieces of a download that are ready before the client takes them.
const AHEAD: usize = 2;
/// Answers of an upload that wait.
const ANSWERS: usize = 16;

pub(super) struct Items {
    node: Arc<Node>,
}

impl Items {
    pub(super) const fn new(node: Arc<Node>) -> Self {
        Self { node }
    }
}

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;
type News = mpsc::Sender<Result<UploadItemResponse, Status>>;

#[tonic::async_trait]
impl ItemService for Items {
    type UploadItemStream = Answers<UploadItemResponse>;

    async fn upload_item(
        &self,
        request: Request<Streaming<UploadItemRequest>>,
    ) -> Result<Response<Self::UploadItemStream>, Status> {
        let (permit, mut messages) = enter::<act::UploadEvidence, _>(&self.node, request)?;
        let node = Arc::clone(&self.node);
        let (news, answers) = mpsc::channel(ANSWERS);
        // The answer begins at once: a client sends its first message when it has the stream.
        tokio::spawn(async move {
            let begun = async {
                let first = messages.message().await?.and_then(|first| first.message);
                let Some(upload_item_request::Message::Begin(begin)) = first else {
                    return Err(out_of_turn());
                };
                let order = order(begin)?;
                node.upload(permit, order).await.map_err(refuse)
            };
            let ended = match begun.await {
                Ok(upload) => take_in(upload, messages, &news).await,
                Err(status) => Err(status),
            };
            if let Err(status) = ended {
                // The client may be gone.
                let _ = news.send(Err(status)).await;
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(answers))))
    }

    type DownloadItemStream = Answers<DownloadItemResponse>;

    async fn download_item(
        &self,
        request: Request<DownloadItemRequest>,
    ) -> Result<Response<Self::DownloadItemStream>, Status> {
        let (permit, request) =
            enter_about::<act::DownloadEvidence, _>(&self.node, request, |of| &of.reference)?;
        let purpose = purpose(request.purpose, &request.case_reference)?;
        let purpose = purpose.ok_or_else(|| {
            refuse(Refusal::new(
                Code::InvalidArgument,
                "PURPOSE_MISSING",
                "an item is downloaded for a purpose and a case: give --purpose and --case",
            ))
        })?;
        let order = DownloadOrder {
            reference: reference(&request.reference)?,
            item: item_id(&request.item)?,
            from: request.from_chunk,
            chunks: request.chunks,
            purpose,
            note: request.note,
        };
        let download = self.node.download(permit, order).await.map_err(refuse)?;
        let (pieces, answers) = mpsc::channel(AHEAD);
        tokio::task::spawn_blocking(move || give_out(download, &pieces));
        Ok(Response::new(Box::pin(ReceiverStream::new(answers))))
    }

    async fn list_items(
        &self,
        request: Request<ListItemsRequest>,
    ) -> Result<Response<ListItemsResponse>, Status> {
        let (permit, request) =
            enter_about::<act::Track, _>(&self.node, request, |of| &of.reference)?;
        let purpose = purpose(request.purpose, &request.case_reference)?;
        let reference = reference(&request.reference)?;
        let items = self.node.list_items(permit, reference, purpose).await;
        Ok(Response::new(ListItemsResponse {
            items: items.map_err(refuse)?,
        }))
    }

    async fn remove_item(
        &self,
        request: Request<RemoveItemRequest>,
    ) -> Result<Response<RemoveItemResponse>, Status> {
        let (permit, request) =
            enter_about::<act::UploadEvidence, _>(&self.node, request, |of| &of.reference)?;
        let order = RemoveOrder {
            reference: reference(&request.reference)?,
            item: item_id(&request.item)?,
            reason: request.reason,
        };
        self.node.remove_item(permit, order).await.map_err(refuse)?;
        Ok(Response::new(RemoveItemResponse {}))
    }
}

fn out_of_turn() -> Status {
    refuse(Refusal::new(
        Code::InvalidArgument,
        "UPLOAD_OUT_OF_TURN",
        "an upload is one `begin`, then chunks, then one `end` or `abandon`",
    ))
}

/// The id of an item.
pub(super) fn item_id(bytes: &[u8]) -> Result<ItemId, Status> {
    bytes.try_into().map_err(|_| {
        refuse(Refusal::new(
            Code::InvalidArgument,
            "ITEM_ID_INVALID",
            "`item` must be the 16 bytes of an item's id",
        ))
    })
}

fn order(begin: UploadBegin) -> Result<UploadOrder, Status> {
    Ok(UploadOrder {
        reference: reference(&begin.reference)?,
        description: ItemDescription {
            name: begin.name,
            description: begin.description,
            media_type: begin.media_type,
            original: begin.original,
            seized_us: begin
                .seized_at
                .as_ref()
                .map_or(0, |at| Moment::from(at).micros()),
            seized_place: begin.seized_place,
            seized_by: begin.seized_by,
            uploaded_by: String::new(),
        },
        size: begin.size,
        resume_key: begin.resume_key,
    })
}

fn news(message: upload_item_response::Message) -> Result<UploadItemResponse, Status> {
    Ok(UploadItemResponse {
        message: Some(message),
    })
}

/// Takes chunks until the upload ends. One that breaks off leaves what is durable to be taken up.
async fn take_in(
    mut upload: Upload,
    mut messages: Streaming<UploadItemRequest>,
    answers: &News,
) -> Result<(), Status> {
    let (chunks, root) = upload.begins_at();
    let ready = UploadReady {
        item: upload.id().to_vec(),
        chunk_size: upload.plan().chunk_size(),
        chunks,
        root: root.to_vec(),
    };
    let ready = news(upload_item_response::Message::Ready(ready));
    if answers.send(ready).await.is_err() {
        return Ok(());
    }
    let replaced = upload.replaced();
    let mut durable = upload.durable();
    loop {
        let message = tokio::select! {
            message = messages.message() => message?,
            Ok(()) = durable.changed() => {
                let chunks = *durable.borrow_and_update();
                let progress = UploadProgress { chunks };
                // What waits is told by the next one.
                let _ = answers.try_send(news(upload_item_response::Message::Progress(progress)));
                continue;
            }
            () = replaced.cancelled() => return Err(refuse(ItemError::Replaced)),
        };
        let Some(message) = message else {
            return Ok(());
        };
        match message.message {
            Some(upload_item_request::Message::Chunk(chunk)) => {
                upload
                    .chunk(chunk.index, chunk.data)
                    .await
                    .map_err(refuse)?;
            }
            Some(upload_item_request::Message::End(end)) => {
                let root = Digest::try_from(end.root.as_slice()).map_err(|_| {
                    refuse(Refusal::new(
                        Code::InvalidArgument,
                        "ITEM_ROOT_INVALID",
                        "`end.root` must be 32 bytes",
                    ))
                })?;
                let item = upload.end(root).await.map_err(refuse)?;
                let _ = answers
                    .send(news(upload_item_response::Message::Kept(item)))
                    .await;
                return Ok(());
            }
            Some(upload_item_request::Message::Abandon(_)) => {
                return upload.abandon().await.map_err(refuse);
            }
            Some(upload_item_request::Message::Begin(_)) | None => return Err(out_of_turn()),
        }
    }
}

/// Reads, opens and proves pieces as fast as the client takes them.
fn give_out(mut download: Download, pieces: &mpsc::Sender<Result<DownloadItemResponse, Status>>) {
    let item = download_item_response::Message::Item(download.item());
    let answer = |message| DownloadItemResponse {
        message: Some(message),
    };
    if pieces.blocking_send(Ok(answer(item))).is_err() {
        return;
    }
    loop {
        let piece = match download.next_piece() {
            Ok(None) => return,
            Ok(Some(piece)) => Ok(answer(download_item_response::Message::Chunk(piece))),
            Err(error) => Err(refuse(error)),
        };
        let ends = piece.is_err();
        if pieces.blocking_send(piece).is_err() || ends {
            return;
        }
    }
}

impl From<ItemError> for Refusal {
    fn from(error: ItemError) -> Self {
        let (code, reason) = match &error {
            ItemError::Kind { .. } => (Code::FailedPrecondition, "NOT_A_REQUEST"),
            ItemError::Unknown { .. } => (Code::NotFound, "ITEM_UNKNOWN"),
            ItemError::NotWhole { .. } => (Code::FailedPrecondition, "ITEM_NOT_WHOLE"),
            ItemError::Refused(_) => (Code::FailedPrecondition, "ITEM_REFUSED"),
            ItemError::HandedOver(_) => (Code::FailedPrecondition, "ITEM_HANDED_OVER"),
            ItemError::NotYours => (Code::PermissionDenied, "ITEM_NOT_YOURS"),
            ItemError::Field { .. } => (Code::InvalidArgument, "ITEM_FIELD_INVALID"),
            ItemError::Custody(_) => (Code::FailedPrecondition, "CUSTODY_REFUSED"),
            ItemError::Plan(_) => (Code::InvalidArgument, "ITEM_SIZE_INVALID"),
            ItemError::NoRoom(room) => (
                Code::FailedPrecondition,
                match room.word() {
                    "disk" => "ITEM_DISK_FULL",
                    _ => "ITEM_QUOTA",
                },
            ),
            ItemError::TooManyUploads { .. } => (Code::FailedPrecondition, "TOO_MANY_UPLOADS"),
            ItemError::TooManyItems(_) => (Code::FailedPrecondition, "TOO_MANY_ITEMS"),
            ItemError::Order { .. } => (Code::InvalidArgument, "CHUNK_OUT_OF_ORDER"),
            ItemError::Grew { .. } => (Code::InvalidArgument, "FILE_GREW"),
            ItemError::Shrank { .. } => (Code::InvalidArgument, "FILE_SHRANK"),
            ItemError::Changed { .. } => (Code::FailedPrecondition, "FILE_CHANGED"),
            ItemError::Replaced => (Code::Aborted, "UPLOAD_REPLACED"),
            ItemError::Damaged { .. } => (Code::DataLoss, "ITEM_DAMAGED"),
            ItemError::Chunk(chunk) if chunk.lacks_room() => {
                (Code::FailedPrecondition, "ITEM_DISK_FULL")
            }
            ItemError::Chunk(_) => (Code::Internal, "ITEM_STORE_FAILED"),
            ItemError::Read(_) | ItemError::Node(_) => {
                return match error {
                    ItemError::Read(error) => error.into(),
                    ItemError::Node(error) => error.into(),
                    other => Self::new(Code::Internal, "NODE_FAILED", other.to_string()),
                };
            }
        };
        Self::new(code, reason, error.to_string())
    }
}
