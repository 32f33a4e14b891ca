//! The rules of tips.

use super::{At, Checker, MAX_LINE, MAX_LIST, MAX_SUMMARY, Text, ValidationContext, place};
use crate::wire::record::{
    Answer, Exploitation, ForcedLabourIndicator, Sector, Tip, TipChannel, TipReporter, VolumeBand,
};

pub(super) fn check(checker: &mut Checker, at: At<'_>, tip: &Tip, context: &ValidationContext<'_>) {
    checker.code::<TipChannel>(at.field("channel"), tip.channel, true);
    checker.code::<TipReporter>(at.field("reporter"), tip.reporter, false);
    checker.past(at.field("receivedAt"), tip.received_at.as_ref(), context);
    checker.text(at.field("service"), &tip.service, Text::line(MAX_LINE));
    let statement = Text::lines(MAX_SUMMARY).required();
    checker.text(at.field("statement"), &tip.statement, statement);
    checker.language(at.field("language"), &tip.language);
    let places_at = at.field("places");
    checker.at_most(places_at, tip.places.len(), MAX_LIST);
    for (index, of) in tip.places.iter().take(MAX_LIST).enumerate() {
        place::check(checker, places_at.item(index), of, context);
    }
    checker.codes::<Exploitation>(at.field("exploitation"), &tip.exploitation, false);
    checker.codes::<ForcedLabourIndicator>(at.field("indicators"), &tip.indicators, false);
    checker.codes::<Sector>(at.field("sectors"), &tip.sectors, false);
    checker.code::<VolumeBand>(at.field("persons"), tip.persons, false);
    checker.code::<Answer>(at.field("immediateDanger"), tip.immediate_danger, false);
    checker.code::<Answer>(at.field("children"), tip.children, false);
    checker.code::<Answer>(at.field("mayBeContacted"), tip.may_be_contacted, false);
}
