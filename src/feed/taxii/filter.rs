//! What of a collection is asked for.

use crate::{
    feed::stix::{stamp, time_us},
    record::Moment,
};

use super::{MAX_PAGE, PAGE};

/// Most values of one filter.
const MAX_VALUES: usize = 100;
/// Longest value.
const MAX_VALUE: usize = 256;

/// Which versions of an object.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum VersionMatch {
    /// The newest: what counts.
    #[default]
    Last,
    /// Some of them.
    Some {
        /// The first.
        first: bool,
        /// The newest.
        last: bool,
        /// Those modified at these times, in microseconds since 1970.
        at: Vec<u64>,
    },
    /// Every one.
    All,
}

/// What is matched, apart from where it begins.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Matched {
    /// Only these ids; empty: any.
    pub ids: Vec<String>,
    /// Only these types; empty: any.
    pub types: Vec<String>,
    /// Which versions.
    pub versions: VersionMatch,
    /// False when none of the versions of STIX asked for is there.
    pub spec: bool,
    /// What was asked, in words of the query; a token of the next page carries it.
    pub query: String,
}

/// What of a collection is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Only what was added after this, in microseconds since 1970.
    pub after_us: Option<u64>,
    /// Most objects.
    pub limit: usize,
    /// Where the page before ended.
    pub next: Option<String>,
    /// What is matched.
    pub matched: Matched,
}

/// A filter that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterFault {
    /// A limit that is no number from 1.
    #[error("`limit` is not a number from 1; at most {MAX_PAGE} objects come at once")]
    Limit,
    /// A time that is none.
    #[error("`added_after` is not a time in UTC such as 2026-03-02T09:15:00.000000Z")]
    AddedAfter,
    /// A version that is none.
    #[error(
        "`match[version]` names `first`, `last`, `all` or times such as 2026-03-02T09:15:00.000Z"
    )]
    Version,
    /// Too much of one filter.
    #[error("`{0}` has too many or too long values; at most {MAX_VALUES} are taken")]
    TooMuch(&'static str),
    /// One filter twice.
    #[error("`{0}` is there twice")]
    Twice(&'static str),
}

impl Filter {
    /// Reads the pairs of a query. What is not known is left alone, as TAXII says.
    ///
    /// # Errors
    /// [`FilterFault`].
    pub fn read(pairs: &[(String, String)]) -> Result<Self, FilterFault> {
        let mut filter = Self {
            after_us: None,
            limit: PAGE,
            next: None,
            matched: Matched {
                spec: true,
                ..Matched::default()
            },
        };
        let one = |name: &'static str| {
            let mut found = pairs.iter().filter(|(of, _)| of == name);
            match (found.next(), found.next()) {
                (_, Some(_)) => Err(FilterFault::Twice(name)),
                (found, None) => Ok(found.map(|(_, value)| value.as_str())),
            }
        };
        if let Some(limit) = one("limit")? {
            let number: u64 = limit.parse().map_err(|_| FilterFault::Limit)?;
            if number == 0 {
                return Err(FilterFault::Limit);
            }
            filter.limit = usize::try_from(number).unwrap_or(MAX_PAGE).min(MAX_PAGE);
        }
        if let Some(after) = one("added_after")? {
            filter.after_us = Some(time_us(after).ok_or(FilterFault::AddedAfter)?);
        }
        filter.next = one("next")?.map(str::to_owned);
        let mut query = Vec::new();
        for name in [
            "match[id]",
            "match[type]",
            "match[version]",
            "match[spec_version]",
        ] {
            let Some(values) = one(name)? else {
                continue;
            };
            filter.matched.take(name, values)?;
            query.push(format!("{name}={values}"));
        }
        filter.matched.query = query.join("&");
        Ok(filter)
    }
}

impl Matched {
    /// Reads what [`Self::query`] says.
    ///
    /// # Errors
    /// [`FilterFault`].
    pub fn of_query(query: &str) -> Result<Self, FilterFault> {
        let pairs: Vec<(String, String)> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Ok(Filter::read(&pairs)?.matched)
    }

    fn take(&mut self, name: &'static str, values: &str) -> Result<(), FilterFault> {
        let list: Vec<String> = values
            .split(',')
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
            .collect();
        let odd = |value: &String| value.len() > MAX_VALUE || value.contains(['&', '=']);
        if list.len() > MAX_VALUES || list.iter().any(odd) {
            return Err(FilterFault::TooMuch(name));
        }
        match name {
            "match[id]" => self.ids = list,
            "match[type]" => self.types = list,
            "match[spec_version]" => {
                self.spec = list.is_empty() || list.iter().any(|of| of == "2.1")
            }
            _ => self.versions = versions(&list)?,
        }
        Ok(())
    }

    /// Whether an object of this type and id is asked for.
    pub fn has(&self, stix_type: &str, id: &str) -> bool {
        self.spec
            && (self.types.is_empty() || self.types.iter().any(|of| of == stix_type))
            && (self.ids.is_empty() || self.ids.iter().any(|of| of == id))
    }

    /// Whether an object of this type may be asked for.
    pub fn has_type(&self, stix_type: &str) -> bool {
        self.spec && (self.types.is_empty() || self.types.iter().any(|of| of == stix_type))
    }
}

fn versions(list: &[String]) -> Result<VersionMatch, FilterFault> {
    let (mut first, mut last, mut at) = (false, false, Vec::new());
    for value in list {
        match value.as_str() {
            "all" => return Ok(VersionMatch::All),
            "first" => first = true,
            "last" => last = true,
            time => at.push(time_us(time).ok_or(FilterFault::Version)?),
        }
    }
    if list.is_empty() || (last && !first && at.is_empty()) {
        return Ok(VersionMatch::Last);
    }
    Ok(VersionMatch::Some { first, last, at })
}

/// A time at which something came into a collection, with its microseconds.
pub fn added(us: u64) -> String {
    stamp(Moment::from_micros(i64::try_from(us).unwrap_or(i64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Filter, FilterFault> {
        let owned: Vec<_> = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Filter::read(&owned)
    }

    #[test]
    fn filters_are_read_and_carried() {
        let filter = read(&[
            ("limit", "5000"),
            ("added_after", "2026-03-02T09:15:00.000001Z"),
            ("match[type]", "campaign, report"),
            ("match[version]", "first,2026-03-02T09:15:00Z"),
            ("unknown", "x"),
        ])
        .unwrap();
        assert_eq!(filter.limit, MAX_PAGE);
        assert_eq!(
            filter.after_us.map(added).as_deref(),
            Some("2026-03-02T09:15:00.000001Z")
        );
        assert_eq!(filter.matched.types, ["campaign", "report"]);
        let VersionMatch::Some { first, last, at } = &filter.matched.versions else {
            panic!("{:?}", filter.matched.versions);
        };
        assert!(*first && !*last && at.len() == 1);
        assert_eq!(
            Matched::of_query(&filter.matched.query).unwrap(),
            filter.matched
        );
        assert!(filter.matched.has("campaign", "campaign--x"));
        assert!(!filter.matched.has("note", "note--x"));
    }

    #[test]
    fn what_is_not_asked_for_is_the_newest_version_of_everything() {
        let filter = read(&[]).unwrap();
        assert_eq!(filter.limit, PAGE);
        assert_eq!(filter.matched.versions, VersionMatch::Last);
        assert!(filter.matched.has("note", "note--x"));
        assert!(
            !read(&[("match[spec_version]", "2.0")])
                .unwrap()
                .matched
                .spec
        );
        assert!(
            read(&[("match[spec_version]", "2.0,2.1")])
                .unwrap()
                .matched
                .spec
        );
    }

    #[test]
    fn what_cannot_be_is_named() {
        for limit in ["0", "-1", "ten", ""] {
            assert_eq!(
                read(&[("limit", limit)]),
                Err(FilterFault::Limit),
                "{limit}"
            );
        }
        for time in ["yesterday", "2026-03-02", "2026-03-02T09:15:00+05:00"] {
            assert_eq!(
                read(&[("added_after", time)]),
                Err(FilterFault::AddedAfter),
                "{time}"
            );
        }
        assert_eq!(
            read(&[("match[version]", "newest")]),
            Err(FilterFault::Version)
        );
        assert_eq!(
            read(&[("limit", "1"), ("limit", "2")]),
            Err(FilterFault::Twice("limit"))
        );
        let many = vec!["a"; MAX_VALUES + 1].join(",");
        assert_eq!(
            read(&[("match[id]", &many)]),
            Err(FilterFault::TooMuch("match[id]"))
        );
    }
}
