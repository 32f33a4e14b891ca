//! How many records each officer got at within an hour, so that nobody takes a country's records out
//! alone, in one listing or in many.
//!
//! In memory: a restart forgets the hour before it, as it ends every connection. What a case system
//! takes is bounded by what it is entitled to.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::{
    access::{Guarded, Permit, PrincipalKind, Verb, Warrant},
    inbox::approvals::PersonTag,
};

use super::super::{Node, approvals::Matter, read::ReadError};

/// How long a record counts, in microseconds.
const HOUR_US: i64 = 3_600_000_000;
/// Persons kept; beyond that, those who did nothing for an hour are forgotten first.
const MAX_PERSONS: usize = 4096;

/// Records that each person got at, and when last.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<HashMap<PersonTag, HashMap<u64, i64>>>);

impl Tally {
    /// How many distinct records a person gets at within an hour, these included. Nothing is noted.
    fn with(&self, person: &PersonTag, numbers: &[u64], now_us: i64) -> u64 {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut new: Vec<u64> = numbers.to_vec();
        new.sort_unstable();
        new.dedup();
        let Some(seen) = all.get_mut(person) else {
            return u64::try_from(new.len()).unwrap_or(u64::MAX);
        };
        seen.retain(|_, at| at.saturating_add(HOUR_US) > now_us);
        new.retain(|number| !seen.contains_key(number));
        let count = seen.len().saturating_add(new.len());
        u64::try_from(count).unwrap_or(u64::MAX)
    }

    fn note(&self, person: PersonTag, numbers: &[u64], now_us: i64) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MAX_PERSONS && !all.contains_key(&person) {
            all.retain(|_, seen| seen.values().any(|at| at.saturating_add(HOUR_US) > now_us));
        }
        if all.len() >= MAX_PERSONS && !all.contains_key(&person) {
            return;
        }
        let seen = all.entry(person).or_default();
        seen.extend(numbers.iter().map(|number| (*number, now_us)));
    }
}

impl Node {
    /// Counts records that somebody is about to get at. Beyond what the permissions let one person get
    /// at within an hour a leave is needed, which this answers; it belongs into the leaf.
    ///
    /// # Errors
    /// [`ReadError::Refused`]: nothing may be shown, and nothing was counted.
    pub fn gets_at<A: Verb>(
        &self,
        permit: &Permit<A>,
        numbers: &[u64],
    ) -> Result<Option<Warrant>, ReadError> {
        let rule = permit.table().second(Guarded::ExportBulk);
        if !rule.required || permit.principal().kind() != PrincipalKind::Officer {
            return Ok(None);
        }
        let person = self.person(&permit.actor());
        let now = self.now().micros();
        let count = self.tally.with(&person, numbers, now);
        let warrant = if count > u64::from(rule.records) {
            self.leave(permit, &Matter::Records(count), None)?
        } else {
            None
        };
        self.tally.note(person, numbers, now);
        Ok(warrant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_count_once_and_for_an_hour() {
        let (tally, person) = (Tally::default(), [1; 16]);
        assert_eq!(tally.with(&person, &[1, 2, 2], 0), 2);
        tally.note(person, &[1, 2], 0);
        assert_eq!(tally.with(&person, &[2, 3], 5), 3);
        assert_eq!(tally.with(&[2; 16], &[2, 3], 5), 2);
        tally.note(person, &[2], HOUR_US - 1);
        // The first has left the hour, the second was seen again in it.
        assert_eq!(tally.with(&person, &[], HOUR_US), 1);
    }
}
