use std::io::{BufReader, Cursor};

use proptest::prelude::*;

use super::{
    tests::{RECORD, records},
    *,
};
use crate::wire::record::Record;

proptest! {
    #[test]
    fn streams_give_back_what_was_written(
        records in prop::collection::vec((records(), any::<bool>(), 0..3_usize), 0..5),
        buffer in 1..64_usize,
    ) {
        let mut text = String::new();
        for (record, pretty, blank_lines) in &records {
            let json = to_json(RECORD, record).unwrap();
            text += &if *pretty { serde_json::to_string_pretty(&json).unwrap() } else { json.to_string() };
            text += &"\n".repeat(1 + blank_lines);
        }
        let stream = RecordStream::new(BufReader::with_capacity(buffer, Cursor::new(text)));
        let read: Vec<Record> = stream
            .map(|(_, text)| from_json(RECORD, &text.unwrap()).unwrap())
            .collect();
        let written: Vec<Record> = records.into_iter().map(|(record, ..)| record).collect();
        prop_assert_eq!(read, written);
    }

    #[test]
    fn no_stream_panics_or_hangs(bytes in prop::collection::vec(prop::sample::select(&b"[]{}:,\"a \\\n\xff"[..]), 0..200)) {
        let items = RecordStream::with_cap(Cursor::new(&bytes[..]), 20).count();
        prop_assert!(items <= bytes.len());
    }

    #[test]
    fn the_third_line_survives_what_is_broken_before_it(
        broken in "[\\[\\]{}:,\"a-c1 \\\\]{0,30}",
    ) {
        // However two lines break, a whole object in a line of its own is still found.
        let text = format!("{{\"a\":{{\"b\":1}},{broken}\"\n}}x\n{{\"c\":1}}\n");
        let last = RecordStream::new(Cursor::new(&text)).last().unwrap().1.unwrap();
        prop_assert_eq!(last.trim_end(), "{\"c\":1}", "{}", text);
    }
}

fn texts(input: &[u8], cap: usize) -> Vec<(u64, Result<String, String>)> {
    RecordStream::with_cap(Cursor::new(input), cap)
        .map(|(line, text)| (line, text.map_err(|error| error.to_string())))
        .collect()
}

#[test]
fn records_are_split_and_counted() {
    let input = b"\xef\xbb\xbf{\"a\":\"}\\\"{\"}\r\n\n{\n \"a\": [\n  {}\n ]\n}\n  {\"b\":1}";
    let found: Vec<(u64, String)> = RecordStream::new(Cursor::new(input))
        .map(|(line, text)| (line, text.unwrap().trim_end().to_owned()))
        .collect();
    let expected = [
        (1, "{\"a\":\"}\\\"{\"}"),
        (3, "{\n \"a\": [\n  {}\n ]\n}"),
        (8, "{\"b\":1}"),
    ];
    assert_eq!(found, expected.map(|(line, text)| (line, text.to_owned())));
    assert!(texts(b" \n\t\r\n", 10).is_empty());
}

#[test]
fn a_broken_line_does_not_swallow_the_next() {
    for broken in [
        "{\"a\": \"never closed}",
        "{\"a\": {\"b\":1}",
        "{\"a\": 1 ]",
        "{\"a\": \"\\",
        "not json",
        "}",
        "{\"a\":1}{\"b\":2}",
        "{\"a\":1 {\"b\":2}}",
    ] {
        let input = format!("{broken}\n{{\"c\":1}}\n");
        let found = texts(input.as_bytes(), 100);
        assert_eq!(found.len(), 2, "{broken}");
        let first = found[0].1.as_ref().unwrap();
        assert_eq!(first.trim_end(), broken);
        assert!(from_json::<Record>(RECORD, first).is_err(), "{broken}");
        assert_eq!(found[1], (2, Ok("{\"c\":1}\n".to_owned())), "{broken}");
    }
}

#[test]
fn the_cap_is_exact_and_the_rest_is_read_over() {
    let exact = format!("{{\"a\":\"{}\"}}\n", "x".repeat(92));
    assert_eq!(exact.trim_end().len(), 100);
    let over = exact.replace("x\"", "xx\"");
    let pretty = format!("{{\n\"a\":\"{}\"\n}}\n", "x".repeat(300));
    let input = [&exact, &over, &pretty, "{}\n"].map(String::from).concat();
    let found = texts(input.as_bytes(), 100);
    assert_eq!(found.len(), 4);
    assert_eq!(found[0].1.as_ref().unwrap().trim_end(), exact.trim_end());
    for (place, line) in [(1, 2), (2, 3)] {
        let error = found[place].1.as_ref().unwrap_err();
        assert!(
            error.contains(&format!("line {line} is longer than 100 bytes")),
            "{error}"
        );
    }
    assert_eq!(found[3], (6, Ok("{}\n".to_owned())));
}

#[test]
fn an_oversize_record_takes_no_memory() {
    // Sixteen mebibytes without a line break, from a reader that counts.
    struct Zeros(usize);
    impl std::io::Read for Zeros {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let len = buffer.len().min(self.0);
            self.0 -= len;
            buffer[..len].fill(b'0');
            Ok(len)
        }
    }
    use std::io::Read as _;
    let input = Cursor::new(b"{\"a\":").chain(Zeros(16 << 20));
    let mut stream = RecordStream::new(BufReader::new(input));
    let (line, text) = stream.next().unwrap();
    assert_eq!(line, 1);
    assert!(matches!(
        text,
        Err(StreamError::TooLong {
            line: 1,
            cap: MAX_RECORD_TEXT
        })
    ));
    assert!(stream.next().is_none());
}

#[test]
fn lists_and_foreign_bytes_are_named() {
    let found = texts(b"\n[\n{\"a\":1},\n{\"a\":2}]\n", 100);
    assert_eq!(found.len(), 1);
    assert!(
        found[0]
            .1
            .as_ref()
            .unwrap_err()
            .starts_with("line 2 begins a list")
    );

    let found = texts(b"{\"a\":\"\xff\"}\n{}\n", 100);
    assert!(
        found[0]
            .1
            .as_ref()
            .unwrap_err()
            .contains("line 1 is not UTF-8")
    );
    assert_eq!(found[1], (2, Ok("{}\n".to_owned())));
}

#[test]
fn a_failing_reader_ends_the_stream() {
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("gone"))
        }
    }
    let mut stream = RecordStream::new(BufReader::new(Broken));
    assert!(matches!(
        stream.next(),
        Some((1, Err(StreamError::Io { .. })))
    ));
    assert!(stream.next().is_none());
}
