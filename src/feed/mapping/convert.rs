//! A cell becomes a value of a field.

use std::collections::BTreeMap;

use prost_reflect::{DynamicMessage, Kind, Value};

use super::{
    date::DateHabit,
    digits::{folded, letters},
    number::{NumberHabit, plain},
    path::{Leaf, Target},
};
use crate::{
    feed::{
        fault::{Fault, Reason},
        rows::{Cell, LIST},
    },
    record::{Country, Moment},
    statistics::glotip::country_named,
};

/// A field that a mapping fills.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) target: Target,
    pub(super) source: Source,
    pub(super) how: How,
    /// What a value stands for, by its folded text; nothing for one that says nothing.
    pub(super) values: BTreeMap<String, Vec<Value>>,
    pub(super) otherwise: Option<Value>,
    pub(super) default: Option<Value>,
    /// Folded texts that say nothing; those of the mapping otherwise.
    pub(super) absent: Option<Vec<String>>,
    pub(super) required: bool,
    pub(super) split: Option<String>,
    pub(super) ranges: Vec<(u64, u64, Value)>,
    pub(super) factor: Option<f64>,
    pub(super) number: Option<NumberHabit>,
    pub(super) date: DateHabit,
    /// The column and the folded texts for which the field is filled at all.
    pub(super) when: Option<(usize, Vec<String>)>,
}

/// Where a value comes from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// A column, by its place among those that the mapping names.
    Column(usize),
    /// Words and columns between them.
    Template(Vec<Piece>),
    /// Nowhere: the default.
    Nothing,
}

/// A piece of a template.
#[derive(Clone, Debug)]
pub(super) enum Piece {
    Words(String),
    Column(usize),
}

/// How a text is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Text,
    Code,
    Country,
    Number,
    Year,
    Date,
    Time,
    Truth,
}

impl How {
    const ALL: [(&'static str, Self); 8] = [
        ("text", Self::Text),
        ("code", Self::Code),
        ("country", Self::Country),
        ("number", Self::Number),
        ("year", Self::Year),
        ("date", Self::Date),
        ("time", Self::Time),
        ("truth", Self::Truth),
    ];

    pub(super) fn named(name: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|(of, _)| *of == name);
        found.map(|(_, of)| *of).ok_or_else(|| {
            let names = Self::ALL.map(|(of, _)| of).join(", ");
            format!("nothing is read as `{name}`; values are read as {names}")
        })
    }

    /// What the field asks for, where the mapping says nothing.
    pub(super) const fn of(leaf: &Leaf) -> Self {
        match leaf {
            Leaf::Text => Self::Text,
            Leaf::Code(_) => Self::Code,
            Leaf::Whole(_) | Leaf::Decimal => Self::Number,
            Leaf::Truth => Self::Truth,
            Leaf::Time(_) => Self::Time,
        }
    }

    /// Whether what is read fits the field.
    pub(super) const fn fits(self, leaf: &Leaf) -> bool {
        match leaf {
            Leaf::Text => !matches!(self, Self::Code | Self::Truth | Self::Time),
            Leaf::Code(_) => matches!(self, Self::Code),
            Leaf::Whole(_) => matches!(self, Self::Number | Self::Year),
            Leaf::Decimal => matches!(self, Self::Number),
            Leaf::Truth => matches!(self, Self::Truth),
            Leaf::Time(_) => matches!(self, Self::Time | Self::Date),
        }
    }
}

impl Field {
    /// The columns that it reads, by their places.
    pub(super) fn columns(&self) -> impl Iterator<Item = usize> + '_ {
        let (one, pieces) = match &self.source {
            Source::Column(at) => (Some(*at), [].as_slice()),
            Source::Template(pieces) => (None, pieces.as_slice()),
            Source::Nothing => (None, [].as_slice()),
        };
        let within = pieces.iter().filter_map(|piece| match piece {
            Piece::Column(at) => Some(*at),
            Piece::Words(_) => None,
        });
        one.into_iter().chain(within)
    }

    /// The values of a cell; several of a list.
    pub(super) fn values_of(
        &self,
        cell: &Cell,
        says_nothing: &dyn Fn(&str) -> bool,
        column: &str,
    ) -> Result<Vec<Value>, Fault> {
        let mut values = Vec::new();
        for text in self.elements(&cell.text) {
            if says_nothing(text) {
                continue;
            }
            let known = self.values.get(&folded(text));
            match known {
                Some(known) => values.extend(known.iter().cloned()),
                None => values.push(
                    self.read(text, cell.typed)
                        .map_err(|(reason, message)| Fault::new(column, text, reason, message))?,
                ),
            }
        }
        Ok(values)
    }

    fn elements<'a>(&'a self, text: &'a str) -> Vec<&'a str> {
        if !self.target.list {
            return vec![text.trim()];
        }
        let parts = text.split(LIST);
        match &self.split {
            Some(split) => parts
                .flat_map(|of| of.split(split.as_str()))
                .map(str::trim)
                .collect(),
            None => parts.map(str::trim).collect(),
        }
    }

    fn read(&self, text: &str, typed: bool) -> Result<Value, (Reason, String)> {
        if !self.ranges.is_empty() {
            let number = self.number(text, typed)?;
            let within = |(from, to, _): &&(u64, u64, Value)| {
                let (from, to) = (to_f64(*from), to_f64(*to));
                number >= from && number < to + 1.0
            };
            if let Some((.., value)) = self.ranges.iter().find(within) {
                return Ok(value.clone());
            }
            return self.unknown("lies in none of the ranges of the mapping".to_owned());
        }
        match (&self.target.leaf, self.how) {
            (Leaf::Code(codes), _) => match codes.number(text) {
                Some(number) => Ok(Value::EnumNumber(number)),
                None => self.unknown(format!(
                    "stands for no code of {}: add it to `values` of the field, or write one of {}",
                    codes.list,
                    codes.allowed()
                )),
            },
            (Leaf::Text, How::Text) if !self.values.is_empty() => {
                self.unknown("is not among the `values` of the field".to_owned())
            }
            (leaf, How::Text) => value_of(leaf, text),
            (_, How::Country) => country(text).map(Value::String),
            (Leaf::Text, How::Date) => self.date.day_or_part(text).map(Value::String),
            (Leaf::Text, How::Year) => self.year(text).map(|year| Value::String(year.to_string())),
            (Leaf::Time(of), How::Date) => {
                let day = self.date.day(text)?;
                let at = DateHabit::named(None, None, Some("UTC"))
                    .ok()
                    .map(|utc| utc.moment(&day.to_string()));
                at.unwrap_or_else(|| Err((Reason::Date, "no date".to_owned())))
                    .map(|at| timestamp(of, at))
            }
            (Leaf::Time(of), _) => self.date.moment(text).map(|at| timestamp(of, at)),
            (leaf, How::Year) => value_of(leaf, &self.year(text)?.to_string()),
            (Leaf::Truth, _) => truth(text).map(Value::Bool).ok_or_else(|| {
                let message = "neither yes nor no: write true or false, or say in `values` what stands for them";
                (Reason::Truth, message.to_owned())
            }),
            (leaf, _) => {
                let number = plain(text, self.habit(typed))?;
                match self.factor {
                    Some(factor) => {
                        let number = number.parse::<f64>().map_err(|_| no_number())? * factor;
                        value_of(leaf, &number.to_string())
                    }
                    None => value_of(leaf, &number),
                }
            }
        }
    }

    const fn habit(&self, typed: bool) -> Option<NumberHabit> {
        if typed {
            Some(NumberHabit::TYPED)
        } else {
            self.number
        }
    }

    fn number(&self, text: &str, typed: bool) -> Result<f64, (Reason, String)> {
        let number = plain(text, self.habit(typed))?;
        let number: f64 = number.parse().map_err(|_| no_number())?;
        Ok(number * self.factor.unwrap_or(1.0))
    }

    /// A year as it stands, or that of a date.
    fn year(&self, text: &str) -> Result<i32, (Reason, String)> {
        let digits = super::digits::western(text);
        if digits.len() == 4
            && let Ok(year) = digits.parse::<i32>()
        {
            return self.date.whole_year(year);
        }
        self.date.day(text).map(|day| day.year)
    }

    fn unknown(&self, why: String) -> Result<Value, (Reason, String)> {
        self.otherwise.clone().ok_or((Reason::UnknownCode, why))
    }
}
const fn to_f64(number: u64) -> f64 {
    number as f64
}

fn no_number() -> (Reason, String) {
    (Reason::Number, "not a number".to_owned())
}

fn truth(text: &str) -> Option<bool> {
    match letters(text).as_str() {
        "true" | "yes" | "y" | "1" | "да" | "ҳа" | "ha" | "иә" => Some(true),
        "false" | "no" | "n" | "0" | "нет" | "йўқ" | "жоқ" => Some(false),
        _ => None,
    }
}

/// ISO 3166-1 alpha-2 of a code of two or three letters or of a name.
pub(super) fn country(text: &str) -> Result<String, (Reason, String)> {
    let upper = text.trim().to_uppercase();
    if let Ok(of) = upper.parse::<Country>() {
        return Ok(of.code().to_owned());
    }
    country_named(text).map(str::to_owned).ok_or_else(|| {
        let message = "no country of ISO 3166-1: write a code of two or three letters, or add the word to `values` of the field";
        (Reason::UnknownCountry, message.to_owned())
    })
}

fn timestamp(of: &prost_reflect::MessageDescriptor, at: Moment) -> Value {
    let stamp = prost_types::Timestamp::from(at);
    let mut message = DynamicMessage::new(of.clone());
    message.set_field_by_name("seconds", Value::I64(stamp.seconds));
    message.set_field_by_name("nanos", Value::I32(stamp.nanos));
    Value::Message(message)
}

/// A constant, a default, or what a value stands for, as the field holds it.
pub(super) fn value_of(leaf: &Leaf, text: &str) -> Result<Value, (Reason, String)> {
    let whole = |what: &str| (Reason::Number, format!("not a whole number{what}"));
    Ok(match leaf {
        Leaf::Text => Value::String(text.to_owned()),
        Leaf::Code(codes) => Value::EnumNumber(codes.number(text).ok_or_else(|| {
            let message = format!("`{text}` is no code of {}: {}", codes.list, codes.allowed());
            (Reason::UnknownCode, message)
        })?),
        Leaf::Truth => Value::Bool(
            truth(text)
                .ok_or_else(|| (Reason::Truth, format!("`{text}` is neither yes nor no")))?,
        ),
        Leaf::Decimal => Value::F64(text.parse().map_err(|_| no_number())?),
        Leaf::Time(of) => {
            let habit = DateHabit::named(None, None, None);
            let at = habit.map_err(|_| no_number())?.moment(text)?;
            timestamp(of, at)
        }
        Leaf::Whole(kind) => {
            // What was multiplied may have a fraction of nothing.
            let text = text.strip_suffix(".0").unwrap_or(text);
            match kind {
                Kind::Uint32 | Kind::Fixed32 => {
                    Value::U32(text.parse().map_err(|_| whole(" from 0 to 4294967295"))?)
                }
                Kind::Uint64 | Kind::Fixed64 => {
                    Value::U64(text.parse().map_err(|_| whole(" from 0"))?)
                }
                Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
                    Value::I32(text.parse().map_err(|_| whole(""))?)
                }
                _ => Value::I64(text.parse().map_err(|_| whole(""))?),
            }
        }
    })
}
