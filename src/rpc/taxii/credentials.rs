//! Tokens of case systems without a certificate, as the home's file says now.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use base64::Engine as _;

use crate::{
    access::Principal,
    crypto::Digest,
    home::{Layout, taxii_tokens, token_digest},
    record::{Country, Moment},
};

/// How often the file is looked at.
const LOOK: Duration = Duration::from_secs(2);
/// Longest header that is looked at.
const MAX_HEADER: usize = 1024;

/// Who comes by which token.
#[derive(Debug)]
pub(in crate::rpc) struct Credentials {
    layout: Layout,
    country: Country,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    looked: Option<Instant>,
    stamp: Option<(SystemTime, u64)>,
    tokens: Arc<HashMap<Digest, (Principal, Moment)>>,
}

impl Credentials {
    /// Of a home.
    pub(in crate::rpc) fn of(layout: Layout, country: Country) -> Self {
        Self {
            layout,
            country,
            known: Mutex::default(),
        }
    }

    /// Who an `Authorization` header speaks for; `None` when for nobody.
    pub(super) fn principal(&self, header: &str, now: Moment) -> Option<Principal> {
        let (name, token) = said(header)?;
        let tokens = self.tokens();
        // By its digest: how long this takes tells nothing of a token.
        let (principal, until) = tokens.get(&token_digest(&token))?;
        let named = name.is_none_or(|name| name == principal.name());
        (named && *until > now).then(|| principal.clone())
    }

    /// The tokens as the file says now. One that does not read lets nobody in.
    fn tokens(&self) -> Arc<HashMap<Digest, (Principal, Moment)>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.looked.is_some_and(|at| at.elapsed() < LOOK) {
            return Arc::clone(&known.tokens);
        }
        known.looked = Some(Instant::now());
        let stamp = std::fs::metadata(self.layout.taxii_tokens())
            .ok()
            .and_then(|of| Some((of.modified().ok()?, of.len())));
        if stamp == known.stamp && stamp.is_some() {
            return Arc::clone(&known.tokens);
        }
        let tokens = match taxii_tokens(&self.layout, self.country) {
            Ok(tokens) => {
                known.stamp = stamp;
                tokens
            }
            Err(error) => {
                tracing::error!(%error, "no token lets anybody in to TAXII");
                // It is read again, although it may be the same file then.
                known.stamp = None;
                Vec::new()
            }
        };
        let tokens = tokens.into_iter();
        known.tokens = Arc::new(
            tokens
                .map(|one| (one.digest, (one.principal, one.until)))
                .collect(),
        );
        Arc::clone(&known.tokens)
    }
}

/// The name, where one is said, and the token.
fn said(header: &str) -> Option<(Option<String>, String)> {
    if header.len() > MAX_HEADER {
        return None;
    }
    let (scheme, rest) = header.split_once(' ')?;
    let rest = rest.trim();
    match scheme.to_ascii_lowercase().as_str() {
        "basic" => {
            let bytes = base64::engine::general_purpose::STANDARD
                .decode(rest)
                .ok()?;
            let text = String::from_utf8(bytes).ok()?;
            let (name, token) = text.split_once(':')?;
            Some((Some(name.to_owned()), token.to_owned()))
        }
        "token" | "bearer" => Some((None, rest.to_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_says_a_token_or_nothing() {
        let some = |name: Option<&str>| Some((name.map(str::to_owned), "comity_1".to_owned()));
        assert_eq!(
            said("Basic b3BlbmN0aTpjb21pdHlfMQ=="),
            some(Some("opencti"))
        );
        assert_eq!(said("Token comity_1"), some(None));
        assert_eq!(said("bearer  comity_1"), some(None));
        for header in [
            "",
            "Basic",
            "Basic ???",
            "Basic b3BlbmN0aQ==",
            "Digest x",
            &"Token ".repeat(300),
        ] {
            assert_eq!(said(header), None, "{header}");
        }
    }
}
