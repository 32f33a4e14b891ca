//! The rules of compartment `evidence`. Their messages repeat no value.

use std::collections::HashSet;

use super::super::{At, Checker, MAX_LINE, MAX_LIST, MAX_NOTE, Text, checker::Fault, date};
use crate::record::Rule;
use crate::wire::record::{Evidence, EvidenceItem, PersonConcerned};

/// Most items of a record.
const MAX_ITEMS: usize = 64;
/// Most custody entries of an item.
const MAX_CUSTODY: usize = 256;
/// Largest encoded custody entry, in bytes.
const MAX_CUSTODY_BYTES: usize = 8 * 1024;
/// Largest file, in bytes: 16 TiB.
const MAX_SIZE: u64 = 1 << 44;
/// Smallest and largest chunk, in bytes.
const CHUNKS: std::ops::RangeInclusive<u32> = 64 * 1024..=4 * 1024 * 1024;

pub(in crate::record::validate) fn check(checker: &mut Checker, at: At<'_>, of: &Evidence) {
    if of.items.is_empty() && of.persons.is_empty() {
        checker.required(at, "an item or a person, or no compartment at all,");
    }
    let items_at = at.field("items");
    checker.at_most(items_at, of.items.len(), MAX_ITEMS);
    let mut seen = HashSet::new();
    for (index, of) in of.items.iter().take(MAX_ITEMS).enumerate() {
        let here = items_at.item(index);
        if !seen.insert(of.id.as_slice()) {
            checker.found(
                here.field("id"),
                Rule::Duplicate,
                "this item is there twice",
            );
        }
        item(checker, here, of);
    }
    let persons_at = at.field("persons");
    checker.at_most(persons_at, of.persons.len(), MAX_LIST);
    for (index, of) in of.persons.iter().take(MAX_LIST).enumerate() {
        person(checker, persons_at.item(index), of);
    }
}

fn item(checker: &mut Checker, at: At<'_>, of: &EvidenceItem) {
    bytes(checker, at.field("id"), &of.id, 16);
    let name_at = at.field("name");
    checker.text(name_at, &of.name, Text::line(MAX_LINE).required());
    if of.name.contains(['/', '\\']) || of.name.trim_matches('.').is_empty() {
        checker.found(
            name_at,
            Rule::FormatInvalid,
            "is a name without a path, and not made of dots alone",
        );
    }
    let note = Text::lines(MAX_NOTE);
    checker.text(at.field("description"), &of.description, note);
    let media = Text::line(MAX_LINE);
    checker.text(at.field("mediaType"), &of.media_type, media);
    if of.root.is_empty() && of.key.is_empty() && of.chunk_size == 0 && of.size == 0 {
        // A thing is what its description says.
        if of.description.trim().is_empty() {
            checker.required(at.field("description"), "a description of the thing");
        }
    } else {
        bytes(checker, at.field("root"), &of.root, 32);
        bytes(checker, at.field("key"), &of.key, 32);
        if of.size > MAX_SIZE {
            checker.out_of_range(at.field("size"), of.size, format!("at most {MAX_SIZE}"));
        }
        if !CHUNKS.contains(&of.chunk_size) || !of.chunk_size.is_power_of_two() {
            checker.out_of_range(
                at.field("chunkSize"),
                of.chunk_size,
                "a power of two from 65536 to 4194304",
            );
        }
    }
    let custody_at = at.field("custody");
    checker.at_most(custody_at, of.custody.len(), MAX_CUSTODY);
    for (index, of) in of.custody.iter().take(MAX_CUSTODY).enumerate() {
        let here = custody_at.item(index);
        if of.entry.is_empty() || of.entry.len() > MAX_CUSTODY_BYTES {
            let allowed = format!("1 to {MAX_CUSTODY_BYTES} bytes");
            checker.out_of_range(here.field("entry"), of.entry.len(), allowed);
        }
        bytes(checker, here.field("keyId"), &of.key_id, 8);
        bytes(checker, here.field("signature"), &of.signature, 64);
    }
}

/// Exactly so many bytes.
pub(super) fn bytes(checker: &mut Checker, at: At<'_>, value: &[u8], len: usize) {
    if value.len() != len {
        let fault = Fault::new(format!("must be {len} bytes")).allowed([format!("{len} bytes")]);
        checker.refuse(at, Rule::FormatInvalid, fault);
    }
}

fn person(checker: &mut Checker, at: At<'_>, of: &PersonConcerned) {
    checker.text(at.field("role"), &of.role, Text::line(MAX_LINE).required());
    let names_at = at.field("names");
    if of.names.is_empty() && of.note.trim().is_empty() {
        checker.required(names_at, "a name or, where none is known, a note");
    }
    checker.at_most(names_at, of.names.len(), MAX_LIST);
    for (index, name) in of.names.iter().take(MAX_LIST).enumerate() {
        let rules = Text::name(MAX_LINE).required();
        checker.name(names_at.item(index), &name.text, &name.language, rules);
    }
    checker.countries(at.field("nationalities"), &of.nationalities);
    if !of.born.is_empty() && !date::is_year_month_or_day(&of.born) {
        let fault = Fault::new("not a year, month or day written YYYY, YYYY-MM or YYYY-MM-DD");
        let allowed = "YYYY, YYYY-MM or YYYY-MM-DD".to_owned();
        checker.refuse(
            at.field("born"),
            Rule::DateInvalid,
            fault.allowed([allowed]),
        );
    }
    checker.text(at.field("location"), &of.location, Text::lines(MAX_NOTE));
    checker.text(at.field("note"), &of.note, Text::lines(MAX_NOTE));
}
