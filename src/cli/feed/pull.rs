//! `comity feed pull`: what a subscription delivers, written and only then acknowledged.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;

use crate::{
    client::Client,
    wire::node::{ListSubscriptionsRequest, PullRequest, PullResponse},
};

use super::{
    super::{
        Target,
        exit::{DATAERR, Failure, USAGE},
        out::Out,
    },
    rows::{Format, Rows},
};

/// Most of a page.
const PAGE: u64 = 500;
/// Pause before a pull that goes on looks again.
const LOOK: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub(in crate::cli) struct Pull {
    #[command(flatten)]
    target: Target,
    /// Which subscription.
    name: String,
    /// How rows are written.
    #[arg(long, value_enum, default_value_t = Format::Ndjson)]
    format: Format,
    /// How many at most; without it, everything there is.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    max: Option<u64>,
    /// Go on as more becomes durable, until Ctrl-C.
    #[arg(long)]
    follow: bool,
    /// Append to this file, which is synced before anything is acknowledged; without it, standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Where rows go.
enum Sink {
    Stdout,
    File(File, PathBuf),
}

impl Sink {
    fn open(path: Option<&Path>) -> Result<(Self, bool), Failure> {
        let Some(path) = path else {
            return Ok((Self::Stdout, true));
        };
        let file = OpenOptions::new().append(true).create(true).open(path);
        let file = file.map_err(|error| Failure::not_written(path, &error))?;
        let length = file.metadata()?.len();
        Ok((Self::File(file, path.to_owned()), length == 0))
    }

    /// Writes everything, and has it durable where it is a file.
    fn keep(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match self {
            Self::Stdout => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(bytes)?;
                stdout.flush()?;
            }
            Self::File(file, path) => {
                let kept = file.write_all(bytes).and_then(|()| file.sync_all());
                kept.map_err(|error| Failure::not_written(path, &error))?;
            }
        }
        Ok(())
    }
}

impl Pull {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        if out.json() && self.format == Format::Csv {
            let why = "--output json and --format csv contradict each other; leave one out";
            return Err(Failure::new(USAGE, why));
        }
        let mut client = self.target.connect().await?;
        let kinds = self.kinds(&mut client).await?;
        let rows = Rows::new(self.format, &kinds);
        let (mut sink, new) = Sink::open(self.out.as_deref())?;
        if new {
            sink.keep(&rows.heading()?)?;
        }
        let mut left = self.max.unwrap_or(u64::MAX);
        while left > 0 {
            let page = self.page(&mut client, left).await?;
            let count = u64::try_from(page.delivered.len()).unwrap_or(u64::MAX);
            if count > 0 {
                let mut bytes = Vec::new();
                for delivered in &page.delivered {
                    bytes.extend(rows.row(delivered)?);
                }
                // A crash after this, before the acknowledgement, has the page written once more.
                sink.keep(&bytes)?;
                let position = page.position.unwrap_or_default();
                client
                    .acknowledge_delivered(&self.name, position, page.session)
                    .await?;
            }
            left = left.saturating_sub(count);
            if page.more {
                continue;
            }
            if !self.follow {
                break;
            }
            tokio::select! {
                _ = tokio::signal::ctrl_c() => break,
                () = tokio::time::sleep(LOOK) => client.renew_if_due().await,
            }
        }
        Ok(())
    }

    /// The kinds that the subscription delivers; empty for all.
    async fn kinds(&self, client: &mut Client) -> Result<Vec<String>, Failure> {
        let request = ListSubscriptionsRequest {};
        let listed = client.subscriptions.list_subscriptions(request).await?;
        let all = listed.into_inner().subscriptions;
        let found = all.into_iter().find(|of| of.name == self.name);
        let found = found.ok_or_else(|| {
            Failure::new(
                DATAERR,
                "the authority has no subscription of this name; `comity feed subscriptions` lists those that it has",
            )
        })?;
        Ok(found.filter.unwrap_or_default().kinds)
    }

    async fn page(&self, client: &mut Client, left: u64) -> Result<PullResponse, Failure> {
        let asked = PullRequest {
            name: self.name.clone(),
            page_size: u32::try_from(left.min(PAGE)).unwrap_or(1),
            ..PullRequest::default()
        };
        Ok(client.pull(asked).await?)
    }
}
