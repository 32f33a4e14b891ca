//! `comity evidence remove REF ITEM --reason TEXT`: an upload is taken back before it is handed over.

use clap::Args;
use serde_json::json;

use super::download::item;
use crate::{
    cli::{Target, exit::Failure, out::Out},
    wire::node::RemoveItemRequest,
};

/// Take back a file that was uploaded to a request and not handed over.
///
/// Its key and its chunks are erased; the ledger and the chain of custody say who did it, and why. For
/// whoever uploaded it, and for the authority in charge of the request.
#[derive(Debug, Args)]
pub(in crate::cli) struct Remove {
    #[command(flatten)]
    target: Target,
    /// Reference of the request, such as UZ-26-000412-H.
    reference: String,
    /// Id of the item, as `comity evidence items` lists it.
    #[arg(value_parser = item)]
    item: [u8; 16],
    /// Why, for its chain of custody.
    #[arg(long)]
    reason: String,
}

impl Remove {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect().await?;
        let request = RemoveItemRequest {
            reference: self.reference,
            item: self.item.to_vec(),
            reason: self.reason,
        };
        client.items.remove_item(request).await?;
        let item = hex::encode(self.item);
        if out.json() {
            return out.value(&json!({ "item": item, "removed": true }));
        }
        out.line(&format!("{item} is taken back; its key is erased"))
    }
}
