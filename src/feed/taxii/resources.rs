//! The resources of TAXII 2.1.

use serde::Serialize;
use serde_json::Value;

use super::STIX_MEDIA_TYPE;

/// What a server offers.
#[derive(Clone, Debug, Serialize)]
pub struct Discovery {
    /// Its title.
    pub title: String,
    /// What it is.
    pub description: String,
    /// The root to begin with.
    pub default: String,
    /// Its roots.
    pub api_roots: Vec<String>,
}

/// A root.
#[derive(Clone, Debug, Serialize)]
pub struct ApiRoot {
    /// Its title.
    pub title: String,
    /// What it is.
    pub description: String,
    /// Media types it speaks.
    pub versions: Vec<&'static str>,
    /// Largest body in bytes.
    pub max_content_length: u64,
}

/// A collection.
#[derive(Clone, Debug, Serialize)]
pub struct CollectionResource {
    /// Its id.
    pub id: &'static str,
    /// Its title.
    pub title: &'static str,
    /// What it is.
    pub description: &'static str,
    /// What it is called in an address beside its id.
    pub alias: &'static str,
    /// Whether the caller may get objects from it.
    pub can_read: bool,
    /// Whether the caller may hand objects in.
    pub can_write: bool,
    /// Media types of its objects.
    pub media_types: [&'static str; 1],
}

impl CollectionResource {
    /// The media types of every collection.
    pub const MEDIA_TYPES: [&'static str; 1] = [STIX_MEDIA_TYPE];
}

/// The collections of a root.
#[derive(Clone, Debug, Serialize)]
pub struct Collections {
    /// They.
    pub collections: Vec<CollectionResource>,
}

/// A page of objects: TAXII's envelope.
#[derive(Clone, Debug, Serialize)]
pub struct Page {
    /// Whether there are more.
    pub more: bool,
    /// Where the next page begins; there whenever there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The objects.
    pub objects: Vec<Value>,
}

/// A page of a manifest.
#[derive(Clone, Debug, Serialize)]
pub struct Manifest {
    /// Whether there are more.
    pub more: bool,
    /// Where the next page begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// What is there.
    pub objects: Vec<ManifestEntry>,
}

/// An object in a manifest.
#[derive(Clone, Debug, Serialize)]
pub struct ManifestEntry {
    /// Its id.
    pub id: String,
    /// When it came into the collection.
    pub date_added: String,
    /// Its version.
    pub version: String,
    /// What it is.
    pub media_type: &'static str,
}

/// A page of versions of an object.
#[derive(Clone, Debug, Serialize)]
pub struct Versions {
    /// Whether there are more.
    pub more: bool,
    /// Where the next page begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Its versions.
    pub versions: Vec<String>,
}

/// What became of objects that were handed in.
#[derive(Clone, Debug, Default, Serialize, serde::Deserialize, PartialEq, Eq)]
pub struct Status {
    /// Its id.
    pub id: String,
    /// `complete`, or `pending` while something of it is under way.
    pub status: String,
    /// When they were handed in.
    pub request_timestamp: String,
    /// How many.
    pub total_count: u64,
    /// How many were taken.
    pub success_count: u64,
    /// Which.
    pub successes: Vec<StatusEntry>,
    /// How many were not.
    pub failure_count: u64,
    /// Which, and why.
    pub failures: Vec<StatusEntry>,
    /// How many are under way.
    pub pending_count: u64,
    /// Which.
    pub pendings: Vec<StatusEntry>,
}

/// An object that was handed in.
#[derive(Clone, Debug, Default, Serialize, serde::Deserialize, PartialEq, Eq)]
pub struct StatusEntry {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: String,
    /// What became of it, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// Why a request is not answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// In a few words.
    pub title: &'static str,
    /// What is wrong, whose fault it is, and what to do.
    pub description: String,
    /// Of this very error; empty where nothing is noted of it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub error_id: String,
    /// A stable word.
    pub error_code: &'static str,
    /// The status of the answer.
    pub http_status: String,
    /// Where more is said.
    pub external_details: &'static str,
    /// What of the request it is about.
    pub details: std::collections::BTreeMap<&'static str, String>,
}

impl Fault {
    /// A fault with a status, a stable word, a title and what is wrong.
    pub fn new(
        status: u16,
        code: &'static str,
        title: &'static str,
        description: impl Into<String>,
    ) -> Self {
        Self {
            title,
            description: description.into(),
            error_id: String::new(),
            error_code: code,
            http_status: status.to_string(),
            external_details: "docs/TAXII.md of Comity, section Errors",
            details: std::collections::BTreeMap::new(),
        }
    }

    /// The same, about a part of the request.
    #[must_use]
    pub fn about(mut self, what: &'static str, value: &str) -> Self {
        let value = value.chars().take(128).flat_map(char::escape_debug);
        self.details.insert(what, value.collect());
        self
    }

    /// Its status.
    pub fn status(&self) -> u16 {
        self.http_status.parse().unwrap_or(500)
    }
}
