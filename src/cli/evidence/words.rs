//! States, grounds and times as the command line has them.

use time::{Date, Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    record::Moment,
    wire::{
        node::EvidenceState,
        record::{PostponementGround, RefusalGround},
    },
};

const STATE: &str = "EVIDENCE_STATE_";
const REFUSAL: &str = "REFUSAL_GROUND_";

/// A state in upper case, such as `INFORMATION_REQUESTED`.
pub(super) fn state_word(state: EvidenceState) -> &'static str {
    let name = state.as_str_name();
    name.strip_prefix(STATE).unwrap_or(name)
}

/// A state as typed, such as `executed` or `information-requested`.
pub(super) fn state(typed: &str) -> Result<EvidenceState, String> {
    let name = format!("{STATE}{}", typed.to_uppercase().replace('-', "_"));
    match EvidenceState::from_str_name(&name) {
        Some(state) if state != EvidenceState::Unspecified => Ok(state),
        _ => {
            let all = (1..).map_while(|number| EvidenceState::try_from(number).ok());
            let words: Vec<String> = all.map(|of| state_word(of).to_lowercase()).collect();
            Err(format!("no state; there are {}", words.join(", ")))
        }
    }
}

/// Every refusal ground, by number.
fn grounds() -> impl Iterator<Item = RefusalGround> {
    (1..100).filter_map(|number| RefusalGround::try_from(number).ok())
}

fn ground_word(ground: RefusalGround) -> &'static str {
    let name = ground.as_str_name();
    name.strip_prefix(REFUSAL).unwrap_or(name)
}

/// A refusal ground as typed: its whole word, or its code such as `E_D`.
pub(super) fn refusal_ground(typed: &str) -> Result<RefusalGround, String> {
    let wanted = typed.to_uppercase().replace('-', "_");
    let wanted = wanted.strip_prefix(REFUSAL).unwrap_or(&wanted);
    let code = format!("{wanted}_");
    let coded = wanted.len() == 3;
    let found = grounds().find(|ground| {
        let word = ground_word(*ground);
        word == wanted || (coded && word.starts_with(&code))
    });
    found.ok_or_else(|| {
        let words: Vec<&str> = grounds().map(ground_word).collect();
        format!(
            "no refusal ground; there are {}; the code before it, such as E_D, is enough",
            words.join(", ")
        )
    })
}

/// A ground for postponing as typed.
pub(super) fn postponement_ground(typed: &str) -> Result<PostponementGround, String> {
    match typed {
        "ongoing-proceeding" => Ok(PostponementGround::OngoingProceeding),
        "objects-in-use" => Ok(PostponementGround::ObjectsInUse),
        "other" => Ok(PostponementGround::Other),
        _ => Err("no ground; there are ongoing-proceeding, objects-in-use, other".to_owned()),
    }
}

/// A time as typed: a moment with its offset, or a day, of which the end in UTC is meant.
pub(in crate::cli) fn until(typed: &str) -> Result<Moment, String> {
    let fault =
        || "a day such as 2026-11-25, or a moment such as 2026-11-25T18:00:00+05:00, is needed";
    let day = time::format_description::parse_borrowed::<2>("[year]-[month]-[day]")
        .map_err(|_| fault())?;
    if let Ok(date) = Date::parse(typed, &day) {
        let end = date
            .midnight()
            .assume_utc()
            .checked_add(Duration::DAY - Duration::SECOND);
        return end.map(Moment::from).ok_or_else(|| fault().to_owned());
    }
    OffsetDateTime::parse(typed, &Rfc3339)
        .map(Moment::from)
        .map_err(|_| fault().to_owned())
}

/// The id of an item: 32 hexadecimal digits.
pub(super) fn item(typed: &str) -> Result<Item, String> {
    match hex::decode(typed) {
        Ok(id) if id.len() == 16 => Ok(Item(id)),
        _ => Err("the id of an item has 32 hexadecimal digits".to_owned()),
    }
}

/// The id of an item.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Item(pub(super) Vec<u8>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_grounds_and_times_are_read_as_typed() {
        assert_eq!(state("executed"), Ok(EvidenceState::Executed));
        let asked = Ok(EvidenceState::InformationRequested);
        assert_eq!(state("information-requested"), asked);
        assert!(
            state("unspecified")
                .unwrap_err()
                .contains("draft, submitted")
        );
        let twice = Ok(RefusalGround::EDNeBisInIdem);
        assert_eq!(refusal_ground("E_D"), twice);
        assert_eq!(refusal_ground("e-d-ne-bis-in-idem"), twice);
        assert_eq!(refusal_ground("REFUSAL_GROUND_E_D_NE_BIS_IN_IDEM"), twice);
        assert!(refusal_ground("E").unwrap_err().contains("NO_AGREEMENT"));
        assert_eq!(
            until("2026-02-28").unwrap().to_string(),
            "2026-02-28T23:59:59Z"
        );
        assert_eq!(
            until("2026-02-28T18:00:00+05:00").unwrap().to_string(),
            "2026-02-28T13:00:00Z"
        );
        assert!(until("28.2.2026").is_err());
        assert!(item("00").is_err() && item(&"ab".repeat(16)).is_ok());
    }
}
