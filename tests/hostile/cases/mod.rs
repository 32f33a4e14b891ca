//! The cases, by the names that `tests/vectors/link/cases.json` gives them.

pub(crate) mod again;
pub(crate) mod files;
pub(crate) mod frames;
pub(crate) mod hello;
pub(crate) mod lanes;
pub(crate) mod receipts;
pub(crate) mod records;
pub(crate) mod sessions;
pub(crate) mod signed;
pub(crate) mod steps;

use std::pin::Pin;

use crate::{link::Seen, world::World};

/// What a case does, ending with what the adversary saw.
pub(crate) type Run<'a> = Pin<Box<dyn Future<Output = Seen> + 'a>>;
/// A case of the table.
pub(crate) type Case = fn(&mut World) -> Run<'_>;

/// `case!(name, world, { … })`: a case is a function, and `world` its countries.
macro_rules! case {
    ($name:ident, $world:ident, $body:block) => {
        #[allow(unused_variables, reason = "not every case looks at the countries")]
        pub(crate) fn $name($world: &mut World) -> Run<'_> {
            Box::pin(async move { $body })
        }
    };
}
pub(crate) use case;

/// `table!(room: a, b)`: the named cases of a module.
macro_rules! table {
    ($($room:ident: $($name:ident),+ $(,)?);+ $(;)?) => {
        &[$($((
            concat!(stringify!($room), "/", stringify!($name)),
            $room::$name as Case,
        )),+),+]
    };
}

pub(crate) const CASES: &[(&str, Case)] = table!(
    hello: first_frame_not_hello, second_hello, versions_unknown, versions_none, versions_many,
        other_country, country_with_escape_codes, incarnation_short, session_short,
        too_many_states, lane_stated_twice, lane_unknown, lane_hash_short,
        own_card_of_other_content, peer_card_of_other_content, older_card,
        newer_card_of_the_node, more_received_than_sent, receipts_never_issued,
        received_hash_differs, receipts_hash_differs, hash_before_the_first_sequence,
        credit_too_small, forgets_what_it_receipted, incarnation_given_up,
        incarnation_of_nobody, renewal_by_the_signing_key, renewal_of_another_incarnation,
        clock_at_the_end_of_time, clock_before_all_time, checkpoint_of_the_node_never_signed,
        silence_then_close, silence;
    frames: random_bytes_on_the_connection, random_data_in_the_stream, half_a_message,
        random_message_first, random_message_later, unknown_frame, empty_message, empty_frame,
        frame_given_twice, group_wire_type, beyond_the_size_cap, million_empty_states,
        million_empty_records, million_versions, bye_with_escape_codes, close_without_bye;
    lanes: replay_in_the_same_session, replay_in_a_new_session, replay_after_a_restart,
        day_replayed_three_times,
        replay_overlapping_new_records, replay_of_one_frame_of_three,
        replay_over_frames_with_another_record_between, receipts_forgotten, future_sequence, sequence_zero, last_sequence,
        known_sequence_other_record, sequence_in_flight_other_record, other_incarnation,
        incarnation_malformed, lane_malformed, no_records, too_many_records, beyond_credit;
    records: origin_of_another_country, third_country_under_its_own_key, not_addressed_here,
        expired, content_no_record, content_without_situation, content_breaks_rules,
        reference_of_another_country, reference_reused, reference_reused_in_a_batch, record_twice,
        id_reused, header_of_another_lane, header_of_another_incarnation, header_no_message,
        header_not_canonical, header_of_another_version, ciphertext_never_sealed, padding_wrong,
        no_wrap, wrap_misses_a_compartment, compartment_missing, epoch_unknown, epoch_foreign,
        key_not_committed, ciphertext_flipped, signature_flipped, signing_key_unknown,
        header_too_large, broken_in_the_middle_of_a_batch, epoch_for_another_key;
    receipts: never_assigned, of_another_record, signature_flipped, signing_key_unknown, gap,
        other_incarnation, none_at_all, empty_group, lane_malformed, of_an_acceptance, again,
        overlapping, confirmations_never_read, of_another_origin, durable_never_issued, durable_of_another_incarnation,
        durable_too_many, credit_without_end, credit_for_no_lane;
    signed: mark_forged, mark_conflict, mark_of_another_incarnation, mark_ahead,
        mark_for_another_country, mark_of_another_country, marks_too_many,
        checkpoint_of_another_root, checkpoint_rolled_back, checkpoint_without_proof, checkpoint_with_a_false_proof,
        checkpoint_of_a_wrong_key, checkpoint_of_another_ledger, checkpoint_no_note,
        card_of_another_country, card_of_other_content, card_tampered, card_no_card, card_newer;
    sessions: newer_replaces_older, older_is_refused, echo_differs;
    files: first_frame_not_hello, version_unknown, second_hello, random_message, empty_message,
        empty_frame, frame_given_twice, chunk_truncated, chunk_oversized,
        chunk_beyond_the_size_cap, chunk_without_a_nonce, chunks_swapped, chunk_twice,
        chunk_beyond_the_credit, chunk_under_another_number, chunk_of_another_file, byte_flipped,
        byte_flipped_each_time, root_of_another_file, chunks_without_end,
        chunks_of_a_file_that_nobody_named, refusals_without_end, asks_without_end,
        reports_without_end, ask_of_nothing, ask_of_what_is_not_its_own,
        stops_in_mid_frame_and_goes, stops_in_mid_frame_and_stays;
    steps: by_a_stranger, by_the_wrong_side, beyond_a_gap, two_with_one_number, extension_too_far,
        extension_of_no_clock;
    again: request_for_nothing, request_digest_short, requests_too_many, request_not_held,
        resend_never_asked, resend_digest_short,
);
