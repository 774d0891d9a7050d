//! Sessions: who is signed in, kept in memory alone. A restart signs everybody out, which costs a password.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use empi_model::UserName;
use maud::Markup;
use parking_lot::Mutex;
use tokio::time::Instant;

/// 128 random bits: what a cookie carries, or a form to prove that it came from one of our pages. Prints
/// nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Token([u8; 16]);

impl Token {
    pub(super) fn random() -> Option<Self> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// As it stands in cookies and forms: 32 hexadecimal digits.
    pub(super) fn text(self) -> String {
        format!("{:032x}", u128::from_be_bytes(self.0))
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let is_plain = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u128::from_str_radix(text, 16).ok()?;
        is_plain.then_some(Self(number.to_be_bytes()))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[secret]")
    }
}

/// How long sessions last, and how many there are.
#[derive(Clone, Copy, Debug)]
pub(super) struct SessionLimits {
    pub(super) idle_max: Duration,
    pub(super) age_max: Duration,
    pub(super) count_max: usize,
}

struct Session {
    user: UserName,
    /// Whether somebody else vouched for them, so that no password of here was asked for.
    is_vouched: bool,
    /// When they last proved who they are, as far as that is known.
    proved: Option<Instant>,
    csrf: Token,
    begun: Instant,
    seen: Instant,
    /// What the next page is to say.
    notice: Option<Markup>,
    /// The tasks looked at, in order, for the way back.
    trail: Vec<u64>,
}

/// What a page needs to know of the session that asked for it.
#[derive(Clone, Debug)]
pub(super) struct OpenSession {
    pub(super) id: Token,
    pub(super) user: UserName,
    /// Whether somebody else vouched for them.
    pub(super) is_vouched: bool,
    /// Whether they proved a moment ago who they are: within [`FRESH_TIME_MAX`].
    pub(super) is_fresh: bool,
    pub(super) csrf: Token,
}

/// How long ago somebody may have proved who they are where it matters that it is they who sit there.
pub(super) const FRESH_TIME_MAX: Duration = Duration::from_secs(5 * 60);

/// Tasks that the way back remembers.
const TRAIL_MAX: usize = 50;

/// Where a task stands on the way of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trail {
    /// The task looked at before it.
    pub(super) previous: Option<u64>,
}

/// The sessions that are open.
pub(super) struct Sessions {
    limits: SessionLimits,
    open: Mutex<HashMap<Token, Session>>,
}

impl Sessions {
    pub(super) fn new(limits: SessionLimits) -> Self {
        Self { limits, open: Mutex::new(HashMap::new()) }
    }

    /// Begins a session under an ID that nobody has seen before. `None` when the system gives no random
    /// numbers, or too many sessions are open.
    pub(super) fn begin(&self, user: UserName) -> Option<Token> {
        self.begin_by(user, false, Some(Duration::ZERO))
    }

    /// The same for somebody that somebody else vouched for, and how long ago they proved to them who they are, if that
    /// is known.
    pub(super) fn begin_vouched(&self, user: UserName, proved: Option<Duration>) -> Option<Token> {
        self.begin_by(user, true, proved)
    }

    fn begin_by(&self, user: UserName, is_vouched: bool, ago: Option<Duration>) -> Option<Token> {
        let (id, csrf) = (Token::random()?, Token::random()?);
        let now = Instant::now();
        let proved = ago.and_then(|ago| now.checked_sub(ago));
        let mut open = self.open.lock();
        if open.len() >= self.limits.count_max {
            open.retain(|_, session| self.lasts(session, now));
        }
        if open.len() >= self.limits.count_max {
            return None;
        }
        let (notice, trail) = (None, Vec::new());
        let (begun, seen) = (now, now);
        open.insert(id, Session { user, is_vouched, proved, csrf, begun, seen, notice, trail });
        Some(id)
    }

    /// The session of an ID, if it lasts; its idle time begins anew.
    pub(super) fn visit(&self, id: Token) -> Option<OpenSession> {
        let now = Instant::now();
        let mut open = self.open.lock();
        let session = open.get_mut(&id)?;
        if !self.lasts(session, now) {
            open.remove(&id);
            return None;
        }
        session.seen = now;
        let Session { user, is_vouched, csrf, .. } = session;
        let is_fresh = session.proved.is_some_and(|proved| now < proved + FRESH_TIME_MAX);
        let (user, is_vouched, csrf) = (user.clone(), *is_vouched, *csrf);
        Some(OpenSession { id, user, is_vouched, is_fresh, csrf })
    }

    /// Ends a session.
    pub(super) fn end(&self, id: Token) {
        self.open.lock().remove(&id);
    }

    /// Ends every session of a user but one.
    pub(super) fn end_all(&self, user: &UserName, but: Option<Token>) {
        self.open.lock().retain(|id, session| session.user != *user || Some(*id) == but);
    }

    /// Leaves something to be said on the session's next page.
    pub(super) fn leave_notice(&self, id: Token, notice: Markup) {
        if let Some(session) = self.open.lock().get_mut(&id) {
            session.notice = Some(notice);
        }
    }

    /// Adds to what is to be said on the session's next page.
    pub(super) fn add_notice(&self, id: Token, notice: Markup) {
        if let Some(session) = self.open.lock().get_mut(&id) {
            session.notice = Some(match session.notice.take() {
                None => notice,
                Some(first) => maud::html! { (first) span { (notice) } },
            });
        }
    }

    /// Notes that a task is looked at, and tells which one was before it.
    pub(super) fn step(&self, id: Token, task: u64) -> Trail {
        let mut open = self.open.lock();
        let Some(session) = open.get_mut(&id) else { return Trail { previous: None } };
        let trail = &mut session.trail;
        let at = trail.iter().position(|other| *other == task).unwrap_or_else(|| {
            if trail.len() >= TRAIL_MAX {
                trail.remove(0);
            }
            trail.push(task);
            trail.len() - 1
        });
        Trail { previous: at.checked_sub(1).and_then(|before| trail.get(before).copied()) }
    }

    /// Takes what is to be said.
    pub(super) fn take_notice(&self, id: Token) -> Option<Markup> {
        self.open.lock().get_mut(&id)?.notice.take()
    }

    fn lasts(&self, session: &Session, now: Instant) -> bool {
        now < session.seen + self.limits.idle_max && now < session.begun + self.limits.age_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions() -> Sessions {
        Sessions::new(SessionLimits {
            idle_max: Duration::from_secs(60),
            age_max: Duration::from_secs(600),
            count_max: 3,
        })
    }

    fn ines() -> UserName {
        "ines".parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_ends_when_idle_when_old_and_when_told() {
        let sessions = sessions();
        let id = sessions.begin(ines()).unwrap();
        for _ in 0..10 {
            assert_eq!(sessions.visit(id).unwrap().user, ines());
            tokio::time::advance(Duration::from_secs(59)).await;
        }
        tokio::time::advance(Duration::from_secs(10)).await;
        assert!(sessions.visit(id).is_none(), "old");
        let id = sessions.begin(ines()).unwrap();
        tokio::time::advance(Duration::from_secs(60)).await;
        assert!(sessions.visit(id).is_none(), "idle");
        let id = sessions.begin(ines()).unwrap();
        sessions.end(id);
        assert!(sessions.visit(id).is_none(), "ended");
        let [one, two] = [(); 2].map(|()| sessions.begin(ines()).unwrap());
        sessions.end_all(&ines(), Some(two));
        assert!(sessions.visit(one).is_none() && sessions.visit(two).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_proof_is_fresh_for_some_minutes_and_none_is_never() {
        let sessions = sessions();
        tokio::time::advance(Duration::from_secs(1000)).await;
        let old = FRESH_TIME_MAX.saturating_sub(Duration::from_secs(30));
        for (proved, at_once, soon) in [
            (Some(Duration::ZERO), true, true),
            (Some(old), true, false),
            (Some(FRESH_TIME_MAX), false, false),
            (None, false, false),
        ] {
            let id = sessions.begin_vouched(ines(), proved).unwrap();
            assert_eq!(sessions.visit(id).unwrap().is_fresh, at_once, "{proved:?}");
            tokio::time::advance(Duration::from_secs(30)).await;
            assert_eq!(sessions.visit(id).unwrap().is_fresh, soon, "{proved:?}");
            sessions.end(id);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn sessions_are_bounded_and_their_ids_never_the_same() {
        let sessions = sessions();
        let ids = [(); 3].map(|()| sessions.begin(ines()).unwrap());
        assert!(ids[0] != ids[1] && ids[1] != ids[2]);
        assert!(sessions.begin(ines()).is_none());
        tokio::time::advance(Duration::from_secs(60)).await;
        assert!(sessions.begin(ines()).is_some(), "the idle ones made room");
    }

    #[test]
    fn a_token_is_thirty_two_digits_and_prints_nothing() {
        let token = Token::random().unwrap();
        assert_eq!(Token::parse(&token.text()), Some(token));
        for bad in ["", "0", &"g".repeat(32), &"0".repeat(33), "+0000000000000000000000000000000"] {
            assert_eq!(Token::parse(bad), None, "{bad}");
        }
        assert_eq!(format!("{token:?}"), "[secret]");
    }

    #[test]
    fn the_way_back_leads_past_every_task_looked_at() {
        let sessions = sessions();
        let id = sessions.begin(ines()).unwrap();
        let previous = |task| sessions.step(id, task).previous;
        assert_eq!([previous(7), previous(9), previous(4)], [None, Some(7), Some(9)]);
        assert_eq!([previous(9), previous(7)], [Some(7), None], "going back changes nothing");
        for task in 100..200 {
            previous(task);
        }
        assert_eq!(previous(200), Some(199));
    }

    #[test]
    fn a_notice_is_said_once() {
        let sessions = sessions();
        let id = sessions.begin(ines()).unwrap();
        sessions.leave_notice(id, maud::html! { "done" });
        assert_eq!(sessions.take_notice(id).unwrap().0, "done");
        assert!(sessions.take_notice(id).is_none());
    }
}
