//! Issuing a certificate.

use std::{
    collections::BTreeSet,
    fs::{self, OpenOptions},
    io::{Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use prost::Message as _;

use crate::{
    access::{Principal, PrincipalKind, Role},
    home::{CERTIFICATE_LIFE, CERTIFICATE_LIVES, CertificateRequest, Home, MAX_REQUEST_BYTES},
    node::system_clock,
    record::Moment,
};

use super::{
    super::{
        exit::{DATAERR, Failure, NOINPUT, USAGE},
        node_home::NodeHome,
        out::{Out, moment},
    },
    named,
};

#[derive(Debug, Args)]
pub(in crate::cli) struct Add {
    #[command(flatten)]
    home: NodeHome,
    /// Name, such as n.karimova: lower-case letters, digits, `.`, `-`, `_`.
    name: String,
    /// Authority, one of those in config.toml; an officer has to have one where there are any.
    #[arg(long)]
    authority: Option<String>,
    /// Role of an officer: liaison-officer (the default), analyst, judicial-authority or
    /// victim-protection-officer; may be given several times. Others have their kind's role.
    #[arg(long = "role")]
    roles: Vec<String>,
    /// For how long, such as 12h or 30d; at most 366 days.
    #[arg(long, value_parser = life, default_value = "365d")]
    valid: Duration,
    /// Certificate request (PKCS #10, PEM or DER) for a key that its holder keeps, on a smart card
    /// for instance: Ed25519, P-256, P-384 or RSA. Names in it are not looked at.
    #[arg(long, conflicts_with = "keep")]
    csr: Option<PathBuf>,
    /// New folder for certificate, key and profile.
    #[arg(long, required_unless_present = "keep")]
    out: Option<PathBuf>,
    /// Keep certificate and key in the home, for `--home DIR --as NAME`.
    #[arg(long, conflicts_with = "out")]
    keep: bool,
}

/// `12h`, `30d`, `90m` or `600s`.
pub(super) fn life(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no time such as 12h or 30d, from 60s to 366d");
    let (number, unit) = text
        .split_at_checked(text.len().saturating_sub(1))
        .ok_or_else(wrong)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let life = Duration::from_secs(number.checked_mul(seconds).ok_or_else(wrong)?);
    if CERTIFICATE_LIVES.contains(&life) {
        Ok(life)
    } else {
        Err(wrong())
    }
}

impl Add {
    pub(super) fn carry_out(self, kind: PrincipalKind, out: &mut Out) -> Result<(), Failure> {
        let home = self.home.open()?;
        let principal = self.principal(&home, kind)?;
        let now = system_clock()();
        let (at, expires_at) = match (&self.out, &self.csr) {
            (Some(folder), Some(request)) => {
                let request = read_request(request)?;
                let issued = home.issue_for(principal.clone(), &request, self.valid, now)?;
                let profile = write_profile(&home, folder, &issued.certificate_pem, None)?;
                (profile, issued.expires_at)
            }
            (Some(folder), None) => {
                let issued = issue(&home, principal.clone(), self.valid, folder)?;
                (issued.profile, issued.expires_at)
            }
            (None, _) => {
                let issued = home.issue_client(principal.clone(), self.valid, now)?;
                (home.keep_client(&issued)?, issued.expires_at)
            }
        };
        if out.json() {
            return out.value(&serde_json::json!({
                "name": principal.uri(),
                "authority": principal.authority(),
                "roles": principal.roles().iter().map(|role| role.as_str()).collect::<Vec<_>>(),
                "profile": at,
                "expires": expires_at.to_string(),
            }));
        }
        out.line(&format!(
            "{}  until {}\n{}",
            principal.uri(),
            moment(expires_at),
            at.display()
        ))?;
        if self.csr.is_some() {
            out.note("the private key stays with its holder; where it is a file, the profile expects it beside itself as key.pem, mode 0600");
        }
        Ok(())
    }

    /// Who is to be enrolled, with the defaults of the kind, checked against the configuration.
    fn principal(&self, home: &Home, kind: PrincipalKind) -> Result<Principal, Failure> {
        let usage = |fault: &dyn std::fmt::Display| Failure::new(USAGE, fault.to_string());
        let authorities = &home.config().authorities;
        match &self.authority {
            Some(name) if !authorities.contains(name) => {
                return Err(Failure::new(
                    DATAERR,
                    format!(
                        "`{}` is none of the authorities in config.toml ({}); add it there first and run \
                         `comity card reissue`",
                        name.escape_debug(),
                        authorities.join(", ")
                    ),
                ));
            }
            None if kind == PrincipalKind::Officer && !authorities.is_empty() => {
                return Err(usage(&format!(
                    "an officer belongs to an authority; give --authority, one of {}",
                    authorities.join(", ")
                )));
            }
            _ => {}
        }
        let mut roles = BTreeSet::new();
        for role in &self.roles {
            roles.insert(role.parse::<Role>().map_err(|fault| usage(&fault))?);
        }
        if roles.is_empty() && kind == PrincipalKind::Officer {
            roles.insert(Role::LiaisonOfficer);
        }
        named(home, kind, &self.name)?
            .with_authority(self.authority.as_deref())
            .and_then(|principal| principal.with_roles(roles))
            .map_err(|fault| usage(&fault))
    }
}

/// Reads a certificate request from a file.
pub(super) fn read_request(path: &Path) -> Result<CertificateRequest, Failure> {
    let unreadable = |error: &dyn std::fmt::Display| {
        Failure::new(
            NOINPUT,
            format!("{} cannot be read: {error}", path.display()),
        )
    };
    let mut bytes = Vec::new();
    let most = u64::try_from(MAX_REQUEST_BYTES).unwrap_or(u64::MAX);
    fs::File::open(path)
        .and_then(|file| file.take(most.saturating_add(1)).read_to_end(&mut bytes))
        .map_err(|error| unreadable(&error))?;
    CertificateRequest::parse(&bytes)
        .map_err(|fault| Failure::new(DATAERR, format!("{}: {fault}", path.display())))
}

/// A certificate that was issued, and the profile to use it with.
pub(super) struct Issued {
    profile: PathBuf,
    expires_at: Moment,
}

/// Issues a certificate with a new key and writes both and a profile into a new folder.
fn issue(
    home: &Home,
    principal: Principal,
    life: Duration,
    folder: &Path,
) -> Result<Issued, Failure> {
    let issued = home.issue_client(principal, life, system_clock()())?;
    let profile = write_profile(home, folder, &issued.certificate_pem, Some(&issued.key_pem))?;
    Ok(Issued {
        profile,
        expires_at: issued.expires_at,
    })
}

/// Enrols a second person of a kind with everything that the local one may do; answers the profile.
/// For the demonstration, which needs two persons.
pub(in crate::cli) fn second(
    home: &Home,
    kind: PrincipalKind,
    folder: &Path,
) -> Result<PathBuf, Failure> {
    let usage = |fault: crate::access::PrincipalError| Failure::new(USAGE, fault.to_string());
    let authority = home.config().authorities.first().map(String::as_str);
    let authority = authority.filter(|_| kind == PrincipalKind::Officer);
    let roles = Role::ALL.into_iter();
    let roles = roles.filter(|role| role.kind() == kind);
    let principal = Principal::new(home.country(), kind, "second")
        .and_then(|principal| principal.with_authority(authority))
        .and_then(|principal| principal.with_roles(roles.collect()))
        .map_err(usage)?;
    Ok(issue(home, principal, CERTIFICATE_LIFE, folder)?.profile)
}

fn write_profile(
    home: &Home,
    folder: &Path,
    certificate: &str,
    key: Option<&str>,
) -> Result<PathBuf, Failure> {
    let mut listen = home.config().client_listen;
    if listen.ip().is_unspecified() {
        listen.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    let ca = fs::read_to_string(home.layout().issuing_ca())
        .map_err(|error| Failure::not_written(&home.layout().issuing_ca(), &error))?;
    fs::create_dir(folder).map_err(|error| Failure::not_written(folder, &error))?;
    if let Some(key) = key {
        write(&folder.join("key.pem"), key.as_bytes())?;
    }
    write(&folder.join("certificate.pem"), certificate.as_bytes())?;
    write(&folder.join("ca.pem"), ca.as_bytes())?;
    let card = home.own_card().signed.encode_to_vec();
    write(&folder.join(crate::client::NODE_CARD), &card)?;
    let profile = folder.join("profile.toml");
    let text = format!(
        "country = \"{}\"\naddress = \"{listen}\"\nca = \"ca.pem\"\ncertificate = \"certificate.pem\"\nkey = \"key.pem\"\n",
        home.country()
    );
    write(&profile, text.as_bytes())?;
    Ok(profile)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives_are_read_with_their_unit() {
        assert_eq!(life("12h"), Ok(Duration::from_secs(12 * 3600)));
        assert_eq!(life("30d"), Ok(Duration::from_secs(30 * 24 * 3600)));
        assert_eq!(life("60s"), Ok(Duration::from_secs(60)));
        for wrong in [
            "",
            "h",
            "12",
            "-1h",
            "367d",
            "59s",
            "1y",
            "12ч",
            "99999999999999999999d",
        ] {
            assert!(life(wrong).is_err(), "{wrong}");
        }
    }
}
