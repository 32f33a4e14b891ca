//! Room for items: what each country and this one have, what is still to be written, what the disk gives.

use std::collections::HashMap;

use crate::record::Country;

/// Whose items they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// Uploaded here.
    Own,
    /// Sent by another country.
    Peer(Country),
}

/// There is no room. Bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRoom {
    /// The disk.
    #[error(
        "the disk has no room for it: {needs} bytes are needed, {free} are free, of which {promised} are promised to \
         other items and {reserve} stay free (`items.reserve_mib`); {} bytes are missing",
        needs.saturating_add(*promised).saturating_add(*reserve).saturating_sub(*free)
    )]
    Disk {
        /// Needed.
        needs: u64,
        /// Free on the disk.
        free: u64,
        /// Of these, promised to items that are under way.
        promised: u64,
        /// Of these, to stay free.
        reserve: u64,
    },
    /// What this country may have.
    #[error(
        "the items uploaded here have {used} of {quota} bytes (`items.quota_own_gib`), and {needs} more are needed"
    )]
    OwnQuota {
        /// Needed.
        needs: u64,
        /// Used.
        used: u64,
        /// Allowed.
        quota: u64,
    },
    /// What another country may have.
    #[error(
        "the items of {peer} have {used} of {quota} bytes (`items.quota_peer_gib`), and {needs} more are needed"
    )]
    PeerQuota {
        /// Which country.
        peer: Country,
        /// Needed.
        needs: u64,
        /// Used.
        used: u64,
        /// Allowed.
        quota: u64,
    },
}

impl NoRoom {
    /// A stable word.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Disk { .. } => "disk",
            Self::OwnQuota { .. } | Self::PeerQuota { .. } => "quota",
        }
    }
}

/// What may be used. Bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomLimits {
    /// That stay free on the disk.
    pub reserve: u64,
    /// Of items uploaded here.
    pub own: u64,
    /// Of the items of each other country.
    pub peer: u64,
}

/// Who has how much.
#[derive(Debug, Default)]
pub struct Room {
    /// What each item has, with what of it is still to be written.
    items: HashMap<[u8; 16], Place>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    owner: Owner,
    bytes: u64,
    unwritten: u64,
}

impl Room {
    /// Takes note of an item that has its place already.
    pub fn hold(&mut self, id: [u8; 16], owner: Owner, bytes: u64, unwritten: u64) {
        let place = Place {
            owner,
            bytes,
            unwritten,
        };
        self.items.insert(id, place);
    }

    /// Gives an item its place, if there is room; `free` is what the disk has. One that has its place
    /// keeps it.
    ///
    /// # Errors
    /// [`NoRoom`] with what is missing.
    pub fn take(
        &mut self,
        id: [u8; 16],
        owner: Owner,
        needs: u64,
        free: u64,
        limits: &RoomLimits,
    ) -> Result<(), NoRoom> {
        if self.items.contains_key(&id) {
            return Ok(());
        }
        let used = self.used(owner);
        let quota = match owner {
            Owner::Own => limits.own,
            Owner::Peer(_) => limits.peer,
        };
        if used.saturating_add(needs) > quota {
            return Err(match owner {
                Owner::Own => NoRoom::OwnQuota { needs, used, quota },
                Owner::Peer(peer) => NoRoom::PeerQuota {
                    peer,
                    needs,
                    used,
                    quota,
                },
            });
        }
        let promised = self.promised();
        let reserve = limits.reserve;
        if needs.saturating_add(promised).saturating_add(reserve) > free {
            return Err(NoRoom::Disk {
                needs,
                free,
                promised,
                reserve,
            });
        }
        self.hold(id, owner, needs, needs);
        Ok(())
    }

    /// How much of an item is still to be written.
    pub fn left(&mut self, id: &[u8; 16], unwritten: u64) {
        if let Some(place) = self.items.get_mut(id) {
            place.unwritten = unwritten;
        }
    }

    /// An item is gone.
    pub fn give_back(&mut self, id: &[u8; 16]) {
        self.items.remove(id);
    }

    /// What somebody's items have.
    pub fn used(&self, owner: Owner) -> u64 {
        let places = self.items.values().filter(|place| place.owner == owner);
        places.fold(0, |sum, place| sum.saturating_add(place.bytes))
    }

    /// What is promised to items that are under way.
    pub fn promised(&self) -> u64 {
        let places = self.items.values();
        places.fold(0, |sum, place| sum.saturating_add(place.unwritten))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: RoomLimits = RoomLimits {
        reserve: 10,
        own: 100,
        peer: 50,
    };

    #[test]
    fn what_is_promised_is_given_to_nobody_else() {
        let mut room = Room::default();
        room.take([1; 16], Owner::Own, 60, 80, &LIMITS).unwrap();
        // Again: it has its place.
        room.take([1; 16], Owner::Own, 60, 0, &LIMITS).unwrap();
        let full = room.take([2; 16], Owner::Own, 20, 80, &LIMITS);
        assert_eq!(
            full,
            Err(NoRoom::Disk {
                needs: 20,
                free: 80,
                promised: 60,
                reserve: 10
            })
        );
        assert!(
            full.unwrap_err()
                .to_string()
                .ends_with("10 bytes are missing")
        );
        room.left(&[1; 16], 0);
        room.take([2; 16], Owner::Own, 20, 80, &LIMITS).unwrap();
        assert_eq!((room.used(Owner::Own), room.promised()), (80, 20));
        room.give_back(&[2; 16]);
        assert_eq!((room.used(Owner::Own), room.promised()), (60, 0));
    }

    #[test]
    fn each_country_has_a_quota_of_its_own() {
        let mut room = Room::default();
        let (kz, uz): (Country, Country) = ("KZ".parse().unwrap(), "UZ".parse().unwrap());
        room.take([1; 16], Owner::Peer(kz), 50, 1000, &LIMITS)
            .unwrap();
        let over = room.take([2; 16], Owner::Peer(kz), 1, 1000, &LIMITS);
        assert_eq!(
            over,
            Err(NoRoom::PeerQuota {
                peer: kz,
                needs: 1,
                used: 50,
                quota: 50
            })
        );
        assert_eq!(over.unwrap_err().word(), "quota");
        room.take([2; 16], Owner::Peer(uz), 50, 1000, &LIMITS)
            .unwrap();
        room.take([3; 16], Owner::Own, 100, 1000, &LIMITS).unwrap();
        let own = room.take([4; 16], Owner::Own, u64::MAX, u64::MAX, &LIMITS);
        assert!(matches!(own, Err(NoRoom::OwnQuota { used: 100, .. })));
    }
}
