//! Which fields of a receipt fit its type.

use crate::{
    envelope::{Lane, NonDeliveryReason, Receipt, ReceiptType},
    record::Country,
};

/// Most characters of a ground, a purpose or an authority.
const MAX_TEXT: usize = 500;
/// Most disclosures that a receipt names.
pub const MAX_DISCLOSURES: usize = 64;
/// Highest label of a compartment that a receipt may name.
const MAX_LABEL: u32 = 255;
/// Most characters of a disclosure's manner.
const MAX_MANNER: usize = 32;

/// The field that breaks a rule.
pub(super) fn check(receipt: &Receipt, issuer: Country) -> Option<&'static str> {
    if receipt.issuer != issuer.code() {
        return Some("issuer");
    }
    if receipt.header_digest.len() != 32 {
        return Some("header_digest");
    }
    if receipt.origin.parse::<Country>().is_err() {
        return Some("origin");
    }
    let kind = match ReceiptType::try_from(receipt.r#type) {
        Err(_) | Ok(ReceiptType::Unspecified) => return Some("type"),
        Ok(kind) => kind,
    };
    let submission = kind == ReceiptType::SubmissionAcceptance;
    if let Some(field) = check_late(receipt, kind) {
        return Some(field);
    }
    let lane_stated = match Lane::try_from(receipt.lane) {
        Err(_) => return Some("lane"),
        Ok(lane) => lane != Lane::Unspecified,
    };
    let incarnation = if submission { 0 } else { 16 };
    if receipt.incarnation.len() != incarnation {
        return Some("incarnation");
    }
    if lane_stated == submission {
        return Some("lane");
    }
    if (receipt.sequence == 0) != submission {
        return Some("sequence");
    }
    let refusal = receipt.r#type == i32::from(ReceiptType::NonDelivery);
    match NonDeliveryReason::try_from(receipt.reason) {
        Ok(reason) if (reason != NonDeliveryReason::Unspecified) == refusal => None,
        _ => Some("reason"),
    }
}

/// The field of a late receipt that breaks a rule, or that another receipt must not have.
fn check_late(receipt: &Receipt, kind: ReceiptType) -> Option<&'static str> {
    let recalled = matches!(kind, ReceiptType::Erased | ReceiptType::Held);
    let acted = matches!(kind, ReceiptType::Retrieval | ReceiptType::Acknowledged);
    let fits = |text: &str, allowed: bool| {
        (allowed || text.is_empty())
            && text.chars().count() <= MAX_TEXT
            && !text.chars().any(char::is_control)
    };
    let manners = receipt.disclosures.iter().all(|notice| {
        !notice.manner.is_empty()
            && notice.manner.len() <= MAX_MANNER
            && notice
                .manner
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
            && (notice.country.is_empty() || notice.country.parse::<Country>().is_ok())
    });
    if !matches!(receipt.recall_digest.len(), 0 | 32)
        || (!recalled && !receipt.recall_digest.is_empty())
    {
        Some("recall_digest")
    } else if receipt.backups_until_us < 0
        || (kind != ReceiptType::Erased && receipt.backups_until_us != 0)
    {
        Some("backups_until_us")
    } else if receipt.backups_unknown
        && (kind != ReceiptType::Erased || receipt.backups_until_us != 0)
    {
        Some("backups_unknown")
    } else if receipt.compartment != 0
        && (kind != ReceiptType::Erased
            || receipt.compartment > MAX_LABEL
            || !receipt.recall_digest.is_empty())
    {
        Some("compartment")
    } else if !fits(&receipt.ground, kind == ReceiptType::Held)
        || (kind == ReceiptType::Held && receipt.ground.is_empty())
    {
        Some("ground")
    } else if receipt.disclosures.len() > MAX_DISCLOSURES
        || !manners
        || (!recalled && !receipt.disclosures.is_empty())
    {
        Some("disclosures")
    } else if !fits(&receipt.purpose, kind == ReceiptType::Retrieval) {
        Some("purpose")
    } else if !fits(&receipt.authority, acted) {
        Some("authority")
    } else {
        None
    }
}
