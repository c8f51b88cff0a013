//! Records where an attempt's time goes: its phases, when each began, and what was observed on the way.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::certificate::PeerCertificate;
use crate::event::Trail;
use crate::outcome::{Certificate, Phase};
use crate::secret::{Message, Redacted, Redactor, message};

tokio::task_local! {
    /// Why: the HTTP library's connector, resolver and certificate verifier are shared by all requests and do not know
    /// which one they serve. But they run inside its task.
    static CURRENT: Arc<Timeline>;
}

/// The phases of one attempt or step.
#[derive(Debug)]
pub struct Timeline {
    state: Mutex<State>,
}

#[derive(Debug, Clone)]
struct State {
    began: Instant,
    marks: Vec<(Phase, Instant)>,
    ended: Option<Instant>,
    address: Option<String>,
    unreachable: Vec<Message>,
    warnings: Vec<Message>,
    certificate: Option<PeerCertificate>,
    stopped_at_redirect: bool,
    /// Whether the server requested a client certificate.
    asked_for_certificate: bool,
    /// Whether the server issued a session ticket, which it does only after accepting this session.
    has_ticket: bool,
}

impl Default for Timeline {
    fn default() -> Self {
        let began = Instant::now();
        let state = State {
            began,
            marks: Vec::new(),
            ended: None,
            address: None,
            unreachable: Vec::new(),
            warnings: Vec::new(),
            certificate: None,
            stopped_at_redirect: false,
            asked_for_certificate: false,
            has_ticket: false,
        };
        Timeline { state: Mutex::new(state) }
    }
}

impl Timeline {
    pub fn start() -> Arc<Timeline> {
        Arc::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a phase, and ends the one before it.
    pub fn enter(&self, phase: Phase) {
        let mut state = self.state();
        match (phase, state.marks.last_mut()) {
            // Connecting starts with name resolution, so the time so far belongs to DNS.
            (Phase::Dns, Some((current @ Phase::Connect, _))) => *current = Phase::Dns,
            // The first response has arrived, so the time so far belongs to the query.
            (Phase::Query | Phase::Lock, Some((current @ Phase::Begin, _))) => *current = Phase::Query,
            _ => {}
        }
        if state.marks.last().is_none_or(|(current, _)| *current != phase) {
            state.marks.push((phase, Instant::now()));
            state.ended = None;
        }
    }

    /// Ends the last phase.
    pub fn end(&self) {
        self.state().ended.get_or_insert_with(Instant::now);
    }

    /// Returns the current phase.
    pub fn phase(&self) -> Phase {
        self.state().marks.last().map_or(Phase::Prepare, |(phase, _)| *phase)
    }

    pub fn set_address(&self, address: &impl ToString) {
        self.state().address = Some(address.to_string());
    }

    /// Returns the address of the server.
    pub fn address(&self) -> Option<String> {
        self.state().address.clone()
    }

    /// Records an address that cannot be reached from this machine.
    pub fn set_unreachable(&self, address: Message) {
        self.state().unreachable.push(address);
    }

    /// Something was found that people should know, whatever the verdict.
    pub fn warn(&self, warning: Message) {
        self.state().warnings.push(warning);
    }

    /// What was done on the side, with a timeline of its own, is part of this one.
    pub fn take_over(&self, other: &Timeline) {
        let State { marks, ended, address, certificate, stopped_at_redirect, .. } = other.state().clone();
        let mut state = self.state();
        state.marks.extend(marks);
        (state.ended, state.address, state.certificate) = (ended, address, certificate);
        state.stopped_at_redirect = stopped_at_redirect;
    }

    pub fn set_certificate(&self, certificate: PeerCertificate) {
        self.state().certificate = Some(certificate);
    }

    /// Returns the certificate that the server presented, whether or not it was accepted.
    pub fn certificate(&self) -> Option<PeerCertificate> {
        self.state().certificate.clone()
    }

    /// Returns the attempt as reports show it. Redacts addresses, because a template may have put a secret into one.
    pub fn trail(&self, redactor: &Redactor) -> Trail {
        let certificate = self.certificate().map(|PeerCertificate { subject, issuer, not_after, .. }| {
            let (subject, issuer) = (message!("{}", subject), message!("{}", issuer));
            redactor.redact(Certificate { subject, issuer, expires: not_after })
        });
        let State { unreachable, warnings, .. } = self.state().clone();
        let redacted = |messages: Vec<Message>| -> Vec<Redacted<Message>> {
            messages.into_iter().map(|message| redactor.redact(message)).collect()
        };
        let (unreachable, warnings) = (redacted(unreachable), redacted(warnings));
        Trail {
            phases: self.phases(),
            address: self.address().map(|address| redactor.redact(message!("{}", address))),
            unreachable,
            warnings,
            certificate,
            ..Trail::default()
        }
    }

    /// Records that a redirect was not followed although the suite asks for it.
    pub fn stop_at_redirect(&self) {
        self.state().stopped_at_redirect = true;
    }

    /// Whether a redirect was not followed. A command that reproduces the request must not follow it either.
    pub fn has_stopped_at_redirect(&self) -> bool {
        self.state().stopped_at_redirect
    }

    /// Whether the server requested a client certificate.
    pub fn was_asked_for_certificate(&self) -> bool {
        self.state().asked_for_certificate
    }

    /// Whether the server issued a session ticket.
    pub fn has_ticket(&self) -> bool {
        self.state().has_ticket
    }

    /// Returns the time since the timeline began.
    pub fn elapsed(&self) -> Duration {
        let state = self.state();
        state.ended.unwrap_or_else(Instant::now).duration_since(state.began)
    }

    /// Returns the time spent in each phase, in order of first occurrence.
    pub fn phases(&self) -> Vec<(Phase, Duration)> {
        let state = self.state();
        let end = state.ended.unwrap_or_else(Instant::now);
        let mut spent: Vec<(Phase, Duration)> = Vec::new();
        for (index, (phase, began)) in state.marks.iter().enumerate() {
            let until = state.marks.get(index + 1).map_or(end, |(_, next)| *next);
            let span = until.saturating_duration_since(*began);
            match spent.iter_mut().find(|(known, _)| known == phase) {
                Some((_, total)) => *total += span,
                None => spent.push((*phase, span)),
            }
        }
        spent
    }

    /// Runs `future` with this timeline as the target of [`mark`].
    pub async fn observe<F: Future>(self: Arc<Self>, future: F) -> F::Output {
        CURRENT.scope(self, future).await
    }
}

/// Starts a phase in the current attempt.
pub fn mark(phase: Phase) {
    let _ = CURRENT.try_with(|timeline| timeline.enter(phase));
}

/// Records the certificate that the server of the current attempt presented.
pub fn saw_certificate(certificate: PeerCertificate) {
    let _ = CURRENT.try_with(|timeline| timeline.set_certificate(certificate));
}

/// Records the address of the server of the current attempt.
pub fn saw_address(address: &impl ToString) {
    let _ = CURRENT.try_with(|timeline| timeline.set_address(address));
}

/// Returns the certificate that the server of the current attempt presented.
pub fn certificate() -> Option<PeerCertificate> {
    CURRENT.try_with(|timeline| timeline.certificate()).ok().flatten()
}

/// Records that the server of the current attempt requests a client certificate.
pub fn asks_for_certificate() {
    let _ = CURRENT.try_with(|timeline| timeline.state().asked_for_certificate = true);
}

/// Records that the server of the current attempt issued a session ticket.
pub fn saw_ticket() {
    let _ = CURRENT.try_with(|timeline| timeline.state().has_ticket = true);
}
