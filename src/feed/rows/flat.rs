//! One object of JSON as cells with dotted names. A name given twice is a fault: either could be
//! meant.

use std::{collections::BTreeSet, fmt};

use serde::de::{DeserializeSeed, Deserializer as _, Error, MapAccess, SeqAccess, Visitor};

use super::{Cell, LIST, MAX_CELL_BYTES, MAX_COLUMNS};
use crate::feed::fault::{Fault, Reason};

/// Deepest nesting.
const MAX_DEPTH: usize = 16;

/// Names and cells of an object.
pub(super) fn object(text: &str) -> Result<(Vec<String>, Vec<Cell>), Fault> {
    let mut flat = Flat::default();
    let mut json = serde_json::Deserializer::from_str(text);
    let seed = Inside {
        flat: &mut flat,
        depth: 0,
    };
    let read = json.deserialize_map(seed).and_then(|()| json.end());
    match read {
        Ok(()) => Ok((flat.columns, flat.cells)),
        Err(error) => {
            let (reason, message) = match flat.refused {
                Some(refused) => refused,
                None => (
                    Reason::Json,
                    format!("the line is no object of JSON: {error}"),
                ),
            };
            Err(Fault::new(&flat.path, "", reason, message))
        }
    }
}

#[derive(Default)]
struct Flat {
    path: String,
    columns: Vec<String>,
    cells: Vec<Cell>,
    seen: BTreeSet<String>,
    refused: Option<(Reason, String)>,
}

impl Flat {
    fn refuse<E: Error>(&mut self, reason: Reason, message: String) -> E {
        let error = E::custom(&message);
        self.refused = Some((reason, message));
        error
    }

    fn put<E: Error>(&mut self, text: String, typed: bool) -> Result<(), E> {
        if text.len() > MAX_CELL_BYTES {
            let message = format!("the value has more than {MAX_CELL_BYTES} bytes");
            return Err(self.refuse(Reason::CellTooLarge, message));
        }
        if self.cells.len() >= MAX_COLUMNS {
            let message = format!("the object has more than {MAX_COLUMNS} fields");
            return Err(self.refuse(Reason::Json, message));
        }
        if !self.seen.insert(self.path.clone()) {
            let message = "the object names this field twice".to_owned();
            return Err(self.refuse(Reason::Json, message));
        }
        self.columns.push(self.path.clone());
        self.cells.push(Cell { text, typed });
        Ok(())
    }
}

/// Reads what lies at the path in hand.
struct Inside<'a> {
    flat: &'a mut Flat,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Inside<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, of: D) -> Result<(), D::Error> {
        of.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Inside<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with text, numbers, lists and objects")
    }

    fn visit_bool<E: Error>(self, of: bool) -> Result<(), E> {
        self.flat.put(of.to_string(), true)
    }

    fn visit_i64<E: Error>(self, of: i64) -> Result<(), E> {
        self.flat.put(of.to_string(), true)
    }

    fn visit_u64<E: Error>(self, of: u64) -> Result<(), E> {
        self.flat.put(of.to_string(), true)
    }

    fn visit_f64<E: Error>(self, of: f64) -> Result<(), E> {
        self.flat.put(of.to_string(), true)
    }

    fn visit_str<E: Error>(self, of: &str) -> Result<(), E> {
        self.flat.put(of.to_owned(), false)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.flat.put(String::new(), false)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        if self.depth >= MAX_DEPTH {
            let message = format!("nested deeper than {MAX_DEPTH} levels");
            return Err(self.flat.refuse(Reason::Json, message));
        }
        let length = self.flat.path.len();
        while let Some(name) = map.next_key::<String>()? {
            if length > 0 {
                self.flat.path.push('.');
            }
            self.flat.path.push_str(&name);
            map.next_value_seed(Inside {
                flat: self.flat,
                depth: self.depth + 1,
            })?;
            self.flat.path.truncate(length);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        if self.depth >= MAX_DEPTH {
            let message = format!("nested deeper than {MAX_DEPTH} levels");
            return Err(self.flat.refuse(Reason::Json, message));
        }
        let length = self.flat.path.len();
        let before = self.flat.cells.len();
        let mut index = 0_usize;
        loop {
            self.flat.path.push_str(&format!("[{index}]"));
            let more = list.next_element_seed(Inside {
                flat: self.flat,
                depth: self.depth + 1,
            })?;
            self.flat.path.truncate(length);
            if more.is_none() {
                break;
            }
            index += 1;
        }
        // Plain values, one per element, are one cell.
        let plain = |column: &String| {
            let rest = column.get(length..).unwrap_or_default();
            rest.matches(['[', '.']).count() == 1
        };
        let columns = self.flat.columns.get(before..).unwrap_or_default();
        if columns.len() == index && columns.iter().all(plain) {
            let cells = self.flat.cells.split_off(before);
            self.flat.columns.truncate(before);
            let separated = cells.iter().any(|cell| cell.text.contains(LIST));
            if separated {
                let message = "a value of the list holds a control character".to_owned();
                return Err(self.flat.refuse(Reason::Json, message));
            }
            let typed = cells.iter().any(|cell| cell.typed);
            let texts: Vec<String> = cells.into_iter().map(|cell| cell.text).collect();
            self.flat.put(texts.join(&LIST.to_string()), typed)?;
        }
        Ok(())
    }
}
