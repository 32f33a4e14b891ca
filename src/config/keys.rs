//! How the node's keys are kept and replaced.

use std::{
    fmt::{self, Write as _},
    path::PathBuf,
    time::Duration,
};

use serde::Deserialize;

use super::{ConfigError, commented::text};

const MAX_TEXT_BYTES: usize = 64;

/// How the node's keys are kept and replaced.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeysConfig {
    /// Hours for which a replaced sealing key is kept at most, for peers that have not said that they
    /// hold the card with the new one.
    pub sealing_overlap_h: u64,
    /// The token that keeps the signing key, where one does.
    pub signer: Option<SignerConfig>,
}

/// A token that signs (PKCS #11).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignerConfig {
    /// The token's PKCS #11 library.
    pub module: PathBuf,
    /// Label of the token.
    pub token: String,
    /// Label of the key in it; a key's own number follows it.
    #[serde(default = "default_label")]
    pub label: String,
    /// File with the user's PIN, relative to the home or absolute; without it the systemd credential
    /// `comity-pin`.
    #[serde(default)]
    pub pin_file: Option<PathBuf>,
}

fn default_label() -> String {
    "comity".to_owned()
}

impl KeysConfig {
    /// For how long a replaced sealing key is kept at most.
    pub const fn sealing_overlap(&self) -> Duration {
        Duration::from_secs(self.sealing_overlap_h.saturating_mul(3600))
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let Some(signer) = &self.signer else {
            return Ok(());
        };
        if !signer.module.is_absolute() {
            return Err(ConfigError::Signer {
                field: "module",
                fault: "name the library by its absolute path",
            });
        }
        for (field, value, most) in [
            ("token", &signer.token, 32),
            ("label", &signer.label, MAX_TEXT_BYTES),
        ] {
            if value.is_empty() || value.len() > most || value.chars().any(char::is_control) {
                return Err(ConfigError::Signer {
                    field,
                    fault: "it needs 1 to 64 bytes (a token's label 32) without control characters",
                });
            }
        }
        Ok(())
    }

    pub(super) fn write_commented(&self, out: &mut String) -> fmt::Result {
        writeln!(
            out,
            "[keys]\n\
             # Hours for which a replaced sealing key is kept at most. It goes sooner, once every peer\n\
             # said that it holds the card with the new one.\n\
             sealing_overlap_h = {}",
            self.sealing_overlap_h
        )?;
        let Some(signer) = &self.signer else {
            return writeln!(
                out,
                "# A token that keeps the signing key (PKCS #11); `comity keys rotate signing --pkcs11` moves\n\
                 # to it. Without pin_file the PIN is the systemd credential `comity-pin`.\n\
                 # [keys.signer]\n\
                 # module = \"/usr/lib/softhsm/libsofthsm2.so\"\n\
                 # token = \"comity\"\n\
                 # label = \"comity\"\n\
                 # pin_file = \"keys-pin\"\n"
            );
        };
        writeln!(
            out,
            "[keys.signer]\nmodule = {}\ntoken = {}\nlabel = {}",
            text(&signer.module.to_string_lossy()),
            text(&signer.token),
            text(&signer.label),
        )?;
        if let Some(file) = &signer.pin_file {
            writeln!(out, "pin_file = {}", text(&file.to_string_lossy()))?;
        }
        writeln!(out)
    }
}

impl Default for KeysConfig {
    fn default() -> Self {
        Self {
            sealing_overlap_h: 24,
            signer: None,
        }
    }
}
