//! What somebody may do at the client port: one word for each verb, as the table and the ledger have
//! it.
//!
//! Each action is a value of [`Action`] and a type in [`act`]. The type names what a permit is for, so
//! that a use case which asks for a permit to read is not handed one to list.

use std::{fmt, str::FromStr};

/// What an action is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// Records and what they say: kinds, compartments and scope count.
    Contents,
    /// The node, its ledger, its cards: they do not count.
    Node,
}

/// A type that stands for one action.
pub trait Verb: Send + Sync + 'static {
    /// The action.
    const ACTION: Action;
}

macro_rules! actions {
    ($($name:ident $word:literal $about:ident $says:literal;)*) => {
        /// Something that somebody does at the client port.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Action {
            $(#[doc = $says] $name,)*
        }

        impl Action {
            /// Every action, in the order of the documents.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// As `access.toml` and the command line have it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }

            /// What it is about.
            pub const fn about(self) -> About {
                match self {
                    $(Self::$name => About::$about,)*
                }
            }

            /// What it is, in one sentence.
            pub const fn says(self) -> &'static str {
                match self {
                    $(Self::$name => $says,)*
                }
            }
        }

        /// One type for each action.
        pub mod act {
            $(
                #[doc = $says]
                #[derive(Clone, Copy, Debug)]
                pub struct $name;

                impl super::Verb for $name {
                    const ACTION: super::Action = super::Action::$name;
                }
            )*
        }
    };
}

actions! {
    List "list" Contents "See which records there are, with kind, title and what is due of them.";
    Watch "watch" Contents "Be told of records as they come.";
    Read "read" Contents "Open records.";
    Search "search" Contents "Search records.";
    Correlate "correlate" Contents "See which records have something in common.";
    Track "track" Contents "See receipts, sharing, recalls and who is in charge of a record.";
    Preview "preview" Contents "See who would read a record before it is submitted.";
    Submit "submit" Contents "Submit records.";
    Amend "amend" Contents "Amend own records.";
    Reply "reply" Contents "Reply to records.";
    Recall "recall" Contents "Take own records back.";
    Shred "shred" Contents "Have the keys of locked records destroyed before their delay is over.";
    Hold "hold" Contents "Set, release and list legal holds.";
    Acknowledge "acknowledge" Contents "Take charge of a record.";
    Assign "assign" Contents "Put another officer in charge of a record.";
    RequestConsent "request-consent" Contents "Ask another country for consent to a use.";
    AnswerConsent "answer-consent" Contents "Answer another country's request for consent.";
    RequestEvidence "request-evidence" Contents "Ask another country for evidence, and take the steps of the issuing side.";
    ExecuteEvidence "execute-evidence" Contents "Take the steps of the executing side of another country's request for evidence.";
    ShareOnward "share-onward" Contents "Pass another country's record on to a third.";
    ExportCourt "export-court" Contents "Export a record for court.";
    ExportTable "export-table" Contents "Export a protected table of statistics.";
    Ingest "ingest" Contents "Feed items of a case system in; each is submitted, amended or recalled as far as that is allowed too.";
    Subscribe "subscribe" Contents "Have durable subscriptions, and be sent what they match.";
    Export "export" Contents "Export records in another format: STIX, CAP, GeoJSON, CSV.";
    SeeApprovals "see-approvals" Node "See what waits for a second person.";
    Approve "approve" Node "Approve what another person asked for.";
    Status "status" Node "See the node's state.";
    SeeCards "see-cards" Node "See the cards held.";
    ImportCard "import-card" Node "Import another country's card.";
    SeeAgreements "see-agreements" Node "See the agreements in force.";
    ReloadAgreements "reload-agreements" Node "Take the agreements' files up again.";
    SeeLedger "see-ledger" Node "List, prove and export the ledger.";
    AnswerDataSubject "answer-data-subject" Node "Have everything held scanned for a data subject's request; answers which records, never what they say.";
    RequestApproval "request-approval" Node "Ask a second person for leave to do something.";
    SeePermissions "see-permissions" Node "See the permissions in force, and have decisions about oneself explained.";
    ExplainPermissions "explain-permissions" Node "Have decisions about anybody explained.";
    ChangePermissions "change-permissions" Node "Propose other permissions.";
    UploadEvidence "upload-evidence" Contents "Upload files to evidence requests.";
    DownloadEvidence "download-evidence" Contents "Download files of evidence requests.";
    StateCustody "state-custody" Contents "State what was done with an item of evidence.";
    OperateWebhooks "operate-webhooks" Node "See the node's webhooks, and let one go on that was paused.";
    Offboard "offboard" Node "Hand over what somebody who leaves was in charge of.";
}

impl Action {
    /// Whether it hands in what the country itself knows: the origin's word on who reads victim data
    /// binds readers, not who submits it.
    pub const fn hands_in(self) -> bool {
        matches!(
            self,
            Self::Preview | Self::Submit | Self::Amend | Self::Ingest | Self::RequestEvidence
        )
    }

    /// Whether it shows what is in compartments to who does it.
    pub const fn shows(self) -> bool {
        matches!(
            self,
            Self::List
                | Self::Watch
                | Self::Read
                | Self::Search
                | Self::Correlate
                | Self::ExportCourt
                | Self::DownloadEvidence
                | Self::ExportTable
                | Self::Subscribe
                | Self::Export
        )
    }

    /// Every word, as a sentence lists them.
    pub fn words() -> String {
        let words: Vec<&str> = Self::ALL.iter().map(|action| action.as_str()).collect();
        words.join(", ")
    }
}

/// The word names no action.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no action; allowed are {all}", all = Action::words())]
pub struct UnknownAction(String);

impl FromStr for Action {
    type Err = UnknownAction;

    fn from_str(text: &str) -> Result<Self, UnknownAction> {
        let found = Self::ALL.iter().find(|action| action.as_str() == text);
        found
            .copied()
            .ok_or_else(|| UnknownAction(super::shown(text)))
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_name_actions_and_back() {
        for action in Action::ALL {
            assert_eq!(action.as_str().parse(), Ok(*action));
        }
        let fault = "Read\u{7}".parse::<Action>().unwrap_err().to_string();
        assert!(fault.starts_with("`Read\\u{7}` is no action"), "{fault}");
        assert!(fault.ends_with("offboard"), "{fault}");
        assert_eq!(<act::Read as Verb>::ACTION, Action::Read);
    }
}
