//! Asks the validator: takes fields of an example away, gives them wrong values, and collects what it
//! answers.

use std::collections::{BTreeSet, HashMap};

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, Value};

use super::fields::Need;
use crate::{
    record::{Country, Moment, Rule, ValidationContext, Violation, validate},
    wire::record::Record,
};

/// A field and those it lies in, from the record down; of lists and maps the first element.
pub(super) type Way = Vec<FieldDescriptor>;

/// More elements than any list may have.
const MANY: usize = 300;

/// More characters than any text may have.
const LONG: usize = 25_000;

/// The validator, and an example that breaks no rule.
pub(super) struct Validator {
    example: DynamicMessage,
    now: Moment,
}

/// What the validator says of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) need: Need,
    pub(super) bounds: Vec<String>,
}

impl Validator {
    pub(super) const fn new(example: DynamicMessage, now: Moment) -> Self {
        Self { example, now }
    }

    /// What it says of a field of the example.
    pub(super) fn asked(&self, way: &Way) -> Answer {
        let mut bounds = Vec::new();
        let at = self.place(way);
        let first = format!("{at}[0]");
        for value in self.wrong_values(way) {
            let Some(changed) = self.with(way, |parent, field| parent.set_field(field, value))
            else {
                continue;
            };
            for violation in self.judge(&changed, false) {
                let here = violation.field == at || violation.field == first;
                if let (true, Some(bound)) = (here, bound(violation))
                    && !bounds.contains(&bound)
                {
                    bounds.push(bound);
                }
            }
        }
        Answer {
            need: self.need(way),
            bounds,
        }
    }

    fn need(&self, way: &Way) -> Need {
        let Some(without) = self.without(way, None) else {
            return Need::Optional;
        };
        if self.lacks(&without, way, false) {
            let sibling = self.sibling(way, |both| !self.lacks(both, way, false));
            return match (sibling, self.instead(way)) {
                (Some(other), _) => Need::With(other),
                (None, Some(other)) => Need::Unless(other),
                (None, None) => Need::Required,
            };
        }
        if self.lacks(&without, way, true) {
            return Need::ByTheNode;
        }
        let sibling = self.sibling(way, |both| self.lacks(both, way, false));
        sibling.map_or(Need::Optional, Need::Unless)
    }

    /// Whether the record lacks the field, or something in it. What is not there is no reference, no
    /// period and no number above 0 either.
    fn lacks(&self, record: &DynamicMessage, way: &Way, received: bool) -> bool {
        let at = self.place(way);
        self.judge(record, received).iter().any(|violation| {
            let within = violation.field.strip_prefix(&at);
            match violation.rule {
                Rule::Required | Rule::MeansRequired => {
                    within.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
                }
                Rule::FormatInvalid | Rule::DateInvalid | Rule::OutOfRange => within == Some(""),
                _ => false,
            }
        })
    }

    /// The first field beside this one that changes the answer when it is taken away too.
    fn sibling(&self, way: &Way, changes: impl Fn(&DynamicMessage) -> bool) -> Option<String> {
        let field = way.last()?;
        let siblings = field.parent_message().fields().collect::<Vec<_>>();
        let others = siblings.iter().filter(|other| *other != field);
        others
            .filter(|other| self.holds(way, other))
            .find(|other| {
                self.without(way, Some(other))
                    .is_some_and(|both| changes(&both))
            })
            .map(|other| other.json_name().to_owned())
    }

    /// What another element of the list has where this field is missing: the example breaks no rule,
    /// so the one stands for the other.
    fn instead(&self, way: &Way) -> Option<String> {
        let (field, within) = way.split_last()?;
        let list = within.last().filter(|list| list.is_list())?;
        let mut copy = self.example.clone();
        let elements = parent(&mut copy, within)?.get_field(list).into_owned();
        let mut elements = elements.as_list()?.iter().filter_map(Value::as_message);
        let first = elements.next()?;
        let other = elements.find(|element| !element.has_field(field))?;
        let mut fields = field
            .parent_message()
            .fields()
            .collect::<Vec<_>>()
            .into_iter();
        let given = fields.find(|of| other.has_field(of) && !first.has_field(of))?;
        Some(given.json_name().to_owned())
    }

    fn holds(&self, way: &Way, other: &FieldDescriptor) -> bool {
        let mut copy = self.example.clone();
        parent(&mut copy, way).is_some_and(|message| message.has_field(other))
    }

    fn without(&self, way: &Way, other: Option<&FieldDescriptor>) -> Option<DynamicMessage> {
        self.with(way, |parent, field| {
            parent.clear_field(field);
            if let Some(other) = other {
                parent.clear_field(other);
            }
        })
    }

    fn with(
        &self,
        way: &Way,
        change: impl FnOnce(&mut DynamicMessage, &FieldDescriptor),
    ) -> Option<DynamicMessage> {
        let mut copy = self.example.clone();
        change(parent(&mut copy, way)?, way.last()?);
        Some(copy)
    }

    /// The path of a field in violations.
    fn place(&self, way: &Way) -> String {
        let mut path = String::new();
        for (depth, field) in way.iter().enumerate() {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(field.json_name());
            let last = depth + 1 == way.len();
            if field.is_list() && !last {
                path.push_str("[0]");
            } else if field.is_map() && !last {
                let reached: Way = way.iter().take(depth + 1).cloned().collect();
                path.push('.');
                path.push_str(&self.key(&reached));
            }
        }
        path
    }

    /// The first key of a map.
    fn key(&self, way: &Way) -> String {
        let mut copy = self.example.clone();
        let map = parent(&mut copy, way).zip(way.last());
        let value = map.map(|(message, field)| message.get_field(field).into_owned());
        match value.as_ref().and_then(Value::as_map) {
            Some(map) => map
                .keys()
                .next()
                .and_then(MapKey::as_str)
                .unwrap_or("")
                .to_owned(),
            None => String::new(),
        }
    }

    fn judge(&self, record: &DynamicMessage, received: bool) -> Vec<Violation> {
        let Ok(record) = record.transcode_to::<Record>() else {
            return Vec::new();
        };
        let authorities = |_: Country| Some(AUTHORITIES.map(str::to_owned).to_vec());
        let Ok(origin) = ORIGIN.parse() else {
            return Vec::new();
        };
        let context = ValidationContext {
            now: self.now,
            origin,
            authorities: &authorities,
            received,
        };
        match validate(&record, &context) {
            Ok(()) => Vec::new(),
            Err(violations) => violations.into_iter().collect(),
        }
    }

    /// What the example itself breaks: nothing.
    #[cfg(test)]
    pub(super) fn broken(&self) -> Vec<Violation> {
        self.judge(&self.example, false)
    }

    /// Whether the example has what the field lies in.
    #[cfg(test)]
    pub(super) fn reaches(&self, way: &Way) -> bool {
        parent(&mut self.example.clone(), way).is_some()
    }

    fn wrong_values(&self, way: &Way) -> Vec<Value> {
        let Some(field) = way.last() else {
            return Vec::new();
        };
        let single = wrong(&field.kind());
        if field.is_map() {
            let Kind::Message(entry) = field.kind() else {
                return Vec::new();
            };
            let value = Value::default_value(&entry.map_entry_value_field().kind());
            let keys = (0..MANY).map(|number| {
                let letter = |n: usize| char::from(b'a' + u8::try_from(n % 26).unwrap_or(0));
                format!("q{}{}", letter(number / 26), letter(number))
            });
            let map = keys.map(|key| (MapKey::String(key), value.clone()));
            return vec![Value::Map(map.collect::<HashMap<_, _>>())];
        }
        if !field.is_list() {
            return single;
        }
        let mut copy = self.example.clone();
        let now = parent(&mut copy, way).map(|message| message.get_field(field).into_owned());
        let first = now
            .as_ref()
            .and_then(Value::as_list)
            .and_then(<[Value]>::first);
        let first = first
            .cloned()
            .unwrap_or_else(|| Value::default_value(&field.kind()));
        let mut lists = vec![Value::List(vec![first; MANY])];
        lists.extend(single.into_iter().map(|value| Value::List(vec![value])));
        lists
    }
}

/// The authorities that examples name.
pub(super) const AUTHORITIES: [&str; 2] = ["national-police", "victim-support"];

/// The country that submits the examples.
pub(super) const ORIGIN: &str = "TJ";

/// The message in which the last field of the way stands.
pub(super) fn parent<'m>(
    message: &'m mut DynamicMessage,
    way: &[FieldDescriptor],
) -> Option<&'m mut DynamicMessage> {
    let (field, rest) = way.split_first()?;
    if rest.is_empty() {
        return Some(message);
    }
    if !message.has_field(field) {
        return None;
    }
    match message.get_field_mut(field) {
        Value::Message(inner) => parent(inner, rest),
        Value::List(list) => parent(list.first_mut()?.as_message_mut()?, rest),
        Value::Map(map) => parent(map.values_mut().next()?.as_message_mut()?, rest),
        _ => None,
    }
}

/// Values that some rule refuses, each for another reason.
fn wrong(kind: &Kind) -> Vec<Value> {
    match kind {
        Kind::String => vec![
            Value::String("x".repeat(LONG)),
            Value::String("x\ny".to_owned()),
            Value::String("x\u{436}".to_owned()),
        ],
        Kind::Uint32 => vec![Value::U32(u32::MAX)],
        Kind::Double => vec![Value::F64(1e9)],
        Kind::Enum(_) => vec![Value::EnumNumber(9_999)],
        Kind::Bytes => vec![Value::Bytes(vec![1].into())],
        Kind::Message(message) if message.full_name() == TIMESTAMP => [1, 253_402_300_799]
            .into_iter()
            .map(|seconds| {
                let mut time = DynamicMessage::new(message.clone());
                time.set_field_by_name("seconds", Value::I64(seconds));
                Value::Message(time)
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// The name of protobuf's times.
pub(super) const TIMESTAMP: &str = "google.protobuf.Timestamp";

/// What a violation says of the field alone, and not of how it fits the others.
fn bound(violation: Violation) -> Option<String> {
    match violation.rule {
        // The codes are those of the field's list.
        Rule::UnknownCode => None,
        Rule::UnknownAuthority => Some("an authority that the country's card names".to_owned()),
        Rule::TooLong
        | Rule::TooMany
        | Rule::OutOfRange
        | Rule::UnknownCountry
        | Rule::UnknownCrossing
        | Rule::UnknownSubdivision
        | Rule::DateInvalid
        | Rule::ControlCharacter
        | Rule::MixedScript
        | Rule::LanguageInvalid
        | Rule::FormatInvalid => {
            let mut allowed: BTreeSet<String> = violation.allowed.into_iter().collect();
            match allowed.pop_first() {
                Some(only) if allowed.is_empty() => Some(only),
                _ => Some(violation.message),
            }
        }
        _ => None,
    }
}
