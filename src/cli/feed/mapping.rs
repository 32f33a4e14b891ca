//! `comity feed mapping list|show|check|template`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::{
    cli::{
        exit::{DATAERR, Failure},
        out::Out,
    },
    feed::{
        layouts::BUILT_IN,
        mapping::{Mapping, Overrides, template},
    },
};

use super::{
    letters::Why,
    options::{Options, read, text_of},
    source::Source,
};

/// List, show and check mappings, and write one to start from.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum MappingCommand {
    /// List the mappings that come along.
    List,
    /// Show the text of a mapping, to be copied and changed.
    Show {
        /// Its name.
        name: String,
    },
    /// Check a mapping, and the rows of a file by it; nothing is sent.
    Check(Check),
    /// Write a mapping of a kind with all its fields, to start from.
    Template {
        /// The kind, such as CaseRecord.
        kind: String,
    },
}

/// Check a mapping, and the rows of a file by it. No node is asked: what depends on cards and
/// permissions is said by `comity feed push --dry-run`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Check {
    #[command(flatten)]
    options: Options,
    /// A file whose columns and rows are checked too.
    file: Option<PathBuf>,
}

impl MappingCommand {
    pub(super) fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        match self {
            Self::List => list(out),
            Self::Show { name } => {
                let text = text_of(&name)?;
                out.line(text.trim_end())
            }
            Self::Check(check) => check.carry_out(out),
            Self::Template { kind } => {
                let text =
                    template(&kind).map_err(|error| Failure::new(DATAERR, error.to_string()))?;
                out.line(text.trim_end())
            }
        }
    }
}

fn list(out: &mut Out) -> Result<(), Failure> {
    let mut rows = Vec::new();
    for built_in in BUILT_IN {
        let mapping = built_in_mapping(built_in.name, built_in.text)?;
        if out.json() {
            out.value(&json!({
                "name": mapping.name,
                "kind": mapping.kind,
                "about": mapping.about,
            }))?;
        } else {
            rows.push(vec![mapping.name, mapping.kind, mapping.about]);
        }
    }
    if out.json() {
        return Ok(());
    }
    out.table(&["MAPPING", "KIND", "WHAT IT READS"], rows)
}

/// One that comes along names nobody who receives the records: that is said when it is used.
fn built_in_mapping(name: &str, text: &str) -> Result<Mapping, Failure> {
    let overrides = Overrides {
        to: vec![crate::feed::mapping::To {
            country: "UZ".to_owned(),
            authorities: Vec::new(),
        }],
        ..Overrides::default()
    };
    read(name, text, &overrides)
}

impl Check {
    fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let loaded = self.options.load()?;
        let mapping = &loaded.mapping;
        let Some(file) = &self.file else {
            return out.line(&format!(
                "{} is a mapping of {} records; nothing is wrong with it",
                mapping.name, mapping.kind
            ));
        };
        let source = Source::look(file, &self.options, mapping)?;
        let (mut items, mut failed) = (0_u64, 0_u64);
        for entry in source.entries(mapping)? {
            let entry = entry.map_err(|error| source.unfit(&error))?;
            match &entry.outcome {
                Ok(_) => items += 1,
                Err(faults) => {
                    failed += 1;
                    for fault in faults {
                        tell(entry.row.line, &Why::from(fault), out)?;
                    }
                }
            }
        }
        if out.json() {
            out.value(&json!({"items": items, "failed": failed, "encoding": source.written_as()}))?;
        } else {
            out.note(&format!(
                "{items} items, {failed} rows that fail ({})",
                source.written_as()
            ));
        }
        if failed > 0 {
            return Err(Failure::new(DATAERR, format!("{failed} rows fail")));
        }
        Ok(())
    }
}

fn tell(line: u64, why: &Why, out: &mut Out) -> Result<(), Failure> {
    let Why {
        field,
        value,
        reason,
        message,
    } = why;
    if out.json() {
        return out.value(&json!({
            "row": line,
            "field": field,
            "value": value,
            "reason": reason,
            "message": message,
        }));
    }
    out.line(&crate::cli::out::printable(&format!(
        "row {line}  {reason}  {field} {value:?}: {message}"
    )))
}
