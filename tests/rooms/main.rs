//! Which room may lean on which, what pure rooms stay away from, and how long a file may be.
//!
//! The tables are in `house`; the first is docs/ARCHITECTURE.md's, and a test holds the two
//! together. `scan` finds the paths; code under `#[cfg(test)]` is free.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod house;
mod scan;
mod tokens;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use house::{EASY_LINES, HOUSE, IMPURE, LONG, MOST_LINES, OWNERS, Room};
use scan::{Reach, Tree};

#[test]
fn rooms_lean_only_where_they_may() {
    let breaches = leaning_breaches(&source_tree());
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

#[test]
fn outside_names_stay_in_their_rooms() {
    let breaches = outside_breaches(&source_tree());
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

#[test]
fn no_circle_between_rooms() {
    // The table itself goes downwards only …
    let mut below = BTreeSet::new();
    for room in HOUSE {
        for target in room.leans_on {
            assert!(
                below.contains(target),
                "`{}` leans on `{target}`, which does not stand before it in the table",
                room.name
            );
        }
        below.insert(room.name);
    }
    // … and so does the code, whatever the table allows.
    let mut leans: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (reach, target) in source_tree().inside() {
        if reach.room != target && reach.room != scan::ROOT {
            leans.entry(reach.room.clone()).or_default().insert(target);
        }
    }
    while !leans.is_empty() {
        let free: Vec<String> = leans
            .iter()
            .filter(|(_, targets)| targets.iter().all(|target| !leans.contains_key(target)))
            .map(|(room, _)| room.clone())
            .collect();
        assert!(
            !free.is_empty(),
            "these rooms lean on each other: {leans:?}"
        );
        for room in free {
            leans.remove(&room);
        }
    }
}

#[test]
fn the_architecture_page_has_the_same_table() {
    let page = read("docs/ARCHITECTURE.md");
    let mut documented = BTreeMap::new();
    for line in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, _, leans_on] = cells[..] else {
            continue;
        };
        let name = name.trim_matches('`').trim_end_matches('/');
        let leans_on: BTreeSet<String> = leans_on
            .split(',')
            .map(|target| target.trim().trim_matches('`').to_owned())
            .filter(|target| target != "nothing")
            .collect();
        documented.insert(name.trim_end_matches(".rs").to_owned(), leans_on);
    }
    let house: BTreeMap<String, BTreeSet<String>> = HOUSE
        .iter()
        .map(|room| {
            let targets = room.leans_on.iter().map(|&target| target.to_owned());
            (room.name.to_owned(), targets.collect())
        })
        .collect();
    for (name, targets) in &house {
        assert_eq!(
            documented.get(name),
            Some(targets),
            "docs/ARCHITECTURE.md and HOUSE differ on `{name}`"
        );
    }
    for name in documented.keys() {
        assert!(
            house.contains_key(name),
            "docs/ARCHITECTURE.md has a room `{name}` that HOUSE lacks"
        );
    }
}

#[test]
fn files_stay_short() {
    let mut breaches = Vec::new();
    let mut reasons: BTreeMap<&str, &str> = LONG.iter().copied().collect();
    for folder in ["src", "tests", "benches"] {
        for path in scan::rust_files(&root().join(folder)) {
            let path = relative(&path);
            let lines = read(&path).lines().count();
            let reason = reasons.remove(path.as_str());
            if lines > MOST_LINES {
                breaches.push(format!(
                    "{path}: {lines} lines; past {MOST_LINES}, split it by noun"
                ));
            } else if lines > EASY_LINES && reason.is_none() {
                breaches.push(format!(
                    "{path}: {lines} lines; past {EASY_LINES}, split it or give a reason in LONG"
                ));
            } else if lines <= EASY_LINES && reason.is_some() {
                breaches.push(format!("{path}: {lines} lines; needs no reason in LONG"));
            }
        }
    }
    for (path, _) in reasons {
        breaches.push(format!("{path}: named in LONG, but not there"));
    }
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

/// The rules find what they are for: each source here breaks one, and only one.
#[test]
fn every_rule_can_fail() {
    let leaning = [
        ("src/record/a.rs", "use crate::{wire::X, store::{A, B}};", 2),
        ("src/store/a.rs", "fn f() { super::super::node::go() }", 1),
        ("src/entry.rs", "pub use super::ledger::Leaf;", 1),
        (
            "src/crypto/mod.rs",
            "mod inner { use super::super::card::Card; }",
            1,
        ),
        ("src/node/mod.rs", "type T = Vec<crate::cli::Args>;", 1),
        ("src/card/mod.rs", "use crate::*;", 1),
        ("src/card/mod.rs", "use crate as root;", 1),
        ("src/attic.rs", "", 1),
        (
            "src/record/a.rs",
            "// crate::store::X\nconst A: &str = \"crate::store::X\";",
            0,
        ),
        (
            "src/record/a.rs",
            "#[cfg(test)]\nmod tests { use crate::store::X; }",
            0,
        ),
        (
            "src/inbox/a.rs",
            "pub mod ask { use super::{X, Y}; use super::super::RecordRow; fn f() { self::g() } }",
            0,
        ),
        (
            "src/inbox/a.rs",
            "pub mod ask { use super::super::super::node::X; }",
            1,
        ),
        ("src/record/tests.rs", "use crate::store::X;", 0),
        ("src/main.rs", "fn main() { comity::cli::run() }", 0),
        ("src/rpc/mod.rs", "use crate::{node, wire::link as l};", 0),
    ];
    for (path, source, expected) in leaning {
        let found = leaning_breaches(&Tree::from([(path, source)]));
        assert_eq!(found.len(), expected, "{path}: {source}: {found:?}");
    }
    let elsewhere = Tree::from([
        (
            "src/store/slots.rs",
            "#[cfg(test)]\n#[path = \"slots_tests.rs\"]\nmod tests;",
        ),
        ("src/store/slots_tests.rs", "use crate::node::X;"),
        ("src/store/faults.rs", "#[cfg(test)]\nmod double;"),
        ("src/store/faults/double.rs", "use crate::node::X;"),
        ("src/store/faults/real.rs", "use crate::node::X;"),
    ]);
    assert_eq!(leaning_breaches(&elsewhere).len(), 1);
    let outside = [
        ("src/node/a.rs", "use sled::Db;", 1),
        ("src/node/a.rs", "fn f(db: &::sled::Db) {}", 1),
        ("src/envelope/a.rs", "use hpke::Kem;", 1),
        (
            "src/card/a.rs",
            "use ring::{digest, signature::ED25519};",
            1,
        ),
        (
            "src/replication/progress.rs",
            "#[tokio::test]\nasync fn f() {}",
            1,
        ),
        (
            "src/ledger/a.rs",
            "fn f() { std::time::Instant::now(); }",
            1,
        ),
        ("src/record/a.rs", "use std::time::SystemTime;", 0),
        ("src/node/session.rs", "use tokio::time::Instant;", 0),
        ("src/crypto/a.rs", "use ring::signature::ED25519;", 0),
        ("src/wire/mod.rs", "use tonic::Status;", 0),
    ];
    for (path, source, expected) in outside {
        let found = outside_breaches(&Tree::from([(path, source)]));
        assert_eq!(found.len(), expected, "{path}: {source}: {found:?}");
    }
}

/// Paths that leave a room for one it may not lean on.
fn leaning_breaches(tree: &Tree) -> Vec<String> {
    let mut breaches = Vec::new();
    for (path, room) in tree.rooms() {
        if room != scan::ROOT && find(&room).is_none() {
            breaches.push(format!("{path}: `{room}` is not a room of HOUSE"));
        }
    }
    for (reach, target) in tree.inside() {
        let at = format!("{}:{}", reach.path, reach.line);
        if find(&target).is_none() {
            breaches.push(format!(
                "{at}: `{}` does not name a room; say `crate::<room>::…`",
                reach.text()
            ));
        } else if let Some(room) = find(&reach.room)
            && target != room.name
            && !room.leans_on.contains(&target.as_str())
        {
            breaches.push(format!(
                "{at}: `{}`: `{}` may lean on {:?}, not on `{target}`",
                reach.text(),
                room.name,
                room.leans_on
            ));
        }
    }
    breaches
}

/// Paths that name something outside which their room must leave alone.
fn outside_breaches(tree: &Tree) -> Vec<String> {
    let mut breaches = Vec::new();
    for reach in tree.outside() {
        let at = format!("{}:{}: `{}`", reach.path, reach.line, reach.text());
        for (name, owners) in OWNERS {
            if reach.names(name) && !owners.contains(&reach.room.as_str()) {
                breaches.push(format!("{at}: only {owners:?} may name `{name}`"));
            }
        }
        if is_pure(&reach)
            && let Some(name) = IMPURE.iter().find(|name| reach.names(name))
        {
            breaches.push(format!(
                "{at}: `{}` is pure and may not name `{name}`",
                reach.room
            ));
        }
    }
    breaches
}

fn is_pure(reach: &Reach) -> bool {
    find(&reach.room).is_some_and(|room| room.pure)
}

fn find(name: &str) -> Option<&'static Room> {
    HOUSE.iter().find(|room| room.name == name)
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn relative(path: &Path) -> String {
    let path = path.strip_prefix(root()).unwrap_or(path);
    path.to_string_lossy().replace('\\', "/")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).expect("a file of the project is readable")
}

fn source_tree() -> Tree {
    let files: Vec<(String, String)> = scan::rust_files(&root().join("src"))
        .iter()
        .map(|path| relative(path))
        .map(|path| (path.clone(), read(&path)))
        .collect();
    assert!(!files.is_empty(), "no sources found");
    Tree::from_iter(
        files
            .iter()
            .map(|(path, source)| (path.as_str(), source.as_str())),
    )
}
