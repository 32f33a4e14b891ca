//! Records of one kind as a table: a column for each field of the kind, a row for each record.
//!
//! The columns are the fields as the descriptors have them, under the paths by which the catalogue and
//! every error name them (`situation.route.legs[].crossingId`); lists are joined with `; `, in order and
//! with a place for what is not stated, so that columns of one list belong together. In the long form of
//! routes each leg has a row of its own. Who else received a record, and compartments `victims`, `source`
//! and `evidence`, are no columns; counts of persons below 11 are `<11`. Cells that a spreadsheet would
//! take for a formula are neutralised, and characters that nobody sees are made visible.

use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind as FieldKind, MapKey, MessageDescriptor,
    ReflectMessage as _, Value,
};

use crate::{
    catalogue::{self, UnknownKind},
    record::{Moment, kind_name, unseen::is_unseen},
    statistics::export::write_rows,
    wire::{
        json,
        record::{Record, situation::Kind},
    },
};

use super::geojson::band;

/// The byte order mark, by which Excel knows UTF-8.
pub const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Fields of a record that are no columns.
const LEFT_OUT: [&str; 9] = [
    "destinations",
    "victims",
    "source",
    "evidence",
    "step",
    "onward",
    "follows",
    "relations",
    "joint_case",
];
/// Between the elements of a list.
const JOINT: &str = "; ";
/// The list of bands of persons.
const BAND: &str = "comity.record.v1.VolumeBand";
const TIMESTAMP: &str = "google.protobuf.Timestamp";

/// The name of a kind, in whatever case it is written.
///
/// # Errors
/// [`TableFault::Kind`].
pub fn kind_named(name: &str) -> Result<String, TableFault> {
    Ok(catalogue::kind(name)?.name)
}

/// A way to a field, and its path.
#[derive(Clone, Debug)]
struct Column {
    path: String,
    way: Vec<FieldDescriptor>,
}

/// The table of a kind.
#[derive(Clone, Debug)]
pub struct Table {
    kind: String,
    columns: Vec<Column>,
    /// A row for each leg.
    long: bool,
}

/// Why there is no such table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableFault {
    /// The kind.
    #[error(transparent)]
    Kind(#[from] UnknownKind),
    /// The long form of a kind that has no legs.
    #[error("only routes have legs, and so a row for each of them")]
    NoLegs,
}

impl Table {
    /// The table of a kind, by its name; `long` for a row of each leg of a route.
    ///
    /// # Errors
    /// [`TableFault`].
    pub fn of(kind: &str, long: bool) -> Result<Self, TableFault> {
        let kind = catalogue::kind(kind)?;
        if long && kind.name != "Route" {
            return Err(TableFault::NoLegs);
        }
        let record =
            json::message_descriptor("comity.record.v1.Record").map_err(|_| UnknownKind)?;
        let mut columns = Vec::new();
        for field in record.fields() {
            if !LEFT_OUT.contains(&field.name()) {
                walk(&mut vec![field], &kind.field, &mut columns);
            }
        }
        Ok(Self {
            kind: kind.name,
            columns,
            long,
        })
    }

    /// The kind of its records.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The headings as a line of CSV.
    pub fn heading(&self) -> Vec<u8> {
        let own = if self.long { &["leg"][..] } else { &[] };
        let paths = self.columns.iter().map(|column| column.path.clone());
        let heading = own.iter().map(|name| (*name).to_owned()).chain(paths);
        text(vec![heading.collect()])
    }

    /// The rows of a record as lines of CSV; none of a record of another kind.
    pub fn rows(&self, record: &Record) -> Vec<u8> {
        if kind_name(record) != Some(self.kind.as_str()) {
            return Vec::new();
        }
        let mut rows = Vec::new();
        if self.long {
            for (index, record) in legs(record).enumerate() {
                let mut row = vec![index.saturating_add(1).to_string()];
                row.extend(self.row(&record));
                rows.push(row);
            }
        } else {
            rows.push(self.row(record));
        }
        text(rows)
    }

    fn row(&self, record: &Record) -> Vec<String> {
        let Ok(descriptor) = json::message_descriptor("comity.record.v1.Record") else {
            return Vec::new();
        };
        let mut message = DynamicMessage::new(descriptor);
        if message.transcode_from(record).is_err() {
            return Vec::new();
        }
        let cells = self.columns.iter().map(|column| {
            let mut cells = Vec::new();
            collect(&message, &column.way, &mut cells);
            if cells.iter().all(String::is_empty) {
                return String::new();
            }
            visible(&cells.join(JOINT))
        });
        cells.collect()
    }
}

/// Rows as CSV.
fn text(rows: Vec<Vec<String>>) -> Vec<u8> {
    let mut out = Vec::new();
    // Writing to memory does not fail.
    let _ = write_rows(&mut out, rows.into_iter());
    out
}

/// A route for each leg, with that leg alone.
fn legs(record: &Record) -> impl Iterator<Item = Record> {
    let kind = record.situation.as_ref().and_then(|of| of.kind.as_ref());
    let legs = match kind {
        Some(Kind::Route(route)) => route.legs.clone(),
        _ => Vec::new(),
    };
    legs.into_iter().map(|leg| {
        let mut one = record.clone();
        if let Some(Kind::Route(route)) = one.situation.as_mut().and_then(|of| of.kind.as_mut()) {
            route.legs = vec![leg];
        }
        one
    })
}

/// Adds a column for each field within the last of a way that holds a value itself. Of the situation only
/// one kind.
fn walk(way: &mut Vec<FieldDescriptor>, kind: &str, columns: &mut Vec<Column>) {
    let Some(last) = way.last() else { return };
    let inner = match last.kind() {
        FieldKind::Message(message) if !last.is_map() && message.full_name() != TIMESTAMP => {
            Some(message)
        }
        _ => None,
    };
    let Some(inner) = inner else {
        let path = path(way);
        let way = way.clone();
        return columns.push(Column { path, way });
    };
    for field in fields(&inner, kind) {
        way.push(field);
        walk(way, kind, columns);
        way.pop();
    }
}

fn fields(message: &MessageDescriptor, kind: &str) -> Vec<FieldDescriptor> {
    let another = |field: &FieldDescriptor| {
        field
            .containing_oneof()
            .is_some_and(|of| of.name() == "kind")
            && field.json_name() != kind
    };
    message.fields().filter(|field| !another(field)).collect()
}

/// The path in JSON names, as the catalogue has it.
fn path(way: &[FieldDescriptor]) -> String {
    let mut path = String::new();
    for field in way {
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(field.json_name());
        if field.is_list() {
            path.push_str("[]");
        } else if field.is_map() {
            path.push_str("{}");
        }
    }
    path
}

/// Every value at the end of a way, the lists on it element by element.
fn collect(message: &DynamicMessage, way: &[FieldDescriptor], cells: &mut Vec<String>) {
    let Some((field, rest)) = way.split_first() else {
        return;
    };
    let stated = message.has_field(field);
    let value = message.get_field(field);
    match value.as_ref() {
        Value::List(list) if stated => {
            for value in list {
                each(field, value, rest, cells);
            }
        }
        Value::Map(map) if stated => {
            let mut entries: Vec<(&MapKey, &Value)> = map.iter().collect();
            entries.sort_by_key(|(key, _)| key.as_str().unwrap_or_default().to_owned());
            for (key, value) in entries {
                let mut inner = Vec::new();
                texts(value, &mut inner);
                let key = key.as_str().unwrap_or_default();
                cells.push(format!("{key}: {}", inner.join(" / ")));
            }
        }
        Value::List(_) | Value::Map(_) => {}
        // Of a message that is not there nothing is stated.
        Value::Message(_) if !stated => cells.push(String::new()),
        value => each(field, value, rest, cells),
    }
}

fn each(field: &FieldDescriptor, value: &Value, rest: &[FieldDescriptor], cells: &mut Vec<String>) {
    match value {
        Value::Message(inner) if !rest.is_empty() => collect(inner, rest, cells),
        value => cells.push(cell(field, value)),
    }
}

/// Texts of a message, such as a translation's.
fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) if !text.is_empty() => found.push(text.clone()),
        Value::Message(message) => {
            for (_, value) in message.fields() {
                texts(value, found);
            }
        }
        _ => {}
    }
}

fn cell(field: &FieldDescriptor, value: &Value) -> String {
    match value {
        Value::EnumNumber(0) => String::new(),
        Value::EnumNumber(number) => match field.kind() {
            FieldKind::Enum(list) if list.full_name() == BAND => band(*number).unwrap_or_default(),
            FieldKind::Enum(list) => list
                .get_value(*number)
                .map_or_else(|| number.to_string(), |of| of.name().to_owned()),
            _ => number.to_string(),
        },
        Value::Bool(of) => of.to_string(),
        Value::I32(of) => of.to_string(),
        Value::I64(of) => of.to_string(),
        Value::U32(of) => of.to_string(),
        Value::U64(of) => of.to_string(),
        Value::F32(of) => of.to_string(),
        Value::F64(of) => of.to_string(),
        Value::String(of) => of.clone(),
        Value::Bytes(of) => hex::encode(of),
        Value::Message(of) => time(of),
        Value::List(_) | Value::Map(_) => String::new(),
    }
}

fn time(message: &DynamicMessage) -> String {
    match message.transcode_to::<prost_types::Timestamp>() {
        Ok(stamp) if message.descriptor().full_name() == TIMESTAMP => {
            Moment::from(&stamp).to_string()
        }
        _ => String::new(),
    }
}

/// What nobody sees, made visible; a cell may have several lines.
fn visible(cell: &str) -> String {
    let mut shown = String::with_capacity(cell.len());
    for c in cell.chars() {
        if c != '\n' && is_unseen(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests;
