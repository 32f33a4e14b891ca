//! `comity evidence upload REF FILE`: a file goes to the own node, chunk by chunk.

use std::path::PathBuf;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    cli::{
        Target,
        exit::{CANTCREAT, DATAERR, Failure, IOERR, NOINPUT, SOFTWARE},
        out::Out,
    },
    client::{TransferError, UploadOrder},
    record::Moment,
    wire::node::UploadBegin,
};

/// Upload a file to an evidence request.
///
/// What breaks off, or is ended with Ctrl-C, goes on with the same command. A file that grows, shrinks
/// or changes meanwhile is refused.
#[derive(Debug, Args)]
pub(in crate::cli) struct Upload {
    #[command(flatten)]
    target: Target,
    /// Reference of the request, such as UZ-26-000412-H.
    reference: String,
    /// The file.
    file: PathBuf,
    /// Its name for the other country [default: the file's].
    #[arg(long)]
    name: Option<String>,
    /// What it is, in words.
    #[arg(long, default_value = "", hide_default_value = true)]
    description: String,
    /// Media type, such as video/mp4.
    #[arg(long, default_value = "", hide_default_value = true)]
    media_type: String,
    /// It is an original that is to be returned.
    #[arg(long)]
    original: bool,
    /// When it was seized or made, such as 2026-11-25T08:00:00+05:00.
    #[arg(long, value_name = "MOMENT", value_parser = seized)]
    seized_at: Option<Moment>,
    /// Where it was seized or made, in words.
    #[arg(long, default_value = "", hide_default_value = true)]
    seized_place: String,
    /// By whom it was seized or made, in words.
    #[arg(long, default_value = "", hide_default_value = true)]
    seized_by: String,
}

fn seized(text: &str) -> Result<Moment, String> {
    OffsetDateTime::parse(text, &Rfc3339)
        .map(Moment::from)
        .map_err(|_| "a moment such as 2026-11-25T08:00:00+05:00 is needed".to_owned())
}

/// A bar on standard error; hidden when that is not a terminal.
pub(super) fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    let template = "{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

impl Upload {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect().await?;
        let order = UploadOrder {
            file: self.file,
            begin: UploadBegin {
                reference: self.reference,
                name: self.name.unwrap_or_default(),
                description: self.description,
                media_type: self.media_type,
                original: self.original,
                seized_at: self.seized_at.map(Into::into),
                seized_place: self.seized_place,
                seized_by: self.seized_by,
                ..UploadBegin::default()
            },
        };
        let bar = bar();
        let mut progress = |done, all| {
            bar.set_length(all);
            bar.set_position(done);
        };
        let item = client.upload(order, &mut progress).await?;
        bar.finish_and_clear();
        let (id, root) = (hex::encode(&item.id), hex::encode(&item.root));
        if out.json() {
            return out.value(&json!({
                "item": id,
                "name": item.name,
                "size": item.size,
                "chunkSize": item.chunk_size,
                "root": root,
            }));
        }
        out.line(&format!(
            "{id}  {}, {} bytes, is durable at the node; its root is {root}",
            item.name, item.size
        ))
    }
}

impl From<TransferError> for Failure {
    fn from(error: TransferError) -> Self {
        let code = match error {
            TransferError::Client(error) => return error.into(),
            TransferError::Exists(_) => CANTCREAT,
            TransferError::Unfit { .. } => NOINPUT,
            TransferError::Grew { .. }
            | TransferError::Shrank { .. }
            | TransferError::Changed(_)
            | TransferError::Damaged { .. } => DATAERR,
            TransferError::File { .. } | TransferError::Busy(_) => IOERR,
            TransferError::Protocol(_) => SOFTWARE,
        };
        Self::new(code, error.to_string())
    }
}
