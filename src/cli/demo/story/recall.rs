//! A recall with receipts from every reader: locked at once, held where a court demands it, shredded
//! by two persons, unreadable and out of search everywhere.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    client::Client,
    record::Country,
    wire::{
        envelope::ReceiptType,
        node::{
            ApproveRequest, Compliance, ComplianceState, GetRecallStatusRequest,
            RecallRecordsRequest, RecallStatus, ReleaseHoldRequest, SetHoldRequest,
            ShredRecordsRequest,
        },
        record::RecallReason,
    },
};

use super::{
    super::{
        super::{exit::Failure, out::Out},
        country::CountryNode,
    },
    Cast, Seat, eventually, reason, second_officer, words, yes,
};

/// Who holds the record for a court of its own when it is recalled.
const HOLDER: &str = "AE";
const GROUND: &str = "EXERCISE: case 17 of the district court";

/// What came of the recall.
#[derive(Debug)]
pub(super) struct Recall {
    versions: Vec<String>,
    origin: Country,
    countries: Vec<Kept>,
    /// Whether the one who asked for shredding could not approve it anywhere.
    two_persons: bool,
    /// What a node says to a reader.
    says: String,
    /// The ground of the holder, as the origin's status tells it.
    ground: String,
}

/// What became of the record in one country.
#[derive(Debug)]
struct Kept {
    country: Country,
    /// How it stood before anything was shredded, by the origin's status; one per version.
    before: Vec<ComplianceState>,
    /// Verified receipts of each type, over all versions.
    held: usize,
    erased: usize,
    /// Uses that the recall cannot undo, by its receipts.
    disclosures: usize,
    /// Versions that cannot be read.
    unreadable: usize,
    /// Whether neither list nor search knows any version.
    gone: bool,
}

impl Recall {
    /// Holds, recalls, releases, shreds and looks.
    pub(super) async fn make(
        cast: &mut Cast,
        nodes: &[CountryNode],
        reference: &str,
    ) -> Result<Self, Failure> {
        let opened = cast.origin()?.open(reference, false).await?;
        let versions: Vec<String> = opened.versions.into_iter().map(|of| of.reference).collect();
        hold(cast.seat(HOLDER)?, &versions).await?;
        let recall = RecallRecordsRequest {
            references: vec![reference.to_owned()],
            reason: RecallReason::EndangersPerson.into(),
            note: "EXERCISE: the source was recognised".to_owned(),
            ..RecallRecordsRequest::default()
        };
        let origin = cast.origin()?;
        origin.client.life.recall_records(recall).await?;
        let locked = complied(origin, reference, "every reader to lock", |of| {
            match of.country.as_str() {
                HOLDER => of.state() == ComplianceState::Held,
                _ => of.state() == ComplianceState::Locked,
            }
        })
        .await?;
        let says = match origin.open(reference, false).await {
            Ok(_) => "IT CAN BE READ".to_owned(),
            Err(refused) => words(refused),
        };
        release(cast.seat(HOLDER)?, &versions).await?;
        let mut two_persons = true;
        for (seat, node) in cast.seats.iter_mut().zip(nodes) {
            two_persons &= shred(&mut seat.client, node, &versions).await?;
        }
        let origin = cast.origin()?;
        let home = origin.country;
        complied(origin, reference, "every reader to shred", |of| {
            of.state() == ComplianceState::Erased
        })
        .await?;
        let mut countries = Vec::new();
        for index in 0..cast.seats.len() {
            countries.push(Kept::look(cast, index, &versions, &locked).await?);
        }
        let ground = locked
            .iter()
            .flat_map(|version| &version.countries)
            .map(|of| of.ground.clone())
            .find(|ground| !ground.is_empty());
        Ok(Self {
            ground: ground.unwrap_or_default(),
            versions,
            origin: home,
            countries,
            two_persons,
            says,
        })
    }

    fn readers(&self) -> impl Iterator<Item = &Kept> {
        self.countries.iter().filter(|of| of.country != self.origin)
    }

    /// One ERASED receipt for each reader and version.
    fn expected(&self) -> usize {
        self.readers().count() * self.versions.len()
    }

    fn erased(&self) -> usize {
        self.readers().map(|of| of.erased).sum()
    }

    fn held(&self) -> usize {
        self.readers().map(|of| of.held).sum()
    }

    fn unreadable(&self) -> usize {
        self.countries.iter().map(|of| of.unreadable).sum()
    }

    fn gone(&self) -> usize {
        self.countries.iter().filter(|of| of.gone).count()
    }

    pub(super) fn faults(&self) -> Vec<String> {
        let versions = self.versions.len();
        let mut faults = Vec::new();
        if versions < 2 {
            faults.push("the recall did not meet every version".to_owned());
        }
        for of in self.readers() {
            if of.erased != versions {
                faults.push(format!(
                    "{} receipts of {} for ERASED",
                    of.erased, of.country
                ));
            }
            if (of.country.code() == HOLDER) != (of.held == versions) {
                faults.push(format!("{} receipts of {} for HELD", of.held, of.country));
            }
        }
        for of in &self.countries {
            if of.unreadable != versions {
                faults.push(format!("a recalled version can be read in {}", of.country));
            }
            if !of.gone {
                faults.push(format!(
                    "a recalled version is still listed or found in {}",
                    of.country
                ));
            }
        }
        if self.ground != GROUND {
            faults.push(format!("TJ is not told the ground of {HOLDER}'s hold"));
        }
        if !self.two_persons {
            faults.push("one officer alone could shred".to_owned());
        }
        faults
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "recall_versions": self.versions.len(),
            "recall_receipts_expected": self.expected(),
            "recall_receipts": self.erased(),
            "recall_held": self.held(),
            "recall_two_persons": self.two_persons,
            "recall_unreadable_expected": self.countries.len() * self.versions.len(),
            "recall_unreadable": self.unreadable(),
            "recall_out_of_search_expected": self.countries.len(),
            "recall_out_of_search": self.gone(),
        })
    }

    pub(super) fn write(&self, out: &mut Out) -> Result<(), Failure> {
        out.line(&format!(
            "\n4. TJ recalls every version while {HOLDER} holds them for a court of its own\n"
        ))?;
        let rows = self.countries.iter().map(|of| {
            let names: BTreeSet<String> = of
                .before
                .iter()
                .map(|state| {
                    let name = state.as_str_name().to_lowercase();
                    name.trim_start_matches("compliance_state_").to_owned()
                })
                .collect();
            let mut receipts = Vec::new();
            for (count, what) in [(of.held, "HELD"), (of.erased, "ERASED")] {
                if count > 0 {
                    receipts.push(format!("{count} {what}"));
                }
            }
            vec![
                of.country.to_string(),
                if of.country == self.origin {
                    "its own".to_owned()
                } else {
                    names.into_iter().collect::<Vec<_>>().join(", ")
                },
                receipts.join(", "),
                format!("{} of {}", of.unreadable, self.versions.len()),
                yes(of.gone).to_owned(),
                match of.disclosures {
                    0 => String::new(),
                    some => format!("{some} exported before"),
                },
            ]
        });
        out.table(
            &[
                "COUNTRY",
                "AT ONCE",
                "RECEIPTS",
                "UNREADABLE",
                "OUT OF SEARCH",
                "CANNOT BE UNDONE",
            ],
            rows.collect(),
        )?;
        out.line("")?;
        let rows = [
            ["reading it".to_owned(), self.says.clone()],
            [
                "shredding it before its day is over".to_owned(),
                format!(
                    "asked for by one officer and approved by another in each country; the first may not approve: {}",
                    yes(self.two_persons)
                ),
            ],
            [
                "the ground of the hold, as TJ is told".to_owned(),
                self.ground.clone(),
            ],
        ];
        out.table(&["WHAT", "THE NODES SAY"], rows.map(Vec::from).into())
    }
}

impl Kept {
    async fn look(
        cast: &mut Cast,
        index: usize,
        versions: &[String],
        locked: &[RecallStatus],
    ) -> Result<Self, Failure> {
        let book = cast.book.clone();
        let country = cast.seats.get(index).map(|seat| seat.country);
        let country = country.ok_or_else(|| super::missing("a country"))?;
        let (mut held, mut erased, mut disclosures) = (0, 0, 0);
        for version in versions {
            for receipt in cast.origin()?.receipts(version, &book).await? {
                if receipt.issuer != country.code() {
                    continue;
                }
                match receipt.r#type() {
                    ReceiptType::Held => held += 1,
                    ReceiptType::Erased => {
                        erased += 1;
                        disclosures += receipt.disclosures.len();
                    }
                    _ => {}
                }
            }
        }
        let statuses = || {
            let countries = locked.iter().flat_map(|version| &version.countries);
            countries.filter(|of| of.country == country.code())
        };
        let seat = cast.seat(country.code())?;
        Ok(Self {
            country,
            before: statuses().map(Compliance::state).collect(),
            held,
            erased,
            disclosures,
            unreadable: unreadable(seat, versions).await?,
            gone: gone(seat, versions).await?,
        })
    }
}

/// How many of the versions a country's node does not open because they are locked.
async fn unreadable(seat: &mut Seat, versions: &[String]) -> Result<usize, Failure> {
    let mut count = 0;
    for version in versions {
        match seat.open(version, true).await {
            Ok(_) => {}
            Err(refused) if reason(&refused) == "RECORD_LOCKED" => count += 1,
            Err(refused) => return Err(refused.into()),
        }
    }
    Ok(count)
}

/// Whether a country neither lists nor finds any of the versions.
async fn gone(seat: &mut Seat, versions: &[String]) -> Result<bool, Failure> {
    let listed = seat.list().await?;
    let mut there = listed.iter().any(|of| versions.contains(&of.reference));
    for version in versions {
        there |= seat.finds(version).await?;
    }
    Ok(!there)
}

async fn hold(seat: &mut Seat, versions: &[String]) -> Result<(), Failure> {
    for reference in versions.iter().cloned() {
        let request = SetHoldRequest {
            reference,
            ground: GROUND.to_owned(),
        };
        seat.client.life.set_hold(request).await?;
    }
    Ok(())
}

async fn release(seat: &mut Seat, versions: &[String]) -> Result<(), Failure> {
    for reference in versions.iter().cloned() {
        let request = ReleaseHoldRequest { reference };
        seat.client.life.release_hold(request).await?;
    }
    Ok(())
}

/// Asks for shredding and lets a second officer approve it. Answers whether the first could not.
async fn shred(
    first: &mut Client,
    node: &CountryNode,
    versions: &[String],
) -> Result<bool, Failure> {
    let request = ShredRecordsRequest {
        references: versions.to_vec(),
    };
    let asked = first.life.shred_records(request).await?.into_inner();
    let approve = ApproveRequest {
        id: asked.approval_id,
    };
    let alone = first.life.approve(approve.clone()).await;
    second_officer(node).await?.life.approve(approve).await?;
    Ok(alone.is_err_and(|refused| reason(&refused) == "APPROVAL_OWN"))
}

/// Waits until the origin's status says `so` of every reader and version.
async fn complied(
    origin: &mut Seat,
    reference: &str,
    what: &str,
    so: impl Fn(&Compliance) -> bool,
) -> Result<Vec<RecallStatus>, Failure> {
    eventually(&format!("{what} {reference}"), async || {
        let request = GetRecallStatusRequest {
            reference: reference.to_owned(),
        };
        let answer = origin.client.life.get_recall_status(request).await?;
        let versions = answer.into_inner().versions;
        let all = versions
            .iter()
            .flat_map(|version| &version.countries)
            .all(&so);
        Ok((all && !versions.is_empty()).then_some(versions))
    })
    .await
}
