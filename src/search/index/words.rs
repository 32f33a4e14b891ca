//! The canonical words of an index, each once, and those that sound or are spelt like one.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

use super::postings::{Hashed, Sets, Slot};
use crate::search::text::{edits, misspelt, skeleton, sound_alike};

/// Words looked at for spelling mistakes.
const LOOKED_AT: usize = 40_000;
/// Words that one word may stand for by its sound or a mistake.
const MAX_ALIKE: usize = 128;

/// A word and the records that hold it.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    start: u32,
    length: u8,
    /// Records.
    all: Slot,
    /// Records in which it stands in a name, a title or an identifier.
    weighty: Slot,
}

/// Canonical words (ASCII, 255 letters at most) by number.
#[derive(Debug, Default)]
pub(super) struct Words {
    letters: Vec<u8>,
    entries: Vec<Entry>,
    hasher: RandomState,
    /// Hash of the word → its number; the next hash where two words share one.
    numbers: HashMap<u64, u32>,
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

    /// The hash under which a word is or would be, and its number if it is.
    fn find(&self, word: &str) -> (u64, Option<u32>) {
        let mut hash = self.hasher.hash_one(word);
        loop {
            match self.numbers.get(&hash) {
                Some(number) if self.text(*number) == word => return (hash, Some(*number)),
                Some(_) => hash = hash.wrapping_add(1),
                None => return (hash, None),
            }
        }
    }

    pub(super) fn number(&self, word: &str) -> Option<u32> {
        self.find(word).1
    }

    /// Adds a record to a word.
    pub(super) fn add(&mut self, sets: &mut Sets, word: &str, record: u32, weighty: bool) {
        let Some(number) = self.intern(sets, word) else {
            return;
        };
        if let Some(entry) = self.entries.get_mut(number as usize) {
            sets.add(&mut entry.all, record);
            if weighty {
                sets.add(&mut entry.weighty, record);
            }
        }
    }

    fn intern(&mut self, sets: &mut Sets, word: &str) -> Option<u32> {
        let (hash, known) = self.find(word);
        if known.is_some() {
            return known;
        }
        let length = u8::try_from(word.len()).ok().filter(|length| *length > 0)?;
        let number = u32::try_from(self.entries.len()).ok()?;
        let entry = Entry {
            start: u32::try_from(self.letters.len()).ok()?,
            length,
            ..Entry::default()
        };
        self.letters.extend_from_slice(word.as_bytes());
        self.entries.push(entry);
        self.numbers.insert(hash, number);
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
                Place::Weighty => entry.weighty,
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
        let bytes = word.as_bytes();
        let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        let mut looked = 0_usize;
        let near =
            word.len().saturating_sub(allowed.max(1))..=word.len().saturating_add(allowed.max(1));
        for length in near {
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

    /// Takes records out of every word; the letters of words that no record holds any more are
    /// overwritten.
    pub(super) fn remove(&mut self, sets: &mut Sets, gone: &roaring::RoaringBitmap) {
        let mut forgotten = roaring::RoaringBitmap::new();
        let mut keys = Vec::new();
        for number in 0..u32::try_from(self.entries.len()).unwrap_or(u32::MAX) {
            let Some(entry) = self.entries.get_mut(number as usize) else {
                continue;
            };
            if entry.length == 0 {
                continue;
            }
            sets.remove(&mut entry.weighty, gone);
            if sets.remove(&mut entry.all, gone) {
                keys.push((number, self.find(self.text(number)).0));
                forgotten.insert(number);
            }
        }
        if forgotten.is_empty() {
            return;
        }
        self.sounds.remove(sets, &forgotten);
        self.ends.retain(|_, numbers| {
            numbers.retain(|number| !forgotten.contains(*number));
            !numbers.is_empty()
        });
        for (number, hash) in keys {
            self.numbers.remove(&hash);
            let Some(entry) = self.entries.get_mut(number as usize) else {
                continue;
            };
            let start = entry.start as usize;
            let end = start.saturating_add(usize::from(entry.length));
            if let Some(letters) = self.letters.get_mut(start..end) {
                letters.fill(0);
            }
            entry.length = 0;
        }
    }

    /// How many words there are.
    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Bytes, about.
    pub(super) fn bytes(&self) -> usize {
        let ends: usize = self
            .ends
            .values()
            .map(|numbers| numbers.capacity().saturating_mul(4).saturating_add(56))
            .sum();
        self.letters
            .capacity()
            .saturating_add(self.entries.capacity().saturating_mul(size_of::<Entry>()))
            .saturating_add(
                self.numbers
                    .capacity()
                    .saturating_mul(8)
                    .saturating_div(7)
                    .saturating_mul(17),
            )
            .saturating_add(self.sounds.bytes())
            .saturating_add(ends)
    }
}

#[cfg(test)]
mod tests {
    use roaring::RoaringBitmap;

    use super::*;

    #[test]
    fn words_are_found_by_themselves_their_sound_and_a_mistake() {
        let (mut sets, mut words) = (Sets::default(), Words::default());
        for (record, word) in ["hojamurat", "hojamirat", "karimov", "kadirov", "karimova"]
            .into_iter()
            .enumerate()
        {
            words.add(&mut sets, word, u32::try_from(record).unwrap(), record == 2);
        }
        let texts = |numbers: Vec<u32>| -> Vec<&str> {
            numbers
                .into_iter()
                .map(|number| words.text(number))
                .collect()
        };
        assert_eq!(texts(words.sounding(&sets, "hojamurat")), ["hojamirat"]);
        assert_eq!(texts(words.misspelt("karimov")), ["karimova"]);
        assert_eq!(texts(words.misspelt("sarimov")), ["karimov"]);
        let mut records = RoaringBitmap::new();
        words.records(
            &sets,
            words.number("karimov").unwrap(),
            Place::Weighty,
            &mut records,
        );
        assert_eq!(records.iter().collect::<Vec<_>>(), [2]);

        words.remove(&mut sets, &RoaringBitmap::from_iter([2]));
        assert_eq!(words.number("karimov"), None);
        assert!(words.misspelt("sarimov").is_empty());
        let letters = words.letters.windows(7);
        let left = letters.filter(|letters| letters == b"karimov").count();
        assert_eq!(left, 1, "of karimova");
        assert!(words.number("karimova").is_some());
        assert_eq!(words.len(), 4);
    }
}
