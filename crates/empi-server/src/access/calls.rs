//! What each gRPC method lets somebody do. A method of ours without a line here is refused; a test walks the
//! descriptor and finds it.

use empi_model::Operation;

/// Services of the transport itself: health and reflection.
const OPEN: [&str; 2] = ["/grpc.health.v1.Health/", "/grpc.reflection.v1.ServerReflection/"];

/// Whether a method answers with a stream, by its path.
pub(crate) fn is_stream(path: &str) -> bool {
    ["/BulkRegister", "/WatchEvents", "/Backup", "/Verify"].iter().any(|it| path.ends_with(it))
}

/// The operation of a method by its path; `None` for one that has none.
pub(crate) fn operation(path: &str) -> Option<Operation> {
    if OPEN.iter().any(|open| path.starts_with(open)) {
        return Some(Operation::Probe);
    }
    let (service, method) = path.strip_prefix("/empi.v1.")?.split_once('/')?;
    Some(match (service, method) {
        ("RegistryService", "RegisterRecord" | "BulkRegister") => Operation::RegisterRecords,
        ("RegistryService", "RetireRecord") => Operation::RetireRecords,
        ("RegistryService", "GetRecord") => Operation::ViewRecords,
        (
            "RegistryService",
            "MatchRecord" | "GetPerson" | "ResolveIdentifier" | "SearchPersons",
        ) => Operation::ViewPersons,
        ("ReviewService", "ListTasks" | "GetTask" | "QueueStats") => Operation::ViewQueue,
        (
            "ReviewService",
            "ClaimTask" | "ReleaseTask" | "ResolveTask" | "SnoozeTask" | "AskSource"
            | "EscalateTask" | "AssignTask",
        ) => Operation::Decide,
        ("ReviewService", "ResolveTasks") => Operation::DecideMany,
        (
            "StewardService",
            "LinkRecords" | "UnlinkRecord" | "MergePersons" | "UnmergePersons" | "SplitPerson"
            | "KeepApart" | "MoveRecord" | "ChooseValue" | "UndoEvent",
        ) => Operation::ChangeIdentities,
        ("StewardService", "SetConsent") => Operation::SetConsent,
        ("EmergencyService", "BreakGlass") => Operation::BreakGlass,
        ("EmergencyService", "ListEmergencies" | "ReviewEmergency") => Operation::ReviewGlass,
        ("StewardService", "ErasePerson") => Operation::ErasePersons,
        ("EventService", "GetEvent" | "WatchEvents") => Operation::ViewEvents,
        ("EventService", "ExplainEvent") => Operation::ViewPast,
        ("AdminService", "Stats") => Operation::ViewStats,
        ("AdminService", "Backup" | "Verify") => Operation::Maintain,
        ("AdminService", "RotateKey") => Operation::RotateKey,
        ("AccountService", "ListAccounts") => Operation::ViewAccounts,
        ("AccountService", "AddAccount" | "RotateToken" | "RevokeAccount") => {
            Operation::ChangeAccounts
        }
        ("AuditService", "ExportPerson") => Operation::ExportPersons,
        ("AuditService", "ListAudit" | "GetAuditHead" | "VerifyAudit") => Operation::ViewAudit,
        ("OversightService", "ListProposals" | "GetProposal") => Operation::ViewQueue,
        ("OversightService", "ApproveProposal" | "DeclineProposal" | "WithdrawProposal") => {
            Operation::Approve
        }
        _ => return None,
    })
}
