//! Connecting to the node a command is about.

use std::{ffi::OsString, path::PathBuf};

use crate::{
    client::{Client, ClientError, Profile},
    home::Home,
};

use super::{
    Target,
    exit::{CONFIG, Failure, UNAVAILABLE, USAGE},
};

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let code = match &error {
            ClientError::Profile { .. } | ClientError::Home(_) => CONFIG,
            ClientError::Connect(_) => UNAVAILABLE,
        };
        Self::new(code, error.to_string())
    }
}

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

    /// A client of the node named by home or profile.
    pub(super) async fn connect(&self) -> Result<Client, Failure> {
        let profile = match self.chosen()? {
            Chosen::Profile(path) => Profile::load(&path)?,
            Chosen::Home(dir) => Profile::operator(&Home::open(&dir)?)?,
        };
        Ok(Client::connect(&profile).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(flags: (&str, &str), variables: (&str, &str)) -> Option<Chosen> {
        let given = |text: &str| (!text.is_empty()).then(|| PathBuf::from(text));
        let target = Target {
            home: given(flags.0),
            profile: given(flags.1),
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
