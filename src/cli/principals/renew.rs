//! Renewing the own certificate.

use std::path::PathBuf;

use clap::Args;

use crate::{access::PrincipalKind, client::Client};

use super::{
    super::{
        Target,
        exit::Failure,
        out::{Out, moment},
    },
    add::read_request,
};

#[derive(Debug, Args)]
pub(in crate::cli) struct Renew {
    #[command(flatten)]
    target: Target,
    /// Certificate request for a new key; without it the key stays.
    #[arg(long, requires = "to")]
    csr: Option<PathBuf>,
    /// Write the new certificate to this file, instead of over the one in use.
    #[arg(long)]
    to: Option<PathBuf>,
}

impl Renew {
    pub(super) async fn carry_out(self, kind: PrincipalKind, out: &mut Out) -> Result<(), Failure> {
        let profile = self.target.profile(kind)?;
        let request = self.csr.as_deref();
        if let Some(path) = request {
            // Refused here with its reason, before anybody is asked.
            read_request(path)?;
        }
        let request = request.map(std::fs::read).transpose()?.unwrap_or_default();
        let mut client = Client::connect(&profile).await?;
        client.refresh().await;
        let renewed = client.renew(request).await?;
        let path = self
            .to
            .unwrap_or_else(|| profile.certificate_path().clone());
        crate::client::replace(&path, renewed.certificate_pem.as_bytes())
            .map_err(|error| Failure::not_written(&path, &error))?;
        let until = crate::record::Moment::from_micros(renewed.expires_us);
        if out.json() {
            return out.value(&serde_json::json!({
                "name": renewed.principal,
                "certificate": path,
                "expires": until.to_string(),
            }));
        }
        out.line(&format!(
            "{}  until {}\n{}",
            renewed.principal,
            moment(until),
            path.display()
        ))
    }
}
