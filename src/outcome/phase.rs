//! The phases of an attempt.

/// A phase of an attempt. Reports break down its time by phase, and a cut names the current one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Nothing has been sent yet.
    Prepare,
    Dns,
    Connect,
    Tls,
    FirstByte,
    Body,
    Authenticate,
    /// The first statement of a database session is pending. Once the server responds, the time counts as query time.
    Begin,
    Query,
    Lock,
    /// A program was started, and has not ended yet.
    Run,
    /// Everything is there, and is held against what was expected. Where that is quick for certain it is no phase of its own.
    Judge,
    Ready,
    /// Between two attempts of a `retry` or `poll`.
    Wait,
    /// Between two attempts, once one has passed and more must pass in a row.
    Hold,
}

impl Phase {
    /// Returns its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Prepare => "prepare",
            Phase::Dns => "dns",
            Phase::Connect => "connect",
            Phase::Tls => "tls",
            Phase::FirstByte => "first byte",
            Phase::Body => "body",
            Phase::Authenticate => "authenticate",
            Phase::Begin => "begin",
            Phase::Query => "query",
            Phase::Lock => "lock",
            Phase::Run => "run",
            Phase::Judge => "judge",
            Phase::Ready => "ready",
            Phase::Wait => "wait",
            Phase::Hold => "hold",
        }
    }

    /// Returns the end of the message `no answer within 2s (check budget), …`.
    pub fn doing(self) -> &'static str {
        match self {
            Phase::Prepare => "before anything was sent",
            Phase::Dns => "while looking up the name (dns)",
            Phase::Connect => "while connecting (connect)",
            Phase::Tls => "during the TLS handshake (tls)",
            Phase::FirstByte => "while waiting for the first byte of the answer (first byte)",
            Phase::Body => "while reading the body (body)",
            Phase::Authenticate => "while logging in (authenticate)",
            Phase::Begin => {
                "while waiting for the first answer, or for a free connection of a pooler (begin)"
            }
            Phase::Query => "while the query ran (query)",
            Phase::Lock => "while the query waited for a lock (lock)",
            Phase::Run => "while the program ran (run)",
            Phase::Judge => "while judging the answer (judge)",
            Phase::Ready => "while waiting for it to be ready (ready)",
            Phase::Wait => "while waiting for the next attempt (wait)",
            Phase::Hold => "while waiting for the next attempt (hold)",
        }
    }
}
