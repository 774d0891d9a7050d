//! `Debug` for the messages: their name and nothing of what they carry. Enums and the choices of a
//! oneof derive theirs, which prints no more than this.

use std::fmt;

use crate::v1;

macro_rules! redacted {
    ($($message:ident),* $(,)?) => {$(
        impl fmt::Debug for v1::$message {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.debug_struct(stringify!($message)).finish_non_exhaustive()
            }
        }
    )*};
}

redacted!(
    AccountTokenResponse,
    Actor,
    BulkRegisterRequest,
    BulkRegisterResponse,
    DecideProposalResponse,
    ExplanationRow,
    GetPersonRequest,
    GetPersonResponse,
    GetRecordRequest,
    GetRecordResponse,
    GetTaskRequest,
    GetTaskResponse,
    Identifier,
    Link,
    ListTasksRequest,
    ListTasksResponse,
    MatchCandidate,
    MatchRecordRequest,
    MatchRecordResponse,
    Person,
    PersonName,
    PostalAddress,
    QualityNote,
    RecordKey,
    RegisterRecordRequest,
    RegisterRecordResponse,
    RegisteredRecord,
    RegistrationError,
    Resolution,
    ResolveIdentifierRequest,
    ResolveIdentifierResponse,
    ResolveTaskRequest,
    ResolveTaskResponse,
    ReviewTask,
    ScoreExplanation,
    SourceRecord,
    StatsRequest,
    StatsResponse,
    TaskView,
);

#[cfg(test)]
mod tests {
    use super::v1;

    #[test]
    fn messages_print_nothing_of_the_patient() {
        let record = v1::SourceRecord {
            key: Some(v1::RecordKey {
                source: "hospital-a".to_owned(),
                record_id: "CANARY-1".to_owned(),
            }),
            names: vec![v1::PersonName { family: "CANARY-2".to_owned(), ..Default::default() }],
            ssn: "CANARY-3".to_owned(),
            ..Default::default()
        };
        let request = v1::RegisterRecordRequest { record: Some(record), ..Default::default() };
        assert_eq!(format!("{request:?}"), "RegisterRecordRequest { .. }");
        let row = v1::ExplanationRow { incoming: "CANARY-4".to_owned(), ..Default::default() };
        assert!(!format!("{:?}", vec![row]).contains("CANARY"));
    }
}
