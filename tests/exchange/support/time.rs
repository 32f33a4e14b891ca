//! Clocks that a test sets.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use comity::{
    node::{Clock, system_clock},
    record::Moment,
};

/// Microseconds of a day.
pub(crate) const DAY_US: i64 = 86_400_000_000;

/// The system's clock, ahead by as many microseconds as `by` says.
pub(crate) fn clock_ahead(by: &Arc<AtomicI64>) -> Clock {
    let (system, by) = (system_clock(), Arc::clone(by));
    Arc::new(move || Moment::from_micros(system().micros() + by.load(Ordering::SeqCst)))
}
