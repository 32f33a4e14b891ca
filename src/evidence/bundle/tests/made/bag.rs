//! A bundle in memory.

use std::{collections::BTreeMap, io::Read};

use crate::{
    crypto::Digest,
    evidence::bundle::{FileEntry, Source, SourceFault, bagit, layout},
};

/// A bundle in memory.
#[derive(Clone)]
pub(crate) struct Bag {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

impl Bag {
    /// Writes declaration and manifests anew, as whoever tampers would.
    pub(crate) fn sealed(&mut self) {
        self.files
            .retain(|path, _| path.starts_with(bagit::PAYLOAD));
        let digests = |files: &BTreeMap<String, Vec<u8>>| {
            files
                .iter()
                .map(|(path, bytes)| (path.clone(), Digest::of(bytes)))
                .collect::<BTreeMap<_, _>>()
        };
        let manifest = bagit::manifest(&digests(&self.files));
        let octets = self.files.values().map(|bytes| bytes.len() as u64).sum();
        let info = bagit::info(&[("Payload-Oxum", bagit::oxum(octets, self.files.len()))]);
        let tags = BTreeMap::from([
            (
                bagit::BAGIT.to_owned(),
                bagit::DECLARATION.as_bytes().to_vec(),
            ),
            (bagit::BAG_INFO.to_owned(), info.into_bytes()),
            (bagit::MANIFEST.to_owned(), manifest.into_bytes()),
        ]);
        let tag_manifest = bagit::manifest(&digests(&tags)).into_bytes();
        self.files.extend(tags);
        self.files
            .insert(bagit::TAG_MANIFEST.to_owned(), tag_manifest);
    }

    /// Changes a JSON part.
    pub(crate) fn json(&mut self, path: &str, change: impl FnOnce(&mut serde_json::Value)) {
        let bytes = self
            .files
            .get_mut(path)
            .unwrap_or_else(|| panic!("no {path}"));
        let mut value = serde_json::from_slice(bytes).unwrap();
        change(&mut value);
        *bytes = layout::pretty(&value);
    }

    /// Flips a bit in the middle of a base64 value.
    pub(crate) fn flip(&mut self, path: &str, pointer: &str) {
        use base64::{Engine as _, prelude::BASE64_STANDARD};
        self.json(path, |value| {
            let text = value
                .pointer_mut(pointer)
                .unwrap_or_else(|| panic!("no {pointer} in {path}"));
            let mut bytes = BASE64_STANDARD.decode(text.as_str().unwrap()).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            *text = BASE64_STANDARD.encode(bytes).into();
        });
    }
}

/// A source in memory.
pub(crate) struct Memory {
    entries: Vec<FileEntry>,
    bytes: Vec<Vec<u8>>,
}

impl Memory {
    pub(crate) fn of(bag: &Bag) -> Self {
        let entry = |(path, bytes): (&String, &Vec<u8>)| FileEntry {
            path: path.clone(),
            size: bytes.len() as u64,
        };
        Self {
            entries: bag.files.iter().map(entry).collect(),
            bytes: bag.files.values().cloned().collect(),
        }
    }

    /// States sizes and paths as given, whatever the bytes are.
    pub(crate) fn stating(mut self, change: impl FnOnce(&mut Vec<FileEntry>)) -> Self {
        change(&mut self.entries);
        self
    }
}

impl Source for Memory {
    fn files(&self) -> &[FileEntry] {
        &self.entries
    }

    fn open(&mut self, index: usize) -> Result<Box<dyn Read + '_>, SourceFault> {
        Ok(Box::new(self.bytes[index].as_slice()))
    }
}
