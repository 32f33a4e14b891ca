//! What test countries have in common, and what differs from one to the other.

use std::path::PathBuf;

use comity::{access::Guarded, exercise};

/// What the roots of every test country are locked with.
pub(crate) const PASSPHRASE: &str = "exercise only, protects nothing";
/// What the node's keys are protected with, where a test protects them.
pub(crate) const KEYS_PASSPHRASE: &str = "the keys of an exercise";
/// What one person may do alone in tests that are about something else.
pub(crate) const BY_ONE: [Guarded; 4] = [
    Guarded::ImportCard,
    Guarded::OpenVictims,
    Guarded::ExportCourt,
    Guarded::ExportBulk,
];

/// What differs from country to country.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    /// Leave the address out of the card: others cannot dial this country.
    pub(crate) unlisted: bool,
    /// Folder for the home, instead of a temporary one of its own.
    pub(crate) dir: Option<PathBuf>,
    /// When its keys, certificates and card were made, instead of now.
    pub(crate) issued: Option<comity::record::Moment>,
    /// The authority of the local officer, instead of the police.
    pub(crate) desk: Option<&'static str>,
    /// Ask for a second person wherever the built-in permissions do.
    pub(crate) two_persons: bool,
    /// Another share of the disk beyond which nothing new is accepted.
    pub(crate) disk_full_percent: Option<u64>,
}

/// The authorities of a country, that of its local officer first.
pub(super) fn authorities(desk: Option<&str>) -> Vec<String> {
    let mut authorities = exercise::AUTHORITIES.map(str::to_owned).to_vec();
    authorities.sort_by_key(|name| desk != Some(name.as_str()));
    authorities
}
