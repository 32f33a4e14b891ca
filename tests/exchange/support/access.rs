//! Permits for tests that call a node without a client.

use comity::{
    access::{Caller, Permit, Principal, PrincipalKind, Role, Verb},
    node::Node,
};

/// The case in which tests read.
pub(crate) const CASE: &str = "EXERCISE-1";

/// Every role of officers.
pub(crate) const EVERY_ROLE: [Role; 4] = [
    Role::LiaisonOfficer,
    Role::Analyst,
    Role::JudicialAuthority,
    Role::VictimProtectionOfficer,
];

/// A permit of the node's first operator.
pub(crate) fn permit<A: Verb>(node: &Node) -> Permit<A> {
    node.enter(node.local_operator()).unwrap()
}

/// A permit of a second operator.
pub(crate) fn second_operator<A: Verb>(node: &Node) -> Permit<A> {
    let principal = Principal::new(node.country(), PrincipalKind::Operator, "second").unwrap();
    let from = String::new();
    node.enter(Caller { principal, from }).unwrap()
}

/// A permit of the police's local officer.
pub(crate) fn officer<A: Verb>(node: &Node) -> Permit<A> {
    let principal = Principal::new(node.country(), PrincipalKind::Officer, "local")
        .unwrap()
        .with_authority(Some("national-police"))
        .unwrap()
        .with_roles(EVERY_ROLE.into())
        .unwrap();
    let from = String::new();
    node.enter(Caller { principal, from }).unwrap()
}
