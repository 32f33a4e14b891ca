//! What is missing in a chain of custody, or does not fit.

use crate::record::Country;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Worth knowing; the chain holds.
    Remark,
    /// Something is not shown: a hand that is missing, a step that nobody states.
    Gap,
    /// Signed statements contradict each other, or one of them was taken out.
    Breach,
}

/// Something that is missing in a chain, or does not fit. Entries are named by country and number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Finding {
    /// There is no entry at all.
    #[error("nobody states anything about this item")]
    NoEntry,
    /// An entry of another item.
    #[error("entry {number} of {country} is about another item")]
    OtherItem {
        /// Country.
        country: Country,
        /// Number.
        number: u32,
    },
    /// More than two countries.
    #[error("{0} states entries too, and an item passes between two countries")]
    ThirdCountry(Country),
    /// Numbers that are not there.
    #[error("entries {from} to {to} of {country} are missing")]
    MissingNumbers {
        /// Country.
        country: Country,
        /// First number that is missing.
        from: u32,
        /// Last one.
        to: u32,
    },
    /// Two entries with one number.
    #[error("{country} signed two different entries with number {number}")]
    NumberTwice {
        /// Country.
        country: Country,
        /// Number.
        number: u32,
    },
    /// The first entry after the node was restored from an older state.
    #[error(
        "the node of {country} was restored from an older state before it stated entry {number}: what it stated \
         meanwhile is shown as far as records of the other country carry it, and the rest is lost"
    )]
    AfterRestore {
        /// Country.
        country: Country,
        /// Number.
        number: u32,
    },
    /// The entry before is another than the one named.
    #[error("entry {number} of {country} does not follow the entry before it")]
    BrokenPrevious {
        /// Country.
        country: Country,
        /// Number.
        number: u32,
    },
    /// It builds on an entry of the other country that is not there.
    #[error("entry {number} of {country} builds on an entry of the other country that is not here")]
    BuildsOnMissing {
        /// Country.
        country: Country,
        /// Number.
        number: u32,
    },
    /// It builds on an entry that is not there, of a country whose node was restored since.
    #[error(
        "entry {number} of {country} builds on an entry of the other country that is not here; the other country's \
         node was restored from an older state since, and may have lost it"
    )]
    BuildsOnLost {
        /// Country.
        country: Country,
        /// Number.
        number: u32,
    },
    /// It builds on less of the other country's chain than the entry before.
    #[error(
        "entry {number} of {country} builds on an older entry of the other country than the one before"
    )]
    BuildsOnOlder {
        /// Country.
        country: Country,
        /// Number.
        number: u32,
    },
    /// The node was told before it was told of what comes before.
    #[error(
        "entry {number} of {country} was stated before the entry that it follows: time runs backwards"
    )]
    TimeBackwards {
        /// Country.
        country: Country,
        /// Number.
        number: u32,
    },
    /// It states what had not happened yet.
    #[error("entry {number} of {country} states what had not happened when it was stated")]
    StatedAhead {
        /// Country.
        country: Country,
        /// Number.
        number: u32,
    },
    /// It tells, later, of what happened before the entry it follows.
    #[error("entry {number} of {country} tells of something earlier than the entry it follows")]
    ToldLater {
        /// Country.
        country: Country,
        /// Number.
        number: u32,
    },
    /// What was in hand is not what was in hand before.
    #[error(
        "the digest changed between hands: entry {number} of {country} found another than the entry before"
    )]
    DigestChanged {
        /// Country.
        country: Country,
        /// Number.
        number: u32,
    },
    /// What was in hand is not the item.
    #[error("entry {number} of {country} found another digest than the item's")]
    DigestForeign {
        /// Country.
        country: Country,
        /// Number.
        number: u32,
    },
    /// A file was uploaded, and nobody states that it was hashed.
    #[error("{0} uploaded the file, and no entry states that it was hashed")]
    NotHashed(Country),
    /// A file was handed over that was never uploaded.
    #[error("{0} handed the file over, and no entry states that it was uploaded")]
    TransferredNotUploaded(Country),
    /// Handed over, and no entry of the other country says that it came.
    #[error("{0} handed the item over, and no entry of the other country states that it arrived")]
    NeverDelivered(Country),
    /// It arrived, and no entry says that it was handed over.
    #[error(
        "the item arrived at {0}, and no entry of the other country states that it was handed over"
    )]
    DeliveredNotTransferred(Country),
    /// Opened or exported in a country where it neither was uploaded nor arrived.
    #[error(
        "entry {number} of {country} took the item out, and no entry states that it was uploaded or arrived there"
    )]
    OpenedNotHeld {
        /// Country.
        country: Country,
        /// Number.
        number: u32,
    },
    /// An act with an item that was destroyed there.
    #[error("entry {number} of {country} comes after its destruction there")]
    AfterDestruction {
        /// Country.
        country: Country,
        /// Number.
        number: u32,
    },
    /// Returned, and nobody took it over.
    #[error("{0} returned the item, and no later entry states that anybody took it over")]
    ReturnedToNobody(Country),
    /// Nobody states how it came into the authority's hands.
    #[error("no entry states how the item came into the hands of {0}")]
    NoBeginning(Country),
}

impl Finding {
    /// A stable word for the finding.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NoEntry => "custody-none",
            Self::OtherItem { .. } => "custody-other-item",
            Self::ThirdCountry(_) => "custody-third-country",
            Self::MissingNumbers { .. } => "custody-missing-number",
            Self::NumberTwice { .. } => "custody-number-twice",
            Self::AfterRestore { .. } => "custody-after-restore",
            Self::BrokenPrevious { .. } => "custody-broken-previous",
            Self::BuildsOnMissing { .. } => "custody-builds-on-missing",
            Self::BuildsOnLost { .. } => "custody-builds-on-lost",
            Self::BuildsOnOlder { .. } => "custody-builds-on-older",
            Self::TimeBackwards { .. } => "custody-time-backwards",
            Self::StatedAhead { .. } => "custody-stated-ahead",
            Self::ToldLater { .. } => "custody-told-later",
            Self::DigestChanged { .. } => "custody-digest-changed",
            Self::DigestForeign { .. } => "custody-digest-foreign",
            Self::NotHashed(_) => "custody-not-hashed",
            Self::TransferredNotUploaded(_) => "custody-transferred-not-uploaded",
            Self::NeverDelivered(_) => "custody-never-delivered",
            Self::DeliveredNotTransferred(_) => "custody-delivered-not-transferred",
            Self::OpenedNotHeld { .. } => "custody-opened-not-held",
            Self::AfterDestruction { .. } => "custody-after-destruction",
            Self::ReturnedToNobody(_) => "custody-returned-to-nobody",
            Self::NoBeginning(_) => "custody-no-beginning",
        }
    }

    /// How much it weighs.
    pub const fn weight(&self) -> Weight {
        match self {
            Self::OtherItem { .. }
            | Self::ThirdCountry(_)
            | Self::MissingNumbers { .. }
            | Self::NumberTwice { .. }
            | Self::BrokenPrevious { .. }
            | Self::BuildsOnMissing { .. }
            | Self::BuildsOnOlder { .. }
            | Self::TimeBackwards { .. }
            | Self::StatedAhead { .. }
            | Self::DigestChanged { .. }
            | Self::DigestForeign { .. }
            | Self::AfterDestruction { .. } => Weight::Breach,
            Self::NoEntry
            | Self::AfterRestore { .. }
            | Self::BuildsOnLost { .. }
            | Self::NotHashed(_)
            | Self::TransferredNotUploaded(_)
            | Self::NeverDelivered(_)
            | Self::DeliveredNotTransferred(_)
            | Self::OpenedNotHeld { .. }
            | Self::ReturnedToNobody(_)
            | Self::NoBeginning(_) => Weight::Gap,
            Self::ToldLater { .. } => Weight::Remark,
        }
    }
}
