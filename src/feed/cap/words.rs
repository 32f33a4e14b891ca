//! The words of CAP for the codes of the vocabulary, and back.

use std::{collections::HashMap, sync::LazyLock};

use crate::{record::vocab, wire::json};

/// Lists of the vocabulary that CAP, TLP, Europol, INTERPOL or Admiralty has words for.
const LISTS: [&str; 11] = [
    "AlertStatus",
    "AlertMessageType",
    "AlertScope",
    "AlertCategory",
    "AlertResponse",
    "AlertUrgency",
    "AlertSeverity",
    "AlertCertainty",
    "AlertType",
    "Tlp",
    "HandlingCode",
];

/// List → its words and numbers, in the order of the proto.
static WORDS: LazyLock<HashMap<&'static str, Vec<(String, i32)>>> = LazyLock::new(|| {
    let words = |list: &str| {
        let codes = json::enum_codes(&format!("comity.record.v1.{list}"));
        let mut words = Vec::new();
        for (code, number) in codes {
            let source = vocab::source_code(list, &code).filter(|word| !word.is_empty());
            let word = source.map_or_else(|| code.clone(), str::to_owned);
            words.push((word, number));
        }
        words
    };
    LISTS.iter().map(|list| (*list, words(list))).collect()
});

fn list(list: &str) -> &'static [(String, i32)] {
    WORDS.get(list).map_or(&[], Vec::as_slice)
}

/// The word of a code; `None` for a number that is none.
pub(super) fn word(of: &str, number: i32) -> Option<&'static str> {
    let found = list(of).iter().find(|(_, code)| *code == number);
    found.map(|(word, _)| word.as_str())
}

/// The code of a word.
pub(super) fn number(of: &str, word: &str) -> Option<i32> {
    let found = list(of).iter().find(|(own, _)| own == word);
    found.map(|(_, code)| *code)
}

/// Every word of a list, as an error names them.
pub(super) fn allowed(of: &str) -> String {
    let words: Vec<&str> = list(of).iter().map(|(word, _)| word.as_str()).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::record::{AlertResponse, AlertType, Tlp};

    #[test]
    fn every_code_has_a_word_and_every_word_its_code() {
        for of in LISTS {
            assert!(!list(of).is_empty(), "{of}");
            for (own, code) in list(of) {
                assert_eq!(word(of, *code), Some(own.as_str()));
                assert_eq!(number(of, own), Some(*code));
            }
            assert_eq!(word(of, 0), None);
        }
        assert_eq!(word("AlertType", AlertType::Missing.into()), Some("Yellow"));
        assert_eq!(
            word("AlertResponse", AlertResponse::AllClear.into()),
            Some("AllClear")
        );
        assert_eq!(number("Tlp", "AMBER_STRICT"), Some(Tlp::AmberStrict.into()));
        assert_eq!(number("AlertScope", "public"), None);
    }
}
