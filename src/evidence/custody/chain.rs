//! The chains of both countries as one, and what is missing in it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{Finding, Stated, Weight};
use crate::{crypto::Digest, record::Country, wire::record::CustodyAct};

/// How far the clocks of two nodes may be apart before an order of times says something.
const CLOCKS_APART: Duration = Duration::from_secs(600);

/// What a chain is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its id.
    pub id: [u8; 16],
    /// The Merkle root of a file, or SHA-256 of the description of a thing; none where it is not known.
    pub digest: Option<Digest>,
    /// Whether it is a file; a thing travels by other ways than the node.
    pub file: bool,
}

/// The entries of both countries in one order, and what does not fit.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    hands: Vec<Stated>,
    findings: Vec<Finding>,
}

impl Chain {
    /// Puts verified entries into one order, whatever order they come in: each after the one before it in
    /// its own chain and after the one of the other country that it builds on; of two that are
    /// independent, the one stated earlier first. What a node stated after a restore comes after what it
    /// stated before, though it gives numbers again. The same set gives the same chain.
    pub fn of(item: &Item, entries: Vec<Stated>) -> Self {
        let mut findings = BTreeSet::new();
        let mut by_country: BTreeMap<Country, BTreeMap<(u64, u32, Digest), Stated>> =
            BTreeMap::new();
        for entry in entries {
            if entry.item != item.id {
                findings.insert(Finding::OtherItem {
                    country: entry.country,
                    number: entry.number,
                });
                continue;
            }
            let own = by_country.entry(entry.country).or_default();
            own.insert((entry.renewal, entry.number, entry.digest), entry);
        }
        let chains: Vec<Vec<Stated>> = by_country
            .into_values()
            .map(|own| own.into_values().collect())
            .collect();
        for third in chains.iter().skip(2).filter_map(|own| own.first()) {
            findings.insert(Finding::ThirdCountry(third.country));
        }
        for own in &chains {
            check_links(own, &chains, &mut findings);
        }
        let hands = merged(&chains);
        check_hands(item, &hands, &mut findings);
        if hands.is_empty() {
            findings.insert(Finding::NoEntry);
        }
        let mut findings: Vec<Finding> = findings.into_iter().collect();
        findings.sort_by_key(|of| std::cmp::Reverse(of.weight()));
        Self { hands, findings }
    }

    /// The entries in order.
    pub fn hands(&self) -> &[Stated] {
        &self.hands
    }

    /// What is missing or does not fit, the heaviest first.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The heaviest finding's weight; none where nothing was found.
    pub fn weight(&self) -> Option<Weight> {
        self.findings.iter().map(Finding::weight).max()
    }
}

/// Numbers, the entry before and the entry of the other country, within the chain of one.
fn check_links(own: &[Stated], chains: &[Vec<Stated>], findings: &mut BTreeSet<Finding>) {
    let mut before: Option<&Stated> = None;
    let mut base: Option<u32> = None;
    for entry in own {
        let (country, number) = (entry.country, entry.number);
        let last = before.map_or(0, |before| before.number);
        if before.is_some_and(|before| before.renewal != entry.renewal) {
            findings.insert(Finding::AfterRestore { country, number });
            check_restored(own, entry, last, findings);
            // It knows again what it knew when its older state was kept.
            base = None;
        } else if number == last {
            findings.insert(Finding::NumberTwice { country, number });
        } else if number > last.saturating_add(1) {
            findings.insert(Finding::MissingNumbers {
                country,
                from: last.saturating_add(1),
                to: number.saturating_sub(1),
            });
        } else if entry.previous != before.map(|before| before.digest) {
            findings.insert(Finding::BrokenPrevious { country, number });
        }
        if number == 1 && entry.previous.is_some() || number > 1 && entry.previous.is_none() {
            findings.insert(Finding::BrokenPrevious { country, number });
        }
        let mut others = chains.iter().flatten().filter(|of| of.country != country);
        let on = match entry.builds_on {
            None => Some(0),
            Some(digest) => {
                let restored = others.clone().any(|of| of.renewal > 0);
                let found = others.find(|of| of.digest == digest);
                match found {
                    Some(_) => {}
                    None if restored => {
                        findings.insert(Finding::BuildsOnLost { country, number });
                    }
                    None => {
                        findings.insert(Finding::BuildsOnMissing { country, number });
                    }
                }
                found.map(|of| of.number)
            }
        };
        if let (Some(on), Some(base)) = (on, base)
            && on < base
        {
            findings.insert(Finding::BuildsOnOlder { country, number });
        }
        base = on.or(base);
        before = Some(entry);
    }
}

/// The first entry after a restore follows one that was stated before it, or none where the older state had
/// none.
fn check_restored(own: &[Stated], entry: &Stated, last: u32, findings: &mut BTreeSet<Finding>) {
    let (country, number) = (entry.country, entry.number);
    let mut older = own.iter().filter(|of| of.renewal < entry.renewal);
    let follows = older.find(|of| entry.previous == Some(of.digest));
    match follows {
        Some(of) if of.number.saturating_add(1) == number => {}
        None if entry.previous.is_none() => {}
        None if number > last.saturating_add(1) => {
            findings.insert(Finding::MissingNumbers {
                country,
                from: last.saturating_add(1),
                to: number.saturating_sub(1),
            });
        }
        _ => {
            findings.insert(Finding::BrokenPrevious { country, number });
        }
    }
}

/// One order of several chains.
fn merged(chains: &[Vec<Stated>]) -> Vec<Stated> {
    let mut waiting: Vec<std::iter::Peekable<std::slice::Iter<'_, Stated>>> =
        chains.iter().map(|own| own.iter().peekable()).collect();
    let known: BTreeSet<Digest> = chains.iter().flatten().map(|of| of.digest).collect();
    let mut placed = BTreeSet::new();
    let mut hands = Vec::with_capacity(known.len());
    loop {
        let heads = waiting
            .iter_mut()
            .enumerate()
            .filter_map(|(at, own)| own.peek().map(|head| (at, *head)));
        // A digest cannot name what names it, so one head is always ready; were it not so, the
        // earliest would go first all the same.
        let next = heads.min_by_key(|(_, head)| {
            let waits = head
                .builds_on
                .is_some_and(|on| known.contains(&on) && !placed.contains(&on));
            (waits, head.told_at, head.country, head.number)
        });
        let Some((at, head)) = next else {
            return hands;
        };
        placed.insert(head.digest);
        hands.push(head.clone());
        if let Some(own) = waiting.get_mut(at) {
            own.next();
        }
    }
}

/// What one country did so far.
#[derive(Default)]
struct Hand<'a> {
    last: Option<&'a Stated>,
    acts: BTreeSet<i32>,
}

impl Hand<'_> {
    fn did(&self, act: CustodyAct) -> bool {
        self.acts.contains(&i32::from(act))
    }

    /// Whether the item is there: it began there, or it came.
    fn holds(&self) -> bool {
        [
            CustodyAct::Uploaded,
            CustodyAct::Delivered,
            CustodyAct::TakenOver,
        ]
        .into_iter()
        .any(|act| self.did(act))
    }
}

/// Times, digests and acts, in the one order.
fn check_hands(item: &Item, hands: &[Stated], findings: &mut BTreeSet<Finding>) {
    let mut done: BTreeMap<Country, Hand<'_>> = BTreeMap::new();
    let by_digest: BTreeMap<Digest, &Stated> = hands.iter().map(|of| (of.digest, of)).collect();
    let mut before: Option<&Stated> = None;
    for entry in hands {
        let (country, number) = (entry.country, entry.number);
        let last = done.get(&country).and_then(|hand| hand.last);
        let other = entry.builds_on.and_then(|on| by_digest.get(&on).copied());
        if last.is_some_and(|last| entry.told_at < last.told_at)
            || other.is_some_and(|other| entry.told_at + CLOCKS_APART < other.told_at)
        {
            findings.insert(Finding::TimeBackwards { country, number });
        }
        if entry.at > entry.told_at + CLOCKS_APART {
            findings.insert(Finding::StatedAhead { country, number });
        }
        if last.is_some_and(|last| entry.at < last.at) {
            findings.insert(Finding::ToldLater { country, number });
        }
        match item.digest {
            Some(digest) if digest != entry.found => {
                findings.insert(Finding::DigestForeign { country, number });
            }
            _ => {}
        }
        if before.is_some_and(|before| before.found != entry.found) {
            findings.insert(Finding::DigestChanged { country, number });
        }
        check_act(item, entry, &done, findings);
        let hand = done.entry(country).or_default();
        hand.last = Some(entry);
        hand.acts.insert(entry.act.into());
        before = Some(entry);
    }
    for (country, hand) in &done {
        let others = || done.iter().filter(|(of, _)| *of != country);
        let arrived = others().any(|(_, other)| {
            other.did(CustodyAct::Delivered) || !item.file && other.did(CustodyAct::TakenOver)
        });
        if hand.did(CustodyAct::Transferred) && !arrived {
            findings.insert(Finding::NeverDelivered(*country));
        }
        let began = hand.did(CustodyAct::Seized)
            || hand.did(CustodyAct::TakenOver)
            || hand.did(CustodyAct::Delivered);
        if !began {
            findings.insert(Finding::NoBeginning(*country));
        }
    }
    check_returned(hands, findings);
}

/// One act, after what was done before it.
fn check_act(
    item: &Item,
    entry: &Stated,
    done: &BTreeMap<Country, Hand<'_>>,
    findings: &mut BTreeSet<Finding>,
) {
    let (country, number) = (entry.country, entry.number);
    let nothing = Hand::default();
    let own = done.get(&country).unwrap_or(&nothing);
    if own.did(CustodyAct::Destroyed) {
        findings.insert(Finding::AfterDestruction { country, number });
    }
    match entry.act {
        CustodyAct::Uploaded if item.file && !own.did(CustodyAct::Hashed) => {
            findings.insert(Finding::NotHashed(country));
        }
        CustodyAct::Transferred if item.file && !own.did(CustodyAct::Uploaded) => {
            findings.insert(Finding::TransferredNotUploaded(country));
        }
        CustodyAct::Delivered => {
            let mut others = done.iter().filter(|(of, _)| **of != country);
            if !others.any(|(_, other)| other.did(CustodyAct::Transferred)) {
                findings.insert(Finding::DeliveredNotTransferred(country));
            }
        }
        CustodyAct::Opened | CustodyAct::Exported if item.file && !own.holds() => {
            findings.insert(Finding::OpenedNotHeld { country, number });
        }
        _ => {}
    }
}

/// What was returned was taken over by somebody later.
fn check_returned(hands: &[Stated], findings: &mut BTreeSet<Finding>) {
    let mut returned: Option<Country> = None;
    for entry in hands {
        match entry.act {
            CustodyAct::Returned => returned = Some(entry.country),
            CustodyAct::TakenOver => returned = None,
            _ => {}
        }
    }
    if let Some(country) = returned {
        findings.insert(Finding::ReturnedToNobody(country));
    }
}
