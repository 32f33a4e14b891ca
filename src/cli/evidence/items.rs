//! `comity evidence items REF`: the files of a request.

use clap::Args;
use serde_json::json;

use crate::{
    cli::{
        Target,
        exit::Failure,
        out::{Out, moment},
        why::Why,
    },
    record::Moment,
    wire::node::{Item, ItemState, ListItemsRequest},
};

/// List the files of an evidence request.
///
/// Names and descriptions are shown for a purpose and a case.
#[derive(Debug, Args)]
pub(in crate::cli) struct Items {
    #[command(flatten)]
    target: Target,
    /// Reference of the request, such as UZ-26-000412-H.
    reference: String,
    #[command(flatten)]
    why: Why,
}

fn state(item: &Item) -> String {
    let word = match item.state() {
        ItemState::Unspecified => "unknown",
        ItemState::Uploading => "uploading",
        ItemState::Kept => "kept",
        ItemState::Arriving => "arriving",
        ItemState::Arrived => "arrived",
        ItemState::Refused => "refused",
    };
    match item.fault.as_str() {
        "" => word.to_owned(),
        fault => format!("{word}: {fault}"),
    }
}

/// How much of it is here, in percent.
fn share(item: &Item) -> u64 {
    let chunks = item.size.div_ceil(u64::from(item.chunk_size).max(1)).max(1);
    item.chunks.saturating_mul(100) / chunks
}

impl Items {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect().await?;
        let request = ListItemsRequest {
            reference: self.reference,
            purpose: self.why.code(),
            case_reference: self.why.case(),
        };
        let listed = client.items.list_items(request).await?.into_inner();
        if out.json() {
            for item in &listed.items {
                out.value(&json!({
                    "item": hex::encode(&item.id),
                    "state": state(item),
                    "name": item.name,
                    "description": item.description,
                    "mediaType": item.media_type,
                    "size": item.size,
                    "percent": share(item),
                    "from": item.from,
                    "transferredTo": item.transferred_to,
                    "root": hex::encode(&item.root),
                    "original": item.original,
                }))?;
            }
            return Ok(());
        }
        if listed.items.is_empty() {
            return out.line("no files");
        }
        let rows = listed.items.iter().map(|item| {
            let at = item.at.as_ref().map(|at| moment(Moment::from(at)));
            vec![
                hex::encode(&item.id),
                item.from.clone(),
                state(item),
                item.size.to_string(),
                format!("{} %", share(item)),
                at.unwrap_or_default(),
                item.transferred_to.join(" "),
                item.name.clone(),
            ]
        });
        out.table(
            &[
                "ITEM", "FROM", "STATE", "BYTES", "HERE", "SINCE", "SENT TO", "NAME",
            ],
            rows.collect(),
        )
    }
}
