//! A connection to the node, and how calls are repeated over it.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};
use tonic::{Response, Status, transport::Channel};

use super::{ClientError, Profile};
use crate::{
    record::MAX_RECORD_BYTES,
    rpc::tls::{Vouching, connect_client_to},
    wire::node::{
        access_service_client::AccessServiceClient, audit_service_client::AuditServiceClient,
        bundle_service_client::BundleServiceClient, card_service_client::CardServiceClient,
        consent_service_client::ConsentServiceClient, custody_service_client::CustodyServiceClient,
        enrolment_service_client::EnrolmentServiceClient,
        evidence_service_client::EvidenceServiceClient, feed_service_client::FeedServiceClient,
        format_service_client::FormatServiceClient, item_service_client::ItemServiceClient,
        joint_case_service_client::JointCaseServiceClient, life_service_client::LifeServiceClient,
        record_service_client::RecordServiceClient, search_service_client::SearchServiceClient,
        sharing_service_client::SharingServiceClient, status_service_client::StatusServiceClient,
        thread_service_client::ThreadServiceClient, trend_service_client::TrendServiceClient,
    },
};

/// Largest answer: a page of records, or the longest watch frame.
const MAX_ANSWER_BYTES: usize = 32 * MAX_RECORD_BYTES;
/// Longest wait for the node to answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a call may take, unless [`Client::with_deadline`] says otherwise.
const DEADLINE: Duration = Duration::from_secs(60);
/// How long a call is repeated, unless [`Client::with_patience`] says otherwise.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pause after a first failure; doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// As good as for ever, and a time that clocks can name.
const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 86_400);

/// A connection to a node's client port. Clones share it; each makes it anew for itself.
///
/// The fields are the node's services as generated from `proto/`, for what has no method here. They
/// keep no deadline and repeat nothing.
#[derive(Clone, Debug)]
pub struct Client {
    pub(super) profile: Profile,
    deadline: Duration,
    patience: Duration,
    /// Records.
    pub records: RecordServiceClient<Channel>,
    /// Search and correlation.
    pub search: SearchServiceClient<Channel>,
    /// Who reads what, and agreements.
    pub sharing: SharingServiceClient<Channel>,
    /// Recalls, holds, and what needs two persons.
    pub life: LifeServiceClient<Channel>,
    /// Replies, charges, and what is due.
    pub threads: ThreadServiceClient<Channel>,
    /// Consent and the uses it allows.
    pub consents: ConsentServiceClient<Channel>,
    /// Evidence requests and their steps.
    pub evidence: EvidenceServiceClient<Channel>,
    /// Joint cases, their members and what is in them.
    pub joint_cases: JointCaseServiceClient<Channel>,
    /// Permissions.
    pub access: AccessServiceClient<Channel>,
    /// The ledger.
    pub audit: AuditServiceClient<Channel>,
    /// Court bundles.
    pub bundles: BundleServiceClient<Channel>,
    /// Chains of custody.
    pub custody: CustodyServiceClient<Channel>,
    /// Cards.
    pub cards: CardServiceClient<Channel>,
    /// Files of evidence requests.
    pub items: ItemServiceClient<Channel>,
    /// Certificates.
    pub enrolment: EnrolmentServiceClient<Channel>,
    /// Items of case systems.
    pub feeds: FeedServiceClient<Channel>,
    /// Tables of statistics.
    pub trends: TrendServiceClient<Channel>,
    /// Records in the formats of other systems, and cases counted.
    pub formats: FormatServiceClient<Channel>,
    /// The node's state.
    pub status: StatusServiceClient<Channel>,
}

impl Client {
    /// Connects and checks that the node is the profile's country's.
    ///
    /// # Errors
    /// [`ClientError::Connect`] when no node answers, or another than the profile's.
    pub async fn connect(profile: &Profile) -> Result<Self, ClientError> {
        let channel = dial(profile).await?;
        let most = MAX_ANSWER_BYTES;
        Ok(Self {
            profile: profile.clone(),
            deadline: DEADLINE,
            patience: PATIENCE,
            records: RecordServiceClient::new(channel.clone()).max_decoding_message_size(most),
            search: SearchServiceClient::new(channel.clone()).max_decoding_message_size(most),
            sharing: SharingServiceClient::new(channel.clone()).max_decoding_message_size(most),
            life: LifeServiceClient::new(channel.clone()).max_decoding_message_size(most),
            threads: ThreadServiceClient::new(channel.clone()).max_decoding_message_size(most),
            consents: ConsentServiceClient::new(channel.clone()).max_decoding_message_size(most),
            evidence: EvidenceServiceClient::new(channel.clone()).max_decoding_message_size(most),
            joint_cases: JointCaseServiceClient::new(channel.clone())
                .max_decoding_message_size(most),
            access: AccessServiceClient::new(channel.clone()).max_decoding_message_size(most),
            audit: AuditServiceClient::new(channel.clone()).max_decoding_message_size(most),
            bundles: BundleServiceClient::new(channel.clone()).max_decoding_message_size(most),
            custody: CustodyServiceClient::new(channel.clone()).max_decoding_message_size(most),
            cards: CardServiceClient::new(channel.clone()).max_decoding_message_size(most),
            items: ItemServiceClient::new(channel.clone()).max_decoding_message_size(most),
            enrolment: EnrolmentServiceClient::new(channel.clone()).max_decoding_message_size(most),
            feeds: FeedServiceClient::new(channel.clone()).max_decoding_message_size(most),
            trends: TrendServiceClient::new(channel.clone()).max_decoding_message_size(most),
            formats: FormatServiceClient::new(channel.clone()).max_decoding_message_size(most),
            status: StatusServiceClient::new(channel).max_decoding_message_size(most),
        })
    }

    /// How long the methods wait for an answer, everything together. A minute unless this is called.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// How long the methods repeat what may succeed later, and a watch looks for a node that is away.
    /// Half a minute unless this is called; [`Duration::ZERO`]: never; [`Duration::MAX`]: for ever.
    /// The deadline of a call ends it all the same.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The profile it was made from, with the certificate as renewed.
    pub const fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Makes the connection anew, after it broke or the certificate was renewed.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub async fn reconnect(&mut self) -> Result<(), ClientError> {
        let connected = Self::connect(&self.profile).await?;
        let (deadline, patience) = (self.deadline, self.patience);
        *self = connected.with_deadline(deadline).with_patience(patience);
        Ok(())
    }

    /// Makes a call, and repeats it while that may help.
    pub(super) async fn repeat<T, F>(
        &mut self,
        mut call: impl FnMut(&Self) -> F,
    ) -> Result<T, ClientError>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let ends = Instant::now() + self.deadline.min(FOR_EVER);
        let after = self.deadline;
        let mut pauses = self.pauses();
        loop {
            let failed = match timeout_at(ends, call(self)).await {
                Ok(Ok(answer)) => return Ok(answer.into_inner()),
                Ok(Err(status)) => ClientError::from(status),
                Err(_) => return Err(ClientError::Deadline { after }),
            };
            let going = timeout_at(ends, self.recover(failed, &mut pauses)).await;
            going.map_err(|_| ClientError::Deadline { after })??;
        }
    }

    /// When to try again.
    pub(super) fn pauses(&self) -> Pauses {
        Pauses {
            until: Instant::now() + self.patience.min(FOR_EVER),
            next: FIRST_PAUSE,
        }
    }

    /// Waits as long as a failure asks for, and connects anew where the connection broke; gives the
    /// failure back when there is no sense in it, or no patience left.
    pub(super) async fn recover(
        &mut self,
        failed: ClientError,
        pauses: &mut Pauses,
    ) -> Result<(), ClientError> {
        let mut failed = failed;
        loop {
            let Some(pause) = pauses.after(&failed) else {
                return Err(failed);
            };
            sleep(pause).await;
            let broken = match &failed {
                ClientError::Refused(refused) => refused.broke_the_connection(),
                _ => true,
            };
            if !broken {
                return Ok(());
            }
            match self.reconnect().await {
                Ok(()) => return Ok(()),
                Err(error) => failed = error,
            }
        }
    }
}

/// Pauses between tries, until patience ends.
#[derive(Debug)]
pub(super) struct Pauses {
    until: Instant,
    next: Duration,
}

impl Pauses {
    fn after(&mut self, failed: &ClientError) -> Option<Duration> {
        let pause = failed.retry_after()?.max(self.next);
        self.next = self.next.saturating_mul(2).min(LONGEST_PAUSE);
        (Instant::now() + pause < self.until).then_some(pause)
    }
}

async fn dial(profile: &Profile) -> Result<Channel, ClientError> {
    let mut node = Vouching::from((profile.country, profile.ca.clone()));
    if let Some(card) = &profile.card {
        node.revoked_keys = Vouching::of(card).revoked_keys;
    }
    let connecting = connect_client_to(&profile.address, &node, &profile.own, CONNECT_TIMEOUT);
    Ok(connecting.await?)
}
