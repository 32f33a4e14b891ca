//! The files of a bundle: names, bounds and manifests first; then the parts, out of their files.

use std::collections::BTreeMap;

use prost::Message;

use super::{
    FORMAT, MAX_FILES, MAX_ITEM_BYTES, MAX_ITEMS, MAX_PARTS_BYTES, MAX_RECORDS, Source,
    SourceFault,
    bagit::{self, BagFault},
    layout, names,
    source::whole,
};
use crate::{
    crypto::Digest,
    wire::{
        bundle::{Bundle, BundleParts},
        json,
    },
};

/// Why a bundle cannot be judged any further.
pub(super) struct Refused {
    pub(super) reason: String,
    pub(super) says: String,
}

impl From<SourceFault> for Refused {
    fn from(fault: SourceFault) -> Self {
        Self {
            reason: fault.name().to_owned(),
            says: format!("The bundle is refused: {fault}."),
        }
    }
}

impl From<BagFault> for Refused {
    fn from(fault: BagFault) -> Self {
        Self {
            reason: fault.name().to_owned(),
            says: format!("The bundle is no bag of this kind: {fault}."),
        }
    }
}

pub(super) fn refused<T>(reason: &str, says: impl Into<String>) -> Result<T, Refused> {
    Err(Refused {
        reason: reason.to_owned(),
        says: says.into(),
    })
}

/// The files of a bundle: which are there, which are listed, and those that were read.
pub(super) struct Bag {
    /// Paths with their index in the source.
    pub(super) there: BTreeMap<String, usize>,
    pub(super) listed: BTreeMap<String, Digest>,
    /// Files whose digest is another than listed.
    pub(super) altered: Vec<String>,
    pub(super) read: BTreeMap<String, Vec<u8>>,
}

/// Names, bounds, declaration and manifests; reads every file that is not an item.
pub(super) fn open(source: &mut dyn Source) -> Result<Bag, Refused> {
    let files = source.files().to_vec();
    if files.len() > MAX_FILES {
        return Err(SourceFault::TooMany(MAX_FILES).into());
    }
    names::check_all(files.iter().map(|of| of.path.as_str())).map_err(SourceFault::from)?;
    let is_item = |path: &str| path.starts_with(layout::ITEMS);
    let mut parts_bytes = 0_u64;
    let mut payload = (0_u64, 0_usize);
    for file in &files {
        if file.path.starts_with(bagit::PAYLOAD) {
            payload = (payload.0.saturating_add(file.size), payload.1 + 1);
        }
        let most = if is_item(&file.path) {
            MAX_ITEM_BYTES
        } else {
            MAX_PARTS_BYTES
        };
        if !is_item(&file.path) {
            parts_bytes = parts_bytes.saturating_add(file.size);
        }
        if file.size > most || parts_bytes > MAX_PARTS_BYTES {
            let (path, size) = (file.path.clone(), file.size);
            return Err(SourceFault::TooLarge { path, size, most }.into());
        }
    }
    let there: BTreeMap<String, usize> = files
        .iter()
        .enumerate()
        .map(|(index, of)| (of.path.clone(), index))
        .collect();
    let mut read = BTreeMap::new();
    for tag in [
        bagit::BAGIT,
        bagit::BAG_INFO,
        bagit::MANIFEST,
        bagit::TAG_MANIFEST,
    ] {
        let index = *there.get(tag).ok_or(BagFault::NoFile(tag))?;
        read.insert(tag.to_owned(), whole(source, index)?);
    }
    let tag = |name: &str| read.get(name).map(Vec::as_slice).unwrap_or_default();
    let found = bagit::oxum(payload.0, payload.1);
    bagit::check_tags(tag(bagit::BAGIT), tag(bagit::BAG_INFO), &found)?;
    let listed = bagit::read_manifest(bagit::MANIFEST, tag(bagit::MANIFEST), true)?;
    let tags = bagit::read_manifest(bagit::TAG_MANIFEST, tag(bagit::TAG_MANIFEST), false)?;
    let mut altered = Vec::new();
    for name in [bagit::BAGIT, bagit::BAG_INFO, bagit::MANIFEST] {
        match tags.get(name) {
            Some(digest) if *digest == Digest::of(tag(name)) => {}
            Some(_) => {
                return refused(
                    "tag-digest",
                    format!("{name} is another than the tag manifest lists."),
                );
            }
            None => {
                return refused(
                    "tag-unlisted",
                    format!("The tag manifest does not list {name}."),
                );
            }
        }
    }
    let expected = |path: &str| match path {
        bagit::TAG_MANIFEST => true,
        path if path.starts_with(bagit::PAYLOAD) => listed.contains_key(path),
        path => tags.contains_key(path) && read.contains_key(path),
    };
    if let Some(path) = there.keys().find(|path| !expected(path)) {
        return refused(
            "file-unlisted",
            format!("`{path}` is in the bundle, and no manifest lists it."),
        );
    }
    if let Some(path) = listed
        .keys()
        .chain(tags.keys())
        .find(|path| !there.contains_key(*path))
    {
        return refused(
            "file-missing",
            format!("A manifest lists `{path}`, and it is not there."),
        );
    }
    for (path, index) in &there {
        if path.starts_with(bagit::PAYLOAD) && !is_item(path) {
            let bytes = whole(source, *index)?;
            if listed.get(path) != Some(&Digest::of(&bytes)) {
                altered.push(path.clone());
            }
            read.insert(path.clone(), bytes);
        }
    }
    Ok(Bag {
        there,
        listed,
        altered,
        read,
    })
}

/// Reads the parts out of their files; what lies beside them is refused.
pub(super) fn parts(bag: &Bag) -> Result<BundleParts, Refused> {
    let mut known = Vec::new();
    let bundle: Bundle = part(bag, layout::BUNDLE, "Bundle", &mut known)?;
    if bundle.format != FORMAT {
        let says = format!(
            "The bundle has format {}; this program reads {FORMAT}.",
            bundle.format
        );
        return refused("format", says);
    }
    if bundle.records.is_empty()
        || bundle.records.len() > MAX_RECORDS
        || bundle.items.len() > MAX_ITEMS
    {
        return refused(
            "index",
            "bundle.json lists no record, or more than a bundle has.",
        );
    }
    let mut parts = BundleParts::default();
    let cards = bag
        .there
        .keys()
        .filter(|path| path.starts_with(layout::CARDS));
    for path in cards.cloned().collect::<Vec<_>>() {
        let card: crate::wire::card::SignedCard = message(bag, &path, "comity.card.v1.SignedCard")?;
        parts.cards.push(card);
        known.push(path);
    }
    for number in 0..bundle.records.len() {
        parts.records.push(part(
            bag,
            &layout::record(number),
            "BundledRecord",
            &mut known,
        )?);
        known.push(layout::content(number));
    }
    for number in 0..bundle.items.len() {
        parts.custody.push(part(
            bag,
            &layout::custody(number),
            "BundledCustody",
            &mut known,
        )?);
    }
    parts.receipts = Some(part(bag, layout::RECEIPTS, "BundledReceipts", &mut known)?);
    parts.consents = Some(part(bag, layout::CONSENTS, "BundledConsents", &mut known)?);
    parts.ledger = Some(part(bag, layout::LEDGER, "BundledLedger", &mut known)?);
    known.extend([layout::REPORT, layout::CASE_UCO].map(str::to_owned));
    known.extend(
        bundle
            .items
            .iter()
            .filter(|of| !of.file.is_empty())
            .map(|of| format!("{}{}", layout::ITEMS, of.file)),
    );
    let strange = bag
        .there
        .keys()
        .find(|path| path.starts_with(bagit::PAYLOAD) && !known.contains(path));
    if let Some(path) = strange {
        return refused(
            "file-unexpected",
            format!("`{path}` belongs to no part of the bundle."),
        );
    }
    parts.bundle = Some(bundle);
    Ok(parts)
}

fn part<M: Message + Default>(
    bag: &Bag,
    path: &str,
    name: &str,
    known: &mut Vec<String>,
) -> Result<M, Refused> {
    known.push(path.to_owned());
    message(bag, path, &format!("comity.bundle.v1.{name}"))
}

fn message<M: Message + Default>(bag: &Bag, path: &str, name: &str) -> Result<M, Refused> {
    let Some(bytes) = bag.read.get(path) else {
        return refused("part-missing", format!("`{path}` is not there."));
    };
    let Ok(text) = std::str::from_utf8(bytes) else {
        return refused("part-encoding", format!("`{path}` is not UTF-8."));
    };
    json::from_json(name, text)
        .or_else(|error| refused("part-malformed", format!("`{path}` is no {name}: {error}.")))
}
