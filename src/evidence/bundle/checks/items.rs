//! Items: each file read once, its bytes compared with what a signed record says, and its custody.

use ring::digest::{Context, SHA256};

use super::{Given, Ground, item_custody};
use crate::{
    crypto::Digest,
    evidence::bundle::{
        Growing, Report, Source, layout, names,
        opened::{Bag, Refused, refused},
        source::each_piece,
        view::described,
    },
    record::Country,
    wire::{bundle::ItemEntry, record::EvidenceItem},
};

/// Each item: that a signed record describes it, that its bytes are those described, and its custody.
pub(in crate::evidence::bundle) fn items(
    source: &mut dyn Source,
    bag: &mut Bag,
    given: &Given<'_>,
    ground: &Ground,
    progress: &mut dyn FnMut(u64),
    report: &mut Report,
) -> Result<(), Refused> {
    for (number, entry) in given.bundle.items.iter().enumerate() {
        let shown = usize::try_from(entry.record)
            .ok()
            .and_then(|number| ground.record(number));
        let item = shown.and_then(|shown| {
            described(
                std::slice::from_ref(shown),
                &ItemEntry {
                    record: 0,
                    ..entry.clone()
                },
            )
        });
        let about = match (entry.file.as_str(), item) {
            ("", Some(item)) => names::shown(&item.name),
            ("", None) => format!("item {}", number.saturating_add(1)),
            (file, _) => file.to_owned(),
        };
        let read = (!entry.file.is_empty())
            .then(|| hashed(source, bag, entry, item, progress))
            .transpose()?;
        let (Some(item), Some(shown)) = (item, shown) else {
            report.against(
                "item",
                &about,
                "item-undescribed",
                "No verified record of the bundle describes this item.",
            );
            continue;
        };
        bytes_claim(entry, item, read, shown.origin, &about, report);
        item_custody(given, ground, number, (entry, item), &about, report);
    }
    Ok(())
}

/// Digest and Merkle root of an item's file, read once.
fn hashed(
    source: &mut dyn Source,
    bag: &mut Bag,
    entry: &ItemEntry,
    item: Option<&EvidenceItem>,
    progress: &mut dyn FnMut(u64),
) -> Result<(u64, Digest, Digest), Refused> {
    let path = format!("{}{}", layout::ITEMS, entry.file);
    let Some(index) = bag.there.get(&path).copied() else {
        return refused(
            "item-missing",
            format!("bundle.json lists `{path}`, and it is not there."),
        );
    };
    let chunk_size = item.map_or(1 << 20, |item| item.chunk_size);
    let mut tree = Growing::new(usize::try_from(chunk_size.min(4 << 20)).unwrap_or(1 << 20));
    let mut plain = Context::new(&SHA256);
    each_piece(source, index, |piece| {
        plain.update(piece);
        tree.push(piece);
        progress(piece.len() as u64);
    })?;
    let sha256 = Digest::try_from(plain.finish().as_ref()).unwrap_or_default();
    if bag.listed.get(&path) != Some(&sha256) {
        bag.altered.push(path);
    }
    Ok((tree.size(), sha256, tree.root()))
}

fn bytes_claim(
    entry: &ItemEntry,
    item: &EvidenceItem,
    read: Option<(u64, Digest, Digest)>,
    origin: Country,
    about: &str,
    report: &mut Report,
) {
    let file = !item.root.is_empty();
    match read {
        None if !file => report.open("item", about, "item-thing", "It is a thing and not a file: only its description is here.", &[]),
        None if entry.left_out.is_empty() => report.against("item", about, "item-missing", "The record describes a file, and the bundle has none, and no word why."),
        None => report.open("item", about, "item-left-out", format!("The file was left out: {}.", names::shown(&entry.left_out)), &[]),
        Some(_) if !file => report.against("item", about, "item-no-file", "The record describes a thing, and the bundle has a file."),
        Some((size, ..)) if size != item.size => report.against(
            "item",
            about,
            "item-size",
            format!("The file has {size} bytes, and the signed record says {}.", item.size),
        ),
        Some((_, _, root)) if root.as_bytes()[..] != item.root => report.against(
            "item",
            about,
            "item-root",
            format!("The file's Merkle root is {root}, and the signed record says {}: it is another file.", hex::encode(&item.root)),
        ),
        Some((_, sha256, _)) if sha256.as_bytes()[..] != entry.sha256 => {
            report.against("item", about, "index-differs", "bundle.json names another SHA-256 of the file.");
        }
        Some((size, sha256, _)) => report.proved(
            "item",
            about,
            format!("Its {size} bytes are those that {origin} described and signed; their SHA-256 is {sha256}."),
            &[origin],
        ),
    }
}
