//! The corridor of the exercise: real towns and real border crossings from Tajikistan through
//! Uzbekistan and Kazakhstan to the United Arab Emirates. What happens on it is made up.

use crate::wire::record::{CountryRole, Leg, Place, Transport};

/// A town on the corridor.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Town {
    pub(super) name: &'static str,
    pub(super) country: &'static str,
    /// ISO 3166-2.
    pub(super) subdivision: &'static str,
}

const fn town(name: &'static str, country: &'static str, subdivision: &'static str) -> Town {
    Town {
        name,
        country,
        subdivision,
    }
}

const KHUJAND: Town = town("Khujand", "TJ", "TJ-SU");
const DUSHANBE: Town = town("Dushanbe", "TJ", "TJ-DU");
const PENJIKENT: Town = town("Penjikent", "TJ", "TJ-SU");
const TASHKENT: Town = town("Tashkent", "UZ", "UZ-TK");
const SAMARKAND: Town = town("Samarkand", "UZ", "UZ-SA");
const TERMEZ: Town = town("Termez", "UZ", "UZ-SU");
const SHYMKENT: Town = town("Shymkent", "KZ", "KZ-79");
const ALMATY: Town = town("Almaty", "KZ", "KZ-75");
const AKTAU: Town = town("Aktau", "KZ", "KZ-47");
const DUBAI: Town = town("Dubai", "AE", "AE-DU");
const SHARJAH: Town = town("Sharjah", "AE", "AE-SH");
const ABU_DHABI: Town = town("Abu Dhabi", "AE", "AE-AZ");

/// Every town.
pub(super) const TOWNS: [Town; 12] = [
    KHUJAND, DUSHANBE, PENJIKENT, TASHKENT, SAMARKAND, TERMEZ, SHYMKENT, ALMATY, AKTAU, DUBAI,
    SHARJAH, ABU_DHABI,
];

/// One leg: from, to, means of transport, border crossing (empty within a country and by air).
pub(super) type Hop = (Town, Town, Transport, &'static str);

use Transport::{Air, Rail, Road};

/// Trails from the first town to the last.
pub(super) const TRAILS: [&[Hop]; 8] = [
    &[
        (KHUJAND, TASHKENT, Road, "BCP-TJ-UZ-43"),
        (TASHKENT, SHYMKENT, Road, "BCP-KZ-UZ-23"),
        (SHYMKENT, ALMATY, Road, ""),
        (ALMATY, DUBAI, Air, ""),
    ],
    &[
        (PENJIKENT, SAMARKAND, Road, "BCP-TJ-UZ-44"),
        (SAMARKAND, TASHKENT, Rail, ""),
        (TASHKENT, ALMATY, Rail, "BCP-KZ-UZ-30"),
        (ALMATY, SHARJAH, Air, ""),
    ],
    &[
        (DUSHANBE, TERMEZ, Road, "BCP-TJ-UZ-42"),
        (TERMEZ, SAMARKAND, Rail, ""),
        (SAMARKAND, AKTAU, Road, "BCP-KZ-UZ-31"),
        (AKTAU, DUBAI, Air, ""),
    ],
    &[
        (DUSHANBE, TERMEZ, Rail, "BCP-TJ-UZ-54"),
        (TERMEZ, TASHKENT, Rail, ""),
        (TASHKENT, ABU_DHABI, Air, ""),
    ],
    &[
        (KHUJAND, TASHKENT, Road, "BCP-TJ-UZ-47"),
        (TASHKENT, SHYMKENT, Road, "BCP-KZ-UZ-24"),
    ],
    &[
        (PENJIKENT, SAMARKAND, Road, "BCP-TJ-UZ-44"),
        (SAMARKAND, SHYMKENT, Road, "BCP-KZ-UZ-28"),
        (SHYMKENT, DUBAI, Air, ""),
    ],
    &[
        (TASHKENT, ALMATY, Rail, "BCP-KZ-UZ-30"),
        (ALMATY, ABU_DHABI, Air, ""),
    ],
    &[
        (KHUJAND, ALMATY, Air, ""),
        (ALMATY, AKTAU, Rail, ""),
        (AKTAU, SHARJAH, Air, ""),
    ],
];

/// The town as a record states it.
pub(super) fn place(town: Town) -> Place {
    Place {
        country: town.country.to_owned(),
        subdivision: town.subdivision.to_owned(),
        name: town.name.to_owned(),
        ..Place::default()
    }
}

/// The hop as a record states it.
pub(super) fn leg(&(from, to, transport, crossing): &Hop) -> Leg {
    let role = match (from.country, to.country) {
        (_, "AE") => CountryRole::Destination,
        ("TJ", _) => CountryRole::Origin,
        _ => CountryRole::Transit,
    };
    Leg {
        role: role.into(),
        from: Some(place(from)),
        to: Some(place(to)),
        crossing_id: crossing.to_owned(),
        transport: transport.into(),
        ..Leg::default()
    }
}
