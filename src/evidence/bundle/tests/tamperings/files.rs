//! Tamperings with files, items and records.

use serde_json::json;

use super::{Tampering, item, remove, take_out};
use crate::{
    crypto::Digest,
    evidence::bundle::{bagit, layout, tests::made::CHUNK},
};

/// Those that leave the manifests as they are.
pub(super) const CLUMSY: &[Tampering] = &[
    (
        "an item's byte is changed",
        |made, bag| {
            let path = item(made, 0);
            bag.files.get_mut(&path).unwrap()[99] ^= 1;
        },
        "file-digest",
    ),
    (
        "a part is changed",
        |_, bag| bag.flip(layout::RECEIPTS, "/receipts/0/signature"),
        "file-digest",
    ),
    (
        "the manifest is changed",
        |_, bag| {
            let first = &mut bag.files.get_mut(bagit::MANIFEST).unwrap()[0];
            *first = if *first == b'0' { b'1' } else { b'0' };
        },
        "tag-digest",
    ),
    (
        "the tag manifest lists less",
        |_, bag| {
            let tags = bag.files.get_mut(bagit::TAG_MANIFEST).unwrap();
            let end = tags.iter().position(|byte| *byte == b'\n').unwrap();
            tags.drain(..=end);
        },
        "tag-unlisted",
    ),
    (
        "a file is taken out",
        |made, bag| {
            bag.files.remove(&item(made, 1));
        },
        "payload-oxum",
    ),
    (
        "a file is put beside",
        |_, bag| {
            bag.files.insert("notes.txt".into(), b"read me".to_vec());
        },
        "file-unlisted",
    ),
    (
        "the declaration is another version",
        |_, bag| {
            bag.files
                .insert(bagit::BAGIT.into(), b"BagIt-Version: 0.97\n".to_vec());
        },
        "bagit-declaration",
    ),
    (
        "a manifest leads out of the bundle",
        |_, bag| {
            let manifest = bag.files.get_mut(bagit::MANIFEST).unwrap();
            manifest.extend(format!("{}  ../../etc/passwd\n", Digest::of(b"")).bytes());
        },
        "name-traversal",
    ),
    (
        "a manifest has another encoding",
        |_, bag| {
            bag.files
                .get_mut(bagit::MANIFEST)
                .unwrap()
                .extend([0xff, 0xfe]);
        },
        "bagit-encoding",
    ),
];

/// Those that write the manifests anew.
pub(super) const CLEVER: &[Tampering] = &[
    (
        "a file is taken out, and its line",
        |made, bag| {
            bag.files.remove(&item(made, 1));
        },
        "item-missing",
    ),
    (
        "a file is put in, and listed",
        |_, bag| {
            bag.files
                .insert("data/items/9999-more.pdf".into(), b"more".to_vec());
        },
        "file-unexpected",
    ),
    (
        "an item's byte is changed, and its digest",
        |made, bag| {
            let path = item(made, 0);
            bag.files.get_mut(&path).unwrap()[199_999] ^= 1;
        },
        "item-root",
    ),
    (
        "an item is cut off at a chunk",
        |made, bag| {
            let path = item(made, 0);
            bag.files
                .get_mut(&path)
                .unwrap()
                .truncate(3 * CHUNK as usize);
        },
        "item-size",
    ),
    (
        "two items of one size are exchanged",
        |made, bag| {
            let (first, second) = (
                bag.files[&item(made, 0)].clone(),
                bag.files[&item(made, 1)].clone(),
            );
            bag.files.insert(item(made, 0), second);
            bag.files.insert(item(made, 1), first);
        },
        "item-root",
    ),
    (
        "an item of no record is listed",
        |_, bag| {
            bag.json(layout::BUNDLE, |value| {
                value["items"][0]["id"] = json!("AAAAAAAAAAAAAAAAAAAAAA==")
            });
        },
        "item-undescribed",
    ),
    (
        "a header is changed",
        |_, bag| bag.flip(&layout::record(0), "/sealed/header"),
        "record-bad-signature",
    ),
    (
        "a record's signature is changed",
        |_, bag| bag.flip(&layout::record(1), "/sealed/signature"),
        "record-bad-signature",
    ),
    (
        "a record is signed by an unknown key",
        |_, bag| bag.flip(&layout::record(1), "/sealed/keyId"),
        "record-unknown-key",
    ),
    (
        "a ciphertext is changed",
        |_, bag| {
            bag.flip(&layout::record(0), "/sealed/compartments/0/ciphertext");
        },
        "record-ciphertext-digest",
    ),
    (
        "a content key is changed",
        |_, bag| bag.flip(&layout::record(0), "/openings/0/key"),
        "record-commitment",
    ),
    (
        "a content key is taken out",
        |_, bag| {
            bag.json(&layout::record(2), |value| {
                remove(&mut value["openings"], 1)
            });
        },
        "record-surplus-compartment",
    ),
    (
        "a compartment is taken out with its key",
        |_, bag| {
            bag.json(&layout::record(2), |value| {
                remove(&mut value["openings"], 1);
                remove(&mut value["sealed"]["compartments"], 1);
            });
        },
        "compartment-missing",
    ),
    (
        "the text of a record is changed",
        |_, bag| {
            bag.json(&layout::content(0), |value| {
                value["situation"]["summary"] = json!("Other facts.")
            });
        },
        "content-differs",
    ),
    (
        "a record is given another reference",
        |_, bag| {
            bag.json(layout::BUNDLE, |value| {
                value["records"][1]["reference"] = json!("KZ-26-000009-X")
            });
        },
        "index-differs",
    ),
    (
        "another request is named",
        |_, bag| bag.flip(layout::BUNDLE, "/requestDigest"),
        "index-differs",
    ),
    (
        "the parties are exchanged",
        |_, bag| {
            bag.json(layout::BUNDLE, |value| {
                value["issuing"] = json!("KZ");
                value["executing"] = json!("UZ");
            });
        },
        "index-differs",
    ),
    (
        "a step is taken out",
        |_, bag| take_out(bag, 1),
        "step-missing",
    ),
    (
        "the last step of a side is taken out that the other saw",
        |_, bag| {
            take_out(bag, 2);
        },
        "step-missing",
    ),
    (
        "a step is there twice",
        |_, bag| {
            for path in [layout::record, layout::content] {
                bag.files.insert(path(4), bag.files[&path(3)].clone());
            }
            bag.json(layout::BUNDLE, |value| {
                value["records"][4] = value["records"][3].clone()
            });
        },
        "record-twice",
    ),
];
