//! No victim's datum, and no searched word, stands in the ledger or in what is said of it.

use comity::{
    access::{PrincipalKind, Role},
    wire::{
        ledger::{LeafBody, ReadingPurpose},
        node::{GetRecordRequest, SearchRequest},
    },
};
use prost::Message as _;

use crate::support::{
    CASE, Country, befriend, client_as, comity, lies_in, refusal_of, with_everything,
};

/// Words that stand in the victims' compartment, and words that are searched for.
const PSEUDONYM: &str = "EX-V-ZARQUON";
const PURPOSE: &str = "EXERCISE: referral of Qobilovazarquon";
const SEARCHED: [&str; 3] = ["EX-V-ZARQUON", "Qobilovazarquon", "Namunaquon"];

#[tokio::test(flavor = "multi_thread")]
async fn victims_and_searched_words_are_in_no_leaf_and_no_report() {
    let (mut tj, uz, mut ae) = (
        Country::set_up("TJ"),
        Country::set_up("UZ"),
        Country::set_up("AE"),
    );
    befriend(&[&tj, &uz, &ae]).await;
    tj.start().await;
    ae.start().await;
    let mut record = with_everything();
    let victims = record.victims.as_mut().unwrap();
    victims.purpose = PURPOSE.to_owned();
    victims.victims[0].pseudonym = PSEUDONYM.to_owned();
    let reference = tj.submit(record).await;
    ae.receives(&reference).await;
    for at in [&tj, &ae] {
        let (kind, role) = (PrincipalKind::Officer, Role::VictimProtectionOfficer);
        let mut reads = client_as(at, kind, "reads", "victim-support", &[role]).await;
        let mut refused = client_as(at, kind, "refused", "prosecutor-general", &[role]).await;
        let opening = GetRecordRequest {
            reference: reference.clone(),
            reading_purpose: ReadingPurpose::VictimProtection.into(),
            case_reference: CASE.to_owned(),
            thread: true,
            ..GetRecordRequest::default()
        };
        let answer = reads.records.get_record(opening.clone()).await;
        if at.code == "AE" {
            // The test would find nothing where nothing is shown.
            let shown = format!("{:?}", answer.unwrap().into_inner());
            assert!(
                shown.contains(PSEUDONYM) && shown.contains(PURPOSE),
                "{shown}"
            );
        }
        let status = refused.records.get_record(opening).await.unwrap_err();
        assert_eq!(refusal_of(&status), "RECORD_UNKNOWN");
        let (mut local, mut without) = (at.client().await, at.client().await);
        for text in SEARCHED {
            for (client, purpose) in [
                (&mut reads, 5),
                (&mut refused, 5),
                (&mut local, 5),
                (&mut without, 0),
            ] {
                let request = SearchRequest {
                    text: text.to_owned(),
                    entity: text.to_owned(),
                    reading_purpose: purpose,
                    case_reference: if purpose == 0 { "" } else { CASE }.to_owned(),
                    ..SearchRequest::default()
                };
                let _ = client.search.search(request).await;
            }
        }
        at.node().flush_refusals().await;
        // Every leaf as whoever holds the storage key reads it.
        let node = at.node();
        let size = node.ledger_size().unwrap();
        assert!(size > 20);
        for index in 0..size {
            let leaf = node.leaf(index).unwrap().unwrap();
            let said = format!("{:?}", LeafBody::decode(leaf.body.as_slice()).unwrap());
            for word in SEARCHED.iter().chain(&[PURPOSE]) {
                let plain = leaf
                    .body
                    .windows(word.len())
                    .any(|bytes| bytes == word.as_bytes());
                assert!(
                    !said.contains(word) && !plain,
                    "{word} in leaf {index}: {said}"
                );
            }
        }
        // And everything that is said of it.
        let folder = tempfile::tempdir().unwrap();
        let page = folder.path().join("report.html");
        let (home, page) = (at.at(), page.to_str().unwrap());
        for command in [
            &["audit", "who", &reference, "--limit", "500"][..],
            &["audit", "who", &reference, "--output", "json"],
            &["audit", "officer", "reads"],
            &["audit", "officer", "refused", "--output", "json"],
            &[
                "audit",
                "report",
                "--from",
                "2026-01-01",
                "--to",
                "2099-01-01",
                "--html",
                page,
            ],
            &[
                "audit",
                "report",
                "--from",
                "2026-01-01",
                "--to",
                "2099-01-01",
                "--output",
                "json",
            ],
            &["audit", "list", "--limit", "500"],
            &["audit", "export"],
        ] {
            let said = comity(&[command, &["--home", home]].concat()).await;
            assert_eq!(said.code, 0, "{said:?}");
            assert!(
                said.stdout.len() > 20,
                "{command:?} says something: {said:?}"
            );
            for word in SEARCHED.iter().chain(&[PURPOSE]) {
                let found = said.stdout.contains(word) || said.stderr.contains(word);
                assert!(!found, "{word} is said by {command:?}");
            }
        }
        for word in SEARCHED {
            assert!(
                !lies_in(folder.path(), word.as_bytes()),
                "{word} is on paper"
            );
        }
    }
}
