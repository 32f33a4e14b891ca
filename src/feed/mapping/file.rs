//! The keys of a mapping file.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

/// How rows and records belong together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kept {
    /// A row is a record.
    #[default]
    Rows,
    /// Rows are counts in the layout of the GLOTIP; the records are protected tables of them.
    Glotip,
    /// The file is a message of the Common Alerting Protocol; the record is its alert.
    Cap,
}

/// What a command line says instead of the mapping.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Who receives the records.
    pub to: Vec<To>,
    /// The submitting authority.
    pub authority: Option<String>,
    /// Traffic Light Protocol.
    pub tlp: Option<String>,
    /// Where own ids come from.
    pub own_id: Option<OwnIdFrom>,
    /// Mark the records as an exercise.
    pub exercise: bool,
}

/// A receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct To {
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Its authorities; empty for its liaison desk.
    pub authorities: Vec<String>,
}

/// Where own ids come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnIdFrom {
    /// These columns.
    Columns(Vec<String>),
    /// The number of the row.
    Row,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Text {
    pub(super) name: String,
    #[serde(default)]
    pub(super) about: String,
    pub(super) kind: Spanned<String>,
    #[serde(default)]
    pub(super) layout: Kept,
    pub(super) sheet: Option<String>,
    pub(super) own_id: Option<Spanned<OwnIdText>>,
    pub(super) version: Option<Spanned<VersionText>>,
    pub(super) deleted: Option<Spanned<DeletedText>>,
    #[serde(default = "absent")]
    pub(super) absent: Vec<String>,
    #[serde(default)]
    pub(super) constants: BTreeMap<Spanned<String>, toml::Value>,
    #[serde(default)]
    pub(super) destination: Vec<Spanned<DestinationText>>,
    #[serde(default)]
    pub(super) field: Vec<Spanned<FieldText>>,
}

/// What means that nothing is known, in every column that does not say otherwise.
fn absent() -> Vec<String> {
    ["", "NULL"].map(str::to_owned).to_vec()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OwnIdText {
    #[serde(default)]
    pub(super) columns: Vec<String>,
    #[serde(default = "slash")]
    pub(super) separator: String,
    #[serde(default)]
    pub(super) prefix: String,
    #[serde(default)]
    pub(super) row: bool,
}

pub(super) fn slash() -> String {
    "/".to_owned()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VersionText {
    pub(super) column: OneOrMany,
    #[serde(rename = "as", default)]
    pub(super) kind: VersionKind,
    pub(super) date: Option<String>,
    pub(super) calendar: Option<String>,
    pub(super) offset: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum VersionKind {
    #[default]
    Number,
    Date,
    Time,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeletedText {
    pub(super) column: OneOrMany,
    pub(super) values: Vec<String>,
    #[serde(default)]
    pub(super) reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DestinationText {
    pub(super) country: Option<String>,
    pub(super) country_column: Option<OneOrMany>,
    pub(super) role: Option<String>,
    #[serde(default)]
    pub(super) authorities: Vec<String>,
    pub(super) authority_column: Option<OneOrMany>,
    #[serde(default)]
    pub(super) compartments: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FieldText {
    pub(super) to: String,
    pub(super) column: Option<OneOrMany>,
    pub(super) template: Option<String>,
    #[serde(rename = "as")]
    pub(super) kind: Option<String>,
    #[serde(default)]
    pub(super) values: BTreeMap<String, OneOrMany>,
    pub(super) otherwise: Option<String>,
    pub(super) default: Option<String>,
    pub(super) absent: Option<Vec<String>>,
    #[serde(default)]
    pub(super) required: bool,
    #[serde(default)]
    pub(super) optional: bool,
    pub(super) split: Option<String>,
    pub(super) number: Option<String>,
    pub(super) unit: Option<UnitText>,
    #[serde(default)]
    pub(super) ranges: Vec<(u64, u64, String)>,
    pub(super) date: Option<String>,
    pub(super) calendar: Option<String>,
    pub(super) offset: Option<String>,
    pub(super) when: Option<WhenText>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UnitText {
    pub(super) from: String,
    pub(super) to: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WhenText {
    pub(super) column: OneOrMany,
    pub(super) is: Vec<String>,
}

/// One text, or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub(super) fn list(&self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one.clone()],
            Self::Many(many) => many.clone(),
        }
    }
}
