//! Renewing what ends after two years, with the keys that the country has: the issuing CA's
//! certificate and the root's two delegations.
//!
//! The root is offline, so it takes three steps: the node makes a request, whoever holds the root
//! signs new delegations on a machine without a network, and the node issues a card with them. The
//! request names nothing new: the root signs for the very keys of the country's card, so that
//! whoever carries the request cannot have another key delegated.

use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::{
    CardContents, Home, HomeError, files,
    issue::{DELEGATION_LIFE, before},
    own_card::reissue,
    textual::textual,
};
use crate::{
    card::{DelegationRole, TrustedCard, VerifiedDelegation, sign_delegation, verify_stored_card},
    crypto::{Digest, SigningKey},
    record::Moment,
    wire::card::{DelegationRequest, Delegations},
};

impl Home {
    /// Issues both certificates of the node again, with the key that it has. A running node takes
    /// them up by itself.
    ///
    /// # Errors
    /// [`HomeError`] when the CA's or the node's key cannot be read, or a file not be replaced.
    pub fn renew_node_certificates(&self, now: Moment) -> Result<(), HomeError> {
        let layout = self.layout();
        let authority = self.issuing_ca()?;
        let key_path = layout.node_tls_key();
        let key = rcgen::KeyPair::from_pem(&self.key_files().read_text(&key_path)?)
            .map_err(|_| HomeError::Key(key_path))?;
        let country = self.country();
        let hosts = super::init::hosts(self.config());
        let link = authority.issue_link(country, &key, now)?;
        let port = authority.issue_client_port(country, &key, &hosts, now)?;
        // A crash in between leaves one certificate old, which is as good as before.
        files::replace(&layout.link_certificate(), link.as_bytes())?;
        files::replace(&layout.client_port_certificate(), port.as_bytes())
    }
}

/// What the root is asked to sign: the own card, and the issuing CA's certificate for another two
/// years. Changes nothing.
///
/// # Errors
/// [`HomeError`] when the CA's key cannot be read.
pub fn request_delegations(home: &Home, now: Moment) -> Result<DelegationRequest, HomeError> {
    let certificate =
        home.issuing_ca()?
            .renew(home.country(), &home.own_card().issuing_ca_der, now)?;
    Ok(DelegationRequest {
        card: Some(home.own_card().signed.clone()),
        issuing_ca_certificate: certificate.to_vec(),
    })
}

/// Signs new delegations with the root, for two years from `now`. Needs no home, so that it runs on
/// a machine that never had a network. Answers the card that asks, and the delegations.
///
/// # Errors
/// [`HomeError::Request`] for a card that does not verify, a root that is another country's, or a CA
/// that has another key than the card's.
pub fn delegate(
    request: &DelegationRequest,
    root: &SigningKey,
    now: Moment,
) -> Result<(TrustedCard, Delegations), HomeError> {
    let signed = request.card.clone().unwrap_or_default();
    let card = verify_stored_card(&signed)
        .map_err(|_| HomeError::Request("the card in it does not verify"))?;
    if *root.public() != card.root_key {
        return Err(HomeError::Request("this root is not the root of its card"));
    }
    if !is_renewal(&card.issuing_ca_der, &request.issuing_ca_certificate) {
        return Err(HomeError::Request(
            "its CA certificate has another key or name than the card's",
        ));
    }
    let sign = |role, held: &VerifiedDelegation, subject| {
        let serial = held.serial.checked_add(1).ok_or(HomeError::Request(
            "the serial of its delegation cannot grow",
        ))?;
        let delegation = VerifiedDelegation {
            subject,
            not_before: before(now),
            not_after: now + DELEGATION_LIFE,
            serial,
        };
        Ok::<_, HomeError>(sign_delegation(root, card.country, role, &delegation))
    };
    let ca = *Digest::of(&request.issuing_ca_certificate).as_bytes();
    let delegations = Delegations {
        issuing_ca: Some(sign(DelegationRole::IssuingCa, &card.issuing_ca, ca)?),
        issuing_ca_certificate: request.issuing_ca_certificate.clone(),
        card_key: Some(sign(
            DelegationRole::CardKey,
            &card.card_key,
            card.card_key.subject,
        )?),
    };
    Ok((card, delegations))
}

/// Issues the own card's next version with new delegations. Keys in use count as long as the
/// delegations do. A crash leaves the old card, or the new one with the CA's older certificate
/// beside it, which has the same key; the next start is none the worse.
///
/// # Errors
/// [`HomeError`]; the card stays then.
pub fn install_delegations(
    home: &Home,
    delegations: &Delegations,
    now: Moment,
) -> Result<TrustedCard, HomeError> {
    let held = &home.own_card().issuing_ca_der;
    if !is_renewal(held, &delegations.issuing_ca_certificate) {
        return Err(HomeError::Request(
            "their CA certificate has another key or name than this home's",
        ));
    }
    let until = now + DELEGATION_LIFE;
    let card = reissue(home, &CardContents::of(home.config()), now, 0, |card| {
        card.issuing_ca_delegation
            .clone_from(&delegations.issuing_ca);
        card.card_key_delegation.clone_from(&delegations.card_key);
        card.issuing_ca_certificate
            .clone_from(&delegations.issuing_ca_certificate);
        for key in &mut card.signing_keys {
            if key.retirement.is_none() {
                key.not_after = Some(until.into());
            }
        }
        if let Some(current) = card.sealing_keys.first_mut() {
            current.not_after = Some(until.into());
        }
    })?;
    let pem = textual("CERTIFICATE", &card.issuing_ca_der);
    files::replace(&home.layout().issuing_ca(), pem.as_bytes())?;
    Ok(card)
}

/// Whether a CA's certificate is another one's with the same name and key, signed by that key.
pub(super) fn is_renewal(held: &[u8], offered: &[u8]) -> bool {
    let (Ok((_, held)), Ok((rest, offered))) = (
        X509Certificate::from_der(held),
        X509Certificate::from_der(offered),
    ) else {
        return false;
    };
    rest.is_empty()
        && held.subject().as_raw() == offered.subject().as_raw()
        && held.public_key().raw == offered.public_key().raw
        && offered.verify_signature(None).is_ok()
}

/// Reads a request or delegations that came as bytes.
///
/// # Errors
/// [`HomeError::Request`].
pub fn decode<T: prost::Message + Default>(bytes: &[u8]) -> Result<T, HomeError> {
    T::decode(bytes).map_err(|_| HomeError::Request("it does not decode"))
}
