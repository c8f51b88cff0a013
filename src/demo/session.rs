//! Sessions, login forms and the API token, all in memory.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use super::request;

/// The only user of the shop.
pub(super) const USER: &str = "smoke";
pub(super) const SESSION_COOKIE: &str = "session";
/// The cookie of a visitor who is not logged in yet. The CSRF token of the login form is bound to it.
pub(super) const VISIT_COOKIE: &str = "visit";

/// Everything that the shop remembers of its visitors. It keeps the latest 1,024 entries of each kind.
pub(super) struct Sessions {
    password: String,
    api_token: String,
    memory: Mutex<Memory>,
}

/// A visitor who has received the login form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Visit {
    pub(super) id: String,
    pub(super) csrf: String,
}

/// The body of `POST /login`. A missing field is empty.
#[derive(Default)]
pub(super) struct LoginForm {
    pub(super) user: String,
    pub(super) password: String,
    pub(super) csrf: String,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum LoginRefused {
    /// The form does not belong to the visit that its cookie names.
    Csrf,
    /// The user name or password is wrong. The visit and its form stay valid.
    Credentials(Visit),
}

impl Sessions {
    pub(super) fn new(password: String) -> Sessions {
        Sessions { password, api_token: random(), memory: Mutex::default() }
    }

    /// Returns the visit that `cookie` names, or a new one. A visit covers several forms, so a second tab does not
    /// invalidate the first.
    pub(super) fn visit(&self, cookie: Option<&str>) -> Visit {
        let mut memory = self.memory();
        if let Some(visit) = memory.find_visit(cookie) {
            return visit;
        }
        let visit = Visit { id: random(), csrf: random() };
        remember(&mut memory.visits, visit.clone());
        visit
    }

    /// Ends the visit that `cookie` names, and returns the ID of a new session.
    pub(super) fn log_in(&self, cookie: Option<&str>, form: &LoginForm) -> Result<String, LoginRefused> {
        let mut memory = self.memory();
        let visit =
            memory.find_visit(cookie).filter(|visit| visit.csrf == form.csrf).ok_or(LoginRefused::Csrf)?;
        if form.user != USER || form.password != self.password {
            return Err(LoginRefused::Credentials(visit));
        }
        memory.visits.retain(|other| other.id != visit.id);
        let session = random();
        remember(&mut memory.sessions, session.clone());
        Ok(session)
    }

    pub(super) fn is_live(&self, session: Option<&str>) -> bool {
        session.is_some_and(|session| self.memory().sessions.iter().any(|live| live == session))
    }

    /// Ends `session`, if it exists.
    pub(super) fn end(&self, session: Option<&str>) {
        self.memory().sessions.retain(|live| Some(live.as_str()) != session);
    }

    /// Returns the user's API token. It belongs to the account and not to the session: logging out does not revoke it,
    /// so clients can outlive a login.
    pub(super) fn api_token(&self) -> &str {
        &self.api_token
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // Every change takes a single step, so a panic leaves the data consistent.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LoginForm {
    pub(super) fn parse(body: &[u8]) -> LoginForm {
        let field = |name| request::field(body, name).unwrap_or_default();
        LoginForm { user: field("user"), password: field("password"), csrf: field("csrf") }
    }
}

#[derive(Default)]
struct Memory {
    visits: VecDeque<Visit>,
    sessions: VecDeque<String>,
}

impl Memory {
    fn find_visit(&self, cookie: Option<&str>) -> Option<Visit> {
        let id = cookie?;
        self.visits.iter().find(|visit| visit.id == id).cloned()
    }
}

/// Appends an entry. Bounded, because every visitor who requests the login form is remembered, logged in or not.
fn remember<T>(kept: &mut VecDeque<T>, new: T) {
    if kept.len() == MOST_REMEMBERED {
        kept.pop_front();
    }
    kept.push_back(new);
}

const MOST_REMEMBERED: usize = 1024;

fn random() -> String {
    Uuid::new_v4().simple().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_starts_a_session_and_ends_its_visit() {
        let sessions = Sessions::new("pw".to_owned());
        let visit = sessions.visit(None);
        let session = sessions.log_in(Some(&visit.id), &form(&visit, "pw")).expect("the form is right");
        assert!(sessions.is_live(Some(&session)));
        assert_eq!(sessions.log_in(Some(&visit.id), &form(&visit, "pw")), Err(LoginRefused::Csrf));

        sessions.end(Some(&session));
        assert!(!sessions.is_live(Some(&session)));
        assert!(!sessions.is_live(None));
    }

    #[test]
    fn a_wrong_password_keeps_the_visit() {
        let sessions = Sessions::new("pw".to_owned());
        let visit = sessions.visit(None);
        let refused = sessions.log_in(Some(&visit.id), &form(&visit, "wp"));
        assert_eq!(refused, Err(LoginRefused::Credentials(visit.clone())));
        assert_eq!(sessions.visit(Some(&visit.id)), visit);
    }

    #[test]
    fn a_form_of_another_visit_is_refused_before_its_password_is_looked_at() {
        let sessions = Sessions::new("pw".to_owned());
        let (mine, theirs) = (sessions.visit(None), sessions.visit(None));
        assert_eq!(sessions.log_in(Some(&mine.id), &form(&theirs, "pw")), Err(LoginRefused::Csrf));
        assert_eq!(sessions.log_in(None, &form(&mine, "pw")), Err(LoginRefused::Csrf));
        assert_eq!(sessions.log_in(Some(""), &LoginForm::default()), Err(LoginRefused::Csrf));
    }

    #[test]
    fn the_oldest_visit_is_forgotten_first() {
        let sessions = Sessions::new("pw".to_owned());
        let first = sessions.visit(None);
        for _ in 0..MOST_REMEMBERED {
            sessions.visit(None);
        }
        assert_ne!(sessions.visit(Some(&first.id)), first);
        assert_eq!(sessions.memory().visits.len(), MOST_REMEMBERED);
    }

    fn form(visit: &Visit, password: &str) -> LoginForm {
        LoginForm { user: USER.to_owned(), password: password.to_owned(), csrf: visit.csrf.clone() }
    }
}
