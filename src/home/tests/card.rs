use super::*;
use crate::wire::card::Card;

#[test]
fn a_card_is_issued_again_without_the_root() {
    let (_above, report) = created();
    fs::remove_dir_all(report.dir.join("root")).unwrap();
    let home = Home::open(&report.dir).unwrap();
    let contents = CardContents {
        addresses: vec!["a.example:1".into(), "[2a00::1]:2".into()],
        authorities: vec!["police".into(), "customs".into()],
    };
    let next = reissue_card(&home, &contents, now()).unwrap();
    assert_eq!((next.version, next.link_addresses.len()), (2, 2));
    assert_eq!(next.fingerprint(), report.fingerprint);
    let mut book = crate::card::TrustBook::new();
    book.accept(home.own_card().clone()).unwrap();
    assert_eq!(book.accept(next), Ok(crate::card::Acceptance::Newer));
    // From the file, not from the home that was opened before.
    assert_eq!(reissue_card(&home, &contents, now()).unwrap().version, 3);
    assert_eq!(Home::open(&report.dir).unwrap().own_card().version, 3);

    let bad = CardContents {
        addresses: vec!["nowhere".into()],
        authorities: Vec::new(),
    };
    assert!(matches!(
        reissue_card(&home, &bad, now()),
        Err(HomeError::Address { .. })
    ));
    assert_eq!(Home::open(&report.dir).unwrap().own_card().version, 3);
    let signed = SignedCard::decode(&*fs::read(&report.card_path).unwrap()).unwrap();
    assert_eq!(Card::decode(&*signed.card).unwrap().version, 3);
    assert!(!names(&report.dir).iter().any(|name| name.starts_with('.')));
}
