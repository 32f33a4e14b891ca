//! `comity root`: the country root, which is kept offline.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::home::{Home, root::open_root};

use super::{
    delegate,
    exit::{DATAERR, Failure},
    incarnate::Authorise,
    init::passphrase,
    out::Out,
};

/// Use the country root, which is kept offline.
#[derive(Debug, Subcommand)]
pub(super) enum Root {
    /// Say where the two roots are, how they are moved offline, and what they are needed for again.
    Offline(At),
    /// Open a root file with its passphrase and show whose root it is.
    Check(Check),
    /// Write what the root is asked to sign before its delegations end; changes nothing.
    Request(delegate::Request),
    /// Sign new delegations with the root, on the machine where it is kept.
    Delegate(delegate::Delegate),
    /// Sign what a restored node asked for: a new incarnation. Needs no home.
    Authorise(Authorise),
}

#[derive(Debug, Args)]
pub(super) struct At {
    /// Home of the node.
    #[arg(long, env = "COMITY_HOME")]
    home: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Check {
    /// Home of the node.
    #[arg(long, env = "COMITY_HOME")]
    home: PathBuf,
    /// The root file, wherever it is kept [default: root/root.age in the home].
    #[arg(long)]
    file: Option<PathBuf>,
    /// File with the passphrase, `-` for standard input; asked for when absent.
    #[arg(long)]
    passphrase_file: Option<PathBuf>,
}

impl Root {
    pub(super) fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        match self {
            Self::Offline(at) => offline(&at, out),
            Self::Check(check) => check.carry_out(out),
            Self::Request(request) => request.carry_out(out),
            Self::Delegate(delegate) => delegate.carry_out(out),
            Self::Authorise(authorise) => authorise.carry_out(out),
        }
    }
}

fn offline(at: &At, out: &mut Out) -> Result<(), Failure> {
    let home = Home::open(&at.home)?;
    let layout = home.layout();
    for (name, path, purpose) in [
        (
            "country root",
            layout.country_root(),
            "signs a new issuing CA or card key, every two years or after a theft, and a new incarnation after a restore",
        ),
        (
            "recovery root",
            layout.recovery_root(),
            "the only answer to a lost or stolen country root; keep it elsewhere",
        ),
    ] {
        let here = path.is_file();
        if out.json() {
            out.value(&serde_json::json!({
                "root": name, "file": path, "here": here, "purpose": purpose,
            }))?;
        } else {
            out.line(&format!(
                "{name}: {}\n  {purpose}\n  {}",
                path.display(),
                if here {
                    "STILL HERE: copy it to two offline media, check each copy with `comity root check --file COPY`, then delete it here"
                } else {
                    "not here: the node runs without it"
                }
            ))?;
        }
    }
    Ok(())
}

impl Check {
    fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let home = Home::open(&self.home)?;
        let file = self.file.unwrap_or_else(|| home.layout().country_root());
        let passphrase = passphrase(self.passphrase_file.as_deref())?;
        let key = open_root(&file, &passphrase)?;
        let card = home.own_card();
        let kind = if *key.public() == card.root_key {
            "country root"
        } else if crate::card::recovery_commitment(key.public()) == card.recovery_commitment {
            "recovery root"
        } else {
            return Err(Failure::new(
                DATAERR,
                format!(
                    "{} opens, but it is neither root of {}",
                    file.display(),
                    card.country
                ),
            ));
        };
        if out.json() {
            return out.value(&serde_json::json!({
                "country": card.country.code(),
                "kind": kind,
                "fingerprint": card.fingerprint().to_string(),
            }));
        }
        out.line(&format!(
            "{}: the {kind} of {}, fingerprint {}",
            file.display(),
            card.country,
            card.fingerprint()
        ))
    }
}
