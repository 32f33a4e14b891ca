//! Adding records, by the piece.

use roaring::RoaringBitmap;

use super::{
    Index, MAX_NUMBER,
    prepared::{At, Piece, Prepared},
};

impl Index {
    /// Adds a record; one that left before does not come back.
    pub fn insert(&mut self, record: Prepared) {
        self.insert_all(&Piece::new(vec![record]));
    }

    /// Adds records, each as [`Self::insert`] does.
    pub fn insert_all(&mut self, piece: &Piece) {
        let taken: Vec<Option<u32>> = piece
            .records
            .iter()
            .map(|record| self.take_up(record))
            .collect();
        let runs = || piece.places.chunk_by(At::is_of);
        // Numbers first: looking for one word does not wait for what is added to another.
        let numbers: Vec<Option<u32>> = runs()
            .take_while(|run| run.first().is_some_and(|at| !at.is_hashed))
            .map(|run| {
                let at = run.iter().find(|at| at.number(&taken).is_some())?;
                let letters = || piece.letters(at);
                self.words.intern(&mut self.sets, at.key, letters)
            })
            .collect();
        let mut numbers = numbers.into_iter();
        for run in runs() {
            let word = numbers.next();
            let members = run
                .iter()
                .filter_map(|at| Some((at.number(&taken)?, at.weighty)));
            if let Some(word) = word {
                if let Some(word) = word {
                    self.words.add(&mut self.sets, word, members);
                }
                continue;
            }
            let mut members = members.peekable();
            if members.peek().is_some()
                && let Some(at) = run.first()
                && let Some(slot) = self.hashed.entry(at.key)
            {
                members.for_each(|(member, _)| {
                    self.sets.add(slot, member);
                });
            }
        }
    }

    /// Takes up what of a record is neither word nor identifier; its number, unless it is there or
    /// left before.
    fn take_up(&mut self, record: &Prepared) -> Option<u32> {
        let number = record.number;
        if number > MAX_NUMBER || self.gone.contains(number) || !self.live.insert(number) {
            return None;
        }
        for code in &record.codes {
            self.codes.entry(*code).or_default().insert(number);
        }
        for country in record.countries.iter().chain([&record.origin]) {
            self.countries.entry(*country).or_default().insert(number);
        }
        if let Some(kind) = self.kinds.get_mut(&record.kind) {
            kind.insert(number);
        } else {
            let kind = RoaringBitmap::from_iter([number]);
            self.kinds.insert(record.kind.clone(), kind);
        }
        let at = number as usize;
        if self.days.len() <= at {
            self.days.resize(at.saturating_add(1), 0);
        }
        if let Some(day) = self.days.get_mut(at) {
            *day = record.day;
        }
        Some(number)
    }
}
