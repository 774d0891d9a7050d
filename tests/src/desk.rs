//! Those who call the service: a registration desk and a data steward.

use empi_proto::v1;
use empi_proto::v1::registry_service_client::RegistryServiceClient;
use empi_proto::v1::review_service_client::ReviewServiceClient;
use tonic::Status;
use tonic::transport::Channel;

use crate::nth_patient;

/// A system that registers patients.
#[derive(Clone, Debug)]
pub struct Desk(RegistryServiceClient<Channel>);

fn actor(kind: v1::ActorKind, name: &str) -> Option<v1::Actor> {
    Some(v1::Actor { kind: kind.into(), name: name.to_owned() })
}

/// A record's key.
fn key(source: &str, record_id: &str) -> Option<v1::RecordKey> {
    Some(v1::RecordKey { source: source.to_owned(), record_id: record_id.to_owned() })
}

impl Desk {
    pub(crate) fn new(client: RegistryServiceClient<Channel>) -> Self {
        Self(client)
    }

    /// The message that registers a record.
    #[must_use]
    pub fn request(record: v1::SourceRecord, request_id: &str) -> v1::RegisterRecordRequest {
        v1::RegisterRecordRequest {
            record: Some(record),
            actor: actor(v1::ActorKind::System, "desk"),
            request_id: request_id.to_owned(),
        }
    }

    /// Registers a record.
    ///
    /// # Errors
    /// The server's refusal.
    pub async fn try_register(
        &mut self,
        record: v1::SourceRecord,
        request_id: &str,
    ) -> Result<v1::RegisterRecordResponse, Status> {
        Ok(self.0.register_record(Self::request(record, request_id)).await?.into_inner())
    }

    /// Registers a record that nothing is wrong with.
    pub async fn register(&mut self, record: v1::SourceRecord) -> v1::RegisterRecordResponse {
        self.try_register(record, "").await.expect("the record can be registered")
    }

    /// Asks whom a record resembles.
    pub async fn candidates(&mut self, record: v1::SourceRecord) -> Vec<v1::MatchCandidate> {
        let request = v1::MatchRecordRequest { record: Some(record), candidates_max: 0 };
        self.0
            .match_record(request)
            .await
            .expect("the record can be compared")
            .into_inner()
            .candidates
    }

    /// Asks for a record.
    ///
    /// # Errors
    /// The server's refusal.
    pub async fn try_record(
        &mut self,
        source: &str,
        record_id: &str,
    ) -> Result<v1::RegisteredRecord, Status> {
        let request = v1::GetRecordRequest { key: key(source, record_id) };
        let answer = self.0.get_record(request).await?.into_inner();
        Ok(answer.record.expect("an answer has its record"))
    }

    /// Asks for a record that is there.
    pub async fn record(&mut self, source: &str, record_id: &str) -> v1::RegisteredRecord {
        self.try_record(source, record_id).await.expect("the record is there")
    }

    /// Checks that patients who were registered, by source, number and enterprise ID, are there, and that the same request has
    /// the same answer again.
    pub async fn assert_holds(&mut self, registered: &[(String, u32, String)]) {
        for (source, number, enterprise_id) in registered {
            let held = self.record(source, &number.to_string()).await;
            assert_eq!(&held.enterprise_id, enterprise_id, "{source}/{number}");
            let record = nth_patient(*number).record(source, &number.to_string());
            let again = self.try_register(record, &format!("{source}-{number}")).await;
            let again = again.expect("it was registered before").enterprise_id;
            assert_eq!(&again, enterprise_id, "the same request, the same answer");
        }
    }

    /// Asks for the person that answers to an enterprise ID.
    pub async fn person(&mut self, enterprise_id: &str) -> v1::Person {
        let request = v1::GetPersonRequest { enterprise_id: enterprise_id.to_owned() };
        let answer = self.0.get_person(request).await.expect("every enterprise ID resolves");
        answer.into_inner().person.expect("an answer has its person")
    }

    /// Asks who carries an identifier.
    pub async fn persons_with(&mut self, authority: &str, value: &str) -> Vec<v1::Person> {
        let identifier =
            v1::Identifier { authority: authority.to_owned(), value: value.to_owned() };
        let request = v1::ResolveIdentifierRequest { identifier: Some(identifier) };
        let answer = self.0.resolve_identifier(request).await;
        answer.expect("an identifier can be asked for").into_inner().persons
    }
}

/// A person who works through the review queue.
#[derive(Clone, Debug)]
pub struct Steward(ReviewServiceClient<Channel>);

impl Steward {
    pub(crate) fn new(client: ReviewServiceClient<Channel>) -> Self {
        Self(client)
    }

    /// Every open task, page by page.
    pub async fn open_tasks(&mut self) -> Vec<v1::ReviewTask> {
        let mut tasks = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = v1::ListTasksRequest { page_token, ..v1::ListTasksRequest::default() };
            let page = self.0.list_tasks(request).await.expect("the queue can be read");
            let page = page.into_inner();
            tasks.extend(page.tasks);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return tasks;
            }
        }
    }

    /// A task with both records and the explanation.
    pub async fn task(&mut self, task_id: u64) -> v1::TaskView {
        let answer = self.0.get_task(v1::GetTaskRequest { task_id }).await;
        answer.expect("the task is there").into_inner().view.expect("an answer has its view")
    }

    /// Answers a task.
    ///
    /// # Errors
    /// The server's refusal.
    pub async fn try_resolve(
        &mut self,
        task_id: u64,
        outcome: v1::ReviewOutcome,
    ) -> Result<v1::TaskView, Status> {
        let request = v1::ResolveTaskRequest {
            task_id,
            outcome: outcome.into(),
            actor: actor(v1::ActorKind::Steward, "ines"),
            note: "asked at the desk".to_owned(),
            ..v1::ResolveTaskRequest::default()
        };
        let answer = self.0.resolve_task(request).await?.into_inner();
        Ok(answer.view.expect("an answer has its view"))
    }

    /// Answers a task that can be answered so.
    pub async fn resolve(&mut self, task_id: u64, outcome: v1::ReviewOutcome) -> v1::TaskView {
        self.try_resolve(task_id, outcome).await.expect("the task can be answered")
    }
}
