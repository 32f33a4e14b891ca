//! The permissions of a country that has not written its own.

use super::{
    Role,
    action::Action::{self, *},
    compartments::Compartments,
    table::{Guarded, Row, Scope, SecondPerson, Table},
};
use crate::wire::record::CompartmentLabel::{
    self, Evidence, Identifiers, Situation, Source, Suspects, Victims,
};

/// Hours that something waits for a second person.
const HOURS: u32 = 24;
/// Records within an hour that an officer gets at alone.
const RECORDS: u32 = 1000;

/// What everybody who works with contents sees of records.
const LOOK: &[Action] = &[List, Watch, Read, Search, Correlate, Track];
/// What an officer does with a record that came.
const ANSWER: &[Action] = &[Reply, Acknowledge, Assign];
/// What an officer does with an own record.
const REPORT: &[Action] = &[Preview, Submit, Amend, Recall];
/// What is not about contents and no secret from officers.
const SURROUNDINGS: &[Action] = &[
    SeeApprovals,
    Approve,
    Status,
    SeeCards,
    SeeAgreements,
    SeePermissions,
];

fn row(role: Role, actions: &[&[Action]], labels: &[CompartmentLabel], scope: Scope) -> Row {
    Row {
        role,
        actions: actions.concat().into_iter().collect(),
        kinds: None,
        compartments: labels.iter().copied().collect::<Compartments>(),
        scope,
    }
}

fn rows() -> Vec<Row> {
    let (own, all) = (Scope::Authority, Scope::Country);
    let facts = &[Situation, Suspects, Identifiers][..];
    let mut rows = vec![
        // The country's desk: everything but where information comes from and victims.
        row(
            Role::LiaisonOfficer,
            &[
                LOOK,
                ANSWER,
                REPORT,
                &[
                    Hold,
                    Shred,
                    RequestConsent,
                    AnswerConsent,
                    ShareOnward,
                    ExportTable,
                    Ingest,
                    Subscribe,
                    Export,
                ],
            ],
            facts,
            all,
        ),
        row(
            Role::LiaisonOfficer,
            &[
                LOOK,
                ANSWER,
                REPORT,
                &[RequestConsent, AnswerConsent, ShareOnward],
            ],
            &[Source, Evidence],
            own,
        ),
        // The desk hands in what any authority of the country knows of victims, sources and evidence.
        row(
            Role::LiaisonOfficer,
            &[&[Preview, Submit, Amend, Ingest]],
            &[Victims, Source, Evidence],
            all,
        ),
        // What goes along with evidence requests it looks at, and takes no step of them.
        row(Role::LiaisonOfficer, &[LOOK], &[Evidence], all),
        row(
            Role::Analyst,
            &[LOOK, &[ExportTable, Subscribe, Export]],
            facts,
            all,
        ),
        row(
            Role::JudicialAuthority,
            &[
                LOOK,
                ANSWER,
                REPORT,
                &[Hold, Shred, RequestConsent, AnswerConsent],
                &[RequestEvidence, ExecuteEvidence, ExportCourt],
            ],
            &[Situation, Suspects, Identifiers, Source, Evidence],
            own,
        ),
        row(
            Role::JudicialAuthority,
            &[&[
                UploadEvidence,
                DownloadEvidence,
                StateCustody,
                RequestConsent,
                AnswerConsent,
            ]],
            &[Situation, Evidence],
            own,
        ),
        // A request names victims where it has to; reading them is another matter.
        row(
            Role::JudicialAuthority,
            &[&[RequestEvidence]],
            &[Victims],
            own,
        ),
        row(
            Role::VictimProtectionOfficer,
            &[
                LOOK,
                ANSWER,
                REPORT,
                &[RequestConsent, AnswerConsent, ShareOnward, ExportCourt],
            ],
            &[Situation, Victims],
            own,
        ),
        row(
            Role::CaseSystem,
            &[
                &[List, Watch, Read, Search, Correlate, Track],
                &[Preview, Submit, Amend, Reply, Acknowledge],
                // What it deletes it takes back.
                &[Ingest, Recall, Subscribe, Export],
            ],
            facts,
            own,
        ),
        // A case system hands in what it holds of victims and evidence, and reads none.
        row(
            Role::CaseSystem,
            &[&[Preview, Submit, Amend, Ingest, Recall]],
            &[Victims, Source, Evidence],
            own,
        ),
    ];
    let node = |role, actions: &[&[Action]]| row(role, actions, &[], own);
    let officers = [
        Role::LiaisonOfficer,
        Role::Analyst,
        Role::JudicialAuthority,
        Role::VictimProtectionOfficer,
    ];
    rows.extend(officers.map(|role| node(role, &[SURROUNDINGS, &[RequestApproval]])));
    rows.push(node(
        Role::CaseSystem,
        &[&[Status, SeeCards, SeeAgreements, SeePermissions]],
    ));
    // Who answers data subjects learns which records name them, never what these say.
    rows.extend(
        [Role::LiaisonOfficer, Role::VictimProtectionOfficer]
            .map(|role| node(role, &[&[AnswerDataSubject]])),
    );
    rows.push(node(
        Role::Auditor,
        &[SURROUNDINGS, &[SeeLedger, ExplainPermissions]],
    ));
    rows.push(node(
        Role::Operator,
        &[
            SURROUNDINGS,
            &[
                ImportCard,
                ReloadAgreements,
                SeeLedger,
                OperateWebhooks,
                Offboard,
                ChangePermissions,
                ExplainPermissions,
            ],
        ],
    ));
    rows
}

/// Who approves, while a country has not said so.
fn second(guarded: Guarded) -> SecondPerson {
    use Role::{Auditor, JudicialAuthority, LiaisonOfficer, Operator, VictimProtectionOfficer};
    let approvers: &[Role] = match guarded {
        Guarded::MassRecall | Guarded::Shred | Guarded::ExportBulk => {
            &[LiaisonOfficer, JudicialAuthority]
        }
        Guarded::OpenVictims | Guarded::ExportCourt => {
            &[LiaisonOfficer, JudicialAuthority, VictimProtectionOfficer]
        }
        Guarded::ChangePermissions => &[Operator, Auditor],
        // Whoever had the fingerprint read aloud.
        Guarded::ImportCard => &[Operator, LiaisonOfficer],
        Guarded::DataSubject => &[LiaisonOfficer, JudicialAuthority, Auditor],
    };
    SecondPerson {
        required: true,
        approvers: approvers.iter().copied().collect(),
        hours: HOURS,
        records: match guarded {
            Guarded::ExportBulk => RECORDS,
            _ => 0,
        },
    }
}

impl Default for Table {
    /// The built-in permissions.
    fn default() -> Self {
        Self {
            rows: rows(),
            second: Guarded::ALL
                .iter()
                .map(|guarded| (*guarded, second(*guarded)))
                .collect(),
        }
    }
}
