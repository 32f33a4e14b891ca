//! What many records have in common: markings, who shares, countries, crossings, the extension.

use serde_json::{Value, json};

use super::Ids;
use crate::{
    record::{Country, vocab},
    wire::record::{HandlingCode, Tlp},
};

/// Id of the extension that carries what STIX has no words for; docs/TAXII.md has its schema.
pub const EXTENSION: &str = "extension-definition--32927a76-34ea-4520-8169-a269924cdfa9";
/// Id of who defines it.
const PROJECT: &str = "identity--fce4266f-3516-4581-8686-408fbc27f816";
/// Where a server shows the schema, below its root.
pub const SCHEMA_PATH: &str = "/taxii2/schema/comity-1.json";
/// Version of the schema.
const SCHEMA_VERSION: &str = "1.0.0";
/// Extension by which STIX 2.1 carries TLP 2.0, as OASIS published it.
const TLP_EXTENSION: &str = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d";
/// When what is the same for all nodes was written.
const WRITTEN: &str = "2026-11-28T00:00:00.000Z";

/// The schema of the extension.
pub const SCHEMA: &str = include_str!("schema.json");

/// Something that many records refer to; it is in a collection once.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Shared {
    /// Who defines the extension.
    Project,
    /// The extension.
    Extension,
    /// A marking of the Traffic Light Protocol.
    Tlp(Tlp),
    /// A handling code.
    Handling(HandlingCode),
    /// A country, or an authority of one, as who shares.
    Identity(Country, String),
    /// A country as a place.
    Country(Country),
    /// A border crossing.
    Crossing(String),
}

impl Shared {
    /// As rows keep it; [`Self::parse`] reads it.
    pub fn words(&self) -> String {
        match self {
            Self::Project => "project".to_owned(),
            Self::Extension => "extension".to_owned(),
            Self::Tlp(tlp) => format!("tlp:{}", *tlp as i32),
            Self::Handling(code) => format!("handling:{}", *code as i32),
            Self::Identity(country, authority) => format!("identity:{country}/{authority}"),
            Self::Country(country) => format!("country:{country}"),
            Self::Crossing(id) => format!("crossing:{id}"),
        }
    }

    /// Reads [`Self::words`].
    pub fn parse(words: &str) -> Option<Self> {
        let Some((what, which)) = words.split_once(':') else {
            return match words {
                "project" => Some(Self::Project),
                "extension" => Some(Self::Extension),
                _ => None,
            };
        };
        Some(match what {
            "tlp" => Self::Tlp(Tlp::try_from(which.parse::<i32>().ok()?).ok()?),
            "handling" => Self::Handling(HandlingCode::try_from(which.parse::<i32>().ok()?).ok()?),
            "identity" => {
                let (country, authority) = which.split_once('/')?;
                Self::Identity(country.parse().ok()?, authority.to_owned())
            }
            "country" => Self::Country(which.parse().ok()?),
            "crossing" => Self::Crossing(which.to_owned()),
            _ => return None,
        })
    }

    /// Whether everybody who reads a collection may know of it: all but an authority that shared something
    /// with somebody else, maybe.
    pub fn is_open(&self) -> bool {
        match self {
            Self::Identity(_, authority) => authority.is_empty(),
            _ => true,
        }
    }

    /// Its type in STIX.
    pub const fn stix_type(&self) -> &'static str {
        match self {
            Self::Extension => "extension-definition",
            Self::Tlp(_) | Self::Handling(_) => "marking-definition",
            Self::Project | Self::Identity(..) => "identity",
            Self::Country(_) | Self::Crossing(_) => "location",
        }
    }

    /// Its id: published for what is the same everywhere, of this node otherwise.
    pub fn id(&self, ids: Ids<'_>) -> String {
        match self {
            Self::Project => PROJECT.to_owned(),
            Self::Extension => EXTENSION.to_owned(),
            Self::Tlp(tlp) => format!("marking-definition--{}", tlp_uuid(*tlp)),
            Self::Handling(code) => format!("marking-definition--{}", handling_uuid(*code)),
            Self::Identity(..) | Self::Country(_) | Self::Crossing(_) => {
                format!("{}--{}", self.stix_type(), ids.shared(&self.words()))
            }
        }
    }

    /// The version of it: there is one.
    pub fn version(&self) -> &'static str {
        match self {
            Self::Tlp(_) => "2022-10-01T00:00:00.000Z",
            _ => WRITTEN,
        }
    }

    /// The object.
    pub fn object(&self, ids: Ids<'_>) -> Value {
        let mut object = match self {
            Self::Project => json!({
                "name": "Comity",
                "identity_class": "system",
                "description": "The project that defines the extension for trafficking in persons.",
            }),
            Self::Extension => json!({
                "created_by_ref": PROJECT,
                "name": "Comity: trafficking in persons",
                "description": "What a Comity record says in codes that STIX has no words for, and the record itself, \
                    so that it comes back as it was.",
                "schema": format!("{SCHEMA_PATH} of this server, and docs/TAXII.md of Comity"),
                "version": SCHEMA_VERSION,
                "extension_types": ["property-extension"],
            }),
            Self::Tlp(tlp) => json!({
                "name": tlp_name(*tlp),
                "extensions": { TLP_EXTENSION: {
                    "extension_type": "property-extension",
                    "tlp_2_0": tlp_word(*tlp),
                }},
            }),
            Self::Handling(code) => json!({
                "name": handling_name(*code),
                "definition_type": "statement",
                "definition": { "statement": handling_statement(*code) },
            }),
            Self::Identity(country, authority) => json!({
                "name": party(*country, authority),
                "identity_class": "organization",
                "sectors": ["government"],
            }),
            Self::Country(country) => json!({ "name": country.code(), "country": country.code() }),
            Self::Crossing(id) => crossing(id),
        };
        if let Some(object) = object.as_object_mut() {
            object.insert("type".into(), self.stix_type().into());
            object.insert("spec_version".into(), "2.1".into());
            object.insert("id".into(), self.id(ids).into());
            object.insert("created".into(), self.version().into());
            // Markings have one version and say so by having no other time.
            if !matches!(self, Self::Tlp(_) | Self::Handling(_)) {
                object.insert("modified".into(), self.version().into());
            }
        }
        object
    }
}

/// `UZ`, or `UZ/national-police`.
pub fn party(country: Country, authority: &str) -> String {
    if authority.is_empty() {
        country.code().to_owned()
    } else {
        format!("{country}/{authority}")
    }
}

fn crossing(id: &str) -> Value {
    let Some(known) = vocab::crossing(id) else {
        return json!({ "name": id, "region": "central-asia" });
    };
    let names = [known.names.0, known.names.1];
    let named: Vec<&str> = names.into_iter().filter(|name| !name.is_empty()).collect();
    let name = if named.is_empty() {
        id.to_owned()
    } else {
        named.join(" / ")
    };
    json!({
        "name": name,
        "description": format!(
            "Border crossing {id} between {} and {}, {}.",
            known.countries.0, known.countries.1, known.mode
        ),
        "country": known.countries.0.code(),
    })
}

const fn tlp_uuid(tlp: Tlp) -> &'static str {
    match tlp {
        Tlp::Clear => "94868c89-83c2-464b-929b-a1a8aa3c8487",
        Tlp::Green => "bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
        Tlp::Amber => "55d920b0-5e8b-4f79-9ee9-91f868d9b421",
        Tlp::AmberStrict => "939a9414-2ddd-4d32-a0cd-375ea402b003",
        Tlp::Red | Tlp::Unspecified => "e828b379-4e03-4974-9ac4-e53a884c97c1",
    }
}

const fn tlp_name(tlp: Tlp) -> &'static str {
    match tlp {
        Tlp::Clear => "TLP:CLEAR",
        Tlp::Green => "TLP:GREEN",
        Tlp::Amber => "TLP:AMBER",
        Tlp::AmberStrict => "TLP:AMBER+STRICT",
        Tlp::Red | Tlp::Unspecified => "TLP:RED",
    }
}

const fn tlp_word(tlp: Tlp) -> &'static str {
    match tlp {
        Tlp::Clear => "clear",
        Tlp::Green => "green",
        Tlp::Amber => "amber",
        Tlp::AmberStrict => "amber+strict",
        Tlp::Red | Tlp::Unspecified => "red",
    }
}

/// The marking of the Traffic Light Protocol that an object refers to, whichever version of the
/// protocol it means; `None` when the id is another's.
pub(super) fn tlp_of(id: &str) -> Option<Tlp> {
    let uuid = id.strip_prefix("marking-definition--")?;
    let of = [
        Tlp::Clear,
        Tlp::Green,
        Tlp::Amber,
        Tlp::AmberStrict,
        Tlp::Red,
    ];
    if let Some(tlp) = of.into_iter().find(|tlp| tlp_uuid(*tlp) == uuid) {
        return Some(tlp);
    }
    // TLP 1.0, as STIX 2.1 itself has it.
    Some(match uuid {
        "613f2e26-407d-48c7-9eca-b8e91df99dc9" => Tlp::Clear,
        "34098fce-860f-48ae-8e50-ebd3cc5e41da" => Tlp::Green,
        "f88d31f6-486f-44da-b317-01333bde0b82" => Tlp::Amber,
        "5e57c739-391a-4eb3-b6be-7d15ca92d5ed" => Tlp::Red,
        // TLP:AMBER+STRICT, as OpenCTI has it.
        "826578e1-40ad-459f-bc73-ede076f81f37" => Tlp::AmberStrict,
        _ => return None,
    })
}

const fn handling_uuid(code: HandlingCode) -> &'static str {
    match code {
        HandlingCode::H0 => "759a273a-dcb5-443b-b28d-a73739928a93",
        HandlingCode::H1 => "3fb2aef8-2904-4809-aa1a-25337ed17028",
        HandlingCode::H2 => "05e57848-e534-46eb-88a3-7b893a8a0bb4",
        HandlingCode::H3 | HandlingCode::Unspecified => "0edda22a-b13c-4575-ad38-131fffecefe8",
    }
}

const fn handling_name(code: HandlingCode) -> &'static str {
    match code {
        HandlingCode::H0 => "H0",
        HandlingCode::H1 => "H1",
        HandlingCode::H2 => "H2",
        HandlingCode::H3 | HandlingCode::Unspecified => "H3",
    }
}

const fn handling_statement(code: HandlingCode) -> &'static str {
    match code {
        HandlingCode::H0 => {
            "Handling code H0: to be used for the prevention and combating of crime only."
        }
        HandlingCode::H1 => {
            "Handling code H1: not to be used in judicial proceedings without permission of the origin."
        }
        HandlingCode::H2 => {
            "Handling code H2: not to be disseminated without permission of the origin."
        }
        HandlingCode::H3 | HandlingCode::Unspecified => {
            "Handling code H3: other restrictions of the origin apply; ask it."
        }
    }
}

/// When a version that nobody names is from: the epoch of what is shared.
pub(super) fn written() -> String {
    WRITTEN.to_owned()
}
