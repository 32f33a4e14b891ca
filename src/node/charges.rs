//! Who is in charge of a record: an officer acknowledges it for an authority, or is assigned. The
//! officer's name stays in the country; the origin learns which authority took it.

mod authority;
mod offboard;

use std::sync::Arc;

use prost::Message as _;

use crate::{
    access::{Permit, PrincipalKind, Verb, act},
    entry::{Charge, ChargeChanged, Entry, EntryError, Event},
    home::HomeError,
    inbox::{StoredRecord, charges},
    record::{Moment, Reference},
    store::Place,
    wire::node::{ChargeState, ChargeStep},
};

use self::authority::authority_of;
pub use self::offboard::Offboarded;
use super::{
    Node, NodeError,
    read::{ReadError, blocking},
    rules::{ChargeOrder, Proposal, Refusal, charge_aad},
};

/// Longest note, in characters.
const MAX_NOTE_CHARS: usize = 500;
/// Changes answered of a record at most.
const MAX_STEPS: usize = 1000;

/// Why nobody is put in charge.
#[derive(Debug, thiserror::Error)]
pub enum ChargeError {
    /// The record cannot be found or read.
    #[error(transparent)]
    Record(#[from] ReadError),
    /// The record is the country's own.
    #[error("{0} is this country's own record; its readers acknowledge it")]
    Own(Reference),
    /// Steps ask for nothing.
    #[error("{0} is a step, which nobody takes charge of")]
    Step(Reference),
    /// The record names several authorities.
    #[error("the record goes to several authorities of this country; name one of {}", .0.join(", "))]
    AuthorityMissing(Vec<String>),
    /// The record does not go to this authority.
    #[error(
        "the record does not go to `{name}`, {}",
        if .authorities.is_empty() {
            "but to the liaison desk alone; leave the authority out".to_owned()
        } else {
            format!("but to {}", .authorities.join(", "))
        }
    )]
    NotItsAuthority {
        /// What was named.
        name: String,
        /// Where the record goes.
        authorities: Vec<String>,
    },
    /// No certificate was issued to this name.
    #[error(
        "no valid certificate was issued to `{0}` by this node; `comity officer add {0}` makes one"
    )]
    Officer(String),
    /// Several have this name.
    #[error("several have the name `{name}`; write one of {}", .full.join(", "))]
    OfficerAmbiguous {
        /// The name.
        name: String,
        /// In full.
        full: Vec<String>,
    },
    /// The note is too long, or has control characters.
    #[error("a note has at most {MAX_NOTE_CHARS} characters on one line")]
    Note,
    /// The certificates issued cannot be read.
    #[error("the certificates issued cannot be read: {0}")]
    Roster(HomeError),
    /// The node failed.
    #[error(transparent)]
    Node(#[from] NodeError),
}

/// Whom an officer acts for.
#[derive(Clone, Debug, Default)]
pub struct ChargeFor {
    /// The authority; empty for the only one that the record names, or the liaison desk.
    pub authority: String,
    /// Anything else.
    pub note: String,
}

/// Who is in charge.
#[derive(Clone, Debug)]
pub struct Charged {
    /// Reference of the version meant.
    pub reference: String,
    /// Who is in charge now.
    pub state: ChargeState,
    /// True when nothing changed.
    pub repeated: bool,
}

/// A change of who is in charge, read back.
pub(super) struct ChargeGiven {
    pub(super) time: Moment,
    pub(super) acknowledged: bool,
    pub(super) charge: Charge,
}

impl Node {
    /// An officer takes charge of a record. When the authority acknowledged it before, nothing
    /// changes and the answer says who is in charge.
    ///
    /// # Errors
    /// [`ChargeError`]; nothing changed then.
    pub async fn acknowledge(
        self: &Arc<Self>,
        reference: Reference,
        meant: ChargeFor,
        permit: Permit<act::Acknowledge>,
    ) -> Result<Charged, ChargeError> {
        self.put_in_charge(reference, meant, permit.actor(), &permit, true)
            .await
    }

    /// Puts an officer in charge of a record. `officer` is the name in a certificate that this node
    /// issued, alone or in full.
    ///
    /// # Errors
    /// [`ChargeError`]; nothing changed then.
    pub async fn assign(
        self: &Arc<Self>,
        reference: Reference,
        officer: &str,
        meant: ChargeFor,
        permit: Permit<act::Assign>,
    ) -> Result<Charged, ChargeError> {
        let officer = self.officer(officer)?;
        self.put_in_charge(reference, meant, officer, &permit, false)
            .await
    }

    async fn put_in_charge<A: Verb>(
        self: &Arc<Self>,
        reference: Reference,
        meant: ChargeFor,
        officer: String,
        permit: &Permit<A>,
        acknowledges: bool,
    ) -> Result<Charged, ChargeError> {
        let by = permit.actor();
        let ChargeFor { authority, note } = meant;
        if note.chars().count() > MAX_NOTE_CHARS || note.chars().any(char::is_control) {
            return Err(ChargeError::Note);
        }
        let (stored, record) = self.newest_of(reference, permit).await?;
        self.check_charge(&stored, reference)?;
        let authority = authority_of(&record, self.country, authority)?;
        let authority_tag = self.keys.index.tag("authority", authority.as_bytes());
        let charge = Charge {
            authority,
            officer: officer.clone(),
            by: by.clone(),
            note: note.clone(),
        };
        let number = stored.holding.number;
        let proposed = self
            .writer
            .propose(Proposal::Charge(Box::new(ChargeOrder {
                number,
                digest: stored.digest,
                reference: record.reference.clone(),
                acknowledges,
                authority: authority_tag,
                officer: self.person(&officer),
                charge: charge.encode_to_vec(),
                actor: by,
                note,
            })))
            .await
            .map_err(NodeError::from);
        let repeated = match proposed {
            Ok(_) => false,
            Err(NodeError::Refused(Refusal::Charged)) => true,
            // It was recalled between looking and deciding.
            Err(NodeError::Refused(Refusal::Life(_))) => {
                let expired = false;
                return Err(ReadError::Locked { reference, expired }.into());
            }
            Err(error) => return Err(error.into()),
        };
        let node = Arc::clone(self);
        let state = blocking(move || {
            let row = charges::of(&node.store, number, &authority_tag)?
                .ok_or(EntryError::Field("charge"))?;
            node.charge_state(&row)
        })
        .await?;
        Ok(Charged {
            reference: record.reference,
            state,
            repeated,
        })
    }

    fn check_charge(&self, stored: &StoredRecord, reference: Reference) -> Result<(), ChargeError> {
        if stored.is_step() {
            return Err(ChargeError::Step(reference));
        }
        if stored.holding.origin == self.country.code() {
            return Err(ChargeError::Own(reference));
        }
        Ok(())
    }

    /// The officer of a name, as the ledger names them.
    fn officer(&self, named: &str) -> Result<String, ChargeError> {
        let name = named.rsplit('/').next().unwrap_or(named);
        let found = self
            .roster
            .named(name, self.now())
            .map_err(ChargeError::Roster)?;
        let mut full: Vec<String> = found
            .iter()
            .filter(|of| of.kind() == PrincipalKind::Officer)
            .map(ToString::to_string)
            .filter(|full| name == named || full == named)
            .collect();
        let shown = || named.chars().take(64).collect::<String>();
        match (full.pop(), full.is_empty()) {
            (Some(officer), true) => Ok(officer),
            (None, _) => Err(ChargeError::Officer(shown())),
            (Some(last), false) => {
                full.push(last);
                full.sort_unstable();
                Err(ChargeError::OfficerAmbiguous {
                    name: shown(),
                    full,
                })
            }
        }
    }

    /// Every change of who is in charge of a record, oldest first.
    ///
    /// # Errors
    /// [`ReadError`] when the record is not here.
    pub async fn charge_steps(
        self: &Arc<Self>,
        reference: Reference,
        permit: Permit<act::Track>,
    ) -> Result<Vec<ChargeStep>, ReadError> {
        let number = self.find(&reference)?;
        self.reached_number(&permit, &reference, number)?;
        let node = Arc::clone(self);
        let steps = blocking(move || {
            charges::steps(&node.store, number, MAX_STEPS)?
                .into_iter()
                .map(|place| {
                    let given = node.charge_at(place)?;
                    Ok(ChargeStep {
                        authority: given.charge.authority,
                        officer: given.charge.officer,
                        by: given.charge.by,
                        acknowledged: given.acknowledged,
                        note: given.charge.note,
                        time_us: given.time.micros(),
                    })
                })
                .collect::<Result<_, NodeError>>()
        });
        let steps = steps.await?;
        self.tracked(&permit, &reference, number, "charges").await?;
        Ok(steps)
    }

    /// Who is in charge of a record, by authority.
    pub(super) fn charge_states(&self, number: u64) -> Result<Vec<ChargeState>, NodeError> {
        let rows = charges::all(&self.store, number)?;
        let mut states: Vec<ChargeState> = rows
            .iter()
            .map(|row| self.charge_state(row))
            .collect::<Result<_, _>>()?;
        states.sort_by(|one, other| one.authority.cmp(&other.authority));
        Ok(states)
    }

    fn charge_state(&self, row: &charges::ChargeRow) -> Result<ChargeState, NodeError> {
        let given = self.charge_at(row.place)?;
        let acknowledged_us = match row.acknowledged {
            None => 0,
            Some(place) if place == row.place => given.time.micros(),
            Some(place) => Entry::decode(&self.store.body(place)?)?.time.micros(),
        };
        Ok(ChargeState {
            authority: given.charge.authority,
            officer: given.charge.officer,
            acknowledged_us,
            since_us: given.time.micros(),
        })
    }

    /// A change of who is in charge, by the place of its entry.
    pub(super) fn charge_at(&self, place: Place) -> Result<ChargeGiven, NodeError> {
        let entry = Entry::decode(&self.store.body(place)?)?;
        let Event::ChargeChanged(ChargeChanged {
            header_digest,
            acknowledged,
            blob,
            ..
        }) = entry.event
        else {
            return Err(EntryError::Field("charge_changed").into());
        };
        let digest = header_digest
            .as_slice()
            .try_into()
            .map_err(|_| EntryError::Field("header_digest"))?;
        let sealed = self.store.blob(place, blob)?;
        let plain = self
            .keys
            .storage
            .open(&charge_aad(&digest), &sealed)
            .map_err(|_| EntryError::Field("charge"))?;
        Ok(ChargeGiven {
            time: entry.time,
            acknowledged,
            charge: Charge::decode(plain.as_slice()).map_err(EntryError::from)?,
        })
    }
}
