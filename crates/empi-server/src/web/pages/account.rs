//! One's own password and colours.

use axum::extract::State;
use empi_registry::UserChange;
use maud::{Markup, html};

use crate::web::answer::{Answer, Refusal, sentence};
use crate::web::gate::Form;
use crate::web::layout::{THEME, csrf, next_theme};
use crate::web::password::{hash_password, is_right};
use crate::web::{Visit, Web};

pub(in crate::web) async fn show_password(visit: Visit) -> Answer {
    Answer::Page("Password", form(&visit, None))
}

fn form(visit: &Visit, wrong: Option<&str>) -> Markup {
    html! {
        section.card.narrow {
            h1 { "Choose a password" }
            @if visit.user.must_change_password {
                p { "Somebody else chose your password. Choose one that only you know." }
            }
            form method="post" action="/password" {
                (csrf(visit))
                input type="hidden" name="name" value=(visit.user.name) autocomplete="username";
                label for="old" { "Password until now" }
                input #old name="old" type="password" autocomplete="current-password" required
                    maxlength="1024" autofocus;
                label for="new" { "New password, at least 12 characters" }
                input #new name="new" type="password" autocomplete="new-password" required
                    minlength="12" maxlength="1024";
                label for="again" { "New password again" }
                input #again name="again" type="password" autocomplete="new-password" required
                    minlength="12" maxlength="1024";
                @if let Some(wrong) = wrong { p.wrong role="alert" { (wrong) } }
                button.primary type="submit" { "Change password" }
            }
        }
    }
}

/// Takes a new password from whoever knows the old one. Their other sessions end.
pub(in crate::web) async fn take_password(
    State(web): State<Web>,
    visit: Visit,
    Form(fields): Form,
) -> Result<Answer, Refusal> {
    let name = visit.user.name.clone();
    let again = |wrong: &str| Ok(Answer::Page("Password", form(&visit, Some(wrong))));
    let (old, new) = (fields.exact("old").to_owned(), fields.exact("new").to_owned());
    if new != fields.exact("again") {
        return again("The new password was not typed the same way twice.");
    }
    if new == old {
        return again("The new password is the old one: choose another one.");
    }
    if web.0.throttle.attempt(name.as_str()).is_err() {
        return again("Too many wrong passwords: wait a little.");
    }
    let kept = visit.user.password.clone();
    let hashed =
        web.hashing(move || is_right(Some(&kept), &old).then(|| hash_password(&new))).await?;
    let Some(hash) = hashed else { return again("The password until now is not right.") };
    web.0.throttle.succeeded(name.as_str());
    let hash = match hash {
        Err(error) => return again(&sentence(&error.to_string())),
        Ok(hash) => hash,
    };
    let (change, actor) = (UserChange::ChangePassword(hash), visit.actor());
    web.ask(move |registry| registry.change_user(&name, change, actor)).await?;
    web.0.sessions.end_all(&visit.user.name, Some(visit.session.id));
    web.0.sessions.leave_notice(visit.session.id, html! { "Your password is changed." });
    Ok(Answer::see("/"))
}

/// Goes on to the next colours.
pub(in crate::web) async fn take_theme(
    State(web): State<Web>,
    visit: Visit,
) -> Result<Answer, Refusal> {
    let theme = next_theme(&visit.user);
    let name = visit.user.name;
    web.ask(move |registry| registry.set_preference(&name, THEME, theme)).await?;
    Ok(Answer::see("/"))
}
