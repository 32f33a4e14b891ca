//! A bundle that verifies, everything that can be done to it, and what is said then.

pub(crate) mod made;
mod tamperings;

use std::collections::BTreeSet;

use self::made::{Bag, Memory, made};
use super::{FileEntry, Outcome, Pinned, Report, Source as _, Verdict, verify};

fn judged(bag: &Bag, pinned: &Pinned) -> Report {
    verify(&mut Memory::of(bag), pinned, &mut |_| {})
}

#[test]
fn a_bundle_verifies_under_the_roots_given() {
    let made = made();
    let report = judged(&made.bag(), &made.pinned());
    assert_eq!(report.outcome(), Outcome::Proved, "{:#?}", report.claims);
    let open: Vec<_> = report
        .claims
        .iter()
        .filter(|of| of.verdict != Verdict::Proved)
        .collect();
    // The thing is no file, and nobody of UZ states how it came to hold it otherwise.
    let reasons: Vec<&str> = open.iter().map(|of| of.reason.as_str()).collect();
    assert_eq!(reasons, ["item-thing"], "{open:#?}");
    let kinds: BTreeSet<&str> = report.claims.iter().map(|of| of.kind).collect();
    let all = [
        "card", "case-uco", "consent", "custody", "delivery", "files", "item", "ledger",
        "receipts", "record", "report", "steps",
    ];
    assert_eq!(kinds, BTreeSet::from(all));
}

#[test]
fn without_roots_it_is_only_consistent_and_says_which_it_found() {
    let made = made();
    let report = judged(&made.bag(), &Pinned::new());
    assert_eq!(report.outcome(), Outcome::Consistent);
    assert_eq!(report.roots.len(), 2);
    for root in &report.roots {
        assert_eq!(Some(&root.fingerprint), made.pinned().get(&root.country));
        assert!(!root.confirmed);
    }
    let proved: BTreeSet<&str> = report
        .claims
        .iter()
        .filter(|of| of.verdict == Verdict::Proved)
        .map(|of| of.kind)
        .collect();
    // Only what leans on no country's key.
    assert_eq!(proved, BTreeSet::from(["files", "report", "case-uco"]));
    // One root alone proves what that country signed.
    let mut pinned = made.pinned();
    pinned.remove(&made.kz.country);
    let report = judged(&made.bag(), &pinned);
    assert_eq!(report.outcome(), Outcome::Consistent);
    let of = |kind: &str, about: &str| {
        report
            .claims
            .iter()
            .find(|of| of.kind == kind && of.about == about)
            .unwrap()
            .verdict
    };
    assert_eq!(of("record", "UZ-26-000001-X"), Verdict::Proved);
    assert_eq!(of("record", "KZ-26-000002-X"), Verdict::NotProved);
}

#[test]
fn a_source_that_lies_is_refused() {
    let made = made();
    let bag = made.bag();
    let judge = |change: fn(&mut Vec<FileEntry>)| {
        let mut source = Memory::of(&bag).stating(change);
        let report = verify(&mut source, &made.pinned(), &mut |_| {});
        assert_eq!(report.outcome(), Outcome::Contradicted);
        report.contradictions().join(" ")
    };
    let item = |files: &mut Vec<FileEntry>| {
        files
            .iter()
            .position(|of| of.path.starts_with("data/items/"))
            .unwrap()
    };
    assert_eq!(judge(|files| files[0].size += 1), "size");
    assert_eq!(judge(|files| files[0].size -= 1), "size");
    assert_eq!(judge(|files| files[0].size = u64::MAX), "too-large");
    assert_eq!(
        judge(|files| files[0].path = "../bag-info.txt".into()),
        "name-traversal"
    );
    assert_eq!(
        judge(|files| files[0].path = "BAGIT.TXT".into()),
        "name-case"
    );
    let too_many = |files: &mut Vec<FileEntry>| {
        files.extend((0..9000).map(|at| FileEntry {
            path: format!("data/x{at}"),
            size: 0,
        }));
    };
    assert_eq!(judge(too_many), "too-many-files");
    let mut at = 0;
    let mut source = Memory::of(&bag).stating(|files| {
        at = item(files);
        files[at].size = 1 << 50;
    });
    assert!(source.files().len() > at);
    let report = verify(&mut source, &made.pinned(), &mut |_| {});
    assert_eq!(report.contradictions(), ["too-large"]);
}

#[test]
fn the_report_shows_no_markup_of_others_and_prints_by_itself() {
    let made = made();
    let page = String::from_utf8(made.bag().files["data/report.html"].clone()).unwrap();
    assert!(
        !page.contains("<script") && page.contains("&lt;script&gt;"),
        "{page}"
    );
    assert!(page.contains("officer &lt;A&gt; &amp; co"));
    assert!(!page.contains("http://") && !page.contains("https://"));
    assert!(page.contains("default-src 'none'") && page.contains("@page"));
    assert!(page.contains("EXERCISE: all facts are made up."));
    // Keys of files are in the openings, and nobody needs them on paper.
    assert!(!page.contains("items[0].key"));
}

#[test]
fn the_graph_names_what_case_and_uco_name() {
    let made = made();
    let graph: serde_json::Value =
        serde_json::from_slice(&made.bag().files["data/case-uco.jsonld"]).unwrap();
    let nodes = graph["@graph"].as_array().unwrap();
    let count = |kind: &str| nodes.iter().filter(|of| of["@type"] == kind).count();
    assert_eq!(count("case-investigation:Investigation"), 1);
    assert_eq!(count("case-investigation:ProvenanceRecord"), 3);
    assert_eq!(count("uco-observable:File"), 2);
    assert_eq!(count("case-investigation:InvestigativeAction"), 7 + 7 + 3);
    let context = graph["@context"].as_object().unwrap();
    let mut ids = BTreeSet::new();
    for node in nodes {
        assert!(ids.insert(node["@id"].as_str().unwrap()), "{node}");
        for name in node
            .as_object()
            .unwrap()
            .keys()
            .filter(|name| !name.starts_with('@'))
        {
            assert!(
                context.contains_key(name.split(':').next().unwrap()),
                "{name}"
            );
        }
    }
    // Whatever is linked is there.
    let text = graph.to_string();
    for link in text
        .split("{\"@id\":\"")
        .skip(1)
        .filter_map(|rest| rest.split_once("\"}").map(|(id, _)| id))
    {
        assert!(link.contains('"') || ids.contains(link), "{link}");
    }
    let file = nodes
        .iter()
        .find(|of| of["@type"] == "uco-observable:File")
        .unwrap();
    let hash = &file["uco-core:hasFacet"][1]["uco-observable:hash"][0];
    assert_eq!(hash["uco-types:hashMethod"]["@value"], "SHA256");
    assert_eq!(
        hash["uco-types:hashValue"]["@value"],
        crate::crypto::Digest::of(&made.files[0].1).to_string()
    );
}

#[test]
fn a_key_retired_since_counts_up_to_where_its_card_says() {
    use crate::wire::card::{LanePosition, Retirement};
    let position = |peer: &str, lane, sequence| LanePosition {
        peer: peer.into(),
        incarnation: vec![3; 16],
        lane,
        sequence,
        running_hash: vec![0; 32],
    };
    let judge = |retirement: Retirement| {
        let mut made = made();
        made.parts.cards[0] = made.kz.card(Some(retirement));
        judged(&made.bag(), &made.pinned())
    };
    // KZ's lane to UZ up to its second record, UZ's lane to KZ as far as KZ answered.
    let covered = judge(Retirement {
        positions: vec![position("UZ", 2, 9)],
        ..Retirement::default()
    });
    assert_eq!(covered.contradictions(), [""; 0]);
    let open = |report: &Report, reason: &str| report.claims.iter().any(|of| of.reason == reason);
    // A consent stands for no place, so whoever has the retired key could make it.
    assert!(open(&covered, "consent-retired-key"));
    assert!(!open(&covered, "custody-retired-key") && !open(&covered, "receipt-retired-key"));
    let record = |report: &Report, reference: &str| {
        report
            .claims
            .iter()
            .find(|of| of.kind == "record" && of.about == reference)
            .map(|of| (of.verdict, of.reason.clone()))
    };
    assert_eq!(
        record(&covered, "KZ-26-000003-X"),
        Some((Verdict::Proved, String::new()))
    );
    let short = judge(Retirement {
        positions: vec![position("UZ", 2, 2)],
        ..Retirement::default()
    });
    assert_eq!(
        record(&short, "KZ-26-000003-X"),
        Some((Verdict::NotProved, "record-retired-key".to_owned()))
    );
    // And so are the custody entries that it alone carried.
    assert!(open(&short, "custody-retired-key") && open(&short, "receipt-retired-key"));
    assert_eq!(short.contradictions(), [""; 0]);
    let never = judge(Retirement::default());
    assert_eq!(
        record(&never, "KZ-26-000003-X"),
        Some((Verdict::Contradicted, "record-retired-key".to_owned()))
    );
}
