//! Who may sign in: the list, what was changed about it, and the forms that change it.

use axum::extract::{Path, State};
use empi_model::{AccountChange, AccountEntry, Role, User, UserName};
use empi_registry::UserChange;
use maud::{Markup, html};

use crate::web::access::{Operation, role_name};
use crate::web::answer::{Answer, Refusal, sentence};
use crate::web::gate::Form;
use crate::web::layout::csrf;
use crate::web::password::{hash_password, random_password};
use crate::web::view::time::{date, day_and_time};
use crate::web::{Visit, Web};

/// Entries of the log that are shown.
const ENTRIES_MAX: usize = 200;

pub(in crate::web) async fn show(State(web): State<Web>, visit: Visit) -> Result<Answer, Refusal> {
    let (users, log) =
        web.ask(|registry| Ok((registry.users(), registry.account_log(ENTRIES_MAX)?))).await?;
    let may_change = Operation::ChangeUsers.allows(visit.user.role);
    Ok(Answer::Page(
        "Users",
        html! {
            div.columns {
                section.card {
                    h1 { "Users" }
                    (list(&users, &visit, may_change))
                }
                @if may_change { (adding(&visit)) }
            }
            (history(&log))
        },
    ))
}

fn list(users: &[User], visit: &Visit, may_change: bool) -> Markup {
    html! {
        table.rows {
            thead {
                tr {
                    th scope="col" { "Name" }
                    th scope="col" { "Role" }
                    th scope="col" { "State" }
                    th scope="col" { "Since" }
                    @if may_change { th scope="col" { span.unseen { "Change" } } }
                }
            }
            tbody {
                @for user in users {
                    tr.faded[user.is_disabled] {
                        th scope="row" { (user.name) }
                        td { (role_name(user.role)) }
                        td {
                            @if user.is_disabled { "disabled" }
                            @else if user.must_change_password { "has to choose a password" }
                            @else { "active" }
                        }
                        td.number { (date(user.created)) }
                        @if may_change { td.actions { (changes(user, visit)) } }
                    }
                }
            }
        }
    }
}

/// What an administrator may change of one user.
fn changes(user: &User, visit: &Visit) -> Markup {
    let able = if user.is_disabled { ("enable", "Enable") } else { ("disable", "Disable") };
    html! {
        form.inline method="post" action={ "/users/" (user.name) } {
            (csrf(visit))
            select name="role" aria-label={ "Role of " (user.name) } { (roles(user.role)) }
            button type="submit" name="do" value="role" { "Set role" }
            button type="submit" name="do" value=(able.0) { (able.1) }
            button type="submit" name="do" value="reset" { "New password" }
        }
    }
}

fn roles(chosen: Role) -> Markup {
    html! {
        @for role in Role::PEOPLE {
            option value=(role.as_str()) selected[role == chosen] { (role_name(role)) }
        }
    }
}

fn adding(visit: &Visit) -> Markup {
    html! {
        section.card.narrow {
            h2 { "Add somebody" }
            form method="post" action="/users" {
                (csrf(visit))
                label for="new-name" { "Name" }
                input #new-name name="name" type="text" required maxlength="64" autocomplete="off"
                    autocapitalize="none" spellcheck="false";
                label for="new-role" { "Role" }
                select #new-role name="role" { (roles(Role::Steward)) }
                p.hint { "They get a password for one time, which is shown to you once." }
                button.primary type="submit" { "Add" }
            }
        }
    }
}

fn history(log: &[AccountEntry]) -> Markup {
    html! {
        section.card {
            h2 { "What was changed" }
            table.rows {
                thead {
                    tr {
                        th scope="col" { "When" }
                        th scope="col" { "Who" }
                        th scope="col" { "Whom" }
                        th scope="col" { "What" }
                    }
                }
                tbody {
                    @for entry in log {
                        tr {
                            td.number { (day_and_time(entry.time)) }
                            td { (entry.actor.name) }
                            td { (entry.user) }
                            td { (what(entry.change)) }
                        }
                    }
                }
            }
        }
    }
}

fn what(change: AccountChange) -> String {
    match change {
        AccountChange::Added(role) => format!("added as {}", role_name(role).to_lowercase()),
        AccountChange::RoleChanged(role) => format!("is {} now", role_name(role).to_lowercase()),
        AccountChange::Disabled => "disabled".to_owned(),
        AccountChange::Enabled => "enabled".to_owned(),
        AccountChange::PasswordReset => "got a password for one time".to_owned(),
        AccountChange::PasswordChanged => "chose a password".to_owned(),
    }
}

fn role_of(name: &str) -> Result<Role, Refusal> {
    let role = Role::from_name(name).filter(|role| role.is_of_people());
    role.ok_or_else(|| Refusal::invalid("There is no such role: choose another."))
}

fn name_of(text: &str) -> Result<UserName, Refusal> {
    text.parse()
        .map_err(|error: empi_model::UserNameError| Refusal::invalid(sentence(&error.to_string())))
}

/// A password for one time, and what the registry keeps of it.
async fn one_time(web: &Web) -> Result<(String, empi_model::PasswordHash), Refusal> {
    let made = web.hashing(|| {
        let password = random_password()?;
        Ok::<_, crate::web::PasswordError>((password.clone(), hash_password(&password)?))
    });
    made.await?.map_err(|_| Refusal::broken())
}

fn shown_once(name: &UserName, password: &str) -> Markup {
    html! {
        "The password of " (name) " for one time is " code.secret { (password) }
        ". It is not shown again."
    }
}

pub(in crate::web) async fn add(
    State(web): State<Web>,
    visit: Visit,
    Form(fields): Form,
) -> Result<Answer, Refusal> {
    let (name, role) = (name_of(fields.get("name"))?, role_of(fields.get("role"))?);
    let (password, hash) = one_time(&web).await?;
    let (actor, added) = (visit.actor(), name.clone());
    let change = UserChange::Add { role, password: hash };
    web.ask(move |registry| registry.change_user(&added, change, actor)).await?;
    web.0.sessions.leave_notice(visit.session.id, shown_once(&name, &password));
    Ok(Answer::see("/users"))
}

/// Changes a user. Whatever it is, their sessions end, so that nothing of what they were goes on.
pub(in crate::web) async fn change(
    State(web): State<Web>,
    visit: Visit,
    Path(name): Path<String>,
    Form(fields): Form,
) -> Result<Answer, Refusal> {
    let name = name_of(&name)?;
    let (change, notice) = match fields.get("do") {
        "role" => {
            let role = role_of(fields.get("role"))?;
            let words = role_name(role).to_lowercase();
            (UserChange::SetRole(role), html! { (name) " is " (words) " now." })
        }
        "disable" => (UserChange::Disable, html! { (name) " may not sign in any more." }),
        "enable" => (UserChange::Enable, html! { (name) " may sign in again." }),
        "reset" => {
            let (password, hash) = one_time(&web).await?;
            (UserChange::ResetPassword(hash), shown_once(&name, &password))
        }
        _ => return Err(Refusal::invalid("There is no such change.")),
    };
    let (actor, changed) = (visit.actor(), name.clone());
    web.ask(move |registry| registry.change_user(&changed, change, actor)).await?;
    let is_own = name == visit.user.name;
    web.0.sessions.end_all(&name, is_own.then_some(visit.session.id));
    web.0.sessions.leave_notice(visit.session.id, notice);
    Ok(Answer::see("/users"))
}
