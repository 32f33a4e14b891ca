//! Objects of others as records: what Comity wrote comes back as it was; a report, a note, an indicator
//! or the like of another tool becomes a tip, with everything that it said as text.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{EXTENSION, Uuid, shared::tlp_of};
use crate::{
    record::{Country, MAX_RECORD_BYTES, Moment},
    wire::{
        json,
        record::{
            CountryRole, Destination, Grading, InformationCredibility, Marking, Record, Situation,
            SourceReliability, Tip, TipChannel, TipReporter, Tlp, Urgency, situation::Kind,
        },
    },
};

/// Types of other tools' objects that become tips.
const TIPS: [&str; 12] = [
    "report",
    "note",
    "indicator",
    "incident",
    "campaign",
    "intrusion-set",
    "attack-pattern",
    "threat-actor",
    "grouping",
    "opinion",
    "observed-data",
    "sighting",
];

/// Types that say something of other objects, and nothing alone.
const BESIDE: [&str; 6] = [
    "identity",
    "location",
    "relationship",
    "marking-definition",
    "language-content",
    "extension-definition",
];

/// Longest id that is taken.
pub const MAX_ID: usize = 128;
/// Characters of a title, of the text of a tip, and of what else an object said.
const MAX_TITLE: usize = 200;
const MAX_STATEMENT: usize = 9_000;

/// What an object is.
#[derive(Clone, Debug, PartialEq)]
pub enum Taken {
    /// A record.
    Record(Box<Record>),
    /// What an earlier version said is taken back.
    Revoked,
    /// It says something of another object in the same envelope, which carries it.
    Beside,
}

/// An object, its version and what it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Its id; empty when it has none that could be one.
    pub id: String,
    /// When it was modified, or created where it has one version; empty when it does not say.
    pub version: String,
    /// The same in microseconds; 0 when it does not say.
    pub version_us: u64,
    /// What it is.
    pub taken: Result<Taken, Unmapped>,
}

/// Why an object is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unmapped {
    /// It is no object.
    #[error("an object is a JSON object with `type`, `id` and `modified`; this is not")]
    Malformed,
    /// The id is none.
    #[error(
        "`id` is not the object's `type`, two hyphens and a UUID in lower case, in at most 128 bytes"
    )]
    Id,
    /// It is of another version of STIX.
    #[error("`spec_version` is not 2.1; only STIX 2.1 is taken")]
    SpecVersion,
    /// The time is none.
    #[error("`modified` is not a time such as 2026-03-02T09:15:00.000Z")]
    Modified,
    /// Its extension does not hold a record.
    #[error("the extension of Comity does not hold a record: {0}")]
    Record(String),
    /// Nothing in the envelope carries it.
    #[error(
        "objects of type `{0}` are taken beside a record that refers to them, and there is none here"
    )]
    Alone(String),
    /// It is another country's.
    #[error("this node made it of record {0} of {1}; it is not this country's to hand in")]
    Foreign(u64, String),
    /// No record says what it says.
    #[error(
        "objects of type `{0}` have no counterpart among records; send a report or a note that says it"
    )]
    Type(String),
}

/// Who hands objects in, and for whom.
#[derive(Clone, Debug, PartialEq)]
pub struct Sender {
    /// The authority under whose name records are submitted; empty for the country's desk.
    pub authority: String,
    /// To whom what does not say so itself goes, countries in order.
    pub destinations: Vec<Country>,
    /// When.
    pub now: Moment,
    /// Ids of objects that this node made of another country's records: local number and country.
    pub foreign: HashMap<String, (u64, String)>,
}

/// Says of each object of an envelope what it is, in their order.
pub fn take(objects: &[Value], sender: &Sender) -> Vec<Object> {
    let mut taken: Vec<Object> = objects.iter().map(|object| one(object, sender)).collect();
    let carried = taken
        .iter()
        .any(|object| matches!(object.taken, Ok(Taken::Record(_) | Taken::Revoked)));
    if !carried {
        for object in &mut taken {
            if object.taken == Ok(Taken::Beside) {
                let of = object.id.split("--").next().unwrap_or_default();
                object.taken = Err(Unmapped::Alone(of.to_owned()));
            }
        }
    }
    taken
}

fn one(object: &Value, sender: &Sender) -> Object {
    let malformed = |fault| Object {
        id: String::new(),
        version: String::new(),
        version_us: 0,
        taken: Err(fault),
    };
    let Some(map) = object.as_object() else {
        return malformed(Unmapped::Malformed);
    };
    let text = |field: &str| map.get(field).and_then(Value::as_str).unwrap_or_default();
    let (of, id) = (text("type"), text("id"));
    let sound = id.len() <= MAX_ID
        && id
            .split_once("--")
            .is_some_and(|(named, uuid)| named == of && Uuid::parse(uuid).is_some());
    if !sound {
        return malformed(Unmapped::Id);
    }
    let version = match text("modified") {
        "" => text("created"),
        modified => modified,
    };
    let at = time_us(version);
    let taken = match (text("spec_version"), at) {
        // Observables of STIX 2.1 may leave it out; they are refused by their type.
        ("2.1" | "", Some(_)) => what(of, map, sender),
        ("2.1" | "", None) if !TIPS.contains(&of) && !BESIDE.contains(&of) => {
            Err(Unmapped::Type(shown(of)))
        }
        ("2.1" | "", None) => Err(Unmapped::Modified),
        _ => Err(Unmapped::SpecVersion),
    };
    // What stands beside says nothing alone, and comes with what its country shared.
    let taken = match (taken, sender.foreign.get(id)) {
        (Ok(Taken::Record(_) | Taken::Revoked), Some((number, country))) => {
            Err(Unmapped::Foreign(*number, country.clone()))
        }
        (taken, _) => taken,
    };
    Object {
        id: id.to_owned(),
        version: if at.is_some() {
            version.to_owned()
        } else {
            String::new()
        },
        version_us: at.unwrap_or_default(),
        taken,
    }
}

fn what(of: &str, map: &Map<String, Value>, sender: &Sender) -> Result<Taken, Unmapped> {
    if map.get("revoked") == Some(&Value::Bool(true)) {
        return if BESIDE.contains(&of) {
            Ok(Taken::Beside)
        } else {
            Ok(Taken::Revoked)
        };
    }
    let own = map.get("extensions").and_then(|of| of.get(EXTENSION));
    if let Some(own) = own {
        return match own.get("record") {
            Some(record) => returned(record, sender),
            // A suspect or an identifier: the record's own compartments are not handed in this way.
            None => Ok(Taken::Beside),
        };
    }
    if BESIDE.contains(&of) {
        return Ok(Taken::Beside);
    }
    if TIPS.contains(&of) {
        return Ok(Taken::Record(Box::new(tip(of, map, sender))));
    }
    Err(Unmapped::Type(shown(of)))
}

/// A record as it was when it became an object; who submits it now names its own authority.
fn returned(record: &Value, sender: &Sender) -> Result<Taken, Unmapped> {
    let text = record.to_string();
    if text.len() > MAX_RECORD_BYTES.saturating_mul(2) {
        return Err(Unmapped::Record("it is too large".to_owned()));
    }
    let mut record: Record = json::from_json("comity.record.v1.Record", &text)
        .map_err(|fault| Unmapped::Record(fault.to_string()))?;
    if !sender.authority.is_empty() {
        record.authority.clone_from(&sender.authority);
    }
    Ok(Taken::Record(Box::new(record)))
}

/// Another tool's object as a tip.
fn tip(of: &str, map: &Map<String, Value>, sender: &Sender) -> Record {
    let text = |field: &str| map.get(field).and_then(Value::as_str).unwrap_or_default();
    let title = ["name", "abstract", "content", "description"]
        .into_iter()
        .map(text)
        .find(|text| !text.trim().is_empty())
        .map_or_else(|| format!("STIX {of}"), |text| line(text, MAX_TITLE));
    let mut statement = String::new();
    for field in [
        "content",
        "description",
        "explanation",
        "pattern",
        "summary",
    ] {
        let said = text(field);
        if !said.is_empty() {
            statement.push_str(said);
            statement.push_str("\n\n");
        }
    }
    // Everything else that it says, one property a line.
    let told = [
        "content",
        "description",
        "explanation",
        "pattern",
        "summary",
    ];
    for (field, value) in map {
        if told.contains(&field.as_str()) {
            continue;
        }
        let value = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        statement.push_str(&format!("{field}: {value}\n"));
    }
    let labels = map.get("labels").and_then(Value::as_array);
    let exercise = labels.is_some_and(|of| of.iter().any(|label| label == "exercise"));
    // The strictest marking of the whole or of a part, and one that is not known is the strictest; what is
    // not marked is for the organisation and its partners.
    let whole = map.get("object_marking_refs").and_then(Value::as_array);
    let parts = map.get("granular_markings").and_then(Value::as_array);
    let parts = parts.into_iter().flatten();
    let parts = parts.filter_map(|part| part.get("marking_ref"));
    let marks = whole.into_iter().flatten().chain(parts);
    let tlp = marks
        .map(|mark| mark.as_str().and_then(tlp_of).unwrap_or(Tlp::Red))
        .max()
        .unwrap_or(Tlp::Amber);
    let destinations = sender.destinations.iter().map(|country| Destination {
        country: country.code().to_owned(),
        role: CountryRole::Destination.into(),
        ..Destination::default()
    });
    Record {
        authority: sender.authority.clone(),
        destinations: destinations.collect(),
        urgency: Urgency::Routine.into(),
        marking: Some(Marking {
            tlp: tlp.into(),
            ..Marking::default()
        }),
        exercise,
        situation: Some(Situation {
            title,
            grading: Some(Grading {
                source: SourceReliability::F.into(),
                information: InformationCredibility::InformationCredibility6.into(),
            }),
            confidence: map
                .get("confidence")
                .and_then(Value::as_u64)
                .and_then(|of| u32::try_from(of.min(100)).ok())
                .unwrap_or_default(),
            kind: Some(Kind::Tip(Tip {
                channel: TipChannel::Other.into(),
                reporter: TipReporter::Unspecified.into(),
                service: "STIX".to_owned(),
                statement: lines(&statement, MAX_STATEMENT),
                ..Tip::default()
            })),
            ..Situation::default()
        }),
        ..Record::default()
    }
}

/// A text on one line, without control characters.
fn line(text: &str, most: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let plain = words.join(" ");
    let plain = plain.chars().filter(|letter| !letter.is_control());
    plain.take(most).collect()
}

/// A text of lines, without other control characters.
fn lines(text: &str, most: usize) -> String {
    let plain = text.replace("\r\n", "\n").replace('\t', " ");
    let plain = plain
        .chars()
        .filter(|letter| *letter == '\n' || !letter.is_control());
    let text: String = plain.take(most).collect();
    text.trim().to_owned()
}

fn shown(text: &str) -> String {
    text.chars().take(64).flat_map(char::escape_debug).collect()
}

/// Microseconds since 1970 of a time as STIX has it.
pub fn time_us(text: &str) -> Option<u64> {
    use time::{OffsetDateTime, format_description::well_known::Rfc3339};
    if !text.ends_with('Z') || text.len() > 40 {
        return None;
    }
    let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    u64::try_from(Moment::from(at).micros()).ok()
}
