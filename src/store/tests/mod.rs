//! The store under tests: a small domain of counters and notes, and a disk that fails.

mod ahead;
mod damage;
mod faults;
pub(crate) mod faulty;
mod index;
mod life;
mod model;
mod room;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::FutureExt as _;

use super::medium::{Disk, Medium};
use super::start::{Mode, start};
use super::*;

/// A body is `key=value`; its row is `1key → value`, and `2position → place`.
pub(super) struct Notes;

pub(super) const ROWS: u8 = 1;
pub(super) const PLACES: u8 = 2;

impl Projection for Notes {
    fn apply(&self, entry: &Entry<'_>, rows: &mut Rows<'_>) -> Result<(), ProjectionError> {
        let text = std::str::from_utf8(entry.body).unwrap();
        let (key, value) = text
            .split_once('=')
            .ok_or_else(|| ProjectionError::Entry("no =".to_owned()))?;
        let key = [&[ROWS], key.as_bytes()].concat();
        match value {
            "" => rows.delete(key),
            "reserved" => rows.put(vec![0], vec![]),
            "large" => rows.put(key, vec![0; 1 << 20]),
            _ => rows.put(key, value.as_bytes().to_vec()),
        }
        let position = entry.position.to_be_bytes();
        rows.put(
            [&[PLACES][..], &position].concat(),
            entry.place.to_bytes().to_vec(),
        );
        Ok(())
    }
}

/// Writes notes; refuses a key that is there unless told to replace.
pub(super) struct Desk;

#[derive(Clone, Debug)]
pub(super) enum Ask {
    /// Each must be new; the whole is refused otherwise.
    New(Vec<(String, String)>),
    Set(String, String),
    WithBlobs(String, Vec<Vec<u8>>),
    /// Appends something that does not apply, and pretends that all is well.
    Broken(String),
    Panic,
}

impl Rules for Desk {
    type Proposal = Ask;
    type Answer = Vec<Place>;
    type Refusal = String;

    fn decide(&mut self, ask: Ask, group: &mut Group<'_>) -> Result<Vec<Place>, Decline<String>> {
        let mut places = Vec::new();
        let draft = |key: &str, value: &str| Draft {
            body: format!("{key}={value}").into_bytes(),
            blobs: Vec::new(),
        };
        match ask {
            Ask::New(notes) => {
                for (key, value) in notes {
                    if group.get(&[&[ROWS], key.as_bytes()].concat())?.is_some() {
                        return Err(Decline::Refused(key));
                    }
                    places.push(group.append(draft(&key, &value))?);
                }
            }
            Ask::Set(key, value) => places.push(group.append(draft(&key, &value))?),
            Ask::WithBlobs(key, blobs) => places.push(group.append(Draft {
                blobs,
                ..draft(&key, "blobs")
            })?),
            Ask::Broken(value) => {
                group.append(draft("fine", "1"))?;
                let _ = group.append(Draft {
                    body: value.into_bytes(),
                    blobs: Vec::new(),
                });
            }
            Ask::Panic => panic!("rules"),
        }
        Ok(places)
    }
}

pub(super) fn options(home: &Path) -> StoreOptions {
    StoreOptions {
        cache_bytes: 1 << 20,
        // Damage is placed by the file's length.
        room_bytes: 0,
        boot_id: "this boot".to_owned(),
        ..StoreOptions::new(home)
    }
}

pub(super) fn try_open(options: StoreOptions) -> Result<(Store, Opened), StoreError> {
    try_open_on(options, Arc::new(Disk))
}

pub(super) fn try_open_on(
    options: StoreOptions,
    medium: Arc<dyn Medium>,
) -> Result<(Store, Opened), StoreError> {
    start(options, Arc::new(Notes), medium, &mut |_| {}, Mode::Normal)
}

pub(super) fn open(home: &Path) -> (Store, Opened) {
    try_open(options(home)).unwrap()
}

pub(super) fn set(writer: &Writer<Desk>, key: &str, value: &str) -> Place {
    let ask = Ask::Set(key.to_owned(), value.to_owned());
    writer.propose_blocking(ask).unwrap()[0]
}

pub(super) fn value(store: &Store, key: &str) -> Option<String> {
    let value = store.get(&[&[ROWS], key.as_bytes()].concat()).unwrap();
    value.map(|value| String::from_utf8(value).unwrap())
}

/// Every body, after the store has verified it.
pub(super) fn bodies(store: &Store) -> Vec<String> {
    let entries = store.entries(1).map(Result::unwrap);
    let bodies: Vec<String> = entries
        .zip(1..)
        .map(|(entry, position)| {
            assert_eq!(entry.position, position);
            let place = store.get(&[&[PLACES][..], &entry.position.to_be_bytes()].concat());
            let place = Place::from_bytes(&place.unwrap().unwrap()).unwrap();
            assert_eq!(place, entry.place);
            assert_eq!(store.body(place).unwrap(), entry.body);
            String::from_utf8(entry.body).unwrap()
        })
        .collect();
    assert_eq!(bodies.len() as u64, *store.durable().borrow());
    bodies
}

/// Stops without closing, as a killed process does, and waits until the lock is free.
pub(super) fn stop_uncleanly(home: &Path, store: Store, writer: Writer<Desk>) {
    drop((store, writer));
    while let Err(StoreError::Locked(_)) = super::start::lock(&home.join("journal")) {
        std::thread::yield_now();
    }
}

pub(super) fn segment(home: &Path, number: u32) -> PathBuf {
    home.join(format!("journal/{number:08}.seg"))
}

pub(super) fn mark(home: &Path) -> PathBuf {
    home.join("journal/sync.mark")
}

/// Writes three notes, one group each, and stops; answers the lengths of segment 1 after each.
pub(super) fn three(home: &Path, clean: bool) -> Vec<usize> {
    let (store, _) = open(home);
    let writer = store.start_writer(Desk);
    let lengths = ["a", "b", "c"]
        .iter()
        .map(|key| {
            let blobs = vec![vec![7; 40]];
            writer
                .propose_blocking(Ask::WithBlobs((*key).to_owned(), blobs))
                .unwrap();
            fs::metadata(segment(home, 1)).unwrap().len() as usize
        })
        .collect();
    if clean {
        store.close().unwrap();
    }
    stop_uncleanly(home, store, writer);
    lengths
}

pub(super) fn lose_index(home: &Path) {
    fs::remove_dir_all(home.join("index")).unwrap();
}

pub(super) fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let path = file.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_dir(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}
