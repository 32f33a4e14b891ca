//! Copies of a court bundle that somebody tampered with, and what verifying them says. Whoever tampers
//! here knows the format: index, report and manifests are made anew to fit, so that nothing but
//! signatures and digests under signatures gives it away.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    os::unix::fs::FileExt as _,
    path::Path,
};

use prost::Message as _;
use serde_json::{Value, json};

use crate::{
    cli::{
        exit::{Failure, SOFTWARE},
        verify,
    },
    crypto::Digest,
    envelope::Receipt,
    evidence::bundle::{Pinned, View, bagit, layout},
    wire::{bundle::BundleParts, envelope::ReceiptProof, record::CustodyEntry},
};

/// A way to tamper with what a bundle holds.
struct Way {
    how: &'static str,
    reason: &'static str,
    /// Whether there was something to tamper with.
    change: fn(&mut BundleParts) -> bool,
}

const WAYS: [Way; 3] = [
    Way {
        how: "a step is taken out",
        reason: "step-missing",
        change: without_a_step,
    },
    Way {
        how: "a custody entry says something else",
        reason: "custody-signature",
        change: another_hand,
    },
    Way {
        how: "two receipts have changed places",
        reason: "receipt-bad-signature",
        change: exchanged_receipts,
    },
];
/// The way that needs no part of the bundle but the file.
const FLIPPED: (&str, &str) = ("a bit of the file is another", "item-root");

/// What verifying a copy said.
#[derive(Debug)]
pub(super) struct Tampered {
    pub(super) how: &'static str,
    /// The word that must be among those that verifying names.
    reason: &'static str,
    pub(super) found: Vec<String>,
}

impl Tampered {
    /// Whether verifying failed with the word for this very tampering.
    pub(super) fn is_named(&self) -> bool {
        self.found.iter().any(|of| of == self.reason)
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "how": self.how,
            "reason": self.reason,
            "found": self.found,
            "named": self.is_named(),
        })
    }
}

/// Tampers with copies of a bundle that holds these parts, and verifies each. The copies share the items
/// with the bundle and are removed again.
pub(super) fn every_way(
    genuine: &Path,
    parts: &BundleParts,
    pinned: &Pinned,
) -> Result<Vec<Tampered>, Failure> {
    let copy = genuine.with_extension("tampered");
    let mut all = Vec::new();
    for way in WAYS {
        let mut parts = parts.clone();
        if !(way.change)(&mut parts) {
            let says = format!("the bundle has nothing in which {}", way.how);
            return Err(Failure::new(SOFTWARE, says));
        }
        written(genuine, &copy, &parts)?;
        all.push(judged(&copy, (way.how, way.reason), pinned)?);
    }
    written(genuine, &copy, parts)?;
    let items = parts.bundle.iter().flat_map(|of| &of.items);
    let file = items.map(|of| &of.file).find(|file| !file.is_empty());
    let file = file.ok_or_else(|| Failure::new(SOFTWARE, "the bundle has no file"))?;
    let path = copy.join(layout::ITEMS).join(file);
    // The bundle has the same file under another name, so the bit is set right again whatever came of it.
    flip(&path)?;
    let found = judged(&copy, FLIPPED, pinned);
    flip(&genuine.join(layout::ITEMS).join(file))?;
    all.push(found?);
    Ok(all)
}

/// Verifies a copy and removes it.
fn judged(
    copy: &Path,
    (how, reason): (&'static str, &'static str),
    pinned: &Pinned,
) -> Result<Tampered, Failure> {
    let report = verify::checked(copy, pinned, &mut |_, _| {})?;
    fs::remove_dir_all(copy).map_err(|error| Failure::not_written(copy, &error))?;
    Ok(Tampered {
        how,
        reason,
        found: report
            .contradictions()
            .into_iter()
            .map(str::to_owned)
            .collect(),
    })
}

/// Flips a bit in the middle of a file.
fn flip(path: &Path) -> Result<(), Failure> {
    let flipped = || -> io::Result<()> {
        let file = File::options().read(true).write(true).open(path)?;
        let middle = file.metadata()?.len() / 2;
        let mut byte = [0];
        file.read_exact_at(&mut byte, middle)?;
        file.write_all_at(&byte.map(|byte| byte ^ 1), middle)
    };
    flipped().map_err(|error| Failure::not_written(path, &error))
}

/// Writes a bundle of these parts, with the items of another one and with manifests that fit.
fn written(genuine: &Path, to: &Path, parts: &BundleParts) -> Result<(), Failure> {
    let unfit = |says: String| Failure::new(SOFTWARE, says);
    let view = View::of(parts).map_err(|fault| unfit(fault.to_string()))?;
    let files = layout::files(parts, &view).map_err(|error| unfit(error.to_string()))?;
    let written = || -> io::Result<()> {
        let put = |name: &str, bytes: &[u8]| {
            let path = to.join(name);
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::write(path, bytes)
        };
        let (mut digests, mut octets) = (BTreeMap::new(), 0);
        for (name, bytes) in &files {
            put(name, bytes)?;
            octets += bytes.len() as u64;
            digests.insert(name.clone(), Digest::of(bytes));
        }
        fs::create_dir_all(to.join(layout::ITEMS))?;
        let items = parts.bundle.iter().flat_map(|of| &of.items);
        for item in items.filter(|of| !of.file.is_empty()) {
            let name = format!("{}{}", layout::ITEMS, item.file);
            fs::hard_link(genuine.join(&name), to.join(&name))?;
            octets += to.join(&name).metadata()?.len();
            let digest = Digest::try_from(item.sha256.as_slice()).map_err(io::Error::other)?;
            digests.insert(name, digest);
        }
        let manifest = bagit::manifest(&digests);
        let info = bagit::info(&[("Payload-Oxum", bagit::oxum(octets, digests.len()))]);
        let mut tags = BTreeMap::new();
        for (name, text) in [
            (bagit::BAGIT, bagit::DECLARATION),
            (bagit::BAG_INFO, info.as_str()),
            (bagit::MANIFEST, manifest.as_str()),
        ] {
            put(name, text.as_bytes())?;
            tags.insert(name.to_owned(), Digest::of(text.as_bytes()));
        }
        put(bagit::TAG_MANIFEST, bagit::manifest(&tags).as_bytes())
    };
    written().map_err(|error| Failure::not_written(to, &error))
}

/// The first step goes, with everything that names it.
fn without_a_step(parts: &mut BundleParts) -> bool {
    let Some(bundle) = &mut parts.bundle else {
        return false;
    };
    if bundle.records.len() < 3 || bundle.records.len() != parts.records.len() {
        return false;
    }
    let gone = bundle.records.remove(1).header_digest;
    parts.records.remove(1);
    for item in &mut bundle.items {
        item.record = item.record.saturating_sub(u32::from(item.record > 1));
    }
    if let Some(receipts) = &mut parts.receipts {
        receipts.receipts.retain(|proof| {
            let receipt = Receipt::decode(proof.receipt.clone());
            receipt.is_ok_and(|receipt| *receipt.header_digest != gone[..])
        });
    }
    true
}

/// Somebody else had the item in hand.
fn another_hand(parts: &mut BundleParts) -> bool {
    let mut entries = parts.custody.iter_mut().flat_map(|of| &mut of.entries);
    let Some(signed) = entries.next() else {
        return false;
    };
    let Ok(mut entry) = CustodyEntry::decode(&signed.entry[..]) else {
        return false;
    };
    "EXERCISE. Somebody else.".clone_into(&mut entry.by);
    signed.entry = entry.encode_to_vec();
    true
}

/// What one receipt of a country says stands under the proof of another.
fn exchanged_receipts(parts: &mut BundleParts) -> bool {
    let issuer = |proof: &ReceiptProof| {
        let receipt = Receipt::decode(proof.receipt.clone());
        receipt.map(|receipt| receipt.issuer).unwrap_or_default()
    };
    let receipts = parts.receipts.as_mut().map(|of| &mut of.receipts);
    let Some((first, others)) = receipts.and_then(|of| of.split_first_mut()) else {
        return false;
    };
    let mut others = others.iter_mut();
    let other = others.find(|of| issuer(of) == issuer(first) && of.receipt != first.receipt);
    let Some(other) = other else {
        return false;
    };
    std::mem::swap(&mut first.receipt, &mut other.receipt);
    true
}
