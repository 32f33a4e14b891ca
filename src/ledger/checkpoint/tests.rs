use proptest::prelude::*;
use signed_note::{StandardVerifier, VerifierList};

use super::*;
use crate::crypto::SigningKey;

const ORIGIN: &str = "comity.ledger/UZ/3f2a9c10";

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32]).unwrap()
}

fn head(size: u64) -> Checkpoint {
    Checkpoint {
        origin: ORIGIN.to_owned(),
        size,
        root: Digest::of(&size.to_be_bytes()),
    }
}

/// A note over any text, so that malformed texts come properly signed.
fn note_of(text: &str, key: &SigningKey) -> String {
    let signature = signed_note::Signature::new(
        ORIGIN.to_owned(),
        note_key_id(ORIGIN, key.public()),
        key.sign_text(text.as_bytes()).to_vec(),
    )
    .unwrap();
    let note = Note::new(text.as_bytes(), &[signature]).unwrap();
    String::from_utf8(note.to_bytes()).unwrap()
}

#[test]
fn signs_and_opens() {
    let key = key(1);
    let note = sign(&head(7), ORIGIN, &key).unwrap();
    assert!(note.starts_with("comity.ledger/UZ/3f2a9c10\n7\n"));
    let keys = [
        LedgerKey::in_use(*SigningKey::from_seed(&[2; 32]).unwrap().public()),
        LedgerKey::in_use(*key.public()),
    ];
    assert_eq!(open(&note, ORIGIN, &keys).unwrap(), head(7));
    // The same key twice in a card is no ambiguity.
    assert_eq!(
        open(&note, ORIGIN, &[LedgerKey::in_use(*key.public()); 2]).unwrap(),
        head(7)
    );
}

#[test]
fn each_defect_has_its_error() {
    let (ours, theirs) = (key(1), key(2));
    let trusted = [LedgerKey::in_use(*ours.public())];
    let good = sign(&head(7), ORIGIN, &ours).unwrap();
    let opened = |note: &str| open(note, ORIGIN, &trusted).unwrap_err();

    let other = sign(&head(7), ORIGIN, &theirs).unwrap();
    assert_eq!(opened(&other), CheckpointError::UnknownKey(ORIGIN.into()));
    assert_eq!(
        open(&good, ORIGIN, &[]).unwrap_err(),
        CheckpointError::UnknownKey(ORIGIN.into())
    );
    assert_eq!(
        open(&good, "comity.ledger/UZ/00000000", &trusted).unwrap_err(),
        CheckpointError::Origin {
            expected: "comity.ledger/UZ/00000000".into(),
            found: ORIGIN.into()
        }
    );
    let misnamed = sign(&head(7), "comity.ledger/UZ/00000000", &ours).unwrap();
    assert_eq!(
        opened(&misnamed),
        CheckpointError::UnknownKey(ORIGIN.into())
    );
    let altered = good.replacen("\n7\n", "\n8\n", 1);
    assert!(matches!(
        opened(&altered),
        CheckpointError::Signature { .. }
    ));
    assert_eq!(
        opened(&"x".repeat(MAX_NOTE_BYTES + 1)),
        CheckpointError::TooLong(MAX_NOTE_BYTES + 1)
    );
    for cut in [
        "",
        "\n",
        ORIGIN,
        &good[..good.len() - 1],
        &good[1..good.len() / 2],
    ] {
        assert_eq!(
            opened(cut),
            CheckpointError::Malformed("not a signed note"),
            "{cut:?}"
        );
    }
}

#[test]
fn malformed_texts_are_refused_even_when_signed() {
    let key = key(1);
    let root = BASE64_STANDARD.encode([9; 32]);
    for (text, why) in [
        (format!("{ORIGIN}\n"), "no size"),
        (format!("{ORIGIN}\n7\n"), "no root"),
        (format!("{ORIGIN}\nx\n{root}\n"), "the size is not a number"),
        (
            format!("{ORIGIN}\n-1\n{root}\n"),
            "the size is not a number",
        ),
        (
            format!("{ORIGIN}\n07\n{root}\n"),
            "the size is not in decimal without leading zeros",
        ),
        (
            format!("{ORIGIN}\n+7\n{root}\n"),
            "the size is not in decimal without leading zeros",
        ),
        (
            format!("{ORIGIN}\n281474976710657\n{root}\n"),
            "more leaves than a ledger holds",
        ),
        (
            format!("{ORIGIN}\n7\n{}\n", &root[..40]),
            "the root is not base64 of 32 bytes",
        ),
        (
            format!("{ORIGIN}\n7\n{root}=\n"),
            "the root is not base64 of 32 bytes",
        ),
        (
            format!("{ORIGIN}\n7\n{root}\nextension\n\nmore\n"),
            "an empty extension line",
        ),
    ] {
        assert_eq!(
            open(
                &note_of(&text, &key),
                ORIGIN,
                &[LedgerKey::in_use(*key.public())]
            ),
            Err(CheckpointError::Malformed(why)),
            "{text:?}"
        );
    }
    let extended = format!("{ORIGIN}\n7\n{root}\nwitnesses 3\n");
    assert_eq!(
        open(
            &note_of(&extended, &key),
            ORIGIN,
            &[LedgerKey::in_use(*key.public())]
        )
        .unwrap()
        .size,
        7
    );
}

#[test]
fn what_nobody_could_open_is_not_signed() {
    let key = key(1);
    for origin in [
        "",
        "a b",
        "a+b",
        "a\nb",
        "a\u{7f}b",
        &"x".repeat(MAX_ORIGIN_BYTES + 1),
    ] {
        let checkpoint = Checkpoint {
            origin: origin.to_owned(),
            ..head(1)
        };
        assert!(matches!(
            sign(&checkpoint, ORIGIN, &key),
            Err(CheckpointError::Name(_))
        ));
        assert!(matches!(
            sign(&head(1), origin, &key),
            Err(CheckpointError::Name(_))
        ));
    }
    assert!(sign(&head(MAX_SIZE + 1), ORIGIN, &key).is_err());
}

#[test]
fn a_witness_beside_us_does_no_harm() {
    let (ours, witness) = (key(1), key(2));
    let mut note = sign(&head(7), ORIGIN, &ours).unwrap();
    let line = sign(&head(7), "comity.ledger/KZ/01020304", &witness).unwrap();
    note.push_str(line.lines().last().unwrap());
    note.push('\n');
    assert_eq!(
        open(&note, ORIGIN, &[LedgerKey::in_use(*ours.public())]).unwrap(),
        head(7)
    );
}

/// The example of golang.org/x/mod/sumdb/note, which C2SP `signed-note` took over.
#[test]
fn the_note_of_the_go_documentation_verifies() {
    let note = "If you think cryptography is the answer to your problem,\n\
                then you don't know what your problem is.\n\
                \n\
                — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    let encoded = "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let bytes = BASE64_STANDARD.decode(encoded).unwrap();
    let key = PublicKey::parse(&bytes[1..]).unwrap();
    assert_eq!(
        verifier_key("PeterNeumann", &key),
        format!("PeterNeumann+c74f20a3+{encoded}")
    );
    let note = Note::from_bytes(note.as_bytes()).unwrap();
    let (held, _) = note
        .verify(&TrustedKeys::new("PeterNeumann", &[LedgerKey::in_use(key)]))
        .unwrap();
    assert_eq!(held[0].id(), 0xc74f_20a3);
}

/// A tree head of Go's public checksum database with its real signature.
#[test]
fn a_tree_head_of_the_go_checksum_database_opens() {
    let note = "go.sum database tree\n\
                20852163\n\
                CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\
                \n\
                — sum.golang.org Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";
    let encoded = "Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
    let bytes = BASE64_STANDARD.decode(encoded).unwrap();
    let key = PublicKey::parse(&bytes[1..]).unwrap();
    assert_eq!(
        verifier_key("sum.golang.org", &key),
        format!("sum.golang.org+033de0ae+{encoded}")
    );
    let head = open_named(
        note,
        "go.sum database tree",
        "sum.golang.org",
        &[LedgerKey::in_use(key)],
    )
    .unwrap();
    assert_eq!(head.size, 20_852_163);
}

proptest! {
    #[test]
    fn other_tools_read_our_notes(size in 0..=MAX_SIZE, root in any::<[u8; 32]>(), seed in any::<[u8; 32]>()) {
        let key = SigningKey::from_seed(&seed).unwrap();
        let checkpoint = Checkpoint { origin: ORIGIN.into(), size, root: Digest::from_array(root) };
        let note = sign(&checkpoint, ORIGIN, &key).unwrap();
        prop_assert_eq!(&open(&note, ORIGIN, &[LedgerKey::in_use(*key.public())]).unwrap(), &checkpoint);

        // signed_note with ed25519-dalek, and tlog_tiles' checkpoint: neither is our code.
        let theirs = StandardVerifier::new(&verifier_key(ORIGIN, key.public())).unwrap();
        let parsed = Note::from_bytes(note.as_bytes()).unwrap();
        parsed.verify(&VerifierList::new(vec![Box::new(theirs)])).unwrap();
        let tlog = tlog_tiles::Checkpoint::from_bytes(parsed.text()).unwrap();
        prop_assert_eq!(tlog.origin(), ORIGIN);
        prop_assert_eq!(tlog.size(), size);
        prop_assert_eq!(tlog.hash().0, root);
    }

    #[test]
    fn we_read_a_text_just_when_tlog_tiles_does(
        origin in "[a-z/+ ]{0,4}", size in "[0-9]{0,3}", pad in "[A-Za-z0-9]{42}[AEIMQUYcgkosw048]=?", tail in "(\n|\nx\n|\n\n|)",
    ) {
        let text = format!("{origin}\n{size}\n{pad}{tail}");
        let theirs = tlog_tiles::Checkpoint::from_bytes(text.as_bytes());
        let ours = parse(&text);
        prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?}", text);
        if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
            prop_assert_eq!(ours.size, theirs.size());
            prop_assert_eq!(ours.root.as_bytes(), &theirs.hash().0);
        }
    }

    #[test]
    fn one_changed_character_never_opens(at in 0_usize..200, to in 0x20_u8..0x7f) {
        let key = key(1);
        let good = sign(&head(7), ORIGIN, &key).unwrap();
        let mut bytes = good.clone().into_bytes();
        let at = at % bytes.len();
        prop_assume!(bytes[at].is_ascii() && bytes[at] != to);
        bytes[at] = to;
        let bad = String::from_utf8(bytes).unwrap();
        prop_assert!(open(&bad, ORIGIN, &[LedgerKey::in_use(*key.public())]).is_err());
    }
}

#[test]
fn a_bare_note_is_short_and_still_proves_its_head() {
    let (key, _) = SigningKey::generate().unwrap();
    let head = Checkpoint {
        origin: "comity.internal/uz/3f2a9c10".into(),
        size: 7,
        root: Digest::of(b"seven"),
    };
    let note = sign(&head, &head.origin, &key).unwrap();
    let mut witnessed = note.clone();
    for witness in 0..60 {
        witnessed.push_str(&format!("\u{2014} witness-{witness} AAAAAAECAwQFBgcI\n"));
    }
    let bare = bare(&witnessed);
    assert_eq!(bare, note);
    assert_eq!(
        open(&bare, &head.origin, &[LedgerKey::in_use(*key.public())]).unwrap(),
        head
    );
    assert_eq!(super::bare("no note"), "");
}

#[test]
fn a_retired_key_vouches_for_heads_up_to_its_last() {
    let (old, new) = (key(1), key(2));
    let limit = head(7);
    let retired = LedgerKey::until(*old.public(), Some((limit.size, limit.root)));
    let keys = [LedgerKey::in_use(*new.public()), retired];
    let signed = |head: &Checkpoint, key| sign(head, ORIGIN, key).unwrap();
    for size in [1, 7] {
        let note = signed(&head(size), &old);
        assert_eq!(open(&note, ORIGIN, &keys), Ok(head(size)));
    }
    assert_eq!(
        open(&signed(&head(8), &old), ORIGIN, &keys),
        Err(CheckpointError::Retired(8))
    );
    let forked = Checkpoint {
        root: Digest::of(b"another ledger"),
        ..head(7)
    };
    assert_eq!(
        open(&signed(&forked, &old), ORIGIN, &keys),
        Err(CheckpointError::Retired(7))
    );
    assert_eq!(open(&signed(&head(8), &new), ORIGIN, &keys), Ok(head(8)));
    let never = [LedgerKey::until(*old.public(), None)];
    assert_eq!(
        open(&signed(&head(1), &old), ORIGIN, &never),
        Err(CheckpointError::Retired(1))
    );
}
