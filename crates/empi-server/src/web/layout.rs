//! The frame around every page: head, navigation, what is to be said, who is signed in.

use std::time::Duration;

use empi_model::User;
use maud::{DOCTYPE, Markup, html};

use super::Visit;
use super::access::{Operation, role_name};
use super::answer::Refusal;
use super::assets;
use super::gate::CSRF_FIELD;
use super::pages::emergency;

/// What the frame depends on.
pub(super) struct Frame<'a> {
    pub(super) visit: Option<&'a Visit>,
    /// Where the page is, to mark it in the navigation.
    pub(super) path: &'a str,
    /// Proposals that wait for whoever is signed in.
    pub(super) proposals: usize,
    /// Whether everybody here is made up.
    pub(super) is_practice: bool,
    /// After so long without a request the session is over, and the page leaves the screen.
    pub(super) idle: Duration,
}

/// The sections of the navigation, each with what it takes to see it.
const SECTIONS: [(&str, &str, Operation); 10] = [
    ("/", "Overview", Operation::OwnAccount),
    ("/worklist", "Worklist", Operation::ViewQueue),
    ("/approvals", "Approvals", Operation::ViewQueue),
    ("/search", "Search", Operation::ViewPersons),
    ("/quality", "Quality", Operation::ViewQuality),
    ("/labels", "Labels", Operation::Label),
    ("/tuning", "Tuning", Operation::Tune),
    ("/audit", "Audit", Operation::ViewAudit),
    ("/emergencies", "Emergencies", Operation::ReviewGlass),
    ("/users", "Users", Operation::ViewUsers),
];

/// The colours a user may choose, with what the button says that leads to the next.
const THEMES: [(&str, &str); 3] = [("auto", "Automatic"), ("light", "Light"), ("dark", "Dark")];

/// The preference that holds them.
pub(super) const THEME: &str = "theme";

/// The colours of a user.
fn theme(user: Option<&User>) -> &str {
    let chosen = user.and_then(|user| user.preferences.get(THEME)).map_or("auto", String::as_str);
    THEMES.into_iter().find(|(name, _)| *name == chosen).map_or("auto", |(name, _)| name)
}

/// The colours after some.
pub(super) fn next_theme(user: &User) -> &'static str {
    let at = THEMES.iter().position(|(name, _)| *name == theme(Some(user))).unwrap_or(0);
    THEMES.get((at + 1) % THEMES.len()).map_or("auto", |(name, _)| name)
}

/// A whole page.
pub(super) fn page(
    frame: &Frame<'_>,
    title: &str,
    notice: Option<&Markup>,
    main: &Markup,
) -> Markup {
    let user = frame.visit.map(|visit| &visit.user);
    let idle = frame.visit.map(|_| frame.idle.as_secs());
    html! {
        (DOCTYPE)
        html lang="en" data-theme=(theme(user)) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · empi" }
                link rel="icon" href=(assets::icon()) type="image/svg+xml";
                link rel="stylesheet" href=(assets::style());
                script src=(assets::script()) defer {}
            }
            body data-idle-seconds=[idle] {
                a.skip href="#main" { "Skip to the page" }
                @if let Some(visit) = frame.visit { (bar(visit, frame)) }
                @if frame.is_practice {
                    p.practice role="note" { "Practice: these patients are made up, and after each answer you see whether it was right." }
                }
                main #main tabindex="-1" {
                    div.notice role="status" aria-live="polite" {
                        @if let Some(notice) = notice { (notice) }
                    }
                    (main)
                }
                @if frame.visit.is_some() { (keys()) }
            }
        }
    }
}

fn bar(visit: &Visit, frame: &Frame<'_>) -> Markup {
    let path = frame.path;
    let is_here = |section: &str| match section {
        "/" => path == "/",
        _ => path.starts_with(section),
    };
    let theme = theme(Some(&visit.user));
    let theme_name = THEMES.iter().find(|(name, _)| *name == theme).map_or("", |(_, shown)| shown);
    html! {
        header.bar {
            a.brand href="/" { "empi" }
            nav aria-label="Sections" {
                @for (section, name, operation) in SECTIONS {
                    @if operation.allows(visit.user.role) && !visit.user.must_change_password {
                        a href=(section) aria-current=[is_here(section).then_some("page")]
                            data-key=[(section == "/search" && path != "/search").then_some("/")] {
                            (name)
                            @if section == "/approvals" && frame.proposals > 0 {
                                " " span.tag.number { (frame.proposals) span.unseen { " wait for you" } }
                            }
                        }
                    }
                }
            }
            div.who {
                button.quiet type="button" data-opens="keys" data-key="?" title="What the keys do" { "Keys " kbd { "?" } }
                form method="post" action="/theme" {
                    (csrf(visit))
                    button.quiet type="submit" title="Colours of the pages" { (theme_name) " colours" }
                }
                a.quiet href="/password" title="Choose a new password" {
                    span.name { (visit.user.name) }
                    " " span.role { (role_name(visit.user.role)) }
                }
                form method="post" action="/sign-out" {
                    (csrf(visit))
                    button.quiet type="submit" { "Sign out" }
                }
            }
        }
    }
}

/// The keys of the pages. Each is also written on what it presses.
const KEYS: [(&str, &str); 18] = [
    ("s", "Same person"),
    ("d", "Different people"),
    ("y", "Reject a held update"),
    ("n", "Not sure, or the next question of the worklist"),
    ("x", "Split"),
    ("e", "Escalate to a lead steward"),
    ("a", "The source is asked"),
    ("j", "Next question, without an answer"),
    ("k", "Question before"),
    ("u", "Undo the last answer"),
    ("r", "Choose the reason"),
    ("o", "Write a note"),
    ("1 – 9", "Go to a record, or open a person that was found"),
    ("w", "How the bits add up"),
    ("h", "History of the person"),
    ("l", "Worklist"),
    ("/", "Search"),
    ("Esc", "Leave a field or a window"),
];

fn keys() -> Markup {
    html! {
        dialog #keys aria-labelledby="keys-title" {
            h2 #keys-title { "Keys" }
            dl.keys {
                @for (key, what) in KEYS { div { dt { kbd { (key) } } dd { (what) } } }
            }
            button type="button" data-closes data-key="Escape" { "Close" }
        }
    }
}

/// What every form carries: the proof that it comes from one of our pages.
pub(super) fn csrf(visit: &Visit) -> Markup {
    html! { input type="hidden" name=(CSRF_FIELD) value=(visit.session.csrf.text()); }
}

/// A refusal as a page of its own.
pub(super) fn refusal(refusal: &Refusal, visit: Option<&Visit>) -> Markup {
    let frame = Frame {
        visit,
        path: "",
        proposals: 0,
        is_practice: false,
        idle: Duration::from_secs(24 * 60 * 60),
    };
    let main = html! {
        section.card.narrow {
            h1 { @if refusal.restricted.is_some() { "Not shown" } @else { "That did not work" } }
            p role="alert" { (refusal.sentence) }
            @if let (Some(person), Some(visit)) = (refusal.restricted, visit) {
                @if Operation::BreakGlass.allows(visit.user.role) { (emergency::form(person, visit, "", None)) }
                @else { p { "A lead steward sees them." } }
            }
            p { a.button href="/" { "Go on" } }
        }
    };
    page(&frame, "Not done", None, &main)
}
