//! `access.toml`: the permissions as a country writes them, and back.
//!
//! ```toml
//! [[allow]]
//! role = "analyst"
//! actions = ["list", "search"]
//! kinds = ["Route", "Network"]                  # left out: every kind
//! compartments = ["situation", "suspects"]      # left out: none; for what is not about contents
//! scope = "authority"                           # or "country"
//!
//! [two_persons.export-bulk]                     # left out: as it is built in
//! required = true                               # or false: one person may
//! approvers = ["liaison-officer"]
//! hours = 24
//! records = 1000                                # of this one alone
//! ```
//!
//! A file stands for itself: what it does not allow is refused, whatever is built in.

use std::{collections::BTreeSet, fmt::Write as _, ops::Range};

use serde::Deserialize;
use toml::Spanned;

use super::{
    Role,
    action::{About, Action},
    compartments::{self, Compartments},
    shown,
    table::{
        Guarded, MAX_HOURS, MAX_RECORDS, MAX_ROWS, Row, STEP_KIND, Scope, SecondPerson, Table,
        TableFault,
    },
};
use crate::record::{compartments::label_name, kind_names};

/// Largest `access.toml`, in bytes.
pub const MAX_BYTES: usize = 256 * 1024;

/// `access.toml` is not taken. The fault is the file's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileFault {
    /// Too large.
    #[error("access.toml has {0} bytes; at most {MAX_BYTES} are allowed")]
    TooLarge(usize),
    /// Something in a line.
    #[error("access.toml, line {line}: `{field}`: {what}")]
    Line {
        /// Which line, from 1.
        line: u32,
        /// Which field.
        field: String,
        /// What is wrong, and what is allowed.
        what: String,
    },
    /// The table as a whole.
    #[error("access.toml: {0}")]
    Table(#[from] TableFault),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    allow: Vec<Spanned<Allow>>,
    #[serde(default)]
    two_persons: toml::map::Map<String, toml::Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Allow {
    role: Spanned<String>,
    actions: Spanned<Vec<Spanned<String>>>,
    kinds: Option<Spanned<Vec<Spanned<String>>>>,
    compartments: Option<Spanned<Vec<Spanned<String>>>>,
    scope: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Second {
    required: Option<bool>,
    approvers: Option<Spanned<Vec<Spanned<String>>>>,
    hours: Option<Spanned<u32>>,
    records: Option<Spanned<u32>>,
}

/// The spans of the second half: the same text read once more for where things stand.
#[derive(Deserialize)]
struct Sections {
    #[serde(default)]
    two_persons: std::collections::BTreeMap<Spanned<String>, Spanned<Second>>,
}

struct Reader<'a>(&'a str);

impl Reader<'_> {
    fn fault(&self, span: Range<usize>, field: &str, what: impl Into<String>) -> FileFault {
        let before = self.0.bytes().take(span.start);
        let lines = before.filter(|byte| *byte == b'\n').count();
        FileFault::Line {
            line: u32::try_from(lines).map_or(u32::MAX, |lines| lines.saturating_add(1)),
            field: field.to_owned(),
            what: what.into(),
        }
    }

    fn syntax(&self, error: &toml::de::Error) -> FileFault {
        let span = error.span().unwrap_or(0..0);
        let at = self.0.get(span.clone()).unwrap_or_default();
        let field: String = shown(at.lines().next().unwrap_or_default());
        self.fault(span, &field, error.message())
    }

    fn each<T>(
        &self,
        field: &str,
        list: Spanned<Vec<Spanned<String>>>,
        allowed: &str,
        mut read: impl FnMut(&str) -> Option<T>,
        mut take: impl FnMut(T) -> bool,
    ) -> Result<(), FileFault> {
        let whole = list.span();
        let list = list.into_inner();
        if list.is_empty() {
            return Err(self.fault(
                whole,
                field,
                "an empty list allows nothing; leave the row out",
            ));
        }
        for word in list {
            let span = word.span();
            let name = word.into_inner();
            let Some(value) = read(&name) else {
                let what = format!("`{}` is none; allowed are {allowed}", shown(&name));
                return Err(self.fault(span, field, what));
            };
            if !take(value) {
                let what = format!("`{}` is given twice", shown(&name));
                return Err(self.fault(span, field, what));
            }
        }
        Ok(())
    }

    fn roles(
        &self,
        field: &str,
        list: Spanned<Vec<Spanned<String>>>,
    ) -> Result<BTreeSet<Role>, FileFault> {
        let mut roles: BTreeSet<Role> = BTreeSet::new();
        self.each(
            field,
            list,
            &role_words(),
            |name| name.parse::<Role>().ok(),
            |role| roles.insert(role),
        )?;
        Ok(roles)
    }

    fn row(&self, allow: Spanned<Allow>) -> Result<Row, FileFault> {
        let whole = allow.span();
        let allow = allow.into_inner();
        let role = allow.role.get_ref().parse::<Role>();
        let role = role.map_err(|_| {
            let what = format!(
                "`{}` is no role; allowed are {}",
                shown(allow.role.get_ref()),
                role_words()
            );
            self.fault(allow.role.span(), "role", what)
        })?;
        let mut actions: BTreeSet<Action> = BTreeSet::new();
        self.each(
            "actions",
            allow.actions,
            &Action::words(),
            |name| name.parse::<Action>().ok(),
            |action| actions.insert(action),
        )?;
        let mut kinds = None;
        if let Some(list) = allow.kinds {
            let known = kinds_known();
            let taken = kinds.insert(BTreeSet::new());
            self.each(
                "kinds",
                list,
                &known.join(", "),
                |name| known.iter().find(|kind| *kind == name).cloned(),
                |kind| taken.insert(kind),
            )?;
        }
        let mut labels = Compartments::NONE;
        if let Some(list) = allow.compartments {
            let known = compartments::ALL.map(label_name).join(", ");
            self.each("compartments", list, &known, compartments::named, |label| {
                let new = !labels.has(label);
                labels.insert(label);
                new
            })?;
        }
        let scope = match &allow.scope {
            None => Scope::Authority,
            Some(word) => match word.get_ref().as_str() {
                "authority" => Scope::Authority,
                "country" => Scope::Country,
                other => {
                    let what = format!(
                        "`{}` is no scope; allowed are authority, country",
                        shown(other)
                    );
                    return Err(self.fault(word.span(), "scope", what));
                }
            },
        };
        let contents = actions
            .iter()
            .any(|action| action.about() == About::Contents);
        if contents && labels.is_empty() {
            return Err(self.fault(
                whole,
                "compartments",
                "a row with actions on records names at least one compartment",
            ));
        }
        Ok(Row {
            role,
            actions,
            kinds,
            compartments: labels,
            scope,
        })
    }
}

fn role_words() -> String {
    Role::ALL.map(Role::as_str).join(", ")
}

/// The kinds that a row can name.
pub fn kinds_known() -> Vec<String> {
    let mut known = kind_names();
    known.push(STEP_KIND.to_owned());
    known
}

impl Table {
    /// Reads `access.toml`.
    ///
    /// # Errors
    /// [`FileFault`] names line, field and what is allowed.
    pub fn read(text: &str) -> Result<Self, FileFault> {
        if text.len() > MAX_BYTES {
            return Err(FileFault::TooLarge(text.len()));
        }
        let reader = Reader(text);
        let file: File = toml::from_str(text).map_err(|error| reader.syntax(&error))?;
        if file.allow.len() > MAX_ROWS {
            let what = format!("{} rows; at most {MAX_ROWS} are allowed", file.allow.len());
            return Err(reader.fault(0..0, "allow", what));
        }
        let mut table = Self {
            rows: Vec::new(),
            ..Self::default()
        };
        for allow in file.allow {
            table.rows.push(reader.row(allow)?);
        }
        if !file.two_persons.is_empty() {
            let sections: Sections = toml::from_str(text).map_err(|error| reader.syntax(&error))?;
            for (name, second) in sections.two_persons {
                reader.second(&mut table, name, second)?;
            }
        }
        table.check()?;
        Ok(table)
    }

    /// The table as `access.toml` has it; [`Self::read`] reads the same.
    pub fn to_toml(&self) -> String {
        let mut text =
            String::from("# The permissions of a country; docs/ACCESS.md explains them.\n");
        let list = |words: Vec<&str>| {
            let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
            format!("[{}]", quoted.join(", "))
        };
        // Writing into a text cannot fail.
        for row in &self.rows {
            let actions = row.actions.iter().map(|action| action.as_str()).collect();
            let _ = write!(
                text,
                "\n[[allow]]\nrole = \"{}\"\nactions = {}\n",
                row.role,
                list(actions)
            );
            if let Some(kinds) = &row.kinds {
                let _ = writeln!(
                    text,
                    "kinds = {}",
                    list(kinds.iter().map(String::as_str).collect())
                );
            }
            if !row.compartments.is_empty() {
                let labels = row.compartments.iter().map(label_name).collect();
                let _ = writeln!(text, "compartments = {}", list(labels));
                let _ = writeln!(text, "scope = \"{}\"", row.scope.as_str());
            }
        }
        for (guarded, second) in &self.second {
            let approvers = second.approvers.iter().map(|role| role.as_str()).collect();
            let _ = write!(
                text,
                "\n[two_persons.{}]\nrequired = {}\napprovers = {}\nhours = {}\n",
                guarded.as_str(),
                second.required,
                list(approvers),
                second.hours
            );
            if *guarded == Guarded::ExportBulk {
                let _ = writeln!(text, "records = {}", second.records);
            }
        }
        text
    }
}

impl Reader<'_> {
    fn second(
        &self,
        table: &mut Table,
        name: Spanned<String>,
        second: Spanned<Second>,
    ) -> Result<(), FileFault> {
        let Some(guarded) = Guarded::named(name.get_ref()) else {
            let what = format!(
                "`{}` is none; allowed are {}",
                shown(name.get_ref()),
                Guarded::words()
            );
            return Err(self.fault(name.span(), "two_persons", what));
        };
        let whole = second.span();
        let second = second.into_inner();
        let mut rule: SecondPerson = table.second(guarded);
        if let Some(required) = second.required {
            rule.required = required;
        }
        if let Some(list) = second.approvers {
            rule.approvers = self.roles("approvers", list)?;
        }
        if let Some(hours) = second.hours {
            if !(1..=MAX_HOURS).contains(hours.get_ref()) {
                let what = format!("{} is not from 1 to {MAX_HOURS}", hours.get_ref());
                return Err(self.fault(hours.span(), "hours", what));
            }
            rule.hours = hours.into_inner();
        }
        if let Some(records) = second.records {
            let what = match guarded {
                Guarded::ExportBulk if (1..=MAX_RECORDS).contains(records.get_ref()) => None,
                Guarded::ExportBulk => Some(format!(
                    "{} is not from 1 to {MAX_RECORDS}",
                    records.get_ref()
                )),
                _ => Some(format!("only `{}` has it", Guarded::ExportBulk.as_str())),
            };
            if let Some(what) = what {
                return Err(self.fault(records.span(), "records", what));
            }
            rule.records = records.into_inner();
        }
        let approving = |role: &Role| {
            let mut rows = table.rows.iter();
            rows.any(|row| row.role == *role && row.actions.contains(&Action::Approve))
        };
        if rule.required && !rule.approvers.iter().any(approving) {
            return Err(self.fault(
                whole,
                "approvers",
                "none of these roles has the action `approve`, so it could never be approved",
            ));
        }
        table.second.insert(guarded, rule);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
