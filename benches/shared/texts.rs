//! Made-up texts as real ones have them, and what can be asked of them.

use comity::{
    search::Asked,
    wire::record::{Identifier, IdentifierType, Identifiers, Name, Record, Suspect, Suspects},
};

/// SplitMix64: made-up texts that are the same in every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, count: u64) -> u64 {
        self.next() % count
    }

    /// A rank with small ones much likelier, as words of a language are.
    fn rank(&mut self, count: u64) -> u64 {
        let uniform = self.below(1 << 30) as f64 / f64::from(1 << 30);
        ((count as f64).powf(uniform) as u64).saturating_sub(1)
    }
}

const SYLLABLES: [&str; 32] = [
    "ма", "ра", "жам", "шед", "бек", "дил", "шод", "нур", "хо", "кар", "им", "тош", "гул", "ба",
    "хор", "са", "ли", "му", "рат", "ай", "дос", "тем", "ир", "ан", "вар", "зи", "ё", "қо", "ҳам",
    "ўт", "кур", "ов",
];

/// The word of a rank: two to four syllables.
fn word(rank: u64) -> String {
    let mut rest = rank.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 20;
    let mut text = String::new();
    for _ in 0..2 + rank % 3 {
        let at = usize::try_from(rest % 32).unwrap_or(0);
        text.push_str(SYLLABLES.get(at).copied().unwrap_or_default());
        rest /= 32;
    }
    text
}

/// Gives a record texts as real ones have them: some 60 words out of 200,000, a person of 300,000
/// names, a telephone number of its own.
pub(crate) fn dressed(mut record: Record, random: &mut Random) -> (Record, String, String) {
    let words: Vec<String> = (0..60).map(|_| word(random.rank(200_000))).collect();
    if let Some(situation) = &mut record.situation {
        situation.summary = words.join(" ");
        situation.language = "ru".to_owned();
    }
    let name = format!(
        "{} {}ов",
        word(200_000 + random.rank(20_000)),
        word(220_000 + random.rank(280_000))
    );
    let phone = format!("+9989{:08}", random.below(100_000_000));
    record.suspects = Some(Suspects {
        suspects: vec![Suspect {
            names: vec![Name {
                text: name.clone(),
                language: "ru-Cyrl".to_owned(),
            }],
            ..Suspect::default()
        }],
    });
    record.identifiers = Some(Identifiers {
        identifiers: vec![Identifier {
            r#type: IdentifierType::Phone.into(),
            value: phone.clone(),
            ..Identifier::default()
        }],
    });
    (record, name, phone)
}

/// Questions: a name in Latin letters, one of its words misspelt, a telephone number, two words.
pub(crate) fn questions(name: &str, phone: &str) -> Vec<(&'static str, Asked)> {
    let text = |text: String| Asked {
        text,
        ..Asked::default()
    };
    let latin = comity::search::text::words(name)
        .map(comity::search::text::fold)
        .collect::<Vec<_>>()
        .join(" ");
    let mut slipped = latin.clone();
    slipped.remove(latin.len() / 3);
    vec![
        ("a name in Latin letters", text(latin)),
        ("a name with a slip", text(slipped)),
        (
            "a telephone number",
            Asked {
                entity: phone.to_owned(),
                ..Asked::default()
            },
        ),
        (
            "two frequent words",
            text(format!("{} {}", word(3), word(9))),
        ),
        (
            "two frequent words, 100 hits",
            Asked {
                limit: 100,
                ..text(format!("{} {}", word(3), word(9)))
            },
        ),
        (
            "a frequent word and a code",
            Asked {
                codes: vec!["urgency=ROUTINE".to_owned()],
                ..text(word(1))
            },
        ),
    ]
}
