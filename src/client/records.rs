//! Listing, opening and searching records.

use super::{Client, ClientError};
use crate::wire::node::{
    GetRecordRequest, GetRecordResponse, ListReceiptsRequest, ListReceiptsResponse,
    ListRecordsRequest, ListRecordsResponse, ListRelatedRequest, ListRelatedResponse,
    SearchRequest, SearchResponse,
};

impl Client {
    /// Lists what the node holds and the caller may see, newest first, page by page.
    ///
    /// ```no_run
    /// use comity::wire::node::ListRecordsRequest;
    ///
    /// # async fn example(client: &mut comity::client::Client) -> Result<(), comity::client::ClientError> {
    /// let mut asked = ListRecordsRequest { origin: "KZ".to_owned(), ..Default::default() };
    /// loop {
    ///     let page = client.list(asked.clone()).await?;
    ///     for record in &page.records {
    ///         println!("{} {}", record.reference, record.title);
    ///     }
    ///     if page.next_page_token.is_empty() {
    ///         break;
    ///     }
    ///     asked.page_token = page.next_page_token;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn list(
        &mut self,
        asked: ListRecordsRequest,
    ) -> Result<ListRecordsResponse, ClientError> {
        self.repeat(|client| {
            let (mut records, asked) = (client.records.clone(), asked.clone());
            async move { records.list_records(asked).await }
        })
        .await
    }

    /// Opens a record, for a purpose and a case where more than its situation is read. The reading is
    /// in the ledger before the answer, which says what was withheld and why.
    ///
    /// ```no_run
    /// use comity::wire::{ledger::ReadingPurpose, node::GetRecordRequest};
    ///
    /// # async fn example(client: &mut comity::client::Client) -> Result<(), comity::client::ClientError> {
    /// let opened = client
    ///     .read(GetRecordRequest {
    ///         reference: "KZ-26-000412-H".to_owned(),
    ///         reading_purpose: ReadingPurpose::Investigation.into(),
    ///         case_reference: "case 4711".to_owned(),
    ///         ..Default::default()
    ///     })
    ///     .await?;
    /// println!("{:?}", opened.record);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::Refused`]: `RECORD_UNKNOWN`, `PURPOSE_MISSING`, `RECORD_LOCKED`,
    /// `ACCESS_DENIED`.
    pub async fn read(
        &mut self,
        asked: GetRecordRequest,
    ) -> Result<GetRecordResponse, ClientError> {
        self.repeat(|client| {
            let (mut records, asked) = (client.records.clone(), asked.clone());
            async move { records.get_record(asked).await }
        })
        .await
    }

    /// Searches records: words in any script, kinds, countries, days, codes, identifiers. Without a
    /// purpose and a case only situations are searched.
    ///
    /// ```no_run
    /// use comity::wire::node::SearchRequest;
    ///
    /// # async fn example(client: &mut comity::client::Client) -> Result<(), comity::client::ClientError> {
    /// let asked = SearchRequest { text: "Шымкент".to_owned(), ..Default::default() };
    /// for hit in client.search(asked).await?.hits {
    ///     println!("{:?} because {:?}", hit.record, hit.reasons);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::Refused`]: `QUERY_INVALID`.
    pub async fn search(&mut self, asked: SearchRequest) -> Result<SearchResponse, ClientError> {
        self.repeat(|client| {
            let (mut search, asked) = (client.search.clone(), asked.clone());
            async move { search.search(asked).await }
        })
        .await
    }

    /// Answers the records that share an identifier or a name with one, and the evidence.
    ///
    /// # Errors
    /// [`ClientError::Refused`]: `RECORD_UNKNOWN`.
    pub async fn related(
        &mut self,
        asked: ListRelatedRequest,
    ) -> Result<ListRelatedResponse, ClientError> {
        self.repeat(|client| {
            let (mut search, asked) = (client.search.clone(), asked.clone());
            async move { search.list_related(asked).await }
        })
        .await
    }

    /// Answers the receipts of a record, each with the path to its signature: what proves them is
    /// [`envelope::verify_stated`](crate::envelope::verify_stated) with the cards held.
    ///
    /// # Errors
    /// [`ClientError::Refused`]: `RECORD_UNKNOWN`.
    pub async fn receipts(&mut self, reference: &str) -> Result<ListReceiptsResponse, ClientError> {
        let reference = reference.to_owned();
        self.repeat(|client| {
            let asked = ListReceiptsRequest {
                reference: reference.clone(),
            };
            let mut records = client.records.clone();
            async move { records.list_receipts(asked).await }
        })
        .await
    }
}
