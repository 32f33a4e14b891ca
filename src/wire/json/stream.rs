//! Records out of a stream of text, in constant memory: one object per line, or objects printed
//! over many lines.

use std::io;

/// Longest JSON text of one record, in bytes: 1 MiB.
pub const MAX_RECORD_TEXT: usize = 1 << 20;

/// Deepest nesting that is followed; a record of ours has less than ten levels.
const MAX_DEPTH: usize = 64;

/// Text that cannot be taken for a record.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// A record is longer than the cap.
    #[error(
        "the record that begins in line {line} is longer than {cap} bytes; evidence and attachments do not travel in records"
    )]
    TooLong {
        /// Line in which it begins, from 1.
        line: u64,
        /// The cap, in bytes.
        cap: usize,
    },
    /// A record is not UTF-8.
    #[error("the record that begins in line {line} is not UTF-8")]
    NotUtf8 {
        /// Line in which it begins, from 1.
        line: u64,
    },
    /// The stream is a JSON list; nothing after it is read.
    #[error("line {line} begins a list; send one object per line, without `[`, `]` and commas")]
    List {
        /// Line in which it begins, from 1.
        line: u64,
    },
    /// The input could not be read; nothing after it is.
    #[error("the input could not be read after line {line}: {source}")]
    Io {
        /// Line reached, from 1.
        line: u64,
        /// What the system said.
        source: io::Error,
    },
}

/// Splits a stream into the texts of records: yields the line in which a record begins, from 1,
/// and its text, which may still be malformed.
///
/// A record ends with the line in which its last brace closes; more text in that line belongs to
/// it, so that [`super::from_json`] refuses it. Text that can no longer become JSON ends early:
/// with its line, or before a line that begins with a brace where none may stand, so that one
/// broken line does not swallow the lines after it.
#[derive(Debug)]
pub struct RecordStream<R> {
    reader: R,
    cap: usize,
    line: u64,
    done: bool,
}

impl<R: io::BufRead> RecordStream<R> {
    /// Reads records of at most [`MAX_RECORD_TEXT`] bytes from `reader`.
    pub const fn new(reader: R) -> Self {
        Self::with_cap(reader, MAX_RECORD_TEXT)
    }

    /// Reads records of at most `cap` bytes from `reader`.
    pub const fn with_cap(reader: R, cap: usize) -> Self {
        Self {
            reader,
            cap,
            line: 1,
            done: false,
        }
    }

    fn finish(
        &mut self,
        line: u64,
        text: Vec<u8>,
        too_long: bool,
    ) -> (u64, Result<String, StreamError>) {
        let text = if too_long {
            Err(StreamError::TooLong {
                line,
                cap: self.cap,
            })
        } else {
            String::from_utf8(text).map_err(|_| StreamError::NotUtf8 { line })
        };
        (line, text)
    }
}

impl<R: io::BufRead> Iterator for RecordStream<R> {
    type Item = (u64, Result<String, StreamError>);

    fn next(&mut self) -> Option<Self::Item> {
        let mut scan = Scan::default();
        let mut text = Vec::new();
        let mut too_long = false;
        let mut begins = self.line;
        while !self.done {
            let chunk = match self.reader.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => {
                    self.done = true;
                    let line = self.line;
                    return Some((line, Err(StreamError::Io { line, source })));
                }
            };
            if chunk.is_empty() {
                self.done = true;
                return match scan.state {
                    State::Before => None,
                    _ => Some(self.finish(begins, text, too_long)),
                };
            }
            let mut taken = 0;
            let mut ended = None;
            for &byte in chunk {
                let step = scan.step(byte);
                if step == Step::EndBefore {
                    ended = Some(step);
                    break;
                }
                taken += 1;
                if step == Step::Skip {
                    begins = self.line + u64::from(byte == b'\n');
                } else if !too_long && text.len() < self.cap {
                    text.push(byte);
                } else if !too_long && byte != b'\n' {
                    too_long = true;
                    text = Vec::new();
                }
                self.line += u64::from(byte == b'\n');
                if step == Step::EndAfter || step == Step::List {
                    ended = Some(step);
                    break;
                }
            }
            self.reader.consume(taken);
            match ended {
                Some(Step::List) => {
                    self.done = true;
                    return Some((begins, Err(StreamError::List { line: begins })));
                }
                Some(_) => return Some(self.finish(begins, text, too_long)),
                None => {}
            }
        }
        None
    }
}

/// Where in a record the scan is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Before the record's first byte.
    #[default]
    Before,
    /// Inside the object, outside of text.
    Inside,
    /// Inside quoted text.
    Quoted,
    /// Inside quoted text, after a backslash.
    Escaped,
    /// The last brace has closed, or the text can no longer become JSON: to the end of the line.
    ToLineEnd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The byte stands between records.
    Skip,
    /// The byte belongs to the record.
    Take,
    /// The byte is the record's last.
    EndAfter,
    /// The byte begins the next record.
    EndBefore,
    /// The byte begins a list instead of a record.
    List,
}

/// Follows braces, brackets and quotes, just enough to know where a record ends.
#[derive(Debug, Default)]
struct Scan {
    state: State,
    /// What is open, innermost last: `true` for a list. At most [`MAX_DEPTH`].
    open: Vec<bool>,
    /// Last byte that is neither blank nor inside quotes.
    last: u8,
    /// Nothing but blanks so far in this line.
    line_blank: bool,
}

impl Scan {
    fn step(&mut self, byte: u8) -> Step {
        match self.state {
            State::Before => self.before(byte),
            State::Inside => self.inside(byte),
            State::Quoted => match byte {
                // JSON text holds no raw line break: the quote was never closed.
                b'\n' => Step::EndAfter,
                b'\\' => self.go(State::Escaped),
                b'"' => self.go(State::Inside),
                _ => Step::Take,
            },
            State::Escaped if byte == b'\n' => Step::EndAfter,
            State::Escaped => self.go(State::Quoted),
            State::ToLineEnd if byte == b'\n' => Step::EndAfter,
            State::ToLineEnd => Step::Take,
        }
    }

    fn go(&mut self, state: State) -> Step {
        self.state = state;
        Step::Take
    }

    fn before(&mut self, byte: u8) -> Step {
        match byte {
            // The byte order mark counts as blank.
            b' ' | b'\t' | b'\r' | b'\n' | 0xEF | 0xBB | 0xBF => Step::Skip,
            b'[' => Step::List,
            b'{' => {
                self.open.push(false);
                self.last = byte;
                self.go(State::Inside)
            }
            _ => self.go(State::ToLineEnd),
        }
    }

    fn inside(&mut self, byte: u8) -> Step {
        let line_blank = self.line_blank;
        match byte {
            b' ' | b'\t' | b'\r' => return Step::Take,
            b'\n' => {
                self.line_blank = true;
                return Step::Take;
            }
            _ => self.line_blank = false,
        }
        let last = std::mem::replace(&mut self.last, byte);
        match byte {
            b'"' => self.go(State::Quoted),
            b'{' | b'[' => {
                let in_list = self.open.last() == Some(&true);
                let may_stand = last == b':' || (in_list && (last == b'[' || last == b','));
                if !may_stand && line_blank && byte == b'{' {
                    return Step::EndBefore;
                }
                if !may_stand || self.open.len() >= MAX_DEPTH {
                    return self.go(State::ToLineEnd);
                }
                self.open.push(byte == b'[');
                Step::Take
            }
            b'}' | b']' => {
                if self.open.pop() != Some(byte == b']') || self.open.is_empty() {
                    return self.go(State::ToLineEnd);
                }
                Step::Take
            }
            _ => Step::Take,
        }
    }
}
