//! A row becomes an item.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use prost_reflect::Value;

use super::{
    Column, Mapping, MappingFault,
    convert::{Field, Piece, Source, country},
    date::DateHabit,
    digits::{folded, western},
    file::VersionKind,
    path::prune,
    rules::{CountryFrom, OwnId},
};
use crate::{
    feed::{
        fault::{Fault, Reason},
        rows::{Cell, Heading, LIST, Row},
    },
    wire::{
        node::{FeedDeletion, FeedItem, feed_item::Content},
        record::{Destination, Record},
    },
};

/// Longest own id, in characters.
const MAX_OWN_ID: usize = 128;

/// A mapping and the columns of a file.
#[derive(Clone, Debug)]
pub struct Bound {
    heading: Arc<Heading>,
    /// Where each column that the mapping names stands.
    places: Vec<Option<usize>>,
}

impl Bound {
    /// Whether it is of this heading.
    pub fn is_of(&self, heading: &Arc<Heading>) -> bool {
        Arc::ptr_eq(&self.heading, heading)
    }
}

impl Mapping {
    /// Finds the columns in a file's heading. Of objects, which have each their own fields, none must
    /// be there.
    ///
    /// # Errors
    /// Every column that is missing, or there twice.
    pub fn bind(&self, heading: &Arc<Heading>) -> Result<Bound, Vec<MappingFault>> {
        let mut found: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (at, name) in heading.columns.iter().enumerate() {
            found.entry(folded(name)).or_default().push(at);
        }
        let mut faults = Vec::new();
        let mut fault = |column: &Column, message| {
            faults.push(MappingFault {
                line: column.line,
                message,
            });
        };
        let mut places = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            let spelt = column.spellings.iter();
            let there: Vec<usize> = spelt
                .filter_map(|of| found.get(&folded(of)))
                .flatten()
                .copied()
                .collect();
            match there.as_slice() {
                [] if heading.fixed && !column.optional => {
                    let names: Vec<&str> = heading.columns.iter().map(String::as_str).collect();
                    let names = names.get(..names.len().min(40)).unwrap_or_default();
                    fault(
                        column,
                        format!(
                            "the file has no column `{}`; it has {}",
                            column.spellings.join("` or `"),
                            names.join(", ")
                        ),
                    );
                }
                [] | [_] => {}
                several => {
                    let at: Vec<String> = several.iter().map(|at| (at + 1).to_string()).collect();
                    fault(
                        column,
                        format!(
                            "the file has the column `{}` more than once, at {}",
                            column.spellings.join("` or `"),
                            at.join(" and ")
                        ),
                    );
                }
            }
            places.push(there.first().copied());
        }
        if faults.is_empty() {
            Ok(Bound {
                heading: Arc::clone(heading),
                places,
            })
        } else {
            Err(faults)
        }
    }

    fn cell<'a>(&self, row: &'a Row, bound: &Bound, column: usize) -> Option<&'a Cell> {
        let place = bound.places.get(column).copied().flatten()?;
        let cell = row.cells.get(place)?;
        Some(cell)
    }

    /// The cell, where it says something.
    fn said<'a>(&self, row: &'a Row, bound: &Bound, column: usize) -> Option<&'a Cell> {
        self.cell(row, bound, column)
            .filter(|cell| !self.absent.contains(&folded(&cell.text)))
    }

    fn name(&self, column: usize) -> &str {
        let of = self.columns.get(column);
        of.and_then(|of| of.spellings.first())
            .map_or("", String::as_str)
    }

    /// The item's own id.
    ///
    /// # Errors
    /// [`Fault`] when a part of it is missing, or it is longer than 128 characters.
    pub fn own_id(&self, row: &Row, bound: &Bound) -> Result<String, Fault> {
        let (columns, separator, prefix) = match &self.own_id {
            OwnId::Row { prefix } => return Ok(format!("{prefix}row-{}", first_line(row))),
            OwnId::Columns {
                columns,
                separator,
                prefix,
            } => (columns, separator, prefix),
        };
        let mut parts = Vec::with_capacity(columns.len());
        for column in columns {
            match self.said(row, bound, *column) {
                Some(cell) => parts.push(cell.text.trim()),
                None => {
                    let message = "the own id of the item stands here, and it is empty";
                    let name = self.name(*column);
                    return Err(Fault::new(name, "", Reason::OwnId, message));
                }
            }
        }
        let id = format!("{prefix}{}", parts.join(separator));
        let names: Vec<&str> = columns.iter().map(|of| self.name(*of)).collect();
        let fault = |message| Fault::new(&names.join(", "), &id, Reason::OwnId, message);
        if id.chars().count() > MAX_OWN_ID {
            return Err(fault(format!(
                "the own id has more than {MAX_OWN_ID} characters"
            )));
        }
        if id.chars().any(char::is_control) {
            return Err(fault("the own id holds a control character".to_owned()));
        }
        Ok(id)
    }

    /// Whether rows have versions, so that one own id may stand in several.
    pub const fn has_versions(&self) -> bool {
        self.version.is_some()
    }

    /// The item that a row gives.
    ///
    /// # Errors
    /// Everything that is wrong with the row.
    pub fn item(&self, row: &Row, bound: &Bound) -> Result<FeedItem, Vec<Fault>> {
        if !row.faults.is_empty() {
            return Err(row.faults.clone());
        }
        let mut faults = Vec::new();
        let own_id = self.own_id(row, bound).unwrap_or_else(|fault| {
            faults.push(fault);
            String::new()
        });
        let version = self.version_of(row, bound).unwrap_or_else(|fault| {
            faults.push(fault);
            0
        });
        let content = match self.deletion(row, bound) {
            Some(deletion) => Some(Content::Deleted(deletion)),
            None => self.record(row, bound, &mut faults).map(Content::Record),
        };
        if faults.is_empty() && content.is_some() {
            return Ok(FeedItem {
                own_id,
                version,
                content,
            });
        }
        Err(faults)
    }

    fn version_of(&self, row: &Row, bound: &Bound) -> Result<u64, Fault> {
        let Some(rule) = &self.version else {
            return Ok(0);
        };
        let name = self.name(rule.column);
        let Some(cell) = self.said(row, bound, rule.column) else {
            let message = "the version of the item stands here, and it is empty";
            return Err(Fault::new(name, "", Reason::Version, message));
        };
        let text = cell.text.trim();
        let micros = |at: crate::record::Moment| u64::try_from(at.micros()).ok();
        let read = match rule.kind {
            VersionKind::Number => Ok(western(text).parse::<u64>().ok()),
            VersionKind::Time => rule.date.moment(text).map(micros),
            VersionKind::Date => rule.date.day(text).map(|day| {
                let utc = DateHabit::named(None, None, Some("UTC")).ok()?;
                utc.moment(&day.to_string()).ok().and_then(micros)
            }),
        };
        match read {
            Ok(Some(version)) if version > 0 => Ok(version),
            Ok(_) => {
                let message = "a version is a whole number above 0, or a date after 1970";
                Err(Fault::new(name, text, Reason::Version, message))
            }
            Err((reason, message)) => Err(Fault::new(name, text, reason, message)),
        }
    }

    fn deletion(&self, row: &Row, bound: &Bound) -> Option<FeedDeletion> {
        let rule = self.deleted.as_ref()?;
        let cell = self.cell(row, bound, rule.column)?;
        rule.values
            .contains(&folded(&cell.text))
            .then(|| FeedDeletion {
                reason: rule.reason.clone(),
            })
    }

    fn record(&self, row: &Row, bound: &Bound, faults: &mut Vec<Fault>) -> Option<Record> {
        let mut message = self.base.clone();
        for field in &self.fields {
            if let Some((column, is)) = &field.when {
                let cell = self.cell(row, bound, *column);
                let text = folded(cell.map_or("", |cell| cell.text.as_str()));
                if !is.contains(&text) {
                    continue;
                }
            }
            // Of several sources of one field the first that says something counts.
            if !field.target.list && field.target.is_set(&mut message) {
                continue;
            }
            match self.values(field, row, bound) {
                Ok(values) => {
                    for value in values {
                        field.target.put(&mut message, value);
                    }
                }
                Err(fault) => faults.push(fault),
            }
        }
        let destinations = self.destinations(row, bound, faults);
        if !faults.is_empty() {
            return None;
        }
        prune(&mut message);
        match message.transcode_to::<Record>() {
            Ok(mut record) => {
                record.destinations = destinations;
                if record.exercise {
                    mark(&mut record);
                }
                Some(record)
            }
            Err(error) => {
                faults.push(Fault::of_row(Reason::Json, error.to_string()));
                None
            }
        }
    }

    fn values(&self, field: &Field, row: &Row, bound: &Bound) -> Result<Vec<Value>, Fault> {
        let column = match &field.source {
            Source::Nothing => return Ok(field.default.clone().into_iter().collect()),
            Source::Template(pieces) => {
                return Ok(vec![Value::String(self.filled(pieces, row, bound))]);
            }
            Source::Column(column) => *column,
        };
        let absent = field.absent.as_ref().unwrap_or(&self.absent);
        let says_nothing = |text: &str| {
            let text = folded(text);
            absent.contains(&text) && !field.values.contains_key(&text)
        };
        let name = self.name(column);
        let mut values = match self.cell(row, bound, column) {
            Some(cell) => field.values_of(cell, &says_nothing, name)?,
            None => Vec::new(),
        };
        if values.is_empty() {
            values.extend(field.default.clone());
        }
        if values.is_empty() && field.required {
            let message = format!(
                "`{}` must be there, and the cell is empty",
                field.target.path
            );
            return Err(Fault::new(name, "", Reason::ValueMissing, message));
        }
        Ok(values)
    }

    fn filled(&self, pieces: &[Piece], row: &Row, bound: &Bound) -> String {
        let pieces = pieces.iter().map(|piece| match piece {
            Piece::Words(words) => Cow::Borrowed(words.as_str()),
            Piece::Column(at) => match self.said(row, bound, *at) {
                Some(cell) => Cow::Owned(cell.text.trim().replace(LIST, ", ")),
                None => Cow::Borrowed("—"),
            },
        });
        pieces.collect()
    }

    fn destinations(&self, row: &Row, bound: &Bound, faults: &mut Vec<Fault>) -> Vec<Destination> {
        let mut all = Vec::with_capacity(self.destinations.len());
        for rule in &self.destinations {
            let more = rule
                .authority_column
                .and_then(|at| self.said(row, bound, at));
            let more = more.map_or_else(Vec::new, |cell| {
                let parts = cell.text.split([';', ',', LIST]).map(str::trim);
                parts
                    .filter(|of| !of.is_empty())
                    .map(str::to_owned)
                    .collect()
            });
            match &rule.country {
                CountryFrom::This(country) => all.push(rule.with(country.clone(), more)),
                CountryFrom::Column(at) => {
                    let Some(cell) = self.said(row, bound, *at) else {
                        continue;
                    };
                    match country(&cell.text) {
                        Ok(code) => all.push(rule.with(code, more)),
                        Err((reason, message)) => {
                            let fault = Fault::new(self.name(*at), &cell.text, reason, message);
                            faults.push(fault);
                        }
                    }
                }
            }
        }
        if all.is_empty() && faults.is_empty() {
            let message = "no destination: none of the columns for it says a country";
            faults.push(Fault::of_row(Reason::ValueMissing, message));
        }
        all
    }
}

/// The row of the file that was first pushed: dead letters say it.
pub fn first_line(row: &Row) -> u64 {
    let mut columns = row.heading.columns.iter();
    let at = columns.position(|name| name == "comity_row");
    let cell = at.and_then(|at| row.cells.get(at));
    cell.and_then(|cell| cell.text.parse().ok())
        .unwrap_or(row.line)
}

/// An exercise says so in its title too.
pub(in crate::feed) fn mark(record: &mut Record) {
    if let Some(situation) = &mut record.situation
        && !situation.title.starts_with("EXERCISE")
    {
        situation.title = format!("EXERCISE {}", situation.title);
    }
}
