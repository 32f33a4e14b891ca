//! Records as STIX 2.1 objects, and objects as records. docs/TAXII.md has the table of what becomes
//! what.
//!
//! The first object of a record carries, in an extension of our own, the record as its reader may see
//! it: STIX has no words for a leg of a route or for a means of the Palermo Protocol. The same record
//! comes back from it. Victims' data and sources never become objects.

mod entitled;
mod ids;
mod intake;
mod kinds;
mod places;
mod revoked;
mod shared;
#[cfg(test)]
mod tests;
mod words;

use serde_json::{Map, Value, json};

pub use self::{
    ids::{Ids, Part, Uuid},
    intake::{MAX_ID, Object, Sender, Taken, Unmapped, take, time_us},
    revoked::{Revoked, revoked},
    shared::{EXTENSION, SCHEMA, SCHEMA_PATH, Shared, party},
    words::stamp,
};

use self::entitled::{identifiers, suspects};
use crate::{
    crypto::Digest,
    record::{Country, Moment, kind_name},
    wire::record::{HandlingCode, Marking, Record, Tlp},
};

/// Types of objects that are made of a record, in the order by which rows number them. Only ever
/// added to.
const TYPES: [&str; 10] = [
    "campaign",
    "intrusion-set",
    "attack-pattern",
    "report",
    "note",
    "threat-actor",
    "location",
    "relationship",
    "language-content",
    "indicator",
];

/// Most objects that are made of one record.
pub const MAX_OBJECTS: usize = 512;

/// What of a record becomes objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Aspect {
    /// The situation.
    Situation,
    /// Compartment `suspects`.
    Suspects,
    /// Compartment `identifiers`.
    Identifiers,
}

/// A version of a record whose objects are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Version<'a> {
    /// Local number of its first version.
    pub number: u64,
    /// SHA-256 of the first version's header.
    pub header: &'a Digest,
    /// Who sealed it.
    pub origin: Country,
    /// When the first version became durable here.
    pub created: Moment,
    /// When this one did.
    pub modified: Moment,
    /// What it says, as far as the reader may see it.
    pub record: &'a Record,
}

/// What the objects of a record are, without what they say: enough to revoke them when the record is
/// gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// Who shared it.
    pub by: String,
    /// What it refers to.
    pub shared: Vec<Shared>,
    /// Its own objects: type and part of each.
    pub parts: Vec<PartOf>,
}

/// One object of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PartOf {
    /// Place of its type in the list of types.
    kind: u8,
    /// Part of the record.
    pub part: u32,
}

impl PartOf {
    /// As one number.
    pub const fn packed(self) -> u32 {
        ((self.kind as u32) << 24) | (self.part & ids::MAX_PART)
    }

    /// From one number; `None` for a type that there is not.
    pub fn unpack(packed: u32) -> Option<Self> {
        let kind = u8::try_from(packed >> 24).ok()?;
        TYPES.get(usize::from(kind))?;
        Some(Self {
            kind,
            part: packed & ids::MAX_PART,
        })
    }

    /// Its type in STIX.
    pub fn stix_type(self) -> &'static str {
        TYPES.get(usize::from(self.kind)).copied().unwrap_or("note")
    }

    /// Its id, of the record with this number and header.
    pub fn id(self, ids: Ids<'_>, number: u64, header: &Digest) -> String {
        let of = Part {
            number,
            part: self.part,
        };
        format!("{}--{}", self.stix_type(), ids.of_part(of, header))
    }
}

/// The objects of a record.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    /// What it refers to.
    pub shared: Vec<Shared>,
    /// Its own, in order, the main one first.
    pub own: Vec<(PartOf, Value)>,
}

/// Kinds of records that become objects, with the type of the main one. The others tell of single
/// persons or of the work of authorities, and stay where they are.
pub fn main_type(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "Route" => "campaign",
        "Network" => "intrusion-set",
        "ModusOperandi" => "attack-pattern",
        "Alert" | "Trend" | "Tip" | "SpontaneousInformation" => "report",
        "EvidenceRequest" => "note",
        _ => return None,
    })
}

/// Whether a tool may have a record at all. What its markings leave to the judgement of a person is not
/// for one: TLP:RED is for whom it was sent to by name, H3 is a restriction in words, an unknown marking
/// is the strictest, and a reading whose purpose the origin wants to hear needs one. So for a request
/// whose fact and substance are to be kept confidential (UNTOC, article 18, paragraph 20).
pub fn is_for_tools(record: &Record) -> bool {
    use crate::wire::record::situation::Kind;
    let marking = record.marking.clone().unwrap_or_default();
    let tlp = Tlp::try_from(marking.tlp).unwrap_or_default();
    let judged = marking.handling.iter().all(|code| {
        matches!(
            HandlingCode::try_from(*code),
            Ok(HandlingCode::H0 | HandlingCode::H1 | HandlingCode::H2)
        )
    });
    let confidential = match record.situation.as_ref().and_then(|of| of.kind.as_ref()) {
        Some(Kind::EvidenceRequest(request)) => request.confidential,
        Some(Kind::SpontaneousInformation(information)) => information.confidential,
        _ => false,
    };
    judged
        && !matches!(tlp, Tlp::Red | Tlp::Unspecified)
        && !marking.tell_purpose
        && !confidential
        && record.onward.is_none()
        && kind_name(record).and_then(main_type).is_some()
}

/// The objects of one aspect of a record; none when it has nothing of it, or is not for tools.
pub fn objects(ids: Ids<'_>, version: &Version<'_>, aspect: Aspect) -> Objects {
    if !is_for_tools(version.record) {
        return Objects::default();
    }
    let mut made = Making::new(ids, version);
    match aspect {
        Aspect::Situation => kinds::situation(&mut made),
        Aspect::Suspects => suspects(&mut made),
        Aspect::Identifiers => identifiers(&mut made),
    }
    made.finish()
}

impl Objects {
    /// What they are without what they say. `by` is who shared the record.
    pub fn outline(&self, version: &Version<'_>) -> Outline {
        Outline {
            by: version.record.authority.clone(),
            shared: self.shared.clone(),
            parts: self.own.iter().map(|(part, _)| *part).collect(),
        }
    }
}

/// A bundle of the situations of some records, everything that they refer to included once. `id` is
/// random.
pub fn bundle<'a>(
    ids: Ids<'_>,
    id: [u8; 16],
    versions: impl IntoIterator<Item = Version<'a>>,
) -> Value {
    let mut shared: Vec<Shared> = Vec::new();
    let mut own = Vec::new();
    for version in versions {
        let made = objects(ids, &version, Aspect::Situation);
        for one in made.shared {
            if !shared.contains(&one) {
                shared.push(one);
            }
        }
        own.extend(made.own.into_iter().map(|(_, object)| object));
    }
    let mut all: Vec<Value> = shared.iter().map(|one| one.object(ids)).collect();
    all.append(&mut own);
    json!({
        "type": "bundle",
        "id": format!("bundle--{}", Uuid::of_bytes(id)),
        "objects": all,
    })
}

/// The objects of a record while they are made.
struct Making<'a> {
    ids: Ids<'a>,
    version: &'a Version<'a>,
    by: String,
    markings: Vec<Value>,
    main: String,
    objects: Objects,
}

impl<'a> Making<'a> {
    fn new(ids: Ids<'a>, version: &'a Version<'a>) -> Self {
        let record = version.record;
        let by = Shared::Identity(version.origin, record.authority.clone());
        let marking = record.marking.clone().unwrap_or_default();
        let marks = marks(&marking);
        let of_kind = kind_name(record).and_then(main_type).unwrap_or("note");
        let main = PartOf {
            kind: type_number(of_kind),
            part: 0,
        };
        let mut shared = vec![Shared::Project, Shared::Extension, by.clone()];
        shared.extend(marks.iter().cloned());
        Self {
            ids,
            version,
            by: by.id(ids),
            markings: marks.iter().map(|mark| mark.id(ids).into()).collect(),
            main: main.id(ids, version.number, version.header),
            objects: Objects {
                shared,
                own: Vec::new(),
            },
        }
    }

    /// The id of something shared, which is then among what the record refers to.
    fn refer(&mut self, to: Shared) -> String {
        let id = to.id(self.ids);
        if !self.objects.shared.contains(&to) {
            self.objects.shared.push(to);
        }
        id
    }

    /// Adds an object of a type; `words` say which part of the record it is, in every version of it.
    /// Answers its id.
    fn add(&mut self, stix_type: &'static str, words: &str, object: Value) -> String {
        let mut part = PartOf {
            kind: type_number(stix_type),
            part: if words.is_empty() {
                0
            } else {
                self.ids.part_of(&format!("{stix_type} {words}")).max(1)
            },
        };
        let taken = |part: PartOf| self.objects.own.iter().any(|(of, _)| of.part == part.part);
        while !words.is_empty() && taken(part) {
            part.part = (part.part % ids::MAX_PART).saturating_add(1);
        }
        let (number, header) = (self.version.number, self.version.header);
        let id = part.id(self.ids, number, header);
        let mut map = match object {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        map.insert("type".into(), stix_type.into());
        map.insert("spec_version".into(), "2.1".into());
        map.insert("id".into(), id.clone().into());
        map.insert("object_marking_refs".into(), self.markings.clone().into());
        map.insert("created".into(), stamp(self.version.created).into());
        map.insert("modified".into(), stamp(self.version.modified).into());
        map.insert("created_by_ref".into(), self.by.clone().into());
        if self.objects.own.len() < MAX_OBJECTS {
            self.objects.own.push((part, Value::Object(map)));
        }
        id
    }

    /// Adds a relationship between two objects.
    fn relate(&mut self, how: &str, from: &str, to: &str) {
        let words = format!("{how} {from} {to}");
        let object = json!({
            "relationship_type": how, "source_ref": from, "target_ref": to,
        });
        self.add("relationship", &words, object);
    }

    fn finish(self) -> Objects {
        if self.objects.own.is_empty() {
            return Objects::default();
        }
        self.objects
    }
}

fn type_number(stix_type: &str) -> u8 {
    let at = TYPES.iter().position(|name| *name == stix_type);
    at.and_then(|at| u8::try_from(at).ok()).unwrap_or(4)
}

/// The markings of a record.
fn marks(marking: &Marking) -> Vec<Shared> {
    let mut marks = vec![Shared::Tlp(Tlp::try_from(marking.tlp).unwrap_or_default())];
    for code in &marking.handling {
        if let Ok(code) = HandlingCode::try_from(*code) {
            let mark = Shared::Handling(code);
            if !marks.contains(&mark) {
                marks.push(mark);
            }
        }
    }
    marks
}
