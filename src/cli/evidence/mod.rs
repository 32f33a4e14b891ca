//! `comity evidence …`: evidence requests and their files.

mod download;
mod items;
mod upload;

use clap::Subcommand;

use super::{exit::Failure, out::Out};

/// Evidence requests and their files.
#[derive(Debug, Subcommand)]
pub(super) enum Evidence {
    /// Upload a file to a request.
    Upload(upload::Upload),
    /// Download a file of a request.
    Download(download::Download),
    /// List the files of a request.
    Items(items::Items),
}

impl Evidence {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        match self {
            Self::Upload(upload) => upload.carry_out(out).await,
            Self::Download(download) => download.carry_out(out).await,
            Self::Items(items) => items.carry_out(out).await,
        }
    }
}
