//! An export under way: batch by batch judged, disclosed and given out.

use std::{collections::VecDeque, sync::Arc};

use crate::{
    access::{Permit, Warrant, act},
    feed::{csv, geojson},
    record::Reference,
};

use super::{
    super::{
        Node, NodeError,
        read::ReadError,
        rules::{DiscloseOrder, Proposal, Refusal},
        steps::{ConsentError, blocking_consent},
    },
    Format, FormatError, FormatOrder, NotExported, Part, Ready,
};

/// Records disclosed in one group.
const BATCH: usize = 32;
/// How often a group is put together anew when a record of it was locked meanwhile.
const TRIES: usize = 4;

/// An export under way. Dropped before its end, it ends: what was not asked for was not disclosed.
#[derive(Debug)]
pub struct FormatExport {
    node: Arc<Node>,
    permit: Permit<act::Export>,
    order: Arc<FormatOrder>,
    warrant: Option<Warrant>,
    left: VecDeque<Reference>,
    /// References that nothing here has.
    unknown: VecDeque<(Reference, NotExported)>,
    begun: bool,
    ended: bool,
    /// Whether a file that several stand in has one already.
    filled: bool,
    records: u64,
    refused: u64,
}

impl FormatExport {
    /// An export of nothing yet.
    pub(super) const fn begin(
        node: Arc<Node>,
        permit: Permit<act::Export>,
        order: Arc<FormatOrder>,
        warrant: Option<Warrant>,
    ) -> Self {
        Self {
            node,
            permit,
            order,
            warrant,
            left: VecDeque::new(),
            unknown: VecDeque::new(),
            begun: false,
            ended: false,
            filled: false,
            records: 0,
            refused: 0,
        }
    }

    /// The same, of these records, and of references that nothing here has.
    pub(super) fn of(
        self,
        left: VecDeque<Reference>,
        unknown: VecDeque<(Reference, NotExported)>,
    ) -> Self {
        Self {
            left,
            unknown,
            ..self
        }
    }

    /// The next parts of the export, or none once it ended. What they hold of records is disclosed,
    /// durably, before this answers.
    ///
    /// # Errors
    /// [`FormatError`]: the export is not whole then.
    pub async fn next(&mut self) -> Result<Option<Vec<Part>>, FormatError> {
        if self.ended {
            return Ok(None);
        }
        let mut parts = Vec::new();
        if !self.begun {
            self.begun = true;
            parts.extend(self.head().map(|head| Part::Piece(None, head)));
            for (reference, why) in self.unknown.drain(..) {
                self.refused = self.refused.saturating_add(1);
                parts.push(Part::Stays(reference, why));
            }
        }
        let batch: Vec<Reference> = self.left.drain(..self.left.len().min(BATCH)).collect();
        if !batch.is_empty() {
            self.batch(batch, &mut parts).await?;
        }
        if self.left.is_empty() {
            self.ended = true;
            parts.extend(self.tail().map(|tail| Part::Piece(None, tail)));
            parts.push(Part::End(self.records, self.refused));
        }
        Ok(Some(parts))
    }

    /// Judges, discloses and gives out some of the records.
    async fn batch(
        &mut self,
        batch: Vec<Reference>,
        parts: &mut Vec<Part>,
    ) -> Result<(), FormatError> {
        let batch = Arc::new(batch);
        for _ in 0..TRIES {
            // Whoever exports for long is asked again whether they may.
            let permit = self.node.again(&self.permit).map_err(ReadError::from)?;
            let (node, order) = (Arc::clone(&self.node), Arc::clone(&self.order));
            let (references, by) = (Arc::clone(&batch), permit.clone());
            let warrant = self.warrant;
            let judged = blocking_consent(move || {
                let judged = references.iter().map(|reference| {
                    let judged = node.ready(*reference, &order, &by, warrant.as_ref());
                    (*reference, judged)
                });
                Ok(judged.collect::<Vec<_>>())
            });
            let judged = match judged.await {
                Ok(judged) => judged,
                Err(ConsentError::Node(error)) => return Err(error.into()),
                Err(_) => return Err(NodeError::Task.into()),
            };
            let ready = judged.iter().filter_map(|(_, judged)| judged.as_ref().ok());
            let orders: Vec<DiscloseOrder> = ready.map(|ready| ready.order.clone()).collect();
            if !orders.is_empty() {
                let proposed = self.node.writer.propose(Proposal::DiscloseAll(orders));
                match proposed.await.map_err(NodeError::from) {
                    Ok(_) => {}
                    // One of them was locked meanwhile, and is refused as such the next time.
                    Err(NodeError::Refused(Refusal::Life(_))) => continue,
                    Err(error) => return Err(error.into()),
                }
            }
            for (reference, judged) in judged {
                match judged {
                    Ok(ready) => self.give(ready, parts),
                    Err(NotExported::Use(
                        ConsentError::Node(error) | ConsentError::Read(ReadError::Node(error)),
                    )) if !error.is_damage() => return Err(error.into()),
                    Err(why) => {
                        self.refused = self.refused.saturating_add(1);
                        parts.push(Part::Stays(reference, why));
                    }
                }
            }
            return Ok(());
        }
        Err(FormatError::Raced)
    }

    fn give(&mut self, ready: Ready, parts: &mut Vec<Part>) {
        let reference = ready.leaving.reference;
        let own = matches!(self.order.format, Format::Cap).then_some(reference);
        let map = matches!(self.order.format, Format::GeoJson);
        parts.push(Part::Leaving(ready.leaving));
        if !ready.content.is_empty() {
            if map && self.filled {
                parts.push(Part::Piece(None, geojson::BETWEEN.as_bytes().to_vec()));
            }
            self.filled = true;
            parts.push(Part::Piece(own, ready.content));
        }
        self.records = self.records.saturating_add(1);
    }

    fn head(&self) -> Option<Vec<u8>> {
        match &self.order.format {
            Format::Cap => None,
            Format::GeoJson => Some(geojson::HEAD.as_bytes().to_vec()),
            Format::Csv(table, mark) => {
                let mark = if *mark {
                    csv::BYTE_ORDER_MARK.as_bytes()
                } else {
                    &[]
                };
                Some([mark, &table.heading()].concat())
            }
        }
    }

    fn tail(&self) -> Option<Vec<u8>> {
        let map = matches!(self.order.format, Format::GeoJson);
        map.then(|| geojson::TAIL.as_bytes().to_vec())
    }
}
