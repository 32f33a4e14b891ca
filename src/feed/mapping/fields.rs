//! The fields of a mapping.

use std::collections::BTreeMap;

use prost_reflect::Value;

use super::{
    compile::Compiling,
    convert::{Field, How, Piece, Source, value_of},
    digits::folded,
    file::{FieldText, OneOrMany},
    number::NumberHabit,
    path::{self, Leaf, Target},
    units,
};
use crate::catalogue;

impl Compiling<'_> {
    /// A field, checked against the kind.
    pub(super) fn field(
        &mut self,
        of: &FieldText,
        kind: &catalogue::Kind,
        line: usize,
    ) -> Option<Field> {
        let before = self.faults.len();
        let target = match path::find(&of.to, kind) {
            Ok(target) => target,
            Err(why) => {
                self.fault(line, format!("`to = {:?}`: {why}", of.to));
                return None;
            }
        };
        if target.path.starts_with("destinations") {
            let message = "destinations are written as [[destination]]";
            self.fault(line, message);
        }
        let source = self.source(of, &target, line);
        let how = match of.kind.as_deref().map(How::named) {
            None => How::of(&target.leaf),
            Some(Ok(how)) if how.fits(&target.leaf) => how,
            Some(Ok(_)) => {
                let message = format!("`as` does not fit `{}`", target.path);
                self.fault(line, message);
                How::Text
            }
            Some(Err(why)) => {
                self.fault(line, why);
                How::Text
            }
        };
        let mut values: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for (text, stands_for) in &of.values {
            let stands_for = stands_for.list();
            let stands_for = stands_for.iter().filter(|of| !of.is_empty());
            let list = stands_for
                .filter_map(|of| self.value(&target.leaf, of, line))
                .collect();
            let known = values.insert(folded(text), list);
            if known.is_some() {
                let message = format!(
                    "`values` has `{text}` twice: case, blanks and dashes count for nothing"
                );
                self.fault(line, message);
            }
        }
        let mut ranges = Vec::with_capacity(of.ranges.len());
        for (from, to, code) in &of.ranges {
            if from > to {
                self.fault(line, format!("the range from {from} to {to} holds nothing"));
            }
            if let Some(value) = self.value(&target.leaf, code, line) {
                ranges.push((*from, *to, value));
            }
        }
        let mut optional_value = |text: &Option<String>| {
            text.as_ref()
                .and_then(|of| self.value(&target.leaf, of, line))
        };
        let otherwise = optional_value(&of.otherwise);
        let default = optional_value(&of.default);
        let number = of.number.as_deref().map(NumberHabit::named);
        let factor = of.unit.as_ref().map(|of| units::factor(&of.from, &of.to));
        let number = self.or_fault(number, line);
        let factor = self.or_fault(factor, line);
        if of.split.is_some() && !target.list {
            self.fault(
                line,
                format!("`split` is for lists, and `{}` is none", target.path),
            );
        }
        if of.split.as_deref() == Some("") {
            self.fault(line, "`split` is empty");
        }
        let when = of.when.as_ref().map(|when| {
            let is = when.is.iter().map(|of| folded(of)).collect();
            (self.column(&when.column, of.optional, line), is)
        });
        let date = self.dates(&of.date, &of.calendar, &of.offset, line);
        let absent = of.absent.as_ref();
        (self.faults.len() == before).then(|| Field {
            target,
            source,
            how,
            values,
            otherwise,
            default,
            absent: absent.map(|list| list.iter().map(|of| folded(of)).collect()),
            required: of.required,
            split: of.split.clone(),
            ranges,
            factor,
            number,
            date,
            when,
        })
    }

    fn or_fault<T>(&mut self, of: Option<Result<T, String>>, line: usize) -> Option<T> {
        match of? {
            Ok(of) => Some(of),
            Err(why) => {
                self.fault(line, why);
                None
            }
        }
    }

    fn value(&mut self, leaf: &Leaf, text: &str, line: usize) -> Option<Value> {
        match value_of(leaf, text) {
            Ok(value) => Some(value),
            Err((_, why)) => {
                self.fault(line, why);
                None
            }
        }
    }

    fn source(&mut self, of: &FieldText, target: &Target, line: usize) -> Source {
        match (&of.column, &of.template) {
            (Some(column), None) => Source::Column(self.column(column, of.optional, line)),
            (None, Some(template)) => {
                if !matches!(target.leaf, Leaf::Text) {
                    self.fault(line, "`template` is for fields of text");
                }
                self.template(template, of.optional, line)
            }
            (None, None) => {
                if of.default.is_none() {
                    self.fault(line, "a field has `column`, `template` or `default`");
                }
                Source::Nothing
            }
            (Some(_), Some(_)) => {
                self.fault(line, "a field has `column` or `template`, not both");
                Source::Nothing
            }
        }
    }

    /// Words with the names of columns in braces.
    fn template(&mut self, template: &str, optional: bool, line: usize) -> Source {
        let mut pieces = Vec::new();
        let mut rest = template;
        while let Some((words, behind)) = rest.split_once('{') {
            let Some((name, after)) = behind.split_once('}') else {
                self.fault(line, "`template` has a `{` without a `}`");
                break;
            };
            pieces.push(Piece::Words(words.to_owned()));
            let name = OneOrMany::One(name.to_owned());
            pieces.push(Piece::Column(self.column(&name, optional, line)));
            rest = after;
        }
        pieces.push(Piece::Words(rest.to_owned()));
        Source::Template(pieces)
    }
}
