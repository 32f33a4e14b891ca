//! A question to the index: read, bounded, in its normal forms.

use time::{Date, Month};

use crate::record::{Country, Moment, kind_names};

use super::{
    codes::{self, Code, UnknownCode},
    entity::Entity,
    text::{MAX_WORD, Word, words},
};

/// Characters of the text.
pub const MAX_TEXT: usize = 200;
/// Words of the text.
const MAX_WORDS: usize = 8;
/// Codes asked for.
const MAX_CODES: usize = 8;
/// Hits answered at most.
pub const MAX_LIMIT: usize = 100;
/// Hits answered when nothing else is asked for.
pub const DEFAULT_LIMIT: usize = 20;

/// A question as it comes from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Words; every one must match.
    pub text: String,
    /// Kind, such as `Route`; empty: any.
    pub kind: String,
    /// Country that sent the record or is named in it, ISO 3166-1 alpha-2; empty: any.
    pub country: String,
    /// First day of submission, YYYY-MM-DD; empty: from the beginning.
    pub from: String,
    /// Last day of submission; empty: to the end.
    pub to: String,
    /// Codes, LIST=CODE; every one must be there.
    pub codes: Vec<String>,
    /// An identifier, however written; empty: any.
    pub entity: String,
    /// Hits at most; 0: 20.
    pub limit: usize,
}

impl Asked {
    /// What is asked, as bytes: each part with its length before it.
    pub fn canonical(&self) -> Vec<u8> {
        let limit = self.limit.to_string();
        let parts = [
            &self.text,
            &self.kind,
            &self.country,
            &self.from,
            &self.to,
            &self.entity,
            &limit,
        ];
        let mut bytes = Vec::new();
        for part in parts.into_iter().chain(&self.codes) {
            let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        bytes
    }
}

/// A question that cannot be answered; never repeats what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// Nothing is asked.
    #[error("nothing is asked: give a text, an entity or a filter")]
    Empty,
    /// The text is too long.
    #[error("the text has at most {MAX_TEXT} characters")]
    TextTooLong,
    /// The text has too many words.
    #[error(
        "the text has at most {MAX_WORDS} words of {MAX_WORD} characters each, this one has {0}"
    )]
    TooManyWords(usize),
    /// The text has no letter or digit.
    #[error("the text has no word of at most {MAX_WORD} letters or digits")]
    NoWord,
    /// No such kind.
    #[error("no kind of record has this name; the kinds are {0}")]
    Kind(String),
    /// No such country.
    #[error("`country` is a code of ISO 3166-1 alpha-2, such as UZ")]
    Country,
    /// No day.
    #[error("`{0}` is a day, written YYYY-MM-DD")]
    Day(&'static str),
    /// The days are the wrong way round.
    #[error("`from` is later than `to`: no day lies between")]
    Days,
    /// Too many codes.
    #[error("at most {MAX_CODES} codes can be asked for")]
    TooManyCodes,
    /// No such code.
    #[error(transparent)]
    Code(#[from] UnknownCode),
    /// The entity is not one.
    #[error(
        "the entity is no telephone number, document, plate, account, wallet, handle or e-mail address"
    )]
    Entity,
    /// The limit is too high.
    #[error("at most {MAX_LIMIT} hits can be asked for")]
    Limit,
}

/// A question that can be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Words in their forms, each once, with what was typed.
    pub words: Vec<(Word, String)>,
    /// Kind.
    pub kind: Option<String>,
    /// Country.
    pub country: Option<Country>,
    /// First day of submission, in days since 1970.
    pub from: Option<u16>,
    /// Last day of submission.
    pub to: Option<u16>,
    /// Codes.
    pub codes: Vec<Code>,
    /// What the entity may be.
    pub entities: Vec<Entity>,
    /// Hits at most.
    pub limit: usize,
}

/// Days since 1970 of a moment, as far as an index counts them (to the year 2149).
pub fn day_of(moment: Moment) -> u16 {
    u16::try_from(moment.micros().div_euclid(86_400_000_000)).unwrap_or(if moment.micros() < 0 {
        0
    } else {
        u16::MAX
    })
}

impl Query {
    /// Reads a question.
    ///
    /// # Errors
    /// [`QueryError`] says which part is wrong and what is allowed.
    pub fn read(asked: &Asked) -> Result<Self, QueryError> {
        if asked.text.chars().take(MAX_TEXT + 1).count() > MAX_TEXT {
            return Err(QueryError::TextTooLong);
        }
        let mut found: Vec<(Word, String)> = Vec::new();
        for typed in words(&asked.text) {
            if let Some(word) = Word::new(typed, None)
                && !found.iter().any(|(known, _)| known.surface == word.surface)
            {
                found.push((word, typed.to_owned()));
            }
        }
        if found.len() > MAX_WORDS {
            return Err(QueryError::TooManyWords(found.len()));
        }
        if found.is_empty() && !asked.text.trim().is_empty() {
            return Err(QueryError::NoWord);
        }
        let kind = match asked.kind.trim() {
            "" => None,
            asked => {
                let kinds = kind_names();
                let kind = kinds.iter().find(|kind| kind.eq_ignore_ascii_case(asked));
                Some(
                    kind.cloned()
                        .ok_or_else(|| QueryError::Kind(kinds.join(", ")))?,
                )
            }
        };
        let country = match asked.country.trim() {
            "" => None,
            code => Some(
                code.to_uppercase()
                    .parse()
                    .map_err(|_| QueryError::Country)?,
            ),
        };
        let (from, to) = (day(&asked.from, "from")?, day(&asked.to, "to")?);
        if let (Some(from), Some(to)) = (from, to)
            && from > to
        {
            return Err(QueryError::Days);
        }
        if asked.codes.len() > MAX_CODES {
            return Err(QueryError::TooManyCodes);
        }
        let codes = asked.codes.iter().map(|code| codes::parse(code));
        let codes = codes.collect::<Result<Vec<_>, _>>()?;
        let entities = if asked.entity.trim().is_empty() {
            Vec::new()
        } else {
            let entities = Entity::candidates(&asked.entity);
            if entities.is_empty() {
                return Err(QueryError::Entity);
            }
            entities
        };
        let limit = match asked.limit {
            0 => DEFAULT_LIMIT,
            limit if limit > MAX_LIMIT => return Err(QueryError::Limit),
            limit => limit,
        };
        let query = Self {
            words: found,
            kind,
            country,
            from,
            to,
            codes,
            entities,
            limit,
        };
        if query.words.is_empty() && query.entities.is_empty() && !query.filters() {
            return Err(QueryError::Empty);
        }
        Ok(query)
    }

    fn filters(&self) -> bool {
        self.kind.is_some()
            || self.country.is_some()
            || self.from.is_some()
            || self.to.is_some()
            || !self.codes.is_empty()
    }

    /// Whether a day of submission is asked for.
    pub fn takes_day(&self, day: u16) -> bool {
        self.from.is_none_or(|from| day >= from) && self.to.is_none_or(|to| day <= to)
    }
}

fn day(text: &str, field: &'static str) -> Result<Option<u16>, QueryError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = || QueryError::Day(field);
    let mut parts = text.split('-');
    let mut next = |digits: usize| {
        parts
            .next()
            .filter(|part| part.len() == digits && part.bytes().all(|b| b.is_ascii_digit()))
            .and_then(|part| part.parse::<u16>().ok())
            .ok_or_else(wrong)
    };
    let (year, month, day) = (next(4)?, next(2)?, next(2)?);
    if parts.next().is_some() {
        return Err(wrong());
    }
    let month = u8::try_from(month)
        .ok()
        .and_then(|month| Month::try_from(month).ok());
    let date = month
        .zip(u8::try_from(day).ok())
        .and_then(|(month, day)| Date::from_calendar_date(i32::from(year), month, day).ok())
        .ok_or_else(wrong)?;
    Ok(Some(day_of(Moment::from(date.midnight().assume_utc()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Asked {
        Asked {
            text: text.to_owned(),
            ..Asked::default()
        }
    }

    #[test]
    fn a_question_is_read() {
        let query = Query::read(&Asked {
            kind: "route".to_owned(),
            country: "uz".to_owned(),
            from: "2026-01-01".to_owned(),
            to: "2026-01-31".to_owned(),
            codes: vec!["purpose=FORCED_LABOUR".to_owned()],
            entity: "+998 90 123 45 67".to_owned(),
            ..asked("Ходжамурат из Шымкента Шымкента")
        })
        .unwrap();
        assert_eq!(query.words.len(), 3);
        assert_eq!(query.kind.as_deref(), Some("Route"));
        assert_eq!(query.from, Some(20_454));
        assert!(query.takes_day(20_454) && query.takes_day(20_484) && !query.takes_day(20_485));
        assert_eq!(query.limit, DEFAULT_LIMIT);
    }

    #[test]
    fn each_wrong_part_is_named() {
        let wrong = |asked: Asked| Query::read(&asked).unwrap_err();
        assert_eq!(wrong(asked(" ")), QueryError::Empty);
        assert_eq!(wrong(asked("«…»")), QueryError::NoWord);
        assert_eq!(
            wrong(asked(&"я".repeat(MAX_TEXT + 1))),
            QueryError::TextTooLong
        );
        assert_eq!(
            wrong(asked("a b c d e f g h i")),
            QueryError::TooManyWords(9)
        );
        let with = |set: fn(&mut Asked)| {
            let mut asked = asked("x");
            set(&mut asked);
            wrong(asked)
        };
        assert!(
            matches!(with(|a| a.kind = "Rumour".into()), QueryError::Kind(kinds) if kinds.contains("Route"))
        );
        assert_eq!(with(|a| a.country = "UZB".into()), QueryError::Country);
        assert_eq!(
            with(|a| a.from = "2026-02-30".into()),
            QueryError::Day("from")
        );
        assert_eq!(with(|a| a.to = "today".into()), QueryError::Day("to"));
        assert_eq!(
            with(|a| (a.from, a.to) = ("2026-02-02".into(), "2026-02-01".into())),
            QueryError::Days
        );
        assert!(matches!(
            with(|a| a.codes = vec!["purpose=FUN".into()]),
            QueryError::Code(_)
        ));
        assert_eq!(
            with(|a| a.codes = vec!["purpose=FUN".into(); 9]),
            QueryError::TooManyCodes
        );
        assert_eq!(with(|a| a.entity = "?".into()), QueryError::Entity);
        assert_eq!(with(|a| a.limit = 101), QueryError::Limit);
    }
}
