//! Items of case systems: what becomes of one that comes, by what is held of it.
//!
//! An item is known by its feed and its own id. A repeat changes nothing, a changed item becomes an
//! amendment, a deleted one a recall, in whatever order and however often its versions come: the
//! newest counts. What is held is one row; the writer takes a decision only while the row is what
//! it was decided by.

use crate::crypto::Digest;

/// Longest name of a feed.
pub const MAX_FEED_CHARS: usize = 64;
/// Longest own id of an item, in characters.
pub const MAX_OWN_ID_CHARS: usize = 128;

/// What is held of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// The newest version that came; 0 while none had a number.
    pub version: u64,
    /// SHA-256 of what it said; `None` once the record is shredded, and nothing tells any more.
    pub content: Option<Digest>,
    /// Whether it was deleted in its system.
    pub deleted: bool,
    /// Whether its record is locked: recalled or expired.
    pub locked: bool,
}

/// An item that comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Came {
    /// Its version; 0: the content alone tells whether it changed.
    pub version: u64,
    /// SHA-256 of what it says; `None`: it was deleted.
    pub content: Option<Digest>,
}

/// What is to be done with an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A new record is submitted.
    Submit,
    /// The record is amended.
    Amend,
    /// Every version of the record is recalled.
    Recall,
    /// Nothing but to note that this is the version now.
    Note,
    /// Nothing: it is held.
    Unchanged,
    /// Nothing: a newer version is held.
    Outdated,
}

/// Why an item is refused. The fault is of whoever feeds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ItemFault {
    /// The feed's name.
    #[error("the name of a feed is 1 to {MAX_FEED_CHARS} of the characters a-z, 0-9 and hyphen")]
    FeedName,
    /// The own id.
    #[error("`ownId` has 1 to {MAX_OWN_ID_CHARS} characters, none of them a control character")]
    OwnId,
    /// Nothing is in it.
    #[error("the item has neither `record` nor `deleted`")]
    Empty,
    /// Why it was deleted is no text that can go along.
    #[error("`deleted.reason` has {max} characters at most, none of them a control character")]
    Reason {
        /// At most so many.
        max: usize,
    },
    /// The node says what follows what.
    #[error(
        "`record.follows` names an amendment; leave it out: the node makes the amendment of the item that it holds"
    )]
    Follows,
    /// Same version, other content.
    #[error(
        "version {0} of this item came before with other content; give what changed a version of its own"
    )]
    VersionReused(u64),
    /// It was deleted before.
    #[error(
        "the item was deleted at version {0}; where it is to come again, give it a newer version"
    )]
    Deleted(u64),
    /// A deletion of what was never fed.
    #[error(
        "no item with this id was ever fed here, under this name of the feed and this authority"
    )]
    Unknown,
}

/// Whether a name is one of a feed.
///
/// # Errors
/// [`ItemFault::FeedName`].
pub fn check_feed(name: &str) -> Result<(), ItemFault> {
    let sound = (1..=MAX_FEED_CHARS).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    sound.then_some(()).ok_or(ItemFault::FeedName)
}

/// Whether an own id is one.
///
/// # Errors
/// [`ItemFault::OwnId`].
pub fn check_own_id(own_id: &str) -> Result<(), ItemFault> {
    // Bytes first: nothing long is counted.
    let sound = (1..=4 * MAX_OWN_ID_CHARS).contains(&own_id.len())
        && own_id.chars().count() <= MAX_OWN_ID_CHARS
        && !own_id.chars().any(char::is_control);
    sound.then_some(()).ok_or(ItemFault::OwnId)
}

/// What becomes of an item.
///
/// # Errors
/// [`ItemFault`] of its version.
pub fn decide(held: Option<&Held>, came: &Came) -> Result<Verdict, ItemFault> {
    let Some(held) = held else {
        return match came.content {
            Some(_) => Ok(Verdict::Submit),
            None => Err(ItemFault::Unknown),
        };
    };
    let advances = came.version > held.version;
    // Where one of the two has no number, neither is older.
    let older = came.version != 0 && came.version < held.version;
    let or_note = |unchanged| if advances { Verdict::Note } else { unchanged };
    match (came.content, held.deleted) {
        (None, true) => Ok(or_note(Verdict::Unchanged)),
        (None, false) if older => Ok(Verdict::Outdated),
        // Many systems delete without a new version.
        (None, false) => Ok(Verdict::Recall),
        (Some(_), true) if advances => Ok(Verdict::Submit),
        (Some(_), true) => Err(ItemFault::Deleted(held.version)),
        (Some(_), false) if older => Ok(Verdict::Outdated),
        (Some(content), false) => match held.content {
            Some(known) if known == content => Ok(or_note(Verdict::Unchanged)),
            Some(_) if came.version != 0 && came.version == held.version => {
                Err(ItemFault::VersionReused(came.version))
            }
            // Nothing follows what is locked.
            Some(_) if held.locked => Ok(Verdict::Submit),
            Some(_) => Ok(Verdict::Amend),
            // What it said is gone: only a newer number tells that it is another.
            None if advances => Ok(Verdict::Submit),
            None => Ok(Verdict::Unchanged),
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a node does with its verdicts.
    #[derive(Clone, Debug, Default, PartialEq)]
    struct Model {
        held: Option<Held>,
        submitted: usize,
        amended: usize,
        recalled: usize,
    }

    impl Model {
        fn take(&mut self, came: Came) -> Result<Verdict, ItemFault> {
            let verdict = decide(self.held.as_ref(), &came)?;
            let before = self.held.map_or(0, |held| held.version);
            let version = before.max(came.version);
            match verdict {
                Verdict::Submit | Verdict::Amend => {
                    self.held = Some(Held {
                        version,
                        content: came.content,
                        deleted: false,
                        locked: false,
                    });
                }
                Verdict::Recall => {
                    let held = self.held.as_mut().unwrap();
                    (held.version, held.deleted, held.locked) = (version, true, true);
                }
                Verdict::Note => self.held.as_mut().unwrap().version = version,
                Verdict::Unchanged | Verdict::Outdated => {}
            }
            self.submitted += usize::from(verdict == Verdict::Submit);
            self.amended += usize::from(verdict == Verdict::Amend);
            self.recalled += usize::from(verdict == Verdict::Recall);
            Ok(verdict)
        }
    }

    fn digest(of: u8) -> Digest {
        Digest::from_array([of; 32])
    }

    const fn record(version: u64, content: Digest) -> Came {
        Came {
            version,
            content: Some(content),
        }
    }

    const fn deletion(version: u64) -> Came {
        Came {
            version,
            content: None,
        }
    }

    fn held(version: u64, content: u8) -> Held {
        Held {
            version,
            content: Some(digest(content)),
            deleted: false,
            locked: false,
        }
    }

    #[test]
    fn every_case_by_its_name() {
        use Verdict::{Amend, Note, Outdated, Recall, Submit, Unchanged};
        let live = held(5, 1);
        let unnumbered = held(0, 1);
        let deleted = Held {
            deleted: true,
            locked: true,
            ..live
        };
        let locked = Held {
            locked: true,
            ..live
        };
        let shredded = Held {
            content: None,
            locked: true,
            ..live
        };
        for (held, came, verdict) in [
            (None, record(7, digest(1)), Ok(Submit)),
            (None, deletion(7), Err(ItemFault::Unknown)),
            (Some(live), record(5, digest(1)), Ok(Unchanged)),
            (
                Some(live),
                record(5, digest(2)),
                Err(ItemFault::VersionReused(5)),
            ),
            (Some(live), record(4, digest(2)), Ok(Outdated)),
            (Some(live), record(4, digest(1)), Ok(Outdated)),
            (Some(live), record(6, digest(2)), Ok(Amend)),
            (Some(live), record(6, digest(1)), Ok(Note)),
            (Some(live), record(0, digest(1)), Ok(Unchanged)),
            (Some(live), record(0, digest(2)), Ok(Amend)),
            (Some(live), deletion(0), Ok(Recall)),
            (Some(live), deletion(5), Ok(Recall)),
            (Some(live), deletion(4), Ok(Outdated)),
            (Some(unnumbered), record(0, digest(1)), Ok(Unchanged)),
            (Some(unnumbered), record(0, digest(2)), Ok(Amend)),
            (Some(unnumbered), record(1, digest(1)), Ok(Note)),
            (Some(deleted), deletion(0), Ok(Unchanged)),
            (Some(deleted), deletion(6), Ok(Note)),
            (
                Some(deleted),
                record(5, digest(1)),
                Err(ItemFault::Deleted(5)),
            ),
            (
                Some(deleted),
                record(0, digest(2)),
                Err(ItemFault::Deleted(5)),
            ),
            (Some(deleted), record(6, digest(1)), Ok(Submit)),
            (Some(locked), record(6, digest(2)), Ok(Submit)),
            (Some(locked), record(5, digest(1)), Ok(Unchanged)),
            (Some(shredded), record(0, digest(2)), Ok(Unchanged)),
            (Some(shredded), record(5, digest(2)), Ok(Unchanged)),
            (Some(shredded), record(6, digest(1)), Ok(Submit)),
        ] {
            assert_eq!(decide(held.as_ref(), &came), verdict, "{held:?} {came:?}");
        }
    }

    #[test]
    fn names_and_ids_are_bounded() {
        assert_eq!(check_feed("case-system-2"), Ok(()));
        for name in ["", "Case", "a b", "ä", &"a".repeat(65)] {
            assert_eq!(check_feed(name), Err(ItemFault::FeedName), "{name}");
        }
        assert_eq!(check_own_id("2026/4711 ü"), Ok(()));
        assert_eq!(check_own_id(&"ü".repeat(128)), Ok(()));
        for id in ["", "a\0b", "a\nb", &"a".repeat(129), &"ü".repeat(129)] {
            assert_eq!(check_own_id(id), Err(ItemFault::OwnId), "{id}");
        }
    }

    proptest! {
        #[test]
        fn any_order_and_repetition_ends_in_the_newest_version_exactly_once(
            contents in prop::collection::vec(0..4_u8, 1..8),
            order in prop::collection::vec(0..8_usize, 0..40),
        ) {
            let history: Vec<Came> = (1..)
                .zip(&contents)
                .map(|(version, content)| record(version, digest(*content)))
                .collect();
            let mut model = Model::default();
            for at in order {
                model.take(history[at % history.len()]).unwrap();
            }
            for came in history.iter().rev().chain(&history) {
                model.take(*came).unwrap();
            }
            let last = contents.len() as u64;
            prop_assert_eq!(model.held, Some(held(last, contents[contents.len() - 1])));
            prop_assert_eq!(model.submitted, 1);
            prop_assert!(model.amended < contents.len());
            // The whole once more changes nothing.
            let before = model.clone();
            for came in history.iter().rev().chain(&history) {
                model.take(*came).unwrap();
            }
            prop_assert_eq!(before, model);
        }

        #[test]
        fn a_deletion_stays_whatever_older_versions_come(
            versions in 1..6_u64,
            order in prop::collection::vec(0..6_u64, 0..30),
        ) {
            let mut model = Model::default();
            for version in 1..=versions {
                model.take(record(version, digest(1))).unwrap();
            }
            prop_assert_eq!(model.take(deletion(versions + 1)), Ok(Verdict::Recall));
            for version in order {
                let version = 1 + version % (versions + 1);
                let again = model.take(record(version, digest(9)));
                prop_assert_eq!(again, Err(ItemFault::Deleted(versions + 1)));
                prop_assert_eq!(model.take(deletion(version)), Ok(Verdict::Unchanged));
            }
            prop_assert_eq!((model.submitted, model.recalled), (1, 1));
            prop_assert_eq!(model.take(record(versions + 2, digest(1))), Ok(Verdict::Submit));
        }

        #[test]
        fn without_versions_what_came_last_counts(
            contents in prop::collection::vec(0..3_u8, 1..20),
        ) {
            let mut model = Model::default();
            for content in &contents {
                model.take(record(0, digest(*content))).unwrap();
                model.take(record(0, digest(*content))).unwrap();
            }
            let changes = contents.windows(2).filter(|pair| pair[0] != pair[1]).count();
            prop_assert_eq!((model.submitted, model.amended), (1, changes));
            prop_assert_eq!(model.held, Some(held(0, contents[contents.len() - 1])));
        }
    }
}
