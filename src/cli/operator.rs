//! `comity operator issue NAME`: a certificate for another operator of the node.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};

use crate::{home::Home, node::system_clock, record::Moment};

use super::{
    exit::Failure,
    out::{Out, moment},
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
        let issued = issue(&Home::open(&self.home)?, &self.name, &self.out)?;
        if out.json() {
            return out.value(&serde_json::json!({
                "name": issued.name,
                "profile": issued.profile,
                "expires": issued.expires_at.to_string(),
            }));
        }
        out.line(&format!(
            "{}  until {}\n{}",
            issued.name,
            moment(issued.expires_at),
            issued.profile.display()
        ))
    }
}

/// A certificate that was issued, and the profile to use it with.
pub(super) struct Issued {
    pub(super) name: String,
    pub(super) profile: PathBuf,
    pub(super) expires_at: Moment,
}

/// Issues a certificate to an operator and writes it, its key and a profile into a new folder.
pub(super) fn issue(home: &Home, name: &str, folder: &Path) -> Result<Issued, Failure> {
    let issued = home.issue_client(name, "operator", system_clock()())?;
    let mut listen = home.config().client_listen;
    if listen.ip().is_unspecified() {
        listen.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    let ca = fs::read_to_string(home.layout().issuing_ca())
        .map_err(|error| Failure::not_written(&home.layout().issuing_ca(), &error))?;
    fs::create_dir(folder).map_err(|error| Failure::not_written(folder, &error))?;
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
    Ok(Issued {
        name: issued.name.to_string(),
        profile,
        expires_at: issued.expires_at,
    })
}

/// A new file that only its owner reads.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| Failure::not_written(path, &error))?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(|error| Failure::not_written(path, &error))
}
