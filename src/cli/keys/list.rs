//! `comity keys list`: which keys there are, since when, where they lie, what is retired.

use std::path::PathBuf;

use clap::Args;

use crate::home::{Home, KeyKept, KeyState};

use super::super::{exit::Failure, out::Out};

#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    /// Home of the node. No passphrase is needed.
    #[arg(long, env = "COMITY_HOME")]
    home: PathBuf,
}

impl List {
    pub(super) fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let home = Home::open(&self.home)?;
        let keys = home.keys_kept()?;
        if out.json() {
            for key in keys {
                out.value(&serde_json::json!({
                    "key": key.what, "since": key.since.map(|at| at.to_string()),
                    "kept": key.kept.to_string(), "state": state(&key.state),
                    "until": key.until.map(|at| at.to_string()),
                }))?;
            }
            return Ok(());
        }
        let rows = keys.iter().map(row).collect();
        out.table(&["KEY", "SINCE", "KEPT", "STATE", "UNTIL"], rows)
    }
}

fn row(key: &KeyKept) -> Vec<String> {
    let time =
        |at: Option<crate::record::Moment>| at.map_or_else(String::new, super::super::out::moment);
    vec![
        key.what.clone(),
        time(key.since),
        key.kept.to_string(),
        state(&key.state).to_owned(),
        time(key.until),
    ]
}

const fn state(state: &KeyState) -> &'static str {
    match state {
        KeyState::InUse => "in use",
        KeyState::Opens => "opens what came before",
        KeyState::Retired => "retired, counts for what it signed before",
        KeyState::Revoked => "taken back",
    }
}
