//! The keys every check has, and the tables around the checks: `[suite]`, `[defaults]`, `[env.NAME]`.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use serde_json::{Value, json};
use toml::Spanned;
use toml::de::DeValue;

use super::error::Diagnostic;
use super::read::{FromTable, FromToml, Named, Reading, Table};
use super::schema::{Definitions, Schema};
use super::source::Place;
use super::table::{Rule, Written};
use super::vars::Variable;
use crate::check::Kind;
use crate::probe::http::RequestOptions;

/// `[suite]`, and what `[env.NAME]` says over it.
#[derive(Debug, Clone, Default)]
pub struct SuiteKeys {
    pub name: Option<String>,
    pub budget: Option<Duration>,
    pub concurrency: Option<NonZeroU32>,
    pub fail_fast: Option<bool>,
    pub grace: Option<Duration>,
}

impl SuiteKeys {
    /// What holds where neither the suite nor the command line says anything.
    pub const BUDGET: Duration = Duration::from_mins(1);
    pub const CONCURRENCY: NonZeroU32 = NonZeroU32::MIN.saturating_add(15);
    pub const FAIL_FAST: bool = true;
    pub const GRACE: Duration = Duration::from_secs(3);

    #[must_use]
    pub fn default_name() -> String {
        "smoke".to_owned()
    }
}

impl FromTable for SuiteKeys {
    const DEFINITION: &'static str = "suite";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        Some(SuiteKeys {
            name: table.overridable(
                "name",
                ("name of the suite in every report", r#"name = "shop""#),
                &Self::default_name(),
            ),
            budget: table.overridable(
                "budget",
                ("hard limit on the whole run, in wall-clock time", r#"budget = "2m""#),
                &Self::BUDGET,
            ),
            concurrency: table.overridable(
                "concurrency",
                ("maximum number of checks in flight at once", "concurrency = 4"),
                &Self::CONCURRENCY,
            ),
            fail_fast: table.overridable(
                "fail-fast",
                ("end the run at the first critical failure", "fail-fast = false"),
                &Self::FAIL_FAST,
            ),
            grace: table.overridable(
                "grace",
                (
                    "extra time after the budget, only for cleanup steps and for stopping booted processes",
                    r#"grace = "10s""#,
                ),
                &Self::GRACE,
            ),
        })
    }
}

impl SuiteKeys {
    /// These keys, and `other`'s where these say nothing.
    #[must_use]
    pub fn or(self, other: &SuiteKeys) -> SuiteKeys {
        SuiteKeys {
            name: self.name.or_else(|| other.name.clone()),
            budget: self.budget.or(other.budget),
            concurrency: self.concurrency.or(other.concurrency),
            fail_fast: self.fail_fast.or(other.fail_fast),
            grace: self.grace.or(other.grace),
        }
    }
}

/// `[env.NAME]`: variables and suite keys of one environment.
#[derive(Debug, Clone, Default)]
pub struct EnvironmentKeys {
    pub suite: SuiteKeys,
    pub vars: BTreeMap<String, Variable>,
}

impl FromTable for EnvironmentKeys {
    const DEFINITION: &'static str = "environment";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        Some(EnvironmentKeys {
            suite: table
                .optional("suite", ("overrides for keys of `[suite]`", r#"suite = { budget = "30s" }"#))
                .unwrap_or_default(),
            vars: table
                .optional(
                    "vars",
                    ("overrides for variables, and variables of its own", "vars = { port = 80 }"),
                )
                .unwrap_or_default(),
        })
    }
}

/// `[defaults]`: for every check that does not say otherwise.
#[derive(Debug, Clone, Default)]
pub struct Defaults {
    pub budget: Option<Duration>,
    pub retry: Option<Retry>,
    pub http: RequestOptions,
}

impl FromTable for Defaults {
    const DEFINITION: &'static str = "defaults";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        Some(Defaults {
            budget: table.optional(
                "budget",
                (
                    "budget of every check that sets none; by default, it depends on the kind",
                    r#"budget = "5s""#,
                ),
            ),
            retry: table
                .optional("retry", ("`retry` of every check that sets none", "retry = { attempts = 2 }")),
            http: table
                .optional(
                    "http",
                    (
                        "keys for every request, such as `headers`, `auth` and `tls`",
                        r#"http = { headers = { accept = "application/json" } }"#,
                    ),
                )
                .unwrap_or_default(),
        })
    }
}

impl Defaults {
    /// These defaults, and `other`'s where these say nothing.
    #[must_use]
    pub fn or(self, other: &Defaults) -> Defaults {
        Defaults {
            budget: self.budget.or(other.budget),
            retry: self.retry.or(other.retry),
            http: self.http.or(&other.http),
        }
    }
}

/// `retry = { attempts = 3, delay = "500ms" }`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    pub attempts: NonZeroU32,
    pub delay: Duration,
}

impl FromTable for Retry {
    const DEFINITION: &'static str = "retry";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        let attempts = table.required("attempts", ("total number of attempts", "attempts = 3"));
        let delay = table.optional_or(
            "delay",
            ("pause between two attempts", r#"delay = "2s""#),
            Duration::from_millis(500),
        );
        Some(Retry { attempts: attempts?, delay })
    }
}

/// `poll = { every = "1s", hold = 3 }`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Poll {
    pub every: Duration,
    pub hold: NonZeroU32,
}

impl FromTable for Poll {
    const DEFINITION: &'static str = "poll";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        let every = table.optional_or(
            "every",
            ("pause between two attempts", r#"every = "200ms""#),
            Duration::from_secs(1),
        );
        let hold =
            table.optional_or("hold", ("how many times in a row it must pass", "hold = 3"), NonZeroU32::MIN);
        Some(Poll { every, hold })
    }
}

/// How often something is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    Once,
    /// Until it passes, at most so often.
    Retry(Retry),
    /// Until it passes so often in a row, or the budget ends.
    Poll(Poll),
}

impl Repeat {
    /// Reads `retry` and `poll`.
    pub fn from_table(table: &mut Table<'_, '_, '_>, default: Option<Retry>) -> Option<Repeat> {
        let retry: Option<Retry> = table.optional("retry", ("try again after a failure, within the budget; passing after a failed attempt is reported as flaky", "retry = { attempts = 3 }"));
        let poll: Option<Poll> = table.optional(
            "poll",
            (
                "repeat until it passes `hold` times in a row or the budget ends; not together with `retry`",
                "poll = { hold = 3 }",
            ),
        );
        table.obeys(Rule::AtMostOne(&["retry", "poll"]));
        match (retry, poll) {
            (Some(_), Some(_)) => {
                table.reject("retry", "`poll` already repeats: give `retry` or `poll`, not both")
            }
            (None, Some(poll)) => Some(Repeat::Poll(poll)),
            (retry, None) => Some(match retry.or(default) {
                Some(retry) if retry.attempts.get() > 1 => Repeat::Retry(retry),
                Some(_) | None => Repeat::Once,
            }),
        }
    }
}

/// What a failed check does to the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Severity {
    #[default]
    Critical,
    /// Reported; never turns the run red, never stops it.
    Warn,
}

impl FromToml for Severity {
    fn from_toml(value: &Spanned<DeValue<'_>>, reading: &mut Reading<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::String(text) if text == "critical" => Some(Severity::Critical),
            DeValue::String(text) if text == "warn" => Some(Severity::Warn),
            _ => reading.expected(value, "\"critical\" or \"warn\""),
        }
    }

    fn schema(_: &mut Definitions<'_>) -> Schema {
        json!({ "enum": [Severity::Critical.written(), Severity::Warn.written()] })
    }
}

impl Written for Severity {
    fn written(&self) -> Value {
        Value::from(match self {
            Severity::Critical => "critical",
            Severity::Warn => "warn",
        })
    }
}

/// The name of a check or a step, as every report has it: something, and in one line.
pub struct Title(pub Named);

impl FromToml for Title {
    fn from_toml(value: &Spanned<DeValue<'_>>, reading: &mut Reading<'_>) -> Option<Self> {
        let named = Named::from_toml(value, reading)?;
        if named.name.trim().is_empty() {
            let mistake = Diagnostic::new(named.place, "a name must not be empty");
            return reading.reject(mistake.hint("reports, and those who read them, go by it"));
        }
        if named.name.contains(['\n', '\r']) {
            let mistake = Diagnostic::new(named.place, "a name must not have a line break in it");
            return reading.reject(mistake.hint("write it in one line, as reports show it"));
        }
        Some(Title(named))
    }

    fn schema(_: &mut Definitions<'_>) -> Schema {
        json!({ "type": "string", "pattern": "^[^\\n\\r]*\\S[^\\n\\r]*$" })
    }
}

/// Why a check is skipped, for those who read that it is.
struct Excuse(String);

impl FromToml for Excuse {
    fn from_toml(value: &Spanned<DeValue<'_>>, reading: &mut Reading<'_>) -> Option<Self> {
        let Named { name, place } = Named::from_toml(value, reading)?;
        match name.trim().is_empty() {
            true => reading.reject(
                Diagnostic::new(place, "`skip` gives no reason")
                    .hint("say why it is skipped, for the reports; to run it, take `skip` out"),
            ),
            false => Some(Excuse(name)),
        }
    }

    fn schema(_: &mut Definitions<'_>) -> Schema {
        json!({ "type": "string", "pattern": "\\S" })
    }
}

/// The keys every check has.
#[derive(Debug, Clone)]
pub struct CheckKeys {
    pub name: Named,
    pub budget: Option<(Duration, Place)>,
    /// What `[defaults]` says where the check does not.
    pub default_budget: Option<Duration>,
    pub tags: Vec<String>,
    pub needs: Vec<Named>,
    pub gate: Option<bool>,
    pub severity: Severity,
    pub repeat: Repeat,
    pub envs: Option<Vec<Named>>,
    pub skip: Option<String>,
}

impl CheckKeys {
    pub fn from_table(table: &mut Table<'_, '_, '_>, kind: &Kind) -> Option<CheckKeys> {
        let Defaults { retry: default_retry, budget: default_budget, .. } = table.reading.defaults;
        let name = table.required(
            "name",
            ("unique name; reports and `--only` identify checks by it", r#"name = "shop is healthy""#),
        );
        let name = name.map(|Title(named)| named);
        let budget = table.overridable(
            "budget",
            (
                "hard limit on the whole check: every attempt, step, DNS lookup, handshake and body byte",
                r#"budget = "2m""#,
            ),
            &kind.budget,
        );
        let budget = budget.map(|budget| (budget, table.key_place("budget")));
        let tags = table
            .optional("tags", ("labels for `--tag` and `--skip-tag`", r#"tags = ["payments"]"#))
            .unwrap_or_default();
        let needs = table.optional("needs", ("checks that must pass first; if one does not, this check is skipped and the report says why", r#"needs = ["shop starts"]"#)).unwrap_or_default();
        let gate = table.overridable(
            "gate",
            ("make every check that is not itself a gate need this one", "gate = true"),
            &kind.gate,
        );
        let severity = table.optional_or(
            "severity",
            (r#"`"warn"` reports a failure without failing or stopping the run"#, r#"severity = "warn""#),
            Severity::default(),
        );
        let repeat = Repeat::from_table(table, default_retry);
        let envs: Option<Vec<Named>> =
            table.optional("envs", ("run only in these environments (`--env`)", r#"envs = ["staging"]"#));
        if envs.as_ref().is_some_and(Vec::is_empty) {
            let mistake =
                Diagnostic::new(table.key_place("envs"), "with no environment the check would never run");
            let hint = "name one, leave `envs` out for all of them, or say why with `skip = \"…\"`";
            let _: Option<()> = table.reading.reject(mistake.hint(hint));
        }
        table.obeys(Rule::Filled("envs"));
        let skip = table.optional(
            "skip",
            ("reason to skip the check; it is listed and reported as skipped", r#"skip = "being rebuilt""#),
        );
        let skip = skip.map(|Excuse(reason)| reason);
        Some(CheckKeys {
            name: name?,
            budget,
            default_budget,
            tags,
            needs,
            gate,
            severity,
            repeat: repeat?,
            envs,
            skip,
        })
    }
}
