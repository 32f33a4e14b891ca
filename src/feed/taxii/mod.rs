//! TAXII 2.1 as a server has it: collections, resources, media types, filters and the token of the next
//! page. Pure.

mod collection;
mod filter;
mod media;
mod next;
mod resources;

pub use self::{
    collection::{ALIASES, Collection},
    filter::{Filter, FilterFault, Matched, VersionMatch, added},
    media::{MEDIA_TYPE, STIX_MEDIA_TYPE, accepts, is_taxii},
    next::{NextFault, Position, read_next, write_next},
    resources::{
        ApiRoot, CollectionResource, Collections, Discovery, Fault, Manifest, ManifestEntry, Page,
        Status, StatusEntry, Versions,
    },
};

/// Objects of a page where the caller names no number.
pub const PAGE: usize = 100;
/// Most objects of a page.
pub const MAX_PAGE: usize = 1000;
/// Most objects that are handed in at once.
pub const MAX_POSTED: usize = 1000;
