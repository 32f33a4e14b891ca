//! Renewing the own certificate.

use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use time::OffsetDateTime;

use super::{Client, ClientError, Profile, replace};
use crate::wire::node::{RenewCertificateRequest, RenewCertificateResponse};

impl Client {
    /// Connects as [`Self::connect`], and renews the certificate as [`Self::renew_if_due`]: `profile`
    /// then has the new one too.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub async fn connect_renewing(profile: &mut Profile) -> Result<Self, ClientError> {
        let mut client = Self::connect(profile).await?;
        client.renew_if_due().await;
        *profile = client.profile.clone();
        Ok(client)
    }

    /// Renews the certificate when less than a third of its time is left: the new one takes the old
    /// one's place in its file and serves from the next connection on. What keeps it from being
    /// renewed is logged and keeps nobody from working. A client that lives longer than a third of
    /// its certificate calls this now and then; a watch does so by itself.
    pub async fn renew_if_due(&mut self) {
        if !self
            .profile
            .renewal_is_due(OffsetDateTime::now_utc().into())
        {
            return;
        }
        self.refresh().await;
        let renewed = match self.renew(Vec::new()).await {
            Ok(renewed) => renewed,
            Err(error) => {
                tracing::warn!(%error, "the certificate ends soon and is not renewed");
                return;
            }
        };
        let path = self.profile.certificate_path();
        if let Err(error) = replace(path, renewed.certificate_pem.as_bytes()) {
            tracing::warn!(path = %path.display(), %error, "the renewed certificate cannot be written");
        }
        if let Ok(own) = CertificateDer::from_pem_slice(renewed.certificate_pem.as_bytes()) {
            self.profile.own = self.profile.own.with_certificate(own);
        }
    }

    /// Takes up the node's newer card beside the profile, so that keys which it takes back are refused
    /// from the next connection on.
    pub async fn refresh(&mut self) {
        if let Some(held) = self.profile.card.clone() {
            self.take_node_card(self.profile.folder.clone(), held).await;
        }
    }

    /// Asks for the own certificate again, for the key of a certificate request (PEM or DER) or, where
    /// that is empty, for the present key. The answer has the certificate; nothing is written.
    ///
    /// # Errors
    /// [`ClientError::Refused`]: `CERTIFICATE_REVOKED`, `CERTIFICATE_REQUEST_INVALID`.
    pub async fn renew(
        &mut self,
        certificate_request: Vec<u8>,
    ) -> Result<RenewCertificateResponse, ClientError> {
        let request = RenewCertificateRequest {
            certificate_request,
        };
        let renewed = self.enrolment.renew_certificate(request).await?;
        Ok(renewed.into_inner())
    }
}
