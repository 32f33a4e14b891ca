//! `comity operator issue|list|revoke`: certificates of the operators of the node.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};

use crate::{
    access::{Principal, PrincipalKind, Role},
    home::{CERTIFICATE_LIFE, Home, HomeError, ProfileError},
    node::system_clock,
    record::Moment,
};

use super::{
    exit::{DATAERR, Failure, USAGE},
    out::{Out, moment},
};

/// Certificates of the node's operators.
#[derive(Debug, Subcommand)]
pub(super) enum Operator {
    /// Issue a certificate, with a profile for `--profile`; hand the folder to that person alone.
    Issue(Issue),
    /// List the certificates issued, and which count no more.
    List(List),
    /// Revoke a person's certificates, or one by its serial; a running node cuts their connections.
    Revoke(Revoke),
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

#[derive(Debug, Args)]
pub(super) struct List {
    /// Home of the node.
    #[arg(long, env = "COMITY_HOME")]
    home: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Revoke {
    /// Home of the node.
    #[arg(long, env = "COMITY_HOME")]
    home: PathBuf,
    /// Name of the operator, for every certificate of theirs, or the serial of one in hexadecimal.
    who: String,
}

impl Operator {
    pub(super) fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        match self {
            Self::Issue(issue) => issue.carry_out(out),
            Self::List(list) => list.carry_out(out),
            Self::Revoke(revoke) => revoke.carry_out(out),
        }
    }
}

impl List {
    fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let home = Home::open(&self.home)?;
        let revoked = home.revocations()?.serials;
        let mut rows = Vec::new();
        for issued in home.issued_clients()? {
            let serial = hex::encode(&issued.serial);
            let counts = !revoked.contains(&issued.serial);
            if out.json() {
                out.value(&serde_json::json!({
                    "name": issued.name, "serial": serial, "expires": issued.until,
                    "revoked": !counts,
                }))?;
            } else {
                let state = if counts { "" } else { "REVOKED" };
                rows.push(vec![issued.name, serial, issued.until, state.to_owned()]);
            }
        }
        if out.json() {
            return Ok(());
        }
        out.table(&["NAME", "SERIAL", "EXPIRES", ""], rows)
    }
}

impl Revoke {
    fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let home = Home::open(&self.home)?;
        let serials = match serial(&self.who) {
            Some(serial) => vec![serial],
            None => self.of_the_name(&home)?,
        };
        let added = home.revoke_clients(&serials, system_clock()())?;
        let serials: Vec<String> = serials.iter().map(hex::encode).collect();
        if out.json() {
            return out.value(&serde_json::json!({ "serials": serials, "added": added }));
        }
        for serial in &serials {
            out.line(serial)?;
        }
        out.note(if added == 0 {
            "revoked before; nothing changed"
        } else {
            "revoked: a running node refuses them and cuts their connections within seconds"
        });
        Ok(())
    }

    fn of_the_name(&self, home: &Home) -> Result<Vec<Vec<u8>>, Failure> {
        let wanted = Principal::new(home.country(), PrincipalKind::Operator, &self.who)
            .map_err(|fault| Failure::new(USAGE, fault.to_string()))?
            .uri();
        let issued = home.issued_clients()?;
        let serials: Vec<Vec<u8>> = issued
            .into_iter()
            .filter(|issued| issued.name == wanted)
            .map(|issued| issued.serial)
            .collect();
        if serials.is_empty() {
            return Err(Failure::new(
                DATAERR,
                format!(
                    "no certificate of {wanted} is in {}; `comity operator list` shows who has one. One \
                     issued elsewhere is revoked by its serial, which `openssl x509 -noout -serial` shows",
                    home.layout().issued().display()
                ),
            ));
        }
        Ok(serials)
    }
}

/// A serial as `comity operator list` and openssl write it: 16 bytes in hexadecimal, with or without
/// colons.
fn serial(text: &str) -> Option<Vec<u8>> {
    let bytes = hex::decode(text.replace(':', "")).ok()?;
    (bytes.len() == 16).then_some(bytes)
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
    let principal = Principal::new(home.country(), PrincipalKind::Operator, name)
        .map_err(|fault| Failure::from(HomeError::from(ProfileError::from(fault))))?;
    issue_to(home, principal, folder)
}

/// The same for a liaison officer.
pub(super) fn issue_officer(home: &Home, name: &str, folder: &Path) -> Result<Issued, Failure> {
    let principal = Principal::new(home.country(), PrincipalKind::Officer, name)
        .and_then(|officer| officer.with_roles([Role::LiaisonOfficer].into()))
        .map_err(|fault| Failure::from(HomeError::from(ProfileError::from(fault))))?;
    issue_to(home, principal, folder)
}

fn issue_to(home: &Home, principal: Principal, folder: &Path) -> Result<Issued, Failure> {
    let issued = home.issue_client(principal, CERTIFICATE_LIFE, system_clock()())?;
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
        name: issued.principal.uri(),
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
