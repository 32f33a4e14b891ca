//! Reply: a record that follows another in its thread, to the readers of that one.

use std::sync::Arc;

use crate::{
    access::{Permit, act},
    inbox::StoredRecord,
    record::{Country, Moment, Reference, joint::Members},
    wire::{
        envelope::ReceiptType,
        record::{
            CountryRole, Destination, FollowType, Follows, Grading, InformationCredibility,
            Message, Record, Situation, SourceReliability, situation::Kind,
        },
    },
};

use super::{
    Node, NodeError,
    read::{ReadError, blocking},
    submit::{Accepted, Intent, SubmitError},
};

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub enum ReplyError {
    /// The record replied to cannot be found or read.
    #[error(transparent)]
    Record(#[from] ReadError),
    /// Steps are not answered.
    #[error("{0} is a step, which is not replied to; reply to the record that it follows")]
    Step(Reference),
    /// Neither a text nor a record, or both.
    #[error("a reply is either a text or a record; give one of them")]
    Content,
    /// Someone who does not read the record replied to.
    #[error(
        "{country} does not read {reference}, only {}; send {country} a record of its own", listed(.readers)
    )]
    NotAReader {
        /// Who.
        country: Country,
        /// What.
        reference: Reference,
        /// Who does.
        readers: Vec<Country>,
    },
    /// Nobody is left.
    #[error("nobody is left to reply to: {}", .0)]
    Nobody(String),
    /// The reply is refused.
    #[error(transparent)]
    Submit(#[from] SubmitError),
}

impl From<NodeError> for ReplyError {
    fn from(error: NodeError) -> Self {
        Self::Submit(error.into())
    }
}

/// What a reply says.
#[derive(Clone, Debug)]
pub enum ReplyContent {
    /// A record of any kind.
    Record(Box<Record>),
    /// A message.
    Text {
        /// Its text.
        text: String,
        /// One line; empty: `Re: ` and the reference.
        title: String,
        /// BCP 47 tag; empty: not stated.
        language: String,
        /// Urgency by number; 0: that of the record replied to.
        urgency: i32,
    },
}

/// A reply, as an officer gives it.
#[derive(Clone, Debug)]
pub struct ReplyOrder {
    /// Reference of the record replied to.
    pub reference: Reference,
    /// What it says.
    pub content: ReplyContent,
    /// Which readers get it; empty: all of them.
    pub countries: Vec<Country>,
    /// The own authority that replies; empty: the one that the record names.
    pub authority: String,
    /// Idempotency key; empty for none.
    pub key: String,
}

/// A reply that is durable.
#[derive(Clone, Debug)]
pub struct Replied {
    /// The submission's answer.
    pub accepted: Accepted,
    /// Reference of the version that it follows.
    pub follows: String,
    /// Who gets it.
    pub countries: Vec<String>,
    /// Readers who do not.
    pub left_out: Vec<Country>,
}

impl Node {
    /// Replies to the newest version of a record. Durable when this answers.
    ///
    /// # Errors
    /// [`ReplyError`]; nothing is sent then.
    pub async fn reply(
        self: &Arc<Self>,
        permit: Permit<act::Reply>,
        order: ReplyOrder,
    ) -> Result<Replied, ReplyError> {
        let (stored, followed) = self.newest_of(order.reference, &permit).await?;
        if stored.is_step() {
            return Err(ReplyError::Step(order.reference));
        }
        let follows = Follows {
            r#type: FollowType::Reply.into(),
            header_digest: stored.digest.to_vec(),
            reference: followed.reference.clone(),
        };
        let mut record = match order.content {
            ReplyContent::Record(record) => *record,
            ReplyContent::Text {
                text,
                title,
                language,
                urgency,
            } => message(&followed, text, title, language, urgency),
        };
        record.follows = Some(follows);
        if !order.authority.is_empty() {
            record.authority = order.authority;
        } else if record.authority.is_empty() {
            record.authority = self.replying_authority(&followed, &stored);
        }
        let mut left_out = Vec::new();
        if record.destinations.is_empty() {
            let node = Arc::clone(self);
            let readers = blocking(move || node.readers(stored, &followed)).await?;
            if let Some(country) = order
                .countries
                .iter()
                .find(|country| !readers.all.contains(country))
            {
                return Err(ReplyError::NotAReader {
                    country: *country,
                    reference: order.reference,
                    readers: readers.all,
                });
            }
            let wanted = |country: &str| {
                order.countries.is_empty() || order.countries.iter().any(|of| of.code() == country)
            };
            record.destinations = readers.reachable;
            record.destinations.retain(|of| wanted(&of.country));
            left_out = readers.left_out;
            left_out.retain(|country| wanted(country.code()));
            if record.destinations.is_empty() {
                let out = listed(&left_out);
                return Err(ReplyError::Nobody(format!(
                    "no card is held of {out}, or it never got the record"
                )));
            }
        } else if !order.countries.is_empty() {
            return Err(ReplyError::Nobody(
                "the record names its destinations itself; leave the countries out".to_owned(),
            ));
        }
        let countries = record.destinations.iter().map(|of| of.country.clone());
        let countries = countries.collect();
        let follows = record
            .follows
            .as_ref()
            .map(|follows| follows.reference.clone())
            .unwrap_or_default();
        self.check_own(&permit, &record)?;
        let accepted = self
            .submit_intent(Intent {
                record,
                idempotency_key: order.key,
                actor: permit.actor(),
                by_node: false,
                evidence: false,
                item: None,
            })
            .await?;
        Ok(Replied {
            accepted,
            follows,
            countries,
            left_out,
        })
    }

    /// The own authority that replies when none is named: the sender of an own record, the only
    /// reader of another's, or the only one there is. Empty where that does not settle it; the
    /// submission says then what there is.
    fn replying_authority(&self, followed: &Record, stored: &StoredRecord) -> String {
        if stored.holding.origin == self.country.code() {
            return followed.authority.clone();
        }
        let named = followed
            .destinations
            .iter()
            .filter(|of| of.country == self.country.code())
            .flat_map(|of| &of.authorities);
        let named: Vec<&String> = named.collect();
        let own = self.own_card();
        match (named.as_slice(), own.authorities.as_slice()) {
            ([only], _) => (*only).clone(),
            ([], [only]) => only.clone(),
            _ => String::new(),
        }
    }

    /// Who else reads a record: its origin and its destinations.
    fn readers(&self, stored: StoredRecord, followed: &Record) -> Result<Readers, NodeError> {
        let book = self.book.load();
        let own = stored.holding.origin == self.country.code();
        let mut others: Vec<Destination> = followed.destinations.clone();
        others.retain(|of| of.country != self.country.code());
        if !own {
            others.push(Destination {
                country: stored.holding.origin.clone(),
                role: CountryRole::Transit.into(),
                authorities: vec![followed.authority.clone()],
                ..Destination::default()
            });
        }
        let refused: Vec<String> = self
            .deliveries(&stored)?
            .into_iter()
            .filter(|of| of.receipt() == ReceiptType::NonDelivery)
            .map(|of| of.country)
            .collect();
        let mut readers = Readers::default();
        for other in others {
            let Ok(country) = other.country.parse::<Country>() else {
                continue;
            };
            if readers.all.contains(&country) {
                continue;
            }
            readers.all.push(country);
            match book.get(country) {
                Some(card) if !refused.contains(&other.country) => {
                    let mut authorities = other.authorities;
                    // A card may have changed since.
                    authorities.retain(|authority| card.authorities.contains(authority));
                    readers.reachable.push(Destination {
                        country: other.country,
                        role: other.role,
                        authorities,
                        ..Destination::default()
                    });
                }
                _ => readers.left_out.push(country),
            }
        }
        if let Some(case) = self.case_of(&stored)? {
            readers.keep_members(&case.members, self.membership_now());
        }
        Ok(readers)
    }
}

/// Who else reads a record.
#[derive(Default)]
struct Readers {
    all: Vec<Country>,
    reachable: Vec<Destination>,
    left_out: Vec<Country>,
}

impl Readers {
    /// Leaves out who belongs to the joint case of the record no more.
    fn keep_members(&mut self, members: &Members, at: Moment) {
        let mut gone = Vec::new();
        self.reachable.retain_mut(|of| {
            let Ok(country) = of.country.parse::<Country>() else {
                return false;
            };
            let members = members.authorities(country, at);
            of.authorities.retain(|name| members.contains(name));
            if of.authorities.is_empty() {
                of.authorities = members;
            }
            if of.authorities.is_empty() {
                gone.push(country);
            }
            !of.authorities.is_empty()
        });
        self.left_out.extend(gone);
    }
}

/// A message in answer to a record, under the markings of that one.
fn message(
    followed: &Record,
    text: String,
    title: String,
    language: String,
    urgency: i32,
) -> Record {
    let title = match title.is_empty() {
        true => format!("Re: {}", followed.reference),
        false => title,
    };
    Record {
        urgency: if urgency == 0 {
            followed.urgency
        } else {
            urgency
        },
        marking: followed.marking.clone(),
        exercise: followed.exercise,
        purpose: followed.purpose,
        situation: Some(Situation {
            title,
            language,
            grading: Some(Grading {
                source: SourceReliability::F.into(),
                information: InformationCredibility::InformationCredibility6.into(),
            }),
            kind: Some(Kind::Message(Message {
                text,
                ..Message::default()
            })),
            ..Situation::default()
        }),
        ..Record::default()
    }
}

fn listed(countries: &[Country]) -> String {
    let codes: Vec<&str> = countries.iter().map(Country::code).collect();
    codes.join(", ")
}
