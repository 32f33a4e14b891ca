//! Tamperings with what proves the rest.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use prost::Message as _;
use serde_json::{Value, json};

use super::{Tampering, add_custody, foreign_receipt, insider, remove};
use crate::{
    crypto::Digest,
    envelope::Receipt,
    evidence::bundle::{
        layout,
        tests::made::{Side, at, forced, kz},
    },
    wire::record::CustodyAct,
};

/// Those of what proves the rest: receipts, the ledger, cards, custody, consents, renderings.
pub(super) const PROOFS: &[Tampering] = &[
    (
        "a receipt's time is changed",
        |made, bag| {
            let proof = &made.parts.receipts.as_ref().unwrap().receipts[0];
            let mut receipt = Receipt::decode(proof.receipt.clone()).unwrap();
            receipt.time_us += 1;
            let text = BASE64_STANDARD.encode(receipt.encode_to_vec());
            bag.json(layout::RECEIPTS, |value| {
                value["receipts"][0]["receipt"] = json!(text)
            });
        },
        "receipt-bad-signature",
    ),
    (
        "a receipt's signature is changed",
        |_, bag| {
            bag.flip(layout::RECEIPTS, "/receipts/1/signature");
        },
        "receipt-bad-signature",
    ),
    (
        "a receipt is of another record",
        |made, bag| {
            let text = foreign_receipt(made);
            bag.json(layout::RECEIPTS, |value| value["receipts"][0] = text);
        },
        "receipt-foreign",
    ),
    (
        "a leaf is changed",
        |_, bag| bag.flip(layout::LEDGER, "/proof/leaves/0/leaf/body"),
        "ledger-body",
    ),
    (
        "a leaf's digest is changed",
        |_, bag| {
            bag.json(layout::LEDGER, |value| {
                let leaf = &mut value["proof"]["leaves"][1]["leaf"];
                leaf.as_object_mut().unwrap().remove("body");
                leaf.as_object_mut().unwrap().remove("salt");
            });
            bag.flip(layout::LEDGER, "/proof/leaves/1/leaf/digest");
        },
        "ledger-not-included",
    ),
    (
        "a leaf's path is changed",
        |_, bag| bag.flip(layout::LEDGER, "/proof/leaves/0/path/0"),
        "ledger-not-included",
    ),
    (
        "leaves are reordered",
        |_, bag| {
            bag.json(layout::LEDGER, |value| {
                value["proof"]["leaves"].as_array_mut().unwrap().swap(0, 1)
            });
        },
        "ledger-order",
    ),
    (
        "the checkpoint is changed",
        |_, bag| {
            bag.json(layout::LEDGER, |value| {
                let note = value["proof"]["checkpoint"]
                    .as_str()
                    .unwrap()
                    .replacen("\n1", "\n2", 1);
                value["proof"]["checkpoint"] = json!(note);
            });
        },
        "ledger-checkpoint-signature",
    ),
    (
        "the ledger is another country's",
        |_, bag| {
            bag.json(layout::LEDGER, |value| value["country"] = json!("KZ"));
        },
        "index-differs",
    ),
    (
        "a card is changed",
        |_, bag| bag.flip(&layout::card("KZ"), "/card"),
        "card-invalid",
    ),
    (
        "a card is of another root",
        |_, bag| {
            let forged = Side::of(kz(), "another root").card(None);
            bag.files.insert(
                layout::card("KZ"),
                layout::text("comity.card.v1.SignedCard", &forged).unwrap(),
            );
        },
        "root-differs",
    ),
    (
        "a card is taken out",
        |_, bag| {
            bag.files.remove(&layout::card("KZ"));
        },
        "card-missing",
    ),
    (
        "a custody entry is changed",
        |_, bag| bag.flip(&layout::custody(0), "/entries/0/entry"),
        "custody-signature",
    ),
    (
        "a custody entry is taken out of the middle",
        |_, bag| {
            bag.json(&layout::custody(0), |value| {
                remove(&mut value["entries"], 1)
            });
        },
        "custody-missing-number",
    ),
    (
        "the last custody entry of a record is taken out",
        |_, bag| {
            bag.json(&layout::custody(1), |value| {
                value["entries"].as_array_mut().unwrap().truncate(4)
            });
        },
        "custody-entry-missing",
    ),
    (
        "custody entries of another item are shown",
        |_, bag| {
            let other: Value = serde_json::from_slice(&bag.files[&layout::custody(1)]).unwrap();
            bag.json(&layout::custody(0), |value| {
                value["entries"] = other["entries"].clone()
            });
        },
        "custody-other-item",
    ),
    (
        "custody files are exchanged",
        |_, bag| {
            let first = bag.files[&layout::custody(0)].clone();
            let second = bag.files.insert(layout::custody(1), first).unwrap();
            bag.files.insert(layout::custody(0), second);
        },
        "index-differs",
    ),
    (
        "whoever has a key signs another digest",
        |made, bag| {
            insider(made, bag, |entry| entry.digest = vec![1; 32]);
        },
        "custody-digest-changed",
    ),
    (
        "whoever has a key signs an earlier time",
        |made, bag| {
            insider(made, bag, |entry| {
                entry.at = Some(at(-9000).into());
                entry.told_at = Some(at(-9000).into());
            });
        },
        "custody-time-backwards",
    ),
    (
        "whoever has a key signs what has not happened",
        |made, bag| {
            insider(made, bag, |entry| entry.at = Some(at(9000).into()));
        },
        "custody-stated-ahead",
    ),
    (
        "whoever has a key skips a number",
        |made, bag| {
            insider(made, bag, |entry| entry.number += 1);
        },
        "custody-missing-number",
    ),
    (
        "whoever has a key signs a number twice",
        |made, bag| {
            let last = made.parts.custody[0].entries.last().unwrap();
            let twice = forced(&made.uz, last, |entry| entry.reason = "another".into());
            add_custody(bag, &twice);
        },
        "custody-number-twice",
    ),
    (
        "whoever has a key follows another entry",
        |made, bag| {
            insider(made, bag, |entry| entry.previous = vec![2; 32]);
        },
        "custody-broken-previous",
    ),
    (
        "whoever has a key acts with what it destroyed",
        |made, bag| {
            let last = made.parts.custody[0].entries.last().unwrap();
            let destroyed = forced(&made.uz, last, |entry| {
                entry.previous = Digest::of(&last.entry).to_vec();
                entry.number += 1;
                entry.act = CustodyAct::Destroyed.into();
            });
            let opened = forced(&made.uz, &destroyed, |entry| {
                entry.previous = Digest::of(&destroyed.entry).to_vec();
                entry.number += 1;
                entry.act = CustodyAct::Opened.into();
            });
            add_custody(bag, &destroyed);
            add_custody(bag, &opened);
        },
        "custody-after-destruction",
    ),
    (
        "a consent is changed",
        |_, bag| bag.flip(layout::CONSENTS, "/consents/0/token"),
        "consent-signature",
    ),
    (
        "the consents are taken out",
        |_, bag| {
            bag.json(layout::CONSENTS, |value| value["consents"] = json!([]));
        },
        "consent-missing",
    ),
    (
        "another court is named",
        |_, bag| {
            bag.json(layout::BUNDLE, |value| {
                value["court"] = json!("Another court")
            });
        },
        "consent-other-court",
    ),
    (
        "the report is changed",
        |_, bag| {
            let report = bag.files.get_mut(layout::REPORT).unwrap();
            *report = String::from_utf8(report.clone())
                .unwrap()
                .replace("All facts", "No facts")
                .into_bytes();
        },
        "rendering-differs",
    ),
    (
        "the JSON-LD is changed",
        |_, bag| {
            bag.json(layout::CASE_UCO, |value| {
                value["@graph"][0]["uco-core:name"] = json!("another tool")
            });
        },
        "rendering-differs",
    ),
    (
        "the bundle is of another format",
        |_, bag| {
            bag.json(layout::BUNDLE, |value| value["format"] = json!(2));
        },
        "format",
    ),
    (
        "a part has an unknown field",
        |_, bag| {
            bag.json(layout::LEDGER, |value| value["note"] = json!("x"));
        },
        "part-malformed",
    ),
    (
        "a part has another encoding",
        |_, bag| {
            bag.files
                .insert(layout::CONSENTS.into(), vec![b'{', 0xe9, b'}']);
        },
        "part-encoding",
    ),
    (
        "a part is taken out, and its line",
        |_, bag| {
            bag.files.remove(layout::RECEIPTS);
        },
        "part-missing",
    ),
];
