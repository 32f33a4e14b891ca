//! Connecting to the node a command is about.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use crate::{
    access::{Principal, PrincipalError, PrincipalKind},
    client::{Client, Profile},
    home::{Home, LOCAL},
};

use super::{
    Target,
    exit::{CONFIG, Failure, USAGE},
};

/// How long a command repeats what may succeed later: as long as somebody waits without a word.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a command is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Chosen {
    Home(PathBuf),
    Profile(PathBuf),
}

impl Target {
    /// Home or profile: what a flag says, else what the environment says.
    ///
    /// # Errors
    /// A usage error when neither says anything, or the environment says both.
    pub(super) fn chosen(&self) -> Result<Chosen, Failure> {
        self.choose(|name| std::env::var_os(name).filter(|value| !value.is_empty()))
    }

    /// Whether a flag or the environment says whose node.
    pub(super) fn is_named(&self) -> bool {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let flag = self.home.is_some() || self.profile.is_some();
        flag || set("COMITY_HOME") || set("COMITY_PROFILE")
    }

    fn choose(&self, environment: impl Fn(&str) -> Option<OsString>) -> Result<Chosen, Failure> {
        match (&self.home, &self.profile) {
            (Some(home), _) => return Ok(Chosen::Home(home.clone())),
            (None, Some(profile)) => return Ok(Chosen::Profile(profile.clone())),
            (None, None) => {}
        }
        match (environment("COMITY_HOME"), environment("COMITY_PROFILE")) {
            (Some(home), None) => Ok(Chosen::Home(home.into())),
            (None, Some(profile)) => Ok(Chosen::Profile(profile.into())),
            (Some(_), Some(_)) => Err(Failure::new(
                USAGE,
                "COMITY_HOME and COMITY_PROFILE are both set: unset one, or say --home or --profile",
            )),
            (None, None) => Err(Failure::new(
                USAGE,
                "whose node? give --home DIR or --profile FILE, or set COMITY_HOME or COMITY_PROFILE",
            )),
        }
    }

    /// A client of the node named by home or profile, for what is about records: in a home the local
    /// officer, or whom `--as` names.
    pub(super) async fn connect(&self) -> Result<Client, Failure> {
        self.connect_as(PrincipalKind::Officer).await
    }

    /// A client for what runs the node: in a home the first operator, or whom `--as` names.
    pub(super) async fn connect_operator(&self) -> Result<Client, Failure> {
        self.connect_as(PrincipalKind::Operator).await
    }

    async fn connect_as(&self, usual: PrincipalKind) -> Result<Client, Failure> {
        let client = Client::connect_renewing(&mut self.profile(usual)?).await?;
        Ok(client.with_patience(PATIENCE))
    }

    /// Who calls which node: in a home the local one of the `usual` kind, or whom `--as` names.
    pub(super) fn profile(&self, usual: PrincipalKind) -> Result<Profile, Failure> {
        Ok(match (self.chosen()?, &self.as_whom) {
            (Chosen::Home(dir), None) => Profile::kept(&Home::open(&dir)?, usual, LOCAL)?,
            (Chosen::Home(dir), Some(whom)) => {
                let home = Home::open(&dir)?;
                let (kind, name) = whom_in(&home, whom)?;
                Profile::kept(&home, kind, &name)?
            }
            (Chosen::Profile(path), None) => Profile::load(&path)?,
            (Chosen::Profile(_), Some(_)) => {
                return Err(Failure::new(
                    USAGE,
                    "--as chooses among the keys of a home; a profile is one principal already: leave --as out",
                ));
            }
        })
    }
}

/// Kind and name of a principal whose key lies in the home: `officer/n.karimova`, or without a kind
/// an officer's name.
fn whom_in(home: &Home, whom: &str) -> Result<(PrincipalKind, String), Failure> {
    let usage = |fault: PrincipalError| Failure::new(USAGE, fault.to_string());
    let (kind, name) = whom.split_once('/').unwrap_or(("officer", whom));
    let kind = kind.parse().map_err(usage)?;
    let principal = Principal::new(home.country(), kind, name).map_err(usage)?;
    let (certificate, _) = home.layout().client(kind, principal.name());
    if !certificate.exists() {
        return Err(Failure::new(
            CONFIG,
            format!(
                "no key of {principal} lies in {}; `comity {kind} add {} --keep` makes one there, and \
                 whoever has a profile of their own uses --profile",
                home.dir().display(),
                principal.name(),
            ),
        ));
    }
    Ok((kind, principal.name().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(flags: (&str, &str), variables: (&str, &str)) -> Option<Chosen> {
        let given = |text: &str| (!text.is_empty()).then(|| PathBuf::from(text));
        let target = Target {
            home: given(flags.0),
            profile: given(flags.1),
            as_whom: None,
        };
        let environment = |name: &str| match name {
            "COMITY_HOME" => given(variables.0).map(PathBuf::into_os_string),
            _ => given(variables.1).map(PathBuf::into_os_string),
        };
        target.choose(environment).ok()
    }

    #[test]
    fn a_flag_wins_over_the_environment() {
        let home = |path: &str| Some(Chosen::Home(path.into()));
        let profile = |path: &str| Some(Chosen::Profile(path.into()));
        assert_eq!(choose(("", "p"), ("h", "")), profile("p"));
        assert_eq!(choose(("h", ""), ("", "p")), home("h"));
        assert_eq!(choose(("h", ""), ("x", "p")), home("h"));
        assert_eq!(choose(("", ""), ("h", "")), home("h"));
        assert_eq!(choose(("", ""), ("", "p")), profile("p"));
        assert_eq!(choose(("", ""), ("h", "p")), None);
        assert_eq!(choose(("", ""), ("", "")), None);
    }
}
