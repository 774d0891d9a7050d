//! A steward's operations: first what would happen, then, with one more key, that it does. The second form brings
//! along the token of the preview, so nobody decides about persons that have changed meanwhile.

use axum::extract::{Path, State};
use empi_model::{
    EnterpriseId, EventSequence, GoldenField, ReasonCode, RecordKey, ScoreExplanation, Thresholds,
};
use empi_registry::{
    PairView, PersonView, Rarity, Registry, RegistryError, StewardAnswer, StewardOperation,
    StewardRequest,
};
use maud::{Markup, html};

use super::golden::{Outlook, differences, outlook};
use super::person::id_of;
use super::undo::undo;
use crate::web::access::Operation;
use crate::web::answer::{Answer, Refusal};
use crate::web::form::Fields;
use crate::web::gate::Form;
use crate::web::layout::csrf;
use crate::web::view::changes::changes;
use crate::web::view::compare::{Column, table};
use crate::web::view::evidence::{bits, gauge, waterfall};
use crate::web::view::words;
use crate::web::{Visit, Web};

/// Records of each person that are compared to find the pair that resembles most.
const COMPARED_MAX: usize = 20;

/// Fields of a form that say what is to be done.
const FIELDS: [&str; 11] = [
    "operation",
    "person",
    "other",
    "record",
    "apart",
    "field",
    "event",
    "reason",
    "note",
    "surviving",
    "subsumed",
];

/// A form of one button that asks for the preview of an operation.
pub(in crate::web) fn operation_form(
    visit: &Visit,
    button: &str,
    fields: &[(&str, String)],
) -> Markup {
    html! {
        form.undo method="post" action="/operations/preview" {
            (csrf(visit))
            @for (name, value) in fields { input type="hidden" name=(name) value=(value); }
            button type="submit" { (button) "\u{2026}" }
        }
    }
}

/// The choice of a reason.
pub(in crate::web) fn choose_reason(id: &str) -> Markup {
    html! {
        label.unseen for=(id) { "Reason" }
        select id=(id) name="reason" {
            @for reason in ReasonCode::ALL { option value=(reason.as_str()) { (words::reason(reason)) } }
        }
    }
}

/// What the fields of a form ask for.
fn operation(registry: &Registry, fields: &Fields) -> Result<StewardOperation, RegistryError> {
    let invalid = |sentence: &str| RegistryError::Invalid(sentence.to_owned());
    let person = |name: &str| -> Result<EnterpriseId, RegistryError> {
        fields
            .get(name)
            .parse()
            .map_err(|_| invalid("an enterprise ID is missing: name the person"))
    };
    Ok(match fields.get("operation") {
        "split" => {
            let id = person("person")?;
            let records = chosen(&registry.person(id)?, fields);
            if records.is_empty() {
                return Err(invalid("no record is ticked: tick those that are of somebody else"));
            }
            StewardOperation::SplitPerson {
                person: id,
                records,
                keep_apart: fields.get("apart") == "yes",
            }
        }
        "merge" => StewardOperation::MergePersons {
            surviving: person("surviving")?,
            subsumed: person("subsumed")?,
        },
        "apart" => {
            let [left, right] = [person("person")?, person("other")?].map(|id| registry.person(id));
            let first = |view: PersonView| view.records.into_iter().next().map(|it| it.record.key);
            let (left, right) = (first(left?), first(right?));
            let (Some(left), Some(right)) = (left, right) else {
                return Err(invalid("a person without records cannot be kept apart"));
            };
            StewardOperation::KeepApart { left, right }
        }
        "choose" => {
            let number = fields.get("field").parse::<u8>().ok();
            let field = GoldenField::ALL.into_iter().find(|it| Some(*it as u8) == number);
            let field = field.ok_or_else(|| invalid("the field is missing: say which one"))?;
            let id = person("person")?;
            let mut records = chosen(&registry.person(id)?, fields);
            if records.is_empty() && !fields.get("record").is_empty() {
                return Err(invalid("the record is not of this person: look at the person again"));
            }
            StewardOperation::ChooseValue { person: id, field, record: records.pop() }
        }
        "undo" => {
            let event = fields.get("event").parse();
            let event = event.map_err(|_| invalid("the event is missing: say which one"))?;
            StewardOperation::UndoEvent { event: EventSequence(event) }
        }
        _ => return Err(invalid("there is no such operation")),
    })
}

/// The keys of the records that were ticked. They travel as numbers, so no record ID is in the form.
fn chosen(view: &PersonView, fields: &Fields) -> Vec<RecordKey> {
    let ticked: Vec<u32> = fields.all("record").filter_map(|it| it.parse().ok()).collect();
    let records = view.records.iter().filter(|stored| ticked.contains(&stored.index.0));
    records.map(|stored| stored.record.key.clone()).collect()
}

fn request(
    registry: &Registry,
    visit: &Visit,
    fields: &Fields,
    version_token: Option<String>,
) -> Result<StewardRequest, RegistryError> {
    Ok(StewardRequest {
        operation: operation(registry, fields)?,
        actor: visit.actor(),
        reason: reason(fields).unwrap_or(ReasonCode::ChartReview),
        note: fields.get("note").chars().take(500).collect(),
        request_id: None,
        validate_only: version_token.is_none(),
        version_token,
    })
}

/// Shows what would happen.
pub(in crate::web) async fn preview(
    State(web): State<Web>,
    visit: Visit,
    Form(fields): Form,
) -> Result<Answer, Refusal> {
    let (asker, asked) = (visit.clone(), fields.clone());
    let (answer, outlook) = web
        .ask(move |registry| {
            let answer = registry.steward(request(registry, &asker, &asked, None)?)?;
            let outlook = outlook(registry, &answer)?;
            Ok((answer, outlook))
        })
        .await?;
    Ok(Answer::Page("What will happen", preview_page(&answer, &outlook, &visit, &fields)))
}

fn preview_page(
    answer: &StewardAnswer,
    outlook: &[Outlook],
    visit: &Visit,
    fields: &Fields,
) -> Markup {
    html! {
        form.card.narrow.outlook method="post" action="/operations" {
            (csrf(visit))
            h1 { "What will happen" }
            p { strong { (words::event(answer.event.event.kind)) } }
            (changes(&answer.event))
            (differences(outlook))
            @for name in FIELDS.into_iter().filter(|name| !matches!(*name, "reason" | "note")) {
                @for value in fields.all(name) { input type="hidden" name=(name) value=(value); }
            }
            input type="hidden" name="token" value=(answer.version_token);
            label for="reason" { "Reason" }
            select #reason name="reason" {
                @let chosen = reason(fields);
                @for reason in ReasonCode::ALL {
                    option value=(reason.as_str()) selected[chosen == Some(reason)] { (words::reason(reason)) }
                }
            }
            label for="note" { "Note, without patient data" }
            input #note name="note" type="text" maxlength="500" autocomplete="off" value=(fields.get("note"));
            div.more {
                button.primary type="submit" data-key="Enter" { "Do it" kbd { "Enter" } }
                a.button href={ "/persons/" (back(fields)) } data-key="Escape" { "Leave it" kbd { "Esc" } }
            }
        }
    }
}

/// The person to go back to.
fn back(fields: &Fields) -> String {
    fields.get("person").parse::<EnterpriseId>().map(|id| id.to_string()).unwrap_or_default()
}

/// Does it, if the persons are as the preview has shown them.
pub(in crate::web) async fn take(
    State(web): State<Web>,
    visit: Visit,
    Form(fields): Form,
) -> Result<Answer, Refusal> {
    let token = fields.get("token").to_owned();
    let (asker, asked) = (visit.clone(), fields.clone());
    let answer = web
        .ask(move |registry| registry.steward(request(registry, &asker, &asked, Some(token))?))
        .await?;
    let event = answer.event.event;
    let person = fields.get("person").parse().unwrap_or(event.new_enterprise_id);
    let told = words::event(event.kind);
    let notice = html! {
        span { (told) ", event " (event.sequence) "." }
        (undo(&visit, event.sequence, Some(person)))
    };
    web.0.sessions.leave_notice(visit.session.id, notice);
    Ok(Answer::see(format!("/persons/{person}")))
}

/// The reason that was chosen.
pub(super) fn reason(fields: &Fields) -> Option<ReasonCode> {
    ReasonCode::ALL.into_iter().find(|reason| reason.as_str() == fields.get("reason"))
}

/// Two persons side by side: the pair of records that resembles most.
struct Compared {
    pair: PairView,
    rarity: Rarity,
    explanation: ScoreExplanation,
    thresholds: Thresholds,
    persons: [EnterpriseId; 2],
}

fn most_alike(
    registry: &Registry,
    id: EnterpriseId,
    other: EnterpriseId,
) -> Result<Compared, RegistryError> {
    let (one, two) = (registry.person(id)?, registry.person(other)?);
    let persons = [&one, &two].map(|view| view.person.enterprise_id);
    if persons[0] == persons[1] {
        return Err(RegistryError::Invalid("both are one person already".to_owned()));
    }
    let count = one.records.len().min(COMPARED_MAX);
    let taken = one.records.into_iter().take(COMPARED_MAX);
    let records: Vec<_> = taken.chain(two.records.into_iter().take(COMPARED_MAX)).collect();
    let links = registry.links_among(&records).links;
    let across = links.iter().find(|link| (link.left < count) != (link.right < count));
    let ends = across.and_then(|link| Some((records.get(link.left)?, records.get(link.right)?)));
    let (left, right) =
        ends.ok_or_else(|| RegistryError::Invalid("one of the two has no records".to_owned()))?;
    let pair = registry.explain_pair(&left.record.key, &right.record.key)?;
    let rarity = registry.rarity(&left.record);
    let (explanation, thresholds) = (pair.explanation.clone(), registry.thresholds());
    Ok(Compared { pair, rarity, explanation, thresholds, persons })
}

/// Why two persons are not one.
pub(in crate::web) async fn compare(
    State(web): State<Web>,
    visit: Visit,
    Path(id): Path<String>,
    Form(fields): Form,
) -> Result<Answer, Refusal> {
    let (id, other) = (id_of(&id)?, id_of(fields.get("other"))?);
    let compared = web.ask(move |registry| most_alike(registry, id, other)).await?;
    Ok(Answer::Page("Comparison", comparison(&compared, &visit)))
}

fn comparison(compared: &Compared, visit: &Visit) -> Markup {
    let Compared { pair, rarity, explanation, thresholds, persons: [one, other] } = compared;
    let column = |part, view: &'_ empi_registry::RecordView| (part, view.enterprise_id);
    let (left, right) = (column("One", &pair.left), column("Other", &pair.right));
    let below = |id: EnterpriseId| html! { a.id href={ "/persons/" (id) } { (id) } };
    let columns = [
        Column {
            part: left.0,
            key: &pair.left.record.record.key,
            record: &pair.left.record.record,
            below: below(left.1),
        },
        Column {
            part: right.0,
            key: &pair.right.record.record.key,
            record: &pair.right.record.record,
            below: below(right.1),
        },
    ];
    let fields = |operation: &str| {
        vec![
            ("operation", operation.to_owned()),
            ("person", one.to_string()),
            ("other", other.to_string()),
            ("surviving", one.to_string()),
            ("subsumed", other.to_string()),
        ]
    };
    html! {
        h1 { "Why are " span.id { (one) } " and " span.id { (other) } " not one person?" }
        ul.reasons { @for reason in reasons(pair) { li { (reason) } } }
        (table(&columns, explanation, rarity))
        section.card.narrow { h2 { "Together" } (gauge(explanation.total, *thresholds)) }
        details.card.way {
            summary data-key="w" { "How the bits add up " kbd { "w" } }
            (waterfall(explanation, *thresholds, words::evidence))
        }
        @if Operation::ChangeIdentities.allows(visit.user.role) {
            div.inline.left {
                (operation_form(visit, "Merge", &fields("merge")))
                (operation_form(visit, "Keep apart", &fields("apart")))
            }
        }
    }
}

/// Why a pair is not linked, in sentences.
fn reasons(pair: &PairView) -> Vec<String> {
    let mut reasons = Vec::new();
    if pair.kept_apart {
        reasons.push("A steward keeps the two apart.".to_owned());
    }
    if pair.rules.is_empty() {
        let capped = !pair.capped_rules.is_empty();
        reasons.push(if capped {
            "They were never compared: all that they have in common is shared by too many records."
                .to_owned()
        } else {
            "They were never compared: they have nothing in common by which records are found."
                .to_owned()
        });
    }
    reasons.push(format!(
        "The two records that resemble most weigh {} bits.",
        bits(pair.explanation.total)
    ));
    reasons.extend(
        pair.explanation.guards.iter().map(|guard| crate::web::answer::sentence(guard.reason())),
    );
    if let Some(task) = pair.tasks.first() {
        reasons.push(format!("Task {task} asks a steward."));
    }
    reasons
}
