use super::*;

/// A ledger restored at 5 leaves, whose sixth or later leaf names the renewal.
#[test]
fn a_restored_ledger_names_its_predecessor() {
    let kept: Vec<Leaf> = (0..5).map(leaf).collect();
    let succession = Succession {
        size: 5,
        root: tree::root(5, &stored(&kept)).unwrap(),
        statement: Digest::of(b"renewal"),
    };
    let judge = |named_at: Option<u64>, succession: &Succession, size: u64| {
        let leaves: Vec<Leaf> = (0..size)
            .map(|index| {
                let mut leaf = leaf(index);
                if named_at == Some(index) {
                    let body = LeafBody {
                        detail: crate::ledger::RENEWED.into(),
                        subject: Digest::of(b"renewal").to_vec(),
                        ..LeafBody::default()
                    };
                    leaf.body = body.encode_to_vec();
                    let salt: [u8; 32] = leaf.salt.as_slice().try_into().unwrap();
                    leaf.digest = leaf_digest(&salt, &leaf.body).to_vec();
                }
                leaf
            })
            .collect();
        let root = tree::root(size, &stored(&leaves)).unwrap();
        let mut lines = vec![ExportLine::Checkpoint(note(size, root))];
        lines.extend(leaves.into_iter().map(ExportLine::Leaf));
        let lines = lines.into_iter().map(Ok::<_, LineError>);
        verify_export(
            lines,
            ORIGIN,
            &[LedgerKey::in_use(*key().public())],
            Some(succession),
        )
    };
    assert!(judge(Some(5), &succession, 9).is_ok());
    assert!(judge(Some(7), &succession, 9).is_ok());
    for (named_at, size) in [(None, 9), (Some(4), 9), (None, 3)] {
        let mut succession = succession;
        if named_at == Some(4) {
            // Then the fifth leaf is another one too.
            succession.size = 4;
            succession.root = tree::root(4, &stored(&kept)).unwrap();
            assert!(judge(named_at, &succession, size).is_ok());
            continue;
        }
        assert!(matches!(
            judge(named_at, &succession, size),
            Err(LedgerFault::Unnamed { size: 5 })
        ));
    }
    let altered = Succession {
        root: Digest::of(b"another"),
        ..succession
    };
    assert!(matches!(
        judge(Some(5), &altered, 9),
        Err(LedgerFault::Predecessor { size: 5, .. })
    ));
}
