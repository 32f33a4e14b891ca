//! Where in a text something is wrong.

use std::fmt;

use super::key_text;

/// Where in the text a value stands: a path on the stack, written out only when something is wrong.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    parent: Option<&'p Place<'p>>,
    step: Step<'p>,
}

#[derive(Clone, Copy)]
enum Step<'p> {
    Top,
    Key(&'p str),
    Item(usize),
}

impl<'p> Place<'p> {
    /// The text as a whole.
    pub(super) const TOP: Place<'static> = Place {
        parent: None,
        step: Step::Top,
    };

    /// The value of this key.
    pub(super) const fn key(&'p self, key: &'p str) -> Self {
        Self {
            parent: Some(self),
            step: Step::Key(key),
        }
    }

    /// An element of this list.
    pub(super) const fn item(&'p self, index: usize) -> Self {
        Self {
            parent: Some(self),
            step: Step::Item(index),
        }
    }
}

/// The path as JSON names it. Keys come from outside: one that could not be a field name is not
/// repeated.
impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut top = true;
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
            top = matches!(parent.step, Step::Top);
        }
        match self.step {
            Step::Top => Ok(()),
            Step::Key(key) => {
                let dot = if top { "" } else { "." };
                write!(f, "{dot}{}", key_text(key).unwrap_or("…"))
            }
            Step::Item(index) => write!(f, "[{index}]"),
        }
    }
}
