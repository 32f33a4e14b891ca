//! CAs as trust anchors, and when they count.

use std::sync::Arc;

use rustls::{
    Error, RootCertStore,
    pki_types::{CertificateDer, UnixTime},
};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::{super::TlsError, refused};
use crate::{
    home::ProfileError,
    record::{Country, Moment},
};

/// When a CA's certificate counts, in seconds since 1970. webpki takes a trust anchor for good.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    from: i64,
    until: i64,
}

impl Span {
    /// Refuses a CA that does not count now.
    pub(super) fn check(self, country: Country, now: UnixTime) -> Result<(), Error> {
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        if (self.from..=self.until).contains(&now) {
            return Ok(());
        }
        let moment = |seconds: i64| Moment::from_micros(seconds.saturating_mul(1_000_000));
        Err(refused(ProfileError::CaTime {
            country,
            from: moment(self.from),
            until: moment(self.until),
        }))
    }
}

/// A CA as a trust anchor, and when it counts.
pub(super) fn anchor(der: &[u8]) -> Result<(Arc<RootCertStore>, Span), TlsError> {
    let (_, certificate) =
        X509Certificate::from_der(der).map_err(|fault| TlsError::Anchor(fault.to_string()))?;
    let span = Span {
        from: certificate.validity().not_before.timestamp(),
        until: certificate.validity().not_after.timestamp(),
    };
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from(der.to_vec()))
        .map_err(|fault| TlsError::Anchor(fault.to_string()))?;
    Ok((Arc::new(roots), span))
}
