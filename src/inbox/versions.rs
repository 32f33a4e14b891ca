//! Versions of a record: which amendments count, and which is the current one. Pure.
//!
//! An amendment counts when it comes from the same origin, is of the same kind, and follows the
//! version before it. When an origin sent two amendments of one version (a node that was restored
//! twice, say), the one with the smaller header digest counts, so that every holder settles it in
//! the same way whatever came first; the other stays readable on its own. Headers name what they
//! follow by digest, so no chain of them can close into a circle; one that did would end where it
//! meets itself.

use std::collections::HashSet;

use super::Follower;
use crate::{crypto::Digest, record::Country, wire::record::FollowType};

/// Most versions that are looked at.
pub const MAX_VERSIONS: usize = 1000;

/// A version of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// Local number.
    pub number: u64,
    /// SHA-256 of the header.
    pub digest: Digest,
    /// Country that sealed it.
    pub origin: Country,
    /// Tag of its kind, bound to its own header.
    pub kind: [u8; 16],
}

/// Whether a follower amends a version.
pub fn amends(follower: &Follower, version: &Version) -> bool {
    follower.kind == FollowType::Amendment
        && follower.origin == version.origin
        && follower.follows_kind == version.kind
}

/// The version that comes after `version`, of all that follow it; `None` when it is the newest.
pub fn next(version: &Version, followers: &[Follower]) -> Option<Version> {
    followers
        .iter()
        .filter(|follower| amends(follower, version))
        .min_by_key(|follower| follower.digest)
        .map(|follower| Version {
            number: follower.number,
            digest: follower.digest,
            origin: follower.origin,
            kind: follower.own_kind,
        })
}

/// Every version from `first` on, the newest last. `followers` answers who follows a header.
///
/// # Errors
/// Whatever `followers` fails with.
pub fn chain<E>(
    first: Version,
    mut followers: impl FnMut(&Digest) -> Result<Vec<Follower>, E>,
) -> Result<Vec<Version>, E> {
    let mut versions = vec![first];
    let mut last = first;
    while versions.len() < MAX_VERSIONS {
        let Some(version) = next(&last, &followers(&last.digest)?) else {
            break;
        };
        if versions.iter().any(|known| known.digest == version.digest) {
            break;
        }
        versions.push(version);
        last = version;
    }
    Ok(versions)
}

/// `first` and everything that its origin ever amended it to, forks that do not count too, oldest
/// first by what each follows. `followers` answers who follows a header.
///
/// # Errors
/// Whatever `followers` fails with.
pub fn family<E>(
    first: Version,
    mut followers: impl FnMut(&Digest) -> Result<Vec<Follower>, E>,
) -> Result<Vec<Version>, E> {
    let mut known: HashSet<Digest> = [first.digest].into();
    let mut family = vec![first];
    let mut looked = 0;
    while let Some(version) = family.get(looked).copied() {
        looked += 1;
        for follower in followers(&version.digest)? {
            let amends =
                follower.kind == FollowType::Amendment && follower.origin == version.origin;
            if amends && known.insert(follower.digest) {
                family.push(Version {
                    number: follower.number,
                    digest: follower.digest,
                    origin: follower.origin,
                    kind: follower.own_kind,
                });
            }
        }
    }
    Ok(family)
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, convert::Infallible};

    use proptest::prelude::*;

    use super::*;

    fn version(digest: u8) -> Version {
        Version {
            number: u64::from(digest),
            digest: Digest::from_array([digest; 32]),
            origin: "UZ".parse().unwrap(),
            kind: [digest; 16],
        }
    }

    fn amendment(of: u8, digest: u8) -> (u8, Follower) {
        let follower = Follower {
            number: u64::from(digest),
            kind: FollowType::Amendment,
            step: 0,
            origin: "UZ".parse().unwrap(),
            digest: Digest::from_array([digest; 32]),
            follows_kind: [of; 16],
            own_kind: [digest; 16],
        };
        (of, follower)
    }

    fn rows(all: &[(u8, Follower)]) -> HashMap<Digest, Vec<Follower>> {
        let mut rows: HashMap<Digest, Vec<Follower>> = HashMap::new();
        for (of, follower) in all {
            rows.entry(Digest::from_array([*of; 32]))
                .or_default()
                .push(*follower);
        }
        rows
    }

    fn numbers(first: u8, all: &[(u8, Follower)]) -> Vec<u64> {
        let rows = rows(all);
        let chain = chain(version(first), |digest| {
            Ok::<_, Infallible>(rows.get(digest).cloned().unwrap_or_default())
        });
        chain.unwrap().iter().map(|one| one.number).collect()
    }

    #[test]
    fn amendments_chain_and_a_fork_is_settled_by_digest() {
        assert_eq!(numbers(1, &[]), [1]);
        assert_eq!(numbers(1, &[amendment(1, 5), amendment(5, 3)]), [1, 5, 3]);
        let forked = [amendment(1, 9), amendment(1, 5), amendment(9, 2)];
        assert_eq!(numbers(1, &forked), [1, 5]);
    }

    #[test]
    fn a_family_has_the_forks_that_do_not_count_and_no_stranger() {
        let (of, mut foreign) = amendment(1, 6);
        foreign.origin = "KZ".parse().unwrap();
        let (other_of, mut other) = amendment(5, 8);
        other.follows_kind = [99; 16];
        let all = [
            amendment(1, 9),
            amendment(1, 5),
            amendment(9, 2),
            (of, foreign),
            (other_of, other),
            amendment(2, 1),
        ];
        let rows = rows(&all);
        let family = family(version(1), |digest| {
            Ok::<_, Infallible>(rows.get(digest).cloned().unwrap_or_default())
        });
        let numbers: Vec<u64> = family.unwrap().iter().map(|one| one.number).collect();
        assert_eq!(numbers, [1, 9, 5, 2, 8]);
    }

    #[test]
    fn another_origin_or_kind_amends_nothing() {
        let (of, mut foreign) = amendment(1, 5);
        foreign.origin = "KZ".parse().unwrap();
        assert_eq!(numbers(1, &[(of, foreign)]), [1]);
        let (of, mut other) = amendment(1, 5);
        other.follows_kind = [8; 16];
        assert_eq!(numbers(1, &[(of, other)]), [1]);
        let (of, mut reply) = amendment(1, 5);
        reply.kind = FollowType::Reply;
        assert_eq!(numbers(1, &[(of, reply)]), [1]);
    }

    #[test]
    fn a_circular_amendment_ends_where_it_meets_itself() {
        assert_eq!(numbers(1, &[amendment(1, 2), amendment(2, 1)]), [1, 2]);
        assert_eq!(numbers(1, &[amendment(1, 1)]), [1]);
    }

    proptest! {
        #[test]
        fn the_order_of_arrival_changes_nothing(
            links in prop::collection::vec((1..8_u8, 1..8_u8), 0..12), seed in any::<u64>()
        ) {
            let all: Vec<_> = links.iter().map(|(of, digest)| amendment(*of, *digest)).collect();
            let mut shuffled = all.clone();
            let turn = usize::try_from(seed % 12).unwrap();
            let len = shuffled.len().max(1);
            shuffled.rotate_left(turn % len);
            if seed % 2 == 0 { shuffled.reverse(); }
            prop_assert_eq!(numbers(1, &all), numbers(1, &shuffled));
        }
    }
}
