//! Tokens by which case systems without a certificate come to TAXII. A token is 256 random bits, shown
//! once; the home keeps its SHA-256, which is worth nothing to whoever reads it.

use std::{collections::BTreeSet, time::Duration};

use serde::{Deserialize, Serialize};

use super::{Home, HomeError, Layout, files, revocation::open_register};
use crate::{
    access::{Principal, PrincipalKind, Role},
    crypto::{Digest, random_bytes},
    record::{Country, Moment},
};

/// Tokens at most.
const MAX_TOKENS: usize = 1000;
/// What a token begins with, so that scanners for leaked secrets know it.
const PREFIX: &str = "comity_";

/// A token as the home keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptToken {
    /// Name of the case system.
    pub name: String,
    /// Its authority; empty for none.
    pub authority: String,
    /// SHA-256 of the token, hexadecimal.
    pub digest: String,
    /// When it ends, microseconds since 1970.
    pub until_us: i64,
}

/// A token that counts, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaxiiToken {
    /// SHA-256 of the token.
    pub digest: Digest,
    /// Whose.
    pub principal: Principal,
    /// When it ends.
    pub until: Moment,
}

/// SHA-256 of a token as it is typed.
pub fn token_digest(token: &str) -> Digest {
    Digest::of(token.as_bytes())
}

/// The tokens of a home, whether they have ended or not.
///
/// # Errors
/// [`HomeError`] when the file cannot be read, others may read it, or it does not parse.
pub fn taxii_tokens(layout: &Layout, country: Country) -> Result<Vec<TaxiiToken>, HomeError> {
    let path = layout.taxii_tokens();
    let damaged = || HomeError::Damaged(layout.taxii_tokens());
    let kept = kept(layout)?;
    kept.into_iter()
        .map(|one| {
            let bytes = hex::decode(&one.digest).map_err(|_| damaged())?;
            let authority = Some(one.authority.as_str()).filter(|name| !name.is_empty());
            let principal = Principal::new(country, PrincipalKind::CaseSystem, &one.name)
                .and_then(|of| of.with_authority(authority))
                .and_then(|of| of.with_roles(BTreeSet::<Role>::new()))
                .map_err(|_| HomeError::Damaged(path.clone()))?;
            Ok(TaxiiToken {
                digest: Digest::try_from(bytes.as_slice()).map_err(|_| damaged())?,
                principal,
                until: Moment::from_micros(one.until_us),
            })
        })
        .collect()
}

fn kept(layout: &Layout) -> Result<Vec<KeptToken>, HomeError> {
    let path = layout.taxii_tokens();
    if !path.exists() {
        return Ok(Vec::new());
    }
    let bytes = files::read_secret(&path)?;
    serde_json::from_slice(&bytes).map_err(|_| HomeError::Damaged(path))
}

impl Home {
    /// Gives a case system a token in place of those that it has. The token is answered and kept nowhere.
    ///
    /// # Errors
    /// [`HomeError`]; the tokens are as they were then.
    pub fn give_token(
        &self,
        principal: &Principal,
        life: Duration,
        now: Moment,
    ) -> Result<(String, Moment), HomeError> {
        let token = format!("{PREFIX}{}", hex::encode(random_bytes::<32>()?));
        let until = now + life;
        self.change_tokens(|all| {
            all.retain(|one| one.name != principal.name() && one.until_us > now.micros());
            if all.len() >= MAX_TOKENS {
                return Err(HomeError::TooManyTokens(MAX_TOKENS));
            }
            all.push(KeptToken {
                name: principal.name().to_owned(),
                authority: principal.authority().unwrap_or_default().to_owned(),
                digest: hex::encode(token_digest(&token).as_bytes()),
                until_us: until.micros(),
            });
            Ok(())
        })?;
        Ok((token, until))
    }

    /// Takes the tokens of a case system back; answers how many there were. A running node lets nobody in
    /// by them within seconds.
    ///
    /// # Errors
    /// [`HomeError`].
    pub fn take_tokens(&self, name: &str) -> Result<usize, HomeError> {
        let mut taken = 0;
        self.change_tokens(|all| {
            let before = all.len();
            all.retain(|one| one.name != name);
            taken = before.saturating_sub(all.len());
            Ok(())
        })?;
        Ok(taken)
    }

    /// Changes the file as a whole: a crash leaves the old one or the new one.
    fn change_tokens(
        &self,
        change: impl FnOnce(&mut Vec<KeptToken>) -> Result<(), HomeError>,
    ) -> Result<(), HomeError> {
        let register = self.layout().issued();
        let alone = open_register(&register)?;
        alone.lock().map_err(files::io(&register, "locked"))?;
        let mut all = kept(self.layout())?;
        change(&mut all)?;
        let path = self.layout().taxii_tokens();
        let text = serde_json::to_vec_pretty(&all).map_err(|_| HomeError::Damaged(path.clone()))?;
        files::replace(&path, &text)
    }
}
