//! Who may do what inside a country: principals and their roles, actions, the table that allows them,
//! decisions, purposes, and what needs two persons.
//!
//! Pure: who somebody is comes from a verified certificate, and nothing here reads files, sockets or
//! a clock. [`enter`] lets a caller in and gives a [`Permit`], which says what it reaches of a record;
//! the use cases of the node ask for permits. Leans on card, record and wire.

mod action;
pub mod compartments;
mod decide;
mod defaults;
mod diff;
mod file;
mod page;
mod principal;
mod purpose;
mod role;
mod shared_case;
mod subject;
mod table;
mod warrant;

pub use action::{About, Action, UnknownAction, Verb, act};
pub use compartments::Compartments;
pub use decide::{Caller, Decision, Missing, Permit, Refused, decide, enter};
pub use diff::changes;
pub use file::{FileFault, MAX_BYTES, kinds_known};
pub use page::page;
pub use principal::{MAX_NAME_BYTES, MAX_ROLES, Principal, PrincipalError};
pub use purpose::{MAX_CASE_CHARS, PURPOSES, Purpose, PurposeFault, purpose_word, purpose_words};
pub use role::{PrincipalKind, Role};
pub use shared_case::SharedCase;
pub use subject::{Subject, Whose};
pub use table::{
    Guarded, MAX_HOURS, MAX_RECORDS, MAX_ROWS, Row, STEP_KIND, Scope, SecondPerson, Shape, Table,
    TableFault,
};
pub use warrant::{ApprovalId, Warrant};

/// Text from outside, short and without control characters.
fn shown(text: &str) -> String {
    text.chars().take(40).flat_map(char::escape_debug).collect()
}
