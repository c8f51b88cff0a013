//! Expectations on a program that has ended.

use std::time::Duration;

use serde_json::Value;

use super::answer::{Answer, Expectation, Unjudgeable};
use super::connection::too_slow;
use super::evaluate::{Found, Subject, judge};
use super::figures::WantedFigures;
use super::json_path::{Path, json_values};
use super::matcher::{ByName, Matcher, assert_something};
use super::operand::{Amount, TextMatcher};
use super::wanted::Wanted;
use crate::attempt::cost::{self, Cost};
use crate::language::placed::Placed;
use crate::language::read::{FromTable, Table};
use crate::language::source::Place;
use crate::language::template::Template;
use crate::language::variables::Variables;
use crate::outcome::{Failure, Log, Mismatch, PluginLevel};
use crate::probe::program::ProgramResult;
use crate::probe::rows::QueryResult;
use crate::process::{End, Stream};
use crate::secret::{Message, message};

/// The limits on the output shown with a mismatch: lines, and bytes of them.
const SHOWN_LINES: usize = 20;
const SHOWN_BYTES: usize = 2_000;

/// `expect` of a command, or of a step that runs a program.
#[derive(Debug, Clone, Default)]
pub struct ProgramExpectation {
    exit: Option<Placed<Matcher>>,
    stdout: Option<Placed<Matcher>>,
    stderr: Option<Placed<Matcher>>,
    json: Vec<(Path, Matcher)>,
    within: Option<Placed<Duration>>,
    exits: Exits,
}

/// The meaning of an exit code if `exit` is not given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Exits {
    /// 0 is a success, and anything else is a failure.
    #[default]
    AsPrograms,
    /// The monitoring-plugins convention.
    AsPlugins,
}

impl FromTable for ProgramExpectation {
    const DEFINITION: &'static str = "program-expectation";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        let asserts = assert_something(table);
        let exit: Option<Placed<Amount>> = table.placed(
            "exit",
            ("the exit code; by default 0; one that a signal ended has none", "exit = { one-of = [0, 2] }"),
        );
        let stdout: Option<Placed<TextMatcher>> = table.placed(
            "stdout",
            (
                "what it prints to stdout, without the line breaks at the end",
                r#"stdout = { contains = "ok" }"#,
            ),
        );
        let stderr: Option<Placed<TextMatcher>> =
            table.placed("stderr", ("the same of stderr", r#"stderr = """#));
        let json = table.optional(
            "json",
            ("values that a JSONPath (RFC 9535) finds in stdout, by path", r#"json = { "$.pending" = 0 }"#),
        );
        let within = table.placed("within", ("longest time that the program may take", r#"within = "2s""#));
        asserts?;
        Some(ProgramExpectation {
            exit: exit.map(|exit| exit.map(|Amount(matcher)| matcher)),
            stdout: stdout.map(|stdout| stdout.map(Matcher::from)),
            stderr: stderr.map(|stderr| stderr.map(Matcher::from)),
            json: json.map(|ByName(matchers)| matchers).unwrap_or_default(),
            within,
            exits: Exits::AsPrograms,
        })
    }
}

impl ProgramExpectation {
    /// Turns the expectation into that of a monitoring plugin.
    pub fn of_a_plugin(self) -> ProgramExpectation {
        ProgramExpectation { exits: Exits::AsPlugins, ..self }
    }

    /// Returns the place of the expected exit code, if any.
    pub fn exit_place(&self) -> Option<Place> {
        self.exit.as_ref().map(|exit| exit.place)
    }

    /// Returns the streams that the expectation reads.
    pub fn streams(&self) -> Vec<Stream> {
        let stdout = self.stdout.is_some() || !self.json.is_empty();
        let streams = [(Stream::Stdout, stdout), (Stream::Stderr, self.stderr.is_some())];
        streams.into_iter().filter(|(_, is_read)| *is_read).map(|(stream, _)| stream).collect()
    }

    fn matchers(&self) -> impl Iterator<Item = &Matcher> {
        let single = self.exit.iter().chain(&self.stdout).chain(&self.stderr).map(|expected| &expected.value);
        single.chain(self.json.iter().map(|(_, matcher)| matcher))
    }
}

impl Expectation<ProgramResult> for ProgramExpectation {
    fn templates(&self) -> Vec<&Template> {
        let paths = self.json.iter().map(|(path, _)| path.template());
        paths.chain(self.matchers().flat_map(Matcher::templates)).collect()
    }

    fn cost(&self) -> Cost {
        let paths = self.json.iter().map(|(path, _)| cost::of_path(&path.written()));
        paths.chain(self.matchers().map(Matcher::cost)).sum()
    }

    fn own_verdict(&self, answer: &ProgramResult) -> Option<Failure> {
        match self.exits {
            Exits::AsPrograms => None,
            Exits::AsPlugins => plugin_verdict(answer),
        }
    }

    fn judge_first(
        &self,
        answer: &ProgramResult,
        scope: &Variables,
    ) -> Result<Option<Mismatch>, Unjudgeable> {
        let what = || message!("exit code");
        let mismatch = match (&self.exit, self.exits) {
            (None, Exits::AsPlugins) => None,
            (None, Exits::AsPrograms) => (answer.end != End::Exit(0)).then(|| Mismatch {
                what: what(),
                expected: message!("0"),
                actual: Message::new(),
                place: None,
            }),
            (Some(Placed { place, value: matcher }), _) => {
                let code = match answer.end {
                    End::Exit(code) => Some(Value::from(code)),
                    End::Signal(_) | End::Unknown(_) => None,
                };
                let found = Found { values: code.iter().collect(), surroundings: Message::new() };
                let subject = Subject { what: what(), place: *place };
                judge(&subject, matcher, &found, scope)?.into_iter().next()
            }
        };
        Ok(mismatch.map(|mismatch| Mismatch { actual: ended(answer), ..mismatch }))
    }

    fn judge(&self, answer: &ProgramResult, scope: &Variables) -> Result<Vec<Mismatch>, Unjudgeable> {
        let mut unmet = Vec::new();
        // A template may have inserted a secret into the path.
        let subject = |what: &'static str, sought: &str, place: Place| Subject {
            what: Message::new().words(what).data(sought),
            place,
        };
        let streams =
            [(Stream::Stdout, &self.stdout, &answer.stdout), (Stream::Stderr, &self.stderr, &answer.stderr)];
        for (stream, expected, text) in streams {
            if let Some(Placed { place, value: matcher }) = expected {
                let subject = subject(stream.name(), "", *place);
                unmet.extend(judge(&subject, matcher, &Found::one(&Value::from(text.as_str())), scope)?);
            }
        }
        for (path, matcher) in &self.json {
            let query = path.query(scope)?;
            let subject = subject("json ", &query.text, path.place);
            match json_values(answer.json(), ("stdout", &answer.stdout), &query, path.place) {
                Ok(found) => unmet.extend(judge(&subject, matcher, &found, scope)?),
                Err(mismatch) => {
                    unmet.push(mismatch);
                    break;
                }
            }
        }
        unmet.extend(too_slow(self.within.as_ref(), answer.took));
        Ok(unmet)
    }
}

/// Describes how a program ended, and why if its output says so.
fn ended(answer: &ProgramResult) -> Message {
    match &answer.end {
        // A successful program has nothing to explain, and one that a signal ended did not say why.
        End::Exit(0) => message!("0"),
        End::Exit(code) => {
            let code = Message::new().words(code.to_string());
            match answer.log().as_ref().and_then(Log::why_it_ended) {
                Some(said) => code.words("; it said: ").data(said),
                None => code,
            }
        }
        End::Signal(_) | End::Unknown(_) => Message::new().words(answer.end.to_string()),
    }
}

/// Returns the verdict of a plugin. The first line of its output is for people, up to the performance data after a bar.
/// Source: Monitoring Plugins Development Guidelines.
fn plugin_verdict(answer: &ProgramResult) -> Option<Failure> {
    let (level, ended) = match answer.end {
        End::Exit(0) => return None,
        End::Exit(1) => (PluginLevel::Warning, None),
        End::Exit(2) => (PluginLevel::Critical, None),
        End::Exit(3) => (PluginLevel::Unknown, None),
        End::Exit(_) => (PluginLevel::Unknown, Some(format!("{}, and a plugin has 0 to 3", answer.end))),
        End::Signal(_) | End::Unknown(_) => (PluginLevel::Unknown, Some(answer.end.to_string())),
    };
    let line = answer.stdout.lines().next().unwrap_or_default();
    let line = line.split('|').next().unwrap_or_default().trim();
    let log = answer.log();
    let said = match line {
        "" => log.as_ref().and_then(Log::why_it_ended),
        line => Some(line.to_owned()),
    };
    let says = match (ended, said) {
        (None, Some(said)) => message!("{}", said),
        (Some(ended), Some(said)) => Message::new().words(ended).words("; it said: ").data(said),
        (Some(ended), None) => Message::new().words(ended).words("; it printed nothing"),
        (None, None) => Message::new().words(format!("{}; it printed nothing", answer.end)),
    };
    Some(Failure::Plugin { level, says, log: log.filter(Log::has_several_lines) })
}

impl Answer for ProgramResult {
    fn size(&self) -> usize {
        ProgramResult::size(self)
    }

    fn describe(&self) -> Option<Message> {
        let end = Message::new().words(self.end.to_string());
        Some(match self.log() {
            None => end.words("; it printed nothing"),
            Some(log) => {
                let shown = log.shortened(SHOWN_LINES, SHOWN_BYTES).to_string();
                let length = shown.len();
                end.words("; it printed:\n").excerpt(shown, length)
            }
        })
    }

    fn trace(&self) -> Message {
        self.describe().unwrap_or_default()
    }

    fn take(&self, name: &str, wanted: &Wanted) -> Result<Value, Mismatch> {
        wanted.take_from_program(name, self)
    }

    fn figures(&self, wanted: &WantedFigures) -> Result<QueryResult, Mismatch> {
        wanted.take_from_program(self)
    }
}
