//! Texts of a record that no index takes up: of the victims' compartment, of steps; and dates of birth.

use serde_json::Value;

use crate::{
    search::subject::Beside,
    wire::{
        json::to_json,
        record::{CompartmentLabel, Record},
    },
};

/// Deepest nesting that is walked; records have less than twenty levels.
const MAX_DEPTH: usize = 40;

/// These texts.
pub(super) fn beside(record: &Record) -> Vec<Beside> {
    // Nothing else is written out.
    let parts = Record {
        victims: record.victims.clone(),
        step: record.step.clone(),
        suspects: record.suspects.clone(),
        ..Record::default()
    };
    let mut texts = Vec::new();
    if parts == Record::default() {
        return texts;
    }
    let Ok(json) = to_json("comity.record.v1.Record", &parts) else {
        return texts;
    };
    for (part, compartment) in [
        ("victims", CompartmentLabel::Victims),
        ("step", CompartmentLabel::Situation),
        ("suspects", CompartmentLabel::Suspects),
    ] {
        if let Some(value) = json.get(part) {
            walk(part, value, compartment, MAX_DEPTH, &mut texts);
        }
    }
    // Suspects are in the extract, but for when they were born.
    texts.retain(|of| of.compartment != CompartmentLabel::Suspects || of.field.ends_with(".born"));
    texts
}

fn walk(path: &str, value: &Value, label: CompartmentLabel, depth: usize, to: &mut Vec<Beside>) {
    if depth == 0 {
        return;
    }
    let deeper = depth.saturating_sub(1);
    match value {
        Value::String(text) => to.push(Beside {
            field: path.to_owned(),
            compartment: label,
            text: text.clone(),
        }),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(&format!("{path}[{index}]"), item, label, deeper, to);
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                walk(&format!("{path}.{name}"), value, label, deeper, to);
            }
        }
        _ => {}
    }
}
