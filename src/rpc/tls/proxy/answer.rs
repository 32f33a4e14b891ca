//! The head of a proxy's answer, byte by byte and bounded.

use super::ProxyFault;

/// Most bytes of an answer's head, interim answers included.
pub(super) const MAX_HEAD: usize = 16 * 1024;
const END: &[u8] = b"\r\n\r\n";
const VERSION: &[u8] = b"HTTP/1.";

/// What was read of the answer so far.
#[derive(Default)]
pub(super) struct Answer {
    head: Vec<u8>,
    before: usize,
}

impl Answer {
    /// Takes what was read; answers whether the tunnel stands.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<bool, ProxyFault> {
        self.head.extend_from_slice(bytes);
        // Something that is no HTTP at all need not be read to its end.
        let begun = self.head.len().min(VERSION.len());
        if self.head.get(..begun) != VERSION.get(..begun) {
            return Err(ProxyFault::NoProxy("the answer is not HTTP/1"));
        }
        loop {
            let Some(end) = self.head.windows(END.len()).position(|four| four == END) else {
                if self.before + self.head.len() > MAX_HEAD {
                    return Err(ProxyFault::Endless);
                }
                return Ok(false);
            };
            let after = end + END.len();
            self.before += after;
            if self.before > MAX_HEAD {
                return Err(ProxyFault::Endless);
            }
            match status(&self.head)? {
                // 101 would leave HTTP behind; the others are followed by the answer proper.
                100 | 102..=199 => drop(self.head.drain(..after)),
                // A tunnel begins at once, and in TLS the client speaks first.
                200..=299 if self.head.len() > after => return Err(ProxyFault::Intruding),
                200..=299 => return Ok(true),
                300..=399 => return Err(ProxyFault::Redirect(status(&self.head)?)),
                403 => return Err(ProxyFault::Forbidden),
                407 => return Err(ProxyFault::Credentials),
                through @ 502..=504 => return Err(ProxyFault::NotThrough(through)),
                other => return Err(ProxyFault::Status(other)),
            }
        }
    }
}

/// The status of a status line: `HTTP/1.x`, a space, three digits, and a space or the line's end.
fn status(head: &[u8]) -> Result<u16, ProxyFault> {
    let garbled = ProxyFault::NoProxy("its status line is garbled");
    let Some([minor, b' ', code @ .., after]) =
        head.strip_prefix(VERSION).and_then(|rest| rest.get(..6))
    else {
        return Err(garbled);
    };
    let digits = minor.is_ascii_digit() && code.iter().all(u8::is_ascii_digit);
    if !digits || !matches!(after, b' ' | b'\r') {
        return Err(garbled);
    }
    let code = code
        .iter()
        .fold(0, |sum: u16, digit| sum * 10 + u16::from(digit - b'0'));
    if code < 100 {
        return Err(garbled);
    }
    Ok(code)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(text: &str) -> Result<bool, ProxyFault> {
        Answer::default().take(text.as_bytes())
    }

    #[test]
    fn a_tunnel_stands_after_any_2xx_with_nothing_behind_it() {
        for text in [
            "HTTP/1.1 200 Connection established\r\n\r\n",
            "HTTP/1.0 200\r\nVia: 1.1 proxy\r\n\r\n",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        ] {
            assert!(whole(text).unwrap(), "{text}");
        }
        assert!(!whole("HTTP/1.1 200 OK\r\nVia: ").unwrap());
        assert!(!whole("HTTP/1.1 100 Continue\r\n\r\n").unwrap());
    }

    #[test]
    fn refusals_are_told_apart() {
        use ProxyFault::*;
        let status = |code: u16| whole(&format!("HTTP/1.1 {code} x\r\n\r\n")).unwrap_err();
        assert!(matches!(status(407), Credentials));
        assert!(matches!(status(403), Forbidden));
        assert!(matches!(status(302), Redirect(302)));
        assert!(matches!(status(504), NotThrough(504)));
        assert!(matches!(status(101), Status(101)));
        assert!(matches!(status(999), Status(999)));
        for garbage in ["SSH-2.0-OpenSSH\r\n", "\u{16}\u{3}\u{3}", "HTTP/2 200\r\n"] {
            assert!(matches!(whole(garbage), Err(NoProxy(_))), "{garbage:?}");
        }
        for garbled in [
            "HTTP/1.1 20 \r\n\r\n",
            "HTTP/1.1 2000 x\r\n\r\n",
            "HTTP/1.1\r\n\r\n",
        ] {
            assert!(matches!(whole(garbled), Err(NoProxy(_))), "{garbled:?}");
        }
        let early = whole("HTTP/1.1 200 OK\r\n\r\nX").unwrap_err();
        assert!(matches!(early, Intruding));
    }

    #[test]
    fn a_head_without_end_is_cut() {
        let mut answer = Answer::default();
        assert!(!answer.take(b"HTTP/1.1 200 OK\r\n").unwrap());
        let mut taken = 0;
        let fault = loop {
            match answer.take(b"X-Pad: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n") {
                Ok(false) => taken += 1,
                other => break other,
            }
        };
        assert!(matches!(fault, Err(ProxyFault::Endless)), "after {taken}");
        // Interim answers without end are no way around the bound.
        let mut answer = Answer::default();
        let fault = loop {
            match answer.take(b"HTTP/1.1 103 Early Hints\r\n\r\n") {
                Ok(false) => {}
                other => break other,
            }
        };
        assert!(matches!(fault, Err(ProxyFault::Endless)));
    }

    proptest! {
        #[test]
        fn how_an_answer_is_cut_into_reads_changes_nothing(
            text in "HTTP/1\\.[01] [0-9]{3}( [a-z]{0,9})?\r\n(x: [a-z]{0,20}\r\n){0,3}\r\n",
            size in 1_usize..9,
        ) {
            let at_once = whole(&text).map_err(|fault| fault.to_string());
            let mut answer = Answer::default();
            let mut in_parts = Ok(false);
            for chunk in text.as_bytes().chunks(size) {
                in_parts = answer.take(chunk).map_err(|fault| fault.to_string());
                if in_parts.is_err() {
                    break;
                }
            }
            prop_assert_eq!(at_once, in_parts);
        }

        #[test]
        fn no_bytes_make_it_fall_over(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut answer = Answer::default();
            let mut all = b"HTTP/1.1 ".to_vec();
            all.extend(bytes);
            let _ = answer.take(&all);
        }
    }
}
