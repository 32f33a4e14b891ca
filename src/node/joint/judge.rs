//! Whether a record that arrives may belong to its joint case, as far as this node knows the case.
//!
//! What is not known yet is no reason to refuse: a record whose case, or the version of it that it names,
//! is not here is held and closed until it comes, and then judged whenever somebody asks for it.

use crate::{
    record::{Country, joint::joint_case},
    wire::record::Record,
};

use super::super::{Node, NodeError};

impl Node {
    /// What is wrong with the joint case of a record of `origin`; `None` when nothing is, or nobody here
    /// can tell.
    pub(in crate::node) fn refuses_joint_case(
        &self,
        record: &Record,
        origin: Country,
    ) -> Result<Option<&'static str>, NodeError> {
        let Some(fact) = self.case_fact(record) else {
            return Ok(None);
        };
        let Some(version) = self.newest_case(&fact.tag)? else {
            return Ok(None);
        };
        if joint_case(record).is_some() {
            let convener = version.origin == origin && version.members.convener == record.authority;
            return Ok((!convener).then_some("another authority convened the joint case"));
        }
        let named = record.joint_case.as_ref().map_or(0, |of| of.edition);
        if named > version.members.edition || version.takes(origin.code(), record) {
            return Ok(None);
        }
        Ok(Some("its authority was no member of the joint case"))
    }
}
