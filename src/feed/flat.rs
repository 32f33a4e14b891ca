//! Records as rows of a table: which columns there are follows from the kinds alone, so that a table can
//! be written row by row; a row is looked up in the canonical JSON of a record.

use prost_reflect::{Kind, MessageDescriptor};
use serde_json::Value;

use crate::wire::json;

/// How deep messages are taken apart; what lies deeper is a cell of JSON.
const DEPTH: usize = 5;
/// The message of a record.
const RECORD: &str = "comity.record.v1.Record";
/// Fields of a record that have columns of their own, or that a subscription never delivers.
const LEFT_OUT: [&str; 6] = [
    "reference",
    "exercise",
    "urgency",
    "victims",
    "step",
    "onward",
];

/// A column: the fields on the way to its value, as JSON names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column(Vec<String>);

impl Column {
    /// Its heading, such as `situation.route.legs`.
    pub fn heading(&self) -> String {
        self.0.join(".")
    }

    /// Its cell in a record: empty where the record has none; values of a list with `; ` between, and what
    /// has parts as JSON.
    pub fn cell(&self, record: &Value) -> String {
        let mut value = record;
        for name in &self.0 {
            match value.get(name) {
                Some(inner) => value = inner,
                None => return String::new(),
            }
        }
        shown(value)
    }
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(answer) => Some(answer.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn shown(value: &Value) -> String {
    if let Some(text) = plain(value) {
        return text;
    }
    if let Value::Array(list) = value
        && let Some(texts) = list.iter().map(plain).collect::<Option<Vec<_>>>()
    {
        return texts.join("; ");
    }
    match value {
        Value::Null => String::new(),
        value => value.to_string(),
    }
}

/// The columns of records of these kinds, such as `Route`; of every kind where none is named.
pub fn columns(kinds: &[String]) -> Vec<Column> {
    let mut columns = Vec::new();
    if let Ok(record) = json::message_descriptor(RECORD) {
        add(&record, &mut Vec::new(), kinds, &mut columns);
    }
    columns
}

fn add(
    message: &MessageDescriptor,
    way: &mut Vec<String>,
    kinds: &[String],
    columns: &mut Vec<Column>,
) {
    for field in message.fields() {
        if way.is_empty() && LEFT_OUT.contains(&field.name()) {
            continue;
        }
        let of_kind = field
            .containing_oneof()
            .is_some_and(|of| of.name() == "kind" && message.name() == "Situation");
        let inner = match field.kind() {
            Kind::Message(inner) if !field.is_list() && !field.is_map() => Some(inner),
            _ => None,
        };
        if let Some(inner) = &inner
            && of_kind
            && !kinds.is_empty()
            && !kinds.iter().any(|kind| kind == inner.name())
        {
            continue;
        }
        way.push(field.json_name().to_owned());
        match inner {
            // Times are texts in JSON.
            Some(inner) if way.len() < DEPTH && inner.package_name() != "google.protobuf" => {
                add(&inner, way, kinds, columns);
            }
            _ => columns.push(Column(way.clone())),
        }
        way.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{exercise::Exercise, wire::record::CountryRole};

    #[test]
    fn columns_follow_from_the_kinds() {
        let of = |kinds: &[&str]| -> Vec<String> {
            let kinds: Vec<String> = kinds.iter().map(|of| (*of).to_owned()).collect();
            columns(&kinds).iter().map(Column::heading).collect()
        };
        let routes = of(&["Route"]);
        assert!(routes.contains(&"situation.title".to_owned()), "{routes:?}");
        assert!(
            routes.contains(&"situation.route.legs".to_owned()),
            "{routes:?}"
        );
        assert!(routes.contains(&"submittedAt".to_owned()), "{routes:?}");
        assert!(!routes.iter().any(|of| of.starts_with("situation.alert")));
        assert!(!routes.iter().any(|of| of.starts_with("victims")));
        let all = of(&[]);
        assert!(routes.iter().all(|of| all.contains(of)));
        assert!(all.iter().any(|of| of.starts_with("situation.alert")));
        assert_eq!(of(&["Route"]), routes);
    }

    #[test]
    fn every_value_of_a_record_is_in_a_cell() {
        fn leaves(value: &Value, to: &mut Vec<String>) {
            match value {
                Value::Array(list) => list.iter().for_each(|value| leaves(value, to)),
                Value::Object(map) => map.values().for_each(|value| leaves(value, to)),
                value => to.extend(plain(value)),
            }
        }
        let roles = ["TJ", "UZ"].map(|code| (code.parse().unwrap(), CountryRole::Transit));
        let all = columns(&[]);
        for made in Exercise::new(3, &roles).records().take(40) {
            let mut record = json::to_json(RECORD, &made.record).unwrap();
            for left in LEFT_OUT {
                record.as_object_mut().unwrap().remove(left);
            }
            let row: Vec<String> = all.iter().map(|column| column.cell(&record)).collect();
            let row = row.join("\n");
            let mut texts = Vec::new();
            leaves(&record, &mut texts);
            for text in texts {
                let inside = Value::String(text.clone()).to_string();
                let inside = inside.trim_matches('"');
                assert!(row.contains(&text) || row.contains(inside), "{text}");
            }
        }
    }
}
