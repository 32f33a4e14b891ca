//! `comity keys`: the node's keys, how they are kept, and new ones in place of old ones.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::{
    home::{Home, HomeError, leaf},
    node::{
        renew::{RenewError, Stopped},
        system_clock,
    },
};

use super::{
    exit::{Failure, USAGE},
    init::new_passphrase_for,
    node_home::NodeHome,
    out::Out,
    store::{bar, show},
};

mod list;

/// The node's keys.
#[derive(Debug, Subcommand)]
pub(super) enum Keys {
    /// Show which keys there are, where they lie, and which old ones are still needed.
    List(list::List),
    /// Put a new key in place of an old one.
    Rotate(Rotate),
    /// Put the key files under a passphrase; the node must be stopped.
    Protect(Protect),
    /// Put the key files into the clear again; the node must be stopped.
    Unprotect(Unprotect),
    /// Change the passphrase of the key files.
    Passphrase(ChangePassphrase),
}

#[derive(Debug, Args)]
pub(super) struct Rotate {
    /// Which key.
    which: Which,
    #[command(flatten)]
    home: NodeHome,
    /// Of the signing key: have the token of `[keys.signer]` in config.toml make and keep it.
    #[arg(long)]
    pkcs11: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Which {
    /// The key that signs records, receipts, marks and checkpoints; the node must be stopped.
    Signing,
    /// The key to which peers seal; a running node takes it up.
    Sealing,
    /// The key of the node's two certificates; a running node takes it up.
    Tls,
    /// The key over values at rest; the node must be stopped.
    Storage,
    /// The key over the shred slots; the node must be stopped.
    FileKey,
}

#[derive(Debug, Args)]
pub(super) struct Protect {
    /// Home of the node.
    #[arg(long, env = "COMITY_HOME")]
    home: PathBuf,
    /// File with the passphrase, `-` for standard input; asked for when absent.
    #[arg(long)]
    passphrase_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Unprotect {
    #[command(flatten)]
    home: NodeHome,
}

#[derive(Debug, Args)]
pub(super) struct ChangePassphrase {
    #[command(flatten)]
    home: NodeHome,
    /// File with the new passphrase; asked for when absent.
    #[arg(long)]
    new_passphrase_file: Option<PathBuf>,
}

impl Keys {
    pub(super) fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.carry_out(out),
            Self::Rotate(rotate) => rotate.carry_out(out),
            Self::Protect(protect) => protect.carry_out(out),
            Self::Unprotect(unprotect) => unprotect.carry_out(out),
            Self::Passphrase(change) => change.carry_out(out),
        }
    }
}

impl Rotate {
    fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let now = system_clock()();
        if self.pkcs11 && self.which != Which::Signing {
            return Err(Failure::new(
                USAGE,
                "--pkcs11 goes with the signing key: a token keeps no other key",
            ));
        }
        let home = self.home.open()?;
        match self.which {
            Which::Tls => {
                let card = home.rotate_tls_key(now)?;
                let link = leaf(home.link_material()?.certificate()).map_err(HomeError::from)?;
                if out.json() {
                    return out.value(&serde_json::json!({
                        "until": link.until.to_string(), "cardVersion": card.version,
                    }));
                }
                out.line(&format!(
                    "new key and certificates until {}; card version {} takes the old key back",
                    link.until, card.version
                ))?;
                out.note("a running node takes both up within seconds, and peers refuse the old key once they hold the card");
                Ok(())
            }
            Which::Sealing => {
                let card = home.rotate_sealing_key(now)?;
                if out.json() {
                    return out.value(&serde_json::json!({ "cardVersion": card.version }));
                }
                out.line(&format!("card version {} names the new key", card.version))?;
                out.note(&format!(
                    "a running node takes it up within seconds and sends the card; the old key is destroyed once every peer holds the card, or after {} hours",
                    home.config().keys.sealing_overlap_h
                ));
                Ok(())
            }
            Which::Signing => {
                let stopped = stopped(home)?;
                let card = if self.pkcs11 {
                    stopped.rotate_signing_key_to_token(now)?
                } else {
                    stopped.rotate_signing_key(now)?
                };
                if out.json() {
                    return out.value(&serde_json::json!({ "cardVersion": card.version }));
                }
                out.line(&format!("card version {} names the new key", card.version))?;
                out.note("start the node: peers get the card over the link, and refuse what the old key signs from here on");
                Ok(())
            }
            Which::Storage => {
                let dir = home.layout().keys();
                stopped(home)?.rotate_storage_key(now)?;
                if out.json() {
                    return out.value(&serde_json::json!({ "rotated": "storage" }));
                }
                out.line("new storage key")?;
                out.note(&format!(
                    "what is sealed already stays under the old key: keep its file in {} as long as the journal",
                    dir.display()
                ));
                Ok(())
            }
            Which::FileKey => {
                let path = home.file_key_path();
                stopped(home)?.rotate_file_key()?;
                if out.json() {
                    return out.value(&serde_json::json!({ "rotated": "file-key" }));
                }
                out.line(&format!("new file key in {}", path.display()))?;
                out.note("the slots were written anew under it, and the old key was overwritten; a backup of the slots opens only with the key backed up beside it");
                Ok(())
            }
        }
    }
}

fn stopped(home: Home) -> Result<Stopped, RenewError> {
    let bar = bar();
    let stopped = Stopped::open(home, &mut |step| show(&bar, &step));
    bar.finish_and_clear();
    stopped
}

impl Protect {
    fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut home = Home::open(&self.home)?;
        let lock = home.lock()?;
        if home.key_files().is_protected() {
            // What a crash left in the clear goes; for that the keys have to open.
            let passphrase = super::init::read_passphrase(
                self.passphrase_file.as_deref(),
                "Passphrase of the node's keys: ",
                "--passphrase-file",
            )?;
            home.unlock(&passphrase)?;
            home.tidy_keys(&lock)?;
            if out.json() {
                return out.value(&serde_json::json!({ "protected": true, "changed": false }));
            }
            return out.line(
                "the keys were protected already; `comity keys passphrase` changes the passphrase",
            );
        }
        let passphrase = new_passphrase_for(
            self.passphrase_file.as_deref(),
            "Passphrase of the node's keys: ",
        )?;
        home.protect_keys(&passphrase, None, &lock)?;
        if out.json() {
            return out.value(&serde_json::json!({ "protected": true, "changed": true }));
        }
        out.line(&format!(
            "the keys in {} are protected; the node asks for the passphrase at every start",
            home.layout().keys().display()
        ))?;
        out.note("the files in the clear were overwritten, but a flash disk may keep copies of what they held, and so do backups: rotate what must not be found there. Keys of clients in certs/ and the two roots are not among them.");
        Ok(())
    }
}

impl Unprotect {
    fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut home = self.home.open()?;
        let lock = home.lock()?;
        let changed = home.key_files().is_protected();
        home.unprotect_keys(&lock)?;
        if out.json() {
            return out.value(&serde_json::json!({ "protected": false, "changed": changed }));
        }
        out.line(if changed {
            "the keys lie in the clear again, for their owner alone"
        } else {
            "the keys were not protected"
        })
    }
}

impl ChangePassphrase {
    fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let home = Home::open(self.home.dir())?;
        if !home.key_files().is_protected() {
            return Err(HomeError::NotProtected(home.layout().keys()).into());
        }
        let old = self.home.passphrase()?;
        let new = new_passphrase_for(
            self.new_passphrase_file.as_deref(),
            "New passphrase of the node's keys: ",
        )?;
        home.change_passphrase(&old, &new, None)?;
        if out.json() {
            return out.value(&serde_json::json!({ "changed": true }));
        }
        out.line("the new passphrase counts from the next start on")
    }
}
