//! The XML of a message as a tree of elements, bounded while it is read.

use quick_xml::{
    NsReader,
    events::{BytesRef, Event},
    name::ResolveResult,
};

use super::{
    NAMESPACE,
    fault::{Dropped, Fault, FaultKind, shown},
};

/// Most bytes of a message: as many as a record may have.
pub const MAX_BYTES: usize = crate::record::MAX_RECORD_BYTES;
/// How deep elements stand in each other: `alert`, `info`, `area`, `geocode`, `value`.
const MAX_DEPTH: usize = 5;
/// Most elements of a message.
const MAX_ELEMENTS: usize = 20_000;
/// The namespace of signatures, which CAP allows beside its own elements.
const SIGNATURES: &str = "http://www.w3.org/2000/09/xmldsig#";

/// An element of CAP.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Element {
    /// Where it stands, such as `alert/info[1]/area[2]/polygon[1]`.
    pub(super) path: String,
    /// Its name without a prefix.
    pub(super) name: String,
    /// The text directly in it, without the blanks around.
    pub(super) text: String,
    /// The elements in it.
    pub(super) children: Vec<Element>,
}

impl Element {
    /// The elements of a name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The first of a name.
    pub(super) fn first(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }
}

/// Reads a message. What is signed in it, and how, is named as dropped.
pub(super) fn tree(bytes: &[u8], dropped: &mut Vec<Dropped>) -> Result<Element, Fault> {
    let whole = |kind, message: String| Fault::new("", kind, message);
    if bytes.len() > MAX_BYTES {
        let message = format!("{} bytes; at most {MAX_BYTES} are read", bytes.len());
        return Err(whole(FaultKind::TooLarge, message));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let message = format!("byte {} is not UTF-8", error.valid_up_to());
        whole(FaultKind::Encoding, message)
    })?;
    let mut reading = Reading::default();
    let mut reader = NsReader::from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
    loop {
        let at = reader.buffer_position();
        let (namespace, event) = reader.read_resolved_event().map_err(|error| {
            let message = format!("not well-formed XML at byte {at}: {}", what(&error));
            whole(FaultKind::NotXml, message)
        })?;
        let namespace = match namespace {
            ResolveResult::Bound(bound) => Some(bound.into_inner().to_owned()),
            ResolveResult::Unbound | ResolveResult::Unknown(_) => None,
        };
        if matches!(event, Event::Eof) {
            break;
        }
        reading.event(event, namespace.as_deref(), dropped)?;
    }
    reading.finish()
}

/// What the parser found, without text of the message.
fn what(error: &quick_xml::Error) -> &'static str {
    match error {
        quick_xml::Error::Syntax(_) => "a tag, comment or declaration does not end",
        quick_xml::Error::IllFormed(_) => "tags do not match, or an entity does not end",
        quick_xml::Error::InvalidAttr(_) => "an attribute is not written as XML has it",
        quick_xml::Error::Namespace(_) => "a namespace is not declared as XML has it",
        _ => "it cannot be read",
    }
}

/// Where the reading is.
#[derive(Default)]
struct Reading {
    /// The elements that are open, the outermost first.
    open: Vec<Element>,
    /// How deep in a signature.
    skipped: usize,
    elements: usize,
    root: Option<Element>,
}

impl Reading {
    fn event(
        &mut self,
        event: Event<'_>,
        namespace: Option<&str>,
        dropped: &mut Vec<Dropped>,
    ) -> Result<(), Fault> {
        match event {
            Event::Start(start) => self.start(start.local_name().as_ref(), namespace, dropped),
            Event::Empty(start) => {
                self.start(start.local_name().as_ref(), namespace, dropped)?;
                self.end()
            }
            Event::End(_) => self.end(),
            Event::Text(text) => self.text(&text.xml10_content()),
            Event::CData(text) => self.text(&text.xml10_content()),
            Event::GeneralRef(entity) => self.entity(&entity),
            Event::DocType(_) => Err(Fault::new(
                "",
                FaultKind::Doctype,
                "a document type is declared; take the DOCTYPE out",
            )),
            Event::Decl(declaration) => match declaration.encoding() {
                Some(Ok(name)) if !name.eq_ignore_ascii_case("utf-8") => Err(Fault::new(
                    "",
                    FaultKind::Encoding,
                    format!("declared as {}; only UTF-8 is read", shown(&name)),
                )),
                _ => Ok(()),
            },
            Event::Comment(_) | Event::PI(_) | Event::Eof => Ok(()),
        }
    }

    fn path(&self, name: &str) -> String {
        match self.open.last() {
            None => name.to_owned(),
            Some(parent) => {
                let place = parent.all(name).count().saturating_add(1);
                match name {
                    "info" | "area" | "parameter" | "eventCode" | "geocode" | "polygon"
                    | "circle" | "category" | "responseType" | "resource" | "code" => {
                        format!("{}/{name}[{place}]", parent.path)
                    }
                    _ => format!("{}/{name}", parent.path),
                }
            }
        }
    }

    fn start(
        &mut self,
        name: &str,
        namespace: Option<&str>,
        dropped: &mut Vec<Dropped>,
    ) -> Result<(), Fault> {
        self.elements = self.elements.saturating_add(1);
        let parent = self.open.last().map_or("", |of| of.path.as_str());
        if self.elements > MAX_ELEMENTS {
            let message = format!("more than {MAX_ELEMENTS} elements");
            return Err(Fault::new(parent, FaultKind::TooLarge, message));
        }
        if self.skipped > 0 {
            self.skipped = self.skipped.saturating_add(1);
            return match self.skipped > MAX_DEPTH.saturating_mul(4) {
                true => Err(too_deep(parent)),
                false => Ok(()),
            };
        }
        if namespace == Some(SIGNATURES) && self.open.len() == 1 {
            dropped.push(Dropped {
                path: format!("{parent}/Signature"),
                why: "a signature over the XML is not checked; the record is signed anew",
            });
            self.skipped = 1;
            return Ok(());
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(too_deep(parent));
        }
        let path = self.path(&shown(name));
        if namespace != Some(NAMESPACE) {
            let message = format!("an element of CAP 1.2 stands in the namespace {NAMESPACE}");
            return Err(Fault::new(&path, FaultKind::Namespace, message));
        }
        if self.open.is_empty() && self.root.is_some() {
            let message = "a message is one `alert`";
            return Err(Fault::new(&path, FaultKind::NotXml, message));
        }
        self.open.push(Element {
            path,
            name: name.to_owned(),
            ..Element::default()
        });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Fault> {
        if self.skipped > 0 {
            self.skipped = self.skipped.saturating_sub(1);
            return Ok(());
        }
        let Some(mut done) = self.open.pop() else {
            return Ok(());
        };
        done.text = done.text.trim().to_owned();
        if !done.children.is_empty() && !done.text.is_empty() {
            let message = "text stands between elements";
            return Err(Fault::new(&done.path, FaultKind::Unknown, message));
        }
        match self.open.last_mut() {
            Some(parent) => parent.children.push(done),
            None => self.root = Some(done),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), Fault> {
        if self.skipped > 0 {
            return Ok(());
        }
        match self.open.last_mut() {
            Some(open) => open.text.push_str(text),
            None if text.trim().is_empty() => {}
            None => {
                let message = "text stands outside `alert`";
                return Err(Fault::new("", FaultKind::NotXml, message));
            }
        }
        Ok(())
    }

    /// One of XML's own entities, or a character by its number.
    fn entity(&mut self, entity: &BytesRef<'_>) -> Result<(), Fault> {
        let name = entity.xml10_content();
        let plain = match name.as_ref() {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => entity.resolve_char_ref().ok().flatten(),
        };
        let path = self.open.last().map_or("", |of| of.path.as_str());
        match plain {
            Some(c) => self.text(c.encode_utf8(&mut [0; 4])),
            None => Err(Fault::new(
                path,
                FaultKind::Entity,
                format!(
                    "`&{};` is no entity of XML itself, and none is expanded",
                    shown(&name)
                ),
            )),
        }
    }

    fn finish(self) -> Result<Element, Fault> {
        if let Some(open) = self.open.last() {
            let message = "the element does not end";
            return Err(Fault::new(&open.path, FaultKind::NotXml, message));
        }
        match self.root {
            Some(root) if root.name == "alert" => Ok(root),
            Some(root) => Err(Fault::new(
                &root.path,
                FaultKind::Unknown,
                "a message of CAP is an `alert`",
            )),
            None => Err(Fault::new("", FaultKind::NotXml, "there is no element")),
        }
    }
}

fn too_deep(path: &str) -> Fault {
    let message = format!("elements of CAP stand {MAX_DEPTH} deep at most");
    Fault::new(path, FaultKind::TooDeep, message)
}
