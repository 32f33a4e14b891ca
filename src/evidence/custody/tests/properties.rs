//! Chains that nodes make, whatever they do, and what happens to them.

use proptest::prelude::*;

use super::{Growing, item, kz, uz};
use crate::{
    evidence::custody::{Chain, Weight, stated},
    wire::record::{CustodyAct, SignedCustody},
};

/// Acts by either country, in any sequence that the node would take.
fn acts() -> impl Strategy<Value = Vec<(bool, i32, i64)>> {
    prop::collection::vec((any::<bool>(), 1..=10_i32, 0..50_i64), 1..40)
}

fn grown(acts: &[(bool, i32, i64)]) -> Growing {
    let mut growing = Growing::default();
    let mut now = 0;
    for (own, act, minutes) in acts {
        now += minutes;
        let country = if *own { uz() } else { kz() };
        growing.add(country, CustodyAct::try_from(*act).unwrap(), now);
    }
    growing
}

proptest! {
    #[test]
    fn what_nodes_make_is_never_broken(acts in acts()) {
        let chain = Chain::of(&item(), grown(&acts).0);
        prop_assert!(chain.weight().is_none_or(|weight| weight < Weight::Breach), "{:?}", chain.findings());
    }

    #[test]
    fn the_order_of_arrival_says_nothing(acts in acts(), seed: u64) {
        let growing = grown(&acts);
        let chain = Chain::of(&item(), growing.0.clone());
        let mut shuffled = growing.0;
        let mut state = seed;
        for at in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            shuffled.swap(at, (state >> 33) as usize % (at + 1));
        }
        let again = shuffled.clone();
        shuffled.extend(again);
        prop_assert_eq!(Chain::of(&item(), shuffled), chain);
    }

    #[test]
    fn taking_one_out_before_the_last_of_its_country_is_a_breach(acts in acts(), at: prop::sample::Index) {
        let growing = grown(&acts);
        let at = at.index(growing.0.len());
        let country = growing.0[at].country;
        let later = growing.0[at + 1..].iter().any(|of| of.country == country || of.builds_on == Some(growing.0[at].digest));
        let chain = Chain::of(&item(), growing.without(at).0);
        prop_assert_eq!(later, chain.weight() == Some(Weight::Breach), "{:?}", chain.findings());
    }

    #[test]
    fn changing_one_that_another_names_is_a_breach(acts in acts(), at: prop::sample::Index, field in 0..4_u8) {
        let growing = grown(&acts);
        let at = at.index(growing.0.len());
        let named = growing.0.iter().any(|of| [of.previous, of.builds_on].contains(&Some(growing.0[at].digest)));
        let chain = Chain::of(&item(), growing.changed(at, |entry| match field {
            0 => entry.reason.push('x'),
            1 => entry.place.push('x'),
            2 => entry.by.push('x'),
            _ => entry.authority.push('x'),
        }).0);
        prop_assert_eq!(named, chain.weight() == Some(Weight::Breach), "{:?}", chain.findings());
    }

    #[test]
    fn arbitrary_bytes_never_panic(entry in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = stated(&SignedCustody { entry, key_id: vec![0; 8], signature: vec![0; 64] });
    }
}
