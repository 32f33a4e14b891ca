//! Connecting to the node a command is about.

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

impl Target {
    /// The home, where one was given.
    pub(super) fn open_home(&self) -> Result<Home, Failure> {
        let Some(dir) = &self.home else {
            return Err(Failure::new(
                USAGE,
                "this command needs the node's home: give --home DIR or set COMITY_HOME",
            ));
        };
        Ok(Home::open(dir)?)
    }

    /// A client of the node named by home or profile.
    pub(super) async fn connect(&self) -> Result<Client, Failure> {
        let profile = match &self.profile {
            Some(path) => Profile::load(path)?,
            None => Profile::operator(&self.open_home()?)?,
        };
        Ok(Client::connect(&profile).await?)
    }
}
