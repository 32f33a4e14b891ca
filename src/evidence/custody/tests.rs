//! Chains that hold, and every gap by name.

mod properties;
mod restored;

use super::*;
use crate::{
    card::{Place, TrustBook},
    crypto::{Digest, SigningKey},
    envelope::OriginKeys,
    record::{Country, Moment},
    wire::record::{CustodyAct, CustodyEntry, SignedCustody},
};

const ID: [u8; 16] = [1; 16];

fn uz() -> Country {
    "UZ".parse().unwrap()
}

fn kz() -> Country {
    "KZ".parse().unwrap()
}

fn key() -> SigningKey {
    SigningKey::from_seed(&[1; 32]).unwrap()
}

fn at(minutes: i64) -> Moment {
    Moment::from_micros(1_780_315_200_000_000 + minutes * 60_000_000)
}

fn item() -> Item {
    Item {
        id: ID,
        digest: Some(Digest::of(b"item")),
        file: true,
    }
}

/// Both chains as they grow, signed by one key: chains are not about signatures.
#[derive(Clone, Default)]
struct Growing(Vec<Stated>);

impl Growing {
    fn last(&self, country: Country, own: bool) -> Option<&Stated> {
        self.0.iter().rfind(|of| (of.country == country) == own)
    }

    fn order(act: CustodyAct, at: Moment) -> CustodyOrder {
        CustodyOrder {
            item: ID,
            act,
            at,
            place: "Room 12".into(),
            authority: "police".into(),
            by: "n.karimova".into(),
            reason: "Art. 18".into(),
            found: Digest::of(b"item"),
        }
    }

    fn entry(&self, country: Country, act: CustodyAct, minutes: i64) -> CustodyEntry {
        let (own, other) = (self.last(country, true), self.last(country, false));
        next(
            &Self::order(act, at(minutes)),
            country,
            own.map(Last::from),
            other.map(|of| of.digest),
            at(minutes),
        )
        .unwrap()
    }

    fn add(&mut self, country: Country, act: CustodyAct, minutes: i64) {
        self.push(self.entry(country, act, minutes));
    }

    fn push(&mut self, entry: CustodyEntry) {
        let signed = sign_by(&entry, &key()).unwrap();
        self.0.push(stated(&signed).unwrap());
    }

    /// A file that KZ hands over to UZ.
    fn whole() -> Self {
        use CustodyAct::{Delivered, Exported, Hashed, Opened, Seized, Transferred, Uploaded};
        let mut growing = Self::default();
        for (minute, (country, act)) in (0..).zip([
            (kz(), Seized),
            (kz(), Hashed),
            (kz(), Uploaded),
            (kz(), Transferred),
            (uz(), Delivered),
            (uz(), Opened),
            (uz(), Exported),
        ]) {
            growing.add(country, act, minute);
        }
        growing
    }

    fn found(self) -> Vec<&'static str> {
        Chain::of(&item(), self.0)
            .findings()
            .iter()
            .map(Finding::name)
            .collect()
    }

    /// The same with the entry at `at` signed anew after a change.
    fn changed(mut self, at: usize, change: impl FnOnce(&mut CustodyEntry)) -> Self {
        use prost::Message as _;
        let mut entry = CustodyEntry::decode(self.0[at].signed.entry.as_slice()).unwrap();
        change(&mut entry);
        self.0[at] = stated(&sign_by(&entry, &key()).unwrap()).unwrap();
        self
    }

    fn without(mut self, at: usize) -> Self {
        self.0.remove(at);
        self
    }
}

#[test]
fn a_whole_chain_has_nothing_to_say_against_it() {
    let chain = Chain::of(&item(), Growing::whole().0);
    assert_eq!((chain.findings(), chain.weight()), (&[][..], None));
    let acts: Vec<&str> = chain.hands().iter().map(|of| act_name(of.act)).collect();
    assert_eq!(
        acts,
        [
            "seized",
            "hashed",
            "uploaded",
            "transferred",
            "delivered",
            "opened",
            "exported"
        ]
    );
}

#[test]
fn every_gap_has_its_name() {
    use CustodyAct::{Destroyed, Examined, Returned, TakenOver};
    let whole = Growing::whole;
    let with = |country, act, minutes| {
        let mut growing = whole();
        growing.add(country, act, minutes);
        growing
    };
    let timestamp = |minutes: i64| Some(at(minutes).into());
    let cases: Vec<(Growing, &str)> = vec![
        (Growing::default(), "custody-none"),
        (whole().without(1), "custody-missing-number"),
        (whole().without(0), "custody-missing-number"),
        (whole().without(3), "custody-builds-on-missing"),
        (
            whole().changed(6, |of| of.previous = vec![9; 32]),
            "custody-broken-previous",
        ),
        (
            whole().changed(6, |of| of.previous.clear()),
            "custody-broken-previous",
        ),
        (
            whole().changed(0, |of| of.previous = vec![9; 32]),
            "custody-broken-previous",
        ),
        (
            whole().changed(6, |of| of.builds_on = vec![9; 32]),
            "custody-builds-on-missing",
        ),
        (
            whole().changed(6, |of| of.builds_on.clear()),
            "custody-builds-on-older",
        ),
        (
            whole().changed(6, |of| of.told_at = timestamp(1)),
            "custody-time-backwards",
        ),
        (
            whole().changed(6, |of| of.at = timestamp(99)),
            "custody-stated-ahead",
        ),
        (
            whole().changed(6, |of| of.at = timestamp(4)),
            "custody-told-later",
        ),
        (
            whole().changed(6, |of| of.digest = vec![9; 32]),
            "custody-digest-changed",
        ),
        (
            whole().changed(6, |of| of.digest = vec![9; 32]),
            "custody-digest-foreign",
        ),
        (
            whole().changed(6, |of| of.item = vec![9; 16]),
            "custody-other-item",
        ),
        (
            whole().changed(6, |of| of.country = "TJ".into()),
            "custody-third-country",
        ),
        (
            whole().changed(1, |of| of.act = Examined.into()),
            "custody-not-hashed",
        ),
        (
            whole().changed(2, |of| of.act = Examined.into()),
            "custody-transferred-not-uploaded",
        ),
        (
            whole().changed(3, |of| of.act = Examined.into()),
            "custody-delivered-not-transferred",
        ),
        (
            whole().changed(4, |of| of.act = Examined.into()),
            "custody-never-delivered",
        ),
        (
            whole().changed(4, |of| of.act = Examined.into()),
            "custody-opened-not-held",
        ),
        (
            whole().changed(0, |of| of.act = Examined.into()),
            "custody-no-beginning",
        ),
        (with(uz(), Returned, 20), "custody-returned-to-nobody"),
        (
            {
                let mut growing = with(uz(), Destroyed, 20);
                let destroyed = Last {
                    act: Examined,
                    ..Last::from(growing.last(uz(), true).unwrap())
                };
                let order = Growing::order(Examined, at(21));
                growing.push(next(&order, uz(), Some(destroyed), None, at(21)).unwrap());
                growing
            },
            "custody-after-destruction",
        ),
        (
            {
                let mut growing = whole();
                let twice = growing
                    .clone()
                    .changed(6, |of| of.reason = "another".into())
                    .0
                    .remove(6);
                growing.0.push(twice);
                growing
            },
            "custody-number-twice",
        ),
    ];
    for (number, (growing, name)) in cases.into_iter().enumerate() {
        let found = growing.found();
        assert!(
            found.contains(&name),
            "{number}: {name} is not among {found:?}"
        );
    }
    let mut back = with(uz(), Returned, 20);
    back.add(kz(), TakenOver, 25);
    assert_eq!(back.found(), [""; 0]);
}

#[test]
fn a_thing_travels_without_the_node() {
    use CustodyAct::{Seized, TakenOver, Transferred};
    let mut growing = Growing::default();
    growing.add(kz(), Seized, 0);
    growing.add(kz(), Transferred, 1);
    let thing = Item {
        file: false,
        ..item()
    };
    let names = |growing: &Growing| -> Vec<&'static str> {
        Chain::of(&thing, growing.0.clone())
            .findings()
            .iter()
            .map(Finding::name)
            .collect()
    };
    assert_eq!(names(&growing), ["custody-never-delivered"]);
    growing.add(uz(), TakenOver, 2);
    assert_eq!(names(&growing), [""; 0]);
}

#[test]
fn what_cannot_be_stated_is_refused() {
    let order = Growing::order(CustodyAct::Examined, at(0));
    let refused =
        |order: CustodyOrder, own: Option<Last>| next(&order, uz(), own, None, at(1)).unwrap_err();
    let last = |number, act| {
        Some(Last {
            number,
            digest: Digest::of(b"x"),
            act,
        })
    };
    assert_eq!(
        refused(
            CustodyOrder {
                at: at(2),
                ..order.clone()
            },
            None
        ),
        OrderFault::Future
    );
    assert_eq!(
        refused(
            CustodyOrder {
                by: String::new(),
                ..order.clone()
            },
            None
        ),
        OrderFault::Text("by")
    );
    assert_eq!(
        refused(
            CustodyOrder {
                reason: String::new(),
                ..order.clone()
            },
            None
        ),
        OrderFault::Text("reason")
    );
    assert_eq!(
        refused(
            CustodyOrder {
                place: "a\u{202e}b".into(),
                ..order.clone()
            },
            None
        ),
        OrderFault::Text("place")
    );
    assert_eq!(
        refused(
            CustodyOrder {
                reason: "x".repeat(1001),
                ..order.clone()
            },
            None
        ),
        OrderFault::Text("reason")
    );
    assert_eq!(
        refused(order.clone(), last(3, CustodyAct::Destroyed)),
        OrderFault::Destroyed
    );
    assert_eq!(
        refused(order, last(9999, CustodyAct::Opened)),
        OrderFault::Full
    );
}

/// A book of one country with one key, in use or retired.
struct One {
    key: SigningKey,
    retired: Option<crate::card::Retirement>,
}

impl OriginKeys for One {
    fn signing_key(
        &self,
        origin: Country,
        id: &crate::crypto::KeyId,
    ) -> Option<crate::card::Vouched<'_>> {
        (origin == kz() && *id == self.key.public().id()).then_some(crate::card::Vouched {
            key: *self.key.public(),
            retired: self.retired.as_ref(),
        })
    }

    fn signers(&self, id: &crate::crypto::KeyId) -> Vec<(Country, crate::card::Vouched<'_>)> {
        self.signing_key(kz(), id)
            .map(|of| (kz(), of))
            .into_iter()
            .collect()
    }
}

#[test]
fn a_signature_is_checked_before_anything_is_decoded() {
    let one = One {
        key: key(),
        retired: None,
    };
    let entry = Growing::default().entry(kz(), CustodyAct::Seized, 0);
    let signed = sign_by(&entry, &key()).unwrap();
    assert_eq!(
        verify(&signed, &[], &one).unwrap(),
        stated(&signed).unwrap()
    );
    let fault = |signed: &SignedCustody| verify(signed, &[], &one).unwrap_err().name();
    let with = |change: &dyn Fn(&mut SignedCustody)| {
        let mut signed = signed.clone();
        change(&mut signed);
        signed
    };
    assert_eq!(
        fault(&with(&|of| of.entry = vec![0xff; 40])),
        "custody-signature"
    );
    assert_eq!(
        fault(&with(&|of| of.signature[0] ^= 1)),
        "custody-signature"
    );
    assert_eq!(
        fault(&with(&|of| of.key_id = vec![0; 8])),
        "custody-unknown-key"
    );
    assert_eq!(fault(&with(&|of| of.key_id.clear())), "custody-unknown-key");
    assert_eq!(
        fault(&with(&|of| of.entry = vec![0; MAX_ENTRY_BYTES + 1])),
        "custody-too-long"
    );
    let resigned = |change: &dyn Fn(&mut CustodyEntry)| {
        let mut entry = entry.clone();
        change(&mut entry);
        sign_by(&entry, &key()).unwrap()
    };
    assert_eq!(
        fault(&resigned(&|of| of.country = "UZ".into())),
        "custody-foreign-country"
    );
    for (change, field) in [
        (
            &(|of: &mut CustodyEntry| of.item.clear()) as &dyn Fn(&mut CustodyEntry),
            "item",
        ),
        (&|of| of.number = 0, "number"),
        (&|of| of.previous = vec![1; 31], "previous"),
        (&|of| of.builds_on = vec![1; 33], "builds_on"),
        (&|of| of.act = 0, "act"),
        (&|of| of.act = 99, "act"),
        (&|of| of.at = None, "at"),
        (
            &|of| {
                of.told_at = Some(prost_types::Timestamp {
                    seconds: 1,
                    nanos: -1,
                })
            },
            "told_at",
        ),
        (&|of| of.place = "\u{1b}[2J".into(), "place"),
        (&|of| of.by.clear(), "by"),
        (&|of| of.reason = "x".repeat(1001), "reason"),
        (&|of| of.country = "XX".into(), "country"),
        (&|of| of.digest.clear(), "digest"),
    ] {
        assert_eq!(
            verify(&resigned(change), &[], &one),
            Err(CustodyFault::Field(field))
        );
    }
    assert_eq!(
        verify(&signed, &[], &TrustBook::new()),
        Err(CustodyFault::UnknownKey)
    );
}

#[test]
fn a_retired_key_counts_where_something_shows_that_the_entry_is_older() {
    use crate::wire::card::{LanePosition, Retirement};
    let retirement = Retirement {
        positions: vec![LanePosition {
            peer: "UZ".into(),
            incarnation: vec![3; 16],
            lane: 2,
            sequence: 5,
            running_hash: vec![0; 32],
        }],
        ledger_size: 10,
        ledger_root: vec![0; 32],
    };
    let one = One {
        key: key(),
        retired: Some(crate::card::Retirement::of(&retirement).unwrap()),
    };
    let signed = sign_by(
        &Growing::default().entry(kz(), CustodyAct::Seized, 0),
        &key(),
    )
    .unwrap();
    let place = |sequence| Place {
        peer: uz(),
        incarnation: [3; 16],
        lane: 2,
        sequence,
        running_hash: None,
    };
    let judge = |anchors: &[Anchor<'_>]| verify(&signed, anchors, &one).map(|_| ());
    assert_eq!(judge(&[]), Err(CustodyFault::Retired(kz())));
    assert_eq!(
        judge(&[Anchor::Carried(&place(6)), Anchor::Leaf(10)]),
        Err(CustodyFault::Retired(kz()))
    );
    assert_eq!(judge(&[Anchor::Carried(&place(5))]), Ok(()));
    assert_eq!(
        judge(&[Anchor::Carried(&place(6)), Anchor::Leaf(9)]),
        Ok(())
    );
}
