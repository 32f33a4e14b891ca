//! What one shelf gives to somebody: the objects of its record, as far as the permissions reach.

use serde_json::Value;

use crate::{
    access::{Compartments, Permit, Subject, Whose, act},
    crypto::Digest,
    entry::{EntryError, ShelfRow},
    feed::{
        stix::{self, Ids, PartOf, Revoked, Shared, Version},
        taxii::VersionMatch,
    },
    inbox::{StoredRecord, followers},
    record::Moment,
    wire::record::FollowType,
};

use super::{
    super::{Node, NodeError},
    of_one,
    page::{Given, TaxiiEntry, Wanted},
    rows::{self, Place},
};

impl Node {
    /// What a shelf gives of what is wanted.
    pub(super) fn give(
        &self,
        permit: &Permit<act::Export>,
        wanted: &Wanted,
        place: &Place,
    ) -> Result<Given, NodeError> {
        let mut given = Given::default();
        let row = self.shelf_row(&place.sealed).map(Some);
        let Some(row) = of_one(place.number, row)? else {
            return Ok(given);
        };
        let ids = Ids(&self.keys.index);
        let mut in_reach = None;
        let after = |added_us: u64| added_us > wanted.after_us;
        for (at, words) in row.shared.iter().enumerate() {
            let added_us = place.first_us.saturating_add(offset(at));
            let Some(one) = Shared::parse(words) else {
                continue;
            };
            let fits = has_single(&wanted.matched.versions, one.version());
            // What is shared is not revoked with the record that it came with.
            if fits
                && !place.revoked
                && after(added_us)
                && wanted.matched.has(one.stix_type(), &one.id(ids))
            {
                if !one.is_open() {
                    let reached = match in_reach {
                        Some(reached) => reached,
                        None => of_one(place.number, self.reaches(permit, wanted, place, &row))?,
                    };
                    in_reach = Some(reached);
                    if !reached {
                        continue;
                    }
                }
                let object = one.object(ids);
                given.entries.push(TaxiiEntry { added_us, object });
            }
        }
        let mut parts = Vec::new();
        for (at, packed) in row.parts.iter().enumerate() {
            let added_us = place
                .first_us
                .saturating_add(offset(row.shared.len().saturating_add(at)));
            if let Some(part) = PartOf::unpack(*packed)
                && after(added_us)
                && wanted.matched.has_type(part.stix_type())
            {
                parts.push((added_us, part));
            }
        }
        if parts.is_empty() {
            return Ok(given);
        }
        let own = self.own_parts(permit, wanted, place, &row, parts);
        let (digest, own) = of_one(place.number, own)?;
        given.shown = digest.map(|digest| (place.number, digest));
        let before = given.entries.len();
        let id_of = |object: &Value| {
            object
                .get("id")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        given.entries.extend(own.into_iter().filter(|entry| {
            let ids = &wanted.matched.ids;
            ids.is_empty() || ids.contains(&id_of(&entry.object))
        }));
        if given.entries.len() == before {
            given.shown = None;
        }
        Ok(given)
    }

    /// The objects of the shelf's own record, with the digest of whose text is in them.
    fn own_parts(
        &self,
        permit: &Permit<act::Export>,
        wanted: &Wanted,
        place: &Place,
        row: &ShelfRow,
        mut parts: Vec<(u64, PartOf)>,
    ) -> Result<(Option<Digest>, Vec<TaxiiEntry>), NodeError> {
        if !self.version_fits(wanted, place, row)? {
            return Ok((None, Vec::new()));
        }
        if !place.revoked {
            let open = self.open_parts(permit, wanted, place, row, &parts)?;
            return Ok(open.map_or((None, Vec::new()), |(digest, own)| (Some(digest), own)));
        }
        let later = self.later_parts(wanted, place)?;
        parts.retain(|(_, part)| !later.contains(&part.packed()));
        if parts.is_empty() || !self.reaches(permit, wanted, place, row)? {
            return Ok((None, Vec::new()));
        }
        Ok((None, self.revoked_parts(place, row, &parts)?))
    }

    /// Whether somebody reaches the record of a shelf, as what the shelf says of it decides: also when its
    /// text is gone.
    fn reaches(
        &self,
        permit: &Permit<act::Export>,
        wanted: &Wanted,
        place: &Place,
        row: &ShelfRow,
    ) -> Result<bool, NodeError> {
        let labels = Self::taxii_labels(wanted.collection);
        let subject = if row.kind.is_empty() || row.in_joint_case {
            // Who is in a case changes: where its text is gone, nobody but who sees all is told.
            of_one(place.number, self.subject_of_held(place.number).map(Some))?
        } else {
            let mut subject = Subject::closed();
            subject.kind = Some(row.kind.clone());
            subject.whose = match row.authorities.as_slice() {
                [] => Whose::Desk,
                names => Whose::Authorities(names.to_vec()),
            };
            for label in &labels {
                subject.present.insert(*label);
            }
            let executed = row.kind == "EvidenceRequest" && row.origin != self.country.code();
            Some(match executed {
                true => self.with_executing(place.number, subject)?,
                false => subject,
            })
        };
        let allowed = subject.map(|subject| permit.reach(&subject));
        Ok(allowed.is_some_and(|of| {
            of.refused.is_none() && labels.iter().all(|label| of.allowed.has(*label))
        }))
    }

    /// What of a record the newest version speaks for: an earlier one revokes none of it.
    fn later_parts(&self, wanted: &Wanted, place: &Place) -> Result<Vec<u32>, NodeError> {
        let newest = self.version_that_counts(place.number)?;
        let mut parts = Vec::new();
        if newest == place.number {
            return Ok(parts);
        }
        let tag = self.shelf_tag(wanted.collection);
        for stand in rows::stands(&self.store, newest)? {
            if stand.collection == tag
                && let Some(there) = rows::place(&self.store, &tag, stand.first_us)?
            {
                parts.extend(self.shelf_row(&there.sealed)?.parts);
            }
        }
        Ok(parts)
    }

    /// The local number of a record's newest version.
    fn version_that_counts(&self, number: u64) -> Result<u64, NodeError> {
        let digest = self.header_digest(number)?;
        let amended = followers::followers(&self.store, &digest, |one| {
            one.kind == FollowType::Amendment
        })?;
        if amended.is_empty() {
            return Ok(number);
        }
        let versions = self.versions(number)?;
        Ok(versions.last().map_or(number, |newest| newest.number))
    }

    /// Whether an earlier version may still be given: not where the newest one is not for tools.
    fn is_for_tools_still(&self, place: &Place) -> Result<bool, NodeError> {
        let newest = self.version_that_counts(place.number)?;
        let stands = rows::stands(&self.store, newest)?;
        Ok(newest == place.number || stands.iter().any(|stand| !stand.revoked))
    }

    /// Whether the version of a record on a shelf is one that is wanted.
    fn version_fits(
        &self,
        wanted: &Wanted,
        place: &Place,
        row: &ShelfRow,
    ) -> Result<bool, NodeError> {
        let modified = if place.revoked {
            place.first_us
        } else {
            u64::try_from(row.modified_us).unwrap_or(0)
        };
        let versions = &wanted.matched.versions;
        if *versions != VersionMatch::Last && !place.revoked && !self.is_for_tools_still(place)? {
            return Ok(false);
        }
        Ok(match versions {
            VersionMatch::All => true,
            VersionMatch::Last => self.is_newest(wanted, place)?,
            VersionMatch::Some { first, last, at } => {
                at.contains(&modified)
                    || (*first && row.first == place.number && !place.revoked)
                    || (*last && self.is_newest(wanted, place)?)
            }
        })
    }

    /// Whether nothing newer of the record is in the collection.
    fn is_newest(&self, wanted: &Wanted, place: &Place) -> Result<bool, NodeError> {
        let tag = self.shelf_tag(wanted.collection);
        let stands = rows::stands(&self.store, place.number)?;
        let here = stands.iter().filter(|stand| stand.collection == tag);
        let mut here = here.peekable();
        if here.peek().is_some() && !here.any(|stand| stand.first_us == place.first_us) {
            return Ok(false);
        }
        // Of what is gone, the newest version says for itself what it has: `later_parts`.
        Ok(place.revoked || self.version_that_counts(place.number)? == place.number)
    }

    fn revoked_parts(
        &self,
        place: &Place,
        row: &ShelfRow,
        parts: &[(u64, PartOf)],
    ) -> Result<Vec<TaxiiEntry>, NodeError> {
        let header = Digest::try_from(row.header_digest.as_slice())
            .map_err(|_| EntryError::Field("header_digest"))?;
        let main = row.main.or(row.parts.first().copied());
        let main = main.and_then(PartOf::unpack);
        let Some(main) = main else {
            return Ok(Vec::new());
        };
        let at = i64::try_from(place.first_us).unwrap_or(i64::MAX);
        let of = Revoked {
            number: row.first,
            header: &header,
            origin: row.origin.parse().map_err(EntryError::from)?,
            by: &row.authority,
            created: Moment::from_micros(row.created_us),
            at: Moment::from_micros(at),
            part: main,
            main,
        };
        let ids = Ids(&self.keys.index);
        let gone = parts.iter().map(|(added_us, part)| TaxiiEntry {
            added_us: *added_us,
            object: stix::revoked(ids, &Revoked { part: *part, ..of }),
        });
        Ok(gone.collect())
    }

    /// The objects of a record, as far as somebody may see it; `None` when that is not at all.
    fn open_parts(
        &self,
        permit: &Permit<act::Export>,
        wanted: &Wanted,
        place: &Place,
        row: &ShelfRow,
        parts: &[(u64, PartOf)],
    ) -> Result<Option<(Digest, Vec<TaxiiEntry>)>, NodeError> {
        let stored = self.stored(place.number)?;
        let mut record = self.open_stored(&stored)?;
        let subject = self.subject_of(&stored, &record)?;
        let allowed = permit.reach(&subject);
        if allowed.refused.is_some() {
            return Ok(None);
        }
        let labels = Self::taxii_labels(wanted.collection);
        if !labels.iter().all(|label| allowed.allowed.has(*label)) {
            return Ok(None);
        }
        let keep: Compartments = labels.into_iter().collect();
        Subject::remove(&mut record, keep);
        let header = Digest::try_from(row.header_digest.as_slice())
            .map_err(|_| EntryError::Field("header_digest"))?;
        let version = Version {
            number: row.first,
            header: &header,
            origin: origin(&stored)?,
            created: Moment::from_micros(row.created_us),
            modified: stored.time,
            record: &record,
        };
        let ids = Ids(&self.keys.index);
        let mut made = stix::objects(ids, &version, wanted.collection.aspect()).own;
        let mut entries = Vec::with_capacity(parts.len());
        for (added_us, part) in parts {
            if let Some(at) = made.iter().position(|(of, _)| of == part) {
                let (_, object) = made.swap_remove(at);
                entries.push(TaxiiEntry {
                    added_us: *added_us,
                    object,
                });
            }
        }
        Ok(Some((stored.digest, entries)))
    }
}

fn origin(stored: &StoredRecord) -> Result<crate::record::Country, EntryError> {
    stored.holding.origin.parse().map_err(EntryError::from)
}

fn offset(at: usize) -> u64 {
    u64::try_from(at).unwrap_or(u64::MAX)
}

/// Whether the only version of something is wanted.
fn has_single(versions: &VersionMatch, version: &str) -> bool {
    match versions {
        VersionMatch::Last | VersionMatch::All => true,
        VersionMatch::Some { first, last, at } => {
            *first || *last || stix::time_us(version).is_some_and(|us| at.contains(&us))
        }
    }
}
