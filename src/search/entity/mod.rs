//! Identifiers in one form: the same telephone, document, plate, account, wallet, handle or address
//! has the same key however it was written. Pure.

mod forms;
mod online;
mod phone;
#[cfg(test)]
mod tests;

use crate::{
    record::Country,
    wire::record::{Identifier, IdentifierType},
};

use forms::{MAX_CHARS, account, cleaned, device, enough, look_alikes, wallet, web};
use online::{SERVICES, email, handle};

/// What an identifier identifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// Telephone number, E.164.
    Phone,
    /// Passport or identity document; letters and digits, Latin look-alikes.
    Document,
    /// Vehicle registration plate; letters and digits, Latin look-alikes.
    Plate,
    /// Bank account, IBAN or card; letters and digits.
    Account,
    /// Crypto-asset address.
    Wallet,
    /// Account of an online service, without the service.
    Handle,
    /// E-mail address.
    Email,
    /// Web address of no known service.
    Web,
    /// Telephone, SIM card or vehicle by its serial number.
    Device,
    /// Other; letters and digits, within its type.
    Other,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 10] = [
        Self::Phone,
        Self::Document,
        Self::Plate,
        Self::Account,
        Self::Wallet,
        Self::Handle,
        Self::Email,
        Self::Web,
        Self::Device,
        Self::Other,
    ];

    /// Its name, as answers give it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Document => "document",
            Self::Plate => "plate",
            Self::Account => "account",
            Self::Wallet => "wallet",
            Self::Handle => "handle",
            Self::Email => "e-mail",
            Self::Web => "web address",
            Self::Device => "device",
            Self::Other => "other",
        }
    }
}

/// How sure it is that two identifiers are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Same {
    /// They are.
    Asserted,
    /// They may be: the service or issuer is not known on one side, or a national number lacks its
    /// country.
    Suggested,
}

/// An identifier in its one form.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entity {
    /// What it identifies.
    pub class: Class,
    /// Its one form.
    pub key: String,
    /// The service of a handle or the issuing country of a document or plate, where it is known.
    pub within: Option<String>,
    /// False for a national number whose country is not known.
    pub whole: bool,
}

impl Entity {
    /// The entity of an identifier of a record; `None` when it cannot tell one thing from another.
    pub fn of(identifier: &Identifier) -> Option<Self> {
        let country: Option<Country> = identifier.country.parse().ok();
        let text = cleaned(&identifier.value)?;
        let service = identifier.service.trim().to_lowercase();
        let kind = identifier.r#type();
        let class = match kind {
            IdentifierType::Phone => Class::Phone,
            IdentifierType::Document
            | IdentifierType::Passport
            | IdentifierType::NationalId
            | IdentifierType::ResidencePermit
            | IdentifierType::DrivingLicence => Class::Document,
            IdentifierType::VehiclePlate => Class::Plate,
            IdentifierType::BankAccount
            | IdentifierType::Iban
            | IdentifierType::PaymentCard
            | IdentifierType::MobileWallet => Class::Account,
            IdentifierType::CryptoAddress => Class::Wallet,
            IdentifierType::OnlineAccount | IdentifierType::Handle => Class::Handle,
            // A page of a known service is an account of it.
            IdentifierType::Url => {
                return handle(&text, &service)
                    .filter(|entity| {
                        SERVICES
                            .iter()
                            .any(|(_, of)| entity.within.as_deref() == Some(*of))
                    })
                    .or_else(|| Self::read(Class::Web, &text, country, &service));
            }
            IdentifierType::Email => Class::Email,
            IdentifierType::Imei => return imei(&text),
            IdentifierType::Imsi | IdentifierType::Vin => Class::Device,
            IdentifierType::Other
            | IdentifierType::TaxNumber
            | IdentifierType::IpAddress
            | IdentifierType::CompanyNumber
            | IdentifierType::Ticket
            | IdentifierType::Vessel
            | IdentifierType::HawalaReference => Class::Other,
            IdentifierType::Unspecified => return None,
        };
        if class == Class::Other {
            let mut other = Self::read(class, &text, country, &service)?;
            other.within = Some(kind.as_str_name().to_owned());
            return Some(other);
        }
        Self::read(class, &text, country, &service)
    }

    /// What a text may be, typed without saying what it is.
    pub fn candidates(text: &str) -> Vec<Self> {
        let Some(text) = cleaned(text) else {
            return Vec::new();
        };
        let mut found: Vec<Self> = Class::ALL
            .into_iter()
            .filter_map(|class| Self::read(class, &text, None, ""))
            .collect();
        // A national number may be of any country of the region.
        found.extend(phone::national(&text).into_iter().map(Self::sure_phone));
        found.extend(imei(&text));
        found.dedup();
        found
    }

    /// The telephone numbers in international form, e-mail addresses and @handles within a text.
    pub fn mentioned(text: &str) -> Vec<(Self, String)> {
        let mut found: Vec<(Self, String)> = phone::mentioned(text)
            .into_iter()
            .map(|(key, written)| (Self::sure_phone(key), written))
            .collect();
        if text.contains('@') {
            for word in text.split(|c: char| {
                c.is_whitespace()
                    || matches!(c, ',' | ';' | '<' | '>' | '(' | ')' | '"' | '«' | '»')
            }) {
                let word = word.trim_end_matches(['.', ':', '!', '?']);
                if word.len() > MAX_CHARS {
                    continue;
                }
                let entity = if word.starts_with('@') {
                    handle(word, "")
                } else {
                    email(word)
                };
                found.extend(entity.map(|entity| (entity, word.to_owned())));
            }
        }
        found
    }

    fn phone(number: phone::Number) -> Self {
        Self {
            class: Class::Phone,
            whole: number.whole,
            key: number.key,
            within: None,
        }
    }

    fn sure_phone(key: String) -> Self {
        Self::phone(phone::Number { key, whole: true })
    }

    fn read(class: Class, text: &str, country: Option<Country>, service: &str) -> Option<Self> {
        let plain = |key: String| {
            Some(Self {
                class,
                key,
                within: None,
                whole: true,
            })
        };
        let issued = |key: String| {
            Some(Self {
                class,
                key,
                within: country.map(|country| country.code().to_owned()),
                whole: true,
            })
        };
        let letters = || look_alikes(text);
        match class {
            Class::Phone => phone::e164(text, country).map(Self::phone),
            Class::Document => enough(letters(), 3).and_then(issued),
            Class::Plate => enough(letters(), 2)
                .filter(|key| key.len() <= 12)
                .and_then(issued),
            Class::Account => account(text).and_then(plain),
            Class::Wallet => wallet(text).and_then(plain),
            Class::Handle => handle(text, service),
            Class::Email => email(text),
            Class::Web => web(text).and_then(plain),
            Class::Device => device(text).and_then(plain),
            Class::Other => enough(letters(), 0).and_then(plain),
        }
    }

    /// Whether another entity is the same thing, and how sure; symmetric.
    pub fn same(&self, other: &Self) -> Option<Same> {
        if self.class != other.class || self.key != other.key {
            return None;
        }
        match (&self.within, &other.within) {
            (Some(one), Some(two)) if one != two => None,
            // Handles say nothing without their service.
            (Some(_), None) | (None, Some(_)) | (None, None) if self.class == Class::Handle => {
                Some(Same::Suggested)
            }
            _ if !self.whole || !other.whole => Some(Same::Suggested),
            _ => Some(Same::Asserted),
        }
    }
}

/// An IMEI without what follows its 14 digits: a check digit, or the version of its software.
fn imei(text: &str) -> Option<Entity> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let known = (14..=16).contains(&digits.len()) && !text.chars().any(char::is_alphabetic);
    known.then(|| Entity {
        class: Class::Device,
        key: digits.chars().take(14).collect(),
        within: None,
        whole: true,
    })
}
