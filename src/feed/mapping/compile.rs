//! A mapping file is checked against the fields and codes of records.

use std::collections::{BTreeMap, BTreeSet};

use prost_reflect::{DynamicMessage, ReflectMessage as _, Value};
use toml::Spanned;

use super::{
    Column, Mapping, MappingError, MappingFault,
    codes::Codes,
    convert::value_of,
    date::DateHabit,
    digits::folded,
    file::{DestinationText, Kept, OneOrMany, Overrides, OwnIdFrom, OwnIdText, Text, To, slash},
    path,
    rules::{CountryFrom, DeletedRule, DestinationRule, OwnId, VersionRule},
};
use crate::{catalogue, record::Country, wire::json};

/// Largest mapping, in bytes.
pub(super) const MAX_TEXT: usize = 256 * 1024;
/// Most fields of a mapping.
const MAX_FIELDS: usize = 500;

pub(super) struct Compiling<'a> {
    text: &'a str,
    pub(super) faults: Vec<MappingFault>,
    columns: Vec<Column>,
}

pub(super) fn compile(text: &str, overrides: &Overrides) -> Result<Mapping, MappingError> {
    let whole = |line, message: String| MappingError(vec![MappingFault { line, message }]);
    if text.len() > MAX_TEXT {
        return Err(whole(0, format!("a mapping has at most {MAX_TEXT} bytes")));
    }
    let file: Text = toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(0, |span| line_of(text, span.start));
        whole(line, error.message().to_owned())
    })?;
    let mut at = Compiling {
        text,
        faults: Vec::new(),
        columns: Vec::new(),
    };
    let kind = match catalogue::kind(file.kind.get_ref()) {
        Ok(kind) => kind,
        Err(error) => return Err(whole(at.line(&file.kind), format!("`kind`: {error}"))),
    };
    if file.layout == Kept::Glotip && kind.name != "Trend" {
        let message = "the layout glotip makes records of the kind Trend";
        at.fault(at.line(&file.kind), message);
    }
    if file.layout == Kept::Cap && kind.name != "Alert" {
        let message = "the layout cap makes records of the kind Alert";
        at.fault(at.line(&file.kind), message);
    }
    let record = path::record().map_err(|why| whole(0, why))?;
    let mut base = DynamicMessage::new(record);
    at.kind_of(&mut base, &kind);
    let mut constants = BTreeMap::new();
    for (path, value) in file.constants {
        let line = at.line(&path);
        flatten(path.get_ref(), line, value, &mut constants);
    }
    let said = [
        ("authority", overrides.authority.clone()),
        ("marking.tlp", overrides.tlp.clone()),
        ("exercise", overrides.exercise.then(|| "true".to_owned())),
    ];
    for (path, value) in said {
        if let Some(value) = value {
            constants.insert(path.to_owned(), (0, toml::Value::String(value)));
        }
    }
    let mut in_file = BTreeSet::new();
    for (path, (line, value)) in constants {
        let target = at.constant(&mut base, &kind, &path, line, &value);
        // What the command line says is meant to count instead of a column.
        in_file.extend(target.filter(|_| line > 0));
    }
    let own_id = at.own_id(file.own_id.as_ref(), file.layout, overrides.own_id.as_ref());
    let version = file.version.as_ref().map(|of| {
        let line = at.line(of);
        let rule = of.get_ref();
        VersionRule {
            column: at.column(&rule.column, false, line),
            kind: rule.kind,
            date: at.dates(&rule.date, &rule.calendar, &rule.offset, line),
        }
    });
    let deleted = file.deleted.as_ref().map(|of| {
        let line = at.line(of);
        let rule = of.get_ref();
        DeletedRule {
            column: at.column(&rule.column, false, line),
            values: rule.values.iter().map(|value| folded(value)).collect(),
            reason: rule.reason.clone(),
        }
    });
    let destinations = at.destinations(&file.destination, &overrides.to);
    if file.field.len() > MAX_FIELDS {
        at.fault(0, format!("a mapping fills at most {MAX_FIELDS} fields"));
    }
    let mut fields = Vec::with_capacity(file.field.len());
    for of in file.field.iter().take(MAX_FIELDS) {
        let line = at.line(of);
        if let Some(field) = at.field(of.get_ref(), &kind, line) {
            if in_file.contains(&field.target.path) && !field.target.list {
                let message = format!(
                    "`{}` is a constant too, so the column would never be read",
                    field.target.path
                );
                at.fault(line, message);
            }
            fields.push(field);
        }
    }
    if !at.faults.is_empty() {
        return Err(MappingError(at.faults));
    }
    Ok(Mapping {
        name: file.name,
        about: file.about,
        kind: kind.name,
        layout: file.layout,
        sheet: file.sheet,
        columns: at.columns,
        absent: file.absent.iter().map(|of| folded(of)).collect(),
        own_id,
        version,
        deleted,
        destinations,
        fields,
        base,
    })
}

fn line_of(text: &str, byte: usize) -> usize {
    let before = text.get(..byte).unwrap_or(text);
    before.matches('\n').count() + 1
}

/// Tables within the constants are paths: `marking.tlp = "AMBER"`.
fn flatten(
    path: &str,
    line: usize,
    value: toml::Value,
    into: &mut BTreeMap<String, (usize, toml::Value)>,
) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                flatten(&format!("{path}.{key}"), line, value, into);
            }
        }
        value => {
            into.insert(path.to_owned(), (line, value));
        }
    }
}

impl Compiling<'_> {
    pub(super) fn fault(&mut self, line: usize, message: impl Into<String>) {
        self.faults.push(MappingFault {
            line,
            message: message.into(),
        });
    }

    fn line<T>(&self, of: &Spanned<T>) -> usize {
        line_of(self.text, of.span().start)
    }

    /// Says of which kind the record is, also where no field of it is filled.
    fn kind_of(&mut self, base: &mut DynamicMessage, kind: &catalogue::Kind) {
        let situation = base.descriptor().get_field_by_name("situation");
        let inner = situation.and_then(|of| base.get_field_mut(&of).as_message_mut());
        if let Some(inner) = inner
            && let Some(field) = inner.descriptor().get_field_by_json_name(&kind.field)
            && let Some(own) = field.kind().as_message()
        {
            inner.set_field(&field, Value::Message(DynamicMessage::new(own.clone())));
        }
    }

    /// The place of a column among those named.
    pub(super) fn column(&mut self, of: &OneOrMany, optional: bool, line: usize) -> usize {
        let spellings = of.list();
        if spellings.iter().all(|of| of.trim().is_empty()) {
            self.fault(line, "`column` names none");
        }
        let known = self.columns.iter_mut().enumerate();
        let mut known = known.filter(|(_, of)| of.spellings == spellings);
        if let Some((at, known)) = known.next() {
            known.optional &= optional;
            return at;
        }
        self.columns.push(Column {
            spellings,
            optional,
            line,
        });
        self.columns.len() - 1
    }

    fn constant(
        &mut self,
        base: &mut DynamicMessage,
        kind: &catalogue::Kind,
        path: &str,
        line: usize,
        value: &toml::Value,
    ) -> Option<String> {
        let target = match path::find(path, kind) {
            Ok(target) => target,
            Err(why) => {
                self.fault(line, format!("constant `{path}`: {why}"));
                return None;
            }
        };
        let values = match value {
            toml::Value::Array(list) if target.list => list.iter().collect(),
            value => vec![value],
        };
        for value in values {
            let text = match value {
                toml::Value::String(text) => text.clone(),
                toml::Value::Array(_) | toml::Value::Table(_) => {
                    self.fault(line, format!("constant `{path}`: one value is needed"));
                    return None;
                }
                other => other.to_string(),
            };
            match value_of(&target.leaf, &text) {
                Ok(value) => target.put(base, value),
                Err((_, why)) => self.fault(line, format!("constant `{path}`: {why}")),
            }
        }
        Some(target.path)
    }

    fn own_id(
        &mut self,
        of: Option<&Spanned<OwnIdText>>,
        layout: Kept,
        said: Option<&OwnIdFrom>,
    ) -> OwnId {
        let prefix = of.map_or(String::new(), |of| of.get_ref().prefix.clone());
        if matches!(layout, Kept::Glotip | Kept::Cap) {
            return OwnId::Row { prefix };
        }
        let line = of.map_or(0, |of| self.line(of));
        let (columns, separator) = match (said, of.map(Spanned::get_ref)) {
            (Some(OwnIdFrom::Row), _) => return OwnId::Row { prefix },
            (Some(OwnIdFrom::Columns(columns)), _) => (columns.clone(), slash()),
            (None, Some(of)) if of.row => return OwnId::Row { prefix },
            (None, Some(of)) => (of.columns.clone(), of.separator.clone()),
            (None, None) => (Vec::new(), String::new()),
        };
        if columns.is_empty() {
            self.fault(
                line,
                "`own_id.columns` is missing: by it the node knows an item when it comes again",
            );
        }
        let columns = columns.into_iter();
        OwnId::Columns {
            columns: columns
                .map(|name| self.column(&OneOrMany::One(name), false, line))
                .collect(),
            separator,
            prefix,
        }
    }

    pub(super) fn dates(
        &mut self,
        date: &Option<String>,
        calendar: &Option<String>,
        offset: &Option<String>,
        line: usize,
    ) -> DateHabit {
        let named = DateHabit::named(date.as_deref(), calendar.as_deref(), offset.as_deref());
        named.unwrap_or_else(|faults| {
            for fault in faults {
                self.fault(line, fault);
            }
            DateHabit::ISO
        })
    }

    fn destinations(
        &mut self,
        of: &[Spanned<DestinationText>],
        said: &[To],
    ) -> Vec<DestinationRule> {
        let role = self.code("CountryRole", "DESTINATION", 0);
        if !said.is_empty() {
            return said
                .iter()
                .map(|to| DestinationRule {
                    country: CountryFrom::This(to.country.clone()),
                    role,
                    authorities: to.authorities.clone(),
                    authority_column: None,
                    compartments: Vec::new(),
                })
                .collect();
        }
        let mut all = Vec::new();
        for spanned in of {
            let line = self.line(spanned);
            let of = spanned.get_ref();
            let country = match (&of.country, &of.country_column) {
                (Some(country), None) => {
                    if country.parse::<Country>().is_err() {
                        let message = format!("`{country}` is no country of ISO 3166-1 alpha-2");
                        self.fault(line, message);
                    }
                    CountryFrom::This(country.clone())
                }
                (None, Some(column)) => CountryFrom::Column(self.column(column, false, line)),
                _ => {
                    let message = "a destination has either `country` or `country_column`";
                    self.fault(line, message);
                    continue;
                }
            };
            let role = of.role.as_deref().unwrap_or("DESTINATION");
            let authority_column = of.authority_column.as_ref();
            let compartments = of.compartments.iter();
            all.push(DestinationRule {
                country,
                role: self.code("CountryRole", role, line),
                authorities: of.authorities.clone(),
                authority_column: authority_column.map(|of| self.column(of, false, line)),
                compartments: compartments
                    .map(|of| self.code("CompartmentLabel", of, line))
                    .collect(),
            });
        }
        if all.is_empty() {
            let message =
                "nobody receives the records: write [[destination]], or say --to COUNTRY/AUTHORITY";
            self.fault(0, message);
        }
        all
    }

    /// The number of a code of a list.
    fn code(&mut self, list: &str, name: &str, line: usize) -> i32 {
        let of = json::enum_descriptor(&format!("comity.record.v1.{list}"));
        let of = of.map(|of| Codes::of(&of));
        let found = of.as_ref().and_then(|of| of.number(name));
        found.unwrap_or_else(|| {
            let allowed = of.map_or(String::new(), |of| of.allowed());
            self.fault(line, format!("`{name}` is no code of {list}: {allowed}"));
            0
        })
    }
}
