//! A real bundle on a disk, and folders and archives that are hostile, each refused by name.

use std::{
    ffi::OsStr,
    fs,
    io::{Cursor, Write as _},
    os::unix::{ffi::OsStrExt as _, fs::symlink, net::UnixListener},
    path::Path,
};

use tempfile::TempDir;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::{BagWriter, open};
use crate::evidence::bundle::{
    Outcome, Report,
    tests::made::{Made, made},
    verify,
};

fn judged(path: &Path, made: &Made) -> Report {
    match open(path) {
        Ok(mut source) => verify(&mut *source, &made.pinned(), &mut |_| {}),
        Err(fault) => Report::refused(&fault),
    }
}

fn written(mut writer: BagWriter, made: &Made) {
    for (path, bytes) in made
        .bag()
        .files
        .iter()
        .filter(|(path, _)| path.starts_with("data/"))
    {
        writer.begin(path, bytes.len() as u64).unwrap();
        bytes
            .chunks(70_000)
            .for_each(|piece| writer.write(piece).unwrap());
        writer.end().unwrap();
    }
    writer
        .finish(&[("External-Identifier", "UZ-26-000001-X".to_owned())])
        .unwrap();
}

#[test]
fn a_bundle_comes_back_from_a_folder_and_from_a_zip() {
    let (dir, made) = (TempDir::new().unwrap(), made());
    let (folder, archive) = (dir.path().join("bundle"), dir.path().join("bundle.zip"));
    written(BagWriter::folder(&folder).unwrap(), &made);
    written(BagWriter::zip(&archive, "UZ-26-000001-X").unwrap(), &made);
    for path in [&folder, &archive] {
        let report = judged(path, &made);
        assert_eq!(
            report.outcome(),
            Outcome::Proved,
            "{:?}",
            report.contradictions()
        );
    }
    // Nothing that is there is written over.
    assert!(BagWriter::folder(&folder).is_err() && BagWriter::zip(&archive, "x").is_err());
    // Whoever unpacked it and packed it anew, as other programs do.
    let again = zipped(|zip| {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        zip.add_directory("base/", options).unwrap();
        for (path, bytes) in &made.bag().files {
            zip.start_file(format!("base/{path}"), options).unwrap();
            zip.write_all(bytes).unwrap();
        }
    });
    fs::write(&archive, again).unwrap();
    assert_eq!(judged(&archive, &made).outcome(), Outcome::Proved);
    // A byte on the disk.
    let item = folder.join("data/items").join(&made.files[0].0);
    let mut bytes = fs::read(&item).unwrap();
    bytes[7] ^= 1;
    fs::write(&item, bytes).unwrap();
    assert_eq!(
        judged(&folder, &made).contradictions(),
        ["item-root", "file-digest"]
    );
}

#[test]
fn what_was_not_finished_is_no_bundle() {
    let (dir, made) = (TempDir::new().unwrap(), made());
    let (folder, archive) = (dir.path().join("bundle"), dir.path().join("bundle.zip"));
    for mut writer in [
        BagWriter::folder(&folder).unwrap(),
        BagWriter::zip(&archive, "b").unwrap(),
    ] {
        writer.file("data/bundle.json", b"{}").unwrap();
        assert!(writer.begin("../x", 0).is_err());
    }
    assert_eq!(
        judged(&folder, &made).contradictions(),
        ["bagit-file-missing"]
    );
    // Its end is written when the writer goes, and the manifests are not.
    assert_eq!(
        judged(&archive, &made).contradictions(),
        ["bagit-file-missing"]
    );
}

#[test]
fn hostile_folders_are_refused_by_name() {
    type Make = fn(&Path);
    let cases: [(&str, Make); 8] = [
        ("link", |dir| symlink("/etc/passwd", dir.join("x")).unwrap()),
        ("link", |dir| symlink("/", dir.join("x")).unwrap()),
        ("device", |dir| {
            drop(UnixListener::bind(dir.join("x")).unwrap())
        }),
        ("name-encoding", |dir| {
            fs::write(dir.join(OsStr::from_bytes(&[0xff])), "").unwrap()
        }),
        ("name-character", |dir| {
            fs::write(dir.join("\u{202e}gpj.exe"), "").unwrap()
        }),
        ("name-case", |dir| {
            fs::write(dir.join("bagit.txt"), "").unwrap();
            fs::write(dir.join("BAGIT.TXT"), "").unwrap();
        }),
        ("name-too-deep", |dir| {
            fs::create_dir_all(dir.join("a/b/c/d/e/f/g")).unwrap()
        }),
        ("too-many-files", |dir| {
            (0..8200).for_each(|at| fs::write(dir.join(at.to_string()), "").unwrap())
        }),
    ];
    let made = made();
    for (reason, make) in cases {
        let dir = TempDir::new().unwrap();
        make(dir.path());
        assert_eq!(judged(dir.path(), &made).contradictions(), [reason]);
    }
}

/// An archive in memory.
fn zipped(make: impl FnOnce(&mut ZipWriter<Cursor<Vec<u8>>>)) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    make(&mut zip);
    zip.finish().unwrap().into_inner()
}

fn stored() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(CompressionMethod::Stored)
}

/// An archive with these files, each of them "text".
fn with(names: &[&str]) -> Vec<u8> {
    zipped(|zip| {
        for name in names {
            zip.start_file(*name, stored()).unwrap();
            zip.write_all(b"text").unwrap();
        }
    })
}

/// Replaces bytes wherever they are, local headers and directory alike.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut out = bytes.to_vec();
    let mut count = 0;
    for at in 0..out.len().saturating_sub(from.len()) {
        if out[at..].starts_with(from) {
            out[at..at + from.len()].copy_from_slice(to);
            count += 1;
        }
    }
    assert!(count > 0, "nothing to replace");
    out
}

/// Changes the n-th header that begins with a signature.
fn patched(mut bytes: Vec<u8>, signature: &[u8], nth: usize, at: usize, value: &[u8]) -> Vec<u8> {
    let found: Vec<usize> = (0..bytes.len() - 4)
        .filter(|from| bytes[*from..].starts_with(signature))
        .collect();
    let from = found[nth] + at;
    bytes[from..from + value.len()].copy_from_slice(value);
    bytes
}

const LOCAL: &[u8] = b"PK\x03\x04";
const CENTRAL: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";

#[test]
fn hostile_archives_are_refused_by_name() {
    let bomb = || {
        zipped(|zip| {
            let options =
                SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
            zip.start_file("bagit.txt", options).unwrap();
            let zeros = vec![0; 1 << 20];
            (0..20).for_each(|_| zip.write_all(&zeros).unwrap());
        })
    };
    let two = || with(&["bagit.txt", "data/abc"]);
    let both = |bytes: Vec<u8>, local: usize, central: usize, value: &[u8]| {
        patched(
            patched(bytes, LOCAL, 0, local, value),
            CENTRAL,
            0,
            central,
            value,
        )
    };
    let lying = both(bomb(), 22, 24, &1000_u32.to_le_bytes());
    let cases: Vec<(&str, &str, Vec<u8>)> = vec![
        (
            "leads out",
            "name-traversal",
            replaced(&with(&["xx/xx/etc"]), b"xx/xx/etc", b"../../etc"),
        ),
        (
            "begins at the root",
            "name-absolute",
            replaced(&with(&["x/etc"]), b"x/etc", b"//etc"),
        ),
        (
            "names a drive",
            "name-drive",
            replaced(&with(&["Cx/etc"]), b"Cx/etc", b"C:/etc"),
        ),
        (
            "has a backslash",
            "name-backslash",
            replaced(&with(&["..x..xetc"]), b"..x..xetc", b"..\\..\\etc"),
        ),
        (
            "has another encoding",
            "name-encoding",
            replaced(&with(&["data/abc"]), b"data/abc", b"data/\xff\xfec"),
        ),
        (
            "turns the direction",
            "name-character",
            with(&["data/\u{202e}gpj.exe"]),
        ),
        (
            "two of one name",
            "name-twice",
            replaced(&with(&["data/abc", "data/abd"]), b"data/abd", b"data/abc"),
        ),
        (
            "a link",
            "link",
            zipped(|zip| {
                zip.add_symlink("bagit.txt", "/etc/passwd", stored())
                    .unwrap()
            }),
        ),
        (
            "a device",
            "device",
            patched(two(), CENTRAL, 1, 38, &(0o020_666_u32 << 16).to_le_bytes()),
        ),
        (
            "a pipe",
            "device",
            patched(two(), CENTRAL, 1, 38, &(0o010_666_u32 << 16).to_le_bytes()),
        ),
        ("encrypted", "archive", both(two(), 6, 8, &[1, 0])),
        ("packed otherwise", "archive", both(two(), 8, 10, &[12, 0])),
        ("a bomb", "archive-ratio", bomb()),
        (
            "states more than it is",
            "size",
            both(two(), 22, 24, &9999_u32.to_le_bytes()),
        ),
        (
            "two entries of the same bytes",
            "archive",
            patched(two(), CENTRAL, 1, 42, &[0; 4]),
        ),
        (
            "a local header that says otherwise",
            "archive",
            patched(two(), LOCAL, 1, 30, b"data/xyz"),
        ),
        ("states many entries", "too-many-files", {
            let many = 60_000_u16.to_le_bytes();
            patched(patched(two(), END, 0, 8, &many), END, 0, 10, &many)
        }),
        ("states fewer entries", "archive", {
            patched(patched(two(), END, 0, 8, &[1, 0]), END, 0, 10, &[1, 0])
        }),
        (
            "a directory elsewhere",
            "archive",
            patched(two(), END, 0, 16, &[0; 4]),
        ),
        (
            "something before it",
            "archive",
            [b"#!/bin/sh\n".to_vec(), two()].concat(),
        ),
        (
            "something after it",
            "archive",
            [two(), b"more".to_vec()].concat(),
        ),
        ("cut off", "archive", two()[..60].to_vec()),
        ("no archive", "archive", b"text".to_vec()),
        ("no bag in it", "archive", with(&["a/x", "b/y"])),
    ];
    let (dir, made) = (TempDir::new().unwrap(), made());
    let path = dir.path().join("bundle.zip");
    let judge = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        judged(&path, &made).contradictions().join(" ")
    };
    for (name, reason, bytes) in cases {
        assert_eq!(judge(&bytes), reason, "{name}");
    }
    // It unpacks to more than it states: what is read ends at what was stated.
    let found = judge(&lying);
    assert!(
        ["size", "unreadable", "archive"].contains(&found.as_str()),
        "{found}"
    );
}
