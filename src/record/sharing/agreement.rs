//! Agreements between countries: which kinds, compartments and purposes this country sends to
//! another, accepts from it, and was told that it accepts. Of everything that limits sharing the
//! most restrictive wins.

use std::{collections::BTreeMap, fmt};

use time::Date;

use crate::{
    record::{Country, compartments::label_name},
    wire::record::{CompartmentLabel, TransferPurpose},
};

/// What stands in the file of an agreement that is for every country without one of its own.
pub const EVERY_OTHER: &str = "*";

/// What an agreement allows of one thing: everything, or what it lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause<T> {
    /// What is allowed; `None`: everything.
    pub allowed: Option<Vec<T>>,
    /// Line of the file that says so; 0 when nothing does.
    pub line: u32,
}

impl<T> Default for Clause<T> {
    fn default() -> Self {
        Self {
            allowed: None,
            line: 0,
        }
    }
}

impl<T> Clause<T> {
    /// Only what is listed, said on `line`.
    pub const fn only(allowed: Vec<T>, line: u32) -> Self {
        Self {
            allowed: Some(allowed),
            line,
        }
    }

    fn allows<Q: ?Sized>(&self, value: &Q) -> bool
    where
        T: PartialEq<Q>,
    {
        self.allowed
            .as_ref()
            .is_none_or(|allowed| allowed.iter().any(|each| each == value))
    }
}

/// One direction of an agreement. The default allows everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Names of kinds, such as `Route`.
    pub kinds: Clause<String>,
    /// Compartments beside the situation, which every destination reads.
    pub compartments: Clause<CompartmentLabel>,
    /// Purposes; a record that states none is not allowed where they are listed.
    pub purposes: Clause<TransferPurpose>,
}

/// What was agreed with one country, or what applies to every country without an agreement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// The other country; `None`: every country without an agreement of its own.
    pub country: Option<Country>,
    /// What it is called.
    pub title: String,
    /// First day, and the line that says so.
    pub valid_from: Option<(Date, u32)>,
    /// Last day, and the line that says so.
    pub valid_until: Option<(Date, u32)>,
    /// What this country sends.
    pub send: Terms,
    /// What this country accepts.
    pub accept: Terms,
    /// What the other country accepts, as it has told.
    pub they_accept: Terms,
    /// Agreement profiles under which evidence is requested from the other country, by id. Other than
    /// the other lists, what is not said here is not agreed on.
    pub evidence: Clause<String>,
    /// The file, as people are told of it: `agreements/AE.toml`.
    pub file: String,
}

/// Whose rule withholds something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// This country does not send it.
    WeSend,
    /// The other country does not accept it.
    TheyAccept,
    /// This country does not accept it.
    WeAccept,
}

/// What an agreement does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Barred {
    /// Anything yet: it begins later.
    NotYet(Date),
    /// Anything any more.
    Ended(Date),
    /// Records of this kind.
    Kind(String),
    /// This purpose, or records that state none.
    Purpose(TransferPurpose),
    /// This compartment.
    Compartment(CompartmentLabel),
}

/// Something that an agreement does not allow, and where it says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Whose rule it is.
    pub side: Side,
    /// What is not allowed.
    pub barred: Barred,
    /// File and line: `agreements/AE.toml:7`.
    pub place: String,
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = match self.side {
            Side::WeSend => "the agreement does not send",
            Side::TheyAccept => "the other country does not accept",
            Side::WeAccept => "the agreement does not accept",
        };
        match &self.barred {
            Barred::NotYet(day) => write!(f, "the agreement is valid from {day} only")?,
            Barred::Ended(day) => write!(f, "the agreement ended on {day}")?,
            Barred::Kind(kind) => write!(f, "{rule} records of kind {kind}")?,
            Barred::Purpose(TransferPurpose::Unspecified) => {
                write!(f, "{rule} records that state no `purpose`")?;
            }
            Barred::Purpose(purpose) => write!(f, "{rule} records for {}", purpose.as_str_name())?,
            Barred::Compartment(label) => write!(f, "{rule} `{}`", label_name(*label))?,
        }
        write!(f, " ({})", self.place)
    }
}

impl Agreement {
    /// Whether a record of this kind and purpose may be sent on `day`. What is not a record of a
    /// kind (`None`), such as a recall, may always: what went out under an agreement can be taken back
    /// when it has ended.
    ///
    /// # Errors
    /// The first [`Bar`] in the way.
    pub fn sends(
        &self,
        kind: Option<&str>,
        purpose: TransferPurpose,
        day: Date,
    ) -> Result<(), Bar> {
        if kind.is_none() {
            return Ok(());
        }
        self.in_force(Side::WeSend, day)?;
        self.terms_allow(Side::WeSend, kind, purpose)?;
        self.terms_allow(Side::TheyAccept, kind, purpose)
    }

    /// Whether a compartment may be sent.
    ///
    /// # Errors
    /// The first [`Bar`] in the way.
    pub fn sends_compartment(&self, label: CompartmentLabel) -> Result<(), Bar> {
        self.compartment(Side::WeSend, label)?;
        self.compartment(Side::TheyAccept, label)
    }

    /// Whether a record of this kind and purpose, with these compartments, is accepted on `day`.
    ///
    /// # Errors
    /// The first [`Bar`] in the way.
    pub fn accepts(
        &self,
        kind: Option<&str>,
        purpose: TransferPurpose,
        labels: &[CompartmentLabel],
        day: Date,
    ) -> Result<(), Bar> {
        if kind.is_none() {
            return Ok(());
        }
        self.in_force(Side::WeAccept, day)?;
        self.terms_allow(Side::WeAccept, kind, purpose)?;
        labels
            .iter()
            .try_for_each(|label| self.compartment(Side::WeAccept, *label))
    }

    /// Whether the agreement is valid on a day.
    pub fn is_valid(&self, day: Date) -> bool {
        self.in_force(Side::WeSend, day).is_ok()
    }

    fn in_force(&self, side: Side, day: Date) -> Result<(), Bar> {
        let bar = |barred, line| Err(self.bar(side, barred, line));
        match (self.valid_from, self.valid_until) {
            (Some((first, line)), _) if day < first => bar(Barred::NotYet(first), line),
            (_, Some((last, line))) if day > last => bar(Barred::Ended(last), line),
            _ => Ok(()),
        }
    }

    fn terms(&self, side: Side) -> &Terms {
        match side {
            Side::WeSend => &self.send,
            Side::TheyAccept => &self.they_accept,
            Side::WeAccept => &self.accept,
        }
    }

    fn terms_allow(
        &self,
        side: Side,
        kind: Option<&str>,
        purpose: TransferPurpose,
    ) -> Result<(), Bar> {
        let terms = self.terms(side);
        let Some(kind) = kind else { return Ok(()) };
        if !terms.kinds.allows(kind) {
            return Err(self.bar(side, Barred::Kind(kind.to_owned()), terms.kinds.line));
        }
        if !terms.purposes.allows(&purpose) {
            return Err(self.bar(side, Barred::Purpose(purpose), terms.purposes.line));
        }
        Ok(())
    }

    fn compartment(&self, side: Side, label: CompartmentLabel) -> Result<(), Bar> {
        let clause = &self.terms(side).compartments;
        if label == CompartmentLabel::Situation || clause.allows(&label) {
            return Ok(());
        }
        Err(self.bar(side, Barred::Compartment(label), clause.line))
    }

    fn bar(&self, side: Side, barred: Barred, line: u32) -> Bar {
        Bar {
            side,
            barred,
            place: format!("{}:{line}", self.file),
        }
    }
}

/// The agreements of a country.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agreements {
    by_country: BTreeMap<Country, Agreement>,
    others: Option<Agreement>,
}

impl Agreements {
    /// Adds an agreement; the one that was there for the same country, if any, is given back.
    pub fn add(&mut self, agreement: Agreement) -> Option<Agreement> {
        match agreement.country {
            Some(country) => self.by_country.insert(country, agreement),
            None => self.others.replace(agreement),
        }
    }

    /// What applies to a country: its own agreement, or the one for all others.
    pub fn with(&self, country: Country) -> Option<&Agreement> {
        self.by_country.get(&country).or(self.others.as_ref())
    }

    /// Every agreement, by country, the one for all others last.
    pub fn iter(&self) -> impl Iterator<Item = &Agreement> {
        self.by_country.values().chain(&self.others)
    }
}
