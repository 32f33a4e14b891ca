//! Custody entries, as nodes make them and as others would.

use prost::Message as _;

use super::{Side, at};
use crate::{
    crypto::Digest,
    evidence::custody::{self, CustodyOrder, Last, next, stated},
    wire::record::{CustodyAct, CustodyEntry, EvidenceItem, SignedCustody},
};

/// Adds to one country's chain of an item.
pub(super) fn hand(
    chain: &mut Vec<SignedCustody>,
    side: &Side,
    item: &EvidenceItem,
    act: CustodyAct,
    minutes: i64,
) -> SignedCustody {
    let last = |own: bool| {
        let mut of = chain
            .iter()
            .map(|of| stated(of).unwrap())
            .filter(|of| (of.country == side.country) == own);
        of.next_back()
    };
    let found = if item.root.is_empty() {
        Digest::of(item.description.as_bytes())
    } else {
        Digest::try_from(item.root.as_slice()).unwrap()
    };
    let order = CustodyOrder {
        item: item.id.as_slice().try_into().unwrap(),
        act,
        at: at(minutes),
        place: "Almaty, room 12".to_owned(),
        authority: "prosecutor-general".to_owned(),
        by: "officer <A> & co".to_owned(),
        reason: "Art. 18".to_owned(),
        found,
    };
    let entry = next(
        &order,
        side.country,
        last(true).as_ref().map(Last::from),
        last(false).map(|of| of.digest),
        at(minutes + 1),
    );
    let signed = custody::sign_by(&entry.unwrap(), &side.key).unwrap();
    chain.push(signed.clone());
    signed
}

/// Signs an entry as somebody who has the key would, whatever the rules.
pub(crate) fn forced(
    side: &Side,
    signed: &SignedCustody,
    change: impl FnOnce(&mut CustodyEntry),
) -> SignedCustody {
    let mut entry = CustodyEntry::decode(signed.entry.as_slice()).unwrap();
    change(&mut entry);
    custody::sign_by(&entry, &side.key).unwrap()
}
