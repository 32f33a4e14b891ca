//! Where in a record a rule looks: a path on the stack, written out only when something is wrong.

use std::fmt;

/// A field or an element, and what it lies in.
#[derive(Clone, Copy)]
pub(in crate::record) struct At<'p> {
    parent: Option<&'p At<'p>>,
    step: Step<'p>,
}

#[derive(Clone, Copy)]
enum Step<'p> {
    Record,
    Field(&'static str),
    Item(usize),
    Key(&'p str),
}

impl<'p> At<'p> {
    /// The record itself.
    pub(in crate::record) const RECORD: At<'static> = At {
        parent: None,
        step: Step::Record,
    };

    /// A field of this, by its JSON name.
    pub(in crate::record) const fn field(&'p self, name: &'static str) -> Self {
        Self {
            parent: Some(self),
            step: Step::Field(name),
        }
    }

    /// An element of this list.
    pub(in crate::record) const fn item(&'p self, index: usize) -> Self {
        Self {
            parent: Some(self),
            step: Step::Item(index),
        }
    }

    /// The value under a key of this map. The caller sees to it that the key may be shown.
    pub(in crate::record) const fn key(&'p self, key: &'p str) -> Self {
        Self {
            parent: Some(self),
            step: Step::Key(key),
        }
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut top = true;
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
            top = matches!(parent.step, Step::Record);
        }
        match self.step {
            Step::Record => Ok(()),
            Step::Field(name) if top => f.write_str(name),
            Step::Field(name) => write!(f, ".{name}"),
            Step::Item(index) => write!(f, "[{index}]"),
            Step::Key(key) => write!(f, ".{key}"),
        }
    }
}
