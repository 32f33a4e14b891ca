//! The canonical words of an index, each once, and those that sound or are spelt like one.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

use super::memory::{allocated, table_bytes};
use super::postings::{ByKey, Hashed, Key, Sets, Slot};
use crate::search::text::{edits, letters, misspelt, near, skeleton, sound_alike};

/// Words looked at for spelling mistakes.
const LOOKED_AT: usize = 100_000;
/// Bytes of sets that one step of a sweep reads, and what a word counts beside them.
const SWEPT_BYTES: usize = 1 << 20;
const SWEPT_WORD: usize = 32;
/// Words that one word may stand for by its sound or a mistake.
const MAX_ALIKE: usize = 128;

/// A word and the records that hold it.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    start: u32,
    length: u8,
    /// False as long as it stands in names, titles and identifiers alone: `weighty` is not kept then.
    elsewhere: bool,
    /// Records.
    all: Slot,
    /// Records in which it stands in a name, a title or an identifier.
    weighty: Slot,
    /// Its [`letters`].
    letters: u32,
}

/// Canonical words (ASCII, 255 letters at most) by number.
#[derive(Debug, Default)]
pub(super) struct Words {
    letters: Vec<u8>,
    entries: Vec<Entry>,
    hasher: RandomState,
    /// Hash of the word → its number.
    numbers: ByKey<u32>,
    /// Skeleton → numbers.
    sounds: Hashed,
    /// Length, first letter, last letter → numbers.
    ends: HashMap<[u8; 3], Vec<u32>>,
}

/// Which of a word's two sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    All,
    Weighty,
}

impl Words {
    fn text(&self, number: u32) -> &str {
        self.entries
            .get(number as usize)
            .and_then(|entry| {
                let start = entry.start as usize;
                let letters = self
                    .letters
                    .get(start..start.checked_add(usize::from(entry.length))?)?;
                std::str::from_utf8(letters).ok()
            })
            .unwrap_or_default()
    }

    /// 64 bits of a keyed hash stand for a word: should two ever share them, they share their records,
    /// and whoever asks verifies what is found.
    fn key(&self, word: &str) -> Key {
        Key::of(self.hasher.hash_one(word))
    }

    pub(super) fn number(&self, word: &str) -> Option<u32> {
        self.numbers.get(&self.key(word)).copied()
    }

    /// Adds a record to a word.
    pub(super) fn add(&mut self, sets: &mut Sets, word: &str, record: u32, weighty: bool) {
        let Some(number) = self.intern(sets, word) else {
            return;
        };
        if let Some(entry) = self.entries.get_mut(number as usize) {
            if weighty {
                sets.add(&mut entry.all, record);
                if entry.elsewhere {
                    sets.add(&mut entry.weighty, record);
                }
                return;
            }
            if entry.elsewhere {
                sets.add(&mut entry.all, record);
                return;
            }
            let weighty = sets.copy(entry.all);
            if sets.add(&mut entry.all, record) {
                entry.weighty = weighty;
                entry.elsewhere = true;
            } else {
                sets.drop(weighty);
            }
        }
    }

    fn intern(&mut self, sets: &mut Sets, word: &str) -> Option<u32> {
        let key = self.key(word);
        if let Some(known) = self.numbers.get(&key) {
            return Some(*known);
        }
        let length = u8::try_from(word.len()).ok().filter(|length| *length > 0)?;
        let number = u32::try_from(self.entries.len()).ok()?;
        let entry = Entry {
            start: u32::try_from(self.letters.len()).ok()?,
            length,
            letters: letters(word),
            ..Entry::default()
        };
        self.letters.extend_from_slice(word.as_bytes());
        self.entries.push(entry);
        self.numbers.insert(key, number);
        if let Some(skeleton) = skeleton(word) {
            sets.add(self.sounds.entry(&skeleton), number);
        }
        let mut bytes = word.bytes();
        if let (Some(first), last) = (bytes.next(), bytes.next_back())
            && edits(word.len().saturating_add(1)) > 0
        {
            let last = last.unwrap_or(first);
            self.ends
                .entry([length, first, last])
                .or_default()
                .push(number);
        }
        Some(number)
    }

    /// Adds the records that hold a word.
    pub(super) fn records(
        &self,
        sets: &Sets,
        number: u32,
        place: Place,
        to: &mut roaring::RoaringBitmap,
    ) {
        if let Some(entry) = self.entries.get(number as usize) {
            let slot = match place {
                Place::All => entry.all,
                Place::Weighty if entry.elsewhere => entry.weighty,
                Place::Weighty => entry.all,
            };
            sets.add_to(slot, to);
        }
    }

    /// Words that sound like this one, itself left out.
    pub(super) fn sounding(&self, sets: &Sets, word: &str) -> Vec<u32> {
        let Some(skeleton) = skeleton(word) else {
            return Vec::new();
        };
        let mut numbers = roaring::RoaringBitmap::new();
        sets.add_to(self.sounds.get(&skeleton), &mut numbers);
        numbers
            .iter()
            .filter(|number| {
                let other = self.text(*number);
                other != word && sound_alike(word, other)
            })
            .take(MAX_ALIKE)
            .collect()
    }

    /// Words a spelling mistake away from this one, itself left out: those whose first or last letter
    /// is the same, as it is wherever one edit is all.
    pub(super) fn misspelt(&self, word: &str) -> Vec<u32> {
        let allowed = edits(word.len());
        if allowed == 0 {
            return Vec::new();
        }
        let bytes = word.as_bytes();
        let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        let mut looked = 0_usize;
        let own = letters(word);
        let lengths = word.len().saturating_sub(allowed)..=word.len().saturating_add(allowed);
        for length in lengths {
            let Ok(length) = u8::try_from(length) else {
                continue;
            };
            for other in (b'a'..=b'z').chain(b'0'..=b'9') {
                let mut keys = vec![[length, first, other]];
                if other != first {
                    keys.push([length, other, last]);
                }
                for key in keys {
                    for number in self.ends.get(&key).map(Vec::as_slice).unwrap_or_default() {
                        looked = looked.saturating_add(1);
                        if looked > LOOKED_AT || found.len() >= MAX_ALIKE {
                            return found;
                        }
                        let entry = self.entries.get(*number as usize);
                        if !entry.is_some_and(|entry| near(own, entry.letters, allowed)) {
                            continue;
                        }
                        let text = self.text(*number);
                        if text != word && misspelt(word, text) && !found.contains(number) {
                            found.push(*number);
                        }
                    }
                }
            }
        }
        found
    }

    /// Takes records out of the words from `first` on, as many as one step takes; the letters of those
    /// that no record holds any more are overwritten, and their numbers noted. Answers where the next
    /// step begins; `None` at the end.
    pub(super) fn remove(
        &mut self,
        sets: &mut Sets,
        gone: &roaring::RoaringBitmap,
        first: u32,
        forgotten: &mut roaring::RoaringBitmap,
    ) -> Option<u32> {
        let count = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        let mut left = SWEPT_BYTES;
        for number in first..count {
            if left == 0 {
                return Some(number);
            }
            let Some(entry) = self.entries.get_mut(number as usize) else {
                continue;
            };
            if entry.length == 0 {
                continue;
            }
            let weight = sets
                .weight(entry.all)
                .saturating_add(sets.weight(entry.weighty));
            left = left.saturating_sub(weight.saturating_add(SWEPT_WORD));
            sets.remove(&mut entry.weighty, gone);
            if !sets.remove(&mut entry.all, gone) {
                continue;
            }
            let (start, length) = (entry.start as usize, usize::from(entry.length));
            self.numbers.remove(&self.key(self.text(number)));
            forgotten.insert(number);
            if let Some(letters) = self.letters.get_mut(start..start.saturating_add(length)) {
                letters.fill(0);
            }
            if let Some(entry) = self.entries.get_mut(number as usize) {
                entry.length = 0;
            }
        }
        None
    }

    /// Takes words that were forgotten out of what sounds or is spelt alike.
    pub(super) fn forget(&mut self, sets: &mut Sets, forgotten: &roaring::RoaringBitmap) {
        if forgotten.is_empty() {
            return;
        }
        self.sounds.remove(sets, forgotten);
        self.ends.retain(|_, numbers| {
            numbers.retain(|number| !forgotten.contains(*number));
            !numbers.is_empty()
        });
    }

    /// How many words there are.
    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Gives back what is reserved beyond the words.
    pub(super) fn shrink(&mut self) {
        self.letters.shrink_to_fit();
        self.entries.shrink_to_fit();
        for numbers in self.ends.values_mut() {
            numbers.shrink_to_fit();
        }
    }

    /// Bytes as the allocator gives them.
    pub(super) fn bytes(&self) -> usize {
        let ends: usize = self
            .ends
            .values()
            .map(|numbers| allocated(numbers.capacity().saturating_mul(4)))
            .sum();
        allocated(self.letters.capacity())
            .saturating_add(allocated(
                self.entries.capacity().saturating_mul(size_of::<Entry>()),
            ))
            .saturating_add(table_bytes(
                self.numbers.capacity(),
                size_of::<(Key, u32)>(),
            ))
            .saturating_add(self.sounds.bytes())
            .saturating_add(table_bytes(
                self.ends.capacity(),
                size_of::<([u8; 3], Vec<u32>)>(),
            ))
            .saturating_add(ends)
    }
}

#[cfg(test)]
#[path = "words_tests.rs"]
mod tests;
