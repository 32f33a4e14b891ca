//! Consent tokens: the origin's signed consent to one use of one record, by one country, for one
//! beneficiary, for a time.

use prost::{Message as _, bytes::Bytes};

use super::OriginKeys;
use crate::{
    crypto::{Digest, Domain, KeyId, Signer, SigningFault, SigningKey},
    record::{Country, Moment},
    wire::envelope::{ConsentToken, ConsentUse, SignedConsentToken},
};

/// Most bytes of an encoded token: fixed parts, 16 labels and a beneficiary of 256 characters.
const MAX_TOKEN_BYTES: usize = 2048;
/// Most labels of a token; a record has six.
const MAX_LABELS: usize = 16;
/// Longest beneficiary, in characters.
const MAX_BENEFICIARY: usize = 256;

/// A token does not allow what it is shown for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The origin's card does not vouch for the key.
    #[error("the card of {0} has no such signing key")]
    UnknownKey(Country),
    /// The key was retired since.
    #[error("{0} retired the key that signed the consent token; ask for consent again")]
    Retired(Country),
    /// The signature does not hold: not the origin's, or altered since.
    #[error("the signature of {0} does not hold over the consent token")]
    BadSignature(Country),
    /// The token is not a message in canonical form, or breaks a rule.
    #[error("the consent token is malformed: {0}")]
    Malformed(&'static str),
    /// It is about another record.
    #[error("the consent token is for another record")]
    OtherRecord,
    /// It was given to another country.
    #[error("the consent token was given to {0}")]
    OtherGrantee(String),
    /// It is for another use.
    #[error("the consent token is for another use: {}", .0.as_str_name())]
    OtherUse(ConsentUse),
    /// It does not cover a compartment.
    #[error("the consent token does not cover the compartment with label {0}")]
    OtherCompartment(u32),
    /// It is for somebody else.
    #[error("the consent token is for another beneficiary")]
    OtherBeneficiary,
    /// Its time is over.
    #[error("the consent token ended at {0}")]
    Expired(Moment),
}

/// What a token is shown for.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// SHA-256 of the record's header.
    pub header_digest: &'a Digest,
    /// The record's origin, who gives consent.
    pub origin: Country,
    /// Who uses the record.
    pub grantee: Country,
    /// For what.
    pub purpose: ConsentUse,
    /// Labels of the compartments used.
    pub compartments: &'a [u32],
    /// For whom, exactly as it was asked.
    pub beneficiary: &'a str,
    /// The present.
    pub now: Moment,
    /// Whether the token came in the origin's own answer, which was verified with its place on the
    /// lane: only then a key counts that was retired since. Shown by somebody else, nothing in a
    /// token proves that it is older than a theft.
    pub answered: bool,
}

/// Signs a token: the domain's prefix and the token's encoding.
///
/// # Errors
/// [`SigningFault`] when whoever keeps the node's key does not sign.
pub fn sign_token_by(
    token: &ConsentToken,
    signer: &dyn Signer,
) -> Result<SignedConsentToken, SigningFault> {
    let token = token.encode_to_vec();
    Ok(SignedConsentToken {
        key_id: Bytes::copy_from_slice(&signer.public().id()),
        signature: Bytes::copy_from_slice(&signer.sign(Domain::Consent, &token)?),
        token: token.into(),
    })
}

/// As [`sign_token_by`], with a key in memory.
pub fn sign_token(token: &ConsentToken, key: &SigningKey) -> SignedConsentToken {
    let token = token.encode_to_vec();
    SignedConsentToken {
        key_id: Bytes::copy_from_slice(&key.public().id()),
        signature: Bytes::copy_from_slice(&key.sign(Domain::Consent, &token)),
        token: token.into(),
    }
}

/// Verifies a token of the claim's origin, then decodes it, then checks that it allows exactly what
/// is claimed. Whether a token that serves once was used before, the caller's state knows.
///
/// # Errors
/// [`TokenError`], by what does not hold first.
pub fn verify_token(
    signed: &SignedConsentToken,
    claim: Claim<'_>,
    trust: &(impl OriginKeys + ?Sized),
) -> Result<ConsentToken, TokenError> {
    let token = authentic(signed, claim.origin, claim.answered, trust)?;
    if token.header_digest != claim.header_digest.as_bytes()[..] {
        return Err(TokenError::OtherRecord);
    }
    if token.grantee != claim.grantee.code() {
        return Err(TokenError::OtherGrantee(token.grantee));
    }
    if token.r#use() != claim.purpose {
        return Err(TokenError::OtherUse(token.r#use()));
    }
    let uncovered = claim
        .compartments
        .iter()
        .find(|label| !token.compartments.contains(label));
    if let Some(label) = uncovered {
        return Err(TokenError::OtherCompartment(*label));
    }
    if token.beneficiary != claim.beneficiary {
        return Err(TokenError::OtherBeneficiary);
    }
    let expires = token
        .expires_at
        .as_ref()
        .map(Moment::from)
        .ok_or(TokenError::Malformed("expires_at"))?;
    if expires <= claim.now {
        return Err(TokenError::Expired(expires));
    }
    Ok(token)
}

/// The token when its origin signed it and it is well formed.
fn authentic(
    signed: &SignedConsentToken,
    origin: Country,
    answered: bool,
    trust: &(impl OriginKeys + ?Sized),
) -> Result<ConsentToken, TokenError> {
    if signed.token.len() > MAX_TOKEN_BYTES {
        return Err(TokenError::Malformed("too long"));
    }
    let vouched = KeyId::try_from(&*signed.key_id)
        .ok()
        .and_then(|id| trust.signing_key(origin, &id))
        .ok_or(TokenError::UnknownKey(origin))?;
    vouched
        .key
        .verify(Domain::Consent, &signed.token, &signed.signature)
        .map_err(|_| TokenError::BadSignature(origin))?;
    if !answered && !vouched.counts(None) {
        return Err(TokenError::Retired(origin));
    }
    let token = ConsentToken::decode(signed.token.clone())
        .map_err(|_| TokenError::Malformed("encoding"))?;
    let faults = [
        (
            token.encode_to_vec() != signed.token,
            "not in canonical form",
        ),
        (token.header_digest.len() != 32, "header_digest"),
        (token.origin != origin.code(), "origin"),
        (token.grantee.parse::<Country>().is_err(), "grantee"),
        (
            !matches!(
                ConsentUse::try_from(token.r#use),
                Ok(ConsentUse::Court | ConsentUse::Onward)
            ),
            "use",
        ),
        (
            token.compartments.is_empty()
                || token.compartments.len() > MAX_LABELS
                || !token.compartments.is_sorted_by(|a, b| a < b),
            "compartments",
        ),
        (
            token.beneficiary.is_empty() || token.beneficiary.chars().count() > MAX_BENEFICIARY,
            "beneficiary",
        ),
        (token.request_digest.len() != 32, "request_digest"),
        (token.expires_at.is_none(), "expires_at"),
        (token.nonce.len() != 16, "nonce"),
    ];
    match faults.into_iter().find(|(found, _)| *found) {
        Some((_, fault)) => Err(TokenError::Malformed(fault)),
        None => Ok(token),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::tests::OneCard;

    #[test]
    fn a_token_of_a_retired_key_counts_only_in_the_answer_it_came_with() {
        let key = SigningKey::from_seed(&[3; 32]).unwrap();
        let tj = country("TJ");
        let lane = ([5; 16], 3, 9);
        let trust = OneCard::retired(tj, *key.public(), "UZ", lane);
        let header = Digest::of(b"header");
        let signed = sign_token(&token(&header), &key);
        let shown = verify_token(&signed, claim(&header), &trust);
        assert_eq!(shown, Err(TokenError::Retired(tj)));
        let answered = Claim {
            answered: true,
            ..claim(&header)
        };
        assert_eq!(verify_token(&signed, answered, &trust), Ok(token(&header)));
    }

    fn country(code: &str) -> Country {
        code.parse().unwrap()
    }

    fn at(micros: i64) -> Moment {
        Moment::from_micros(micros)
    }

    fn token(header: &Digest) -> ConsentToken {
        ConsentToken {
            header_digest: header.to_vec().into(),
            origin: "TJ".to_owned(),
            grantee: "UZ".to_owned(),
            r#use: ConsentUse::Onward.into(),
            compartments: vec![1, 2],
            beneficiary: "KG/state-prosecutor".to_owned(),
            request_digest: Digest::of(b"request").to_vec().into(),
            expires_at: Some(at(2_000_000).into()),
            nonce: vec![7; 16].into(),
            single_use: true,
        }
    }

    fn claim(header: &Digest) -> Claim<'_> {
        Claim {
            header_digest: header,
            origin: country("TJ"),
            grantee: country("UZ"),
            purpose: ConsentUse::Onward,
            compartments: &[1, 2],
            beneficiary: "KG/state-prosecutor",
            now: at(1_000_000),
            answered: false,
        }
    }

    #[test]
    fn a_token_allows_exactly_what_it_says() {
        let key = SigningKey::from_seed(&[3; 32]).unwrap();
        let trust = OneCard::in_use(country("TJ"), *key.public());
        let header = Digest::of(b"header");
        let signed = sign_token(&token(&header), &key);
        let judge = |claim| verify_token(&signed, claim, &trust).map(|_| ());
        assert_eq!(judge(claim(&header)), Ok(()));
        assert_eq!(
            judge(Claim {
                compartments: &[2],
                ..claim(&header)
            }),
            Ok(())
        );

        let other = Digest::of(b"another");
        let cases = [
            (
                Claim {
                    header_digest: &other,
                    ..claim(&header)
                },
                TokenError::OtherRecord,
            ),
            (
                Claim {
                    grantee: country("KZ"),
                    ..claim(&header)
                },
                TokenError::OtherGrantee("UZ".to_owned()),
            ),
            (
                Claim {
                    purpose: ConsentUse::Court,
                    ..claim(&header)
                },
                TokenError::OtherUse(ConsentUse::Onward),
            ),
            (
                Claim {
                    compartments: &[1, 4],
                    ..claim(&header)
                },
                TokenError::OtherCompartment(4),
            ),
            (
                Claim {
                    beneficiary: "KG",
                    ..claim(&header)
                },
                TokenError::OtherBeneficiary,
            ),
            (
                Claim {
                    now: at(2_000_000),
                    ..claim(&header)
                },
                TokenError::Expired(at(2_000_000)),
            ),
            (
                Claim {
                    origin: country("KZ"),
                    ..claim(&header)
                },
                TokenError::UnknownKey(country("KZ")),
            ),
        ];
        for (claim, error) in cases {
            assert_eq!(judge(claim), Err(error));
        }
    }

    #[test]
    fn forged_and_altered_tokens_are_refused() {
        let key = SigningKey::from_seed(&[3; 32]).unwrap();
        let forger = SigningKey::from_seed(&[4; 32]).unwrap();
        let tj = country("TJ");
        let trust = OneCard::in_use(tj, *key.public());
        let header = Digest::of(b"header");
        let judge =
            |signed: &SignedConsentToken| verify_token(signed, claim(&header), &trust).map(|_| ());
        let good = sign_token(&token(&header), &key);
        let forged = sign_token(&token(&header), &forger);
        assert_eq!(judge(&forged), Err(TokenError::UnknownKey(tj)));
        let renamed = SignedConsentToken {
            key_id: good.key_id.clone(),
            ..forged
        };
        assert_eq!(judge(&renamed), Err(TokenError::BadSignature(tj)));
        for at in 0..good.token.len() {
            let mut altered = good.token.to_vec();
            altered[at] ^= 1;
            let altered = SignedConsentToken {
                token: altered.into(),
                ..good.clone()
            };
            assert_eq!(judge(&altered), Err(TokenError::BadSignature(tj)));
        }
        // A signature for another purpose is none for this one.
        let bytes = token(&header).encode_to_vec();
        let crossed = SignedConsentToken {
            signature: Bytes::copy_from_slice(&key.sign(Domain::Mark, &bytes)),
            ..good
        };
        assert_eq!(judge(&crossed), Err(TokenError::BadSignature(tj)));
    }

    #[test]
    fn what_the_origin_signed_malformed_is_refused_by_name() {
        let key = SigningKey::from_seed(&[3; 32]).unwrap();
        let trust = OneCard::in_use(country("TJ"), *key.public());
        let header = Digest::of(b"header");
        type Change = fn(&mut ConsentToken);
        let break_it: [(&str, Change); 9] = [
            ("header_digest", |token| token.header_digest = Bytes::new()),
            ("origin", |token| token.origin = "KZ".to_owned()),
            ("grantee", |token| token.grantee = "*".to_owned()),
            ("use", |token| token.r#use = 0),
            ("compartments", |token| token.compartments = vec![]),
            ("compartments", |token| token.compartments = vec![2, 1]),
            ("beneficiary", |token| token.beneficiary = String::new()),
            ("expires_at", |token| token.expires_at = None),
            ("nonce", |token| token.nonce = vec![7; 15].into()),
        ];
        for (fault, change) in break_it {
            let mut token = token(&header);
            change(&mut token);
            let judged = verify_token(&sign_token(&token, &key), claim(&header), &trust);
            assert_eq!(judged, Err(TokenError::Malformed(fault)));
        }
    }
}
