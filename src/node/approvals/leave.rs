//! Leaves: asked for one thing, one purpose and one case, and found again by what is done under them.

use std::sync::Arc;

use crate::{
    access::{Guarded, MAX_RECORDS, Missing, Permit, Purpose, Shape, Verb, Warrant, act},
    crypto::Digest,
    entry::{ApprovalKind, ApprovalOrder},
    inbox::approvals::{self, Stage},
    record::{Country, Reference},
    wire::record::{CompartmentLabel, TrendDimension, TrendIndicator},
};

use super::{
    super::{
        Node, NodeError,
        access::guarded,
        purpose::check_purpose,
        read::{ReadError, blocking},
        rules::By,
        steps::court,
    },
    ApprovalError, Asked, order_of,
};

/// Records that one leave opens.
pub const MAX_OPENED_TOGETHER: usize = 20;
/// Longest description of what a data subject's request looks for, in bytes.
const MAX_QUERY_BYTES: usize = 4096;

/// A table of statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableScope {
    /// Whose numbers.
    pub country: Country,
    /// Which indicator.
    pub indicator: TrendIndicator,
    /// By which dimension.
    pub dimension: TrendDimension,
}

impl TableScope {
    /// As approvals name it.
    fn name(&self) -> String {
        format!(
            "{} {} {}",
            self.country,
            self.indicator.as_str_name(),
            self.dimension.as_str_name()
        )
    }
}

/// The one thing that is done under a leave.
#[derive(Clone, Copy, Debug)]
pub enum Matter<'a> {
    /// Compartment `victims` of a record is opened; every version of it.
    OpenVictims(&'a [Digest]),
    /// A record is exported for a court; every version of it, and the court's name.
    ExportCourt(&'a [Digest], &'a str),
    /// A table is exported.
    Table(&'a TableScope),
    /// Somebody gets at so many records within an hour.
    Records(u64),
    /// Everything held is scanned for this; the bytes that the request named.
    DataSubject(&'a [u8]),
}

impl Matter<'_> {
    /// The guarded act.
    pub const fn guarded(&self) -> Guarded {
        match self {
            Self::OpenVictims(_) => Guarded::OpenVictims,
            Self::ExportCourt(..) => Guarded::ExportCourt,
            Self::Table(_) | Self::Records(_) => Guarded::ExportBulk,
            Self::DataSubject(_) => Guarded::DataSubject,
        }
    }
}

/// What somebody asks a leave for.
#[derive(Clone, Debug)]
pub struct LeaveRequest {
    /// The act.
    pub guarded: Guarded,
    /// The records: to open, or the one to export for court.
    pub references: Vec<Reference>,
    /// For what.
    pub purpose: Option<Purpose>,
    /// The same in words.
    pub note: String,
    /// For which court.
    pub beneficiary: String,
    /// How many records within an hour; 0 for none.
    pub records: u32,
    /// Which table.
    pub table: Option<TableScope>,
    /// What a data subject's request looks for.
    pub query: Vec<u8>,
}

/// By which command something is asked for that no leave is for.
pub(super) const fn asked_how(guarded: Guarded) -> &'static str {
    match guarded {
        Guarded::MassRecall => "`comity recall` asks for it",
        Guarded::Shred => "`comity shred` asks for it",
        Guarded::ImportCard => "`comity card import` asks for it",
        Guarded::ChangePermissions => "`comity access propose` asks for it",
        Guarded::DataSubject => "`comity subject request` asks for it",
        Guarded::OpenVictims | Guarded::ExportCourt | Guarded::ExportBulk => {
            "`comity approvals request` asks for it"
        }
    }
}

/// The kind under which an act is kept.
const fn kind_of(guarded: Guarded) -> ApprovalKind {
    match guarded {
        Guarded::MassRecall => ApprovalKind::Recall,
        Guarded::Shred => ApprovalKind::Shred,
        Guarded::OpenVictims => ApprovalKind::OpenVictims,
        Guarded::ExportCourt => ApprovalKind::ExportCourt,
        Guarded::ExportBulk => ApprovalKind::ExportBulk,
        Guarded::ChangePermissions => ApprovalKind::ChangePermissions,
        Guarded::ImportCard => ApprovalKind::ImportCard,
        Guarded::DataSubject => ApprovalKind::DataSubject,
    }
}

impl Node {
    /// The leave under which whoever holds a permit does something now, for a purpose; `None` where
    /// the permissions ask for no second person. Its id belongs into the leaf of what is done
    /// (`By::under`).
    ///
    /// # Errors
    /// [`ReadError::Refused`] when a second person has to agree first; it is counted.
    pub fn leave<A: Verb>(
        &self,
        permit: &Permit<A>,
        matter: &Matter<'_>,
        purpose: Option<&Purpose>,
    ) -> Result<Option<Warrant>, ReadError> {
        let guarded = matter.guarded();
        if !permit.table().requires(guarded) {
            return Ok(None);
        }
        let found = self.warrant(permit, matter, purpose)?;
        found.map(Some).ok_or_else(|| {
            let refused = permit.refusal(Missing::SecondPerson(guarded));
            self.refused(&refused, permit.caller(), None);
            ReadError::Refused(refused)
        })
    }

    /// A leave that counts now, was given to the principal of a permit, and is for this very thing.
    pub(in crate::node) fn warrant<A: Verb>(
        &self,
        permit: &Permit<A>,
        matter: &Matter<'_>,
        purpose: Option<&Purpose>,
    ) -> Result<Option<Warrant>, NodeError> {
        let actor = permit.actor();
        let asker = self.human(&actor);
        for (id, row) in approvals::open(&self.store, self.now().micros())? {
            if row.state.stage != Stage::Granted || row.state.asker != asker {
                continue;
            }
            let order = self.order(&id, &row)?;
            if order.asked_by == actor
                && guarded(order.kind()) == matter.guarded()
                && purpose.is_none_or(|purpose| is_for(&order, purpose))
                && self.covers(&order, matter)
            {
                return Ok(Some(Warrant::found(matter.guarded(), id)));
            }
        }
        Ok(None)
    }

    fn covers(&self, order: &ApprovalOrder, matter: &Matter<'_>) -> bool {
        let has = |versions: &[Digest]| {
            let mut records = order.records.iter();
            records.any(|record| versions.iter().any(|of| of.as_bytes() == record.as_slice()))
        };
        match matter {
            Matter::OpenVictims(versions) => has(versions),
            Matter::ExportCourt(versions, court) => has(versions) && order.scope == *court,
            Matter::Table(table) => order.scope == table.name(),
            Matter::Records(count) => order.count >= *count,
            Matter::DataSubject(query) => order.query == self.query_tag(query),
        }
    }

    fn query_tag(&self, query: &[u8]) -> [u8; 16] {
        self.keys.index.tag("data-subject", query)
    }

    /// Asks a second person for a leave. Whoever may not do it with a leave is refused here. Durable
    /// before this answers.
    ///
    /// # Errors
    /// [`ApprovalError`]; nothing is asked for then.
    pub async fn request_leave(
        self: &Arc<Self>,
        permit: &Permit<act::RequestApproval>,
        wanted: LeaveRequest,
    ) -> Result<Asked, ApprovalError> {
        let guarded = wanted.guarded;
        if guarded.shape() == Shape::Order {
            return Err(ApprovalError::NoLeave(guarded));
        }
        if !permit.table().requires(guarded) {
            return Err(ApprovalError::Unneeded(guarded));
        }
        check_purpose(&wanted.note)?;
        let purpose = wanted.purpose.clone().ok_or(ApprovalError::Unsaid(
            "a leave is for a purpose and a case: give --purpose and --case",
        ))?;
        let (node, by, asked) = (Arc::clone(self), permit.clone(), wanted.clone());
        let order = blocking(move || Ok(node.leave_order(&by, &asked))).await??;
        let about = match (wanted.references.as_slice(), order.records.as_slice()) {
            ([reference], [digest, ..]) => Digest::try_from(digest.as_slice())
                .ok()
                .map(|digest| (digest, reference.to_string())),
            _ => None,
        };
        let order = ApprovalOrder {
            note: wanted.note.clone(),
            reading_purpose: purpose.code().into(),
            case_reference: purpose.case().to_owned(),
            ..order
        };
        let by = By::of(permit).reading_for(Some(purpose), wanted.note);
        self.ask_for(order, permit, about, by).await
    }

    /// What exactly a leave is for.
    fn leave_order(
        &self,
        permit: &Permit<act::RequestApproval>,
        wanted: &LeaveRequest,
    ) -> Result<ApprovalOrder, ApprovalError> {
        let order = order_of(kind_of(wanted.guarded), Vec::new());
        match wanted.guarded {
            Guarded::OpenVictims => {
                let read = permit.and::<act::Read>()?;
                if !(1..=MAX_OPENED_TOGETHER).contains(&wanted.references.len()) {
                    return Err(ApprovalError::Unsaid(
                        "name the records to open: 1 to 20 references",
                    ));
                }
                let mut records = Vec::new();
                for reference in &wanted.references {
                    records.push(self.to_open(&read, reference)?.to_vec());
                }
                Ok(ApprovalOrder { records, ..order })
            }
            Guarded::ExportCourt => {
                let export = permit.and::<act::ExportCourt>()?;
                let [reference] = wanted.references.as_slice() else {
                    return Err(ApprovalError::Unsaid("name the one record to export"));
                };
                let court = court(&wanted.beneficiary).map_err(|_| {
                    ApprovalError::Unsaid("name the court, in one line: --for-court")
                })?;
                let number = self.newest_number(reference)?;
                self.reached_number(&export, reference, number)?;
                Ok(ApprovalOrder {
                    records: vec![self.header_digest(number)?.to_vec()],
                    scope: court,
                    ..order
                })
            }
            Guarded::ExportBulk => match (&wanted.table, wanted.records) {
                (Some(table), 0) => {
                    permit.and::<act::ExportTable>()?;
                    Ok(ApprovalOrder {
                        scope: table.name(),
                        ..order
                    })
                }
                (None, 1..=MAX_RECORDS) => {
                    permit.and::<act::List>()?;
                    Ok(ApprovalOrder {
                        count: wanted.records.into(),
                        ..order
                    })
                }
                _ => Err(ApprovalError::Unsaid(
                    "say how many records within an hour (--records, up to a million), or which table",
                )),
            },
            Guarded::DataSubject => {
                permit.and::<act::AnswerDataSubject>()?;
                if !(1..=MAX_QUERY_BYTES).contains(&wanted.query.len()) {
                    return Err(ApprovalError::Unsaid(
                        "say what the request looks for, in 1 to 4096 bytes",
                    ));
                }
                Ok(ApprovalOrder {
                    query: self.query_tag(&wanted.query).to_vec(),
                    ..order
                })
            }
            other => Err(ApprovalError::NoLeave(other)),
        }
    }

    fn newest_number(&self, reference: &Reference) -> Result<u64, ReadError> {
        let number = self.find(reference)?;
        Ok(Self::newest(&self.versions(number)?).unwrap_or(number))
    }

    /// The header of a record whose victims' compartment is to be opened: there is one, and nothing
    /// but a second person's leave is missing.
    fn to_open(
        &self,
        permit: &Permit<act::Read>,
        reference: &Reference,
    ) -> Result<Digest, ApprovalError> {
        let number = self.newest_number(reference)?;
        let decision = self.reached_number(permit, reference, number)?;
        let mut withheld = decision.withheld.into_iter();
        match withheld.find(|(label, _)| *label == CompartmentLabel::Victims) {
            None => Err(ApprovalError::NoVictims(*reference)),
            Some((_, Missing::SecondPerson(_))) => Ok(self.header_digest(number)?),
            Some((_, missing)) => {
                let refused = permit.refusal(missing);
                self.refused(&refused, permit.caller(), Some(reference));
                Err(refused.into())
            }
        }
    }
}

fn is_for(order: &ApprovalOrder, purpose: &Purpose) -> bool {
    order.reading_purpose() == purpose.code() && order.case_reference == purpose.case()
}
