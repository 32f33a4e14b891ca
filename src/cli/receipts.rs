//! `comity receipts REF`: each receipt, checked against the cards held.

use clap::Args;

use crate::{
    card::{TrustBook, verify_stored_card},
    envelope::{self, ReceiptError},
    record::{Moment, compartments::label_name},
    wire::{
        envelope::{NonDeliveryReason, Receipt, ReceiptType},
        json,
        node::ListCardsRequest,
        record::CompartmentLabel,
    },
};

use super::{
    Target,
    exit::{DATAERR, Failure},
    out::Out,
};

/// Show the receipts of a record, each verified against its issuer's card.
#[derive(Debug, Args)]
pub(super) struct Receipts {
    #[command(flatten)]
    target: Target,
    /// Reference, such as UZ-26-000412-H.
    reference: String,
}

impl Receipts {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect().await?;
        let answer = client.receipts(&self.reference).await?;
        let cards = client.cards.list_cards(ListCardsRequest {}).await?;
        let mut book = TrustBook::default();
        for signed in &cards.into_inner().cards {
            // Ended ones too: a receipt proves what it says after its issuer's card has ended.
            let card = verify_stored_card(signed)
                .map_err(|fault| Failure::new(DATAERR, fault.to_string()))?;
            book.accept(card)
                .map_err(|conflict| Failure::new(DATAERR, conflict.to_string()))?;
        }
        let mut rows = Vec::new();
        let mut broken = 0_usize;
        for proof in &answer.receipts {
            let verified = envelope::verify_stated(proof, &book);
            let stands = match &verified {
                Ok(receipt) if receipt.header_digest == answer.header_digest => "yes".to_owned(),
                Ok(_) => "NO: another record".to_owned(),
                Err(error @ ReceiptError::RetiredAcceptance(_)) => format!("unproved: {error}"),
                Err(error) => format!("NO: {error}"),
            };
            if stands.starts_with("NO") {
                broken += 1;
            }
            let receipt = verified.unwrap_or_default();
            if out.json() {
                out.value(&serde_json::json!({
                    "type": kind(&receipt),
                    "issuer": receipt.issuer,
                    "time": Moment::from_micros(receipt.time_us).to_string(),
                    "sequence": receipt.sequence,
                    "reason": refusal(&receipt),
                    "authority": receipt.authority,
                    "verified": stands == "yes",
                    "proof": json::to_json("comity.envelope.v1.ReceiptProof", proof)?,
                }))?;
            } else {
                rows.push(vec![
                    kind(&receipt),
                    receipt.issuer.clone(),
                    super::out::moment(Moment::from_micros(receipt.time_us)),
                    reason(&receipt),
                    stands,
                ]);
            }
        }
        if !out.json() {
            out.table(
                &[
                    "RECEIPT",
                    "ISSUER",
                    "TIME",
                    "REASON OR AUTHORITY",
                    "SIGNATURE HOLDS",
                ],
                rows,
            )?;
        }
        if broken > 0 {
            return Err(Failure::new(
                DATAERR,
                format!("{broken} receipts do not hold; keep them and ask their issuer"),
            ));
        }
        Ok(())
    }
}

fn kind(receipt: &Receipt) -> String {
    ReceiptType::try_from(receipt.r#type)
        .unwrap_or_default()
        .as_str_name()
        .trim_start_matches("RECEIPT_TYPE_")
        .to_owned()
}

/// Why not, or who: the authority that took charge.
fn reason(receipt: &Receipt) -> String {
    if let Ok(label) = CompartmentLabel::try_from(i32::try_from(receipt.compartment).unwrap_or(0))
        && label != CompartmentLabel::Unspecified
    {
        return format!("`{}` alone", label_name(label));
    }
    match receipt.r#type() {
        ReceiptType::Acknowledged => super::records::authority(&receipt.authority),
        _ => refusal(receipt),
    }
}

fn refusal(receipt: &Receipt) -> String {
    match receipt.reason() {
        NonDeliveryReason::Unspecified => String::new(),
        reason => reason
            .as_str_name()
            .trim_start_matches("NON_DELIVERY_REASON_")
            .to_owned(),
    }
}
