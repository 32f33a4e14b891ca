//! Statistics that protect: counts of persons are shown so that no small one can be read or computed.
//!
//! Three rules, after UNODC and CTDC: a count below five is `<5`; where victims are counted, one
//! below [`VICTIMS_K`] is `<11`; and where totals would give a suppressed count away,
//! other counts are withheld until they no longer do. [`protect()`] applies them; [`audit()`] takes
//! the place of somebody who has only what is shown and the sums it must obey, and names the cell that
//! leaks. [`Disclosures`] holds what was published before, so that two harmless tables do not make a
//! harmful difference. Pure: it knows nothing of records, files or the wire.

mod attack;
mod audit;
pub mod cases;
mod cell;
mod disclosures;
pub mod export;
pub mod glotip;
mod margins;
mod protect;
mod system;
#[cfg(test)]
mod tests;

pub use audit::{Leak, audit};
pub use cell::{Cells, OFFICIAL_K, Shown, Sum, VICTIMS_K};
pub use disclosures::{Disclosures, Refusal};
pub use margins::{Coordinates, TOTAL, margins};
pub use protect::{Protected, Withdrawal, protect};
