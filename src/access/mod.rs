//! Who may do what inside a country, as values: principals here.
//!
//! Pure: who somebody is comes from a verified certificate, and nothing here reads files, sockets or
//! a clock. Leans on card and record.

mod principal;
mod role;

pub use principal::{MAX_NAME_BYTES, MAX_ROLES, Principal, PrincipalError};
pub use role::{PrincipalKind, Role};
