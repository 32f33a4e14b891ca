//! `comity store check|rebuild|incarnate`: for a node that is not running.

use std::{path::PathBuf, sync::Arc};

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    home::Home,
    node::{
        items::{ItemsFound, ItemsSeen},
        projection::Rooms,
        store_options,
    },
    store::{self, ChunkStore, OpenPhase, OpenProgress, Projection},
};

use super::{
    exit::{DATAERR, Failure},
    incarnate::Incarnate,
    out::Out,
};

/// Check, rebuild or renew the store of a node that is not running.
#[derive(Debug, Subcommand)]
pub(super) enum Store {
    /// Read every byte of the journal and check every digest and the chain.
    Check(Offline),
    /// Replay the journal into a new index; the old one is removed once that is done.
    Rebuild(Rebuild),
    /// After a restore from a backup: take a new incarnation, with the country root's word.
    Incarnate(Incarnate),
}

#[derive(Debug, Args)]
pub(super) struct Rebuild {
    #[command(flatten)]
    offline: Offline,
    /// Give up for good what was acknowledged after this position and can no longer be read. The
    /// position is named when a rebuild refuses.
    #[arg(long, value_name = "POSITION")]
    accept_loss_after: Option<u64>,
}

#[derive(Debug, Args)]
pub(super) struct Offline {
    /// Home of the node.
    #[arg(long, env = "COMITY_HOME")]
    home: PathBuf,
}

impl Store {
    pub(super) fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let (offline, rebuild) = match &self {
            Self::Check(offline) => (offline, None),
            Self::Rebuild(rebuild) => (&rebuild.offline, Some(rebuild)),
            Self::Incarnate(incarnate) => return incarnate.carry_out(out),
        };
        let home = Home::open(&offline.home)?;
        let _lock = home.lock()?;
        let bar = bar();
        let mut progress = |step: OpenProgress| show(&bar, &step);
        match rebuild {
            None => {
                let seen = Arc::new(ItemsSeen::default());
                let projection: Arc<dyn Projection> = seen.clone();
                let report = store::check(&store_options(&home)?, projection, &mut progress)?;
                bar.finish_and_clear();
                let items = match home.layout().chunks() {
                    // Without an index nothing was replayed, and no item was seen.
                    dir if dir.is_dir() && report.index_position.is_some() => {
                        seen.compare(&ChunkStore::open(dir)?)?
                    }
                    _ => ItemsFound::default(),
                };
                if out.json() {
                    out.value(&serde_json::json!({
                        "entries": report.entries,
                        "segments": report.segments,
                        "groups": report.groups,
                        "journalBytes": report.journal_bytes,
                        "tornBytes": report.torn_bytes,
                        "indexPosition": report.index_position,
                        "damagedBlobs": report.damaged.iter().map(ToString::to_string).collect::<Vec<_>>(),
                        "items": items.whole,
                        "itemsUnderWay": items.under_way,
                        "damagedItems": items.damaged,
                        "chunksOfNoItem": items.orphans,
                        "sound": report.fault.is_none()
                            && report.damaged.is_empty()
                            && items.damaged.is_empty(),
                    }))?;
                }
                if let Some(fault) = report.fault {
                    return Err(Failure::new(
                        DATAERR,
                        format!(
                            "the store is not sound: {fault}; {} entries before it are",
                            report.entries
                        ),
                    ));
                }
                if let Some(first) = report.damaged.first() {
                    for damaged in &report.damaged {
                        out.note(&format!("damaged: {damaged}"));
                    }
                    return Err(Failure::new(
                        DATAERR,
                        format!(
                            "the store is not sound: {first} is damaged{}; run the node, which says \
                             what is lost and asks its peers for what they have, or restore the file \
                             from a copy",
                            match report.damaged.len() {
                                1 => String::new(),
                                more => format!(", and {} others", more - 1),
                            }
                        ),
                    ));
                }
                if let Some(first) = items.damaged.first() {
                    return Err(Failure::new(
                        DATAERR,
                        format!("{first}; restore the file from a copy. Single chunks that rotted are fetched again by the running node where they came from another country"),
                    )
                    .with_details(items.damaged));
                }
                if out.json() {
                    return Ok(());
                }
                if items.whole > 0 {
                    out.line(&format!(
                        "files of evidence, each as long as it should be: {}",
                        items.whole
                    ))?;
                }
                out.line(&format!(
                    "{} entries in {} segments, {} bytes: every digest and the chain hold{}",
                    report.entries,
                    report.segments,
                    report.journal_bytes,
                    match report.index_position {
                        Some(_) => ", and the index agrees",
                        None => "; there is no index, the next start makes one",
                    }
                ))
            }
            Some(rebuild) => {
                let opened = store::rebuild(
                    store_options(&home)?,
                    Arc::new(Rooms),
                    rebuild.accept_loss_after,
                    &mut progress,
                )?;
                bar.finish_and_clear();
                if opened.torn_bytes_cut > 0 {
                    out.note(&format!(
                        "{} bytes of an unfinished group were cut; a copy lies in torn.last beside \
                         the journal",
                        opened.torn_bytes_cut
                    ));
                }
                if out.json() {
                    return out.value(&serde_json::json!({
                        "entries": opened.position,
                        "tornBytesCut": opened.torn_bytes_cut,
                        "how": opened.how.to_string(),
                    }));
                }
                out.line(&format!("{} entries replayed", opened.position))
            }
        }
    }
}

/// A bar on standard error; hidden when that is not a terminal.
pub(super) fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{msg} {bar:40} {bytes}/{total_bytes} {eta}") {
        bar.set_style(style);
    }
    bar
}

/// Shows how far opening, checking or rebuilding is.
pub(super) fn show(bar: &ProgressBar, step: &OpenProgress) {
    bar.set_length(step.total_bytes);
    bar.set_position(step.done_bytes);
    bar.set_message(match step.phase {
        OpenPhase::Verify => "verifying",
        OpenPhase::Replay => "replaying",
        OpenPhase::Compare => "comparing",
    });
}
