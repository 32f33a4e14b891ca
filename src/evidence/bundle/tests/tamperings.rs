//! Tamperings, each by somebody who writes the manifests anew where that helps, and the reason that the
//! verification names.

mod files;
mod proofs;

use std::collections::BTreeSet;

use serde_json::Value;

use self::{
    files::{CLEVER, CLUMSY},
    proofs::PROOFS,
};
use super::{
    judged,
    made::{Bag, Made, at, forced, made},
};
use crate::{
    crypto::Digest,
    envelope::Receipt,
    evidence::bundle::{Outcome, layout},
};

/// A tampering: its name, what it does, and the reason that names it.
type Tampering = (&'static str, fn(&Made, &mut Bag), &'static str);

fn item(made: &Made, number: usize) -> String {
    format!("{}{}", layout::ITEMS, made.files[number].0)
}

fn remove(list: &mut Value, at: usize) {
    list.as_array_mut().unwrap().remove(at);
}

/// Takes a record out, closes the row of files, and corrects bundle.json.
fn take_out(bag: &mut Bag, number: usize) {
    let count = (0..)
        .take_while(|at| bag.files.contains_key(&layout::record(*at)))
        .count();
    for path in [layout::record, layout::content] {
        for at in number..count {
            match bag.files.remove(&path(at + 1)) {
                Some(bytes) => bag.files.insert(path(at), bytes),
                None => bag.files.remove(&path(at)),
            };
        }
    }
    bag.json(layout::BUNDLE, |value| {
        remove(&mut value["records"], number)
    });
}

/// A receipt that holds and is about something else.
fn foreign_receipt(made: &Made) -> Value {
    use crate::envelope::{Lane, ReceiptType, issue, proofs};
    let receipt = Receipt {
        r#type: ReceiptType::Delivery.into(),
        header_digest: vec![6; 32].into(),
        origin: "UZ".into(),
        issuer: "KZ".into(),
        incarnation: vec![3; 16].into(),
        lane: Lane::Urgent.into(),
        sequence: 1,
        ..Receipt::default()
    };
    let proof = proofs(&issue(vec![receipt], &made.kz.key)).remove(0);
    crate::wire::json::to_json("comity.envelope.v1.ReceiptProof", &proof).unwrap()
}

fn add_custody(bag: &mut Bag, signed: &crate::wire::record::SignedCustody) {
    let text = crate::wire::json::to_json("comity.record.v1.SignedCustody", signed).unwrap();
    bag.json(&layout::custody(0), |value| {
        value["entries"].as_array_mut().unwrap().push(text)
    });
}

/// Signs one more entry of UZ with its own key, changed.
fn insider(made: &Made, bag: &mut Bag, change: fn(&mut crate::wire::record::CustodyEntry)) {
    let last = made.parts.custody[0].entries.last().unwrap();
    let signed = forced(&made.uz, last, |entry| {
        entry.previous = Digest::of(&last.entry).to_vec();
        entry.number += 1;
        entry.told_at = Some(at(70).into());
        change(entry);
    });
    add_custody(bag, &signed);
}

fn run(cases: &[Tampering], anew: bool) {
    let made = made();
    let (bag, pinned) = (made.bag(), made.pinned());
    let mut wrong = Vec::new();
    for (name, tamper, reason) in cases {
        let mut bag = bag.clone();
        tamper(&made, &mut bag);
        if anew {
            bag.sealed();
        }
        let report = judged(&bag, &pinned);
        let found = report.contradictions();
        let manifests = anew && found.contains(&"file-digest");
        if report.outcome() != Outcome::Contradicted || !found.contains(reason) || manifests {
            wrong.push(format!("{name}: {reason} is not among {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn tamperings_that_leave_the_manifests_are_named() {
    run(CLUMSY, false);
}

#[test]
fn tamperings_that_write_the_manifests_anew_are_named() {
    run(CLEVER, true);
    run(PROOFS, true);
}

#[test]
fn each_tampering_has_a_name_of_its_own_and_there_are_many_reasons() {
    let all = || CLUMSY.iter().chain(CLEVER).chain(PROOFS);
    let names: BTreeSet<&str> = all().map(|(name, ..)| *name).collect();
    assert_eq!(names.len(), all().count());
    let reasons: BTreeSet<&str> = all().map(|(_, _, reason)| *reason).collect();
    assert!(reasons.len() >= 40, "{}", reasons.len());
}
