//! `comity operator issue NAME`: a certificate for another operator of the node.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};

use crate::{home::Home, node::system_clock};

use super::{
    exit::{CANTCREAT, Failure},
    out::Out,
};

/// Certificates of the node's operators.
#[derive(Debug, Subcommand)]
pub(super) enum Operator {
    /// Issue a certificate, with a profile for `--profile`; hand the folder to that person alone.
    Issue(Issue),
}

#[derive(Debug, Args)]
pub(super) struct Issue {
    /// Home of the node.
    #[arg(long, env = "COMITY_HOME")]
    home: PathBuf,
    /// Name of the operator, such as n.karimova: lower-case letters, digits, `.`, `-`, `_`.
    name: String,
    /// New folder for certificate, key and profile.
    #[arg(long)]
    out: PathBuf,
}

impl Operator {
    pub(super) fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let Self::Issue(issue) = self;
        issue.carry_out(out)
    }
}

impl Issue {
    fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let home = Home::open(&self.home)?;
        let issued = home.issue_client(&self.name, "operator", system_clock()())?;
        let mut listen = home.config().client_listen;
        if listen.ip().is_unspecified() {
            listen.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
        }
        let folder = &self.out;
        fs::create_dir(folder).map_err(|error| cannot(folder, &error))?;
        let ca = fs::read_to_string(home.layout().issuing_ca())
            .map_err(|error| cannot(&home.layout().issuing_ca(), &error))?;
        write(&folder.join("key.pem"), issued.key_pem.as_bytes())?;
        write(
            &folder.join("certificate.pem"),
            issued.certificate_pem.as_bytes(),
        )?;
        write(&folder.join("ca.pem"), ca.as_bytes())?;
        let profile = folder.join("profile.toml");
        let text = format!(
            "country = \"{}\"\naddress = \"{listen}\"\nca = \"ca.pem\"\ncertificate = \"certificate.pem\"\nkey = \"key.pem\"\n",
            home.country()
        );
        write(&profile, text.as_bytes())?;
        if out.json() {
            return out.value(&serde_json::json!({
                "name": issued.name.to_string(),
                "profile": profile,
                "expires": issued.expires_at.to_string(),
            }));
        }
        out.line(&format!(
            "{}  until {}\n{}",
            issued.name,
            issued.expires_at,
            profile.display()
        ))
    }
}

/// A new file that only its owner reads.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| cannot(path, &error))?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(|error| cannot(path, &error))
}

fn cannot(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(
        CANTCREAT,
        format!("{} cannot be written: {error}", path.display()),
    )
}
