//! Bytes as text that survives e-mail: base64 between two lines that say what it is.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::home::textual;

/// Text of `bytes`, marked as `what`, such as `CARD`.
pub(super) fn armour(what: &str, bytes: &[u8]) -> String {
    textual(&format!("COMITY {what}"), bytes)
}

/// The bytes in a text that is marked as `what`; bytes that are no such text as they are.
///
/// # Errors
/// What is wrong with the text.
pub(super) fn unarmour(what: &str, bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    let begin = format!("-----BEGIN COMITY {what}-----");
    let end = format!("-----END COMITY {what}-----");
    let Some((_, rest)) = std::str::from_utf8(&bytes)
        .ok()
        .and_then(|text| text.split_once(&begin))
    else {
        return Ok(bytes);
    };
    let Some((body, _)) = rest.split_once(&end) else {
        return Err(format!("the line `{end}` is missing"));
    };
    let body: String = body.split_whitespace().collect();
    STANDARD.decode(body).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn armour_survives_being_quoted() {
        let bytes = vec![7; 300];
        let text = armour("CARD", &bytes);
        assert!(text.lines().all(|line| line.len() <= 64));
        let quoted = format!("Dear colleague,\n{}\nYours", text.replace('\n', "\r\n"));
        assert_eq!(unarmour("CARD", quoted.into_bytes()), Ok(bytes));
        let cut = text.replace("-----END", "");
        assert!(
            unarmour("CARD", cut.into_bytes())
                .unwrap_err()
                .contains("missing")
        );
        assert_eq!(unarmour("CARD", vec![1, 2]), Ok(vec![1, 2]));
    }
}
