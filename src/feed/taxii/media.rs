//! Media types, as TAXII wants them named.

/// What TAXII answers with and takes.
pub const MEDIA_TYPE: &str = "application/taxii+json;version=2.1";
/// What objects are.
pub const STIX_MEDIA_TYPE: &str = "application/stix+json;version=2.1";

/// Longest header that is looked at.
const MAX_HEADER: usize = 1024;

/// Whether an answer in TAXII 2.1 is what an `Accept` header asks for. Without one it is not: a client
/// says which version it speaks.
pub fn accepts(header: &str) -> bool {
    header.len() <= MAX_HEADER
        && header.split(',').any(|one| {
            let (named, version) = parts(one);
            match named.as_str() {
                "application/taxii+json" => version.is_none_or(|version| version == "2.1"),
                "*/*" | "application/*" => true,
                _ => false,
            }
        })
}

/// Whether a body says that it is TAXII 2.1.
pub fn is_taxii(header: &str) -> bool {
    let (named, version) = parts(header);
    header.len() <= MAX_HEADER
        && named == "application/taxii+json"
        && version.as_deref() == Some("2.1")
}

/// The type, and its parameter `version`.
fn parts(one: &str) -> (String, Option<String>) {
    let mut tokens = one.split(';').map(str::trim);
    let named = tokens.next().unwrap_or_default().to_ascii_lowercase();
    let version = tokens.find_map(|token| {
        let (name, value) = token.split_once('=')?;
        let is_version = name.trim().eq_ignore_ascii_case("version");
        is_version.then(|| value.trim().trim_matches('"').to_owned())
    });
    (named, version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_in_taxii_2_1_or_none() {
        for header in [
            "application/taxii+json;version=2.1",
            "application/taxii+json; version=2.1",
            "application/taxii+json",
            "application/taxii+json;version=\"2.1\"",
            "text/html, application/taxii+json;version=2.1;q=0.9",
            "*/*",
        ] {
            assert!(accepts(header), "{header}");
        }
        for header in [
            "",
            "application/json",
            "application/taxii+json;version=2.0",
            "application/vnd.oasis.taxii+json;version=2.0",
            "application/stix+json;version=2.1",
            "application/taxii+jsonp;version=2.1",
        ] {
            assert!(!accepts(header), "{header}");
        }
        assert!(!accepts(&"*/*,".repeat(300)));
    }

    #[test]
    fn a_body_names_its_version() {
        assert!(is_taxii(MEDIA_TYPE));
        assert!(is_taxii("application/taxii+json; version=2.1"));
        for header in [
            "",
            "application/taxii+json",
            "application/json",
            "application/taxii+json;version=2.0",
        ] {
            assert!(!is_taxii(header), "{header}");
        }
    }
}
