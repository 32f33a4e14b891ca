//! What may be done with a record that was received: use in court, passing it on, and taking it out as a
//! file of another format. Handling codes
//! (Europol H0 to H3), TLP 2.0 and the nature of a compartment each may demand the origin's consent to
//! that very use; where nothing demands it, the use is free. Pure, and enforced by the node.
//!
//! | marking or compartment | use in court | passing on to another country |
//! |---|---|---|
//! | H0: prevention and combating of crime only | free | free |
//! | H1: no use in court | consent | free |
//! | H2: no onward dissemination | free | consent |
//! | H3: another restriction, in words that no program can judge | consent | consent |
//! | TLP:CLEAR: no limit | free | free |
//! | TLP:GREEN: the community, and the countries that hold each other's cards are one | free | free |
//! | TLP:AMBER: the organisation and its clients; another country is neither | free | consent |
//! | TLP:AMBER+STRICT: the organisation alone; the parties of a case are not in it | consent | consent |
//! | TLP:RED: those it was sent to alone | consent | consent |
//! | `victims`: authorities named one by one, and a court or another country was not named | consent | consent |
//! | `source`: who may be endangered | consent | consent |
//!
//! A marking that is not known here counts as the strictest. What belongs to a joint case goes to countries that are no
//! members of it with consent alone, whatever its markings; the node knows the members.
//!
//! A file of another format ([`file_limit`]) stays with whoever reads the record, but no node looks after it
//! any more:
//!
//! | marking | as a file |
//! |---|---|
//! | H0, H1, TLP:CLEAR, TLP:GREEN, TLP:AMBER | by whoever may export it; the file repeats the marking |
//! | H2, TLP:AMBER+STRICT | by an authority that the record was sent to, or that submitted it |
//! | H3: words that no program can judge | by the authority that submitted it alone |
//! | TLP:RED: for those it was sent to, in person; or a marking not known here | by nobody |
//!
//! Compartments `victims`, `source` and `evidence` are in no such file, and records that tell of a single
//! person ([`tells_of_one`]) only in files of the authority that submitted them.

use crate::{
    record::{Country, compartments::label_name},
    wire::{
        envelope::ConsentUse,
        record::{CompartmentLabel, HandlingCode, Marking, Tlp},
    },
};

/// Longest name of a beneficiary, in characters.
pub const MAX_BENEFICIARY: usize = 256;

/// Why a use needs the origin's consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Demand {
    /// A handling code.
    Handling(HandlingCode),
    /// A handling code that this program does not know.
    UnknownHandling,
    /// The Traffic Light Protocol.
    Tlp(Tlp),
    /// The nature of a compartment.
    Compartment(CompartmentLabel),
    /// It belongs to a joint case, and the country is no member.
    JointCase,
}

impl std::fmt::Display for Demand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Handling(code) => {
                let name = code.as_str_name();
                f.write_str(name.strip_prefix("HANDLING_CODE_").unwrap_or(name))
            }
            Self::UnknownHandling => f.write_str("an unknown handling code"),
            Self::Tlp(Tlp::Unspecified) => f.write_str("an unknown TLP marking"),
            Self::Tlp(tlp) => {
                let name = tlp.as_str_name();
                let name = name.strip_prefix("TLP_").unwrap_or(name);
                write!(f, "TLP:{}", name.replace('_', "+"))
            }
            Self::JointCase => f.write_str("a joint case, to a country that is no member"),
            Self::Compartment(label) => write!(f, "compartment `{}`", label_name(*label)),
        }
    }
}

/// Everything that demands the origin's consent to `purpose` with these compartments; empty where
/// the use is free. [`ConsentUse::Unspecified`] counts as both uses.
pub fn demands(
    marking: &Marking,
    purpose: ConsentUse,
    compartments: &[CompartmentLabel],
) -> Vec<Demand> {
    let court = purpose != ConsentUse::Onward;
    let onward = purpose != ConsentUse::Court;
    let mut demands = Vec::new();
    for number in &marking.handling {
        match HandlingCode::try_from(*number) {
            Ok(HandlingCode::H0) => {}
            Ok(code @ HandlingCode::H1) if court => demands.push(Demand::Handling(code)),
            Ok(HandlingCode::H1) => {}
            Ok(code @ HandlingCode::H2) if onward => demands.push(Demand::Handling(code)),
            Ok(HandlingCode::H2) => {}
            Ok(code @ HandlingCode::H3) => demands.push(Demand::Handling(code)),
            Ok(HandlingCode::Unspecified) | Err(_) => demands.push(Demand::UnknownHandling),
        }
    }
    match Tlp::try_from(marking.tlp).unwrap_or_default() {
        Tlp::Clear | Tlp::Green => {}
        Tlp::Amber if !onward => {}
        tlp @ (Tlp::Unspecified | Tlp::Amber | Tlp::AmberStrict | Tlp::Red) => {
            demands.push(Demand::Tlp(tlp));
        }
    }
    for label in [CompartmentLabel::Victims, CompartmentLabel::Source] {
        if compartments.contains(&label) {
            demands.push(Demand::Compartment(label));
        }
    }
    demands.sort_unstable();
    demands.dedup();
    demands
}

/// Who may take a record out as a file of another format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileLimit {
    /// Whoever may export it.
    Free,
    /// An authority that it was sent to, or that submitted it.
    Named(Demand),
    /// The authority that submitted it.
    Submitter(Demand),
    /// Nobody.
    Nobody(Demand),
}

impl FileLimit {
    const fn rank(self) -> u8 {
        match self {
            Self::Free => 0,
            Self::Named(_) => 1,
            Self::Submitter(_) => 2,
            Self::Nobody(_) => 3,
        }
    }
}

/// Who may take a record with this marking out as a file of another format: the strictest of what its
/// marks say.
pub fn file_limit(marking: &Marking) -> FileLimit {
    let handling = marking.handling.iter();
    let handling = handling.map(|number| match HandlingCode::try_from(*number) {
        Ok(HandlingCode::H0 | HandlingCode::H1) => FileLimit::Free,
        Ok(code @ HandlingCode::H2) => FileLimit::Named(Demand::Handling(code)),
        Ok(code @ HandlingCode::H3) => FileLimit::Submitter(Demand::Handling(code)),
        Ok(HandlingCode::Unspecified) | Err(_) => FileLimit::Nobody(Demand::UnknownHandling),
    });
    let tlp = match Tlp::try_from(marking.tlp).unwrap_or_default() {
        Tlp::Clear | Tlp::Green | Tlp::Amber => FileLimit::Free,
        tlp @ Tlp::AmberStrict => FileLimit::Named(Demand::Tlp(tlp)),
        tlp @ (Tlp::Red | Tlp::Unspecified) => FileLimit::Nobody(Demand::Tlp(tlp)),
    };
    handling.fold(tlp, |strictest, limit| {
        if limit.rank() > strictest.rank() {
            limit
        } else {
            strictest
        }
    })
}

/// Whether records of this kind tell of single persons, though they name none.
pub fn tells_of_one(kind: &str) -> bool {
    ["CaseRecord", "VictimReferral"].contains(&kind)
}

/// Demands in words, for an error: `H2, TLP:AMBER`.
pub fn listed(demands: &[Demand]) -> String {
    let words: Vec<String> = demands.iter().map(ToString::to_string).collect();
    words.join(", ")
}

/// For whom something is passed on: a country, or one authority in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beneficiary {
    /// The country.
    pub country: Country,
    /// The authority; `None` for the country's liaison desk.
    pub authority: Option<String>,
}

/// Text that should name a country, or an authority in one, does not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not COUNTRY or COUNTRY/AUTHORITY, such as KG/state-prosecutor")]
pub struct BeneficiaryError(String);

impl std::str::FromStr for Beneficiary {
    type Err = BeneficiaryError;

    fn from_str(text: &str) -> Result<Self, BeneficiaryError> {
        let wrong =
            || BeneficiaryError(text.chars().take(64).flat_map(char::escape_debug).collect());
        let (country, authority) = match text.split_once('/') {
            Some((country, authority)) => (country, Some(authority)),
            None => (text, None),
        };
        let word = |word: &str| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        if authority.is_some_and(|name| name.len() > 64 || !name.split('-').all(word)) {
            return Err(wrong());
        }
        Ok(Self {
            country: country.parse().map_err(|_| wrong())?,
            authority: authority.map(str::to_owned),
        })
    }
}

impl std::fmt::Display for Beneficiary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.country)?;
        match &self.authority {
            Some(authority) => write!(f, "/{authority}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn marked(tlp: Tlp, handling: &[HandlingCode]) -> Marking {
        Marking {
            tlp: tlp.into(),
            handling: handling.iter().map(|code| i32::from(*code)).collect(),
            handling_note: String::new(),
            tell_purpose: false,
        }
    }

    #[test]
    fn the_table_holds() {
        use CompartmentLabel::{Identifiers, Situation, Source, Suspects, Victims};
        use HandlingCode::{H0, H1, H2, H3};
        let plain = [Situation, Suspects, Identifiers];
        let free = |marking: &Marking, labels: &[CompartmentLabel]| {
            let of = |purpose| demands(marking, purpose, labels).is_empty();
            (of(ConsentUse::Court), of(ConsentUse::Onward))
        };
        for (handling, expected) in [
            (&[][..], (true, true)),
            (&[H0], (true, true)),
            (&[H1], (false, true)),
            (&[H2], (true, false)),
            (&[H3], (false, false)),
            (&[H1, H2], (false, false)),
        ] {
            assert_eq!(
                free(&marked(Tlp::Green, handling), &plain),
                expected,
                "{handling:?}"
            );
        }
        for (tlp, expected) in [
            (Tlp::Clear, (true, true)),
            (Tlp::Green, (true, true)),
            (Tlp::Amber, (true, false)),
            (Tlp::AmberStrict, (false, false)),
            (Tlp::Red, (false, false)),
            (Tlp::Unspecified, (false, false)),
        ] {
            assert_eq!(free(&marked(tlp, &[]), &plain), expected, "{tlp:?}");
        }
        for label in [Victims, Source] {
            let marking = marked(Tlp::Clear, &[]);
            assert_eq!(free(&marking, &[Situation, label]), (false, false));
        }
        let mut unknown = marked(Tlp::Clear, &[]);
        unknown.handling.push(99);
        assert_eq!(free(&unknown, &plain), (false, false));
        unknown.handling.clear();
        unknown.tlp = 99;
        assert_eq!(free(&unknown, &plain), (false, false));
    }

    #[test]
    fn a_file_is_for_whom_the_strictest_mark_says() {
        use HandlingCode::{H0, H1, H2, H3};
        let rank = |tlp, handling: &[HandlingCode]| file_limit(&marked(tlp, handling)).rank();
        for (tlp, handling, expected) in [
            (Tlp::Clear, &[][..], 0),
            (Tlp::Amber, &[H0, H1], 0),
            (Tlp::Amber, &[H2], 1),
            (Tlp::AmberStrict, &[], 1),
            (Tlp::Clear, &[H3], 2),
            (Tlp::AmberStrict, &[H3, H2], 2),
            (Tlp::Red, &[], 3),
            (Tlp::Red, &[H3], 3),
            (Tlp::Unspecified, &[], 3),
        ] {
            assert_eq!(rank(tlp, handling), expected, "{tlp:?} {handling:?}");
        }
        let mut unknown = marked(Tlp::Clear, &[H2]);
        unknown.handling.push(99);
        assert_eq!(
            file_limit(&unknown),
            FileLimit::Nobody(Demand::UnknownHandling)
        );
        assert!(tells_of_one("CaseRecord") && !tells_of_one("Route"));
    }

    #[test]
    fn demands_are_named() {
        use CompartmentLabel::Victims;
        let marking = marked(Tlp::AmberStrict, &[HandlingCode::H2, HandlingCode::H2]);
        let named = listed(&demands(&marking, ConsentUse::Onward, &[Victims]));
        assert_eq!(named, "H2, TLP:AMBER+STRICT, compartment `victims`");
    }

    #[test]
    fn a_beneficiary_is_one_country_or_one_authority() {
        for text in ["KG", "KG/state-prosecutor"] {
            assert_eq!(text.parse::<Beneficiary>().unwrap().to_string(), text);
        }
        for text in [
            "", "kg", "XX", "*", "KG/", "KG/*", "KG/a b", "KG/a/b", "KG/-", "KG,AE",
        ] {
            assert!(text.parse::<Beneficiary>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn more_markings_and_compartments_never_free_a_use(
            tlp in -1..8_i32,
            handling in prop::collection::vec(-1..8_i32, 0..5),
            more in -1..8_i32,
            labels in prop::sample::subsequence(vec![CompartmentLabel::Situation, CompartmentLabel::Suspects, CompartmentLabel::Victims, CompartmentLabel::Source], 0..=4),
            purpose in prop::sample::select(vec![ConsentUse::Court, ConsentUse::Onward, ConsentUse::Unspecified]),
        ) {
            let mut marking = Marking { tlp, handling, handling_note: String::new(), tell_purpose: false };
            let few = demands(&marking, purpose, &labels[..labels.len() / 2]);
            marking.handling.push(more);
            let many = demands(&marking, purpose, &labels);
            prop_assert!(few.iter().all(|demand| many.contains(demand)));
        }
    }
}
