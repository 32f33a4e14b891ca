//! The differences between two versions of a record, field by field.

use serde_json::Value;

/// A field that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// Path in JSON names, such as `situation.route.legs[0].crossingId`.
    pub(super) field: String,
    /// The value before; `None` when the field is new.
    pub(super) before: Option<String>,
    /// The value after; `None` when the field is gone.
    pub(super) after: Option<String>,
}

/// Fields that differ in every version and say nothing.
const OWN: [&str; 3] = ["reference", "submittedAt", "follows"];

/// Every field in which two records differ, in the order of their names.
pub(super) fn diff(before: &Value, after: &Value) -> Vec<Change> {
    let mut changes = Vec::new();
    walk("", Some(before), Some(after), &mut changes);
    changes.retain(|change| {
        !OWN.iter().any(|own| {
            change.field == *own
                || change
                    .field
                    .strip_prefix(own)
                    .is_some_and(|rest| rest.starts_with('.'))
        })
    });
    changes
}

fn walk(path: &str, before: Option<&Value>, after: Option<&Value>, changes: &mut Vec<Change>) {
    if before == after {
        return;
    }
    let object = |value: Option<&Value>| value.is_none_or(Value::is_object);
    let list = |value: Option<&Value>| value.is_none_or(Value::is_array);
    if object(before) && object(after) {
        let fields = |value: Option<&Value>| value.and_then(Value::as_object).cloned();
        let (before, after) = (
            fields(before).unwrap_or_default(),
            fields(after).unwrap_or_default(),
        );
        let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
        names.sort();
        names.dedup();
        for name in names {
            let path = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            walk(&path, before.get(name), after.get(name), changes);
        }
    } else if list(before) && list(after) {
        let items = |value: Option<&Value>| value.and_then(Value::as_array).cloned();
        let (before, after) = (
            items(before).unwrap_or_default(),
            items(after).unwrap_or_default(),
        );
        for index in 0..before.len().max(after.len()) {
            let path = format!("{path}[{index}]");
            walk(&path, before.get(index), after.get(index), changes);
        }
    } else {
        changes.push(Change {
            field: path.to_owned(),
            before: before.map(shown),
            after: after.map(shown),
        });
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_elements_and_what_came_or_went_are_named() {
        let before = json!({
            "reference": "UZ-26-000412-H",
            "situation": { "title": "old", "legs": [{ "from": "TJ" }, { "from": "UZ" }] },
            "exercise": true,
        });
        let after = json!({
            "reference": "UZ-26-000413-E",
            "follows": { "reference": "UZ-26-000412-H" },
            "situation": { "title": "new", "legs": [{ "from": "KZ" }], "confidence": 60 },
            "exercise": true,
        });
        let change = |field: &str, before: Option<&str>, after: Option<&str>| Change {
            field: field.to_owned(),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
        };
        assert_eq!(
            diff(&before, &after),
            [
                change("situation.confidence", None, Some("60")),
                change("situation.legs[0].from", Some("TJ"), Some("KZ")),
                change("situation.legs[1].from", Some("UZ"), None),
                change("situation.title", Some("old"), Some("new")),
            ]
        );
        assert!(diff(&after, &after).is_empty());
    }
}
