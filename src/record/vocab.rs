//! Lists of places, embedded; see `vocab/README.md` for where they come from.

mod borders;

use std::{collections::BTreeMap, sync::LazyLock};

use super::Country;

pub use borders::{country_at, lies_in};

/// A border crossing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crossing {
    /// Identifier, such as `BCP-KZ-UZ-23`.
    pub id: &'static str,
    /// The two countries, in the order of the identifier.
    pub countries: (Country, Country),
    /// Its names on either side; empty where the source gives none.
    pub names: (&'static str, &'static str),
    /// `road`, `rail`, `road bridge`, `road+rail` or `road+rail bridge`.
    pub mode: &'static str,
}

impl Crossing {
    /// Whether it lies on the border of `country`.
    pub fn borders(&self, country: Country) -> bool {
        self.countries.0 == country || self.countries.1 == country
    }

    /// Whether it leads from one of the countries to the other, either way.
    pub fn joins(&self, from: Country, to: Country) -> bool {
        from != to && self.borders(from) && self.borders(to)
    }
}

/// What a subdivision code is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subdivision {
    /// A code of ISO 3166-2 of this country, or built like one where no list is embedded.
    Of(Country),
    /// Not built like a code, or not in the country's list.
    Unknown,
}

static CROSSINGS: LazyLock<BTreeMap<&'static str, Crossing>> = LazyLock::new(|| {
    rows(include_str!("vocab/border_crossings.csv"))
        .filter_map(|row| match *row.as_slice() {
            [id, a, b, name_a, name_b, mode] => Some((
                id,
                Crossing {
                    id,
                    countries: (a.parse().ok()?, b.parse().ok()?),
                    names: (name_a, name_b),
                    mode,
                },
            )),
            _ => None,
        })
        .collect()
});

/// Country → its subdivision codes.
static SUBDIVISIONS: LazyLock<BTreeMap<Country, Vec<&'static str>>> = LazyLock::new(|| {
    let mut lists: BTreeMap<Country, Vec<&'static str>> = BTreeMap::new();
    for row in rows(include_str!("vocab/subdivisions.csv")) {
        if let [code, _name] = *row.as_slice()
            && let Some(country) = country_of(code)
        {
            lists.entry(country).or_default().push(code);
        }
    }
    lists
});

/// The crossing with this identifier.
pub fn crossing(id: &str) -> Option<&'static Crossing> {
    CROSSINGS.get(id)
}

/// Every crossing known, by identifier.
pub fn crossings() -> impl Iterator<Item = &'static Crossing> {
    CROSSINGS.values()
}

/// Looks a subdivision code up. Lists are embedded for Central Asia and Afghanistan; elsewhere only
/// the shape is checked: country, hyphen, one to three letters or digits.
pub fn subdivision(code: &str) -> Subdivision {
    let Some(country) = country_of(code) else {
        return Subdivision::Unknown;
    };
    let known = match SUBDIVISIONS.get(&country) {
        Some(list) => list.contains(&code),
        None => code.get(3..).is_some_and(|part| {
            (1..=3).contains(&part.len())
                && part
                    .bytes()
                    .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        }),
    };
    if known {
        Subdivision::Of(country)
    } else {
        Subdivision::Unknown
    }
}

/// Where a code list comes from: the standard, and the list's name there; the latter is empty for
/// lists of Comity's own. `None` for an enum that is not of the vocabulary.
pub fn source_of(list: &str) -> Option<(&'static str, &'static str)> {
    rows(include_str!("vocab/lists.csv")).find_map(|row| match *row.as_slice() {
        [name, standard, of, _words] if name == list => Some((standard, of)),
        _ => None,
    })
}

/// The code that a list's standard writes for `code`, such as `A_AgricultureForestryAndFishing` for
/// `SECTOR_A_AGRICULTURE_FORESTRY_AND_FISHING`; empty for codes of Comity's own.
pub fn source_code(list: &str, code: &str) -> Option<&'static str> {
    rows(include_str!("vocab/codes.csv")).find_map(|row| match *row.as_slice() {
        [name, prefix, source, own] if name == list => {
            let rest = code.strip_prefix(prefix)?.strip_prefix('_')?;
            (rest == own).then_some(source)
        }
        _ => None,
    })
}

fn country_of(code: &str) -> Option<Country> {
    let (country, _) = code.split_once('-')?;
    country.parse().ok()
}

/// The fields of every row but the heading; no field holds a comma.
fn rows(csv: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    csv.lines()
        .skip(1)
        .filter(|line| !line.is_empty())
        .map(|line| line.split(',').collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::wire::json;

    fn country(code: &str) -> Country {
        code.parse().unwrap()
    }

    #[test]
    fn every_row_of_the_lists_is_read() {
        let lines = |csv: &str| csv.lines().count() - 1;
        assert_eq!(
            CROSSINGS.len(),
            lines(include_str!("vocab/border_crossings.csv"))
        );
        let subdivisions: usize = SUBDIVISIONS.values().map(Vec::len).sum();
        assert_eq!(subdivisions, lines(include_str!("vocab/subdivisions.csv")));
        for crossing in crossings() {
            let (a, b) = crossing.countries;
            assert!(crossing.id.starts_with(&format!("BCP-{a}-{b}-")));
        }
    }

    #[test]
    fn finds_crossings_and_subdivisions() {
        let gisht_kuprik = crossing("BCP-KZ-UZ-23").unwrap();
        assert!(gisht_kuprik.joins(country("UZ"), country("KZ")));
        assert!(!gisht_kuprik.joins(country("UZ"), country("UZ")));
        assert!(!gisht_kuprik.joins(country("UZ"), country("TJ")));
        assert!(crossing("BCP-KZ-UZ-99").is_none());

        assert_eq!(subdivision("UZ-SU"), Subdivision::Of(country("UZ")));
        assert_eq!(subdivision("AE-DU"), Subdivision::Of(country("AE")));
        for wrong in [
            "UZ-XX", "UZ", "UZ-", "AE-DUBA", "AE-d", "XX-AA", "-", "AE-Ж",
        ] {
            assert_eq!(subdivision(wrong), Subdivision::Unknown, "{wrong}");
        }
    }

    /// `AtAPlaceOfBusiness` → `AT_APLACE_OF_BUSINESS`: a break before a capital that follows a
    /// small letter, and one for whatever is neither letter nor digit.
    fn screaming(code: &str) -> String {
        let mut text = String::new();
        let mut small = false;
        for c in code.chars() {
            if !c.is_alphanumeric() {
                if !text.ends_with('_') {
                    text.push('_');
                }
                small = false;
                continue;
            }
            if small && c.is_ascii_uppercase() {
                text.push('_');
            }
            small = c.is_ascii_lowercase();
            text.extend(c.to_uppercase());
        }
        text
    }

    /// The names of all enums of the vocabulary.
    fn enums() -> BTreeSet<String> {
        json::enum_names("comity/record/v1/vocabulary").collect()
    }

    #[test]
    fn codes_keep_the_words_of_their_sources() {
        let mut listed: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for row in rows(include_str!("vocab/codes.csv")) {
            let [list, prefix, source, code] = row[..] else {
                panic!("a row has other than four fields: {row:?}");
            };
            let name = format!("comity.record.v1.{list}");
            let codes = json::enum_codes(&name);
            let found = codes
                .iter()
                .find(|(name, _)| name == &format!("{prefix}_{code}"));
            let (found, number) = found.unwrap_or_else(|| panic!("{list} lacks {code}"));
            match words(list) {
                _ if source.is_empty() => {}
                "number" => assert_eq!(source.parse(), Ok(*number), "{found}"),
                "same" => assert_eq!(screaming(source), code, "{found} has other words"),
                "renamed" => {}
                words => panic!("{list}: {words}"),
            }
            listed.entry(list).or_default().insert(found.clone());
        }
        let in_csv: BTreeSet<String> = listed.keys().map(|&name| name.to_owned()).collect();
        assert_eq!(in_csv, enums());
        for (list, names) in listed {
            let codes = json::enum_codes(&format!("comity.record.v1.{list}"));
            let in_proto: BTreeSet<String> = codes.into_iter().map(|(name, _)| name).collect();
            assert_eq!(names, in_proto, "{list}");
        }
    }

    #[test]
    fn every_variable_of_ctdc_has_its_field() {
        let mut seen = BTreeSet::new();
        for (index, row) in rows(include_str!("vocab/ctdc.csv")).enumerate() {
            let [n, variable, path] = row[..] else {
                panic!("a row has other than three fields: {row:?}");
            };
            assert_eq!(n.parse(), Ok(index + 1));
            let (message, field) = path.split_once('.').unwrap();
            let found = json::message_descriptor(&format!("comity.record.v1.{message}")).unwrap();
            assert!(found.get_field_by_name(field).is_some(), "{path}");
            assert!(seen.insert(path) && !variable.is_empty(), "{path}");
        }
        assert_eq!(seen.len(), 27);
    }

    fn words(list: &str) -> &'static str {
        let row = rows(include_str!("vocab/lists.csv")).find(|row| row[0] == list);
        row.unwrap_or_else(|| panic!("lists.csv lacks {list}"))[3]
    }

    #[test]
    fn every_list_names_its_standard() {
        let mut seen = BTreeSet::new();
        for row in rows(include_str!("vocab/lists.csv")) {
            let [list, standard, of, words] = row[..] else {
                panic!("a row has other than four fields: {row:?}");
            };
            assert!(seen.insert(list.to_owned()), "{list} is there twice");
            assert!(
                !standard.is_empty() && (words == "ours" || !of.is_empty()),
                "{list}"
            );
        }
        assert_eq!(seen, enums());
    }
}
