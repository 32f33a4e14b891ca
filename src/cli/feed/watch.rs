//! `comity feed watch DIR --mapping M`: a folder into which a case system puts its exports.

use std::{
    collections::BTreeMap,
    fs,
    io::ErrorKind,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use clap::Args;
use serde_json::json;

use crate::{
    cli::{
        exit::{CONFIG, Failure, IOERR, NOINPUT, TEMPFAIL, UNAVAILABLE},
        out::Out,
    },
    feed::rows::Format,
    shutdown,
};

use super::{
    files::{beside, remove_if_there, rename_if_there, replace},
    options::{Loaded, Options},
    report::Report,
    run::Run,
    source::stamp,
};

/// How often the folder is looked at; the only way that works on network shares too.
const LOOKS: Duration = Duration::from_secs(1);

/// Push every file that is put into a folder, one after the other.
///
/// A file is taken once nobody has written to it for a while, and moved to DIR/work; when every row became a
/// record it moves to DIR/done, otherwise to DIR/failed, each time with FILE.report.json beside it and
/// with FILE.dead-letters.csv where rows failed. What was killed goes on where it stopped. Names that begin
/// with a dot or end in .part, .tmp or .filepart are left alone.
#[derive(Debug, Args)]
pub(in crate::cli) struct Watch {
    /// The folder; `work`, `done` and `failed` are made within it.
    folder: PathBuf,
    #[command(flatten)]
    options: Options,
    /// How long nobody may have written to a file before it is taken, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3600))]
    settle: u64,
    /// End once the folder is empty, instead of waiting for more.
    #[arg(long)]
    once: bool,
}

/// What is known of a file in the folder.
struct Seen {
    stamp: (u64, i64),
    since: Instant,
}

impl Watch {
    fn places(&self) -> Places {
        Places {
            folder: self.folder.clone(),
            work: self.folder.join("work"),
            done: self.folder.join("done"),
            failed: self.folder.join("failed"),
        }
    }

    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let loaded = self.options.load()?;
        let places = self.places();
        if !places.folder.is_dir() {
            let why = format!("{} is no folder", places.folder.display());
            return Err(Failure::new(NOINPUT, why));
        }
        for folder in [&places.work, &places.done, &places.failed] {
            match fs::DirBuilder::new().mode(0o700).create(folder) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                    return Err(Failure::not_written(folder, &error));
                }
                _ => {}
            }
        }
        let stop = shutdown::on_signal();
        let run = Run {
            options: &self.options,
            loaded: &loaded,
            dry_run: false,
            fresh: false,
            patience: Duration::MAX,
            stop: &stop,
        };
        let mut seen: BTreeMap<PathBuf, Seen> = BTreeMap::new();
        while !stop.is_cancelled() {
            for file in places.in_work()? {
                places.one(&run, &loaded, &file, out).await?;
                if stop.is_cancelled() {
                    return Ok(());
                }
            }
            let settle = Duration::from_secs(self.settle);
            if let Some(file) = places.still(&mut seen, settle)? {
                places.take(&file)?;
                continue;
            }
            if self.once && seen.is_empty() {
                return Ok(());
            }
            tokio::select! {
                () = tokio::time::sleep(LOOKS) => {}
                () = stop.cancelled() => {}
            }
        }
        Ok(())
    }
}

/// The folder and those within it.
struct Places {
    folder: PathBuf,
    work: PathBuf,
    done: PathBuf,
    failed: PathBuf,
}

impl Places {
    /// Files in hand. First the moves that a crash left half done are finished.
    fn in_work(&self) -> Result<Vec<PathBuf>, Failure> {
        let names = listed(&self.work)?;
        for path in &names {
            let name = path.to_string_lossy();
            if let Some(file) = name.strip_suffix(".report.json") {
                self.finish(Path::new(file))?;
            }
        }
        let mut files: Vec<PathBuf> = listed(&self.work)?;
        files.retain(|path| taken(path) && !is_letters(path));
        Ok(files)
    }

    /// Pushes a file in hand and moves it to where it belongs.
    async fn one(
        &self,
        run: &Run<'_>,
        loaded: &Loaded,
        file: &Path,
        out: &mut Out,
    ) -> Result<(), Failure> {
        match run.file(file, out).await {
            Ok(report) if report.complete => {
                report.show(out)?;
                self.finish(file)
            }
            // It goes on with the next start.
            Ok(_) => Ok(()),
            Err(failure) if passing(&failure) => Err(failure),
            Err(failure) => {
                out.failure(&failure);
                let report = json!({
                    "file": file,
                    "mapping": loaded.mapping.name,
                    "feed": run.options.feed,
                    "complete": false,
                    "why": failure.message(),
                    "details": failure.details(),
                });
                let path = Report::path(file);
                let text = format!("{report:#}\n");
                replace(&path, text.as_bytes())
                    .map_err(|error| Failure::not_written(&path, &error))?;
                self.finish(file)
            }
        }
    }

    /// Moves a file whose report is written, with what lies beside it; the report last, since it
    /// says that the rest is to be moved.
    fn finish(&self, file: &Path) -> Result<(), Failure> {
        let report = Report::path(file);
        let text = fs::read(&report).map_err(|error| Failure::not_written(&report, &error))?;
        let says: serde_json::Value = serde_json::from_slice(&text)
            .map_err(|error| Failure::new(IOERR, format!("{}: {error}", report.display())))?;
        let fine = says.get("complete") == Some(&json!(true))
            && says.pointer("/outcomes/failed").is_none();
        let to = if fine { &self.done } else { &self.failed };
        let letters = [".dead-letters.csv", ".dead-letters.ndjson"].map(|of| beside(file, of));
        for from in [
            &[file.to_owned()][..],
            &letters,
            std::slice::from_ref(&report),
        ]
        .concat()
        {
            let name = from.file_name().unwrap_or_default();
            let moved = rename_if_there(&from, &to.join(name));
            moved.map_err(|error| Failure::not_written(&from, &error))?;
        }
        let progress = beside(file, ".progress");
        remove_if_there(&progress).map_err(|error| Failure::not_written(&progress, &error))
    }

    /// The first file, by name, to which nobody has written for `settle`.
    fn still(
        &self,
        seen: &mut BTreeMap<PathBuf, Seen>,
        settle: Duration,
    ) -> Result<Option<PathBuf>, Failure> {
        let files: Vec<PathBuf> = listed(&self.folder)?
            .into_iter()
            .filter(|path| taken(path) && path.is_file())
            .collect();
        seen.retain(|path, _| files.contains(path));
        for path in files {
            let Ok(metadata) = fs::metadata(&path) else {
                continue;
            };
            let stamp = stamp(&metadata);
            let known = seen.entry(path.clone()).or_insert_with(|| Seen {
                stamp,
                since: Instant::now(),
            });
            if known.stamp != stamp {
                *known = Seen {
                    stamp,
                    since: Instant::now(),
                };
            }
            if known.since.elapsed() >= settle {
                seen.remove(&path);
                return Ok(Some(path));
            }
        }
        Ok(None)
    }

    /// Moves a file to those in hand, under a name that nothing has yet, here or where it will go.
    fn take(&self, file: &Path) -> Result<(), Failure> {
        let name = file.file_name().map(|of| of.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        let (stem, ending) = name.rsplit_once('.').unwrap_or((&name, ""));
        let free = |name: &String| {
            let folders = [&self.work, &self.done, &self.failed];
            let beside = [
                "",
                ".report.json",
                ".dead-letters.csv",
                ".dead-letters.ndjson",
            ];
            let mut all = folders
                .iter()
                .flat_map(|of| beside.map(|end| of.join(format!("{name}{end}"))));
            all.all(|path| !path.exists())
        };
        let others = (2..100_000_u32).map(|number| format!("{stem}.{number}.{ending}"));
        let mut names = std::iter::once(name.clone()).chain(others);
        let Some(name) = names.find(free) else {
            let why = format!("{} holds too many files of one name", self.done.display());
            return Err(Failure::new(IOERR, why));
        };
        rename_if_there(file, &self.work.join(name))
            .map_err(|error| Failure::not_written(file, &error))
    }
}

/// Whether the node, or the machine, may serve later: the file is not to blame.
fn passing(failure: &Failure) -> bool {
    let of_the_node = [
        UNAVAILABLE,
        TEMPFAIL,
        IOERR,
        CONFIG,
        crate::cli::exit::NOPERM,
    ];
    of_the_node.contains(&failure.code())
}

/// Whether a file is one that is pushed, by its name.
fn taken(path: &Path) -> bool {
    let name = path
        .file_name()
        .map(|of| of.to_string_lossy().to_lowercase());
    let name = name.unwrap_or_default();
    let hidden = name.starts_with(['.', '~']);
    !hidden && Format::of_name(&name).is_some()
}

/// Whether a file in hand is a list of dead letters of another: also that of a list that is pushed.
fn is_letters(path: &Path) -> bool {
    let name = path.to_string_lossy();
    let of = [".dead-letters.csv", ".dead-letters.ndjson"];
    of.iter()
        .filter_map(|ending| name.strip_suffix(ending))
        .any(|file| taken(Path::new(file)) && Path::new(file).exists())
}

/// The files of a folder, by name.
fn listed(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::new(
            NOINPUT,
            format!("{} cannot be read: {error}", folder.display()),
        )
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        paths.push(entry.map_err(unreadable)?.path());
    }
    paths.sort();
    Ok(paths)
}
