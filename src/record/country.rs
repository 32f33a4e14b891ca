//! Countries, ISO 3166-1 alpha-2.

use std::{cmp::Ordering, fmt, str::FromStr};

/// Every code that ISO 3166-1 assigns, in order.
const CODES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE \
    BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD \
    CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM \
    DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF \
    GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU \
    ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN \
    KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME \
    MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA \
    NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM \
    PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI \
    SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK \
    TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI \
    VN VU WF WS YE YT ZA ZM ZW";

/// From one code to the next.
const STRIDE: usize = 3;

/// A country by its ISO 3166-1 alpha-2 code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Country([u8; 2]);

/// Text that should name a country does not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an ISO 3166-1 alpha-2 country code")]
pub struct UnknownCountry(pub String);

impl Country {
    /// The two letters.
    pub const fn code(&self) -> &str {
        match std::str::from_utf8(&self.0) {
            Ok(code) => code,
            // Only ASCII letters are ever stored.
            Err(_) => "",
        }
    }
}

impl FromStr for Country {
    type Err = UnknownCountry;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownCountry(text.chars().take(16).collect());
        let bytes: [u8; 2] = text.as_bytes().try_into().map_err(|_| unknown())?;
        if is_assigned(bytes) {
            Ok(Self(bytes))
        } else {
            Err(unknown())
        }
    }
}

/// Whether ISO 3166-1 assigns a code. Every header, receipt and row names countries, so this halves
/// its way through the sorted codes instead of walking along them.
fn is_assigned(code: [u8; 2]) -> bool {
    let (mut low, mut high) = (0, CODES.len().div_ceil(STRIDE));
    while low < high {
        let middle = usize::midpoint(low, high);
        let here = CODES.as_bytes().get(middle.saturating_mul(STRIDE)..);
        match here
            .and_then(|here| here.first_chunk::<2>())
            .cmp(&Some(&code))
        {
            Ordering::Equal => return true,
            Ordering::Less => low = middle.saturating_add(1),
            Ordering::Greater => high = middle,
        }
    }
    false
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_assigned_codes_are_countries() {
        assert_eq!("UZ".parse::<Country>().unwrap().code(), "UZ");
        for wrong in ["", "U", "uz", "XX", "UZB", "\u{437}", "Z "] {
            assert!(wrong.parse::<Country>().is_err(), "{wrong}");
        }
        for code in CODES.split(' ') {
            assert_eq!(code.parse::<Country>().unwrap().code(), code);
        }
        assert_eq!(CODES.split(' ').count(), 249);
        assert!(CODES.split(' ').is_sorted(), "they are searched by halves");
        for first in b'A'..=b'Z' {
            for second in b'A'..=b'Z' {
                let code = String::from_utf8(vec![first, second]).unwrap();
                let assigned = CODES.split(' ').any(|assigned| assigned == code);
                assert_eq!(code.parse::<Country>().is_ok(), assigned, "{code}");
            }
        }
    }
}
