//! In which encoding a file is, and reading it as UTF-8.

use std::io::{self, Read};

use encoding_rs::{Decoder, DecoderResult};

/// Encodings that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// UTF-16, little endian.
    Utf16Le,
    /// UTF-16, big endian.
    Utf16Be,
    /// Windows code page 1251, Cyrillic.
    Windows1251,
}

impl Encoding {
    /// Its usual name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Utf16Le => "UTF-16LE",
            Self::Utf16Be => "UTF-16BE",
            Self::Windows1251 => "windows-1251",
        }
    }

    fn decoder(self) -> Decoder {
        match self {
            Self::Utf8 => encoding_rs::UTF_8,
            Self::Utf16Le => encoding_rs::UTF_16LE,
            Self::Utf16Be => encoding_rs::UTF_16BE,
            Self::Windows1251 => encoding_rs::WINDOWS_1251,
        }
        .new_decoder_with_bom_removal()
    }
}

/// The encoding cannot be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the file is neither UTF-8 nor UTF-16 nor windows-1251: byte {byte} at offset {offset} fits none of them; save it as UTF-8, or say which it is with --encoding"
)]
pub struct UnknownEncoding {
    /// The byte that is not UTF-8.
    pub byte: u8,
    /// Where it stands.
    pub offset: u64,
}

/// Tells the encoding of a file that is fed to it in pieces.
#[derive(Debug, Default)]
pub struct Detector {
    start: Vec<u8>,
    offset: u64,
    /// Bytes that the UTF-8 sequence in hand still needs.
    open: u8,
    /// First byte of the sequence in hand, and where it stands.
    lead: (u8, u64),
    broken: Option<(u8, u64)>,
    zeros: [u64; 2],
    high: u64,
    /// High bytes beside another high byte, as in a Cyrillic word of one byte per letter.
    in_words: u64,
    /// Bytes that no Cyrillic letter or usual sign has in windows-1251.
    odd: u64,
    /// Letters that are capital in windows-1251, and small in KOI8-R.
    capital: u64,
    before: u8,
}

impl Detector {
    /// Looks at the next piece.
    pub fn feed(&mut self, piece: &[u8]) {
        for byte in piece {
            self.byte(*byte);
        }
    }

    fn byte(&mut self, byte: u8) {
        if self.start.len() < 4 {
            self.start.push(byte);
        }
        if byte == 0
            && let Some(zeros) = self.zeros.get_mut(usize::from(self.offset % 2 == 1))
        {
            *zeros += 1;
        }
        let needs = match (self.open, byte) {
            (0, 0..=0x7f) => Some(0),
            (0, 0xc2..=0xdf) => Some(1),
            (0, 0xe0..=0xef) => Some(2),
            (0, 0xf0..=0xf4) => Some(3),
            (open @ 1.., 0x80..=0xbf) => Some(open - 1),
            _ => None,
        };
        if self.open == 0 {
            self.lead = (byte, self.offset);
        }
        match needs {
            Some(needs) => self.open = needs,
            None => {
                self.open = 0;
                self.broken.get_or_insert(self.lead);
            }
        }
        if byte >= 0x80 {
            self.high += 1;
            // Letters, Ёё, and the quotes, dashes and spaces that Russian texts have.
            if !matches!(
                byte,
                0xc0..=0xff
                    | 0xa8
                    | 0xb8
                    | 0xab
                    | 0xbb
                    | 0x93
                    | 0x94
                    | 0x96
                    | 0x97
                    | 0x84
                    | 0xa0
                    | 0xb9
            ) {
                self.odd += 1;
            }
            if matches!(byte, 0xc0..=0xdf) {
                self.capital += 1;
            }
            if self.before >= 0x80 {
                self.in_words += 1;
            }
        }
        self.before = byte;
        self.offset += 1;
    }

    /// The encoding of what was fed.
    ///
    /// # Errors
    /// [`UnknownEncoding`] when it cannot be told.
    pub fn finish(self) -> Result<Encoding, UnknownEncoding> {
        match self.start.as_slice() {
            [0xef, 0xbb, 0xbf, ..] if self.broken.is_none() => return Ok(Encoding::Utf8),
            [0xff, 0xfe, ..] => return Ok(Encoding::Utf16Le),
            [0xfe, 0xff, ..] => return Ok(Encoding::Utf16Be),
            _ => {}
        }
        // Without a mark: in UTF-16 every other byte of Latin text and of punctuation is zero.
        let [even, odd] = self.zeros;
        if even + odd > self.offset / 10 {
            return Ok(if odd >= even {
                Encoding::Utf16Le
            } else {
                Encoding::Utf16Be
            });
        }
        let Some((byte, offset)) = self.broken else {
            if self.open > 0 {
                let (byte, offset) = self.lead;
                return Err(UnknownEncoding { byte, offset });
            }
            return Ok(Encoding::Utf8);
        };
        // Most letters of a text are small: otherwise it is KOI8-R, or nobody can tell.
        let small = self.capital * 2 <= self.high;
        if small && even + odd == 0 && self.odd * 20 <= self.high && self.in_words * 2 >= self.high
        {
            return Ok(Encoding::Windows1251);
        }
        Err(UnknownEncoding { byte, offset })
    }
}

/// A file read as UTF-8, in bounded pieces.
pub struct AsUtf8<R> {
    inner: R,
    decoder: Decoder,
    encoding: Encoding,
    input: Vec<u8>,
    /// Decoded bytes not handed out, and how many of them are.
    output: Vec<u8>,
    taken: usize,
    ended: bool,
}

/// Bytes read and decoded at a time.
const PIECE: usize = 8 * 1024;

impl<R: Read> AsUtf8<R> {
    /// Reads `inner`, which is in `encoding`.
    pub fn new(inner: R, encoding: Encoding) -> Self {
        Self {
            inner,
            decoder: encoding.decoder(),
            encoding,
            input: vec![0; PIECE],
            output: Vec::new(),
            taken: 0,
            ended: false,
        }
    }

    fn refill(&mut self) -> io::Result<()> {
        let read = self.inner.read(&mut self.input)?;
        self.ended = read == 0;
        let mut input = self.input.get(..read).unwrap_or_default();
        self.output.clear();
        self.taken = 0;
        loop {
            let room = self
                .decoder
                .max_utf8_buffer_length_without_replacement(input.len())
                .unwrap_or(4 * PIECE);
            let filled = self.output.len();
            self.output.resize(filled + room, 0);
            let Some(space) = self.output.get_mut(filled..) else {
                return Ok(());
            };
            let (result, used, written) = self
                .decoder
                .decode_to_utf8_without_replacement(input, space, self.ended);
            self.output.truncate(filled + written);
            input = input.get(used..).unwrap_or_default();
            match result {
                DecoderResult::InputEmpty => return Ok(()),
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => {
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        format!("the text is not {}", self.encoding.name()),
                    ));
                }
            }
        }
    }
}

impl<R: Read> Read for AsUtf8<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.output.len() && !self.ended {
            self.refill()?;
        }
        let ready = self.output.get(self.taken..).unwrap_or_default();
        let count = ready.len().min(into.len());
        if let (Some(from), Some(to)) = (ready.get(..count), into.get_mut(..count)) {
            to.copy_from_slice(from);
        }
        self.taken += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(bytes: &[u8]) -> Result<Encoding, UnknownEncoding> {
        let mut detector = Detector::default();
        for piece in bytes.chunks(3) {
            detector.feed(piece);
        }
        detector.finish()
    }

    fn decode(bytes: &[u8], encoding: Encoding) -> io::Result<String> {
        let mut text = String::new();
        AsUtf8::new(bytes, encoding).read_to_string(&mut text)?;
        Ok(text)
    }

    const TEXT: &str = "Country,Category\nУзбекистан,Принудительный труд\nOuzbékistan,<5\n";

    #[test]
    fn utf_8_with_and_without_mark() {
        assert_eq!(detect(TEXT.as_bytes()), Ok(Encoding::Utf8));
        let marked = [b"\xef\xbb\xbf", TEXT.as_bytes()].concat();
        assert_eq!(detect(&marked), Ok(Encoding::Utf8));
        assert_eq!(decode(&marked, Encoding::Utf8).unwrap(), TEXT);
    }

    #[test]
    fn utf_16_with_and_without_mark() {
        let long = TEXT.repeat(2_000);
        for (encoding, mark) in [
            (Encoding::Utf16Le, [0xff, 0xfe]),
            (Encoding::Utf16Be, [0xfe, 0xff]),
        ] {
            let bytes: Vec<u8> = long
                .encode_utf16()
                .flat_map(|unit| match encoding {
                    Encoding::Utf16Le => unit.to_le_bytes(),
                    _ => unit.to_be_bytes(),
                })
                .collect();
            assert_eq!(detect(&bytes), Ok(encoding));
            let marked = [mark.as_slice(), &bytes].concat();
            assert_eq!(detect(&marked), Ok(encoding));
            assert_eq!(decode(&marked, encoding).unwrap(), long);
        }
    }

    #[test]
    fn windows_1251_is_told_from_other_single_byte_encodings() {
        let cyrillic = "Страна,Категория\nУзбекистан,<5\n";
        let (bytes, _, lossy) = encoding_rs::WINDOWS_1251.encode(cyrillic);
        assert!(!lossy);
        assert_eq!(detect(&bytes), Ok(Encoding::Windows1251));
        assert_eq!(decode(&bytes, Encoding::Windows1251).unwrap(), cyrillic);
        // Latin-1: single accents between plain letters.
        assert_eq!(
            detect(b"Ouzb\xe9kistan,Tha\xeflande"),
            Err(UnknownEncoding {
                byte: 0xe9,
                offset: 4
            })
        );
        // Nothing at all.
        assert!(detect(&[0x81, 0x8d, 0x20, 0x81, 0x90]).is_err());
        // Cut within a character.
        assert!(detect(b"abc\xd0").is_err());
    }

    #[test]
    fn text_that_is_not_in_the_encoding_named_is_an_error() {
        let error = decode(b"abc\xff", Encoding::Utf8).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(error.to_string().contains("not UTF-8"));
        assert!(decode(b"a\0b", Encoding::Utf16Le).is_err());
    }
}
