use proptest::prelude::*;

use super::*;

const SALT: [u8; 16] = [9; 16];

fn group(drafts: &[(Vec<u8>, Vec<Vec<u8>>)]) -> (Vec<u8>, GroupHeader, Digest) {
    let mut bytes = vec![0; GROUP_HEADER];
    let mut chain = Digest::of(b"before");
    for (body, blobs) in drafts {
        let digest = encode_entry(&mut bytes, body, blobs);
        chain = chain_on(&chain, &digest);
    }
    let header = GroupHeader {
        length: (bytes.len() - GROUP_HEADER) as u32,
        count: drafts.len() as u32,
        first_position: 5,
    };
    resalt(&mut bytes, &header, &SALT, &chain);
    (bytes, header, chain)
}

#[test]
fn the_entry_digest_is_what_the_format_says() {
    let blob = Digest::of(b"blob");
    let mut out = Vec::new();
    let digest = encode_entry(&mut out, b"body", &[b"blob".to_vec()]);
    let said = [
        &4_u64.to_be_bytes()[..],
        b"body",
        &1_u32.to_be_bytes(),
        blob.as_ref(),
    ];
    assert_eq!(digest, Digest::of(&said.concat()));
}

#[test]
fn a_stub_keeps_its_place_in_the_chain() {
    let (bytes, _, chain) = group(&[(b"body".to_vec(), vec![b"blob".to_vec()])]);
    let end = bytes.len() - GROUP_TRAILER - 4;
    let mut stub = bytes[..end].to_vec();
    stub[GROUP_HEADER + 11] = STUB as u8;
    let covered = GROUP_HEADER..GROUP_HEADER + 80;
    let sum = check(&[&stub[covered.clone()]]);
    stub[covered.end..covered.end + 16].copy_from_slice(&sum);
    let header = GroupHeader {
        length: (end - GROUP_HEADER) as u32,
        count: 1,
        first_position: 5,
    };
    resalt(&mut stub, &header, &SALT, &chain);
    let view = parse_group(&stub, &header, &SALT, Digest::of(b"before")).unwrap();
    assert_eq!(view.chain, chain);
    assert!(view.entries[0].head.stub && view.entries[0].each_blob().is_empty());
}

proptest! {
    #[test]
    fn a_group_survives_its_bytes_and_no_change(
        drafts in prop::collection::vec(
            (prop::collection::vec(any::<u8>(), 0..40),
             prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..3)), 1..5),
        at in any::<prop::sample::Index>(), flip in 1..=255_u8,
    ) {
        let (mut bytes, header, chain) = group(&drafts);
        prop_assert_eq!(GroupHeader::decode(&bytes, &SALT), Some(header.clone()));
        prop_assert_eq!(GroupHeader::decode(&bytes, &[0; 16]), None);
        let view = parse_group(&bytes, &header, &SALT, Digest::of(b"before")).unwrap();
        prop_assert_eq!(view.chain, chain);
        for (entry, (body, blobs)) in view.entries.iter().zip(&drafts) {
            prop_assert_eq!(entry.body, body.as_slice());
            prop_assert_eq!(&entry.each_blob(), blobs);
        }
        prop_assert!(parse_group(&bytes, &header, &SALT, Digest::ZERO).is_err());
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        let parsed = parse_group(&bytes, &header, &SALT, Digest::of(b"before"));
        let sound = parsed.is_ok_and(|view| view.damaged.is_empty());
        prop_assert!(!sound || GroupHeader::decode(&bytes, &SALT).is_none());
    }

    #[test]
    fn any_bytes_parse_or_do_not(bytes in prop::collection::vec(any::<u8>(), 0..400), length in 0..300_u32) {
        let _ = EntryHead::decode(&bytes);
        let _ = SegmentHeader::decode(&bytes);
        prop_assert_eq!(GroupHeader::decode(&bytes, &SALT), None);
        let header = GroupHeader { length, count: 3, first_position: 1 };
        prop_assert!(parse_group(&bytes, &header, &SALT, Digest::ZERO).is_err());
    }
}
