//! Chains of a node that was restored from an older state.

use super::{Growing, item, key, kz, uz};
use crate::{
    card::TrustBook,
    crypto::{Digest, KeyId},
    envelope::OriginKeys,
    evidence::custody::{Chain, CustodyFault, Weight, sign_by, verify},
    record::Country,
    wire::record::{CustodyAct, CustodyEntry},
};

/// The file that KZ handed over to UZ, and what UZ states under a renewal after it was restored to the
/// first `kept` of its three entries.
fn restored(kept: usize, renewal: u64) -> Growing {
    let mut growing = Growing::whole();
    let older = Growing(growing.0[..4 + kept].to_vec());
    let entry = older.entry(uz(), CustodyAct::Examined, 30);
    growing.push(CustodyEntry { renewal, ..entry });
    growing
}

#[test]
fn numbers_given_again_after_a_restore_are_a_gap_with_a_name() {
    for kept in 0..3 {
        let growing = restored(kept, 7);
        let chain = Chain::of(&item(), growing.0.clone());
        assert_eq!(chain.weight(), Some(Weight::Gap), "{:?}", chain.findings());
        // After everything that was stated before.
        let last = chain.hands().last().unwrap();
        assert_eq!(
            (last.renewal, last.number),
            (7, u32::try_from(kept).unwrap() + 1)
        );
        assert_eq!(growing.found(), ["custody-after-restore"], "{kept}");
        // Where what was lost is nowhere to be had, the gap is told all the same.
        let mut without = restored(kept, 7);
        without.0.drain(4 + kept..7);
        let found = without.found();
        let expected: &[&str] = match kept {
            // Nothing of UZ is left from before.
            0 => &["custody-never-delivered", "custody-no-beginning"],
            _ => &["custody-after-restore"],
        };
        assert_eq!(found, expected, "{kept}");
    }
}

#[test]
fn what_the_other_country_builds_on_may_be_lost() {
    // KZ was restored to what it stated before it handed over, and states it again.
    let mut growing = Growing::whole();
    let mut older = Growing(growing.0[..3].to_vec());
    older.push(CustodyEntry {
        renewal: 7,
        ..older.entry(kz(), CustodyAct::Transferred, 30)
    });
    growing.0.extend(older.0.last().cloned());
    let lost = growing.clone().without(3);
    assert_eq!(growing.found(), ["custody-after-restore"]);
    let chain = Chain::of(&item(), lost.0);
    assert_eq!(chain.weight(), Some(Weight::Gap), "{:?}", chain.findings());
    let names: Vec<_> = chain.findings().iter().map(|of| of.name()).collect();
    assert!(names.contains(&"custody-builds-on-lost"), "{names:?}");
}

#[test]
fn without_a_renewal_a_number_given_again_stays_a_breach() {
    assert!(restored(1, 0).found().contains(&"custody-number-twice"));
}

#[test]
fn what_follows_nothing_that_was_stated_before_the_restore_is_a_breach() {
    let broken = restored(2, 7).changed(7, |entry| entry.previous = vec![9; 32]);
    assert_eq!(
        broken.found(),
        ["custody-broken-previous", "custody-after-restore"]
    );
    let skipped = restored(2, 7).changed(7, |entry| {
        entry.previous = vec![9; 32];
        entry.number += 9;
    });
    assert_eq!(
        skipped.found(),
        ["custody-missing-number", "custody-after-restore"]
    );
}

/// A card of KZ with one key, renewed so often.
struct Renewed(u64);

impl OriginKeys for Renewed {
    fn signing_key(&self, _: Country, _: &KeyId) -> Option<crate::card::Vouched<'_>> {
        None
    }

    fn signers(&self, id: &KeyId) -> Vec<(Country, crate::card::Vouched<'_>)> {
        let vouched = crate::card::Vouched {
            key: *key().public(),
            retired: None,
        };
        let known = *id == key().public().id();
        known.then_some((kz(), vouched)).into_iter().collect()
    }

    fn renewal(&self, _: Country) -> u64 {
        self.0
    }
}

#[test]
fn a_renewal_counts_where_the_card_has_it() {
    let entry = CustodyEntry {
        renewal: 7,
        digest: Digest::of(b"item").to_vec(),
        ..Growing::default().entry(kz(), CustodyAct::Seized, 0)
    };
    let signed = sign_by(&entry, &key()).unwrap();
    assert_eq!(verify(&signed, &[], &Renewed(7)).unwrap().renewal, 7);
    let fault = verify(&signed, &[], &Renewed(6)).unwrap_err();
    assert_eq!(fault, CustodyFault::Renewal(kz()));
    assert_eq!(fault.name(), "custody-unknown-renewal");
    assert_eq!(TrustBook::new().renewal(kz()), 0);
}
