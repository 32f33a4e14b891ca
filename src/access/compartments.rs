//! A set of compartments.

use crate::{record::compartments::label_name, wire::record::CompartmentLabel};

/// The compartments that a record can have, the situation first.
pub const ALL: [CompartmentLabel; 6] = [
    CompartmentLabel::Situation,
    CompartmentLabel::Suspects,
    CompartmentLabel::Identifiers,
    CompartmentLabel::Victims,
    CompartmentLabel::Source,
    CompartmentLabel::Evidence,
];

/// A set of compartments; small enough to be copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Compartments(u8);

const fn bit(label: CompartmentLabel) -> u8 {
    1 << (label as u8)
}

impl Compartments {
    /// None.
    pub const NONE: Self = Self(0);

    /// Every compartment that a record can have.
    pub fn all() -> Self {
        ALL.into_iter().collect()
    }

    /// The situation alone.
    pub const fn situation() -> Self {
        Self(bit(CompartmentLabel::Situation))
    }

    /// Whether one is among them.
    pub const fn has(self, label: CompartmentLabel) -> bool {
        self.0 & bit(label) != 0
    }

    /// Adds one.
    pub const fn insert(&mut self, label: CompartmentLabel) {
        self.0 |= bit(label);
    }

    /// These without one.
    #[must_use]
    pub const fn without(self, label: CompartmentLabel) -> Self {
        Self(self.0 & !bit(label))
    }

    /// Those that are in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether anything but the situation is among them.
    pub const fn beyond_situation(self) -> bool {
        self.0 & !bit(CompartmentLabel::Situation) != 0
    }

    /// One after the other, the situation first.
    pub fn iter(self) -> impl Iterator<Item = CompartmentLabel> {
        ALL.into_iter().filter(move |label| self.has(*label))
    }

    /// Their numbers, as leaves have them.
    pub fn numbers(self) -> Vec<u32> {
        self.iter().map(|label| label as u32).collect()
    }

    /// Their names, as people read them.
    pub fn names(self) -> String {
        let names: Vec<&str> = self.iter().map(label_name).collect();
        names.join(", ")
    }
}

impl FromIterator<CompartmentLabel> for Compartments {
    fn from_iter<I: IntoIterator<Item = CompartmentLabel>>(labels: I) -> Self {
        let mut set = Self::NONE;
        for label in labels {
            set.insert(label);
        }
        set
    }
}

/// The compartment of a name, such as `victims`.
pub fn named(name: &str) -> Option<CompartmentLabel> {
    ALL.into_iter().find(|label| label_name(*label) == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in() {
        let mut set = Compartments::situation();
        assert!(!set.beyond_situation());
        set.insert(CompartmentLabel::Source);
        assert!(set.beyond_situation() && set.has(CompartmentLabel::Source));
        assert_eq!(set.numbers(), [1, 5]);
        assert_eq!(set.names(), "situation, source");
        assert_eq!(
            set.without(CompartmentLabel::Situation).and(set).names(),
            "source"
        );
        assert_eq!(Compartments::all().iter().collect::<Vec<_>>(), ALL);
        assert_eq!(named("victims"), Some(CompartmentLabel::Victims));
        assert_eq!(named("evidence"), Some(CompartmentLabel::Evidence));
        assert_eq!(named("everything"), None);
    }
}
