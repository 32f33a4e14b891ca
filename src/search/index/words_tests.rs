//! Words by themselves, their sound and a mistake; sweeps in steps.

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

    let (gone, mut forgotten) = (RoaringBitmap::from_iter([2]), RoaringBitmap::new());
    assert_eq!(words.remove(&mut sets, &gone, 0, &mut forgotten), None);
    assert!(words.misspelt("sarimov").is_empty());
    words.forget(&mut sets, &forgotten);
    assert_eq!(words.number("karimov"), None);
    assert!(words.misspelt("sarimov").is_empty());
    let letters = words.letters.windows(7);
    let left = letters.filter(|letters| letters == b"karimov").count();
    assert_eq!(left, 1, "of karimova");
    assert!(words.number("karimova").is_some());
    assert_eq!(words.len(), 4);
}

#[test]
fn a_sweep_goes_in_steps_between_which_words_come_and_stay() {
    let (mut sets, mut words) = (Sets::default(), Words::default());
    let word = |record: u32| {
        let letters = record.to_string().into_bytes().into_iter();
        let letters: Vec<u8> = letters.map(|digit| digit - b'0' + b'a').collect();
        format!("wort{}", String::from_utf8(letters).unwrap())
    };
    let all = 0..60_000_u32;
    for record in all.clone() {
        words.add(&mut sets, &word(record), record, record % 3 == 0);
    }
    let gone: RoaringBitmap = all.clone().filter(|record| record % 2 == 0).collect();
    let (mut first, mut steps, mut forgotten) = (0, 0, RoaringBitmap::new());
    while let Some(next) = words.remove(&mut sets, &gone, first, &mut forgotten) {
        assert!(next > first);
        first = next;
        steps += 1;
        // One of those that were just forgotten, in another record.
        words.add(&mut sets, &word(0), 60_000 + steps, true);
    }
    assert!(steps > 0);
    words.forget(&mut sets, &forgotten);
    for record in all.step_by(997) {
        let left = words.number(&word(record)).is_some();
        assert_eq!(left, record % 2 == 1 || record == 0, "{record}");
    }
    let mut records = RoaringBitmap::new();
    let number = words.number(&word(0)).unwrap();
    words.records(&sets, number, Place::Weighty, &mut records);
    assert_eq!(records.len(), u64::from(steps));
    assert_eq!(words.len(), 30_001);
}

#[test]
fn names_are_kept_once_until_a_word_stands_elsewhere() {
    let (mut sets, mut words) = (Sets::default(), Words::default());
    let in_names = |words: &Words, sets: &Sets| {
        let mut records = RoaringBitmap::new();
        let number = words.number("karimov").unwrap();
        words.records(sets, number, Place::Weighty, &mut records);
        records.iter().collect::<Vec<_>>()
    };
    for record in [9, 7, 5] {
        words.add(&mut sets, "karimov", record, true);
    }
    // In a text of the same record it is the same word.
    words.add(&mut sets, "karimov", 5, false);
    assert_eq!(in_names(&words, &sets), [5, 7, 9]);
    words.add(&mut sets, "karimov", 4, false);
    words.add(&mut sets, "karimov", 3, true);
    assert_eq!(in_names(&words, &sets), [3, 5, 7, 9]);
    let mut all = RoaringBitmap::new();
    let number = words.number("karimov").unwrap();
    words.records(&sets, number, Place::All, &mut all);
    assert_eq!(all.iter().collect::<Vec<_>>(), [3, 4, 5, 7, 9]);
}
