//! Whatever a record holds, the validator answers, and names fields that there are.

use std::sync::LazyLock;

use proptest::prelude::*;
use prost_reflect::{
    DynamicMessage, Kind as FieldKind, MessageDescriptor, ReflectMessage as _, Value,
};

use super::{
    super::{
        ask::{Way, parent},
        examples, fields, kinds,
    },
    *,
};
use crate::record::{MAX_VIOLATIONS, Rule, Violation, sharing};

/// Every example with the ways to its fields.
fn all() -> Vec<(DynamicMessage, Vec<Way>)> {
    let of = |name: &str, kind: Option<&str>| {
        let example = examples::written(name).unwrap();
        let ways = fields::ways(&example.descriptor(), kind);
        (example, ways)
    };
    let own = kinds()
        .into_iter()
        .flat_map(|kind| [of(&kind.name, Some(&kind.field)), of(&kind.name, None)]);
    let mut all: Vec<_> = own.collect();
    all.push(of(examples::EVERY_FIELD, None));
    all
}

static ALL: LazyLock<Vec<(DynamicMessage, Vec<Way>)>> = LazyLock::new(all);

/// A value for a field, some right, most wrong.
fn value(kind: &FieldKind, pick: u8, text: &str) -> Value {
    match kind {
        FieldKind::String => Value::String(match pick % 6 {
            0 => String::new(),
            1 => "x".repeat(30_000),
            2 => "x\u{1b}[2J\u{202e}\u{436}".to_owned(),
            3 => "UZ".to_owned(),
            4 => "2026-02-30".to_owned(),
            _ => text.to_owned(),
        }),
        FieldKind::Uint32 => Value::U32([0, 1, 7, 101, u32::MAX][usize::from(pick % 5)]),
        FieldKind::Double => {
            Value::F64([0.0, -91.0, f64::NAN, f64::INFINITY, 41.0][usize::from(pick % 5)])
        }
        FieldKind::Enum(_) => Value::EnumNumber([0, 1, 2, -1, 9_999][usize::from(pick % 5)]),
        FieldKind::Bool => Value::Bool(pick.is_multiple_of(2)),
        FieldKind::Bytes => Value::Bytes(vec![pick; usize::from(pick % 40)].into()),
        FieldKind::Message(message) => {
            let mut inner = DynamicMessage::new(message.clone());
            if message.full_name() == "google.protobuf.Timestamp" {
                let seconds = [0, i64::MIN, i64::MAX, 1_800_000_000][usize::from(pick % 4)];
                inner.set_field_by_name("seconds", Value::I64(seconds));
                inner.set_field_by_name("nanos", Value::I32(i32::from(pick) - 5));
            }
            Value::Message(inner)
        }
        other => Value::default_value(other),
    }
}

/// Changes one field: away, another value, or in lists none, one or far too many elements.
fn change(record: &mut DynamicMessage, way: &Way, pick: u8, text: &str) {
    let (Some(message), Some(field)) = (parent(record, way), way.last()) else {
        return;
    };
    if pick.is_multiple_of(7) {
        return message.clear_field(field);
    }
    if field.is_map() {
        let FieldKind::Message(entry) = field.kind() else {
            return;
        };
        let value = Value::default_value(&entry.map_entry_value_field().kind());
        let key = prost_reflect::MapKey::String(text.to_owned());
        return message.set_field(field, Value::Map([(key, value)].into()));
    }
    let single = value(&field.kind(), pick / 7, text);
    if !field.is_list() {
        return message.set_field(field, single);
    }
    let first = message
        .get_field(field)
        .as_list()
        .and_then(|list| list.first().cloned());
    let list = match pick % 4 {
        0 => vec![single],
        1 => vec![first.unwrap_or(single); 300],
        2 => vec![single; 2],
        _ => first.into_iter().chain([single]).collect(),
    };
    message.set_field(field, Value::List(list));
}

/// Whether a path in JSON names leads to a field.
fn leads_somewhere(record: &MessageDescriptor, path: &str) -> bool {
    let mut message = Some(record.clone());
    let mut parts = path.split('.');
    while let Some(part) = parts.next() {
        let Some(of) = message.take() else {
            return false;
        };
        let (name, item) = part
            .split_once('[')
            .map_or((part, false), |(name, _)| (name, true));
        let Some(field) = of.get_field_by_json_name(name) else {
            return false;
        };
        if item && !field.is_list() {
            return false;
        }
        message = match field.kind() {
            FieldKind::Message(entry) if field.is_map() => {
                let value = entry.map_entry_value_field().kind();
                parts.next();
                value.as_message().cloned()
            }
            FieldKind::Message(inner) => Some(inner),
            _ => None,
        };
    }
    true
}

fn violations(record: &Record, received: bool) -> Vec<Violation> {
    let authorities = |_: Country| Some(AUTHORITIES.map(str::to_owned).to_vec());
    let context = ValidationContext {
        now: examples::WRITTEN_AT,
        origin: ORIGIN.parse().unwrap(),
        authorities: &authorities,
        received,
    };
    let judged = validate(record, &context);
    judged.err().into_iter().flatten().collect()
}

proptest! {
    #[test]
    fn every_violation_names_a_field_that_there_is(
        example: prop::sample::Index,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), ".{0,20}"), 1..8),
        received: bool,
    ) {
        let (mut record, ways) = example.get(&ALL).clone();
        for (way, pick, text) in &changes {
            change(&mut record, &ways[way.index(ways.len())], *pick, text);
        }
        let descriptor = record.descriptor();
        let record: Record = record.transcode_to().unwrap();
        let found = violations(&record, received);
        prop_assert!(found.len() <= MAX_VIOLATIONS);
        for violation in &found {
            let path = &violation.field;
            // A language tag that could not be one is not repeated.
            let whole = path.is_empty() && violation.rule == Rule::TooLarge;
            let somewhere = path.contains('…') || leads_somewhere(&descriptor, path);
            prop_assert!(whole || somewhere, "{violation}");
            prop_assert!(!violation.message.is_empty());
        }
        // The same record is judged the same, and what is valid has a matrix and comes apart.
        prop_assert_eq!(&found, &violations(&record, received));
        prop_assert!(!found.is_empty() || sharing::matrix(&record).is_ok());
    }
}

/// Every example with one of its texts replaced, and the name of that field.
fn with_text(text: &'static str) -> impl Iterator<Item = (String, Record)> {
    let ways = all().into_iter().flat_map(|(example, ways)| {
        let of = move |way| (example.clone(), way);
        ways.into_iter().map(of)
    });
    ways.filter_map(move |(mut changed, way)| {
        let field = way.last().unwrap();
        if field.kind() != FieldKind::String {
            return None;
        }
        let text = Value::String(text.to_owned());
        let value = if field.is_list() {
            Value::List(vec![text])
        } else {
            text
        };
        parent(&mut changed, &way)?.set_field(field, value);
        Some((
            field.json_name().to_owned(),
            changed.transcode_to().unwrap(),
        ))
    })
}

#[test]
fn no_text_of_any_field_may_hold_an_escape_code() {
    let mut tried = 0;
    for text in ["x\u{1b}[31m", "x\u{9b}2J", "x\u{202e}y", "x\0"] {
        for (field, record) in with_text(text) {
            let found = violations(&record, false);
            let here = found.iter().any(|of| of.field.contains(&field));
            assert!(here, "{field}: {found:?}");
            for violation in &found {
                let message = &violation.message;
                assert!(!message.contains(|c: char| c.is_control()), "{message}");
            }
            tried += 1;
        }
    }
    assert!(tried > 400, "{tried}");
}

#[test]
fn text_that_looks_like_code_stays_as_it_is() {
    // HTML and formulas are text: kept to the letter, or refused for another reason, with its name.
    for text in [
        "<script>alert(1)</script>",
        "=1+1",
        "\"><img src=x onerror=alert(1)>",
        "{{7*7}}",
    ] {
        for (_, record) in with_text(text) {
            for violation in violations(&record, false) {
                assert!(!violation.message.contains(text), "{violation}");
                assert_ne!(violation.value.as_deref(), Some(text));
            }
            let json = json::to_json("comity.record.v1.Record", &record).unwrap();
            let again = json::from_json("comity.record.v1.Record", &json.to_string());
            assert_eq!(again, Ok(record));
        }
    }
}
