//! `comity evidence download REF ITEM --output FILE`: a file comes from the own node, verified chunk by
//! chunk.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::upload::bar;
use crate::{
    cli::{
        Target,
        exit::{Failure, USAGE},
        out::Out,
        why::Why,
    },
    client::DownloadOrder,
};

/// Download a file of an evidence request.
///
/// Each chunk is checked against the item's root. What breaks off, or is ended with Ctrl-C, goes on
/// with the same command; until it is whole it lies beside the output as FILE.part.
#[derive(Debug, Args)]
pub(in crate::cli) struct Download {
    #[command(flatten)]
    target: Target,
    /// Reference of the request, such as UZ-26-000412-H.
    reference: String,
    /// Id of the item, as `comity evidence items` lists it.
    #[arg(value_parser = item)]
    item: [u8; 16],
    /// The file to write; it must not exist.
    #[arg(long, value_name = "FILE")]
    output_file: PathBuf,
    #[command(flatten)]
    why: Why,
}

pub(super) fn item(text: &str) -> Result<[u8; 16], String> {
    let mut id = [0; 16];
    hex::decode_to_slice(text, &mut id)
        .map(|()| id)
        .map_err(|_| "the id of an item is 32 hexadecimal digits".to_owned())
}

impl Download {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let Some(purpose) = self.why.purpose() else {
            return Err(Failure::new(
                USAGE,
                "a file is downloaded for a purpose: give --purpose and --case",
            ));
        };
        let mut client = self.target.connect().await?;
        let order = DownloadOrder {
            reference: self.reference,
            item: self.item,
            purpose,
            case: self.why.case(),
            note: self.why.note(),
            output: self.output_file.clone(),
        };
        let bar = bar();
        let mut progress = |done, all| {
            bar.set_length(all);
            bar.set_position(done);
        };
        let item = client.download(order, &mut progress).await?;
        bar.finish_and_clear();
        let root = hex::encode(&item.root);
        if out.json() {
            return out.value(&json!({
                "item": hex::encode(&item.id),
                "name": item.name,
                "size": item.size,
                "root": root,
                "file": self.output_file,
            }));
        }
        out.line(&format!(
            "{} is written, {} bytes; every chunk fits the root {root}",
            self.output_file.display(),
            item.size
        ))
    }
}
