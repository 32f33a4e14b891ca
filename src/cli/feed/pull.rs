//! `comity feed pull`: what a subscription delivers, written and only then acknowledged.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    os::unix::fs::FileExt as _,
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
        exit::{CANTCREAT, DATAERR, Failure, INTERRUPTED, USAGE},
        out::Out,
    },
    files,
    rows::{Format, Rows},
};

/// Most of a page.
const PAGE: u64 = 500;
/// Pause before a pull that goes on looks again.
const LOOK: Duration = Duration::from_secs(1);
/// Bytes of a file looked at in one go for its last whole row.
const CHUNK: u64 = 64 << 10;

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

/// A file that rows are appended to.
struct Appended {
    file: File,
    path: PathBuf,
    /// How much of it is durable.
    length: u64,
}

impl Appended {
    /// Opens a file, or makes one that only its owner may read. What a crash left of a row is cut off: its page
    /// was not acknowledged, and comes again.
    fn open(path: &Path, format: Format, rows: &Rows) -> Result<Self, Failure> {
        let failed = |error: io::Error| Failure::not_written(path, &error);
        let mut options = files::private();
        let file = options.read(true).append(true).create(true).open(path);
        let file = file.map_err(failed)?;
        let there = file.metadata().map_err(failed)?;
        let mut length = there.len();
        if there.is_file() {
            if length == 0 {
                files::sync_folder(path).map_err(failed)?;
            }
            let (end, begins) = match format {
                Format::Ndjson => ("\n", b"{".to_vec()),
                Format::Csv => ("\r\n", rows.heading()?),
            };
            let whole = end_of_rows(&file, length, end.as_bytes()).map_err(failed)?;
            if whole == 0 && length > 0 {
                let mut first = Vec::new();
                let most = u64::try_from(begins.len()).unwrap_or(u64::MAX);
                (&file).take(most).read_to_end(&mut first).map_err(failed)?;
                if !begins.starts_with(&first) {
                    let why = format!(
                        "{} has no row that `comity feed pull` wrote in this format; name another file",
                        path.display()
                    );
                    return Err(Failure::new(CANTCREAT, why));
                }
            }
            if whole < length {
                file.set_len(whole).map_err(failed)?;
                length = whole;
            }
        }
        Ok(Self {
            file,
            path: path.to_owned(),
            length,
        })
    }

    /// Writes everything, and has it durable; where that fails, nothing of it.
    fn keep(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let written = self.file.write_all(bytes);
        let kept = written.and_then(|()| self.file.sync_all());
        if let Err(error) = kept {
            // Where this fails too, the next pull cuts off what is no whole row.
            let _ = self.file.set_len(self.length);
            return Err(Failure::not_written(&self.path, &error));
        }
        let more = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.length = self.length.saturating_add(more);
        Ok(())
    }
}

/// Where the last whole row ends; 0 where there is none.
fn end_of_rows(file: &File, length: u64, end: &[u8]) -> io::Result<u64> {
    let (mut to, mut behind) = (length, Vec::new());
    while to > 0 {
        let from = to.saturating_sub(CHUNK);
        let size = to.saturating_sub(from);
        let mut bytes = vec![0; usize::try_from(size).map_err(io::Error::other)?];
        file.read_exact_at(&mut bytes, from)?;
        bytes.extend(behind);
        if let Some(at) = bytes.windows(end.len()).rposition(|of| of == end) {
            let after = u64::try_from(at.saturating_add(end.len())).map_err(io::Error::other)?;
            return Ok(from.saturating_add(after));
        }
        // A row's end may lie across.
        bytes.truncate(end.len().saturating_sub(1));
        (to, behind) = (from, bytes);
    }
    Ok(0)
}

/// Where rows go.
enum Sink {
    Stdout,
    File(Appended),
}

impl Sink {
    /// Opens it; and whether it begins anew.
    fn open(path: Option<&Path>, format: Format, rows: &Rows) -> Result<(Self, bool), Failure> {
        let Some(path) = path else {
            return Ok((Self::Stdout, true));
        };
        let file = Appended::open(path, format, rows)?;
        let new = file.length == 0;
        Ok((Self::File(file), new))
    }

    /// Writes everything, and has it durable where it is a file.
    fn keep(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match self {
            Self::Stdout => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(bytes)?;
                stdout.flush()?;
                Ok(())
            }
            Self::File(file) => file.keep(bytes),
        }
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
        let (mut sink, new) = Sink::open(self.out.as_deref(), self.format, &rows)?;
        if new {
            sink.keep(&rows.heading()?)?;
        }
        let mut left = self.max.unwrap_or(u64::MAX);
        // Never between what is kept and its acknowledgement.
        let mut stop = std::pin::pin!(tokio::signal::ctrl_c());
        while left > 0 {
            let page = tokio::select! {
                biased;
                _ = &mut stop => return self.stopped(),
                page = self.page(&mut client, left) => page?,
            };
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
                _ = &mut stop => return self.stopped(),
                () = tokio::time::sleep(LOOK) => client.renew_if_due().await,
            }
        }
        Ok(())
    }

    /// How it ends by Ctrl-C: what goes on until then is done, the rest lacks something.
    fn stopped(&self) -> Result<(), Failure> {
        match self.follow {
            true => Ok(()),
            false => Err(Failure::new(
                INTERRUPTED,
                "stopped; what is written is acknowledged, and the same command goes on",
            )),
        }
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_cut_back_to_its_last_whole_row() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows");
        let long = "x".repeat(usize::try_from(CHUNK).unwrap());
        let across = format!("a\r\n{}\r\n", &long[2..]);
        for (text, end, whole) in [
            (String::new(), "\n", 0),
            ("x".to_owned(), "\r\n", 0),
            ("{}\n{}\n".to_owned(), "\n", 6),
            ("{}\n{\"a".to_owned(), "\n", 3),
            ("a\r\n\"b\n".to_owned(), "\r\n", 3),
            (format!("a\r\n{long}{long}"), "\r\n", 3),
            // Half of the end lies in the last chunk.
            (format!("a\r\n{}", &long[1..]), "\r\n", 3),
            (across.clone(), "\r\n", across.len()),
        ] {
            fs::write(&path, &text).unwrap();
            let file = File::open(&path).unwrap();
            let length = u64::try_from(text.len()).unwrap();
            let found = end_of_rows(&file, length, end.as_bytes()).unwrap();
            assert_eq!(found, u64::try_from(whole).unwrap());
        }
    }
}
