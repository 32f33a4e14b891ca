//! The home of a node whose keys a command needs.

use std::{
    io::IsTerminal as _,
    path::{Path, PathBuf},
};

use clap::Args;
use zeroize::Zeroizing;

use crate::home::{Home, HomeError};

use super::{exit::Failure, init::read_passphrase};

/// The systemd credential with the passphrase of the node's keys.
const CREDENTIAL: &str = "comity-keys";

/// The home of a node whose keys are used.
#[derive(Clone, Debug, Args)]
pub(super) struct NodeHome {
    /// Home of the node.
    #[arg(long, env = "COMITY_HOME")]
    home: PathBuf,
    #[command(flatten)]
    passphrase: KeyPassphrase,
}

/// Where the passphrase of a node's keys is, when they are protected.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct KeyPassphrase {
    /// File with the passphrase of the node's keys, where they are protected; `-` for standard input.
    /// Without it: the systemd credential `comity-keys`, or asked for.
    #[arg(long, env = "COMITY_KEY_PASSPHRASE_FILE", value_name = "FILE")]
    key_passphrase_file: Option<PathBuf>,
}

impl NodeHome {
    /// The folder.
    pub(super) fn dir(&self) -> &Path {
        &self.home
    }

    /// Opens the home with its keys.
    ///
    /// # Errors
    /// As [`KeyPassphrase::open`].
    pub(super) fn open(&self) -> Result<Home, Failure> {
        self.passphrase.open(&self.home)
    }

    /// The passphrase of the keys.
    pub(super) fn passphrase(&self) -> Result<Zeroizing<String>, Failure> {
        self.passphrase.read(&self.home)
    }
}

impl KeyPassphrase {
    /// Opens a home, with the passphrase where its keys are protected.
    ///
    /// # Errors
    /// [`Failure`] of the home, or of a passphrase that is missing or wrong.
    pub(super) fn open(&self, dir: &Path) -> Result<Home, Failure> {
        let mut home = Home::open(dir)?;
        if !home.key_files().is_open() {
            home.unlock(&self.read(dir)?)?;
        }
        Ok(home)
    }

    fn read(&self, home: &Path) -> Result<Zeroizing<String>, Failure> {
        let credential = std::env::var_os("CREDENTIALS_DIRECTORY")
            .map(|dir| PathBuf::from(dir).join(CREDENTIAL))
            .filter(|path| path.exists());
        let file = self.key_passphrase_file.clone().or(credential);
        if file.is_none() && !std::io::stdin().is_terminal() {
            return Err(HomeError::Protected(home.to_owned()).into());
        }
        read_passphrase(
            file.as_deref(),
            "Passphrase of the node's keys: ",
            "--key-passphrase-file",
        )
    }
}
