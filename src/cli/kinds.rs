//! `comity kinds`, `comity kinds show KIND`, `comity kinds codes LIST`: records explained.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::catalogue::{self, CodeList, Field, Kind};

use super::{
    exit::{DATAERR, Failure, USAGE},
    out::Out,
};

/// Explain the kinds of record, their fields and codes.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Kinds {
    /// Write docs/RECORDS.md: everything there is to say, in Markdown.
    #[arg(long)]
    markdown: bool,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the kinds.
    List,
    /// Show the fields of a kind: type, compartment, whether required, bounds, codes.
    Show(Show),
    /// Show a code list with its source.
    Codes {
        /// Name of the list, such as Transport.
        list: String,
    },
}

#[derive(Debug, Args)]
struct Show {
    /// The kind, such as Route or victim-referral.
    kind: String,
    /// Show the fields that every record has, too.
    #[arg(long)]
    all: bool,
}

impl Kinds {
    pub(super) fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        if self.markdown {
            if out.json() {
                return Err(Failure::new(
                    USAGE,
                    "--markdown and --output json exclude each other",
                ));
            }
            return out.line(catalogue::page().trim_end());
        }
        match self.action {
            None | Some(Action::List) => list(out),
            Some(Action::Show(show)) => show.carry_out(out),
            Some(Action::Codes { list }) => codes(&list, out),
        }
    }
}

fn list(out: &mut Out) -> Result<(), Failure> {
    let kinds = catalogue::kinds();
    if out.json() {
        return kinds.iter().try_for_each(|kind| out.value(&of_kind(kind)));
    }
    let rows = kinds.into_iter().map(|kind| vec![kind.name, kind.about]);
    out.table(&["KIND", "WHAT"], rows.collect())
}

fn of_kind(kind: &Kind) -> Value {
    json!({ "kind": kind.name, "field": format!("situation.{}", kind.field), "about": kind.about })
}

impl Show {
    fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let unknown = |error: catalogue::UnknownKind| Failure::new(DATAERR, error.to_string());
        let kind = catalogue::kind(&self.kind).map_err(unknown)?;
        let mut fields = catalogue::fields_of(&kind.name).map_err(unknown)?;
        if self.all || out.json() {
            fields.extend(catalogue::common_fields());
        }
        let mut lists: Vec<CodeList> = Vec::new();
        for name in fields.iter().filter_map(|field| field.codes.as_deref()) {
            if !lists.iter().any(|list| list.name == name) {
                lists.extend(catalogue::code_list(name));
            }
        }
        if out.json() {
            let mut value = of_kind(&kind);
            if let Some(object) = value.as_object_mut() {
                object.insert("fields".to_owned(), fields.iter().map(of_field).collect());
                object.insert("codeLists".to_owned(), lists.iter().map(of_list).collect());
            }
            return out.value(&value);
        }
        out.line(&format!("{}: {}\n", kind.name, kind.about))?;
        let rows = fields.into_iter().map(row).collect();
        let headings = ["FIELD", "TYPE", "COMPARTMENT", "REQUIRED", "BOUNDS", "WHAT"];
        out.table(&headings, rows)?;
        out.line("")?;
        let rows = lists.into_iter().map(|list| {
            let codes: Vec<String> = list.codes.into_iter().map(|code| code.name).collect();
            vec![
                list.name,
                format!("{} {}", list.standard, list.list),
                codes.join(" "),
            ]
        });
        out.table(&["CODE LIST", "SOURCE", "CODES"], rows.collect())?;
        if !self.all {
            out.note("every record has more fields: --all shows them, `comity kinds codes LIST` what codes mean");
        }
        Ok(())
    }
}

fn row(field: Field) -> Vec<String> {
    vec![
        field.path,
        field.type_name,
        field.compartment.to_owned(),
        field.need.to_string(),
        field.bounds.join("; "),
        field.about,
    ]
}

fn of_field(field: &Field) -> Value {
    json!({
        "path": field.path,
        "type": field.type_name,
        "compartment": field.compartment,
        "required": field.need.to_string(),
        "bounds": field.bounds,
        "codes": field.codes,
        "about": field.about,
    })
}

fn of_list(list: &CodeList) -> Value {
    let codes = list.codes.iter().map(|code| {
        json!({
            "code": code.name,
            "number": code.number,
            "source": code.source,
            "about": code.about,
        })
    });
    json!({
        "list": list.name,
        "about": list.about,
        "standard": list.standard,
        "standardList": list.list,
        "codes": codes.collect::<Vec<_>>(),
    })
}

fn codes(name: &str, out: &mut Out) -> Result<(), Failure> {
    let all = catalogue::code_lists();
    let found = all.iter().find(|list| list.name.eq_ignore_ascii_case(name));
    let Some(list) = found else {
        let names: Vec<&str> = all.iter().map(|list| list.name.as_str()).collect();
        let message = format!("there is no such code list; there are {}", names.join(", "));
        return Err(Failure::new(DATAERR, message));
    };
    if out.json() {
        return out.value(&of_list(list));
    }
    let source = format!("{} {}", list.standard, list.list);
    out.line(&format!(
        "{}: {} ({})\n",
        list.name,
        list.about,
        source.trim_end()
    ))?;
    let rows = list
        .codes
        .iter()
        .map(|code| vec![code.name.clone(), code.source.clone(), code.about.clone()]);
    out.table(&["CODE", "IN THE SOURCE", "WHAT"], rows.collect())
}
