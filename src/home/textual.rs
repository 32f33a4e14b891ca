//! Bytes as text (RFC 7468): base64 between two lines that say what it is.

use base64::{Engine as _, prelude::BASE64_STANDARD};

/// Text of `bytes` under a label, such as `CERTIFICATE`, in lines of 64.
pub fn textual(label: &str, bytes: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(bytes);
    let mut out = format!("-----BEGIN {label}-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(64));
        out.push_str(line);
        out.push('\n');
        rest = more;
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}
