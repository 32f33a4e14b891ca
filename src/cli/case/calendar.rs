//! `comity case ics REF`.

use std::{fs::OpenOptions, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::PathBuf};

use clap::Args;

use crate::{node::system_clock, record::Moment};

use super::{
    super::{
        Target,
        exit::{CANTCREAT, Failure, IOERR},
        out::Out,
    },
    ics, timeline,
};

/// Write the meetings of a joint case and what is due after them as a calendar.
#[derive(Debug, Args)]
pub(in crate::cli) struct Calendar {
    #[command(flatten)]
    target: Target,
    /// Reference of any version of the joint case.
    reference: String,
    /// File to write, which must not exist; standard output when absent.
    #[arg(long)]
    to: Option<PathBuf>,
    /// With titles, agenda and what is to be done: whoever sees the calendar reads them.
    #[arg(long)]
    details: bool,
}

impl Calendar {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect().await?;
        let events = timeline::events(&mut client, &self.reference).await?;
        let now: Moment = system_clock()();
        let text = ics::write(&events, self.details, now);
        let Some(path) = &self.to else {
            return out.csv(&text);
        };
        let mut options = OpenOptions::new();
        let made = options.write(true).create_new(true).mode(0o600).open(path);
        let mut file = made.map_err(|error| {
            let why = format!("{} cannot be created: {error}", path.display());
            Failure::new(CANTCREAT, why)
        })?;
        let written = file
            .write_all(text.as_bytes())
            .and_then(|()| file.sync_all());
        written.map_err(|error| {
            let why = format!("{} cannot be written: {error}", path.display());
            Failure::new(IOERR, why)
        })?;
        if out.json() {
            let path = path.display().to_string();
            return out.value(&serde_json::json!({ "file": path }));
        }
        out.line(&path.display().to_string())
    }
}
