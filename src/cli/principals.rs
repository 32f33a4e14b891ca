//! `comity officer|system|auditor|operator add|list|revoke|renew`: certificates of principals.

mod add;
mod renew;
mod revoke;
mod token;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::{
    access::{Principal, PrincipalKind},
    home::Home,
    node::system_clock,
};

use super::{
    exit::{Failure, USAGE},
    out::Out,
};

pub(super) use add::second;

/// Certificates of one kind of principal.
#[derive(Debug, Subcommand)]
pub(super) enum Principals {
    /// Issue a certificate, with a new key and a profile for `--profile`, or for a key that its holder
    /// keeps; hand the folder to that person alone.
    #[command(alias = "issue")]
    Add(add::Add),
    /// List the certificates issued, and which count no more.
    List(List),
    /// Revoke a principal's certificates, or one by its serial; a running node cuts their
    /// connections.
    Revoke(revoke::Revoke),
    /// Renew the own certificate over the client port, for the same time again.
    Renew(renew::Renew),
    /// Give a case system a token for TAXII, for tools that cannot come with a certificate, or take it
    /// back.
    Token(token::Token),
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Home of the node.
    #[arg(long, env = "COMITY_HOME")]
    home: PathBuf,
}

impl Principals {
    pub(super) async fn carry_out(self, kind: PrincipalKind, out: &mut Out) -> Result<(), Failure> {
        match self {
            Self::Add(add) => add.carry_out(kind, out),
            Self::List(list) => list.carry_out(kind, out),
            Self::Revoke(revoke) => revoke.carry_out(kind, out).await,
            Self::Renew(renew) => renew.carry_out(kind, out).await,
            Self::Token(token) => token.carry_out(kind, out),
        }
    }
}

impl List {
    fn carry_out(self, kind: PrincipalKind, out: &mut Out) -> Result<(), Failure> {
        let home = Home::open(&self.home)?;
        let revoked = home.revocations()?.serials;
        let kept = home.kept_clients()?;
        let now = system_clock()();
        let prefix = format!("comity://{}/{kind}/", home.country());
        let mut rows = Vec::new();
        for issued in home.issued_clients()? {
            if !issued.name.starts_with(&prefix) {
                continue;
            }
            let serial = hex::encode(&issued.serial);
            let principal = issued.principal();
            let kept = principal.as_ref().is_some_and(|own| {
                let same = |other: &Principal| other.to_string() == own.to_string();
                own.name() == crate::home::LOCAL || kept.iter().any(same)
            });
            let is_revoked = revoked.contains(&issued.serial);
            if out.json() {
                out.value(&serde_json::json!({
                    "name": issued.name, "authority": issued.authority, "roles": issued.roles,
                    "serial": serial, "expires": issued.until, "revoked": is_revoked,
                    "ended": !issued.counts(now), "keyInHome": kept,
                }))?;
                continue;
            }
            let state = match (is_revoked, issued.counts(now)) {
                (true, _) => "REVOKED",
                (false, false) => "ENDED",
                (false, true) if kept => "key in the home",
                (false, true) => "",
            };
            rows.push(vec![
                issued.name,
                issued.authority,
                issued.roles.join(" "),
                serial,
                issued.until,
                state.to_owned(),
            ]);
        }
        if out.json() {
            return Ok(());
        }
        out.table(
            &["NAME", "AUTHORITY", "ROLES", "SERIAL", "EXPIRES", ""],
            rows,
        )
    }
}

/// A principal of the home's country, as typed: the name, with or without the kind before it.
fn named(home: &Home, kind: PrincipalKind, typed: &str) -> Result<Principal, Failure> {
    let name = typed.strip_prefix(&format!("{kind}/")).unwrap_or(typed);
    Principal::new(home.country(), kind, name)
        .map_err(|fault| Failure::new(USAGE, fault.to_string()))
}
