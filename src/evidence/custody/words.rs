//! The acts of custody, as officers say them.

use crate::wire::record::CustodyAct;

/// Acts with their names.
const NAMES: [(CustodyAct, &str); 11] = [
    (CustodyAct::Seized, "seized"),
    (CustodyAct::Hashed, "hashed"),
    (CustodyAct::Uploaded, "uploaded"),
    (CustodyAct::Transferred, "transferred"),
    (CustodyAct::Delivered, "delivered"),
    (CustodyAct::Opened, "opened"),
    (CustodyAct::Exported, "exported"),
    (CustodyAct::Returned, "returned"),
    (CustodyAct::TakenOver, "taken-over"),
    (CustodyAct::Examined, "examined"),
    (CustodyAct::Destroyed, "destroyed"),
];

/// The name of an act, such as `taken-over`.
pub fn act_name(act: CustodyAct) -> &'static str {
    let named = NAMES.iter().find(|(of, _)| *of == act);
    named.map_or("unspecified", |(_, name)| name)
}

/// The act of a name.
pub fn act_of(name: &str) -> Option<CustodyAct> {
    let named = NAMES.iter().find(|(_, of)| *of == name);
    named.map(|(act, _)| *act)
}

/// Whether an officer states this act. The others are stated by the node itself, when it does them.
pub const fn is_officers(act: CustodyAct) -> bool {
    match act {
        CustodyAct::Seized
        | CustodyAct::Examined
        | CustodyAct::TakenOver
        | CustodyAct::Returned
        | CustodyAct::Destroyed => true,
        CustodyAct::Unspecified
        | CustodyAct::Hashed
        | CustodyAct::Uploaded
        | CustodyAct::Transferred
        | CustodyAct::Delivered
        | CustodyAct::Opened
        | CustodyAct::Exported => false,
    }
}
