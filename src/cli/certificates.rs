//! `comity card renew-certificates`: the node's TLS certificates, before they end.

use clap::Args;

use crate::{
    home::{HomeError, TlsMaterial, leaf},
    node::system_clock,
};

use super::{exit::Failure, node_home::NodeHome, out::Out};

#[derive(Debug, Args)]
pub(super) struct RenewCertificates {
    #[command(flatten)]
    home: NodeHome,
}

impl RenewCertificates {
    pub(super) fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let home = self.home.open()?;
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
