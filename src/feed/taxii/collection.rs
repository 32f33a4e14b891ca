//! The collections of a node: one for each kind that tools may have, one for each compartment that
//! takes an entitlement, and one that takes objects in.

use crate::{
    feed::stix::{Aspect, Uuid},
    wire::record::CompartmentLabel,
};

macro_rules! collections {
    ($($name:ident $alias:literal $uuid:literal $title:literal $says:literal;)*) => {
        /// A collection of the server.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Collection {
            $(#[doc = $says] $name,)*
        }

        impl Collection {
            /// Every collection, in the order of the list.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// What it is called in an address beside its id.
            pub const fn alias(self) -> &'static str {
                match self { $(Self::$name => $alias,)* }
            }

            /// Its id, the same in every node.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $uuid,)* }
            }

            /// Its title.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// What it is, in a sentence.
            pub const fn says(self) -> &'static str {
                match self { $(Self::$name => $says,)* }
            }
        }

        /// The aliases, in the order of the list.
        pub const ALIASES: &[&str] = &[$($alias,)*];
    };
}

collections! {
    Routes "routes" "87f4f87e-79c8-4069-af60-491666b66692" "Comity routes" "Routes of trafficking, as campaigns.";
    Networks "networks" "5c3f1b3d-2b81-4fb8-afff-fd3beba5e440" "Comity networks" "Networks that traffic, as intrusion sets.";
    ModiOperandi "modi-operandi" "956c774e-1944-4a76-b56c-69ab08f5b0f1" "Comity modi operandi" "Ways in which it is done, as attack patterns by the Palermo Protocol.";
    Alerts "alerts" "4573515c-0b30-4173-876d-22fc657f90ab" "Comity alerts" "Alerts, as reports.";
    Trends "trends" "3b5525da-0adc-40cc-9ff9-285be35d4ca9" "Comity trends" "Protected statistics, as reports.";
    Tips "tips" "aac5cb71-65d9-4aea-af0a-85437ea72e90" "Comity tips" "Tips, as reports.";
    Information "information" "b7033eca-3935-4a82-b1b8-17cfcad34f9b" "Comity spontaneous information" "Information that another country gave unasked, as reports.";
    EvidenceRequests "evidence-requests" "df8a45b0-2178-4a0a-9559-8df5670c838d" "Comity evidence requests" "Requests for evidence that are not confidential, as notes.";
    Suspects "suspects" "0750d5e3-4c62-446f-8e81-6fc24c850406" "Comity suspects" "Suspects of the other collections' records, as threat actors, for those entitled to them.";
    Identifiers "identifiers" "c87b44d6-c797-4670-a9ac-64f4a6512ccd" "Comity identifiers" "Telephones, accounts, documents and vehicles of the other collections' records, as indicators, for those entitled to them.";
    Intake "intake" "64f80bca-5a37-4a7f-b673-620c488d3906" "Comity intake" "Takes objects in: each becomes a record of the own authority.";
}

impl Collection {
    /// The collection with an id or an alias.
    pub fn named(name: &str) -> Option<Self> {
        let of = |one: &&Self| one.id() == name || one.alias() == name;
        Self::ALL.iter().find(of).copied()
    }

    /// The collection of a kind's situations.
    pub fn of_kind(kind: &str) -> Option<Self> {
        Some(match kind {
            "Route" => Self::Routes,
            "Network" => Self::Networks,
            "ModusOperandi" => Self::ModiOperandi,
            "Alert" => Self::Alerts,
            "Trend" => Self::Trends,
            "Tip" => Self::Tips,
            "SpontaneousInformation" => Self::Information,
            "EvidenceRequest" => Self::EvidenceRequests,
            _ => return None,
        })
    }

    /// What of a record is in it.
    pub const fn aspect(self) -> Aspect {
        match self {
            Self::Suspects => Aspect::Suspects,
            Self::Identifiers => Aspect::Identifiers,
            _ => Aspect::Situation,
        }
    }

    /// The compartment that its readers have to be allowed.
    pub const fn label(self) -> CompartmentLabel {
        match self {
            Self::Suspects => CompartmentLabel::Suspects,
            Self::Identifiers => CompartmentLabel::Identifiers,
            _ => CompartmentLabel::Situation,
        }
    }

    /// Whether it shows more than situations, so that a purpose and a case are needed.
    pub const fn is_entitled(self) -> bool {
        matches!(self, Self::Suspects | Self::Identifiers)
    }

    /// Whether it gives objects.
    pub const fn gives(self) -> bool {
        !matches!(self, Self::Intake)
    }

    /// Whether a text is an id as a collection may have it.
    pub fn is_id(text: &str) -> bool {
        Uuid::parse(text).is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{feed::stix::main_type, record::kind_names};

    #[test]
    fn ids_and_aliases_name_one_collection_each() {
        let mut seen = BTreeSet::new();
        for one in Collection::ALL {
            let uuid = Uuid::parse(one.id()).unwrap();
            assert_eq!(Uuid::of_bytes(*uuid.as_bytes()).to_string().len(), 36);
            assert!(matches!(one.id().as_bytes()[14], b'4'), "{one:?}");
            assert!(
                matches!(one.id().as_bytes()[19], b'8' | b'9' | b'a' | b'b'),
                "{one:?}"
            );
            assert!(seen.insert(one.id()) && seen.insert(one.alias()));
            assert_eq!(Collection::named(one.id()), Some(*one));
            assert_eq!(Collection::named(one.alias()), Some(*one));
        }
        assert_eq!(Collection::named("../routes"), None);
    }

    #[test]
    fn every_kind_for_tools_has_a_collection_and_no_other_has() {
        for kind in kind_names() {
            assert_eq!(
                Collection::of_kind(&kind).is_some(),
                main_type(&kind).is_some(),
                "{kind}"
            );
        }
    }
}
