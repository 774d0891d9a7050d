//! The resources around Patients: bundles, parameters, outcomes, and what the server can do.

use empi_model::MatchGrade;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::types::{FhirIdentifier, Patient, Reference};

const MATCH_GRADE: &str = "http://hl7.org/fhir/StructureDefinition/match-grade";

/// A list of resources.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bundle {
    resource_type: &'static str,
    r#type: BundleKind,
    /// How many there are in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<usize>,
    /// Links to pages, by relation and URL.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub link: Vec<BundleLink>,
    /// The resources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entry: Vec<Entry>,
}

/// What a bundle is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BundleKind {
    /// The answer to a search or a match.
    Searchset,
    /// The answer to a message.
    Message,
}

/// A link of a bundle.
#[derive(Clone, Serialize)]
pub struct BundleLink {
    /// `self` or `next`.
    pub relation: &'static str,
    /// Where.
    pub url: String,
}

/// One resource of a bundle.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Its absolute URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_url: Option<String>,
    /// The resource.
    pub resource: Resource,
    /// Why it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<Search>,
}

/// Why a resource is in a search's answer.
#[derive(Clone, Serialize)]
pub struct Search {
    /// `match`, or `outcome` for what is said about the search itself.
    pub mode: &'static str,
    /// How sure, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// The grade of a match.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extension: Vec<GradeExtension>,
}

/// The extension that carries a match grade.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GradeExtension {
    url: &'static str,
    value_code: &'static str,
}

/// A resource in a bundle.
#[derive(Clone, Serialize)]
#[serde(untagged)]
pub enum Resource {
    /// A Patient.
    Patient(Box<Patient>),
    /// An outcome.
    OperationOutcome(OperationOutcome),
    /// Any other.
    Other(Value),
}

impl Bundle {
    /// A bundle of a kind with its entries.
    #[must_use]
    pub fn new(kind: BundleKind, total: Option<usize>, entry: Vec<Entry>) -> Self {
        Self { resource_type: "Bundle", r#type: kind, total, link: Vec::new(), entry }
    }
}

impl Entry {
    /// A Patient that a search found.
    #[must_use]
    pub fn found(full_url: String, patient: Patient, score: Option<f64>) -> Self {
        let search = Search { mode: "match", score, extension: Vec::new() };
        let resource = Resource::Patient(Box::new(patient));
        Self { full_url: Some(full_url), resource, search: Some(search) }
    }

    /// A Patient that a match found, with how sure it is.
    #[must_use]
    pub fn matched(full_url: String, patient: Patient, score: f64, grade: MatchGrade) -> Self {
        let extension = GradeExtension { url: MATCH_GRADE, value_code: match_grade(grade) };
        let score = Some((score.clamp(0.0, 1.0) * 1e6).round() / 1e6);
        let search = Search { mode: "match", score, extension: vec![extension] };
        let resource = Resource::Patient(Box::new(patient));
        Self { full_url: Some(full_url), resource, search: Some(search) }
    }

    /// What is to be said about the search itself.
    #[must_use]
    pub fn outcome(outcome: OperationOutcome) -> Self {
        let search = Search { mode: "outcome", score: None, extension: Vec::new() };
        let resource = Resource::OperationOutcome(outcome);
        Self { full_url: None, resource, search: Some(search) }
    }
}

/// The code of a match grade.
#[must_use]
pub const fn match_grade(grade: MatchGrade) -> &'static str {
    match grade {
        MatchGrade::Certain => "certain",
        MatchGrade::Probable => "probable",
        MatchGrade::Possible => "possible",
        MatchGrade::CertainlyNot => "certainly-not",
    }
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OperationOutcome {
    resource_type: &'static str,
    issue: Vec<Issue>,
}

/// One thing that became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Issue {
    /// How bad.
    pub severity: IssueSeverity,
    /// What kind.
    pub code: IssueCode,
    /// In words. Never a value of a patient.
    pub diagnostics: String,
}

/// How bad an issue is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum IssueSeverity {
    /// The request was not done.
    Error,
    /// It was done, but not as may be expected.
    Warning,
    /// It was done.
    Information,
}

/// The kind of an issue (code system `issue-type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum IssueCode {
    /// The content cannot be read.
    Structure,
    /// An element is missing.
    Required,
    /// A value is not valid.
    Value,
    /// The request contradicts itself or cannot be understood.
    Invalid,
    /// A code or system is not known.
    CodeInvalid,
    /// Something in it must be understood and is not (a modifier extension).
    Extension,
    /// Not there.
    NotFound,
    /// There is more than one.
    MultipleMatches,
    /// The caller may not.
    Forbidden,
    /// Not supported here.
    NotSupported,
    /// It contradicts what was decided before.
    Conflict,
    /// It is a rule of the business that forbids it.
    BusinessRule,
    /// Too much would have to be done.
    TooCostly,
    /// Too much is going on: come again later.
    Throttled,
    /// Larger than the limit.
    TooLong,
    /// Something failed inside.
    Exception,
    /// Done.
    Informational,
}

impl OperationOutcome {
    /// An outcome of one issue.
    #[must_use]
    pub fn new(severity: IssueSeverity, code: IssueCode, diagnostics: impl Into<String>) -> Self {
        let issue = Issue { severity, code, diagnostics: diagnostics.into() };
        Self { resource_type: "OperationOutcome", issue: vec![issue] }
    }

    /// An error.
    #[must_use]
    pub fn error(code: IssueCode, diagnostics: impl Into<String>) -> Self {
        Self::new(IssueSeverity::Error, code, diagnostics)
    }

    /// What was done.
    #[must_use]
    pub fn information(diagnostics: impl Into<String>) -> Self {
        Self::new(IssueSeverity::Information, IssueCode::Informational, diagnostics)
    }
}

/// Parameters of an operation, in and out.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Parameters {
    /// `Parameters`.
    pub resource_type: String,
    /// Each by its name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameter: Vec<Parameter>,
}

/// One parameter.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// A resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<Value>,
    /// A truth value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_boolean: Option<bool>,
    /// A number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_integer: Option<i64>,
    /// A text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_string: Option<String>,
    /// A URI.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_uri: Option<String>,
    /// An identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_identifier: Option<FhirIdentifier>,
    /// A reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_reference: Option<Reference>,
}

impl Parameters {
    /// Parameters of an answer.
    #[must_use]
    pub fn answer(parameter: Vec<Parameter>) -> Self {
        Self { resource_type: "Parameters".to_owned(), parameter }
    }

    /// The first parameter of a name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Parameter> {
        self.parameter.iter().find(|parameter| parameter.name == name)
    }
}

/// What the server can do. `date` is the day of this statement, `version` that of the program.
#[must_use]
pub fn capability_statement(base: &str, version: &str, date: &str) -> Value {
    let search = |name: &str, kind: &str| json!({ "name": name, "type": kind });
    json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": date,
        "kind": "instance",
        "software": { "name": "empi", "version": version },
        "implementation": { "description": "Master Patient Index", "url": base },
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "instantiates": [
            "https://profiles.ihe.net/ITI/PIXm/CapabilityStatement/IHE.PIXm.Manager",
            "https://profiles.ihe.net/ITI/PDQm/CapabilityStatement/IHE.PDQm.Supplier"
        ],
        "rest": [{
            "mode": "server",
            "resource": [{
                "type": "Patient",
                "interaction": [
                    { "code": "read" }, { "code": "search-type" }, { "code": "create" },
                    { "code": "update" }, { "code": "delete" }
                ],
                "versioning": "no-version",
                "readHistory": false,
                "updateCreate": false,
                "conditionalCreate": false,
                "conditionalUpdate": true,
                "conditionalDelete": "single",
                "searchParam": [
                    search("_id", "token"), search("active", "token"),
                    search("identifier", "token"), search("family", "string"),
                    search("given", "string"), search("name", "string"),
                    search("birthdate", "date"), search("gender", "token"),
                    search("telecom", "token"), search("phone", "token"),
                    search("email", "token"), search("address", "string"),
                    search("address-city", "string"), search("address-state", "string"),
                    search("address-postalcode", "string"), search("address-country", "string"),
                    search("mothersMaidenName", "string")
                ],
                "operation": [
                    { "name": "match",
                      "definition": "http://hl7.org/fhir/OperationDefinition/Patient-match" },
                    { "name": "merge",
                      "definition": "http://hl7.org/fhir/OperationDefinition/Patient-merge" },
                    { "name": "ihe-pix",
                      "definition": "https://profiles.ihe.net/ITI/PIXm/OperationDefinition/IHE.PIXm.pix" }
                ]
            }]
        }]
    })
}
