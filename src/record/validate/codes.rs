//! The code lists that rules ask for.

use crate::wire::record as wire;

/// An enum with the full name of its proto, so that errors can say what is allowed.
pub(in crate::record) trait Codes: TryFrom<i32> {
    const NAME: &'static str;
}

macro_rules! codes {
    ($($name:ident),+ $(,)?) => {
        $(impl Codes for wire::$name {
            const NAME: &'static str = concat!("comity.record.v1.", stringify!($name));
        })+
    };
}

codes!(
    Act,
    AgeBand,
    AgeRange,
    AlertCategory,
    AlertCertainty,
    AlertMessageType,
    AlertResponse,
    AlertScope,
    AlertSeverity,
    AlertStatus,
    AlertType,
    AlertUrgency,
    Answer,
    AssistanceType,
    CaseDiscovery,
    CaseGender,
    CaseStatus,
    ClockGoal,
    ClockStart,
    CompartmentLabel,
    ControlMethod,
    CountryRole,
    DecidingBody,
    DocumentUse,
    EntityType,
    Exploitation,
    FollowType,
    ForcedLabourIndicator,
    HandlingCode,
    IdentifierType,
    ImmediateNeed,
    InformationCredibility,
    JointCaseRole,
    LegalInstrument,
    LinkType,
    Means,
    Motivation,
    OnlineService,
    PostponementGround,
    ProceedingNature,
    ProcessRole,
    Purpose,
    RecallReason,
    RecruiterRelation,
    RecruitmentMethod,
    ReferralConsent,
    ReferralReason,
    RefusalGround,
    RelationType,
    ResourceLevel,
    Sector,
    Sex,
    SexualExploitation,
    SourceReliability,
    SupportType,
    Technology,
    TipChannel,
    TipReporter,
    Tlp,
    TraffickingDuration,
    TraffickingStage,
    TraffickingStatus,
    TransferPurpose,
    Transport,
    TrendAge,
    TrendDimension,
    TrendForm,
    TrendIndicator,
    TrendSex,
    TrendSuppression,
    TrendUnit,
    Urgency,
    UrgencyGround,
    Venue,
    VolumeBand,
);
