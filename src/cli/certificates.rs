//! `comity card renew-certificates`: the node's TLS certificates, before they end.

use std::path::PathBuf;

use clap::Args;

use crate::{
    home::{Home, HomeError, TlsMaterial, leaf},
    node::system_clock,
};

use super::{exit::Failure, out::Out};

#[derive(Debug, Args)]
pub(super) struct RenewCertificates {
    /// Home of the node.
    #[arg(long, env = "COMITY_HOME")]
    home: PathBuf,
}

impl RenewCertificates {
    pub(super) fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let home = Home::open(&self.home)?;
        home.renew_node_certificates(system_clock()())?;
        let until = |own: TlsMaterial| leaf(own.certificate()).map(|leaf| leaf.until.to_string());
        let link = until(home.link_material()?).map_err(HomeError::from)?;
        let port = until(home.client_port_material()?).map_err(HomeError::from)?;
        out.note("a running node takes them up within seconds; links and clients stay connected");
        if out.json() {
            return out.value(&serde_json::json!({ "link": link, "clientPort": port }));
        }
        out.line(&format!(
            "links         until {link}\nclient port   until {port}"
        ))
    }
}
